// Who is there: the clients of the host as its own entries tell, below `clients/`.
// Decides what of such an entry is read; the host writes them, and nobody else can.

import type { StateValue } from "../model/mod.ts";
import { Listeners } from "./listeners.ts";
import type { PresenceChange, PresentClient, StateChange } from "./types.ts";

/** Where the host keeps its clients. */
export const CLIENTS_PREFIX = "clients";

/** The clients that are there. */
export class Presence {
  readonly #self: () => number;
  readonly #byPath = new Map<string, PresentClient>();
  readonly #names = new Map<number, string>();
  readonly #listeners: Listeners<PresenceChange>;

  constructor(self: () => number, noteFailure: (thrown: unknown) => void) {
    this.#self = self;
    this.#listeners = new Listeners(noteFailure);
  }

  /** Everybody, by number. */
  all(): PresentClient[] {
    const self = this.#self();
    return [...this.#byPath.values()]
      .map((one) => one.isSelf === (one.client === self) ? one : { ...one, isSelf: one.client === self })
      .sort((a, b) => a.client - b.client);
  }

  /** The name of a client that is or was there; null for one that was never seen. */
  nameOf(client: number): string | null {
    return client === 0 ? null : this.#names.get(client) ?? null;
  }

  /** Has `listener` told of everybody who comes, changes and goes. Returns how to stop it. */
  listen(listener: (change: PresenceChange) => void): () => void {
    return this.#listeners.add(listener);
  }

  /** The host's entries have changed. */
  handleChanges(changes: readonly StateChange[]): void {
    for (const { path, value, isGone } of changes) {
      const former = this.#byPath.get(path);
      const client = isGone ? null : readClient(value, this.#self());
      if (client === null) {
        this.#byPath.delete(path);
        if (former !== undefined) this.#listeners.tell({ kind: "went", client: former });
        continue;
      }
      this.#byPath.set(path, client);
      this.#noteName(client);
      if (former === undefined) this.#listeners.tell({ kind: "came", client });
      else if (former.client === client.client) this.#listeners.tell({ kind: "changed", client });
      else {
        this.#listeners.tell({ kind: "went", client: former });
        this.#listeners.tell({ kind: "came", client });
      }
    }
  }

  /** Nobody is told any more. */
  close(): void {
    this.#listeners.clear();
  }

  #noteName({ client, name }: PresentClient): void {
    this.#names.delete(client);
    this.#names.set(client, name);
    // Of those who are long gone nobody asks.
    if (this.#names.size <= MAX_NAMES) return;
    const [oldest] = this.#names.keys();
    if (oldest !== undefined) this.#names.delete(oldest);
  }
}

/** Names that are remembered, of clients that are gone too. */
const MAX_NAMES = 4_096;

/** An entry of the host; null for what is none. */
function readClient(value: StateValue, self: number): PresentClient | null {
  if (typeof value !== "object" || value === null || Array.isArray(value) || value instanceof Uint8Array) {
    return null;
  }
  const table = value as Readonly<Record<string, unknown>>;
  const { client, name, node, level, state, owns, owned, privileged } = table;
  // 0 is nobody: a place that is free again.
  if (typeof client !== "number" || client === 0 || typeof name !== "string") return null;
  return {
    client,
    name,
    node: typeof node === "string" ? node : "",
    level: typeof level === "string" ? level : "viewer",
    state: typeof state === "string" ? state : "joined",
    owns: Array.isArray(owns) ? owns.filter((path) => typeof path === "string") : [],
    owned: typeof owned === "number" ? owned : 0,
    privileged: privileged === true,
    isSelf: client === self,
  };
}
