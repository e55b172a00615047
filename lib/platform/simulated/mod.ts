// The virtual machine park behind the platform seam: one seed, one queue of events, one true time.
// Decides how networks, disks and clocks behave when nothing is left to chance. Used by lib/simulate and tests only.

export { SimulatedWorld, type WorldOptions } from "./world.ts";
export { type HostOptions, type InterfaceOptions, SimulatedHost } from "./host.ts";
export { SimulatedProcess } from "./process.ts";
export { type InterfaceAddress, type Route, SimulatedInterface } from "./network.ts";
export { MAX_HELD_FRAMES, Segment, type SegmentOptions } from "./segment.ts";
export {
  CUT,
  HELD,
  Link,
  type LinkModel,
  LOST,
  type TimeProcess,
  type Traffic,
  UniformLink,
  type UniformLinkOptions,
} from "./link.ts";
export type { DelaySpec, FlowSpec, LinkSpec } from "./link_spec.ts";
export { DEFAULT_QUEUE_BYTES, SpecLink } from "./spec_link.ts";
export type { FrameFate, FrameTap } from "./frame_tap.ts";
export { HostCpu } from "./cpu.ts";
export { SimulatedHardware } from "./hardware.ts";
export { type ClockFault, HostClocks, WORLD_EPOCH_MS } from "./wall_clock.ts";
export { SOCKET_BUFFER_DATAGRAMS } from "./datagram_socket.ts";
export { type DiskOperation, SimulatedDisk } from "./disk.ts";
export { type EventKind, type EventTap, type SimulatedEvent } from "./event_log.ts";
export { type CrashHook } from "./engine.ts";
export { type Program, type ProgramScript, ProgramTable, type StartOptions } from "./programs.ts";
export type { ProcessRecord, ProcessStart } from "./process_record.ts";
export { HostProcessTable, type ProcessWatcher } from "./process_table.ts";
export { PhiloxStream, SimulatedRandom } from "./random.ts";
export { type StreamPieces, WINDOW_BYTES } from "./stream.ts";
