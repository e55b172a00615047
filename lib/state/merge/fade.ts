// The fade of one value: what is shown while one writer's value gives way to another's.
// Decides the value at a moment, by the definition's fade time. Never decides who wins; it follows what it is told.

import type { ParameterDefinition, StateValue } from "../model/mod.ts";
import { equalValues, isNumbers } from "./values.ts";

/** The value of one path as it is shown. */
export class Fade {
  readonly #isQuaternion: boolean;
  readonly #isWhole: boolean;
  readonly #fadeUs: number;
  /** Where the fade began, or the vector that it began at. */
  #from: StateValue;
  #to: StateValue;
  #holder: number;
  #startUs = 0;
  #endUs = 0;
  /** The vector that `fadeAt` writes into, again and again. */
  readonly #shown: number[] = [];

  /** @param value what stands at the beginning, and `holder` whose it is. */
  constructor(definition: ParameterDefinition, value: StateValue, holder: number) {
    this.#isQuaternion = definition.type === "quat";
    this.#isWhole = definition.type === "i32";
    this.#fadeUs = definition.fadeUs;
    this.#from = value;
    this.#to = value;
    this.#holder = holder;
  }

  /** When it has come to its end, in microseconds; 0 where none ran yet. */
  get endUs(): number {
    return this.#endUs;
  }

  /**
   * What stands now. Another holder's value begins a fade at what is shown now; the same holder's moves the end of one that
   * runs, and is shown at once otherwise.
   */
  handleValue(nowUs: number, value: StateValue, holder: number): void {
    const isOther = holder !== this.#holder;
    this.#holder = holder;
    if (isOther && this.#fadeUs > 0 && canFade(this.#to, value) && !equalValues(this.#to, value)) {
      const shown = this.fadeAt(nowUs);
      this.#from = isNumbers(shown) ? shown.slice() : shown;
      this.#startUs = nowUs;
      this.#endUs = nowUs + this.#fadeUs;
    } else if (!canFade(this.#from, value)) this.#endUs = 0;
    this.#to = value;
  }

  /** What is shown at `nowUs`. An array is written anew by the next call; nothing is allocated. */
  fadeAt(nowUs: number): StateValue {
    const to = this.#to;
    if (nowUs >= this.#endUs) return to;
    const from = this.#from;
    const part = nowUs <= this.#startUs ? 0 : (nowUs - this.#startUs) / (this.#endUs - this.#startUs);
    if (typeof from === "number" && typeof to === "number") {
      const value = from + (to - from) * part;
      return this.#isWhole ? Math.round(value) : value;
    }
    return isNumbers(from) && isNumbers(to) ? this.#mix(from, to, part) : to;
  }

  /**
   * Writes the number that is shown at `nowUs` to place `at` of `into`: nothing is allocated, as it is where a number is handed
   * back. Whether it is another one than stood there; false too where a vector fades.
   */
  writeNumber(nowUs: number, into: Float64Array, at: number): boolean {
    const from = this.#from;
    const to = this.#to;
    if (typeof to !== "number") return false;
    const before = into[at];
    const startUs = this.#startUs;
    if (typeof from !== "number" || nowUs >= this.#endUs) into[at] = to;
    else if (nowUs <= startUs) into[at] = from;
    else {
      const value = from + (to - from) * ((nowUs - startUs) / (this.#endUs - startUs));
      into[at] = this.#isWhole ? Math.round(value) : value;
    }
    return into[at] !== before;
  }

  #mix(from: readonly number[], to: readonly number[], part: number): readonly number[] {
    const shown = this.#shown;
    let dot = 0;
    for (let at = 0; at < to.length; at++) dot += (from[at] ?? 0) * (to[at] ?? 0);
    // A quaternion and its negative are one rotation: the nearer one of them is the short way.
    const sign = this.#isQuaternion && dot < 0 ? -1 : 1;
    let length = 0;
    for (let at = 0; at < to.length; at++) {
      const value = (from[at] ?? 0) * (1 - part) + sign * (to[at] ?? 0) * part;
      shown[at] = value;
      length += value * value;
    }
    if (this.#isQuaternion && length > 0) {
      const scale = 1 / Math.sqrt(length);
      for (let at = 0; at < to.length; at++) shown[at] = (shown[at] ?? 0) * scale;
    }
    return shown;
  }
}

/** Whether there is anything between two values. */
function canFade(from: StateValue, to: StateValue): boolean {
  if (typeof from === "number" && typeof to === "number") return true;
  return isNumbers(from) && isNumbers(to) && from.length === to.length;
}
