// Where everything of a program stands: its directory below the node's, its sockets in the run directory.
// Decides paths alone. Socket names are digests, so that no name of a program makes a path too long for a socket.

import { HanaError, toHex } from "../../base/mod.ts";
import type { Platform, StreamAddress } from "../../platform/mod.ts";
import { KeyedMac, MAC_BYTES } from "../../security/mod.ts";
import { MAX_SOCKET_PATH_BYTES } from "../../transport/mod.ts";

/** Where a program's things stand. */
export interface ProgramPlaces {
  readonly directory: string;
  readonly lock: string;
  /** What its shim was given last: the second copy of what is wanted. */
  readonly assignment: string;
  readonly controlSocket: string;
  readonly childSocket: string;
  /** Null where the system has no such sockets. */
  readonly notifySocket: string | null;
}

const SOCKET_NAME_DIGITS = 12;
const PRIVATE_MODE = 0o700;

/** Paths of all programs of a node. */
export class Places {
  readonly database: string;
  /** The directory of all programs. */
  readonly programs: string;
  readonly #platform: Platform;
  readonly #sockets: string;
  readonly #directory: string;

  /** Throws `storage` when the directory of programs cannot be made. */
  constructor(platform: Platform, directory: string, runDirectory: string) {
    this.#platform = platform;
    this.#directory = directory;
    this.programs = `${directory}/programs`;
    this.#sockets = `${runDirectory}/p`;
    this.database = `${directory}/programs.db`;
    platform.files.makeDirectory(this.programs, PRIVATE_MODE);
  }

  /** The places of one program. */
  of(name: string): ProgramPlaces {
    const directory = `${this.programs}/${encodeURIComponent(name)}`;
    const id = digestOf(`${this.#directory}\n${name}`).slice(0, SOCKET_NAME_DIGITS);
    const base = this.#hasFiles ? `${this.#sockets}/${id}.` : `hana-p-${id}-`;
    return {
      directory,
      lock: `${directory}/lock`,
      assignment: `${directory}/assignment.json`,
      controlSocket: `${base}c`,
      childSocket: `${base}a`,
      notifySocket: this.#hasFiles ? `${base}n` : null,
    };
  }

  /** The stream address behind the path of a socket. */
  addressOf(path: string): StreamAddress {
    return this.#hasFiles ? { kind: "unix", path } : { kind: "pipe", name: path };
  }

  /** Makes a program's directory. Throws `storage`. */
  make(name: string): ProgramPlaces {
    const places = this.of(name);
    this.#platform.files.makeDirectory(places.directory, PRIVATE_MODE);
    return places;
  }

  /** Makes the directory of sockets. Throws `config` when they would have paths that no system takes, and `storage`. */
  makeSockets(): void {
    if (!this.#hasFiles) return;
    const longest = `${this.#sockets}/${"0".repeat(SOCKET_NAME_DIGITS)}.c`;
    if (new TextEncoder().encode(longest).length > MAX_SOCKET_PATH_BYTES) {
      throw new HanaError("config", {
        what: `run directory ${this.#sockets}`,
        why: `sockets of programs would have paths over ${MAX_SOCKET_PATH_BYTES} bytes there`,
        hint: "hana serve --run-dir /tmp/hana",
      });
    }
    this.#platform.files.makeDirectory(this.#sockets, PRIVATE_MODE);
  }

  /** Takes the directory of sockets away if nobody has one in it. */
  tidy(): void {
    if (!this.#hasFiles) return;
    try {
      const { files } = this.#platform;
      if (files.stat(this.#sockets) !== null && files.list(this.#sockets).length === 0) {
        files.remove(this.#sockets);
      }
    } catch (thrown) {
      // Another daemon of this user may have put one there this very moment.
      if (!(thrown instanceof HanaError)) throw thrown;
    }
  }

  /** The names of all programs that have a directory. */
  names(): string[] {
    const { files } = this.#platform;
    return files.list(this.programs).flatMap((entry) => {
      if (files.stat(`${this.programs}/${entry}`)?.kind !== "directory") return [];
      try {
        return [decodeURIComponent(entry)];
      } catch {
        return [];
      }
    });
  }

  /** Takes a program's directory away, with all that is in it, and its sockets. */
  erase(name: string): void {
    const { directory } = this.of(name);
    this.removeSockets(name);
    removeTree(this.#platform, directory, 0);
  }

  /** Takes sockets away that nobody listens behind any more. */
  removeSockets(name: string): void {
    if (!this.#hasFiles) return;
    const { controlSocket, childSocket, notifySocket } = this.of(name);
    for (const path of [controlSocket, childSocket, notifySocket]) {
      if (path !== null) this.#platform.files.remove(path);
    }
  }

  get #hasFiles(): boolean {
    return this.#platform.host.os !== "windows";
  }
}

/** A digest of some text, 32 hex digits. No secret: it names things and tells texts apart. */
export function digestOf(text: string): string {
  const bytes = new TextEncoder().encode(text);
  const tag = new Uint8Array(MAC_BYTES);
  new KeyedMac(NAMING_KEY).sign(bytes, 0, bytes.length, tag, 0);
  return toHex(tag);
}

const NAMING_KEY = new TextEncoder().encode("hana programs");
/** Logs stand one level down; nothing of ours is deeper. */
const MAX_DEPTH = 4;

function removeTree(platform: Platform, path: string, depth: number): void {
  const { files } = platform;
  for (const name of files.list(path)) {
    const below = `${path}/${name}`;
    if (files.stat(below)?.kind === "directory" && depth < MAX_DEPTH) {
      removeTree(platform, below, depth + 1);
    } else files.remove(below);
  }
  files.remove(path);
}
