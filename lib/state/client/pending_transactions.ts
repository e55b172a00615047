// Transactions whose answer is awaited, by handle.
// Decides what the answer means to the one who asked; never asks again by itself.

import type { Timers } from "../../platform/mod.ts";
import type { ReplicaEvent } from "../replica/mod.ts";
import { StateError, withNames } from "./errors.ts";
import { Wait } from "./wait.ts";

type Answer = Extract<ReplicaEvent, { readonly kind: "transaction" }>;

/** Awaited transactions of one client. */
export class PendingTransactions {
  readonly #timers: Timers;
  /** Who stands in the way of changes of structure, as a sentence; "" where that is not known. */
  readonly #whoHolds: () => string;
  readonly #nameOf: (client: number) => string | null;
  readonly #pending = new Map<number, Wait<void>>();

  constructor(timers: Timers, nameOf: (client: number) => string | null, whoHolds: () => string) {
    this.#timers = timers;
    this.#nameOf = nameOf;
    this.#whoHolds = whoHolds;
  }

  /** The answer to the transaction of `handle`; `untilUs` is when to give up waiting. */
  await(handle: number, untilUs: number): Promise<void> {
    const wait = new Wait<void>();
    this.#pending.set(handle, wait);
    wait.expireAt(this.#timers, untilUs, () => {
      this.#pending.delete(handle);
      wait.reject(
        new StateError("timeout", {
          what: "the host has not answered the transaction",
          hint: "it may still happen when the host is back",
        }),
      );
    });
    return wait.promise;
  }

  /** The host's word on a transaction. */
  handleAnswer({ handle, outcome, code, text }: Answer): void {
    const wait = this.#pending.get(handle);
    if (wait === undefined) return;
    this.#pending.delete(handle);
    if (outcome === "done") return wait.resolve();
    if (outcome === "unknown") {
      return wait.reject(
        new StateError("unknown", { what: "nobody knows whether the transaction happened", why: text }),
      );
    }
    const holder = code === "privilege" || code === "generation" ? this.#whoHolds() : "";
    wait.reject(
      new StateError(code ?? "malformed", {
        what: "the transaction did not happen",
        why: withNames(holder === "" ? text : `${text}; ${holder}`, this.#nameOf),
        ...(code === "privilege" ? { hint: "ask for the privilege first" } : {}),
      }),
    );
  }

  /** This client was closed. */
  close(): void {
    for (const wait of this.#pending.values()) {
      wait.reject(
        new StateError("closed", { what: "the answer to the transaction is not awaited any more" }),
      );
    }
    this.#pending.clear();
  }
}
