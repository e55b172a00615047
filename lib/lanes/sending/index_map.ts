// A hash table from numbers to small integers in typed arrays: nothing is allocated but when it doubles.
// Decides nothing. Open addressing with linear probing; what is deleted closes its gap (Knuth, 6.4 algorithm R).

const FIRST_CAPACITY = 32;
const EMPTY = -1;

/** Numbers from 0 to 2^53 − 1, each with an integer of 32 bits. */
export class IndexMap {
  size = 0;
  #keys: Float64Array = new Float64Array(FIRST_CAPACITY).fill(EMPTY);
  #values = new Int32Array(FIRST_CAPACITY);
  #mask = FIRST_CAPACITY - 1;

  /** What stands for `key`; −1 when nothing does. */
  get(key: number): number {
    const at = this.#find(key);
    return this.#keys[at] === key ? this.#values[at] as number : -1;
  }

  /** Lets `value` stand for `key`. */
  set(key: number, value: number): void {
    let at = this.#find(key);
    if (this.#keys[at] !== key) {
      if (this.size * 2 > this.#mask) {
        this.#grow();
        at = this.#find(key);
      }
      this.#keys[at] = key;
      this.size++;
    }
    this.#values[at] = value;
  }

  /** Takes `key` out; nothing happens when it is not in. */
  delete(key: number): void {
    const keys = this.#keys;
    const mask = this.#mask;
    let gap = this.#find(key);
    if (keys[gap] !== key) return;
    this.size--;
    for (let at = (gap + 1) & mask; keys[at] !== EMPTY; at = (at + 1) & mask) {
      const home = hash(keys[at] as number) & mask;
      if (((at - home) & mask) < ((at - gap) & mask)) continue;
      keys[gap] = keys[at] as number;
      this.#values[gap] = this.#values[at] as number;
      gap = at;
    }
    keys[gap] = EMPTY;
  }

  /** Where `key` is, or would be. */
  #find(key: number): number {
    const keys = this.#keys;
    let at = hash(key) & this.#mask;
    while (keys[at] !== key && keys[at] !== EMPTY) at = (at + 1) & this.#mask;
    return at;
  }

  #grow(): void {
    const keys = this.#keys;
    const values = this.#values;
    const capacity = keys.length * 2;
    this.#keys = new Float64Array(capacity).fill(EMPTY);
    this.#values = new Int32Array(capacity);
    this.#mask = capacity - 1;
    for (let from = 0; from < keys.length; from++) {
      const key = keys[from] as number;
      if (key === EMPTY) continue;
      const at = this.#find(key);
      this.#keys[at] = key;
      this.#values[at] = values[from] as number;
    }
  }
}

/** Spreads the low 32 bits: multiplication by 2^32 over the golden ratio, high half down. */
function hash(key: number): number {
  const mixed = Math.imul(key | 0, 0x9e3779b1);
  return mixed ^ (mixed >>> 15);
}
