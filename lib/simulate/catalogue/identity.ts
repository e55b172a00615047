// Scenarios of who is who: names, copied disks, strangers, networks without multicast.

import { type CatalogueEntry, DISCOVERY, entry, NIGHTLY, PR } from "./entry.ts";

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
  entry(DISCOVERY, {
    name: "same-name-30",
    summary: "Thirty machines come with the same name, as one image makes them; each ends with its own.",
    tags: ["names"],
    nodes: { viz: { count: 30, name: "projector", start: { spread: "500ms" } }, app: { count: 1 } },
    warmup: "8s",
    duration: "60s",
    quiet: "30s",
    expect: { metrics: { "suspicion.false": 0, "discovery.missing": 0 }, sometimes: ["renamed>=29"] },
  }),
  entry(NIGHTLY, {
    name: "same-name-500",
    summary: "Five hundred machines come with the same name; each ends with its own.",
    tags: ["names", "size"],
    nodes: {
      viz: { count: 440, name: "projector", start: { spread: "5s" } },
      daemon: { count: 60, name: "projector", start: { spread: "5s" } },
    },
    warmup: "30s",
    duration: "4min",
    quiet: "60s",
    expect: { metrics: { "deaths.false": 0, "discovery.missing": 0 }, sometimes: ["renamed>=499"] },
  }),
  entry(DISCOVERY, {
    name: "name-comes-back",
    summary:
      "Two machines ask for one name; when the one that has it has gone for five minutes, the other takes it.",
    tags: ["names", "long"],
    nodes: {
      viz: { count: 3 },
      app: { count: 1 },
      "viz-1": { name: "stage-left" },
      "viz-2": { name: "stage-left", start: "later" },
    },
    timeline: [
      { at: "10s", start: "viz-2" },
      { at: "20s", leave: "viz-1" },
    ],
    duration: "6min",
    quiet: "10s",
    // It takes another name, and the wanted one when it is free.
    expect: { metrics: { "suspicion.false": 0 }, sometimes: ["renamed>=2", "left_seen>=3"] },
  }),
  entry(NIGHTLY, {
    name: "peer-limit",
    summary:
      "Six hundred machines where a list holds 512: none grows over its bound, and those that are listed stay.",
    tags: ["size"],
    nodes: { viz: { count: 599, start: { spread: "6s" } }, app: { count: 1 } },
    warmup: "1ms",
    duration: "60s",
    quiet: "20s",
    // Not everybody can know everybody here: what counts is that nothing grows, and that nobody dies for it.
    expect: {
      invariants: ["bounded_memory", "no_false_death", "datagrams_fit", "no_unhandled_exception"],
      metrics: { "deaths.false": 0 },
      sometimes: ["peer_limit"],
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
