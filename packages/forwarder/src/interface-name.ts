// What may be the name of an attachment's interface or of a VRF device. Pure.

/** Names that mean something else in the kernel's sysctl tree, the loopback, and our own tunnel devices. */
const reserved: ReadonlySet<string> = new Set([
  'all',
  'default',
  'lo',
  'hostpe-gre',
  'hostpe-udp',
  'hostpe-fou',
]);

/** IFNAMSIZ less its NUL. */
const longestName = 15;

/**
 * What dev_valid_name of the kernel and nftables both take for a name and nothing else: nft reads `@` and `*` as sets and wildcards.
 * @returns what is wrong with the name, to follow it.
 */
export function interfaceNameProblem(name: string): string | undefined {
  if (name === '') return 'is empty';
  if (Buffer.byteLength(name) > longestName) return `is longer than ${longestName} bytes`;
  if (name === '.' || name === '..') return 'is not an interface name';
  if (reserved.has(name)) return 'is reserved';
  const character = /[^A-Za-z0-9_.-]/u.exec(name)?.[0];
  if (character !== undefined)
    return `holds ${JSON.stringify(character)}: use letters, digits, "_", "." and "-"`;
  return undefined;
}
