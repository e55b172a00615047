// The place of a client that comes again: `--as NAME` makes several commands one client of the shared state.
// Decides where its token, its id and its list of own actions stand (one file a name, for its user alone) and that one
// command at a time works under a name. Never decides whether the host still knows it.

import {
  fromHex,
  HanaError,
  isNodeId,
  isNodeName,
  MAX_NODE_NAME_BYTES,
  type NodeId,
  toHex,
} from "../../lib/base/mod.ts";
import type { FileLock, Platform } from "../../lib/platform/mod.ts";
import type { Cli } from "../frame/mod.ts";
import { shellWord } from "../output/mod.ts";

/** How a path stood, as far as this client can bring that about. */
export interface Standing {
  readonly path: string;
  /** As `formatValue` writes it; null where somebody else held it: his value counts again once ours is given up. */
  readonly text: string | null;
  readonly priority: number;
  /** Whether it was this client's. */
  readonly held: boolean;
}

/** What one command changed, to be taken back. */
export interface Action {
  /** As it was typed, for people: `set stage-left/hue=120°`. */
  readonly what: string;
  readonly changes: readonly { readonly before: Standing; readonly after: Standing }[];
}

/** What is kept under a name. */
export interface Place {
  readonly name: string;
  /** The id of the observer: the host binds the token to it. */
  readonly id: NodeId | null;
  readonly token: Uint8Array | null;
  readonly done: readonly Action[];
  readonly undone: readonly Action[];
}

/** Actions that can be taken back. */
const MAX_ACTIONS = 64;
const SCHEMA = "hana.state-client/1";

/** The file of one name, held by this command. */
export class PlaceFile {
  readonly #platform: Platform;
  readonly #path: string;
  readonly #lock: FileLock;
  #place: Place;

  private constructor(platform: Platform, path: string, lock: FileLock, place: Place) {
    this.#platform = platform;
    this.#path = path;
    this.#lock = lock;
    this.#place = place;
  }

  /** Takes the place of a name. Throws `usage` for what is no name, `conflict` while another command has it. */
  static async open(cli: Cli, name: string): Promise<PlaceFile> {
    if (!isNodeName(name)) {
      throw new HanaError("usage", {
        what: `--as ${JSON.stringify(name)} is no name`,
        why: `a name has letters, digits and . _ - between them, ${MAX_NODE_NAME_BYTES} bytes at most`,
        hint: "--as foh-desk",
      });
    }
    const platform = await cli.platform();
    const { files } = platform;
    const directory = `${cli.settings.stateDir}/clients`;
    files.makeDirectory(directory, 0o700);
    const path = `${directory}/${encodeURIComponent(name)}.json`;
    const lock = files.lock(`${path}.lock`);
    if (lock === null) {
      throw new HanaError("conflict", {
        what: `another command works as ${name}`,
        why: "one at a time: they are one client of the shared state",
        hint: `the same command again in a moment, or --as ${shellWord(`${name}-2`)}`,
      });
    }
    try {
      return new PlaceFile(platform, path, lock, readPlace(name, files.read(path)));
    } catch (thrown) {
      lock.release();
      throw thrown;
    }
  }

  get place(): Place {
    return this.#place;
  }

  /** Keeps the newest token and the id that it is bound to. Throws `storage`. */
  keep(id: NodeId, token: Uint8Array | null): void {
    this.#write({ ...this.#place, id, token });
  }

  /** Notes what this command changed: it can be taken back, and nothing can be done again. */
  note(action: Action): void {
    if (action.changes.length === 0) return;
    this.#write({ ...this.#place, done: [...this.#place.done, action].slice(-MAX_ACTIONS), undone: [] });
  }

  /** The last action was taken back, or done again. */
  move(from: "done" | "undone"): void {
    const { done, undone } = this.#place;
    if (from === "done") {
      this.#write({ ...this.#place, done: done.slice(0, -1), undone: [...undone, ...done.slice(-1)] });
    } else this.#write({ ...this.#place, done: [...done, ...undone.slice(-1)], undone: undone.slice(0, -1) });
  }

  /** The client has left for good. */
  forget(): void {
    this.#platform.files.remove(this.#path);
    this.#place = emptyPlace(this.#place.name);
  }

  /** Lets the next command have the name. */
  release(): void {
    this.#lock.release();
  }

  #write(place: Place): void {
    const { name, id, token, done, undone } = place;
    const text = JSON.stringify({
      schema: SCHEMA,
      name,
      id,
      token: token === null ? null : toHex(token),
      done,
      undone,
    });
    this.#platform.files.write(this.#path, new TextEncoder().encode(text + "\n"), 0o600);
    this.#place = place;
  }
}

function emptyPlace(name: string): Place {
  return { name, id: null, token: null, done: [], undone: [] };
}

/** A file that cannot be read counts as none: the client is a new one. */
function readPlace(name: string, bytes: Uint8Array | null): Place {
  if (bytes === null) return emptyPlace(name);
  try {
    const { id, token, done, undone } = JSON.parse(new TextDecoder().decode(bytes)) as Record<
      string,
      unknown
    >;
    return {
      name,
      id: typeof id === "string" && isNodeId(id) ? id : null,
      token: typeof token === "string" ? fromHex(token) : null,
      done: actionsOf(done),
      undone: actionsOf(undone),
    };
  } catch {
    return emptyPlace(name);
  }
}

function actionsOf(value: unknown): Action[] {
  if (!Array.isArray(value)) return [];
  const list: readonly unknown[] = value;
  return list.flatMap((each): Action[] => {
    const { what, changes } = (each ?? {}) as { what?: unknown; changes?: unknown };
    if (typeof what !== "string" || !Array.isArray(changes)) return [];
    const pairs: readonly unknown[] = changes;
    const read = pairs.flatMap((pair) => {
      const { before, after } = (pair ?? {}) as { before?: unknown; after?: unknown };
      const [a, b] = [standingOf(before), standingOf(after)];
      return a === null || b === null ? [] : [{ before: a, after: b }];
    });
    return read.length === pairs.length ? [{ what, changes: read }] : [];
  }).slice(-MAX_ACTIONS);
}

function standingOf(value: unknown): Standing | null {
  const { path, text, priority, held } = (value ?? {}) as Record<string, unknown>;
  if (typeof path !== "string" || typeof priority !== "number" || typeof held !== "boolean") return null;
  return text === null || typeof text === "string" ? { path, text, priority, held } : null;
}
