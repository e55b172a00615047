// The rows of the database of programs: what stands in them, and how they are read back.
// Decides the stored form. A row that cannot be read counts as none: one bad row never costs the others.

import type { ProcessIdentity, RowChange } from "../../platform/mod.ts";
import {
  type Desired,
  type ProgramEvent,
  type ProgramSnapshot,
  type ProgramSpec,
  type ShimAssignment,
  SPEC_DEFAULTS,
} from "../model/mod.ts";
import type { DesiredProgram, ProgramEventEntry, ShowRecord } from "./calls.ts";

/** What is wanted, and whether the program is on its way out. */
export interface ProgramRow extends DesiredProgram {
  /** It is stopped and then forgotten. */
  readonly removing: boolean;
}

/** What is known of a program's newest shim. */
export interface InstanceRow {
  readonly name: string;
  /** The boot in which it was started: in another one it means nobody. */
  readonly bootId: string | null;
  readonly token: string | null;
  readonly shim: ProcessIdentity | null;
  /** The newest event of the program that was taken over from its shim. */
  readonly seq: number;
  /** The runs of what it needs in which it was let go. */
  readonly cleared: Readonly<Record<string, number>>;
  /** A digest of the specification that the shim was told last; null where it is not known. */
  readonly toldSpec: string | null;
  /** How it stood last. */
  readonly snapshot: ProgramSnapshot | null;
}

/** A program of which no shim is known. */
export function newInstance(name: string): InstanceRow {
  return { name, bootId: null, token: null, shim: null, seq: 0, cleared: {}, toldSpec: null, snapshot: null };
}

type Raw = Readonly<Record<string, unknown>>;

/** An object that JSON text holds; null where it holds none. */
export function readObject(text: string): Raw | null {
  try {
    return asObject(JSON.parse(text));
  } catch {
    return null;
  }
}

/** A value as an object; null when it is none. */
export function asObject(value: unknown): Raw | null {
  return typeof value === "object" && value !== null && !Array.isArray(value) ? value as Raw : null;
}

function isCount(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}

function isDesired(value: unknown): value is Desired {
  return value === "up" || value === "down" || value === "once";
}

/** A specification as we stored it; fields that an older hana did not know get their defaults. */
export function readStoredSpec(value: unknown): ProgramSpec | null {
  const raw = asObject(value);
  if (raw === null || !Array.isArray(raw.argv) || raw.argv.length === 0) return null;
  if (!raw.argv.every((argument) => typeof argument === "string")) return null;
  return { ...SPEC_DEFAULTS, ...raw } as unknown as ProgramSpec;
}

/** A row of the table `program`. */
export function readProgram(name: string, text: string): ProgramRow | null {
  const raw = readObject(text);
  const spec = readStoredSpec(raw?.spec);
  if (raw === null || spec === null || !isCount(raw.generation) || !isDesired(raw.want)) return null;
  return {
    name,
    spec,
    generation: raw.generation,
    want: raw.want,
    mode: raw.mode === "once" ? "once" : "up",
    by: typeof raw.by === "string" ? raw.by : "",
    atWallMs: typeof raw.atWallMs === "number" ? raw.atWallMs : 0,
    from: raw.from === "manifest" ? "manifest" : "spawn",
    removing: raw.removing === true,
  };
}

/** A row of the table `instance`. */
export function readInstance(name: string, text: string): InstanceRow | null {
  const raw = readObject(text);
  if (raw === null || !isCount(raw.seq)) return null;
  const cleared = asObject(raw.cleared) ?? {};
  return {
    name,
    bootId: typeof raw.bootId === "string" ? raw.bootId : null,
    token: typeof raw.token === "string" ? raw.token : null,
    shim: readProcess(raw.shim),
    seq: raw.seq,
    cleared: Object.fromEntries(
      Object.entries(cleared).filter((entry): entry is [string, number] => isCount(entry[1])),
    ),
    toldSpec: typeof raw.toldSpec === "string" ? raw.toldSpec : null,
    snapshot: readSnapshot(raw.snapshot),
  };
}

/** A process of some boot. */
export function readProcess(value: unknown): ProcessIdentity | null {
  const raw = asObject(value);
  if (raw === null || !isCount(raw.processId) || typeof raw.startedAt !== "number") return null;
  return { processId: raw.processId, startedAt: raw.startedAt };
}

/** A snapshot that a shim sent or that was kept. What stands in it is shown, and compared; nothing is computed with it. */
export function readSnapshot(value: unknown): ProgramSnapshot | null {
  const raw = asObject(value);
  const isOne = raw !== null && typeof raw.name === "string" && isCount(raw.run) && isCount(raw.eventSeq) &&
    isCount(raw.generation) && typeof raw.state === "string" && isDesired(raw.want) &&
    Array.isArray(raw.argv);
  return isOne ? raw as unknown as ProgramSnapshot : null;
}

/** An event that a shim sent or that was kept. */
export function readEvent(value: unknown): ProgramEvent | null {
  const raw = asObject(value);
  const isOne = raw !== null && isCount(raw.seq) && isCount(raw.run) && typeof raw.program === "string" &&
    typeof raw.kind === "string" && asObject(raw.detail) !== null;
  return isOne ? raw as unknown as ProgramEvent : null;
}

/** A row of the table `event`. */
export function readEntry(id: number, text: string): ProgramEventEntry | null {
  const raw = readObject(text);
  const event = readEvent(raw?.event);
  if (raw === null || event === null) return null;
  return { id, origin: raw.origin === "daemon" ? "daemon" : "shim", event };
}

/** A row of the table `show`. */
export function readShow(text: string): ShowRecord | null {
  const raw = readObject(text);
  if (raw === null || !isCount(raw.generation) || typeof raw.text !== "string") return null;
  return {
    generation: raw.generation,
    name: typeof raw.name === "string" ? raw.name : "",
    of: isCount(raw.of) ? raw.of : null,
    sha256: typeof raw.sha256 === "string" ? raw.sha256 : "",
    text: raw.text,
    by: typeof raw.by === "string" ? raw.by : "",
    atWallMs: typeof raw.atWallMs === "number" ? raw.atWallMs : 0,
  };
}

/** `assignment.json`: what a shim was given, with what only the daemon wants to know. */
export interface KeptAssignment extends ShimAssignment {
  readonly bootId: string | null;
  readonly program: Omit<ProgramRow, "name" | "spec">;
}

/** What is written to `assignment.json`. */
export function keptAssignment(
  assignment: ShimAssignment,
  row: ProgramRow,
  bootId: string | null,
): KeptAssignment {
  const { name: _name, spec: _spec, ...program } = row;
  return { ...assignment, bootId, program };
}

/** What stands in an `assignment.json`, as far as it serves to build the rows of a program anew. */
export function readAssignment(
  bytes: Uint8Array | null,
): { readonly program: ProgramRow; readonly instance: InstanceRow } | null {
  if (bytes === null) return null;
  const raw = readObject(new TextDecoder().decode(bytes));
  if (raw === null || typeof raw.name !== "string") return null;
  const kept = asObject(raw.program) ?? { generation: raw.generation, want: raw.want, by: raw.by };
  const program = readProgram(raw.name, JSON.stringify({ ...kept, spec: raw.spec }));
  if (program === null) return null;
  const instance = newInstance(raw.name);
  return {
    program,
    instance: {
      ...instance,
      bootId: typeof raw.bootId === "string" ? raw.bootId : null,
      token: typeof raw.token === "string" && raw.token !== "" ? raw.token : null,
    },
  };
}

/** The row of what is wanted. */
export function programChange(row: ProgramRow): RowChange {
  const { name, ...value } = row;
  return { table: "program", key: name, value: JSON.stringify(value) };
}

/** The row of what is known of a shim. */
export function instanceChange(instance: InstanceRow): RowChange {
  const { name, ...value } = instance;
  return { table: "instance", key: name, value: JSON.stringify(value) };
}
