// A simulated machine with a supervisor as it ships, real shims, and programs that are scripts.

import { assert } from "@std/assert";
import type { HanaError } from "../../../../lib/base/mod.ts";
import {
  type Program,
  type ProgramScript,
  type SimulatedHost,
  SimulatedWorld,
} from "../../../../lib/platform/simulated/mod.ts";
import { hanaProgram } from "../../../../lib/simulate/programs/mod.ts";
import {
  type ProgramEventEntry,
  type ProgramSnapshot,
  type ProgramSpec,
  SPEC_DEFAULTS,
  Supervisor,
  type SupervisorOptions,
  type VerbResult,
} from "../../../../lib/supervision/mod.ts";

export const MS = 1_000;
export const SECOND = 1_000_000;
export const DIRECTORY = "/var/hana/nodes/stage";

/** A start of a program. */
export interface Start {
  readonly name: string;
  readonly atUs: number;
  readonly processId: number;
}

/** One machine under test. */
export class Bench {
  readonly world: SimulatedWorld;
  readonly host: SimulatedHost;
  readonly crashes: HanaError[] = [];
  readonly starts: Start[] = [];
  #supervisor: Supervisor | null = null;
  #ops = 0;

  constructor(seed = 1) {
    this.world = new SimulatedWorld({ seed, onCrash: (error) => this.crashes.push(error) });
    this.host = this.world.createHost({ name: "stage" });
    this.host.programs.register("hana", hanaProgram);
    this.program("stays", () => {});
    this.program("ends", (program) => program.exit(Number(program.argv[1] ?? 0)));
    this.program("dies", (program) => {
      const { timers, clock } = program.platform;
      timers.schedule(clock.nowUs() + Number(program.argv[1]) * MS, () => program.exit(1));
    });
    this.program("litters", (program) => {
      program.start(["stays"], { newGroup: true });
    });
    this.program("inDriver", (program) => program.waitInKernel("nvidia_ioctl"));
  }

  get supervisor(): Supervisor {
    assert(this.#supervisor !== null, "there is a supervisor");
    return this.#supervisor;
  }

  /** Adds a program whose starts are counted. */
  program(name: string, script: ProgramScript): void {
    this.host.programs.register(name, (program: Program) => {
      this.starts.push({ name, atUs: this.world.nowUs, processId: program.processId });
      script(program);
    });
  }

  /** Starts a daemon's supervisor in the main process. */
  async open(overrides: Partial<SupervisorOptions> = {}): Promise<Supervisor> {
    return this.#supervisor = await this.settle(Supervisor.open({
      platform: this.host.platform,
      directory: DIRECTORY,
      runDirectory: "/run/hana",
      nodeName: "stage",
      shim: ["hana"],
      warm: false,
      ...overrides,
    }));
  }

  /** `kill -9` of the daemon, and another one. */
  async reopen(overrides: Partial<SupervisorOptions> = {}): Promise<Supervisor> {
    this.host.restartProcess();
    return await this.open(overrides);
  }

  /** The power goes and comes back. */
  async powerCycle(overrides: Partial<SupervisorOptions> = {}): Promise<Supervisor> {
    this.host.restart();
    return await this.open(overrides);
  }

  op(): string {
    return `op-${String(++this.#ops).padStart(8, "0")}`;
  }

  spawn(
    name: string,
    argv: readonly [string, ...string[]],
    spec: Partial<ProgramSpec> = {},
  ): Promise<VerbResult> {
    const call = { op: this.op(), name, by: "anna", want: "up" as const, spec: specOf(argv, spec) };
    return this.settle(this.supervisor.spawn(call));
  }

  verb(verb: "start" | "stop" | "restart" | "remove", name: string, more: object = {}): Promise<VerbResult> {
    return this.settle(this.supervisor[verb]({ op: this.op(), name, by: "anna", ...more }));
  }

  /** The program, as the supervisor sees it. */
  see(name: string): ProgramSnapshot {
    return this.supervisor.program(name);
  }

  /** All events that are kept. */
  events(): readonly ProgramEventEntry[] {
    return this.supervisor.events({ after: 0, limit: 10_000 }).events;
  }

  /** The living processes of this name. */
  alive(name: string): number[] {
    return this.host.processTable.named(name).map(({ processId }) => processId);
  }

  async until(condition: () => boolean, what: string, withinUs = 60 * SECOND): Promise<void> {
    const done = await this.world.runUntilTrue(condition, this.world.nowUs + withinUs);
    assert(done, `not in time: ${what}`);
  }

  async untilState(name: string, state: ProgramSnapshot["state"], withinUs?: number): Promise<void> {
    await this.until(() => this.see(name).state === state, `${name} is ${state}`, withinUs);
  }

  /** Lets time pass. */
  async pass(us: number): Promise<void> {
    await this.world.runUntil(this.world.nowUs + us);
  }

  /** Lets time pass until the promise settles. */
  async settle<T>(promise: Promise<T>): Promise<T> {
    let settled = false;
    promise.then(() => settled = true, () => settled = true);
    await this.until(() => settled, "the promise settles");
    return await promise;
  }
}

export function specOf(argv: readonly [string, ...string[]], spec: Partial<ProgramSpec> = {}): ProgramSpec {
  return { ...SPEC_DEFAULTS, argv, ...spec };
}
