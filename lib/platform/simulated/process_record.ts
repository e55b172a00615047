// One process as the system of a simulated host keeps it: its number, its parent, what signals do to it.
// Decides what a signal means for a process that runs, is stopped or waits in the kernel; never who sends one.

import type { ExitStatus, ProcessFacts, ProcessIdentity, ProcessSignal, ProcessState } from "../mod.ts";
import type { Engine } from "./engine.ts";
import type { ProcessLife } from "./process_life.ts";

/** What a process that says nothing of itself occupies. */
const RESIDENT_BYTES = 16 * 1024 * 1024;
/** Linux keeps so much of a name. */
const NAME_LENGTH = 15;

const SIGNAL_NUMBERS: Readonly<Record<ProcessSignal | "SIGPIPE", number>> = {
  SIGHUP: 1,
  SIGINT: 2,
  SIGKILL: 9,
  SIGUSR1: 10,
  SIGUSR2: 12,
  SIGPIPE: 13,
  SIGTERM: 15,
  SIGCONT: 18,
  SIGSTOP: 19,
};

/** How a process ends by a signal. */
export function endedBy(signal: ProcessSignal | "SIGPIPE"): ExitStatus {
  return { code: 128 + SIGNAL_NUMBERS[signal], signal };
}

/** What a process is started as. */
export interface ProcessStart {
  /** Its program: `argv[0]`. */
  readonly program: string;
  readonly env: Readonly<Record<string, string>>;
  readonly parentId: number;
  /** The group that it starts in; null for one of its own. */
  readonly groupId: number | null;
}

/** Where ends are told; a `HostProcessTable` is one. */
export interface RecordKeeper {
  onEnded(record: ProcessRecord, status: ExitStatus): void;
  /** `from` is who sent it; null for somebody outside of the machine's processes. */
  onSignal(record: ProcessRecord, signal: ProcessSignal, from: ProcessRecord | null): void;
}

/** A process. */
export class ProcessRecord implements ProcessIdentity {
  readonly processId: number;
  readonly startedAt: number;
  readonly groupId: number;
  readonly name: string;
  /** What it was started as, in full. */
  readonly program: string;
  readonly env: Readonly<Record<string, string>>;
  readonly life: ProcessLife;
  parentId: number;
  /** Its parent did not start it: it was handed on when it lost its own. */
  isAdopted = false;
  /** Whether descendants without a parent become its children. */
  adoptsOrphans = false;
  isZombie = false;
  residentBytes = RESIDENT_BYTES;
  cpuUs = 0;
  /** Asked for each signal that can be taken: true when the program takes it. */
  takeSignal: ((signal: ProcessSignal) => boolean) | null = null;
  /** Told once, when it has ended. */
  onEnded: ((status: ExitStatus) => void) | null = null;
  readonly #engine: Engine;
  readonly #keeper: RecordKeeper;
  /** Signals that wait until it goes on, each once (signal(7): standard signals do not queue). */
  readonly #pending = new Set<ProcessSignal>();
  #isStopped = false;
  #waitsIn: string | null = null;

  constructor(
    engine: Engine,
    keeper: RecordKeeper,
    life: ProcessLife,
    start: ProcessStart,
    startedAt: number,
  ) {
    this.#engine = engine;
    this.#keeper = keeper;
    this.life = life;
    this.processId = life.processId;
    this.startedAt = startedAt;
    this.parentId = start.parentId;
    this.groupId = start.groupId ?? life.processId;
    this.name = start.program.slice(start.program.lastIndexOf("/") + 1).slice(0, NAME_LENGTH);
    this.program = start.program;
    this.env = start.env;
  }

  /** Whether it runs or could. */
  get alive(): boolean {
    return this.life.alive;
  }

  get state(): ProcessState {
    if (this.isZombie) return "zombie";
    if (this.#waitsIn !== null) return "uninterruptible";
    return this.#isStopped ? "stopped" : "sleeping";
  }

  /** What is known of it. */
  facts(): ProcessFacts {
    const { processId, startedAt, parentId, groupId, name, state } = this;
    return {
      processId,
      startedAt,
      parentId,
      groupId,
      state,
      name,
      residentBytes: this.isZombie ? 0 : this.residentBytes,
      cpuUs: this.cpuUs,
      waitsIn: this.#waitsIn,
    };
  }

  /** Sends it a signal; false when it has ended. A process that waits in the kernel gets it afterwards, SIGKILL too. */
  signal(signal: ProcessSignal, from: ProcessRecord | null = null): boolean {
    if (!this.alive) return false;
    this.#keeper.onSignal(this, signal, from);
    this.#receive(signal);
    return true;
  }

  #receive(signal: ProcessSignal): void {
    if (signal === "SIGSTOP") this.#stop();
    else if (signal === "SIGCONT") this.#continue();
    else if (this.#waitsIn !== null || (this.#isStopped && signal !== "SIGKILL")) this.#pending.add(signal);
    else this.#take(signal);
  }

  /** Lets it wait in the kernel, in this function, until null is set: nothing ends it meanwhile. */
  waitInKernel(where: string | null): void {
    if (!this.alive || where === this.#waitsIn) return;
    this.#waitsIn = where;
    if (where !== null) this.life.cpu.stop("kernel");
    else {
      this.#goOn("kernel");
      this.#deliverPending();
    }
  }

  /** Ends it: its system closes what it held, its children are handed on. Harmless when it has ended. */
  end(status: ExitStatus): void {
    if (!this.alive) return;
    this.life.end("killed");
    this.#waitsIn = null;
    this.#keeper.onEnded(this, status);
    this.onEnded?.(status);
  }

  #stop(): void {
    this.#isStopped = true;
    this.life.cpu.stop("signal");
  }

  #continue(): void {
    if (!this.#isStopped) return;
    this.#isStopped = false;
    this.#goOn("signal");
    if (this.#waitsIn === null) this.#deliverPending();
  }

  // In an event of its own: what was due does not run inside the call that lets it go on.
  #goOn(reason: "signal" | "kernel"): void {
    this.#engine.after(0, () => {
      const isStopped = reason === "signal" ? this.#isStopped : this.#waitsIn !== null;
      if (!isStopped) this.life.cpu.go(reason);
    });
  }

  #deliverPending(): void {
    const pending = [...this.#pending];
    this.#pending.clear();
    for (const signal of pending) if (this.alive) this.#receive(signal);
  }

  #take(signal: ProcessSignal): void {
    if (signal !== "SIGKILL" && this.takeSignal?.(signal) === true) return;
    this.end(endedBy(signal));
  }
}
