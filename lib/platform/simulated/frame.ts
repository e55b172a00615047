// A datagram on its way through a simulated network: what it is and how it breaks.
// Never decides whether it does, nor who gets it (datagrams.ts).

import type { IpEndpoint } from "../mod.ts";
import { digestBytes } from "./event_log.ts";

/** A datagram under way. */
export interface Frame {
  readonly bytes: Uint8Array;
  readonly digest: number;
  readonly from: IpEndpoint;
  readonly fromHost: string;
  readonly toHost: string;
  readonly toPort: number;
  readonly group: boolean;
  /** Whether it goes to a multicast group, and not to everybody. */
  readonly multicast: boolean;
}

/** The frame as it arrives with one bit of what it carries flipped. */
export function flipBit(frame: Frame, bit: number): Frame {
  if (frame.bytes.length === 0) return frame;
  const bytes = frame.bytes.slice();
  const at = bit % (bytes.length * 8);
  bytes[at >> 3] = (bytes[at >> 3] ?? 0) ^ (1 << (at & 7));
  return { ...frame, bytes, digest: digestBytes(bytes) };
}
