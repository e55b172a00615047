// Round trips to the nodes of the mesh, measured one after the other, since everybody asking everybody at once would be
// the storm that a start must not be.
// Decides whose turn it is; the answer is smoothed by admission.ts.

import type { Context, Wake } from "./context.ts";
import type { Liveness } from "./liveness.ts";
import type { Peer } from "./peer.ts";

/** Between two questions, in µs. */
const EVERY_US = 100_000;
/** How many are waited for at a time. */
const MAX_WAITING = 512;

/** Asks each new node once. */
export class Measuring {
  readonly #waiting: Peer[] = [];
  #nextUs = Infinity;

  constructor(readonly context: Context, readonly liveness: Liveness) {}

  /** Puts a node on the list; the first is asked at once. */
  add(nowUs: number, peer: Peer): void {
    if (this.#waiting.length >= MAX_WAITING) return;
    this.#waiting.push(peer);
    if (this.#nextUs === Infinity) this.#nextUs = nowUs;
  }

  /** Asks the next. */
  handleTimeout(nowUs: number): void {
    if (nowUs < this.#nextUs) return;
    let peer = this.#waiting.shift();
    while (peer !== undefined && !(peer.isListed && peer.isPresent && peer.rttUs === null)) {
      peer = this.#waiting.shift();
    }
    this.#nextUs = this.#waiting.length === 0 ? Infinity : nowUs + EVERY_US;
    if (peer !== undefined) this.liveness.ask(nowUs, peer, "measure");
  }

  /** What is due next. */
  next(): Wake | null {
    return this.#nextUs === Infinity ? null : { atUs: this.#nextUs, reason: "measure" };
  }
}
