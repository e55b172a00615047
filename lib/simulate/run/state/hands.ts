// What an app does to shared state, by its replica alone: writes, claims, owned objects, the privilege, structure, looks.
// Decides how a deed of the timeline, or a drawn one, becomes calls of the replica. Never decides when.

import type { RandomStream } from "../../../platform/mod.ts";
import {
  type ClientNumber,
  NO_PATH,
  type OwnAction,
  type ParameterDefinition,
  type PathId,
  type PrivilegeAction,
  readDefinition,
  type ReplicaEvent,
  type StateReplica,
  type StateValue,
  type WireEntry,
  type WriteOptions,
} from "../../../state/mod.ts";
import { meansName, type OwnDeed, type PrivilegeDeed } from "../../state_plan.ts";

/** Paths that a random player may make. */
const MAX_MADE = 24;
/** Beginnings of paths that are owned as objects by random players. */
const OBJECTS = "layer";
/** The presence of clients, which the host alone writes. */
const PRESENCE = "clients/";
const PRIORITIES = [50, 100, 100, 100, 150] as const;

/** A look: values by path. */
export type Look = ReadonlyMap<string, StateValue>;

/** The deeds of one app. */
export class AppHands {
  readonly replica: StateReplica;
  readonly #random: RandomStream;
  readonly #name: string;
  readonly #owned = new Map<PathId, number>();
  /** Paths with momentary claims: these are refreshed, and so never rest. */
  readonly #momentary = new Set<string>();
  #privilege: number | null = null;
  #asked = false;
  #requests = 0;
  #made = 0;

  constructor(replica: StateReplica, random: RandomStream, name: string) {
    this.replica = replica;
    this.#random = random;
    this.#name = name;
  }

  /** To be called with every event of the replica. */
  handleEvent(event: ReplicaEvent): void {
    const { client } = this.replica;
    if (event.kind === "joined" && !event.resumed) {
      this.#owned.clear();
      this.#privilege = null;
    } else if (event.kind === "own") {
      for (const { id, owner, generation } of event.message.objects) {
        if (owner === client && client !== 0) this.#owned.set(id, generation);
        else this.#owned.delete(id);
      }
    } else if (event.kind === "privilege") {
      const { holder, generation, state } = event.message;
      this.#privilege = holder === client && client !== 0 ? generation : null;
      this.#asked = state === "asked";
    }
  }

  /** Paths that a pattern means, of those that the app knows. */
  pathsOf(pattern: string): PathId[] {
    const { book } = this.replica;
    const found: PathId[] = [];
    for (let number = 1; number <= (book?.lastId ?? 0); number++) {
      const path = book?.pathOf(number as PathId) ?? null;
      if (path === null || path.startsWith(PRESENCE) || book?.definitionOf(number as PathId) === null) {
        continue;
      }
      if (meansName(pattern, path)) found.push(number as PathId);
    }
    return found;
  }

  /** Writes a value to all paths that a pattern means. @returns whether anything was taken. */
  write(nowUs: number, pattern: string, value: unknown, options: WriteOptions = {}): boolean {
    if (options.momentary === true) this.#momentary.add(pattern);
    let isTaken = false;
    for (const id of this.pathsOf(pattern)) {
      const answer = this.replica.set(nowUs, id, value, this.#optionsOf(id, options));
      isTaken ||= answer === "taken";
    }
    return isTaken;
  }

  /** Writes a random value to one random path of a pattern. */
  writeSome(nowUs: number, pattern: string, options: WriteOptions = {}): boolean {
    if (options.momentary === true) this.#momentary.add(pattern);
    const id = this.#pick(this.pathsOf(pattern));
    const definition = id === null ? null : this.replica.book?.definitionOf(id) ?? null;
    if (id === null || definition === null) return false;
    const value = randomValue(definition, this.#random);
    return this.replica.set(nowUs, id, value, this.#optionsOf(id, options)) === "taken";
  }

  /** Lets go of what would be refreshed for ever. */
  rest(nowUs: number): void {
    for (const pattern of this.#momentary) this.release(nowUs, pattern);
    this.#momentary.clear();
  }

  claim(nowUs: number, pattern: string, priority?: number): void {
    for (const id of this.pathsOf(pattern)) {
      this.replica.claim(nowUs, id, this.#optionsOf(id, priority === undefined ? {} : { priority }));
    }
  }

  release(nowUs: number, pattern: string): void {
    for (const id of this.pathsOf(pattern)) this.replica.release(nowUs, id, this.#owned.get(id) ?? null);
  }

  own(nowUs: number, pattern: string, does: OwnDeed, other: number): void {
    const ids = this.pathsOf(pattern).slice(0, 64);
    if (ids.length === 0) return;
    this.replica.request(nowUs, {
      kind: "own",
      term: 0,
      action: does satisfies OwnAction,
      request: ++this.#requests,
      other: other as ClientNumber,
      objects: ids.map((id) => ({
        id,
        state: "free",
        owner: 0 as ClientNumber,
        generation: this.#owned.get(id) ?? 0,
        leftUs: 0,
      })),
      text: "",
    });
  }

  privilege(nowUs: number, does: PrivilegeDeed, other: number): void {
    this.replica.request(nowUs, {
      kind: "priv",
      term: 0,
      action: does satisfies PrivilegeAction,
      request: ++this.#requests,
      state: "none",
      holder: 0 as ClientNumber,
      generation: this.#privilege ?? 0,
      other: other as ClientNumber,
      leftUs: 0,
      text: "",
    });
  }

  transaction(nowUs: number, change: {
    readonly guard?: string;
    readonly put?: Readonly<Record<string, StateValue>>;
    readonly define?: readonly string[];
    readonly remove?: readonly string[];
  }): void {
    const { book, world } = this.replica;
    if (book === null || world === null) return;
    const guards = (change.guard === undefined ? [] : this.pathsOf(change.guard)).map((id) => ({
      on: "path" as const,
      id,
      version: world.slots.versionOf(id) as never,
    }));
    const entries: WireEntry[] = [];
    for (const [path, value] of Object.entries(change.put ?? {})) {
      const id = book.idOf(path);
      const definition = book.definitionOf(id);
      if (id !== NO_PATH && definition !== null) {
        entries.push({ id, type: definition.type, value, winner: null });
      }
    }
    for (const path of change.remove ?? []) {
      for (const id of this.pathsOf(path)) entries.push({ id, type: "gone", value: null, winner: null });
    }
    entries.sort((a, b) => a.id - b.id);
    const definitions = (change.define ?? []).map((path) => readDefinition({ path, type: "unit" }));
    const generation = this.#privilege;
    this.replica.transaction(nowUs, {
      guards,
      entries,
      definitions,
      ...(generation === null ? {} : { generation }),
    });
  }

  /** All that the host says of paths without the presence of clients. */
  look(): Look {
    const look = new Map<string, StateValue>();
    for (const id of this.pathsOf("*")) {
      const path = this.replica.book?.pathOf(id) ?? null;
      const value = this.replica.hostValueOf(id);
      if (path !== null && value !== null) look.set(path, value);
    }
    return look;
  }

  /** Writes a look. */
  load(nowUs: number, look: Look, priority?: number): void {
    for (const [path, value] of look) {
      this.write(nowUs, path, value, priority === undefined ? {} : { priority });
    }
  }

  /** Flips values in the memory behind the copy: as many as asked, of paths that hold numbers. */
  damage(entries: number): void {
    const { world, book } = this.replica;
    if (world === null || book === null) return;
    for (let count = 0; count < entries; count++) {
      const id = this.#pick(
        this.pathsOf("*").filter((each) => typeof this.replica.hostValueOf(each) === "number"),
      );
      if (id === null) return;
      const { numbers } = world.slots;
      numbers[id] = (numbers[id] ?? 0) + 1 + this.#below(7);
    }
  }

  /** Something of all that an app can do, drawn. `others` are clients whom it may give something to. */
  play(nowUs: number, others: readonly number[]): void {
    const kind = this.#below(100);
    const priority = PRIORITIES[this.#below(PRIORITIES.length)] ?? 100;
    if (kind < 60) this.writeSome(nowUs, "*", { priority, take: this.#below(3) === 0 });
    else if (kind < 63) this.writeSome(nowUs, "*", { priority, momentary: true });
    else if (kind < 73) this.#on("*", (path) => this.release(nowUs, path));
    else if (kind < 77) this.#on("*", (path) => this.claim(nowUs, path, priority));
    else if (kind < 82) this.#on(`${OBJECTS}*`, (path) => this.own(nowUs, path, "request", 0));
    else if (kind < 84) this.#on(`${OBJECTS}*`, (path) => this.own(nowUs, path, "steal", 0));
    else if (kind < 87) this.#onOwned((path) => this.own(nowUs, path, "release", 0));
    else if (kind < 89) this.#onOwned((path) => this.own(nowUs, path, "transfer", this.#pick(others) ?? 0));
    else if (kind < 91) this.#onOwned((path) => this.own(nowUs, path, "consent", 0));
    else if (kind < 93) {
      this.privilege(nowUs, this.#asked && this.#privilege !== null ? "consent" : "request", 0);
    } else if (kind < 94) this.privilege(nowUs, this.#privilege === null ? "accept" : "release", 0);
    else if (kind < 95) {
      if (this.#privilege === null) this.privilege(nowUs, "seize", 0);
      else this.privilege(nowUs, "offer", this.#pick(others) ?? 0);
    } else if (kind < 98) this.#structure(nowUs);
    else this.#on("*", (path) => this.transaction(nowUs, { guard: path, put: this.#putOf(path) }));
  }

  #structure(nowUs: number): void {
    const isFull = this.#made >= MAX_MADE;
    if (isFull || this.#below(3) === 0) {
      return this.#on(`made/${this.#name}-*`, (path) => this.transaction(nowUs, { remove: [path] }));
    }
    this.transaction(nowUs, { define: [`made/${this.#name}-${++this.#made}`] });
  }

  #putOf(path: string): Record<string, StateValue> {
    const { book } = this.replica;
    const definition = book?.definitionOf(book.idOf(path)) ?? null;
    return definition === null ? {} : { [path]: randomValue(definition, this.#random) };
  }

  /** A generation goes with a write where the app owns the path, or what it lies below. */
  #optionsOf(id: PathId, options: WriteOptions): WriteOptions {
    const generation = this.#owned.get(id);
    return generation === undefined ? options : { ...options, generation };
  }

  #on(pattern: string, act: (path: string) => void): void {
    const id = this.#pick(this.pathsOf(pattern));
    const path = id === null ? null : this.replica.book?.pathOf(id) ?? null;
    if (path !== null) act(path);
  }

  #onOwned(act: (path: string) => void): void {
    const id = this.#pick([...this.#owned.keys()]);
    const path = id === null ? null : this.replica.book?.pathOf(id) ?? null;
    if (path !== null) act(path);
  }

  #below(bound: number): number {
    return Math.floor(this.#random.float() * bound);
  }

  #pick<T>(from: readonly T[]): T | null {
    return from[this.#below(from.length)] ?? null;
  }
}

/** A value that a parameter can have. */
export function randomValue(definition: ParameterDefinition, random: RandomStream): StateValue {
  const { type, words } = definition;
  const [min, max] = [definition.min ?? 0, definition.max ?? 1];
  const between = (): number => min + random.float() * (max - min);
  switch (type) {
    case "f32":
      return Math.fround(between());
    case "unit":
      return random.float();
    case "i32":
      return Math.floor(min + random.float() * ((definition.max ?? 1_000) - min));
    case "bool":
      return random.float() < 0.5;
    case "enum":
      return words[Math.floor(random.float() * words.length)] ?? null;
    case "text":
      return `text ${Math.floor(random.float() * 1_000)}`;
    case "bytes":
      return Uint8Array.of(Math.floor(random.float() * 256), 7);
    case "vec3":
      return [between(), between(), between()].map(Math.fround);
    case "quat":
      return [0, 0, 0, 1];
    case "json":
      return { number: Math.floor(random.float() * 1_000) };
  }
}
