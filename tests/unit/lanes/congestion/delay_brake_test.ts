// The default law against the flow model: what it must reach on the links of the matrix, and what must not disturb it.
// Bounds leave room beside what scripts/lanes_flow_table.ts measures; a law that gets worse falls through them.

import { assert, assertEquals } from "@std/assert";
import {
  DelayBrake,
  FixedRate,
  heldBytes,
  KERNEL_BUFFER_BYTES,
} from "../../../../lib/lanes/congestion/mod.ts";
import { RttEstimator } from "../../../../lib/lanes/recovery/mod.ts";
import { FlowModel } from "../../../support/lanes_flow.ts";
import { type CellOptions, type LinkName, LINKS, runCell } from "../../../support/lanes_flow_cells.ts";
import { deliveredRate, queueMs } from "../../../support/lanes_flow_figures.ts";

interface Bounds extends CellOptions {
  link: LinkName;
  what: string;
  used: number;
  queueP50Ms: number;
  queueP99Ms: number;
  ownLoss: number;
  fairness?: number;
}

const CELLS: Bounds[] = [
  { link: "C1", what: "one flow on no link at all", used: 0.9, queueP50Ms: 0.5, queueP99Ms: 1, ownLoss: 0 },
  { link: "C2", what: "one flow on 1 Gbit/s", used: 0.95, queueP50Ms: 1, queueP99Ms: 2, ownLoss: 0.001 },
  {
    link: "C2",
    what: "ten flows on 1 Gbit/s",
    flows: 10,
    used: 0.9,
    queueP50Ms: 2,
    queueP99Ms: 4.2,
    ownLoss: 0.01,
    fairness: 0.85,
  },
  { link: "C3", what: "one flow on 100 Mbit/s", used: 0.9, queueP50Ms: 2, queueP99Ms: 4, ownLoss: 0.005 },
  {
    link: "C3",
    what: "ten flows on a busy switch",
    flows: 10,
    used: 0.95,
    queueP50Ms: 4,
    queueP99Ms: 5.2,
    ownLoss: 0.02,
    fairness: 0.9,
  },
  { link: "C4", what: "one flow on good WiFi", used: 0.8, queueP50Ms: 3, queueP99Ms: 8, ownLoss: 0.005 },
  {
    link: "C4",
    what: "ten flows on good WiFi",
    flows: 10,
    used: 0.9,
    queueP50Ms: 16,
    queueP99Ms: 16,
    ownLoss: 0.12,
    fairness: 0.85,
  },
  { link: "C5", what: "one flow on lossy WiFi", used: 0.4, queueP50Ms: 4, queueP99Ms: 12, ownLoss: 0.005 },
  { link: "C6", what: "one flow on congested WiFi", used: 0.1, queueP50Ms: 5, queueP99Ms: 46, ownLoss: 0.02 },
  { link: "C7", what: "one flow past WiFi scans", used: 0.75, queueP50Ms: 3, queueP99Ms: 8, ownLoss: 0.005 },
  { link: "C19", what: "one flow by satellite", used: 0.7, queueP50Ms: 150, queueP99Ms: 267, ownLoss: 0.1 },
  {
    link: "R1",
    what: "one flow that loses 1 % by chance",
    used: 0.85,
    queueP50Ms: 4,
    queueP99Ms: 16,
    ownLoss: 0.01,
  },
  {
    link: "R5",
    what: "one flow that loses 5 % by chance",
    used: 0.8,
    queueP50Ms: 4,
    queueP99Ms: 16,
    ownLoss: 0.01,
  },
  { link: "P", what: "one flow through a policer", used: 0.9, queueP50Ms: 0, queueP99Ms: 0, ownLoss: 0.06 },
  {
    link: "D",
    what: "one flow into a buffer of 1.6 s",
    used: 0.85,
    queueP50Ms: 30,
    queueP99Ms: 80,
    ownLoss: 0,
  },
];

for (const { what, link, used, queueP50Ms, queueP99Ms, ownLoss, fairness, ...options } of CELLS) {
  const fair = fairness === undefined ? "" : ` fairness ${fairness},`;
  Deno.test(`${what} (${link}) uses ${100 * used} %,${fair} queue p50 below ${queueP50Ms} ms`, () => {
    for (const seed of [1, 2]) {
      const figures = runCell(link, { ...options, seed });
      const seen = JSON.stringify(figures);
      assert(figures.utilisation >= used, seen);
      assert(figures.queueP50Ms <= queueP50Ms && figures.queueP99Ms <= queueP99Ms, seen);
      assert(figures.ownLoss <= ownLoss, seen);
      assert(fairness === undefined || figures.fairness >= fairness, seen);
    }
  });
}

Deno.test("1 Gbit/s at 0.2 ms is 80 % full within 0.3 s, lazily acknowledged too", () => {
  for (const isLazy of [false, true]) assert(runCell("C2", { spec: { isLazy } }).risesInMs <= 300);
});

Deno.test("drivers that stall for 16 ms at either end cost what they stall, and no more", () => {
  const senderStall = { everyUs: 100_000, forUs: 16_000 };
  const readerStall = { everyUs: 130_000, forUs: 16_000 };
  // 28 % of the time somebody stalls.
  const { utilisation, ownLoss } = runCell("C2", { spec: { senderStall, readerStall } });
  assert(utilisation > 0.55, `${utilisation}`);
  assert(ownLoss < 0.001, `${ownLoss}`);
});

Deno.test("a driver that wakes every 16 ms on a round trip of 20 µs does not throttle itself (enet on localhost)", () => {
  const { utilisation } = runCell("C1", { spec: { frameUs: 16_000 } });
  // A kernel's buffer each frame is all that may be on its way.
  const ceiling = heldBytes(KERNEL_BUFFER_BYTES, 1_200) * 1e6 / 16_000;
  assert(utilisation * LINKS.C1.rate > 0.9 * ceiling, `${utilisation * LINKS.C1.rate} of ${ceiling}`);
});

Deno.test("a reader that stalls for 16 ms loses nothing at 1 Gbit/s: its kernel holds what is on its way", () => {
  const model = new FlowModel(LINKS.C2);
  model.add({ control: new DelayBrake(), readerStall: { everyUs: 50_000, forUs: 16_000 } });
  const { flows } = model.run(2e6);
  const [flow] = flows;
  assert(flow !== undefined && flow.readerDrops <= flow.sentPackets / 10_000, `${flow?.readerDrops}`);
});

Deno.test("a path that falls to a quarter is braked within three round trips and 60 ms, and one that comes back is full in 2 s", () => {
  const model = new FlowModel(LINKS.R1);
  const control = new DelayBrake();
  model.add({ control });
  model.changeAt(3e6, { rate: 3.125e6 });
  model.changeAt(6e6, { rate: 12.5e6 });
  let brakedAtUs = Infinity;
  const onAcked = control.onAcked.bind(control);
  control.onAcked = (nowUs, bytes, sentAtUs, rtt, inFlight, appLimited) => {
    onAcked(nowUs, bytes, sentAtUs, rtt, inFlight, appLimited);
    if (nowUs > 3e6 && nowUs < brakedAtUs && control.rateBytesPerSecond < 0.75 * 12.5e6) brakedAtUs = nowUs;
  };
  const run = model.run(10e6);
  const [flow] = run.flows;
  assert(flow !== undefined);
  assert(brakedAtUs - 3e6 <= 3 * 20_000 + 60_000, `${brakedAtUs - 3e6}`);
  assert(deliveredRate(flow, 4e6, 6e6) > 0.8 * 3.125e6);
  assert(queueMs(run, 0.5, 4e6, 6e6) < 15, `${queueMs(run, 0.5, 4e6, 6e6)}`);
  assert(deliveredRate(flow, 8e6, 8.5e6) > 0.8 * 12.5e6, `${deliveredRate(flow, 8e6, 8.5e6)}`);
});

Deno.test("an outage of 200 ms leaves the rate within a second", () => {
  const model = new FlowModel(LINKS.C7);
  model.add({ control: new DelayBrake() });
  const [flow] = model.run(14e6).flows;
  assert(flow !== undefined);
  assert(deliveredRate(flow, 11.2e6, 12.2e6) > 0.7 * 12.5e6, `${deliveredRate(flow, 11.2e6, 12.2e6)}`);
});

Deno.test("a flow that the application limits keeps its rate and queues nothing", () => {
  const model = new FlowModel(LINKS.C4);
  const control = new DelayBrake();
  model.add({ control, offered: 300_000 });
  const run = model.run(10e6);
  const [flow] = run.flows;
  assert(flow !== undefined && deliveredRate(flow, 1e6, 10e6) > 0.97 * 300_000);
  assert(queueMs(run, 0.99) < 1);
  assert(control.rateBytesPerSecond > 300_000);
});

Deno.test("a greedy Reno flow and ours share a bottleneck: neither starves on a switch", () => {
  const { utilisation, others } = runCell("C3", { tcpFlows: 1 });
  assert(utilisation > 0.05 && others > 0.05, `${utilisation} and ${others}`);
});

Deno.test("small packets fill a kernel's buffer sooner, and the window knows", () => {
  const window = (packetBytes: number): number => {
    const control = new DelayBrake();
    const model = new FlowModel({ rate: 12.5e6, bufferBytes: 64e3, delayUs: 100 });
    model.add({ control, packetBytes });
    model.run(500_000);
    return control.windowBytes;
  };
  assert(window(100) <= 1.02 * heldBytes(KERNEL_BUFFER_BYTES, 100));
  assert(window(1_200) <= heldBytes(KERNEL_BUFFER_BYTES, 1_200));
  assert(window(100) < window(1_200) / 2);
});

Deno.test("another path starts from a small window, and a cap holds on every path", () => {
  const control = new DelayBrake({ maxRateBytesPerSecond: 2_000_000 });
  const model = new FlowModel(LINKS.C2);
  model.add({ control });
  const [flow] = model.run(1e6).flows;
  assert(flow !== undefined && deliveredRate(flow, 0, 1e6) <= 2_050_000);
  control.onPathChanged(1e6);
  assertEquals([control.phase, control.windowBytes, control.nextTickUs], ["startup", 32_768, Infinity]);
  assert(control.rateBytesPerSecond <= 2_000_000);
});

Deno.test("a path without any delay, as in a simulated machine, ends startup fast or not at all", () => {
  const control = new DelayBrake();
  const model = new FlowModel({ rate: 1e12, bufferBytes: 1e9, delayUs: 0 });
  model.add({ control, offered: 20_000_000 });
  const [flow] = model.run(2e6).flows;
  assert(flow !== undefined && deliveredRate(flow, 0.5e6, 2e6) > 19_000_000);
});

Deno.test("an idle law asks for no tick", () => {
  const control = new DelayBrake();
  assertEquals(control.nextTickUs, Infinity);
  const rtt = new RttEstimator(0, 1_000);
  control.onSent(0, 1_200, 1_200);
  control.onAcked(1_000, 1_200, 0, rtt, 0, true);
  for (let ticks = 0; control.nextTickUs < Infinity; ticks++) {
    control.handleTick(control.nextTickUs);
    assert(ticks < 50, "ticks end when nothing is sent");
  }
});

Deno.test("a fixed rate never changes, whatever is lost", () => {
  const model = new FlowModel(LINKS.R5);
  const control = new FixedRate({ rateBytesPerSecond: 5_000_000 });
  model.add({ control });
  const [flow] = model.run(3e6).flows;
  assert(flow !== undefined);
  const rate = flow.sentPackets * 1_200 / 3;
  assert(rate > 4.9e6 && rate < 5.1e6, `${rate}`);
  control.onPto(0);
  control.onPathChanged(0);
  control.handleTick(0);
  assertEquals([control.rateBytesPerSecond, control.nextTickUs], [5_000_000, Infinity]);
});
