// What scripts/bench peers computes: the order of runs, ages and staleness out of rows, medians, the table.

import { assert, assertEquals, assertThrows } from "@std/assert";
import fc from "fast-check";
import { MessageView } from "../../../scripts/benchmarks/peers/drivers/endpoint.ts";
import {
  type Cell,
  cellOf,
  figuresOf,
  type Outcome,
  staleness,
} from "../../../scripts/benchmarks/peers/figures.ts";
import { parseOptions } from "../../../scripts/benchmarks/peers/options.ts";
import { isNamed, PEERS } from "../../../scripts/benchmarks/peers/peers.ts";
import { planRuns, unknownWords } from "../../../scripts/benchmarks/peers/plan.ts";
import { renderRatios, renderTable, short } from "../../../scripts/benchmarks/peers/rendering.ts";
import { WORKLOAD_KINDS, workloads } from "../../../scripts/benchmarks/peers/workloads.ts";

const BEFORE = 1;
const DURING = 2;
const ALL = workloads(false);
const ANY = { only: null, workloads: null, repetitions: 3 };

interface Row {
  readonly number: number;
  readonly phase: number;
  readonly dueUs: number;
  readonly ageUs: number;
}

function assertNear(actual: number, expected: number, tolerance: number): void {
  assert(Math.abs(actual - expected) <= tolerance, `${actual} is not ${expected} ± ${tolerance}`);
}

/** Rows as a receiver leaves them; sent 10 µs after they were due. */
function rowsOf(rows: readonly Row[]): Float64Array {
  return Float64Array.from(
    rows.flatMap(({ number, phase, dueUs, ageUs }) => [number, phase, dueUs, dueUs + 10, dueUs + ageUs]),
  );
}

function everyMs(count: number, ageUs: (number: number) => number, phase = BEFORE): Row[] {
  return Array.from({ length: count }, (_, number) => ({
    number,
    phase,
    dueUs: number * 1000,
    ageUs: ageUs(number),
  }));
}

function outcome(parts: Partial<Outcome>): Outcome {
  return {
    trips: new Float64Array(),
    streams: [],
    flow: { messages: 0, us: 0, sent: 0 },
    transfersUs: [],
    lost: 0,
    bulkBytes: 0,
    ...parts,
  };
}

Deno.test("every peer that can do a workload runs as often as the others, and each repetition starts with another", () => {
  const runs = planRuns(PEERS, ALL, ANY);
  for (const workload of ALL) {
    const own = runs.filter((run) => run.workload === workload);
    const starts = new Set([0, 1, 2].map((at) => own.find(({ repetition }) => repetition === at)?.peer.name));
    assertEquals(starts.size, 3, workload.name);
    for (const peer of PEERS) {
      const count = own.filter((run) => run.peer === peer).length;
      assert(count === 0 || count === 3, `${peer.name} ${workload.name}`);
    }
  }
});

Deno.test("no peer runs twice before the others of its repetition have run", () => {
  const runs = planRuns(PEERS, ALL, { ...ANY, workloads: ["rtt-64"] });
  const count = new Set(runs.map(({ peer }) => peer.name)).size;
  for (let from = 0; from < runs.length; from += count) {
    assertEquals(new Set(runs.slice(from, from + count).map(({ peer }) => peer.name)).size, count);
  }
});

Deno.test("what stays on its machine is never put behind a cable", () => {
  for (const { peer, workload } of planRuns(PEERS, ALL, ANY)) {
    assert(peer.isLocal !== true || workload.cable === null);
  }
});

Deno.test("a family names all its peers, a name one, and what is neither is told", () => {
  assertEquals(PEERS.filter((peer) => isNamed(peer, ["nats"])).map(({ name }) => name), [
    "nats-deno",
    "nats-node",
  ]);
  assertEquals(PEERS.filter((peer) => isNamed(peer, ["deno-udp"])).length, 2);
  assertEquals(PEERS.filter((peer) => isNamed(peer, ["enet-c"])).length, 1);
  const choice = { ...ANY, only: ["nats", "carrier-pigeon"], workloads: ["rtt", "fanout-5", "fanout-6"] };
  assertEquals(unknownWords(choice, PEERS, ALL, WORKLOAD_KINDS), ["carrier-pigeon", "fanout-6"]);
});

Deno.test("the command line is understood, or it is not", () => {
  assertEquals(parseOptions([])?.repetitions, 3);
  assertEquals(parseOptions(["--quick"])?.repetitions, 1);
  assertEquals(parseOptions(["--only", "nats,enet", "--json", "x"])?.only, ["nats", "enet"]);
  for (const wrong of [["--only"], ["--repetitions", "0"], ["--seed", "x"], ["--fast"], ["nats"]]) {
    assertEquals(parseOptions(wrong), null, wrong.join(" "));
  }
});

Deno.test("a peer that holds a bounded number of datagrams is never sent more than fit its receiver's buffer", () => {
  for (const peer of PEERS) {
    for (const bytes of [64, 1024]) {
      const window = peer.window(bytes);
      assert(Number.isInteger(window) && window >= 4, `${peer.name}: ${window}`);
      if (peer.driver !== "raw-datagrams") assert(window * bytes >= 65_536, peer.name);
    }
  }
});

Deno.test("the head of a message is read as it was written, whatever stands around it", () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 0, max: 2 ** 32 - 1 }),
      fc.integer({ min: 0, max: 3 }),
      fc.double({ min: 0, max: 1e12, noNaN: true }),
      fc.integer({ min: 0, max: 7 }),
      (number, phase, dueUs, offset) => {
        const bytes = new Uint8Array(64).fill(255).subarray(offset);
        const view = new MessageView().use(bytes);
        view.number = number;
        view.phase = phase;
        view.setTimes(dueUs, dueUs + 1);
        const read = new MessageView().use(bytes.slice());
        assertEquals([read.number, read.phase, read.dueUs, read.sentUs], [number, phase, dueUs, dueUs + 1]);
      },
    ),
  );
});

Deno.test("ages of a fan-out are since sending, over all receivers, and what never came is counted", () => {
  const all = everyMs(1000, () => 110);
  const lossy = everyMs(1000, () => 310).filter(({ number }) => number % 10 !== 5);
  const figures = figuresOf("stream", outcome({ streams: [rowsOf(all), rowsOf(lossy)] }));
  assertEquals(figures["p50Us"], 100);
  assertEquals(figures["p99Us"], 300);
  assertEquals(figures["dueP99Us"], 310);
  assertEquals(figures["n"], 1900);
  assertNear(figures["lostShare"] ?? NaN, 100 / 2000, 1e-9);
});

Deno.test("a message that came twice counts once, with the age it had first", () => {
  const rows = everyMs(10, () => 100);
  const again = rows.map((row) => ({ ...row, ageUs: 9_000 }));
  const figures = figuresOf("stream", outcome({ streams: [rowsOf([...rows, ...again])] }));
  assertEquals([figures["n"], figures["dueP99Us"], figures["lostShare"]], [10, 100, 0]);
});

Deno.test("a stream beside a transfer is set beside the same stream alone", () => {
  const rows = [...everyMs(100, () => 200), ...everyMs(100, () => 800, DURING), ...everyMs(5, () => 1e6, 0)];
  const figures = figuresOf(
    "mixed",
    outcome({ streams: [rowsOf(rows)], transfersUs: [1e6, 2e6, 3e6], bulkBytes: 50e6 }),
  );
  assertEquals([figures["beforeP99Us"], figures["duringP99Us"], figures["growth"]], [200, 800, 4]);
  assertEquals(figures["bytesPerS"], 25e6);
});

Deno.test("a transfer that was given up makes the median of its run longer, not shorter", () => {
  const streams = [rowsOf(everyMs(10, () => 1))];
  const of = (transfersUs: (number | null)[]) =>
    figuresOf("loss", outcome({ streams, transfersUs }))["transferUs"];
  assertEquals(of([100, null, 300]), 300);
  assertEquals(of([null]), Infinity);
  assertEquals(of([]), NaN);
});

Deno.test("values that come in time are as stale as they are old, and a millisecond more at most", () => {
  fc.assert(fc.property(fc.integer({ min: 0, max: 50_000 }), (ageUs) => {
    const stale = staleness(rowsOf(everyMs(200, () => ageUs)), BEFORE);
    assert(stale >= ageUs && stale <= ageUs + 1_000, `${stale}`);
  }));
});

Deno.test("a gap makes the newest value old whether values were lost or late, and a late one does not bring back the past", () => {
  const lost = everyMs(1000, () => 20_000).filter(({ number }) => number < 400 || number >= 450);
  const late = everyMs(
    1000,
    (number) => number >= 400 && number < 450 ? 20_000 + (450 - number) * 1000 : 20_000,
  );
  const overtaken = everyMs(1000, (number) => number % 2 === 0 ? 20_000 : 60_500);
  assertNear(staleness(rowsOf(lost), BEFORE), 60_000, 1_001);
  assertNear(staleness(rowsOf(late), BEFORE), 60_000, 1_001);
  assertNear(staleness(rowsOf(overtaken), BEFORE), 21_000, 1_001);
});

Deno.test("a run in which nothing arrived has no figures", () => {
  const empty = outcome({ streams: [rowsOf(everyMs(5, () => 1)), new Float64Array()] });
  for (const task of ["echo", "flow", "stream", "mixed", "loss"]) {
    assertThrows(() => figuresOf(task, empty), Error, "nothing arrived");
  }
});

Deno.test("a rate is what was delivered in the measured time, and what was sent and did not come is said", () => {
  const figures = figuresOf("flow", outcome({ flow: { messages: 1_500_000, us: 2e6, sent: 1_600_000 } }));
  assertEquals(figures["perS"], 750_000);
  assertNear(figures["lostShare"] ?? NaN, 1 / 16, 1e-9);
});

Deno.test("a cell is the median of its runs, figure by figure", () => {
  const cell = cellOf("x", "rtt-64", [{ p50Us: 10, p99Us: 90 }, { p50Us: 30, p99Us: 40 }, {
    p50Us: 20,
    p99Us: NaN,
  }]);
  assertEquals(cell.n, 3);
  assertEquals(cell.figures, { p50Us: 20, p99Us: 65 });
});

function cell(peer: string, workload: string, figures: Cell["figures"]): Cell {
  return cellOf(peer, workload, [figures]);
}

Deno.test("the table has a row a peer and a column a workload, and says so where one was not measured", () => {
  const cells = [
    cell("hana-unix", "rtt-64", { p50Us: 20.04, p99Us: 61, p999Us: 1200 }),
    cell("nats-node", "rtt-64", { p50Us: 80, p99Us: 200, p999Us: 300 }),
    cell("nats-node", "rate-64", { perS: 1_234_567, lostShare: 0.0123 }),
  ];
  const names = PEERS.map(({ name }) => name);
  const lines = renderTable(cells, ALL, names).split("\n").map((line) => line.split(/ {2,}/));
  assertEquals(lines.slice(2), [
    ["hana-unix", "20/61/1200", "-"],
    ["nats-node", "80/200/300", "1.23M (1.23 % lost)"],
  ]);
  assertEquals(renderRatios(cells, ALL, names).split("\n").slice(1).map((line) => line.split(/ {2,}/)), [
    ["hana-unix : nats-node", "0.25", "-"],
  ]);
});

Deno.test("where a peer is ahead the ratio is marked, for more is better and less is better alike", () => {
  const cells = [
    cell("hana-tcp", "rtt-64", { p50Us: 30 }),
    cell("hana-tcp", "rate-64", { perS: 1000 }),
    cell("enet-c", "rtt-64", { p50Us: 15 }),
    cell("enet-c", "rate-64", { perS: 4000 }),
    cell("ws-node", "rtt-64", { p50Us: 60 }),
    cell("ws-node", "rate-64", { perS: 500 }),
  ];
  const rows = renderRatios(cells, ALL, PEERS.map(({ name }) => name)).split("\n").slice(1);
  assertEquals(rows.map((line) => line.split(/ {2,}/)), [
    ["hana-tcp : ws-node", "0.5", "2"],
    ["hana-tcp : enet-c", "2 <", "0.25 <"],
  ]);
});

Deno.test("figures are shown with three digits, and what never ended is never", () => {
  assertEquals([0.1234, 12.345, 999.9, 9_990, 12_345, 999_600, 4_564_000].map(short), [
    ...["0.12", "12.3", "1000", "9990", "12.3k", "1M", "4.56M"],
  ]);
  assertEquals([short(Infinity), short(NaN), short(undefined)], ["never", "-", "-"]);
});
