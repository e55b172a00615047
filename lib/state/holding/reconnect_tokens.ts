// Reconnect tokens: who may go on as the client of before (research 2.10).
// Decides what a token stands for: it works once, the one before it for five seconds more. Keeps hashes alone, so that a copy
// of the table lets nobody in. Never decides whether the peer is the right one.

import type { RandomStream } from "../../platform/mod.ts";
import { sha256Hex } from "../../security/mod.ts";
import { TOKEN_BYTES } from "../messages/mod.ts";
import type { ClientNumber } from "../model/mod.ts";
import { USED_TOKEN_US } from "./bounds.ts";

/** The hashes of a client's tokens. */
interface ClientTokens {
  current: string;
  used: string | null;
  /** Until when the used one works, in microseconds. */
  usedUntilUs: number;
}

/** The tokens of a host's clients. */
export class ReconnectTokens {
  readonly #random: RandomStream;
  readonly #clients = new Map<ClientNumber, ClientTokens>();
  readonly #byHash = new Map<string, ClientNumber>();

  constructor(random: RandomStream) {
    this.#random = random;
  }

  /** Whose token it is; null for nobody's, or no longer. */
  find(nowUs: number, token: Uint8Array): ClientNumber | null {
    if (token.length !== TOKEN_BYTES) return null;
    const hash = sha256Hex(token);
    const client = this.#byHash.get(hash);
    const tokens = client === undefined ? undefined : this.#clients.get(client);
    if (client === undefined || tokens === undefined) return null;
    return hash === tokens.current || nowUs < tokens.usedUntilUs ? client : null;
  }

  /** A first token for a client. */
  issue(client: ClientNumber): Uint8Array {
    const token = this.#random.fill(new Uint8Array(TOKEN_BYTES));
    this.#put(client, { current: sha256Hex(token), used: null, usedUntilUs: 0 });
    return token;
  }

  /** A client resumes with `presented`, which is one of its own: it gets another token. */
  rotate(nowUs: number, client: ClientNumber, presented: Uint8Array): Uint8Array {
    const tokens = this.#clients.get(client);
    const hash = sha256Hex(presented);
    // The used token keeps its time: using it again does not renew it.
    const usedUntilUs = tokens?.used === hash ? tokens.usedUntilUs : nowUs + USED_TOKEN_US;
    const token = this.#random.fill(new Uint8Array(TOKEN_BYTES));
    this.#put(client, { current: sha256Hex(token), used: hash, usedUntilUs });
    return token;
  }

  /** The hash of a client's token, for a standby; null for no such client. */
  hashOf(client: ClientNumber): string | null {
    return this.#clients.get(client)?.current ?? null;
  }

  /** A client of the last reign, by the hash that the standby kept. */
  restore(client: ClientNumber, hash: string): void {
    this.#put(client, { current: hash, used: null, usedUntilUs: 0 });
  }

  forget(client: ClientNumber): void {
    const tokens = this.#clients.get(client);
    if (tokens === undefined) return;
    this.#clients.delete(client);
    this.#byHash.delete(tokens.current);
    if (tokens.used !== null) this.#byHash.delete(tokens.used);
  }

  #put(client: ClientNumber, tokens: ClientTokens): void {
    this.forget(client);
    this.#clients.set(client, tokens);
    this.#byHash.set(tokens.current, client);
    if (tokens.used !== null) this.#byHash.set(tokens.used, client);
  }
}
