// What a journal holds: one JSON object a line, `{"v":1,"kind":…}`.
// Decides the entries, how a line is written and how lines that somebody wrote are read: a torn last line, garbage and
// lines of other versions cost a counter, never an error. Never touches a file.

import type { ProcessIdentity } from "../../platform/mod.ts";
import type { Desired, ProgramEvent, ShimAssignment } from "../model/mod.ts";

/** The version of the lines. */
export const JOURNAL_VERSION = 1;
/** Detail of an event that takes more than this is left out: the journal must stay small. */
export const MAX_EVENT_BYTES = 4096;

/** What is wanted, and who said so. */
export interface WantSave {
  readonly want: Desired;
  readonly generation: number;
  readonly by: string;
  readonly atWallMs: number;
}

/** The process that a run began with: what is left of it is found by this and the token of the assignment. */
export interface ProcessSave {
  readonly run: number;
  /** Null once the run has ended and nothing of it is left. */
  readonly process: ProcessIdentity | null;
  readonly startedWallMs: number;
}

/** What is saved: of each kind the newest counts. */
export interface JournalSaves {
  readonly assignment: ShimAssignment;
  readonly want: WantSave;
  /** What the state machine gave to be saved. */
  readonly machine: Readonly<Record<string, unknown>>;
  readonly process: ProcessSave;
}

/** A kind of save. */
export type SaveKind = keyof JournalSaves;

const SAVE_KINDS: readonly SaveKind[] = ["assignment", "want", "machine", "process"];

/** One line of a journal. */
export type JournalEntry =
  | { readonly kind: "event"; readonly event: ProgramEvent }
  | { [K in SaveKind]: { readonly kind: K; readonly save: JournalSaves[K] } }[SaveKind];

/** What was not understood. */
export interface JournalCounters {
  /** Lines that are no entry; the content of one that was torn by a crash is among them. */
  garbage: number;
  /** A last line without its end. */
  torn: number;
  /** Entries of another version, or of a kind that this one does not know. */
  otherVersion: number;
}

/** What a journal says. */
export interface JournalContent extends JournalCounters {
  readonly saves: Partial<{ -readonly [K in SaveKind]: JournalSaves[K] }>;
  /** Oldest first; only as many as were kept. */
  readonly events: ProgramEvent[];
  /** The number of the next event: one more than any that was seen. */
  nextSeq: number;
}

/** A journal that says nothing. */
export function emptyContent(): JournalContent {
  return { saves: {}, events: [], nextSeq: 1, garbage: 0, torn: 0, otherVersion: 0 };
}

/** The line of an entry, with its end. */
export function entryLine(entry: JournalEntry): string {
  return JSON.stringify({ v: JOURNAL_VERSION, ...entry }) + "\n";
}

/** The first line of a journal that was compacted: no number is given twice, even where no event is left. */
export function headLine(nextSeq: number): string {
  return JSON.stringify({ v: JOURNAL_VERSION, kind: "head", nextSeq }) + "\n";
}

/** An event as it is journalled: without its detail where that is too much. */
export function boundedEvent(event: ProgramEvent): ProgramEvent {
  const characters = JSON.stringify(event).length;
  return characters <= MAX_EVENT_BYTES ? event : { ...event, detail: { leftOut: characters } };
}

/** What the text of a journal says. `whole` is false where its beginning was left out. */
export function parseJournal(text: string, whole = true): JournalContent {
  const content = emptyContent();
  const lines = text.split("\n");
  if (lines.pop() !== "") content.torn++;
  if (!whole) lines.shift();
  for (const line of lines) if (line !== "") parseLine(line, content);
  return content;
}

function parseLine(line: string, content: JournalContent): void {
  let entry: unknown;
  try {
    entry = JSON.parse(line);
  } catch {
    content.garbage++;
    return;
  }
  if (!isObject(entry) || typeof entry.v !== "number") {
    content.garbage++;
    return;
  }
  // Numbers are taken from entries of any version: none is to be given twice.
  const { kind, event, save } = entry;
  if (isObject(event) && isCount(event.seq)) content.nextSeq = Math.max(content.nextSeq, event.seq + 1);
  if (isCount(entry.nextSeq)) content.nextSeq = Math.max(content.nextSeq, entry.nextSeq);
  if (entry.v !== JOURNAL_VERSION) content.otherVersion++;
  else if (kind === "head") return;
  else if (kind === "event") {
    if (!isEvent(event)) content.garbage++;
    else if (event.seq > (content.events.at(-1)?.seq ?? 0)) content.events.push(event);
  } else if (!isSaveKind(kind)) content.otherVersion++;
  else if (!isObject(save)) content.garbage++;
  // The fields are those that this version wrote: whoever can write here can start programs anyway.
  else Object.assign(content.saves, { [kind]: save });
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function isCount(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 1;
}

function isSaveKind(kind: unknown): kind is SaveKind {
  return (SAVE_KINDS as readonly unknown[]).includes(kind);
}

function isEvent(value: unknown): value is ProgramEvent {
  return isObject(value) && isCount(value.seq) && typeof value.program === "string" &&
    Number.isSafeInteger(value.run) && typeof value.atWallMs === "number" && typeof value.atUs === "number" &&
    typeof value.kind === "string" && (value.by === null || typeof value.by === "string") &&
    isObject(value.detail);
}
