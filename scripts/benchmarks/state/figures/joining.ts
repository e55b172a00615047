// How long a newcomer waits until it has everything of a large state: hello to synced, host and newcomer on one core.
// Decides the sizes. Bytes are handed over at once; over a session comes what the lanes add.

import process from "node:process";
import type { PathId } from "../../../../lib/state/model/mod.ts";
import { percentile, rounded } from "../../statistics.ts";
import type { Row } from "../../supervision/row.ts";
import type { OwnTask } from "../task.ts";
import { HanaBench } from "../systems/hana.ts";

const OBJECTS = 10_000;
const ROUNDS = 7;
const MAX_STEPS = 100_000;

/** What objects have. */
const SHAPES: readonly {
  readonly text: string;
  readonly types: readonly string[];
  readonly limit: number | null;
}[] = [
  { text: "with a position each", types: ["vec3"], limit: 300 },
  { text: "with position, opacity and a switch", types: ["vec3", "unit", "bool"], limit: 300 },
  { text: "with six floats each", types: Array.from({ length: 6 }, () => "f32"), limit: null },
];

/** A newcomer, again and again. */
export function measureJoining({ measureMs }: OwnTask): Row[] {
  return SHAPES.map(({ text, types, limit }): Row => {
    const bench = new HanaBench();
    for (let object = 0; object < OBJECTS; object++) {
      for (const [field, type] of types.entries()) {
        const id: PathId = bench.define({ path: `wall/object-${object}/${field}`, type });
        const value = type === "vec3"
          ? [object, field, 1]
          : type === "bool"
          ? true
          : Math.fround(Math.sin(object));
        bench.host.write(bench.nowUs, id, value, 100);
      }
    }
    bench.exchange();
    const took: number[] = [];
    const host: number[] = [];
    const cpu: number[] = [];
    let [bytes, messages] = [0, 0];
    for (let round = 0; round < (measureMs < 500 ? 3 : ROUNDS); round++) {
      const client = bench.connect();
      [bytes, messages] = [0, 0];
      let hostMs = 0;
      const before = process.cpuUsage();
      const startMs = performance.now();
      for (let step = 0; !client.replica.isSynced; step++) {
        if (step > MAX_STEPS) throw new Error("a newcomer waits for ever");
        const said = bench.said(client);
        const atMs = performance.now();
        bench.hear(client, said);
        bench.speak();
        hostMs += performance.now() - atMs;
        for (const { length } of client.inbox) bytes += length;
        messages += client.inbox.length;
        bench.empty(client);
      }
      took.push(performance.now() - startMs);
      host.push(hostMs);
      const { user, system } = process.cpuUsage(before);
      cpu.push((user + system) / 1000);
      bench.leave(client);
    }
    return {
      what: `newcomer to ${OBJECTS.toLocaleString("en")} objects ${text}: hello to synced (in memory)`,
      unit: "ms",
      figures: rounded({
        p50: percentile(took, 0.5),
        max: Math.max(...took),
        processor: percentile(cpu, 0.5),
        host: percentile(host, 0.5),
        kB: bytes / 1000,
        messages,
      }),
      limit: limit === null ? {} : { p50: limit },
    };
  });
}
