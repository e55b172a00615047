// Runs the conformance script against a program on a platform: sockets in a directory of its own, the program, its
// processes. Decides nothing about the rules (script.ts); leaves nothing behind, whatever the program does.

import { HanaError, toHanaError } from "../../base/mod.ts";
import type {
  ByteStream,
  ChildProcess,
  NotifyListener,
  Platform,
  ProcessIdentity,
  StreamListener,
  TimerHandle,
} from "../../platform/mod.ts";
import { SPEC_DEFAULTS } from "../model/mod.ts";
import { cleanText, environmentOf } from "../child/mod.ts";
import type { ChildDepth } from "./rules.ts";
import { type ConformanceCheck, ConformanceScript, type ScriptEffect } from "./script.ts";

/** What is tested. */
export interface ConformanceOptions {
  readonly argv: readonly [string, ...string[]];
  readonly depth: ChildDepth;
  /** An empty directory of mode 0700 for the sockets; its path must be short. */
  readonly directory: string;
  /** 32 hex digits that nobody else knows. */
  readonly token: string;
  readonly startUs: number;
  readonly graceUs: number;
  /**
   * Whether this process has no other children: then every descendant of it counts as the program's, also one that
   * gave up its parent and its environment.
   */
  readonly isAlone: boolean;
  /** How long all of it may take, in microseconds. */
  readonly timeoutUs: number;
  /** Told what goes on. */
  onProgress?(text: string): void;
  /** Told of every line that the program writes, cleaned. */
  onOutput?(line: string): void;
}

/** The outcome. */
export interface Conformance {
  readonly checks: readonly ConformanceCheck[];
  /** Null when all rules held. */
  readonly firstBroken: ConformanceCheck | null;
  /** The time was over before the script. */
  readonly timedOut: boolean;
  /** The last lines that the program wrote. */
  readonly output: readonly string[];
  readonly elapsedUs: number;
}

/** Lines of the program that are kept. */
const KEPT_LINES = 20;
/** A connection that is closed gets this long to take what was sent to it. */
const MAX_SENT_WAITING = 64;

/**
 * Plays the protocol against a program. Rejects with `not-found`, `refused` or `config` when it cannot be started,
 * `storage`, `unsupported` or `address-in-use` when the sockets cannot be made. Never leaves a process of it behind.
 */
export async function testChild(platform: Platform, options: ConformanceOptions): Promise<Conformance> {
  const run = new ConformanceRun(platform, options);
  try {
    return await run.play();
  } finally {
    run.close();
  }
}

class ConformanceRun {
  readonly #platform: Platform;
  readonly #options: ConformanceOptions;
  readonly #script: ConformanceScript;
  readonly #streams = new Map<number, ConformanceStream>();
  readonly #outcome = Promise.withResolvers<void>();
  readonly #output: string[] = [];
  readonly #startedUs: number;
  #listener: StreamListener | null = null;
  #notify: NotifyListener | null = null;
  #timer: TimerHandle | null = null;
  #child: ChildProcess | null = null;
  #identity: ProcessIdentity | null = null;
  #connections = 0;
  #isDone = false;
  #timedOut = false;
  #spawnError: HanaError | null = null;

  constructor(platform: Platform, options: ConformanceOptions) {
    this.#platform = platform;
    this.#options = options;
    this.#startedUs = platform.clock.nowUs();
    const { depth, token, startUs, graceUs } = options;
    this.#script = new ConformanceScript({ depth, token, startUs, graceUs, name: "test" });
  }

  async play(): Promise<Conformance> {
    const { streams, processes, clock, timers, processTable } = this.#platform;
    processTable.adoptOrphans();
    this.#listener = await streams.listen({ kind: "unix", path: this.#socketPath }, {
      onStream: (stream) => this.#accept(stream),
      onError: () => {},
    });
    if (this.#notifyPath !== null) {
      this.#notify = await processes.listenNotify(
        this.#notifyPath,
        (bytes) => this.#do((nowUs) => this.#script.handleNotify(nowUs, bytes)),
      );
    }
    const limit = timers.schedule(this.#startedUs + this.#options.timeoutUs, () => {
      this.#timedOut = true;
      this.#outcome.resolve();
    });
    this.#do((nowUs) => this.#script.begin(nowUs));
    await this.#outcome.promise;
    limit.cancel();
    if (this.#spawnError !== null) throw this.#spawnError;
    const { checks } = this.#script;
    return {
      checks,
      firstBroken: checks.find(({ verdict }) => verdict === "fail") ?? null,
      timedOut: this.#timedOut,
      output: this.#output,
      elapsedUs: clock.nowUs() - this.#startedUs,
    };
  }

  close(): void {
    this.#isDone = true;
    this.#timer?.cancel();
    this.#kill();
    for (const stream of this.#streams.values()) stream.close();
    this.#listener?.close();
    this.#notify?.close();
  }

  get #socketPath(): string {
    return `${this.#options.directory}/a`;
  }
  get #notifyPath(): string | null {
    return this.#platform.host.os === "windows" ? null : `${this.#options.directory}/n`;
  }

  #do(step: (nowUs: number) => readonly ScriptEffect[]): void {
    if (this.#isDone) return;
    this.#apply(step(this.#platform.clock.nowUs()));
    if (this.#isDone) return;
    this.#options.onProgress?.(this.#script.doing);
    this.#timer?.cancel();
    const deadline = this.#script.deadline();
    this.#timer = deadline === null ? null : this.#platform.timers.schedule(
      deadline.atUs,
      () => this.#do((nowUs) => this.#script.handleDeadline(nowUs)),
    );
  }

  #apply(effects: readonly ScriptEffect[]): void {
    for (const effect of effects) {
      switch (effect.do) {
        case "spawn":
          this.#spawn(effect.run);
          break;
        case "send":
          this.#streams.get(effect.connection)?.send(effect.line);
          break;
        case "close":
          this.#streams.get(effect.connection)?.close();
          break;
        case "signal":
          this.#child?.kill("SIGTERM");
          break;
        case "scan": {
          const left = this.#members().length;
          // Told in a turn of its own: an effect never runs inside another.
          this.#platform.timers.defer(() => this.#do((nowUs) => this.#script.handleScan(nowUs, left)));
          break;
        }
        case "kill":
          this.#kill();
          break;
        case "done":
          this.#isDone = true;
          this.#outcome.resolve();
      }
    }
  }

  #spawn(run: number): void {
    const { processes, processTable } = this.#platform;
    const { argv, token } = this.#options;
    try {
      const child = processes.spawn({
        argv,
        output: "lines",
        env: environmentOf({
          socket: this.#socketPath,
          notifySocket: this.#notifyPath,
          token,
          name: "test",
          node: "test-child",
          run,
          heartbeatUs: SPEC_DEFAULTS.heartbeatUs,
          display: null,
          gpu: null,
        }),
      }, {
        onLine: (_from, line) => this.#keep(line),
        onExit: (status) => {
          if (this.#child === child) this.#child = null;
          this.#do((nowUs) => this.#script.handleExit(nowUs, status));
        },
      });
      this.#child = child;
      this.#identity = processTable.inspect(child.processId);
    } catch (thrown) {
      this.#spawnError = toHanaError(thrown, "config", `cannot start ${argv[0]}`);
      this.#apply(this.#script.handleSpawnFailed(this.#platform.clock.nowUs(), this.#spawnError.message));
    }
  }

  #accept(stream: ByteStream): void {
    const id = ++this.#connections;
    const own = new ConformanceStream(stream);
    this.#streams.set(id, own);
    own.open(
      (bytes) => this.#do((nowUs) => this.#script.handleBytes(nowUs, id, bytes)),
      () => {
        this.#streams.delete(id);
        this.#do((nowUs) => this.#script.handleClosed(nowUs, id));
      },
    );
    this.#do((nowUs) => this.#script.handleConnect(nowUs, id));
  }

  #keep(line: string): void {
    const clean = cleanText(line, 500);
    if (this.#output.push(clean) > KEPT_LINES) this.#output.shift();
    this.#options.onOutput?.(clean);
  }

  /** All processes of the program that live: those it is the ancestor of, and those that carry its mark. */
  #members(): ProcessIdentity[] {
    const { processTable } = this.#platform;
    const members = new Map<number, ProcessIdentity>();
    const self = processTable.self.processId;
    const roots = this.#options.isAlone ? [self] : this.#child === null ? [] : [this.#child.processId];
    for (const facts of processTable.descendants(roots)) {
      if (facts.state !== "zombie") members.set(facts.processId, facts);
    }
    for (const facts of processTable.marked("HANA_INSTANCE", this.#options.token)) {
      members.set(facts.processId, facts);
    }
    members.delete(self);
    processTable.reapOrphans();
    return [...members.values()];
  }

  #kill(): void {
    const { processTable } = this.#platform;
    // What is started between two looks is found by the next one; a few are enough for what stands still.
    for (let pass = 0; pass < 3; pass++) {
      const members = this.#members();
      for (const member of members) processTable.signal(member, "SIGSTOP");
      for (const member of members) processTable.signal(member, "SIGKILL");
      if (members.length === 0) break;
    }
    if (this.#child !== null) {
      this.#child.killGroup("SIGKILL");
      if (this.#identity !== null) processTable.signal(this.#identity, "SIGKILL");
    }
    this.#child = null;
  }
}

/** One connection with its outbox. */
class ConformanceStream {
  readonly #stream: ByteStream;
  readonly #waiting: string[] = [];
  readonly #encoder = new TextEncoder();
  #isWriting = false;
  #isClosing = false;

  constructor(stream: ByteStream) {
    this.#stream = stream;
  }

  open(onBytes: (bytes: Uint8Array) => void, onClosed: () => void): void {
    this.#stream.open({
      onData: onBytes,
      onWritten: () => {
        this.#isWriting = false;
        this.#flush();
      },
      onEnd: () => this.close(),
      onClose: onClosed,
    });
  }

  send(line: string): void {
    if (this.#isClosing || this.#waiting.length >= MAX_SENT_WAITING) return;
    this.#waiting.push(line);
    this.#flush();
  }

  close(): void {
    this.#isClosing = true;
    this.#flush();
  }

  #flush(): void {
    if (this.#isWriting) return;
    const line = this.#waiting.shift();
    if (line === undefined) {
      if (this.#isClosing) this.#stream.abort();
      return;
    }
    this.#isWriting = true;
    this.#stream.write(this.#encoder.encode(line));
  }
}
