// Lanes: the four delivery guarantees and what carries them.
// Decides order, loss and bounds between the messages of one session. Never knows messages or roles.

export type { Carrier, CarrierHandlers, SendStatus } from "./carrier.ts";
export { CloseCode, closeCodeName } from "./close_code.ts";
export {
  DEFAULT_RELIABLE_MESSAGE_BYTES,
  DEFAULT_UNRELIABLE_MESSAGE_BYTES,
  FIRST_PROGRAM_LANE,
  isLaneName,
  isReliable,
  type Lane,
  LANE_KINDS,
  laneDefaults,
  type LaneId,
  type LaneKind,
  type LaneName,
  LANES,
  LAST_PROGRAM_LANE,
  MAX_LANE_NAME_BYTES,
  MAX_RELIABLE_MESSAGE_BYTES,
  type Overflow,
} from "./lane.ts";
export { refusalName, SendRefusal } from "./refusal.ts";
export type { LaneReports, LaneSink, ReceivedLane } from "./sink.ts";
export { type LaneStats, newLaneStats } from "./stats.ts";
