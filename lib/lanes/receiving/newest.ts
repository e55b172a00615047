// The newest message number of each key of a sequenced lane: a table of fixed size.
// Decides whether a message is newer than what came before it, and which key is forgotten when the table is full: the
// one that was updated longest ago. Never lets a forgotten key bring back an old value.

/** Keys that a lane remembers. */
export const MAX_KEYS = 1024;
const SLOTS = 2 * MAX_KEYS;
const NONE = -1;

/** Newest number per key, and where the newest message of the key waits for a paused reader. */
export class NewestPerKey {
  /** Keys that were forgotten because the table was full. */
  forgotten = 0;
  /** The highest number of any forgotten key. */
  #forgottenNumber = -1;
  #count = 0;
  readonly #keys = new Int32Array(MAX_KEYS);
  readonly #numbers = new Float64Array(MAX_KEYS);
  readonly #positions = new Float64Array(MAX_KEYS);
  // Least recently updated first, as a doubly linked list of entries.
  readonly #before = new Int16Array(MAX_KEYS);
  readonly #after = new Int16Array(MAX_KEYS);
  #first = NONE;
  #last = NONE;
  // Open addressing: entry + 1, 0 for free.
  readonly #slots = new Int16Array(SLOTS);

  /** Keys in the table. */
  get size(): number {
    return this.#count;
  }

  /** The newest number of a key. Of one that is not in the table: what no message of it may be older than; −1 if any will do. */
  newest(key: number): number {
    const entry = this.#find(key);
    return entry === NONE ? this.#forgottenNumber : this.#numbers[entry] ?? NONE;
  }

  /** Notes a newer number of a key. */
  update(key: number, number: number): void {
    let entry = this.#find(key);
    if (entry === NONE) entry = this.#insert(key);
    else this.#unlink(entry);
    this.#append(entry);
    this.#numbers[entry] = number;
  }

  /** Where the newest message of a key waits, −1 if nowhere. */
  position(key: number): number {
    const entry = this.#find(key);
    return entry === NONE ? NONE : this.#positions[entry] ?? NONE;
  }

  /** Notes where the newest message of a key waits. */
  setPosition(key: number, position: number): void {
    const entry = this.#find(key);
    if (entry !== NONE) this.#positions[entry] = position;
  }

  #find(key: number): number {
    for (let slot = slotOf(key);; slot = (slot + 1) & (SLOTS - 1)) {
      const entry = (this.#slots[slot] ?? 0) - 1;
      if (entry === NONE || this.#keys[entry] === key) return entry;
    }
  }

  #insert(key: number): number {
    const entry = this.#count < MAX_KEYS ? this.#count++ : this.#forgetOldest();
    this.#keys[entry] = key;
    this.#positions[entry] = NONE;
    let slot = slotOf(key);
    while (this.#slots[slot] !== 0) slot = (slot + 1) & (SLOTS - 1);
    this.#slots[slot] = entry + 1;
    return entry;
  }

  #forgetOldest(): number {
    const entry = this.#first;
    this.forgotten++;
    this.#forgottenNumber = Math.max(this.#forgottenNumber, this.#numbers[entry] ?? NONE);
    this.#unlink(entry);
    let hole = slotOf(this.#keys[entry] ?? 0);
    while (this.#slots[hole] !== entry + 1) hole = (hole + 1) & (SLOTS - 1);
    // Close the gap: an entry moves up unless its own place lies after the hole (cyclically), up to where it stands.
    for (let slot = (hole + 1) & (SLOTS - 1);; slot = (slot + 1) & (SLOTS - 1)) {
      const next = this.#slots[slot] ?? 0;
      if (next === 0) break;
      const home = slotOf(this.#keys[next - 1] ?? 0);
      if (((slot - home) & (SLOTS - 1)) >= ((slot - hole) & (SLOTS - 1))) {
        this.#slots[hole] = next;
        hole = slot;
      }
    }
    this.#slots[hole] = 0;
    return entry;
  }

  #unlink(entry: number): void {
    const before = this.#before[entry] ?? NONE;
    const after = this.#after[entry] ?? NONE;
    if (before === NONE) this.#first = after;
    else this.#after[before] = after;
    if (after === NONE) this.#last = before;
    else this.#before[after] = before;
  }

  #append(entry: number): void {
    this.#before[entry] = this.#last;
    this.#after[entry] = NONE;
    if (this.#last === NONE) this.#first = entry;
    else this.#after[this.#last] = entry;
    this.#last = entry;
  }
}

/** Multiplicative hashing (Knuth 6.4): keys often count up from 0. */
function slotOf(key: number): number {
  return Math.imul(key, 0x9e3779b1) >>> 21;
}
