// Rules about what consoles want of programs: it comes true, it is kept, and no demand is carried out twice.
// What is wanted is the answered demand with the highest generation; what is, the machines' tables of processes.

import type { Fact, ObserverDefinition, RunContext, RunObserver } from "../observe.ts";
import type { ProgramPlan } from "../program_plan.ts";
import { resolveSelector } from "../language/mod.ts";
import { SPEC_DEFAULTS } from "../../supervision/mod.ts";
import { seconds } from "./measure.ts";

type Asked = Extract<Fact, { kind: "asked" }>;

const keyOf = (node: string, program: string): string => `${node}/${program}`;

interface Wish {
  readonly want: "up" | "down";
  readonly generation: number;
}

/** What consoles want, and which demands are still without an answer. */
class Wishes {
  readonly #wishes = new Map<string, Wish>();
  readonly #open = new Map<string, Asked>();
  #lastUs = 0;

  /** @param programsOf what a show that is applied to a node brings */
  constructor(readonly programsOf: (node: string) => readonly string[]) {}

  /** When anybody last asked, or was answered. */
  get lastUs(): number {
    return this.#lastUs;
  }

  note(fact: Asked): void {
    this.#lastUs = fact.atUs;
    if (fact.status === "sent") {
      this.#open.set(fact.op, fact);
      return;
    }
    this.#open.delete(fact.op);
    const { answer } = fact;
    if (answer === null || (fact.verb === "restart" && !answer.changed)) return;
    const names = fact.verb === "apply" ? this.programsOf(fact.target) : [fact.program];
    for (const name of names) {
      const key = keyOf(fact.target, name);
      const known = this.#wishes.get(key);
      // A show counts its own generations.
      const generation = fact.verb === "apply" ? known?.generation ?? 1 : answer.generation;
      if (known !== undefined && known.generation > generation) continue;
      const want = fact.verb === "stop" ? "down" : fact.verb === "restart" ? known?.want ?? "up" : "up";
      this.#wishes.set(key, { want, generation });
    }
  }

  /** What is wanted of a program; null where nobody knows, since a demand has no answer. */
  of(node: string, program: string): Wish | null {
    for (const { target, program: asked, verb } of this.#open.values()) {
      if (target === node && (verb === "apply" || asked === program)) return null;
    }
    return this.#wishes.get(keyOf(node, program)) ?? null;
  }
}

/** Which programs each node has. */
function plansOf({ scenario }: RunContext): Map<string, ProgramPlan[]> {
  const plans = new Map<string, ProgramPlan[]>();
  for (const plan of scenario.programs ?? []) {
    for (const node of resolveSelector(plan.on, { nodes: scenario.nodes })) {
      const known = plans.get(node);
      if (known === undefined) plans.set(node, [plan]);
      else known.push(plan);
    }
  }
  return plans;
}

const MARGIN_US = 5_000_000;

/** How long a program may take after the last fault until it is as it is wanted. */
function reachUs({ rules, does }: ProgramPlan): number {
  // The longest pause with its jitter, one start that comes to nothing, its end by force, and the start that counts.
  const pauseUs = 1.2 * (rules.backoffCapUs ?? SPEC_DEFAULTS.backoffCapUs);
  const hangUs = does.hangsAfterUs === undefined ? 0 : rules.hangKillUs ?? SPEC_DEFAULTS.hang.killUs;
  const graceUs = Math.min(rules.graceUs ?? SPEC_DEFAULTS.graceUs, 10_000_000);
  return pauseUs + hangUs + graceUs + 2 * (does.startTakesUs ?? 0) + (does.driverForUs ?? 0) + MARGIN_US;
}

/** Whether a program goes on going wrong. */
function isTroubled({ does }: ProgramPlan): boolean {
  if (does.times !== undefined) return false;
  return does.endsAfterUs !== undefined || does.hangsAfterUs !== undefined ||
    does.driverAfterUs !== undefined;
}

/** What is wanted comes true. */
export const desiredReachedAfterQuiet: ObserverDefinition = {
  id: "desired_reached_after_quiet",
  kind: "liveness",
  summary:
    "When the quiet tail was long enough for a program's longest pause and its end by force, it runs if it is wanted up " +
    "(one that always fails is being tried, or parked), and nothing of it lives if it is wanted down.",
  byDefault: true,
  create: (context: RunContext): RunObserver => {
    const { scenario, oracle, violate } = context;
    if (scenario.programs === undefined) return {};
    const plans = plansOf(context);
    const wishes = new Wishes((node) => (plans.get(node) ?? []).map(({ name }) => name));
    const starts = new Map<string, number>();
    const say = (node: string, text: string): void =>
      violate({
        id: "desired_reached_after_quiet",
        kind: "liveness",
        nodes: [node],
        text: `${node}: ${text}`,
      });

    function judge(node: string, plan: ProgramPlan): void {
      const calmUs = Math.min(scenario.quietUs, oracle.nowUs - Math.max(wishes.lastUs, oracle.sinceUs(node)));
      if (!oracle.isUp(node) || calmUs < reachUs(plan)) return;
      const wish = wishes.of(node, plan.name);
      const shown = oracle.program?.(node, plan.name) ?? null;
      const lives = oracle.lives?.(node, plan.name);
      if (wish === null || lives === undefined) return;
      const is = `it is ${shown?.state ?? "unknown"} with ${lives.processes} processes` +
        (typeof shown?.note === "string" ? ` (${shown.note})` : "");
      if (wish.want === "down") {
        if (lives.processes === 0 && lives.shims === 0) return;
        say(
          node,
          `${plan.name} is wanted down, and after ${seconds(calmUs)} of quiet ${is}, ${lives.shims} shims`,
        );
        return;
      }
      if (shown?.state === "done" || shown?.state === "parked" || isHeld(plan, shown?.note ?? null)) {
        if (mayRest(plan, shown?.state ?? "")) return;
      }
      if (isTroubled(plan)) {
        const sinceUs = oracle.nowUs - (starts.get(keyOf(node, plan.name)) ?? 0);
        if (sinceUs <= reachUs(plan) + (plan.does.endsAfterUs ?? 0) + (plan.does.hangsAfterUs ?? 0)) return;
        say(node, `${plan.name} is wanted up, was last tried ${seconds(sinceUs)} ago, and ${is}`);
        return;
      }
      if (lives.leaders === 1 && shown?.state === "running" && lives.shims === 1 && shown.supervised) return;
      say(
        node,
        `${plan.name} is wanted up, and after ${seconds(calmUs)} of quiet ${is}, ${lives.shims} shims`,
      );
    }

    return {
      wants: ["asked", "process", "phase"],
      onFact: (fact) => {
        if (fact.kind === "asked") wishes.note(fact);
        else if (fact.kind === "process") {
          if (fact.what === "started" && fact.part === "leader") {
            starts.set(keyOf(fact.node, fact.program), fact.atUs);
          }
        } else if (fact.kind === "phase" && fact.phase === "end") {
          for (const [node, own] of plans) for (const plan of own) judge(node, plan);
        }
      },
    };
  },
};

const isHeld = ({ rules }: ProgramPlan, note: string | null): boolean =>
  rules.boot === "ask" && note?.startsWith("waits for a word") === true;

/** Whether a program that is wanted may rest in this state, by its plan. */
function mayRest({ does, rules, want }: ProgramPlan, state: string): boolean {
  if (state === "done") {
    const endsWell = does.endsAfterUs !== undefined && does.endCode === 0;
    return rules.restart === "never" || (endsWell && (want === "once" || rules.restart === "on-failure")) ||
      does.endCode === 125;
  }
  if (state !== "parked") return true;
  const isFatal = does.endCode !== undefined && SPEC_DEFAULTS.fatalCodes.includes(does.endCode);
  return rules.giveUp !== undefined || isFatal;
}

/** What was answered is kept. */
export const answeredWantKept: ObserverDefinition = {
  id: "answered_want_kept",
  kind: "safety",
  summary:
    "What a node has answered to have on its disk is wanted ever after: no generation of a program falls back, whatever " +
    "crashes and whichever machine loses its power.",
  byDefault: true,
  create: ({ scenario, oracle, violate }: RunContext): RunObserver => {
    if (scenario.programs === undefined) return {};
    const answered = new Map<string, { node: string; program: string; generation: number; op: string }>();
    const look = (only: string | null): void => {
      for (const { node, program, generation, op } of answered.values()) {
        if ((only !== null && only !== node) || !oracle.isUp(node)) continue;
        const shown = oracle.program?.(node, program)?.generation ?? 0;
        if (shown >= generation) continue;
        answered.delete(keyOf(node, program));
        violate({
          id: "answered_want_kept",
          kind: "safety",
          nodes: [node],
          text: `${node} answered generation ${generation} of ${program} (${op}), and now knows of ${shown}`,
        });
      }
    };
    return {
      wants: ["asked", "node-ready", "phase"],
      onFact: (fact) => {
        if (fact.kind === "node-ready") look(fact.node);
        else if (fact.kind === "phase") look(null);
        else if (fact.kind === "asked") {
          const { answer, target, program, verb, op } = fact;
          if (answer === null || !answer.durable || verb === "apply") return;
          const known = answered.get(keyOf(target, program))?.generation ?? 0;
          if (answer.generation <= known) return;
          answered.set(keyOf(target, program), { node: target, program, generation: answer.generation, op });
        }
      },
    };
  },
};

/** Who asks twice gets once. */
export const demandDoneOnce: ObserverDefinition = {
  id: "demand_done_once",
  kind: "safety",
  summary:
    "A restart is carried out once, however often a console repeats it and however many consoles mean the same run.",
  byDefault: true,
  create: ({ scenario, violate }: RunContext): RunObserver => {
    if (scenario.programs === undefined) return {};
    /** The runs that each op has ended; several ops that mean one run are one. */
    const ended = new Map<string, { runs: Set<number>; told: boolean }>();
    const groups = new Map<string, string>();
    return {
      wants: ["asked", "program"],
      onFact: (fact) => {
        if (fact.kind === "asked") {
          if (fact.verb !== "restart" || fact.status !== "sent") return;
          const { target, program, run, op } = fact;
          groups.set(op, run === null ? op : `${keyOf(target, program)}/${run}`);
          return;
        }
        if (fact.kind !== "program" || fact.event.kind !== "stopping") return;
        const op = /^console (sim-[0-9]+)/.exec(fact.event.by ?? "")?.[1];
        const group = op === undefined ? undefined : groups.get(op);
        if (group === undefined) return;
        const { program, run } = fact.event;
        const known = ended.get(group) ?? { runs: new Set<number>(), told: false };
        ended.set(group, known);
        known.runs.add(run);
        if (known.runs.size < 2 || known.told) return;
        known.told = true;
        violate({
          id: "demand_done_once",
          kind: "safety",
          nodes: [fact.node],
          text: `${fact.node}: one restart of ${program} (${op}) has ended its runs ${
            [...known.runs].join(" and ")
          }`,
        });
      },
    };
  },
};
