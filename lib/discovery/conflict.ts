// Two nodes with one name, two processes with one id: who keeps it.
// Decides by age alone, so that both sides come to the same answer without talking: the earlier incarnation keeps.
// Never stops a node for a name: the later one takes another, and goes back when the wanted one has been free for long.

import type { Incarnation, NodeId } from "../base/mod.ts";
import { type Context, emit } from "./context.ts";
import { cutUtf8, RECORD_LIMITS } from "./record.ts";

/** At most one change of name in this time, in µs. */
const RENAME_GAP_US = 10_000_000;
/** How long the wanted name must be free before we return to it, in µs. */
const FREE_FOR_US = 300_000_000;

/** Whether the life (`incarnation`, `tie`) came before the other one; ties go to the lower text. */
export function isEarlier(
  incarnation: Incarnation,
  tie: string,
  otherIncarnation: Incarnation,
  otherTie: string,
): boolean {
  return incarnation === otherIncarnation ? tie < otherTie : incarnation < otherIncarnation;
}

/** `base` with `-suffix`, cut to the bytes that a name may have. */
export function suffixedName(base: string, suffix: string): string {
  return `${cutUtf8(base, RECORD_LIMITS.nameBytes - suffix.length - 1).trimEnd()}-${suffix}`;
}

/** Keeps our own name unique. */
export class NameKeeper {
  #lastRenameUs = Number.NEGATIVE_INFINITY;
  #freeSinceUs: number | null = null;
  #isContested = false;
  /** Numbers tried and lost since the last quiet time: a crowd of one name goes on with parts of ids. */
  #lost = 0;

  /** @param onRenamed called when our name has changed, so that it is announced */
  constructor(readonly context: Context, readonly onRenamed: (nowUs: number) => void) {}

  /** Looks again, after anybody's name or presence has changed. */
  check(nowUs: number): void {
    const { own } = this.context;
    if (this.context.isObserver) return;
    this.#isContested = this.#earlierHolder(own.name);
    if (this.#isContested) {
      if (nowUs - this.#lastRenameUs >= RENAME_GAP_US) this.#takeOther(nowUs);
    } else if (own.name !== own.wantedName) {
      if (this.#anyHolder(own.wantedName)) this.#freeSinceUs = null;
      else this.#freeSinceUs ??= nowUs;
    }
  }

  /** Looks again if a node that has come has a name that matters to us. */
  noteArrival(nowUs: number, name: string): void {
    const { own } = this.context;
    if (name === own.name || name === own.wantedName) this.check(nowUs);
  }

  /** Carries out what time has made due. */
  handleTimeout(nowUs: number): void {
    const due = this.nextUs();
    if (due === null || due > nowUs) return;
    if (this.#isContested) {
      this.check(nowUs);
    } else {
      this.#lost = 0;
      this.#rename(nowUs, this.context.own.wantedName);
    }
  }

  /** When something is due: a change that had to wait, or the return to the wanted name. */
  nextUs(): number | null {
    if (this.#isContested) return this.#lastRenameUs + RENAME_GAP_US;
    const { own } = this.context;
    return own.name === own.wantedName || this.#freeSinceUs === null ? null : this.#freeSinceUs + FREE_FOR_US;
  }

  #earlierHolder(name: string): boolean {
    const { own, registry } = this.context;
    for (const peer of registry.peers()) {
      if (!peer.isPresent || peer.record.name !== name) continue;
      if (isEarlier(peer.incarnation, peer.id, own.incarnation, own.id)) return true;
    }
    return false;
  }

  #anyHolder(name: string): boolean {
    for (const peer of this.context.registry.peers()) {
      if (peer.isPresent && peer.record.name === name) return true;
    }
    return false;
  }

  #takeOther(nowUs: number): void {
    const { own } = this.context;
    this.#lost++;
    let name = suffixedName(own.wantedName, own.id.slice(0, 4 + 4 * this.#lost));
    if (this.#lost <= 2) {
      for (let number = 2; number <= this.context.registry.size + 2; number++) {
        const candidate = suffixedName(own.wantedName, String(number));
        if (this.#anyHolder(candidate)) continue;
        name = candidate;
        break;
      }
    }
    this.#rename(nowUs, name);
  }

  #rename(nowUs: number, name: string): void {
    this.#lastRenameUs = nowUs;
    this.#freeSinceUs = null;
    this.#isContested = false;
    this.context.own.name = name;
    emit(this.context, { kind: "renamed", wanted: this.context.own.wantedName, name });
    this.onRenamed(nowUs);
    this.check(nowUs);
  }
}

/** Another process under our own id, as its datagrams show it. */
export interface Double {
  readonly id: NodeId;
  readonly incarnation: Incarnation;
  readonly bootNonce: string;
}

/** Whether `other`, which has our id, came first, so that we have to give the id up. */
export function mustYieldId(own: Double, other: Double): boolean {
  return isEarlier(other.incarnation, other.bootNonce, own.incarnation, own.bootNonce);
}
