// The matrix: every condition with every load and many seeds; then each cell of the table, by kind of lane. A cell passes
// when nothing broke and each of its invariants was looked at.
// LANES_SEEDS sets how many seeds (20), LANES_FIRST_SEED the first (1), LANES_SCALE how long and large the loads are (1),
// LANES_ONLY=C4,W6,7,udp plays a single run again. Decides what runs; the run decides what holds.

import { assert } from "@std/assert";
import { CELLS } from "./cells.ts";
import { type ConditionId, conditionOf } from "./conditions.ts";
import type { KindName } from "./face.ts";
import type { InvariantId } from "./findings.ts";
import { realPeer } from "./peers.ts";
import { runPair, type RunReport } from "./run.ts";
import { Tally } from "./tally.ts";
import { WORKLOAD_IDS, type WorkloadId, workloadOf } from "./workloads.ts";

/** Failures that are told in full; the rest is counted. */
const MAX_TOLD = 2;
const CI_SEEDS = 20;
/** Streams have no losses to play: fewer seeds do. */
const STREAM_SHARE = 5;

interface Only {
  readonly condition: string;
  readonly workload: string;
  readonly seed: number;
  readonly kind: string;
}

/** A whole number of the environment. */
export function numberOf(variable: string, otherwise: number): number {
  const text = Deno.env.get(variable);
  if (text === undefined || text === "") return otherwise;
  const number = Number(text);
  assert(Number.isFinite(number) && number > 0, `${variable} is no positive number: ${text}`);
  return number;
}

function only(): Only | null {
  const text = Deno.env.get("LANES_ONLY");
  if (text === undefined || text === "") return null;
  const [condition = "", workload = "", seed = "1", kind = "udp"] = text.split(",");
  return { condition, workload, seed: Number(seed), kind };
}

/** Seeds of this process. */
export function seeds(count: number): number[] {
  const first = numberOf("LANES_FIRST_SEED", 1);
  return Array.from({ length: count }, (_, i) => first + i);
}

/** One run of the matrix. Numbers start near their wraps and near 2^16 with some seeds. */
export function runCell(
  id: ConditionId,
  workload: WorkloadId,
  seed: number,
  kind: "udp" | "stream",
): RunReport {
  const wraps = [[0, 0], [2 ** 32 - 100, 0], [0, 2 ** 32 - 50], [65_500, 65_530], [
    2 ** 32 - 40,
    2 ** 32 - 20,
  ]];
  const [firstPacketNumber = 0, firstMessageNumber = 0] = wraps[seed % wraps.length] ?? [];
  return runPair({
    ...{
      condition: conditionOf(id, seed),
      workload: workloadOf(workload, numberOf("LANES_SCALE", 1)),
      seed,
      kind,
    },
    ...{ makePeer: realPeer, firstPacketNumber, firstMessageNumber },
  });
}

/** Defines the tests of some conditions. */
export function matrixTests(ids: readonly ConditionId[], kind: "udp" | "stream"): void {
  for (const id of ids) {
    const { title } = conditionOf(id, 1);
    const carrier = kind === "udp" ? "datagrams" : "a stream";
    Deno.test(`over ${carrier}, ${id}, ${title}: every lane keeps its promise`, async (t) => {
      const wanted = only();
      if (wanted !== null && (wanted.condition !== id || wanted.kind !== kind)) return;
      const count = numberOf("LANES_SEEDS", CI_SEEDS);
      const chosen = wanted === null
        ? seeds(kind === "udp" ? count : Math.ceil(count / STREAM_SHARE))
        : [wanted.seed];
      const tally = new Tally();
      let told = 0;
      for (const workload of WORKLOAD_IDS) {
        if (wanted !== null && wanted.workload !== workload) continue;
        await t.step(`${workload}, ${chosen.length} seeds`, () => {
          let failures = 0;
          const texts: string[] = [];
          for (const seed of chosen) {
            const report = runCell(id, workload, seed, kind);
            tally.add(report, id, workload);
            if (!report.failed) continue;
            failures++;
            if (told++ < MAX_TOLD) texts.push(report.description);
          }
          assert(failures === 0, `${failures} of ${chosen.length} runs failed\n${texts.join("\n\n")}`);
        });
      }
      if (wanted !== null) return;
      if (id === "C1") {
        await t.step("the same seed gives the same packets", () => {
          const [one, other] = [runCell(id, "W6", 3, kind), runCell(id, "W6", 3, kind)];
          tally.judgeSame(one.pair.trace.hash === other.pair.trace.hash);
        });
      }
      if (kind === "udp") tally.judge(id);
      for (const [lanes, invariants] of Object.entries(CELLS[id]) as [KindName, readonly InvariantId[]][]) {
        const owed = kind === "udp"
          ? invariants
          : invariants.filter((each) => !DATAGRAMS_ONLY.includes(each));
        await t.step(`${lanes} holds ${owed.join(" ")}`, () => tally.assertCell(lanes, owed));
      }
    });
  }
}

/** What streams have no need to show. */
const DATAGRAMS_ONLY: readonly InvariantId[] = ["I10", "I14", "I16", "I17", "I21", "I25"];
