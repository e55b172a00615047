// Whether a message goes into the packet at hand whole, waits for the next one, or is cut.
// Decides by room alone; never which message goes.

import type { PacketWriter } from "../wire/mod.ts";

/** What to do with a message. */
export const Fit = { whole: 0, wait: 1, cut: 2 } as const;

/** No piece is begun in less room than this, unless it is the last one: heads would outweigh it. */
export const MIN_PIECE_ROOM = 128;
/** What other frames may need in a packet that a message should have for its own: an acknowledgement, an OPEN. */
const OWN_PACKET_RESERVE = 64;
/** A packet with less than this in it has but control frames: a message that does not fit will hardly ever. */
const CONTROL_BYTES = 320;
/** So many packets of its own without room, and a message is cut after all: rather that than waiting for ever. */
const MAX_WAITS = 4;

/** The fit of the message at the front of a lane. */
export class Packing {
  #waits = 0;

  /** @param needed bytes of the message's frame in this packet */
  fit(writer: PacketWriter, needed: number): number {
    const { remaining } = writer;
    if (needed <= remaining) {
      this.#waits = 0;
      return Fit.whole;
    }
    if (needed <= MIN_PIECE_ROOM) return Fit.wait;
    const capacity = writer.length + remaining;
    if (needed > capacity - OWN_PACKET_RESERVE) return Fit.cut;
    if (writer.length > CONTROL_BYTES) return Fit.wait;
    this.#waits++;
    return this.#waits > MAX_WAITS ? Fit.cut : Fit.wait;
  }
}
