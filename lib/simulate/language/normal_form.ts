// The structure of the normal form, for scenarios that come from a shrinker, a report or another process.
// Decides that each field is there and of its type; that it makes sense is checked as for hand-written ones.

import { SCENARIO_VERSION } from "../scenario.ts";
import type { Action, LinkSpec, Scenario } from "../scenario.ts";
import type { StateAction } from "../state_plan.ts";
import { SCENARIO_NAME } from "./document.ts";
import { anyValue } from "./state.ts";
import { pathOf, ScenarioProblem, suggest } from "./problem.ts";
import {
  choice,
  isRecord,
  list,
  mapping,
  optional,
  plainNumber,
  record,
  required,
  type Shape,
  text,
  yesNo,
} from "./shape.ts";

const D = "a field of the normal form";
const need = <Out>(shape: Shape<Out>) => required(shape, D);
const may = <Out>(shape: Shape<Out>) => optional(shape, D);

const us = plainNumber("microseconds", { min: 0, max: Number.MAX_SAFE_INTEGER, integer: true });
const bytes = plainNumber("bytes", { min: 0, max: Number.MAX_SAFE_INTEGER, integer: true });
const share = plainNumber("a share", { min: 0, max: 1 });
const signed = plainNumber("a number", { min: -1e15, max: 1e15 });
const words = text("a text");
const name = text("a name", "^[^\\s]+$");

/** Null, or what the shape says. */
function orNull<Out>(shape: Shape<Out>): Shape<Out | null> {
  return { read: (raw, path) => raw === null ? null : shape.read(raw, path), schema: () => shape.schema() };
}

/** One of several records, told apart by the text at `key`. */
function tagged<Out>(key: string, rows: Readonly<Record<string, Shape<Out>>>): Shape<Out> {
  return {
    read(raw, path) {
      const tag = isRecord(raw) ? raw[key] : undefined;
      const row = typeof tag === "string" && Object.hasOwn(rows, tag) ? rows[tag] : undefined;
      if (row !== undefined) return row.read(raw, path);
      throw new ScenarioProblem(pathOf(path, key), "is unknown", suggest(String(tag), Object.keys(rows)));
    },
    schema: () => ({ anyOf: Object.values(rows).map((row) => row.schema()) }),
  };
}

const delay = tagged("kind", {
  constant: record({ kind: need(words), us: need(us) }),
  uniform: record({ kind: need(words), minUs: need(us), maxUs: need(us) }),
  exponential: record({ kind: need(words), minUs: need(us), meanUs: need(us) }),
  lognormal: record({ kind: need(words), minUs: need(us), medianUs: need(us), sigma: need(signed) }),
} as Record<string, Shape<unknown>>);

const fare = {
  delay: may(delay),
  loss: may(share),
  bursts: may(record({ goodUs: need(us), badUs: need(us), lossGood: need(share), lossBad: need(share) })),
  stall: may(record({ everyUs: need(us), minUs: need(us), meanExtraUs: need(us), losesFirst: need(yesNo) })),
  duplicate: may(share),
  reorder: may(record({ share: need(share), extraUs: need(us) })),
  corrupt: may(share),
  bitsPerSecond: may(bytes),
  queueBytes: may(bytes),
  mtuBytes: may(bytes),
};

const linkRecord = record({ ...fare, group: may(record(fare)), datagrams: may(record(fare)) });
const link: Shape<LinkSpec> = {
  read: (raw, path) => linkRecord.read(raw, path) as LinkSpec,
  schema: () => linkRecord.schema(),
};

const clockChange = tagged("kind", {
  offset: record({ kind: need(words), ms: need(signed) }),
  step: record({ kind: need(words), ms: need(signed) }),
  drift: record({ kind: need(words), ppm: need(signed) }),
  sine: record({ kind: need(words), amplitudeMs: need(signed), periodUs: need(us) }),
} as Record<string, Shape<unknown>>);

const verb = need(words);
const nodes = need(words);
const onlyNodes = record({ verb, nodes });
const pair = { verb, from: need(words), to: need(words) };
const change = choice(["down", "up", "remove", "recreate"]);

const aboutProgram = record({ verb, nodes, program: need(name) });
const asked = {
  verb,
  nodes,
  program: need(name),
  from: may(words),
  consoles: may(bytes),
  sameRun: may(yesNo),
  now: may(yesNo),
};

const everyUs = need(plainNumber("microseconds", { min: 1, max: Number.MAX_SAFE_INTEGER, integer: true }));
const app = need(words);
const ofApp = { verb, nodes, app };
const path = need(words);
const priority = may(bytes);
const value = need(anyValue);
const rules = record({
  type: need(words),
  subsystem: may(words),
  default: may(anyValue),
  min: may(signed),
  max: may(signed),
  unit: may(anyValue),
  words: may(list(words)),
  merge: may(words),
  onLoss: may(words),
  fadeUs: may(us),
  rate: may(words),
  description: may(anyValue),
});

const stateRows: Record<StateAction["verb"], Shape<unknown>> = {
  "write": record({ ...ofApp, path, value, priority, momentary: may(yesNo), take: may(yesNo) }),
  "claim": record({ ...ofApp, path, priority }),
  "release": record({ ...ofApp, path }),
  "drag": record({ ...ofApp, path, everyUs, priority }),
  "own": record({ ...ofApp, path, does: need(words), to: may(words) }),
  "privilege": record({ ...ofApp, does: need(words), to: may(words) }),
  "transaction": record({
    ...ofApp,
    guard: may(words),
    put: may(mapping(anyValue, { what: "a path", pattern: "" })),
    define: may(list(words)),
    remove: may(list(words)),
  }),
  "save-state": record({ ...ofApp, as: need(words) }),
  "load-state": record({ ...ofApp, from: need(words), priority }),
  "start-app": record(ofApp),
  "leave-app": record(ofApp),
  "kill-app": record({ ...ofApp, token: need(choice(["kept", "lost"])) }),
  "cut-app": record(ofApp),
  "flood": record({ ...ofApp, everyUs, with: need(choice(["writes", "wishes", "hellos", "garbage"])) }),
  "damage": record({ ...ofApp, entries: need(bytes) }),
  "spoil": record({ ...ofApp, loss: need(share), duplicate: need(share), reorder: need(share) }),
  "redefine": record({ verb, nodes, parameter: need(words), rules: need(rules) }),
  "trouble": record({ verb, nodes, kinds: need(list(words)), everyUs, longestUs: need(us) }),
};

const actionRows: Record<Action["verb"], Shape<unknown>> = {
  "partition": record({ verb, groups: need(list(words, { min: 1 })) }),
  "isolate": onlyNodes,
  "cut": record(pair),
  "heal": record({ verb }),
  "clog": record(pair),
  "link": record({ ...pair, link: need(link) }),
  "group-loss": record({ verb, nodes, loss: need(share) }),
  "interface": record({ verb, nodes, name: need(name), change: need(change) }),
  "wrong-interface": onlyNodes,
  "address": record({ verb, nodes, name: need(name), address: need(name), prefix: need(bytes) }),
  "crash": onlyNodes,
  "power-loss": onlyNodes,
  "freeze": onlyNodes,
  "slow": record({ verb, nodes, extraUs: need(us) }),
  "restart": record({ verb, nodes, software: may(words) }),
  "start": onlyNodes,
  "leave": onlyNodes,
  "clock": record({ verb, nodes, change: need(clockChange) }),
  "mark": record({ verb, text: need(words) }),
  "start-program": record(asked),
  "stop-program": record(asked),
  "restart-program": record(asked),
  "kill-program": record({
    verb,
    nodes,
    program: need(name),
    signal: need(choice(["SIGKILL", "SIGTERM", "SIGSTOP", "SIGCONT"])),
  }),
  "kill-shim": aboutProgram,
  "stop-shim": aboutProgram,
  "remove-binary": aboutProgram,
  "fill-disk": onlyNodes,
  "apply-show": onlyNodes,
  ...stateRows,
};

const node = record({
  name: need(name),
  group: need(name),
  role: need(choice(["app", "visualization", "daemon"])),
  host: need(name),
  interfaces: need(
    list(record({ name: need(name), segment: need(name), address: need(name), prefix: need(bytes) })),
  ),
  startUs: need(orNull(us)),
  tags: need(mapping(words, { what: "a tag", pattern: "" })),
  key: need(orNull(bytes)),
  seeds: need(list(name)),
  wantedName: may(words),
  cloneOf: may(name),
});

const traffic = record({
  id: need(name),
  from: need(words),
  to: need(words),
  lane: need(choice(["control", "state", "modulation", "events", "telemetry"])),
  kind: need(choice(["stream", "request", "command"])),
  everyUs: need(plainNumber("microseconds", { min: 1, max: Number.MAX_SAFE_INTEGER, integer: true })),
  bytes: need(bytes),
  startUs: need(us),
  endUs: need(us),
});

const program = record({
  name: need(name),
  on: need(words),
  startUs: need(orNull(us)),
  want: need(choice(["up", "once"])),
  does: need(record({
    speaks: need(choice(["none", "notify", "protocol"])),
    startTakesUs: may(us),
    endsAfterUs: may(us),
    endCode: may(bytes),
    endSignal: may(choice(["SIGKILL", "SIGTERM", "SIGHUP", "SIGINT"])),
    hangsAfterUs: may(us),
    freezesAfterUs: may(us),
    driverAfterUs: may(us),
    driverForUs: may(us),
    ignoresTerm: may(yesNo),
    stopTakesUs: may(us),
    forks: may(bytes),
    memoryBytes: may(bytes),
    times: may(bytes),
  })),
  rules: need(record({
    restart: may(choice(["always", "on-failure", "never"])),
    backoffCapUs: may(us),
    giveUp: may(record({ after: need(bytes), withinUs: need(us) })),
    graceUs: may(us),
    startUs: may(us),
    heartbeatUs: may(us),
    hangWarnUs: may(us),
    hangKillUs: may(us),
    stallUs: may(us),
    stall: may(choice(["alert", "restart"])),
    needs: may(mapping(choice(["started", "ready", "done"]), { what: "a program", pattern: "" })),
    bind: may(yesNo),
    memoryMaxBytes: may(bytes),
    boot: may(choice(["restore", "ask"])),
    fallbackAfter: may(bytes),
  })),
});

const state = record({
  hosts: need(orNull(words)),
  parameters: need(list(record({ name: need(name), on: need(orNull(words)), rules: need(rules) }))),
  apps: need(list(record({
    name: need(name),
    on: need(words),
    startUs: need(orNull(us)),
    interests: may(list(words)),
    writes: need(list(record({ path, everyUs, priority, momentary: may(yesNo) }))),
    playsEveryUs: may(us),
  }))),
});

const scenario = record({
  version: need(choice([SCENARIO_VERSION])),
  name: need(text("a name", SCENARIO_NAME)),
  summary: need(words),
  tags: need(list(words)),
  warmupUs: need(us),
  durationUs: need(us),
  quietUs: need(us),
  network: need(record({
    segments: need(list(record({ name: need(name), link: need(link) }), { min: 1 })),
    overrides: need(list(record({ from: need(words), to: need(words), link: need(link) }))),
  })),
  nodes: need(list(node, { min: 1 })),
  traffic: need(list(traffic)),
  programs: may(list(program)),
  state: may(state),
  timeline: need(
    list(
      record({ id: need(name), atUs: need(us), forUs: may(us), action: need(tagged("verb", actionRows)) }),
      {
        max: 20_000,
      },
    ),
  ),
  expect: need(record({
    invariants: need(list(words)),
    metrics: need(list(record({
      metric: need(name),
      statistic: need(choice(["value", "count", "min", "p50", "p95", "p99", "max"])),
      operator: need(choice(["<", "<=", "=", ">=", ">"])),
      value: need(signed),
      text: need(words),
    }))),
    sometimes: need(list(record({ claim: need(name), atLeast: need(bytes) }))),
  })),
});

/** Whether this is meant as the normal form: a file has a mapping of nodes, the normal form a list. */
export function isNormalForm(raw: unknown): boolean {
  return isRecord(raw) && Array.isArray(raw.nodes);
}

/** Reads a scenario in the normal form; what it returns equals what it was given. */
export function readNormalForm(raw: unknown): Scenario {
  return scenario.read(raw, "") as Scenario;
}
