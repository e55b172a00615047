// The network interfaces of a machine. Systems send no event when they change, so owners ask again every few seconds.

/** IP version. */
export type IpFamily = "ipv4" | "ipv6";

/** One address of one interface. */
export interface NetworkInterface {
  readonly name: string;
  readonly family: IpFamily;
  readonly address: string;
  /** Length of the network part in bits. */
  readonly prefix: number;
  /** Hardware address, `00:00:00:00:00:00` where there is none. */
  readonly mac: string;
  readonly loopback: boolean;
  /** IPv4: the broadcast address of the subnet, else null. */
  readonly broadcast: string | null;
  /** IPv6: the scope that a link-local address needs, else null. */
  readonly scopeId: number | null;
}

/** Lists interfaces. */
export interface NetworkInterfaces {
  /** All addresses of all interfaces, in a stable order. Cheap (tens of microseconds). */
  list(): NetworkInterface[];
}
