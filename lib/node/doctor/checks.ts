// One finding of an examination, and what all of them come to.
// Decides the form of a finding and which one is told first; never what is found (machine_checks.ts, peer_checks.ts).

import type { IpFamily } from "../../platform/mod.ts";

/** What a check came to. `skipped`: it could not be made, and says why. */
export type Verdict = "ok" | "warn" | "fail" | "skipped";

/** One finding. */
export interface Check {
  /** What was looked at, as scripts know it: `multicast-in`. */
  readonly id: string;
  /** The same for people. */
  readonly label: string;
  readonly verdict: Verdict;
  /** The interface that it concerns; null for the machine, and for what has nothing to do with one. */
  readonly interface: string | null;
  /** Which IP of that interface; null without one. */
  readonly family: IpFamily | null;
  /** The node that it concerns; null for this machine. */
  readonly node: string | null;
  /** What was found. */
  readonly what: string;
  /** Why, as far as known. */
  readonly why: string | null;
  /** What to try. */
  readonly hint: string | null;
  /** Which of several findings is likelier to be the cause: the highest is told first. */
  readonly weight: number;
}

/** The parts of a check that differ from "all is well". */
export interface CheckTexts {
  readonly interface?: string | null;
  readonly family?: IpFamily | null;
  readonly node?: string | null;
  readonly why?: string | null;
  readonly hint?: string | null;
  readonly weight?: number;
}

/** Makes a check. */
export function check(
  id: string,
  label: string,
  verdict: Verdict,
  what: string,
  texts: CheckTexts = {},
): Check {
  return {
    id,
    label,
    verdict,
    interface: texts.interface ?? null,
    family: texts.family ?? null,
    node: texts.node ?? null,
    what,
    why: texts.why ?? null,
    hint: texts.hint ?? null,
    weight: texts.weight ?? 0,
  };
}

/** How many checks came to what. */
export function countVerdicts(checks: readonly Check[]): Record<Verdict, number> {
  const counts = { ok: 0, warn: 0, fail: 0, skipped: 0 };
  for (const { verdict } of checks) counts[verdict]++;
  return counts;
}

/** The finding to begin with: the likeliest cause among the worst; null when all is well. */
export function firstFinding(checks: readonly Check[]): Check | null {
  for (const verdict of ["fail", "warn"] as const) {
    let best: Check | null = null;
    for (const each of checks) {
      if (each.verdict === verdict && (best === null || each.weight > best.weight)) best = each;
    }
    if (best !== null) return best;
  }
  return null;
}

/** What the sentence needs beside the checks. */
export interface Examined {
  /** Nodes on other machines. */
  readonly peers: number;
  readonly isLocalOnly: boolean;
}

/** All of it in one sentence, with the first thing to try. */
export function conclusionOf(checks: readonly Check[], examined: Examined): string {
  const first = firstFinding(checks);
  if (first === null) {
    const { peers, isLocalOnly } = examined;
    if (isLocalOnly) return "this machine is well, as far as it can tell alone";
    if (peers > 0) return `all is well with ${peers === 1 ? "one other node" : `${peers} other nodes`}`;
    return "nothing is wrong here, but nobody else was there to try it with; " +
      "try first: hana serve on another machine, with the same key";
  }
  const { fail, warn } = countVerdicts(checks);
  const others = (first.verdict === "fail" ? fail : warn) - 1;
  const more = others === 0
    ? ""
    : ` (and ${others} more ${first.verdict === "fail" ? "failed" : "to look at"})`;
  const hint = first.hint === null ? "" : `; try first: ${first.hint}`;
  return `${placeOf(first)}${first.what}${more}${hint}`;
}

/** Where it is, unless what was found says so itself. */
function placeOf({ node, interface: link, family, what }: Check): string {
  const parts: string[] = [];
  const says = (word: string): boolean => ` ${what} `.includes(` ${word} `);
  if (node !== null && !says(node)) parts.push(node);
  if (link !== null && !says(link)) parts.push(`on ${link}${family === "ipv6" ? " by IPv6" : ""}`);
  return parts.length === 0 ? "" : `${parts.join(" ")}: `;
}
