// What own writes are made of.
// Types and small questions about them; own_writes.ts keeps them.

import type { ParameterDefinition, PathId, StateValue, ValueType } from "../model/mod.ts";
import type { Guard, WireEntry } from "../messages/mod.ts";
import type { Refusal, SchemaBook } from "../schema/mod.ts";
import type { EntrySlots } from "./slots.ts";

/** How a value is written. */
export interface WriteOptions {
  /** 1 to 200; {@linkcode DEFAULT_PRIORITY} where nothing is said. */
  readonly priority?: number;
  /** Take the lock where the path has one. */
  readonly take?: boolean;
  /** The claim ends with its release, or with this process; it is refreshed until then. */
  readonly momentary?: boolean;
  /** That under which this client owns what it writes to. */
  readonly generation?: number;
}

/**
 * What became of a write here: `taken`, or why not. A refusal of the schema says so in a sentence; `not-joined`: there is no
 * book yet; `priority`: none of 1 to what the host allows; `full`: too much waits already.
 */
export type WriteAnswer = "taken" | "not-joined" | "priority" | "full" | Refusal;

/** Changes of structure, all or none. */
export interface TransactionRequest {
  readonly generation?: number;
  readonly guards?: readonly Guard[];
  readonly definitions?: readonly ParameterDefinition[];
  readonly entries?: readonly WireEntry[];
}

/** One value that this client wrote, until the host's word on it has come. */
export interface Write {
  id: PathId;
  readonly path: string;
  type: ValueType;
  /** Null gives the claim up. */
  value: StateValue;
  readonly isRelease: boolean;
  readonly priority: number;
  readonly take: boolean;
  readonly momentary: boolean;
  readonly generation: number | null;
  /** Of the message that carries it; 0 until then. */
  sequence: number;
  /** Since when the person waits, in microseconds. */
  sinceUs: number;
  /** Whether it is what the person sees. */
  shows: boolean;
  isAmber: boolean;
  /** The host has it, and its effect is on its way: until when to wait for that; 0 before. */
  settlesUs: number;
}

/** A message that is not acknowledged yet. */
export interface Sent {
  sequence: number;
  /** In microseconds, when it first went out. */
  readonly sinceUs: number;
  /** Values and releases of one kind … */
  writes: readonly Write[];
  /** … or a transaction. */
  readonly transaction: Transaction | null;
  /** The host refused it: its acknowledgement is no success. */
  isRefused: boolean;
}

/** A transaction on its way. */
export interface Transaction {
  readonly handle: number;
  readonly request: TransactionRequest;
}

/** Where own writes go. */
export interface WriteTarget {
  readonly book: SchemaBook;
  readonly slots: EntrySlots;
  /** What is shown at a path may be another value now. */
  noteOverlay(nowUs: number, id: PathId): void;
}

/** Whether two writes can be in one message. */
export function isOneKind(a: Write, b: Write): boolean {
  return a.isRelease === b.isRelease && a.priority === b.priority && a.take === b.take &&
    a.momentary === b.momentary && a.generation === b.generation;
}

/**
 * Whether the host will most likely not show the value: it would flicker, there and back. Wrong guesses cost one round
 * trip until the value is seen.
 */
export function isLikelyShadowed(target: WriteTarget, write: Write, client: number): boolean {
  const { slots, book } = target;
  const definition = book.definitionOf(write.id);
  if (definition === null) return true;
  // The sum is the host's to make.
  if (definition.merge === "sum") return true;
  const holder = slots.holderOf(write.id);
  if (holder === 0 || holder === client) return false;
  const priority = slots.priorityOf(write.id);
  if (priority !== write.priority) return priority > write.priority;
  if (definition.merge === "lock") return !write.take;
  const value = slots.valueOf(write.id);
  return definition.merge === "highest" && typeof value === "number" && typeof write.value === "number" &&
    value > write.value;
}
