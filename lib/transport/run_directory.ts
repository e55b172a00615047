// The directory that guards local sockets: 0700 and ours, or nothing is put there (architecture 5).
// Decides whether a directory is safe and what the sockets in it are called; never opens one.

import { HanaError, type NodeId } from "../base/mod.ts";
import type { Files, Host } from "../platform/mod.ts";

/** macOS allows 104 bytes with the closing zero, Linux 108: one limit, so that a set-up works on every machine. */
export const MAX_SOCKET_PATH_BYTES = 103;

/**
 * Makes the directory with mode 0700, or checks the one that is there.
 * Throws `refused` when others could reach into it or it belongs to somebody else, `storage` when it cannot be made.
 */
export function prepareRunDirectory(files: Files, host: Host, path: string): void {
  try {
    files.makeDirectory(path, 0o700);
  } catch (thrown) {
    throw new HanaError("storage", {
      what: `run directory ${path} cannot be made`,
      why: thrown instanceof HanaError ? thrown.why ?? thrown.what : String(thrown),
      hint: "hana serve --run-dir DIRECTORY",
      cause: thrown,
    });
  }
  const stat = files.stat(path);
  if (stat === null || stat.kind !== "directory") {
    throw new HanaError("storage", {
      what: `run directory ${path} is no directory`,
      hint: "hana serve --run-dir DIRECTORY",
    });
  }
  if (stat.userId !== null && host.userId !== null && stat.userId !== host.userId) {
    throw new HanaError("refused", {
      what: `run directory ${path} belongs to user ${stat.userId}`,
      why: "its owner could answer in the place of this node",
      hint: "hana serve --run-dir DIRECTORY",
    });
  }
  if (stat.mode !== null && (stat.mode & 0o077) !== 0) {
    throw new HanaError("refused", {
      what: `run directory ${path} is open to other users (mode 0${stat.mode.toString(8)})`,
      why: "the directory is the guard of the local socket",
      // Shutting the others out of a directory of theirs would harm more than this node.
      hint: isOfTheSystem(path)
        ? `hana serve --run-dir ${path === "/" ? "" : path}/hana`
        : `chmod 700 ${path}`,
    });
  }
}

/** Whether a directory is the system's own, such as `/`, `/tmp` or `/var/tmp`. */
function isOfTheSystem(path: string): boolean {
  return /^\/([^/]*|(var|usr|dev|run|etc)\/(tmp|shm|lock|run|lib|local|user))\/*$/.test(path);
}

/** The socket of a node: short and unique, so that many nodes share a run directory. Throws `config` when too long. */
export function socketPath(runDirectory: string, id: NodeId): string {
  const path = `${runDirectory}/${id.slice(0, 12)}.sock`;
  const bytes = new TextEncoder().encode(path).length;
  if (bytes > MAX_SOCKET_PATH_BYTES) {
    throw new HanaError("config", {
      what: `socket path ${path} is too long`,
      why: `it has ${bytes} bytes and the system allows ${MAX_SOCKET_PATH_BYTES}`,
      hint: "hana serve --run-dir /tmp/hana-run",
    });
  }
  return path;
}
