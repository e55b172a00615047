// What a copy of a subsystem holds, in eight bytes: equal for two copies that show the same (research 2.7 F1, I14).
// Decides what counts: id, type, value, holder and priority of every path that is there. Versions do not (two copies reach
// the same state by different patches), nor do tombstones (each forgets them at its own time).
// Never decides what follows from a difference: the replica asks again for that subsystem.

import type { ClientNumber, PathId, StateEntry, StateValue, ValueType } from "../model/mod.ts";
import { CanonicalWriter, equalValues, stepOf, TYPE_CODES } from "./canonical.ts";
import { Hash64 } from "./hash64.ts";

/** Parts of a digest by which a difference is narrowed down: a path lies in that of its id's last four bits. */
export const DIGEST_BUCKETS = 16;

/** 64 bits as two unsigned numbers. */
export interface DigestHalves {
  readonly high: number;
  readonly low: number;
}

/** Hashes entries, one after the other: what each adds to a digest. */
export class EntryHash {
  readonly #hash = new Hash64();
  readonly #writer = new CanonicalWriter();
  readonly #float = new Float32Array(1);
  readonly #bits = new Uint32Array(this.#float.buffer);

  /** The upper 32 bits of the last one, unsigned. */
  get high(): number {
    return this.#hash.high;
  }

  /** The lower 32 bits, unsigned. */
  get low(): number {
    return this.#hash.low;
  }

  /**
   * Hashes an entry that is there. `value` is a checked one of `type`; `holder` is 0 to 2^32 − 1, `priority` 0 to 255.
   * Allocates nothing for numbers, bools and bytes.
   */
  of(id: PathId, type: ValueType, value: StateValue, holder: ClientNumber | number, priority: number): void {
    const hash = this.#hash;
    hash.begin();
    hash.word(id);
    hash.word(holder);
    hash.word((TYPE_CODES[type] << 8) | priority);
    this.#value(type, value);
    hash.finish();
  }

  /** The canonical bytes of a value (canonical.ts); the frequent types without writing them first. */
  #value(type: ValueType, value: StateValue): void {
    const hash = this.#hash;
    switch (type) {
      case "f32":
        this.#float[0] = (value as number) + 0;
        hash.word(4);
        hash.word(this.#bits[0] as number);
        return;
      case "i32":
        hash.word(4);
        hash.word(value as number);
        return;
      case "unit":
        hash.word(2);
        hash.word(stepOf(value as number));
        return;
      case "bool":
        hash.word(1);
        hash.word(value === true ? 1 : 0);
        return;
      default: {
        // First the length: writing may bring a larger buffer.
        const length = this.#writer.write(type, value);
        hash.bytes(this.#writer.bytes, length);
      }
    }
  }
}

/** The digest of one subsystem. A sum without order (XOR), so that a change costs two steps whatever the size. */
export class StateDigest {
  /** Of each bucket the upper and the lower half. */
  readonly #buckets = new Uint32Array(DIGEST_BUCKETS * 2);
  readonly #hash = new EntryHash();
  #high = 0;
  #low = 0;

  /** The upper 32 bits, unsigned. */
  get high(): number {
    return this.#high >>> 0;
  }

  /** The lower 32 bits, unsigned. */
  get low(): number {
    return this.#low >>> 0;
  }

  /** For people and logs: 16 hex digits. */
  get text(): string {
    return digits(this.#high) + digits(this.#low);
  }

  /**
   * Takes an entry in, or out again: call it with the old values before a change and with the new ones after.
   * An entry that is deleted does not count and is not given here. `value` is a checked one of `type`; `holder` is 0 to
   * 2^32 − 1, `priority` 0 to 255. Allocates nothing for numbers, bools and bytes.
   */
  toggle(
    id: PathId,
    type: ValueType,
    value: StateValue,
    holder: ClientNumber | number,
    priority: number,
  ): void {
    this.#hash.of(id, type, value, holder, priority);
    this.fold(id, this.#hash.high, this.#hash.low);
  }

  /** Takes in, or out again, the hash of an entry that somebody keeps; or the difference (XOR) of two of them. */
  fold(id: PathId, high: number, low: number): void {
    this.#high ^= high;
    this.#low ^= low;
    const at = (id & (DIGEST_BUCKETS - 1)) * 2;
    this.#buckets[at] = (this.#buckets[at] as number) ^ high;
    this.#buckets[at + 1] = (this.#buckets[at + 1] as number) ^ low;
  }

  /** Goes from `before` to `after`; null for a path that is not there. Deleted entries do not count. */
  change(id: PathId, type: ValueType, before: StateEntry | null, after: StateEntry | null): void {
    if (before !== null && !before.deleted) {
      this.toggle(id, type, before.value, before.holder, before.priority);
    }
    if (after !== null && !after.deleted) this.toggle(id, type, after.value, after.holder, after.priority);
  }

  /** Whether another copy's digest is this one. */
  isEqual(high: number, low: number): boolean {
    return this.high === high >>> 0 && this.low === low >>> 0;
  }

  /** The digest as it is now, for a message. */
  halves(): DigestHalves {
    return { high: this.high, low: this.low };
  }

  /** Those of the sixteen buckets, in order. */
  buckets(): DigestHalves[] {
    return Array.from({ length: DIGEST_BUCKETS }, (_, bucket) => this.#bucket(bucket));
  }

  /**
   * The numbers of the buckets in which another copy differs: path `id` can only differ if `id & 15` is among them.
   * A copy that told fewer than sixteen told nothing of the others, and they count as different.
   */
  differingBuckets(others: readonly DigestHalves[]): number[] {
    const found: number[] = [];
    for (let bucket = 0; bucket < DIGEST_BUCKETS; bucket++) {
      const { high, low } = this.#bucket(bucket);
      if (others[bucket]?.high !== high || others[bucket]?.low !== low) found.push(bucket);
    }
    return found;
  }

  /** Forgets everything, for a copy that starts over. */
  clear(): void {
    this.#buckets.fill(0);
    this.#high = 0;
    this.#low = 0;
  }

  #bucket(bucket: number): DigestHalves {
    return { high: this.#buckets[bucket * 2] as number, low: this.#buckets[bucket * 2 + 1] as number };
  }
}

/**
 * Whether everybody sees the same in both: what a digest covers, and so what a change must have a version for. A new
 * priority of the same holder is a change: it decides who can take the path.
 */
export function isSameEntry(type: ValueType, a: StateEntry, b: StateEntry): boolean {
  if (a.deleted || b.deleted) return a.deleted === b.deleted;
  return a.holder === b.holder && a.priority === b.priority && equalValues(type, a.value, b.value);
}

function digits(half: number): string {
  return (half >>> 0).toString(16).padStart(8, "0");
}
