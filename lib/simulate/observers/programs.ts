// Rules about programs: what must never live twice, never be left behind, never be signalled.
// Judged at every start and every signal by the machines' own tables of processes, never by what nodes say of themselves.
// Without programs in a scenario these watch nothing.

import type { Fact, ObserverDefinition, RunContext, RunObserver } from "../observe.ts";

type ProcessFact = Extract<Fact, { kind: "process" }>;

const keyOf = ({ node, program }: { readonly node: string; readonly program: string }): string =>
  `${node}/${program}`;

/** What lives, as facts tell it. */
class Living {
  readonly #byProgram = new Map<string, Map<number, ProcessFact>>();

  /** Takes a fact; returns what else lives of that program. */
  note(fact: ProcessFact): ProcessFact[] {
    const key = keyOf(fact);
    let living = this.#byProgram.get(key);
    if (living === undefined) this.#byProgram.set(key, living = new Map());
    if (fact.what === "ended") living.delete(fact.processId);
    const others = [...living.values()].filter(({ processId }) => processId !== fact.processId);
    if (fact.what !== "ended") living.set(fact.processId, fact);
    return others;
  }
}

/** Nothing runs twice. */
export const noDoubleSpawn: ObserverDefinition = {
  id: "no_double_spawn",
  kind: "safety",
  summary:
    "No two leading processes of one program live at the same time, and no two shims stand by one: judged at every start.",
  byDefault: true,
  create: ({ scenario, violate }: RunContext): RunObserver => {
    if (scenario.programs === undefined) return {};
    const living = new Living();
    return {
      wants: ["process"],
      onFact: (fact) => {
        if (fact.kind !== "process") return;
        const others = living.note(fact);
        if (fact.what === "ended" || (fact.part === "shim") !== (fact.what === "holds")) return;
        if (fact.part !== "leader" && fact.part !== "shim") return;
        const twin = others.find((each) =>
          each.part === fact.part && (each.part !== "shim" || each.what === "holds")
        );
        if (twin === undefined) return;
        const what = fact.part === "leader"
          ? `run ${fact.run} of ${fact.program} starts`
          : "a shim stands by it";
        violate({
          id: "no_double_spawn",
          kind: "safety",
          nodes: [fact.node],
          text:
            `${fact.node}: ${what} (process ${fact.processId}) while process ${twin.processId} of ${fact.program} lives` +
            (twin.run === null ? "" : ` in run ${twin.run}`),
        });
      },
    };
  },
};

/** How long after a stop a spare shim of a node that is gone may live. */
const SPARE_US = 2_000_000;

/** Nothing of an earlier run is left when the next begins, and nothing at all where nothing is wanted. */
export const nothingLeftBehind: ObserverDefinition = {
  id: "nothing_left_behind",
  kind: "safety",
  summary:
    "When a run begins, nothing of an earlier one lives; when a program is down, nothing of it does; shims that wait " +
    "for a task end with their node.",
  byDefault: true,
  create: ({ scenario, oracle, violate }: RunContext): RunObserver => {
    if (scenario.programs === undefined) return {};
    const living = new Living();
    const spares = new Map<string, ProcessFact>();
    const say = (node: string, text: string): void =>
      violate({ id: "nothing_left_behind", kind: "safety", nodes: [node], text: `${node}: ${text}` });
    const onProcess = (fact: ProcessFact): void => {
      if (fact.part === "shim") {
        const key = `${fact.node}/${fact.processId}`;
        if (fact.what === "started") spares.set(key, fact);
        else spares.delete(key);
      }
      const others = living.note(fact);
      if (fact.what !== "started" || fact.part !== "leader") return;
      const old = others.filter(({ part, run }) =>
        (part === "leader" || part === "child") && run !== fact.run
      );
      if (old.length === 0) return;
      const { processId, run } = old[0] ?? fact;
      say(
        fact.node,
        `run ${fact.run} of ${fact.program} starts while ${old.length} processes of run ${run} live (${processId}, …)`,
      );
    };
    const onStanding = (node: string, program: string, state: string): void => {
      if (state !== "stopped" && state !== "done") return;
      const { processes, inKernel } = oracle.lives?.(node, program) ?? { processes: 0, inKernel: false };
      if (processes > 0 && !inKernel && oracle.program?.(node, program)?.state === "idle") {
        say(node, `${program} is said to be down, and ${processes} processes of it live`);
      }
    };
    return {
      wants: ["process", "program", "phase"],
      onFact: (fact) => {
        if (fact.kind === "process") onProcess(fact);
        else if (fact.kind === "program") onStanding(fact.node, fact.event.program, fact.event.kind);
        else if (fact.kind === "phase" && fact.phase === "end") {
          const waiting = new Map<string, number>();
          for (const spare of spares.values()) {
            if (oracle.nowUs - Math.max(spare.atUs, oracle.sinceUs(spare.node)) < SPARE_US) continue;
            waiting.set(spare.node, (waiting.get(spare.node) ?? 0) + 1);
          }
          for (const [node, count] of waiting) {
            const most = oracle.isUp(node) ? 1 : 0;
            if (count > most) say(node, `${count} shims wait for a task, ${most} at most should`);
          }
        }
      },
    };
  },
};

/** Signals go where they belong. */
export const nothingUnrelatedSignalled: ObserverDefinition = {
  id: "nothing_unrelated_signalled",
  kind: "safety",
  summary:
    "A shim signals processes of its own program alone, a daemon those of its own programs and their shims: nobody else.",
  byDefault: true,
  create: ({ scenario, violate }: RunContext): RunObserver => {
    if (scenario.programs === undefined) return {};
    return {
      wants: ["signalled"],
      onFact: (fact) => {
        if (fact.kind !== "signalled") return;
        const { node, program, target, signal, processId } = fact;
        const isOwn = target !== null && target.node === node &&
          (program === null || (target.program === program && target.part !== "shim"));
        if (isOwn) return;
        const who = program === null ? "its daemon" : `the shim of ${program}`;
        const whom = target === null
          ? "a process that is none of its"
          : `a ${target.part} of ${target.program} at ${target.node}`;
        violate({
          id: "nothing_unrelated_signalled",
          kind: "safety",
          nodes: [node],
          text: `${node}: ${who} sends ${signal} to ${whom} (process ${processId})`,
        });
      },
    };
  },
};

/** Watches that numbers of runs and events of programs only grow; part of `incarnation_monotonic`. */
export function watchProgramNumbers(
  { violate }: RunContext,
): (fact: Extract<Fact, { kind: "process" | "program" | "node-stopped" }>) => void {
  const runs = new Map<string, number>();
  const events = new Map<string, number>();
  const say = (node: string, text: string): void =>
    violate({ id: "incarnation_monotonic", kind: "safety", nodes: [node], text: `${node}: ${text}` });
  return (fact) => {
    if (fact.kind === "process") {
      if (fact.part !== "leader" || fact.what !== "started" || fact.run === null) return;
      const key = keyOf(fact);
      const last = runs.get(key) ?? 0;
      runs.set(key, Math.max(last, fact.run));
      if (fact.run <= last) {
        say(fact.node, `a run of ${fact.program} starts as number ${fact.run} after it was ${last}`);
      }
    } else if (fact.kind === "program") {
      const { program, seq } = fact.event;
      const key = `${
        keyOf({ node: fact.node, program: fact.origin === "shim" ? program : "" })
      }/${fact.origin}`;
      const last = events.get(key) ?? 0;
      events.set(key, Math.max(last, seq));
      if (seq <= last) {
        say(fact.node, `event ${seq} of ${program} (${fact.event.kind}) comes after event ${last}`);
      }
    } else if (fact.how === "power-loss") {
      // What happened was written down, but not all of it was on the disk for good: its numbers may be given again.
      for (const key of events.keys()) if (key.startsWith(`${fact.node}/`)) events.delete(key);
    }
  };
}
