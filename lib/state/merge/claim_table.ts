// All claims on all paths of a host, its clients' coming and going, and the time.
// Decides which claims each event touches: a write, a lost client, an ended lease, a settle time; and tells what stands and what
// changed. Never decides who wins (winner.ts), who may write, or when a client counts as lost (holding/).

import {
  CLAIM_LEASE_US,
  type ClientNumber,
  IdTable,
  MAX_PRIORITY,
  type ParameterDefinition,
  type PathId,
  type StateValue,
} from "../model/mod.ts";
import {
  type ChangeCause,
  LEASED,
  type MergeCounters,
  type MergeDeadline,
  MOMENTARY,
  type PathChange,
  PICK_UP,
  type SetOutcome,
  type SetRefusal,
  type TakenOver,
} from "./change.ts";
import {
  type Claim,
  type ClaimRegister,
  HOST,
  isHeldByWriter,
  isStale,
  MAX_HOST_PRIORITY,
  NOBODY,
} from "./claim.ts";
import { type Due, DueList } from "./due_list.ts";
import { explainPath, type Explanation } from "./explanation.ts";
import type { PathRecord } from "./merging.ts";
import { type Numbering, PathClaims } from "./path_claims.ts";
import { WaitingQueue } from "./waiting_queue.ts";
import type { Winner } from "./winner.ts";

/** The most registers on one path. */
export const MAX_CLAIMS_PER_PATH = 256;
/** The most registers in one table. */
export const MAX_CLAIMS = 262_144;
/** How long a fallback waits for the others to be confirmed (E1.31 section 6.7.1: how long a silent source counts). */
export const SETTLE_US = CLAIM_LEASE_US;

/** How a table begins. */
export interface ClaimTableOptions {
  /** The host's term: the numbers of a later one are newer than all of an earlier one. */
  readonly term: number;
  readonly maxClaimsPerPath?: number;
  readonly maxClaims?: number;
}

/** One claim with its path and its lease. */
interface Lease {
  readonly path: PathClaims;
  readonly client: ClientNumber;
}

/** A client as far as its claims go. */
interface ClientRecord {
  readonly client: ClientNumber;
  /** Where it has a register, with its lease where it ever had one. */
  readonly paths: Map<PathId, Due<Lease> | null>;
  isLost: boolean;
  /** Some claim of it may be doubted; otherwise nobody needs to look. */
  isDoubted: boolean;
  isToProbe: boolean;
}

/** The claims of a host. */
export class ClaimTable {
  readonly #numbers: { -readonly [K in keyof Numbering]: Numbering[K] };
  readonly #paths = new IdTable<PathId, PathClaims>();
  readonly #clients = new Map<ClientNumber, ClientRecord>();
  readonly #leases = new DueList<Lease>();
  readonly #settles = new DueList<PathClaims>();
  readonly #changed = new WaitingQueue<PathClaims>();
  readonly #toCopy = new WaitingQueue<PathClaims>();
  readonly #toProbe = new WaitingQueue<ClientRecord>();
  readonly #maxPerPath: number;
  readonly #maxClaims: number;
  #claims = 0;
  /** Whoever wrote last most likely writes next. */
  #lastRecord: ClientRecord | null = null;

  readonly counters: MergeCounters = {
    writes: 0,
    shadowed: 0,
    reaching: 0,
    refusedUnknownPath: 0,
    refusedPriority: 0,
    refusedReserved: 0,
    refusedFull: 0,
    refusedLostClient: 0,
    evicted: 0,
    leasesEnded: 0,
    settles: 0,
    settlesUnheard: 0,
    lost: 0,
    returned: 0,
    overtaken: 0,
  };

  constructor(options: ClaimTableOptions) {
    this.#numbers = { term: options.term, sequence: 0 };
    this.#maxPerPath = options.maxClaimsPerPath ?? MAX_CLAIMS_PER_PATH;
    this.#maxClaims = options.maxClaims ?? MAX_CLAIMS;
  }

  /** The last number given to a change. */
  get sequence(): number {
    return this.#numbers.sequence;
  }

  /** How many registers it holds, released ones and those of lost clients among them. */
  get size(): number {
    return this.#claims;
  }

  /**
   * A path begins, at its default or at a stored look; or its definition changes. A stored look of a path that is there
   * already is not taken.
   */
  handleDefinition(path: PathId, definition: ParameterDefinition, look?: StateValue): void {
    const known = this.#paths.get(path);
    if (known !== undefined) {
      known.redefine(definition);
      this.#note(known);
      return;
    }
    const claims = new PathClaims(path, definition, this.#numbers);
    this.#paths.set(path, claims);
    if (look !== undefined) claims.restore(look);
    this.#note(claims);
  }

  /** A path is gone, with all claims on it. No change is told: the caller says that the path is deleted. */
  handleRemoval(path: PathId): void {
    const claims = this.#paths.get(path);
    if (claims === undefined) return;
    this.#paths.delete(path);
    this.#settles.clear(claims.settling);
    for (const claim of claims.claims.slice()) this.#drop(claims, claim);
  }

  /** A client is there. Needed before its first write; nothing happens where it is known. */
  handleJoin(client: ClientNumber): void {
    if (this.#clients.has(client)) return;
    this.#clients.set(client, {
      client,
      paths: new Map(),
      isLost: false,
      isDoubted: false,
      isToProbe: false,
    });
  }

  /**
   * A client writes; priority 0 releases. The value is checked already (schema/), and stays as it is.
   * @param flags of MOMENTARY, LEASED and PICK_UP.
   */
  handleSet(
    nowUs: number,
    path: PathId,
    client: ClientNumber,
    value: StateValue,
    priority: number,
    flags = 0,
  ): SetOutcome {
    const claims = this.#paths.get(path);
    if (claims === undefined) return this.#refuse("unknown-path");
    if (!Number.isInteger(priority) || priority < 0 || priority > MAX_HOST_PRIORITY) {
      return this.#refuse("priority");
    }
    if (priority > MAX_PRIORITY && client !== HOST) return this.#refuse("reserved");
    const record = this.#recordOf(client);
    if (record === null || record.isLost) return this.#refuse("lost-client");
    if (record.isDoubted) this.#confirm(record);
    let claim = claims.find(client);
    if (priority === 0) {
      if (claim !== null) this.#release(claims, claim, record, "released");
      return "released";
    }
    if (claim === null) {
      claim = this.#add(claims, record);
      if (claim === null) return this.#refuse("full");
    }
    const counters = this.counters;
    counters.writes++;
    if ((flags & (PICK_UP | MOMENTARY)) === PICK_UP && typeof value === "number") {
      const isWrite = claims.reach(claim, value, priority);
      if (!isWrite) {
        counters.reaching++;
        if (claim.leaseUntilUs !== 0) this.#lease(nowUs, claims, claim, record);
        this.#note(claims);
        return "reaching";
      }
    }
    if ((flags & (MOMENTARY | LEASED)) !== 0) this.#lease(nowUs, claims, claim, record);
    else if (claim.leaseUntilUs !== 0) this.#endLease(claims, claim, record);
    counters.overtaken += claims.write(claim, value, priority, (flags & MOMENTARY) !== 0);
    this.#note(claims);
    if (claims.stands(claim)) return "stands";
    counters.shadowed++;
    return "shadowed";
  }

  /**
   * Renews the lease of a claim without a write. One that ended meanwhile comes back unless somebody wrote.
   * @returns whether the client controls the path.
   */
  handleRefresh(nowUs: number, path: PathId, client: ClientNumber): boolean {
    const claims = this.#paths.get(path);
    const record = this.#recordOf(client);
    const claim = claims?.find(client) ?? null;
    if (claims === undefined || record === null || record.isLost || claim === null) return false;
    if (record.isDoubted) this.#confirm(record);
    if (claim.standing === "released" || claim.standing === "reaching") return false;
    const isBack = claims.comeBack(claim);
    if (isBack && claim.leaseUntilUs !== 0) this.#lease(nowUs, claims, claim, record);
    this.#note(claims);
    return isBack;
  }

  /** Anything came from a client: it is there. Ends the doubt about it. */
  noteHeard(client: ClientNumber): void {
    const record = this.#clients.get(client);
    if (record !== undefined && record.isDoubted) this.#confirm(record);
  }

  /** A client is suspected or lost: what it controls turns stale. */
  handleLost(nowUs: number, client: ClientNumber): void {
    const record = this.#clients.get(client);
    if (record === undefined || record.isLost) return;
    record.isLost = true;
    record.isDoubted = false;
    for (const path of record.paths.keys()) {
      const claims = this.#paths.get(path);
      const claim = claims?.find(client) ?? null;
      if (claims === undefined || claim === null) continue;
      this.#stopLease(claim, record, path);
      this.#lose(nowUs, claims, claim, "lost");
    }
  }

  /**
   * A lost client is back: what it controlled is live again where nobody wrote meanwhile.
   * @returns the paths that it lost.
   */
  handleReturn(nowUs: number, client: ClientNumber): readonly TakenOver[] {
    const record = this.#clients.get(client);
    if (record === undefined || !record.isLost) return [];
    record.isLost = false;
    const taken: TakenOver[] = [];
    for (const path of record.paths.keys()) {
      const claims = this.#paths.get(path);
      const claim = claims?.find(client) ?? null;
      if (claims === undefined || claim === null) continue;
      if (!isStale(claim)) continue;
      if (claims.comeBack(claim)) {
        this.counters.returned++;
        if (claim.leaseUntilUs !== 0) this.#lease(nowUs, claims, claim, record);
      } else taken.push({ path, by: claim.takenBy });
      this.#note(claims);
    }
    return taken;
  }

  /** A client says goodbye: it releases all that it controls, and is unknown from then on. */
  handleLeave(client: ClientNumber): void {
    const record = this.#clients.get(client);
    if (record === undefined) return;
    for (const path of record.paths.keys()) {
      const claims = this.#paths.get(path);
      const claim = claims?.find(client) ?? null;
      if (claims !== undefined && claim !== null) this.#release(claims, claim, record, "left");
    }
    this.handleForget(client);
  }

  /** A lost client's time to come back is over: its claims go; what it kept stands as nobody's until somebody writes. */
  handleForget(client: ClientNumber): void {
    const record = this.#clients.get(client);
    if (record === undefined) return;
    this.#clients.delete(client);
    this.#lastRecord = null;
    for (const path of record.paths.keys()) {
      const claims = this.#paths.get(path);
      const claim = claims?.find(client) ?? null;
      if (claims === undefined || claim === null) continue;
      this.#stopLease(claim, record, path);
      claims.forget(claim);
      this.#claims--;
      this.#note(claims);
    }
  }

  /**
   * A standby hears how a path stands at its host: exactly as `record` says, which is complete. Copies come in the order in
   * which the host made them. A standby is told of lost and returning clients by copies alone; a client that left or is
   * forgotten it forgets too, so that nothing is left of it.
   */
  handleCopy(path: PathId, record: PathRecord): void {
    this.#take(path, record, true);
  }

  /** Takes over the newer registers of a path from another history, and keeps its own otherwise. */
  handleMerge(path: PathId, record: PathRecord): void {
    this.#take(path, record, false);
  }

  /**
   * A standby becomes the host, under a term above all that it copied. Leases and settle times begin anew, by its own clock;
   * everybody counts as there until `handleLost` says otherwise.
   */
  handleReign(nowUs: number, term: number): void {
    this.#numbers.term = term;
    for (const claims of this.#paths.values()) {
      for (const claim of claims.claims) {
        const record = this.#clients.get(claim.client);
        if (record === undefined || !isHeldByWriter(claim)) continue;
        if (claim.leaseUntilUs !== 0) this.#lease(nowUs, claims, claim, record);
        if (claim.standing !== "live") this.#doubt(record);
      }
      if (claims.claims.some(({ standing }) => standing === "doubted")) this.#settle(nowUs, claims);
    }
  }

  /** Ends the leases and settle times that are due. */
  handleTimeout(nowUs: number): void {
    for (let lease = this.#leases.poll(nowUs); lease !== null; lease = this.#leases.poll(nowUs)) {
      const claim = lease.path.find(lease.client);
      if (claim === null) continue;
      this.counters.leasesEnded++;
      this.#lose(nowUs, lease.path, claim, "lease");
    }
    for (let path = this.#settles.poll(nowUs); path !== null; path = this.#settles.poll(nowUs)) {
      if (path.endSettling() > 0) this.counters.settlesUnheard++;
      this.#note(path);
    }
  }

  /** When it wants `handleTimeout`; null for never. A renewed lease may leave this too early. */
  pollTimeout(): MergeDeadline | null {
    const [lease, settle] = [this.#leases.nextUs(), this.#settles.nextUs()];
    if (lease === Infinity && settle === Infinity) return null;
    return lease <= settle ? { atUs: lease, reason: "lease" } : { atUs: settle, reason: "settle" };
  }

  /** The next path where something else stands than at the last call. Read it before the next `handle…`. */
  pollChange(): PathChange | null {
    for (let path = this.#changed.poll(); path !== null; path = this.#changed.poll()) {
      if (this.#paths.get(path.path) !== path) continue;
      const change = path.takeChange();
      if (change !== null) return change;
    }
    return null;
  }

  /** The next path whose registers a standby has to have again: `recordOf` it. */
  pollCopy(): PathId | null {
    for (let path = this.#toCopy.poll(); path !== null; path = this.#toCopy.poll()) {
      path.isToCopy = false;
      path.isQueuedToCopy = false;
      if (this.#paths.get(path.path) === path) return path.path;
    }
    return null;
  }

  /** The next client that the table must hear from: ask it for a sign of life, then call `noteHeard`. */
  pollProbe(): ClientNumber | null {
    for (let record = this.#toProbe.poll(); record !== null; record = this.#toProbe.poll()) {
      record.isToProbe = false;
      if (record.isDoubted && !record.isLost) return record.client;
    }
    return null;
  }

  /** What stands at a path; null for none. The object changes with the next `handle…`. */
  winner(path: PathId): Winner | null {
    return this.#paths.get(path)?.winner ?? null;
  }

  /** The claim of a client on a path; null for none. */
  claim(path: PathId, client: ClientNumber): Claim | null {
    return this.#paths.get(path)?.find(client) ?? null;
  }

  /** All registers of a path, for a standby; null for no such path. They change with the next `handle…`. */
  recordOf(path: PathId): PathRecord | null {
    return this.#paths.get(path) ?? null;
  }

  /** Why a path has its value: every claim with why it stands or does not. Null for no such path. */
  explain(nowUs: number, path: PathId): Explanation | null {
    const claims = this.#paths.get(path);
    return claims === undefined
      ? null
      : explainPath(nowUs, claims, claims.definition, claims.winner, claims.settling.atUs);
  }

  #recordOf(client: ClientNumber): ClientRecord | null {
    if (this.#lastRecord?.client === client) return this.#lastRecord;
    const record = this.#clients.get(client);
    if (record !== undefined) this.#lastRecord = record;
    if (record !== undefined || client !== HOST) return record ?? null;
    this.handleJoin(HOST);
    return this.#clients.get(HOST) ?? null;
  }

  /** A register for a client; null where there is no room. */
  #add(claims: PathClaims, record: ClientRecord): ClaimRegister | null {
    if (claims.claims.length >= this.#maxPerPath || this.#claims >= this.#maxClaims) {
      const evictable = claims.findEvictable();
      if (evictable === null) return null;
      this.#drop(claims, evictable);
      this.counters.evicted++;
    }
    record.paths.set(claims.path, null);
    this.#claims++;
    return claims.insert(record.client);
  }

  #release(claims: PathClaims, claim: ClaimRegister, record: ClientRecord, cause: ChangeCause): void {
    this.#endLease(claims, claim, record);
    claims.release(claim, cause);
    this.#note(claims);
  }

  #lose(nowUs: number, claims: PathClaims, claim: ClaimRegister, cause: ChangeCause): void {
    this.counters.lost++;
    if (claims.lose(claim, cause) > 0) {
      this.#settle(nowUs, claims);
      for (const { client, standing } of claims.claims) {
        if (standing !== "doubted") continue;
        const record = this.#clients.get(client);
        if (record !== undefined) this.#doubt(record);
      }
    }
    this.#note(claims);
  }

  #settle(nowUs: number, claims: PathClaims): void {
    if (claims.settling.atUs !== 0) return;
    this.counters.settles++;
    this.#settles.set(claims.settling, nowUs + SETTLE_US);
  }

  /** Some claim of a client waits until it is heard. */
  #doubt(record: ClientRecord): void {
    record.isDoubted = true;
    if (record.isToProbe) return;
    record.isToProbe = true;
    this.#toProbe.push(record);
  }

  #take(path: PathId, record: PathRecord, isComplete: boolean): void {
    const claims = this.#paths.get(path);
    if (claims === undefined) return;
    if (isComplete) {
      for (
        const claim of claims.claims.filter(({ client }) =>
          !record.claims.some((theirs) => theirs.client === client)
        )
      ) {
        this.#drop(claims, claim);
      }
    }
    for (const { client } of claims.merge(record, isComplete)) {
      if (client === NOBODY) continue;
      this.handleJoin(client);
      this.#clients.get(client)?.paths.set(path, null);
      this.#claims++;
    }
    const numbers = this.#numbers;
    numbers.sequence = Math.max(numbers.sequence, record.look.stamp);
    for (const { stamp } of record.claims) numbers.sequence = Math.max(numbers.sequence, stamp);
    this.#note(claims);
  }

  /** Drops a register without a trace. */
  #drop(claims: PathClaims, claim: Claim): void {
    claims.remove(claim);
    if (claim.client === NOBODY) return;
    this.#claims--;
    const owner = this.#clients.get(claim.client);
    const lease = owner?.paths.get(claims.path);
    if (lease) this.#leases.clear(lease);
    owner?.paths.delete(claims.path);
  }

  /** A doubted client was heard. */
  #confirm(record: ClientRecord): void {
    record.isDoubted = false;
    for (const path of record.paths.keys()) {
      const claims = this.#paths.get(path);
      const claim = claims?.find(record.client) ?? null;
      if (claims === undefined || claim === null) continue;
      claims.confirm(claim);
      this.#note(claims);
    }
  }

  #lease(nowUs: number, path: PathClaims, claim: ClaimRegister, record: ClientRecord): void {
    let lease = record.paths.get(path.path) ?? null;
    if (lease === null) {
      lease = { subject: { path, client: record.client }, order: record.client, atUs: 0, index: 0 };
      record.paths.set(path.path, lease);
    }
    claim.leaseUntilUs = nowUs + CLAIM_LEASE_US;
    this.#leases.set(lease, claim.leaseUntilUs);
  }

  #endLease(path: PathClaims, claim: ClaimRegister, record: ClientRecord): void {
    this.#stopLease(claim, record, path.path);
    claim.leaseUntilUs = 0;
  }

  /** The time of a lease does not run while its writer is gone; its claim is leased anew when it is back. */
  #stopLease(claim: Claim, record: ClientRecord, path: PathId): void {
    if (claim.leaseUntilUs === 0) return;
    const lease = record.paths.get(path) ?? null;
    if (lease !== null) this.#leases.clear(lease);
  }

  /** Queues a path where something changed. */
  #note(path: PathClaims): void {
    if (path.isChanged && !path.isQueued) {
      path.isQueued = true;
      this.#changed.push(path);
    }
    if (path.isToCopy && !path.isQueuedToCopy) {
      path.isQueuedToCopy = true;
      this.#toCopy.push(path);
    }
    if (path.settling.atUs !== 0 && !path.claims.some(({ standing }) => standing === "doubted")) {
      this.#settles.clear(path.settling);
    }
  }

  #refuse(refusal: SetRefusal): SetRefusal {
    const counters = this.counters;
    if (refusal === "unknown-path") counters.refusedUnknownPath++;
    else if (refusal === "priority") counters.refusedPriority++;
    else if (refusal === "reserved") counters.refusedReserved++;
    else if (refusal === "full") counters.refusedFull++;
    else counters.refusedLostClient++;
    return refusal;
  }
}
