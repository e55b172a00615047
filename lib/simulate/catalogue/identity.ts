// Scenarios of who is who: names, copied disks, strangers, networks without multicast.

import { type CatalogueEntry, entry, NIGHTLY, PR } from "./entry.ts";

/** Who is who. */
export const IDENTITY: readonly CatalogueEntry[] = [
  entry(PR, {
    name: "same-name-two-nodes",
    summary:
      "Two machines come with the same name; one keeps it, the other takes another, and everybody agrees.",
    extends: "base",
    tags: ["names"],
    nodes: { "viz-1": { name: "stage-left" }, "viz-2": { name: "stage-left" } },
    duration: "45s",
    expect: { metrics: { "suspicion.false": 0 }, sometimes: ["renamed"] },
  }),
  entry(PR, {
    name: "duplicate-node-id",
    summary: "A disk image was copied: a second machine comes with the identity of the first.",
    extends: "base",
    tags: ["names", "clone"],
    nodes: { "viz-7": { clone_of: "viz-6", start: "later" } },
    timeline: [{ at: "10s", start: "viz-7" }],
    duration: "50s",
    expect: { sometimes: ["id_conflict"] },
  }),
  entry(PR, {
    name: "strangers",
    summary:
      "Another show on the same network, and two machines without any key: three meshes that never mix.",
    tags: ["keys"],
    nodes: {
      viz: { count: 4 },
      app: { count: 1 },
      guest: { count: 4, role: "visualization", key: "stranger" },
      open: { count: 2, role: "daemon", key: "open" },
    },
    timeline: [
      {
        at: "10s",
        partition: [["viz-0..1", "guest-0..1"], ["viz-2..3", "guest-2..3", "open-*"]],
        for: "12s",
      },
    ],
    expect: {
      metrics: { "suspicion.false": 0, "convergence.max": "<=3s" },
      sometimes: ["declared_dead", "foreign_seen"],
    },
  }),
  entry(PR, {
    name: "seeds-only",
    summary:
      "A network on which neither multicast nor broadcast gets through, ever: machines that are told of each other by address.",
    tags: ["multicast", "seeds"],
    nodes: {
      viz: { count: 5, seeds: ["viz-0", "viz-1", "viz-2", "viz-3", "viz-4", "app-0"] },
      app: { count: 1, seeds: ["viz-0", "viz-1", "viz-2", "viz-3", "viz-4"] },
    },
    network: { default: { like: "lan", multicast: { loss: "100%" } } },
    warmup: "20s",
    timeline: [{ at: "25s", crash: "viz-2" }],
    duration: "60s",
    expect: {
      metrics: { "undiscovery.crash.p99": "<=6s", "suspicion.false": 0 },
      sometimes: ["frames_lost>=100", "declared_dead"],
    },
  }),
  entry(NIGHTLY, {
    name: "two-networks",
    summary: "Machines with a cable to the stage network and one to the house network, of which one fails.",
    tags: ["interface"],
    nodes: {
      viz: { count: 6, segments: ["stage", "house"] },
      app: { count: 1, segments: ["stage", "house"] },
    },
    network: { segments: { stage: "lan", house: "lan" } },
    traffic: [{ id: "control", from: "app-0", to: "viz-*", kind: "request", every: "500ms", size: "200B" }],
    timeline: [{ at: "10s", interface: { nodes: "@all", name: "eth0", change: "down" }, for: "20s" }],
    // The other network goes on, so nobody may be lost.
    expect: { metrics: { "suspicion.true": 0, "suspicion.false": 0 }, sometimes: ["interface_changed"] },
  }),
];
