// The eight test scenarios of the original design document, by name, as far as today's parts can play them.
// Each summary says what it stands for and which part waits.

import { type CatalogueEntry, entry, NIGHTLY, PR, SMOKE } from "./entry.ts";

/** The eight scenarios of the original design. */
export const ORIGINAL: readonly CatalogueEntry[] = [
  entry(SMOKE, {
    name: "seed-1-local",
    summary:
      "An app and a visualization on one machine find each other and talk without any network. Full control " +
      "of the visualization waits for the control lane's messages; resource limits wait for supervision.",
    tags: ["original"],
    nodes: { app: { host: "laptop", interfaces: [] }, viz: { host: "laptop", interfaces: [] } },
    traffic: [{ id: "control", from: "app-0", to: "viz-0", kind: "request", rate: "20Hz", size: "200B" }],
    duration: "20s",
    quiet: "5s",
    expect: {
      metrics: {
        "discovery.all.max": "<=200ms",
        "lane.control.failed": 0,
        "lane.control.answer.p99": "<2ms",
      },
      sometimes: ["session_opened"],
    },
  }),
  entry(PR, {
    name: "seed-2-remote",
    summary:
      "An app on one machine and a visualization on another: found over the network, reached by TCP, through " +
      "an interruption of 8 s.",
    tags: ["original"],
    nodes: { app: { count: 1 }, viz: { count: 1 } },
    traffic: [{ id: "control", from: "app-0", to: "viz-0", kind: "request", rate: "20Hz", size: "200B" }],
    timeline: [{ at: "10s", interface: { nodes: "viz-0", change: "down" }, for: "8s" }],
    expect: {
      metrics: { "convergence.max": "<=3s" },
      sometimes: ["declared_dead", "session_lost", "reconnected"],
    },
  }),
  entry(PR, {
    name: "seed-3-two-apps",
    summary:
      "An app and a visualization on one machine, a second app on another: both apps find and reach the same " +
      "visualization. Keeping their changes in step waits for shared state and ownership.",
    tags: ["original"],
    nodes: { viz: { host_of: "app" }, "app-0": {}, "app-1": {} },
    traffic: [{ id: "control", from: "app-*", to: "viz-0", kind: "request", rate: "20Hz", size: "200B" }],
    duration: "30s",
    quiet: "10s",
    expect: {
      metrics: {
        "discovery.all.max": "<=200ms",
        "lane.control.failed": 0,
        "lane.control.answer.p99": "<2ms",
      },
      sometimes: ["session_opened>=2"],
    },
  }),
  entry(PR, {
    name: "seed-4-many",
    summary:
      "Three machines with apps and visualizations, local and remote, that come and go; one link fails in " +
      "between. Coordinating their control waits for ownership.",
    tags: ["original"],
    nodes: { app: { count: 3 }, viz: { count: 6, host_of: "app" } },
    traffic: [{ id: "control", from: "app-*", to: "viz-*", kind: "request", every: "500ms", size: "200B" }],
    timeline: [
      { at: "10s", leave: "viz-4", for: "6s" },
      { at: "20s", isolate: "app-1", for: "10s" },
      { at: "35s", crash: "viz-5", for: "5s" },
    ],
    expect: {
      metrics: { "undiscovery.leave.p99": "<=50ms", "undiscovery.crash.p99": "<=6s", "suspicion.false": 0 },
      sometimes: ["left_seen", "declared_dead", "restarted", "reconnected"],
    },
  }),
  entry(PR, {
    name: "seed-5-topology",
    summary:
      "Machines are added to and taken from a stable network, politely and by pulling plugs. Keeping the state " +
      "of controlled visualizations waits for shared state.",
    tags: ["original"],
    nodes: {
      app: { count: 1 },
      viz: { count: 4 },
      extra: { count: 4, role: "visualization", start: "later" },
    },
    traffic: [{
      id: "control",
      from: "app-0",
      to: "@role:visualization",
      kind: "request",
      every: "500ms",
      size: "200B",
    }],
    timeline: [
      { at: "10s", every: "2s", times: 4, start: "extra-$i" },
      { at: "20s", leave: "viz-0" },
      { at: "25s", "power-loss": "viz-1" },
      { at: "40s", crash: "viz-2", for: "6s" },
      { at: "50s", start: "viz-0" },
    ],
    quiet: "25s",
    expect: {
      metrics: {
        "undiscovery.leave.p99": "<=50ms",
        "undiscovery.power.p99": "<=6s",
        "discovery.all.max": "<=500ms",
        "suspicion.false": 0,
      },
      sometimes: ["left_seen", "declared_dead", "restarted", "started_late>=4"],
    },
  }),
  entry(PR, {
    name: "seed-6-input-routing",
    summary:
      "An app with a MIDI controller: 250 Hz of notes to one visualization and 60 Hz of modulation to all. " +
      "Finding and mapping the devices waits for the input part; here their messages flow.",
    tags: ["original"],
    nodes: { app: { count: 1 }, viz: { count: 4 } },
    traffic: [
      { id: "notes", from: "app-0", to: "viz-0", lane: "events", rate: "250Hz", size: "16B" },
      { id: "knobs", from: "app-0", to: "viz-*", lane: "modulation", rate: "60Hz", size: "64B" },
    ],
    duration: "30s",
    quiet: "10s",
    // A note is heard late from about 10 ms on; the network takes less than one.
    expect: {
      metrics: {
        "lane.events.lost": 0,
        "lane.events.dup": 0,
        "lane.events.latency.p99": "<2ms",
        "lane.modulation.age.p99": "<20ms",
      },
      sometimes: ["session_opened>=4"],
    },
  }),
  entry(PR, {
    name: "seed-7-high-load",
    summary:
      "Four apps control the same six visualizations at once, at full rate, while one app crashes and comes " +
      "back. Merging their changes and priorities waits for shared state and ownership.",
    tags: ["original", "load"],
    nodes: { app: { count: 4 }, viz: { count: 6 } },
    traffic: [
      { id: "modulation", from: "app-*", to: "viz-*", lane: "modulation", rate: "60Hz", size: "96B" },
      { id: "control", from: "app-*", to: "viz-*", kind: "request", rate: "5Hz", size: "400B" },
    ],
    timeline: [{ at: "12s", crash: "app-3", for: "4s" }],
    quiet: "15s",
    expect: { sometimes: ["restarted", "reconnected"] },
  }),
  entry(NIGHTLY, {
    name: "seed-8-cross-platform",
    summary:
      "A mix of machines as other operating systems make them: one with two networks, one on WiFi, one with a " +
      "VPN, one with an older version. Named pipes and other systems' sockets wait for real machines: the simulated " +
      "ones all behave like Linux.",
    tags: ["original"],
    nodes: {
      app: { count: 1 },
      linux: { count: 3, role: "visualization", tags: { os: "linux" } },
      windows: { count: 3, role: "visualization", tags: { os: "windows" } },
      mac: { count: 2, role: "visualization", tags: { os: "darwin" } },
    },
    network: { overrides: [{ nodes: "mac-*", link: "wifi" }] },
    traffic: [{
      id: "control",
      from: "app-0",
      to: "@role:visualization",
      kind: "request",
      every: "500ms",
      size: "200B",
    }],
    warmup: "10s",
    timeline: [
      { at: "15s", "wrong-interface": "windows-1", for: "20s" },
      { at: "15s", restart: { nodes: "windows-2", software: "0.0.9" }, for: "2s" },
      { at: "20s", freeze: "mac-0", for: "5s" },
    ],
    expect: {
      metrics: { "convergence.never": 0 },
      sometimes: ["suspected", "restarted", "interface_changed"],
    },
  }),
];
