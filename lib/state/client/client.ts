// The shared state as a program uses it: values by path, writes that are answered, who is there, who may do what.
// Decides how names become numbers and answers promises; what stands is decided by the host, what is shown by the replica.
// Never opens a connection: its port does.

import type { Timers } from "../../platform/mod.ts";
import {
  DEFAULT_PRIORITY,
  isBelow,
  type ParameterDefinition,
  type PathId,
  type StateValue,
} from "../model/mod.ts";
import type { MissingPart, ReplicaEvent, StateReplica, WriteAnswer, WriteOptions } from "../replica/mod.ts";
import { isRefusal, readDefinition } from "../schema/mod.ts";
import { STATE_SESSIONS, STATE_WHY, type StatePort } from "../service/mod.ts";
import type { ReplyOf } from "../../session/mod.ts";
import { parseDefinitionText } from "./define_text.ts";
import { refused, refusedWrite, StateError } from "./errors.ts";
import { Fader } from "./fader.ts";
import { Listeners } from "./listeners.ts";
import { describeMissing } from "./missing_text.ts";
import { Ownership } from "./ownership.ts";
import { Parameter } from "./parameter.ts";
import type { ParameterSet, ParameterSpecs, ParameterValue } from "./parameters.ts";
import { PendingSets } from "./pending_sets.ts";
import { PendingTransactions } from "./pending_transactions.ts";
import { CLIENTS_PREFIX, Presence } from "./presence.ts";
import { PrivilegeClient } from "./privilege.ts";
import type { Seat } from "./seat.ts";
import { MAX_SUBSCRIBED, Subscriptions } from "./subscriptions.ts";
import { notJoined, TransactionBuilder, type TransactionStep } from "./transaction.ts";
import type {
  AwaitedSetOptions,
  ParameterInfo,
  PresenceChange,
  PresentClient,
  SetOptions,
  SetResult,
  StateListener,
} from "./types.ts";
import { Wait } from "./wait.ts";

/** How long answers are awaited where nothing is said, in microseconds. */
export const ANSWER_US = 10_000_000;
/** While a fade runs, listeners hear of it so often. */
const FADE_TICK_US = 33_333;
/** So many batches may follow from what listeners do in one; more wait for the next turn. */
const MAX_ROUNDS = 8;

/** What a client is made with. */
export interface StateClientSettings {
  readonly port: StatePort;
  /** Those of the platform. */
  readonly timers: Timers;
  /** How long answers are awaited, in microseconds; 10 s where nothing is said. */
  readonly timeoutUs?: number;
}

/** What a client counts. */
export interface StateClientCounters {
  /** Listeners that threw. */
  listenerFailures: number;
  /** Batches of which listeners were told. */
  batches: number;
}

/** Hears of own writes; `transaction` ones when they have happened. */
export interface OwnWriteObserver {
  noteSet(
    id: PathId,
    path: string,
    before: StateValue,
    after: StateValue,
    priority: number | undefined,
  ): void;
  noteTransaction(steps: readonly TransactionStep[]): void;
}

/** A client of the shared state. */
export class StateClient {
  readonly #port: StatePort;
  readonly #replica: StateReplica;
  readonly #timers: Timers;
  readonly #timeoutUs: number;
  readonly #subscriptions: Subscriptions;
  readonly #sets: PendingSets;
  readonly #transactions: PendingTransactions;
  readonly #presence: Presence;
  readonly #events: Listeners<ReplicaEvent>;
  readonly #ready = new Set<Wait<void>>();
  readonly #observers: OwnWriteObserver[] = [];
  readonly #stops: (() => void)[];
  /** Handed to the replica with other fields each time: a moving fader makes nothing anew. */
  readonly #options: { -readonly [K in keyof WriteOptions]: WriteOptions[K] | undefined } = {
    priority: undefined,
    take: false,
    momentary: false,
    generation: undefined,
  };
  #isInBatch = false;
  #isBatchDue = false;
  #isFadeTimed = false;
  #isClosed = false;

  /** Objects that one client edits alone. */
  readonly ownership: Ownership;
  /** The right to change structure, of which there is one. */
  readonly privilege: PrivilegeClient;
  readonly counters: StateClientCounters = { listenerFailures: 0, batches: 0 };

  constructor({ port, timers, timeoutUs = ANSWER_US }: StateClientSettings) {
    this.#port = port;
    this.#replica = port.replica;
    this.#timers = timers;
    this.#timeoutUs = timeoutUs;
    const noteFailure = () => void this.counters.listenerFailures++;
    this.#presence = new Presence(() => this.#replica.client, noteFailure);
    const nameOf = (client: number) => this.#presence.nameOf(client);
    const seat: Seat = {
      replica: port.replica,
      nowUs: () => port.nowUs(),
      pump: () => port.pump(),
      nameOf,
      noteFailure,
    };
    this.ownership = new Ownership(seat, timers);
    this.privilege = new PrivilegeClient(seat, timers);
    this.#subscriptions = new Subscriptions(port.replica, noteFailure);
    this.#sets = new PendingSets(port.replica, timers, {
      nameOf,
      ownerOf: (path) => this.ownership.ownerOf(path),
    });
    this.#transactions = new PendingTransactions(timers, nameOf, () => this.privilege.whoHolds());
    this.#events = new Listeners(noteFailure);
    this.#subscriptions.add([CLIENTS_PREFIX], (changes) => this.#presence.handleChanges(changes), true);
    this.#stops = [
      port.onEvent((event) => this.#handleEvent(event)),
      port.onBatch(() => this.#handleBatch()),
    ];
    if (this.#replica.book !== null) this.#handleBatch();
  }

  /** This client's number; 0 before it has one. Another host or a long absence may give it another. */
  get number(): number {
    return this.#replica.client;
  }

  /** Whether everything is here that the host has, and everything there that was written here. */
  get isSynced(): boolean {
    return this.#replica.isSynced;
  }

  /** Whether a host has this client in right now. */
  get isConnected(): boolean {
    return this.#replica.state === "joined";
  }

  /** What is missing for {@linkcode isSynced}; nothing when it is. */
  missing(): MissingPart[] {
    return this.#replica.missing();
  }

  /**
   * Resolves when everything that the host has is here.
   * Rejects with `timeout` after `timeoutUs` microseconds, saying what is missing, and with `closed`.
   */
  ready({ timeoutUs = this.#timeoutUs }: { readonly timeoutUs?: number } = {}): Promise<void> {
    if (this.#isReady()) return Promise.resolve();
    if (this.#isClosed) return Promise.reject(closed("the state is not awaited"));
    const wait = new Wait<void>();
    this.#ready.add(wait);
    wait.expireAt(this.#timers, this.#port.nowUs() + timeoutUs, () => {
      this.#ready.delete(wait);
      wait.reject(
        new StateError("timeout", {
          what: "the shared state is not here yet",
          why: this.missing().map(describeMissing).join("; "),
          hint: "hana state host says which node hosts",
        }),
      );
    });
    return wait.promise;
  }

  /** The effective value of a path, own writes on their way included; null where there is none. */
  get(path: string): StateValue {
    const { book, values } = this.#replica;
    return book === null || values === null ? null : values.valueOf(book.idOf(path));
  }

  /** Whether the path is there. */
  has(path: string): boolean {
    const { book } = this.#replica;
    return book !== null && book.definitionOf(book.idOf(path)) !== null;
  }

  /** Everything about a path. Throws `not-found`, naming the nearest path, and `unreachable` before the first host. */
  info(path: string): ParameterInfo {
    const { book } = this.#replica;
    if (book === null) throw notJoined(path);
    const id = book.lookUp(path);
    if (isRefusal(id)) throw refused(path, `there is no ${path}`, id);
    return this.#infoOf(id);
  }

  /** Everything about all paths at or below `prefix`, by path; "" is all. */
  list(prefix = ""): ParameterInfo[] {
    const { book } = this.#replica;
    const found: ParameterInfo[] = [];
    for (let id = 1; id <= (book?.lastId ?? 0); id++) {
      const path = book?.definitionOf(id as PathId)?.path;
      if (path !== undefined && isBelow(path, prefix)) found.push(this.#infoOf(id as PathId));
    }
    return found.sort((a, b) => a.path < b.path ? -1 : 1);
  }

  /**
   * Has `listener` told, once a batch, of every change of value, holder or priority at or below the paths; with `initial` first
   * of how all of them stand. Paths are names: with another host they are found again. Returns how to stop it.
   * Throws `overloaded` for too many paths.
   */
  subscribe(
    paths: string | readonly string[],
    listener: StateListener,
    { initial = false }: { readonly initial?: boolean } = {},
  ): () => void {
    const prefixes = typeof paths === "string" ? [paths] : [...paths];
    if (prefixes.length > MAX_SUBSCRIBED) {
      throw new StateError("full", {
        what: `${prefixes.length} paths are too many for one listener`,
        why: `${MAX_SUBSCRIBED} at most`,
        hint: "subscribe to what they have in front in common",
      });
    }
    const stop = this.#subscriptions.add(prefixes, listener, initial);
    if (initial && this.#replica.book !== null) this.#timers.defer(() => this.#handleBatch());
    return stop;
  }

  /** Has `listener` told of everything that the copy reports: connections, drops, repairs, alarms. Returns how to stop it. */
  onEvent(listener: (event: ReplicaEvent) => void): () => void {
    return this.#events.add(listener);
  }

  /**
   * Writes a value; it is shown at once. Resolves when the host has it, with what stands. Rejects with a {@linkcode StateError}
   * whose `reason` says why: `unknown-path`, `type`, `out-of-range`, `owner`, `locked`, `rate`, `timeout` …
   */
  set(path: string, value: unknown, options: AwaitedSetOptions = {}): Promise<SetResult> {
    if (this.#isClosed) return Promise.reject(closed(`${path} is not written`));
    const answer = this.#write(path, value, options);
    const error = refusedWrite(path, answer);
    if (error !== null) return Promise.reject(error);
    const untilUs = this.#port.nowUs() + (options.timeoutUs ?? this.#timeoutUs);
    const promise = this.#sets.await(path, options.priority ?? DEFAULT_PRIORITY, untilUs);
    this.#pump();
    return promise;
  }

  /**
   * Writes a value and awaits nothing: for controls that move thirty times a second. What is not sent yet gives way to the
   * newest. Allocates nothing where the path is written faster than values go out.
   */
  trySet(path: string, value: unknown, options: SetOptions = NO_OPTIONS): WriteAnswer {
    const answer = this.#write(path, value, options);
    if (answer === "taken") this.#pump();
    return answer;
  }

  /** Takes a path with the value that it has: its lock, or a priority. Answers as {@linkcode set}. */
  claim(path: string, options: AwaitedSetOptions = {}): Promise<SetResult> {
    return this.set(path, this.get(path), { take: true, ...options });
  }

  /** Gives a path up: the next claim there counts, or the value stays. Answers as {@linkcode set}. */
  release(path: string, { timeoutUs = this.#timeoutUs } = {}): Promise<SetResult> {
    const { book } = this.#replica;
    if (book === null) return Promise.reject(notJoined(path));
    const id = book.lookUp(path);
    if (isRefusal(id)) return Promise.reject(refused(path, `${path} was not released`, id));
    const nowUs = this.#port.nowUs();
    const generation = this.ownership.generationOf(id, path) ?? null;
    const error = refusedWrite(path, this.#replica.release(nowUs, id, generation));
    if (error !== null) return Promise.reject(error);
    const promise = this.#sets.await(path, null, nowUs + timeoutUs);
    this.#pump();
    return promise;
  }

  /**
   * Changes structure, all or nothing: `build` says what. Resolves when it has happened. Rejects with a {@linkcode StateError}:
   * `privilege` where this client does not have it, `version` where a guard does not hold any more, and what `build` throws.
   */
  async transaction(
    build: (transaction: TransactionBuilder) => void,
    { timeoutUs = this.#timeoutUs }: { readonly timeoutUs?: number } = {},
  ): Promise<void> {
    if (this.#isClosed) throw closed("the transaction is not made");
    if (this.#replica.book === null) throw notJoined("the structure");
    const builder = new TransactionBuilder(this.#replica);
    build(builder);
    if (builder.steps.length === 0) return;
    const generation = this.privilege.generation;
    const own = this.ownership.newestGeneration;
    const newest = generation === null ? null : Math.max(generation, own);
    const nowUs = this.#port.nowUs();
    const handle = this.#replica.transaction(nowUs, builder.build(newest));
    if (handle === null) {
      throw new StateError("full", {
        what: "the transaction was not made",
        why: "too many wait for their answer already",
      });
    }
    const answer = this.#transactions.await(handle, nowUs + timeoutUs);
    this.#pump();
    await answer;
    for (const observer of this.#observers) observer.noteTransaction(builder.steps);
  }

  /**
   * Makes a path, or changes its definition: an object, or one line such as `stage/hue f32 0..360 ° = 180`.
   * Answers as {@linkcode transaction}; rejects with `schema` where the definition is wrong.
   */
  async define(definition: Partial<ParameterDefinition> | string): Promise<void> {
    const read = typeof definition === "string"
      ? parseDefinitionText(definition)
      : readDefinition(definition);
    await this.transaction((transaction) => transaction.define(read));
  }

  /** Takes a path out. Answers as {@linkcode transaction}. */
  async forget(path: string): Promise<void> {
    await this.transaction((transaction) => transaction.forget(path));
  }

  /** A path with the type of its values. */
  parameter<T = StateValue>(path: string): Parameter<T> {
    return new Parameter<T>(this, path);
  }

  /** The parameters of a set below a prefix, by name, with the types of their values. */
  parameters<S extends ParameterSpecs>(
    set: ParameterSet<S>,
    prefix: string,
  ): { readonly [K in keyof S]: Parameter<ParameterValue<S[K]>> } {
    const found: Record<string, Parameter<unknown>> = {};
    for (const name of set.names) {
      found[name] = new Parameter<unknown>(this, prefix === "" ? name : `${prefix}/${name}`);
    }
    return found as { readonly [K in keyof S]: Parameter<ParameterValue<S[K]>> };
  }

  /** A physical fader on a path: no effect until it meets the value that stands. */
  fader(path: string, options: SetOptions = {}): Fader {
    return new Fader(this, path, options);
  }

  /** Everybody who is there, this client among them. */
  presence(): PresentClient[] {
    return this.#presence.all();
  }

  /** The name of a client that is or was there; null for one that was never seen. */
  nameOf(client: number): string | null {
    return this.#presence.nameOf(client);
  }

  /** Has `listener` told of everybody who comes, changes and goes. Returns how to stop it. */
  onPresence(listener: (change: PresenceChange) => void): () => void {
    return this.#presence.listen(listener);
  }

  /** Asks the host why a path has its value: every claim on it. Rejects as a session's request, and with `unreachable`. */
  why(path: string): Promise<ReplyOf<typeof STATE_WHY>> {
    return this.#port.ask(STATE_WHY, { path });
  }

  /** Asks the host who takes part and what they hold. Rejects as a session's request, and with `unreachable`. */
  sessions(): Promise<ReplyOf<typeof STATE_SESSIONS>> {
    return this.#port.ask(STATE_SESSIONS, {});
  }

  /** Has own writes told to `observer` as they are made, for a history. Returns how to stop it. */
  observe(observer: OwnWriteObserver): () => void {
    this.#observers.push(observer);
    return () => {
      const at = this.#observers.indexOf(observer);
      if (at >= 0) this.#observers.splice(at, 1);
    };
  }

  /** The port under this client. */
  get port(): StatePort {
    return this.#port;
  }

  /** The timers that this client was made with. */
  get timers(): Timers {
    return this.#timers;
  }

  /** Leaves for good: what this client holds is released at once, its values stay or go as their definitions say. */
  leave(): void {
    if (this.#isClosed) return;
    this.#replica.leave(this.#port.nowUs());
    this.#port.pump();
    this.close();
  }

  /** Stops listening; the port goes on. Everything that is awaited is rejected with `closed`. */
  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    for (const stop of this.#stops) stop();
    for (const wait of this.#ready) wait.reject(closed("the state is not awaited any more"));
    this.#ready.clear();
    this.#sets.close();
    this.#transactions.close();
    this.ownership.close();
    this.privilege.close();
    this.#presence.close();
    this.#subscriptions.clear();
    this.#events.clear();
    this.#observers.length = 0;
  }

  #infoOf(id: PathId): ParameterInfo {
    const replica = this.#replica;
    const definition = replica.book?.definitionOf(id) ?? null;
    if (definition === null) throw notJoined("the path");
    const { path } = definition;
    const holder = replica.holderOf(id);
    return {
      path,
      definition,
      value: replica.values?.valueOf(id) ?? null,
      hostValue: replica.hostValueOf(id),
      holder,
      holderName: this.#presence.nameOf(holder),
      priority: replica.priorityOf(id),
      isOwn: holder !== 0 && holder === replica.client,
      isPending: replica.isPending(id),
      isAmber: replica.isAmber(id),
      owner: this.ownership.ownerOf(path),
    };
  }

  #write(
    path: string,
    value: unknown,
    { priority, take = false, momentary = false }: SetOptions,
  ): WriteAnswer {
    const replica = this.#replica;
    const { book, values } = replica;
    if (book === null || values === null) return "not-joined";
    const id = book.idOf(path);
    const definition = book.definitionOf(id);
    if (definition === null) {
      const unknown = book.lookUp(path);
      return isRefusal(unknown) ? unknown : "not-joined";
    }
    const before = values.valueOf(id);
    const options = this.#options;
    options.priority = priority;
    options.take = take;
    options.momentary = momentary;
    options.generation = this.ownership.generationOf(id, path);
    const answer = replica.set(this.#port.nowUs(), id, value, options as WriteOptions);
    if (answer === "taken" && this.#observers.length > 0) this.#noteSet(id, path, before, value, priority);
    return answer;
  }

  #pump(): void {
    // Whoever is told of this batch hears of what is written in it in the next one, which follows.
    if (this.#isInBatch) this.#isBatchDue = true;
    this.#port.pump();
  }

  #noteSet(
    id: PathId,
    path: string,
    before: StateValue,
    value: unknown,
    priority: number | undefined,
  ): void {
    const after = this.#replica.book?.check(id, value);
    if (after === undefined || isRefusal(after)) return;
    for (const observer of this.#observers) observer.noteSet(id, path, before, after, priority);
  }

  #isReady(): boolean {
    return this.#replica.missing().every(({ what }) => what === "acknowledgement");
  }

  #handleEvent(event: ReplicaEvent): void {
    switch (event.kind) {
      case "joined":
        this.ownership.handleJoined(event.epoch.term);
        this.privilege.handleJoined();
        break;
      case "own":
        this.ownership.handleMessage(event.message);
        break;
      case "privilege":
        this.privilege.handleMessage(event.message);
        break;
      case "dropped":
        this.#sets.handleDropped(event);
        break;
      case "transaction":
        this.#transactions.handleAnswer(event);
    }
    this.#events.tell(event);
  }

  #handleBatch(): void {
    if (this.#isClosed) return;
    if (this.#isInBatch) {
      // A listener wrote something: its batch follows this one.
      this.#isBatchDue = true;
      return;
    }
    this.#isInBatch = true;
    let rounds = 0;
    do {
      this.#isBatchDue = false;
      this.counters.batches++;
      this.#tellBatch();
    } while (this.#isBatchDue && ++rounds < MAX_ROUNDS);
    this.#isInBatch = false;
    if (this.#isBatchDue) this.#timers.defer(() => this.#handleBatch());
    this.#timeFades();
  }

  #tellBatch(): void {
    // Names first: what is told afterwards names clients.
    this.#subscriptions.handleBatch(this.#port.nowUs());
    this.#sets.handleBatch();
    this.ownership.handleBatch();
    this.privilege.handleBatch();
    if (this.#ready.size === 0 || !this.#isReady()) return;
    for (const wait of this.#ready) wait.resolve();
    this.#ready.clear();
  }

  /** A fade moves values without any message. */
  #timeFades(): void {
    if (this.#isFadeTimed || (this.#replica.values?.fading ?? 0) === 0) return;
    this.#isFadeTimed = true;
    this.#timers.schedule(this.#port.nowUs() + FADE_TICK_US, () => {
      this.#isFadeTimed = false;
      this.#handleBatch();
    });
  }
}

const NO_OPTIONS: SetOptions = {};

function closed(what: string): StateError {
  return new StateError("closed", { what, why: "the client was closed" });
}
