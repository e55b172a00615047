// The executable `hana` of a simulated machine, as far as daemons start it: `hana __shim`, the very shim that ships.
// Decides how it is handed its task, as cli/commands/shim.ts does on a real machine.

import type { Platform } from "../../platform/mod.ts";
import type { Program } from "../../platform/simulated/mod.ts";
import { readAssignment, Shim, type ShimAssignment } from "../../supervision/mod.ts";

/** The name under which machines have it. */
export const HANA_PROGRAM = "hana";

const NEWLINE = 10;

/** Who looks at shims from outside, or puts something between one and its machine. */
export interface ShimWatch {
  /** It has its task. */
  onAssigned?(program: Program, assignment: ShimAssignment): void;
  /** It stands by its program: it has the lock, and listens. */
  onHolding?(program: Program, assignment: ShimAssignment): void;
  /** What it runs on in place of its process' platform. */
  platform?(platform: Platform): Platform;
}

/** Runs `hana __shim`; any other call ends with code 2. */
export function hanaProgram(program: Program): void {
  runHana(program, {});
}

/** {@linkcode hanaProgram}, watched. */
export function runHana(program: Program, watch: ShimWatch): void {
  if (program.argv[1] !== "__shim") return program.exit(2);
  program.onSignal = () => {}; // as the real one: a terminal that closes is no reason to leave a program alone
  let text = "";
  let isAssigned = false;
  const decoder = new TextDecoder();
  program.onInput = (bytes) => {
    if (isAssigned) return;
    if (bytes === null) return program.exit(0);
    const end = bytes.indexOf(NEWLINE);
    text += decoder.decode(end < 0 ? bytes : bytes.subarray(0, end), { stream: end < 0 });
    if (end < 0) return;
    isAssigned = true;
    void run(program, text, watch);
  };
}

async function run(program: Program, line: string, watch: ShimWatch): Promise<void> {
  try {
    const assignment = readAssignment(line);
    watch.onAssigned?.(program, assignment);
    const shim = await Shim.start(watch.platform?.(program.platform) ?? program.platform, assignment);
    watch.onHolding?.(program, assignment);
    await shim.ended;
    program.exit(0);
  } catch {
    program.exit(70);
  }
}
