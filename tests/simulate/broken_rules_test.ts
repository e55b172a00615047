// Rules of the node, broken on purpose: each must be caught by the invariant that is named for it, and the node that
// ships must pass the very same scenario. A checker that never barks proves nothing.

import { assert, assertEquals } from "@std/assert";
import type { Platform, RandomStream } from "../../lib/platform/mod.ts";
import type { SimulatedWorld } from "../../lib/platform/simulated/mod.ts";
import { MeshKeyRing } from "../../lib/security/mod.ts";
import {
  keyRingOf,
  type RunHarness,
  type RunResult,
  runScenario,
  type Scenario,
} from "../../lib/simulate/mod.ts";
import { at, node, nodes, plan, SECOND, stream } from "../unit/simulate/run/plans.ts";
import { kindOf, senderOf, swapping, withDatagrams, withoutLanes, withStreams } from "./breakers.ts";

const play = (scenario: Scenario, harness: RunHarness = {}): Promise<RunResult> =>
  runScenario(scenario, { seed: 7, software: "0.1.0", harness });

/** Breaks one node alone. */
function only(name: string, breaking: (platform: Platform) => Platform): RunHarness {
  return { platform: (each, platform) => each === name ? breaking(platform) : platform };
}

/** Plays a scenario sound and broken. */
async function assertCaught(scenario: Scenario, harness: RunHarness, invariant: string): Promise<RunResult> {
  const sound = await play(scenario);
  assertEquals(sound.violations, []);
  assertEquals(sound.verdict, "pass", sound.reason ?? "");
  const broken = await play(scenario, harness);
  assertEquals(broken.verdict, "fail", broken.reason ?? "");
  const ids = [...new Set(broken.violations.map(({ id }) => id))];
  assert(ids.includes(invariant), `${invariant} did not bark, only ${ids.join(", ")}`);
  return broken;
}

Deno.test("a node that forgets its incarnation is caught by incarnation_monotonic", async () => {
  const scenario = plan({ timeline: [at(5 * SECOND, { verb: "crash", nodes: "viz-0" }, 2 * SECOND)] });
  const sound = await play(scenario);
  assertEquals(sound.violations, []);
  const broken = await play({ ...scenario, tags: ["planted-bug:forgets-incarnation"] });
  // The planted bug is a harness of its own: an explicit one would replace it.
  assertEquals(broken.violations, []);
  const planted = await runScenario({ ...scenario, tags: ["planted-bug:forgets-incarnation"] }, {
    seed: 7,
    software: "0.1.0",
  });
  assert(planted.violations.some(({ id }) => id === "incarnation_monotonic"));
  assertEquals(planted.verdict, "fail");
});

/** Hears of a node neither what it says nor what others say of it, after six seconds. */
function deafTo(subject: () => string): RunHarness {
  return only("viz-1", (platform) =>
    withDatagrams(platform, {
      take: (bytes) =>
        platform.clock.wallMs() < 1_700_000_006_000 ||
        (senderOf(bytes) !== subject() && kindOf(bytes) !== "vouch" && kindOf(bytes) !== "nack"),
    }));
}

Deno.test("a node that is deaf to another and to its witnesses is caught by no_false_death", async () => {
  // Unreachable at first, and dead after half a minute without a word for it.
  const scenario = plan({ durationUs: 60 * SECOND });
  let subject = "";
  const watch: RunHarness = {
    platform: (name, platform) => {
      if (name === "viz-2") {
        return withDatagrams(platform, {
          give: (bytes) => {
            subject = senderOf(bytes);
            return true;
          },
        });
      }
      return deafTo(() => subject).platform?.(name, platform) ?? platform;
    },
  };
  await assertCaught(scenario, watch, "no_false_death");
});

Deno.test("a node that leaves without a goodbye is caught by goodbye_is_prompt", async () => {
  const scenario = plan({ timeline: [at(6 * SECOND, { verb: "leave", nodes: "viz-2" })] });
  const mute = only(
    "viz-2",
    (platform) => withDatagrams(platform, { give: (bytes) => kindOf(bytes) !== "bye" }),
  );
  await assertCaught(scenario, mute, "goodbye_is_prompt");
});

Deno.test("a node whose timers stop is caught by no_ghosts", async () => {
  const scenario = plan({ timeline: [at(6 * SECOND, { verb: "crash", nodes: "viz-2" })] });
  const stuck = only("viz-1", (platform) => ({
    ...platform,
    timers: {
      schedule: (atUs, callback) =>
        platform.timers.schedule(atUs, () => {
          if (platform.clock.wallMs() < 1_700_000_005_000) callback();
        }),
      defer: (callback) => platform.timers.defer(callback),
    },
  }));
  await assertCaught(scenario, stuck, "no_ghosts");
});

/** A node that takes its wall clock for the time. */
const confused = only("viz-1", (platform) => {
  const [startUs, startMs] = [platform.clock.nowUs(), platform.clock.wallMs()];
  const nowUs = (): number => {
    const trueUs = platform.clock.nowUs();
    const stepMs = platform.clock.wallMs() - startMs - (trueUs - startUs) / 1_000;
    // Whole seconds: the wall clock is read in milliseconds, and a clock that trembles is another bug.
    return trueUs + Math.round(stepMs / 1_000) * SECOND;
  };
  return { ...platform, clock: { nowUs, wallMs: () => platform.clock.wallMs() } };
});

function clockStep(ms: number): Scenario {
  return plan({
    timeline: [at(6 * SECOND, { verb: "clock", nodes: "viz-1", change: { kind: "step", ms } })],
  });
}

Deno.test("a node that takes the wall clock for the time is caught by timers_monotonic", async () => {
  await assertCaught(clockStep(5_000), confused, "timers_monotonic");
});

Deno.test("a deadline that is always over, so that time stands still, is caught by time_goes_on", async () => {
  const broken = await assertCaught(clockStep(-5_000), confused, "time_goes_on");
  assertEquals(broken.violations.find(({ id }) => id === "time_goes_on")?.kind, "internal");
  assert(broken.reason?.includes("time stands still"), broken.reason ?? "");
});

Deno.test("a node that lets a stranger in is caught by strangers_stay_blind", async () => {
  const scenario = plan({
    nodes: [...nodes(3), node("viz", 3, { key: 1 })],
    traffic: [stream({ from: "viz-3", to: "viz-0" })],
  });
  const open: RunHarness = {
    options: (_name, options) => {
      assert(options.keys.kind === "mesh");
      return { ...options, keys: new MeshKeyRing(options.keys.primary, keyRingOf(1).primary) };
    },
  };
  await assertCaught(scenario, open, "strangers_stay_blind");
});

Deno.test("messages that overtake each other are caught by order_kept", async () => {
  // On one machine sessions go over a local socket, where frames are not sealed: order is all that can be lost. Packets of
  // lanes carry numbers and would be put in order again, so the peer is one from before them.
  const scenario = plan({
    nodes: nodes(2).map((each) => ({ ...each, host: "rack", interfaces: nodes(1)[0]?.interfaces ?? [] })),
    traffic: [stream({ from: "viz-0", to: "viz-1", lane: "state" })],
  });
  const swap = only(
    "viz-0",
    (platform) => withStreams(platform, (each) => swapping(withoutLanes(each), platform, 10, 20)),
  );
  await assertCaught(scenario, swap, "order_kept");
});

Deno.test("a handler that throws is told with its seed, and fails the run as a bug", async () => {
  const throwing = only("viz-1", (platform) => ({
    ...platform,
    timers: {
      schedule: (atUs, callback) =>
        platform.timers.schedule(atUs, () => {
          callback();
          if (platform.clock.wallMs() > 1_700_000_008_000) throw new Error("out of ideas");
        }),
      defer: (callback) => platform.timers.defer(callback),
    },
  }));
  const broken = await assertCaught(plan(), throwing, "no_unhandled_exception");
  const first = broken.violations.find(({ id }) => id === "no_unhandled_exception");
  assertEquals(first?.kind, "internal");
  assert(first?.text.includes("seed 7") === true && first.text.includes("out of ideas"), first?.text);
});

Deno.test("a reader of datagrams that throws on broken bits is caught by decoder_never_throws", async () => {
  const broken = { delay: { kind: "constant", us: 200 }, corrupt: 1 } as const;
  const scenario = plan({
    timeline: [at(6 * SECOND, { verb: "link", from: "viz-0", to: "viz-1", link: broken }, 10 * SECOND)],
  });
  // It has seen all ids that there are by then, and takes for granted that there are no others.
  const fragile = only("viz-1", (platform) => {
    const known = new Set<string>();
    return withDatagrams(platform, {
      take: (bytes) => {
        const id = bytes.slice(8, 24).join();
        if (platform.clock.wallMs() < 1_700_000_005_000) known.add(id);
        else if (!known.has(id)) throw new RangeError("nobody has this id");
        return true;
      },
    });
  });
  const caught = await assertCaught(scenario, fragile, "decoder_never_throws");
  assert(caught.violations.every(({ kind }) => kind === "internal"), JSON.stringify(caught.violations));
});

Deno.test("a mesh that chatters is caught by bounded_traffic", async () => {
  // Clocks that run ten times as fast make ten beats of one; their pace itself is not what this test is about.
  const hasty: RunHarness = {
    platform: (_name, platform) => ({
      ...platform,
      clock: { nowUs: () => platform.clock.nowUs() * 10, wallMs: () => platform.clock.wallMs() },
      timers: {
        schedule: (atUs, callback) => platform.timers.schedule(Math.ceil(atUs / 10), callback),
        defer: (callback) => platform.timers.defer(callback),
      },
    }),
  };
  await assertCaught(plan({ expect: { invariants: ["bounded_traffic"] } }), hasty, "bounded_traffic");
});

/** A stream of random values that never changes: what it makes can be foretold. */
const constant: RandomStream = {
  u32: () => 0x01020304,
  float: () => 0.5,
  fill: (target) => target.fill(7),
};

/** Somebody on the cable: keeps what it hears of a node, and says it again when that node is dead. */
class Recorder {
  readonly #kept: Uint8Array[] = [];
  isListening = true;

  /** Keeps what a node receives from another one. */
  keep(bytes: Uint8Array): boolean {
    const kind = kindOf(bytes);
    if (this.isListening && this.#kept.length < 400 && kind !== "bye") this.#kept.push(bytes.slice());
    return true;
  }

  /** Says all of it again, and answers every question with every answer it ever heard. */
  replay(world: SimulatedWorld, target: string): void {
    const host = world.createHost({
      name: "recorder",
      interfaces: [{ name: "eth0", segment: "lan", address: "10.0.200.1", prefix: 16 }],
    });
    const answers = this.#kept.filter((bytes) => kindOf(bytes) === "ack");
    const socket = host.platform.datagrams.bind({ host: "10.0.200.1", port: 0 }, {
      onDatagram: (bytes, from) => {
        if (kindOf(bytes) === "ping") { for (const answer of answers) socket.send(answer, from); }
      },
      onError: () => {},
    });
    this.isListening = false;
    for (const bytes of this.#kept) socket.send(bytes, { host: target, port: 47_676 });
  }
}

Deno.test("answers that can be recorded bring back the dead, which no_replayed_life catches", async () => {
  // viz-0 dies; then viz-1 starts anew, so that it remembers nothing of it and nobody else tells it how far the dead one
  // had counted; then the recording is played to it.
  const scenario = plan({
    nodes: nodes(2),
    timeline: [
      at(6 * SECOND, { verb: "crash", nodes: "viz-0" }),
      at(8 * SECOND, { verb: "crash", nodes: "viz-1" }, 1 * SECOND),
    ],
  });
  const attacked = (isForetold: boolean): RunHarness => {
    const recorder = new Recorder();
    return {
      platform: (name, platform) => {
        if (name !== "viz-1") return platform;
        const foretold = isForetold ? { ...platform, random: { stream: () => constant } } : platform;
        return withDatagrams({ ...foretold, clock: platform.clock }, {
          take: (bytes) => recorder.keep(bytes),
        });
      },
      world: (world) => world.at(12 * SECOND, () => recorder.replay(world, "10.0.0.2")),
    };
  };
  const sound = await play(scenario, attacked(false));
  assertEquals(sound.violations, []);
  const broken = await play(scenario, attacked(true));
  const ids = [...new Set(broken.violations.map(({ id }) => id))];
  assert(ids.includes("no_replayed_life"), `no_replayed_life did not bark, only ${ids.join(", ")}`);
});
