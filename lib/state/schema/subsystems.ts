// The subsystems that hana brings, and the names that others may have.
// A subsystem is the unit of version, digest, resync, interest and rate; what stands in one is up to whoever declares it.

import { isPath, type SubsystemNumber } from "../model/mod.ts";

/** Those that hana brings (research 2.4), in the order of their numbers; those of users follow. */
export const BUILT_IN_SUBSYSTEMS = [
  "dict",
  "meta",
  "groups",
  "layers",
  "params",
  "transport",
  "cues",
  "procs",
  "presence",
] as const;

/**
 * Subsystems whose values are structure: they change by a transaction, which says what it was made from, and never by a
 * plain write, of which the last would win (research 2.11).
 */
export const GUARDED_SUBSYSTEMS: readonly string[] = ["groups", "presets"];
/** Those in which nobody declares anything: the host writes them from what it knows. */
export const HOST_SUBSYSTEMS: readonly string[] = ["dict", "meta", "procs", "presence"];

/** Where a parameter belongs that says nothing else. */
export const DEFAULT_SUBSYSTEM = "params";

/** Whether a subsystem can be called so: one segment of a path. */
export function isSubsystemName(name: string): boolean {
  return !name.includes("/") && isPath(name);
}

/** Names of subsystems and their numbers: given in order, never again within an epoch. */
export class SubsystemNames {
  readonly #most: number;
  readonly #names: (string | undefined)[] = [...BUILT_IN_SUBSYSTEMS];
  readonly #numbers = new Map<string, SubsystemNumber>();

  /** At most `most` names, those that hana brings among them. */
  constructor(most: number) {
    this.#most = Math.max(most, BUILT_IN_SUBSYSTEMS.length);
    BUILT_IN_SUBSYSTEMS.forEach((name, number) => this.#numbers.set(name, number as SubsystemNumber));
  }

  /** How many there are. */
  get size(): number {
    return this.#numbers.size;
  }

  /** The number of a name; null where it has none. */
  numberOf(name: string): SubsystemNumber | null {
    return this.#numbers.get(name) ?? null;
  }

  /** The name of a number; null where it has none. */
  nameOf(number: SubsystemNumber): string | null {
    return this.#names[number] ?? null;
  }

  /** The number of a name, which gets the next one if it has none; null when there are too many. */
  intern(name: string): SubsystemNumber | null {
    const known = this.#numbers.get(name);
    if (known !== undefined) return known;
    if (this.#numbers.size >= this.#most) return null;
    const number = this.#names.length as SubsystemNumber;
    this.#names.push(name);
    this.#numbers.set(name, number);
    return number;
  }

  /** Takes over a name and number that the host tells; whether they agree with what is known and there is room. */
  adopt(number: SubsystemNumber, name: string): boolean {
    const [known, called] = [this.#numbers.get(name), this.#names[number]];
    if (known === number) return true;
    if (known !== undefined || called !== undefined) return false;
    if (this.#numbers.size >= this.#most || !(number >= 0 && number < this.#most) || !isSubsystemName(name)) {
      return false;
    }
    while (this.#names.length <= number) this.#names.push(undefined);
    this.#names[number] = name;
    this.#numbers.set(name, number);
    return true;
  }

  /** All of them in the order of their numbers. */
  *entries(): Generator<readonly [SubsystemNumber, string]> {
    for (let number = 0; number < this.#names.length; number++) {
      const name = this.#names[number];
      if (name !== undefined) yield [number as SubsystemNumber, name];
    }
  }
}
