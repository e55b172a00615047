// Changes of structure that happen all or not at all.
// Decides what a transaction holds and that it fits one message; the host decides whether it happens: its guards must hold and
// this client must have the privilege.

import {
  type Guard,
  MAX_DEFINITIONS,
  MAX_GUARDS,
  MAX_MESSAGE_BYTES,
  MessageEncoder,
  type WireEntry,
} from "../messages/mod.ts";
import type { ClientSequence, ParameterDefinition, PathId, StateValue, Version } from "../model/mod.ts";
import type { StateReplica, TransactionRequest } from "../replica/mod.ts";
import { isRefusal, readDefinition } from "../schema/mod.ts";
import { refused, StateError } from "./errors.ts";

/** What a transaction does to one path, by name. */
export type TransactionStep =
  | {
    readonly kind: "define";
    readonly definition: ParameterDefinition;
    /** What it replaces; null for a new path. */
    readonly former: ParameterDefinition | null;
  }
  | { readonly kind: "put"; readonly path: string; readonly value: StateValue; readonly former: StateValue }
  | {
    readonly kind: "forget";
    readonly definition: ParameterDefinition;
    /** What stood there. */
    readonly former: StateValue;
  };

/** Collects the changes of one transaction. Every method throws where the change is wrong in itself; nothing is sent then. */
export class TransactionBuilder {
  readonly #replica: StateReplica;
  readonly #steps: TransactionStep[] = [];
  readonly #guards: Guard[] = [];
  readonly #paths = new Set<string>();

  constructor(replica: StateReplica) {
    this.#replica = replica;
  }

  /** What it does so far. */
  get steps(): readonly TransactionStep[] {
    return this.#steps;
  }

  /**
   * Makes a path, or changes the definition of one that is there. Its first value is its default.
   * Throws `schema`, naming the field.
   */
  define(definition: unknown): this {
    const read = readDefinition(definition);
    this.#once(read.path);
    this.#steps.push({ kind: "define", definition: read, former: this.#definitionOf(read.path) });
    return this;
  }

  /** Puts a value, which stands by itself: nobody holds it then. Throws `not-found` and `schema`. */
  put(path: string, value: unknown): this {
    const id = this.#idOf(path);
    const checked = this.#replica.book?.check(id, value) ?? null;
    if (isRefusal(checked)) throw refused(path, `${path} cannot be put`, checked);
    this.#once(path);
    const former = this.#replica.values?.valueOf(id) ?? null;
    this.#steps.push({ kind: "put", path, value: checked, former });
    return this;
  }

  /** Takes a path out. Throws `not-found`. */
  forget(path: string): this {
    const id = this.#idOf(path);
    const definition = this.#definitionOf(path);
    if (definition === null) return this;
    this.#once(path);
    this.#steps.push({ kind: "forget", definition, former: this.#replica.values?.valueOf(id) ?? null });
    return this;
  }

  /** Only if nobody changed the value of the path since this client saw it. Throws `not-found`. */
  unchanged(path: string): this {
    const id = this.#idOf(path);
    const version = (this.#replica.world?.slots.versionOf(id) ?? 0) as Version;
    return this.#guard({ on: "path", id, version });
  }

  /** Only if nothing of the subsystem changed since this client saw it. Throws `not-found`. */
  unchangedSubsystem(name: string): this {
    const world = this.#replica.world;
    const subsystem = world?.book.subsystems.numberOf(name) ?? null;
    const sync = subsystem === null ? undefined : world?.syncs.get(subsystem);
    if (subsystem === null || sync === undefined) {
      throw new StateError("unknown-path", { what: `there is no subsystem ${name}` });
    }
    return this.#guard({ on: "subsystem", subsystem, version: sync.have });
  }

  /** Everything as one request. Throws `overloaded` where it fits no message. */
  build(generation: number | null): TransactionRequest {
    const definitions: ParameterDefinition[] = [];
    const entries: WireEntry[] = [];
    for (const step of this.#steps) {
      if (step.kind === "put") {
        const id = this.#idOf(step.path);
        const type = this.#definitionOf(step.path)?.type ?? "json";
        entries.push({ id, type, value: step.value, winner: null });
        continue;
      }
      const { definition } = step;
      if (step.kind === "define") definitions.push(definition);
      else entries.push({ id: this.#idOf(definition.path), type: "gone", value: null, winner: null });
    }
    const request: TransactionRequest = {
      ...(generation === null ? {} : { generation }),
      guards: this.#guards,
      definitions,
      entries,
    };
    const isTooLarge = definitions.length > MAX_DEFINITIONS || bytesOf(request) > MAX_MESSAGE_BYTES;
    if (isTooLarge) {
      throw new StateError("full", {
        what: "the transaction is too large",
        why: `one holds ${MAX_DEFINITIONS} definitions and ${MAX_MESSAGE_BYTES} bytes at most`,
        hint: "make several of it",
      });
    }
    return request;
  }

  #guard(guard: Guard): this {
    if (this.#guards.length === MAX_GUARDS) {
      throw new StateError("full", {
        what: "the transaction has too many guards",
        why: `${MAX_GUARDS} at most`,
      });
    }
    this.#guards.push(guard);
    return this;
  }

  #once(path: string): void {
    if (this.#paths.has(path)) {
      throw new StateError("conflict", {
        what: `the transaction changes ${path} twice`,
        hint: "a path that is made has its first value as the default of its definition",
        path,
      });
    }
    this.#paths.add(path);
  }

  #definitionOf(path: string): ParameterDefinition | null {
    const { book } = this.#replica;
    return book === null ? null : book.definitionOf(book.idOf(path));
  }

  #idOf(path: string): PathId {
    const { book } = this.#replica;
    if (book === null) throw notJoined(path);
    const id = book.lookUp(path);
    if (isRefusal(id)) throw refused(path, `the transaction names ${path}`, id);
    return id;
  }
}

/** There is no book of paths yet. */
export function notJoined(path: string): StateError {
  return new StateError("not-joined", {
    what: `${path} is not known yet`,
    why: "no host of the shared state has let this client in",
    hint: "wait for ready()",
    path,
  });
}

/** Bytes of the message that a request becomes; Infinity where it has no form. */
function bytesOf(
  { generation, guards = [], definitions = [], entries = [] }: TransactionRequest,
): number {
  const sequence = 1 as ClientSequence;
  const head = { kind: "tx", term: 1, sequence, generation: generation ?? null } as const;
  return new MessageEncoder().encode({ ...head, guards, definitions, entries })?.length ?? Infinity;
}
