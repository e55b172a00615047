// The virtual machine park behind the platform seam: one seed, one queue of events, one true time.
// Decides how networks, disks and clocks behave when nothing is left to chance. Used by lib/simulate and tests only.

export { SimulatedWorld, type WorldOptions } from "./world.ts";
export { type HostOptions, type InterfaceOptions, SimulatedHost } from "./host.ts";
export { SimulatedProcess, WORLD_EPOCH_MS } from "./process.ts";
export {
  type InterfaceAddress,
  type Route,
  Segment,
  type SegmentOptions,
  SimulatedInterface,
} from "./network.ts";
export { Link, type LinkModel, LOST, UniformLink, type UniformLinkOptions } from "./link.ts";
export type { DelaySpec, LinkSpec } from "./link_spec.ts";
export { type DiskOperation, SimulatedDisk } from "./files.ts";
export { type EventKind, type EventTap, type SimulatedEvent } from "./event_log.ts";
export { type CrashHook } from "./engine.ts";
export { PhiloxStream, SimulatedRandom } from "./random.ts";
export { type StreamPieces, WINDOW_BYTES } from "./stream.ts";
