// What a client asks of its host beside values: objects, the privilege, and what is to be written when it goes.
// Decides what waits to go out, and that what was left is said again to every host that does not know it. What was left is
// kept by path: another book has other numbers. Never decides when anything goes out.

import {
  type LeaveEntry,
  type LeaveMessage,
  type LeaveTime,
  MAX_LEAVES,
  type NackMessage,
  type OwnMessage,
  type PrivilegeMessage,
} from "../messages/mod.ts";
import { DEFAULT_PRIORITY, type PathId, type StateValue } from "../model/mod.ts";
import { isRefusal, type SchemaBook } from "../schema/mod.ts";
import type { EventQueue } from "./events.ts";
import type { WriteAnswer } from "./writes.ts";

/** Requests about ownership and privilege that wait to go out. */
const MAX_REQUESTS = 64;

/** Something to be written when this client goes. */
export interface LeaveWish {
  /** When it is lost, or when its time to come back is over; a clean leave does both. */
  readonly at: LeaveTime;
  readonly id: PathId;
  /** Nothing where the priority is 0. */
  readonly value: unknown;
  /** 0 gives the claim up; {@linkcode DEFAULT_PRIORITY} where nothing is said, or less where the host allows less. */
  readonly priority?: number;
}

/** The same by path. */
interface KeptWish {
  readonly at: LeaveTime;
  readonly path: string;
  readonly priority: number;
  readonly value: StateValue;
}

/** The requests of one client. */
export class Requests {
  readonly #events: EventQueue;
  readonly #waiting: (OwnMessage | PrivilegeMessage)[] = [];
  #left: readonly KeptWish[] = [];
  /** Whether a host may know of something that was left. */
  #hasLeft = false;
  #isLeaveDue = false;
  #maxPriority = 0;

  constructor(events: EventQueue) {
    this.#events = events;
  }

  /** A request about ownership or privilege. @returns whether there was room. */
  push(message: OwnMessage | PrivilegeMessage): boolean {
    if (this.#waiting.length === MAX_REQUESTS) return false;
    this.#waiting.push(message);
    return true;
  }

  /** What to write when this client goes, in place of what was left before; all of it is taken, or nothing. */
  leave(book: SchemaBook | null, wishes: readonly LeaveWish[]): WriteAnswer {
    if (book === null || this.#maxPriority === 0) return "not-joined";
    if (wishes.length > MAX_LEAVES) return "full";
    const left: KeptWish[] = [];
    for (const { at, id, value, priority = Math.min(DEFAULT_PRIORITY, this.#maxPriority) } of wishes) {
      if (!Number.isInteger(priority) || priority < 0 || priority > this.#maxPriority) return "priority";
      const checked = book.check(id, priority === 0 ? book.definitionOf(id)?.default ?? null : value);
      if (isRefusal(checked)) return checked;
      left.push({ at, path: book.pathOf(id) ?? "", priority, value: priority === 0 ? null : checked });
    }
    this.#left = left;
    this.#hasLeft = this.#isLeaveDue = true;
    return "taken";
  }

  /** A host let this client in: it is told again what was left. */
  handleWelcome(maxPriority: number): void {
    this.#maxPriority = maxPriority;
    this.#isLeaveDue = this.#hasLeft;
  }

  /** The connection is gone. */
  handleLost(): void {
    this.#waiting.length = 0;
  }

  /** The host did not take something that was left. @returns whether that is what the message says. */
  handleNack({ sequence, code, id, text }: NackMessage, book: SchemaBook): boolean {
    if (sequence !== 0) return false;
    this.#events.push({ kind: "leave-refused", path: id === null ? null : book.pathOf(id), code, text });
    return true;
  }

  /** The next message; `book` is null while numbers of paths mean nothing to the host. */
  poll(term: number, book: SchemaBook | null): OwnMessage | PrivilegeMessage | LeaveMessage | null {
    const request = this.#waiting.shift();
    if (request !== undefined) return { ...request, term };
    if (!this.#isLeaveDue || book === null) return null;
    this.#isLeaveDue = false;
    const operations: LeaveEntry[] = [];
    for (const { at, path, priority, value } of this.#left) {
      const id = book.idOf(path);
      const type = book.definitionOf(id)?.type;
      // A host that has no such path will not miss it.
      if (type !== undefined) {
        operations.push({ at, id, priority, type: priority === 0 ? "gone" : type, value });
      }
    }
    return { kind: "leave", term, operations };
  }
}
