// Programs of a simulated host: scripts that stand in for executables.
// Decides what a script sees and can do; how a child that runs one looks from outside is children.ts.

import type { Platform, ProcessOutput, ProcessSignal } from "../mod.ts";

/** How a program starts another one by itself, without pipes of its own to it. */
export interface StartOptions {
  /** Added to the program's own environment, or all there is where `clearEnv` says so. */
  readonly env?: Readonly<Record<string, string>>;
  readonly clearEnv?: boolean;
  /** In a process group of its own, as `setsid` does; else in that of the program. */
  readonly newGroup?: boolean;
  /** It writes to the pipes of the program, which stay open until it has ended too. */
  readonly sharesOutput?: boolean;
}

/** What a script sees and can do. */
export interface Program {
  readonly argv: readonly string[];
  /** What it was given, and what its parent had where that was not cleared. */
  readonly env: Readonly<Record<string, string>>;
  readonly cwd: string;
  readonly processId: number;
  /** The machine, as this process sees it. */
  readonly platform: Platform;
  /** Writes text or bytes. When the reader of its pipe has ended, this ends the program too (SIGPIPE). */
  write(output: ProcessOutput, what: string | Uint8Array): void;
  /** Ends the program by itself. Nothing of it runs afterwards. */
  exit(code: number): void;
  /** Starts another program, which lives on by itself. Returns its number. Throws as `Processes.spawn` does. */
  start(argv: readonly [string, ...string[]], options?: StartOptions): number;
  /** Sends an `sd_notify` datagram to NOTIFY_SOCKET or another path; false when nobody takes it. */
  notify(what: string | Uint8Array, path?: string): boolean;
  /** Waits in the kernel for so long, or until the host's `processTable` lets it go on: nothing ends it meanwhile. */
  waitInKernel(where: string, forUs?: number): void;
  /** Hears what is written to it; null is the end of it. */
  onInput: ((bytes: Uint8Array | null) => void) | null;
  /** Takes a signal instead of its usual effect; SIGKILL, SIGSTOP and SIGCONT cannot be taken. */
  onSignal: ((signal: ProcessSignal) => void) | null;
  /** Whether it goes on when nobody reads what it writes; false unless set. */
  survivesBrokenPipe: boolean;
  /** Whether it asks for the ends of what it started itself; true unless set, else they stay as zombies. */
  reapsChildren: boolean;
  /** Memory that it is seen to occupy. */
  residentBytes: number;
  /** CPU time that it is seen to have used. */
  cpuUs: number;
}

/** What a program does when it starts; an exception ends it with code 1. */
export type ProgramScript = (program: Program) => void;

/** The executables of a host, by name or path. */
export class ProgramTable {
  readonly #scripts = new Map<string, ProgramScript>();

  /** Puts a program where `argv[0]` finds it. The last one of a name counts. */
  register(name: string, script: ProgramScript): void {
    this.#scripts.set(name, script);
  }

  /** Takes a program away, until it is registered again; what runs goes on. */
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
