// Addresses at which somebody says that a node may be: each is asked a few times, and only its answer counts.
// Decides when a hint is asked and when it is given up; never believes one (discovery research 6.8).

import type { IpEndpoint } from "../platform/mod.ts";
import type { Context, Wake } from "./context.ts";
import { TokenBucket } from "./limiter.ts";

/** When a hint is asked, counted from its coming; after the last time it is forgotten. */
const ASK_TIMES_US = [0, 300_000, 1_000_000, 3_000_000, 10_000_000, 30_000_000];
/**
 * Hints at a time, and of one host; one more is dropped and counted, since anybody near can give them, and what we send
 * to an address must not be worth giving it.
 */
const MAX_HINTS = 64;
const MAX_HINTS_OF_HOST = 8;
/** Hints a second that are taken, once the first lot has come. */
const HINTS_PER_SECOND = 4;

interface Hint {
  readonly endpoint: IpEndpoint;
  readonly cameUs: number;
  asked: number;
}

/** Hints that are being asked. */
export class Hints {
  readonly #hints = new Map<string, Hint>();
  #bucket: TokenBucket | null = null;

  /** @param ask asks an address, as a seed is asked */
  constructor(readonly context: Context, readonly ask: (nowUs: number, endpoint: IpEndpoint) => void) {}

  /** Takes a hint that is not being asked and at which nobody known is. */
  add(nowUs: number, endpoint: IpEndpoint): void {
    const key = `${endpoint.host} ${endpoint.port}`;
    if (this.#hints.has(key) || this.#isKnown(endpoint)) return;
    this.#bucket ??= new TokenBucket(HINTS_PER_SECOND, MAX_HINTS, nowUs);
    let ofHost = 0;
    for (const each of this.#hints.values()) if (each.endpoint.host === endpoint.host) ofHost++;
    if (this.#hints.size >= MAX_HINTS || ofHost >= MAX_HINTS_OF_HOST || !this.#bucket.canTake(nowUs)) {
      this.context.counters.dropped.hints++;
      return;
    }
    this.#hints.set(key, { endpoint, cameUs: nowUs, asked: 0 });
  }

  /** Asks what is due; drops who has answered and who never does. */
  handleTimeout(nowUs: number): void {
    for (const [key, hint] of this.#hints) {
      if (dueUs(hint) > nowUs) continue;
      if (this.#isKnown(hint.endpoint)) {
        this.#hints.delete(key);
        continue;
      }
      hint.asked++;
      this.ask(nowUs, hint.endpoint);
      if (hint.asked === ASK_TIMES_US.length) this.#hints.delete(key);
    }
  }

  /** What is due next. */
  next(): Wake | null {
    let atUs = Infinity;
    for (const hint of this.#hints.values()) atUs = Math.min(atUs, dueUs(hint));
    return atUs === Infinity ? null : { atUs, reason: "hint" };
  }

  #isKnown({ host, port }: IpEndpoint): boolean {
    for (const peer of this.context.registry.peers()) {
      const { from } = peer.route;
      if (peer.isPresent && from.port === port && from.host === host) return true;
    }
    return false;
  }
}

function dueUs(hint: Hint): number {
  return hint.cameUs + (ASK_TIMES_US[hint.asked] ?? 0);
}
