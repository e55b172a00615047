// Programs of simulated machines: hana's own shim, and scripts that stand in for visualizations.

export { HANA_PROGRAM, hanaProgram, runHana, type ShimWatch } from "./shim_program.ts";
export { programScript, remainingScript, type ScriptStage, slateScript } from "./script.ts";
