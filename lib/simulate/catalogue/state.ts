// Scenarios of shared state: contested faders, tokens, hosts that die, stand still or are cut off, slow and hostile clients,
// changes of structure and of schemas, and everything at once.
// Every rule about shared state holds in all of them (observers/state_*.ts); bounds are those of research 2.8, 2.10 and 2.15.

import { type CatalogueEntry, entry, NIGHTLY, PR, SMOKE } from "./entry.ts";

/** Parameters of all kinds, those of walls below their names. */
const parameters = {
  "hue": { type: "f32", range: [0, 1], on: "viz-*" },
  "level": { type: "unit", merge: "highest", on: "viz-*" },
  "look": { type: "enum", words: ["dawn", "noon", "dusk"], default: "dawn", on: "viz-0", subsystem: "cues" },
  "layer-0": { type: "i32", range: [0, 1000] },
  "layer-1": { type: "i32", range: [0, 1000], on_loss: "fallback" },
  "sum": { type: "i32", range: [0, 100_000], merge: "sum" },
  "camera": { type: "vec3", range: [-1, 1], merge: "lock" },
};

/** Three desks and two walls: whoever leads hosts, and two of the others keep copies. */
const show = {
  nodes: { viz: { count: 2 }, app: { count: 3 } },
  warmup: "6s",
  quiet: "12s",
};

/** Desks that do something ten times in four seconds, walls that hardly do. */
const busy = {
  parameters,
  apps: {
    desk: { on: "app-*", plays: "400ms" },
    wall: { on: "viz-*", writes: [{ path: "viz-*/hue", every: "2s" }] },
  },
};

/** Desks that write one fader each, ten times a second. */
const faders = {
  parameters: { fader: { type: "f32", range: [0, 1], count: 3 }, ...parameters },
  apps: {
    desk: { on: "app-*", writes: [{ path: "fader-*", rate: "10Hz" }] },
    wall: { on: "viz-*" },
  },
};

/** Shared state. */
export const STATE: readonly CatalogueEntry[] = [
  entry(SMOKE, {
    name: "contested-control",
    summary:
      "Three desks have their fingers on one fader, at different priorities; they come, go, and take it back.",
    tags: ["state", "priority"],
    ...show,
    quiet: "9s",
    state: { parameters, apps: { desk: { on: "app-*" }, wall: { on: "viz-*" } } },
    timeline: [
      { at: "7s", drag: { app: "desk", on: "app-0", path: "viz-0/hue", priority: 100 }, for: "3s" },
      { at: "7500ms", drag: { app: "desk", on: "app-1", path: "viz-0/hue", priority: 100 }, for: "3s" },
      { at: "8s", write: { app: "desk", on: "app-2", path: "viz-0/hue", value: 0.5, priority: 150 } },
      { at: "9s", release: { app: "desk", on: "app-2", path: "viz-0/hue" } },
      { at: "9500ms", claim: { app: "desk", on: "app-2", path: "viz-*/hue", priority: 120 } },
      {
        at: "9600ms",
        write: { app: "desk", on: "app-0", path: "viz-1/hue", value: 0.1, momentary: true, priority: 180 },
      },
      { at: "11s", write: { app: "desk", on: "app-1", path: "camera", value: [0, 0, 1], take: true } },
      { at: "11100ms", write: { app: "desk", on: "app-2", path: "camera", value: [0, 1, 0] } },
      { at: "11s", crash: "app-2", for: "1s" },
    ],
    expect: {
      metrics: { "state.answer.p99": "<=400ms", "state.hosts": ">=1" },
      sometimes: ["state_ready>=5", "state_shadowed", "state_copied>=10"],
    },
  }),
  entry(PR, {
    name: "token-reconnect",
    summary:
      "Desks vanish and come back: at once over another session, after 20 s with their token, and without it; " +
      "one does after 70 s, when its place is no longer held.",
    tags: ["state", "token"],
    ...show,
    state: { ...faders, host: "app-0" },
    timeline: [
      { at: "10s", "cut-app": "desk" },
      { at: "12s", write: { app: "desk", on: "app-1", path: "layer-0", value: 7, priority: 150 } },
      { at: "14s", "kill-app": { app: "desk", on: "app-1" }, for: "20s" },
      { at: "20s", write: { app: "desk", on: "app-2", path: "layer-0", value: 9 } },
      { at: "40s", "kill-app": { app: "desk", on: "app-1", token: "lost" }, for: "3s" },
      { at: "48s", "leave-app": { app: "wall", on: "viz-1" }, for: "2s" },
      { at: "50s", "kill-app": { app: "desk", on: "app-2" }, for: "70s" },
    ],
    expect: {
      sometimes: ["state_resumed>=2", "state_taken_over", "state_ready>=7"],
    },
  }),
  entry(PR, {
    name: "host-crash",
    summary:
      "The host crashes three times while desks write: the next one goes on with all that was acknowledged.",
    tags: ["state", "failover", "crash"],
    ...show,
    state: faders,
    timeline: [{ at: "12s", every: "18s", times: 3, crash: "@state-host", for: "8s" }],
    expect: {
      // Half of it is the lease (leader-crashes-5): 5 s for half, 6 s for 99 % of elections.
      metrics: { "state.failover.max": "<=8s" },
      sometimes: ["state_host_changed>=3", "state_copied>=50", "crashed>=3"],
    },
  }),
  entry(PR, {
    name: "zombie-host",
    summary:
      "The host stands still for 10 s and goes on as if nothing was; another has taken its place meanwhile.",
    tags: ["state", "failover", "freeze"],
    ...show,
    state: faders,
    timeline: [
      { at: "12s", freeze: "@state-host", for: "10s" },
      { at: "36s", freeze: "@state-host", for: "10s" },
    ],
    expect: { sometimes: ["state_host_changed>=2", "state_copied>=50"] },
  }),
  entry(PR, {
    name: "partition-and-heal",
    summary:
      "The host and one wall are cut off from the others for 15 s, which go on under another; then all follow one.",
    tags: ["state", "partition"],
    ...show,
    state: faders,
    timeline: [
      { at: "12s", partition: [["@state-host", "viz-0"]], for: "15s" },
      { at: "40s", isolate: "app-1", for: "10s" },
    ],
    expect: { sometimes: ["state_host_changed", "state_copied>=50", "partition_bit"] },
  }),
  entry(PR, {
    name: "state-late-joiners",
    summary:
      "Desks and walls come one after the other into a show that is under way, on a network that loses 5 %.",
    tags: ["state", "join"],
    nodes: {
      viz: { count: 2 },
      app: { count: 3 },
      late: { role: "app", count: 6, start: "later" },
    },
    network: { default: { like: "lan", loss: "5%" } },
    warmup: "8s",
    quiet: "12s",
    state: {
      parameters: { ...parameters, spot: { type: "f32", count: 200, range: [0, 1] } },
      apps: {
        desk: { on: "app-*", writes: [{ path: "spot-*", rate: "20Hz" }] },
        wall: { on: "viz-*" },
        newcomer: { on: "late-*", start: "later" },
      },
    },
    timeline: [
      { at: "10s", every: "2s", times: 6, start: "late-$i" },
      { at: "10500ms", every: "2s", times: 6, "start-app": { app: "newcomer", on: "late-$i" } },
    ],
    expect: {
      metrics: { "state.join.p50": "<=6s" },
      sometimes: ["state_ready>=11", "started_late>=6"],
    },
  }),
  entry(PR, {
    name: "slow-consumer",
    summary:
      "A wall has 40 kbit/s and cannot keep up with what three desks write; nobody else is the slower for it.",
    tags: ["state", "slow"],
    ...show,
    quiet: "25s",
    network: {
      overrides: [
        { from: "@all", to: "viz-1", link: { like: "lan", rate: "40kbit/s", queue: "64kB" } },
      ],
    },
    state: {
      parameters: { ...parameters, spot: { type: "f32", count: 100, range: [0, 1] } },
      apps: {
        desk: { on: "app-*", writes: [{ path: "spot-*", rate: "60Hz" }, { path: "spot-*", rate: "60Hz" }] },
        wall: { on: "viz-*" },
      },
    },
    timeline: [{ at: "8s", mark: "the show is on" }, { at: "20s", "cut-app": { app: "wall", on: "viz-1" } }],
    expect: {
      metrics: { "state.answer.p99": "<=150ms" },
      sometimes: ["state_copied>=100"],
    },
  }),
  entry(PR, {
    name: "graceful-hand-over",
    summary:
      "The host is shut down and comes back, twice: it hands over, and clients follow within a second.",
    tags: ["state", "failover"],
    ...show,
    state: faders,
    timeline: [
      { at: "12s", leave: "@state-host", for: "6s" },
      { at: "26s", restart: "@state-host" },
    ],
    expect: {
      metrics: { "state.failover.max": "<=1s" },
      sometimes: ["state_host_changed>=2", "state_copied>=30", "left"],
    },
  }),
  entry(PR, {
    name: "state-hostile-flood",
    summary:
      "A client floods the host with writes, wishes, greetings and bytes that mean nothing; the others work on.",
    tags: ["state", "hostile"],
    nodes: { viz: { count: 2 }, app: { count: 3 }, evil: { role: "app", count: 1 } },
    warmup: "6s",
    quiet: "12s",
    state: { ...faders, host: "app-0", apps: { ...faders.apps, evil: { on: "evil-0" } } },
    timeline: [
      { at: "10s", flood: { app: "evil", with: "writes", rate: "1kHz" }, for: "4s" },
      { at: "15s", flood: { app: "evil", with: "wishes", rate: "500Hz" }, for: "4s" },
      { at: "20s", flood: { app: "evil", with: "hellos", rate: "500Hz" }, for: "4s" },
      { at: "25s", flood: { app: "evil", with: "garbage", rate: "500Hz" }, for: "4s" },
    ],
    expect: {
      metrics: { "state.answer.p99": "<=150ms" },
      sometimes: ["state_copied>=100"],
    },
  }),
  entry(PR, {
    name: "schema-change",
    summary:
      "Walls declare their parameters otherwise while desks write them: a wider range, another type, other words.",
    tags: ["state", "schema"],
    ...show,
    state: {
      parameters,
      apps: { desk: { on: "app-*", writes: [{ path: "viz-*", rate: "20Hz" }] }, wall: { on: "viz-*" } },
    },
    timeline: [
      { at: "10s", redefine: { on: "viz-0", parameter: "hue", as: { type: "f32", range: [0, 2] } } },
      { at: "15s", redefine: { on: "viz-1", parameter: "hue", as: { type: "i32", range: [0, 9] } } },
      {
        at: "20s",
        redefine: {
          on: "viz-0",
          parameter: "look",
          as: { type: "enum", words: ["dawn", "noon", "dusk", "night"], default: "dawn", subsystem: "cues" },
        },
      },
    ],
    expect: { sometimes: ["state_copied>=50", "restarted>=3"] },
  }),
  entry(SMOKE, {
    name: "objects-and-privilege",
    summary:
      "Layers are asked for, taken, given and lost; structure changes hands, and changes; a look is kept and put back.",
    tags: ["state", "ownership"],
    ...show,
    quiet: "9s",
    state: { parameters, apps: { desk: { on: "app-*" }, wall: { on: "viz-*" } } },
    timeline: [
      { at: "6500ms", own: { app: "desk", on: "app-0", path: "layer-0" } },
      { at: "7s", own: { app: "desk", on: "app-1", path: "layer-0" } },
      { at: "7200ms", own: { app: "desk", on: "app-0", path: "layer-0", does: "consent" } },
      { at: "7500ms", own: { app: "desk", on: "app-0", path: "layer-0", does: "steal" } },
      {
        at: "7700ms",
        own: { app: "desk", on: "app-0", path: "layer-0", does: "transfer", to: "desk@app-2" },
      },
      { at: "7900ms", write: { app: "desk", path: "layer-0", value: 3 } },
      { at: "8s", privilege: { app: "desk", on: "app-0" } },
      { at: "8200ms", transaction: { app: "desk", define: ["cue/one", "cue/two"] } },
      { at: "8500ms", "save-state": { app: "desk", on: "app-1", as: "look" } },
      { at: "8600ms", write: { app: "desk", on: "app-1", path: "cue/one", value: 0.4 } },
      { at: "8800ms", "load-state": { app: "desk", on: "app-1", from: "look" } },
      { at: "9s", privilege: { app: "desk", on: "app-0", does: "offer", to: "desk@app-1" } },
      { at: "9200ms", privilege: { app: "desk", on: "app-1", does: "accept" } },
      {
        at: "9400ms",
        transaction: {
          app: "desk",
          on: "app-1",
          guard: "cue/one",
          put: { "cue/one": 0.5 },
          remove: ["cue/two"],
        },
      },
      { at: "10s", crash: "app-2", for: "2s" },
    ],
    expect: {
      sometimes: [
        "state_owned",
        "state_privileged",
        "state_transaction_done>=2",
        "state_transaction_refused",
        "state_refused",
      ],
    },
  }),
  entry(PR, {
    name: "fixed-host-restarts",
    summary:
      "One machine is set up to host; it crashes, is upgraded, loses its power, and takes the state up again each time.",
    tags: ["state", "failover"],
    ...show,
    state: { ...faders, host: "app-2" },
    timeline: [
      { at: "12s", crash: "app-2", for: "3s" },
      { at: "26s", restart: "app-2" },
      { at: "40s", "power-loss": "app-2", for: "6s" },
    ],
    expect: { sometimes: ["state_host_changed>=3", "state_copied>=50"] },
  }),
  entry(PR, {
    name: "damaged-copies",
    summary:
      "Memory goes wrong at desks and walls, and messages are lost, repeated and swapped: copies find out and repair.",
    tags: ["state", "repair"],
    ...show,
    state: faders,
    timeline: [
      { at: "10s", every: "3s", times: 4, damage: { app: "wall", entries: 2 } },
      { at: "11s", spoil: { app: "desk", loss: "10%", duplicate: "10%", reorder: "10%" }, for: "8s" },
      { at: "22s", damage: { app: "desk", entries: 3 } },
    ],
    expect: {
      sometimes: ["state_differs", "state_repaired", "state_gap"],
    },
  }),
  entry(PR, {
    name: "state-wrong-clocks",
    summary:
      "Wall clocks are off by minutes, drift and jump: shared state goes by order and never by the time of day.",
    tags: ["state", "clock"],
    ...show,
    state: faders,
    timeline: [
      { at: "7s", clock: { nodes: "app-0", offset: "5min" } },
      { at: "8s", clock: { nodes: "app-1", drift: "500ppm" } },
      { at: "10s", clock: { nodes: "viz-*", step: "-1h" } },
      { at: "14s", crash: "@state-host", for: "4s" },
      { at: "24s", clock: { nodes: "app-2", step: "1h" } },
    ],
    expect: { sometimes: ["state_host_changed", "state_copied>=30", "clock_changed>=3"] },
  }),
  entry(NIGHTLY, {
    name: "state-everything",
    summary:
      "Desks do all that clients can do while everything goes wrong that can, drawn from the seed: hosts crash and " +
      "freeze, machines are cut off, frames are lost, clients die and come back, memory and messages are damaged.",
    tags: ["state", "chaos"],
    ...show,
    quiet: "10s",
    state: busy,
    timeline: [{ at: "6500ms", trouble: { every: "1500ms", longest: "4s" }, for: "10s" }],
    // What each seed meets differs: only what all must show is asked for.
    expect: { sometimes: ["state_ready>=5", "state_copied>=10"] },
  }),
];
