// What the reconciler is given from outside besides the kernel's netlink and sysctl doors: nftables, packet steering, a log.
// Owns the interfaces only.

/** nftables by its JSON schema (libnftables-json(5)). */
export interface Nft {
  /** Runs all commands as one transaction: all of it happens or nothing. @throws ReconcilerError `nft` */
  apply(ruleset: object): Promise<void>;
  /** @param table family and name: `inet hostpe`. @returns `{nftables: […]}`; undefined where there is no such table. */
  list(table: string): Promise<object | undefined>;
}

/**
 * Calls the listener when nftables tables of this name, or what is in them but for elements, were deleted, by us or by others; and with a reason when
 * this may have been missed.
 * @returns what ends it
 */
export type WatchNft = (table: string, listener: (missed?: string) => void) => () => void;

/** Receive packet steering of an interface. It makes the kernel hash each packet, from which MPLS-in-UDP takes its source port. */
export interface PacketSteering {
  /** Turns steering on in every receive queue where it is off. @returns whether something was changed. */
  enable(interface_: string): Promise<boolean>;
}

/** What pino offers, as far as it is used. */
export interface Log {
  debug(facts: object, message: string): void;
  info(facts: object, message: string): void;
  warn(facts: object, message: string): void;
  error(facts: object, message: string): void;
}
