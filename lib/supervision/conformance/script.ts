// Plays the child protocol against a program, rule by rule, in two runs: one ends by `stop`, one by SIGTERM.
// Decides what is tried, in which order, and whether it held; a synchronous core: run.ts owns processes and sockets.
// The judge that the shim uses hears the program here as well, so that what passes here passes there.

import type { ExitStatus } from "../../platform/mod.ts";
import { SPEC_DEFAULTS } from "../model/mod.ts";
import { type ChildEffect, ChildJudge } from "../child/mod.ts";
import { type ChildDepth, CONFORMANCE_RULES, type ConformanceRule } from "./rules.ts";

/** How a rule fared. `not used`: the program does not claim it; `not tried`: an earlier rule broke. */
export type ConformanceVerdict = "pass" | "fail" | "not used" | "not tried";

/** One rule and how it fared. */
export interface ConformanceCheck {
  readonly rule: ConformanceRule;
  readonly says: string;
  readonly verdict: ConformanceVerdict;
  /** What was seen, in a few words. */
  readonly detail: string;
  /** What to do; null unless it broke. */
  readonly hint: string | null;
}

/** What is played. */
export interface ScriptOptions {
  readonly depth: ChildDepth;
  readonly token: string;
  readonly name: string;
  /** How long hello and ready may take, in microseconds. */
  readonly startUs: number;
  /** How long it may take to end. */
  readonly graceUs: number;
}

/** What the owner of the script does. */
export type ScriptEffect =
  | { readonly do: "spawn"; readonly run: number }
  | { readonly do: "send"; readonly connection: number; readonly line: string }
  | { readonly do: "close"; readonly connection: number }
  | { readonly do: "signal" } // SIGTERM to the program's first process
  /** Looks for processes of the program and tells by `handleScan`. */
  | { readonly do: "scan" }
  /** Ends whatever is there. */
  | { readonly do: "kill" }
  | { readonly do: "done" };

/** How long a program must live to count as started. */
const ALIVE_US = 1_000_000;
/** How long an answer to a ping may take: a slow loop reads once a picture. */
const PONG_US = 2_000_000;
/** Heartbeats that are timed. */
const TIMED_BEATS = 3;
/** How long processes may take to follow the first one. */
const LEAVE_US = 1_000_000;
const SCAN_EVERY_US = 100_000;

type Stage = "idle" | "starting" | "beating" | "answering" | "stopping" | "leaving" | "done";

/** The script. Every method returns what to do; {@linkcode checks} has the outcome. */
export class ConformanceScript {
  readonly #options: ScriptOptions;
  readonly #found = new Map<ConformanceRule, { verdict: ConformanceVerdict; detail: string }>();
  readonly #heartbeatUs = SPEC_DEFAULTS.heartbeatUs;
  #judge: ChildJudge;
  #run = 0;
  #stage: Stage = "idle";
  #sinceUs = 0;
  /** When the stage is over, whatever comes. */
  #limitUs: number | null = null;
  #effects: ScriptEffect[] = [];
  #hasFailed = false;
  #saidReady = false;
  #saidBye = false;
  #unknownSent = false;
  #beatsAtStart = 0;
  #lastBeatUs: number | null = null;
  #longestGapUs = 0;
  #firstFrame: number | null = null;

  constructor(options: ScriptOptions) {
    this.#options = options;
    this.#judge = this.#newJudge();
  }

  /** Every rule of the depth with its verdict, in order. */
  get checks(): ConformanceCheck[] {
    return CONFORMANCE_RULES.filter(({ depths }) => depths.includes(this.#options.depth)).map(
      ({ rule, says, hint }) => {
        const { verdict, detail } = this.#found.get(rule) ?? { verdict: "not tried" as const, detail: "" };
        return { rule, says, verdict, detail, hint: verdict === "fail" ? hint : null };
      },
    );
  }
  /** What goes on, for people who wait. */
  get doing(): string {
    return this.#stage === "starting"
      ? "waiting for it to start"
      : this.#stage === "beating"
      ? "listening to its heart"
      : this.#stage === "answering"
      ? "asking for an answer"
      : "waiting for it to end";
  }

  /** When it wants to look at the clock; null when it waits for nothing. */
  deadline(): { readonly atUs: number; readonly reason: string } | null {
    const look = this.#judge.deadline();
    if (this.#limitUs === null) return look;
    return look !== null && look.atUs < this.#limitUs ? look : { atUs: this.#limitUs, reason: this.#stage };
  }

  /** Starts the first run. */
  begin(nowUs: number): readonly ScriptEffect[] {
    this.#spawn(nowUs, 1);
    return this.#take();
  }

  /** The program could not be started. */
  handleSpawnFailed(nowUs: number, why: string): readonly ScriptEffect[] {
    this.#fail(nowUs, "start", why);
    return this.#take();
  }

  handleConnect(nowUs: number, connection: number): readonly ScriptEffect[] {
    return this.#heard(nowUs, this.#judge.handleConnect(nowUs, connection));
  }

  handleBytes(nowUs: number, connection: number, bytes: Uint8Array): readonly ScriptEffect[] {
    return this.#heard(nowUs, this.#judge.handleBytes(nowUs, connection, bytes));
  }

  handleClosed(nowUs: number, connection: number): readonly ScriptEffect[] {
    return this.#heard(nowUs, this.#judge.handleClosed(nowUs, connection));
  }

  handleNotify(nowUs: number, bytes: Uint8Array): readonly ScriptEffect[] {
    return this.#heard(nowUs, this.#judge.handleNotify(nowUs, bytes));
  }

  /** The program's first process ended. */
  handleExit(nowUs: number, status: ExitStatus): readonly ScriptEffect[] {
    if (this.#stage === "stopping") this.#ended(nowUs, status);
    else if (this.#stage !== "leaving" && this.#stage !== "done") {
      const rule = this.#found.has("start") ? this.#ruleOf(this.#stage) : "start";
      this.#fail(nowUs, rule, `it ended by itself with ${statusText(status)}`);
    }
    return this.#take();
  }

  /** So many processes of the program are there. */
  handleScan(nowUs: number, left: number): readonly ScriptEffect[] {
    if (this.#stage !== "leaving") return this.#take();
    if (left === 0) this.#nextRun(nowUs);
    else if (nowUs - this.#sinceUs < LEAVE_US) this.#limitUs = nowUs + SCAN_EVERY_US;
    else {this.#fail(
        nowUs,
        "leftovers",
        `${left === 1 ? "1 process is" : `${left} processes are`} still there`,
      );}
    return this.#take();
  }

  /** Looks at the clock. */
  handleDeadline(nowUs: number): readonly ScriptEffect[] {
    this.#hear(nowUs, this.#judge.handleTick(nowUs));
    if (this.#limitUs !== null && nowUs >= this.#limitUs) this.#over(nowUs);
    return this.#take();
  }

  #newJudge(): ChildJudge {
    return new ChildJudge({
      token: this.#options.token,
      run: this.#run,
      heartbeatUs: this.#heartbeatUs,
      hang: SPEC_DEFAULTS.hang,
      lastExit: null,
      name: this.#options.name,
    });
  }

  #spawn(nowUs: number, run: number): void {
    this.#run = run;
    this.#judge = this.#newJudge();
    this.#saidReady = false;
    this.#saidBye = false;
    this.#enter(nowUs, "starting", this.#options.depth === 0 ? ALIVE_US : this.#options.startUs);
    this.#effects.push({ do: "spawn", run });
  }

  #enter(nowUs: number, stage: Stage, limitUs: number | null): void {
    this.#stage = stage;
    this.#sinceUs = nowUs;
    this.#limitUs = limitUs === null ? null : nowUs + limitUs;
  }

  #heard(nowUs: number, effects: readonly ChildEffect[]): readonly ScriptEffect[] {
    this.#hear(nowUs, effects);
    return this.#take();
  }

  #hear(nowUs: number, effects: readonly ChildEffect[]): void {
    for (const effect of effects) {
      if (this.#stage === "done") return;
      if (effect.do === "send" || effect.do === "close") this.#effects.push(effect);
      else if (effect.do === "broken") this.#handleBroken(nowUs, effect.rule, effect.detail);
      else if (effect.do === "bye") this.#saidBye = true;
      else if (effect.do === "hello") this.#pass("hello", `as ${effect.hello.name}, ${this.#since(nowUs)}`);
      else if (effect.do === "machine" && effect.event === "ready") this.#handleReady(nowUs);
    }
    if (this.#stage === "beating") this.#listen(nowUs);
    else if (this.#stage === "answering" && this.#judge.pingUs !== null) this.#answered(nowUs);
  }

  #handleBroken(nowUs: number, rule: string, detail: string): void {
    const isGreeting = rule === "token" || rule === "version" || rule === "run" || rule === "hello-first" ||
      rule === "hello-late";
    this.#fail(nowUs, isGreeting && this.#judge.hello === null ? "hello" : "lines", `${rule}: ${detail}`);
  }

  #handleReady(nowUs: number): void {
    this.#saidReady = true;
    if (this.#stage !== "starting") return;
    if (this.#options.depth === 2 && this.#judge.hello === null) return;
    this.#pass("start", "");
    this.#pass("ready", this.#since(nowUs));
    if (this.#run > 1) return this.#askToEnd(nowUs);
    this.#beatsAtStart = this.#judge.counters.beats;
    this.#lastBeatUs = null;
    this.#longestGapUs = 0;
    this.#firstFrame = this.#judge.figures.frame;
    this.#enter(nowUs, "beating", (TIMED_BEATS + 1) * 2 * this.#heartbeatUs);
  }

  #listen(nowUs: number): void {
    const beats = this.#judge.counters.beats - this.#beatsAtStart;
    if (this.#lastBeatUs === null) {
      if (beats > 0) this.#lastBeatUs = nowUs;
      this.#firstFrame ??= this.#judge.figures.frame;
      if (beats === 0 && nowUs - this.#sinceUs > 2 * this.#heartbeatUs) this.#heartless(nowUs);
      return;
    }
    // Which beat of several in one packet came when does not matter: gaps are between packets.
    const gapUs = nowUs - this.#lastBeatUs;
    if (gapUs > 2 * this.#heartbeatUs) {
      return this.#fail(nowUs, "heartbeat", `silent for ${seconds(gapUs)} at an interval of 1 s`);
    }
    if (beats <= this.#countedBeats) return;
    this.#countedBeats = beats;
    this.#longestGapUs = Math.max(this.#longestGapUs, gapUs);
    this.#lastBeatUs = nowUs;
    if (beats > TIMED_BEATS) this.#beatsHeard(nowUs);
  }
  #countedBeats = 1;

  #heartless(nowUs: number): void {
    if (this.#judge.hello?.caps.includes("hb") === true) {
      return this.#fail(nowUs, "heartbeat", 'it says "hb" in its hello and does not beat');
    }
    this.#put("heartbeat", "not used", "it does not beat: a hang would not be noticed");
    this.#put("frames", "not used", "");
    this.#afterBeats(nowUs);
  }

  #beatsHeard(nowUs: number): void {
    this.#pass("heartbeat", `longest pause ${seconds(this.#longestGapUs)}`);
    const { frame, fps } = this.#judge.figures;
    if (frame === null) {
      if (this.#judge.hello?.caps.includes("frame") === true) {
        return this.#fail(nowUs, "frames", 'it says "frame" in its hello and sends none');
      }
      this.#put("frames", "not used", "it counts no frames: a frozen picture would not be noticed");
    } else if (frame === this.#firstFrame) {
      return this.#fail(nowUs, "frames", `the counter stands still at ${frame}`);
    } else this.#pass("frames", fps === null ? "" : `${fps} a second`);
    this.#afterBeats(nowUs);
  }

  #afterBeats(nowUs: number): void {
    if (this.#options.depth < 2) return this.#askToEnd(nowUs);
    this.#enter(nowUs, "answering", PONG_US);
    this.#hear(nowUs, this.#judge.unknown());
    this.#unknownSent = true;
    this.#hear(nowUs, this.#judge.ping(nowUs));
  }

  #answered(nowUs: number): void {
    this.#pass("unknown", "");
    this.#pass("ping", `after ${Math.round((this.#judge.pingUs ?? 0) / 100) / 10} ms`);
    this.#askToEnd(nowUs);
  }

  /** By `stop` in the first run of a program that can be asked, else by SIGTERM. */
  #askToEnd(nowUs: number): void {
    const isAsked = this.#isAsked;
    this.#enter(nowUs, "stopping", this.#options.graceUs);
    if (isAsked) this.#hear(nowUs, this.#judge.stop(nowUs, this.#options.graceUs, "test"));
    else this.#effects.push({ do: "signal" });
  }

  get #isAsked(): boolean {
    return this.#run === 1 && this.#options.depth === 2 && this.#judge.hello?.caps.includes("stop") === true;
  }

  #ended(nowUs: number, status: ExitStatus): void {
    const after = seconds(nowUs - this.#sinceUs);
    if (this.#isAsked) {
      this.#pass("stop", `after ${after}${this.#saidBye ? ", with a goodbye" : ""}`);
      if (status.code !== 0) return this.#fail(nowUs, "exit", statusText(status));
      this.#pass("exit", "");
    } else {
      if (this.#options.depth === 2 && this.#run === 1) {
        this.#put("stop", "not used", 'no "stop" in its hello: it is ended by SIGTERM');
        this.#put("exit", "not used", "");
      }
      if (status.code !== 0 && status.signal !== "SIGTERM") {
        return this.#fail(nowUs, "sigterm", `it ended with ${statusText(status)}`);
      }
      this.#pass("sigterm", `after ${after}, ${statusText(status)}`);
    }
    this.#hear(nowUs, this.#judge.end());
    this.#enter(nowUs, "leaving", SCAN_EVERY_US);
    this.#effects.push({ do: "scan" });
  }

  #nextRun(nowUs: number): void {
    if (this.#run === 1 && !this.#found.has("sigterm")) return this.#spawn(nowUs, 2);
    this.#pass("leftovers", "");
    this.#pass("lines", "");
    this.#finish(nowUs);
  }

  /** The time of the stage is over. */
  #over(nowUs: number): void {
    switch (this.#stage) {
      case "starting": {
        const { depth, startUs } = this.#options;
        if (depth === 0) {
          this.#pass("start", "");
          return this.#askToEnd(nowUs);
        }
        this.#pass("start", "");
        const rule = depth === 2 && this.#judge.hello === null ? "hello" : "ready";
        return this.#fail(
          nowUs,
          rule,
          rule === "hello" && this.#saidReady
            ? `only sd_notify within ${seconds(startUs)}: try --depth 1`
            : `nothing within ${seconds(startUs)}`,
        );
      }
      case "beating":
        return this.#fail(nowUs, "heartbeat", "too few heartbeats");
      case "answering":
        if (!this.#judge.isConnected) {
          return this.#fail(nowUs, "unknown", "it closed its connection at a message that it does not know");
        }
        this.#pass("unknown", "");
        return this.#fail(nowUs, "ping", `no answer within ${seconds(PONG_US)}`);
      case "stopping":
        return this.#fail(
          nowUs,
          this.#isAsked ? "stop" : "sigterm",
          `still there ${seconds(this.#options.graceUs)} later`,
        );
      case "leaving":
        this.#limitUs = nowUs + SCAN_EVERY_US;
        this.#effects.push({ do: "scan" });
        return;
      default:
        this.#limitUs = null;
    }
  }

  /** The rule that a program breaks which ends by itself in this stage. */
  #ruleOf(stage: Stage): ConformanceRule {
    if (stage === "answering") return this.#unknownSent ? "unknown" : "ping";
    if (stage === "beating") return "heartbeat";
    return this.#options.depth === 2 && this.#judge.hello === null ? "hello" : "ready";
  }

  #pass(rule: ConformanceRule, detail: string): void {
    if (!this.#found.has(rule)) this.#put(rule, "pass", detail);
  }

  #put(rule: ConformanceRule, verdict: ConformanceVerdict, detail: string): void {
    this.#found.set(rule, { verdict, detail });
  }

  #fail(nowUs: number, rule: ConformanceRule, detail: string): void {
    if (this.#stage === "done" || this.#hasFailed) return;
    this.#hasFailed = true;
    this.#put(rule, "fail", detail);
    this.#finish(nowUs);
  }

  #finish(nowUs: number): void {
    this.#enter(nowUs, "done", null);
    for (const effect of this.#judge.end()) if (effect.do === "close") this.#effects.push(effect);
    this.#effects.push({ do: "kill" }, { do: "done" });
  }

  #since(nowUs: number): string {
    return `after ${seconds(nowUs - this.#sinceUs)}`;
  }

  #take(): readonly ScriptEffect[] {
    const taken = this.#effects;
    this.#effects = [];
    return taken;
  }
}

function seconds(us: number): string {
  return us < 1_000_000 ? `${Math.round(us / 1_000)} ms` : `${Math.round(us / 100_000) / 10} s`;
}

function statusText({ code, signal }: ExitStatus): string {
  return signal === null ? `code ${code}` : signal;
}
