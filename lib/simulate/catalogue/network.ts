// Scenarios in which cables, switches and configuration of the network go wrong.
// Bounds are the targets to which discovery was designed: the full view is back within two beats and a second after a
// partition heals, and one disturbance makes a node come and go once.

import { type CatalogueEntry, entry, NIGHTLY, PR, SMOKE } from "./entry.ts";

const control = { id: "control", from: "app-0", to: "viz-*", kind: "request", every: "500ms", size: "200B" };

/** Two beats and a second after the end of a disturbance everybody lists everybody. */
const HEALED = { "convergence.max": "<=3s", "convergence.never": 0 };

/** The network goes wrong. */
export const NETWORK: readonly CatalogueEntry[] = [
  entry(SMOKE, {
    name: "link-partition",
    summary: "The cable between two switches is pulled for 15 s: two halves, then one mesh again.",
    extends: "base",
    tags: ["partition"],
    traffic: [control],
    timeline: [{ at: "10s", partition: [["viz-0..3", "app-0"], ["viz-4..7"]], for: "15s" }],
    expect: {
      metrics: { ...HEALED, "suspicion.false": 0, "flap.max_per_pair": "<=1" },
      sometimes: ["partition_bit", "partition_seen", "isolated", "session_lost", "reconnected"],
    },
  }),
  entry(PR, {
    name: "asymmetric-partition",
    summary: "A machine hears everybody and nobody hears it, for 20 s.",
    extends: "base",
    tags: ["partition", "one-way"],
    timeline: [{ at: "10s", cut: { from: "viz-2", to: "@all" }, for: "20s" }],
    expect: {
      metrics: { ...HEALED, "suspicion.false": 0, "flap.max_per_pair": "<=1" },
      sometimes: ["partition_bit", "one_way_seen", "declared_dead"],
    },
  }),
  entry(PR, {
    name: "deaf-node",
    summary: "A machine is heard by everybody and hears nobody, for 20 s.",
    extends: "base",
    tags: ["partition", "one-way"],
    timeline: [{ at: "10s", cut: { from: "@all", to: "viz-2" }, for: "20s" }],
    expect: { metrics: { ...HEALED, "suspicion.false": 0 }, sometimes: ["partition_bit", "one_way_seen"] },
  }),
  entry(PR, {
    name: "broken-pair",
    summary:
      "Two machines cannot reach each other while everybody else reaches both (a bad port on a switch).",
    extends: "base",
    tags: ["partition"],
    timeline: [
      { at: "10s", cut: { from: "viz-1", to: "viz-5" }, for: "20s" },
      { at: "10s", cut: { from: "viz-5", to: "viz-1" }, for: "20s" },
    ],
    expect: {
      metrics: { ...HEALED, "suspicion.false": 0, "flap.max_per_pair": "<=1" },
      sometimes: ["partition_bit"],
    },
  }),
  entry(PR, {
    name: "swizzle",
    summary: "Machines fall off the network one by one and come back in another order.",
    extends: "base",
    tags: ["partition", "random"],
    timeline: [{ at: "10s", swizzle: { nodes: "viz-*", gap: "700ms", hold: "8s" } }],
    expect: { metrics: { ...HEALED, "suspicion.false": 0 }, sometimes: ["partition_bit", "partition_seen"] },
  }),
  entry(PR, {
    name: "flapping-cable",
    summary:
      "A plug with a loose contact: its link is down for 300 ms in every two seconds, for half a minute.",
    extends: "base",
    tags: ["cable"],
    traffic: [control],
    timeline: [{ at: "10s", flapping: { nodes: "viz-3", down: "300ms", up: "1700ms" }, for: "30s" }],
    // Beats come about every second: three in a row never fall into gaps of 300 ms every two seconds.
    expect: { metrics: { "suspicion.false": 0, flap: 0 }, sometimes: ["interface_changed>=15"] },
  }),
  entry(NIGHTLY, {
    name: "random-partitions",
    summary: "Ten splits into random halves, each for 12 s, with 8 s between them.",
    extends: "base",
    tags: ["partition", "random", "sweep"],
    params: { draw: 0 },
    sweep: { draw: [0, 1, 2, 3] },
    timeline: [
      {
        at: "10s",
        every: "20s",
        times: 10,
        "random-partition": { nodes: "@all", draw: "$draw" },
        for: "12s",
      },
    ],
    expect: { metrics: { ...HEALED }, sometimes: ["partition_bit>=10", "declared_dead>=10"] },
  }),
  entry(NIGHTLY, {
    name: "switch-reboot",
    summary: "The switch reboots: every link is down for 40 s.",
    extends: "base",
    tags: ["cable"],
    traffic: [control],
    timeline: [{ at: "10s", interface: { nodes: "@all", change: "down" }, for: "40s" }],
    expect: {
      metrics: { "convergence.never": 0 },
      sometimes: ["interface_changed", "session_lost", "reconnected"],
    },
  }),
  entry(NIGHTLY, {
    name: "igmp-snooping-no-querier",
    summary:
      "A switch that snoops without a querier forgets all groups: from then on multicast and broadcast are " +
      "lost, and only unicast lives.",
    extends: "base",
    tags: ["multicast"],
    // 260 s is the usual group membership interval (RFC 3376, 8.4).
    timeline: [{ at: "260s", "group-loss": "@all", for: "60s" }],
    duration: "360s",
    expect: { metrics: { "convergence.never": 0 }, sometimes: ["frames_lost>=100"] },
  }),
  entry(PR, {
    name: "one-deaf-to-multicast",
    summary: "One machine neither hears nor is heard by multicast, while unicast lives.",
    extends: "base",
    tags: ["multicast"],
    timeline: [{ at: "10s", "group-loss": "viz-3", for: "30s" }],
    expect: { metrics: { "convergence.never": 0 }, sometimes: ["frames_lost>=100"] },
  }),
  entry(PR, {
    name: "dhcp-change",
    summary: "A machine gets another address in the middle of the show.",
    extends: "base",
    tags: ["address"],
    traffic: [control],
    timeline: [{ at: "10s", address: { nodes: "viz-2", address: "10.0.9.2/16" } }],
    duration: "50s",
    expect: {
      // The stream dies with the address; datagrams carry the session on.
      metrics: { "convergence.never": 0, "session.lost": 0, "lane.control.failed": 0 },
      sometimes: ["interface_changed", "lanes_moved"],
    },
  }),
  entry(PR, {
    name: "wrong-interface",
    summary: "A VPN or container brings an interface that leads nowhere and makes it the default one.",
    extends: "base",
    tags: ["interface"],
    timeline: [{ at: "10s", "wrong-interface": "viz-2", for: "20s" }],
    // It has a usable interface all the time, so nobody may lose it.
    expect: { metrics: { "suspicion.true": 0, "suspicion.false": 0 }, sometimes: ["interface_changed"] },
  }),
  entry(PR, {
    name: "interface-recreated",
    summary: "A USB network adapter is unplugged for five seconds and comes back as a new interface.",
    extends: "base",
    tags: ["interface"],
    timeline: [{ at: "10s", interface: { nodes: "viz-4", change: "remove" }, for: "12s" }],
    expect: { metrics: { "convergence.never": 0 }, sometimes: ["interface_changed", "declared_dead"] },
  }),
  entry(PR, {
    name: "dup-and-reorder",
    summary: "Frames arrive twice and out of order, as by a loop that a switch has just found.",
    extends: "base",
    tags: ["link"],
    network: {
      default: { like: "lan", duplicate: "5%", reorder: { share: "10%", extra: "20ms" } },
    },
    traffic: [control, {
      id: "state",
      from: "app-0",
      to: "viz-*",
      lane: "state",
      rate: "20Hz",
      size: "128B",
    }],
    duration: "60s",
    expect: {
      metrics: {
        "suspicion.false": 0,
        "lane.control.failed": 0,
        "lane.state.lost": 0,
        "lane.state.dup": 0,
        "lane.state.out_of_order": 0,
      },
      sometimes: ["frames_duplicated>=100"],
    },
  }),
  entry(PR, {
    name: "bad-cable",
    summary: "A crushed cable flips a bit in one frame of a hundred, past the checksum of its network card.",
    extends: "base",
    tags: ["link"],
    network: { overrides: [{ nodes: "viz-5", link: { like: "lan", corrupt: "1%" } }] },
    traffic: [control],
    duration: "60s",
    expect: { metrics: { "lane.control.failed": 0 }, sometimes: ["frames_corrupted>=5"] },
  }),
  entry(NIGHTLY, {
    name: "mtu-1280",
    summary: "A tunnel in the path: no packet over 1280 bytes gets through.",
    extends: "base",
    tags: ["link"],
    network: { default: { like: "lan", mtu: "1280B" } },
    duration: "40s",
    // Discovery keeps to 1,200 bytes for this.
    expect: { metrics: { "discovery.all.max": "<=200ms", "suspicion.false": 0, "queue.drops": 0 } },
  }),
  entry(PR, {
    name: "narrow-link",
    summary:
      "The app stands behind a radio bridge of 1 Mbit/s with a small queue, and sends one wall ten times as much.",
    extends: "base",
    tags: ["link", "queue"],
    network: { overrides: [{ nodes: "app-0", link: { like: "lan", rate: "1Mbit/s", queue: "16kB" } }] },
    traffic: [
      { id: "modulation", from: "app-0", to: "viz-*", lane: "modulation", rate: "60Hz", size: "512B" },
      // A lane of state keeps 32 MiB, and the keeper of the session 1,024 messages more: full after 40 s.
      { id: "bulk", from: "app-0", to: "viz-0", lane: "state", rate: "40Hz", size: "64kB", start: "6s" },
      control,
    ],
    duration: "60s",
    expect: {
      metrics: { "lane.control.failed": 0, "lane.state.refused": ">=100", "session.lost": 0 },
      sometimes: ["message_refused>=100"],
    },
  }),
  entry(PR, {
    name: "clogged-path",
    summary: "What the app sends is held for three seconds and then comes all at once.",
    extends: "base",
    tags: ["link"],
    traffic: [control],
    timeline: [{ at: "10s", clog: { from: "app-0", to: "viz-*" }, for: "3s" }],
    // Three seconds of silence are less than the 3.3 beats after which somebody is suspected.
    expect: { metrics: { "suspicion.false": 0, "lane.control.lost": 0, "lane.control.answer.max": ">=2s" } },
  }),
];
