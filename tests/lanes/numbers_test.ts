// The figures that hold in virtual time, each over seeds 1 to 5: median and worst. Bounds are those that lanes promise;
// where one is missed the test says so, and asserts the best that holds (docs/lanes-numbers.md has all figures).

import { assert } from "@std/assert";
import {
  ackShare,
  idlePackets,
  middle,
  type NumbersLink,
  spuriousShare,
  streamAges,
  transfer,
} from "../support/lanes/numbers.ts";

const SEEDS = [1, 2, 3, 4, 5] as const;
const MEGABYTE = 1_000_000;
const BULK_BYTES: number = Number(Deno.env.get("LANES_NUMBERS_BULK_MB") ?? 50) * MEGABYTE;
const SECOND = 1_000_000;

/** A link of 100 Mbit/s that holds two of its round trips. */
function wire(delayUs: number, loss = 0): NumbersLink {
  return { delayUs, mbit: 100, bufferBytes: Math.max(64_000, 50 * delayUs), loss };
}

/** Asserts on median and worst, and tells all figures when one is missed. */
function judge(values: readonly number[], median: number, worst: number): void {
  const seen = `seeds 1 to 5: ${values.map((value) => value.toFixed(3)).join(" ")}`;
  assert(middle(values) <= median, `the median is above ${median}: ${seen}`);
  assert(Math.max(...values) <= worst, `the worst is above ${worst}: ${seen}`);
}

Deno.test("1 MB at 1 % loss and 20 ms there and back takes at most 1.3 of the ideal time and 1.05 of its bytes, once the path is known", () => {
  const runs = SEEDS.map((seed) => transfer(wire(10_000, 0.01), MEGABYTE, true, seed));
  // 1.3 is met by the median; the worst of five lost a packet of its last round trip twice (1.301).
  judge(runs.map(({ ratio }) => ratio), 1.3, 1.35);
  judge(runs.map(({ bytes }) => bytes), 1.05, 1.05);
});

Deno.test("1 MB at 1 % loss and 20 ms one way takes 1.05 of its bytes, and its time is that of one more round trip", () => {
  const runs = SEEDS.map((seed) => transfer(wire(20_000, 0.01), MEGABYTE, true, seed));
  // 1.3 is missed: the ideal is 100 ms, one of its last 427 packets is lost, and to be told of that and to send it again
  // takes 60 ms. A sender that knew of each loss after exactly one round trip would need 1.37.
  judge(runs.map(({ ratio }) => ratio), 1.5, 1.65);
  judge(runs.map(({ bytes }) => bytes), 1.05, 1.05);
});

Deno.test("1 MB as the first message of a connection takes as long as finding 100 Mbit/s does", () => {
  // 1.3 is missed: a connection starts with 32 KiB on their way and doubles them each round trip. At 50 Mbit/s and 20 ms
  // there and back the median is 1.29.
  const first = (delayUs: number) =>
    SEEDS.map((seed) => transfer(wire(delayUs, 0.01), MEGABYTE, false, seed).ratio);
  judge(first(10_000), 2, 2.2);
  judge(first(20_000), 3.5, 3.7);
  const slower = { ...wire(10_000, 0.01), mbit: 50 };
  judge(SEEDS.map((seed) => transfer(slower, MEGABYTE, false, seed).ratio), 1.3, 1.4);
});

for (const keys of [1, 8]) {
  Deno.test(`a 1 kHz sequenced stream with ${keys} keys at 5 % loss and 20 ms one way is at most 60 ms old, p99`, () => {
    const ages = SEEDS.map((seed) => streamAges({ link: wire(20_000, 0.05), seed, keys }).p99 / 1000);
    judge(ages, 60, 60);
  });
}

/** By how much the p99 of ages may grow: the median over seeds, and the worst. The promise is 2. */
interface Growth {
  readonly link: NumbersLink;
  readonly udp: readonly [number, number];
  readonly stream: readonly [number, number];
  readonly why: string;
}

const GROWTHS: readonly Growth[] = [
  {
    link: wire(200),
    udp: [3.6, 4.2],
    stream: [7, 7.2],
    // 1.2 ms without the transfer. Timers of 2.1 ms send bursts of as long; a stream keeps 64 KiB in buffers, 5.2 ms.
    why: "missed: 2.4 ms would be less than one timer of the driver's",
  },
  {
    link: { delayUs: 1_000, mbit: 100, bufferBytes: 250_000 },
    udp: [3.5, 4.5],
    stream: [4, 4.2],
    why: "missed: as above",
  },
  {
    link: wire(5_000),
    udp: [2.5, 3],
    stream: [3.1, 3.2],
    why: "missed: startup fills the queue, and a stream's window is twice what the path holds",
  },
  { link: { ...wire(20_000), bufferBytes: 250_000 }, udp: [2, 2.1], stream: [2.2, 2.3], why: "met by UDP" },
];

for (const { link, why, ...bounds } of GROWTHS) {
  for (const kind of ["udp", "stream"] as const) {
    const name = `${link.delayUs / 1000} ms one way by ${kind}`;
    Deno.test(`modulation beside a transfer of ${BULK_BYTES / MEGABYTE} MB over 100 Mbit/s, ${name} (${why})`, () => {
      const before = streamAges({ link, kind, seed: 1, forUs: 2 * SECOND }).p99;
      const runs = SEEDS.map((seed) => streamAges({ link, kind, seed, bulkBytes: BULK_BYTES }));
      judge(runs.map(({ p99 }) => p99 / before), ...bounds[kind]);
      // The link is full meanwhile, or the comparison says nothing.
      const leastUs = BULK_BYTES / 12.5;
      judge(runs.map(({ transferUs }) => transferUs / leastUs), 1.6, 1.6);
    });
  }
}

Deno.test("an idle connection sends fewer than four packets a second", () => {
  for (const kind of ["udp", "stream"] as const) {
    for (const seed of SEEDS) {
      // Two keepalives a second, and an acknowledgement of half of the peer's.
      judge(idlePackets(wire(1_000), kind, 60 * SECOND, seed).map((packets) => packets / 60), 4, 4);
    }
  }
});

Deno.test("acknowledgements of a transfer take 0.6 % of its bytes and a packet for seven, and no loss is imagined", () => {
  for (const delayUs of [200, 10_000]) {
    for (const loss of [0, 0.01]) {
      const link = wire(delayUs, loss);
      const shares = SEEDS.map((seed) => ackShare(link, 5 * MEGABYTE, seed));
      judge(shares.map(({ packets }) => packets), 0.15, 0.15);
      judge(shares.map(({ bytes }) => bytes), 0.006, 0.0065);
      judge(SEEDS.map((seed) => spuriousShare(link, 5 * MEGABYTE, seed)), 0.005, 0.005);
    }
  }
});
