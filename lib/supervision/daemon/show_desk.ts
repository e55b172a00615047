// Applying shows to a node: what one would change, taking it over whole, and changing programs when their turn comes.
// Decides that a generation is in force at once (one commit) and rolled out by and by: what was not let go yet stays as it
// runs, until whoever rolls out names it, or has not said anything for a while. After a lost daemon or power everything that
// was taken over counts. Sessions and consoles are not known in here.

import { HanaError } from "../../base/mod.ts";
import type { Platform, TimerHandle } from "../../platform/mod.ts";
import type { ProgramSpec } from "../model/mod.ts";
import { diffSpecs } from "../spec/mod.ts";
import type {
  ApplyCall,
  ApplyResult,
  PrepareCall,
  PrepareResult,
  ReleasedProgram,
  RollOutCall,
  RollOutResult,
  ShowProblem,
  ShowRecord,
  ShowStanding,
} from "./calls.ts";
import { inOrder } from "./needs.ts";
import type { OpLog } from "./op_log.ts";
import type { SupervisorLimits } from "./options.ts";
import { digestOf } from "./places.ts";
import type { SupervisedProgram } from "./program.ts";
import { programChange, type ProgramRow } from "./rows.ts";
import { checkPrograms, checkSum, platformName } from "./show_checks.ts";
import { Shows } from "./shows.ts";
import type { Store } from "./store.ts";

/** How long others are kept from applying while one console does. */
const RESERVED_US = 15_000_000;
/** The generation of a plan that is never written. */
const NEVER = Number.MAX_SAFE_INTEGER;

/** What shows need of their supervisor. */
export interface ShowSurroundings {
  readonly platform: Platform;
  readonly directory: string;
  readonly store: Store;
  readonly ops: OpLog;
  readonly limits: SupervisorLimits;
  readonly programs: ReadonlyMap<string, SupervisedProgram>;
  add(row: ProgramRow): SupervisedProgram;
  settled(program: SupervisedProgram): Promise<void>;
  /** Throws `config` where programs would wait for each other. */
  checkNeeds(changed: ReadonlyMap<string, ProgramSpec["needs"]>, without: readonly string[]): void;
  noteFault(program: string, text: string): void;
}

interface Reservation {
  readonly op: string;
  readonly by: string;
  readonly untilUs: number;
}

/** The shows of a node. */
export class ShowDesk {
  readonly #around: ShowSurroundings;
  readonly #shows: Shows;
  /** What is wanted and on the disk, of programs that are not changed yet. */
  readonly #staged = new Map<string, ProgramRow>();
  #reservation: Reservation | null = null;
  #timer: TimerHandle | null = null;
  #isHalted = false;

  constructor(around: ShowSurroundings) {
    this.#around = around;
    this.#shows = new Shows(around.store, around.limits.maxShows);
  }

  /** The generations that are kept, newest first. */
  all(): readonly ShowRecord[] {
    return this.#shows.all();
  }

  /** Which show is in force, and how far it was rolled out. */
  standing(): ShowStanding {
    const programs = this.#rows().filter(({ from, removing }) => from === "manifest" && !removing).length;
    const generations = this.all().map(({ text: _text, ...record }) => record);
    return { generations, programs, staged: this.#waiting(), halted: this.#isHalted };
  }

  /** What applying would change, and what is in its way. Rejects with `conflict`. Changes nothing. */
  async prepare(call: PrepareCall): Promise<PrepareResult> {
    const { platform, directory } = this.#around;
    this.#shows.expect(call.base);
    this.#checkReserved(call.op);
    const problems: ShowProblem[] = [];
    const rows = new Map(this.#rows().map((row) => [row.name, row]));
    // A program that a person spawned is in the way, and said together with everything else.
    const free = call.programs.filter(({ name }) => {
      const row = rows.get(name);
      if (row?.from !== "spawn" || row.removing) return true;
      const why = `${row.by || "somebody"} spawned another program of this name (hana rm ${name} --stop)`;
      problems.push({ program: name, what: `${name} is there already`, why, fatal: true });
      return false;
    });
    const show = { generation: NEVER, sha256: "", text: "" };
    const plan = this.#shows.plan({ op: call.op, by: call.by, show, programs: free }, [...rows.values()], 0);
    this.#checkNeedsOf(call.programs, plan.result.removed, problems);
    problems.push(...await checkPrograms(platform, directory, call.programs));
    // Whatever took its time: nobody else was first meanwhile.
    this.#shows.expect(call.base);
    this.#checkReserved(call.op);
    if (call.reserve === true) {
      const untilUs = platform.clock.nowUs() + RESERVED_US;
      this.#reservation = { op: call.op, by: call.by, untilUs };
    }
    const { added, removed, unchanged } = plan.result;
    const changed = plan.rows.filter(({ name }) => plan.result.changed.includes(name)).map((row) => {
      const before = rows.get(row.name);
      const lines = before === undefined ? [] : diffSpecs(before.spec, row.spec);
      if (before?.removing === true) lines.unshift("it was being removed");
      else if (before !== undefined && before.want !== row.want) {
        lines.unshift(`want: ${before.want} -> ${row.want}`);
      }
      return { name: row.name, lines, restarts: this.#restarts(row) };
    });
    const [newest] = this.all();
    return {
      base: newest?.generation ?? 0,
      platform: platformName(platform.host),
      added,
      changed,
      removed,
      unchanged,
      staged: this.#waiting(),
      problems,
    };
  }

  /**
   * Takes a generation of a show over: all of its programs and the show itself in one commit. Rejects with `conflict` (an
   * older generation, another base, another console, or a program of that name that a person spawned), `config` (programs
   * wait for each other) and `overloaded`.
   */
  apply(call: ApplyCall): Promise<ApplyResult> {
    const { platform, store, ops, limits, programs } = this.#around;
    const { by: _by, ...rest } = call;
    const digest = digestOf(JSON.stringify(rest));
    return ops.once(call.op, digest, async () => {
      this.#checkReserved(call.op);
      const plan = this.#shows.plan(call, this.#rows(), Math.floor(platform.clock.wallMs()));
      const needs = new Map(call.programs.map(({ name, spec }) => [name, spec.needs]));
      this.#around.checkNeeds(needs, plan.result.removed);
      const total = new Set([...programs.keys(), ...needs.keys()]).size;
      if (total > limits.maxPrograms) {
        const why = `${total} programs would be on this node`;
        throw new HanaError("overloaded", { what: "the show", why });
      }
      this.#reservation = null;
      const waiting = call.staged === true
        ? [...new Set([...this.#waiting(), ...plan.rows.map(({ name }) => name)])].sort()
        : [];
      const result = { ...plan.result, staged: waiting };
      const changes = [...plan.rows.map(programChange), ...plan.changes];
      const durable = store.commit([
        ...changes,
        ...ops.rowsFor(call.op, digest, { ...result, durable: true }),
      ], "synced");
      for (const row of plan.rows) this.#staged.set(row.name, row);
      this.#isHalted = false;
      if (call.staged === true) this.#wait();
      else await this.#release([...this.#staged.keys()]);
      return { ...result, durable };
    });
  }

  /** Changes programs whose turn it is. Rejects with `conflict` where another generation is in force. */
  async rollOut(call: RollOutCall): Promise<RollOutResult> {
    this.#shows.expect(call.generation);
    this.#isHalted = call.halt === true;
    this.#wait();
    const { released, problems } = await this.#release(call.names);
    this.#wait();
    return { released, problems, staged: this.#waiting() };
  }

  /** Somebody wants something of one program: what its show wants of it comes first. */
  takeOver(name: string): void {
    const row = this.#staged.get(name);
    if (row !== undefined) this.#accept(row);
  }

  close(): void {
    this.#timer?.cancel();
  }

  // ------------------------------------------------------------------------------------------------------------------

  /** What is wanted of all programs, as it is on the disk. */
  #rows(): ProgramRow[] {
    const rows = new Map([...this.#around.programs].map(([name, { row }]) => [name, row]));
    for (const [name, row] of this.#staged) rows.set(name, row);
    return [...rows.values()];
  }

  #waiting(): string[] {
    return [...this.#staged.keys()].sort();
  }

  /** Goes on by itself where nobody says anything: what is wanted is reached, whoever died. */
  #wait(): void {
    const { platform: { clock, timers }, limits } = this.#around;
    this.#timer?.cancel();
    this.#timer = null;
    if (this.#staged.size === 0 || this.#isHalted) return;
    this.#timer = timers.schedule(clock.nowUs() + limits.rolloutUs, () => {
      void this.#release([...this.#staged.keys()]);
    });
  }

  /** Brings programs in line; those that are needed first. A file that is another one than the show wants stays out. */
  async #release(
    names: readonly string[],
  ): Promise<{ released: ReleasedProgram[]; problems: ShowProblem[] }> {
    const problems: ShowProblem[] = [];
    const rows = names.flatMap((name) => this.#staged.get(name) ?? []);
    const order = inOrder(new Map(rows.map(({ name, spec }) => [name, spec.needs])));
    const released: ReleasedProgram[] = [];
    const settling: Promise<void>[] = [];
    for (const name of order) {
      const row = this.#staged.get(name);
      if (row === undefined) continue;
      const problem = row.want === "down" ? null : await checkSum(this.#around.platform, name, row.spec);
      if (problem?.fatal === true) {
        problems.push(problem);
        this.#around.noteFault(name, `${problem.what}: ${problem.why}`);
        continue;
      }
      // A verb may have come in between, or another show.
      if (this.#staged.get(name) !== row) continue;
      const restarts = this.#restarts(row);
      const run = this.#around.programs.get(name)?.snapshot.run ?? 0;
      released.push({ name, generation: row.generation, run, restarts, removed: row.removing });
      settling.push(this.#around.settled(this.#accept(row)));
    }
    await Promise.all(settling);
    return { released, problems };
  }

  #accept(row: ProgramRow): SupervisedProgram {
    this.#staged.delete(row.name);
    const program = this.#around.programs.get(row.name) ?? this.#around.add(row);
    program.accept(row, false);
    return program;
  }

  /** Whether what runs ends for this. */
  #restarts(row: ProgramRow): boolean {
    const program = this.#around.programs.get(row.name);
    if (program === undefined) return false;
    const { state } = program.snapshot;
    const isUp = state === "running" || state === "hung" || state === "starting";
    return isUp && diffSpecs(program.row.spec, row.spec).length > 0;
  }

  #checkReserved(op: string): void {
    const held = this.#reservation;
    if (held === null || held.op === op || this.#around.platform.clock.nowUs() >= held.untilUs) return;
    throw new HanaError("conflict", {
      what: "another show is being applied",
      why: `${held.by} does it right now`,
      hint: "hana apply --status",
    });
  }

  #checkNeedsOf(
    programs: PrepareCall["programs"],
    removed: readonly string[],
    problems: ShowProblem[],
  ): void {
    const staying = new Set([...this.#around.programs.keys(), ...programs.map(({ name }) => name)]);
    for (const name of removed) staying.delete(name);
    for (const { name, spec } of programs) {
      for (const need of Object.keys(spec.needs)) {
        if (staying.has(need)) continue;
        const why = "no program of this name is there, or comes with the show";
        problems.push({ program: name, what: `${name} would wait for ${need} for ever`, why, fatal: true });
      }
    }
    try {
      this.#around.checkNeeds(new Map(programs.map(({ name, spec }) => [name, spec.needs])), removed);
    } catch (thrown) {
      if (!(thrown instanceof HanaError)) throw thrown;
      problems.push({ program: "", what: thrown.what, why: thrown.why ?? "", fatal: true });
    }
  }
}
