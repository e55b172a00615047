// The claims on one path, and what stands there.
// Decides how each event changes the registers: write, release, loss, doubt, return, forgetting; after each it asks the merge
// rule (winner.ts) and notes what changed. Never knows clients, clocks or other paths (claim_table.ts).

import {
  type ClientNumber,
  MAX_PRIORITY,
  type ParameterDefinition,
  type PathId,
  type StateValue,
} from "../model/mod.ts";
import type { ChangeCause, PathChange } from "./change.ts";
import {
  type Claim,
  type ClaimRegister,
  compareCopies,
  copyClaim,
  HOST,
  isHeldByWriter,
  isOverlay,
  isStale,
  newClaim,
  NOBODY,
} from "./claim.ts";
import type { Due } from "./due_list.ts";
import { compareLooks, type PathRecord } from "./merging.ts";
import { hasMet } from "./pick_up.ts";
import { equalValues } from "./values.ts";
import {
  addValues,
  contends,
  doLostTakePart,
  type Look,
  type MutableWinner,
  newestWrite,
  newWinner,
  resolve,
  type Winner,
} from "./winner.ts";

/** Gives the numbers of changes. */
export interface Numbering {
  readonly term: number;
  /** The last number given. */
  sequence: number;
}

/** What happens on one path. */
export class PathClaims implements PathRecord {
  readonly path: PathId;
  readonly settling: Due<PathClaims>;
  /** Sorted by client. */
  readonly claims: ClaimRegister[] = [];
  readonly #look: { -readonly [K in keyof Look]: Look[K] };
  readonly #winner: MutableWinner;
  readonly #base: MutableWinner;
  readonly #change: { -readonly [K in keyof PathChange]: PathChange[K] };
  readonly #numbers: Numbering;
  #definition: ParameterDefinition;
  #stale = 0;
  /** Whether what stands, or any register, changed since it was last asked. */
  isChanged = false;
  isToCopy = false;
  /** Whether it waits in the table's queue of changes, and in that of copies. */
  isQueued = false;
  isQueuedToCopy = false;

  constructor(path: PathId, definition: ParameterDefinition, numbers: Numbering) {
    const value = definition.default;
    this.path = path;
    this.settling = { subject: this, order: path, atUs: 0, index: 0 };
    this.#definition = definition;
    this.#numbers = numbers;
    // As with winners: the values begin as null.
    this.#look = { value: null, holder: HOST, term: 0, stamp: 0 };
    this.#look.value = value;
    this.#winner = newWinner(value);
    this.#base = newWinner(value);
    this.#change = {
      path,
      value: null,
      previous: null,
      from: HOST,
      fromPriority: 0,
      to: HOST,
      toPriority: 0,
      cause: "set",
    };
  }

  get definition(): ParameterDefinition {
    return this.#definition;
  }

  get look(): Look {
    return this.#look;
  }

  get winner(): Winner {
    return this.#winner;
  }

  /** The register of a client; null where it has none. */
  find(client: ClientNumber): ClaimRegister | null {
    const { claims } = this;
    for (let at = 0; at < claims.length; at++) {
      const claim = claims[at];
      if (claim !== undefined && claim.client === client) return claim;
    }
    return null;
  }

  /** A new register for a client that has none. */
  insert(client: ClientNumber): ClaimRegister {
    const claim = newClaim(client);
    const at = this.claims.findIndex((other) => other.client > client);
    this.claims.splice(at < 0 ? this.claims.length : at, 0, claim);
    return claim;
  }

  /** A register that a full path can do without: nothing that stands follows from it. Null where there is none. */
  findEvictable(): Claim | null {
    for (const standing of ["released", "overtaken", "reaching", "dormant"] as const) {
      const found = this.claims.find((claim) => claim.standing === standing && claim.client !== HOST);
      if (found !== undefined) return found;
    }
    return null;
  }

  /** Drops a register without a trace. */
  remove(claim: Claim): void {
    const at = this.claims.findIndex(({ client }) => client === claim.client);
    if (at < 0) return;
    if (isStale(claim)) this.#stale--;
    this.claims.splice(at, 1);
    this.isToCopy = true;
  }

  /** A client writes. */
  write(claim: ClaimRegister, value: StateValue, priority: number, momentary: boolean): number {
    if (!momentary && this.#isSteady(claim, priority)) {
      claim.seq = this.#stamp(claim);
      claim.value = value;
      this.#carry(value, claim.client);
      return 0;
    }
    const number = this.#stamp(claim);
    if (!isHeldByWriter(claim) || claim.priority !== priority) claim.since = number;
    this.#stand(claim, "live");
    claim.value = value;
    claim.priority = priority;
    claim.momentary = momentary;
    claim.seq = number;
    const overtaken = this.#stale > 0 && priority <= MAX_PRIORITY ? this.#overtake(claim) : 0;
    this.#evaluate("set");
    return overtaken;
  }

  /**
   * A fader moves that is not what stands: whether that is a write. Where it is none, its position is noted, and follows
   * what it controls below the winner.
   */
  reach(claim: ClaimRegister, value: number, priority: number): boolean {
    const target = this.#winner.value;
    const knows = claim.standing === "reaching" || isHeldByWriter(claim);
    const from = knows && typeof claim.value === "number" ? claim.value : null;
    if (this.stands(claim) || typeof target !== "number") return true;
    if (hasMet(this.#definition, from, value, target)) return true;
    this.#stamp(claim);
    claim.value = value;
    if (!isHeldByWriter(claim)) {
      this.#stand(claim, "reaching");
      claim.priority = priority;
      claim.leaseUntilUs = 0;
    }
    this.#evaluate("set");
    return false;
  }

  /** A client says that it does not control the path any more. */
  release(claim: ClaimRegister, cause: ChangeCause): void {
    if (claim.standing === "released") return;
    this.#stamp(claim);
    this.#end(claim);
    this.#evaluate(cause);
  }

  /**
   * The writer is lost. What it held stands; where the definition lets others follow, those are doubted first.
   * @returns how many are doubted now.
   */
  lose(claim: ClaimRegister, cause: ChangeCause): number {
    if (!isHeldByWriter(claim) || claim.momentary) {
      if (!isStale(claim)) this.release(claim, cause);
      return 0;
    }
    const wasPart = this.#isPart(claim);
    this.#stamp(claim);
    this.#stand(claim, wasPart ? "kept" : "dormant");
    const doubts = wasPart && this.#definition.onLoss !== "hold" ? this.#doubt() : 0;
    this.#evaluate(cause);
    return doubts;
  }

  /** A doubted writer was heard. */
  confirm(claim: ClaimRegister): void {
    if (claim.standing !== "doubted" && claim.standing !== "unheard") return;
    this.#stamp(claim);
    this.#stand(claim, "live");
    this.#evaluate("settled");
  }

  /** The settle time is over: who was not heard is not waited for. */
  endSettling(): number {
    let unheard = 0;
    for (const claim of this.claims) {
      if (claim.standing !== "doubted") continue;
      this.#stamp(claim);
      this.#stand(claim, "unheard");
      unheard++;
    }
    this.#evaluate("settled");
    return unheard;
  }

  /** The writer is back. @returns whether its claim is live again; false where somebody wrote meanwhile. */
  comeBack(claim: ClaimRegister): boolean {
    if (!isStale(claim)) return true;
    const isBack = claim.standing !== "overtaken";
    this.#stamp(claim);
    if (isBack) this.#stand(claim, "live");
    else this.#end(claim);
    this.#evaluate("returned");
    return isBack;
  }

  /** The writer will not come back. What it kept stands as nobody's until somebody writes. */
  forget(claim: ClaimRegister): void {
    if (claim.standing === "kept" && this.#definition.onLoss === "hold") this.#bequeath(claim);
    this.remove(claim);
    this.#evaluate("forgotten");
  }

  /** Another definition of the same path. */
  redefine(definition: ParameterDefinition): void {
    this.#definition = definition;
    if (this.#look.stamp === 0) this.#look.value = definition.default;
    this.#evaluate("redefined");
  }

  /** What the path showed before this host began, such as a stored look. */
  restore(value: StateValue): void {
    this.#numbers.sequence++;
    this.#setLook(value, HOST);
    this.#evaluate("copied");
  }

  /**
   * Takes over the newer registers of a copy, or all of them.
   * @returns those that are new here.
   */
  merge(record: PathRecord, takesAll: boolean): readonly ClaimRegister[] {
    const added: ClaimRegister[] = [];
    for (const theirs of record.claims) {
      let ours = this.find(theirs.client);
      if (ours === null) {
        ours = this.insert(theirs.client);
        added.push(ours);
      } else if (!takesAll && compareCopies(ours, theirs) >= 0) continue;
      if (isStale(ours)) this.#stale--;
      copyClaim(ours, theirs);
      if (isStale(ours)) this.#stale++;
    }
    if (takesAll || compareLooks(record.look, this.#look) > 0) Object.assign(this.#look, record.look);
    this.#evaluate("copied");
    return added;
  }

  /** Whether the value is this claim's, or this claim a part of it. */
  stands(claim: Claim): boolean {
    const { holder, priority, parts } = this.#winner;
    if (parts === 0 || (claim.standing !== "live" && claim.standing !== "kept")) return false;
    return parts > 1
      ? claim.priority === priority
      : this.#winner.reason !== "held" && claim.client === holder;
  }

  /** What changed since the last call; null where it changed back. */
  takeChange(): PathChange | null {
    this.isChanged = false;
    this.isQueued = false;
    const { value, holder, priority } = this.#winner;
    const change = this.#change;
    change.value = value;
    change.to = holder;
    change.toPriority = priority;
    const isSame = change.from === holder && change.fromPriority === priority &&
      equalValues(change.previous, value);
    return isSame ? null : change;
  }

  /** A number for a change of this register. */
  #stamp(claim: ClaimRegister): number {
    const numbers = this.#numbers;
    this.isToCopy = true;
    claim.term = numbers.term;
    return claim.stamp = ++numbers.sequence;
  }

  #end(claim: ClaimRegister): void {
    this.#stand(claim, "released");
    claim.priority = 0;
    claim.momentary = false;
    claim.leaseUntilUs = 0;
  }

  #stand(claim: ClaimRegister, standing: Claim["standing"]): void {
    if (isStale(claim)) this.#stale--;
    claim.standing = standing;
    if (isStale(claim)) this.#stale++;
  }

  /** A client's write beats whatever lost writers left here. */
  #overtake(by: Claim): number {
    let count = 0;
    for (let at = this.claims.length - 1; at >= 0; at--) {
      const claim = this.claims[at];
      if (claim === undefined || (claim.standing !== "kept" && claim.standing !== "dormant")) continue;
      if (claim.client === NOBODY) {
        this.remove(claim);
        continue;
      }
      this.#stamp(claim);
      this.#stand(claim, "overtaken");
      claim.takenBy = by.client;
      count++;
    }
    return count;
  }

  /** Doubts whoever would follow a lost holder. */
  #doubt(): number {
    let count = 0;
    for (const claim of this.claims) {
      if (claim.standing !== "live" || claim.priority <= 0 || claim.client === HOST || isOverlay(claim)) {
        continue;
      }
      if (this.#isPart(claim)) continue;
      this.#stamp(claim);
      this.#stand(claim, "doubted");
      count++;
    }
    return count;
  }

  /**
   * Whether a write of this claim can change nothing but the value: it stands alone and goes on as it did, nothing lies on
   * the path, nothing lost waits there. A fader that moves is this, thirty times a second: the rule need not be asked again.
   */
  #isSteady(claim: Claim, priority: number): boolean {
    if (claim.standing !== "live" || claim.momentary || claim.priority !== priority || this.#stale > 0) {
      return false;
    }
    const base = this.#base;
    const winner = this.#winner;
    const { client } = claim;
    if (client === HOST || base.holder !== client || base.parts !== 1) return false;
    const isCovered = winner.holder !== client || winner.priority !== priority ||
      winner.reason !== base.reason;
    if (isCovered) return false;
    // What is highest or a sum depends on the value, where there are others.
    const { merge } = this.#definition;
    return merge === "latest" || merge === "lock" || this.claims.length === 1;
  }

  /** Another value of the same winner. */
  #carry(value: StateValue, holder: ClientNumber): void {
    const winner = this.#winner;
    const previous = winner.value;
    winner.value = this.#base.value = value;
    if (equalValues(previous, value)) return;
    this.#setLook(value, holder);
    this.#noteChange(previous, winner.holder, winner.priority, "set");
  }

  /** Something else stands than `previous`, that is told at the next question: what stood at the last one counts. */
  #noteChange(previous: StateValue, from: ClientNumber, fromPriority: number, cause: ChangeCause): void {
    const change = this.#change;
    if (!this.isChanged) {
      change.previous = previous;
      change.from = from;
      change.fromPriority = fromPriority;
      this.isChanged = true;
    }
    change.cause = cause;
  }

  /** Whether a claim is a part of the look, as of the last evaluation. */
  #isPart(claim: Claim): boolean {
    const { holder, priority, parts, reason } = this.#base;
    if (parts === 0 || isOverlay(claim)) return false;
    if (parts > 1) return claim.priority === priority;
    return reason === "held" ? claim.client === NOBODY : claim.client === holder;
  }

  /** Keeps a lost writer's value as nobody's. Several parts of a sum become one. */
  #bequeath(claim: Claim): void {
    const legacy = this.find(NOBODY) ?? this.insert(NOBODY);
    const value = legacy.standing === "kept" ? addValues(legacy.value, claim.value) : claim.value;
    this.#stand(legacy, "kept");
    copyClaim(legacy, claim);
    legacy.value = value;
    legacy.leaseUntilUs = 0;
    this.#stamp(legacy);
  }

  #setLook(value: StateValue, holder: ClientNumber): void {
    this.isToCopy = true;
    this.#look.value = value;
    this.#look.holder = holder;
    this.#look.term = this.#numbers.term;
    this.#look.stamp = this.#numbers.sequence;
  }

  /** Asks the merge rule, follows it, and notes what changed. */
  #evaluate(cause: ChangeCause): void {
    const winner = this.#winner;
    const { value, holder, priority } = winner;
    if (this.#follow()) resolve(winner, this.claims, this.#definition, this.#look, true);
    else copyWinner(winner, this.#base);
    if (winner.holder === holder && winner.priority === priority && equalValues(winner.value, value)) return;
    this.#noteChange(value, holder, priority, cause);
  }

  /**
   * Lets the look follow the claims, and lets go of kept ones that are no part of it any more.
   * @returns whether overlays lie on it.
   */
  #follow(): boolean {
    const base = this.#base;
    const look = this.#look;
    const hasOverlays = resolve(base, this.claims, this.#definition, look, false);
    if (base.holder !== look.holder || !equalValues(base.value, look.value)) {
      this.#setLook(base.value, base.holder);
    }
    // Who is let go is no part of the look, but of the reason why another one wins.
    if (this.#stale > 0 && this.#letGo()) resolve(base, this.claims, this.#definition, look, false);
    return hasOverlays;
  }

  #letGo(): boolean {
    let count = 0;
    const write = newestWrite(this.claims);
    const keeps = doLostTakePart(this.claims, this.#definition);
    for (let at = this.claims.length - 1; at >= 0; at--) {
      const claim = this.claims[at];
      if (claim === undefined || claim.standing !== "kept") continue;
      if (this.#isPart(claim) && contends(claim, false, keeps, write)) continue;
      count++;
      if (claim.client === NOBODY) this.remove(claim);
      else {
        this.#stamp(claim);
        this.#stand(claim, "dormant");
      }
    }
    return count > 0;
  }
}

function copyWinner(into: MutableWinner, from: Winner): void {
  into.value = from.value;
  into.holder = from.holder;
  into.priority = from.priority;
  into.reason = from.reason;
  into.parts = from.parts;
}
