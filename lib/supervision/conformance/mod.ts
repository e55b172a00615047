// Whether a program keeps the child protocol: the rules, the script that tries them, and a runner.
// Decides nothing that the shim does not decide as well: the same judge hears the program.

export { type ChildDepth, CONFORMANCE_RULES, type ConformanceRule, type RuleText } from "./rules.ts";
export {
  type ConformanceCheck,
  ConformanceScript,
  type ConformanceVerdict,
  type ScriptEffect,
  type ScriptOptions,
} from "./script.ts";
export { type Conformance, type ConformanceOptions, testChild } from "./run.ts";
