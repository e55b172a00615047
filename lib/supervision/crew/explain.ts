// A program as it stands, in three sentences: one row a state, and below it a row a class of ending.
// Decides which of all that is known matters to a crew. Pure: the same snapshot and events give the same words.

import type { Actual, CrashBundle, ExitRecord, ProgramEvent, ProgramSnapshot } from "../model/mod.ts";
import { ENDINGS } from "./endings.ts";
import {
  address,
  advise,
  at,
  compose,
  type CrewContext,
  type CrewText,
  type Draft,
  NOTHING,
  since,
} from "./text.ts";
import { bytesWords, byWords, codeWords, inSentence, spanWords, startWords, times } from "./words.ts";

/** What is known beside the snapshot. */
export interface ExplainContext extends CrewContext {
  /** Events of the program, oldest first; none where none are known. */
  readonly events?: readonly ProgramEvent[];
}

/** What a row sees. */
interface Case {
  readonly program: ProgramSnapshot;
  readonly events: readonly ProgramEvent[];
  readonly context: CrewContext;
  /** `NAME@NODE`, for commands. */
  readonly who: string;
  /** ` at …` or ` since …` of the state. */
  readonly atState: string;
  readonly sinceState: string;
}

/** A recovery is news for so long. */
const NEWS_MS = 600_000;
/** Failures in a row that make a case of its own (research, section 1.6: the safe look comes then, too). */
const MANY = 3;

/** Why a program stands as it does. */
export function explain(subject: ProgramSnapshot | CrashBundle, context: ExplainContext): CrewText {
  const program = "snapshot" in subject ? subject.snapshot : subject;
  const events = context.events ?? ("snapshot" in subject ? subject.events : []);
  const seen: Case = {
    program,
    events,
    context,
    who: address(program.name, context.node),
    atState: at(program.sinceWallMs, context),
    sinceState: since(program.sinceWallMs, context),
  };
  const draft = program.supervised || isAtRest(program.state) ? STATES[program.state](seen) : unwatched(seen);
  return compose(program.name, program.sinceWallMs, draft, context);
}

/** How one run ended, in three sentences. */
export function explainExit(name: string, exit: ExitRecord, context: CrewContext): CrewText {
  const ending = ENDINGS[exit.class];
  const lived = `It had run for ${spanWords(exit.livedUs)}`;
  const peak = exit.peakBytes === null ? "" : ` and held ${bytesWords(exit.peakBytes)} of memory at most`;
  return compose(name, exit.atWallMs, {
    code: ending.code,
    happened: `${ending.verb(exit)}${at(exit.atWallMs, context)}, in run ${exit.run}`,
    done: exit.class === "config" || exit.class === "resources" ? "Nothing ran." : `${lived}${peak}.`,
    advice: ending.advice(address(name, context.node), exit),
  }, context);
}

function isAtRest(state: Actual): boolean {
  return state === "idle" || state === "parked" || state === "done";
}

const STATES: Readonly<Record<Actual, (seen: Case) => Draft>> = {
  idle: ({ program, context, who, sinceState, events }) => {
    if (program.want !== "down") {
      return {
        code: "P119",
        happened: `is about to start${sinceState.replace("since", "at")}`,
        done: "Its start is on the way.",
        advice: advise("If nothing comes of it within seconds", `hana restart ${who}`),
      };
    }
    const advice = advise("To have it run", `hana start ${who}`);
    const exit = program.lastExit;
    if (exit === null) {
      return {
        code: "P116",
        happened: `does not run${sinceState}`,
        done: program.run === 0 ? "It was never started." : "It is not wanted.",
        advice,
      };
    }
    const by = stoppedBy(events);
    return {
      code: "P116",
      happened: exit.class === "stopped"
        ? `was stopped${at(exit.atWallMs, context)}${by === null ? "" : ` by ${by}`}`
        : `${ENDINGS[exit.class].verb(exit)}${at(exit.atWallMs, context)}`,
      done: "Nothing of it runs, and nothing is to run.",
      advice,
    };
  },

  waiting: ({ program, sinceState, who, context }) => {
    const what = inSentence(program.note);
    const names = /\b(?:waits for|waiting for|needs)\s+([A-Za-z0-9._-]+)/i.exec(what ?? "")?.[1];
    return {
      code: "P111",
      happened: `has not started: it waits${
        what === null ? "" : ` (${what.replace(/^waits for/i, "for")})`
      }${sinceState}`,
      done: "It starts by itself as soon as that is there.",
      advice: names !== undefined && /not known/.test(what ?? "")
        ? advise("Spawn it there, or see what it is called", `hana ps --on ${context.node}`)
        : names === undefined
        ? advise("See what holds it up", `hana events ${who}`)
        : advise("See what holds that up", `hana why ${address(names, context.node)}`),
    };
  },

  starting: ({ program, sinceState, who }) => ({
    code: "P119",
    happened: `is starting${sinceState}`,
    done: `${said(program)}It is run ${program.run}.`,
    advice: advise("Wait until it is ready", `hana wait ${who} --ready`),
  }),

  running: (seen) => {
    const { program, context, who, sinceState } = seen;
    if (program.health === "stalled") {
      const frame = program.frame === null ? "" : ` (last frame ${program.frame})`;
      return {
        code: "P103",
        happened: `is alive, but its picture has not moved${sinceState}${frame}`,
        done: "It is watched.",
        advice: advise("If it looks frozen", `hana restart ${who}`),
      };
    }
    if (program.health === "degraded") {
      return {
        code: "P123",
        happened: `runs, but has not been well${sinceState}`,
        done: said(program).trimEnd() || "It goes on, and is watched.",
        advice: advise("If it does not come right", `hana restart ${who}`),
      };
    }
    const exit = program.lastExit;
    const started = program.startedWallMs ?? program.sinceWallMs;
    const isNews = exit !== null && !ENDINGS[exit.class].isFine && context.nowWallMs - started < NEWS_MS &&
      exit.run === program.run - 1;
    return isNews ? recovered(seen, exit) : well(seen, started);
  },

  hung: ({ program, context, who, sinceState }) => ({
    code: "P104",
    happened: `has not answered${sinceState}`,
    done: program.nextTryWallMs === null
      ? "It is ended and started again if it stays silent."
      : `If it stays silent, it is ended and started again${at(program.nextTryWallMs, context)}.`,
    advice: advise("To do that at once", `hana restart ${who} --now`),
  }),

  stopping: ({ program, who, sinceState, events }) => {
    const by = stoppedBy(events);
    return {
      code: "P120",
      severity: "info",
      happened: `was asked to end${sinceState.replace("since", "at")}${by === null ? "" : ` by ${by}`}`,
      done: program.want === "down" ? "It has its grace to do so." : "It is started again after that.",
      advice: advise(
        "To spare the wait",
        `hana ${program.want === "down" ? "stop" : "restart"} ${who} --now`,
      ),
    };
  },

  killing: ({ program, sinceState }) => ({
    code: "P120",
    happened: `did not end when asked to, and is being ended by force${sinceState}`,
    done: `${processes(program)} left of it.`,
    advice: { text: "Wait a few seconds.", command: null },
  }),

  backoff: (seen) => {
    const { program, context, who } = seen;
    const exit = program.lastExit;
    const next = nextTry(program, context);
    if (exit === null) {
      return {
        code: "P101",
        happened: `could not be kept running${seen.atState}`,
        done: `${next}.`,
        advice: advise("To try at once", `hana start ${who}`),
      };
    }
    const ending = ENDINGS[exit.class];
    if (program.fails >= MANY || program.unstable) return again(seen, exit, next);
    return {
      code: ending.isFine ? "P101" : ending.code,
      happened: `${ending.verb(exit)}${at(exit.atWallMs, context)}`,
      done: `${next}.`,
      advice: NOTHING,
    };
  },

  parked: ({ program, context, who, atState }) => {
    const exit = program.lastExit;
    const note = inSentence(program.note);
    const advice = advise("When that is put right", `hana start ${who}`);
    if (exit?.class === "config") {
      return {
        code: "P105",
        happened: `cannot start${at(exit.atWallMs, context)}: ${
          startWords(exit.why) ?? startWords(note) ?? "its file is missing or may not be run"
        }`,
        done: "It is not tried again, but starts by itself when the file is changed or appears.",
        advice: advise("To try at once", `hana start ${who}`),
      };
    }
    if (exit?.class === "fatal") {
      return {
        code: "P113",
        happened: `ended${at(exit.atWallMs, context)} and cannot go on (${
          inSentence(exit.why) ?? codeWords(exit.code)
        })`,
        done: "It is not tried again: it said that this would be of no use.",
        advice: advise(
          "Read what it said, put it right, then start it",
          `hana logs ${who} --run ${exit.run}`,
        ),
      };
    }
    if (exit?.class === "stay-down") {
      return {
        code: "P122",
        happened: `ended${at(exit.atWallMs, context)} and asked to stay down`,
        done: "It is not started again.",
        advice: advise("To have it run all the same", `hana start ${who}`),
      };
    }
    if (exit === null) {
      return {
        code: "P114",
        happened: `is not tried any more${note === null ? "" : ` (${note})`}${
          atState.replace(" at", " since")
        }`,
        done: "Nothing of it runs.",
        advice,
      };
    }
    return {
      code: "P114",
      happened: `${ENDINGS[exit.class].verbMany} too often, for the last time${at(exit.atWallMs, context)}`,
      done: `It was tried ${times(Math.max(1, program.fails))} and is not tried any more${
        program.fallback ? "; the safe look is showing" : ""
      }.`,
      advice: advise(
        "Read its last lines, put it right, then start it",
        `hana logs ${who} --run ${exit.run}`,
      ),
    };
  },

  done: ({ program, context, who, atState }) => {
    const exit = program.lastExit;
    if (exit === null || ENDINGS[exit.class].isFine) {
      return {
        code: exit?.class === "stay-down" ? "P122" : "P117",
        happened: exit === null
          ? `has ended${atState}`
          : `${ENDINGS[exit.class].verb(exit)}${at(exit.atWallMs, context)}`,
        done: "It is not started again.",
        advice: advise("To have it run again", `hana start ${who}`),
      };
    }
    return {
      code: "P128",
      happened: `${ENDINGS[exit.class].verb(exit)}${at(exit.atWallMs, context)}`,
      done: "It is not started again: that is how it was set up.",
      advice: advise("Read its last lines", `hana logs ${who} --run ${exit.run}`),
    };
  },

  unkillable: ({ program, atState }) => {
    const pid = program.process === null ? "" : ` (process ${program.process.processId})`;
    const why = inSentence(program.note);
    return {
      code: "P109",
      happened: `has a process that cannot be ended${pid}${atState.replace(" at", " since")}`,
      done: `${
        why === null ? "The system holds it fast" : sentence(why)
      }. A new copy would fight it for the screen, so none is started; that goes on by itself once it is gone.`,
      advice: { text: "Restart that machine in the next break.", command: null },
    };
  },
};

/** A snapshot that no shim answers for. */
function unwatched({ program, sinceState, who }: Case): Draft {
  return {
    code: "P112",
    happened: `has no watcher${sinceState}`,
    done:
      `This is what was known last: ${program.state}, run ${program.run}. It is looked for, and started again where it is gone.`,
    advice: advise("If this does not change within seconds", `hana restart ${who}`),
  };
}

/** It runs after something went wrong. */
function recovered({ program, context, who, events }: Case, exit: ExitRecord): Draft {
  const ending = ENDINGS[exit.class];
  const backMs = program.startedWallMs === null || program.readyUs === null
    ? null
    : program.startedWallMs + program.readyUs / 1000 - exit.atWallMs;
  const back = backMs === null ? "Started again" : `Started again, back after ${spanWords(backMs * 1000)}`;
  if (program.unstable || program.fails >= MANY) {
    return {
      code: "P102",
      severity: "warning",
      happened: `${ending.verbMany} ${often(program, events, exit)}, last${at(exit.atWallMs, context)}`,
      done: `${back}${program.fallback ? "; the safe look is still showing beside it" : ""}.`,
      advice: ending.advice(who, exit),
    };
  }
  return {
    code: ending.isFine ? "P101" : ending.code,
    severity: "info",
    happened: `${ending.verb(exit)}${at(exit.atWallMs, context)}`,
    done: `${back}.`,
    advice: NOTHING,
  };
}

/** Nothing is wrong with it. */
function well({ program, context }: Case, started: number): Draft {
  const ready = program.readyUs === null ? "" : `It was ready after ${spanWords(program.readyUs)}`;
  const fps = program.fps === null
    ? ""
    : `${ready === "" ? "It" : ", and"} shows ${Math.round(program.fps)} frames a second`;
  const told = program.health === "unknown"
    ? "It says nothing of itself: its end alone would be noticed."
    : "";
  return {
    code: "P100",
    happened: `runs${since(started, context)} (run ${program.run})`,
    done: ready + fps === "" ? told || "It is watched." : `${ready}${fps}.${told === "" ? "" : ` ${told}`}`,
    advice: NOTHING,
  };
}

/** It fails again and again. */
function again({ program, events, context, who }: Case, exit: ExitRecord, next: string): Draft {
  const ending = ENDINGS[exit.class];
  return {
    code: "P102",
    happened: `${ending.verbMany} ${often(program, events, exit)}, last${at(exit.atWallMs, context)}`,
    done: `${program.fallback ? "The safe look is showing; " : ""}${
      program.fallback ? next.charAt(0).toLowerCase() + next.slice(1) : next
    }.`,
    advice: ending.advice(who, exit),
  };
}

/** `3 times in 40 s`, as far as events are known; else `3 times`. */
function often(
  program: ProgramSnapshot,
  events: readonly ProgramEvent[],
  exit: ExitRecord,
): string {
  const count = Math.max(program.fails, 1);
  const exits = events.filter((event) => event.kind === "exited" && event.run <= exit.run);
  const first = exits.at(-count);
  if (count < 2 || first === undefined) return times(count);
  return `${times(count)} in ${spanWords(Math.max(1_000, exit.atWallMs - first.atWallMs) * 1000)}`;
}

function nextTry(program: ProgramSnapshot, context: CrewContext): string {
  if (program.nextTryWallMs === null) return "It is started again";
  const inMs = program.nextTryWallMs - context.nowWallMs;
  return inMs <= 0 ? "It is started again now" : `The next try is in ${spanWords(inMs * 1000)}`;
}

function said(program: ProgramSnapshot): string {
  const status = inSentence(program.status);
  return status === null ? "" : `It says: ${status}. `;
}

function processes(program: ProgramSnapshot): string {
  return program.processes === 1
    ? "One process is"
    : program.processes === 0
    ? "Nothing is"
    : `${program.processes} processes are`;
}

function sentence(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}

/** Who asked for its end last. */
function stoppedBy(events: readonly ProgramEvent[]): string | null {
  const event = events.findLast(({ kind, by }) => by !== null && (kind === "wanted" || kind === "stopping"));
  return byWords(event?.by ?? null);
}
