// Programs as rows: the columns, the JSON and the closing sentence of `hana ps`.

import {
  type Actual,
  briefExit,
  type Health,
  inSentence,
  type ProgramSnapshot,
  startWords,
} from "../../lib/supervision/mod.ts";
import {
  briefDuration,
  type Cell,
  type CellValue,
  counted,
  type JsonObject,
  type Rendering,
  type Tone,
} from "../output/mod.ts";

/** A program and where it is. */
export interface ListedProgram {
  readonly node: string;
  readonly nodeId: string;
  readonly program: ProgramSnapshot;
  /** Whether the node can be reached; else this is how the program was when it could. */
  readonly reachable: boolean;
  /** How far the node's clock is ahead of ours, in milliseconds. */
  readonly aheadMs: number;
}

/** A node that did not answer. */
export interface Unreachable {
  readonly name: string;
  readonly why: string;
}

/** How programs are shown. `unreachable` and `nowMs` are asked when it is written. */
export function psRendering(
  unreachable: () => readonly Unreachable[],
  nowMs: () => number = Date.now,
): Rendering<ListedProgram> {
  return {
    what: "ps",
    row: "program",
    id: ({ program, node }) => `${program.name}@${node}`,
    key: ({ program, nodeId }) => `${program.name}@${nodeId}`,
    order: byNameAndNode,
    dimmed: ({ program, reachable }) => !reachable || (program.want === "down" && program.state === "idle"),
    columns: [
      { header: "NAME", cell: ({ program }) => program.name },
      { header: "HOST", cell: ({ node }) => node },
      { header: "WANT", cell: ({ program }) => program.want },
      {
        header: "STATE",
        cell: (row) => stateCell(row, nowMs()),
        plain: ({ program, reachable }) => reachable ? program.state : "unknown",
      },
      { header: "HEALTH", cell: healthCell, plain: ({ program }) => isUp(program) ? program.health : null },
      {
        header: "FPS",
        cell: ({ program }) =>
          isUp(program) && program.fps !== null ? program.fps.toFixed(program.fps < 10 ? 1 : 0) : null,
        plain: ({ program }) =>
          isUp(program) && program.fps !== null ? Math.round(program.fps * 100) / 100 : null,
        align: "right",
        spare: 2,
      },
      {
        header: "UP",
        cell: (row) => {
          const ms = upMs(row, nowMs());
          return ms === null ? null : briefDuration(ms * 1000);
        },
        plain: (row) => upMs(row, nowMs()),
        align: "right",
      },
      { header: "RUNS", cell: ({ program }) => program.run, align: "right", spare: 1 },
      {
        header: "LAST-EXIT",
        cell: ({ program }) => program.lastExit === null ? null : briefExit(program.lastExit),
        spare: 3,
      },
      { header: "NOTE", cell: noteOf, shrinks: true },
    ],
    json: rowJson,
    document: (rows) => ({
      programs: rows.map(rowJson),
      unreachable: unreachable().map(({ name, why }) => ({ node: name, why })),
      summary: {
        total: rows.length,
        running: rows.filter(({ program }) => isUp(program)).length,
        unreachable: unreachable().length,
      },
    }),
    summary: (rows) => summaryOf(rows),
  };
}

/** Programs by name, then by node, so that two looks read alike. */
export function byNameAndNode(a: ListedProgram, b: ListedProgram): number {
  if (a.program.name !== b.program.name) return a.program.name < b.program.name ? -1 : 1;
  if (a.node !== b.node) return a.node < b.node ? -1 : 1;
  return a.nodeId < b.nodeId ? -1 : a.nodeId > b.nodeId ? 1 : 0;
}

function rowJson({ node, nodeId, program, reachable }: ListedProgram): JsonObject {
  return { ...program, node, nodeId, reachable } as unknown as JsonObject;
}

function isUp(program: ProgramSnapshot): boolean {
  return program.state === "running" || program.state === "hung";
}

function upMs({ program, reachable, aheadMs }: ListedProgram, nowMs: number): number | null {
  const isAlive = isUp(program) || program.state === "starting" || program.state === "stopping";
  if (!reachable || !isAlive || program.startedWallMs === null) return null;
  return Math.max(0, Math.round(nowMs + aheadMs - program.startedWallMs));
}

const STATE_TONES: Readonly<Record<Actual, Tone>> = {
  idle: "none",
  waiting: "warn",
  starting: "none",
  running: "good",
  hung: "warn",
  stopping: "none",
  killing: "warn",
  backoff: "bad",
  parked: "bad",
  done: "none",
  unkillable: "bad",
};

function stateCell({ program, reachable, aheadMs }: ListedProgram, nowMs: number): Cell {
  if (!reachable) return { text: `unknown (was ${program.state})`, tone: "warn" };
  const tone = STATE_TONES[program.state] ?? "none";
  if (program.state === "backoff" && program.nextTryWallMs !== null) {
    const inMs = Math.max(0, program.nextTryWallMs - nowMs - aheadMs);
    if (inMs < 50) return { text: "backoff(now)", tone };
    return { text: `backoff(${briefDuration(Math.round(inMs / 100) * 100_000)})`, tone };
  }
  return { text: program.state, tone };
}

const HEALTH_TONES: Readonly<Record<Health, Tone>> = {
  unknown: "none",
  ready: "good",
  degraded: "warn",
  stalled: "warn",
};

function healthCell({ program, reachable }: ListedProgram): CellValue {
  if (!reachable || !isUp(program) || program.health === "unknown") return null;
  return { text: program.health, tone: HEALTH_TONES[program.health] ?? "none" };
}

function noteOf({ program, reachable }: ListedProgram): string | null {
  const notes: string[] = [];
  if (program.fallback) notes.push("safe look showing");
  if (reachable && !program.supervised && program.state !== "idle" && program.state !== "done") {
    notes.push("no watcher");
  }
  const why = program.state === "parked" ? startWords(program.lastExit?.why) : null;
  const note = why ?? inSentence(program.note);
  if (note !== null) notes.push(note);
  if (program.unstable) notes.push("unstable");
  const status = isUp(program) || program.state === "starting" ? inSentence(program.status, 60) : null;
  if (status !== null && notes.length === 0) notes.push(status);
  return notes.length === 0 ? null : notes.join("; ");
}

function summaryOf(rows: readonly ListedProgram[]): string | null {
  if (rows.length === 0) return null;
  const count = (isMeant: (row: ListedProgram) => boolean): number => rows.filter(isMeant).length;
  const parts = [counted(rows.length, "program"), `${count(({ program }) => isUp(program))} running`];
  const trouble = rows.find(({ program }) =>
    program.state === "parked" || program.state === "backoff" || program.state === "unkillable" ||
    program.state === "hung"
  );
  return `${parts.join(", ")}${
    trouble === undefined ? "" : `; try: hana why ${trouble.program.name}@${trouble.node}`
  }`;
}

/** Whether two rows are the same to a watcher: figures that change all the time are no changes to tell a script. */
export function isSameForWatcher(a: ListedProgram, b: ListedProgram): boolean {
  const still = {
    fps: null,
    frame: null,
    residentBytes: null,
    cpuShare: null,
    eventSeq: 0,
  };
  const textOf = ({ program }: ListedProgram): string =>
    JSON.stringify({ ...program, ...still, process: program.process?.processId ?? null });
  return a.node === b.node && a.reachable === b.reachable && textOf(a) === textOf(b);
}
