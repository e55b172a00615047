// What every datagram socket of the real machine counts.

import type { DatagramStats } from "../mod.ts";

/** Counters of a socket on the real machine. Each drop is also in `sendErrors` or `receiveErrors`. */
export class DenoDatagramStats implements DatagramStats {
  sent = 0;
  received = 0;
  sendErrors = 0;
  receiveErrors = 0;
  /** Sends dropped because too many were on their way or the socket was not bound yet. */
  sendDrops = 0;
  /** Datagrams dropped because they were longer than `MAX_DATAGRAM_BYTES`. */
  oversize = 0;
}
