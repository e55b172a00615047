// Bounds that both platforms share, so that what runs in the simulator runs on a machine, and a show file made on
// one machine runs on all. Decides the bounds and the error of an overlong socket path, nothing else.

import { HanaError } from "../base/mod.ts";

/**
 * No datagram of hana is longer: discovery has 1,200 bytes, lanes up to 8,900 where a path takes them (the loopback,
 * networks with jumbo frames). What is longer is not hana's and is dropped.
 */
export const MAX_DATAGRAM_BYTES = 9_216;

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
