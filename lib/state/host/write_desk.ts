// Takes what clients write: each write once and in order (research 2.7 L2), each value checked, refusals told.
// Decides what a write may do by asking those who know: definitions, holding, claims. Never acknowledges and never sends.

import type { HanaError } from "../../base/mod.ts";
import type { Holding } from "../holding/mod.ts";
import type {
  Guard,
  NackCode,
  NackMessage,
  SetMessage,
  TransactionMessage,
  WireEntry,
} from "../messages/mod.ts";
import { MOMENTARY } from "../merge/mod.ts";
import type {
  ClientNumber,
  ClientSequence,
  ParameterDefinition,
  PathId,
  StateValue,
  SubsystemNumber,
} from "../model/mod.ts";
import {
  checkValue,
  GUARDED_SUBSYSTEMS,
  HOST_SUBSYSTEMS,
  isRefusal,
  NO_PATH,
  readDefinition,
  type Refusal,
} from "../schema/mod.ts";
import type { HostCounters } from "./counters.ts";
import type { StateDocument } from "./document.ts";
import { toWire } from "./feed.ts";
import { MAX_HELD_WRITES, MAX_NACKS } from "./limits.ts";
import type { Subscriber } from "./subscriber.ts";

/** Who passes answers on. */
export interface NackSink {
  /** Tells a client what its write met with. */
  nack(subscriber: Subscriber, message: NackMessage): void;
}

/** A message that writes. */
type Write = SetMessage | TransactionMessage;

/** What a message says of all its values. */
export type WriteHead = Pick<SetMessage, "sequence" | "priority" | "take" | "momentary" | "generation">;

/** A value that waits for its time, for it came faster than the rate allows. */
export interface GatedWrite {
  readonly head: WriteHead;
  /** In the form that is kept. */
  readonly value: StateValue;
}

/** What the desk needs. */
export interface WriteDeskOptions {
  readonly term: number;
  readonly document: StateDocument;
  readonly holding: Holding<GatedWrite>;
  readonly subscribers: ReadonlyMap<ClientNumber, Subscriber>;
  readonly sink: NackSink;
  readonly counters: HostCounters;
}

/** A change of a transaction that is checked and can be made. */
type Step =
  | { readonly kind: "define"; readonly definition: ParameterDefinition }
  | { readonly kind: "place"; readonly id: PathId; readonly value: StateValue }
  | { readonly kind: "retire"; readonly id: PathId };

/** Why a transaction is not made. */
interface Objection {
  readonly code: NackCode;
  readonly id: PathId | null;
  readonly text: string;
}

/** The desk where writes arrive. */
export class WriteDesk {
  readonly #term: number;
  readonly #document: StateDocument;
  readonly #holding: Holding<GatedWrite>;
  readonly #subscribers: ReadonlyMap<ClientNumber, Subscriber>;
  readonly #sink: NackSink;
  readonly #counters: HostCounters;
  readonly #waiting = new Set<Subscriber>();
  #nacks = 0;
  /** What the gate is asked about, as long as it did not keep it. */
  #write: { -readonly [K in keyof GatedWrite]: GatedWrite[K] } | null = null;

  constructor({ term, document, holding, subscribers, sink, counters }: WriteDeskOptions) {
    this.#subscribers = subscribers;
    this.#term = term;
    this.#document = document;
    this.#holding = holding;
    this.#sink = sink;
    this.#counters = counters;
  }

  /** A client writes. @returns whether something took effect, also where it was refused. */
  handleWrite(nowUs: number, subscriber: Subscriber, message: Write): boolean {
    if (message.sequence <= subscriber.sequence) {
      this.#counters.duplicates++;
      subscriber.isToAcknowledge = true;
      return false;
    }
    if (message.sequence > subscriber.sequence + 1) {
      this.#hold(subscriber, message);
      return false;
    }
    this.#apply(nowUs, subscriber, message);
    while (subscriber.held.length > 0) {
      const at = subscriber.held.findIndex(({ sequence }) => sequence === subscriber.sequence + 1);
      const next = subscriber.held[at];
      if (next === undefined) break;
      subscriber.held.splice(at, 1);
      this.#apply(nowUs, subscriber, next);
    }
    if (subscriber.held.length === 0) this.#waiting.delete(subscriber);
    return true;
  }

  /** Lets values take effect whose time has come, and tells those whose writes were merged. */
  handleDue(nowUs: number): void {
    const { gate } = this.#holding;
    for (let due = gate.pollWrite(); due !== null; due = gate.pollWrite()) {
      const subscriber = this.#subscribers.get(due.client);
      const definition = this.#document.book.definitionOf(due.path);
      if (subscriber === undefined || definition === null) continue;
      const { head, value } = due.write;
      this.#nacks = 0;
      if (this.#isFenced(nowUs, subscriber, head, due.path)) continue;
      this.#claim(nowUs, subscriber, head, definition, due.path, value);
    }
    for (let notice = gate.pollNotice(nowUs); notice !== null; notice = gate.pollNotice(nowUs)) {
      const subscriber = this.#subscribers.get(notice.client);
      if (subscriber === undefined) continue;
      this.#nacks = 0;
      const text = `${notice.merged} writes came too fast: the newest count`;
      this.#nack(subscriber, { sequence: subscriber.sequence as ClientSequence }, "merged", null, text, null);
    }
    this.#document.settle();
  }

  /** A client was just suspended: what it wrote before still takes effect, as it was acknowledged. */
  handleSuspended(nowUs: number, client: ClientNumber): void {
    const { gate, ownership } = this.#holding;
    for (let due = gate.pollWrite(); due !== null; due = gate.pollWrite()) {
      const subscriber = this.#subscribers.get(due.client);
      const definition = this.#document.book.definitionOf(due.path);
      if (subscriber === undefined || definition === null) continue;
      const { head, value } = due.write;
      this.#nacks = 0;
      const isRefused = due.client === client
        ? ownership.checkWrite(nowUs, client, due.path, head.generation) !== null
        : this.#isFenced(nowUs, subscriber, head, due.path);
      if (!isRefused) this.#claim(nowUs, subscriber, head, definition, due.path, value);
    }
  }

  /** The batch is over: what still waits for its predecessors will not get them. */
  endBatch(): void {
    for (const subscriber of this.#waiting) {
      for (const message of subscriber.held) {
        this.#counters.outOfOrder++;
        this.#nacks = 0;
        this.#refuse(subscriber, message, {
          code: "order",
          id: null,
          text: `write ${subscriber.sequence + 1} is awaited, not ${message.sequence}`,
        });
      }
      subscriber.held.length = 0;
    }
    this.#waiting.clear();
  }

  /** A client is gone; what it held back is void. */
  forget(subscriber: Subscriber): void {
    this.#waiting.delete(subscriber);
    subscriber.held.length = 0;
  }

  #hold(subscriber: Subscriber, message: Write): void {
    this.#counters.early++;
    if (subscriber.held.length >= MAX_HELD_WRITES) {
      this.#counters.outOfOrder++;
      this.#nacks = 0;
      this.#refuse(subscriber, message, {
        code: "order",
        id: null,
        text: `write ${subscriber.sequence + 1} is awaited, not ${message.sequence}`,
      });
      return;
    }
    subscriber.held.push(message);
    this.#waiting.add(subscriber);
  }

  #apply(nowUs: number, subscriber: Subscriber, message: Write): void {
    this.#nacks = 0;
    if (message.kind === "set") this.#set(nowUs, subscriber, message);
    else this.#transact(nowUs, subscriber, message);
    this.#document.settle();
    subscriber.noteWrite(message.sequence);
    this.#holding.clients.noteSequence(subscriber.client, message.sequence);
    this.#noteTouched(subscriber, message);
  }

  #set(nowUs: number, subscriber: Subscriber, message: SetMessage): void {
    this.#counters.writes++;
    this.#holding.gate.handleMessage(nowUs, subscriber.client);
    if (message.priority > subscriber.maxPriority) {
      this.#refuse(subscriber, message, {
        code: "role",
        id: null,
        text: `this client may have priority ${subscriber.maxPriority} at most, not ${message.priority}`,
      });
      return;
    }
    const { sequence, priority, take, momentary, generation } = message;
    const head = { sequence, priority, take, momentary, generation };
    for (const entry of message.entries) this.#setOne(nowUs, subscriber, head, entry);
  }

  #setOne(nowUs: number, subscriber: Subscriber, message: WriteHead, { id, type, value }: WireEntry): void {
    const { client } = subscriber;
    const document = this.#document;
    const definition = document.book.definitionOf(id);
    if (definition === null) {
      return this.#refuseValue(subscriber, message, id, document.book.check(id, value));
    }
    if (message.priority > 0 && GUARDED_SUBSYSTEMS.includes(definition.subsystem)) {
      return this.#refuse(subscriber, message, {
        code: "version",
        id,
        text: `${definition.path} changes by a transaction, which says of which version it was made`,
      });
    }
    let checked: StateValue = null;
    if (message.priority > 0) {
      if (type !== definition.type) {
        return this.#refuse(subscriber, message, {
          code: "type",
          id,
          text: `${definition.path} is of type ${definition.type}, not ${type}`,
        });
      }
      const answer = checkValue(definition, value);
      if (isRefusal(answer)) return this.#refuseValue(subscriber, message, id, answer);
      checked = answer;
    }
    if (this.#isFenced(nowUs, subscriber, message, id)) return;
    if (message.priority === 0) this.#holding.gate.handleRelease(client, id);
    else {
      const write = this.#write ?? { head: message, value: null };
      write.head = message;
      write.value = checked;
      const answer = this.#holding.gate.handleWrite(nowUs, client, id, write);
      this.#write = answer === "waits" ? null : write;
      if (answer === "waits") return;
      if (answer === "full") {
        const text = "this client writes to more paths at once than can be watched";
        return this.#refuse(subscriber, message, { code: "rate", id, text });
      }
    }
    this.#claim(nowUs, subscriber, message, definition, id, checked);
  }

  /** A checked value takes effect. */
  #claim(
    nowUs: number,
    subscriber: Subscriber,
    message: WriteHead,
    definition: ParameterDefinition,
    id: PathId,
    value: StateValue,
  ): void {
    const { client } = subscriber;
    const document = this.#document;
    const { merge } = definition;
    if (merge === "lock" && message.priority > 0 && !message.take && this.#isLocked(id, subscriber)) {
      return this.#refuse(subscriber, message, { code: "locked", id, text: this.#above(id) });
    }
    const flags = message.momentary ? MOMENTARY : 0;
    const outcome = document.set(nowUs, id, client, value, message.priority, flags);
    switch (outcome) {
      case "stands":
      case "released":
        subscriber.noteStands(id);
        return;
      case "shadowed": {
        this.#counters.shadowed++;
        const holder = document.claims.winner(id)?.holder ?? client;
        if (!subscriber.noteShadow(id, holder)) return;
        const code = definition.merge === "lock" ? "locked" : "shadowed";
        this.#nack(subscriber, message, code, id, this.#above(id), null);
        return;
      }
      case "reaching":
        return;
      case "full":
        return this.#refuse(subscriber, message, {
          code: "full",
          id,
          text: `${definition.path} has as many writers as it may`,
        });
      case "lost-client":
        return this.#refuse(subscriber, message, { code: "suspended", id, text: "this client is suspended" });
      case "unknown-path":
        return this.#refuse(subscriber, message, {
          code: "unknown-path",
          id,
          text: `${definition.path} takes no writes`,
        });
      case "priority":
      case "reserved":
        return this.#refuse(subscriber, message, {
          code: "role",
          id,
          text: `priority ${message.priority} is the host's own`,
        });
    }
  }

  #transact(nowUs: number, subscriber: Subscriber, message: TransactionMessage): void {
    this.#counters.transactions++;
    const refusal = this.#holding.checkStructure(subscriber.client, message.generation);
    if (refusal !== null) {
      return this.#refuse(subscriber, message, { code: refusal, id: null, text: FENCED[refusal] ?? "" });
    }
    for (const guard of message.guards) {
      if (this.#holds(guard)) continue;
      return this.#refuse(subscriber, message, {
        code: "version",
        id: guard.on === "path" ? guard.id : null,
        text: "somebody else changed it meanwhile",
      });
    }
    const steps: Step[] = [];
    const objection = this.#plan(nowUs, subscriber, message, steps);
    if (objection !== null) return this.#refuse(subscriber, message, objection);
    const made: PathId[] = [];
    for (const step of steps) {
      const full = this.#make(nowUs, subscriber, step, made);
      if (full === null) continue;
      // The one thing that only doing can tell is whether the book has room: definitions come first, and go again.
      for (const id of made) this.#document.retire(nowUs, id);
      return this.#refuse(subscriber, message, { code: "full", id: null, text: full.why });
    }
  }

  /** Checks a transaction whole before any of it happens. */
  #plan(nowUs: number, subscriber: Subscriber, message: TransactionMessage, steps: Step[]): Objection | null {
    for (const definition of message.definitions) {
      const objection = this.#planDefinition(definition, null, steps);
      if (objection !== null) return objection;
    }
    const { book } = this.#document;
    for (const entry of message.entries) {
      const { id } = entry;
      const definition = book.definitionOf(id);
      if (definition === null) {
        const answer = book.check(id, null);
        return { code: "unknown-path", id, text: isRefusal(answer) ? answer.why : "" };
      }
      // The generation of a transaction is the privilege's too, so it says nothing of paths that nobody owns.
      const isFree = this.#holding.ownership.standing(nowUs, id).state === "free";
      const generation = isFree ? null : message.generation;
      const refusal = this.#holding.checkWrite(nowUs, subscriber.client, id, generation);
      if (refusal !== null) return { code: refusal, id, text: FENCED[refusal] ?? "" };
      if (entry.type === "gone") {
        steps.push({ kind: "retire", id });
        continue;
      }
      if (entry.type === "definition") {
        const objection = this.#planDefinition(entry.value, id, steps);
        if (objection !== null) return objection;
        continue;
      }
      if (entry.type !== definition.type) {
        const text = `${definition.path} is of type ${definition.type}, not ${entry.type}`;
        return { code: "type", id, text };
      }
      const value = book.check(id, entry.value);
      if (isRefusal(value)) return { code: codeOf(value), id, text: value.why };
      if (!this.#document.canPlace(id)) return { code: "locked", id, text: this.#above(id) };
      steps.push({ kind: "place", id, value });
    }
    steps.sort((a, b) => ORDER[a.kind] - ORDER[b.kind]);
    return null;
  }

  #planDefinition(raw: ParameterDefinition, id: PathId | null, steps: Step[]): Objection | null {
    let definition: ParameterDefinition;
    try {
      definition = readDefinition(raw);
    } catch (error) {
      return { code: "malformed", id, text: (error as HanaError).message };
    }
    if (HOST_SUBSYSTEMS.includes(definition.subsystem)) {
      return { code: "role", id, text: `${definition.subsystem} is written by the host alone` };
    }
    if (id !== null && this.#document.book.pathOf(id) !== definition.path) {
      return { code: "malformed", id, text: `number ${id} stands for another path than ${definition.path}` };
    }
    steps.push({ kind: "define", definition });
    return null;
  }

  #make(nowUs: number, subscriber: Subscriber, step: Step, made: PathId[]): Refusal | null {
    const document = this.#document;
    if (step.kind === "define") {
      const defined = document.define(nowUs, step.definition);
      if (isRefusal(defined)) return defined;
      if (defined.outcome === "new") made.push(defined.id);
      if (defined.former !== NO_PATH) this.#holding.ownership.handleRemoval(nowUs, defined.former);
    } else if (step.kind === "place") document.place(nowUs, step.id, subscriber.client, step.value);
    else {
      document.retire(nowUs, step.id);
      this.#holding.ownership.handleRemoval(nowUs, step.id);
    }
    return null;
  }

  #holds(guard: Guard): boolean {
    const document = this.#document;
    if (guard.on === "path") {
      // A patch tells its own version, not that of each entry: what the client has is no older than the entry.
      return (document.entryOf(guard.id)?.version ?? Infinity) <= guard.version;
    }
    if (guard.subsystem === 0) return document.book.revision === guard.version;
    return document.log(guard.subsystem)?.version === guard.version;
  }

  /** Whether a client may not write to a path; it is told. */
  #isFenced(nowUs: number, subscriber: Subscriber, message: WriteHead, id: PathId): boolean {
    const { client } = subscriber;
    const refusal = this.#holding.checkWrite(nowUs, client, id, message.generation);
    if (refusal === null) return false;
    this.#counters.refusedWrites++;
    const isOwned = refusal === "owner" || refusal === "generation";
    const generation = isOwned ? this.#holding.ownership.standing(nowUs, id).generation : null;
    this.#nack(subscriber, message, refusal, id, FENCED[refusal] ?? "", generation);
    return true;
  }

  #isLocked(id: PathId, { client }: Subscriber): boolean {
    const winner = this.#document.claims.winner(id);
    return winner !== null && winner.parts > 0 && winner.holder !== client;
  }

  /** Remembers what the client has to be told before this write may be acknowledged. */
  #noteTouched(subscriber: Subscriber, message: Write): void {
    const feeds = subscriber.group?.feeds;
    if (feeds === undefined) return;
    const { book } = this.#document;
    let last: SubsystemNumber | null = null;
    for (const { id } of message.entries) {
      const subsystem = book.subsystemOf(id);
      if (subsystem === last) continue;
      last = subsystem;
      const feed = subsystem === null ? undefined : feeds[subsystem];
      if (feed !== undefined && subsystem !== null) subscriber.noteTouched(subsystem, feed.version);
    }
    if (message.kind === "set") return;
    // Definitions change the book and the subsystems of their paths.
    for (const feed of feeds) {
      if (feed !== undefined) subscriber.noteTouched(feed.source.subsystem, feed.version);
    }
  }

  #above(id: PathId): string {
    const winner = this.#document.claims.winner(id);
    const path = this.#document.book.pathOf(id) ?? "";
    if (winner === null) return path;
    const who = winner.holder === 0 ? "the host" : `client ${winner.holder}`;
    return `${path} is held by ${who} with priority ${winner.priority}`;
  }

  #refuseValue(
    subscriber: Subscriber,
    message: Pick<Write, "sequence">,
    id: PathId,
    answer: StateValue | Refusal,
  ): void {
    if (!isRefusal(answer)) return;
    this.#refuse(subscriber, message, { code: codeOf(answer), id, text: answer.why });
  }

  #refuse(subscriber: Subscriber, message: Pick<Write, "sequence">, { code, id, text }: Objection): void {
    this.#counters.refusedWrites++;
    this.#nack(subscriber, message, code, id, text, null);
  }

  #nack(
    subscriber: Subscriber,
    { sequence }: Pick<Write, "sequence">,
    code: NackCode,
    id: PathId | null,
    text: string,
    generation: number | null,
  ): void {
    if (++this.#nacks > MAX_NACKS) {
      this.#counters.nacksLeftOut++;
      return;
    }
    const entry = id === null ? null : this.#document.entryOf(id);
    const current = entry === null ? null : toWire(entry, true);
    const term = this.#term;
    this.#sink.nack(subscriber, { kind: "nack", term, sequence, code, id, generation, current, text });
  }
}

/** What holding/ says no with, for people. */
const FENCED: Partial<Record<NackCode, string>> = {
  suspended: "this client is suspended",
  owner: "somebody else owns it",
  generation: "it was granted anew since this was sent",
  privilege: "only the privileged client may change structure",
};

/** In which order the parts of a transaction are made. */
const ORDER: Readonly<Record<Step["kind"], number>> = { define: 0, place: 1, retire: 2 };

/** The word on the wire for a refused value. */
export function codeOf({ code }: Refusal): NackCode {
  switch (code) {
    case "wrong-type":
      return "type";
    case "unknown-path":
    case "gone":
      return "unknown-path";
    case "full":
      return "full";
    case "conflict":
      return "malformed";
    default:
      return "range";
  }
}
