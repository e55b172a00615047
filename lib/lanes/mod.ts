// Lanes: the four delivery guarantees and what carries them.
// Decides order, loss and bounds between the messages of one session. Never knows messages or roles.

export {
  type Carrier,
  type CarrierHandlers,
  type CarrierPath,
  type CarrierSendOptions,
  type LaneOffer,
  LANES_VERSION,
  type PayloadFate,
  type SendStatus,
} from "./carrier.ts";
export {
  type ConnectionDeadline,
  type ConnectionOptions,
  type FirstPath,
  LaneConnection,
  type MessageOptions,
  PathId,
  type PathKind,
  type PathReason,
  type PathSink,
  STREAM_PACKET_BYTES,
  UDP_OVERHEAD_BYTES,
} from "./connection/mod.ts";
export { EndpointBudget } from "./receiving/mod.ts";
export {
  expand32,
  FRAME_BROKEN,
  FRAME_END,
  FrameReader,
  FrameType,
  PACKET_HEADER_BYTES,
  PACKET_OVERHEAD_BYTES,
  PacketHeader,
  PacketWriter,
  STREAM_PACKET_MARK,
  writePacketHeader,
} from "./wire/mod.ts";
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
  type ProgramLane,
} from "./lane.ts";
export { refusalName, SendRefusal } from "./refusal.ts";
export type { LaneReports, LaneSink, ReceivedLane } from "./sink.ts";
export { type ConnectionStats, type LaneStats, newLaneStats } from "./stats.ts";
