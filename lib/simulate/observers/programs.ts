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

/** A disk that was full is tried again after this at the latest (lib/supervision/journal). */
const DISK_RETRY_US = 6_000_000;

/** While these last nobody tries it again. */
const HOLDS: ReadonlySet<string> = new Set(["freeze", "slow", "stop-shim"]);

interface Behind {
  full: number;
  held: number;
  untilUs: number;
}

/** The kinds of facts that {@linkcode watchProgramNumbers} takes. */
export type NumberedFact = Extract<Fact, { kind: "process" | "program" | "fault" }>;

/** Watches that numbers of runs and events of programs only grow; part of `incarnation_monotonic`. */
export function watchProgramNumbers({ oracle, violate }: RunContext): (fact: NumberedFact) => void {
  const runs = new Map<string, number>();
  /** What each number stands for. */
  const events = new Map<string, Map<number, string>>();
  /** Nodes at which what happened may not be on the disk. */
  const behind = new Map<string, Behind>();
  const say = (node: string, text: string): void =>
    violate({ id: "incarnation_monotonic", kind: "safety", nodes: [node], text: `${node}: ${text}` });

  function onProcess(fact: ProcessFact): void {
    const key = keyOf(fact);
    if (fact.what === "ended") {
      if (fact.part !== "shim" && fact.how !== "power-lost") return;
      // Numbers that nobody could write down are lost with whoever knew them, and may be given again. Without power that
      // holds for events too that were written and not synced; runs always are.
      const isLost = oracle.nowUs <= (behind.get(fact.node)?.untilUs ?? -1);
      if (isLost) runs.delete(key);
      if (isLost) events.delete(`${key}/shim`);
      if (!isLost && fact.how !== "power-lost") return;
      for (const each of events.keys()) {
        if (each.startsWith(`${fact.node}/`) && (fact.how === "power-lost" || each.endsWith("//daemon"))) {
          events.delete(each);
        }
      }
      return;
    }
    if (fact.part !== "leader" || fact.what !== "started" || fact.run === null) return;
    const last = runs.get(key) ?? 0;
    runs.set(key, Math.max(last, fact.run));
    if (fact.run > last) return;
    say(fact.node, `a run of ${fact.program} starts as number ${fact.run} after it was ${last}`);
  }

  return (fact) => {
    if (fact.kind === "process") onProcess(fact);
    else if (fact.kind === "fault") {
      const by = fact.phase === "begin" ? 1 : -1;
      const key = fact.verb === "fill-disk" ? "full" : HOLDS.has(fact.verb) ? "held" : null;
      if (key === null) return;
      for (const node of fact.chosen) {
        const state = behind.get(node) ?? { full: 0, held: 0, untilUs: -1 };
        behind.set(node, state);
        state[key] += by;
        const isBehind = state.full > 0 || fact.atUs <= state.untilUs;
        if (!isBehind) continue;
        state.untilUs = state.full + state.held > 0 ? Infinity : fact.atUs + DISK_RETRY_US;
      }
    } else {
      const { program, seq, kind, atUs } = fact.event;
      const key = `${
        keyOf({ node: fact.node, program: fact.origin === "shim" ? program : "" })
      }/${fact.origin}`;
      const known = events.get(key) ?? new Map<number, string>();
      events.set(key, known);
      // A node that could not keep what it heard hears it again: the same number for the same event.
      const what = `${kind} at ${atUs}`;
      const before = known.get(seq);
      known.set(seq, what);
      // A daemon writes what a full disk refused with whatever it writes next, which may be never.
      if (fact.origin === "daemon" && behind.has(fact.node)) return;
      if (before !== undefined && before !== what) {
        say(fact.node, `event ${seq} of ${program} is ${what} µs, and was ${before} µs`);
      }
    }
  };
}
