// When a change of the machine's interfaces counts: at once what is gone, after a second what is new.
// Decides that an address that comes and goes within a second starts nothing (discovery research 6.11), and that a
// machine without any network waits for nothing. Never lists interfaces itself (service.ts does).

import type { NetworkInterface } from "../platform/mod.ts";
import { chooseLinks, type ChosenInterface, type InterfaceChoice } from "./interface_choice.ts";

/** How long something new must have been there. */
export const SETTLE_US = 1_000_000;
/** How often that is looked at meanwhile: what flaps is away at one look or another. */
export const LOOK_US = 250_000;
/** What has been there and went away is doubted for so long. */
const DOUBT_US = 10_000_000;
/** Links that are remembered after they went away; at the bound the oldest is forgotten. */
const MAX_REMEMBERED = 64;

/** Follows the interfaces. */
export class InterfaceWatch {
  /** Names of interfaces that are not used because there are too many. */
  left: readonly string[] = [];
  readonly #accepted = new Set<string>();
  /** Since when something new is there. */
  readonly #pending = new Map<string, number>();
  /** When something went away. */
  readonly #gone = new Map<string, number>();
  /** The index of each interface, and how often it was made anew under the same name. */
  readonly #indexes = new Map<string, { index: number; generation: number }>();
  #isFirst = true;
  #lookedUs = 0;

  constructor(readonly choice: InterfaceChoice) {}

  /** Takes the machine's list; returns the links to use now. */
  handleList(nowUs: number, list: readonly NetworkInterface[]): ChosenInterface[] {
    this.#lookedUs = nowUs;
    this.#noteIndexes(list);
    const { links, left } = chooseLinks(list, this.choice);
    this.left = left;
    const wanted = links.map((link) => this.#inItsGeneration(link));
    this.#forget(nowUs, wanted);
    const isWithout = !wanted.some((link) => !link.loopback && this.#accepted.has(link.key));
    for (const link of wanted) {
      if (this.#accepted.has(link.key)) continue;
      const isHasty = link.loopback || this.#isFirst || (isWithout && !this.#gone.has(link.key));
      const sinceUs = this.#pending.get(link.key);
      if (isHasty || (sinceUs !== undefined && nowUs - sinceUs >= SETTLE_US)) {
        this.#pending.delete(link.key);
        this.#accepted.add(link.key);
      } else if (sinceUs === undefined) {
        this.#pending.set(link.key, nowUs);
      }
    }
    this.#isFirst = false;
    return wanted.filter((link) => this.#accepted.has(link.key));
  }

  /** When the list is wanted again because something new may settle or go away; null when nothing is new. */
  nextUs(): number | null {
    return this.#pending.size === 0 ? null : this.#lookedUs + LOOK_US;
  }

  #forget(nowUs: number, wanted: readonly ChosenInterface[]): void {
    const keys = new Set(wanted.map((link) => link.key));
    for (const key of this.#pending.keys()) if (!keys.has(key)) this.#pending.delete(key);
    for (const key of this.#accepted) {
      if (keys.has(key)) continue;
      this.#accepted.delete(key);
      this.#gone.delete(key);
      this.#gone.set(key, nowUs);
    }
    for (const [key, goneUs] of this.#gone) {
      if (this.#gone.size > MAX_REMEMBERED || nowUs - goneUs >= DOUBT_US) this.#gone.delete(key);
    }
  }

  /** IPv6 tells the index; under another one it is another interface, whose memberships are none (E12). */
  #noteIndexes(list: readonly NetworkInterface[]): void {
    const there = new Set<string>();
    for (const { name, scopeId } of list) {
      there.add(name);
      if (scopeId === null) continue;
      const known = this.#indexes.get(name);
      if (known === undefined) this.#indexes.set(name, { index: scopeId, generation: 0 });
      else if (known.index !== scopeId) {
        known.index = scopeId;
        known.generation++;
      }
    }
    // Between two looks an interface may be away; only names that nobody uses are forgotten.
    if (this.#indexes.size <= MAX_REMEMBERED) return;
    for (const name of this.#indexes.keys()) if (!there.has(name)) this.#indexes.delete(name);
  }

  #inItsGeneration(link: ChosenInterface): ChosenInterface {
    const generation = this.#indexes.get(link.name)?.generation ?? 0;
    return generation === 0 ? link : { ...link, key: `${link.key}|${generation}` };
  }
}
