// Scenarios in which programs, their shims and their nodes go wrong: supervision as it ships, on scripted programs.
// Quiet tails last 30 s: the longest pause between two tries with its jitter, an end by force and a start fit in.
// Bounds are the targets of the design: the first retry within 20 ms, silence noticed within 2.5 s, twenty programs
// adopted within 200 ms. Computing takes no time here: they bound what the protocols wait for.

import { type CatalogueEntry, entry, NIGHTLY, PR, SMOKE } from "./entry.ts";

const FEW = { viz: { count: 2 }, app: { count: 1 } };
const quiet = "30s";

/** Programs go wrong. */
const CRASHES: readonly CatalogueEntry[] = [
  entry(SMOKE, {
    name: "programs-smoke",
    summary: "A program crashes, its daemon crashes, its shim is lost, and two consoles press Restart.",
    tags: ["programs"],
    nodes: FEW,
    programs: {
      scene: { on: "viz-*" },
      poor: { on: "viz-0", does: { speaks: "notify", crash_after: "3s", times: 2 } },
    },
    timeline: [
      { at: "8s", "kill-program": { program: "scene", on: "viz-0" } },
      { at: "11s", "restart-program": { program: "scene", on: "viz-1", consoles: 2, same_run: true } },
      { at: "14s", crash: "viz-0", for: "2s" },
      { at: "18s", "kill-shim": { program: "scene", on: "viz-1" } },
    ],
    quiet,
    expect: {
      metrics: { "program.first_retry.max": "<=20ms", "program.events_lost": 0 },
      sometimes: ["program_crashed>=3", "restart_coalesced", "daemon_adopted", "shim_lost"],
    },
  }),
  entry(PR, {
    name: "crash-loop",
    summary:
      "A program fails two seconds after every start: it is tried with growing pauses, and nothing else suffers.",
    tags: ["programs"],
    nodes: FEW,
    programs: {
      broken: { on: "viz-0", does: { crash_after: "2s" } },
      quick: { on: "viz-0", does: { start_takes: "0s", crash_after: "20ms", code: 139 } },
      once: { on: "viz-1", does: { ends_after: "3s" }, want: "once" },
      fatal: { on: "viz-1", does: { crash_after: "1s", code: 78 } },
      giving: { on: "viz-1", does: { crash_after: "1s" }, give_up: { after: 4, within: "60s" } },
      sound: { on: "viz-*" },
    },
    duration: "120s",
    quiet,
    expect: {
      metrics: { "program.first_retry.max": "<=20ms", "program.events_lost": 0 },
      sometimes: ["program_crashed>=10", "program_parked>=2"],
    },
  }),
  entry(PR, {
    name: "crash-loop-with-slate",
    summary:
      "A program fails four times; the safe look is shown from the third failure on, until it has held for 10 s.",
    tags: ["programs"],
    nodes: FEW,
    programs: {
      scene: { on: "viz-0", does: { start_takes: "100ms", crash_after: "1s", times: 4 }, fallback_after: 3 },
      lost: { on: "viz-1", does: { start_takes: "100ms", crash_after: "1s" }, fallback_after: 3 },
    },
    timeline: [{ at: "30s", "stop-program": "lost" }],
    quiet,
    expect: { sometimes: ["fallback_shown>=2", "program_crashed>=6", "program_stopped"] },
  }),
  entry(PR, {
    name: "hung-program",
    summary:
      "Programs fall silent, in the child protocol and in sd_notify; they hear nothing, and are ended by force.",
    tags: ["programs"],
    nodes: FEW,
    programs: {
      scene: { on: "viz-*", does: { hang_after: "6s", times: 2 } },
      notifier: { on: "viz-*", does: { speaks: "notify", hang_after: "7s", forks: 3, times: 1 } },
      silent: { on: "viz-*", does: { speaks: "none", hang_after: "5s" } },
    },
    duration: "80s",
    quiet,
    expect: {
      metrics: { "program.hang.max": "<=2.5s", "program.events_lost": 0 },
      sometimes: ["program_hung>=4"],
    },
  }),
  entry(PR, {
    name: "frozen-picture",
    summary:
      "A program beats while its picture stands still: one is only told of, the other is started anew.",
    tags: ["programs"],
    nodes: FEW,
    programs: {
      shown: { on: "viz-0", does: { freeze_picture_after: "4s" } },
      anew: { on: "viz-1", does: { freeze_picture_after: "4s", times: 1 }, stall_does: "restart" },
    },
    duration: "60s",
    quiet,
    expect: { metrics: { "program.starts": 3 }, sometimes: ["picture_frozen"] },
  }),
  entry(PR, {
    name: "unkillable-driver",
    summary:
      "A program waits in its driver while it is stopped and restarted: it is named, never doubled, and goes on.",
    tags: ["programs"],
    nodes: FEW,
    programs: {
      scene: { on: "viz-*", does: { in_driver_after: "9s", in_driver_for: "25s", times: 1 } },
    },
    timeline: [
      { at: "12s", "stop-program": { program: "scene", on: "viz-0", now: true } },
      { at: "12s", "restart-program": { program: "scene", on: "viz-1" } },
      { at: "20s", crash: "viz-1", for: "2s" },
      { at: "24s", "kill-shim": { program: "scene", on: "viz-1" } },
    ],
    duration: "95s",
    quiet: "60s",
    expect: { sometimes: ["program_unkillable>=2", "program_stopped"] },
  }),
  entry(PR, {
    name: "fork-storm",
    summary:
      "A program starts 320 children in groups of their own, which ignore all requests, and is stopped and killed.",
    tags: ["programs"],
    nodes: FEW,
    programs: { storm: { on: "viz-*", does: { forks: 320, ignore_term: true }, grace: "1s" } },
    timeline: [
      { at: "8s", "kill-program": "storm" },
      { at: "12s", "kill-shim": { program: "storm", on: "viz-1" } },
      { at: "16s", "stop-program": "storm" },
    ],
    quiet,
    expect: { sometimes: ["program_crashed", "program_stopped>=2", "shim_lost"] },
  }),
  entry(PR, {
    name: "missing-binary-appears",
    summary:
      "The file of a program is missing when it is asked for, and when it crashed; it starts as soon as it is there.",
    tags: ["programs"],
    nodes: FEW,
    programs: { scene: { on: "viz-0", start: "later" }, other: { on: "viz-1" } },
    timeline: [
      { at: "6s", "remove-binary": "scene", for: "6s" },
      { at: "7s", "start-program": "scene" },
      { at: "8s", "remove-binary": "other", for: "5s" },
      { at: "9s", "kill-program": "other" },
    ],
    quiet,
    expect: { sometimes: ["program_parked>=2", "program_crashed"] },
  }),
];

/** Twenty programs on one node. */
const twenty = { on: "viz-0", count: 20 };

/** Shims, daemons, machines and consoles go wrong. */
const AROUND: readonly CatalogueEntry[] = [
  entry(PR, {
    name: "daemon-crash-and-return",
    summary:
      "A daemon with twenty programs, three of which keep crashing, is killed and comes back: nothing is disturbed.",
    tags: ["programs"],
    nodes: FEW,
    programs: {
      scene: { ...twenty, count: 17 },
      churn: { on: "viz-0", count: 3, does: { crash_after: "1500ms" }, backoff_cap: "2s" },
    },
    timeline: [{ at: "10s", every: "8s", times: 3, crash: "viz-0", for: "3s" }],
    quiet,
    expect: {
      metrics: { "program.adoption.max": "<=200ms", "program.events_lost": 0 },
      sometimes: ["daemon_adopted>=51", "program_crashed>=10"],
    },
  }),
  entry(NIGHTLY, {
    name: "daemon-killed-hundred-times",
    summary:
      "A daemon with ten programs is killed a hundred times while programs crash and consoles press buttons.",
    tags: ["programs"],
    nodes: FEW,
    programs: {
      scene: { on: "viz-0", count: 7 },
      churn: { on: "viz-0", count: 3, does: { crash_after: "1300ms" }, backoff_cap: "2s" },
    },
    timeline: [
      { at: "6s", every: "2s", times: 100, crash: "viz-0", for: "700ms" },
      { at: "6500ms", every: "7s", times: 28, "restart-program": { program: "scene-1", consoles: 2 } },
      { at: "9300ms", every: "11s", times: 17, "stop-program": "scene-2" },
      { at: "14100ms", every: "11s", times: 17, "start-program": "scene-2" },
    ],
    quiet,
    expect: {
      metrics: { "program.adoption.max": "<=200ms", "program.events_lost": 0 },
      sometimes: ["daemon_adopted>=500", "program_crashed>=50"],
    },
  }),
  entry(PR, {
    name: "shim-lost",
    summary:
      "Shims are killed one after the other while their daemon lives: each program is ended and started anew, once.",
    tags: ["programs"],
    nodes: FEW,
    programs: {
      scene: { on: "viz-*", does: { forks: 4 } },
      stubborn: { on: "viz-0", does: { ignore_term: true } },
    },
    timeline: [
      { at: "8s", "kill-shim": { program: "scene", on: "viz-0" } },
      { at: "10s", every: "1s", times: 5, "kill-shim": { program: "scene", on: "viz-1" } },
      { at: "12s", "kill-shim": "stubborn" },
    ],
    quiet,
    expect: { sometimes: ["shim_lost>=7"] },
  }),
  entry(PR, {
    name: "shim-and-daemon-lost",
    summary:
      "Shims are killed while no daemon lives: the next daemon ends what is left, then starts it anew.",
    tags: ["programs"],
    nodes: FEW,
    programs: { scene: { on: "viz-*", count: 3, does: { forks: 2 } } },
    timeline: [
      { at: "8s", crash: "viz-*", for: "6s" },
      { at: "10s", "kill-shim": { program: "scene-*", on: "viz-0" } },
      { at: "11s", "kill-shim": { program: "scene-1", on: "viz-1" } },
      { at: "20s", "kill-shim": { program: "scene-2", on: "viz-1" } },
      { at: "20s", crash: "viz-1", for: "3s" },
    ],
    quiet,
    expect: { sometimes: ["shim_lost>=4", "daemon_adopted>=2"] },
  }),
  entry(PR, {
    name: "host-power-loss-and-return",
    summary:
      "Machines lose their power with programs up, stopped and crashing: what was answered is wanted afterwards.",
    tags: ["programs", "power"],
    nodes: FEW,
    programs: {
      scene: { on: "viz-*" },
      churn: { on: "viz-*", does: { crash_after: "700ms" }, backoff_cap: "2s" },
      down: { on: "viz-*" },
      waits: { on: "viz-1", boot: "ask" },
    },
    timeline: [
      { at: "8s", "stop-program": "down" },
      { at: "8500ms", "power-loss": "viz-0", for: "3s" },
      { at: "10s", "power-loss": "viz-1", for: "2s" },
      { at: "16s", "start-program": { program: "down", on: "viz-0" } },
      { at: "16010ms", "power-loss": "viz-0", for: "2s" },
    ],
    quiet,
    expect: { sometimes: ["program_crashed>=10", "program_stopped"] },
  }),
  entry(PR, {
    name: "two-consoles-press-restart",
    summary:
      "Two consoles press Restart in the same instant, again and again, once while the node is away: one restart each.",
    tags: ["programs"],
    nodes: { viz: { count: 2 }, app: { count: 2 } },
    programs: { scene: { on: "viz-*", does: { stop_takes: "300ms" } } },
    timeline: [
      {
        at: "8s",
        every: "3s",
        times: 5,
        "restart-program": { program: "scene", consoles: 2, same_run: true },
      },
      { at: "24s", crash: "viz-0", for: "2s" },
      { at: "24s", "restart-program": { program: "scene", on: "viz-0", consoles: 2 } },
      {
        at: "30s",
        "restart-program": { program: "scene", on: "viz-1", consoles: 2, same_run: true, now: true },
      },
      { at: "30050ms", crash: "viz-1", for: "1s" },
    ],
    quiet,
    expect: { metrics: { "program.events_lost": 0 }, sometimes: ["restart_coalesced>=8"] },
  }),
  entry(PR, {
    name: "fifty-restarts",
    summary:
      "Consoles ask for fifty restarts within half a second; the program is restarted a few times, and runs.",
    tags: ["programs"],
    nodes: { viz: { count: 1 }, app: { count: 2 } },
    programs: { scene: { on: "viz-0", does: { stop_takes: "150ms" } } },
    timeline: [{ at: "8s", every: "10ms", times: 50, "restart-program": "scene" }],
    quiet,
    expect: { metrics: { "program.starts": "<=8" }, sometimes: ["restart_coalesced>=20"] },
  }),
  entry(PR, {
    name: "stop-while-waiting",
    summary:
      "Programs that wait for others, for the next try and for their start are stopped, and started in another order.",
    tags: ["programs"],
    nodes: FEW,
    programs: {
      engine: { on: "viz-0", start: "later", does: { start_takes: "2s" } },
      scene: { on: "viz-0", needs: { engine: "ready" }, bind: true },
      loop: { on: "viz-1", does: { start_takes: "0s", crash_after: "50ms" } },
      slow: { on: "viz-1", start: "later", does: { start_takes: "10s" } },
    },
    timeline: [
      { at: "6s", "stop-program": "scene" },
      { at: "7s", "start-program": "scene" },
      { at: "8s", "start-program": "engine" },
      { at: "9s", "start-program": "slow" },
      { at: "12s", "stop-program": "loop" },
      { at: "13s", "stop-program": "slow" },
      { at: "15s", "restart-program": "engine" },
    ],
    quiet,
    expect: { sometimes: ["program_waited", "program_stopped"] },
  }),
  entry(PR, {
    name: "disk-full-on-stage",
    summary:
      "A disk is full while programs crash, are stopped and started and a daemon dies: pictures go on.",
    tags: ["programs", "disk"],
    nodes: FEW,
    programs: {
      scene: { on: "viz-*" },
      churn: { on: "viz-*", does: { crash_after: "2s" }, backoff_cap: "3s" },
    },
    timeline: [
      { at: "8s", "fill-disk": "viz-*", for: "20s" },
      { at: "10s", "kill-program": { program: "scene", on: "viz-0" } },
      { at: "12s", "restart-program": { program: "scene", on: "viz-1" } },
      { at: "14s", crash: "viz-1", for: "18s" },
      { at: "18s", "stop-program": { program: "scene", on: "viz-0" } },
      { at: "20s", "start-program": { program: "scene", on: "viz-0" } },
    ],
    quiet,
    expect: { sometimes: ["program_crashed>=5", "daemon_adopted"] },
  }),
  entry(PR, {
    name: "suspended-shim",
    summary:
      "Shims, a whole machine and a daemon's partner stand still for a minute: nobody is ended for it, nothing doubled.",
    tags: ["programs", "freeze"],
    nodes: FEW,
    programs: { scene: { on: "viz-*" } },
    timeline: [
      { at: "8s", "stop-shim": { program: "scene", on: "viz-0" }, for: "60s" },
      { at: "10s", crash: "viz-0", for: "3s" },
      { at: "20s", freeze: "viz-1", for: "30s" },
      { at: "70s", "kill-program": { program: "scene", on: "viz-1", signal: "SIGSTOP" }, for: "1s" },
    ],
    quiet,
    expect: { metrics: { "program.starts": 2 }, sometimes: ["shim_suspended", "daemon_adopted"] },
  }),
  entry(PR, {
    name: "clock-jumps",
    summary:
      "Wall clocks jump by hours, forth and back, while programs run, crash and are restarted: none is ended for it.",
    tags: ["programs", "clock"],
    nodes: FEW,
    programs: {
      scene: { on: "viz-*" },
      churn: { on: "viz-0", does: { crash_after: "5s", times: 3 } },
    },
    timeline: [
      { at: "8s", clock: { nodes: "viz-0", step: "3h" } },
      { at: "12s", clock: { nodes: "viz-0", step: "-6h" } },
      { at: "14s", clock: { nodes: "viz-1", step: "-8760h" } },
      { at: "16s", crash: "viz-1", for: "1s" },
      { at: "18s", clock: { nodes: "viz-1", step: "8760h", drift: "200ppm" } },
      { at: "20s", "restart-program": { program: "scene", on: "viz-0", consoles: 2, same_run: true } },
    ],
    quiet,
    expect: {
      metrics: { "program.starts": 7, "program.events_lost": 0 },
      sometimes: ["clock_changed>=4", "daemon_adopted"],
    },
  }),
  entry(PR, {
    name: "partition-while-supervised",
    summary:
      "The console is cut off and presses buttons all the same: programs go on, and its demands are done once later.",
    tags: ["programs", "partition"],
    nodes: { viz: { count: 3 }, app: { count: 1 } },
    programs: {
      scene: { on: "viz-*" },
      churn: { on: "viz-2", does: { crash_after: "4s", times: 3 } },
    },
    timeline: [
      { at: "8s", partition: [["app-0"]], for: "15s" },
      { at: "10s", "restart-program": { program: "scene", on: "viz-0" } },
      { at: "11s", "stop-program": { program: "scene", on: "viz-1" } },
      { at: "12s", "kill-program": { program: "scene", on: "viz-2" } },
    ],
    quiet,
    expect: { metrics: { "program.events_lost": 0 }, sometimes: ["program_crashed>=2", "program_stopped"] },
  }),
  entry(PR, {
    name: "apply-interrupted-by-power-loss",
    summary:
      "The power goes in the instant in which a show is applied, and again later: all of it is wanted, or none.",
    tags: ["programs", "power"],
    nodes: FEW,
    programs: { scene: { on: "viz-0", count: 4, start: "later" }, sound: { on: "viz-1", start: "later" } },
    timeline: [
      { at: "8s", "apply-show": "viz-*" },
      { at: "8s", "power-loss": "viz-0", for: "2s" },
      { at: "14s", "apply-show": "viz-*" },
      { at: "14002ms", "power-loss": "viz-*", for: "2s" },
      { at: "20s", "apply-show": "viz-*" },
    ],
    quiet,
    expect: { metrics: { "program.starts": ">=5" } },
  }),
  entry(NIGHTLY, {
    name: "programs-everything",
    summary: "Whatever can befall programs does, to nodes that the seed draws, for four minutes.",
    tags: ["programs", "random"],
    nodes: { viz: { count: 4 }, app: { count: 2 } },
    programs: {
      scene: { on: "viz-*", does: { forks: 3, stop_takes: "100ms" } },
      churn: { on: "viz-*", does: { speaks: "notify", crash_after: "3s" }, backoff_cap: "4s" },
      hangs: { on: "viz-*", does: { hang_after: "20s" } },
      stubborn: { on: "viz-*", does: { ignore_term: true, stop_takes: "1s" }, grace: "2s" },
      look: { on: "viz-*", does: { crash_after: "1s", times: 8 }, fallback_after: 3, backoff_cap: "3s" },
    },
    timeline: [
      { at: "10s", every: "13s", until: "4min", crash: "@random(1, viz-*)", for: "3s" },
      { at: "12s", every: "17s", until: "4min", "kill-shim": { program: "*", on: "@random(1, viz-*)" } },
      { at: "13s", every: "19s", until: "4min", "kill-program": { program: "*", on: "@random(2, viz-*)" } },
      { at: "15s", every: "43s", until: "4min", "power-loss": "@random(1, viz-*)", for: "4s" },
      {
        at: "17s",
        every: "7s",
        until: "4min",
        "restart-program": { program: "scene", on: "@random(1, viz-*)", consoles: 2, same_run: true },
      },
      {
        at: "19s",
        every: "23s",
        until: "4min",
        "stop-program": { program: "stubborn", on: "@random(2, viz-*)" },
      },
      {
        at: "26s",
        every: "23s",
        until: "4min",
        "start-program": { program: "stubborn", on: "@random(2, viz-*)" },
      },
      { at: "30s", every: "47s", until: "4min", "fill-disk": "@random(1, viz-*)", for: "9s" },
      {
        at: "34s",
        every: "53s",
        until: "4min",
        "stop-shim": { program: "*", on: "@random(1, viz-*)" },
        for: "11s",
      },
      { at: "38s", every: "59s", until: "4min", freeze: "@random(1, viz-*)", for: "8s" },
      { at: "41s", every: "61s", until: "4min", clock: { nodes: "@random(2, viz-*)", step: "-90s" } },
      { at: "44s", every: "67s", until: "4min", isolate: "@random(1, viz-*)", for: "12s" },
    ],
    duration: "310s",
    quiet: "60s",
    expect: { sometimes: ["program_crashed>=50", "shim_lost>=10", "daemon_adopted>=20", "program_hung"] },
  }),
];

/** Scenarios about programs. */
export const PROGRAMS: readonly CatalogueEntry[] = [...CRASHES, ...AROUND];
