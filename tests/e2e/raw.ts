// Starts the program of bare sockets (programs/raw.ts) on a machine of the tests' network.

import type { CapturedProcess } from "../support/captured_process.ts";
import type { Machine } from "../support/namespaces.ts";

const PROGRAM = new URL("./programs/raw.ts", import.meta.url).pathname;

/** Starts the program of bare sockets. */
export function raw(machine: Machine, ...args: string[]): CapturedProcess {
  const flags = ["run", "--quiet", "--no-config", "--unstable-net", "--allow-net"];
  return machine.start(Deno.execPath(), [...flags, PROGRAM, ...args], { label: `raw ${args.join(" ")}` });
}

/** Starts a program that says when it is ready. */
export async function listening(machine: Machine, ...args: string[]): Promise<CapturedProcess> {
  const process = raw(machine, ...args);
  await process.until("ready", ({ stdout }) => stdout.includes("ready") ? true : null);
  return process;
}
