// Presets of a show: snapshots by name, kept in the shared state itself, so that every client has them and they outlive hosts.
// Decides in which order entries are written, so that a preset is whole at all times: parts first, then the head that names
// them. Who may: the privileged client, as with all structure.

import { HanaError, nearest } from "../../base/mod.ts";
import type { StateClient } from "../client/mod.ts";
import type { ParameterDefinition, StateValue } from "../model/mod.ts";
import { isSubsystemName, readDefinition } from "../schema/mod.ts";
import { type LoadOptions, type LoadReport, loadSnapshot } from "./load.ts";
import {
  MAX_NOTE_LENGTH,
  type PresetHead,
  presetPath,
  type PresetRecord,
  readHead,
  readRecord,
  toRecord,
} from "./record.ts";
import {
  compareSnapshots,
  PRESETS_SUBSYSTEM,
  restrictSnapshot,
  type Snapshot,
  type SnapshotDifference,
  type SnapshotOptions,
  takeSnapshot,
} from "./snapshot.ts";

/** Parts of one transaction: each has 16 KiB at most, and a message 64. */
const PARTS_AT_ONCE = 3;

/** A preset in a list. */
export interface PresetInfo {
  readonly name: string;
  readonly prefix: string;
  readonly note: string | null;
  readonly by: string;
  readonly revision: number;
  readonly values: number;
}

/** How a preset is stored. */
export interface SaveOptions extends SnapshotOptions {
  readonly note?: string;
  /** Who stores it, as people see it; the client's own name where it is known. */
  readonly by?: string;
}

/** The presets of the shared state. */
export class PresetLibrary {
  readonly #client: StateClient;

  constructor(client: StateClient) {
    this.#client = client;
  }

  /** All presets, by name. Entries that are none are left out. */
  list(): PresetInfo[] {
    return this.#heads().map(({ name, prefix, note, by, revision, values }) => ({
      name,
      prefix,
      note,
      by,
      revision,
      values,
    }));
  }

  /** The snapshot of a preset. Throws `not-found`, naming the nearest, and `schema` for one that is broken. */
  get(name: string): Snapshot {
    return readRecord(this.#head(name), (path) => this.#client.get(path));
  }

  /**
   * Stores how everything at or below a prefix stands, or a snapshot that is there already, under a name of one segment
   * (`finale`, `act-2.look`); what has that name is replaced. Rejects as a transaction, with `usage` for another name, and with `not-found` for a prefix
   * below which nothing is.
   */
  async save(name: string, what: string | Snapshot, options: SaveOptions = {}): Promise<PresetInfo> {
    checkName(name);
    const client = this.#client;
    const { note = null, by = client.nameOf(client.number) ?? "" } = options;
    if (note !== null && note.length > MAX_NOTE_LENGTH) {
      throw new HanaError("usage", {
        what: `the note of ${name} is too long`,
        why: `${MAX_NOTE_LENGTH} characters at most`,
      });
    }
    const snapshot = typeof what === "string" ? takeSnapshot(client, what, options) : what;
    if (typeof what === "string" && snapshot.entries.length === 0) {
      throw new HanaError("not-found", {
        what: `there is nothing at or below ${what === "" ? "the root" : what} to be kept as ${name}`,
      });
    }
    const former = readHead(client.get(presetPath(name)));
    const revision = (former?.revision ?? 0) + 1;
    const record = toRecord(name, snapshot, { note, by, revision });
    const old = this.#partsOf(name);
    await this.#write(record, old);
    return { name, prefix: snapshot.prefix, note, by, revision, values: snapshot.entries.length };
  }

  /** Takes a preset out. Rejects as a transaction, and with `not-found`. */
  async delete(name: string): Promise<void> {
    const path = presetPath(name);
    if (!this.#client.has(path)) throw this.#unknown(name);
    const paths = [path, ...this.#partsOf(name)];
    await this.#client.transaction((transaction) => {
      for (const each of paths) transaction.forget(each);
    });
  }

  /** Puts the values of a preset back. Throws as {@linkcode get}; what cannot be put back is told in the report. */
  load(name: string, options: LoadOptions = {}): Promise<LoadReport> {
    let snapshot: Snapshot;
    try {
      snapshot = this.get(name);
    } catch (thrown) {
      return Promise.reject(thrown);
    }
    return loadSnapshot(this.#client, snapshot, options);
  }

  /** What differs in `to`, another preset, or in how things stand now, from a preset. Throws as {@linkcode get}. */
  compare(from: string, to?: string): SnapshotDifference {
    const before = this.get(from);
    if (to !== undefined) return compareSnapshots(before, this.get(to));
    return compareSnapshots(
      before,
      restrictSnapshot(takeSnapshot(this.#client, before.prefix), before.prefix),
    );
  }

  async #write({ head, parts }: PresetRecord, old: readonly string[]): Promise<void> {
    const client = this.#client;
    for (let at = 0; at < parts.length; at += PARTS_AT_ONCE) {
      await client.transaction((transaction) => {
        for (const { path, value } of parts.slice(at, at + PARTS_AT_ONCE)) {
          // What a store that was broken off left behind is written over.
          if (client.has(path)) transaction.put(path, value);
          else transaction.define(presetDefinition(path, value));
        }
      });
    }
    const named = new Set(parts.map(({ path }) => path));
    await client.transaction((transaction) => {
      if (client.has(head.path)) transaction.unchanged(head.path).put(head.path, head.value);
      else transaction.define(presetDefinition(head.path, head.value));
      for (const path of old) if (!named.has(path)) transaction.forget(path);
    });
  }

  #heads(): PresetHead[] {
    const heads: PresetHead[] = [];
    for (const { path, value, definition } of this.#client.list(PRESETS_SUBSYSTEM)) {
      if (definition.subsystem !== PRESETS_SUBSYSTEM || path.split("/").length !== 2) continue;
      const head = readHead(value);
      if (head !== null && path === presetPath(head.name)) heads.push(head);
    }
    return heads;
  }

  #head(name: string): PresetHead {
    const path = presetPath(name);
    if (!this.#client.has(path)) throw this.#unknown(name);
    const head = readHead(this.#client.get(path));
    if (head !== null && head.name === name) return head;
    throw new HanaError("schema", {
      what: `${path} is no preset that this hana can read`,
      hint: "store it again, or delete it",
    });
  }

  #partsOf(name: string): string[] {
    const path = presetPath(name);
    return this.#client.list(path).map((info) => info.path).filter((each) => each !== path);
  }

  #unknown(name: string): HanaError {
    const near = nearest(name, this.#heads().map((head) => head.name));
    return new HanaError("not-found", {
      what: `there is no preset ${name}`,
      ...(near === null ? {} : { hint: `did you mean ${near}?` }),
    });
  }
}

/** An entry of a preset as a path of the state. Throws `schema` where the value is too large. */
export function presetDefinition(path: string, value: StateValue): ParameterDefinition {
  return readDefinition({ path, subsystem: PRESETS_SUBSYSTEM, type: "json", default: value, rate: "rare" });
}

function checkName(name: string): void {
  if (isSubsystemName(name)) return;
  throw new HanaError("usage", {
    what: `a preset cannot be called ${JSON.stringify(name)}`,
    why: 'a name is a-z, 0-9, ".", "_" and "-", 63 characters at most',
    hint: "such as finale or act-2.look",
  });
}
