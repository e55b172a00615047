// The programs of one node: every verb, the list and its changes, events, and the start after whatever happened.
// Decides what a verb changes, what is refused, what is asked twice; what is wanted is on the disk before a verb is
// answered. Never touches a program itself: its shim does. No sessions in here (verbs.ts).

import { HanaError } from "../../base/mod.ts";
import type { Platform, TimerHandle } from "../../platform/mod.ts";
import { pruneLogs } from "../logs/mod.ts";
import type { CrashBundle, LogQuery, LogRecord, ProgramSnapshot } from "../model/mod.ts";
import { checkProgramName, diffSpecs } from "../spec/mod.ts";
import type {
  ApplyCall,
  ApplyResult,
  EventPage,
  EventQuery,
  LogListener,
  ProgramDelta,
  ProgramEventEntry,
  Refusal,
  RestartCall,
  ShowRecord,
  SignalCall,
  SpawnCall,
  StopCall,
  VerbCall,
  VerbResult,
} from "./calls.ts";
import type { ProgramContext, SupervisorCounters } from "./context.ts";
import { EventLog } from "./event_log.ts";
import { LogFollowers } from "./followers.ts";
import { Gate } from "./gate.ts";
import { findCycle, inOrder } from "./needs.ts";
import { OpLog } from "./op_log.ts";
import { SUPERVISOR_LIMITS, type SupervisorLimits, type SupervisorOptions } from "./options.ts";
import { digestOf, Places } from "./places.ts";
import { SupervisedProgram } from "./program.ts";
import { logsOf, whyOf } from "./reading.ts";
import { readKnown } from "./rebuild.ts";
import { newInstance, type ProgramRow } from "./rows.ts";
import { ShimStarter } from "./shim_starter.ts";
import { ShowDesk } from "./show_desk.ts";
import { Store } from "./store.ts";

/** How often the logs of all programs are held to their bound together. */
const PRUNE_EVERY_US = 60_000_000;
/** What a start waits for the shims of the daemon before, at most: those that are slower are awaited behind it. */
const START_PATIENCE = 3;

/** The programs of a node. Make one with {@linkcode Supervisor.open}. */
export class Supervisor {
  /** What shows want here. */
  readonly desk: ShowDesk;
  readonly counters: SupervisorCounters = {
    adopted: 0,
    shimsLost: 0,
    swept: 0,
    failedStarts: 0,
    strangers: 0,
    eventsMissed: 0,
    copiesFailed: 0,
    refused: 0,
    coalesced: 0,
  };
  readonly #platform: Platform;
  readonly #limits: SupervisorLimits;
  readonly #places: Places;
  readonly #store: Store;
  readonly #events: EventLog;
  readonly #ops: OpLog;
  readonly #starter: ShimStarter;
  readonly #followers = new LogFollowers();
  readonly #programs = new Map<string, SupervisedProgram>();
  readonly #watchers = new Set<ProgramDelta>();
  /** The newest restart of each program: whoever asks for the same gets the same. */
  readonly #restarts = new Map<string, AskedRestart>();
  readonly #forgotten = new Map<string, PromiseWithResolvers<void>>();
  readonly #context: ProgramContext;
  #pruning: TimerHandle | null = null;
  #isStopped = false;

  private constructor(options: SupervisorOptions) {
    const { platform, directory, runDirectory, nodeName, shim, warm = true } = options;
    this.#platform = platform;
    this.#limits = { ...SUPERVISOR_LIMITS, ...options.limits };
    this.#places = new Places(platform, directory, runDirectory);
    this.#store = Store.open(platform, this.#places.database);
    this.#events = new EventLog(this.#store, platform, this.#limits.maxEvents);
    this.#ops = new OpLog(this.#store, platform.clock, this.#limits.maxOps, this.#limits.opAgeUs);
    this.#starter = new ShimStarter(platform, shim, warm);
    this.#context = {
      platform,
      places: this.#places,
      store: this.#store,
      events: this.#events,
      starter: this.#starter,
      starts: new Gate(this.#limits.startsAtOnce),
      limits: this.#limits,
      nodeName,
      counters: this.counters,
      standing: (name) => this.#programs.get(name)?.snapshot ?? null,
      onChanged: (before, now) => this.#onChanged(before, now),
      onLog: (name, records, missed) => this.#followers.tell(name, records, missed),
      isFollowed: (name) => this.#followers.has(name),
      onForgotten: (name) => this.#onForgotten(name),
    };
    this.#store.onProblem = (problem) => this.#noteDisk(problem);
    this.desk = new ShowDesk({
      platform,
      directory,
      store: this.#store,
      ops: this.#ops,
      limits: this.#limits,
      programs: this.#programs,
      add: (row) => this.#add(row),
      settled: (program) => this.#settled(program),
      checkNeeds: (changed, without) => this.#checkNeeds(changed, without),
      noteFault: (program, text) =>
        this.#events.note({ program, run: 0, kind: "fault", by: null, detail: { code: "show", text } }),
    });
  }

  /**
   * Opens the database, takes over what runs, and begins to start what is wanted and does not. Resolves when every shim of
   * an earlier daemon has answered or had its time. Rejects with `conflict` (another
   * daemon has the database) and `storage` (no directory for programs); a damaged database is no reason.
   */
  static async open(options: SupervisorOptions): Promise<Supervisor> {
    const supervisor = new Supervisor(options);
    await supervisor.#adopt();
    return supervisor;
  }

  /** Why the disk keeps nothing at present; null while it does. */
  get diskProblem(): HanaError | null {
    return this.#store.problem;
  }

  /** The newest event's id. */
  get eventId(): number {
    return this.#events.last;
  }

  /** All programs as they stand, by name. */
  programs(): ProgramSnapshot[] {
    const names = [...this.#programs.keys()].sort();
    return names.flatMap((name) => this.#programs.get(name)?.snapshot ?? []);
  }

  /** One of them. Throws `not-found`. */
  program(name: string): ProgramSnapshot {
    return this.#need(name).snapshot;
  }

  /** What is wanted of a program. Throws `not-found`. */
  desired(name: string): ProgramRow {
    return this.#need(name).row;
  }

  /**
   * Gives a name a specification. The same again changes nothing. Rejects with `conflict` (another generation), `config`
   * (it would wait for itself), `overloaded` (too many programs).
   */
  spawn(call: SpawnCall): Promise<VerbResult> {
    checkProgramName(call.name);
    return this.#once("spawn", call, async (digest) => {
      const known = this.#programs.get(call.name);
      this.#expect(call, known?.row ?? null);
      this.#checkNeeds(new Map([[call.name, call.spec.needs]]));
      const before = known?.row ?? null;
      const isSame = before !== null && !before.removing && before.want === call.want &&
        diffSpecs(before.spec, call.spec).length === 0 && known?.isHeld === false &&
        !needsStart(known.snapshot);
      if (before !== null && isSame) {
        return this.#resultOf(call.name, before.generation, known?.snapshot.run ?? 0, false, true);
      }
      if (known === undefined && this.#programs.size >= this.#limits.maxPrograms) {
        const why = `${this.#limits.maxPrograms} programs are on this node`;
        throw new HanaError("overloaded", { what: `cannot spawn ${call.name}`, why });
      }
      const row: ProgramRow = {
        name: call.name,
        generation: (before?.generation ?? 0) + 1,
        spec: call.spec,
        want: call.want,
        mode: call.want === "once" ? "once" : "up",
        by: call.by,
        atWallMs: Math.floor(this.#platform.clock.wallMs()),
        from: call.from ?? "spawn",
        removing: false,
      };
      const run = known?.snapshot.run ?? 0;
      const result = { name: call.name, generation: row.generation, run, changed: true };
      const ops = this.#ops.rowsFor(call.op, digest, result);
      const program = known ?? this.#add(row);
      this.#forgotten.get(call.name)?.reject(
        new HanaError("conflict", {
          what: call.name,
          why: `${call.by} spawned it anew while it was removed`,
        }),
      );
      this.#forgotten.delete(call.name);
      const durable = program.change(row, false, ops);
      await this.#settled(program);
      return this.#resultOf(call.name, row.generation, run, true, durable);
    });
  }

  /** Wants a program up, or once as it was spawned. Rejects with `not-found` and `conflict`. */
  start(call: VerbCall): Promise<VerbResult> {
    return this.#once("start", call, (digest) => this.#start(call, digest));
  }

  /** Wants a program down. Rejects with `not-found` and `conflict`. */
  stop(call: StopCall): Promise<VerbResult> {
    return this.#once("stop", call, async (digest) => {
      const program = this.#need(call.name);
      this.#expect(call, program.row);
      const { snapshot, row } = program;
      if (row.want === "down") {
        if (call.now === true) {
          program.hurry();
          await this.#settled(program);
        }
        return this.#resultOf(call.name, row.generation, snapshot.run, false, true);
      }
      return await this.#change(program, call, digest, { want: "down" }, call.now === true);
    });
  }

  /**
   * Ends the present run of a program and begins another; one that is down is started. Whoever asks for the restart of a
   * run that is being restarted, or was, gets the answer of whoever asked first. Rejects with `not-found` and `conflict`.
   */
  restart(call: RestartCall): Promise<VerbResult> {
    return this.#once("restart", call, async (digest) => {
      const program = this.#need(call.name);
      this.#expect(call, program.row);
      const { snapshot, row, link } = program;
      const run = this.#ops.runOf(call.op, call.run ?? snapshot.run);
      if (run < snapshot.run) return this.#coalesced(program, run);
      if (row.want === "down" || program.isHeld || snapshot.state === "done") {
        return await this.#start(call, digest);
      }
      if (link === null) {
        // Its shim is being replaced or started: a new run begins anyway.
        void program.settle();
        return this.#coalesced(program, run);
      }
      const underWay = this.#restarts.get(call.name);
      if (underWay?.run === run && this.#isUnderWay(underWay, snapshot)) {
        await underWay.asked;
        return this.#coalesced(program, run);
      }
      const now = call.now === true ? { now: true } : {};
      const asked = link.demand({ t: "restart", by: call.by, run, ...now }, this.#limits.answerUs);
      this.#restarts.set(call.name, { run, asked, atUs: this.#platform.clock.nowUs() });
      try {
        const { done } = await asked;
        return done
          ? this.#resultOf(call.name, row.generation, run, true, true)
          : this.#coalesced(program, run);
      } catch (thrown) {
        this.#restarts.delete(call.name);
        throw thrown;
      }
    });
  }

  /** Signals the leading process of a program. Rejects with `not-found`, also where nothing runs, and the shim's refusal. */
  signal(call: SignalCall): Promise<VerbResult> {
    return this.#once("signal", call, async () => {
      const program = this.#need(call.name);
      this.#expect(call, program.row);
      const { link, snapshot } = program;
      if (link === null || snapshot.process === null) {
        throw new HanaError("not-found", {
          what: `a process of ${call.name}`,
          why: `it is ${snapshot.state}`,
        });
      }
      await link.demand({ t: "signal", signal: call.signal, by: call.by }, this.#limits.answerUs);
      return this.#resultOf(call.name, program.row.generation, snapshot.run, true, true);
    });
  }

  /** Stops a program and forgets it. Resolves when nothing of it is left. Rejects with `not-found` and `conflict`. */
  remove(call: StopCall): Promise<VerbResult> {
    return this.#once("remove", call, async (digest) => {
      const program = this.#need(call.name);
      this.#expect(call, program.row);
      const gone = this.#forgotten.get(call.name) ?? Promise.withResolvers<void>();
      this.#forgotten.set(call.name, gone);
      // Who is answered before has nobody who awaits it.
      gone.promise.catch(() => {});
      const change = { want: "down", removing: true } as const;
      const result = program.row.removing
        ? this.#resultOf(call.name, program.row.generation, program.snapshot.run, false, true)
        : await this.#change(program, call, digest, change, call.now === true);
      if (this.#programs.get(call.name) === program) await gone.promise;
      return { ...result, program: null };
    });
  }

  /** Lines that a program wrote, oldest first. Rejects with `not-found`. */
  async logs(name: string, query: LogQuery): Promise<readonly LogRecord[]> {
    return await logsOf(this.#context, this.#need(name), query);
  }

  /** Calls `listener` with lines as they come. Returns how to stop. Throws `not-found`. */
  followLogs(name: string, listener: LogListener): () => void {
    const program = this.#need(name);
    const isFirst = !this.#followers.has(name);
    const stop = this.#followers.add(name, listener, () => this.#programs.get(name)?.link?.follow(false));
    if (isFirst) program.link?.follow(true);
    return stop;
  }

  /** What is kept of a run: the last one that ended unless given; negative ones count back. Rejects with `not-found`. */
  async why(name: string, run?: number): Promise<CrashBundle> {
    return await whyOf(this.#context, this.#need(name), run);
  }

  /** What happened, in the order in which it was learned. */
  events(query: EventQuery): EventPage {
    return this.#events.page(query);
  }

  /** Calls `listener` with every event from now on. Returns how to stop it. */
  onEvent(listener: (entry: ProgramEventEntry) => void): () => void {
    return this.#events.onEvent(listener);
  }

  /** Calls `listener` with every change of the list from now on. Returns how to stop it. */
  watch(listener: ProgramDelta): () => void {
    this.#watchers.add(listener);
    return () => this.#watchers.delete(listener);
  }

  /** Notes that somebody was refused something, for `events`. */
  noteRefused({ program, verb, by, why, others = 0 }: Refusal): void {
    this.counters.refused += 1 + others;
    const run = this.#programs.get(program)?.snapshot.run ?? 0;
    const more = others === 0 ? {} : { others };
    this.#events.note({ program, run, kind: "refused", by, detail: { verb, why, ...more } });
  }

  /** The generations of the show that are kept, newest first. */
  shows(): readonly ShowRecord[] {
    return this.desk.all();
  }

  /** Takes a generation of a show over, and brings everything in line with it. Rejects as {@linkcode ShowDesk.apply}. */
  applyShow(call: ApplyCall): Promise<ApplyResult> {
    return this.desk.apply(call);
  }

  /** Counters and sizes, as plain data. */
  statistics(): Record<string, unknown> {
    return {
      programs: this.#programs.size,
      linked: [...this.#programs.values()].filter(({ link }) => link !== null).length,
      ops: this.#ops.size,
      replayed: this.#ops.replayed,
      events: this.#events.last - this.#events.oldest + 1,
      watchers: this.#watchers.size,
      ...this.counters,
      shims: { ...this.#starter.counters },
      store: { origin: this.#store.origin, ...this.#store.counters },
    };
  }

  /** Lets go of everything: programs go on with their shims, and the next daemon finds them. */
  close(): void {
    if (this.#isStopped) return;
    this.#isStopped = true;
    this.#pruning?.cancel();
    this.desk.close();
    this.#starter.close();
    for (const program of this.#programs.values()) program.stop();
    this.#events.flush();
    this.#watchers.clear();
    this.#store.close();
    this.#places.tidy();
  }

  // ------------------------------------------------------------------------------------------------------------------

  async #adopt(): Promise<void> {
    const { programs, rebuilt } = readKnown(this.#platform, this.#places, this.#store);
    for (const { row, instance } of programs) {
      this.#programs.set(row.name, new SupervisedProgram(this.#context, row, instance, "unknown"));
    }
    const { origin } = this.#store;
    if (origin === "damaged" || rebuilt.length > 0) {
      const what = { damaged: "was damaged and stands aside", memory: "cannot be opened" };
      const how = origin === "damaged" || origin === "memory" ? what[origin] : "was missing";
      const text = `the database of programs ${how}; ${rebuilt.length} programs were found again`;
      this.#noteOwn("fault", { code: "store", text, programs: rebuilt.slice(0, 64) });
    }
    if (this.#store.problem !== null) this.#noteDisk(this.#store.problem);
    const needs = new Map(programs.map(({ row }) => [row.name, row.spec.needs]));
    const looks = inOrder(needs).map((name) => this.#programs.get(name)?.look() ?? Promise.resolve());
    const { clock, timers } = this.#platform;
    const patience = Promise.withResolvers<void>();
    const timer = timers.schedule(
      clock.nowUs() + START_PATIENCE * this.#limits.adoptUs,
      () => patience.resolve(),
    );
    await Promise.race([Promise.all(looks), patience.promise]);
    timer.cancel();
    this.#starter.warmUp();
    this.#prune();
  }

  #prune(): void {
    if (this.#isStopped) return;
    try {
      pruneLogs(this.#platform.files, this.#places.programs);
    } catch (thrown) {
      if (!(thrown instanceof HanaError)) throw thrown;
    }
    const { clock, timers } = this.#platform;
    this.#pruning = timers.schedule(clock.nowUs() + PRUNE_EVERY_US, () => this.#prune());
  }

  async #start(call: VerbCall, digest: string): Promise<VerbResult> {
    const program = this.#need(call.name);
    this.#expect(call, program.row);
    const { snapshot, row } = program;
    if (row.want === row.mode && !program.isHeld && !needsStart(snapshot)) {
      return this.#resultOf(call.name, row.generation, snapshot.run, false, true);
    }
    return await this.#change(program, call, digest, { want: row.mode }, false);
  }

  async #change(
    program: SupervisedProgram,
    call: VerbCall,
    digest: string,
    change: Partial<Pick<ProgramRow, "want" | "removing">>,
    now: boolean,
  ): Promise<VerbResult> {
    const { row: before, snapshot } = program;
    if (before.removing) {
      throw new HanaError("conflict", { what: call.name, why: "it is being removed" });
    }
    const row: ProgramRow = {
      ...before,
      ...change,
      generation: before.generation + 1,
      by: call.by,
      atWallMs: Math.floor(this.#platform.clock.wallMs()),
    };
    const { run } = snapshot;
    const result = { name: call.name, generation: row.generation, run, changed: true };
    const durable = program.change(row, now, this.#ops.rowsFor(call.op, digest, result));
    await this.#settled(program);
    return this.#resultOf(call.name, row.generation, run, true, durable);
  }

  /** Waits until a program is in line, but not for ever: what is wanted is on the disk, whoever waits can watch. */
  async #settled(program: SupervisedProgram): Promise<void> {
    const { clock, timers } = this.#platform;
    const patience = Promise.withResolvers<void>();
    const timer = timers.schedule(clock.nowUs() + this.#limits.settleUs, () => patience.resolve());
    await Promise.race([program.settle(), patience.promise]);
    timer.cancel();
  }

  /** Whether the run that somebody asked to restart is on its way out still. */
  #isUnderWay({ atUs }: AskedRestart, { state }: ProgramSnapshot): boolean {
    const isFresh = this.#platform.clock.nowUs() - atUs < this.#limits.answerUs;
    return isFresh || state === "stopping" || state === "killing";
  }

  async #once(
    verb: string,
    call: VerbCall,
    work: (digest: string) => Promise<Omit<VerbResult, "replayed">>,
  ): Promise<VerbResult> {
    if (this.#isStopped) throw new HanaError("closed", { what: "the supervisor", why: "it was stopped" });
    const { by: _by, ...rest } = call;
    const digest = digestOf(`${verb} ${JSON.stringify(rest)}`);
    const result = await this.#ops.once(call.op, digest, async () => {
      this.desk.takeOver(call.name);
      return await work(digest);
    });
    // What was answered stays as it is; where the program stands is told as it is now.
    const program = this.#programs.get(call.name)?.snapshot ?? null;
    return { ...result, durable: result.durable ?? true, program };
  }

  #resultOf(name: string, generation: number, run: number, changed: boolean, durable: boolean): VerbResult {
    return { name, generation, run, changed, durable, replayed: false, program: null };
  }

  #coalesced(program: SupervisedProgram, run: number): VerbResult {
    this.counters.coalesced++;
    return this.#resultOf(program.name, program.row.generation, run, false, true);
  }

  #need(name: string): SupervisedProgram {
    const program = this.#programs.get(name);
    if (program !== undefined) return program;
    throw new HanaError("not-found", {
      what: `no program ${name} on ${this.#context.nodeName}`,
      why: `${this.#programs.size} programs are there`,
      hint: "hana ps",
    });
  }

  #expect({ name, expectGeneration }: VerbCall, row: ProgramRow | null): void {
    const generation = row?.generation ?? 0;
    if (expectGeneration === undefined || expectGeneration === generation) return;
    throw new HanaError("conflict", {
      what: `${name} was changed meanwhile`,
      why: `it has generation ${generation}, not ${expectGeneration}`,
      hint: "hana ps",
    });
  }

  #checkNeeds(
    changed: ReadonlyMap<string, ProgramRow["spec"]["needs"]>,
    without: readonly string[] = [],
  ): void {
    const needs = new Map([...this.#programs].map(([name, { row }]) => [name, row.spec.needs]));
    for (const name of without) needs.delete(name);
    for (const [name, each] of changed) needs.set(name, each);
    const cycle = findCycle(needs);
    if (cycle === null) return;
    throw new HanaError("config", {
      what: `${cycle[0]} would wait for itself`,
      why: cycle.join(" needs "),
    });
  }

  #add(row: ProgramRow): SupervisedProgram {
    const program = new SupervisedProgram(this.#context, row, newInstance(row.name), "none");
    this.#programs.set(row.name, program);
    this.#tell("add", program.snapshot);
    return program;
  }

  #onForgotten(name: string): void {
    const program = this.#programs.get(name);
    this.#programs.delete(name);
    this.#restarts.delete(name);
    this.#forgotten.get(name)?.resolve();
    this.#forgotten.delete(name);
    if (program !== undefined) this.#tell("remove", program.snapshot);
    this.#reviewThoseThatNeed(name);
  }

  #onChanged(before: ProgramSnapshot, now: ProgramSnapshot): void {
    if (this.#isStopped || !this.#programs.has(now.name) || isEqual(before, now)) return;
    this.#tell("update", now);
    const isNews = before.state !== now.state || before.run !== now.run || before.readyUs !== now.readyUs;
    if (isNews) this.#reviewThoseThatNeed(now.name);
  }

  #reviewThoseThatNeed(name: string): void {
    for (const other of this.#programs.values()) if (name in other.row.spec.needs) other.review();
  }

  #tell(op: "add" | "update" | "remove", snapshot: ProgramSnapshot): void {
    for (const watcher of [...this.#watchers]) watcher(op, snapshot);
  }

  #noteDisk(problem: HanaError | null): void {
    if (problem === null) this.#noteOwn("disk-freed", { path: this.#places.database });
    else this.#noteOwn("disk-full", { path: this.#places.database, why: problem.message });
  }

  #noteOwn(kind: "fault" | "disk-full" | "disk-freed", detail: Readonly<Record<string, unknown>>): void {
    this.#events.note({ program: "", run: 0, kind, by: null, detail });
  }
}

/** A restart that a shim was asked for. */
interface AskedRestart {
  readonly run: number;
  readonly asked: Promise<unknown>;
  readonly atUs: number;
}

/** Whether a program that is wanted rests all the same, so that asking for it anew makes a difference. */
function needsStart({ state }: ProgramSnapshot): boolean {
  return state === "idle" || state === "parked" || state === "done" || state === "backoff";
}

/** Whether two snapshots show the same; their parts are compared by identity. */
function isEqual(a: ProgramSnapshot, b: ProgramSnapshot): boolean {
  const keys = Object.keys(b) as (keyof ProgramSnapshot)[];
  return keys.every((key) => a[key] === b[key]);
}
