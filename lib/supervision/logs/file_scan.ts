// Reads a log file from its end to its beginning, block by block: whoever looks for the newest lines need not read the rest.
// Decides how lines are put together across blocks; never what they mean. A file that goes away meanwhile ends there.

import type { Files } from "../../platform/mod.ts";
import { MAX_RECORD_BYTES } from "./record_format.ts";

const BLOCK_BYTES = 64 << 10;
const NEWLINE = 0x0a;

/**
 * Takes a line of `bytes`, from `from` to `to` without its end; `torn` where a file's last line has none. False ends the
 * reading. `bytes` is valid during the call only.
 */
export type LineVisitor = (bytes: Uint8Array, from: number, to: number, torn: boolean) => boolean;

/**
 * Visits the lines of a file, newest first, within its last `budget` bytes. `onBlock` is asked between blocks whether to
 * read on. Returns the bytes that were read, and whether the visitor wants no more. Throws `storage`.
 */
export function scanFile(
  files: Files,
  path: string,
  budget: number,
  visit: LineVisitor,
  onBlock?: () => boolean,
): { readonly bytes: number; readonly ended: boolean } {
  const size = files.stat(path)?.size ?? 0;
  const floor = Math.max(0, size - budget);
  let end = size;
  /** What of a line was read, its beginning being further up. */
  let rest: Uint8Array = new Uint8Array(0);
  let torn = true; // What stands behind the last end of line.
  while (end > floor) {
    const from = Math.max(floor, end - BLOCK_BYTES);
    const block = files.readAt(path, from, end - from);
    if (block === null || block.length !== end - from) return { bytes: size - end, ended: false };
    end = from;
    const bytes = new Uint8Array(block.length + rest.length);
    bytes.set(block);
    bytes.set(rest, block.length);
    let to = bytes.length;
    // The rest has no end of line in it. A negative index counts from the end, so the first byte ends the loop.
    for (
      let at = block.lastIndexOf(NEWLINE);
      at >= 0;
      at = at === 0 ? -1 : block.lastIndexOf(NEWLINE, at - 1)
    ) {
      if ((to > at + 1) && !visit(bytes, at + 1, to, torn)) return { bytes: size - end, ended: true };
      torn = false;
      to = at;
    }
    // Its head is what a line is known by; one that is longer than any record is garbage and not kept whole.
    rest = bytes.slice(0, Math.min(to, MAX_RECORD_BYTES));
    if (end === 0 && to > 0 && !visit(bytes, 0, to, torn)) return { bytes: size, ended: true };
    if (onBlock !== undefined && !onBlock()) return { bytes: size - end, ended: true };
  }
  return { bytes: size - end, ended: false };
}
