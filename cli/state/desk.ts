// A person's hands on the shared state: values by path, written and confirmed, each with what became of it.
// Decides which errors are outcomes of a single value and which end the command. Never decides whose value wins (the host
// does) and never how anything looks.

import { HanaError } from "../../lib/base/mod.ts";
import {
  CLIENTS_SUBSYSTEM,
  type ParameterDefinition,
  type ParameterInfo,
  type SetOptions,
  type StateClient,
  StateError,
  type StateReason,
  type StateValue,
} from "../../lib/state/mod.ts";

/** Who holds something. */
export interface Holder {
  readonly client: number;
  readonly name: string;
}

/** A path with what stands there. */
export interface ValueRow {
  readonly path: string;
  readonly definition: ParameterDefinition;
  readonly value: StateValue;
  /** Null for nobody's. */
  readonly holder: Holder | null;
  readonly priority: number;
  /** Who edits it alone; null for nobody. */
  readonly owner: Holder | null;
  /** Whether the host has a value there; else it is the default. */
  readonly isSet: boolean;
}

/** A value to be written. */
export interface Change {
  readonly path: string;
  readonly value: StateValue;
}

/** What became of a write. */
export interface Outcome {
  readonly path: string;
  /**
   * `stands`: it is the effective value. `released`: it is given up. `accepted`: the host has it, and something else follows
   * from it (a sum, a newer write). `shadowed`: stored without effect. `refused`: not stored.
   */
  readonly kind: "stands" | "released" | "accepted" | "shadowed" | "refused";
  readonly reason: StateReason | null;
  readonly text: string;
  /** What stands there now, and whose it is; null where there is no such path. */
  readonly row: ValueRow | null;
}

/** A client of the shared state as commands use it. */
export class Desk {
  constructor(readonly client: StateClient) {}

  /** Every path, in their order. */
  rows(prefix = ""): ValueRow[] {
    return this.client.list(prefix).map((info) => this.#rowOf(info));
  }

  /** One path; null where there is none. */
  row(path: string): ValueRow | null {
    return this.client.has(path) ? this.#rowOf(this.client.info(path)) : null;
  }

  /** The name of a client. */
  nameOf(client: number): string {
    return client === 0 ? "nobody" : this.client.nameOf(client) ?? `client ${client}`;
  }

  /**
   * Writes values and waits until the host has them, and what each met with is known. Rejects with `timeout` and the like
   * where that cannot be known.
   */
  async write(
    how: "set" | "claim" | "release",
    changes: readonly Change[],
    options: SetOptions,
    timeoutUs: number,
  ): Promise<Outcome[]> {
    const { client } = this;
    const answers = await Promise.all(changes.map(async ({ path, value }): Promise<Omit<Outcome, "row">> => {
      try {
        const result = how === "set"
          ? await client.set(path, value, { ...options, timeoutUs })
          : how === "claim"
          ? await client.claim(path, { ...options, timeoutUs })
          : await client.release(path, { timeoutUs });
        if (how === "release") return { path, kind: "released", reason: null, text: "" };
        if (result.outcome === "shadowed") {
          return { path, kind: "shadowed", reason: "shadowed", text: result.text };
        }
        return { path, kind: result.outcome === "stands" ? "stands" : "accepted", reason: null, text: "" };
      } catch (thrown) {
        if (!(thrown instanceof StateError) || ENDING.includes(thrown.reason)) throw withHint(thrown);
        const kind = thrown.reason === "locked" ? "shadowed" : "refused";
        return { path, kind, reason: thrown.reason, text: thrown.why ?? thrown.what };
      }
    }));
    return answers.map((answer) => ({ ...answer, row: this.row(answer.path) }));
  }

  #rowOf({ path, definition, value, hostValue, holder, priority, owner }: ParameterInfo): ValueRow {
    return {
      path,
      definition,
      // What everybody sees, not what a fade here has reached.
      value: hostValue ?? value ?? definition.default,
      holder: holder === 0 ? null : { client: holder, name: this.nameOf(holder) },
      priority,
      owner: owner === null || owner.client === 0
        ? null
        : { client: owner.client, name: this.nameOf(owner.client) },
      isSet: hostValue !== null,
    };
  }
}

/** Whether a path is told where nobody asked for it: what has commands of its own is not. */
export function isTold({ definition }: ValueRow): boolean {
  return !APART.includes(definition.subsystem);
}

/** Clients (`sessions`), snapshots, and groups of displays with what the host says of them. */
const APART: readonly string[] = [CLIENTS_SUBSYSTEM, "presets", "groups", "groups-status", "displays"];

/** Nobody knows what became of the write. */
const ENDING: readonly StateReason[] = [
  "not-joined",
  "timeout",
  "closed",
  "stale",
  "order",
  "epoch",
  "suspended",
  "unknown",
];

function withHint(thrown: unknown): unknown {
  if (!(thrown instanceof StateError)) return thrown;
  const { code, what, why } = thrown;
  return new HanaError(code, {
    what,
    ...(why === undefined ? {} : { why }),
    hint: "hana state host",
    cause: thrown,
  });
}
