// What the page of a run shows, as plain data: who was in which state when, who believed what, what went wrong.
// Decides how facts become stretches of time; never how they are drawn (html_script.ts draws).

import type { NodeState } from "../../node/mod.ts";
import type { Fact, RunResult } from "../observe.ts";
import type { Scenario } from "../scenario.ts";
import { nodesOf } from "./fact_nodes.ts";
import { factText } from "./fact_line.ts";
import { boundUses, limitText, valueText } from "./figures.ts";
import { identityOf } from "./report.ts";

/** Everything that the page is made of. */
export interface TimelineRun {
  readonly result: RunResult;
  readonly scenario: Scenario;
  readonly facts: readonly Fact[];
  /** The command that plays it again. */
  readonly repro?: string;
  /** Real time that it took, in milliseconds. */
  readonly wallMs?: number;
  /** What was left out of `facts` because there was too much. */
  readonly leftOut?: { readonly facts: number; readonly frames: number };
}

/** A node's own state, as the oracle knows it. */
export type LifeState = "down" | "starting" | "up" | "crashed" | "powerless" | "left" | "failed";

/** What others believe of a node. The order is the one of the counts in {@linkcode Belief}. */
export const BELIEFS = ["alive", "suspect", "dead", "left", "unlisted"] as const;

/** `[fromUs, alive, suspect, dead, left, unlisted]`: how many of those who run believe what, from then on. */
export type Belief = readonly [number, number, number, number, number, number];

/** A stretch of time. */
export interface Stretch {
  readonly fromUs: number;
  readonly toUs: number;
}

/** One fault. */
export interface FaultBand extends Stretch {
  readonly id: string;
  readonly verb: string;
  readonly text: string;
  /** Indexes of nodes. */
  readonly nodes: readonly number[];
  /** It is over the moment it begins. */
  readonly isMoment: boolean;
}

/** The page's data. */
export interface TimelineModel {
  readonly name: string;
  readonly summary: string;
  readonly verdict: RunResult["verdict"];
  readonly reason: string | null;
  readonly identity: string;
  readonly repro: string;
  readonly facts:
    readonly (readonly [atUs: number, kind: Fact["kind"], text: string, nodes: readonly number[]])[];
  readonly figures: readonly (readonly [label: string, value: string])[];
  readonly endUs: number;
  readonly warmUs: number | null;
  readonly quietUs: number | null;
  readonly nodes: readonly { readonly name: string; readonly role: string; readonly host: string }[];
  /** By node. */
  readonly lives: readonly (readonly (Stretch & { readonly state: LifeState; readonly life: number })[])[];
  /** By node: stretches in which its machine stood still or was slow. */
  readonly stalls: readonly (readonly (Stretch & { readonly kind: "freeze" | "slow" })[])[];
  /** By subject. */
  readonly beliefs: readonly (readonly Belief[])[];
  /** Changes of what one believes of another; the state is an index into {@linkcode BELIEFS}. */
  readonly views: readonly (readonly [atUs: number, observer: number, subject: number, state: number])[];
  readonly faults: readonly FaultBand[];
  readonly violations: readonly {
    readonly id: string;
    readonly kind: string;
    readonly atUs: number;
    readonly nodes: readonly number[];
    readonly text: string;
  }[];
  readonly frameTypes: readonly string[];
  readonly frames: readonly (readonly [
    atUs: number,
    arrivesUs: number,
    from: number,
    to: number,
    type: number,
    fate: number,
    bytes: number,
  ])[];
  readonly leftOut: { readonly facts: number; readonly frames: number };
  readonly metrics: readonly {
    readonly name: string;
    readonly cells: readonly string[];
    readonly bound: string;
    readonly isMet: boolean | null;
  }[];
  readonly claims: readonly { readonly claim: string; readonly times: number; readonly atLeast: number }[];
}

/** How a frame fared; the order is the one of the numbers in {@linkcode TimelineModel.frames}. */
export const FATES = ["delivered", "lost", "cut", "duplicated", "corrupted"] as const;

const UNLISTED = BELIEFS.indexOf("unlisted");
const MOMENTS: ReadonlySet<string> = new Set([
  "crash",
  "power-loss",
  "restart",
  "start",
  "leave",
  "mark",
  "heal",
  "address",
]);

/** Makes the data of a page out of a run. */
export function timelineModel(run: TimelineRun): TimelineModel {
  const { result, scenario } = run;
  const indexOf = new Map(scenario.nodes.map((node, index) => [node.name, index]));
  const ofHost = Map.groupBy(scenario.nodes, (node) => node.host);
  // Facts name nodes; frames name hosts, of which the first node stands for all.
  const place = (name: string): number =>
    indexOf.get(name) ?? indexOf.get(ofHost.get(name)?.[0]?.name ?? "") ?? -1;
  const places = (names: readonly string[]): number[] => names.map(place).filter((index) => index >= 0);
  const facts = run.facts.filter((fact) => fact.kind !== "frame");
  const frames = run.facts.filter((fact) => fact.kind === "frame");
  const frameTypes = [...new Set(frames.map(({ type }) => type))].sort();
  const endUs = Math.max(result.simulatedUs, 1);
  const lives = livesOf(scenario, facts, endUs);
  const phase = (name: "warm" | "quiet"): number | null =>
    facts.find((fact) => fact.kind === "phase" && fact.phase === name)?.atUs ?? null;
  const faults = faultsOf(facts, endUs, places);
  return {
    name: result.scenario,
    summary: scenario.summary,
    verdict: result.verdict,
    reason: result.reason,
    identity: identityOf(result),
    repro: run.repro ?? `hana simulate replay ${identityOf(result)}`,
    figures: figuresOf(run),
    endUs,
    warmUs: phase("warm"),
    quietUs: phase("quiet"),
    nodes: scenario.nodes.map(({ name, role, host }) => ({ name, role, host })),
    lives,
    stalls: scenario.nodes.map((_node, index) =>
      faults.filter(({ verb, nodes }) => (verb === "freeze" || verb === "slow") && nodes.includes(index))
        .map(({ fromUs, toUs, verb }) => ({ fromUs, toUs, kind: verb === "slow" ? "slow" : "freeze" }))
    ),
    ...beliefsOf(scenario, facts, indexOf),
    faults,
    violations: result.violations.map(({ id, kind, atUs, nodes, text }) => ({
      id,
      kind,
      atUs,
      nodes: places(nodes),
      text,
    })),
    facts: facts.filter(({ kind }) => kind !== "claim").map((fact) =>
      [fact.atUs, fact.kind, factText(fact), places(nodesOf(fact))] as const
    ),
    frameTypes,
    frames: frames.map((frame) =>
      [
        frame.atUs,
        frame.arrivesUs,
        place(frame.from),
        place(frame.to),
        frameTypes.indexOf(frame.type),
        FATES.indexOf(frame.fate),
        frame.bytes,
      ] as const
    ).filter(([, , from, to]) => from >= 0 && to >= 0),
    leftOut: run.leftOut ?? { facts: 0, frames: 0 },
    metrics: metricsOf(run),
    claims: result.claims,
  };
}

function livesOf(
  scenario: Scenario,
  facts: readonly Fact[],
  endUs: number,
): TimelineModel["lives"] {
  const states = new Map<string, { fromUs: number; state: LifeState; life: number }[]>(
    scenario.nodes.map(({ name }) => [name, [{ fromUs: 0, state: "down", life: 0 }]]),
  );
  for (const fact of facts) {
    if (fact.kind !== "node-started" && fact.kind !== "node-ready" && fact.kind !== "node-stopped") continue;
    const of = states.get(fact.node);
    if (of === undefined) continue;
    const life = (of.at(-1)?.life ?? 0) + (fact.kind === "node-started" ? 1 : 0);
    of.push({ fromUs: fact.atUs, state: stateAfter(fact), life });
  }
  return [...states.values()].map((of) =>
    of.map((one, i) => ({ ...one, toUs: of[i + 1]?.fromUs ?? endUs })).filter(({ fromUs, toUs }) =>
      toUs > fromUs
    )
  );
}

function stateAfter(
  fact: Extract<Fact, { kind: "node-started" | "node-ready" | "node-stopped" }>,
): LifeState {
  if (fact.kind === "node-started") return "starting";
  if (fact.kind === "node-ready") return "up";
  const { how } = fact;
  return how === "leave"
    ? "left"
    : how === "power-loss"
    ? "powerless"
    : how === "crash"
    ? "crashed"
    : "failed";
}

/** Silent but not believed to be gone is a suspicion, whatever the reason. */
function beliefOf(state: NodeState): typeof BELIEFS[number] {
  return state === "unreachable" || state === "partitioned" ? "suspect" : state;
}

/** What everybody believes of everybody, as changes, and summed up for each subject. */
function beliefsOf(
  scenario: Scenario,
  facts: readonly Fact[],
  indexOf: ReadonlyMap<string, number>,
): Pick<TimelineModel, "beliefs" | "views"> {
  const { nodes } = scenario;
  const views: [number, number, number, number][] = [];
  const beliefs: Belief[][] = nodes.map(() => []);
  const isUp = nodes.map(() => false);
  const believed = nodes.map(() => new Map<number, number>());
  const meets = (a: number, b: number): boolean => a !== b && nodes[a]?.key === nodes[b]?.key;
  const sumUp = (subject: number, atUs: number): void => {
    const counts = [0, 0, 0, 0, 0];
    for (const [observer, up] of isUp.entries()) {
      if (!up || !meets(observer, subject)) continue;
      const state = believed[subject]?.get(observer) ?? UNLISTED;
      counts[state] = (counts[state] ?? 0) + 1;
    }
    const [a = 0, s = 0, d = 0, l = 0, u = 0] = counts;
    const list = beliefs[subject];
    if (list?.at(-1)?.[0] === atUs) list.pop();
    list?.push([atUs, a, s, d, l, u]);
  };
  for (const fact of facts) {
    if (fact.kind === "node-ready" || fact.kind === "node-stopped") {
      const observer = indexOf.get(fact.node);
      if (observer === undefined) continue;
      isUp[observer] = fact.kind === "node-ready";
      for (const [subject, of] of believed.entries()) {
        // A new life knows nobody yet; one that is over believes nothing.
        if (fact.kind === "node-stopped" && of.delete(observer)) {
          views.push([fact.atUs, observer, subject, UNLISTED]);
        }
        if (meets(observer, subject)) sumUp(subject, fact.atUs);
      }
    } else if (fact.kind === "view" && fact.subject !== null) {
      const observer = indexOf.get(fact.observer);
      const subject = indexOf.get(fact.subject);
      if (observer === undefined || subject === undefined || observer === subject) continue;
      const state = fact.op === "remove" ? UNLISTED : BELIEFS.indexOf(beliefOf(fact.state));
      if ((believed[subject]?.get(observer) ?? UNLISTED) === state) continue;
      believed[subject]?.set(observer, state);
      views.push([fact.atUs, observer, subject, state]);
      sumUp(subject, fact.atUs);
    }
  }
  return { beliefs, views };
}

function faultsOf(
  facts: readonly Fact[],
  endUs: number,
  places: (names: readonly string[]) => number[],
): FaultBand[] {
  const bands: FaultBand[] = [];
  for (const [at, fact] of facts.entries()) {
    if (fact.kind !== "fault" || fact.phase !== "begin") continue;
    const end = facts.slice(at + 1).find((one) =>
      one.kind === "fault" && one.phase === "end" && one.action === fact.action
    );
    const isMoment = end === undefined && MOMENTS.has(fact.verb);
    bands.push({
      id: fact.action,
      verb: fact.verb,
      text: fact.text,
      nodes: places(fact.chosen),
      fromUs: fact.atUs,
      toUs: isMoment ? fact.atUs : end?.atUs ?? endUs,
      isMoment,
    });
  }
  return bands;
}

function figuresOf({ result, wallMs }: TimelineRun): [string, string][] {
  const figures: [string, string][] = [
    ["simulated", valueText(result.simulatedUs, "us")],
    ["events", result.events.toLocaleString("en-US")],
  ];
  if (wallMs !== undefined && wallMs > 0) {
    figures.push([
      "took",
      `${valueText(wallMs * 1000, "us")}, ${Math.round(result.simulatedUs / 1000 / wallMs)}× real time`,
    ]);
  }
  figures.push(["seed", String(result.seed)], ["scenario", result.hash], ["hana", result.software]);
  return figures;
}

const COLUMNS = ["value", "min", "p50", "p95", "p99", "max"] as const;

function metricsOf({ result, scenario }: TimelineRun): TimelineModel["metrics"] {
  const uses = boundUses(result, scenario.expect.metrics);
  const rows = Object.entries(result.metrics).map(([name, metric]) => {
    const own = uses.filter(({ bound }) => bound.metric === name);
    return {
      name,
      cells: [
        metric.count.toLocaleString("en-US"),
        ...COLUMNS.map((column) => {
          const value = metric[column];
          return typeof value === "number" ? valueText(value, metric.unit) : "";
        }),
      ],
      bound: own.map(({ bound, unit }) =>
        `${bound.statistic === "value" ? "" : `${bound.statistic} `}${limitText(bound, unit)}`
      ).join(", "),
      isMet: own.length === 0 ? null : own.every(({ isMet }) => isMet),
    };
  });
  // What was asked for stands first, what was missed before all.
  const rank = (isMet: boolean | null): number => isMet === false ? 0 : isMet === true ? 1 : 2;
  return rows.sort((a, b) => rank(a.isMet) - rank(b.isMet) || (a.name < b.name ? -1 : 1));
}
