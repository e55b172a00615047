// How much of a core a host takes that a hundred clients listen to, thirty times a second, with acknowledgements of all.
// Decides what counts: everything that the host does; nothing that clients do.

import type { PathId } from "../../../../lib/state/model/mod.ts";
import { rounded } from "../../statistics.ts";
import type { Row } from "../../supervision/row.ts";
import { FRAME_US } from "../edits.ts";
import type { OwnTask } from "../task.ts";
import { HanaBench } from "../systems/hana.ts";
import { clock } from "./clocked.ts";

const CLIENTS = 100;
const PARAMETERS = 300;

/** A host with many clients. */
export function measureCapacity(task: OwnTask): Row[] {
  return [
    wall(task, { writers: 1, each: PARAMETERS, limit: 40, hasStandby: false }),
    wall(task, { writers: 1, each: PARAMETERS, limit: 40, hasStandby: true }),
    wall(task, { writers: CLIENTS, each: PARAMETERS / CLIENTS, limit: 40, hasStandby: false }),
    wall(task, { writers: CLIENTS, each: 16, limit: null, hasStandby: false }),
  ];
}

interface Wall {
  readonly writers: number;
  /** Parameters that each writes. */
  readonly each: number;
  readonly limit: number | null;
  readonly hasStandby: boolean;
}

function wall({ warmUpMs, measureMs }: OwnTask, { writers, each, limit, hasStandby }: Wall): Row {
  const bench = new HanaBench();
  const ids: PathId[] = [];
  for (let at = 0; at < writers * each; at++) {
    ids.push(bench.define({ path: `desks/${Math.floor(at / each)}/${at % each}`, type: "f32", default: 0 }));
  }
  for (let at = 0; at < CLIENTS; at++) bench.connect();
  bench.exchange();
  bench.run(1_000_000);
  const standby = 9_999 as Parameters<typeof bench.host.handleStandbyJoined>[1];
  if (hasStandby) bench.host.handleStandbyJoined(bench.nowUs, standby);
  let [bytes, frames] = [0, 0];
  const times = clock(warmUpMs * 2, measureMs * 2, (round) => {
    bench.nowUs += FRAME_US;
    frames++;
    const { clients, host } = bench;
    let ms = 0;
    const timed = (act: () => void): void => {
      const startMs = performance.now();
      act();
      ms += performance.now() - startMs;
    };
    const copy = (): void => {
      if (!hasStandby) return;
      for (let next = host.pollStandby(); next !== null; next = host.pollStandby()) {
        host.handleStandbyConfirmed(bench.nowUs, next.to, next.update.number);
      }
    };
    for (let writer = 0; writer < writers; writer++) {
      const client = clients[writer];
      if (client === undefined) continue;
      for (let at = 0; at < each; at++) {
        const value = Math.fround(0.5 + 0.5 * Math.sin(round * 0.11 + at));
        client.replica.set(bench.nowUs, ids[writer * each + at] as PathId, value);
      }
      const said = bench.said(client);
      timed(() => bench.hear(client, said));
    }
    timed(() => {
      bench.speak();
      copy();
      bench.speak();
    });
    for (const client of clients) {
      for (const { length } of client.inbox) bytes += length;
      bench.empty(client);
    }
    // Everybody acknowledges ten milliseconds later.
    bench.nowUs += 10_000;
    for (const client of clients) {
      client.replica.handleDeadline(bench.nowUs);
      const said = bench.said(client);
      timed(() => bench.hear(client, said));
    }
    timed(() => {
      host.handleDeadline(bench.nowUs);
      bench.speak();
      copy();
      bench.speak();
    });
    bench.nowUs -= 10_000;
    return ms;
  });
  const core = (us: number): number => us / FRAME_US * 100;
  return {
    what: `${CLIENTS} subscribers at 30 Hz, ${writers * each} parameters of ${
      writers === 1 ? "one writer" : `${writers} writers`
    }${hasStandby ? ", copied to a standby" : ""} (host, in memory)`,
    unit: "% of a core",
    figures: rounded({
      // Of all frames the middle one: what else runs on the machine is in others.
      p50: core(times.p50),
      mean: core(times.mean),
      p99: core(times.p99),
      kBPerFrame: bytes / frames / 1000,
    }),
    limit: limit === null ? {} : { p50: limit },
  };
}
