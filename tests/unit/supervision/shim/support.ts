// A simulated machine with the shim that ships, a daemon's end of its control socket, and programs that misbehave.

import { HanaError } from "../../../../lib/base/mod.ts";
import {
  type Program,
  type ProgramScript,
  type SimulatedHost,
  SimulatedWorld,
} from "../../../../lib/platform/simulated/mod.ts";
import type { ByteStream, ChildProcess } from "../../../../lib/platform/mod.ts";
import { JsonLines } from "../../../../lib/supervision/lines/mod.ts";
import {
  type FromShim,
  type ProgramEvent,
  type ProgramSnapshot,
  type ProgramSpec,
  type ShimAssignment,
  SPEC_DEFAULTS,
  type ToShim,
} from "../../../../lib/supervision/mod.ts";
import { hanaProgram } from "../../../../lib/simulate/programs/mod.ts";

export const MS = 1_000;
export const SECOND = 1_000_000;

const TOKEN = "00112233445566778899aabbccddeeff";

/** Ends by itself after a while; `argv[1]` is the code, `argv[2]` milliseconds. */
const ends: ProgramScript = (program) => {
  const { timers, clock } = program.platform;
  const afterUs = Number(program.argv[2] ?? 0) * MS;
  timers.schedule(clock.nowUs() + afterUs, () => program.exit(Number(program.argv[1] ?? 0)));
};

const PROGRAMS: Readonly<Record<string, ProgramScript>> = {
  ends,
  stays: () => {},
  stubborn: (program) => {
    program.onSignal = () => {};
  },
  talks: (program) => {
    program.write("stdout", "loading\n");
    program.write("stderr", "ready to draw\n");
  },
  /** Leaves a grandchild of its own group that ignores every polite signal, and ends with code 1. */
  litters: (program) => {
    program.start(["stubborn"], { newGroup: true });
    program.start(["stubborn"]);
    ends(program);
  },
  inDriver: (program) => program.waitInKernel("nvidia_ioctl"),
};

/** One machine under test. */
export class Bench {
  readonly world: SimulatedWorld;
  readonly host: SimulatedHost;
  readonly crashes: HanaError[] = [];
  readonly states: ProgramSnapshot[] = [];
  readonly events: ProgramEvent[] = [];
  readonly told: FromShim[] = [];
  /** Moments at which any of the programs began, by the world's clock. */
  readonly starts: number[] = [];
  shim: ChildProcess | null = null;
  #lines: JsonLines | null = null;
  #ops = 0;

  constructor(seed = 1) {
    this.world = new SimulatedWorld({ seed, onCrash: (error) => this.crashes.push(error) });
    this.host = this.world.createHost({ name: "stage" });
    this.host.programs.register("hana", hanaProgram);
    for (const [name, script] of Object.entries(PROGRAMS)) this.program(name, script);
  }

  /** Adds a program whose starts are counted. */
  program(name: string, script: ProgramScript): void {
    this.host.programs.register(name, (program: Program) => {
      this.starts.push(this.world.nowUs);
      script(program);
    });
  }

  /** Starts a shim for `argv` and talks to it. */
  async start(argv: readonly [string, ...string[]], spec: Partial<ProgramSpec> = {}): Promise<void> {
    const assignment: ShimAssignment = {
      t: "assign",
      v: 1,
      name: "viz",
      node: "stage-left",
      directory: "/state/viz",
      controlSocket: "/run/c",
      childSocket: "/run/a",
      notifySocket: "/run/n",
      token: TOKEN,
      generation: 1,
      spec: { ...SPEC_DEFAULTS, argv, ...spec },
      want: "up",
      by: "test",
      clear: true,
    };
    this.host.disk.makeDirectory("/run", 0o700);
    const { processes } = this.host.platform;
    this.shim = processes.spawn({ argv: ["hana", "__shim"], input: "pipe", output: "none" }, {
      onExit: () => {},
    });
    this.shim.write(new TextEncoder().encode(JSON.stringify(assignment) + "\n"));
    await this.connect();
  }

  /** Opens a connection, as a daemon does, as soon as the shim listens. */
  async connect(): Promise<void> {
    const { streams } = this.host.platform;
    let stream: ByteStream | null = null;
    let isTrying = false;
    const connect = (): void => {
      isTrying = true;
      streams.connect({ kind: "unix", path: "/run/c" }).then(
        (opened) => stream = opened,
        () => isTrying = false,
      );
    };
    const startedUs = this.world.nowUs;
    while (stream === null) {
      if (this.world.nowUs > startedUs + SECOND) return; // nobody listens: the test says what that means
      if (!isTrying) connect();
      await this.pass(MS);
    }
    const welcomes = this.told.length;
    this.#lines = new JsonLines(stream, { maxLineBytes: 1 << 20, maxWaitingBytes: 1 << 20 }, {
      onObject: (value) => this.#take(value as unknown as FromShim),
      onClose: () => this.#lines = null,
    });
    this.#lines.send({ t: "hello", v: 1, sinceSeq: this.events.at(-1)?.seq ?? 0 });
    await this.until(() => this.told.length > welcomes, "a welcome");
  }

  get isConnected(): boolean {
    return this.#lines !== null;
  }

  /** Sends a demand; returns its number. */
  demand(demand: { readonly t: ToShim["t"] } & Readonly<Record<string, unknown>>): number {
    const op = ++this.#ops;
    this.#lines?.send({ by: "test", generation: 1, ...demand, op });
    return op;
  }

  /** The newest state. */
  get state(): ProgramSnapshot {
    const newest = this.states.at(-1);
    if (newest === undefined) throw new Error("no state was told");
    return newest;
  }

  kinds(): string[] {
    return this.events.map(({ kind }) => kind);
  }

  /** Processes of the program that live. */
  alive(): string[] {
    return this.host.platform.processTable.marked("HANA_INSTANCE", TOKEN).map(({ name }) => name);
  }

  async until(condition: () => boolean, what: string, withinUs = 30 * SECOND): Promise<void> {
    if (!await this.world.runUntilTrue(condition, this.world.nowUs + withinUs)) {
      throw new Error(`not in time: ${what}; ${JSON.stringify(this.states.at(-1))}`);
    }
    this.#throwCrash();
  }

  async untilState(state: ProgramSnapshot["state"], withinUs = 30 * SECOND): Promise<void> {
    await this.until(() => this.states.at(-1)?.state === state, `state ${state}`, withinUs);
  }

  /** Lets time pass. */
  async pass(us: number): Promise<void> {
    await this.world.runUntilTrue(() => false, this.world.nowUs + us);
    this.#throwCrash();
  }

  #take(message: FromShim): void {
    this.told.push(message);
    if (message.t === "welcome") {
      this.states.push(message.snapshot);
      this.events.push(...message.events);
    } else if (message.t === "state" || message.t === "bye") this.states.push(message.snapshot);
    else if (message.t === "event") this.events.push(message.event);
  }

  #throwCrash(): void {
    const [crash] = this.crashes;
    if (crash !== undefined) throw crash;
  }
}
