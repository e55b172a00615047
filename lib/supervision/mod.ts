// Supervision: programs that hana starts on a machine, keeps running and can explain.
// Decides what a program is, when it is started again, and what is told of it. Never how a machine is reached
// (lib/node), nor how it looks on a screen (cli). A shim loads lib/supervision/shim alone, not this face.

export * from "./model/mod.ts";
export * from "./messages.ts";
export * from "./daemon/mod.ts";
export * from "./spec/mod.ts";
export * from "./manifest/mod.ts";
export * from "./crew/mod.ts";
export { addProgramMessages, type ProgramMessages } from "./verbs/mod.ts";
export { readAssignment, Shim } from "./shim/mod.ts";
export {
  type Beat,
  ChildClient,
  type ChildClientHandlers,
  type ChildClientOptions,
  type ChildClientPlatform,
  readEnvironment,
} from "./child/mod.ts";
export {
  type ChildDepth,
  type Conformance,
  type ConformanceCheck,
  type ConformanceOptions,
  type ConformanceRule,
  type ConformanceVerdict,
  testChild,
} from "./conformance/mod.ts";
