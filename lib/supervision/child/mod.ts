// The child protocol: what a program may say to its shim and the shim to it, in any language, at three depths.
// Decides lines, datagrams, limits, who speaks for a run, and when silence or a still picture is worth telling;
// never what is done about it (machine), and opens no socket on the shim's side (shim).

export { type ChildCounters, ChildJudge, type ChildJudgeOptions } from "./judge.ts";
export type { ChildEffect, ChildHello, ChildMachineEvent } from "./effects.ts";
export type { ChildFigures } from "./figures.ts";
export {
  type ChildEnvironment,
  environmentOf,
  type ReadEnvironment,
  readEnvironment,
} from "./environment.ts";
export {
  ChildClient,
  type ChildClientHandlers,
  type ChildClientOptions,
  type ChildClientPlatform,
} from "./client.ts";
export { type Beat, ChildClientCore, type ClientEvent, type ClientIdentity } from "./client_core.ts";
export { readChildLine, type ReadLine, writeChildLine } from "./line.ts";
export { readNotify } from "./notify.ts";
export type {
  BrokenRule,
  ChildCapability,
  ChildRule,
  FromChild,
  NotifyMessage,
  ToChild,
} from "./messages.ts";
export { type SilenceLimits, silenceLimits } from "./silence.ts";
export { cleanText } from "./text.ts";
export { LineBuffer } from "./line_buffer.ts";
export {
  CHILD_VERSION,
  HELLO_US,
  MAX_CHILD_CONNECTIONS,
  MAX_CHILD_LINE_BYTES,
  MAX_EXTEND_US,
  MAX_NOTIFY_BYTES,
  TICK_US,
} from "./limits.ts";
