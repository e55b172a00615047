// Scenarios of coming together: two nodes, a hundred, five hundred, latecomers, and networks on which that is hard.
// Bounds are the targets of the design (discovery research, section 7: J1 to J5): who comes late knows a hundred within
// 0.2 s without loss, 0.8 s at 5 %, 2.5 s at 30 %; and is known by all within 0.1, 1.5 and 2.5 s.

import { type CatalogueEntry, DISCOVERY, entry, NIGHTLY } from "./entry.ts";

/** Ten that come one after the other into a mesh of ninety. */
const LATECOMERS = {
  nodes: {
    viz: { count: 89, start: { spread: "1s" } },
    app: { count: 1 },
    late: { count: 10, role: "visualization", start: "later" },
  },
  warmup: "12s",
  timeline: [{ at: "13s", every: "3s", times: 10, start: "late-$i" }],
  duration: "60s",
  quiet: "15s",
};

/** As many as fit a list: its last places are kept for daemons and apps. */
const FIVE_HUNDRED = {
  viz: { count: 440, start: { spread: "5s" } },
  daemon: { count: 50, start: { spread: "5s" } },
  app: { count: 10, start: { spread: "5s" } },
};

/** Coming together. */
export const JOINING: readonly CatalogueEntry[] = [
  entry(DISCOVERY, {
    name: "join-two",
    summary: "Two machines are switched on in the same instant.",
    tags: ["join"],
    nodes: { viz: { count: 1 }, app: { count: 1 } },
    duration: "20s",
    quiet: "10s",
    expect: {
      metrics: {
        "discovery.all.max": "<=200ms",
        "discovery.missing": 0,
        "suspicion.false": 0,
        "queue.drops": 0,
      },
    },
  }),
  entry(DISCOVERY, {
    name: "late-joiners-30",
    summary: "Five machines come one after the other into a show of thirty, on a network that loses 5 %.",
    tags: ["join", "loss"],
    nodes: {
      viz: { count: 29, start: { spread: "500ms" } },
      app: { count: 1 },
      late: { count: 5, role: "visualization", start: "later" },
    },
    network: { default: { like: "lan", loss: "5%" } },
    warmup: "8s",
    timeline: [{ at: "9s", every: "3s", times: 5, start: "late-$i" }],
    duration: "40s",
    quiet: "15s",
    expect: {
      metrics: {
        "join.knows_all.max": "<=800ms",
        "join.known_by_all.max": "<=1500ms",
        "discovery.missing": 0,
        "deaths.false": 0,
      },
      sometimes: ["started_late>=5", "frames_lost>=500"],
    },
  }),
  entry(NIGHTLY, {
    ...LATECOMERS,
    name: "late-joiners-100",
    summary: "Ten machines come one after the other into a show of ninety, on a network that loses nothing.",
    tags: ["join", "size"],
    expect: {
      metrics: {
        "join.knows_all.p50": "<=80ms",
        "join.knows_all.p99": "<=200ms",
        "join.known_by_all.p99": "<=100ms",
        "discovery.missing": 0,
        "suspicion.false": 0,
      },
      sometimes: ["started_late>=10"],
    },
  }),
  entry(NIGHTLY, {
    ...LATECOMERS,
    name: "late-joiners-100-5",
    summary: "Ten machines come one after the other into a show of ninety, on a network that loses 5 %.",
    tags: ["join", "size", "loss"],
    network: { default: { like: "lan", loss: "5%" } },
    expect: {
      metrics: {
        "join.knows_all.p99": "<=800ms",
        "join.known_by_all.p99": "<=1500ms",
        "discovery.missing": 0,
        "deaths.false": 0,
      },
      sometimes: ["started_late>=10", "frames_lost>=1000"],
    },
  }),
  entry(NIGHTLY, {
    ...LATECOMERS,
    name: "late-joiners-100-30",
    summary: "Ten machines come one after the other into a show of ninety, on a network that loses 30 %.",
    tags: ["join", "size", "loss"],
    network: { default: { like: "lan", loss: "30%" } },
    expect: {
      metrics: {
        "join.knows_all.p99": "<=2500ms",
        "join.known_by_all.p99": "<=2500ms",
        "discovery.missing": 0,
        "deaths.false": 0,
      },
      sometimes: ["started_late>=10", "frames_lost>=1000"],
    },
  }),
  entry(NIGHTLY, {
    name: "late-joiners-500-5",
    summary: "Three machines come into a show of five hundred, on a network that loses 5 %.",
    tags: ["join", "size", "loss"],
    nodes: {
      ...FIVE_HUNDRED,
      late: { count: 3, role: "app", start: "later" },
    },
    network: { default: { like: "lan", loss: "5%" } },
    warmup: "15s",
    timeline: [{ at: "16s", every: "3s", times: 3, start: "late-$i" }],
    duration: "30s",
    quiet: "5s",
    expect: {
      metrics: { "join.knows_all.p99": "<=2500ms", "discovery.missing": 0, "deaths.false": 0 },
      sometimes: ["started_late>=3", "frames_lost>=1000"],
    },
  }),
  entry(NIGHTLY, {
    name: "cold-start-500",
    summary: "Five hundred machines are switched on within five seconds.",
    tags: ["join", "size"],
    nodes: FIVE_HUNDRED,
    warmup: "15s",
    duration: "20s",
    quiet: "4s",
    expect: { metrics: { "cold_start": "<=12s", "discovery.missing": 0, "suspicion.false": 0 } },
  }),
  entry(DISCOVERY, {
    name: "join-while-offerers-die",
    summary:
      "A machine comes at 30 % loss, and three of those who may be telling it of the others lose their power meanwhile.",
    tags: ["join", "loss", "crash"],
    nodes: { viz: { count: 24 }, app: { count: 1, start: "later" } },
    warmup: "10s",
    timeline: [
      { at: "12s", link: { link: { like: "lan", loss: "30%" } }, for: "30s" },
      { at: "15s", start: "app-0" },
      { at: "15040ms", "power-loss": "@random(1, viz-0..7)" },
      { at: "15080ms", "power-loss": "@random(1, viz-8..15)" },
      { at: "15150ms", "power-loss": "@random(1, viz-16..23)" },
    ],
    duration: "80s",
    quiet: "20s",
    // Whom it hears of by a page alone and never hears is not alive for it: then nothing is missing.
    expect: {
      metrics: { "join.knows_all.max": "<=2500ms", "discovery.missing": 0, "deaths.false": 0 },
      sometimes: ["started_late", "frames_lost>=500", "declared_dead>=60"],
    },
  }),
  entry(DISCOVERY, {
    name: "join-reordered",
    summary: "A machine comes into thirty on a network that repeats frames, swaps them and loses 5 %.",
    tags: ["join", "link"],
    nodes: {
      viz: { count: 30, start: { spread: "500ms" } },
      late: { count: 3, role: "app", start: "later" },
    },
    network: {
      default: { like: "lan", loss: "5%", duplicate: "10%", reorder: { share: "20%", extra: "30ms" } },
    },
    warmup: "10s",
    timeline: [{ at: "12s", every: "3s", times: 3, start: "late-$i" }],
    duration: "40s",
    quiet: "15s",
    expect: {
      metrics: { "join.knows_all.max": "<=1s", "discovery.missing": 0, "deaths.false": 0 },
      sometimes: ["started_late>=3", "frames_duplicated>=500", "frames_lost>=500"],
    },
  }),
  entry(DISCOVERY, {
    name: "cable-comes-late",
    summary: "A machine starts without its cable, which is plugged in later.",
    extends: "base",
    tags: ["join", "interface"],
    nodes: { "viz-3": { start: "later" } },
    timeline: [
      { at: "9s", interface: { nodes: "viz-3", change: "down" }, for: "6s" },
      { at: "10s", start: "viz-3" },
    ],
    // Interfaces are looked at every two seconds, and a new one is used a second later.
    expect: {
      metrics: { "convergence.max": "<=5s", "convergence.never": 0, "suspicion.false": 0 },
      sometimes: ["started_late", "interface_changed"],
    },
  }),
  entry(DISCOVERY, {
    name: "two-cables-one-network",
    summary: "Machines with two cables to the same switch: each is one node, and either cable may be pulled.",
    tags: ["interface"],
    nodes: Object.fromEntries(
      ["viz-0", "viz-1", "viz-2", "app-0"].map((name, index) => [name, {
        interfaces: ["eth0", "eth1"].map((each, which) => ({
          name: each,
          segment: "stage",
          address: `10.0.${which}.${index + 1}/16`,
        })),
      }]),
    ),
    network: { segments: { stage: "lan" } },
    timeline: [
      { at: "10s", interface: { nodes: "viz-0", name: "eth0", change: "down" }, for: "15s" },
      { at: "30s", interface: { nodes: "viz-1", name: "eth1", change: "down" }, for: "15s" },
    ],
    expect: {
      metrics: { "deaths.true": 0, "deaths.false": 0, "convergence.never": 0 },
      sometimes: ["interface_changed>=2"],
    },
  }),
  entry(DISCOVERY, {
    name: "rack-unplugged",
    summary:
      "All cables of a machine are pulled for 20 s: what runs on it keeps each other, and meets the others again.",
    tags: ["interface", "local"],
    nodes: {
      app: { count: 1, host: "rack" },
      daemon: { count: 1, host: "rack" },
      viz: { count: 4 },
    },
    timeline: [{ at: "10s", interface: { nodes: "app-0", change: "remove" }, for: "20s" }],
    expect: {
      metrics: { "convergence.never": 0, "convergence.max": "<=6s" },
      sometimes: ["interface_changed", "partition_bit"],
    },
  }),
];
