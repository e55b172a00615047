// Datagram sockets: unicast, broadcast, multicast.
// Decides what a socket can be asked; never what a datagram means. Addresses are literal IPs: a name would cost
// a resolver thread a packet (research: deno-platform 1.3).

import type { HanaError } from "../base/mod.ts";

/**
 * An IP address in text and a port. A link-local IPv6 address names its zone, an interface by name or index
 * (`fe80::1%eth0`, `fe80::1%3`): no system can use it otherwise.
 */
export interface IpEndpoint {
  readonly host: string;
  readonly port: number;
}

/** How to bind a socket. */
export interface DatagramOptions {
  /**
   * The local address. `0.0.0.0` takes all of IPv4. With a zone the socket belongs to that interface alone:
   * `fe80::1%eth0` sends and hears there, `ff12::1%eth0` hears the group there and nothing else, and senders that
   * are link-local are told with the zone. Without one they come bare, and nobody can say from which link.
   * A zone at any other address (`fd00::1%eth0`) tells senders apart and binds to nothing.
   */
  readonly host: string;
  /** The local port; 0 lets the machine choose. */
  readonly port: number;
  /** Share the port with other processes; all of them must ask for it. Unicast then reaches only one of them. */
  readonly shared?: boolean;
  /**
   * The address of the interface by which multicast and broadcast leave, for IPv6 a link-local one with its zone.
   * Implies that `host` is this address.
   */
  readonly egress?: string;
  /** Hops that an IPv4 multicast datagram may travel; 1 (the default) stays on the link. IPv6 always stays there. */
  readonly multicastTtl?: number;
}

/** What a socket tells its owner. */
export interface DatagramHandlers {
  /** A datagram came. `bytes` is valid during the call only. */
  onDatagram(bytes: Uint8Array, from: IpEndpoint): void;
  /** Sending, receiving or joining failed; the socket goes on and has counted it. Repeats come once a second. */
  onError(error: HanaError): void;
}

/** Counters of one socket since it was bound. */
export interface DatagramStats {
  readonly sent: number;
  readonly received: number;
  readonly sendErrors: number;
  readonly receiveErrors: number;
}

/** A bound socket. */
export interface DatagramSocket {
  /** Where it is bound. The port may read 0 for one turn of the event loop where the system binds late. */
  readonly local: IpEndpoint;
  readonly stats: DatagramStats;
  /** Sends at once or drops and counts; never throws, never queues. The bytes may be reused afterwards. */
  send(bytes: Uint8Array, to: IpEndpoint): void;
  /**
   * Joins a group on the interface that has this address; joining twice is harmless, and needed after an interface
   * was removed and made again. Throws `network-unusable` when no interface has the address; a refusal of the
   * system comes by `onError`, since systems answer later.
   */
  join(group: string, interfaceAddress: string): void;
  /** Leaves a group; harmless when not joined. */
  leave(group: string, interfaceAddress: string): void;
  /** Closes; no handler runs afterwards. */
  close(): void;
}

/** Opens sockets. */
export interface Datagrams {
  /** Binds a socket. Throws `address-in-use` or `network-unusable`. Multicast it sends is heard on this machine too. */
  bind(options: DatagramOptions, handlers: DatagramHandlers): DatagramSocket;
}
