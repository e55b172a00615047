// What sources do to places at the moment: side by side in typed arrays, in a list for each place in the order in which they
// are carried out.
// Decides that order, and how strong an effect is at a moment: full while its source speaks, going within 100 ms after.
// Never decides a value (modulated_values.ts). Nothing is allocated once the arrays have grown.

import { MAX_EFFECTS, MAX_EFFECTS_PER_SLOT, MODULATION_FADE_US, MODULATION_LEASE_US } from "./limits.ts";

/** No effect. */
export const NONE = -1;
const FIRST_ROOM = 64;

/** The effects of one visualization. Numbers of effects are used again. */
export class Effects {
  /** Of each effect: place, row of its source, mode by its number, priority, value. */
  slots: Int32Array = new Int32Array(FIRST_ROOM);
  sources: Int32Array = new Int32Array(FIRST_ROOM);
  modes: Uint8Array = new Uint8Array(FIRST_ROOM);
  priorities: Uint8Array = new Uint8Array(FIRST_ROOM);
  values: Float64Array = new Float64Array(FIRST_ROOM);
  /** When its source last said it. */
  heardUs: Float64Array = new Float64Array(FIRST_ROOM);
  /** Counts beginnings: of two, the greater one began later. */
  began: Float64Array = new Float64Array(FIRST_ROOM);
  /** The frame of its source that last had it. */
  frames: Float64Array = new Float64Array(FIRST_ROOM);
  /** Whether its source wants it, and how strong it was at what moment. */
  #isWanted: Uint8Array = new Uint8Array(FIRST_ROOM);
  #level: Float64Array = new Float64Array(FIRST_ROOM);
  #sinceUs: Float64Array = new Float64Array(FIRST_ROOM);
  #nextAtSlot: Int32Array = new Int32Array(FIRST_ROOM);
  #nextOfSource: Int32Array = new Int32Array(FIRST_ROOM);
  /** The first effect of each place. */
  readonly #heads: Int32Array;
  #free = NONE;
  #used = 0;
  #count = 0;
  #beginnings = 0;

  /** @param slots how many places there are. */
  constructor(slots: number) {
    this.#heads = new Int32Array(slots).fill(NONE);
  }

  /** How many there are. */
  get count(): number {
    return this.#count;
  }

  /** The first effect of a place in the order in which they are carried out; {@linkcode NONE} for none. */
  headOf(slot: number): number {
    return this.#heads[slot] as number;
  }

  /** The effect of the same place after `effect`. */
  nextOf(effect: number): number {
    return this.#nextAtSlot[effect] as number;
  }

  /** The effect of the same source after `effect`. */
  nextOfSource(effect: number): number {
    return this.#nextOfSource[effect] as number;
  }

  /** What a source does to a place. */
  find(slot: number, source: number): number {
    let effect = this.#heads[slot] as number;
    while (effect !== NONE && this.sources[effect] !== source) effect = this.#nextAtSlot[effect] as number;
    return effect;
  }

  /**
   * Begins an effect, at full strength. Returns {@linkcode NONE} where the place or the visualization has as many as it may.
   * @param nextOfSource the first effect of its source so far.
   */
  begin(
    nowUs: number,
    slot: number,
    source: number,
    mode: number,
    priority: number,
    value: number,
    nextOfSource: number,
  ): number {
    let length = 0;
    for (let e = this.#heads[slot] as number; e !== NONE; e = this.#nextAtSlot[e] as number) length++;
    if (length >= MAX_EFFECTS_PER_SLOT || this.#count >= MAX_EFFECTS) return NONE;
    const effect = this.#take();
    this.slots[effect] = slot;
    this.sources[effect] = source;
    this.modes[effect] = mode;
    this.priorities[effect] = priority;
    this.values[effect] = value;
    this.heardUs[effect] = nowUs;
    this.began[effect] = ++this.#beginnings;
    this.#isWanted[effect] = 1;
    this.#level[effect] = 1;
    this.#sinceUs[effect] = nowUs;
    this.#nextOfSource[effect] = nextOfSource;
    this.#link(effect);
    return effect;
  }

  /** Its source said it again. One that was going rises from where it is; one that was gone begins anew. */
  renew(nowUs: number, effect: number, mode: number, priority: number, value: number): void {
    const isOver = this.isGone(nowUs, effect);
    if (isOver || this.modes[effect] !== mode || this.priorities[effect] !== priority) {
      this.#unlink(effect);
      if (isOver || this.modes[effect] !== mode) this.began[effect] = ++this.#beginnings;
      this.modes[effect] = mode;
      this.priorities[effect] = priority;
      this.#link(effect);
    }
    if (isOver) this.#rise(nowUs, effect, 1);
    else if (this.isGoing(nowUs, effect)) this.#rise(nowUs, effect, this.strengthOf(nowUs, effect));
    this.values[effect] = value;
    this.heardUs[effect] = nowUs;
  }

  /** Its source does not want it any more: it goes. */
  release(nowUs: number, effect: number): void {
    if (this.isGoing(nowUs, effect)) return;
    this.#level[effect] = this.strengthOf(nowUs, effect);
    this.#sinceUs[effect] = nowUs;
    this.#isWanted[effect] = 0;
  }

  /** Something holds it down now: it rises from nothing afterwards. */
  hold(nowUs: number, effect: number): void {
    if (this.isGoing(nowUs, effect)) return;
    this.#level[effect] = 0;
    this.#sinceUs[effect] = nowUs;
  }

  /** How strong it is, 0 to 1. */
  strengthOf(nowUs: number, effect: number): number {
    const level = this.#level[effect] as number;
    const sinceUs = this.#sinceUs[effect] as number;
    if (this.#isWanted[effect] === 0) return Math.max(0, level - (nowUs - sinceUs) / MODULATION_FADE_US);
    const untilUs = (this.heardUs[effect] as number) + MODULATION_LEASE_US;
    const most = Math.min(1, level + (Math.min(nowUs, untilUs) - sinceUs) / MODULATION_FADE_US);
    return nowUs <= untilUs ? most : Math.max(0, most - (nowUs - untilUs) / MODULATION_FADE_US);
  }

  /** Whether it is at full strength: what {@linkcode strengthOf} says, without a number. */
  isFull(nowUs: number, effect: number): boolean {
    const risenUs = (this.#sinceUs[effect] as number) +
      (1 - (this.#level[effect] as number)) * MODULATION_FADE_US;
    return !this.isGoing(nowUs, effect) && nowUs >= risenUs;
  }

  /** Whether it becomes weaker: released, or its source is silent. */
  isGoing(nowUs: number, effect: number): boolean {
    return this.#isWanted[effect] === 0 || nowUs > (this.heardUs[effect] as number) + MODULATION_LEASE_US;
  }

  /** Whether nothing is left of it. */
  isGone(nowUs: number, effect: number): boolean {
    return this.isGoing(nowUs, effect) && this.strengthOf(nowUs, effect) === 0;
  }

  /** Forgets an effect of a place; its source's list is the caller's matter ({@linkcode withoutOfSource}). */
  remove(effect: number): void {
    this.#unlink(effect);
    this.#nextAtSlot[effect] = this.#free;
    this.#free = effect;
    this.#count--;
  }

  /** The first effect of a source when `effect` is taken out of its list, which begins with `head`. */
  withoutOfSource(head: number, effect: number): number {
    const next = this.#nextOfSource[effect] as number;
    if (head === effect) return next;
    let at = head;
    while (this.#nextOfSource[at] !== effect) at = this.#nextOfSource[at] as number;
    this.#nextOfSource[at] = next;
    return head;
  }

  #rise(nowUs: number, effect: number, level: number): void {
    this.#level[effect] = level;
    this.#sinceUs[effect] = nowUs;
    this.#isWanted[effect] = 1;
  }

  /** Modes one after the other; within each the lower priority first, then who began earlier: the last word is the highest's. */
  #link(effect: number): void {
    const slot = this.slots[effect] as number;
    let before = NONE;
    let after = this.#heads[slot] as number;
    while (after !== NONE && this.#isBefore(after, effect)) {
      before = after;
      after = this.#nextAtSlot[after] as number;
    }
    this.#nextAtSlot[effect] = after;
    if (before === NONE) this.#heads[slot] = effect;
    else this.#nextAtSlot[before] = effect;
  }

  #isBefore(a: number, b: number): boolean {
    const mode = (this.modes[a] as number) - (this.modes[b] as number);
    if (mode !== 0) return mode < 0;
    const priority = (this.priorities[a] as number) - (this.priorities[b] as number);
    return priority !== 0 ? priority < 0 : (this.began[a] as number) < (this.began[b] as number);
  }

  #unlink(effect: number): void {
    const slot = this.slots[effect] as number;
    const next = this.#nextAtSlot[effect] as number;
    let at = this.#heads[slot] as number;
    if (at === effect) {
      this.#heads[slot] = next;
      return;
    }
    while (this.#nextAtSlot[at] !== effect) at = this.#nextAtSlot[at] as number;
    this.#nextAtSlot[at] = next;
  }

  #take(): number {
    this.#count++;
    if (this.#free !== NONE) {
      const effect = this.#free;
      this.#free = this.#nextAtSlot[effect] as number;
      return effect;
    }
    if (this.#used === this.slots.length) this.#grow();
    return this.#used++;
  }

  #grow(): void {
    const room = Math.min(MAX_EFFECTS, this.slots.length * 2);
    this.slots = grown(this.slots, new Int32Array(room));
    this.sources = grown(this.sources, new Int32Array(room));
    this.modes = grown(this.modes, new Uint8Array(room));
    this.priorities = grown(this.priorities, new Uint8Array(room));
    this.values = grown(this.values, new Float64Array(room));
    this.heardUs = grown(this.heardUs, new Float64Array(room));
    this.began = grown(this.began, new Float64Array(room));
    this.frames = grown(this.frames, new Float64Array(room));
    this.#isWanted = grown(this.#isWanted, new Uint8Array(room));
    this.#level = grown(this.#level, new Float64Array(room));
    this.#sinceUs = grown(this.#sinceUs, new Float64Array(room));
    this.#nextAtSlot = grown(this.#nextAtSlot, new Int32Array(room));
    this.#nextOfSource = grown(this.#nextOfSource, new Int32Array(room));
  }
}

function grown<T extends Float64Array | Uint8Array | Int32Array>(from: T, to: T): T {
  to.set(from);
  return to;
}
