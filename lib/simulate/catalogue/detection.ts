// Scenarios of losing each other: crashes of one, a tenth and half of a mesh, stalls, one-way links, partitions.
// Bounds are the targets of the design (discovery research, section 7): a crash is known to every observer within 5 s
// (half of them) and 6 s (99 %) up to 5 % loss, 8 s at 30 % (D1, D2); nobody alive is declared dead (F1); a stalled node
// kills nobody when it goes on (F3); a partition is noticed within 6 s and healed within two beats and a second (P1).

import { type CatalogueEntry, DISCOVERY, entry, NIGHTLY } from "./entry.ts";

const HEALED = { "convergence.max": "<=3s", "convergence.never": 0 };

/** Ten of a hundred crash, one after the other. */
const CRASHES = {
  nodes: { viz: { count: 99, start: { spread: "1s" } }, app: { count: 1 } },
  warmup: "12s",
  timeline: [{ at: "15s", every: "9s", times: 10, crash: "viz-$i" }],
  duration: "130s",
  quiet: "20s",
};

function partition(lasting: string, suites: CatalogueEntry["suites"]): CatalogueEntry {
  return entry(suites, {
    name: `partition-${lasting}`,
    summary: `The mesh is cut into two halves for ${lasting}, and heals.`,
    extends: "base",
    tags: ["partition"],
    timeline: [{ at: "10s", partition: [["viz-0..3", "app-0"], ["viz-4..7"]], for: lasting }],
    quiet: "30s",
    expect: {
      metrics: { ...HEALED, "deaths.false": 0, "suspicion.false": 0 },
      sometimes: ["partition_bit", "partition_seen", "isolated", "rejoined"],
    },
  });
}

/** Losing each other. */
export const DETECTION: readonly CatalogueEntry[] = [
  entry(DISCOVERY, {
    name: "crashes-30",
    summary: "Six of thirty machines crash one after the other, on a network that loses 5 %.",
    tags: ["crash", "loss"],
    nodes: { viz: { count: 29, start: { spread: "500ms" } }, app: { count: 1 } },
    network: { default: { like: "lan", loss: "5%" } },
    warmup: "8s",
    timeline: [{ at: "10s", every: "8s", times: 6, crash: "viz-$i" }],
    duration: "80s",
    quiet: "20s",
    expect: {
      metrics: { "undiscovery.crash.p50": "<=5s", "undiscovery.crash.p99": "<=6s", "deaths.false": 0 },
      sometimes: ["declared_dead>=150", "frames_lost>=1000"],
    },
  }),
  entry(NIGHTLY, {
    ...CRASHES,
    name: "crashes-100",
    summary: "Ten of a hundred machines crash one after the other, on a network that loses nothing.",
    tags: ["crash", "size"],
    expect: {
      metrics: {
        "undiscovery.crash.p50": "<=5s",
        "undiscovery.crash.p99": "<=6s",
        "suspicion.false": 0,
        "deaths.false": 0,
      },
      sometimes: ["declared_dead>=900"],
    },
  }),
  entry(NIGHTLY, {
    ...CRASHES,
    name: "crashes-100-5",
    summary: "Ten of a hundred machines crash one after the other, on a network that loses 5 %.",
    tags: ["crash", "size", "loss"],
    network: { default: { like: "lan", loss: "5%" } },
    expect: {
      metrics: { "undiscovery.crash.p50": "<=5s", "undiscovery.crash.p99": "<=6s", "deaths.false": 0 },
      sometimes: ["declared_dead>=900", "frames_lost>=1000"],
    },
  }),
  entry(NIGHTLY, {
    ...CRASHES,
    name: "crashes-100-30",
    summary: "Ten of a hundred machines crash one after the other, on a network that loses 30 %.",
    tags: ["crash", "size", "loss"],
    network: { default: { like: "lan", loss: "30%" } },
    expect: {
      metrics: { "undiscovery.crash.p99": "<=8s", "deaths.false": 0 },
      sometimes: ["declared_dead>=900", "frames_lost>=1000", "suspicion_cleared"],
    },
  }),
  entry(NIGHTLY, {
    name: "no-false-death",
    summary:
      "A hundred machines for ten minutes at 30 % loss: nobody is declared dead. Eighteen seeds make three hours.",
    tags: ["loss", "size", "long"],
    nodes: { viz: { count: 99, start: { spread: "2s" } }, app: { count: 1 } },
    network: { default: { like: "lan", loss: "30%" } },
    warmup: "20s",
    duration: "10min",
    quiet: "20s",
    expect: {
      metrics: { "deaths.false": 0, "deaths.true": 0, "deaths.pair_hours": ">=1500" },
      sometimes: ["frames_lost>=1000", "suspicion_cleared"],
    },
  }),
  entry(NIGHTLY, {
    name: "blackouts",
    summary:
      "A hundred machines whose links go dead both ways for 2 s at a time, 30 % of twenty minutes; three seeds make an hour.",
    tags: ["loss", "burst", "size", "long"],
    nodes: { viz: { count: 99, start: { spread: "2s" } }, app: { count: 1 } },
    warmup: "30s",
    // Mean good 4.67 s and mean bad 2 s: bad for 30 % of the time.
    timeline: [{
      at: "30s",
      link: {
        link: { like: "lan", bursts: { good: "4670ms", bad: "2s", loss_good: "0%", loss_bad: "100%" } },
      },
    }],
    duration: "20min",
    quiet: "60s",
    expect: {
      metrics: { "deaths.false": "<=2" },
      sometimes: ["frames_lost>=1000", "suspicion_cleared"],
    },
  }),
  entry(DISCOVERY, {
    name: "tenth-dies",
    summary:
      "Three of thirty machines lose their power at once: no fault of those who are left, who say so in time.",
    tags: ["power"],
    nodes: { viz: { count: 29, start: { spread: "500ms" } }, app: { count: 1 } },
    warmup: "8s",
    timeline: [{ at: "12s", "power-loss": "@random(3, viz-*)" }],
    duration: "45s",
    expect: {
      metrics: { "undiscovery.power.p50": "<=5s", "undiscovery.power.p99": "<=6s", "deaths.false": 0 },
      sometimes: ["declared_dead>=80"],
    },
  }),
  entry(DISCOVERY, {
    name: "stops",
    summary:
      "Machines stand still for 3, 10 and 60 s and go on: they are missed, and kill nobody when they are back.",
    extends: "base",
    tags: ["freeze"],
    timeline: [
      { at: "10s", freeze: "viz-1", for: "3s" },
      { at: "20s", freeze: "viz-2", for: "10s" },
      { at: "45s", freeze: "viz-3", for: "60s" },
      { at: "115s", freeze: "viz-4", for: "5s" },
    ],
    quiet: "30s",
    expect: {
      metrics: { "deaths.after_stall": 0, "deaths.false": 0, ...HEALED },
      sometimes: ["stalled>=4", "declared_dead>=16", "returned"],
    },
  }),
  entry(DISCOVERY, {
    name: "restart-200ms",
    summary: "A process is killed and is back 200 ms later under the same address.",
    extends: "base",
    tags: ["restart", "crash"],
    timeline: [
      { at: "10s", crash: "viz-3", for: "200ms" },
      { at: "16s", crash: "app-0", for: "200ms" },
    ],
    expect: {
      metrics: { "join.known_by_all.max": "<=500ms", "suspicion.false": 0, "deaths.true": 0 },
      sometimes: ["restarted>=16"],
    },
  }),
  entry(DISCOVERY, {
    name: "restart-elsewhere",
    summary: "A process is killed and is back two seconds later with another address.",
    extends: "base",
    tags: ["restart", "address"],
    timeline: [
      { at: "10s", crash: "viz-3", for: "2s" },
      { at: "11s", address: { nodes: "viz-3", address: "10.0.9.3/16" } },
    ],
    expect: {
      metrics: { "join.known_by_all.max": "<=500ms", "deaths.true": 0, "convergence.never": 0 },
      sometimes: ["restarted>=8", "interface_changed"],
    },
  }),
  entry(DISCOVERY, {
    name: "mass-restart",
    summary: "Twenty machines restart in the same instant, by a goodbye and then by power.",
    tags: ["restart", "power"],
    nodes: { viz: { count: 19, start: { spread: "500ms" } }, app: { count: 1 } },
    warmup: "8s",
    timeline: [
      { at: "10s", restart: "@all" },
      { at: "25s", "power-loss": "@all", for: "3s" },
    ],
    duration: "60s",
    expect: {
      metrics: { "discovery.all.max": "<=5s", "discovery.missing": 0, "deaths.false": 0 },
      sometimes: ["started_late>=40"],
    },
  }),
  entry(DISCOVERY, {
    name: "one-way-pair",
    summary: "One machine hears another, which does not hear it; everybody else hears both.",
    extends: "base",
    tags: ["partition", "one-way"],
    timeline: [{ at: "10s", cut: { from: "viz-1", to: "viz-5" }, for: "40s" }],
    expect: {
      metrics: { ...HEALED, "deaths.true": 0, "deaths.false": 0, "suspicion.false": 0 },
      sometimes: ["one_way_seen", "unreachable_seen"],
    },
  }),
  entry(DISCOVERY, {
    name: "cut-pair",
    summary: "Two machines do not hear each other and everybody else hears both: out of reach, and not dead.",
    extends: "base",
    tags: ["partition"],
    timeline: [
      { at: "10s", cut: { from: "viz-1", to: "viz-5" }, for: "60s" },
      { at: "10s", cut: { from: "viz-5", to: "viz-1" }, for: "60s" },
    ],
    expect: {
      metrics: { ...HEALED, "deaths.true": 0, "deaths.false": 0, "suspicion.false": 0 },
      sometimes: ["partition_bit", "unreachable_seen>=2"],
    },
  }),
  entry(DISCOVERY, {
    name: "multicast-alone",
    summary:
      "Unicast is as good as dead and multicast lives: beats arrive, hardly a question or an answer does.",
    extends: "base",
    tags: ["link"],
    timeline: [{
      at: "10s",
      link: { link: { like: "lan", loss: "99%", multicast: { loss: "0%" } } },
      for: "40s",
    }],
    expect: { metrics: { "deaths.true": 0, "deaths.false": 0, ...HEALED }, sometimes: ["frames_lost"] },
  }),
  partition("10s", DISCOVERY),
  partition("60s", DISCOVERY),
  entry(DISCOVERY, {
    name: "partition-three",
    summary: "The mesh falls into three parts for 30 s.",
    tags: ["partition"],
    nodes: { viz: { count: 11 }, app: { count: 1 } },
    timeline: [{ at: "10s", partition: [["viz-0..3"], ["viz-4..7"], ["viz-8..10", "app-0"]], for: "30s" }],
    quiet: "30s",
    expect: {
      metrics: { ...HEALED, "deaths.false": 0, "suspicion.false": 0 },
      sometimes: ["partition_bit", "partition_seen", "rejoined"],
    },
  }),
  partition("1h", NIGHTLY),
  partition("25h", NIGHTLY),
  entry(DISCOVERY, {
    name: "flapping-slowly",
    summary: "A link that is down for 2 s and up for 2 s, for a minute.",
    extends: "base",
    tags: ["cable"],
    timeline: [{ at: "10s", flapping: { nodes: "viz-3", down: "2s", up: "2s" }, for: "60s" }],
    quiet: "30s",
    expect: {
      metrics: { "deaths.false": 0, "convergence.never": 0 },
      sometimes: ["interface_changed>=10"],
    },
  }),
  entry(DISCOVERY, {
    name: "deaf-in-bursts",
    summary: "A machine hears nothing for 2, 5 and 10 s, again and again, and is heard all the time.",
    extends: "base",
    tags: ["one-way"],
    timeline: [
      { at: "10s", every: "40s", times: 3, cut: { from: "@all", to: "viz-2" }, for: "2s" },
      { at: "20s", every: "40s", times: 3, cut: { from: "@all", to: "viz-2" }, for: "5s" },
      { at: "35s", every: "40s", times: 3, cut: { from: "@all", to: "viz-2" }, for: "10s" },
    ],
    quiet: "30s",
    // It takes itself for cut off, and nobody for dead.
    expect: {
      metrics: { "deaths.true": 0, "deaths.false": 0, ...HEALED },
      sometimes: ["isolated>=3", "partition_seen", "one_way_seen"],
    },
  }),
  entry(DISCOVERY, {
    name: "stale-dead-list",
    summary:
      "Two machines are cut off until they have declared all others dead; they come back, and nobody believes their list.",
    extends: "base",
    tags: ["partition"],
    timeline: [{ at: "10s", partition: [["viz-3", "viz-4"]], for: "100s" }],
    quiet: "40s",
    expect: {
      metrics: { ...HEALED, "deaths.false": 0, "suspicion.false": 0 },
      sometimes: ["declared_dead>=14", "returned>=14"],
    },
  }),
  entry(DISCOVERY, {
    name: "goodbye-lost",
    summary: "A machine says goodbye while nothing that it says gets through.",
    extends: "base",
    tags: ["leave", "one-way"],
    timeline: [
      { at: "10s", cut: { from: "viz-2", to: "@all" }, for: "3s" },
      { at: "10500ms", leave: "viz-2" },
    ],
    duration: "45s",
    expect: {
      metrics: { "undiscovery.leave.p99": "<=6s", "deaths.false": 0, "suspicion.false": 0 },
      sometimes: ["declared_dead>=7"],
    },
  }),
  entry(DISCOVERY, {
    name: "clocks-set",
    summary:
      "Wall clocks are set forward and back by an hour, and by a second every few seconds; a year is gone.",
    extends: "base",
    tags: ["clock"],
    timeline: [
      { at: "10s", clock: { nodes: "viz-1", step: "1h" } },
      { at: "12s", clock: { nodes: "viz-2", step: "-1h" } },
      { at: "14s", every: "3s", times: 5, clock: { nodes: "viz-3", step: "1s" } },
      { at: "16s", clock: { nodes: "viz-4", step: "-8760h" } },
      { at: "20s", crash: "viz-4", for: "1s" },
    ],
    expect: {
      metrics: { "suspicion.false": 0, "deaths.true": 0, "deaths.false": 0, "convergence.never": 0 },
      sometimes: ["clock_changed>=8", "restarted>=8"],
    },
  }),
  entry(NIGHTLY, {
    name: "beats-back-off",
    summary:
      "Two hundred machines beat every two seconds; when three quarters have gone, the others beat faster again.",
    tags: ["size", "leave"],
    nodes: { viz: { count: 199, start: { spread: "4s" } }, app: { count: 1 } },
    warmup: "20s",
    timeline: [{ at: "22s", leave: "viz-0..149" }],
    duration: "75s",
    quiet: "25s",
    // Fifty that are left beat every second, as small meshes do.
    expect: {
      metrics: {
        "deaths.false": 0,
        "undiscovery.leave.p99": "<=50ms",
        "load.sent_per_s.p50": [">=0.9", "<=3"],
        "load.received_per_s.p99": "<=110",
      },
      sometimes: ["left_seen>=1000"],
    },
  }),
];
