// The values that a visualization draws: the host's, under own ones that the host has not seen yet, through fades.
// Decides what is effective at a path in a frame, and what changed since an earlier one; reading a frame allocates nothing.
// Never decides which own value is shown (own_writes.ts) nor what the host's is (subsystem_sync.ts).

import type { PathId, StateValue } from "../model/mod.ts";
import { equalValues } from "../digest/mod.ts";
import { Fade } from "../merge/mod.ts";
import type { SchemaBook } from "../schema/mod.ts";
import type { EntrySlots } from "./slots.ts";

/** Own values that are shown in place of the host's. */
export interface OverlaySource {
  /** The own value that is shown at a path; undefined where none is. */
  overlayOf(id: PathId): StateValue | undefined;
}

/** What is behind the values. */
export interface ShownSources {
  readonly slots: EntrySlots;
  readonly book: SchemaBook;
  readonly overlays: OverlaySource;
}

/** The effective values of one world by the numbers of their paths. */
export class ShownValues {
  readonly #sources: ShownSources;
  readonly #objects: (StateValue | undefined)[] = [];
  readonly #fades = new Map<PathId, Fade>();
  /** Those that run. */
  readonly #fading = new Set<PathId>();
  #numbers = new Float64Array(FIRST_ROOM);
  #isNumber = new Uint8Array(FIRST_ROOM);
  /** Whose the host's values were at the last look. */
  #holders = new Uint16Array(FIRST_ROOM);
  #priorities = new Uint8Array(FIRST_ROOM);
  /** The frame during which each last changed; a list of all of them, the latest first. */
  #changedAt = new Float64Array(FIRST_ROOM);
  #newer = new Int32Array(FIRST_ROOM);
  #older = new Int32Array(FIRST_ROOM);
  #latest = 0;
  #frame: number;

  /** @param frame the number of the first frame; all changes until the next one belong to it. */
  constructor(sources: ShownSources, frame: number) {
    this.#sources = sources;
    this.#frame = frame;
  }

  /** The frame that lasts. */
  get frame(): number {
    return this.#frame;
  }

  /** How many fades run: while there are some, values change without a message. */
  get fading(): number {
    return this.#fading.size;
  }

  /** Ends the frame that lasted: fades move on to `nowUs`. Returns the number of the new one, for `changedSince`. */
  beginFrame(nowUs: number): number {
    for (const id of this.#fading) {
      const fade = this.#fades.get(id);
      if (fade === undefined || nowUs >= fade.endUs) this.#fading.delete(id);
      if (fade === undefined) continue;
      if (this.#isNumber[id] === IS_NUMBER) {
        if (fade.writeNumber(nowUs, this.#numbers, id)) this.#touch(id);
        continue;
      }
      // An array is the same each time, with other numbers in it.
      const value = fade.fadeAt(nowUs);
      if (typeof value === "number") this.#put(id, value);
      else {
        this.#objects[id] = value;
        this.#touch(id);
      }
    }
    return ++this.#frame;
  }

  /**
   * Writes the numbers of paths whose value, holder or priority changed after frame `frame` began into `into`, the latest change first, and says how
   * many there are; when `into` is full, the earliest changes are left out.
   */
  changedSince(frame: number, into: Uint32Array): number {
    let count = 0;
    for (let id = this.#latest; id !== 0 && count < into.length; id = this.#older[id] ?? 0) {
      if ((this.#changedAt[id] ?? 0) < frame) break;
      into[count++] = id;
    }
    return count;
  }

  /** The value of a path of type f32, unit, i32 or bool (0 or 1); NaN where there is no such value. */
  numberOf(id: PathId): number {
    return this.#isNumber[id] === 0 || this.#isNumber[id] === undefined ? NaN : this.#numbers[id] ?? NaN;
  }

  /**
   * Copies the number of a path to place `at` of `into`, which allocates nothing where handing it back may; whether it is another
   * one than stood there. Nothing is copied where the path has no number.
   */
  copyNumber(id: PathId, into: Float64Array, at: number): boolean {
    const kind = this.#isNumber[id];
    if (kind !== IS_NUMBER && kind !== IS_BOOL) return false;
    const before = into[at];
    into[at] = this.#numbers[id] ?? NaN;
    return into[at] !== before;
  }

  /** The value of a path; null where there is none. An array is valid until the next frame. */
  valueOf(id: PathId): StateValue {
    const kind = this.#isNumber[id];
    if (kind === IS_NUMBER) return this.#numbers[id] ?? null;
    if (kind === IS_BOOL) return this.#numbers[id] === 1;
    return this.#objects[id] ?? null;
  }

  /** Copies a vector or rotation into `into` from `at` on; whether there is one and room for it. */
  copyParts(id: PathId, into: Float32Array, at: number): boolean {
    const value = this.#objects[id];
    if (!Array.isArray(value) || at < 0 || at + value.length > into.length) return false;
    for (let i = 0; i < value.length; i++) into[at + i] = value[i];
    return true;
  }

  /** Looks at a path again, of which something below may have changed. */
  refresh(nowUs: number, id: PathId): void {
    if (!this.#reserve(id)) return;
    const { slots, book, overlays } = this.#sources;
    const definition = book.definitionOf(id);
    const holder = slots.holderOf(id);
    const priority = slots.priorityOf(id);
    if (this.#holders[id] !== holder || this.#priorities[id] !== priority) {
      this.#holders[id] = holder;
      this.#priorities[id] = priority;
      this.#touch(id);
    }
    const own = overlays.overlayOf(id);
    const isPresent = slots.isPresent(id);
    const value = own !== undefined
      ? own
      : isPresent
      ? slots.valueOf(id)
      : slots.isGone(id)
      ? null
      : definition?.default ?? null;
    if (definition === null || definition.fadeUs === 0 || (own === undefined && !isPresent)) {
      this.#fades.delete(id);
      this.#fading.delete(id);
      return this.#put(id, value);
    }
    const fade = this.#fades.get(id);
    if (own !== undefined || fade === undefined) {
      // Own moves are shown at once; whoever takes over fades from there.
      this.#fades.set(id, new Fade(definition, value, own === undefined ? slots.holderOf(id) : OWN));
      this.#fading.delete(id);
      return this.#put(id, value);
    }
    // The host's word on an own value is no other writer.
    if (!equalValues(definition.type, this.#plain(id), value)) {
      fade.handleValue(nowUs, value, slots.holderOf(id));
    }
    if (fade.endUs > nowUs) this.#fading.add(id);
    else this.#put(id, value);
  }

  #plain(id: PathId): StateValue {
    return this.#fading.has(id) ? null : this.valueOf(id);
  }

  #put(id: PathId, value: StateValue): void {
    if (typeof value === "number" || typeof value === "boolean") {
      const kind = typeof value === "number" ? IS_NUMBER : IS_BOOL;
      const number = Number(value);
      if (this.#isNumber[id] === kind && this.#numbers[id] === number) return;
      this.#isNumber[id] = kind;
      this.#numbers[id] = number;
      delete this.#objects[id];
      return this.#touch(id);
    }
    const old = this.#objects[id];
    if (this.#isNumber[id] === 0 && (old === value || (old === undefined && value === null))) return;
    this.#isNumber[id] = 0;
    if (value === null) delete this.#objects[id];
    else this.#objects[id] = value;
    this.#touch(id);
  }

  #touch(id: PathId): void {
    this.#changedAt[id] = this.#frame;
    if (this.#latest === id) return;
    const [newer, older] = [this.#newer[id] ?? 0, this.#older[id] ?? 0];
    if (newer !== 0) this.#older[newer] = older;
    if (older !== 0) this.#newer[older] = newer;
    this.#newer[id] = 0;
    this.#older[id] = this.#latest;
    if (this.#latest !== 0) this.#newer[this.#latest] = id;
    this.#latest = id;
  }

  #reserve(id: PathId): boolean {
    if (id < this.#numbers.length) return id >= 1;
    if (!this.#sources.slots.reserve(id)) return false;
    const room = Math.max(id + 1, this.#numbers.length * 2);
    this.#numbers = grown(this.#numbers, new Float64Array(room));
    this.#isNumber = grown(this.#isNumber, new Uint8Array(room));
    this.#holders = grown(this.#holders, new Uint16Array(room));
    this.#priorities = grown(this.#priorities, new Uint8Array(room));
    this.#changedAt = grown(this.#changedAt, new Float64Array(room));
    this.#newer = grown(this.#newer, new Int32Array(room));
    this.#older = grown(this.#older, new Int32Array(room));
    return true;
  }
}

const FIRST_ROOM = 256;
const IS_NUMBER = 1;
const IS_BOOL = 2;
/** No client has this number: what fades from an own value is another's whoever that is. */
const OWN = -1;

function grown<T extends Float64Array | Uint8Array | Uint16Array | Int32Array>(from: T, to: T): T {
  to.set(from);
  return to;
}
