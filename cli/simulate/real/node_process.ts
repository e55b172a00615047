// One life of a real node: a `hana serve` process on a rehearsal's host, prepared first and started on its cue.
// Decides how the process is called and when it counts as ready: when it says so itself. Never decides when it lives.

import { HanaError, type NodeId } from "../../../lib/base/mod.ts";
import type { Fact } from "../../../lib/simulate/mod.ts";
import {
  type Cue,
  type Impairments,
  type Part,
  readReport,
  REHEARSAL_VARIABLE,
  type Sample,
} from "./channel.ts";
import type { RealHost } from "./namespaces.ts";

/** A process that was started may take this long to be prepared: machines of CI are slow. */
const PREPARE_MS = 60_000;
/** Standard error that is kept for the report, in characters. */
const MAX_KEPT = 16_384;

/** How to call a node. */
export interface NodeCall {
  readonly host: RealHost;
  /** The program and what stands before `serve`. */
  readonly program: readonly string[];
  readonly args: readonly string[];
  readonly environment: Readonly<Record<string, string>>;
}

/** How a node says that it can be reached. */
export interface Ready {
  readonly id: NodeId;
  readonly name: string;
  readonly addresses: readonly string[];
}

/** What a life tells its owner. */
export interface LifeHandlers {
  /** It can be reached; again when it took another id. */
  onReady(ready: Ready): void;
  /** What it says of itself. */
  onFact(fact: Fact): void;
  onSample(sample: Sample): void;
  /** The process has ended: after a goodbye, killed, or by itself. */
  onEnd(code: number): void;
}

/** Calls of hana as this process itself is: the executable, or the source under the same Deno. */
export function hanaProgram(): string[] {
  const binary = Deno.env.get("HANA_BINARY");
  if (binary !== undefined && binary !== "") return [binary];
  if (Deno.build.standalone) return [Deno.execPath()];
  const at = (path: string): string => new URL(path, import.meta.url).pathname;
  return [
    ...[Deno.execPath(), "run", "-A", "--quiet", "--no-check", "--config", at("../../../deno.json")],
    at("../../main.ts"),
  ];
}

/** A process. */
export class NodeLife {
  readonly #child: Deno.ChildProcess;
  readonly #stdin: WritableStreamDefaultWriter<Uint8Array>;
  readonly #prepared = Promise.withResolvers<void>();
  readonly #handlers: LifeHandlers;
  readonly ended: Promise<number>;
  #isRunning = true;
  #stderr = "";
  #isExpected = false;

  /** Starts the process; it loads everything and waits for {@linkcode NodeLife.start}. */
  constructor(call: NodeCall, handlers: LifeHandlers) {
    const [program = "", ...args] = call.host.enter([...call.program, "serve", ...call.args]);
    this.#handlers = handlers;
    this.#child = new Deno.Command(program, {
      args,
      env: { ...call.environment, [REHEARSAL_VARIABLE]: "stdin" },
      clearEnv: true,
      stdin: "piped",
      stdout: "piped",
      stderr: "piped",
    }).spawn();
    this.#stdin = this.#child.stdin.getWriter();
    this.#stdin.closed.catch(() => {});
    // Whoever does not wait for it must not be ended by it.
    this.#prepared.promise.catch(() => {});
    const read = Promise.all([this.#readLines(), this.#readErrors()]);
    this.ended = this.#child.status.then(async ({ code }) => {
      this.#isRunning = false;
      await read;
      await this.#stdin.close().catch(() => {});
      this.#prepared.reject(
        new HanaError("internal", { what: "a node ended before it was prepared", why: this.lastWords }),
      );
      handlers.onEnd(code);
      return code;
    });
  }

  get isRunning(): boolean {
    return this.#isRunning;
  }
  /** That of hana itself: what stands before it in the call replaces itself. */
  get processId(): number {
    return this.#child.pid;
  }
  /** Whether its end was asked for. */
  get isExpectedToEnd(): boolean {
    return this.#isExpected;
  }
  /** The end of what it wrote to standard error. */
  get lastWords(): string {
    return this.#stderr.trim().split("\n").slice(-6).join(" | ");
  }

  /** Resolves when everything is loaded. Rejects when the process ends before, or takes a minute. */
  async prepared(): Promise<void> {
    let timer = 0;
    const late = new Promise<never>((_resolve, reject) => {
      timer = setTimeout(
        () => reject(new HanaError("timeout", { what: `a node was not prepared within ${PREPARE_MS} ms` })),
        PREPARE_MS,
      );
    });
    try {
      await Promise.race([this.#prepared.promise, late]);
    } finally {
      clearTimeout(timer);
    }
  }

  /** Gives the cue. */
  start(part: Part): void {
    this.#tell({ cue: "start", part });
  }

  /** Says what goes wrong from now on. */
  impair(impairments: Impairments): void {
    this.#tell({ cue: "impair", impairments });
  }

  /** Sends a signal; harmless when the process has ended. */
  signal(signal: "SIGKILL" | "SIGTERM" | "SIGSTOP" | "SIGCONT"): void {
    if (signal === "SIGKILL" || signal === "SIGTERM") this.#isExpected = true;
    if (!this.#isRunning) return;
    try {
      this.#child.kill(signal);
    } catch {
      // It has just ended.
    }
  }

  #tell(cue: Cue): void {
    this.#stdin.write(new TextEncoder().encode(JSON.stringify(cue) + "\n")).catch(() => {});
  }

  async #readLines(): Promise<void> {
    const decoder = new TextDecoder();
    let text = "";
    for await (const bytes of this.#child.stdout) {
      text += decoder.decode(bytes, { stream: true });
      const lines = text.split("\n");
      text = lines.pop() ?? "";
      for (const line of lines) this.#onLine(line);
    }
  }

  #onLine(line: string): void {
    const report = readReport(line);
    if (report !== null) {
      if ("prepared" in report) this.#prepared.resolve();
      else if ("fact" in report) this.#handlers.onFact(report.fact);
      else this.#handlers.onSample(report.sample);
      return;
    }
    const value = JSON.parse(line) as { schema?: string } & Ready;
    if (value.schema === "hana.serve.ready/1") this.#handlers.onReady(value);
  }

  async #readErrors(): Promise<void> {
    const decoder = new TextDecoder();
    for await (const bytes of this.#child.stderr) {
      this.#stderr = (this.#stderr + decoder.decode(bytes, { stream: true })).slice(-MAX_KEPT);
    }
  }
}
