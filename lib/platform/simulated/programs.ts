// Programs of a simulated host: scripts that stand in for executables, and the children that run them.
// Decides what a child's life looks like from outside: when it starts, what a signal does, that it outlives its parent
// and ends with its machine. A script runs on a process of its own, with the whole platform.

import { HanaError } from "../../base/mod.ts";
import { LineSplitter } from "../line_splitter.ts";
import type {
  ChildProcess,
  ExitStatus,
  NotifyListener,
  Platform,
  Processes,
  ProcessHandlers,
  ProcessOptions,
  ProcessOutput,
  ProcessSignal,
} from "../mod.ts";
import { MAX_INPUT_BYTES } from "../processes.ts";
import type { HostCpu } from "./cpu.ts";
import type { Engine } from "./engine.ts";
import type { ProcessLife } from "./process_life.ts";

/** Starting a program takes about this long (deno-platform research, section 4). */
const SPAWN_US = 1_000;
/** What is written gets through a pipe in about this time, and so does the news of an end. */
const PIPE_US = 20;

const SIGNAL_NUMBERS: Readonly<Record<ProcessSignal, number>> = {
  SIGHUP: 1,
  SIGINT: 2,
  SIGKILL: 9,
  SIGUSR1: 10,
  SIGUSR2: 12,
  SIGTERM: 15,
  SIGCONT: 18,
  SIGSTOP: 19,
};

/** What a script sees and can do. */
export interface Program {
  readonly argv: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  readonly cwd: string;
  /** The machine, as this process sees it. */
  readonly platform: Platform;
  /** Writes text or bytes. */
  write(output: ProcessOutput, what: string | Uint8Array): void;
  /** Ends the program by itself. Nothing of it runs afterwards. */
  exit(code: number): void;
  /** Hears what is written to it; null is the end of it. */
  onInput: ((bytes: Uint8Array | null) => void) | null;
  /** Takes a signal instead of its usual effect; SIGKILL and SIGSTOP cannot be taken. */
  onSignal: ((signal: ProcessSignal) => void) | null;
}

/** What a program does when it starts; an exception ends it with code 1. */
export type ProgramScript = (program: Program) => void;

/** The executables of a host, by name. */
export class ProgramTable {
  readonly #scripts = new Map<string, ProgramScript>();

  /** Puts a program where `argv[0]` finds it. The last one of a name counts. */
  register(name: string, script: ProgramScript): void {
    this.#scripts.set(name, script);
  }

  /** Takes a program away, until it is registered again. */
  unregister(name: string): void {
    this.#scripts.delete(name);
  }

  /** Whether a program of this name or path can be started. */
  has(name: string): boolean {
    return this.#scripts.has(name);
  }

  /** The program of this name; null when there is none. */
  find(name: string): ProgramScript | null {
    return this.#scripts.get(name) ?? null;
  }
}

/** The process that a program runs on, as its child sees it; a `SimulatedProcess` is one. */
export interface ProgramProcess {
  readonly platform: Platform;
  /** Whether it runs. */
  readonly alive: boolean;
  /** SIGKILL. */
  kill(): void;
}

/** What children need of their host. */
export interface ProgramSurroundings {
  readonly engine: Engine;
  readonly cpu: HostCpu;
  readonly programs: ProgramTable;
  readonly createProcess: () => ProgramProcess;
}

class SimulatedChild implements ChildProcess, Program {
  readonly processId: number;
  readonly argv: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  readonly cwd: string;
  readonly platform: Platform;
  onInput: ((bytes: Uint8Array | null) => void) | null = null;
  onSignal: ((signal: ProcessSignal) => void) | null = null;
  readonly #around: ProgramSurroundings;
  readonly #process: ProgramProcess;
  readonly #parent: ProcessLife;
  readonly #handlers: ProcessHandlers;
  readonly #options: ProcessOptions;
  readonly #lines = new Map<ProcessOutput, LineSplitter>();
  #hasEnded = false;
  #isInputOpen: boolean;
  #inputWaiting = 0;

  constructor(
    options: ProcessOptions,
    handlers: ProcessHandlers,
    script: ProgramScript,
    parent: ProcessLife,
    around: ProgramSurroundings,
  ) {
    this.#around = around;
    this.#parent = parent;
    this.#handlers = handlers;
    this.#options = options;
    this.#process = around.createProcess();
    this.platform = this.#process.platform;
    this.processId = this.platform.host.processId;
    this.argv = options.argv;
    this.env = options.env ?? {};
    this.cwd = options.cwd ?? "/";
    this.#isInputOpen = options.input === "pipe";
    for (const output of ["stdout", "stderr"] as const) {
      this.#lines.set(output, new LineSplitter((line) => this.#handlers.onLine?.(output, line)));
    }
    around.engine.after(SPAWN_US, () => {
      this.#inside(() => {
        script(this);
        if (!this.#isInputOpen) this.onInput?.(null);
      });
    });
  }

  // As its owner sees it ----------------------------------------------------------------------------------------

  get isRunning(): boolean {
    return !this.#hasEnded;
  }

  write(bytes: Uint8Array): boolean;
  write(output: ProcessOutput, what: string | Uint8Array): void;
  write(first: Uint8Array | ProcessOutput, what?: string | Uint8Array): boolean {
    if (typeof first === "string") {
      this.#tellOutput(first, typeof what === "string" ? new TextEncoder().encode(what) : what?.slice());
      return true;
    }
    if (!this.#isInputOpen || this.#hasEnded) return false;
    if (this.#inputWaiting + first.length > MAX_INPUT_BYTES) return false;
    const bytes = first.slice();
    this.#inputWaiting += bytes.length;
    this.#later(() => {
      this.#inputWaiting -= bytes.length;
      this.#inside(() => this.onInput?.(bytes));
    }, SPAWN_US);
    return true;
  }

  closeInput(): void {
    if (!this.#isInputOpen) return;
    this.#isInputOpen = false;
    this.#later(() => this.#inside(() => this.onInput?.(null)), SPAWN_US);
  }

  kill(signal: ProcessSignal): boolean {
    if (this.#hasEnded || !this.#process.alive) return false;
    // Whole hosts are frozen in a simulation, not single processes.
    if (signal === "SIGSTOP" || signal === "SIGCONT") return true;
    if (signal === "SIGKILL" || this.onSignal === null) {
      this.#end({ code: 128 + SIGNAL_NUMBERS[signal], signal });
    } else {
      this.#later(() => this.#inside(() => this.onSignal?.(signal)));
    }
    return true;
  }

  killGroup(signal: ProcessSignal): boolean {
    return this.kill(signal);
  }

  // As its script sees it ---------------------------------------------------------------------------------------

  exit(code: number): void {
    this.#end({ code: code & 255, signal: null });
  }

  #inside(run: () => void): void {
    if (!this.#process.alive) return;
    try {
      run();
    } catch (thrown) {
      this.#tellOutput("stderr", new TextEncoder().encode(`${thrown}\n`));
      this.exit(1);
    }
  }

  #end(status: ExitStatus): void {
    if (this.#hasEnded) return;
    this.#hasEnded = true;
    this.#process.kill();
    this.#tell(() => {
      for (const lines of this.#lines.values()) lines.end();
      this.#handlers.onExit(status);
    });
    this.#tell(() => this.#handlers.onClosed?.());
  }

  #tellOutput(output: ProcessOutput, bytes: Uint8Array | undefined): void {
    const how = this.#options.output ?? "none";
    if (this.#hasEnded || how === "none" || bytes === undefined) return;
    this.#tell(() => {
      if (how === "lines") {
        this.#lines.get(output)?.push(bytes);
        return;
      }
      const lent = this.#around.engine.lend(bytes);
      this.#handlers.onBytes?.(output, lent);
      this.#around.engine.takeBack(lent);
    });
  }

  /** Tells the owner, if it still lives and its host runs. */
  #tell(run: () => void): void {
    const { engine } = this.#around;
    this.#later(() => {
      if (!this.#parent.alive) return;
      try {
        run();
      } catch (thrown) {
        engine.crash(thrown, `child ${this.argv[0]} on ${this.#parent.hostName}`);
      }
    });
  }

  #later(run: () => void, delayUs = PIPE_US): void {
    this.#around.engine.after(delayUs, () => this.#around.cpu.run(run));
  }
}

/** The launcher as one process sees it. */
export class SimulatedProcesses implements Processes {
  readonly #life: ProcessLife;
  readonly #around: ProgramSurroundings;

  constructor(life: ProcessLife, around: ProgramSurroundings) {
    this.#life = life;
    this.#around = around;
  }

  spawn(options: ProcessOptions, handlers: ProcessHandlers): ChildProcess {
    const what = `cannot start ${options.argv[0]}`;
    if (options.argv.some((argument) => argument.includes("\0"))) {
      throw new HanaError("config", { what, why: "an argument holds a zero byte" });
    }
    const script = this.#around.programs.find(options.argv[0]);
    if (script === null) {
      throw new HanaError("not-found", {
        what,
        why: "this host has no such program",
        hint: "host.programs.register",
      });
    }
    return new SimulatedChild(options, handlers, script, this.#life, this.#around);
  }

  listenNotify(path: string): Promise<NotifyListener> {
    return Promise.reject(
      new HanaError("unsupported", { what: `cannot listen on ${path}`, why: "not in this simulation" }),
    );
  }
}
