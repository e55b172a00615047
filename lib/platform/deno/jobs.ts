// Jobs of Windows: each program gets one, and everything that it starts is in it for good.
// NOT RUN on Windows so far. Decides that a job lives as long as this process: when it ends, however it ends, the system
// ends whoever is in the job, so that nothing runs unwatched. Hence only a process that answers for its programs alone
// turns them on; what others start outlives them.

import { type Handle, type Kernel32, kernel32 } from "./kernel32.ts";

interface Job {
  readonly handle: Handle;
  readonly environment: Readonly<Record<string, string>>;
}

/** The jobs of the programs started here. */
export class WindowsJobs {
  readonly #calls: Kernel32 | null;
  readonly #jobs = new Map<number, Job>();
  #isOn = false;

  constructor(calls: Kernel32 | null = kernel32()) {
    this.#calls = calls;
  }

  /** From now on programs get jobs. False where there are none. */
  turnOn(): boolean {
    this.#isOn = this.#calls !== null;
    return this.#isOn;
  }

  /** Puts a program that was started a moment ago into a job of its own. False when the system refuses. */
  add(processId: number, environment: Readonly<Record<string, string>>): boolean {
    if (!this.#isOn) return false;
    this.#forgetEmpty();
    const handle = this.#calls?.createJob() ?? null;
    if (this.#calls === null || handle === null) return false;
    if (!this.#calls.assign(handle, processId)) {
      this.#calls.close(handle);
      return false;
    }
    this.#jobs.set(processId, { handle, environment });
    return true;
  }

  /** The living members of a program's job. */
  members(processId: number): number[] {
    const job = this.#jobs.get(processId);
    return job === undefined ? [] : this.#calls?.members(job.handle) ?? [];
  }

  /** The living members of all jobs. */
  allMembers(): number[] {
    return [...this.#jobs.keys()].flatMap((processId) => this.members(processId));
  }

  /** The living members of the jobs whose program was started with `name=value`. */
  markedMembers(name: string, value: string): number[] {
    return [...this.#jobs].filter(([, { environment }]) => environment[name] === value)
      .flatMap(([processId]) => this.members(processId));
  }

  /** Ends all of a program's job. False when nobody of it is there. */
  terminate(processId: number): boolean {
    const job = this.#jobs.get(processId);
    if (this.#calls === null || job === undefined || this.members(processId).length === 0) return false;
    return this.#calls.terminateJob(job.handle);
  }

  #forgetEmpty(): void {
    for (const [processId, { handle }] of this.#jobs) {
      if (this.members(processId).length > 0) continue;
      this.#calls?.close(handle);
      this.#jobs.delete(processId);
    }
  }
}
