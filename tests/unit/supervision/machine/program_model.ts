// A program and its tree as a machine sees them: what lives, what was asked for, and a clock.
// Decides nothing by itself: tests say what happens to the program; a second copy is noticed at once.

import { assert, assertEquals } from "@std/assert";
import type { ExitClass, ProgramSpec } from "../../../../lib/supervision/model/mod.ts";
import {
  type MachineAction,
  type MachineEvent,
  ProgramMachine,
} from "../../../../lib/supervision/machine/mod.ts";
import { defaultSpec } from "../../../../lib/supervision/spec/mod.ts";
import { PhiloxStream } from "../../../../lib/platform/simulated/random.ts";

export const SECOND = 1_000_000;

export function specOf(changes: Partial<ProgramSpec> = {}): ProgramSpec {
  return { ...defaultSpec(["aurora"]), ...changes };
}

/** One machine and what it governs. */
export class ProgramModel {
  machine: ProgramMachine;
  nowUs = 0;
  /** The leader of the present run lives. */
  leader = false;
  /** A spawn was asked for and not answered. */
  spawning = false;
  /** Others of its tree live. */
  remains = false;
  fallback = false;
  spawns = 0;
  readonly spawnedAtUs: number[] = [];
  /** Everything but notes, in order. */
  done: string[] = [];
  notes: string[] = [];

  constructor(spec: ProgramSpec = specOf(), seed = 1) {
    this.machine = new ProgramMachine(spec, new PhiloxStream(seed, "machine"));
  }

  /** Tells the machine of something and checks what it asks for. */
  tell(event: MachineEvent): void {
    this.take(this.machine.handle(this.nowUs, event));
  }

  take(actions: readonly MachineAction[]): void {
    for (const action of actions) {
      if (action.do === "note") {
        this.notes.push(action.event);
        continue;
      }
      this.done.push(action.do);
      switch (action.do) {
        case "spawn":
          assert(!this.leader && !this.spawning && !this.remains, "a second copy was asked for");
          this.spawning = true;
          this.spawns++;
          this.spawnedAtUs.push(this.nowUs);
          break;
        case "start-fallback":
          assert(!this.fallback, "a second safe look was asked for");
          this.fallback = true;
          break;
        case "stop-fallback":
          assert(this.fallback, "a safe look that is not there was to end");
          this.fallback = false;
          break;
        default:
      }
    }
  }

  start(clear = true): void {
    this.tell({ kind: "start", want: "up", clear });
  }

  stop(now = false): void {
    this.tell({ kind: "stop", now });
  }

  /** Starts it and lets it get ready. */
  run(): void {
    this.start();
    this.spawned();
    this.tell({ kind: "ready" });
    assertEquals(this.machine.state, "running");
  }

  spawned(): void {
    assert(this.spawning, "no spawn was asked for");
    this.spawning = false;
    this.leader = true;
    this.tell({ kind: "spawned" });
  }

  spawnFailed(why: "config" | "resources"): void {
    assert(this.spawning, "no spawn was asked for");
    this.spawning = false;
    this.tell({ kind: "spawn-failed", class: why });
  }

  exit(as: ExitClass, remains = false): void {
    this.leader = false;
    this.remains = remains;
    this.tell({ kind: "exited", class: as, remains });
  }

  empty(): void {
    this.leader = false;
    this.remains = false;
    this.tell({ kind: "tree-empty" });
  }

  /** Lets time pass, with every deadline at its time. */
  pass(us: number): void {
    const untilUs = this.nowUs + us;
    for (let i = 0; i < 10_000; i++) {
      const next = this.machine.deadline();
      if (next === null || next.atUs > untilUs) {
        this.nowUs = untilUs;
        return;
      }
      assert(next.atUs >= this.nowUs, "a deadline lies in the past");
      this.nowUs = next.atUs;
      this.take(this.machine.handleDeadline(this.nowUs));
    }
    throw new Error("deadlines without end");
  }

  /** Forgets what was asked for so far and returns it. */
  taken(): string[] {
    const done = this.done;
    this.done = [];
    return done;
  }
}
