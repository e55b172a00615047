// The longest path of a Unix socket that works everywhere, so that a show file made on one machine runs on all.
// Decides the limit and its error; both platforms apply it, also where the system would allow more.

import { HanaError } from "../base/mod.ts";

/** macOS holds 104 bytes with the closing zero in `sun_path`, Linux 108; the smaller one rules. */
export const MAX_UNIX_PATH_BYTES = 103;

/** The `config` error for a path of `bytes` bytes that is over the limit. */
export function unixPathError(path: string, bytes: number): HanaError {
  return new HanaError("config", {
    what: `socket path ${path}`,
    why: `has ${bytes} bytes; systems take at most ${MAX_UNIX_PATH_BYTES}`,
    hint: "take a shorter directory: --run-dir /tmp/hana",
  });
}
