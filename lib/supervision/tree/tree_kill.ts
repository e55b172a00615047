// The end of a program's whole process tree: asked, then forced, then proven empty or named.
// Decides who is signalled when, and what counts as proof (research, section 1.8); stops nobody that started before the
// tree, nor the shim, nor the first process. Never scans or signals itself: the shim does what the effects say.

import type { ProcessFacts, ProcessIdentity } from "../../platform/mod.ts";
import type { TreeEffect, TreeKillOptions, TreeKillStats, TreeMode, TreePhase } from "./effects.ts";

/** From SIGTERM to SIGKILL of the group. */
export const TERMINATE_US = 1_000_000;
/** How long a sweep goes on before it names survivors. */
export const SWEEP_US = 3_000_000;
/** How long everything after the grace takes at most. */
export const FORCE_US = TERMINATE_US + SWEEP_US;
/** Members that one scan deals with. */
export const MAX_SCAN_MEMBERS = 4_096;
/** The first pause between two scans of a sweep: the system needs a moment to end what was killed. */
const FIRST_PAUSE_US = 1_000;
/** Pauses double up to this. */
const LONGEST_PAUSE_US = 50_000;

/** As much of a short name as patterns see: the time of a match stays bounded. */
const MAX_MATCHED_NAME = 64;

/** Ends one tree: the one of a run; the next run has its own. */
export class TreeKill {
  readonly #options: TreeKillOptions;
  readonly #keep: readonly RegExp[];
  #phase: TreePhase = "idle";
  /** The grace or the time after SIGTERM is over; while sweeping: the end of the sweep. */
  #limitUs = 0;
  #nextScanUs: number | null = null;
  #pauseUs = FIRST_PAUSE_US;
  #awaitsScan = false;
  #rounds = 0;
  /** Descendants alone no longer prove anything: the mark is asked as well. */
  #wide: boolean;
  /** Who was found by the scan before. */
  #known: ReadonlySet<number> = new Set();
  #leaderGone: boolean;
  /** Those found by the next scan are asked one by one. */
  #asksEach = false;
  #survivors: readonly ProcessFacts[] = [];
  #spared: readonly ProcessIdentity[] = [];
  readonly #stats = { scans: 0, truncated: 0, strangers: 0, kept: 0, killed: 0 };

  constructor(options: TreeKillOptions) {
    this.#options = options;
    this.#keep = options.keepChildren.map((pattern) => new RegExp(pattern, "u"));
    this.#leaderGone = options.leader === null;
    this.#wide = !options.adopts || options.leader === null;
  }

  get phase(): TreePhase {
    return this.#phase;
  }
  get stats(): TreeKillStats {
    return this.#stats;
  }
  /** Who could not be ended, with what they wait in; empty unless in `survivors`. */
  get survivors(): readonly ProcessFacts[] {
    return this.#survivors;
  }

  /** These processes and all that descend from them are left alone: a safe look that runs beside the program. */
  spare(processes: readonly ProcessIdentity[]): void {
    this.#spared = processes;
  }

  /** Whether anybody of the tree lives among those found, `spared` ones and those that may live on aside. */
  livesOn(found: readonly ProcessFacts[], spared: readonly ProcessIdentity[]): boolean {
    this.#spared = spared;
    return this.#members(found).length > 0;
  }

  /** Begins, or goes on harder; a milder mode than the one under way changes nothing. */
  begin(nowUs: number, mode: TreeMode): readonly TreeEffect[] {
    switch (mode) {
      case "stop":
        if (this.#phase !== "idle") return [];
        if (this.#leaderGone) return this.#sweep(nowUs);
        this.#phase = "grace";
        this.#limitUs = nowUs + this.#options.graceUs;
        return [{ do: "ask" }];
      case "now":
        if (this.#phase !== "idle" && this.#phase !== "grace") return [];
        if (this.#leaderGone) return this.#sweep(nowUs);
        return this.#terminate(nowUs);
      case "sweep":
        // The others of a group whose leader went heard SIGTERM with it: they keep the rest of their second.
        if (this.#phase === "terminating" && this.#leaderGone) return [];
        return this.#phase === "sweeping" ? [] : this.#sweep(nowUs);
    }
  }

  /** The leader has ended. Safe in every phase; what is left of the tree is swept if an end is under way. */
  handleExit(nowUs: number): readonly TreeEffect[] {
    this.#leaderGone = true;
    switch (this.#phase) {
      case "grace":
        return this.#sweep(nowUs);
      case "terminating":
        // Others of the group heard SIGTERM in the same instant: they have their second, but nobody waits longer than needed.
        this.#pauseUs = FIRST_PAUSE_US;
        return [this.#scan()];
      default:
        return [];
    }
  }

  /** Takes what a scan found, zombies and strangers included. */
  handleScan(nowUs: number, found: readonly ProcessFacts[]): readonly TreeEffect[] {
    if (!this.#awaitsScan) return [];
    this.#awaitsScan = false;
    this.#stats.scans++;
    this.#rounds++;
    const members = this.#members(found);
    if (members.length === 0) return this.#proved();
    this.#wide = true;
    this.#pause(nowUs, members);
    if (this.#phase === "terminating") {
      const isAsking = this.#asksEach;
      this.#asksEach = false;
      return isAsking ? [{ do: "signal", signal: "SIGTERM", members }] : [];
    }
    this.#stats.killed += members.length;
    // Stopped first, so that nobody of them starts another one while the others are being ended.
    const effects: TreeEffect[] = [
      { do: "signal", signal: "SIGSTOP", members },
      { do: "signal", signal: "SIGKILL", members },
    ];
    if (nowUs >= this.#limitUs) effects.push(this.#giveUp(members));
    return effects;
  }

  /** Lets what is due happen: the end of a grace, the next scan. */
  handleDeadline(nowUs: number): readonly TreeEffect[] {
    switch (this.#phase) {
      case "grace":
        return nowUs < this.#limitUs ? [] : this.#terminate(nowUs);
      case "terminating":
        if (nowUs < this.#limitUs) break;
        return this.#mayHitGroup
          ? [{ do: "signal-group", signal: "SIGKILL" }, ...this.#sweep(nowUs)]
          : this.#sweep(nowUs);
      case "sweeping":
        break;
      default:
        return [];
    }
    return this.#nextScanUs !== null && nowUs >= this.#nextScanUs ? [this.#scan()] : [];
  }

  /** When {@linkcode handleDeadline} is due next, and why. */
  deadline(): { readonly atUs: number; readonly reason: string } | null {
    switch (this.#phase) {
      case "grace":
        return { atUs: this.#limitUs, reason: "grace" };
      case "terminating":
        return this.#nextScanUs !== null && this.#nextScanUs < this.#limitUs
          ? { atUs: this.#nextScanUs, reason: "scan" }
          : { atUs: this.#limitUs, reason: "terminate" };
      case "sweeping":
        return this.#nextScanUs === null ? null : { atUs: this.#nextScanUs, reason: "scan" };
      default:
        return null;
    }
  }

  #terminate(nowUs: number): readonly TreeEffect[] {
    this.#phase = "terminating";
    this.#wide = true;
    this.#limitUs = nowUs + TERMINATE_US;
    this.#nextScanUs = null;
    if (this.#mayHitGroup) return [{ do: "signal-group", signal: "SIGTERM" }];
    this.#asksEach = true;
    return [this.#scan()];
  }

  /**
   * A group is named by its leader's number alone: once the leader is gone it may be somebody else's. And whoever may live
   * on can be in the group as well.
   */
  get #mayHitGroup(): boolean {
    return !this.#leaderGone && this.#keep.length === 0;
  }

  #sweep(nowUs: number): readonly TreeEffect[] {
    // Survivors are looked at once each time, not hunted for ever: their wait is in the kernel.
    this.#limitUs = this.#phase === "survivors" ? nowUs : nowUs + SWEEP_US;
    this.#phase = "sweeping";
    this.#survivors = [];
    this.#rounds = 0;
    this.#pauseUs = FIRST_PAUSE_US;
    return [this.#scan()];
  }

  #scan(): TreeEffect {
    this.#awaitsScan = true;
    this.#nextScanUs = null;
    return { do: "scan", wide: this.#wide };
  }

  /** When to look again: soon while new ones appear, later while those that were killed take their time. */
  #pause(nowUs: number, members: readonly ProcessFacts[]): void {
    const known = new Set<number>();
    let grew = false;
    for (const { processId } of members) {
      known.add(processId);
      if (!this.#known.has(processId)) grew = true;
    }
    this.#pauseUs = grew ? FIRST_PAUSE_US : Math.min(this.#pauseUs * 2, LONGEST_PAUSE_US);
    this.#known = known;
    this.#nextScanUs = nowUs + this.#pauseUs;
  }

  #proved(): readonly TreeEffect[] {
    const rounds = this.#rounds;
    this.#phase = "idle";
    this.#nextScanUs = null;
    this.#leaderGone = true;
    return [{ do: "empty", rounds }];
  }

  #giveUp(members: readonly ProcessFacts[]): TreeEffect {
    this.#phase = "survivors";
    this.#nextScanUs = null;
    this.#survivors = members;
    return { do: "survivors", members };
  }

  /** Who of those found is alive, of this tree, and to be ended; the first {@linkcode MAX_SCAN_MEMBERS} of them. */
  #members(found: readonly ProcessFacts[]): ProcessFacts[] {
    const spared = this.#sparedIds(found);
    const members: ProcessFacts[] = [];
    const seen = new Set<number>();
    for (const facts of found) {
      if (facts.state === "zombie" || seen.has(facts.processId) || spared.has(facts.processId)) continue;
      seen.add(facts.processId);
      if (!this.#belongs(facts)) this.#stats.strangers++;
      else if (this.#mayLive(facts)) this.#stats.kept++;
      else if (members.length < MAX_SCAN_MEMBERS) members.push(facts);
      else this.#stats.truncated++;
    }
    return members;
  }

  /** Started no earlier than the tree, and neither the shim nor the first process: numbers are used again (winsw #123). */
  #belongs(facts: ProcessFacts): boolean {
    return facts.processId > 1 && facts.processId !== this.#options.self.processId &&
      facts.startedAt >= this.#options.notBefore;
  }

  #mayLive(facts: ProcessFacts): boolean {
    if (facts.processId === this.#options.leader?.processId) return false;
    const name = facts.name.slice(0, MAX_MATCHED_NAME);
    for (const pattern of this.#keep) if (pattern.test(name)) return true;
    return false;
  }

  /** The spared processes, as far as they are still the same ones, and their descendants among those found. */
  #sparedIds(found: readonly ProcessFacts[]): ReadonlySet<number> {
    const spared = new Set<number>();
    if (this.#spared.length === 0) return spared;
    for (const { processId, startedAt } of this.#spared) {
      const facts = found.find((one) => one.processId === processId);
      if (facts === undefined || facts.startedAt === startedAt) spared.add(processId);
    }
    // A wide scan has no order, so it is gone through until nothing new is found.
    for (let before = -1; before !== spared.size;) {
      before = spared.size;
      for (const facts of found) if (spared.has(facts.parentId)) spared.add(facts.processId);
    }
    return spared;
  }
}
