// The displays of one node as members of groups: prepares what the host asks for, changes at the moment that it names,
// tells what each display shows.
// Decides whose word counts (the newest host's, and of its decisions the newest), and never shows what was not committed.
// Never draws: what is to be prepared and shown comes out of `poll`, how it went comes in.

import { HanaError, type NodeId } from "../../base/mod.ts";
import { compareEpochs, type StateEpoch } from "../model/mod.ts";
import { MAX_DISPLAYS, MAX_GROUPS, MAX_LEAD_US, MAX_SHOWN, REPORT_US } from "./bounds.ts";
import { compareDecisions, type Decision, type Edition, editionOf, isSameEdition } from "./edition.ts";
import type { DisplayGroup } from "./group.ts";
import {
  type AbortBody,
  type CommitBody,
  fitWhy,
  type PrepareBody,
  type PrepareReply,
  type ShownBody,
} from "./messages.ts";
import { readGroup } from "./reading.ts";
import type { SharedClock } from "./shared_clock.ts";

/** Something for the node or its program to do. */
export type MemberOutput =
  /** Answer the prepare message that was given this ticket. */
  | { readonly kind: "answer"; readonly ticket: number; readonly reply: PrepareReply }
  /** Get ready for this, and say so with `handlePrepared`. */
  | { readonly kind: "prepare"; readonly group: string; readonly picture: Picture }
  /** It will be shown at `dueUs` of our clock; `apply` follows then. */
  | { readonly kind: "commit"; readonly group: string; readonly picture: Picture; readonly dueUs: number }
  /** Show it now. */
  | { readonly kind: "apply"; readonly group: string; readonly picture: Picture; readonly dueUs: number }
  /** It will not be shown. */
  | { readonly kind: "drop"; readonly group: string; readonly edition: Edition }
  /** Tell the host. */
  | { readonly kind: "shown"; readonly to: NodeId; readonly body: ShownBody };

/** What is to be seen of a group on the displays of this node. */
export interface Picture {
  readonly edition: Edition;
  /** Null where the group was taken apart. */
  readonly group: DisplayGroup | null;
  /** The displays of this node that are in the group and available; it leaves all others. */
  readonly displays: readonly string[];
}

/** When a member wants `handleDeadline`, and for what. */
export interface MemberDeadline {
  readonly atUs: number;
  readonly reason: "apply" | "report";
}

/** What a member counts. */
export interface MemberCounters {
  prepares: number;
  refusals: number;
  commits: number;
  applied: number;
  /** Messages of a host that another one has followed. */
  olderHosts: number;
  /** Decisions that a newer one had followed already. */
  olderDecisions: number;
  /** Commits of what was not prepared here. */
  unprepared: number;
  /** Commits that came when their moment was over. */
  lateCommits: number;
  /** Commits without a shared clock, or of a moment that cannot be meant: shown at once. */
  untimed: number;
}

interface Prepared {
  decision: Decision;
  picture: Picture;
  isReady: boolean;
  readonly tickets: number[];
}

interface Pending {
  readonly decision: Decision;
  readonly picture: Picture;
  readonly dueUs: number;
}

interface Row {
  edition: Edition;
  /** On the clock of the host of `term`; null where that was not known. */
  appliedUs: number | null;
  term: number;
  failed: string | null;
  /** What it showed before. */
  former: Row | null;
}

interface Slot {
  prepared: Prepared | null;
  pending: Pending | null;
  /** The newest decision that was committed here. */
  decision: Decision | null;
  /** What the program was told to show last. */
  shown: Picture | null;
  /** By display. */
  readonly rows: Map<string, Row>;
}

/** The member. */
export class GroupMember {
  readonly counters: MemberCounters = {
    prepares: 0,
    refusals: 0,
    commits: 0,
    applied: 0,
    olderHosts: 0,
    olderDecisions: 0,
    unprepared: 0,
    lateCommits: 0,
    untimed: 0,
  };
  readonly #clock: SharedClock;
  readonly #slots = new Map<string, Slot>();
  /** Why each display is not available; null for one that is. */
  readonly #displays = new Map<string, string | null>();
  readonly #outputs: MemberOutput[] = [];
  #epoch: StateEpoch | null = null;
  /** Where reports go; null while nobody hosts. */
  #host: NodeId | null = null;
  #rttUs: number | null = null;
  #loss: number | null = null;
  #tickets = 0;
  #isReportDue = false;
  #reportUs = Infinity;
  #nowUs = 0;

  /** @param clock the host's time; somebody else asks for it (`shared_clock.ts`) */
  constructor(clock: SharedClock) {
    this.#clock = clock;
  }

  /** The node that hosts now, as far as is known; null for none. A newer one's word counts from now on. */
  handleHost(nowUs: number, epoch: StateEpoch | null): void {
    this.#nowUs = nowUs;
    if (epoch === null) this.#host = null;
    else if (this.#follows(epoch)) this.#host = epoch.hostId;
    this.#noteReport();
  }

  /** A display of this node; `why` it is not available, null where it is. False where there are too many. */
  handleDisplay(nowUs: number, display: string, why: string | null): boolean {
    this.#nowUs = nowUs;
    if (!this.#displays.has(display) && this.#displays.size >= MAX_DISPLAYS) return false;
    if (this.#displays.get(display) === why) return true;
    this.#displays.set(display, why);
    // A display that is off shows nothing, whatever it showed.
    if (why !== null) this.#forget(display);
    this.#noteReport();
    return true;
  }

  /** This node does not have the display any more. */
  handleDisplayGone(nowUs: number, display: string): void {
    this.#nowUs = nowUs;
    if (!this.#displays.delete(display)) return;
    this.#forget(display);
    this.#noteReport();
  }

  /** How good the connection to the host is: round trip in microseconds, lost share from 0 to 1. The next report has it. */
  handleQuality(rttUs: number | null, loss: number | null): void {
    this.#rttUs = rttUs === null ? null : Math.max(0, Math.round(rttUs));
    this.#loss = loss === null ? null : Math.min(Math.max(loss, 0), 1);
  }

  /** A prepare message. @returns the ticket under which its answer comes out of `poll`, now or later. */
  handlePrepare(nowUs: number, from: NodeId, body: PrepareBody): number {
    this.#nowUs = nowUs;
    this.counters.prepares++;
    const ticket = ++this.#tickets;
    const epoch: StateEpoch = { term: body.term, hostId: from };
    const refusal = this.#objection(epoch, body);
    if (typeof refusal === "string") {
      this.#refuse(ticket, refusal);
      return ticket;
    }
    this.#prepare(ticket, body.group, { epoch, order: body.order }, refusal);
    return ticket;
  }

  /** The program is ready for what `prepare` asked for, or `why` it cannot be. */
  handlePrepared(nowUs: number, group: string, edition: Edition, why: string | null): void {
    this.#nowUs = nowUs;
    const slot = this.#slots.get(group);
    const prepared = slot?.prepared ?? null;
    if (slot === undefined || prepared === null || prepared.isReady) return;
    if (!isSameEdition(prepared.picture.edition, edition)) return;
    if (why === null) prepared.isReady = true;
    else slot.prepared = null;
    for (const ticket of prepared.tickets) {
      if (why === null) this.#accept(ticket, slot, edition);
      else this.#refuse(ticket, why);
    }
    prepared.tickets.length = 0;
    this.#tidy(group);
  }

  /** A commit message. */
  handleCommit(nowUs: number, from: NodeId, body: CommitBody): void {
    this.#nowUs = nowUs;
    const { group, version, digest, atUs } = body;
    const edition = { version, digest };
    const decision: Decision = { epoch: { term: body.term, hostId: from }, order: body.order };
    const slot = this.#slots.get(group);
    if (!this.#follows(decision.epoch)) {
      this.counters.olderHosts++;
      return;
    }
    this.#host = from;
    // A second word about the same decision is a repetition, and the display may have gone off and on between them.
    if (slot?.decision !== null && slot !== undefined && compareDecisions(decision, slot.decision) < 0) {
      this.counters.olderDecisions++;
      return this.#noteReport();
    }
    const prepared = slot?.prepared ?? null;
    const isReady = prepared !== null && prepared.isReady && isSameEdition(prepared.picture.edition, edition);
    if (slot === undefined || prepared === null || !isReady) {
      // Shown already: there is nothing to do but to remember who says so.
      if (slot !== undefined && this.#isDecided(slot, edition)) slot.decision = decision;
      else this.counters.unprepared++;
      return this.#noteReport();
    }
    this.counters.commits++;
    slot.prepared = null;
    slot.decision = decision;
    const { picture } = prepared;
    if (slot.pending !== null && isSameEdition(slot.pending.picture.edition, edition)) {
      return this.#noteReport();
    }
    if (this.#showsAll(slot, picture)) {
      slot.pending = null;
      return this.#noteReport();
    }
    const dueUs = this.#dueUs(nowUs, atUs);
    slot.pending = { decision, picture, dueUs };
    this.#outputs.push({ kind: "commit", group, picture, dueUs });
    if (dueUs <= nowUs) this.#apply(nowUs, group, slot, slot.pending);
  }

  /** An abort message. */
  handleAbort(nowUs: number, from: NodeId, body: AbortBody): void {
    this.#nowUs = nowUs;
    const { group, version, digest, term, order } = body;
    const slot = this.#slots.get(group);
    const prepared = slot?.prepared ?? null;
    if (slot === undefined || prepared === null) return;
    const decision: Decision = { epoch: { term, hostId: from }, order };
    if (!isSameEdition(prepared.picture.edition, { version, digest })) return;
    // Another host, or this one at its next attempt, may have asked for the same since.
    if (compareDecisions(decision, prepared.decision) !== 0) return;
    this.#supersede(group, slot, "the group does not change");
    this.#tidy(group);
  }

  /** The program could not show what it was told to on a display, which shows what it did before. */
  handleFailed(nowUs: number, group: string, display: string, why: string): void {
    this.#nowUs = nowUs;
    const slot = this.#slots.get(group);
    const row = slot?.rows.get(display);
    if (slot === undefined || row === undefined) return;
    if (row.former === null) slot.rows.delete(display);
    else slot.rows.set(display, { ...row.former, failed: fitWhy(why), former: null });
    this.#noteReport();
    this.#tidy(group);
  }

  /** When exactly a display changed, on our clock, where the program knows better than when it was told to. */
  handleApplied(nowUs: number, group: string, display: string, edition: Edition, appliedUs: number): void {
    this.#nowUs = nowUs;
    const row = this.#slots.get(group)?.rows.get(display);
    if (row === undefined || !isSameEdition(row.edition, edition)) return;
    row.appliedUs = this.#clock.toShared(nowUs, appliedUs);
    row.term = this.#epoch?.term ?? 0;
    this.#noteReport();
  }

  /** The time of `deadline` has come. */
  handleDeadline(nowUs: number): void {
    this.#nowUs = nowUs;
    for (const [group, slot] of this.#slots) {
      if (slot.pending !== null && nowUs >= slot.pending.dueUs) this.#apply(nowUs, group, slot, slot.pending);
    }
    if (nowUs >= this.#reportUs) this.#noteReport();
  }

  /** When it wants `handleDeadline` and then `poll`; null for never. */
  deadline(): MemberDeadline | null {
    let [atUs, reason]: [number, MemberDeadline["reason"]] = [this.#reportUs, "report"];
    for (const { pending } of this.#slots.values()) {
      if (pending !== null && pending.dueUs < atUs) [atUs, reason] = [pending.dueUs, "apply"];
    }
    return atUs === Infinity ? null : { atUs, reason };
  }

  /** The next thing to do; null for none. Call it after every other call until then. */
  poll(): MemberOutput | null {
    const output = this.#outputs.shift();
    if (output !== undefined) return output;
    if (!this.#isReportDue) return null;
    this.#isReportDue = false;
    if (this.#host === null || this.#displays.size === 0) {
      this.#reportUs = Infinity;
      return null;
    }
    this.#reportUs = this.#nowUs + REPORT_US;
    return { kind: "shown", to: this.#host, body: this.#report() };
  }

  /** What a display shows of a group; null for nothing. */
  shownOn(group: string, display: string): Edition | null {
    return this.#slots.get(group)?.rows.get(display)?.edition ?? null;
  }

  /** Whether an epoch is the newest known; it is from now on. */
  #follows(epoch: StateEpoch): boolean {
    const order = this.#epoch === null ? 1 : compareEpochs(epoch, this.#epoch);
    if (order < 0) return false;
    if (order > 0) this.#epoch = epoch;
    return true;
  }

  /** Why what is asked cannot be prepared, or what it is. */
  #objection(epoch: StateEpoch, body: PrepareBody): string | Picture {
    const { group: id, version, digest, value, displays } = body;
    if (!this.#follows(epoch)) {
      this.counters.olderHosts++;
      return "another host has followed this one";
    }
    this.#host = epoch.hostId;
    const slot = this.#slots.get(id);
    if (slot === undefined && this.#slots.size >= MAX_GROUPS) {
      return `this node shows ${MAX_GROUPS} groups already`;
    }
    if (slot?.decision !== null && slot !== undefined) {
      if (compareDecisions({ epoch, order: body.order }, slot.decision) < 0) {
        this.counters.olderDecisions++;
        return "a later decision has been committed here";
      }
    }
    const edition = { version, digest };
    const unknown = displays.find((display) => !this.#displays.has(display));
    if (unknown !== undefined && displays.every((display) => !this.#displays.has(display))) {
      return `this node has no display ${unknown}`;
    }
    if (value === null) return { edition, group: null, displays: [] };
    let group: DisplayGroup;
    try {
      group = readGroup(id, value);
    } catch (error) {
      if (error instanceof HanaError) return error.message;
      throw error;
    }
    if (!isSameEdition(editionOf(group), edition)) return "its contents are not those of its digest";
    const available = displays.filter((display) => this.#displays.get(display) === null);
    if (available.length < displays.length && (group.strict || available.length === 0)) {
      const off = displays.find((display) => this.#displays.get(display) !== null) ?? "";
      return `${off} is not available: ${this.#displays.get(off) ?? "this node has no such display"}`;
    }
    if (this.#rowCount(id) + available.length > MAX_SHOWN) return "this node has too many displays in groups";
    return { edition, group, displays: available };
  }

  #prepare(ticket: number, id: string, decision: Decision, picture: Picture): void {
    let slot = this.#slots.get(id);
    if (slot === undefined) {
      this.#slots.set(
        id,
        slot = { prepared: null, pending: null, decision: null, shown: null, rows: new Map() },
      );
    }
    const before = slot.prepared;
    const isSame = before !== null && isSameEdition(before.picture.edition, picture.edition) &&
      isSameList(before.picture.displays, picture.displays);
    if (before !== null && isSame) {
      before.decision = decision;
      if (before.isReady) this.#accept(ticket, slot, picture.edition);
      else before.tickets.push(ticket);
      return;
    }
    if (before !== null) this.#supersede(id, slot, "a newer version is prepared");
    // What is on the wall, or about to be, needs no preparation; nor does leaving.
    const isPending = slot.pending !== null && isSameEdition(slot.pending.picture.edition, picture.edition);
    const isReady = isPending || this.#showsAll(slot, picture) || picture.displays.length === 0;
    slot.prepared = { decision, picture, isReady, tickets: isReady ? [] : [ticket] };
    if (isReady) this.#accept(ticket, slot, picture.edition);
    else this.#outputs.push({ kind: "prepare", group: id, picture });
  }

  #supersede(group: string, slot: Slot, why: string): void {
    const { prepared } = slot;
    if (prepared === null) return;
    slot.prepared = null;
    for (const ticket of prepared.tickets) this.#refuse(ticket, why);
    const { edition } = prepared.picture;
    if (!this.#isDecided(slot, edition)) this.#outputs.push({ kind: "drop", group, edition });
  }

  #accept(ticket: number, slot: Slot, edition: Edition): void {
    const uncertaintyUs = this.#clock.uncertaintyUs(this.#nowUs);
    const reply = { ready: true, why: null, decided: this.#isDecided(slot, edition), uncertaintyUs };
    this.#outputs.push({ kind: "answer", ticket, reply });
  }

  #refuse(ticket: number, why: string): void {
    this.counters.refusals++;
    const uncertaintyUs = this.#clock.uncertaintyUs(this.#nowUs);
    const reply = { ready: false, why: fitWhy(why), decided: false, uncertaintyUs };
    this.#outputs.push({ kind: "answer", ticket, reply });
  }

  /** Whether a host has committed this edition here. */
  #isDecided({ pending, rows }: Slot, edition: Edition): boolean {
    if (pending !== null) return isSameEdition(pending.picture.edition, edition);
    for (const row of rows.values()) if (isSameEdition(row.edition, edition)) return true;
    return false;
  }

  #showsAll({ rows, pending }: Slot, { edition, displays }: Picture): boolean {
    if (pending !== null || rows.size !== displays.length) return false;
    return displays.every((display) => isSameEdition(rows.get(display)?.edition ?? null, edition));
  }

  /** When to change, on our clock. */
  #dueUs(nowUs: number, atUs: number): number {
    if (atUs === 0) return nowUs;
    const dueUs = this.#clock.toOwn(nowUs, atUs);
    if (dueUs === null || dueUs > nowUs + 2 * MAX_LEAD_US) {
      this.counters.untimed++;
      return nowUs;
    }
    if (dueUs < nowUs) this.counters.lateCommits++;
    return Math.max(dueUs, nowUs);
  }

  #apply(nowUs: number, group: string, slot: Slot, { picture, dueUs }: Pending): void {
    slot.pending = null;
    this.counters.applied++;
    const { edition } = picture;
    // One that went off between the commit and its moment shows nothing.
    const displays = picture.displays.filter((display) => this.#displays.get(display) === null);
    slot.shown = { ...picture, displays };
    this.#outputs.push({ kind: "apply", group, picture: slot.shown, dueUs });
    for (const display of slot.rows.keys()) if (!displays.includes(display)) slot.rows.delete(display);
    const appliedUs = this.#clock.toShared(nowUs, nowUs);
    const term = this.#epoch?.term ?? 0;
    for (const display of displays) {
      const former = slot.rows.get(display) ?? null;
      if (former !== null && isSameEdition(former.edition, edition)) continue;
      if (former !== null) former.former = null;
      slot.rows.set(display, { edition, appliedUs, term, failed: null, former });
    }
    this.#noteReport();
    this.#tidy(group);
  }

  /** A display shows nothing any more, and its program is told so: what comes back would be what was seen long ago. */
  #forget(display: string): void {
    for (const [group, slot] of this.#slots) {
      slot.rows.delete(display);
      const { shown } = slot;
      if (shown === null || !shown.displays.includes(display)) continue;
      slot.shown = { ...shown, displays: shown.displays.filter((other) => other !== display) };
      this.#outputs.push({ kind: "apply", group, picture: slot.shown, dueUs: this.#nowUs });
      this.#tidy(group);
    }
  }

  /** Forgets a group of which nothing is left here. */
  #tidy(group: string): void {
    const slot = this.#slots.get(group);
    if (slot !== undefined && slot.prepared === null && slot.pending === null && slot.rows.size === 0) {
      this.#slots.delete(group);
    }
  }

  #rowCount(except: string): number {
    let count = 0;
    for (const [group, { rows }] of this.#slots) if (group !== except) count += rows.size;
    return count;
  }

  #noteReport(): void {
    this.#isReportDue = true;
  }

  #report(): ShownBody {
    const term = this.#epoch?.term ?? 0;
    const shown: ShownBody["shown"] = [];
    for (const [group, { rows }] of this.#slots) {
      for (const [display, { edition, appliedUs, term: when, failed }] of rows) {
        shown.push({ group, display, ...edition, appliedUs: when === term ? appliedUs : null, failed });
      }
    }
    return {
      term,
      uncertaintyUs: this.#clock.uncertaintyUs(this.#nowUs),
      rttUs: this.#rttUs ?? this.#clock.rttUs,
      loss: this.#loss,
      displays: [...this.#displays].map(([display, why]) => ({
        display,
        available: why === null,
        why: why === null ? null : fitWhy(why),
      })),
      shown,
    };
  }
}

function isSameList(a: readonly string[], b: readonly string[]): boolean {
  return a.length === b.length && a.every((item, at) => item === b[at]);
}
