// One program's state machine: events in, actions out, the next deadline with its reason.
// Decides when a program starts, ends and is tried again, by the rows of table.ts; guards and steps get their meaning here.
// Never starts, signals or reads anything, never trusts an event that cannot be: such are ignored and counted.

import type { RandomStream } from "../../platform/mod.ts";
import type { Actual, Desired, ExitClass, Health, ProgramEventKind, ProgramSpec } from "../model/mod.ts";
import type { MachineAction, MachineCounters, MachineEvent, SavedMachine } from "./events.ts";
import { isHopeless, isOver, MAX_EXTENSION_US } from "./policy.ts";
import { type Guard, type Row, rowsFor, STATE_RULES, type Step, type TableEvent } from "./table.ts";
import { Tally } from "./tally.ts";
import { Wellness } from "./wellness.ts";

/** A deadline that strikes later than this was not observed: the machine slept, or the shim did (research, R6). */
const UNOBSERVED_US = 1_000_000;

/** What one event carries through its row. */
interface Turn {
  readonly nowUs: number;
  /** Null for the machine's own timers. */
  readonly event: MachineEvent | null;
  readonly actions: MachineAction[];
}

/** Keeps one program as it is wanted. */
export class ProgramMachine {
  #spec: ProgramSpec;
  readonly #random: RandomStream;
  #state: Actual = "idle";
  #want: Desired = "down";
  #clear = false;
  #reason: ExitClass | null = null;
  #run = 0;
  #leader: "none" | "spawning" | "alive" = "none";
  /** The end of the present run has been judged and counted. */
  #concluded = true;
  /** A human wants the next try at once. */
  #hurry = false;
  #fallback = false;
  #sinceUs = 0;
  #deadlineUs: number | null = null;
  #nextTryUs: number | null = null;
  #startedUs = 0;
  #hungSinceUs = 0;
  readonly #tally = new Tally();
  readonly #wellness = new Wellness();
  readonly #counters = { spurious: 0, coalesced: 0, forgiven: 0, extensions: 0 };

  /** `random` jitters the delays. */
  constructor(spec: ProgramSpec, random: RandomStream) {
    this.#spec = spec;
    this.#random = random;
  }

  get state(): Actual {
    return this.#state;
  }
  get want(): Desired {
    return this.#want;
  }
  get health(): Health {
    return this.#wellness.health;
  }
  /** Counts its starts, never reset. */
  get run(): number {
    return this.#run;
  }
  /** Failures since it was last ready for 30 s. */
  get fails(): number {
    return this.#tally.fails;
  }
  /** Three failures within a minute. */
  get unstable(): boolean {
    return this.#tally.unstable;
  }
  /** When the next try is due; null unless in `backoff`. */
  get nextTryUs(): number | null {
    return this.#nextTryUs;
  }
  /** Since when it is in its state. */
  get sinceUs(): number {
    return this.#sinceUs;
  }
  /** Why it is being ended, or why the last run ended; null while it lives and nobody ends it. */
  get reason(): ExitClass | null {
    return this.#reason;
  }
  /** Whether it was parked for its many failures. */
  get gaveUp(): boolean {
    return this.#tally.gaveUp;
  }
  /** Whether the safe look is wanted on its display. */
  get fallback(): boolean {
    return this.#fallback;
  }
  /** Whether what it needs is there. */
  get clear(): boolean {
    return this.#clear;
  }
  get counters(): MachineCounters {
    return { ...this.#counters, failures: this.#tally.failures };
  }

  /** Takes a changed specification; a running program keeps the old one until a `restart` event. */
  setSpec(spec: ProgramSpec): void {
    this.#spec = spec;
  }

  /** Takes an event. Zero delays are passed through: an end may ask for the next `spawn` in the same call. */
  handle(nowUs: number, event: MachineEvent): readonly MachineAction[] {
    const turn: Turn = { nowUs, event, actions: [] };
    if (!this.#believable(event)) {
      this.#counters.spurious++;
      return turn.actions;
    }
    this.#noteWish(event);
    this.#conclude(turn, event);
    this.#apply(turn, event.kind);
    this.#passThrough(nowUs, turn.actions);
    return turn.actions;
  }

  /** Lets every deadline that is due strike. */
  handleDeadline(nowUs: number): readonly MachineAction[] {
    const actions: MachineAction[] = [];
    const turn: Turn = { nowUs, event: null, actions };
    for (let i = 0; i < 8; i++) {
      const due = this.#nextDeadline();
      if (due === null || due.atUs > nowUs) break;
      if (due.event === "deadline" && this.#forgives(nowUs, due.atUs)) continue;
      this.#apply(turn, due.event);
      this.#passThrough(nowUs, actions);
    }
    return actions;
  }

  /** When {@linkcode handleDeadline} is due next, and why; null while nothing is. */
  deadline(): { readonly atUs: number; readonly reason: string } | null {
    const next = this.#nextDeadline();
    return next === null ? null : { atUs: next.atUs, reason: next.reason };
  }

  /** What the journal keeps. */
  save(nowUs: number): SavedMachine {
    return {
      v: 1,
      state: this.#state,
      want: this.#want,
      clear: this.#clear,
      reason: this.#reason,
      run: this.#run,
      concluded: this.#concluded,
      hurry: this.#hurry,
      fallback: this.#fallback,
      ...this.#tally.save(nowUs),
      counters: this.counters,
    };
  }

  /**
   * Goes on where a lost shim left off; only on a machine that has not begun. Whatever may live of the program is ended
   * first (`sweep`, then `tree-empty`): nobody hears it any more. A saved wish, counter or delay is not lost.
   */
  restore(nowUs: number, saved: SavedMachine): readonly MachineAction[] {
    const turn: Turn = { nowUs, event: null, actions: [] };
    this.#want = saved.want;
    this.#clear = saved.clear;
    this.#run = saved.run;
    this.#hurry = saved.hurry;
    this.#tally.restore(nowUs, saved);
    this.#counters.spurious = saved.counters.spurious;
    this.#counters.coalesced = saved.counters.coalesced;
    this.#counters.forgiven = saved.counters.forgiven;
    this.#counters.extensions = saved.counters.extensions;
    this.#sinceUs = nowUs;
    this.#concluded = saved.concluded;
    this.#reason = saved.reason;
    if (!saved.concluded) this.#reason = saved.reason ?? "shim-lost";
    const rests = saved.state === "idle" || saved.state === "parked" || saved.state === "done";
    if (rests && !saved.fallback) {
      this.#state = saved.state;
      return turn.actions;
    }
    // A rest with a safe look beside it, a pause between tries, and every life: the tree is made empty first. The safe
    // look comes back after it, where the count of failures still asks for it.
    if (saved.state === "waiting") this.#hurry = true;
    this.#enter(turn, "killing");
    turn.actions.push({ do: "sweep" });
    return turn.actions;
  }

  /** Events that contradict what is known of the process are not believed. */
  #believable(event: MachineEvent): boolean {
    switch (event.kind) {
      case "spawned":
      case "spawn-failed":
        return this.#leader === "spawning";
      case "exited":
        return this.#leader !== "none" && (event.run === undefined || event.run === this.#run);
      default:
        return true;
    }
  }

  /** The newest wish wins, whatever is under way. */
  #noteWish(event: MachineEvent): void {
    switch (event.kind) {
      case "start":
        this.#want = event.want;
        this.#clear = event.clear;
        break;
      case "clear":
        this.#clear = true;
        break;
      case "stop":
        this.#want = "down";
        this.#hurry = false;
        break;
      case "restart":
        if (this.#want === "down") this.#want = "up";
        break;
      default:
    }
  }

  /** Judges the end of a run, once. An end that was brought about from here keeps the reason for which it was. */
  #conclude(turn: Turn, event: MachineEvent): void {
    const ending = this.#state === "stopping" || this.#state === "killing" || this.#state === "unkillable";
    switch (event.kind) {
      case "exited":
      case "spawn-failed": {
        this.#leader = "none";
        // Nobody asked: an end that calls itself so would be tried again without count and delay.
        const told = event.class === "stopped" ? "failure" : event.class;
        if (!this.#concluded) this.#count(turn, ending ? this.#reason ?? told : told);
        break;
      }
      case "tree-empty":
        if (!ending) break;
        this.#leader = "none";
        if (!this.#concluded) this.#count(turn, this.#reason ?? "failure");
        break;
      case "spawned":
        this.#leader = "alive";
        this.#startedUs = turn.nowUs;
        break;
      default:
    }
  }

  #count(turn: Turn, exit: ExitClass): void {
    this.#concluded = true;
    this.#reason = exit;
    const counted = this.#tally.count(turn.nowUs, exit, this.#spec);
    this.#note(turn, "exited", { class: exit, fails: this.#tally.fails, counted });
  }

  #apply(turn: Turn, event: TableEvent): void {
    for (const row of rowsFor(this.#state, event)) {
      if (row.guard === null || this.#holds(row.guard, turn.event)) {
        this.#take(turn, row);
        return;
      }
    }
    this.#counters.spurious++;
  }

  #take(turn: Turn, row: Row): void {
    if (row.reason !== undefined) this.#reason = row.reason;
    if (row.to !== "same") this.#enter(turn, row.to);
    else if (row.event === "deadline") this.#armDeadline(turn.nowUs);
    for (const step of row.actions) this.#perform(turn, step, row.event);
  }

  #holds(guard: Guard, event: MachineEvent | null): boolean {
    switch (guard) {
      case "clear":
        return this.#clear;
      case "now":
        return (event?.kind === "stop" || event?.kind === "restart") && event.now;
      case "spawned":
        return this.#leader === "alive";
      case "remains":
        return event?.kind === "exited" && event.remains;
      case "down":
        return this.#want === "down";
      case "asked":
        return this.#hurry || this.#reason === "stopped";
      case "over":
        return isOver(this.#reason ?? "failure", this.#want, this.#spec);
      case "hopeless":
        return this.#tally.gaveUp || isHopeless(this.#reason ?? "failure");
      case "fatal":
        return event?.kind === "fault" && event.fatal;
      case "strict":
        return this.#spec.hang.stall === "restart";
    }
  }

  #enter(turn: Turn, to: Actual): void {
    const { nowUs } = turn;
    const from = this.#state;
    this.#state = to;
    this.#sinceUs = nowUs;
    this.#nextTryUs = null;
    if (to !== "running" && to !== "hung") this.#wellness.noteEnd();
    switch (to) {
      case "backoff":
        this.#nextTryUs = nowUs + this.#tally.delayUs(this.#spec, this.#random);
        break;
      case "hung":
        this.#hungSinceUs = nowUs;
        this.#wellness.noteSilent();
        break;
      default:
    }
    this.#armDeadline(nowUs);
    this.#noteEntry(turn, from, to);
    this.#keepFallback(turn, to);
  }

  #armDeadline(nowUs: number): void {
    const limitUs = STATE_RULES[this.#state].limitUs;
    this.#deadlineUs = this.#state === "backoff"
      ? this.#nextTryUs
      : limitUs === null
      ? null
      : nowUs + limitUs(this.#spec);
  }

  #noteEntry(turn: Turn, from: Actual, to: Actual): void {
    const kind = STATE_RULES[to].note;
    switch (to) {
      case "idle":
        this.#note(turn, "stopped", { from });
        return;
      case "backoff":
        // A zero delay is no pause: nobody needs to hear of it.
        if (this.#nextTryUs === turn.nowUs) return;
        this.#note(turn, "backoff", {
          delayUs: (this.#nextTryUs ?? 0) - turn.nowUs,
          fails: this.#tally.fails,
        });
        return;
      case "running":
        if (from === "starting") this.#note(turn, "ready", { readyUs: turn.nowUs - this.#startedUs });
        return;
      case "waiting":
        if (!this.#clear) this.#note(turn, "waiting", { alert: false });
        return;
      case "parked":
        this.#note(turn, "parked", { reason: this.#reason, gaveUp: this.#tally.gaveUp });
        return;
      case "done":
        this.#note(turn, "done", { reason: this.#reason });
        return;
      case "stopping":
      case "killing":
        this.#note(turn, to, { why: this.#reason });
        return;
      default:
        if (kind !== null) this.#note(turn, kind, {});
    }
  }

  /** The safe look stands in from the nth failure, or when no try comes by itself, until the program has proven itself. */
  #keepFallback(turn: Turn, to: Actual): void {
    const rule = this.#spec.fallback;
    if (to === "idle" || to === "done") return this.#endFallback(turn);
    if (this.#fallback || rule === null) return;
    const tries = to === "backoff" || to === "waiting";
    if (to === "parked" || (tries && this.#tally.fails >= rule.after)) {
      this.#fallback = true;
      turn.actions.push({ do: "start-fallback" });
      this.#note(turn, "fallback-started", { fails: this.#tally.fails });
    }
  }

  #endFallback(turn: Turn): void {
    if (!this.#fallback) return;
    this.#fallback = false;
    turn.actions.push({ do: "stop-fallback" });
    this.#note(turn, "fallback-ended", {});
  }

  #perform(turn: Turn, step: Step, event: TableEvent): void {
    const { nowUs, actions } = turn;
    switch (step) {
      case "spawn":
        this.#run++;
        this.#leader = "spawning";
        this.#concluded = false;
        this.#hurry = false;
        this.#reason = null;
        this.#startedUs = nowUs;
        actions.push({ do: "spawn" });
        break;
      case "ask-stop":
      case "sweep":
      case "forgive":
        actions.push({ do: step });
        if (step === "forgive") this.#forgiveAll(turn);
        break;
      case "kill":
        actions.push({ do: "kill", why: this.#reason ?? "failure" });
        break;
      case "alert":
        this.#note(turn, "waiting", { alert: true, waitedUs: nowUs - this.#sinceUs });
        break;
      case "hurry":
        this.#hurry = true;
        break;
      case "fresh":
        this.#tally.begin();
        break;
      case "coalesce":
        this.#counters.coalesced++;
        break;
      case "extend":
        this.#extend(turn);
        break;
      case "healthy":
        if (event === "moving") this.#noteMoving(turn);
        else this.#wellness.noteReady(nowUs, turn.event?.kind !== "ready" || turn.event.told !== false);
        break;
      case "stalled":
        if (this.#wellness.noteStalled()) this.#note(turn, "stalled", {});
        break;
      case "degraded":
        if (this.#state === "running") this.#wellness.noteFault();
        break;
      case "recovered":
        this.#wellness.noteHeard(nowUs);
        this.#note(turn, "recovered", { hungUs: nowUs - this.#hungSinceUs });
        break;
      case "reset-fails":
        this.#wellness.noteStable();
        this.#tally.noteStable();
        break;
      case "end-fallback":
        this.#wellness.noteProven();
        this.#endFallback(turn);
        break;
      case "calm":
        this.#tally.calm(nowUs);
        break;
      case "note":
        this.#noteEvent(turn);
        break;
      case "count":
        this.#counters.spurious++;
        break;
    }
  }

  #noteEvent(turn: Turn): void {
    const event = turn.event;
    switch (event?.kind) {
      case "spawned":
        this.#armDeadline(turn.nowUs);
        return this.#note(turn, "started", { run: this.#run });
      case "fault":
        return this.#note(turn, "fault", { fatal: event.fatal });
      case "over-memory":
        return this.#note(turn, "memory", {});
      case "adopted":
        return this.#note(turn, "adopted", {});
      default:
    }
  }

  #noteMoving(turn: Turn): void {
    if (this.#wellness.noteMoving(turn.nowUs)) this.#note(turn, "moving", {});
  }

  #extend(turn: Turn): void {
    const asked = turn.event?.kind === "extend" ? turn.event.us : 0;
    if (!(asked > 0)) {
      this.#counters.spurious++;
      return;
    }
    const grantedUs = Math.min(Math.trunc(asked), MAX_EXTENSION_US);
    this.#deadlineUs = Math.max(this.#deadlineUs ?? 0, turn.nowUs + grantedUs);
    this.#counters.extensions++;
    this.#note(turn, "extended", { grantedUs, untilUs: this.#deadlineUs });
  }

  #forgiveAll(turn: Turn): void {
    this.#counters.forgiven++;
    if (STATE_RULES[this.#state].forgives) {
      // What an extension granted stays granted.
      const beforeUs = this.#deadlineUs ?? 0;
      this.#armDeadline(turn.nowUs);
      this.#deadlineUs = Math.max(beforeUs, this.#deadlineUs ?? 0);
    }
    this.#wellness.forgive(turn.nowUs);
    this.#note(turn, "suspended", {});
  }

  /** A limit whose last stretch nobody observed begins anew instead of ending a program that may be well. */
  #forgives(nowUs: number, atUs: number): boolean {
    if (!STATE_RULES[this.#state].forgives || nowUs - atUs < UNOBSERVED_US) return false;
    this.#counters.forgiven++;
    this.#armDeadline(nowUs);
    return true;
  }

  /** Leaves states that nothing holds: a pause of zero length, a wait for nothing. */
  #passThrough(nowUs: number, actions: MachineAction[]): void {
    const turn: Turn = { nowUs, event: null, actions };
    if (this.#state === "backoff" && this.#nextTryUs !== null && this.#nextTryUs <= nowUs) {
      this.#apply(turn, "deadline");
    }
    if (this.#state === "waiting" && this.#clear) this.#apply(turn, "clear");
  }

  #nextDeadline(): { atUs: number; reason: string; event: TableEvent } | null {
    let atUs = Infinity;
    let event: TableEvent = "deadline";
    if (this.#deadlineUs !== null) atUs = this.#deadlineUs;
    const calmUs = this.#tally.calmAtUs;
    if (calmUs !== null && calmUs < atUs) [atUs, event] = [calmUs, "calm"];
    const well = this.#wellness.next(this.#fallback);
    if (well !== null && well.atUs < atUs) [atUs, event] = [well.atUs, well.event];
    if (atUs === Infinity) return null;
    return { atUs, event, reason: event === "deadline" ? this.#state : event };
  }

  #note(turn: Turn, event: ProgramEventKind, detail: Readonly<Record<string, unknown>>): void {
    turn.actions.push({ do: "note", event, detail });
  }
}
