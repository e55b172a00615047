// Who wants to hear of which paths, and what each was told last.
// Decides what is news to whom: a value, holder or priority that is other than what was told. Paths are kept by name: a new
// host gives them other numbers. Never decides what is effective (replica/).

import { isBelow, type PathId, type StateValue } from "../model/mod.ts";
import type { StateReplica } from "../replica/mod.ts";
import { equalValues, type SchemaBook } from "../schema/mod.ts";
import type { StateChange, StateListener } from "./types.ts";

/** Paths or beginnings of paths that one listener wants; more are refused. */
export const MAX_SUBSCRIBED = 4_096;

/** What a listener was told of a path. */
interface Told {
  value: StateValue;
  holder: number;
  priority: number;
}

interface Subscription {
  readonly prefixes: readonly string[];
  readonly listener: StateListener;
  readonly told: Map<string, Told>;
  /** What it hears next. */
  readonly news: Map<string, StateChange>;
  /** It has heard how things stand. */
  hasBegun: boolean;
  isOver: boolean;
}

/** The subscriptions of one client. */
export class Subscriptions {
  readonly #replica: StateReplica;
  readonly #noteFailure: (thrown: unknown) => void;
  readonly #all = new Set<Subscription>();
  /** Those that a number concerns, until the numbers or the subscriptions change. */
  readonly #concerned = new Map<PathId, readonly Subscription[]>();
  #changed = new Uint32Array(256);
  #frame = 0;
  #generation = 0;

  constructor(replica: StateReplica, noteFailure: (thrown: unknown) => void) {
    this.#replica = replica;
    this.#noteFailure = noteFailure;
  }

  get size(): number {
    return this.#all.size;
  }

  /**
   * Has `listener` told of every change at or below the paths. With `initial` it first hears how all of them stand.
   * Returns how to stop it.
   */
  add(prefixes: readonly string[], listener: StateListener, initial: boolean): () => void {
    const subscription: Subscription = {
      prefixes,
      listener,
      told: new Map(),
      news: new Map(),
      hasBegun: false,
      isOver: false,
    };
    this.#begin(subscription, initial);
    this.#all.add(subscription);
    this.#concerned.clear();
    return () => {
      subscription.isOver = true;
      this.#all.delete(subscription);
      this.#concerned.clear();
    };
  }

  /** Ends all of them. */
  clear(): void {
    for (const subscription of this.#all) subscription.isOver = true;
    this.#all.clear();
    this.#concerned.clear();
  }

  /** A batch is over: tells everybody what is news to it. */
  handleBatch(nowUs: number): void {
    const { book, values, generation } = this.#replica;
    if (book === null || values === null) return;
    const since = this.#frame;
    this.#frame = values.beginFrame(nowUs);
    if (this.#all.size === 0) {
      this.#generation = generation;
      return;
    }
    const hasNewBook = generation !== this.#generation;
    this.#generation = generation;
    if (hasNewBook) {
      this.#concerned.clear();
      for (const subscription of this.#all) this.#compareAll(subscription, book);
    } else {
      const count = this.#changedSince(since);
      for (let at = 0; at < count; at++) this.#noteChanged(book, this.#changed[at] as PathId);
    }
    this.#tell();
  }

  /** Numbers of all paths that changed since a frame, in {@linkcode #changed}. */
  #changedSince(frame: number): number {
    for (;;) {
      const count = this.#replica.values?.changedSince(frame, this.#changed) ?? 0;
      if (count < this.#changed.length) return count;
      this.#changed = new Uint32Array(this.#changed.length * 2);
    }
  }

  #noteChanged(book: SchemaBook, id: PathId): void {
    const path = book.pathOf(id);
    if (path === null) return;
    let concerned = this.#concerned.get(id);
    if (concerned === undefined) {
      concerned = [...this.#all].filter(({ prefixes }) => prefixes.some((prefix) => isBelow(path, prefix)));
      this.#concerned.set(id, concerned);
    }
    for (const subscription of concerned) this.#compare(subscription, book, path);
  }

  #begin(subscription: Subscription, initial: boolean): void {
    const { book } = this.#replica;
    if (book === null) {
      // Before the first host everything will be news, which is what `initial` wants.
      subscription.hasBegun = initial;
      return;
    }
    subscription.hasBegun = true;
    this.#compareAll(subscription, book);
    if (!initial) subscription.news.clear();
  }

  /** Looks at every path again. */
  #compareAll(subscription: Subscription, book: SchemaBook): void {
    const { prefixes, told } = subscription;
    for (const path of told.keys()) this.#compare(subscription, book, path);
    for (let id = 1; id <= book.lastId; id++) {
      const path = book.definitionOf(id as PathId)?.path;
      if (path === undefined || !prefixes.some((prefix) => isBelow(path, prefix))) continue;
      this.#compare(subscription, book, path);
    }
    if (!subscription.hasBegun) {
      // How things stood when the first host came was not asked for.
      subscription.news.clear();
      subscription.hasBegun = true;
    }
  }

  #compare({ told, news }: Subscription, book: SchemaBook, path: string): void {
    const id = book.idOf(path);
    const definition = book.definitionOf(id);
    const last = told.get(path);
    if (definition === null) {
      if (last === undefined) return;
      told.delete(path);
      news.set(path, { path, value: null, holder: 0, priority: 0, isGone: true });
      return;
    }
    const replica = this.#replica;
    const shown = replica.values?.valueOf(id) ?? null;
    const holder = replica.holderOf(id);
    const priority = replica.priorityOf(id);
    const isSame = last !== undefined && last.holder === holder && last.priority === priority &&
      isSameShown(definition.type, last.value, shown);
    if (isSame) return;
    // A vector that fades is the same array each time.
    const value = Array.isArray(shown) && definition.type !== "json" ? shown.slice() : shown;
    if (last === undefined) told.set(path, { value, holder, priority });
    else {
      last.value = value;
      last.holder = holder;
      last.priority = priority;
    }
    news.set(path, { path, value, holder, priority, isGone: false });
  }

  #tell(): void {
    for (const subscription of [...this.#all]) {
      const { news, listener } = subscription;
      if (subscription.isOver || news.size === 0) continue;
      const changes = [...news.values()];
      news.clear();
      try {
        listener(changes);
      } catch (thrown) {
        this.#noteFailure(thrown);
      }
    }
  }
}

function isSameShown(type: Parameters<typeof equalValues>[0], a: StateValue, b: StateValue): boolean {
  if (a === b) return true;
  // Null is no value of most types: a path that has none yet.
  if (a === null || b === null) return false;
  // A fade passes between the steps of a type: what is shown differs though it would be kept as the same.
  if (typeof a === "number" || typeof b === "number") return false;
  return equalValues(type, a, b);
}
