// Lanes: the four delivery guarantees and what carries them.
// Decides order, loss and bounds between the messages of one session. Never knows messages or roles.

export type { Carrier, CarrierHandlers, LaneStats, SendStatus } from "./carrier.ts";
export {
  isLaneName,
  isReliable,
  type Lane,
  type LaneId,
  type LaneKind,
  type LaneName,
  LANES,
} from "./lane.ts";
