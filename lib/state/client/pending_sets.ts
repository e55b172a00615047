// Writes whose answer somebody awaits, by path.
// Decides what a write's answer is: what the host acknowledged, said no to, or showed something else above. Never resends
// and never decides who wins (replica/, host).

import type { Timers } from "../../platform/mod.ts";
import type { ReplicaEvent, StateReplica } from "../replica/mod.ts";
import { StateError, withNames } from "./errors.ts";
import type { ObjectOwner, SetResult } from "./types.ts";
import { Wait } from "./wait.ts";

/** Writes that are awaited at a time. */
export const MAX_AWAITED = 4_096;

type Dropped = Extract<ReplicaEvent, { readonly kind: "dropped" }>;

/** What an answer tells about others. */
export interface SetWitness {
  /** The name of a client; null where it was never seen. */
  nameOf(client: number): string | null;
  /** Who edits a path alone; null for nobody. */
  ownerOf(path: string): ObjectOwner | null;
}

interface PendingSet {
  readonly path: string;
  readonly priority: number | null;
  readonly wait: Wait<SetResult>;
}

/** Awaited writes of one client. */
export class PendingSets {
  readonly #replica: StateReplica;
  readonly #timers: Timers;
  readonly #witness: SetWitness;
  readonly #pending = new Map<string, PendingSet>();

  constructor(replica: StateReplica, timers: Timers, witness: SetWitness) {
    this.#replica = replica;
    this.#timers = timers;
    this.#witness = witness;
  }

  get size(): number {
    return this.#pending.size;
  }

  /** The answer to a write that the replica has just taken; `untilUs` is when to give up waiting. */
  await(path: string, priority: number | null, untilUs: number): Promise<SetResult> {
    const former = this.#pending.get(path);
    if (former !== undefined) this.#resolve(former, "superseded", "this client wrote there again");
    if (this.#pending.size >= MAX_AWAITED) {
      return Promise.reject(
        new StateError("full", {
          what: `the answer for ${path} is not awaited`,
          why: `${MAX_AWAITED} writes are awaited already`,
          hint: "use trySet() where no answer is needed",
          path,
        }),
      );
    }
    const pending: PendingSet = { path, priority, wait: new Wait<SetResult>() };
    this.#pending.set(path, pending);
    pending.wait.expireAt(this.#timers, untilUs, () => {
      this.#pending.delete(path);
      pending.wait.reject(
        new StateError("timeout", {
          what: `the host has not acknowledged ${path}`,
          why: this.#replica.state === "joined"
            ? "it does not answer in time"
            : "there is no connection to it",
          hint: "the value stays written here and goes out when the host answers",
          path,
        }),
      );
    });
    return pending.wait.promise;
  }

  /** An own write is not shown any longer, or was not taken. */
  handleDropped({ path, reason, text, holder, priority }: Dropped): void {
    const pending = this.#pending.get(path);
    if (pending === undefined) return;
    if (reason === "shadowed" || reason === "takeover") {
      return this.#resolve(pending, "shadowed", text, holder, priority);
    }
    this.#pending.delete(path);
    const isOwned = reason === "owner" || reason === "generation";
    // Whose object it is stands in the way, not whose value.
    const inTheWay = isOwned ? this.#witness.ownerOf(path)?.client ?? 0 : holder;
    pending.wait.reject(
      new StateError(reason, {
        what: `${path} was not written`,
        why: this.#told(text, inTheWay),
        path,
        holder: inTheWay,
      }),
    );
  }

  /** A batch is over: what the host acknowledged is answered. */
  handleBatch(): void {
    if (this.#pending.size === 0) return;
    const replica = this.#replica;
    const { book } = replica;
    if (book === null) return;
    for (const pending of this.#pending.values()) {
      const id = book.idOf(pending.path);
      if (replica.isPending(id)) continue;
      if (book.definitionOf(id) === null) {
        this.#pending.delete(pending.path);
        const { path } = pending;
        pending.wait.reject(
          new StateError("gone", { what: `${path} was not written`, why: "it is there no more", path }),
        );
        continue;
      }
      const holder = replica.holderOf(id);
      const priority = replica.priorityOf(id);
      if (holder === replica.client) this.#resolve(pending, "stands", "");
      else {
        const isAbove = holder !== 0 && pending.priority !== null && priority > pending.priority;
        this.#resolve(pending, isAbove ? "shadowed" : "accepted", "", holder, priority);
      }
    }
  }

  /** This client was closed. */
  close(): void {
    for (const { path, wait } of this.#pending.values()) {
      wait.reject(new StateError("closed", { what: `the answer for ${path} is not awaited any more`, path }));
    }
    this.#pending.clear();
  }

  #resolve(
    { path, wait }: PendingSet,
    outcome: SetResult["outcome"],
    text: string,
    holder = this.#holderOf(path),
    priority = this.#priorityOf(path),
  ): void {
    this.#pending.delete(path);
    const told = text === "" && outcome === "shadowed"
      ? `${path} is held by client ${holder} with priority ${priority}`
      : text;
    wait.resolve({
      path,
      outcome,
      single: this.#replica.isSingle,
      holder,
      holderName: this.#witness.nameOf(holder),
      priority,
      text: this.#told(told, holder),
    });
  }

  #holderOf(path: string): number {
    const { book } = this.#replica;
    return book === null ? 0 : this.#replica.holderOf(book.idOf(path));
  }

  #priorityOf(path: string): number {
    const { book } = this.#replica;
    return book === null ? 0 : this.#replica.priorityOf(book.idOf(path));
  }

  /** A sentence of the host with the name of the client that is in the way. */
  #told(text: string, client: number): string {
    const named = withNames(text, (number) => this.#witness.nameOf(number));
    const isTold = text === "" || client === 0 || text.includes(`client ${client}`);
    return isTold ? named : `${named}: ${this.#witness.nameOf(client) ?? ""} (client ${client})`;
  }
}
