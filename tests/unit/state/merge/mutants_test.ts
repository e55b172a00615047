// Bugs planted by hand, one in each rule: the laws, the plain rule or the walks must notice every one of them.
// A bug whose place is not found exactly once counts as unnoticed: it tests nothing.

import { assert, assertEquals } from "@std/assert";
import { type Mutant, mutant, unnoticedIn } from "../../../support/state/room_mutants.ts";
import { checkLaws, checkRule } from "./laws.ts";
import type { Merge } from "./support.ts";
import { walk } from "./walk.ts";

const MUTANTS: readonly Mutant[] = [
  mutant("priority is ignored", "winner", "claim.priority > best.priority", "isNewerWrite(claim, best)"),
  mutant(
    "the lower priority wins",
    "winner",
    "claim.priority > best.priority",
    "claim.priority < best.priority",
  ),
  mutant("priority 0 contends", "winner", "if (claim.priority <= 0) return false;", ""),
  mutant("the oldest wins", "winner", "a.seq > b.seq : a.client", "a.seq < b.seq : a.client"),
  mutant("the term is ignored", "winner", "if (a.term !== b.term) return a.term > b.term;", ""),
  mutant("the lowest value wins", "winner", "return size > otherSize", "return size < otherSize"),
  mutant(
    "a sum leaves its range",
    "winner",
    "Math.min(high, Math.max(low, type",
    "Math.min(Infinity, Math.max(low, type",
  ),
  mutant(
    "a sum depends on the order",
    "winner",
    "if ((next === null || claim.client < next.client) &&",
    "if (next === null &&",
  ),
  mutant("a sum takes all priorities", "winner", "claim.priority !== priority ||", ""),
  mutant("a lock forgets its holder", "winner", "if (holder !== HOST && (", "if (holder === -9 && ("),
  mutant("a lock goes to the last", "winner", "claim.since < other.since", "claim.since > other.since"),
  mutant(
    "a forgotten writer's lock is lost",
    "winner",
    "if (claim.client === NOBODY || other.client === NOBODY) return claim.client === NOBODY;",
    "",
  ),
  mutant("ghosts lock others out", "winner", "(write === null || !isWrittenAfter(write, claim))", "true"),
  mutant(
    "ghosts are beaten by older writes",
    "winner",
    "write.seq > kept.stamp",
    "write.seq > 0",
  ),
  mutant("nothing is held for ghosts", "winner", 'return onLoss === "hold" || doubted', "return doubted"),
  mutant("nobody settles", "winner", "|| doubted > 0 ||", "||"),
  mutant(
    "fallback never falls back",
    "winner",
    '(onLoss === "fallback" && live === 0)',
    'onLoss === "fallback"',
  ),
  mutant("a lone fallback drops to its look", "winner", ' || (onLoss === "fallback" && live === 0)', ""),
  mutant(
    "the default is never taken",
    "winner",
    'definition.onLoss === "default" || look.stamp',
    "look.stamp",
  ),
  mutant("the look is not held", "winner", "|| look.stamp === 0;", "|| true;"),
  mutant("overlays become the look", "winner", "return overlays || !isOverlay(claim);", "return true;"),
  mutant(
    "the host's limits overtake ghosts",
    "winner",
    'claim.standing !== "live" || claim.priority > MAX_PRIORITY) continue;',
    'claim.standing !== "live") continue;',
  ),
  mutant(
    "merging keeps the older copy",
    "merging",
    "compareCopies(ours, theirs) >= 0",
    "compareCopies(ours, theirs) <= 0",
  ),
  mutant(
    "merging prefers its own copy",
    "merging",
    "compareCopies(ours, theirs) >= 0",
    "ours.stamp >= theirs.stamp",
  ),
  mutant("merging keeps its own look", "merging", "compareLooks(a.look, b.look) >= 0", "a.look.stamp >= 0"),
  mutant("a write leaves ghosts", "path_claims", "? this.#overtake(claim) : 0", "? 0 : 0"),
  mutant(
    "a limit overtakes ghosts",
    "path_claims",
    "this.#stale > 0 && priority <= MAX_PRIORITY",
    "this.#stale > 0",
  ),
  mutant("whoever is lost keeps the value", "path_claims", 'wasPart ? "kept" : "dormant"', '"kept"'),
  mutant("whoever is lost keeps nothing", "path_claims", 'wasPart ? "kept" : "dormant"', '"dormant"'),
  mutant("nobody is doubted", "path_claims", '!== "hold" ? this.#doubt() : 0', '!== "hold" ? 0 : 0'),
  mutant("all are doubted", "path_claims", "      if (this.#isPart(claim)) continue;\n", ""),
  mutant("what is overtaken comes back", "path_claims", 'claim.standing !== "overtaken"', "true"),
  mutant("nothing comes back", "path_claims", 'claim.standing !== "overtaken"', "false"),
  mutant(
    "a forgotten writer's value goes",
    "path_claims",
    'claim.standing === "kept" && this.#definition',
    "false && this.#definition",
  ),
  mutant(
    "momentary ones turn stale",
    "path_claims",
    "!isHeldByWriter(claim) || claim.momentary",
    "!isHeldByWriter(claim)",
  ),
  mutant(
    "ghosts keep what they lost",
    "path_claims",
    "if (this.#stale > 0 && this.#letGo())",
    "if (false as boolean)",
  ),
  mutant(
    "the lock's age is renewed",
    "path_claims",
    "if (!isHeldByWriter(claim) || claim.priority !== priority) claim.since",
    "claim.since",
  ),
  mutant("faders jump", "path_claims", "if (hasMet(", "if (true || hasMet("),
  mutant("faders never meet", "path_claims", "if (hasMet(", "if (false && hasMet("),
  mutant("faders that pass do not meet", "pick_up", " || (from < target) !== (to < target)", ""),
  mutant(
    "the highest stays where it was",
    "path_claims",
    'merge === "latest" || merge === "lock" || this.claims.length === 1',
    "merge !== undefined",
  ),
  mutant("a moving fader leaves the look behind", "path_claims", "    this.#setLook(value, holder);\n", ""),
  mutant(
    "a moving fader shows through what covers it",
    "path_claims",
    "    if (isCovered) return false;\n",
    "",
  ),
  mutant("changes are not told", "path_claims", "      this.isChanged = true;\n", ""),
  mutant(
    "removals are not copied",
    "path_claims",
    "this.claims.splice(at, 1);\n    this.isToCopy = true;",
    "this.claims.splice(at, 1);",
  ),
  mutant("leases are for ever", "claim_table", 'this.#lose(nowUs, lease.path, claim, "lease");', ""),
  mutant(
    "writes do not renew",
    "claim_table",
    "if ((flags & (MOMENTARY | LEASED)) !== 0) this.#lease(",
    "if ((flags & (MOMENTARY | LEASED)) !== 0 && claim.leaseUntilUs === 0) this.#lease(",
  ),
  mutant("settling is for ever", "claim_table", "if (path.endSettling() > 0)", "if (false as boolean)"),
  mutant("settling takes too long", "claim_table", "nowUs + SETTLE_US", "nowUs + 2 * SETTLE_US"),
  mutant(
    "what is heard stays doubted",
    "claim_table",
    "if (record !== undefined && record.isDoubted) this.#confirm(record);",
    "",
  ),
  mutant("nobody is asked", "claim_table", "    this.#toProbe.push(record);\n", ""),
  mutant(
    "lost clients may write",
    "claim_table",
    "record === null || record.isLost) return this.#refuse",
    "record === null) return this.#refuse",
  ),
  mutant(
    "clients reach the host's range",
    "claim_table",
    "priority > MAX_PRIORITY && client !== HOST",
    "priority > 255",
  ),
  mutant("a leave releases nothing", "claim_table", 'this.#release(claims, claim, record, "left");', ";"),
  mutant("renewed leases are forgotten", "due_list", "if (entry.atUs <= nowUs)", "if (entry.atUs > 0)"),
];

Deno.test("every bug planted in the rules of merging is noticed by a law, the plain rule or a walk", async () => {
  const sound = { file: "winner", from: "if (claim.priority <= 0) return false;" };
  const unnoticed = await unnoticedIn<Merge>("merge", MUTANTS, sound, (merge) => {
    checkLaws(merge, 300);
    checkRule(merge, 4_000);
    walk(merge, { runs: 1_500, seed: 7 });
  });
  assertEquals(unnoticed, []);
  assert(MUTANTS.length >= 40);
});
