// What was received and is to be acknowledged, what was sent and may be lost, how long a round trip takes.
// Decides which packets count as delivered and which as lost, and when to ask; never what is sent again, nor when.

export {
  AckPolicy,
  type AckPolicyOptions,
  Eliciting,
  MAX_LAZY_ACK_DELAY_US,
  MAX_PROMPT_ACK_DELAY_US,
} from "./ack_policy.ts";
export { MAX_RECEIVED_RANGES, ReceivedPackets } from "./received_packets.ts";
export { MAX_REFS_A_PACKET, RefKind, type RefVisitor } from "./ref_log.ts";
export {
  MAX_IN_FLIGHT_PACKETS,
  MAX_PACKET_REFS,
  MAX_SKIPPED_NUMBERS,
  PacketFlag,
  SentPackets,
  type SentVisitor,
} from "./sent_packets.ts";
export { SentPath } from "./sent_path.ts";
export { INITIAL_RTT_US, RttEstimator } from "./rtt.ts";
export {
  type AckFields,
  AckRefusal,
  type LossDeadline,
  LossDetector,
  type LossDetectorOptions,
  LOST_RECORD_US,
  MAX_PTO_US,
  STRAGGLER_NUMBERS,
} from "./loss_detector.ts";
