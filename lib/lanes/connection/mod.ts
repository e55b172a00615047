// A connection of lanes: what the parts of lib/lanes make together.
// Decides which of them are the face; drivers (lib/transport) run it on sockets and streams, tests in virtual time.

export { type ConnectionDeadline, type ConnectionDeadlineReason, LaneConnection } from "./connection.ts";
export {
  BASE_DATAGRAM_BYTES,
  type ConnectionOptions,
  DEFAULT_KEEPALIVE_US,
  DEFAULT_SILENCE_US,
  type FirstPath,
  type MessageOptions,
  STREAM_PACKET_BYTES,
  UDP_OVERHEAD_BYTES,
} from "./options.ts";
export { type Path, PathId, type PathKind, type PathReason, type PathSink } from "./path.ts";
