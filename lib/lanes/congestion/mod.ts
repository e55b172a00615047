// Rate and window of a path, and the pacer that keeps to them.
// Decides how much may be sent and when; never what.

export type { CongestionControl, RoundTrip } from "./control.ts";
export { type BrakeCounters, type BrakePhase, DelayBrake, type DelayBrakeOptions } from "./delay_brake.ts";
export { FixedRate, type FixedRateOptions } from "./fixed.ts";
export { chargedBytes, heldBytes, KERNEL_BUFFER_BYTES } from "./kernel_buffer.ts";
export { FULL_PACKET_BYTES, Pacer, type PacerOptions, TIMER_QUANTUM_US } from "./pacer.ts";
export { LoopbackWindow } from "./loopback_window.ts";
export { MAX_STREAM_WINDOW_BYTES, MIN_STREAM_WINDOW_BYTES, StreamWindow } from "./stream_window.ts";
