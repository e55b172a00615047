// A measuring process: takes a command a line on its standard input, answers each with a line of JSON.
// Decides when one counts as stuck, and that it ends with its owner. Never measures: its program does.

import { signalChild, startChild } from "./children.ts";
import { TextLineReader } from "./lines.ts";

/** A command may take this long; a hang, not a measurement. */
const STUCK_MS = 120_000;
/** A process whose input has ended may take this long to end. */
const GRACE_MS = 3_000;

const programs = new URL("./programs/", import.meta.url).pathname;
const config = new URL("../../deno.json", import.meta.url).pathname;

/** How to start a worker. */
export interface WorkerOptions {
  /** The one processor that it may use; any by default. */
  readonly cpu?: number | undefined;
  /** What stands before the command, such as `unshare -n`. */
  readonly prefix?: readonly string[];
  /** After how long without an answer it counts as stuck, in ms; two minutes unless given. */
  readonly stuckMs?: number;
}

/** A running worker. Its program is a file of `programs/`. */
export class MeasuringProcess implements AsyncDisposable {
  readonly #child: Deno.ChildProcess;
  readonly #lines: TextLineReader;
  readonly #input: WritableStreamDefaultWriter<Uint8Array>;
  readonly #stuckMs: number;

  constructor(readonly program: string, args: readonly string[], options: WorkerOptions = {}) {
    this.#stuckMs = options.stuckMs ?? STUCK_MS;
    const command = [
      ...(options.prefix ?? []),
      ...(options.cpu === undefined ? [] : ["taskset", "-c", String(options.cpu)]),
      ...[Deno.execPath(), "run", "--quiet", "-A", "--no-prompt", "--frozen", "--config", config],
      programs + program,
      ...args,
    ];
    this.#child = startChild(command, { stdin: "piped", stdout: "piped", stderr: "inherit" });
    this.#lines = new TextLineReader(this.#child.stdout);
    this.#input = this.#child.stdin.getWriter();
  }

  get processId(): number {
    return this.#child.pid;
  }

  /** The next line of JSON. Rejects when the process ends or is stuck. */
  async next<T>(): Promise<T> {
    const line = await this.#lines.next(this.#stuckMs);
    if (line === null) throw new Error(`${this.program} ended before it answered`);
    return JSON.parse(line) as T;
  }

  /** Gives a command and waits for its answer. */
  async ask<T>(command: Readonly<Record<string, unknown>>): Promise<T> {
    await this.#input.write(new TextEncoder().encode(JSON.stringify(command) + "\n"));
    return await this.next<T>();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#input.close().catch(() => {});
    const timer = setTimeout(() => signalChild(this.#child, "SIGKILL"), GRACE_MS);
    await this.#child.status;
    clearTimeout(timer);
    await this.#lines.cancel();
  }
}
