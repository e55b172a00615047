// Whether a host that loses clients should look to itself first: half of them within a second is a switch or its own cable,
// not half of the crew (research 2.10).
// Decides from when to when the host suspects itself; never what follows for the clients.

import type { ClientNumber } from "../model/mod.ts";
import { MASS_LOSS_US, SELF_SUSPICION_US } from "./bounds.ts";

/** The losses of the last second. */
export class MassLoss {
  readonly #recent: { readonly client: ClientNumber; readonly atUs: number }[] = [];
  #untilUs = 0;

  /** Until when the host suspects itself, in microseconds; 0 while it does not. */
  get untilUs(): number {
    return this.#untilUs;
  }

  /**
   * A client was lost, and `left` others are still there.
   * @returns those lost within the last second where the suspicion begins now; null otherwise.
   */
  handleLoss(nowUs: number, client: ClientNumber, left: number): readonly ClientNumber[] | null {
    const recent = this.#recent;
    while (recent[0] !== undefined && nowUs - recent[0].atUs > MASS_LOSS_US) recent.shift();
    recent.push({ client, atUs: nowUs });
    // One client of two is no crowd.
    if (this.#untilUs !== 0 || recent.length < 2 || recent.length < left) return null;
    this.#untilUs = nowUs + SELF_SUSPICION_US;
    return recent.splice(0).map(({ client }) => client);
  }

  /** The suspicion is over. */
  end(): void {
    this.#untilUs = 0;
    this.#recent.length = 0;
  }
}
