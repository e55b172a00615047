// Rules of discovery and of the lease, broken on purpose in a member of the mesh: each must be caught by the invariant
// that is named for it, and the node that ships must pass the very same scenario, lies of others included.

import { assert, assertEquals } from "@std/assert";
import { MAX_DATAGRAM_BYTES } from "../../lib/discovery/mod.ts";
import type { Platform } from "../../lib/platform/mod.ts";
import { type RunHarness, type RunResult, runScenario, type Scenario } from "../../lib/simulate/mod.ts";
import { at, node, nodes, plan, SECOND } from "../unit/simulate/run/plans.ts";
import { kindOf, readDatagram, rewritten, senderOf, slowed, withDatagrams } from "./breakers.ts";

const WORLD_BEGAN_MS = 1_700_000_000_000;

const play = (scenario: Scenario, harness: RunHarness = {}, seed = 7): Promise<RunResult> =>
  runScenario(scenario, { seed, software: "0.1.0", harness });

/** Seconds of the run, by a wall clock that nobody has set. */
const secondsOn = (platform: Platform): number => (platform.clock.wallMs() - WORLD_BEGAN_MS) / 1_000;

async function assertSound(scenario: Scenario, harness: RunHarness = {}): Promise<void> {
  const sound = await play(scenario, harness);
  assertEquals(sound.violations, []);
  assertEquals(sound.verdict, "pass", sound.reason ?? "");
}

async function assertBarks(scenario: Scenario, harness: RunHarness, invariant: string): Promise<void> {
  const broken = await play(scenario, harness);
  const ids = [...new Set(broken.violations.map(({ id }) => id))];
  assert(ids.includes(invariant), `${invariant} did not bark, only ${ids.join(", ")} (${broken.reason})`);
  assertEquals(broken.verdict, "fail");
}

/** Ids and lives of the nodes of a run, read from what they send. */
class Roll {
  readonly #of = new Map<string, { readonly id: string; readonly incarnation: number }>();

  noting(name: string, platform: Platform): Platform {
    return withDatagrams(platform, {
      give: (bytes) => {
        const incarnation = new DataView(bytes.buffer, bytes.byteOffset).getUint32(26) +
          2 ** 32 * new DataView(bytes.buffer, bytes.byteOffset).getUint16(24);
        this.#of.set(name, { id: senderOf(bytes), incarnation });
        return true;
      },
    });
  }

  of(name: string): { readonly target: string; readonly id: string; readonly incarnation: number } {
    const { id, incarnation } = this.#of.get(name) ?? { id: "0".repeat(32), incarnation: 0 };
    return { target: id.slice(0, 16), id, incarnation };
  }
}

Deno.test("a datagram of 1,201 bytes is caught by datagrams_fit", async () => {
  await assertSound(plan());
  const large: RunHarness = {
    platform: (name, platform) =>
      name !== "viz-1" ? platform : withDatagrams(platform, {
        give: (bytes) => {
          if (kindOf(bytes) !== "heartbeat" || secondsOn(platform) < 8) return true;
          const padded = new Uint8Array(MAX_DATAGRAM_BYTES + 1);
          padded.set(bytes);
          return padded;
        },
      }),
  };
  await assertBarks(plan(), large, "datagrams_fit");
});

Deno.test("a node that speaks up for one that it cannot hear keeps it from dying, which no_ghosts catches", async () => {
  // Every beat and accusation of viz-1 becomes its word for viz-2, which is dead: the others take that one for unreachable.
  const scenario = plan({
    durationUs: 200 * SECOND,
    timeline: [at(6 * SECOND, { verb: "crash", nodes: "viz-2" })],
  });
  const roll = new Roll();
  let spoken = 0;
  const vouching: RunHarness = {
    platform: (name, platform) => {
      if (name !== "viz-1") return roll.noting(name, platform);
      return withDatagrams(platform, {
        give: (bytes) => {
          const kind = kindOf(bytes);
          const isWord = secondsOn(platform) > 7 && (kind === "heartbeat" || kind === "suspect");
          const read = isWord ? readDatagram(bytes) : null;
          if (read === null) return true;
          const { target, incarnation } = roll.of("viz-2");
          const { bootNonce } = read.message;
          const named = { target, incarnation, seq: 1_000_000 + ++spoken, ageMs: 100 };
          return rewritten(bytes, read, { message: { kind: "vouch", bootNonce, nodes: [named] } });
        },
      });
    },
  };
  await assertSound(scenario);
  await assertBarks(scenario, vouching, "no_ghosts");
});

Deno.test("a list of the dead that is believed as proof is caught by no_false_death", async () => {
  const scenario = plan({ durationUs: 40 * SECOND, nodes: nodes(5) });
  const roll = new Roll();
  const lying = (platform: Platform): Platform =>
    withDatagrams(platform, {
      give: (bytes) => {
        const read = kindOf(bytes) === "heartbeat" && secondsOn(platform) > 6 ? readDatagram(bytes) : null;
        if (read === null || read.message.kind !== "heartbeat") return true;
        const { target, incarnation } = roll.of("viz-0");
        return rewritten(bytes, read, { message: { ...read.message, dead: [{ target, incarnation }] } });
      },
    });
  /** From the first list on that names somebody, it hears neither that one nor those who speak up for it. */
  const believing = (platform: Platform): Platform => {
    let believed = "";
    return withDatagrams(platform, {
      take: (bytes) => {
        const kind = kindOf(bytes);
        if (believed !== "") {
          return !senderOf(bytes).startsWith(believed) && kind !== "vouch" && kind !== "nack";
        }
        const read = kind === "heartbeat" ? readDatagram(bytes) : null;
        if (read?.message.kind === "heartbeat") believed = read.message.dead[0]?.target ?? "";
        return true;
      },
    });
  };
  const harness = (believes: boolean): RunHarness => ({
    platform: (name, platform) =>
      name === "viz-4"
        ? lying(platform)
        : name === "viz-1" && believes
        ? believing(platform)
        : roll.noting(name, platform),
  });
  // One liar alone moves nobody.
  await assertSound(scenario, harness(false));
  await assertBarks(scenario, harness(true), "no_false_death");
});

Deno.test("a former life that is taken for a later one is caught by incarnation_monotonic", async () => {
  const scenario = plan({
    nodes: nodes(2),
    timeline: [at(6 * SECOND, { verb: "crash", nodes: "viz-0" }, 8 * SECOND)],
    durationUs: 40 * SECOND,
  });
  await assertSound(scenario);
  // For viz-1 lives are numbered downwards: what comes after the first one comes before it.
  let first: number | null = null;
  const backwards: RunHarness = {
    platform: (name, platform) =>
      name !== "viz-1" ? platform : withDatagrams(platform, {
        take: (bytes) => {
          const read = readDatagram(bytes);
          if (read === null) return true;
          const { incarnation } = read.header;
          first ??= incarnation;
          const changed = { incarnation: (2 * first - incarnation) as typeof incarnation };
          return incarnation === first ? true : rewritten(bytes, read, { header: changed });
        },
      }),
  };
  await assertBarks(scenario, backwards, "incarnation_monotonic");
});

/** Three apps and two others: five voters. */
const FIVE = [...nodes(2), node("app", 0), node("app", 1), node("app", 2)];

Deno.test("a leader that acts after its lease is caught by one_lease", async () => {
  const scenario = plan({
    nodes: FIVE,
    warmupUs: 8 * SECOND,
    durationUs: 60 * SECOND,
    quietUs: 20 * SECOND,
    timeline: [at(15 * SECOND, { verb: "isolate", nodes: "@leader" }, 20 * SECOND)],
  });
  await assertSound(scenario);
  // Whoever leads by then has a clock that goes five times too slowly: its lease does not end.
  const tardy: RunHarness = {
    platform: (_name, platform) => {
      let leads = false;
      const watched = withDatagrams(platform, {
        give: (bytes) => {
          if (kindOf(bytes) === "lease") leads = true;
          return true;
        },
      });
      return slowed(watched, 5, () => leads && secondsOn(platform) > 15);
    },
  };
  await assertBarks(scenario, tardy, "one_lease");
});

Deno.test("voters that forget whom they promised themselves to are caught by one_lease", async () => {
  // The leader is alone for a moment while all others restart: they still owe it the rest of its lease.
  const scenario = plan({
    nodes: FIVE,
    warmupUs: 8 * SECOND,
    durationUs: 60 * SECOND,
    quietUs: 20 * SECOND,
    timeline: [
      at(15 * SECOND, { verb: "isolate", nodes: "@leader" }, 12 * SECOND),
      at(15 * SECOND + 100_000, { verb: "restart", nodes: "!@leader" }),
    ],
  });
  await assertSound(scenario);
  const forgetful: RunHarness = {
    platform: (_name, platform) => ({
      ...platform,
      files: {
        read: (path) => {
          const bytes = platform.files.read(path);
          if (bytes === null || !path.endsWith("/lease.json")) return bytes;
          const kept = JSON.parse(new TextDecoder().decode(bytes)) as Record<string, unknown>;
          return new TextEncoder().encode(JSON.stringify({ ...kept, holder: null }));
        },
        write: (path, bytes, mode) => platform.files.write(path, bytes, mode),
        remove: (path) => platform.files.remove(path),
        makeDirectory: (path, mode) => platform.files.makeDirectory(path, mode),
        stat: (path) => platform.files.stat(path),
        list: (path) => platform.files.list(path),
        lock: (path) => platform.files.lock(path),
        openAppend: (path, mode) => platform.files.openAppend(path, mode),
        readAt: (path, offset, length) => platform.files.readAt(path, offset, length),
        rename: (from, to) => platform.files.rename(from, to),
        isExecutable: (path) => platform.files.isExecutable(path),
        freeBytes: (path) => platform.files.freeBytes(path),
      },
    }),
  };
  await assertBarks(scenario, forgetful, "one_lease");
});
