// Scenarios in which nothing goes wrong, of several sizes: what joining, idling and talking costs.

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
  }),
  entry(SMOKE, {
    name: "join-storm-20",
    summary: "A rack with twenty machines is switched on; all of them join within half a second.",
    tags: ["join"],
    nodes: { viz: { count: 20, start: { spread: "500ms" } }, app: { count: 1 } },
    duration: "30s",
    quiet: "20s",
  }),
  entry(PR, {
    name: "join-storm",
    summary: "A hundred machines and two apps are switched on within two seconds.",
    tags: ["join", "size"],
    nodes: { viz: { count: 100, start: { spread: "2s" } }, app: { count: 2 } },
    duration: "30s",
    warmup: "10s",
    quiet: "15s",
  }),
  entry(PR, {
    name: "late-joiner",
    summary: "One app comes late into a show of forty machines, on a network that loses 5 % of everything.",
    tags: ["join", "loss"],
    nodes: { viz: { count: 40 }, app: { count: 1, start: "later" } },
    network: { default: { like: "lan", loss: "5%" } },
    warmup: "10s",
    timeline: [{ at: "20s", start: "app-0" }],
    expect: { sometimes: ["frames_lost"] },
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
  }),
  entry(NIGHTLY, {
    name: "long-idle-8h",
    summary: "The show is built up the night before and left alone for eight hours.",
    tags: ["idle", "long"],
    nodes: { viz: { count: 4 }, app: { count: 1 } },
    duration: "8h",
    quiet: "1min",
  }),
  entry(NIGHTLY, {
    name: "many-idle",
    summary: "Three hundred machines with nothing to say: beacons must slow down as the mesh grows.",
    tags: ["idle", "size"],
    nodes: { viz: { count: 299, start: { spread: "5s" } }, app: { count: 1 } },
    duration: "60s",
    warmup: "30s",
  }),
];
