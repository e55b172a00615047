// The sending half of lanes: queues, conflation, times to live, fragments, repairs, credit.
// Decides which bytes of which messages go into a packet; never when a packet leaves, nor what counts as lost.

export { MAX_KEYS as MAX_SENT_KEYS } from "./conflation.ts";
export { MIN_PIECE_ROOM } from "./packing.ts";
export { SendLane } from "./send_lane.ts";
export { KEPT_BYTES, type PacketRefs, SHRINK_AFTER_US } from "./sender.ts";
export { MAX_WATCHED } from "./watched.ts";
