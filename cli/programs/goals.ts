// What a command waits for, and whether a program is there yet: one row a goal.
// Decides when a goal is reached, when it cannot be reached any more, and the words for how far it got. Pure.

import {
  address,
  briefExit,
  ENDINGS,
  inSentence,
  type ProgramSnapshot,
  spanWords,
  startWords,
  times,
} from "../../lib/supervision/mod.ts";

/** What is waited for. `ready`: it runs and can be seen. `stopped`: nothing of it runs. `exited`: a run ended. */
export type Goal = "ready" | "stopped" | "exited" | "started";

/** From where a goal counts. */
export interface GoalStart {
  /** The generation that the demand made; older snapshots do not count. */
  readonly generation: number;
  /** Runs up to this one were there before; 0 where the present one counts. */
  readonly afterRun: number;
}

/** Where a program stands towards a goal. */
export interface Standing {
  readonly outcome: "reached" | "failed" | "under-way";
  /** Behind `NAME@NODE`: `up, ready in 1.8 s (run 1)`. */
  readonly words: string;
}

/** Where `program` stands; undefined where the host does not have it. */
export function standing(
  goal: Goal,
  program: ProgramSnapshot | undefined,
  start: GoalStart,
  nowWallMs: number,
): Standing {
  if (program === undefined) {
    return goal === "stopped"
      ? { outcome: "reached", words: "is not there any more" }
      : { outcome: "failed", words: "was removed by somebody" };
  }
  if (program.generation < start.generation) return underWay(`still ${stateWords(program, nowWallMs)}`);
  return GOALS[goal](program, start, nowWallMs);
}

type Row = (program: ProgramSnapshot, start: GoalStart, nowWallMs: number) => Standing;

const GOALS: Readonly<Record<Goal, Row>> = {
  ready: (program, start, nowWallMs) => {
    const isNew = program.run > start.afterRun;
    if (isNew && program.state === "running") {
      const ready = program.readyUs === null ? "up" : `up, ready in ${spanWords(program.readyUs)}`;
      return reached(`${ready} (run ${program.run})`);
    }
    return rested(program, start, nowWallMs) ?? underWay(stateWords(program, nowWallMs));
  },

  started: (program, start, nowWallMs) => {
    const runs = program.state === "starting" || program.state === "running" || program.state === "hung";
    if (program.run > start.afterRun && runs) return reached(`started (run ${program.run})`);
    return rested(program, start, nowWallMs) ?? underWay(stateWords(program, nowWallMs));
  },

  stopped: (program, _start, nowWallMs) => {
    if (program.state === "idle" || program.state === "done" || program.state === "parked") {
      if (program.want === "down" || program.state !== "idle") {
        const exit = program.lastExit;
        return reached(
          exit === null ? "stopped, it never ran" : `stopped (run ${exit.run}: ${briefExit(exit)})`,
        );
      }
    }
    if (program.state === "unkillable") {
      return failed(
        `cannot be ended (${inSentence(program.note) ?? "the system holds a process of it fast"})`,
      );
    }
    return underWay(stateWords(program, nowWallMs));
  },

  exited: (program, start, nowWallMs) => {
    const exit = program.lastExit;
    const isResting = program.state === "idle" || program.state === "done" || program.state === "parked";
    if (exit !== null && exit.run > start.afterRun) {
      const words = `ended (run ${exit.run}: ${briefExit(exit)}) after ${spanWords(exit.livedUs)}`;
      return ENDINGS[exit.class].isFine ? reached(words) : failed(words);
    }
    if (isResting && program.run === 0) return failed("never ran");
    return underWay(stateWords(program, nowWallMs));
  },
};

/** A program that rests will not get ready by itself. */
function rested(program: ProgramSnapshot, start: GoalStart, nowWallMs: number): Standing | null {
  const exit = program.lastExit;
  if (program.state === "done" && exit !== null && exit.run > start.afterRun) {
    const words = `ended after ${spanWords(exit.livedUs)} (run ${exit.run}: ${briefExit(exit)})`;
    return exit.class === "success" ? reached(words) : failed(words);
  }
  if (program.state === "parked") return failed(stateWords(program, nowWallMs));
  if (program.state === "idle" && program.want === "down") return failed("was stopped by somebody");
  return null;
}

/** How far a program is, in a few words: `between tries: failed 4 times (exit 3), next in 2 s`. */
export function stateWords(program: ProgramSnapshot, nowWallMs: number): string {
  const note = inSentence(program.note, 80);
  const status = inSentence(program.status, 60);
  const exit = program.lastExit === null ? "" : ` (${briefExit(program.lastExit)})`;
  switch (program.state) {
    case "waiting":
      return note === null ? "waiting" : `waiting (${note})`;
    case "starting":
      return `starting, run ${program.run}${status === null ? "" : `, says "${status}"`}`;
    case "running":
      return program.health === "unknown" || program.health === "ready"
        ? `running, run ${program.run}`
        : `running, ${program.health}, run ${program.run}`;
    case "backoff": {
      const inMs = program.nextTryWallMs === null ? null : Math.max(0, program.nextTryWallMs - nowWallMs);
      const ended = program.fails === 0 ? "ended" : `failed ${times(program.fails)}`;
      return `between tries: ${ended}${exit}${inMs === null ? "" : `, next in ${spanWords(inMs * 1000)}`}`;
    }
    case "parked": {
      const why = startWords(program.lastExit?.why) ?? note;
      return `parked${why === null ? exit : ` (${why})`}`;
    }
    case "unkillable":
      return `cannot be ended${note === null ? "" : ` (${note})`}`;
    case "hung":
      return `not answering, run ${program.run}`;
    case "stopping":
    case "killing":
      return `${program.state === "stopping" ? "ending" : "ending by force"}, run ${program.run}`;
    case "done":
      return `done${exit}`;
    case "idle":
      return program.want === "down" ? "stopped" : "about to start";
  }
}

/** `aurora@stage-left`, as commands take it. */
export function who(name: string, node: string): string {
  return address(name, node);
}

function reached(words: string): Standing {
  return { outcome: "reached", words };
}

function failed(words: string): Standing {
  return { outcome: "failed", words };
}

function underWay(words: string): Standing {
  return { outcome: "under-way", words };
}
