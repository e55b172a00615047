// What tests tell a program with a seat in the shared state when they start it.
// Types alone: the program (programs/state_seat.ts) and its player (seat.ts) share them.

import type { Role } from "../../../lib/mod.ts";

/** How a seat begins. */
export interface SeatOptions {
  readonly name: string;
  readonly role: Role;
  readonly stateDirectory: string;
  readonly runDirectory: string;
  /** Who leads first. */
  readonly priority: number;
  /** Whether it hosts whenever it is there. */
  readonly host: boolean;
  /** Definitions of its own, as a visualization has. */
  readonly parameters: readonly unknown[];
  /** The ids of displays that it has. */
  readonly displays: readonly string[];
  /** Whether its client begins at once. */
  readonly client: boolean;
  /** That of a former process, in hex. */
  readonly token: string | null;
  /** Whether it gives what it is asked for; null says nothing. */
  readonly gives: boolean | null;
}

/** What a display has shown, and when. */
export interface SeatShown {
  readonly display: string;
  readonly version: number;
  /** Of the wall clock that all programs of the tests share. */
  readonly atMs: number;
}
