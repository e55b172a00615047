// A system that keeps a document the same in several places, as the benchmark needs it: a writer, a host, a reader.
// Decides nothing: each file beside it is one system, in the way that its own documentation has.

import type { Edit } from "../edits.ts";

/** Messages as they are handed to a connection. */
export type Messages = readonly Uint8Array[];

/** Everything of one document: who writes, who keeps it, who hears of it. */
export interface SharedSystem {
  /** The writer makes these edits together. @returns what it sends. */
  write(edits: readonly Edit[]): Messages;
  /** The host takes what the writer sent. @returns what it sends to the reader. */
  relay(sent: Messages): Messages;
  /** The reader takes what the host sent. */
  read(sent: Messages): void;
  /** What else the protocol has them do for it: the writer's own copy, acknowledgements. */
  settle(): void;
  /** The host itself makes these edits. @returns what it sends to the reader, who has to `read` it. */
  change(edits: readonly Edit[]): Messages;
  /** What a float is at the reader. */
  valueOf(edit: Edit): number;
  /** A newcomer arrives. @returns what it is sent until it has everything. */
  join(): Joined;
}

/** What a newcomer was sent. */
export interface Joined {
  readonly messages: Messages;
  /** Bytes that are not values but what they are called and how they are typed. */
  readonly schemaBytes: number;
  /** What a float is there. */
  valueOf(edit: Edit): number;
}

/** Makes one. Packages are loaded by name at run time. */
export type OpenSystem = () => SharedSystem | Promise<SharedSystem>;

/** How many bytes messages have. */
export function bytesOf(messages: Messages): number {
  return messages.reduce((sum, { length }) => sum + length, 0);
}
