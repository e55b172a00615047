// What an endpoint counts: traffic, and everything that it drops, by reason.
// Decides the names; counters only grow.

/** Why a datagram was dropped, in the order in which it is asked. */
export type UdpDrop =
  | "too-long" // more than a datagram of hana has
  | "unknown-form" // no form of this version, or broken before anything can be checked
  | "unknown-index" // a data packet for a path that is not there
  | "rate-limited" // its source sent too many that were worth nothing
  | "replayed" // a packet that came before, or too late to know; a handshake that came before
  | "forged" // altered, or made by somebody without the key
  | "bad-version" // a handshake of another version or suite
  | "stranger" // a handshake under keys that we do not hold
  | "weak-key" // an ephemeral key of low order
  | "bad-hello" // an authentic handshake whose content cannot be read
  | "crossed" // a handshake whose sender will answer ours instead
  | "no-dial" // an answer to nothing that we asked
  | "table-full"; // no room for another path

/** Every reason. */
export const UDP_DROPS: readonly UdpDrop[] = [
  "too-long",
  "unknown-form",
  "unknown-index",
  "rate-limited",
  "replayed",
  "forged",
  "bad-version",
  "stranger",
  "weak-key",
  "bad-hello",
  "crossed",
  "no-dial",
  "table-full",
];

/** Counters of one endpoint. */
export class UdpCounters {
  sentDatagrams = 0;
  sentBytes = 0;
  receivedDatagrams = 0;
  receivedBytes = 0;
  /** Handshakes: asked, answered (repeats included), cookies demanded, finished either way. */
  initsSent = 0;
  responsesSent = 0;
  cookiesSent = 0;
  handshakesFinished = 0;
  /** Answered handshakes that nobody confirmed in time, and those that gave way to newer ones. */
  halfOpenExpired = 0;
  halfOpenEvicted = 0;
  /** Sends that were not made: nobody proved the address yet, its allowance is used up, or nobody is known there. */
  heldBack = 0;
  /** Datagrams that were dropped. */
  readonly dropped: Record<UdpDrop, number>;

  constructor() {
    this.dropped = Object.fromEntries(UDP_DROPS.map((reason) => [reason, 0])) as Record<UdpDrop, number>;
  }
}
