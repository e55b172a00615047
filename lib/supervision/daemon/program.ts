// One program of a node as its daemon sees it: what is wanted, its shim if there is one, and how the two come together.
// Decides when a shim is looked for, started, told, given up and replaced; the shim decides all about the program itself.
// One step at a time: whatever happens, `settle` is called, and what is gets brought in line with what is wanted.

import { HanaError, toHanaError, toHex } from "../../base/mod.ts";
import type { RowChange, TimerHandle } from "../../platform/mod.ts";
import type { JournalContent } from "../journal/mod.ts";
import { LIVE, type ProgramEvent, type ProgramSnapshot, type ShimAssignment } from "../model/mod.ts";
import { assignmentOf, keepAssignment } from "./assignment.ts";
import type { ProgramContext } from "./context.ts";
import { missingOf } from "./needs.ts";
import { digestOf } from "./places.ts";
import { awaitLock, reachShim } from "./reach.ts";
import { instanceChange, type InstanceRow, programChange, type ProgramRow } from "./rows.ts";
import { ShimLink } from "./shim_link.ts";
import { requireFile } from "./show_checks.ts";
import {
  absentSnapshot,
  endedInOrder,
  isDone,
  journalOf,
  keptSnapshot,
  remembered,
  shownArgv,
} from "./standing.ts";
import { remainsOf, sweep } from "./sweep.ts";

/** Pauses between looks at a shim that does not answer though it lives, and before a shim is started again. */
const SEEK_PAUSE_US = 100_000;
const MAX_SEEK_PAUSE_US = 1_000_000;
const START_PAUSE_US = 250_000;
const MAX_START_PAUSE_US = 15_000_000;
const TOKEN_BYTES = 16;

/** What is known of a program's shim. */
type Presence =
  /** Nobody has looked since the daemon started or the connection was lost. */
  | "unknown"
  /** There is none. */
  | "none"
  /** It answers. */
  | "linked";

/** A program. */
export class SupervisedProgram {
  readonly name: string;
  readonly #context: ProgramContext;
  #row: ProgramRow;
  #instance: InstanceRow;
  #snapshot: ProgramSnapshot;
  #argv: readonly string[];
  #presence: Presence;
  #link: ShimLink | null = null;
  /** The generation that the shim knows. */
  #told = -1;
  #now = false;
  #isHeld = false;
  #isAdopting: boolean;
  #isForgotten = false;
  #isStopped = false;
  /** Why nothing runs though it is wanted. */
  #trouble: string | null = null;
  #state: ProgramSnapshot["state"] = "idle";
  #clearedAt = "";
  readonly #found = Promise.withResolvers<void>();
  #work: Promise<void> | null = null;
  #again = false;
  #timer: TimerHandle | null = null;
  #seekPauseUs = SEEK_PAUSE_US;
  #startPauseUs = START_PAUSE_US;
  #saveAgain = false;

  constructor(context: ProgramContext, row: ProgramRow, instance: InstanceRow, presence: "unknown" | "none") {
    this.name = row.name;
    this.#context = context;
    this.#row = row;
    this.#argv = shownArgv(row.spec);
    this.#instance = instance;
    this.#presence = presence;
    this.#isAdopting = presence === "unknown";
    const { bootId } = context.platform.processTable;
    const isNewBoot = instance.bootId !== null && instance.bootId !== bootId;
    this.#isHeld = isNewBoot && row.spec.boot === "ask" && row.want !== "down" &&
      !isDone(row, instance, bootId);
    this.#snapshot = this.#look();
  }

  get row(): ProgramRow {
    return this.#row;
  }

  /** As it stands. */
  get snapshot(): ProgramSnapshot {
    return this.#snapshot;
  }

  /** The connection to its shim; null while there is none. */
  get link(): ShimLink | null {
    return this.#link?.isOpen === true ? this.#link : null;
  }

  /** Whether it waits for a word after the machine was started anew. */
  get isHeld(): boolean {
    return this.#isHeld;
  }

  /**
   * Wants something else from now on; it is on the disk before this returns, with `extra` in the same commit. False when
   * the disk refused. Call {@linkcode settle} then.
   */
  change(row: ProgramRow, now: boolean, extra: readonly RowChange[]): boolean {
    const durable = this.#context.store.commit([programChange(row), ...extra], "synced");
    this.accept(row, now);
    return durable;
  }

  /** Takes over what was committed together with other programs. */
  accept(row: ProgramRow, now: boolean): void {
    this.#row = row;
    this.#argv = shownArgv(row.spec);
    this.#now ||= now;
    this.#isHeld = false;
    this.#trouble = null;
    this.#startPauseUs = START_PAUSE_US;
    // A shim that is about to be started has it written with its token.
    if (this.#presence !== "none" || row.want === "down") keepAssignment(this.#context, row, this.#instance);
    this.#refresh();
  }

  /** Without its grace, though what is wanted stays as it is. */
  hurry(): void {
    this.#now = true;
  }

  /** Brings what is in line with what is wanted. Resolves when that is so, or when it has to wait for something. */
  settle(): Promise<void> {
    this.#again = true;
    this.#work ??= this.#run();
    return this.#work;
  }

  /** As {@linkcode settle}, but resolves as soon as it is known whether it has a shim. */
  look(): Promise<void> {
    void this.settle();
    return this.#found.promise;
  }

  /** Lets go of the shim: the program goes on. */
  stop(): void {
    this.#isStopped = true;
    this.#timer?.cancel();
    this.#link?.close();
    this.#link = null;
  }

  /** Something that it may need stands differently: lets it go if nothing is missing, restarts it if it is bound. */
  review(): void {
    const { link, name } = this;
    const { spec } = this.#row;
    if (Object.keys(spec.needs).length === 0) {
      if (link !== null && this.#snapshot.state === "waiting") this.#clear(link);
      return;
    }
    const missing = missingOf(spec, (other) => this.#context.standing(other));
    if (link !== null && missing === null) {
      if (this.#snapshot.state === "waiting") this.#clear(link);
      else if (spec.bind && this.#isOutrun()) {
        this.#noteCleared();
        link.demand(
          { t: "restart", by: "policy: what it is bound to was restarted" },
          this.#context.limits.answerUs,
        )
          .catch(() => this.#context.counters.failedStarts++);
      }
    }
    if (this.#snapshot.state === "waiting" && name !== "") this.#refresh();
  }

  async #run(): Promise<void> {
    await null;
    try {
      while (this.#again && !this.#isStopped && !this.#isForgotten) {
        this.#again = false;
        this.#timer?.cancel();
        this.#timer = null;
        await this.#step();
        this.#found.resolve();
        this.#refresh();
      }
    } catch (thrown) {
      // A program must not cost the others anything: it is tried again, and says why.
      this.#trouble = toHanaError(thrown, "internal", this.name).message;
      this.#found.resolve();
      this.#refresh();
      this.#later(MAX_SEEK_PAUSE_US);
    } finally {
      this.#work = null;
    }
  }

  async #step(): Promise<void> {
    if (this.#link !== null && !this.#link.isOpen) this.#letGo(this.#link, "unknown");
    if (this.#link !== null) return await this.#tell(this.#link);
    if (this.#presence !== "none") return await this.#find();
    this.#isAdopting = false;
    const { bootId } = this.#context.platform.processTable;
    if (this.#row.want === "down") {
      if (this.#row.removing) this.#forget();
      return;
    }
    if (this.#isHeld || isDone(this.#row, this.#instance, bootId)) return;
    await this.#context.starts.pass(() => this.#start());
  }

  /** Tells the shim what is wanted, if it does not know. */
  async #tell(link: ShimLink): Promise<void> {
    const row = this.#row;
    if (this.#told === row.generation && !this.#now) return;
    const { now, clear } = { now: this.#now, clear: this.#isClear() };
    const specDigest = digestOf(JSON.stringify(row.spec));
    const spec = this.#instance.toldSpec === specDigest ? {} : { spec: row.spec };
    this.#now = false;
    try {
      const { want, generation, by } = row;
      const demand = { t: "want" as const, want, generation, by, clear, ...spec, ...(now ? { now } : {}) };
      await link.demand(demand, this.#context.limits.answerUs);
      this.#told = generation;
      this.#instance = { ...this.#instance, toldSpec: specDigest };
      if (clear) this.#noteCleared();
      this.#saveSoon();
      this.#trouble = null;
      this.#again ||= this.#row.generation !== generation;
    } catch (thrown) {
      this.#now ||= now;
      if (!link.isOpen) {
        this.#again = true;
        return;
      }
      this.#trouble = `its shim did not take what is wanted: ${
        toHanaError(thrown, "internal", this.name).message
      }`;
      this.#later(MAX_SEEK_PAUSE_US);
    }
  }

  /** Looks for a shim of an earlier life; ends what a lost one left. */
  async #find(): Promise<void> {
    const { platform, places, limits } = this.#context;
    const { bootId } = platform.processTable;
    const at = places.make(this.name);
    try {
      const link = await ShimLink.connect({
        platform,
        address: places.addressOf(at.controlSocket),
        sinceSeq: this.#instance.seq,
        timeoutUs: limits.adoptUs,
        name: this.name,
      });
      if (this.#take(link)) return;
    } catch (thrown) {
      if (!(thrown instanceof HanaError)) throw thrown;
    }
    const lock = platform.files.lock(at.lock);
    if (lock === null) {
      // Somebody lives: a shim that is stopped or very busy. It is neither ended nor doubled, only asked again.
      this.#trouble = "its shim does not answer";
      this.#refresh();
      this.#later(this.#seekPauseUs);
      this.#seekPauseUs = Math.min(this.#seekPauseUs * 2, MAX_SEEK_PAUSE_US);
      return;
    }
    try {
      await this.#sweepLost(this.#instance.bootId === bootId);
    } finally {
      lock.release();
    }
  }

  /** The shim is gone for certain: its lock is free. What it left is ended, what it wrote is taken over. */
  async #sweepLost(isThisBoot: boolean): Promise<void> {
    const { platform, places, counters } = this.#context;
    const journal = journalOf(platform, places.of(this.name).directory);
    const { token, shim } = this.#instance;
    const wasKnown = isThisBoot && token !== null;
    const remains = wasKnown ? remainsOf(platform, token) : [];
    const isLost = wasKnown && (remains.length > 0 || (shim !== null && !endedInOrder(journal)));
    if (journal !== null) {
      for (const event of journal.events) this.#takeEvent(event);
      this.#instance = remembered(this.#row, this.#instance, journal);
    }
    if (wasKnown) {
      const { keepChildren } = this.#row.spec;
      const { found, survivors } = await sweep(platform, { token, shim, keepChildren });
      counters.swept += found.length - survivors.length;
      if (survivors.length > 0) return this.#noteSurvivors(survivors);
      if (isLost) counters.shimsLost++;
      if (isLost && !this.#willTell(journal)) {
        const pids = found.slice(0, 32).map(({ processId }) => processId);
        this.#note("shim-lost", { ended: found.length, pids });
      }
    }
    places.removeSockets(this.name);
    this.#instance = { ...this.#instance, shim: null };
    this.#presence = "none";
    this.#state = "idle";
    this.#trouble = null;
    this.#saveSoon();
    this.#again = true;
  }

  /** Whether a new shim will be started, which finds in the journal that the one before was lost, and says so. */
  #willTell(journal: JournalContent | null): boolean {
    const { want } = this.#row;
    const isWanted = want !== "down" && !this.#isHeld &&
      !isDone(this.#row, this.#instance, this.#context.platform.processTable.bootId);
    return isWanted && LIVE.has(journal?.saves.machine?.["state"]);
  }

  #noteSurvivors(survivors: readonly { processId: number; name: string; waitsIn: string | null }[]): void {
    const pids = survivors.slice(0, 8).map(({ processId }) => processId);
    if (this.#state !== "unkillable") {
      this.#note("unkillable", { pids, waitsIn: survivors[0]?.waitsIn ?? null });
    }
    this.#state = "unkillable";
    this.#trouble = `cannot be ended: ${pids.join(", ")}`;
    this.#refresh();
    this.#later(MAX_SEEK_PAUSE_US);
  }

  async #start(): Promise<void> {
    if (this.#isStopped || this.#row.want === "down" || this.#presence !== "none") return;
    const { platform, places, starter, counters, limits } = this.#context;
    this.#state = "waiting";
    this.#trouble = null;
    this.#refresh();
    try {
      const at = places.make(this.name);
      const isGivenUp = (): boolean => this.#isStopped;
      await awaitLock(platform, { name: this.name, path: at.lock, isGivenUp });
      await requireFile(platform, this.name, this.#row.spec);
      places.removeSockets(this.name);
      places.makeSockets();
      const assignment = this.#assign();
      const shim = starter.start(assignment);
      let ended = false;
      void shim.ended.then(() => ended = true);
      const link = await reachShim(platform, {
        name: this.name,
        address: places.addressOf(at.controlSocket),
        sinceSeq: this.#instance.seq,
        timeoutUs: limits.startUs,
        hasEnded: () => ended,
        isGivenUp,
      });
      this.#told = assignment.generation;
      if (!this.#take(link)) {
        throw new HanaError("conflict", { what: this.name, why: "another shim answers" });
      }
      keepAssignment(this.#context, this.#row, this.#instance);
      this.#startPauseUs = START_PAUSE_US;
    } catch (thrown) {
      const error = toHanaError(thrown, "internal", `the shim of ${this.name}`);
      counters.failedStarts++;
      // Told once; the note goes on telling.
      if (this.#startPauseUs === START_PAUSE_US) this.#note("fault", { code: "shim", text: error.message });
      this.#trouble = `its shim cannot be started: ${error.message}`;
      // Whether one lives after all, the next look tells.
      this.#presence = "unknown";
      this.#instance = { ...this.#instance, bootId: platform.processTable.bootId };
      this.#refresh();
      this.#later(this.#startPauseUs);
      this.#startPauseUs = Math.min(this.#startPauseUs * 2, MAX_START_PAUSE_US);
    }
  }

  /** Makes the assignment of a new shim, on the disk before anybody has it. */
  #assign(): ShimAssignment {
    const { platform } = this.#context;
    // One for all its shims of a boot: though a full disk keeps nothing, its processes are found by it.
    const isThisBoot = this.#instance.bootId === platform.processTable.bootId;
    const token = (isThisBoot ? this.#instance.token : null) ??
      toHex(platform.random.stream("programs/token").fill(new Uint8Array(TOKEN_BYTES)));
    const [row, clear] = [this.#row, this.#isClear()];
    this.#instance = {
      ...this.#instance,
      bootId: platform.processTable.bootId,
      token,
      shim: null,
      toldSpec: digestOf(JSON.stringify(row.spec)),
    };
    if (clear) this.#noteCleared();
    // Before anybody has it: a daemon that dies now must find its shim. The copy, which waits for the disk, can follow.
    const isKept = this.#context.store.commit([instanceChange(this.#instance)], "relaxed");
    if (!isKept) keepAssignment(this.#context, row, this.#instance);
    const { seq, snapshot } = this.#instance;
    // A disk that was full may have cost the shim before its journal.
    return { ...assignmentOf(this.#context, row, token, clear), known: { run: snapshot?.run ?? 0, seq } };
  }

  /** Takes a connection over if it is the right one. */
  #take(link: ShimLink): boolean {
    const { platform, counters } = this.#context;
    const { welcome } = link;
    const { snapshot } = welcome;
    const { bootId } = platform.processTable;
    const facts = welcome.shim === null ? null : platform.processTable.inspect(welcome.shim.processId);
    const isAlive = facts !== null && facts.startedAt === welcome.shim?.startedAt;
    const isOurs = welcome.bootId === bootId && snapshot.name === this.name &&
      (welcome.token === this.#instance.token || isAlive);
    if (!isOurs) {
      counters.strangers++;
      link.close();
      return false;
    }
    const isJournalNew = snapshot.eventSeq < this.#instance.seq;
    if (isJournalNew) {
      // Its numbers have begun anew, since its journal was lost: everything it has is news.
      this.#instance = { ...this.#instance, seq: 0 };
      link.close();
      this.#presence = "unknown";
      this.#again = true;
      return true;
    }
    const { shim, token } = welcome;
    const isKnown = snapshot.generation === this.#row.generation;
    const toldSpec = this.#instance.toldSpec ?? (isKnown ? digestOf(JSON.stringify(this.#row.spec)) : null);
    this.#instance = { ...this.#instance, bootId, token, shim, toldSpec, snapshot: keptSnapshot(snapshot) };
    this.#link = link;
    this.#presence = "linked";
    this.#isHeld = false;
    this.#trouble = null;
    this.#seekPauseUs = SEEK_PAUSE_US;
    this.#told = snapshot.generation;
    if (snapshot.generation > this.#row.generation) this.#followShim(snapshot);
    for (const event of welcome.events) this.#takeEvent(event);
    // Its shim notes that it was, when it is greeted again.
    if (this.#isAdopting) counters.adopted++;
    this.#isAdopting = false;
    this.#saveSoon();
    this.#listen(link);
    this.#refresh();
    this.#again = true;
    return true;
  }

  /** The shim knows of a newer wish than the disk does: what was lost is taken back from it. */
  #followShim(snapshot: ProgramSnapshot): void {
    const { want, generation } = snapshot;
    const row: ProgramRow = { ...this.#row, want, generation, by: "recovered from its shim" };
    this.#context.store.commit([programChange(row)], "synced");
    this.#row = row;
  }

  #listen(link: ShimLink): void {
    const { name } = this;
    link.listen({
      onSnapshot: (snapshot) => this.#onSnapshot(snapshot),
      onEvent: (event) => this.#takeEvent(event),
      onLog: (records, missed) => this.#context.onLog(this.name, records, missed),
      onBye: (snapshot) => {
        this.#onSnapshot(snapshot);
        this.#letGo(link, "none");
        this.#instance = { ...this.#instance, shim: null };
        this.#state = snapshot.state;
        this.#saveSoon();
        void this.settle();
      },
      onGone: () => {
        if (this.#link !== link) return;
        this.#letGo(link, "unknown");
        this.#trouble = "its shim is gone";
        this.#refresh();
        void this.settle();
      },
    });
    if (this.#context.isFollowed(name)) link.follow(true);
  }

  #letGo(link: ShimLink, presence: Presence): void {
    this.#link = null;
    this.#presence = presence;
    this.#told = -1;
    link.close();
  }

  #onSnapshot(snapshot: ProgramSnapshot): void {
    const before = this.#instance.snapshot;
    this.#instance = { ...this.#instance, snapshot: keptSnapshot(snapshot) };
    const isSame = before?.state === snapshot.state && before.run === snapshot.run &&
      before.generation === snapshot.generation && before.eventSeq === snapshot.eventSeq;
    if (!isSame) this.#saveSoon();
    this.#refresh();
    if (snapshot.state === "waiting") this.review();
  }

  #takeEvent(event: ProgramEvent): void {
    const { seq } = this.#instance;
    if (event.program !== this.name || event.seq <= seq) return;
    if (event.seq > seq + 1) this.#context.counters.eventsMissed += event.seq - seq - 1;
    this.#instance = { ...this.#instance, seq: event.seq };
    this.#context.events.take(event, instanceChange(this.#instance));
  }

  #note(kind: ProgramEvent["kind"], detail: Readonly<Record<string, unknown>>): void {
    const run = this.#instance.snapshot?.run ?? 0;
    this.#context.events.note({ program: this.name, run, kind, by: null, detail });
  }

  #forget(): void {
    const { store, places } = this.#context;
    const changes = ["program", "instance"].map((table) => ({ table, key: this.name, value: null }));
    this.#context.events.flush();
    store.commit(changes, "synced");
    this.#isForgotten = true;
    try {
      places.erase(this.name);
    } catch (thrown) {
      // Files that cannot be removed stay; the next daemon tries again.
      if (!(thrown instanceof HanaError)) throw thrown;
    }
    this.#context.onForgotten(this.name);
  }

  #isClear(): boolean {
    return missingOf(this.#row.spec, (name) => this.#context.standing(name)) === null;
  }

  #clear(link: ShimLink): void {
    const { generation, run, sinceWallMs } = this.#snapshot;
    const key = `${generation}/${run}/${sinceWallMs}`;
    if (key === this.#clearedAt || !link.clear()) return;
    this.#clearedAt = key;
    this.#noteCleared();
  }

  /** Remembers in which runs of what it needs it was let go. */
  #noteCleared(): void {
    const names = Object.keys(this.#row.spec.needs);
    const runs = names.map((name) => [name, this.#context.standing(name)?.run ?? 0] as const);
    this.#instance = { ...this.#instance, cleared: Object.fromEntries(runs) };
    this.#saveSoon();
  }

  /** Whether something that it needs has begun another run since. */
  #isOutrun(): boolean {
    const { state } = this.#snapshot;
    if (state !== "running" && state !== "hung" && state !== "starting") return false;
    return Object.keys(this.#row.spec.needs).some((name) => {
      const run = this.#context.standing(name)?.run ?? 0;
      return run > (this.#instance.cleared[name] ?? run);
    });
  }

  #look(): ProgramSnapshot {
    const row = this.#row;
    const missing = () => missingOf(row.spec, (name) => this.#context.standing(name));
    const fresh = this.#instance.snapshot;
    if (this.#link !== null && fresh !== null) {
      const waits = fresh.state === "waiting" ? missing() : null;
      const note = this.#trouble ?? waits ?? fresh.note;
      return { ...fresh, argv: this.#argv, note, supervised: true };
    }
    const note = this.#isHeld
      ? "waits for a word since the machine was started anew"
      : this.#trouble ?? (this.#state === "waiting" ? missing() ?? "its shim is being started" : null);
    if (this.#presence === "unknown" && fresh !== null && this.#state !== "unkillable") {
      return { ...fresh, argv: this.#argv, supervised: false, note };
    }
    const { bootId } = this.#context.platform.processTable;
    return absentSnapshot(row, this.#instance, { state: this.#state, note }, this.#argv, bootId);
  }

  #refresh(): void {
    const before = this.#snapshot;
    this.#snapshot = this.#look();
    if (!this.#isForgotten) this.#context.onChanged(before, this.#snapshot);
  }

  #saveSoon(): void {
    if (this.#saveAgain) return;
    this.#saveAgain = true;
    this.#context.platform.timers.defer(() => {
      this.#saveAgain = false;
      if (this.#isForgotten) return;
      // Events first: a machine that loses its power in between must not know of one that it does not have.
      this.#context.events.flush();
      this.#context.store.commit([instanceChange(this.#instance)], "relaxed");
    });
  }

  #later(us: number): void {
    if (this.#isStopped || this.#isForgotten) return;
    const { clock, timers } = this.#context.platform;
    this.#timer?.cancel();
    this.#timer = timers.schedule(clock.nowUs() + us, () => void this.settle());
  }
}
