// What supervision costs and how fast it is: times from crash to start, of hangs, of adoption and of answers.
// Claims about programs stand here too. Times are those of the simulated machine, on which computing takes none.

import type { Fact, MetricValue, ObserverDefinition, RunContext, RunObserver } from "../observe.ts";
import { Samples, single } from "./measure.ts";

/** Claims about programs with what they say. */
export const PROGRAM_CLAIMS: Readonly<Record<string, string>> = {
  program_crashed: "A program ended by itself, or was ended from outside.",
  program_hung: "A program was taken for hung.",
  picture_frozen: "A program's picture was taken for frozen.",
  program_parked: "A program was given up.",
  program_unkillable: "Something of a program could not be ended.",
  program_stopped: "A program was brought down as it was asked.",
  fallback_shown: "The safe look was shown.",
  daemon_adopted: "A node found a program running that an earlier life of it had started.",
  shim_lost: "A shim was found lost.",
  shim_suspended: "A shim noticed that it or its machine had stood still.",
  restart_coalesced: "A restart was answered as done already.",
  demand_replayed: "A demand was answered with an earlier answer.",
  disk_full_seen: "A shim noticed a full disk.",
  program_waited: "A program waited for what it needs.",
};

const EVENT_CLAIMS: Readonly<Record<string, string>> = {
  "hung": "program_hung",
  "stalled": "picture_frozen",
  "parked": "program_parked",
  "unkillable": "program_unkillable",
  "stopped": "program_stopped",
  "fallback-started": "fallback_shown",
  "adopted": "daemon_adopted",
  "shim-lost": "shim_lost",
  "suspended": "shim_suspended",
  "disk-full": "disk_full_seen",
  "waiting": "program_waited",
};

const keyOf = ({ node, program }: { readonly node: string; readonly program: string }): string =>
  `${node}/${program}`;

/** Figures of supervision. */
export const programFigures: ObserverDefinition = {
  id: "programs",
  kind: "metrics",
  summary:
    "Of programs: from the end of a process that was not asked to end to the start of the next (`program.crash_to_start`), " +
    "that of first retries alone (`.first_retry`), from silence to its detection (`.hang`), from a node's start to the " +
    "adoption of its programs (`.adoption`), answers to consoles (`.answer`); starts, restarts and lost events.",
  byDefault: true,
  metrics: ["program"],
  claims: Object.keys(PROGRAM_CLAIMS),
  create: ({ scenario, oracle, claim }: RunContext): RunObserver => {
    if (scenario.programs === undefined) return {};
    const toStart = new Samples("us");
    const firstRetry = new Samples("us");
    const hang = new Samples("us");
    const adoption = new Samples("us");
    const answers = new Samples("us");
    const ended = new Map<string, { readonly atUs: number; readonly isFirst: boolean }>();
    const started = new Map<string, number>();
    const silent = new Map<string, number>();
    const nodeStarted = new Map<string, number>();
    const seqs = new Map<string, number>();
    let [starts, restarts, lost] = [0, 0, 0];

    function onProcess(fact: Extract<Fact, { kind: "process" }>): void {
      if (fact.part !== "leader" || fact.what === "holds") return;
      const key = keyOf(fact);
      if (fact.what === "started") {
        starts++;
        if (started.has(key)) restarts++;
        started.set(key, fact.atUs);
        const end = ended.get(key);
        ended.delete(key);
        if (end === undefined) return;
        toStart.add(fact.atUs - end.atUs);
        if (end.isFirst) firstRetry.add(fact.atUs - end.atUs);
        return;
      }
      silent.delete(key);
      if (fact.how === "power-lost") return;
      const state = oracle.program?.(fact.node, fact.program);
      // Who is being stopped or ended did not crash.
      const isAsked = state === null || state === undefined || state.want === "down" ||
        state.state === "stopping" || state.state === "killing";
      if (isAsked) return;
      claim("program_crashed");
      ended.set(key, { atUs: fact.atUs, isFirst: state.fails === 0 });
    }

    function onEvent({ node, origin, event, atUs }: Extract<Fact, { kind: "program" }>): void {
      const { kind, program, seq } = event;
      const name = EVENT_CLAIMS[kind];
      if (name !== undefined) claim(name);
      const key = keyOf({ node, program });
      if (kind === "hung") {
        const sinceUs = silent.get(key);
        if (sinceUs !== undefined) hang.add(atUs - sinceUs);
        silent.delete(key);
      }
      const fromUs = nodeStarted.get(node);
      if (kind === "adopted" && fromUs !== undefined) adoption.add(atUs - fromUs);
      if (origin !== "shim") return;
      const last = seqs.get(key);
      if (last !== undefined && seq > last + 1) lost += seq - last - 1;
      seqs.set(key, seq);
    }

    return {
      wants: ["process", "program", "behaves", "asked", "node-started", "node-stopped"],
      onFact: (fact) => {
        if (fact.kind === "process") onProcess(fact);
        else if (fact.kind === "program") onEvent(fact);
        else if (fact.kind === "behaves") {
          if (fact.what === "hangs") silent.set(keyOf(fact), fact.atUs);
        } else if (fact.kind === "node-started") nodeStarted.set(fact.node, fact.atUs);
        else if (fact.kind === "node-stopped") {
          if (fact.how !== "power-loss") return;
          // Events that were not on the disk are gone, and their numbers are given again.
          for (const key of seqs.keys()) if (key.startsWith(`${fact.node}/`)) seqs.delete(key);
        } else if (fact.kind === "asked" && fact.answer !== null) {
          answers.add(fact.atUs - fact.sentAtUs);
          if (fact.answer.replayed) claim("demand_replayed");
          if (fact.verb === "restart" && !fact.answer.changed && !fact.answer.replayed) {
            claim("restart_coalesced");
          }
        }
      },
      finish: (): Record<string, MetricValue> => ({
        "program.crash_to_start": toStart.metric(),
        "program.first_retry": firstRetry.metric(),
        "program.hang": hang.metric(),
        "program.adoption": adoption.metric(),
        "program.answer": answers.metric(),
        "program.starts": single("count", starts),
        "program.restarts": single("count", restarts),
        "program.events_lost": single("count", lost),
      }),
    };
  },
};
