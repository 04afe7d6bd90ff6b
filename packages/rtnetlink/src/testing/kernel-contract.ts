// The contract of the kernel: what the reconciler relies on, as one suite of tests that the fake kernel and the real one both
// have to pass. Where they differ the real kernel is right.
import { describe } from 'vitest';
import { addressCases, neighbourCases } from './contract/addresses.ts';
import { doorCases } from './contract/door.ts';
import { firstVrfCase, forwardingCases } from './contract/forwarding.ts';
import { linkCases } from './contract/links.ts';
import { nexthopCases } from './contract/nexthops.ts';
import { labelCases, routeCases } from './contract/routes.ts';
import type { OpenKernel } from './contract/scene.ts';
import { casesOn } from './contract/scene.ts';

/**
 * Declares the suite; to be called in a test file.
 * @param options.open gives a case a network namespace with `lo` up, new or as good as new; the case closes it. The first one must be new.
 */
export function kernelContract({ open }: { readonly open: OpenKernel }): void {
  const test = casesOn(open);
  describe('the first VRF', () => firstVrfCase(test));
  describe('links', () => linkCases(test));
  describe('addresses', () => addressCases(test));
  describe('neighbours', () => neighbourCases(test));
  describe('nexthops', () => nexthopCases(test));
  describe('routes', () => routeCases(test));
  describe('label routes', () => labelCases(test));
  describe('rules, traffic control, ports and sysctls', () => forwardingCases(test));
  describe('the door', () => doorCases(test));
}
