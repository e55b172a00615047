// Scenarios in which datagrams fare worse than streams, or both fare badly: what lanes promise on such networks.
// Bounds are those of the lanes (docs/lanes.md): over to the stream when datagrams fall silent, back when they pass.

import { type CatalogueEntry, entry, NIGHTLY, PR } from "./entry.ts";

const control = { id: "control", from: "app-0", to: "viz-*", kind: "request", every: "250ms", size: "200B" };
const state = { id: "state", from: "app-0", to: "viz-*", lane: "state", rate: "20Hz", size: "256B" };
const modulation = {
  id: "modulation",
  from: "app-0",
  to: "viz-*",
  lane: "modulation",
  rate: "100Hz",
  size: "96B",
};

/** Nothing that must arrive is lost, in order, and no session ends. */
const DELIVERED = {
  "lane.control.failed": 0,
  "lane.state.lost": 0,
  "lane.state.dup": 0,
  "lane.state.out_of_order": 0,
  "session.lost": 0,
};

/** A firewall that lets streams and multicast pass. */
const NO_DATAGRAMS = { like: "lan", datagrams: { loss: "100%" } };

const SMALL = { viz: { count: 3 }, app: { count: 1 } };

/** Lanes on networks that treat datagrams and streams differently. */
export const LANES: readonly CatalogueEntry[] = [
  entry(PR, {
    name: "udp-blocked",
    summary:
      "A firewall drops all UDP between two machines: lanes stay on their streams, and all arrives in time.",
    nodes: SMALL,
    tags: ["lanes", "firewall"],
    network: { default: NO_DATAGRAMS },
    traffic: [control, state, modulation],
    duration: "40s",
    expect: {
      metrics: {
        ...DELIVERED,
        "lane.modulation.lost": 0,
        "lane.modulation.latency.p99": "<=20ms",
        "path.udp": 0,
      },
      sometimes: ["session_opened", "frames_lost>=3"],
    },
  }),
  entry(PR, {
    name: "udp-blocked-midway-and-back",
    summary:
      "A firewall drops all UDP for 20 s in the middle of the show: lanes go to their streams, and come back.",
    nodes: SMALL,
    tags: ["lanes", "firewall"],
    traffic: [control, state, modulation],
    timeline: [{ at: "10s", link: { link: NO_DATAGRAMS }, for: "20s" }],
    quiet: "20s",
    expect: {
      metrics: {
        ...DELIVERED,
        "lane.control.answer.max": "<=1.2s",
        "lane.modulation.gap.max": "<=1s",
        "path.fallback.max": "<=1.2s",
        "path.return.max": "<=15s",
      },
      sometimes: ["lanes_on_udp>=12", "lanes_on_stream>=6"],
    },
  }),
  entry(PR, {
    name: "udp-one-way",
    summary:
      "UDP reaches the walls and never comes back from them: no lane trusts it for longer than a second.",
    nodes: SMALL,
    tags: ["lanes", "firewall", "one-way"],
    traffic: [control, state, modulation],
    timeline: [{ at: "10s", link: { from: "viz-*", to: "app-0", link: NO_DATAGRAMS }, for: "20s" }],
    expect: {
      metrics: { ...DELIVERED, "lane.control.answer.max": "<=1.5s", "path.fallback.max": "<=1.5s" },
      sometimes: ["lanes_on_udp>=9", "lanes_on_stream>=3"],
    },
  }),
  entry(PR, {
    name: "lossy-lanes",
    summary:
      "20 ms one way, and 5 % of all frames are lost: state and control arrive, and modulation stays fresh.",
    nodes: SMALL,
    tags: ["lanes", "loss"],
    network: { default: { one_way: "20ms", datagrams: { loss: "5%" } } },
    traffic: [control, state, modulation],
    duration: "60s",
    expect: {
      metrics: {
        ...DELIVERED,
        // 20 ms on the way, a lost value in twenty, the next one 10 ms later.
        "lane.modulation.age.p99": "<=60ms",
        "lane.modulation.latency.p99": "<=60ms",
        "lane.control.answer.p99": "<=150ms",
      },
      sometimes: ["lanes_on_udp>=6", "frames_lost>=200"],
    },
  }),
  entry(PR, {
    name: "lanes-move",
    summary:
      "A wall gets another address and its old one stays dead: sessions are lost with their streams, or go on.",
    nodes: SMALL,
    tags: ["lanes", "address"],
    traffic: [control, state, modulation],
    timeline: [{ at: "10s", address: { nodes: "viz-1", address: "10.0.9.2/16" } }],
    duration: "45s",
    expect: {
      metrics: { ...DELIVERED, "lane.control.answer.max": "<=1.5s", "convergence.never": 0 },
      sometimes: ["lanes_on_udp>=6", "lanes_moved", "interface_changed"],
    },
  }),
  entry(PR, {
    name: "slow-stream",
    summary: "No UDP, and a link of 2 Mbit/s that bulk fills: modulation overtakes it even on one stream.",
    nodes: { viz: { count: 1 }, app: { count: 1 } },
    tags: ["lanes", "firewall", "queue"],
    network: { default: { like: "lan", rate: "2Mbit/s", datagrams: { loss: "100%" } } },
    traffic: [
      modulation,
      control,
      { id: "bulk", from: "app-0", to: "viz-0", lane: "state", rate: "5Hz", size: "64kB" },
    ],
    duration: "40s",
    expect: {
      // What lies in the kernel's buffers is bounded by 64 KiB: 0.27 s at this rate.
      metrics: {
        "lane.modulation.latency.p99": "<=400ms",
        "lane.control.failed": 0,
        "lane.control.answer.p99": "<=800ms",
        "lane.state.out_of_order": 0,
        "session.lost": 0,
        "path.udp": 0,
      },
      sometimes: ["session_opened"],
    },
  }),
  entry(PR, {
    name: "bulk-beside-modulation",
    summary:
      "5 MB of state fill a link of 20 Mbit/s beside modulation, which stays as fresh as on an idle link.",
    nodes: { viz: { count: 1 }, app: { count: 1 } },
    tags: ["lanes", "queue"],
    network: { default: { one_way: "2ms", rate: "20Mbit/s", queue: "64kB" } },
    traffic: [
      { ...modulation, rate: "250Hz" },
      control,
      {
        id: "bulk",
        from: "app-0",
        to: "viz-0",
        lane: "state",
        rate: "50Hz",
        size: "64kB",
        start: "10s",
        end: "12s",
      },
    ],
    duration: "35s",
    expect: {
      // 2 ms on an idle link. The brake lets about 8 ms of a queue stand that could be 26 ms long, more while it starts.
      metrics: {
        "lane.modulation.latency.p50": "<=5ms",
        "lane.modulation.latency.p99": "<=14ms",
        "lane.modulation.latency.max": "<=30ms",
        "lane.control.failed": 0,
        "lane.state.lost": 0,
        "lane.state.out_of_order": 0,
        "session.lost": 0,
      },
      sometimes: ["lanes_on_udp>=2"],
    },
  }),
  entry(NIGHTLY, {
    name: "udp-flapping",
    summary:
      "UDP is dropped for 3 s in every 10 s, for a minute: no lane loses anything, however often it moves.",
    nodes: SMALL,
    tags: ["lanes", "firewall"],
    traffic: [control, state, modulation],
    timeline: [{ at: "10s", every: "10s", times: 6, link: { link: NO_DATAGRAMS }, for: "3s" }],
    expect: {
      metrics: { ...DELIVERED, "lane.control.answer.max": "<=1.5s" },
      sometimes: ["lanes_on_udp>=12", "lanes_on_stream>=6"],
    },
  }),
];
