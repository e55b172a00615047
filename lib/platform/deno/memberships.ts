// Multicast memberships of one socket.
// The system's join and leave finish later while ours are synchronous: this keeps them in order for each group and
// interface, treats a second join as the success it is, and reports what fails. Never gives up on a membership.

import { HanaError } from "../../base/mod.ts";
import type { NetworkInterfaces } from "../mod.ts";
import { systemCodeOf } from "./stream_errors.ts";

/** What the system gives for a join. */
export interface Membership {
  leave(): Promise<void>;
}

/** Told of a join or leave that failed. */
export type MembershipErrorHook = (thrown: unknown, what: string) => void;

/**
 * The index of the interface that has this address, and at the same time the check that there is one.
 * A scope (`fe80::1%3`) is taken at its word; 0 stands for IPv4, which goes by address. Throws `network-unusable`.
 */
export function interfaceIndex(
  interfaces: NetworkInterfaces,
  group: string,
  interfaceAddress: string,
): number {
  const percent = interfaceAddress.indexOf("%");
  const scope = percent < 0 ? Number.NaN : Number(interfaceAddress.slice(percent + 1));
  if (Number.isInteger(scope)) return scope;
  const address = percent < 0 ? interfaceAddress : interfaceAddress.slice(0, percent);
  const zone = percent < 0 ? null : interfaceAddress.slice(percent + 1);
  const listed = interfaces.list();
  const found = listed.find((entry) => entry.address === address && (zone === null || zone === entry.name));
  if (found === undefined) {
    throw new HanaError("network-unusable", {
      what: `cannot join ${group} on ${interfaceAddress}`,
      why: "no interface has this address",
      hint: "list the addresses of this machine: ip address",
    });
  }
  if (found.family === "ipv4" || found.loopback) return found.family === "ipv4" ? 0 : 1;
  // Only link-local entries carry the index; another address of the same interface finds it there.
  return found.scopeId ??
    listed.find((entry) => entry.name === found.name && entry.scopeId !== null)?.scopeId ??
    0;
}

/** Joins and leaves in order. */
export class Memberships {
  readonly #onError: MembershipErrorHook;
  readonly #joined = new Map<string, Membership>();
  readonly #last = new Map<string, Promise<void>>();
  #closed = false;

  constructor(onError: MembershipErrorHook) {
    this.#onError = onError;
  }

  /** Joins, also when joined: after an interface was removed and made again only a second join helps. */
  join(group: string, interfaceAddress: string, ask: () => Promise<Membership>): void {
    const key = `${group}|${interfaceAddress}`;
    this.#chain(key, async () => {
      try {
        this.#joined.set(key, await ask());
      } catch (thrown) {
        if (isAlreadyJoined(thrown)) return;
        this.#tell(thrown, `joining ${group} on ${interfaceAddress}`);
      }
    });
  }

  /** Leaves; nothing happens when not joined. */
  leave(group: string, interfaceAddress: string): void {
    const key = `${group}|${interfaceAddress}`;
    this.#chain(key, async () => {
      const membership = this.#joined.get(key);
      if (membership === undefined) return;
      this.#joined.delete(key);
      try {
        await membership.leave();
      } catch (thrown) {
        this.#tell(thrown, `leaving ${group} on ${interfaceAddress}`);
      }
    });
  }

  /** Forgets everything; closing the socket gives the memberships back. */
  close(): void {
    this.#closed = true;
    this.#joined.clear();
    this.#last.clear();
  }

  #chain(key: string, work: () => Promise<void>): void {
    const last = this.#last.get(key);
    const next = last === undefined ? work() : last.then(() => this.#closed ? undefined : work());
    this.#last.set(key, next);
    void next.then(() => {
      if (this.#last.get(key) === next) this.#last.delete(key);
    });
  }

  #tell(thrown: unknown, what: string): void {
    if (!this.#closed) this.#onError(thrown, what);
  }
}

/** Linux and macOS say EADDRINUSE, Windows WSAEINVAL, which a join of a checked group gives for nothing else. */
function isAlreadyJoined(thrown: unknown): boolean {
  const code = systemCodeOf(thrown);
  return code === "EADDRINUSE" || thrown instanceof Deno.errors.AddrInUse ||
    (Deno.build.os === "windows" && code === "EINVAL");
}
