// Scenarios on radio networks.

import { type CatalogueEntry, entry, NIGHTLY, PR } from "./entry.ts";

const modulation = {
  id: "modulation",
  from: "app-0",
  to: "viz-*",
  lane: "modulation",
  rate: "60Hz",
  size: "96B",
};

/** Radio networks. */
export const WIFI: readonly CatalogueEntry[] = [
  entry(PR, {
    name: "loss-burst",
    summary: "One machine's link goes dead for 400 ms about every 8 s.",
    extends: "base",
    tags: ["loss", "burst"],
    network: {
      overrides: [{
        nodes: "viz-5",
        link: { like: "lan", bursts: { good: "8s", bad: "400ms", loss_good: "0.1%", loss_bad: "95%" } },
      }],
    },
    traffic: [{ id: "control", from: "app-0", to: "viz-*", kind: "request", every: "500ms", size: "200B" }],
    duration: "120s",
    expect: { metrics: { "convergence.never": 0, "lane.control.failed": 0 }, sometimes: ["frames_lost>=20"] },
  }),
  entry(PR, {
    name: "heavy-loss",
    summary:
      "30 % of all frames are lost, each alone: more than nodes promise to tell from death. A node joins in it " +
      "and one dies in it, and when it is over all is well again.",
    tags: ["loss"],
    nodes: { viz: { count: 20 }, app: { count: 2 }, "app-1": { start: "later" } },
    timeline: [
      { at: "10s", link: { link: { like: "lan", loss: "30%" } }, for: "120s" },
      { at: "40s", start: "app-1" },
      { at: "60s", crash: "viz-3" },
    ],
    // Bounds of the design at this loss: 8 s for a death (99 %), 5 s until all know all.
    expect: {
      metrics: { "discovery.missing": 0, "discovery.all.max": "<=5s", "undiscovery.crash.p99": "<=8s" },
      sometimes: ["frames_lost>=1000", "suspicion_cleared", "declared_dead>=20"],
    },
  }),
  entry(PR, {
    name: "modulation-wifi",
    summary: "60 Hz of modulation to twelve machines on access points, for two minutes.",
    tags: ["wifi", "traffic"],
    nodes: { viz: { count: 12 }, app: { count: 1 } },
    network: { overrides: [{ nodes: "viz-*", link: "wifi" }] },
    traffic: [modulation],
    warmup: "10s",
    duration: "2min",
    expect: {
      metrics: { "lane.modulation.out_of_order": 0, "lane.modulation.age.p95": "<60ms" },
      sometimes: ["frames_lost"],
    },
  }),
  entry(NIGHTLY, {
    name: "wifi-weak",
    summary: "Half of the machines have a weak signal.",
    extends: "base",
    tags: ["wifi"],
    network: { default: "wifi", overrides: [{ nodes: "viz-4..7", link: "wifi-lossy" }] },
    traffic: [modulation],
    warmup: "15s",
    duration: "5min",
    expect: { sometimes: ["frames_lost>=100"] },
  }),
  entry(NIGHTLY, {
    name: "wifi-powersave",
    summary: "Laptops that sleep between beacons to save their batteries.",
    extends: "base",
    tags: ["wifi"],
    network: { default: "wifi-powersave" },
    warmup: "15s",
    duration: "3min",
    expect: { metrics: { "discovery.missing": 0 } },
  }),
  entry(NIGHTLY, {
    name: "venue-doors-open",
    summary:
      "The audience comes in with its phones: WiFi gets worse in steps over ten minutes, then all is over.",
    extends: "base",
    tags: ["wifi", "venue"],
    network: { default: "wifi" },
    warmup: "15s",
    traffic: [modulation],
    timeline: [
      { at: "60s", mark: "doors open" },
      { at: "60s", link: { link: "wifi-lossy" }, for: "3min" },
      { at: "4min", mark: "house full" },
      { at: "4min", link: { link: "venue-doors-open" }, for: "6min" },
    ],
    quiet: "60s",
    expect: { sometimes: ["frames_lost>=1000"] },
  }),
];
