// The connections to the socket of one program, and how long each has stood without a hello.
// Keeps and counts; decides nothing.

import {
  MAX_BROKEN_A_SECOND,
  MAX_CHILD_LINE_BYTES,
  MAX_LINES_A_SECOND,
  MAX_TICK_STEP_US,
  RateWindow,
} from "./limits.ts";
import { LineBuffer } from "./line_buffer.ts";

/** One connection. */
export interface ChildConnection {
  readonly id: number;
  readonly buffer: LineBuffer;
  /** Lines within a second: each connection has its own, so that a stranger takes nothing from the program. */
  readonly lines: RateWindow;
  /** Broken lines within a second. */
  readonly broken: RateWindow;
  isGreeted: boolean;
  isClosed: boolean;
  /** Observed time without a hello. */
  waitedUs: number;
}

/** All of them. */
export class ConnectionTable {
  readonly #connections = new Map<number, ChildConnection>();

  get size(): number {
    return this.#connections.size;
  }

  /** How many have not said hello. */
  get strangers(): number {
    let strangers = 0;
    for (const { isGreeted } of this.#connections.values()) if (!isGreeted) strangers++;
    return strangers;
  }

  add(id: number): void {
    this.#connections.set(id, {
      id,
      buffer: new LineBuffer(MAX_CHILD_LINE_BYTES),
      lines: new RateWindow(MAX_LINES_A_SECOND),
      broken: new RateWindow(MAX_BROKEN_A_SECOND),
      isGreeted: false,
      isClosed: false,
      waitedUs: 0,
    });
  }

  get(id: number): ChildConnection | null {
    return this.#connections.get(id) ?? null;
  }

  all(): ChildConnection[] {
    return [...this.#connections.values()];
  }

  greet(connection: ChildConnection): void {
    connection.isGreeted = true;
  }

  remove(id: number): ChildConnection | null {
    const connection = this.#connections.get(id) ?? null;
    if (connection !== null) connection.isClosed = true;
    this.#connections.delete(id);
    return connection;
  }

  /** Adds what was observed, and gives those that waited for too long. */
  late(elapsedUs: number, limitUs: number): ChildConnection[] {
    if (this.strangers === 0) return [];
    const stepUs = Math.max(0, Math.min(elapsedUs, MAX_TICK_STEP_US));
    return this.all().filter((connection) => {
      if (connection.isGreeted) return false;
      connection.waitedUs += stepUs;
      return connection.waitedUs >= limitUs;
    });
  }
}
