// Writes whose answer somebody awaits, by path.
// Decides what a write's answer is: what the host acknowledged, said no to, or showed something else above. Never resends
// and never decides who wins (replica/, host).

import type { Timers } from "../../platform/mod.ts";
import type { ReplicaEvent, StateReplica } from "../replica/mod.ts";
import { StateError } from "./errors.ts";
import type { SetResult } from "./types.ts";
import { Wait } from "./wait.ts";

/** Writes that are awaited at a time. */
export const MAX_AWAITED = 4_096;

type Dropped = Extract<ReplicaEvent, { readonly kind: "dropped" }>;

interface PendingSet {
  readonly path: string;
  readonly priority: number | null;
  readonly wait: Wait<SetResult>;
}

/** Awaited writes of one client. */
export class PendingSets {
  readonly #replica: StateReplica;
  readonly #timers: Timers;
  readonly #nameOf: (client: number) => string | null;
  readonly #pending = new Map<string, PendingSet>();

  constructor(replica: StateReplica, timers: Timers, nameOf: (client: number) => string | null) {
    this.#replica = replica;
    this.#timers = timers;
    this.#nameOf = nameOf;
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
    pending.wait.reject(
      new StateError(reason, {
        what: `${path} was not written`,
        why: this.#withName(text, holder),
        path,
        holder,
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
      holderName: this.#nameOf(holder),
      priority,
      text: this.#withName(told, holder),
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

  /** A sentence of the host with the name of the client that it names by number. */
  #withName(text: string, holder: number): string {
    const name = this.#nameOf(holder);
    if (name === null || holder === 0) return text;
    const number = `client ${holder}`;
    if (text.includes(number)) return text.replace(number, `${name} (${number})`);
    return text === "" ? "" : `${text}: ${name} (${number})`;
  }
}
