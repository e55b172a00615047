// What clients leave to be written when they go.
// Decides what of it is kept when they say so, and what of it is still right when the time has come: by then paths and
// owners may be others. Never decides who is gone.

import type { Holding, LeaveOperation } from "../holding/mod.ts";
import { HOST } from "../merge/mod.ts";
import type { LeaveEntry, LeaveMessage, NackCode } from "../messages/mod.ts";
import type { ClientNumber, ClientSequence, PathId, StateValue } from "../model/mod.ts";
import { isRefusal } from "../schema/mod.ts";
import type { HostCounters } from "./counters.ts";
import type { StateDocument } from "./document.ts";
import type { Subscriber } from "./subscriber.ts";
import { codeOf, type GatedWrite, type NackSink } from "./write_desk.ts";

/** Stands in answers to what is no write. */
const NO_SEQUENCE = 0 as ClientSequence;

/** What the desk needs. */
export interface LeaveDeskOptions {
  readonly term: number;
  readonly document: StateDocument;
  readonly holding: Holding<GatedWrite>;
  readonly sink: NackSink;
  readonly counters: HostCounters;
}

/** Where it is left. */
export class LeaveDesk {
  readonly #options: LeaveDeskOptions;

  constructor(options: LeaveDeskOptions) {
    this.#options = options;
  }

  /** A client says what to write when it goes, in place of what it said before. What cannot be is left out, and it is told. */
  handleLeave(nowUs: number, subscriber: Subscriber, { operations }: LeaveMessage): void {
    const kept: LeaveOperation[] = [];
    for (const entry of operations) {
      const value = this.#check(subscriber, entry);
      if (value === REFUSED) continue;
      const { at, id, priority } = entry;
      kept.push({ at, id, value, priority });
    }
    const refusal = this.#options.holding.handleLeaveOperations(nowUs, subscriber.client, kept);
    if (refusal !== null) this.#nack(subscriber, refusal, null, "what was left before stays as it is");
  }

  /** The time has come: in the client's own name as long as it may come back, in that of the host from then on. */
  operate(nowUs: number, client: ClientNumber, operations: readonly LeaveOperation[]): void {
    const { document, holding } = this.#options;
    for (const { id, value, priority } of operations) {
      const { owner } = holding.ownership.standing(nowUs, id);
      if (owner !== 0 && owner !== client) continue;
      if (priority === 0) {
        if (client !== HOST) document.set(nowUs, id, client, null, 0, 0);
        continue;
      }
      const checked = document.book.check(id, value);
      if (isRefusal(checked)) continue;
      if (client !== HOST) document.set(nowUs, id, client, checked, priority, 0);
      else if (document.canPlace(id)) document.place(nowUs, id, client, checked);
    }
  }

  #check(subscriber: Subscriber, { id, priority, type, value }: LeaveEntry): StateValue | typeof REFUSED {
    const { book } = this.#options.document;
    const definition = book.definitionOf(id);
    if (definition === null) {
      const refusal = book.check(id, null);
      return this.#refuse(subscriber, "unknown-path", id, isRefusal(refusal) ? refusal.why : "");
    }
    if (type === "gone") return null;
    if (priority > subscriber.maxPriority) {
      const text = `this client may have priority ${subscriber.maxPriority} at most, not ${priority}`;
      return this.#refuse(subscriber, "role", id, text);
    }
    if (type !== definition.type) {
      const text = `${definition.path} is of type ${definition.type}, not ${type}`;
      return this.#refuse(subscriber, "type", id, text);
    }
    const checked = book.check(id, value);
    return isRefusal(checked) ? this.#refuse(subscriber, codeOf(checked), id, checked.why) : checked;
  }

  #refuse(subscriber: Subscriber, code: NackCode, id: PathId, text: string): typeof REFUSED {
    this.#nack(subscriber, code, id, text);
    return REFUSED;
  }

  #nack(subscriber: Subscriber, code: NackCode, id: PathId | null, text: string): void {
    const { counters, sink, term } = this.#options;
    counters.refusedLeaves++;
    const rest = { id, generation: null, current: null, text };
    sink.nack(subscriber, { kind: "nack", term, sequence: NO_SEQUENCE, code, ...rest });
  }
}

/** Stands for a value that is not kept. */
const REFUSED = Symbol("refused");
