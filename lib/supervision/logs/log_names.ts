// The files of a program's log directory: `current`, and `000042.20261120T201407Z.r5-7.log` for those that are full.
// Decides the names: number, when it was full (UTC), and the runs in it, so that whoever looks for a run or for what is
// oldest need not open them. A file of any other name is none of ours and is never touched.

import type { Files } from "../../platform/mod.ts";
import { wallText } from "./wall_text.ts";

/** The file that is written. */
export const CURRENT = "current";

const NAME = /^(\d{6,15})\.(\d{8}T\d{6}Z)\.r(\d{1,15})-(\d{1,15})\.log$/;

/** A file that is full. */
export interface FullLog {
  readonly name: string;
  readonly number: number;
  /** When it was full, comparable as text. */
  readonly stamp: string;
  readonly firstRun: number;
  readonly lastRun: number;
}

/** The name of a file that is full now. */
export function fullLogName(number: number, wallMs: number, oneRun: number, otherRun: number): string {
  const [firstRun, lastRun] = [Math.min(oneRun, otherRun), Math.max(oneRun, otherRun)];
  const stamp = wallText(wallMs).slice(0, 19).replaceAll(/[-:]/g, "");
  return `${String(number).padStart(6, "0")}.${stamp}Z.r${firstRun}-${lastRun}.log`;
}

/** The full files of a directory, oldest first. Throws `storage`. */
export function fullLogs(files: Files, directory: string): FullLog[] {
  const found: FullLog[] = [];
  for (const name of files.list(directory)) {
    const parts = NAME.exec(name);
    if (parts === null) continue;
    const [, number, stamp, firstRun, lastRun] = parts;
    found.push({
      name,
      number: Number(number),
      stamp: stamp ?? "",
      firstRun: Number(firstRun),
      lastRun: Number(lastRun),
    });
  }
  return found.sort((a, b) => a.number - b.number);
}
