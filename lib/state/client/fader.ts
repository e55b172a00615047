// A physical fader: it stands where a hand left it, which is not where the value is.
// Decides when it takes hold of the value (pick-up): once it meets it; and that it lets go when somebody else moves the value.

import { hasMet } from "../merge/mod.ts";
import type { ParameterInfo, SetOptions } from "./types.ts";
import type { WriteAnswer } from "../replica/mod.ts";

/** What a fader needs of its client. */
export interface FaderOwner {
  readonly number: number;
  info(path: string): ParameterInfo;
  trySet(path: string, value: unknown, options?: SetOptions): WriteAnswer;
}

/** A fader of a desk on one path. */
export class Fader {
  readonly path: string;
  readonly #owner: FaderOwner;
  readonly #options: SetOptions;
  #position: number | null = null;
  #hasHold = false;

  constructor(owner: FaderOwner, path: string, options: SetOptions) {
    this.#owner = owner;
    this.path = path;
    this.#options = options;
  }

  /** Whether its movements move the value. */
  get hasHold(): boolean {
    return this.#hasHold;
  }

  /** Where it was last; null before its first movement. */
  get position(): number | null {
    return this.#position;
  }

  /**
   * The fader is at `position` now, in the unit of the value. `waiting`: it has not met the value yet and has no effect.
   * Throws `not-found` where the path is not there.
   */
  move(position: number): WriteAnswer | "waiting" {
    const { definition, value, holder, isPending } = this.#owner.info(this.path);
    const target = typeof value === "number" ? value : Number(value);
    // Somebody else moved the value away from under it.
    const isOthers = !isPending && holder !== 0 && holder !== this.#owner.number;
    const last = this.#position;
    if (this.#hasHold && isOthers && last !== null && !hasMet(definition, null, last, target)) {
      this.#hasHold = false;
      // Where it stood before the other moved says nothing about crossing.
      this.#position = null;
    }
    if (!this.#hasHold && hasMet(definition, this.#position, position, target)) this.#hasHold = true;
    this.#position = position;
    if (!this.#hasHold) return "waiting";
    return this.#owner.trySet(this.path, position, this.#options);
  }

  /** Lets go: it has to meet the value again. */
  letGo(): void {
    this.#hasHold = false;
    this.#position = null;
  }
}
