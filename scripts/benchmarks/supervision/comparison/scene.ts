// One scenario under one tool: what runs, who leads, what was left. Decides who counts as the program itself (whoever has
// stamped its start and lives) and who as left behind (any other process of it).

import { readStamps, type Stamp } from "../../../../tests/support/chaos_child.ts";
import { eventually, type FoundProcess, marked, pause } from "../processes.ts";
import { running } from "../row.ts";
import { type Ground, Hung, type Running, type Tool } from "./tool.ts";

/** What became of a program in a scenario. */
export interface Outcome {
  /** What a cell says. */
  readonly text: string;
  /** From crash to running, in milliseconds, where that is what the scenario is about. */
  readonly ms?: number;
  readonly survived: boolean;
  /** Processes that live on when they should not. */
  readonly orphaned: number;
  /** Copies of the program beyond the first. */
  readonly duplicated: number;
  /** A command did not return, or a program would not end. */
  readonly hung: boolean;
}

/** A scene. */
export class Scene {
  readonly tool: Tool;
  readonly ground: Ground;
  readonly #running: Running;

  private constructor(tool: Tool, ground: Ground, running: Running) {
    this.tool = tool;
    this.ground = ground;
    this.#running = running;
  }

  /** Starts the tool, and waits until each program has begun. Rejects when one does not. */
  static async begin(tool: Tool, ground: Ground): Promise<Scene> {
    const scene = new Scene(tool, ground, await tool.begin(ground));
    for (const { name } of ground.programs) {
      // runit and daemontools look every 5 s.
      const begun = await eventually(() => scene.stamps(name).length > 0, 20_000, 20);
      if (begun === null) throw new Error(`${tool.name} does not start ${name}`);
    }
    return scene;
  }

  get running(): Running {
    return this.#running;
  }

  /** Starts of a program. */
  stamps(name: string): Stamp[] {
    return readStamps(`${this.ground.directory}/${name}.stamps`).filter(({ what }) => what === "start");
  }

  /** Everything that runs the chaos child. */
  all(): FoundProcess[] {
    return running(marked(this.ground.mark), this.ground.bench.child);
  }

  /** Copies of a program that run. */
  leaders(name: string): FoundProcess[] {
    const ids = new Set(this.stamps(name).map(({ processId }) => processId));
    return this.all().filter(({ processId }) => ids.has(processId));
  }

  /** The copy that runs. Rejects when none does. */
  async leader(name: string): Promise<FoundProcess> {
    const found = await eventually(() => this.leaders(name).at(-1), 15_000, 20);
    if (found === null) throw new Error(`${name} does not run under ${this.tool.name}`);
    return found;
  }

  /** Asks for the program's end; whether the command returned, and how long it took. */
  async stop(name: string): Promise<{ hung: boolean; ms: number }> {
    const began = performance.now();
    const hung = await this.returned(this.running.stop(name));
    return { hung: !hung, ms: performance.now() - began };
  }

  /** False when the command hung. */
  async returned(command: Promise<void>): Promise<boolean> {
    try {
      await command;
      return true;
    } catch (thrown) {
      if (thrown instanceof Hung) return false;
      throw thrown;
    }
  }

  /** How many processes of the programs are left once `ms` have passed; at once when none is. */
  async leftAfter(ms: number): Promise<number> {
    const isEmpty = await eventually(() => this.all().length === 0, ms, 50);
    return isEmpty === null ? this.all().length : 0;
  }

  pause(ms: number): Promise<void> {
    return pause(ms);
  }
}
