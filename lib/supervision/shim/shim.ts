// The process that stands by one program: its keeper, journal, logs and the daemons that look in.
// Decides what is written down before what is answered, and when the shim itself has nothing left to do.
// Needs no daemon: it goes on alone, and tells whoever comes back what happened (research, section 1.4).

import { HanaError } from "../../base/mod.ts";
import type { FileLock, ProcessSignal, SupervisorPlatform } from "../../platform/mod.ts";
import { Journal } from "../journal/mod.ts";
import { LogBook, type LogFollower } from "../logs/mod.ts";
import { readSavedMachine, type SavedMachine } from "../machine/mod.ts";
import {
  type ExitRecord,
  type FromShim,
  LIVE,
  type LogRecord,
  MAX_CONTROL_LINE_BYTES,
  type ProgramEvent,
  type ProgramEventKind,
  type ProgramSnapshot,
  type ShimAssignment,
  type ToShim,
} from "../model/mod.ts";
import { Agenda } from "./agenda.ts";
import { type Answer, ControlServer, SHIM_VERSION } from "./control_server.ts";
import { Keeper } from "./keeper.ts";
import { RunArchive } from "./run_archive.ts";
import { snapshotOf } from "./snapshot_of.ts";
import { SocketWatch } from "./socket_watch.ts";

type Demand = Exclude<ToShim, { t: "hello" } | { t: "follow" }>;

/** What one answer may hold of lines: an answer is one line, and JSON of a line can be twice its text. */
const MAX_ANSWERED_BYTES = MAX_CONTROL_LINE_BYTES / 4;
/** How long a shim that has nothing to do waits for somebody to tell it. */
const FIRST_HEARING_US = 5_000_000;
/** How long the last words may take. */
const GOODBYE_US = 500_000;
/** Events that a welcome brings at most. */
const MAX_WELCOME_EVENTS = 200;
const SIGNALS: readonly string[] = [
  "SIGTERM",
  "SIGKILL",
  "SIGINT",
  "SIGHUP",
  "SIGUSR1",
  "SIGUSR2",
  "SIGSTOP",
  "SIGCONT",
];

/** A running shim. Make one with {@linkcode Shim.start}. */
export class Shim {
  readonly #platform: SupervisorPlatform;
  readonly #assignment: ShimAssignment;
  readonly #agenda: Agenda;
  readonly #lock: FileLock;
  readonly #journal: Journal;
  readonly #logs: LogBook;
  readonly #archive: RunArchive;
  readonly #keeper: Keeper;
  readonly #control: ControlServer;
  readonly #sockets: SocketWatch;
  readonly #ended = Promise.withResolvers<void>();
  #generation: number;
  #follower: LogFollower | null = null;
  #savedAs = "";
  readonly #startedUs: number;
  #isTellingState = false;
  #isOver = false;

  private constructor(platform: SupervisorPlatform, assignment: ShimAssignment, lock: FileLock) {
    const { directory } = assignment;
    const { files, clock } = platform;
    this.#platform = platform;
    this.#assignment = assignment;
    this.#lock = lock;
    this.#startedUs = clock.nowUs();
    this.#generation = assignment.generation;
    this.#agenda = new Agenda(platform);
    this.#journal = Journal.open(files, `${directory}/journal`, (assignment.known?.seq ?? 0) + 1);
    this.#logs = new LogBook({
      files,
      directory: `${directory}/logs`,
      ...assignment.spec.logs,
      wallMs: () => clock.wallMs(),
    });
    this.#archive = new RunArchive({
      platform,
      agenda: this.#agenda,
      directory,
      logs: this.#logs,
      journal: this.#journal,
    });
    this.#keeper = new Keeper({
      platform,
      assignment,
      agenda: this.#agenda,
      adopts: platform.processTable.adoptOrphans(),
      handlers: {
        onEvent: (kind, run, by, detail) => this.#tell(kind, run, by, detail),
        onOutput: (run, stream, bytes) => {
          this.#archive.handleBytes(run, stream, bytes);
          this.#planLogs();
        },
        onDrained: (run) => this.#archive.noteDrained(run),
        onReady: (spec) => this.#archive.noteGood(spec),
        watchText: (text) => this.#logs.watchText(text),
        onRunStarted: (run) => {
          this.#archive.startRun(run.number);
          // Synced, behind the number of the run: a machine that loses its power must not give that number again. It
          // runs already, so that this costs no start anything.
          this.#save();
          this.#journal.append({
            kind: "process",
            save: { run: run.number, process: run.identity, startedWallMs: run.startedWallMs },
          }, true);
        },
        // The machine may be in the next run already.
        onRunEnded: (exit) => {
          const snapshot = { ...this.#snapshot(), run: exit.run };
          this.#archive.endRun(exit, snapshot, this.#keeper.spec);
        },
        onSample: (sample) => {
          this.#archive.samples.add(sample);
          this.#onChange();
        },
        onRemark: (text) => {
          this.#logs.say(clock.nowUs(), text);
          this.#planLogs();
        },
        onChange: () => this.#onChange(),
      },
    });
    this.#control = new ControlServer({
      welcome: (sinceSeq) => this.#welcome(sinceSeq),
      onDemand: (demand) => this.#onDemand(demand),
      onFollowed: (isFollowed) => this.#onFollowed(isFollowed),
    });
    this.#sockets = new SocketWatch({
      platform,
      agenda: this.#agenda,
      paths: socketsOf(assignment),
      listen: () => this.#listen(),
    });
  }

  /**
   * Starts to stand by the program that is assigned. Rejects with `conflict` when another shim does so already, and with
   * what listening rejects with; nothing is left behind then.
   */
  static async start(platform: SupervisorPlatform, assignment: ShimAssignment): Promise<Shim> {
    const { files } = platform;
    files.makeDirectory(assignment.directory, 0o700);
    const lock = files.lock(`${assignment.directory}/lock`);
    if (lock === null) {
      throw new HanaError("conflict", {
        what: `the shim of ${assignment.name}`,
        why: "another one stands by it",
      });
    }
    // Who held these is gone: we have its lock.
    removeSockets(platform, assignment);
    const shim = new Shim(platform, assignment, lock);
    try {
      await shim.#listen();
    } catch (thrown) {
      void shim.#close();
      throw thrown;
    }
    shim.#sockets.start();
    shim.#begin();
    return shim;
  }

  /** Resolves when nothing is left to do: the program is down or done, and everything is written. */
  get ended(): Promise<void> {
    return this.#ended.promise;
  }

  async #listen(): Promise<void> {
    const { streams, processes } = this.#platform;
    const { childSocket, controlSocket, notifySocket } = this.#assignment;
    await this.#keeper.channel.listen(streams, processes, { kind: "unix", path: childSocket }, notifySocket);
    await this.#control.listen(streams, { kind: "unix", path: controlSocket });
    // It may have come to its end while it listened anew.
    if (this.#isOver) this.#leave();
  }

  /** Takes up what an earlier shim left, then does what is wanted now. */
  #begin(): void {
    const { want, by, clear, generation } = this.#assignment;
    const lastRun = Math.max(this.#logs.run, this.#assignment.known?.run ?? 0);
    const saved = countedOn(readSavedMachine(this.#journal.saved("machine")), lastRun);
    const earlier = this.#journal.saved("process");
    const lastExit = this.#journal.eventsAfter(0).findLast(({ kind }) => kind === "exited")?.detail["exit"];
    if (lastExit !== undefined) this.#keeper.setLastExit(lastExit as ExitRecord);
    this.#journal.append({ kind: "assignment", save: this.#assignment }, false);
    // The daemon has it on the disk already: the program need not wait for another one.
    this.#noteWant(want, generation, by, false);
    if (saved !== null) {
      if (LIVE.has(saved.state)) this.#tell("shim-lost", saved.run, null, {});
      this.#keeper.restore(saved, earlier?.process?.startedAt ?? 0);
    }
    if (want === "down") this.#keeper.handle({ kind: "stop", now: false }, by);
    else this.#keeper.handle({ kind: "start", want, clear }, by);
  }

  // What daemons ask ---------------------------------------------------------------------------------------------

  #welcome(sinceSeq: number): Extract<FromShim, { t: "welcome" }> {
    const { processTable } = this.#platform;
    // The first to greet is the daemon that started this shim: it finds nothing that it had lost.
    if (this.#control.wasHeard) this.#keeper.handle({ kind: "adopted" });
    const all = this.#journal.eventsAfter(sinceSeq);
    const events = all.slice(0, MAX_WELCOME_EVENTS);
    const rest = all.slice(MAX_WELCOME_EVENTS);
    if (rest.length > 0) {
      this.#platform.timers.defer(() => rest.forEach((event) => this.#control.tell({ t: "event", event })));
    }
    return {
      t: "welcome",
      v: SHIM_VERSION,
      shim: processTable.self,
      bootId: processTable.bootId,
      token: this.#assignment.token,
      snapshot: this.#snapshot(),
      events,
    };
  }

  #onDemand(demand: Demand): Answer | null {
    switch (demand.t) {
      case "want":
        return this.#want(demand);
      case "restart": {
        const isOther = demand.run !== undefined && demand.run !== this.#keeper.machine.run;
        if (!isOther) this.#keeper.handle({ kind: "restart", now: demand.now === true }, demand.by);
        return { t: "ok", op: demand.op, done: !isOther };
      }
      case "clear":
        this.#keeper.handle({ kind: "clear" });
        return null;
      case "signal":
        return this.#signal(demand);
      case "logs":
        return { t: "ok", op: demand.op, records: newest(this.#logs.query(demand.query)) };
      case "why":
        return this.#why(demand);
    }
  }

  #want(demand: Extract<Demand, { t: "want" }>): Answer {
    const { op, want, generation, spec, by } = demand;
    if (generation < this.#generation) {
      return { t: "no", op, code: "conflict", why: `generation ${this.#generation} is wanted already` };
    }
    this.#generation = generation;
    this.#noteWant(want, generation, by, true);
    const isNew = spec !== undefined && JSON.stringify(spec) !== JSON.stringify(this.#keeper.spec);
    if (spec !== undefined) {
      this.#keeper.setSpec(spec);
      this.#logs.setLimits(spec.logs);
    }
    const runs = this.#keeper.run !== null;
    if (want === "down") this.#keeper.handle({ kind: "stop", now: demand.now === true }, by);
    else {
      this.#keeper.handle({ kind: "start", want, clear: demand.clear !== false }, by);
      if (isNew && runs) this.#keeper.handle({ kind: "restart", now: demand.now === true }, by);
    }
    return { t: "ok", op, done: true };
  }

  #noteWant(want: ToShimWant, generation: number, by: string, synced: boolean): void {
    const atWallMs = this.#platform.clock.wallMs();
    this.#journal.append({ kind: "want", save: { want, generation, by, atWallMs } }, synced);
    this.#tell("wanted", this.#keeper.machine.run, by, { want, generation });
  }

  #signal(demand: Extract<Demand, { t: "signal" }>): Answer {
    const { op, signal, by } = demand;
    if (!SIGNALS.includes(signal)) {
      return { t: "no", op, code: "usage", why: `there is no signal ${signal} here` };
    }
    if (!this.#keeper.signal(signal as ProcessSignal)) {
      return { t: "no", op, code: "not-found", why: "nothing runs that could be signalled" };
    }
    this.#tell("status", this.#keeper.machine.run, by, { text: `${signal} by ${by}`, pct: null });
    return { t: "ok", op, done: true };
  }

  #why({ op, run }: Extract<Demand, { t: "why" }>): Answer {
    const bundle = this.#archive.bundle(run);
    if (bundle !== null) return { t: "ok", op, bundle };
    if (run !== undefined && run !== this.#keeper.machine.run) {
      return { t: "no", op, code: "not-found", why: `nothing is kept of run ${run}` };
    }
    const { machine } = this.#keeper;
    return {
      t: "ok",
      op,
      bundle: {
        snapshot: this.#snapshot(),
        events: this.#journal.eventsOf(machine.run),
        lines: newest(this.#logs.lastLines(machine.run, 200)),
        samples: this.#archive.samples.list(),
        changes: [],
      },
    };
  }

  #onFollowed(isFollowed: boolean): void {
    if (!isFollowed) {
      this.#follower?.stop();
      this.#follower = null;
    } else {
      this.#follower ??= this.#logs.follow((records, missed) => this.#control.tellLines(records, missed));
    }
  }

  // What happens -------------------------------------------------------------------------------------------------

  #tell(
    kind: ProgramEventKind,
    run: number,
    by: string | null,
    detail: Readonly<Record<string, unknown>>,
  ): void {
    const { clock } = this.#platform;
    const event: ProgramEvent = {
      seq: this.#journal.nextSeq,
      program: this.#assignment.name,
      run,
      atWallMs: clock.wallMs(),
      atUs: clock.nowUs(),
      kind,
      by,
      detail,
    };
    this.#journal.append({ kind: "event", event }, false);
    this.#planJournal();
    this.#control.tell({ t: "event", event });
  }

  #onChange(): void {
    this.#save();
    if (this.#isTellingState || this.#isOver) return;
    this.#isTellingState = true;
    // Several changes of one turn are one for whoever looks.
    this.#platform.timers.defer(() => {
      this.#isTellingState = false;
      if (this.#isOver) return;
      this.#control.tell({ t: "state", snapshot: this.#snapshot() });
      this.#maybeFinish();
    });
  }

  /** A program may be over before whoever started it has connected: it hears of it all the same. */
  #maybeFinish(): void {
    if (this.#isOver || !this.#keeper.isAtRest) return;
    const untilUs = this.#startedUs + FIRST_HEARING_US;
    const { clock } = this.#platform;
    if (this.#control.wasHeard || clock.nowUs() >= untilUs) this.#finish();
    else this.#agenda.set("finish", untilUs, () => this.#maybeFinish());
  }

  #save(): void {
    const { machine } = this.#keeper;
    const key = `${machine.state} ${machine.want} ${machine.run} ${machine.fails} ${machine.fallback}`;
    if (key === this.#savedAs) return;
    this.#savedAs = key;
    const save = machine.save(this.#platform.clock.nowUs()) as unknown as Readonly<Record<string, unknown>>;
    this.#journal.append({ kind: "machine", save }, false);
    this.#planJournal();
  }

  #planLogs(): void {
    const next = this.#logs.deadline();
    this.#agenda.set("logs", next?.atUs ?? null, (nowUs) => {
      this.#logs.handleTick(nowUs);
      this.#planLogs();
    });
    for (let event = this.#logs.pollEvent(); event !== null; event = this.#logs.pollEvent()) {
      const { kind, ...detail } = event;
      if (kind === "text-seen") this.#keeper.handleTextSeen();
      else this.#tell(kind, this.#keeper.machine.run, null, detail);
    }
  }

  #planJournal(): void {
    // A disk that has refused just now is tried again from now on.
    this.#journal.handleTick(this.#platform.clock.nowUs());
    const next = this.#journal.deadline();
    this.#agenda.set("journal", next?.atUs ?? null, () => this.#planJournal());
  }

  #snapshot(): ProgramSnapshot {
    return snapshotOf({
      name: this.#assignment.name,
      generation: this.#generation,
      keeper: this.#keeper,
      nowUs: this.#platform.clock.nowUs(),
      wallMs: this.#platform.clock.wallMs(),
      eventSeq: this.#journal.nextSeq - 1,
    });
  }

  /** Nothing is wanted and nothing lives: says goodbye, writes everything, leaves nothing behind. */
  #finish(): void {
    if (this.#isOver) return;
    this.#control.tell({ t: "bye", snapshot: this.#snapshot() });
    const said = this.#close();
    // A daemon that does not read must not keep us.
    const { clock, timers } = this.#platform;
    const timer = timers.schedule(clock.nowUs() + GOODBYE_US, () => this.#ended.resolve());
    void said.then(() => {
      timer.cancel();
      this.#ended.resolve();
    });
  }

  #close(): Promise<void> {
    this.#isOver = true;
    this.#agenda.close();
    const said = this.#leave();
    this.#archive.close();
    this.#logs.close(this.#platform.clock.nowUs());
    this.#journal.close();
    this.#lock.release();
    return said;
  }

  /** Listens no more. Resolves when what was said has gone out. */
  #leave(): Promise<void> {
    const said = this.#control.close();
    this.#keeper.close();
    // The system takes a moment to remove them, which this process may not have.
    removeSockets(this.#platform, this.#assignment);
    return said;
  }
}

type ToShimWant = Extract<ToShim, { t: "want" }>["want"];

/** Without the newest of a journal the logs and the daemon still know how many runs there were: no number is given twice. */
function countedOn(saved: SavedMachine | null, run: number): SavedMachine | null {
  if (saved !== null) return saved.run >= run ? saved : { ...saved, run };
  if (run === 0) return null;
  const counters = { spurious: 0, coalesced: 0, failures: 0, forgiven: 0, extensions: 0 };
  return {
    v: 1,
    state: "killing",
    want: "up",
    clear: false,
    reason: "shim-lost",
    run,
    fails: 0,
    tries: 0,
    fresh: 0,
    concluded: true,
    gaveUp: false,
    hurry: false,
    fallback: false,
    failureAgesUs: [],
    counters,
  };
}

function socketsOf({ controlSocket, childSocket, notifySocket }: ShimAssignment): string[] {
  return [controlSocket, childSocket, ...(notifySocket === null ? [] : [notifySocket])];
}

function removeSockets({ files }: SupervisorPlatform, assignment: ShimAssignment): void {
  for (const path of socketsOf(assignment)) {
    try {
      files.remove(path);
    } catch {
      // Listening there says what is wrong with it.
    }
  }
}

/** The newest records that fit into an answer. */
function newest(records: readonly LogRecord[]): LogRecord[] {
  let bytes = 0;
  let from = records.length;
  for (let at = records.length - 1; at >= 0; at--) {
    bytes += (records[at]?.text.length ?? 0) + 150;
    if (bytes > MAX_ANSWERED_BYTES) break;
    from = at;
  }
  return records.slice(from);
}
