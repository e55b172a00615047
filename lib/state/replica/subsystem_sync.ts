// How the copy of one subsystem keeps up with its host (research 2.7, C1 to C4, F1, F2).
// Decides which patches and chunks are applied, when something is missing, and when to ask again; each repair has a bound
// and ends, at worst, in a new connection. Never decides what an entry means (copies.ts) nor who may speak (replica.ts).

import type { StateEpoch, SubsystemNumber, Version } from "../model/mod.ts";
import type {
  ChunkMessage,
  Digest64,
  PatchMessage,
  ResyncMessage,
  ResyncReason,
  SubsystemPlan,
  WireEntry,
} from "../messages/mod.ts";
import { BookCopy, digestOf, type SubsystemCopy } from "./copies.ts";
import type { EventQueue, ReplicaCounters } from "./events.ts";

/** How long a patch waits for the one before it. */
export const REORDER_US = 50_000;
/** How long a host may be ahead of what it sent. */
export const BEHIND_US = 100_000;
/** The shortest pause between two questions about one subsystem. */
export const RESYNC_PAUSE_US = 200_000;
/** The longest one. */
export const MAX_RESYNC_PAUSE_US = 5_000_000;
/** How long an answer may take before its question counts as lost, at least. */
export const ANSWER_US = 500_000;
/** How long a snapshot may pause between two of its chunks. */
export const STALL_US = 1_000_000;
/** This question of a row asks for everything. */
export const FULL_ATTEMPT = 3;
/** The row ends with this question: a new connection is better. */
export const LAST_ATTEMPT = 5;
/** After so long without trouble the next question is a first one. */
const CALM_US = 5_000_000;
/** Patches that wait for one before them. */
const MAX_HELD = 8;
/** The memory is looked at so often, at most. */
const SCRUB_US = 1_000_000;

/** What copies of one world have in common. */
export interface SyncSettings {
  readonly epoch: StateEpoch;
  readonly counters: ReplicaCounters;
  readonly events: EventQueue;
  /** The name of a subsystem; null where nobody told it yet. */
  nameOf(subsystem: SubsystemNumber): string | null;
  /** Entries that a snapshot may have. */
  readonly maxEntries: number;
}

interface Assembly {
  readonly version: number;
  readonly count: number;
  readonly nonce: number | null;
  readonly parts: Map<number, readonly WireEntry[]>;
  digest: Digest64 | null;
  entries: number;
}

interface Question {
  readonly nonce: number;
  readonly reason: ResyncReason;
  readonly isFull: boolean;
  /** When something of the answer came, or else when it was asked. */
  progressUs: number;
}

/** One subsystem at a client. */
export class SubsystemSync {
  readonly subsystem: SubsystemNumber;
  readonly copy: SubsystemCopy;
  readonly #settings: SyncSettings;
  readonly #held: PatchMessage[] = [];
  #have = 0;
  #announced = 0;
  #planned = 0;
  #isExpectingChunks = false;
  #wasComplete = false;
  /** The host begins again at a lower version: what is here is not newer than its snapshot. */
  #isStartingOver = false;
  #digestState: "unknown" | "equal" | "different" = "unknown";
  #assembly: Assembly | null = null;
  #question: Question | null = null;
  #wanted: ResyncReason | null = null;
  #wantedAtUs = 0;
  #attempts = 0;
  #pauseUs = RESYNC_PAUSE_US;
  #askedUs = -CALM_US;
  #gapUs = Infinity;
  #behindUs = Infinity;
  #stallUs = Infinity;
  #appliedUs = 0;
  #scrubbedUs = 0;
  #repaired = 0;
  /** An acknowledgement is due. */
  isAckDue = false;
  /** When the newest of what is to be acknowledged came, in microseconds. */
  arrivedUs = 0;
  /** The row of questions is over. */
  isLost = false;

  constructor(subsystem: SubsystemNumber, copy: SubsystemCopy, settings: SyncSettings) {
    this.subsystem = subsystem;
    this.copy = copy;
    this.#settings = settings;
  }

  /** The version that is here. */
  get have(): Version {
    return this.#have as Version;
  }

  /** The highest version that the host spoke of. */
  get announced(): number {
    return this.#announced;
  }

  /** Whether everything is here that there was at the welcome. */
  get isComplete(): boolean {
    return this.#have >= this.#planned && !this.#isExpectingChunks && !this.#isStartingOver;
  }

  get isBehind(): boolean {
    return this.#have < this.#announced || !this.isComplete;
  }

  /** Whether the last digest of the host was another than ours. */
  get isDifferent(): boolean {
    return this.#digestState === "different";
  }

  /** The connection is gone: whatever was on its way will not come. */
  handleLost(): void {
    this.#assembly = null;
    this.#question = null;
    this.#wanted = null;
    this.#held.length = 0;
    this.#gapUs = this.#behindUs = this.#stallUs = Infinity;
    this.#isExpectingChunks = false;
    this.#attempts = 0;
    this.isAckDue = false;
    this.isLost = false;
  }

  /** The host told at the welcome how this subsystem will come. */
  handlePlan(nowUs: number, { version, chunks }: SubsystemPlan): void {
    this.handleLost();
    this.#announced = this.#planned = version;
    this.#wasComplete = false;
    if (version < this.#have) this.#startOver();
    if (chunks > 0) {
      this.#isExpectingChunks = true;
      this.#stallUs = nowUs + STALL_US;
    } else if (this.#have < version) this.#behindUs = nowUs + STALL_US;
    else if (this.#isStartingOver) this.#want(nowUs, "check");
    this.#noteComplete();
  }

  /** Applies a patch, keeps it for a while, or leaves it; whether everything up to its version is here now. */
  handlePatch(nowUs: number, patch: PatchMessage): boolean {
    const { counters } = this.#settings;
    const { base, version, nonce } = patch;
    counters.patches++;
    const isAnswer = nonce !== null && this.#question?.nonce === nonce;
    if (nonce !== null && !isAnswer) counters.lateAnswers++;
    if (version > this.#announced) this.#announced = version;
    if (isAnswer && base === 0 && this.#question?.isFull === true) {
      this.#replace(nowUs, patch.entries, version);
      this.#afterSnapshot(nowUs, patch.digest, version);
      return true;
    }
    if (version > this.#have && base > this.#have) {
      this.#hold(nowUs, patch);
      return false;
    }
    if (isAnswer) this.#question = null;
    if (version > this.#have) this.#apply(nowUs, patch);
    else {
      if (version > base) {
        counters.duplicates++;
        this.#noteArrival(nowUs);
      }
      if (patch.digest !== null && version === this.#have) this.#compare(nowUs, patch.digest);
    }
    this.#applyHeld(nowUs);
    this.#noteProgress(nowUs);
    return true;
  }

  /** Takes a part of a snapshot; whether it made the snapshot whole, which is in place then. */
  handleChunk(nowUs: number, chunk: ChunkMessage): boolean {
    const { counters } = this.#settings;
    if (chunk.nonce !== null && chunk.nonce !== this.#question?.nonce) {
      counters.lateAnswers++;
      return false;
    }
    if (chunk.version > this.#announced) this.#announced = chunk.version;
    if (chunk.nonce === null && !this.#isExpectingChunks && chunk.version < this.#have) {
      counters.duplicates++;
      return false;
    }
    const assembly = this.#assemblyFor(chunk);
    if (assembly === null || assembly.parts.has(chunk.index)) {
      counters.duplicates++;
      return false;
    }
    assembly.parts.set(chunk.index, chunk.entries);
    assembly.entries += chunk.entries.length;
    if (chunk.digest !== null) assembly.digest = chunk.digest;
    if (this.#question !== null) this.#question.progressUs = nowUs;
    this.#stallUs = nowUs + STALL_US;
    if (assembly.entries > this.#settings.maxEntries) {
      this.#spoil(nowUs, "check");
      return false;
    }
    return assembly.parts.size === assembly.count && this.#finish(nowUs, assembly);
  }

  /** The host told where it stands; true when it stands before what it had said. */
  handleAnnounced(nowUs: number, version: number, digest: Digest64 | null): boolean {
    if (version > this.#announced) this.#announced = version;
    if (version < this.#have && nowUs - this.#appliedUs >= STALL_US && !this.#isStartingOver) {
      this.#announced = this.#planned = version;
      this.#startOver();
      this.#want(nowUs, "check");
      return true;
    }
    if (version === this.#have && digest !== null) this.#compare(nowUs, digest);
    this.#noteBehind(nowUs);
    return false;
  }

  /** Asks, gives up waiting, asks again. */
  handleDeadline(nowUs: number): void {
    if (this.#question !== null && nowUs >= this.#answerUs()) {
      const { reason } = this.#question;
      this.#question = null;
      if (this.#assembly !== null) this.#settings.counters.snapshotsSpoiled++;
      this.#assembly = null;
      if (this.#attempts >= LAST_ATTEMPT) this.isLost = true;
      else this.#want(nowUs, reason);
    }
    if (nowUs >= this.#stallUs) {
      this.#stallUs = Infinity;
      if (this.#assembly !== null || this.#isExpectingChunks) this.#spoil(nowUs, "behind");
    }
    if (nowUs >= this.#gapUs) {
      this.#gapUs = Infinity;
      this.#want(nowUs, "gap");
    }
    if (nowUs >= this.#behindUs) {
      this.#behindUs = Infinity;
      if (this.#have < this.#announced) this.#want(nowUs, "behind");
    }
  }

  /** When {@linkcode handleDeadline} has something to do, in microseconds; Infinity for never. */
  deadlineUs(): number {
    return Math.min(this.#answerUs(), this.#stallUs, this.#gapUs, this.#behindUs);
  }

  /** When a question may go out, in microseconds; Infinity when there is none. */
  askUs(): number {
    return this.#wanted === null ? Infinity : this.#wantedAtUs;
  }

  /** The question that is due, under `nonce`; null when none is. */
  pollResync(nowUs: number, nonce: number): ResyncMessage | null {
    const reason = this.#wanted;
    if (reason === null || nowUs < this.#wantedAtUs) return null;
    this.#wanted = null;
    this.#attempts++;
    this.#settings.counters.resyncs++;
    const differs = reason === "digest" || reason === "check";
    const isFull = differs || this.#isStartingOver || this.#attempts >= FULL_ATTEMPT;
    this.#question = { nonce, reason, isFull, progressUs: nowUs };
    this.#assembly = null;
    this.#gapUs = this.#behindUs = this.#stallUs = Infinity;
    this.#isExpectingChunks = false;
    this.#askedUs = nowUs;
    return {
      kind: "resync",
      term: this.#settings.epoch.term,
      subsystem: this.subsystem,
      have: (isFull ? 0 : this.#have) as Version,
      nonce,
      reason,
      digest: differs ? this.copy.digest() : null,
      buckets: differs ? this.copy.buckets() : [],
    };
  }

  #answerUs(): number {
    if (this.#question === null) return Infinity;
    return this.#question.progressUs + Math.max(ANSWER_US, this.#pauseUs);
  }

  #want(nowUs: number, reason: ResyncReason): void {
    if (this.#question !== null && (this.#question.isFull || reason !== "digest")) return;
    if (this.#wanted !== null) {
      if (reason === "digest") this.#wanted = reason;
      return;
    }
    if (nowUs - this.#askedUs >= CALM_US + this.#pauseUs) {
      this.#attempts = 0;
      this.#pauseUs = RESYNC_PAUSE_US;
    } else if (this.#attempts >= LAST_ATTEMPT) {
      this.isLost = true;
      return;
    }
    this.#question = null;
    this.#wanted = reason;
    this.#wantedAtUs = Math.max(nowUs, this.#askedUs + this.#pauseUs);
    if (this.#attempts > 0) this.#pauseUs = Math.min(this.#pauseUs * 2, MAX_RESYNC_PAUSE_US);
  }

  #hold(nowUs: number, patch: PatchMessage): void {
    const { counters } = this.#settings;
    counters.gaps++;
    if (patch.version === patch.base || this.#held.some(({ version }) => version === patch.version)) {
      this.#noteBehind(nowUs);
      return;
    }
    if (this.#held.length === MAX_HELD) {
      // The newest are those that will be missed least: they come again in any answer.
      this.#held.shift();
      counters.gapsDropped++;
    }
    this.#held.push(patch);
    const isComing = this.#question !== null || this.#wanted !== null || this.#isExpectingChunks;
    if (!isComing && this.#gapUs === Infinity) this.#gapUs = nowUs + REORDER_US;
  }

  #apply(nowUs: number, patch: PatchMessage): void {
    this.#settings.counters.wrongEntries += this.#checked(
      nowUs,
      this.copy.applyPatch(patch.entries, patch.version),
    );
    this.#have = patch.version;
    this.#appliedUs = nowUs;
    this.#noteArrival(nowUs);
    if (patch.digest !== null) this.#compare(nowUs, patch.digest);
  }

  /** A book in which rows contradict one another is of no use, and no digest would tell so soon. */
  #checked(nowUs: number, wrong: number): number {
    if (wrong > 0 && this.copy instanceof BookCopy) this.#want(nowUs, "digest");
    return wrong;
  }

  #applyHeld(nowUs: number): void {
    for (let isMoving = true; isMoving && this.#held.length > 0;) {
      isMoving = false;
      for (let i = 0; i < this.#held.length; i++) {
        const patch = this.#held[i];
        if (patch === undefined || (patch.version > this.#have && patch.base > this.#have)) continue;
        this.#held.splice(i--, 1);
        isMoving = true;
        if (patch.version > this.#have) this.#apply(nowUs, patch);
      }
    }
  }

  #assemblyFor({ version, count, nonce }: ChunkMessage): Assembly | null {
    const { counters } = this.#settings;
    const old = this.#assembly;
    if (old !== null && old.nonce === nonce) {
      if (old.version === version && old.count === count) return old;
      if (version < old.version) return null;
      counters.snapshotsSpoiled++;
    }
    this.#assembly = { version, count, nonce, parts: new Map(), digest: null, entries: 0 };
    return this.#assembly;
  }

  #finish(nowUs: number, assembly: Assembly): boolean {
    const entries: WireEntry[] = [];
    for (let index = 0; index < assembly.count; index++) {
      for (const entry of assembly.parts.get(index) ?? []) entries.push(entry);
    }
    const { digest, version } = assembly;
    if (digest !== null && !(this.copy instanceof BookCopy)) {
      const whole = digestOf(entries);
      if (whole.high !== digest.high || whole.low !== digest.low) {
        this.#spoil(nowUs, "digest");
        return false;
      }
    }
    this.#replace(nowUs, entries, version);
    this.#afterSnapshot(nowUs, digest, version);
    return true;
  }

  #replace(nowUs: number, entries: readonly WireEntry[], version: number): void {
    const keepsAfter = this.#isStartingOver ? Infinity : version;
    this.#repaired = this.copy.applySnapshot(entries, version, keepsAfter);
    this.#settings.counters.snapshots++;
    this.#have = this.#isStartingOver ? version : Math.max(this.#have, version);
    this.#isStartingOver = false;
    this.#isExpectingChunks = false;
    this.#assembly = null;
    this.#question = null;
    this.#wanted = null;
    this.#stallUs = Infinity;
    this.#appliedUs = nowUs;
    this.#noteArrival(nowUs);
  }

  #afterSnapshot(nowUs: number, digest: Digest64 | null, version: number): void {
    if (digest !== null && version === this.#have) this.#compare(nowUs, digest);
    this.#applyHeld(nowUs);
    this.#noteProgress(nowUs);
  }

  #spoil(nowUs: number, reason: ResyncReason): void {
    this.#settings.counters.snapshotsSpoiled++;
    this.#assembly = null;
    this.#question = null;
    this.#stallUs = Infinity;
    // Still not complete: #planned is above what is here, or the copy is starting over.
    this.#isExpectingChunks = false;
    this.#want(nowUs, reason);
  }

  #compare(nowUs: number, theirs: Digest64): void {
    const { counters, events } = this.#settings;
    if (this.#question?.isFull === true) return;
    if (nowUs - this.#scrubbedUs >= SCRUB_US) {
      this.#scrubbedUs = nowUs;
      if (!this.copy.scrub()) counters.memoryErrors++;
    }
    const was = this.#digestState;
    if (this.copy.isEqual(theirs)) {
      counters.digestsEqual++;
      this.#digestState = "equal";
      this.#attempts = 0;
      if (was !== "different") return;
      counters.repairs++;
      events.push({ kind: "repaired", subsystem: this.subsystem, entries: this.#repaired });
      return;
    }
    counters.digestsDifferent++;
    this.#digestState = "different";
    if (was !== "different") {
      events.push({ kind: "differs", subsystem: this.subsystem, ours: this.copy.digest(), theirs });
    }
    this.#want(nowUs, "digest");
  }

  #startOver(): void {
    this.#isStartingOver = true;
    this.#have = 0;
    this.#held.length = 0;
  }

  #noteArrival(nowUs: number): void {
    this.isAckDue = true;
    this.arrivedUs = nowUs;
  }

  #noteProgress(nowUs: number): void {
    if (this.#held.length === 0) this.#gapUs = Infinity;
    else if (this.#gapUs === Infinity && this.#question === null && this.#wanted === null) {
      this.#gapUs = nowUs + REORDER_US;
    }
    if (this.#have >= this.#announced) {
      // Whatever was asked for because something was missing has come, by the answer or without it.
      if (this.#wanted === "gap" || this.#wanted === "behind") this.#wanted = null;
      if (this.#question !== null && !this.#question.isFull) this.#question = null;
    }
    this.#behindUs = Infinity;
    this.#noteBehind(nowUs);
    this.#noteComplete();
  }

  #noteBehind(nowUs: number): void {
    if (this.#have >= this.#announced) this.#behindUs = Infinity;
    else if (
      this.#behindUs === Infinity && this.#question === null && this.#wanted === null &&
      this.#assembly === null && !this.#isExpectingChunks
    ) this.#behindUs = nowUs + BEHIND_US;
  }

  #noteComplete(): void {
    if (this.#wasComplete || !this.isComplete) return;
    this.#wasComplete = true;
    const { events } = this.#settings;
    events.push({
      kind: "subsystem",
      subsystem: this.subsystem,
      name: this.#settings.nameOf(this.subsystem),
    });
  }
}
