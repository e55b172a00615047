// Scenarios in which machines, processes and clocks go wrong.
// Bounds are the targets to which discovery was designed: a crash is seen by everybody within 6 s (99 %), half of them
// within 5 s; a goodbye within 50 ms. A node that comes asks twice within 300 ms, and is answered within 5 ms for each of 32 ranks: 0.5 s
// until all know all (the design aims at 0.2 s, with pages of records that are not there yet).

import { type CatalogueEntry, entry, NIGHTLY, PR, SMOKE } from "./entry.ts";

const control = { id: "control", from: "app-0", to: "viz-*", kind: "request", every: "500ms", size: "200B" };

/** Machines go wrong. */
export const MACHINES: readonly CatalogueEntry[] = [
  entry(SMOKE, {
    name: "crash-restart",
    summary: "A process crashes and comes back, a machine freezes for 3 s, and one loses its power for 15 s.",
    extends: "base",
    tags: ["crash"],
    nodes: { daemon: { count: 8, host_of: "viz" } },
    traffic: [control],
    timeline: [
      { at: "10s", crash: "viz-3", for: "4s" },
      { at: "20s", freeze: "viz-4", for: "3s" },
      { at: "28s", "power-loss": "daemon-6", for: "15s" },
    ],
    // The machine that stood still a few seconds before judges others more slowly for a while (its local health).
    expect: {
      metrics: {
        "undiscovery.p50": "<=5s",
        "undiscovery.max": "<=7s",
        "suspicion.false": 0,
        "discovery.missing": 0,
      },
      sometimes: ["suspected", "restarted", "session_lost", "reconnected"],
    },
  }),
  entry(PR, {
    name: "crash-for-good",
    summary: "A machine dies and does not come back: everybody must know, and soon.",
    extends: "base",
    tags: ["crash"],
    timeline: [{ at: "10s", crash: "viz-3" }],
    duration: "60s",
    expect: {
      metrics: { "undiscovery.crash.p50": "<=5s", "undiscovery.crash.p99": "<=6s", "suspicion.false": 0 },
      sometimes: ["suspected", "declared_dead>=8"],
    },
  }),
  entry(PR, {
    name: "quick-restart",
    summary: "Processes restart in the same instant, one after the other: a new life under the old address.",
    extends: "base",
    tags: ["restart"],
    traffic: [control],
    timeline: [{ at: "10s", every: "3s", times: 8, restart: "viz-$i" }],
    expect: {
      metrics: { "discovery.all.max": "<=500ms", "suspicion.false": 0 },
      sometimes: ["restarted>=8", "session_opened>=24"],
    },
  }),
  entry(PR, {
    name: "rolling-restart",
    summary:
      "An upgrade during the show: one machine after the other says goodbye and comes back with a new version.",
    extends: "base",
    tags: ["restart", "upgrade"],
    traffic: [control],
    timeline: [
      {
        at: "10s",
        every: "4s",
        times: 8,
        upgrade: { nodes: "viz-$i", to: "0.9.0-next", downtime: "1500ms" },
      },
    ],
    expect: {
      metrics: { "undiscovery.leave.p99": "<=50ms", "discovery.all.max": "<=500ms", "suspicion.false": 0 },
      sometimes: ["left_seen>=8", "restarted>=8", "session_opened>=24"],
    },
  }),
  entry(PR, {
    name: "graceful-leave",
    summary: "Machines are shut down in order at the end of the night.",
    extends: "base",
    tags: ["leave"],
    timeline: [{ at: "10s", every: "2s", times: 4, leave: "viz-$i" }],
    duration: "50s",
    expect: {
      metrics: { "undiscovery.leave.p99": "<=50ms", "suspicion.false": 0 },
      sometimes: ["left_seen>=4"],
    },
  }),
  entry(PR, {
    name: "rack-power-loss",
    summary:
      "A fuse blows: twelve of twenty machines are gone at once, and come back within a second of each other.",
    tags: ["power", "join"],
    nodes: { viz: { count: 20 }, app: { count: 1 } },
    timeline: [{ at: "10s", storm: { nodes: "viz-0..11", off: "12s", spread: "1s" } }],
    quiet: "30s",
    expect: {
      // So many at once might as well be a cut cable: nobody declares them dead for the first 75 s.
      metrics: { "discovery.all.max": "<=5s", "suspicion.false": 0 },
      sometimes: ["suspected", "isolated", "partition_seen", "restarted>=12"],
    },
  }),
  entry(NIGHTLY, {
    name: "half-dies",
    summary:
      "Half of the mesh dies at once for good; the others must not take it for a fault of their own for ever.",
    tags: ["power"],
    nodes: { viz: { count: 20 }, app: { count: 1 } },
    timeline: [{ at: "10s", "power-loss": "viz-0..9" }],
    duration: "3min",
    expect: { metrics: { "suspicion.false": 0 }, sometimes: ["suspected", "declared_dead"] },
  }),
  entry(PR, {
    name: "freezes",
    summary:
      "Machines stop for 1 s, 3 s and 10 s (shader compiles, a closed lid) and go on as if nothing had been.",
    extends: "base",
    tags: ["freeze"],
    traffic: [control],
    timeline: [
      { at: "10s", freeze: "viz-1", for: "1s" },
      { at: "15s", freeze: "viz-2", for: "3s" },
      { at: "22s", freeze: "viz-3", for: "10s" },
    ],
    expect: {
      metrics: { "suspicion.false": 0, "convergence.never": 0 },
      sometimes: ["suspected", "stalled", "declared_dead"],
    },
  }),
  entry(NIGHTLY, {
    name: "closed-lid",
    summary: "The laptop of the operator sleeps for ten minutes and wakes up in a show that went on.",
    extends: "base",
    tags: ["freeze"],
    timeline: [{ at: "10s", freeze: "app-0", for: "10min" }],
    quiet: "60s",
    expect: { metrics: { "convergence.never": 0 }, sometimes: ["declared_dead>=8", "stalled"] },
  }),
  entry(PR, {
    name: "slow-machine",
    summary: "A machine that is busy drawing takes 20 ms longer for everything, for half a minute.",
    extends: "base",
    tags: ["slow"],
    traffic: [control],
    timeline: [{ at: "10s", slow: { nodes: "viz-0", extra: "20ms" }, for: "30s" }],
    expect: {
      metrics: { "suspicion.true": 0, "lane.control.failed": 0, "lane.control.answer.max": ">=20ms" },
    },
  }),
  entry(PR, {
    name: "clock-skew",
    summary: "Wall clocks are off, drift, swing and jump; nothing that the mesh decides may hang on them.",
    extends: "base",
    tags: ["clock"],
    traffic: [control],
    timeline: [
      { at: "0s", clock: { nodes: "viz-1", offset: "1.2s", drift: "80ppm" } },
      { at: "0s", clock: { nodes: "viz-2", sine: { amplitude: "40ms", period: "60s" } } },
      { at: "20s", clock: { nodes: "viz-3", step: "-5s" } },
      { at: "30s", clock: { nodes: "viz-4", step: "1h" } },
      { at: "40s", clock: { nodes: "app-0", step: "-1h" } },
    ],
    duration: "80s",
    expect: {
      metrics: { "suspicion.true": 0, "suspicion.false": 0, "lane.control.failed": 0 },
      sometimes: ["clock_changed>=5"],
    },
  }),
  entry(PR, {
    name: "clock-back-restart",
    summary:
      "A machine without a clock battery restarts a year in the past; its new life must still count as newer.",
    extends: "base",
    tags: ["clock", "restart"],
    timeline: [
      { at: "10s", clock: { nodes: "viz-1", step: "-8760h" } },
      { at: "12s", restart: "viz-1" },
    ],
    duration: "50s",
    expect: {
      metrics: { "discovery.all.max": "<=500ms", "suspicion.false": 0 },
      sometimes: ["restarted", "clock_changed"],
    },
  }),
  entry(NIGHTLY, {
    name: "everything",
    summary: "Whatever can go wrong does, to machines that the seed draws, for five minutes.",
    tags: ["random", "swarm"],
    nodes: { viz: { count: 16 }, daemon: { count: 8, host_of: "viz" }, app: { count: 2 } },
    network: {
      default: { like: "lan", loss: "1%", duplicate: "0.5%", reorder: { share: "1%", extra: "5ms" } },
    },
    warmup: "10s",
    traffic: [
      { id: "control", from: "app-*", to: "viz-*", kind: "request", every: "1s", size: "200B" },
      { id: "modulation", from: "app-0", to: "viz-*", lane: "modulation", rate: "30Hz", size: "96B" },
    ],
    timeline: [
      { at: "10s", every: "31s", until: "4min", isolate: "@random(2)", for: "9s" },
      { at: "13s", every: "37s", until: "4min", crash: "@random(2, viz-*)", for: "3s" },
      { at: "17s", every: "41s", until: "4min", freeze: "@random(1)", for: "4s" },
      { at: "19s", every: "43s", until: "4min", cut: { from: "@random(3)", to: "@random(3)" }, for: "11s" },
      { at: "23s", every: "47s", until: "4min", restart: "@random(1)" },
      { at: "29s", every: "53s", until: "4min", "power-loss": "@random(1, viz-*)", for: "7s" },
      { at: "31s", every: "59s", until: "4min", clock: { nodes: "@random(2)", step: "-30s" } },
      { at: "33s", every: "61s", until: "4min", "group-loss": "@random(2)", for: "15s" },
      {
        at: "35s",
        every: "67s",
        until: "4min",
        link: { nodes: "@random(2)", link: "wifi-lossy" },
        for: "20s",
      },
    ],
    duration: "320s",
    quiet: "60s",
    expect: { sometimes: ["suspected>=10", "restarted>=5", "frames_lost>=100", "clock_changed", "stalled"] },
  }),
];
