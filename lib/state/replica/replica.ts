// The client side of shared state: a copy of the host's, and own writes on their way to it (research 2.7, 2.8, 2.10).
// Decides which host may speak (its epoch), joins and rejoins, notices a silent host, and says what is missing.
// Synchronous: messages and time in, messages and events out. Never opens a connection, never decides who wins.

import type { NodeId } from "../../base/mod.ts";
import { type ClientNumber, type PathId, type StateEpoch, type StateValue } from "../model/mod.ts";
import { DEFAULT_BOOK_LIMITS, type SchemaBook } from "../schema/mod.ts";
import {
  type BeatMessage,
  BOOK_SUBSYSTEM,
  type ChunkMessage,
  type ErrorMessage,
  type HelloMessage,
  type Interest,
  type NackMessage,
  type NamesMessage,
  type OwnMessage,
  type PatchMessage,
  type PrivilegeMessage,
  type StateMessage,
  type WelcomeMessage,
} from "../messages/mod.ts";
import { ACK_DELAY_US, BEAT_US, HELLO_US, MAX_HELLO_US, MAX_HELLOS } from "./bounds.ts";
import { EpochFence, type FenceAlarm } from "./epoch_fence.ts";
import {
  EventQueue,
  newCounters,
  type ReconnectReason,
  type ReplicaCounters,
  type ReplicaEvent,
} from "./events.ts";
import { HostWatch } from "./host_watch.ts";
import { ackMessage, beatMessage, helloMessage, type ReplicaOptions } from "./outgoing.ts";
import { OwnWrites } from "./own_writes.ts";
import type { ShownValues } from "./shown.ts";
import { type MissingPart, missingParts } from "./missing.ts";
import { type LeaveWish, Requests } from "./requests.ts";
import { World } from "./world.ts";
import type { TransactionRequest, WriteAnswer, WriteOptions } from "./writes.ts";

const ALL: readonly Interest[] = [{ prefix: "", rate: "fast", maxHz: 0 }];

/** When a replica wants to be called, and for what. */
export interface ReplicaDeadline {
  readonly atUs: number;
  readonly reason: "hello" | "beat" | "ack" | "silence" | "sync" | "resync" | "write" | "wait";
}

/** `refused`: connected to a host that may not be followed. */
export type ReplicaState = "away" | "joining" | "joined" | "refused";

/** A client of shared state. */
export class StateReplica {
  readonly #options: ReplicaOptions;
  readonly #interests: readonly Interest[];
  readonly #counters = newCounters();
  readonly #events = new EventQueue(this.#counters);
  readonly #writes = new OwnWrites(this.#counters, this.#events);
  readonly #requests = new Requests(this.#events);
  readonly #fence = new EpochFence();
  readonly #watch = new HostWatch();
  #state: ReplicaState = "away";
  #shown: World | null = null;
  /** That of a newer epoch, until it is whole. */
  #coming: World | null = null;
  #client = 0 as ClientNumber;
  #token: Uint8Array | null;
  #nowUs = 0;
  #sentUs = 0;
  #helloUs = Infinity;
  #helloPauseUs = HELLO_US;
  #hellos = 0;
  #ackUs = Infinity;
  #beatUs = BEAT_US;
  #nonce = 0;
  #isLeaving = false;
  #isReadyTold = false;
  #hasAlarmed = false;

  constructor(options: ReplicaOptions) {
    this.#options = options;
    this.#interests = options.interests ?? ALL;
    this.#token = options.token ?? null;
  }

  get state(): ReplicaState {
    return this.#state;
  }

  get counters(): Readonly<ReplicaCounters> {
    return this.#counters;
  }

  /** The epoch whose values are shown; null before the first. */
  get epoch(): StateEpoch | null {
    return this.#shown?.epoch ?? null;
  }

  /** This client's number; 0 before it has one. */
  get client(): ClientNumber {
    return this.#client;
  }

  /** To go on as this client later, in another process; null before the first welcome. */
  get token(): Uint8Array | null {
    return this.#token;
  }

  /** Definitions and the numbers of paths; null before the first welcome. */
  get book(): SchemaBook | null {
    return this.#shown?.book ?? null;
  }

  /** Counts the books: with another generation the numbers of paths are others. */
  get generation(): number {
    return this.#shown?.generation ?? 0;
  }

  /** The effective values, to be read every frame; another object with another generation, null before the first. */
  get values(): ShownValues | null {
    return this.#shown?.shown ?? null;
  }

  /** Everything of the epoch that is shown, for a look inside; null before the first. */
  get world(): World | null {
    return this.#shown;
  }

  /** Whether everything is here that the host has, and everything there that was written here. Allocates nothing. */
  get isSynced(): boolean {
    const world = this.#shown;
    if (this.#state !== "joined" || this.#watch.isSilent || this.#coming !== null || world === null) {
      return false;
    }
    if (this.#writes.pending > 0 || world.syncs.size === 0) return false;
    for (const sync of world.syncs.values()) if (sync.isBehind || sync.isDifferent) return false;
    return true;
  }

  /** Own values that the host has not acknowledged. */
  get pendingWrites(): number {
    return this.#writes.pending;
  }

  /** Whether only the host, and no standby, has what it acknowledged last. */
  get isSingle(): boolean {
    return this.#writes.isSingle;
  }

  /** What is missing for {@linkcode isSynced}; nothing when it is. */
  missing(): MissingPart[] {
    return missingParts({
      state: this.#state,
      isSilent: this.#watch.isSilent && this.#state !== "away",
      isNewEpoch: this.#coming !== null,
      world: this.#coming ?? this.#shown,
      pending: this.#writes.pending,
    });
  }

  /** Whose value a path has; 0 for nobody's. */
  holderOf(id: PathId): number {
    return this.#shown?.slots.holderOf(id) ?? 0;
  }

  /** The priority of the holder. */
  priorityOf(id: PathId): number {
    return this.#shown?.slots.priorityOf(id) ?? 0;
  }

  /** What the host says that a path has, without own writes and fades; null where it has nothing. */
  hostValueOf(id: PathId): StateValue {
    return this.#shown?.slots.valueOf(id) ?? null;
  }

  /** Whether an own write of the path waits for more than two seconds. */
  isAmber(id: PathId): boolean {
    return this.#writes.isAmber(id);
  }

  /** Whether an own write of the path, or its release, is not acknowledged yet. Allocates nothing. */
  isPending(id: PathId): boolean {
    return this.#writes.isPending(id);
  }

  /** A connection to a host, or to what may be one, is there. */
  handleConnected(nowUs: number): void {
    this.#advance(nowUs);
    this.#enterAway();
    this.#state = "joining";
    this.#watch.begin(nowUs);
    this.#helloUs = nowUs;
    this.#helloPauseUs = HELLO_US;
    this.#hellos = 0;
    this.#isLeaving = false;
    this.#hasAlarmed = false;
  }

  /** The connection is gone. Values stay as they are. */
  handleLost(nowUs: number): void {
    this.#advance(nowUs);
    this.#enterAway();
  }

  /** Takes a message of the host. */
  handleMessage(nowUs: number, message: StateMessage): void {
    this.#advance(nowUs);
    if (this.#state === "away" || this.#state === "refused") return this.#noteUnexpected();
    if (this.#watch.handleHeard(nowUs)) this.#events.push({ kind: "silent", isSilent: false });
    switch (message.kind) {
      case "welcome":
        return this.#handleWelcome(nowUs, message);
      case "error":
        return this.#handleError(nowUs, message);
      case "beat":
        return this.#handleBeat(nowUs, message);
      case "bye":
        if (message.term !== 0 && message.term < this.#fence.term) return void this.#counters.olderTerms++;
        return this.#giveUp("bye", message.text, message.successor);
      case "chunk":
      case "patch":
      case "nack":
      case "own":
      case "priv":
      case "names":
        if (this.#isCurrent(nowUs, message.term)) this.#handleCurrent(nowUs, message);
        return;
      default:
        return this.#noteUnexpected();
    }
  }

  /** Does what is due. */
  handleDeadline(nowUs: number): void {
    this.#advance(nowUs);
    this.#writes.handleDeadline(nowUs, this.#canWrite);
    if (this.#state === "away" || this.#state === "refused") return;
    const silence = this.#watch.handleDeadline(nowUs);
    if (silence === "lost") return this.#giveUp("silence", "the host says nothing any more", null);
    if (silence === "suspect") this.#events.push({ kind: "silent", isSilent: true });
    const isUnheard = this.#state === "joining" && this.#hellos >= MAX_HELLOS && nowUs >= this.#helloUs;
    if (isUnheard || (this.#state === "joined" && this.#writes.isStuck)) {
      return this.#giveUp("unanswered", "the host does not answer what it is told", null);
    }
    const world = this.#live;
    if (this.#state !== "joined" || world === null) return;
    for (const sync of world.syncs.values()) {
      if (nowUs >= sync.deadlineUs()) sync.handleDeadline(nowUs);
      if (sync.isLost) return this.#giveUp("resync", "the copy cannot be repaired in this connection", null);
    }
  }

  /** When {@linkcode handleDeadline} and then {@linkcode poll} have something to do; null for never. */
  deadline(): ReplicaDeadline | null {
    let atUs = this.#writes.deadlineUs(this.#canWrite);
    let reason: ReplicaDeadline["reason"] = "wait";
    const note = (dueUs: number, why: ReplicaDeadline["reason"]): void => {
      if (dueUs < atUs) [atUs, reason] = [dueUs, why];
    };
    if (this.#state === "joining" || this.#state === "joined") {
      note(this.#watch.deadlineUs(), "silence");
    }
    if (this.#state === "joining") note(this.#later(this.#helloUs), "hello");
    if (this.#state === "joined") {
      note(this.#later(this.#sentUs + this.#beatUs), "beat");
      note(this.#later(this.#ackUs), "ack");
      for (const sync of this.#live?.syncs.values() ?? []) {
        note(sync.deadlineUs(), "sync");
        note(this.#later(sync.askUs()), "resync");
      }
      if (this.#canWrite) note(this.#later(this.#writes.sendUs()), "write");
    }
    return atUs === Infinity ? null : { atUs, reason };
  }

  /** The next message for the host; null when there is none for now. Call it after every other call until then. */
  poll(): StateMessage | null {
    const message = this.#nextMessage();
    if (message !== null) this.#sentUs = this.#nowUs;
    return message;
  }

  /** The next event; null when there is none. */
  pollEvent(): ReplicaEvent | null {
    return this.#events.poll();
  }

  /** Writes a value; it is shown at once. */
  set(nowUs: number, id: PathId, value: unknown, options: WriteOptions = {}): WriteAnswer {
    this.#advance(nowUs);
    return this.#writes.set(nowUs, id, value, options);
  }

  /** Takes a path with the value that it has: its lock, or a priority. */
  claim(nowUs: number, id: PathId, options: WriteOptions = {}): WriteAnswer {
    const value = this.#shown?.shown.valueOf(id) ?? null;
    return this.set(nowUs, id, value, { take: true, ...options });
  }

  /** Gives a path up: the next claim there counts, or the value stays. */
  release(nowUs: number, id: PathId, generation: number | null = null): WriteAnswer {
    this.#advance(nowUs);
    return this.#writes.release(nowUs, id, generation);
  }

  /** Asks for changes of structure, all or none; the handle that its event will have, or null when too many wait. */
  transaction(nowUs: number, request: TransactionRequest): number | null {
    this.#advance(nowUs);
    return this.#writes.transaction(request);
  }

  /** Sends a request about ownership or privilege; its term is filled in. Whether there was room. */
  request(nowUs: number, message: OwnMessage | PrivilegeMessage): boolean {
    this.#advance(nowUs);
    return this.#state === "joined" && this.#requests.push(message);
  }

  /** What to write when this client goes, in place of what was said before; all or nothing. Every host is told. */
  onLeave(nowUs: number, wishes: readonly LeaveWish[]): WriteAnswer {
    this.#advance(nowUs);
    return this.#requests.leave(this.#shown?.book ?? null, wishes);
  }

  /** Leaves for good: everything that this client holds is released at once. */
  leave(nowUs: number): void {
    this.#advance(nowUs);
    if (this.#state === "joined") this.#isLeaving = true;
    else this.#enterAway();
    this.#token = null;
  }

  /** A person decided that an older host is to be followed: everything is forgotten but what is shown until it answers. */
  forgetEpoch(nowUs: number): void {
    this.handleLost(nowUs);
    this.#coming = null;
    this.#fence.forget();
    this.#token = null;
  }

  get #live(): World | null {
    return this.#coming ?? this.#shown;
  }

  /** While a new epoch comes in, own writes wait: its paths have other numbers. */
  get #canWrite(): boolean {
    return this.#state === "joined" && this.#coming === null;
  }

  #later(atUs: number): number {
    // What may go out already is for poll, not for a timer.
    return atUs > this.#nowUs ? atUs : Infinity;
  }

  #advance(nowUs: number): void {
    if (this.#watch.handleTime(nowUs) && this.#state !== "away") this.#counters.slept++;
    this.#nowUs = Math.max(this.#nowUs, nowUs);
    this.#shown?.handleTime(nowUs);
    this.#coming?.handleTime(nowUs);
  }

  #enterAway(): void {
    this.#state = "away";
    this.#shown?.handleLost();
    this.#coming?.handleLost();
    this.#requests.handleLost();
    this.#ackUs = this.#helloUs = Infinity;
  }

  #giveUp(reason: ReconnectReason, text: string, successor: NodeId | null): void {
    this.#enterAway();
    this.#events.push({ kind: "reconnect", reason, successor, text });
  }

  /** The host does not know this client: hello again, not at once when one has just gone out. */
  #rejoin(nowUs: number): void {
    if (this.#state !== "joined") return;
    this.#state = "joining";
    this.#live?.handleLost();
    this.#helloUs = Math.max(nowUs, this.#helloUs === Infinity ? nowUs : this.#helloUs);
  }

  #noteUnexpected(): void {
    this.#counters.unexpected++;
  }

  #alarm(alarm: FenceAlarm | "host-went-back", theirs: StateEpoch): void {
    if (this.#hasAlarmed) return;
    this.#hasAlarmed = true;
    this.#events.push({ kind: "alarm", alarm, ours: this.#fence.epoch ?? theirs, theirs });
  }

  /** Whether a message of `term` is of the host that is followed (research 2.7, C2). */
  #isCurrent(nowUs: number, term: number): boolean {
    const world = this.#live;
    if (world !== null && term < world.epoch.term) this.#counters.olderTerms++;
    else if (this.#state !== "joined" || world === null) this.#noteUnexpected();
    else if (term === world.epoch.term) return true;
    else {
      this.#counters.newerTerms++;
      this.#rejoin(nowUs);
    }
    return false;
  }

  #handleWelcome(nowUs: number, message: WelcomeMessage): void {
    const { epoch, resumed, ack, client, limits, plans, takenOver } = message;
    const alarm = this.#fence.alarmOf(epoch);
    if (alarm !== null) {
      if (alarm === "older-host") this.#counters.olderTerms++;
      this.#alarm(alarm, epoch);
      this.#enterAway();
      this.#state = "refused";
      return;
    }
    const world = this.#worldOf(epoch);
    if (this.#state === "joined" && world === this.#live && ack.sequence < this.#writes.acknowledged) {
      // The answer to an earlier hello of this connection: what it tells is over.
      return this.#noteUnexpected();
    }
    this.#state = "joined";
    this.#fence.follow(epoch);
    this.#token = message.token;
    this.#client = client;
    this.#helloUs = nowUs + HELLO_US;
    this.#helloPauseUs = HELLO_US;
    this.#hellos = 0;
    this.#beatUs = Math.min(BEAT_US, Math.max(ACK_DELAY_US, Math.floor(limits.silenceUs / 3)));
    this.#isReadyTold = false;
    this.#requests.handleWelcome(limits.maxPriority);
    this.#writes.handleWelcome(nowUs, { resumed, ack, client, maxPriority: limits.maxPriority });
    this.#events.push({ kind: "joined", epoch, client, resumed, takenOver });
    if (plans.some(({ subsystem, version }) => version < (world.syncs.get(subsystem)?.have ?? 0))) {
      this.#alarm("host-went-back", epoch);
    }
    world.handlePlans(nowUs, plans);
    this.#noteProgress(nowUs);
  }

  #worldOf(epoch: StateEpoch): World {
    const live = this.#live;
    if (live !== null && live.epoch.term === epoch.term && live.epoch.hostId === epoch.hostId) return live;
    const world = new World({
      epoch,
      limits: this.#options.limits ?? DEFAULT_BOOK_LIMITS,
      counters: this.#counters,
      events: this.#events,
      generation: this.generation + 1,
      frame: (this.#shown?.shown.frame ?? 0) + 1,
    });
    if (this.#shown === null) {
      this.#shown = world;
      world.show(this.#writes);
    } else this.#coming = world;
    world.handleTime(this.#nowUs);
    return world;
  }

  /** Something came in: perhaps everything is here now. */
  #noteProgress(nowUs: number): void {
    const world = this.#live;
    if (world === null) return;
    if (world === this.#shown && world.syncs.get(BOOK_SUBSYSTEM)?.isComplete !== false) {
      this.#writes.handleWorld(nowUs, world);
    }
    if (this.#isReadyTold || !world.isReady) return;
    this.#isReadyTold = true;
    if (world === this.#coming) {
      this.#shown = world;
      this.#coming = null;
      world.show(this.#writes);
      this.#writes.handleWorld(nowUs, world);
    }
    this.#events.push({ kind: "ready", epoch: world.epoch, generation: world.generation });
  }

  #handleCurrent(
    nowUs: number,
    message: ChunkMessage | PatchMessage | NackMessage | NamesMessage | OwnMessage | PrivilegeMessage,
  ): void {
    const world = this.#live;
    if (world === null) return;
    switch (message.kind) {
      case "patch":
        return this.#handlePatch(nowUs, world, message);
      case "chunk": {
        const sync = world.syncOf(message.subsystem);
        if (sync === null) return this.#noteUnexpected();
        world.nameSubsystem(message.subsystem, message.entries);
        sync.handleChunk(nowUs, message);
        if (sync.isAckDue) this.#ackUs = Math.min(this.#ackUs, nowUs + ACK_DELAY_US);
        return this.#noteProgress(nowUs);
      }
      case "names":
        return world.handleNames(nowUs, message.subsystems);
      case "nack":
        if (this.#requests.handleNack(message, world.book)) return;
        this.#writes.handleNack(nowUs, message);
        if (message.code === "suspended" || message.code === "epoch") this.#rejoin(nowUs);
        return;
      case "own":
        return this.#events.push({ kind: "own", message });
      case "priv":
        return this.#events.push({ kind: "privilege", message });
    }
  }

  #handlePatch(nowUs: number, world: World, patch: PatchMessage): void {
    const sync = world.syncOf(patch.subsystem);
    if (sync === null) return this.#noteUnexpected();
    world.nameSubsystem(patch.subsystem, patch.entries);
    const isCaughtUp = sync.handlePatch(nowUs, patch);
    if (sync.isAckDue) this.#ackUs = Math.min(this.#ackUs, nowUs + ACK_DELAY_US);
    this.#noteProgress(nowUs);
    // Numbers of writes mean something to a host only after they were counted anew for it.
    if (patch.ack !== null) this.#writes.handleAck(nowUs, patch.ack);
    if (isCaughtUp) this.#writes.noteCaughtUp(nowUs, patch.subsystem);
  }

  #handleBeat(nowUs: number, { epoch, ack, versions }: BeatMessage): void {
    const world = this.#live;
    if (world !== null && epoch.term === world.epoch.term && epoch.hostId !== world.epoch.hostId) {
      return this.#alarm("two-hosts", epoch);
    }
    if (!this.#isCurrent(nowUs, epoch.term) || world === null) return;
    for (const { subsystem, version, digest } of versions) {
      const sync = world.syncOf(subsystem);
      if (sync === null) this.#noteUnexpected();
      else if (sync.handleAnnounced(nowUs, version, digest)) this.#alarm("host-went-back", epoch);
    }
    if (ack !== null) this.#writes.handleAck(nowUs, ack);
    this.#noteProgress(nowUs);
  }

  #handleError(nowUs: number, { term, code, text }: ErrorMessage): void {
    if (term !== 0 && term < this.#fence.term) return void this.#counters.olderTerms++;
    this.#events.push({ kind: "error", code, text });
    this.#hellos = 0;
    switch (code) {
      case "token":
        this.#token = null;
        this.#helloUs = Math.min(this.#helloUs, nowUs);
        return this.#rejoin(nowUs);
      case "not-joined":
      case "epoch":
        return this.#rejoin(nowUs);
      case "not-host":
        return this.#giveUp("refused", text, null);
      case "protocol":
      case "role":
      case "full":
        this.#rejoin(nowUs);
        this.#helloPauseUs = MAX_HELLO_US;
        this.#helloUs = nowUs + MAX_HELLO_US;
        return;
      default:
        return;
    }
  }

  #nextMessage(): StateMessage | null {
    const nowUs = this.#nowUs;
    if (this.#state === "joining") return nowUs >= this.#helloUs ? this.#hello(nowUs) : null;
    const world = this.#live;
    if (this.#state !== "joined" || world === null) return null;
    const { term } = world.epoch;
    for (const sync of world.syncs.values()) {
      if (nowUs < sync.askUs()) continue;
      this.#nonce = (this.#nonce + 1) % 0x1_0000_0000;
      const question = sync.pollResync(nowUs, this.#nonce);
      if (question !== null) return question;
    }
    if (nowUs >= this.#ackUs) {
      this.#ackUs = Infinity;
      return ackMessage(nowUs, world);
    }
    const request = this.#requests.poll(term, this.#canWrite ? world.book : null);
    if (request !== null) return request;
    if (this.#canWrite) {
      const write = this.#writes.pollMessage(nowUs, term, this.#isLeaving);
      if (write !== null) return write;
    }
    if (this.#isLeaving) {
      this.#enterAway();
      return { kind: "bye", term, reason: "leaving", successor: null, text: "" };
    }
    if (nowUs < this.#sentUs + this.#beatUs) return null;
    const state = this.isSynced ? "synced" : "behind";
    return beatMessage(nowUs, world, state, this.#writes.lastSequence);
  }

  #hello(nowUs: number): HelloMessage {
    this.#helloUs = nowUs + this.#helloPauseUs;
    this.#hellos++;
    this.#helloPauseUs = Math.min(this.#helloPauseUs * 2, MAX_HELLO_US);
    const world = this.#fence.epoch === null ? null : this.#live;
    return helloMessage(this.#options, this.#interests, this.#token, world);
  }
}
