// Scenarios of leading: elections, crashes, partitions, pauses of the leader, two apps alone.
// Bounds are the targets of the design (discovery research, section 7): another leader after a crash within 5 s (half) and
// 6 s (99 %) up to 5 % loss (L1), within 300 ms after a goodbye (L3), and never two of one lineage (L2, an invariant).

import { type CatalogueEntry, DISCOVERY, entry, NIGHTLY, PR } from "./entry.ts";

/** What the leader tells all executors, four times a second. */
const commands = {
  id: "commands",
  from: "app-*",
  to: "viz-*",
  kind: "command",
  every: "250ms",
  size: "200B",
};

/** `@leader` crashes again and again, and comes back. */
function crashes(
  voters: { readonly app: number; readonly viz: number },
  loss: string,
  suites: CatalogueEntry["suites"],
  expect: Readonly<Record<string, unknown>>,
): CatalogueEntry {
  const count = voters.app + voters.viz;
  const lossy = loss === "0%" ? "loses nothing" : `loses ${loss.replace("%", " %")}`;
  return entry(suites, {
    name: `leader-crashes-${count}${loss === "0%" ? "" : `-${loss.replace("%", "")}`}`,
    summary: `The leader of ${count} nodes crashes five times, on a network that ${lossy}.`,
    tags: ["leader", "crash"],
    nodes: { app: { count: voters.app }, viz: { count: voters.viz } },
    network: { default: { like: "lan", loss } },
    warmup: "15s",
    timeline: [{ at: "20s", every: "40s", times: 5, crash: "@leader", for: "20s" }],
    duration: "240s",
    quiet: "20s",
    expect: {
      metrics: { "leader.failover.count": ">=5", "leader.most": 1, ...expect },
      sometimes: ["leader_changed>=12", "crashed>=5"],
    },
  });
}

const L1 = { "leader.failover.p50": "<=5s", "leader.failover.max": "<=6s", "deaths.false": 0 };

/** Leading. */
export const LEADERSHIP: readonly CatalogueEntry[] = [
  entry(DISCOVERY, {
    name: "leader-calm",
    summary: "Four apps and six machines start at once: one leads after six seconds, and stays.",
    tags: ["leader", "calm"],
    nodes: { app: { count: 4 }, viz: { count: 6 } },
    traffic: [commands],
    warmup: "10s",
    duration: "60s",
    quiet: "10s",
    expect: {
      metrics: {
        "leader.changes": 1,
        "leader.most": 1,
        "leader.leaderless": "<=0%",
        "lane.control.failed": 0,
        "suspicion.false": 0,
      },
      sometimes: ["leader_changed>=10", "command_obeyed>=500"],
    },
  }),
  crashes({ app: 2, viz: 1 }, "0%", DISCOVERY, L1),
  crashes({ app: 3, viz: 2 }, "0%", DISCOVERY, L1),
  crashes({ app: 3, viz: 4 }, "0%", PR, L1),
  crashes({ app: 3, viz: 2 }, "5%", DISCOVERY, L1),
  crashes({ app: 3, viz: 4 }, "5%", NIGHTLY, L1),
  crashes({ app: 3, viz: 4 }, "30%", NIGHTLY, { "leader.leaderless": "<=30%" }),
  entry(DISCOVERY, {
    name: "leader-says-goodbye",
    summary: "The leader is shut down, and hands over before it goes; so does the next one.",
    tags: ["leader", "leave"],
    nodes: { app: { count: 3 }, viz: { count: 4 } },
    traffic: [commands],
    warmup: "10s",
    timeline: [{ at: "15s", every: "15s", times: 3, leave: "@leader", for: "8s" }],
    duration: "75s",
    quiet: "15s",
    expect: {
      metrics: { "leader.hand_over.max": "<=300ms", "leader.hand_over.count": ">=3", "leader.most": 1 },
      sometimes: ["left>=3", "command_obeyed>=500"],
    },
  }),
  entry(DISCOVERY, {
    name: "leader-stands-still",
    summary:
      "The leader stands still for 10 s in the middle of its commands; it leads no more when it goes on, for another one does.",
    tags: ["leader", "freeze"],
    nodes: { app: { count: 3 }, viz: { count: 4 } },
    traffic: [commands],
    warmup: "10s",
    timeline: [{ at: "15s", every: "30s", times: 2, freeze: "@leader", for: "10s" }],
    duration: "90s",
    quiet: "20s",
    expect: {
      metrics: { "leader.most": 1, "deaths.after_stall": 0 },
      sometimes: ["stalled>=2", "leader_lost", "leader_changed>=14", "command_obeyed>=500"],
    },
  }),
  entry(DISCOVERY, {
    name: "leader-commands-late",
    summary:
      "A leader hands over and goes while its last commands to one machine are held on the way: when they come, another " +
      "leader has been obeyed there, and they are refused.",
    tags: ["leader", "link"],
    nodes: { app: { count: 3 }, viz: { count: 4 } },
    traffic: [commands],
    warmup: "10s",
    timeline: [
      { at: "14500ms", clog: { from: "@leader", to: "viz-0" }, for: "1100ms" },
      { at: "15s", leave: "@leader", for: "10s" },
    ],
    duration: "60s",
    quiet: "20s",
    expect: {
      metrics: { "leader.most": 1, "leader.hand_over.max": "<=300ms" },
      sometimes: ["left", "command_obeyed>=500", "command_refused"],
    },
  }),
  entry(DISCOVERY, {
    name: "leader-in-minority",
    summary:
      "The leader and one other are cut off from five: the five elect another, the two have none, then all follow one.",
    tags: ["leader", "partition"],
    nodes: { app: { count: 3 }, viz: { count: 4 } },
    traffic: [commands],
    warmup: "10s",
    timeline: [{ at: "15s", partition: [["@leader", "viz-0"]], for: "30s" }],
    duration: "90s",
    quiet: "30s",
    expect: {
      metrics: { "leader.most": 1, "leader.leaderless": "<=12%", "convergence.max": "<=3s" },
      sometimes: ["leader_lost", "no_quorum", "partition_bit", "leader_changed>=14"],
    },
  }),
  entry(DISCOVERY, {
    name: "leader-even-split",
    summary:
      "Eight nodes fall into halves: at most one of them leads, and one leader is left when they meet again.",
    tags: ["leader", "partition"],
    nodes: { app: { count: 4 }, viz: { count: 4 } },
    traffic: [commands],
    warmup: "10s",
    timeline: [{
      at: "15s",
      partition: [["app-0..1", "viz-0..1"], ["app-2..3", "viz-2..3"]],
      for: "40s",
    }],
    duration: "100s",
    quiet: "30s",
    expect: {
      metrics: { "leader.most": "<=1", "convergence.max": "<=3s" },
      sometimes: ["partition_bit", "leader_changed>=8"],
    },
  }),
  entry(DISCOVERY, {
    name: "voters-change-while-claiming",
    summary:
      "Machines go and come while leaders crash, so that the voters change and a leader is sought at the same time.",
    tags: ["leader", "crash"],
    nodes: { app: { count: 4 }, viz: { count: 5 } },
    traffic: [commands],
    warmup: "10s",
    timeline: [
      { at: "15s", every: "20s", times: 6, crash: "@random(1, viz-*)", for: "12s" },
      { at: "17s", every: "30s", times: 4, crash: "@leader", for: "10s" },
    ],
    duration: "180s",
    quiet: "30s",
    expect: {
      metrics: { "leader.most": 1, "leader.failover.count": ">=4" },
      sometimes: ["leader_changed>=20", "crashed>=8"],
    },
  }),
  entry(DISCOVERY, {
    name: "leader-repeats",
    summary: "Leases come twice and out of order on a network that loses 5 %, while leaders come and go.",
    tags: ["leader", "link"],
    nodes: { app: { count: 3 }, viz: { count: 4 } },
    network: {
      default: { like: "lan", loss: "5%", duplicate: "20%", reorder: { share: "20%", extra: "300ms" } },
    },
    traffic: [commands],
    warmup: "12s",
    timeline: [{ at: "15s", every: "30s", times: 4, crash: "@leader", for: "15s" }],
    duration: "150s",
    quiet: "20s",
    expect: {
      metrics: { "leader.most": 1, "leader.failover.count": ">=4" },
      sometimes: ["frames_duplicated>=1000", "leader_changed>=20"],
    },
  }),
  entry(DISCOVERY, {
    name: "two-apps-alone",
    summary:
      "Two apps and nobody else: one leads, unfenced; cut apart both do, and one is left when they meet again.",
    tags: ["leader", "partition"],
    nodes: { app: { count: 2 } },
    warmup: "10s",
    timeline: [{ at: "15s", partition: [["app-0"]], for: "20s" }],
    duration: "80s",
    quiet: "30s",
    expect: {
      metrics: { "convergence.max": "<=3s", "leader.most": "<=2" },
      sometimes: ["leader_changed>=4", "partition_bit"],
    },
  }),
  entry(NIGHTLY, {
    name: "leader-chaos",
    summary: "Crashes, pauses, splits and loss for twenty minutes: never two leaders of one lineage.",
    tags: ["leader", "chaos", "long"],
    nodes: { app: { count: 4 }, viz: { count: 5 } },
    network: { default: { like: "lan", loss: "5%" } },
    traffic: [commands],
    warmup: "15s",
    timeline: [
      { at: "20s", every: "47s", until: "19min", crash: "@leader", for: "9s" },
      { at: "30s", every: "61s", until: "19min", freeze: "@leader", for: "8s" },
      {
        at: "40s",
        every: "73s",
        until: "19min",
        "random-partition": { nodes: "@all", parts: 2 },
        for: "17s",
      },
      { at: "50s", every: "83s", until: "19min", restart: "@random(1)" },
      { at: "55s", every: "97s", until: "19min", "power-loss": "@random(2)", for: "12s" },
      { at: "60s", every: "53s", until: "19min", clog: { from: "@leader", to: "@all" }, for: "9s" },
    ],
    duration: "21min",
    quiet: "60s",
    expect: {
      metrics: { "leader.leaderless": "<=60%" },
      sometimes: ["leader_changed>=100", "leader_lost>=50", "no_quorum", "command_obeyed>=1000"],
    },
  }),
];
