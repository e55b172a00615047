// Invariants I1 to I25 (research 5.3) by name, and what a run found about them.
// Decides how a finding is told: which invariant, of which kind of lane, at what time, what was seen. An invariant that
// was never looked at counts as not tested, so every look is counted as well.

import type { KindName } from "./face.ts";

/** What must hold. */
export const INVARIANTS = {
  I1: "every delivered message is byte-identical to one that was sent on that lane",
  I2: "no message is delivered twice",
  I3: "delivered numbers strictly increase, for keyed messages those of each key",
  I4: "no gaps except those announced by SKIP",
  I5: "every accepted reliable message is delivered once the link works",
  I6: "a delivery report implies delivery, and every report comes",
  I7: "memory stays within its bounds",
  I8: "counters balance: accepted = sent + queued + conflated + expired + dropped",
  I9: "no datagram is longer than the path's limit",
  I10: "bytes of any window stay within burst + rate × window + exempt control",
  I11: "a higher tier does not wait for more than one packet of a lower one beyond its floor",
  I12: "saturated lanes of one tier share by their weights",
  I13: "the newest value of each key arrives, also when its producer stops",
  I14: "nothing is sent after its time to live",
  I15: "duplicates, replays and junk change nothing",
  I16: "nothing is sent to an address that was not proven beyond three times what came from it",
  I17: "an idle connection sends keepalives alone",
  I18: "draining ends, and the next deadline lies ahead",
  I19: "time and chance come by inputs alone",
  I20: "no bytes make an input throw, and every packet sent is well formed",
  I21: "little is sent again that was not lost",
  I22: "both sides agree on their lanes",
  I23: "no packet number is used twice",
  I24: "what is over leaves nothing behind",
  I25: "modulation is fresh",
} as const;

/** An invariant's name. */
export type InvariantId = keyof typeof INVARIANTS;

/** Something that does not hold. */
export interface Violation {
  readonly id: InvariantId;
  readonly kind: KindName;
  readonly atUs: number;
  readonly saw: string;
}

/** Violations of one invariant that are kept of one run; the rest is counted. */
const MAX_OF_ONE = 3;

/** What one run found. */
export class Findings {
  readonly violations: Violation[] = [];
  /** How often each invariant was looked at, by `I5 RU`. */
  readonly looks = new Map<string, number>();
  violationCount = 0;

  /** Asserts `holds`; `saw` is called only when it does not. */
  expect(id: InvariantId, kind: KindName, atUs: number, holds: boolean, saw: () => string): void {
    this.look(id, kind);
    if (!holds) this.add(id, kind, atUs, saw());
  }

  /** An invariant was looked at and held. */
  look(id: InvariantId, kind: KindName): void {
    const name = `${id} ${kind}`;
    this.looks.set(name, (this.looks.get(name) ?? 0) + 1);
  }

  add(id: InvariantId, kind: KindName, atUs: number, saw: string): void {
    this.violationCount++;
    const alike = this.violations.filter((other) => other.id === id && other.kind === kind).length;
    if (alike < MAX_OF_ONE) this.violations.push({ id, kind, atUs, saw });
  }
}
