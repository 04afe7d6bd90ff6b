// Address families between names and numbers (IANA AFI and SAFI).
import type { Family, OtherFamily } from '../messages.ts';

const numbers: Readonly<Record<Family, OtherFamily>> = {
  vpnv4: { afi: 1, safi: 128 },
  vpnv6: { afi: 2, safi: 128 },
  rtc: { afi: 1, safi: 132 },
};

export const ipv4Unicast: OtherFamily = { afi: 1, safi: 1 };

export function familyFromNumbers(afi: number, safi: number): Family | OtherFamily {
  if (safi === 128 && afi === 1) return 'vpnv4';
  if (safi === 128 && afi === 2) return 'vpnv6';
  if (safi === 132 && afi === 1) return 'rtc';
  return { afi, safi };
}

export function familyNumbers(family: Family | OtherFamily): OtherFamily {
  return typeof family === 'string' ? numbers[family] : family;
}

export function familyText(family: Family | OtherFamily): string {
  return typeof family === 'string' ? family : `AFI ${family.afi} SAFI ${family.safi}`;
}
