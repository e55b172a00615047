// The bytes of lanes: packets, their headers, their frames, their numbers. docs/lanes.md tells them for other
// languages. Decides layout alone; never what is sent, acknowledged or delivered.

export {
  CREDIT_UNIT_BYTES,
  DELAY_UNIT_US,
  FRAME_BROKEN,
  FRAME_END,
  type FrameProblem,
  FrameType,
  LANE_ESCAPE,
  MAX_ACK_SPAN,
  MAX_CLOSE_TEXT_BYTES,
  MAX_DATA_OVERHEAD_BYTES,
  MAX_EXTRA_RANGES,
  MAX_FRAME_VARINT,
  MAX_KEY,
  OPEN_KEYED,
  UNKNOWN_ACK_DELAY,
} from "./frame_type.ts";
export {
  ACK_HEAD_BYTES,
  ACK_TIMED_HEAD_BYTES,
  CHALLENGE_BYTES,
  CLOSE_HEAD_BYTES,
  CREDIT_BYTES,
  OPEN_HEAD_BYTES,
  PING_BYTES,
  REPORT_BYTES,
  SKIP_BYTES,
} from "./frame_type.ts";
export { FrameReader } from "./frame_reader.ts";
export { expand32 } from "./numbers.ts";
export {
  type HeaderProblem,
  PACKET_HEADER_BYTES,
  PACKET_OVERHEAD_BYTES,
  PACKET_TAG_BYTES,
  PacketHeader,
  STREAM_PACKET_HEADER_BYTES,
  STREAM_PACKET_MARK,
  streamPacketNumber,
  writePacketHeader,
  writeStreamPacketHeader,
} from "./packet_header.ts";
export { type AckSource, PacketWriter } from "./packet_writer.ts";
export { varintBytes } from "./varint.ts";
