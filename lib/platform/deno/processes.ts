// Child processes of the real machine.
// Decides that each child leads a group of its own, that its end is told as soon as the system says so, without waiting
// for pipes that a grandchild may hold (deno-platform research, section 4), and that a handler that throws is reported.

import { LineSplitter } from "../line_splitter.ts";
import type {
  ChildProcess,
  ExitStatus,
  NotifyListener,
  Processes,
  ProcessHandlers,
  ProcessOptions,
  ProcessOutput,
  ProcessSignal,
} from "../mod.ts";
import { MAX_INPUT_BYTES } from "../processes.ts";
import type { CrashReporter } from "./crash.ts";
import { WindowsJobs } from "./jobs.ts";
import { listenNotify } from "./notify.ts";
import { lowerPriority } from "./niceness.ts";
import { checkSpawn, spawnError } from "./spawn_errors.ts";

/** A pipe of Linux holds as much. */
const READ_BYTES = 64 * 1024;

class DenoChild implements ChildProcess {
  readonly processId: number;
  isRunning = true;
  readonly #child: Deno.ChildProcess;
  readonly #handlers: ProcessHandlers;
  readonly #crashes: CrashReporter;
  readonly #jobs: WindowsJobs | null;
  readonly #name: string;
  #input: WritableStreamDefaultWriter<Uint8Array> | null = null;
  #inputWaiting = 0;

  /** `onReaped` is told when the runtime has waited for it: its number may be used again. */
  constructor(
    options: ProcessOptions,
    handlers: ProcessHandlers,
    crashes: CrashReporter,
    onReaped: (processId: number) => void,
    jobs: WindowsJobs | null,
  ) {
    checkSpawn(options);
    const [program, ...args] = options.argv;
    const output = options.output ?? "none";
    this.#name = program;
    this.#handlers = handlers;
    this.#crashes = crashes;
    this.#jobs = jobs;
    try {
      this.#child = new Deno.Command(program, {
        args,
        ...(options.env === undefined ? {} : { env: { ...options.env } }),
        clearEnv: options.clearEnv ?? false,
        ...(options.cwd === undefined ? {} : { cwd: options.cwd }),
        stdin: options.input === "pipe" ? "piped" : "null",
        stdout: output === "none" ? "null" : "piped",
        stderr: output === "none" ? "null" : "piped",
        detached: true,
      }).spawn();
    } catch (thrown) {
      throw spawnError(thrown, options);
    }
    this.processId = this.#child.pid;
    if ((options.niceness ?? 0) > 0) lowerPriority(this.processId, options.niceness ?? 0);
    if (options.input === "pipe") this.#input = this.#child.stdin.getWriter();
    const pipes = output === "none"
      ? []
      : [this.#read("stdout", this.#child.stdout, output), this.#read("stderr", this.#child.stderr, output)];
    void this.#watch(pipes, onReaped);
  }

  write(bytes: Uint8Array): boolean {
    if (this.#input === null || this.#inputWaiting + bytes.length > MAX_INPUT_BYTES) return false;
    this.#inputWaiting += bytes.length;
    // The bytes may be reused by their owner; a child that has closed its input is no error of ours.
    this.#input.write(bytes.slice()).catch(() => this.#input = null).finally(() =>
      this.#inputWaiting -= bytes.length
    );
    return true;
  }

  closeInput(): void {
    this.#input?.close().catch(() => {});
    this.#input = null;
  }

  kill(signal: ProcessSignal): boolean {
    if (!this.isRunning) return false;
    try {
      this.#child.kill(signal);
      return true;
    } catch {
      return false; // it has ended a moment ago
    }
  }

  killGroup(signal: ProcessSignal): boolean {
    if (this.#jobs !== null) return this.#jobs.terminate(this.processId) || this.kill(signal);
    try {
      // The group may live on when its leader has ended.
      Deno.kill(-this.processId, signal);
      return true;
    } catch {
      return false;
    }
  }

  async #read(
    output: ProcessOutput,
    from: ReadableStream<Uint8Array>,
    how: "bytes" | "lines",
  ): Promise<void> {
    const lines = new LineSplitter((line) => this.#call(() => this.#handlers.onLine?.(output, line)));
    try {
      const reader = from.getReader({ mode: "byob" });
      // One piece of memory for all reads: a program that floods its log must not fill ours with what was read.
      let memory = new ArrayBuffer(READ_BYTES);
      for (;;) {
        const { value, done } = await reader.read(new Uint8Array(memory));
        if (done || value === undefined) break;
        if (how === "lines") lines.push(value);
        else this.#call(() => this.#handlers.onBytes?.(output, value));
        memory = value.buffer;
      }
    } catch {
      // A pipe that breaks has ended.
    }
    lines.end();
  }

  async #watch(pipes: readonly Promise<void>[], onReaped: (processId: number) => void): Promise<void> {
    const { code, signal } = await this.#child.status;
    onReaped(this.processId);
    this.isRunning = false;
    this.closeInput();
    const status: ExitStatus = { code, signal };
    this.#call(() => this.#handlers.onExit(status));
    await Promise.all(pipes);
    this.#call(() => this.#handlers.onClosed?.());
  }

  #call(run: () => void): void {
    try {
      run();
    } catch (thrown) {
      this.#crashes.crash(thrown, `child ${this.#name}`);
    }
  }
}

/** Starts programs on this machine. */
export class DenoProcesses implements Processes {
  readonly #crashes: CrashReporter;
  readonly #waited = new Set<number>();
  /** Jobs of the programs started here; null on other systems than Windows. */
  readonly jobs: WindowsJobs | null = Deno.build.os === "windows" ? new WindowsJobs() : null;

  constructor(crashes: CrashReporter) {
    this.#crashes = crashes;
  }

  spawn(options: ProcessOptions, handlers: ProcessHandlers): ChildProcess {
    const onReaped = (reaped: number): void => void this.#waited.delete(reaped);
    const child = new DenoChild(options, handlers, this.#crashes, onReaped, this.jobs);
    this.jobs?.add(child.processId, options.env ?? {});
    this.#waited.add(child.processId);
    return child;
  }

  /** Whether a process was started here and the runtime, which waits for it, has not told its end. */
  waitsFor(processId: number): boolean {
    return this.#waited.has(processId);
  }

  listenNotify(path: string, onMessage: (bytes: Uint8Array) => void): Promise<NotifyListener> {
    return listenNotify(path, onMessage, this.#crashes);
  }
}
