// Who is there, as state like any other: one path a client, written by the host itself.
// Decides what is told of a client; so the newcomer finds itself in its first snapshot, and news of joins, losses, objects
// and the privilege come as patches do. Never decides who is there: holding/ does.

import { HOST, MAX_HOST_PRIORITY } from "../merge/mod.ts";
import type { Holding } from "../holding/mod.ts";
import type { ClientNumber, ParameterDefinition, PathId } from "../model/mod.ts";
import { isRefusal } from "../schema/mod.ts";
import type { StateDocument } from "./document.ts";
import type { GatedWrite } from "./write_desk.ts";

/** The subsystem of presence, and the prefix of its paths. */
export const CLIENTS_SUBSYSTEM = "clients";
/** Owned paths that are told by name; of more, only the count. */
export const MAX_TOLD_PATHS = 32;

/** What stands at a path of presence. `client` 0 is nobody. */
export interface PresenceRow {
  readonly client: number;
  readonly name: string;
  /** The id of its node. */
  readonly node: string;
  readonly level: string;
  readonly state: string;
  /** The paths of its objects, the first {@linkcode MAX_TOLD_PATHS}, and how many there are. */
  readonly owns: readonly string[];
  readonly owned: number;
  readonly privileged: boolean;
}

const NOBODY_THERE: PresenceRow = {
  client: 0,
  name: "",
  node: "",
  level: "",
  state: "",
  owns: [],
  owned: 0,
  privileged: false,
};

/** What the board needs. */
export interface PresenceBoardOptions {
  readonly document: StateDocument;
  readonly holding: Holding<GatedWrite>;
}

/** Tells who is there. */
export class PresenceBoard {
  readonly #options: PresenceBoardOptions;
  readonly #slots = new Map<ClientNumber, PathId>();
  readonly #free: PathId[] = [];
  readonly #dirty = new Set<ClientNumber>();
  #count = 0;
  #privileged = 0;
  #isHoldingDirty = false;
  #owns = new Map<ClientNumber, string[]>();

  constructor(options: PresenceBoardOptions) {
    this.#options = options;
  }

  /** Something of a client is other than it was. */
  note(client: ClientNumber): void {
    this.#dirty.add(client);
  }

  /** Objects or the privilege have another holder. */
  noteHolding(): void {
    this.#isHoldingDirty = true;
  }

  /** Takes over the paths that a host before has made: clients that are still known keep theirs. */
  restore(): void {
    const { book } = this.#options.document;
    for (let slot = 0;; slot++) {
      const id = book.idOf(pathOf(slot));
      if (book.definitionOf(id) === null) break;
      this.#count++;
      const row = this.#options.document.entryOf(id)?.value as Partial<PresenceRow> | null | undefined;
      const client = (row?.client ?? 0) as ClientNumber;
      if (client !== 0 && !this.#slots.has(client)) this.#slots.set(client, id);
      else this.#free.push(id);
      this.#dirty.add(client);
    }
    for (const { number } of this.#options.holding.clients.all()) this.#dirty.add(number);
    this.#isHoldingDirty = true;
  }

  /** Writes what has changed. */
  settle(nowUs: number): void {
    if (this.#isHoldingDirty) this.#readHolding(nowUs);
    if (this.#dirty.size === 0) return;
    for (const client of this.#dirty) this.#write(nowUs, client);
    this.#dirty.clear();
  }

  #readHolding(nowUs: number): void {
    this.#isHoldingDirty = false;
    const { document, holding } = this.#options;
    const before = this.#owns;
    this.#owns = new Map();
    for (const { owner, id } of holding.ownership.rows()) {
      const paths = this.#owns.get(owner);
      const path = document.book.pathOf(id) ?? "";
      if (paths === undefined) this.#owns.set(owner, [path]);
      else paths.push(path);
    }
    for (const client of new Set([...before.keys(), ...this.#owns.keys()])) this.#dirty.add(client);
    const { holder } = holding.privilege.standing(nowUs);
    if (holder === this.#privileged) return;
    for (const client of [holder, this.#privileged as ClientNumber]) {
      if (client !== 0) this.#dirty.add(client);
    }
    this.#privileged = holder;
  }

  #write(nowUs: number, client: ClientNumber): void {
    if (client === 0) return;
    const { document, holding } = this.#options;
    const known = holding.clients.get(client);
    let id = this.#slots.get(client) ?? null;
    if (known === null) {
      if (id === null) return;
      this.#slots.delete(client);
      this.#free.push(id);
      document.set(nowUs, id, HOST, { ...NOBODY_THERE }, MAX_HOST_PRIORITY, 0);
      return;
    }
    id ??= this.#free.pop() ?? this.#make(nowUs);
    if (id === null) return;
    this.#slots.set(client, id);
    const owns = this.#owns.get(client) ?? [];
    const row: PresenceRow = {
      client,
      name: known.name,
      node: known.peer.nodeId,
      level: known.level,
      state: known.state,
      owns: owns.slice(0, MAX_TOLD_PATHS).sort(),
      owned: owns.length,
      privileged: client === this.#privileged,
    };
    document.set(nowUs, id, HOST, { ...row }, MAX_HOST_PRIORITY, 0);
  }

  /** One more path; null where the book has no room: presence is the last thing that must fail. */
  #make(nowUs: number): PathId | null {
    const defined = this.#options.document.define(nowUs, definitionOf(this.#count));
    if (isRefusal(defined)) return null;
    this.#count++;
    return defined.id;
  }
}

function pathOf(slot: number): string {
  return `${CLIENTS_SUBSYSTEM}/${slot}`;
}

function definitionOf(slot: number): ParameterDefinition {
  return {
    path: pathOf(slot),
    subsystem: CLIENTS_SUBSYSTEM,
    type: "json",
    default: null,
    min: null,
    max: null,
    unit: null,
    words: [],
    merge: "latest",
    onLoss: "hold",
    rate: "slow",
    fadeUs: 0,
    description: "who is there",
  };
}
