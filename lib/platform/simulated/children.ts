// The children of simulated processes: how a program is started, and what its owner sees of it.
// Decides when it starts, what reaches its input, that it outlives its parent and ends with its machine.
// A script runs on a process of its own, with the whole platform.

import { HanaError } from "../../base/mod.ts";
import type {
  ChildProcess,
  ExitStatus,
  Host,
  NotifyListener,
  Platform,
  Processes,
  ProcessHandlers,
  ProcessOptions,
  ProcessOutput,
  ProcessSignal,
} from "../mod.ts";
import { MAX_INPUT_BYTES } from "../processes.ts";
import type { SimulatedDisk } from "./disk.ts";
import type { Engine } from "./engine.ts";
import { listenNotify, sendNotify } from "./notify.ts";
import { OutputPipe, PIPE_US } from "./output_pipe.ts";
import type { Held, ProcessLife } from "./process_life.ts";
import type { ProcessRecord, ProcessStart } from "./process_record.ts";
import type { HostProcessTable } from "./process_table.ts";
import type { Program, ProgramScript, ProgramTable, StartOptions } from "./programs.ts";

/** Starting a program takes about this long (deno-platform research, section 4). */
const SPAWN_US = 1_000;

/** The process that a program runs on; a `SimulatedProcess` is one. */
export interface ProgramProcess {
  readonly platform: Platform;
  readonly record: ProcessRecord;
}

/** What children need of their host. */
export interface ProgramSurroundings {
  readonly engine: Engine;
  readonly disk: SimulatedDisk;
  readonly programs: ProgramTable;
  readonly processTable: HostProcessTable;
  readonly createProcess: (start: ProcessStart) => ProgramProcess;
  readonly facts: Pick<Host, "os">;
}

/** What a program is started with. */
interface Launch {
  readonly argv: readonly [string, ...string[]];
  readonly env: Readonly<Record<string, string>>;
  readonly cwd: string;
  readonly parent: ProcessRecord;
  readonly groupId: number | null;
  readonly pipe: OutputPipe | null;
  readonly hasInput: boolean;
}

function bytesOf(what: string | Uint8Array): Uint8Array {
  return typeof what === "string" ? new TextEncoder().encode(what) : what.slice();
}

/** The script that a command line starts. Throws what `Processes.spawn` does. */
function findScript(
  around: ProgramSurroundings,
  argv: readonly [string, ...string[]],
  cwd: string | undefined,
): ProgramScript {
  const what = `cannot start ${argv[0]}`;
  if (argv.some((argument) => argument.includes("\0"))) {
    throw new HanaError("config", { what, why: "an argument holds a zero byte" });
  }
  if (cwd !== undefined && around.disk.stat(cwd)?.kind !== "directory") {
    throw new HanaError("not-found", { what, why: `its directory ${cwd} is missing` });
  }
  const script = around.programs.find(argv[0]);
  if (script !== null) return script;
  if (argv[0].includes("/") && around.disk.stat(argv[0]) !== null) {
    throw new HanaError("refused", { what, why: "it is no program" });
  }
  throw new HanaError("not-found", {
    what,
    why: "this host has no such program",
    hint: "host.programs.register",
  });
}

/** A program that runs, as its script sees it. */
class RunningProgram implements Program {
  readonly argv: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  readonly cwd: string;
  readonly platform: Platform;
  readonly record: ProcessRecord;
  onInput: ((bytes: Uint8Array | null) => void) | null = null;
  onSignal: ((signal: ProcessSignal) => void) | null = null;
  survivesBrokenPipe = false;
  reapsChildren = true;
  readonly #around: ProgramSurroundings;
  readonly #pipe: OutputPipe | null;

  constructor(around: ProgramSurroundings, launch: Launch, script: ProgramScript) {
    this.#around = around;
    this.argv = launch.argv;
    this.env = launch.env;
    this.cwd = launch.cwd;
    this.#pipe = launch.pipe;
    const process = around.createProcess({
      program: launch.argv[0],
      env: launch.env,
      parentId: launch.parent.processId,
      groupId: launch.groupId,
    });
    this.platform = process.platform;
    this.record = process.record;
    this.record.takeSignal = (signal) => this.#takeSignal(signal);
    this.later(() => {
      script(this);
      if (!launch.hasInput) this.onInput?.(null);
    }, SPAWN_US);
  }

  get processId(): number {
    return this.record.processId;
  }

  get residentBytes(): number {
    return this.record.residentBytes;
  }

  set residentBytes(bytes: number) {
    this.record.residentBytes = bytes;
  }

  get cpuUs(): number {
    return this.record.cpuUs;
  }

  set cpuUs(us: number) {
    this.record.cpuUs = us;
  }

  write(output: ProcessOutput, what: string | Uint8Array): void {
    if (!this.record.alive) return;
    this.#pipe?.write(this.record, output, bytesOf(what), this.survivesBrokenPipe);
  }

  exit(code: number): void {
    this.record.end({ code: code & 255, signal: null });
  }

  start(argv: readonly [string, ...string[]], options: StartOptions = {}): number {
    const script = findScript(this.#around, argv, undefined);
    const pipe = options.sharesOutput === true ? this.#pipe : null;
    pipe?.share();
    const launch: Launch = {
      argv,
      env: { ...(options.clearEnv === true ? {} : this.env), ...options.env },
      cwd: this.cwd,
      parent: this.record,
      groupId: options.newGroup === true ? null : this.record.groupId,
      pipe,
      hasInput: false,
    };
    const { record } = new RunningProgram(this.#around, launch, script);
    record.onEnded = () => {
      pipe?.release();
      this.later(() => {
        if (this.reapsChildren && !record.isAdopted) this.#around.processTable.reap(record);
      }, PIPE_US);
    };
    return record.processId;
  }

  notify(what: string | Uint8Array, path = this.env.NOTIFY_SOCKET): boolean {
    if (path === undefined || !this.record.alive) return false;
    return sendNotify(this.#around.disk, path, bytesOf(what));
  }

  waitInKernel(where: string, forUs?: number): void {
    this.record.waitInKernel(where);
    if (forUs !== undefined) this.#around.engine.after(forUs, () => this.record.waitInKernel(null));
  }

  /** Calls the program in so many microseconds, when it runs. */
  later(run: () => void, delayUs: number): void {
    this.#around.engine.after(delayUs, () => this.record.life.cpu.run(() => this.#inside(run)));
  }

  #inside(run: () => void): void {
    if (!this.record.alive) return;
    try {
      run();
    } catch (thrown) {
      this.write("stderr", `${thrown}\n`);
      this.exit(1);
    }
  }

  #takeSignal(signal: ProcessSignal): boolean {
    if (this.onSignal === null) return false;
    this.later(() => this.onSignal?.(signal), PIPE_US);
    return true;
  }
}

/** A child as its owner sees it. */
class SimulatedChild implements ChildProcess, Held {
  readonly processId: number;
  readonly #around: ProgramSurroundings;
  readonly #program: RunningProgram;
  readonly #owner: ProcessLife;
  readonly #parent: ProcessRecord;
  #hasEnded = false;
  #isInputOpen: boolean;
  #inputWaiting = 0;

  constructor(
    around: ProgramSurroundings,
    options: ProcessOptions,
    handlers: ProcessHandlers,
    script: ProgramScript,
    parent: ProcessRecord,
  ) {
    this.#around = around;
    this.#owner = parent.life;
    this.#parent = parent;
    this.#isInputOpen = options.input === "pipe";
    const pipe = new OutputPipe(
      around.engine,
      parent.life,
      handlers,
      options.output ?? "none",
      options.argv[0],
    );
    this.#program = new RunningProgram(around, {
      argv: options.argv,
      env: { ...(options.clearEnv === true ? {} : parent.env), ...options.env },
      cwd: options.cwd ?? "/",
      parent,
      groupId: null,
      pipe,
      hasInput: this.#isInputOpen,
    }, script);
    const { record } = this.#program;
    this.processId = record.processId;
    record.onEnded = (status) => this.#onEnded(status, pipe, handlers);
    if (this.#isInputOpen) this.#owner.hold(this);
  }

  get isRunning(): boolean {
    return !this.#hasEnded;
  }

  write(bytes: Uint8Array): boolean {
    if (!this.#isInputOpen || this.#hasEnded) return false;
    if (this.#inputWaiting + bytes.length > MAX_INPUT_BYTES) return false;
    const copy = bytes.slice();
    this.#inputWaiting += copy.length;
    this.#program.later(() => {
      this.#inputWaiting -= copy.length;
      this.#program.onInput?.(copy);
    }, SPAWN_US);
    return true;
  }

  closeInput(): void {
    if (!this.#isInputOpen) return;
    this.#isInputOpen = false;
    this.#owner.drop(this);
    this.#program.later(() => this.#program.onInput?.(null), SPAWN_US);
  }

  kill(signal: ProcessSignal): boolean {
    return this.#owner.alive && this.#program.record.signal(signal, this.#parent);
  }

  killGroup(signal: ProcessSignal): boolean {
    if (!this.#owner.alive) return false;
    const members = this.#around.processTable.inGroup(this.processId);
    for (const member of members) member.signal(signal, this.#parent);
    return members.length > 0;
  }

  /** Its owner has ended, and with it the other end of its input. */
  onProcessEnded(end: "killed" | "power-lost"): void {
    if (end === "killed") this.closeInput();
  }

  #onEnded(status: ExitStatus, pipe: OutputPipe, handlers: ProcessHandlers): void {
    this.#hasEnded = true;
    this.#owner.drop(this);
    pipe.tellReader(() => {
      this.#around.processTable.reap(this.#program.record);
      handlers.onExit(status);
    });
    pipe.release();
  }
}

/** The launcher as one process sees it. */
export class SimulatedProcesses implements Processes {
  readonly #record: ProcessRecord;
  readonly #around: ProgramSurroundings;

  constructor(record: ProcessRecord, around: ProgramSurroundings) {
    this.#record = record;
    this.#around = around;
  }

  spawn(options: ProcessOptions, handlers: ProcessHandlers): ChildProcess {
    const script = findScript(this.#around, options.argv, options.cwd);
    return new SimulatedChild(this.#around, options, handlers, script, this.#record);
  }

  listenNotify(path: string, onMessage: (bytes: Uint8Array) => void): Promise<NotifyListener> {
    const { engine, disk, facts } = this.#around;
    try {
      if (facts.os === "windows") {
        throw new HanaError("unsupported", {
          what: `cannot listen on ${path}`,
          why: "Windows has no such sockets",
        });
      }
      return Promise.resolve(listenNotify(engine, disk, this.#record.life, path, onMessage));
    } catch (thrown) {
      return Promise.reject(thrown);
    }
  }
}
