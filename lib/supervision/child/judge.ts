// The shim's side of the child protocol for one run of a program: what came is heard, judged and answered.
// Decides who speaks for the program, whether it is alive and whether its picture moves; never what is done about it (machine).
// Silence is judged only for programs that said they would beat, or did: one without the protocol is never called hung.

import type { HangRules } from "../model/mod.ts";
import { type ChildConnection, ConnectionTable } from "./connections.ts";
import type { ChildEffect, ChildHello } from "./effects.ts";
import { type ChildFigures, FigureBoard } from "./figures.ts";
import {
  CHILD_VERSION,
  HELLO_US,
  MAX_BROKEN_TOLD_A_SECOND,
  MAX_CHILD_CONNECTIONS,
  MAX_CHILD_LINE_BYTES,
  MAX_LINES_A_SECOND,
  MAX_TOLD_A_SECOND,
  RateWindow,
  TICK_US,
} from "./limits.ts";
import { readChildLine, writeChildLine } from "./line.ts";
import type { ChildRule, FromChild, ToChild, UnknownToChild } from "./messages.ts";
import { readNotify } from "./notify.ts";
import { silenceLimits, SilenceWatch } from "./silence.ts";
import { cleanText, TEXT_LIMITS } from "./text.ts";

/** What a judge judges by. */
export interface ChildJudgeOptions {
  /** What HANA_TOKEN says. */
  readonly token: string;
  /** The run, as HANA_RUN says. */
  readonly run: number;
  readonly heartbeatUs: number;
  readonly hang: HangRules;
  /** How the run before ended, in a word (`SIGSEGV`, `exit 3`); null where there was none. */
  readonly lastExit: string | null;
  readonly name: string;
}

/** Counters of one run. */
export interface ChildCounters {
  lines: number;
  datagrams: number;
  beats: number;
  /** Lines and assignments that mean nothing to this version. */
  unknown: number;
  broken: number;
  /** Lines and datagrams dropped unread: too many within a second. */
  flooded: number;
  /** Texts, faults and extensions that were not handed on: too many within a second. */
  untold: number;
  refusedConnections: number;
}

const NOTHING: readonly ChildEffect[] = [];

/** Judges one run. Make a new one for every start; {@linkcode end} closes what the old one left open. */
export class ChildJudge {
  readonly #options: ChildJudgeOptions;
  readonly #connections = new ConnectionTable();
  readonly #silence: SilenceWatch;
  readonly #figures = new FigureBoard();
  readonly #notifyRate = new RateWindow(MAX_LINES_A_SECOND);
  readonly #toldStatus = new RateWindow(MAX_TOLD_A_SECOND);
  /** Faults and extensions: a flood of status texts must not hide one. */
  readonly #told = new RateWindow(MAX_TOLD_A_SECOND);
  readonly #brokenTold = new RateWindow(MAX_BROKEN_TOLD_A_SECOND);
  readonly #counters: ChildCounters = {
    lines: 0,
    datagrams: 0,
    beats: 0,
    unknown: 0,
    broken: 0,
    flooded: 0,
    untold: 0,
    refusedConnections: 0,
  };
  /** Who speaks for the program; null before a hello and after its connection closed. */
  #speaker: ChildConnection | null = null;
  #hello: ChildHello | null = null;
  #saysReady = false;
  #isReady = false;
  #saidReady = false;
  #saidBye = false;
  #isLeaving = false;
  #isFlooded = false;
  #stop: ToChild | null = null;
  #pings = 0;
  #pingedUs: number | null = null;
  #pingUs: number | null = null;
  /** Collected while one input is handled. */
  #effects: ChildEffect[] = [];

  constructor(options: ChildJudgeOptions) {
    this.#options = options;
    this.#silence = new SilenceWatch(silenceLimits(options.hang, options.heartbeatUs));
  }

  /** What the program said hello with; null before. It stays when the connection closes. */
  get hello(): ChildHello | null {
    return this.#hello;
  }
  /**
   * Whether the program will say when it is ready: it said hello, or asked by `sd_notify` for more time until then.
   * Pings and status texts alone promise nothing: services of systemd's type `simple` send them and never READY=1.
   */
  get speaks(): boolean {
    return this.#hello !== null || this.#saysReady;
  }
  /** Whether somebody who said hello is connected. */
  get isConnected(): boolean {
    return this.#speaker !== null;
  }
  /** Whether silence counts now. */
  get isJudged(): boolean {
    return this.#silence.isJudging;
  }
  /** Observed silence since the last heartbeat, in microseconds; 0 where nothing is judged. */
  get silenceUs(): number {
    return this.#silence.isJudging ? this.#silence.silenceUs : 0;
  }
  get figures(): ChildFigures {
    return this.#figures.figures;
  }
  /** The last answered ping's round trip in microseconds; null before one. */
  get pingUs(): number | null {
    return this.#pingUs;
  }
  get counters(): Readonly<ChildCounters> {
    return this.#counters;
  }

  /** When it wants to look at the clock, and why; null while there is nothing to watch. */
  deadline(): { readonly atUs: number; readonly reason: string } | null {
    if (this.#silence.isJudging) return { atUs: this.#silence.lookedUs + TICK_US, reason: "silence" };
    if (this.#connections.strangers > 0) return { atUs: this.#silence.lookedUs + TICK_US, reason: "hello" };
    return null;
  }

  /** Somebody connected to the child socket. `id` is new in this run. */
  handleConnect(nowUs: number, id: number): readonly ChildEffect[] {
    if (this.#connections.size >= MAX_CHILD_CONNECTIONS) {
      this.#counters.refusedConnections++;
      this.#broken(nowUs, "connections", `more than ${MAX_CHILD_CONNECTIONS} at a time`);
      this.#effects.push({ do: "close", connection: id });
      return this.#take();
    }
    if (this.deadline() === null) this.#silence.look(nowUs);
    this.#connections.add(id);
    return NOTHING;
  }

  /** Bytes came on a connection; they are cut into lines here. */
  handleBytes(nowUs: number, id: number, bytes: Uint8Array): readonly ChildEffect[] {
    const connection = this.#connections.get(id);
    if (connection === null) return NOTHING;
    connection.buffer.push(bytes, (line) => {
      if (line === null) {
        this.#brokenLine(nowUs, connection, "line-size", `over ${MAX_CHILD_LINE_BYTES} bytes`);
      } else this.#line(nowUs, connection, line);
      return !connection.isClosed;
    });
    return this.#take();
  }

  /** One line came, given without its end: for whoever cuts lines elsewhere. */
  handleLine(nowUs: number, id: number, line: Uint8Array): readonly ChildEffect[] {
    const connection = this.#connections.get(id);
    if (connection === null) return NOTHING;
    this.#line(nowUs, connection, line);
    return this.#take();
  }

  /** A connection is gone, whoever closed it. */
  handleClosed(_nowUs: number, id: number): readonly ChildEffect[] {
    const connection = this.#connections.remove(id);
    if (connection !== null && connection === this.#speaker) this.#speaker = null;
    return NOTHING;
  }

  /** A datagram came on the notify socket. */
  handleNotify(nowUs: number, bytes: Uint8Array): readonly ChildEffect[] {
    this.#counters.datagrams++;
    if (!this.#notifyRate.admit(nowUs)) {
      this.#flooded(nowUs);
      return this.#take();
    }
    const read = readNotify(bytes);
    if ("rule" in read) {
      this.#broken(nowUs, read.rule, read.detail);
      return this.#take();
    }
    // Only who waits for readiness says so, or asks for more time until then; a plain service may ping as well.
    if (read.ready || read.extendUs !== null) this.#saysReady = true;
    this.#counters.unknown += read.ignored;
    if (read.status !== null) this.#status(nowUs, read.status, null);
    else if (read.reloading) this.#status(nowUs, "reloading", null);
    if (read.extendUs !== null) this.#extend(nowUs, read.extendUs, null);
    if (read.ready) this.#ready(nowUs);
    if (read.watchdog === "beat") this.#beat(nowUs, null, null, null);
    if (read.watchdog === "trigger") {
      this.#fault(nowUs, "watchdog", true, "it asked to be ended as one that hangs");
    }
    if (read.stopping) this.#bye(null);
    return this.#take();
  }

  /** Looks at the clock: call it at {@linkcode deadline}. */
  handleTick(nowUs: number): readonly ChildEffect[] {
    const elapsedUs = nowUs - this.#silence.lookedUs;
    const hadWatch = this.deadline() !== null;
    if (!hadWatch) {
      this.#silence.look(nowUs);
      return NOTHING;
    }
    this.#silence.handleTick(nowUs, (finding) => this.#effects.push({ do: "machine", event: finding }));
    for (const connection of this.#connections.late(elapsedUs, HELLO_US)) {
      this.#broken(nowUs, "hello-late", `no hello within ${HELLO_US / 1_000_000} s`);
      this.#close(connection);
    }
    return this.#take();
  }

  /** The program counts as ready by other means (a port, a line, a second of life): from now on silence counts. */
  noteReady(nowUs: number): void {
    this.#isReady = true;
    this.#maybeJudge(nowUs);
  }

  /** Asks the program to end. It is asked again when it says hello later; silence counts no more. */
  stop(_nowUs: number, graceUs: number, reason: string): readonly ChildEffect[] {
    this.#stop = {
      t: "stop",
      grace_ms: Math.max(0, Math.round(graceUs / 1_000)),
      reason: cleanText(reason, TEXT_LIMITS.reason),
    };
    this.#leave();
    return this.#say(this.#stop);
  }

  /** Asks for a sign of life from whatever thread reads the connection; {@linkcode pingUs} has the answer. */
  ping(nowUs: number): readonly ChildEffect[] {
    if (this.#speaker === null) return NOTHING;
    this.#pingedUs = nowUs;
    return this.#say({ t: "ping", n: ++this.#pings });
  }

  /** Asks the program to write down what it knows of its state. */
  dump(): readonly ChildEffect[] {
    return this.#say({ t: "dump" });
  }

  /** Asks the program to load its files anew, or this one. */
  reload(path: string | null): readonly ChildEffect[] {
    return this.#say(path === null ? { t: "reload" } : { t: "reload", path });
  }

  /** Sends a message that no version knows: a program must ignore it. For conformance tests. */
  unknown(): readonly ChildEffect[] {
    return this.#say({ t: "hana.unknown", value: { of: ["no", "meaning"] } });
  }

  /** The run is over: closes every connection. */
  end(): readonly ChildEffect[] {
    this.#leave();
    this.#speaker = null;
    for (const connection of this.#connections.all()) this.#close(connection);
    return this.#take();
  }

  #line(nowUs: number, connection: ChildConnection, line: Uint8Array): void {
    this.#counters.lines++;
    if (line.length === 0) return;
    if (!connection.lines.admit(nowUs)) {
      this.#flooded(nowUs);
      return;
    }
    const read = readChildLine(line);
    if (read.kind === "broken") {
      this.#brokenLine(nowUs, connection, read.broken.rule, read.broken.detail);
    } else if (connection !== this.#speaker) {
      if (read.kind === "message" && read.message.t === "hello") {
        this.#handleHello(nowUs, connection, read.message);
      } else this.#refuse(nowUs, connection, "hello-first", "something else came first");
    } else if (read.kind === "unknown") this.#counters.unknown++;
    else this.#message(nowUs, connection, read.message);
  }

  #message(nowUs: number, connection: ChildConnection, message: FromChild): void {
    switch (message.t) {
      case "hello":
        this.#brokenLine(nowUs, connection, "hello-twice", "one hello a run");
        return;
      case "ready":
        this.#ready(nowUs);
        return;
      case "hb":
        this.#beat(nowUs, message.frame, message.fps, message.lateMs);
        return;
      case "status":
        this.#status(nowUs, message.text, message.pct);
        return;
      case "extend":
        this.#extend(nowUs, message.us, message.why);
        return;
      case "fault":
        this.#fault(nowUs, message.code, message.fatal, message.text);
        return;
      case "bye":
        this.#bye(message.reason);
        return;
      case "pong":
        if (message.n !== this.#pings || this.#pingedUs === null) return;
        this.#pingUs = nowUs - this.#pingedUs;
        this.#pingedUs = null;
        return;
    }
  }

  #handleHello(nowUs: number, connection: ChildConnection, hello: FromChild & { readonly t: "hello" }): void {
    const { run, token, heartbeatUs, lastExit } = this.#options;
    if (!isSameText(hello.token, token)) {
      return this.#refuse(nowUs, connection, "token", "not the token of this run");
    }
    if (hello.v < 1) return this.#refuse(nowUs, connection, "version", `version ${hello.v}`);
    if (hello.run !== null && hello.run !== run) {
      return this.#refuse(nowUs, connection, "run", `says run ${hello.run} in run ${run}`);
    }
    if (this.#speaker !== null) {
      return this.#refuse(nowUs, connection, "hello-twice", "another connection speaks for this run");
    }
    this.#speaker = connection;
    this.#connections.greet(connection);
    const { name, sdk, caps } = hello;
    this.#hello = { name: name ?? this.#options.name, sdk, caps };
    this.#effects.push({ do: "hello", hello: this.#hello });
    this.#tell({
      t: "welcome",
      v: CHILD_VERSION,
      run,
      hb_ms: Math.max(1, Math.round(heartbeatUs / 1_000)),
      last_exit: lastExit,
    });
    if (this.#stop !== null) this.#tell(this.#stop);
    this.#maybeJudge(nowUs);
  }

  #ready(nowUs: number): void {
    if (this.#saidReady || this.#isLeaving) return;
    this.#saidReady = true;
    this.#isReady = true;
    this.#maybeJudge(nowUs);
    this.#effects.push({ do: "machine", event: "ready" });
  }

  /** Silence counts from readiness on for programs that declared a heart; for others from their first beat on. */
  #maybeJudge(nowUs: number): void {
    if (this.#isReady && !this.#isLeaving && this.#hello?.caps.includes("hb") === true) {
      this.#silence.begin(nowUs);
    }
  }

  #beat(nowUs: number, frame: number | null, fps: number | null, lateMs: number | null): void {
    this.#counters.beats++;
    this.#figures.handleBeat(nowUs, frame, fps, lateMs, this.#options.heartbeatUs);
    if (this.#isLeaving) return;
    const isNew = !this.#silence.isJudging;
    if (this.#silence.handleBeat(nowUs)) this.#effects.push({ do: "machine", event: "heard" });
    if (frame === null) return;
    const turn = this.#silence.handleFrame(nowUs, frame);
    if (turn !== null && !isNew) this.#effects.push({ do: "machine", event: turn });
  }

  #status(nowUs: number, text: string, pct: number | null): void {
    this.#figures.handleStatus(text, pct);
    if (this.#mayTell(nowUs, this.#toldStatus)) this.#effects.push({ do: "status", text, pct });
  }

  #extend(nowUs: number, us: number, why: string | null): void {
    // Once it leaves no silence counts; whether it gets more time to end is the machine's to say.
    if (this.#silence.isJudging) this.#silence.extend(nowUs, us);
    if (this.#mayTell(nowUs, this.#told)) this.#effects.push({ do: "extend", us, why });
  }

  #fault(nowUs: number, code: string, fatal: boolean, text: string | null): void {
    if (this.#mayTell(nowUs, this.#told)) this.#effects.push({ do: "fault", code, fatal, text });
  }

  #bye(reason: string | null): void {
    if (this.#saidBye) return;
    this.#saidBye = true;
    this.#leave();
    this.#effects.push({ do: "bye", reason });
  }

  #leave(): void {
    this.#isLeaving = true;
    this.#silence.end();
  }

  #mayTell(nowUs: number, window: RateWindow): boolean {
    if (window.admit(nowUs)) return true;
    this.#counters.untold++;
    return false;
  }

  #flooded(nowUs: number): void {
    this.#counters.flooded++;
    if (this.#isFlooded) return;
    this.#isFlooded = true;
    this.#broken(nowUs, "flood", `more than ${MAX_LINES_A_SECOND} a second`);
  }

  /** A rule that costs a connection nothing at first, and the connection when it goes on. */
  #brokenLine(nowUs: number, connection: ChildConnection, rule: ChildRule, detail: string): void {
    if (connection !== this.#speaker) return this.#refuse(nowUs, connection, rule, detail);
    this.#broken(nowUs, rule, detail);
    if (connection.broken.admit(nowUs)) return;
    this.#refuse(nowUs, connection, "garbage", "too many broken lines within a second");
  }

  #refuse(nowUs: number, connection: ChildConnection, rule: ChildRule, detail: string): void {
    this.#broken(nowUs, rule, detail);
    this.#close(connection);
  }

  #broken(nowUs: number, rule: ChildRule, detail: string): void {
    this.#counters.broken++;
    if (this.#brokenTold.admit(nowUs)) this.#effects.push({ do: "broken", rule, detail });
  }

  #close(connection: ChildConnection): void {
    this.#connections.remove(connection.id);
    if (connection === this.#speaker) this.#speaker = null;
    this.#effects.push({ do: "close", connection: connection.id });
  }

  #say(message: ToChild | UnknownToChild): readonly ChildEffect[] {
    this.#tell(message);
    return this.#take();
  }

  #tell(message: ToChild | UnknownToChild): void {
    if (this.#speaker === null) return;
    this.#effects.push({ do: "send", connection: this.#speaker.id, line: writeChildLine(message) });
  }

  #take(): readonly ChildEffect[] {
    if (this.#effects.length === 0) return NOTHING;
    const taken = this.#effects;
    this.#effects = [];
    return taken;
  }
}

/** Compares without telling by its time how much was right. */
function isSameText(a: string, b: string): boolean {
  let differs = a.length ^ b.length;
  for (let i = 0; i < a.length; i++) differs |= a.charCodeAt(i) ^ b.charCodeAt(i % Math.max(1, b.length));
  return differs === 0;
}
