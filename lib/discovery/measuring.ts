// Round trips to the nodes of the mesh, measured one after the other, since everybody asking everybody at once would be
// the storm that a start must not be.
// Decides whose turn it is; the answer is smoothed by admission.ts.

import type { Context, Wake } from "./context.ts";
import type { Liveness } from "./liveness.ts";
import type { Peer } from "./peer.ts";

/** Between two questions, in µs: at once for the first few, then so slowly that a large mesh does not feel it. */
const EVERY_US = 100_000;
const SLOWLY_US = 500_000;
const MANY = 16;
/** How many are waited for at a time. */
const MAX_WAITING = 512;

/** Asks each new node once. */
export class Measuring {
  readonly #waiting: Peer[] = [];
  /** When the next question may go out. */
  #freeUs = 0;

  constructor(readonly context: Context, readonly liveness: Liveness) {}

  /** Puts a node on the list. */
  add(peer: Peer): void {
    if (this.#waiting.length < MAX_WAITING) this.#waiting.push(peer);
  }

  /** Asks the next. */
  handleTimeout(nowUs: number): void {
    if (nowUs < this.#freeUs || this.#waiting.length === 0) return;
    let peer = this.#waiting.shift();
    while (peer !== undefined && !(peer.isListed && peer.isPresent && peer.rttUs === null)) {
      peer = this.#waiting.shift();
    }
    if (peer === undefined) return;
    this.#freeUs = nowUs + (this.#waiting.length > MANY ? SLOWLY_US : EVERY_US);
    this.liveness.ask(nowUs, peer, "measure");
  }

  /** What is due next. */
  next(): Wake | null {
    return this.#waiting.length === 0 ? null : { atUs: this.#freeUs, reason: "measure" };
  }
}
