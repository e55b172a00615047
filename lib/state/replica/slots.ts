// What the host said of each path, by its number: value, holder, priority, version.
// Decides where it lies: numbers side by side in typed arrays, so that a frame reads thousands of them and allocates
// nothing. Never decides what is shown (shown.ts) nor whether a message may change it (subsystem_sync.ts).

import type { PathId, StateValue, ValueType } from "../model/mod.ts";
import { TYPE_CODES } from "../digest/mod.ts";

/** The type of each code of {@linkcode TYPE_CODES}; 0 is none. */
const TYPES: readonly (ValueType | null)[] = codesToTypes();

/** Nothing was said of the number. */
const ABSENT = 0;
const PRESENT = 1;
/** The path was there and is gone. */
const GONE = 2;

/** The slots of one epoch, those of all subsystems. */
export class EntrySlots {
  readonly #maxId: number;
  readonly #objects: (StateValue | undefined)[] = [];
  #numbers = new Float64Array(FIRST_ROOM);
  #types = new Uint8Array(FIRST_ROOM);
  #states = new Uint8Array(FIRST_ROOM);
  #holders = new Uint16Array(FIRST_ROOM);
  #priorities = new Uint8Array(FIRST_ROOM);
  #versions = new Float64Array(FIRST_ROOM);
  #subsystems = new Uint16Array(FIRST_ROOM);
  #hashHighs = new Uint32Array(FIRST_ROOM);
  #hashLows = new Uint32Array(FIRST_ROOM);
  #isHashDue = new Uint8Array(FIRST_ROOM);

  /** Numbers go to `maxId`. */
  constructor(maxId: number) {
    this.#maxId = maxId;
  }

  /** Values of type f32, unit, i32 and bool (0 or 1) by number; another array after more room was made. */
  get numbers(): Float64Array {
    return this.#numbers;
  }

  /** Makes room for a number; false for one that is out of bounds. */
  reserve(id: PathId): boolean {
    if (id < this.#numbers.length) return id >= 1;
    if (id > this.#maxId) return false;
    const room = Math.min(this.#maxId + 1, Math.max(id + 1, this.#numbers.length * 2));
    this.#numbers = grown(this.#numbers, new Float64Array(room));
    this.#types = grown(this.#types, new Uint8Array(room));
    this.#states = grown(this.#states, new Uint8Array(room));
    this.#holders = grown(this.#holders, new Uint16Array(room));
    this.#priorities = grown(this.#priorities, new Uint8Array(room));
    this.#versions = grown(this.#versions, new Float64Array(room));
    this.#subsystems = grown(this.#subsystems, new Uint16Array(room));
    this.#hashHighs = grown(this.#hashHighs, new Uint32Array(room));
    this.#hashLows = grown(this.#hashLows, new Uint32Array(room));
    this.#isHashDue = grown(this.#isHashDue, new Uint8Array(room));
    return true;
  }

  /** Whether the path is there. */
  isPresent(id: PathId): boolean {
    return this.#states[id] === PRESENT;
  }

  /** Whether the path was there and is gone. */
  isGone(id: PathId): boolean {
    return this.#states[id] === GONE;
  }

  /** Null where nothing was ever said. */
  typeOf(id: PathId): ValueType | null {
    return TYPES[this.#types[id] ?? 0] ?? null;
  }

  /** Null where the path is not there. Allocates nothing. */
  valueOf(id: PathId): StateValue {
    if (this.#states[id] !== PRESENT) return null;
    const code = this.#types[id] ?? 0;
    if (code === TYPE_CODES.bool) return this.#numbers[id] === 1;
    if (isNumberCode(code)) return this.#numbers[id] ?? 0;
    return this.#objects[id] ?? null;
  }

  /** Whose value it is; 0 for nobody's. */
  holderOf(id: PathId): number {
    return this.#holders[id] ?? 0;
  }

  /** The priority of the holder. */
  priorityOf(id: PathId): number {
    return this.#priorities[id] ?? 0;
  }

  /** No change of the path is newer than this version of its subsystem; 0 where nothing was said. */
  versionOf(id: PathId): number {
    return this.#versions[id] ?? 0;
  }

  /** The subsystem in which it was heard of; meaningless where {@linkcode versionOf} is 0. */
  subsystemOf(id: PathId): number {
    return this.#subsystems[id] ?? 0;
  }

  /** What the path added to the digest of its subsystem when that was last brought up to date. */
  hashHighOf(id: PathId): number {
    return this.#hashHighs[id] ?? 0;
  }

  /** Its lower half. */
  hashLowOf(id: PathId): number {
    return this.#hashLows[id] ?? 0;
  }

  /** It changes now. */
  oweHash(id: PathId): void {
    this.#isHashDue[id] = 1;
  }

  /** Whether it changed since. */
  isHashDue(id: PathId): boolean {
    return this.#isHashDue[id] === 1;
  }

  /** It is up to date. */
  keepHash(id: PathId, high: number, low: number): void {
    this.#hashHighs[id] = high;
    this.#hashLows[id] = low;
    this.#isHashDue[id] = 0;
  }

  /** Writes a slot for which there is room. */
  put(
    id: PathId,
    type: ValueType,
    value: StateValue,
    holder: number,
    priority: number,
    subsystem: number,
    version: number,
  ): void {
    const code = TYPE_CODES[type];
    if (typeof value === "number") this.#numbers[id] = value;
    else if (typeof value === "boolean") this.#numbers[id] = value ? 1 : 0;
    if (code === TYPE_CODES.bool || isNumberCode(code)) delete this.#objects[id];
    else this.#objects[id] = value;
    this.#types[id] = code;
    this.#states[id] = PRESENT;
    this.#holders[id] = holder;
    this.#priorities[id] = priority;
    this.#versions[id] = version;
    this.#subsystems[id] = subsystem;
  }

  /** Notes that a path is gone; there is room for it. */
  remove(id: PathId, subsystem: number, version: number): void {
    delete this.#objects[id];
    this.#numbers[id] = 0;
    this.#states[id] = GONE;
    this.#holders[id] = 0;
    this.#priorities[id] = 0;
    this.#versions[id] = version;
    this.#subsystems[id] = subsystem;
  }

  /** Forgets a path as if it had never been heard of. */
  forget(id: PathId): void {
    this.remove(id, 0, 0);
    this.#states[id] = ABSENT;
    this.#types[id] = 0;
  }
}

/** Whether values of the type are numbers on their own. */
export function isNumberType(type: ValueType): boolean {
  return type === "f32" || type === "unit" || type === "i32";
}

const FIRST_ROOM = 256;

function isNumberCode(code: number): boolean {
  return code === TYPE_CODES.f32 || code === TYPE_CODES.unit || code === TYPE_CODES.i32;
}

function grown<T extends Float64Array | Uint8Array | Uint16Array | Uint32Array>(from: T, to: T): T {
  to.set(from);
  return to;
}

function codesToTypes(): (ValueType | null)[] {
  const types: (ValueType | null)[] = [null];
  for (const type of Object.keys(TYPE_CODES) as ValueType[]) types[TYPE_CODES[type]] = type;
  return types;
}
