// Scenarios in which nothing goes wrong, of several sizes: what joining, idling and talking costs.
// Bounds are the targets to which discovery was designed, never what came out: a cold start of a hundred nodes is over
// within 5 s, a small one within 0.2 s, and nobody is suspected of being quiet who is not.

import { type CatalogueEntry, entry, NIGHTLY, PR, SMOKE } from "./entry.ts";

/** Nothing goes wrong. */
export const CALM: readonly CatalogueEntry[] = [
  entry(SMOKE, {
    name: "calm-lan",
    summary: "A small show on a wired network in which nothing goes wrong: one app controls eight machines.",
    extends: "base",
    tags: ["calm", "traffic"],
    duration: "30s",
    quiet: "10s",
    traffic: [
      { id: "modulation", from: "app-0", to: "viz-*", lane: "modulation", rate: "60Hz", size: "96B" },
      { id: "control", from: "app-0", to: "viz-*", kind: "request", every: "500ms", size: "200B" },
    ],
    expect: {
      metrics: {
        "discovery.all.max": "<=200ms",
        "discovery.missing": 0,
        "suspicion.true": 0,
        "suspicion.false": 0,
        "lane.modulation.lost": 0,
        // A frame at 60 Hz is 16.7 ms old when the next one comes; a LAN adds less than a millisecond.
        "lane.modulation.age.p99": "<20ms",
        "lane.control.failed": 0,
        "lane.control.answer.p99": "<2ms",
        "queue.drops": 0,
      },
      sometimes: ["session_opened>=16"],
    },
  }),
  entry(SMOKE, {
    name: "join-storm-20",
    summary: "A rack with twenty machines is switched on; all of them join within half a second.",
    tags: ["join"],
    nodes: { viz: { count: 20, start: { spread: "500ms" } }, app: { count: 1 } },
    duration: "30s",
    quiet: "20s",
    expect: {
      metrics: {
        "discovery.all.max": "<=5s",
        "discovery.missing": 0,
        "suspicion.false": 0,
        "queue.drops": 0,
      },
    },
  }),
  entry(PR, {
    name: "join-storm",
    summary: "A hundred machines and two apps are switched on within two seconds.",
    tags: ["join", "size"],
    nodes: { viz: { count: 100, start: { spread: "2s" } }, app: { count: 2 } },
    duration: "30s",
    warmup: "10s",
    quiet: "15s",
    expect: {
      metrics: {
        "cold_start": "<=5s",
        "cold_start.datagrams": "<=10000",
        "discovery.missing": 0,
        "suspicion.false": 0,
      },
    },
  }),
  entry(PR, {
    name: "late-joiner",
    summary: "One app comes late into a show of forty machines, on a network that loses 5 % of everything.",
    tags: ["join", "loss"],
    nodes: { viz: { count: 40 }, app: { count: 1, start: "later" } },
    network: { default: { like: "lan", loss: "5%" } },
    warmup: "10s",
    timeline: [{ at: "20s", start: "app-0" }],
    expect: {
      metrics: { "discovery.all.max": "<=5s", "discovery.missing": 0 },
      sometimes: ["frames_lost", "started_late"],
    },
  }),
  entry(PR, {
    name: "latency-jitter",
    summary: "Delays from a good cable to a bad radio link, steady to wild, which must not look like loss.",
    extends: "base",
    tags: ["delay", "sweep"],
    params: { median: "1ms", sigma: 0.2 },
    network: { default: { one_way: { dist: "lognormal", median: "$median", sigma: "$sigma" } } },
    sweep: { median: ["1ms", "20ms", "80ms"], sigma: [0.2, 0.6, 1] },
    duration: "60s",
    warmup: "8s",
    // Delays of seconds may be taken for silence, but nobody may be declared dead for them: that is an invariant.
    expect: { metrics: { "discovery.p95": "<3s", "discovery.missing": 0 } },
  }),
  entry(NIGHTLY, {
    name: "long-idle-8h",
    summary: "The show is built up the night before and left alone for eight hours.",
    tags: ["idle", "long"],
    nodes: { viz: { count: 4 }, app: { count: 1 } },
    duration: "8h",
    quiet: "1min",
    expect: { metrics: { "suspicion.true": 0, "suspicion.false": 0, "queue.drops": 0 } },
  }),
  entry(NIGHTLY, {
    name: "many-idle",
    summary: "Two hundred machines with nothing to say: beacons must slow down as the mesh grows.",
    tags: ["idle", "size"],
    nodes: { viz: { count: 199, start: { spread: "5s" } }, app: { count: 1 } },
    duration: "60s",
    warmup: "30s",
    expect: { metrics: { "suspicion.false": 0, "discovery.missing": 0 } },
  }),
];
