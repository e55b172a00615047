// Programs of simulated machines: hana's own shim, and scripts that stand in for visualizations.

export { HANA_PROGRAM, hanaProgram } from "./shim_program.ts";
