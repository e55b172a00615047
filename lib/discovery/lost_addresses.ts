// Where nodes were that are forgotten as dead: a mesh cut in two for a day finds together again although multicast does
// not cross what joined it (discovery research 6.1, 6.6).
// Decides how long an address is worth asking, and that the mesh as a whole asks little; never believes an answer.

import type { IpEndpoint } from "../platform/mod.ts";
import { type Context, drawBetween } from "./context.ts";
import type { Peer } from "./peer.ts";
import type { Prober } from "./prober.ts";

const MAX_LOST = 64;
const KEEP_US = 7 * 24 * 3_600_000_000;
/** About how often somebody of the mesh asks each of them, in µs. */
const ASK_EVERY_US = 30_000_000;

interface Lost {
  readonly peer: Peer;
  readonly from: IpEndpoint;
  readonly sinceUs: number;
}

/** Addresses of the forgotten. */
export class LostAddresses {
  #lost: Lost[] = [];
  #turn = 0;
  #nextUs = Infinity;

  constructor(readonly context: Context, readonly prober: Prober) {}

  /** How many there are. */
  get size(): number {
    return this.#lost.length;
  }

  /** A dead node is forgotten; its address is not. At the bound of 64 the oldest one is. */
  add(nowUs: number, peer: Peer): void {
    this.#lost = this.#lost.filter((each) => each.peer.id !== peer.id);
    if (this.#lost.length >= MAX_LOST) this.#lost.shift();
    this.#lost.push({ peer, from: peer.route.from, sinceUs: nowUs });
    this.#nextUs = Math.min(this.#nextUs, nowUs + this.#pauseUs());
  }

  /** Asks the next. */
  handleTimeout(nowUs: number): void {
    if (nowUs < this.#nextUs) return;
    const { registry } = this.context;
    this.#lost = this.#lost.filter(({ peer, sinceUs }) =>
      registry.peer(peer.id) === undefined && nowUs - sinceUs < KEEP_US
    );
    const lost = this.#lost[this.#turn++ % Math.max(1, this.#lost.length)];
    this.#nextUs = lost === undefined ? Infinity : nowUs + this.#pauseUs();
    if (lost !== undefined) this.prober.ask(nowUs, lost.peer, "probe", lost.from);
  }

  /** When the next is asked; infinite when there is none. */
  get nextUs(): number {
    return this.#nextUs;
  }

  #pauseUs(): number {
    const { registry, random } = this.context;
    const share = Math.max(1, registry.presentCount + 1) / Math.max(1, this.#lost.length);
    return ASK_EVERY_US * share * drawBetween(random, 0.5, 1.5);
  }
}
