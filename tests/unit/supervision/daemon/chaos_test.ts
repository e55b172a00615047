// Random verbs while daemons, shims, programs and power are lost: never two copies, never a wish that is forgotten.

import { assert, assertEquals } from "@std/assert";
import { HanaError } from "../../../../lib/base/mod.ts";
import { Bench, DIRECTORY, MS, SECOND, specOf } from "./support.ts";

const SEEDS = 60;
const STEPS = 40;
const NAMES = ["a", "b", "c"] as const;

/** What was answered of one program: the newest wish, and the newest generation. */
interface Told {
  want: "up" | "down" | "removed";
  generation: number;
}

class Chaos {
  readonly bench: Bench;
  readonly told = new Map<string, Told>();
  /** Runs of each program since it was spawned. */
  readonly runs = new Map<string, number>();
  #state: number;

  constructor(seed: number) {
    this.bench = new Bench(seed);
    this.#state = seed * 2654435761 >>> 0;
    for (const name of NAMES) {
      // Leaves a process behind in a group of its own, and dies now and then.
      this.bench.program(`lead-${name}`, (program) => {
        program.start(["helper"], { newGroup: true });
        if (this.draw(3) === 0) {
          const { timers, clock } = program.platform;
          timers.schedule(clock.nowUs() + this.draw(3000) * MS, () => program.exit(1));
        }
      });
    }
    this.bench.program("helper", () => {});
  }

  draw(below: number): number {
    this.#state = (Math.imul(this.#state, 1664525) + 1013904223) >>> 0;
    return Math.floor(this.#state / 2 ** 32 * below);
  }

  lostPower = false;
  lostDatabase = false;

  async step(): Promise<void> {
    const { bench } = this;
    const name = NAMES[this.draw(NAMES.length)] ?? "a";
    switch (this.draw(12)) {
      case 0:
        return void await bench.reopen();
      case 1:
        this.lostPower = true;
        return void await bench.powerCycle();
      case 2:
        return this.kill("hana");
      case 3:
        this.kill("hana");
        return void await bench.reopen();
      case 4:
        return this.kill(`lead-${name}`);
      case 5:
        if (this.draw(4) > 0) return;
        bench.host.main.kill();
        this.lostDatabase = true;
        for (const file of bench.host.disk.list(DIRECTORY)) {
          if (file.startsWith("programs.db")) bench.host.disk.remove(`${DIRECTORY}/${file}`);
        }
        return void await bench.reopen();
      default:
        return await this.verb(name);
    }
  }

  /** Kills one process of this name, never the daemon. */
  kill(name: string): void {
    const own = this.bench.host.platform.processTable.self.processId;
    const victims = this.bench.alive(name).filter((each) => each !== own);
    const victim = victims[this.draw(victims.length)];
    const facts = victim === undefined ? null : this.bench.host.platform.processTable.inspect(victim);
    if (facts !== null) this.bench.host.platform.processTable.signal(facts, "SIGKILL");
  }

  async verb(name: string): Promise<void> {
    const { supervisor } = this.bench;
    const call = { op: this.bench.op(), name, by: "anna" };
    const asked = [
      async () => await supervisor.spawn({ ...call, want: "up", spec: specOf([`lead-${name}`]) }),
      async () => await supervisor.start(call),
      async () => await supervisor.stop(call),
      async () => await supervisor.restart(call),
      async () => await supervisor.remove(call),
    ];
    const which = this.draw(asked.length + 1) % asked.length;
    const verb = asked[which];
    if (verb === undefined) return;
    try {
      const { generation } = await this.bench.settle(verb());
      const before = this.told.get(name);
      const want = which === 4 ? "removed" : which === 2 ? "down" : "up";
      if (before !== undefined && before.want !== "removed") {
        assert(
          generation >= before.generation,
          `${name}: generation ${generation} after ${before.generation}`,
        );
      }
      this.told.set(name, { want, generation });
    } catch (thrown) {
      // What is not there cannot be started, and a shim may be lost while it is asked.
      assert(thrown instanceof HanaError, String(thrown));
      assert(["not-found", "closed", "timeout", "conflict"].includes(thrown.code), thrown.message);
    }
  }

  check(): void {
    for (const name of NAMES) {
      const alive = this.bench.alive(`lead-${name}`);
      assert(alive.length <= 1, `${alive.length} copies of ${name}`);
    }
  }

  async end(): Promise<void> {
    const { bench } = this;
    await bench.pass(60 * SECOND);
    this.check();
    for (const name of NAMES) {
      const told = this.told.get(name);
      const program = bench.supervisor.programs().find((each) => each.name === name);
      if (told === undefined || told.want === "removed") {
        assertEquals(program, undefined, `${name} is gone`);
        assertEquals(bench.alive(`lead-${name}`), []);
        continue;
      }
      assert(program !== undefined, `${name} is there`);
      assertEquals([program.want, program.generation], [told.want, told.generation], name);
      if (told.want === "down") {
        assertEquals([program.state, bench.alive(`lead-${name}`).length], ["idle", 0], name);
      } else {
        assert(["running", "starting", "backoff"].includes(program.state), `${name} is ${program.state}`);
        assert(program.supervised);
      }
    }
    const leads = NAMES.flatMap((name) => bench.alive(`lead-${name}`)).length;
    assertEquals(bench.alive("helper").length, leads, "nothing is left of earlier runs");
    const seen = new Map<string, number>();
    for (const { id, origin, event } of bench.events()) {
      if (origin !== "shim") continue;
      const before = seen.get(event.program) ?? 0;
      // A program that was removed and spawned anew counts from 1 again; so does what a rebuilt database reads again. An
      // event that the power took from the journal and not from the database keeps its number, and is gone with the latter.
      const isLost = this.lostPower && this.lostDatabase && event.seq > before;
      assert(
        event.seq === before + 1 || event.seq === 1 || isLost,
        `event ${id}: ${event.program} ${event.seq} after ${before}`,
      );
      seen.set(event.program, event.seq);
    }
    assertEquals(bench.crashes, []);
  }
}

Deno.test(`in ${SEEDS} random runs nothing is doubled, left behind or forgotten`, async () => {
  for (let seed = 1; seed <= SEEDS; seed++) {
    const chaos = new Chaos(seed);
    try {
      await chaos.bench.open({ warm: seed % 2 === 0 });
      for (let step = 0; step < STEPS; step++) {
        await chaos.step();
        await chaos.bench.pass(chaos.draw(1500) * MS);
        chaos.check();
      }
      await chaos.end();
    } catch (thrown) {
      throw new Error(`seed ${seed}`, { cause: thrown });
    }
  }
});
