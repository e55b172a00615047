// A program of a scenario as it runs: what its plan says that it does, on the machine's own time.
// Decides how it tells of itself and how it goes wrong; it speaks by the client that ships (lib/supervision/child).
// Never knows who keeps it.

import type { Program, ProgramScript } from "../../platform/simulated/mod.ts";
import { ChildClient } from "../../supervision/mod.ts";
import type { BehaviourPlan } from "../program_plan.ts";

/** What a script tells whoever judges. */
export interface ScriptStage {
  /** The number of this run on this machine, from 1. */
  nextRun(): number;
  /** It does what its plan says, by itself. */
  tell(what: ScriptDeed): void;
  /** What it starts and forgets. */
  readonly fork: string;
}

/** What a script does. */
export type ScriptDeed = "ready" | "ends" | "hangs" | "freezes" | "waits-in-kernel";

const PICTURES_PER_SECOND = 60;
const SECOND_US = 1_000_000;
/** A program that is not told how often it is to beat does so once a second. */
const DEFAULT_HEARTBEAT_MS = 1_000;

/** The script of a plan. */
export function programScript(does: BehaviourPlan, stage: ScriptStage): ProgramScript {
  return (program) => new Run(program, does, stage).begin();
}

/** The safe look: it stays until it is asked to end. */
export function slateScript(): void {}

/** What a program leaves behind. */
export function remainingScript(does: BehaviourPlan): ProgramScript {
  return (program) => {
    if (does.ignoresTerm === true) program.onSignal = () => {};
  };
}

/** One run. */
class Run {
  readonly #program: Program;
  readonly #does: BehaviourPlan;
  readonly #stage: ScriptStage;
  #client: ChildClient | null = null;
  #isReady = false;
  #isHung = false;
  #isFrozen = false;
  #isEnding = false;
  #frames = 0;

  constructor(program: Program, does: BehaviourPlan, stage: ScriptStage) {
    this.#program = program;
    this.#does = does;
    this.#stage = stage;
  }

  begin(): void {
    const { does } = { does: this.#does };
    const program = this.#program;
    const number = this.#stage.nextRun();
    program.onSignal = () => this.#stop();
    if (does.memoryBytes !== undefined) program.residentBytes = does.memoryBytes;
    for (let made = 0; made < (does.forks ?? 0); made++) {
      program.start([this.#stage.fork], { newGroup: true });
    }
    if (does.speaks === "protocol") this.#connect();
    this.#after(does.startTakesUs ?? 0, () => this.#getReady());
    if (does.times !== undefined && number > does.times) return;
    if (does.endsAfterUs !== undefined) this.#after(does.endsAfterUs, () => this.#end());
    if (does.hangsAfterUs !== undefined) this.#after(does.hangsAfterUs, () => this.#hang());
    if (does.freezesAfterUs !== undefined) this.#after(does.freezesAfterUs, () => this.#freeze());
    if (does.driverAfterUs !== undefined) this.#after(does.driverAfterUs, () => this.#waitInKernel());
  }

  #connect(): void {
    const { platform, env } = this.#program;
    ChildClient.connect(platform, env, { sdk: "simulated", onStop: () => this.#stop() }).then(
      (client) => {
        this.#client = client;
        if (this.#isReady) client?.ready();
      },
      // Nobody stands by it any more: it draws on, as a program does whose shim was lost.
      () => {},
    );
  }

  #getReady(): void {
    this.#isReady = true;
    this.#client?.ready();
    if (this.#does.speaks === "notify") this.#program.notify("READY=1");
    this.#stage.tell("ready");
    this.#beat();
  }

  #beat(): void {
    if (this.#isHung || this.#does.speaks === "none") return;
    const intervalUs = 1_000 * (Number(this.#program.env["HANA_HEARTBEAT_MS"]) || DEFAULT_HEARTBEAT_MS);
    if (!this.#isFrozen) this.#frames += Math.round(PICTURES_PER_SECOND * intervalUs / SECOND_US);
    if (this.#does.speaks === "notify") this.#program.notify("WATCHDOG=1");
    else this.#client?.beat({ frame: this.#frames, fps: this.#isFrozen ? 0 : PICTURES_PER_SECOND });
    this.#after(intervalUs, () => this.#beat());
  }

  /** It was asked to end. */
  #stop(): void {
    if (this.#isHung || this.#isEnding || this.#does.ignoresTerm === true) return;
    this.#isEnding = true;
    this.#after(this.#does.stopTakesUs ?? 0, () => {
      const client = this.#client;
      if (client === null || !client.isOpen) return this.#program.exit(0);
      void client.bye("asked to end").then(() => this.#program.exit(0));
    });
  }

  #end(): void {
    const { endCode, endSignal } = this.#does;
    this.#stage.tell("ends");
    if (endSignal === undefined) return this.#program.exit(endCode ?? 0);
    this.#program.onSignal = null;
    const { processTable } = this.#program.platform;
    processTable.signal(processTable.self, endSignal);
  }

  #hang(): void {
    this.#isHung = true;
    this.#stage.tell("hangs");
  }

  #freeze(): void {
    this.#isFrozen = true;
    this.#stage.tell("freezes");
  }

  #waitInKernel(): void {
    this.#stage.tell("waits-in-kernel");
    this.#program.waitInKernel("nvidia_ioctl", this.#does.driverForUs);
  }

  #after(us: number, run: () => void): void {
    const { clock, timers } = this.#program.platform;
    timers.schedule(clock.nowUs() + us, run);
  }
}
