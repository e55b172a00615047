// The executable `hana` of a simulated machine, as far as daemons start it: `hana __shim`, the very shim that ships.
// Decides how it is handed its task, as cli/commands/shim.ts does on a real machine.

import type { Program } from "../../platform/simulated/mod.ts";
import { readAssignment, Shim } from "../../supervision/mod.ts";

/** The name under which machines have it. */
export const HANA_PROGRAM = "hana";

const NEWLINE = 10;

/** Runs `hana __shim`; any other call ends with code 2. */
export function hanaProgram(program: Program): void {
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
    void run(program, text);
  };
}

async function run(program: Program, line: string): Promise<void> {
  try {
    const shim = await Shim.start(program.platform, readAssignment(line));
    await shim.ended;
    program.exit(0);
  } catch {
    program.exit(70);
  }
}
