// The logs of all programs of a machine within one bound: the oldest go first, whichever program wrote them.
// Decides by the time in their names; never touches a file that is being written.

import type { Files } from "../../platform/mod.ts";
import { CURRENT, fullLogs } from "./log_names.ts";

/** What all logs of a machine may take, unless a setting says otherwise. */
export const MACHINE_LOG_BYTES = 512 << 20;

/** What a pruning did. */
export interface PruneResult {
  /** Bytes that are left. */
  readonly bytes: number;
  /** Files that were removed, and their bytes. */
  readonly removed: number;
  readonly removedBytes: number;
  /** Files and directories that the disk refused to list or remove. */
  readonly refused: number;
}

/**
 * Removes the oldest full log files under `programsDirectory` (`<program>/logs/…`) until all logs together take no more than
 * `totalBytes`. The current files stay even where they alone take more.
 */
export function pruneLogs(
  files: Files,
  programsDirectory: string,
  totalBytes: number = MACHINE_LOG_BYTES,
): PruneResult {
  let bytes = 0;
  let removed = 0;
  let removedBytes = 0;
  let refused = 0;
  const full: {
    readonly path: string;
    readonly stamp: string;
    readonly number: number;
    readonly size: number;
  }[] = [];
  for (const program of listed(files, programsDirectory)) {
    const directory = `${programsDirectory}/${program}/logs`;
    try {
      bytes += files.stat(`${directory}/${CURRENT}`)?.size ?? 0;
      // A clock that was set back must not make a later file older than an earlier one of the same program.
      let newest = "~";
      for (const { name, stamp, number } of fullLogs(files, directory).reverse()) {
        if (stamp < newest) newest = stamp;
        const path = `${directory}/${name}`;
        const size = files.stat(path)?.size ?? 0;
        bytes += size;
        full.push({ path, stamp: newest, number, size });
      }
    } catch {
      refused++;
    }
  }
  full.sort((a, b) => a.stamp === b.stamp ? a.number - b.number : a.stamp < b.stamp ? -1 : 1);
  for (const { path, size } of full) {
    if (bytes <= totalBytes) break;
    try {
      files.remove(path);
      bytes -= size;
      removed++;
      removedBytes += size;
    } catch {
      refused++;
    }
  }
  return { bytes, removed, removedBytes, refused };
}

function listed(files: Files, directory: string): string[] {
  try {
    return files.list(directory);
  } catch {
    return [];
  }
}
