// Keeps one program as it is wanted: carries out what the state table asks for, and tells it what happens.
// Decides the order of things (a tree is proven empty before the next run begins); the table decides everything else.
// Never listens on a socket of a daemon and never reads a demand (shim.ts).

import type { ExitStatus, ProcessFacts, ProcessIdentity, SupervisorPlatform } from "../../platform/mod.ts";
import type { ChildEffect } from "../child/mod.ts";
import {
  exitClassOf,
  type MachineAction,
  type MachineEvent,
  ProgramMachine,
  type SavedMachine,
} from "../machine/mod.ts";
import {
  type ExitClass,
  type ExitRecord,
  LIVE,
  type ProgramEventKind,
  type ProgramSpec,
  type ResourceSample,
  type ShimAssignment,
} from "../model/mod.ts";
import type { Agenda } from "./agenda.ts";
import { ChildChannel } from "./child_channel.ts";
import { FileWatch } from "./file_watch.ts";
import { ProgramRun, spawnFailureOf } from "./program_run.ts";
import { Slate } from "./slate.ts";
import { TreeEnding } from "./tree_ending.ts";

/** How often the program's processes are looked at. */
const SAMPLE_US = 1_000_000;

/** What the keeper tells. */
export interface KeeperHandlers {
  /** Something happened. `by` null: by itself. */
  onEvent(
    kind: ProgramEventKind,
    run: number,
    by: string | null,
    detail: Readonly<Record<string, unknown>>,
  ): void;
  /** A run wrote something; the last words of one that ended may come when the next has begun. */
  onOutput(run: number, stream: "stdout" | "stderr", bytes: Uint8Array): void;
  /** Nothing more will be written by a run. */
  onDrained(run: number): void;
  /** The present run is ready. */
  onReady(spec: ProgramSpec): void;
  /** Waits for a text in the output, or no more; {@linkcode Keeper.handleTextSeen} is called when it came. */
  watchText(text: string | null): void;
  onRunStarted(run: ProgramRun): void;
  onRunEnded(exit: ExitRecord): void;
  onSample(sample: ResourceSample): void;
  /** Something to be read in people's words in the log. */
  onRemark(text: string): void;
  /** The state, or a figure of it, is another one. */
  onChange(): void;
}

/** What a keeper is made from. */
export interface KeeperOptions {
  readonly platform: SupervisorPlatform;
  readonly assignment: ShimAssignment;
  readonly agenda: Agenda;
  /** Whether orphans of the program become children of this process. */
  readonly adopts: boolean;
  readonly handlers: KeeperHandlers;
}

/** Keeps a program. */
export class Keeper {
  readonly channel: ChildChannel;
  readonly machine: ProgramMachine;
  readonly #options: KeeperOptions;
  readonly #slate: Slate;
  readonly #fileWatch: FileWatch;
  #spec: ProgramSpec;
  #run: ProgramRun | null = null;
  #ending: TreeEnding | null = null;
  /** Nothing of the tree lives, but its leader's end is still to be told. */
  #isEmptied = false;
  #end: Omit<ExitRecord, "class"> | null = null;
  #lastExit: ExitRecord | null = null;
  /** An end that is written down when the next start is under way: nobody waits for the disk in between. */
  #untold: { readonly exit: ExitRecord; readonly fails: unknown } | null = null;
  #sample: ResourceSample | null = null;
  #note: string | null = null;
  #by = "policy";
  readonly #inbox: MachineEvent[] = [];
  #isBusy = false;

  constructor(options: KeeperOptions) {
    const { platform, assignment, agenda, handlers } = options;
    this.#options = options;
    this.#spec = assignment.spec;
    this.machine = new ProgramMachine(assignment.spec, platform.random.stream("supervision/backoff"));
    this.channel = new ChildChannel({
      onConnect: (id) => this.#run === null ? this.channel.end(id) : this.#run.handleConnect(id),
      onBytes: (id, bytes) => this.#run?.handleBytes(id, bytes),
      onClosed: (id) => this.#run?.handleClosed(id),
      onNotify: (bytes) => this.#run?.handleNotify(bytes),
    });
    this.#slate = new Slate({
      platform,
      agenda,
      token: assignment.token,
      say: (text) => handlers.onRemark(text),
      onGone: () => handlers.onChange(),
    });
    this.#fileWatch = new FileWatch(platform, agenda, () => this.handle({ kind: "file-changed" }));
  }

  get spec(): ProgramSpec {
    return this.#spec;
  }
  get run(): ProgramRun | null {
    return this.#run;
  }
  get lastExit(): ExitRecord | null {
    return this.#lastExit;
  }
  get sample(): ResourceSample | null {
    return this.#sample;
  }
  /** What it waits for, why it is parked, who cannot be ended. */
  get note(): string | null {
    return this.#note;
  }
  /** Whether nothing of the program lives or is under way. */
  get isAtRest(): boolean {
    const { state } = this.machine;
    return (state === "idle" || state === "done") && !this.#slate.lives && this.#run === null &&
      this.#ending?.isBusy !== true;
  }

  /** How the last run ended, as the journal of a lost shim tells. */
  setLastExit(exit: ExitRecord): void {
    this.#lastExit = exit;
  }

  /** Takes another specification; what runs keeps its own until it is started anew. */
  setSpec(spec: ProgramSpec): void {
    this.#spec = spec;
    this.machine.setSpec(spec);
  }

  /** Goes on where a lost shim left off; `notBefore`: when the program's processes began, as far as known. */
  restore(saved: SavedMachine, notBefore: number): void {
    this.#ending = this.#endingOf(null, notBefore);
    // The machine may be in the next run when this end is told.
    if (LIVE.has(saved.state)) this.#end = this.#endOf(saved.run, null, UNSEEN);
    this.#do(this.machine.restore(this.#nowUs, saved));
    this.#settle();
  }

  /** Takes an event of the table; `by` says whose wish it was, for everything that follows from it. */
  handle(event: MachineEvent, by?: string): void {
    if (by !== undefined) this.#by = by;
    this.#inbox.push(event);
    if (this.#isBusy) return;
    this.#isBusy = true;
    for (let next = this.#inbox.shift(); next !== undefined; next = this.#inbox.shift()) {
      this.#do(this.machine.handle(this.#nowUs, next));
    }
    this.#isBusy = false;
    this.#settle();
  }

  /** The text by which the program is known to be ready has been written. */
  handleTextSeen(): void {
    this.#run?.handleTextSeen();
  }

  /** Signals the leader. False when none runs. */
  signal(signal: Parameters<ProgramRun["child"]["kill"]>[0]): boolean {
    return this.#run?.child.kill(signal) ?? false;
  }

  /** Stops listening to the program; called when nothing of it lives. */
  close(): void {
    this.channel.close();
    this.#fileWatch.stop();
  }

  get #nowUs(): number {
    return this.#options.platform.clock.nowUs();
  }

  #settle(): void {
    const { agenda, handlers } = this.#options;
    const next = this.machine.deadline();
    agenda.set("machine", next?.atUs ?? null, (nowUs) => {
      this.#isBusy = true;
      this.#do(this.machine.handleDeadline(nowUs));
      this.#isBusy = false;
      // What came meanwhile, and the next deadline.
      const waiting = this.#inbox.shift();
      if (waiting === undefined) this.#settle();
      else this.handle(waiting);
    });
    if (this.machine.state !== "parked") this.#fileWatch.stop();
    handlers.onChange();
  }

  #do(actions: readonly MachineAction[]): void {
    for (const action of actions) {
      if (action.do !== "spawn") this.#tellEnd();
      switch (action.do) {
        case "spawn":
          this.#spawn();
          break;
        case "ask-stop":
          this.#ending?.begin("stop");
          break;
        case "kill":
          this.#ending?.begin("now");
          break;
        case "sweep":
          this.#ending?.begin("sweep");
          break;
        case "forgive":
          break; // the judge of silence forgave it already: it was the one who saw it
        case "start-fallback":
          this.#slate.start(this.#spec);
          break;
        case "stop-fallback":
          this.#slate.stop();
          break;
        case "note":
          this.#onNote(action.event, action.detail);
          break;
      }
    }
    this.#tellEnd();
  }

  #spawn(): void {
    const { handlers, platform, assignment, agenda } = this.#options;
    const number = this.machine.run;
    this.#run?.end();
    this.#run = null;
    this.#end = null;
    this.#note = null;
    try {
      const run = new ProgramRun(number, this.#spec, {
        platform,
        assignment,
        agenda,
        channel: this.channel,
        lastExit: wordOf(this.#lastExit),
        onOutput: (stream, bytes) => handlers.onOutput(number, stream, bytes),
        onDrained: () => handlers.onDrained(number),
        watchText: (text) => handlers.watchText(text),
        onEffect: (from, effect) => this.#onEffect(from, effect),
        onReady: (from, told) => this.#onReady(from, told),
        onExit: (from, status) => this.#onExit(from, status),
      });
      this.#tellEnd();
      this.#run = run;
      this.#ending = this.#endingOf(run, run.identity.startedAt);
      handlers.onRunStarted(run);
      this.handle({ kind: "spawned" });
      agenda.set("sample", this.#nowUs + SAMPLE_US, (nowUs) => this.#look(nowUs));
    } catch (thrown) {
      this.#tellEnd();
      const failure = spawnFailureOf(thrown);
      this.#end = this.#endOf(number, null, failure.why);
      this.#note = failure.why;
      this.handle({ kind: "spawn-failed", class: failure.class });
    }
  }

  #endingOf(run: ProgramRun | null, notBefore: number): TreeEnding {
    const { platform, agenda, assignment, adopts } = this.#options;
    const { self } = platform.processTable;
    this.#ending?.drop();
    this.#isEmptied = false;
    return new TreeEnding({
      platform,
      agenda,
      name: "tree",
      mark: assignment.token,
      roots: adopts || run === null ? [self.processId] : [run.identity.processId],
      leader: run?.identity ?? null,
      notBefore,
      self,
      graceUs: this.#spec.graceUs,
      keepChildren: this.#spec.keepChildren,
      // What a lost shim left behind has become somebody else's child: the mark alone finds it.
      adopts: adopts && run !== null,
      spared: () => this.#slate.processes,
      onAsk: () => run?.askStop(this.#by),
      signalGroup: (signal) => run?.child.killGroup(signal),
      onEmpty: () => this.#onEmpty(),
      onSurvivors: (members) => this.#onSurvivors(members),
    });
  }

  // What happens -----------------------------------------------------------------------------------------------

  #onReady(run: ProgramRun, told: boolean): void {
    if (run !== this.#run) return;
    run.noteReady(this.#nowUs);
    this.handle({ kind: "ready", told });
  }

  #onEffect(run: ProgramRun, effect: ChildEffect): void {
    if (run !== this.#run) return;
    const { handlers } = this.#options;
    const tell = (kind: ProgramEventKind, detail: Readonly<Record<string, unknown>>) =>
      handlers.onEvent(kind, run.number, null, detail);
    switch (effect.do) {
      case "machine":
        if (effect.event === "ready") run.noteReady(this.#nowUs);
        return this.handle(effect.event === "ready" ? { kind: "ready", told: true } : { kind: effect.event });
      case "extend":
        tell("extended", { askedUs: effect.us, why: effect.why });
        return this.handle({ kind: "extend", us: effect.us });
      case "fault":
        this.#note = effect.text ?? effect.code;
        tell("fault", { code: effect.code, fatal: effect.fatal, text: effect.text });
        return this.handle({ kind: "fault", fatal: effect.fatal });
      case "status":
        tell("status", { text: effect.text, pct: effect.pct });
        return handlers.onChange();
      case "bye":
        tell("status", { text: effect.reason ?? "ends", pct: null });
        return;
      case "broken":
        tell("protocol", { rule: effect.rule, detail: effect.detail });
        return;
      default:
    }
  }

  #onExit(run: ProgramRun, status: ExitStatus): void {
    if (run !== this.#run) return;
    this.#options.agenda.set("sample", null, () => {});
    this.#end = this.#endOf(run.number, status, null);
    const remains = !this.#isEmptied && this.#ending?.handleExit() === true;
    this.#isEmptied = false;
    run.end();
    this.#run = null;
    if (!remains) this.#ending?.drop();
    const exit = exitClassOf({ code: status.code, signal: status.signal, done: null }, run.spec);
    this.handle({ kind: "exited", class: exit, remains, run: run.number });
  }

  #onEmpty(): void {
    // A leader that is a zombie lives no more, but how it ended comes a moment later, or is being told just now.
    if (this.#run !== null) this.#isEmptied = true;
    else this.handle({ kind: "tree-empty" });
  }

  #onSurvivors(members: readonly ProcessFacts[]): void {
    const shown = members.slice(0, 4).map(({ processId, name, state, waitsIn }) =>
      `${name} (pid ${processId}, ${state}${waitsIn === null ? "" : ` in ${waitsIn}`})`
    );
    this.#note = `cannot be ended: ${shown.join(", ")}${members.length > 4 ? " …" : ""}`;
    this.handle({ kind: "survivors" });
  }

  #onNote(kind: ProgramEventKind, detail: Readonly<Record<string, unknown>>): void {
    const { handlers } = this.#options;
    const { run } = this.machine;
    const by = BY_SOMEBODY.has(kind) ? this.#by : null;
    switch (kind) {
      case "exited":
        return this.#onEnded(detail);
      case "ready":
        if (this.#run !== null) handlers.onReady(this.#run.spec);
        return handlers.onEvent(kind, run, null, { readyUs: this.#run?.readyUs ?? null });
      case "started":
        // What happens from here on is nobody's wish any more.
        this.#by = "policy";
        return handlers.onEvent(kind, run, null, { pid: this.#run?.identity.processId ?? null });
      case "fault":
        return; // told with its words when it was said
      case "extended":
        return;
      case "unkillable":
      case "waiting":
      case "parked":
        if (kind === "parked") this.#onParked();
        return handlers.onEvent(kind, run, by, { ...detail, note: this.#note });
      case "memory":
        return handlers.onEvent(kind, run, null, {
          bytes: this.#sample?.residentBytes ?? null,
          limitBytes: this.#spec.memoryMaxBytes,
        });
      case "stopped":
      case "done":
        this.#by = "policy";
        return handlers.onEvent(kind, run, by, detail);
      default:
        return handlers.onEvent(kind, run, by, detail);
    }
  }

  #onParked(): void {
    const { reason, gaveUp } = this.machine;
    this.#note = gaveUp ? "failed too often" : this.#end?.why ?? this.#note ?? reason;
    this.#fileWatch.start(this.#spec.argv[0], this.#spec.cwd);
  }

  #onEnded(detail: Readonly<Record<string, unknown>>): void {
    const end = this.#end ?? this.#endOf(this.machine.run, null, UNSEEN);
    const exit: ExitRecord = { ...end, class: detail["class"] as ExitClass };
    this.#end = null;
    this.#lastExit = exit;
    this.#sample = null;
    if (exit.class !== "config" && exit.class !== "resources") this.#note = null;
    this.#untold = { exit, fails: detail["fails"] };
  }

  /** Tells of the end of a run: behind the next start where that follows at once, before all else that does. */
  #tellEnd(): void {
    if (this.#untold === null) return;
    const { exit, fails } = this.#untold;
    this.#untold = null;
    const { handlers } = this.#options;
    handlers.onEvent("exited", exit.run, null, { exit, fails });
    handlers.onRunEnded(exit);
  }

  #endOf(run: number, status: ExitStatus | null, why: string | null): Omit<ExitRecord, "class"> {
    const { clock } = this.#options.platform;
    const ended = this.#run;
    return {
      run,
      code: status?.code ?? null,
      signal: status?.signal ?? null,
      why,
      atWallMs: clock.wallMs(),
      livedUs: ended === null ? 0 : clock.nowUs() - ended.startedUs,
      readyUs: ended?.readyUs ?? null,
      peakBytes: ended?.sampler.peakBytes ?? null,
      cpuUs: ended === null ? null : ended.sampler.cpuUs,
    };
  }

  /** All that the program has started, and that has come to us when its parent ended. */
  #descendants(run: ProgramRun): ProcessFacts[] {
    const { platform: { processTable }, adopts } = this.#options;
    if (!adopts) return processTable.descendants([run.identity.processId]);
    const found = without(processTable.descendants([processTable.self.processId]), this.#slate.processes);
    return found.filter(({ processId }) => processId !== run.identity.processId);
  }

  #look(nowUs: number): void {
    const run = this.#run;
    if (run === null) return;
    const { processTable, clock } = this.#options.platform;
    const { agenda, handlers } = this.#options;
    processTable.reapOrphans();
    const leader = processTable.inspect(run.identity.processId);
    const isSame = leader !== null && leader.startedAt === run.identity.startedAt;
    const members = [...(isSame ? [leader] : []), ...this.#descendants(run)];
    // Its end is told after the fact: nothing is no measurement of it.
    if (members.length === 0) return;
    const sample = run.sampler.handleLook(nowUs, members);
    this.#sample = {
      atWallMs: clock.wallMs(),
      residentBytes: sample.residentBytes,
      cpuShare: sample.cpuShare ?? 0,
      processes: sample.processes,
      fps: run.judge.figures.fps,
    };
    handlers.onSample(this.#sample);
    agenda.set("sample", nowUs + SAMPLE_US, (atUs) => this.#look(atUs));
    const limit = this.#spec.memoryMaxBytes;
    if (limit !== null && sample.residentBytes > limit) this.handle({ kind: "over-memory" });
  }
}

/** Processes without some of them and all that descends from those. Parents stand before their children. */
function without(found: readonly ProcessFacts[], left: readonly ProcessIdentity[]): ProcessFacts[] {
  if (left.length === 0) return [...found];
  const gone = new Set(left.map(({ processId }) => processId));
  for (const { processId, parentId } of found) if (gone.has(parentId)) gone.add(processId);
  return found.filter(({ processId }) => !gone.has(processId));
}

/** How a run ended that had another shim. */
const UNSEEN = "its end was not seen";

/** Events that somebody brought about. */
const BY_SOMEBODY: ReadonlySet<ProgramEventKind> = new Set(["stopping", "killing", "stopped", "waiting"]);

/** The end of a run in a word: `SIGSEGV`, `exit 3`, `hang`. */
function wordOf(exit: ExitRecord | null): string | null {
  if (exit === null) return null;
  if (exit.signal !== null) return exit.signal;
  return exit.code === null ? exit.class : `exit ${exit.code}`;
}
