// The gate of an executor: per resource the newest leadership that commanded it, and no older one after.
// Decides on tokens alone; that a newer one is on disk before its command is carried out, so that neither a restart nor
// a leader that slept past its lease can turn time back (discovery research 6.10; Kleppmann 2016 on fencing).

import type { Files } from "../../platform/mod.ts";
import { compareTokens, formatToken, type LeaseToken, parseToken } from "./token.ts";

/** Resources that a gate guards at most; a command for one more is refused. */
export const MAX_RESOURCES = 256;
const MAX_NAME = 128;

/** What a gate says of a command. */
export type Passage =
  | { readonly kind: "accepted" }
  /** A newer leadership has commanded the resource. */
  | { readonly kind: "stale"; readonly newer: LeaseToken }
  /** The token cannot be kept, so the command must not be carried out. */
  | { readonly kind: "unkept"; readonly why: "storage" | "limit" };

/** Counters of a gate; they only grow. */
export interface FencingCounters {
  accepted: number;
  stale: number;
  unkept: number;
}

/** Guards the resources of one executor. */
export class FencingGate {
  readonly counters: FencingCounters = { accepted: 0, stale: 0, unkept: 0 };
  /** Whether there was a file that could not be read: what had been refused may pass again. */
  readonly isForgetful: boolean;
  readonly #highest = new Map<string, LeaseToken>();

  /** @param path of the file that remembers; its directory is there already */
  constructor(readonly files: Files, readonly path: string) {
    this.isForgetful = !this.#read();
  }

  /** Lets a command for `resource` pass unless its token is older than one that has passed. */
  admit(resource: string, token: LeaseToken): Passage {
    const before = this.#highest.get(resource);
    const order = before === undefined ? 1 : compareTokens(token, before);
    if (before !== undefined && order < 0) {
      this.counters.stale++;
      return { kind: "stale", newer: before };
    }
    if (order > 0) {
      if (before === undefined && (this.#highest.size >= MAX_RESOURCES || resource.length > MAX_NAME)) {
        this.counters.unkept++;
        return { kind: "unkept", why: "limit" };
      }
      if (!this.#keep(resource, token)) {
        this.counters.unkept++;
        return { kind: "unkept", why: "storage" };
      }
    }
    this.counters.accepted++;
    return { kind: "accepted" };
  }

  /** The newest token that commanded `resource`; null for none. */
  highest(resource: string): LeaseToken | null {
    return this.#highest.get(resource) ?? null;
  }

  #keep(resource: string, token: LeaseToken): boolean {
    const resources = Object.fromEntries([...this.#highest].map(([name, kept]) => [name, formatToken(kept)]));
    const text = JSON.stringify({
      schema: "hana.fencing/1",
      resources: { ...resources, [resource]: formatToken(token) },
    });
    try {
      this.files.write(this.path, new TextEncoder().encode(text + "\n"), 0o600);
    } catch {
      return false; // a full or read-only disk
    }
    this.#highest.set(resource, token);
    return true;
  }

  #read(): boolean {
    try {
      const bytes = this.files.read(this.path);
      if (bytes === null) return true;
      const value: unknown = JSON.parse(new TextDecoder().decode(bytes));
      const { schema, resources } = value as Record<string, unknown>;
      if (schema !== "hana.fencing/1" || typeof resources !== "object" || resources === null) return false;
      for (const [name, text] of Object.entries(resources).slice(0, MAX_RESOURCES)) {
        const token = parseToken(text);
        if (token === null) return false;
        this.#highest.set(name, token);
      }
      return true;
    } catch {
      return false; // no JSON, or not to be read at all
    }
  }
}
