// How one group gets from a version in the state to the picture on the wall.
// Decides what each of its nodes is asked and told and when, which displays are late, and what its status says.
// Never decides what a group is (reading.ts) nor whether a node can be reached.
//
// A version is proposed (proposal.ts); once it is decided, everybody who does not show it is brought to it one by one:
// asked again, then told. So whoever was away, restarted or lost a message needs no case of its own.

import type { NodeId } from "../../base/mod.ts";
import type { StateEpoch } from "../model/mod.ts";
import {
  ANSWER_US,
  LATE_US,
  MAX_LEAD_US,
  MAX_RETRY_US,
  MIN_LEAD_US,
  RETRY_US,
  SILENCE_US,
} from "./bounds.ts";
import type { BoundedQueue, DeskMessage, GroupEvent } from "./desk_events.ts";
import { type Edition, editionOf, isSameEdition, nothingAfter } from "./edition.ts";
import type { DisplayGroup } from "./group.ts";
import { fitWhy, type PrepareReply } from "./messages.ts";
import { displaysByNode, Proposal, type Standing, type Vote } from "./proposal.ts";
import type { ReportBook } from "./reports.ts";
import type { DisplayStanding, DisplayState, GroupStatus, Phase } from "./status.ts";

/** What is around a course. */
export interface CourseSurroundings {
  readonly epoch: StateEpoch;
  readonly reports: ReportBook;
  readonly messages: BoundedQueue<DeskMessage>;
  readonly events: BoundedQueue<GroupEvent>;
  /** The number of the desk's next decision. */
  nextOrder(): number;
}

/** A node on its way to the version that was decided. */
interface Escort {
  stage: "idle" | "asked" | "ready" | "told" | "refused";
  why: string | null;
  /** When the stage has lasted long enough, in microseconds. */
  nextUs: number;
  pauseUs: number;
}

/** A version that was decided. */
interface Committed extends Standing {
  /** When displays change, on this clock; 0 for each at once. */
  readonly atUs: number;
  /** When the display should show it at the latest. */
  readonly dueUs: number;
  /** The displays that change together. */
  readonly together: ReadonlyMap<string, NodeId>;
  isTold: boolean;
}

/** A display as the status says it, and since when it does not show what it should. */
interface Seat {
  standing: DisplayStanding;
  amissUs: number;
}

/** One group. */
export class GroupCourse {
  readonly id: string;
  readonly #around: CourseSurroundings;
  #wanted: Standing | null = null;
  /** Why what stands in the state is no group. */
  #invalid: string | null = null;
  #proposal: Proposal | null = null;
  /** The proposal was turned down; it is tried again at this time. */
  #abortedUntilUs: number | null = null;
  #abortPauseUs = RETRY_US;
  #committed: Committed | null = null;
  readonly #escorts = new Map<NodeId, Escort>();
  readonly #seats = new Map<string, Seat>();
  #status: GroupStatus | null = null;
  #statusText = "";
  #deadlineUs = Infinity;

  constructor(id: string, around: CourseSurroundings) {
    this.id = id;
    this.#around = around;
  }

  /** Whether the group is gone, and nobody who can be reached shows it any more. */
  get isOver(): boolean {
    if (this.#wanted === null || this.#wanted.group !== null || this.#proposal !== null) return false;
    const { reports } = this.#around;
    for (const node of reports.showing(this.id)) if (reports.isReachable(node)) return false;
    return true;
  }

  /** What the status says now; null for a group that is gone. */
  get status(): GroupStatus | null {
    return this.#wanted?.group === null ? null : this.#status;
  }

  /** When {@linkcode step} has something to do, in microseconds. */
  get deadlineUs(): number {
    return this.#deadlineUs;
  }

  /** The version that was decided last; null where none was. */
  get committed(): Standing | null {
    return this.#committed;
  }

  /** The group as it stands in the state now; null where it was taken out. */
  handleGroup(nowUs: number, group: DisplayGroup | null): void {
    const edition = group === null
      ? nothingAfter(this.#wanted?.edition ?? this.#committed?.edition ?? null)
      : editionOf(group);
    this.#invalid = null;
    if (this.#wanted !== null) {
      const isGone = group === null && this.#wanted.group === null;
      if (isGone || (group !== null && isSameEdition(edition, this.#wanted.edition))) return;
    }
    this.#wanted = { edition, group, order: this.#around.nextOrder() };
    this.#abortPauseUs = RETRY_US;
    this.#propose(nowUs, this.#wanted);
  }

  /** What stands in the state is no group. Displays keep what they show. */
  handleInvalid(why: string): void {
    this.#invalid = why;
    this.#around.events.push({ kind: "invalid", group: this.id, why });
  }

  /** What a node answered to being asked to prepare; null: nothing, for the reason `why`. */
  handleAnswer(nowUs: number, node: NodeId, order: number, reply: PrepareReply | null, why: string): void {
    const proposal = this.#proposal;
    if (proposal !== null && proposal.order === order && this.#abortedUntilUs === null) {
      const vote = proposal.handleAnswer(nowUs, node, reply, why);
      if (vote?.state === "refused") this.#noteRefused(vote.node, proposal.edition, vote.why ?? why);
      return;
    }
    const escort = this.#escorts.get(node);
    if (this.#committed?.order !== order || escort?.stage !== "asked") return;
    if (reply?.ready === true) {
      escort.stage = "ready";
      escort.why = null;
      return;
    }
    const reason = reply?.why ?? why;
    if (escort.why !== reason) this.#noteRefused(node, this.#committed.edition, reason);
    escort.stage = "refused";
    escort.why = reason;
    this.#postpone(nowUs, escort);
  }

  /** A node can be reached again: who waits for it need not wait longer. */
  handleReachable(nowUs: number, node: NodeId): void {
    const vote = this.#proposal?.votes.get(node);
    if (this.#abortedUntilUs !== null && vote?.state === "missing") this.#abortedUntilUs = nowUs;
    const escort = this.#escorts.get(node);
    if (escort === undefined) return;
    escort.pauseUs = RETRY_US;
    escort.nextUs = nowUs;
    if (escort.stage === "asked" || escort.stage === "told") escort.stage = "idle";
  }

  /** Does what is due, after anything has changed. @returns whether the status is another one. */
  step(nowUs: number): boolean {
    this.#deadlineUs = Infinity;
    this.#stepProposal(nowUs);
    if (this.#proposal === null || this.#abortedUntilUs !== null) this.#stepEscorts(nowUs);
    this.#tellCommitted(nowUs);
    return this.#stepStatus(nowUs);
  }

  #wake(atUs: number): void {
    this.#deadlineUs = Math.min(this.#deadlineUs, atUs);
  }

  #propose(nowUs: number, standing: Standing): void {
    this.#abortedUntilUs = null;
    const { reports } = this.#around;
    const concerned = new Set([
      ...displaysByNode(this.#committed?.group ?? null).keys(),
      ...reports.showing(this.id),
    ]);
    this.#proposal = new Proposal(nowUs, standing, concerned);
  }

  #stepProposal(nowUs: number): void {
    if (this.#abortedUntilUs !== null && this.#proposal !== null) {
      if (nowUs < this.#abortedUntilUs) return this.#wake(this.#abortedUntilUs);
      // A new decision: what nodes were told about the last one is over.
      this.#propose(nowUs, { ...this.#proposal, order: this.#around.nextOrder() });
    }
    const proposal = this.#proposal;
    if (proposal === null) return;
    if (!proposal.isFree) {
      for (const vote of proposal.pollQuestions(nowUs, (node) => this.#around.reports.isReachable(node))) {
        this.#ask(vote.node, proposal, vote.displays);
      }
    }
    switch (proposal.judge(nowUs)) {
      case "wait":
        return this.#wake(proposal.untilUs);
      case "abort":
        return this.#abort(nowUs, proposal);
      case "commit":
        return this.#commit(nowUs, proposal);
    }
  }

  #abort(nowUs: number, proposal: Proposal): void {
    this.#abortedUntilUs = nowUs + this.#abortPauseUs;
    this.#abortPauseUs = Math.min(this.#abortPauseUs * 2, MAX_RETRY_US);
    this.#wake(this.#abortedUntilUs);
    const { edition, order } = proposal;
    const { term } = this.#around.epoch;
    for (const { node, state } of proposal.votes.values()) {
      if (state !== "ready" && state !== "silent") continue;
      this.#around.messages.push({ kind: "abort", node, body: { term, order, group: this.id, ...edition } });
    }
    const why = proposal.objections();
    this.#around.events.push({ kind: "aborted", group: this.id, version: edition.version, why });
  }

  #commit(nowUs: number, proposal: Proposal): void {
    this.#proposal = null;
    this.#abortPauseUs = RETRY_US;
    const { edition, group, order } = proposal;
    const together = new Map<string, NodeId>();
    let slowestUs = 0;
    for (const vote of proposal.votes.values()) {
      if (vote.state !== "ready") continue;
      slowestUs = Math.max(slowestUs, this.#roundTripOf(vote));
      for (const display of vote.displays) together.set(display, vote.node);
    }
    const isAtOnce = proposal.isFree || together.size === 0;
    const leadUs = Math.min(MIN_LEAD_US + slowestUs, MAX_LEAD_US);
    const atUs = isAtOnce ? 0 : nowUs + leadUs;
    const dueUs = isAtOnce ? nowUs : atUs;
    this.#committed = { edition, group, order, atUs, dueUs, together, isTold: together.size === 0 };
    this.#escorts.clear();
    for (const vote of proposal.votes.values()) {
      const stage = vote.state === "ready" ? "ready" : vote.state === "refused" ? "refused" : "idle";
      // Who was missing or was not asked need not wait for its turn.
      const isWaiting = vote.state === "refused" || vote.state === "silent";
      const nextUs = isWaiting ? nowUs + RETRY_US : nowUs;
      this.#escorts.set(vote.node, { stage, why: vote.why, nextUs, pauseUs: RETRY_US });
    }
  }

  /** Brings everybody to the version that was decided. */
  #stepEscorts(nowUs: number): void {
    const committed = this.#committed;
    if (committed === null) return;
    const { reports } = this.#around;
    const displays = displaysByNode(committed.group);
    for (const node of new Set([...displays.keys(), ...reports.showing(this.id), ...this.#escorts.keys()])) {
      let escort = this.#escorts.get(node);
      if (escort === undefined) {
        this.#escorts.set(node, escort = { stage: "idle", why: null, nextUs: nowUs, pauseUs: RETRY_US });
      }
      if (!reports.isReachable(node)) {
        if (escort.stage !== "refused") escort.stage = "idle";
        escort.nextUs = nowUs;
        continue;
      }
      const own = displays.get(node) ?? [];
      // Its part in a decision is not over before it was told, even where it shows what it should.
      if (escort.stage !== "ready" && this.#showsExactly(nowUs, node, own, committed.edition)) {
        escort.stage = "idle";
        escort.why = null;
        escort.pauseUs = RETRY_US;
        escort.nextUs = nowUs;
        this.#wake((reports.of(node)?.heardUs ?? nowUs) + SILENCE_US);
        continue;
      }
      if (own.length === 0 && reports.rowsOf(node, this.id).size === 0 && escort.stage !== "ready") {
        this.#escorts.delete(node);
        continue;
      }
      this.#stepEscort(nowUs, node, escort, committed, own);
    }
  }

  #stepEscort(
    nowUs: number,
    node: NodeId,
    escort: Escort,
    committed: Committed,
    displays: readonly string[],
  ): void {
    if (escort.stage === "ready") {
      const { edition, order } = committed;
      // Who comes late changes at once.
      const atUs = committed.atUs > nowUs ? committed.atUs : 0;
      const body = { term: this.#around.epoch.term, order, group: this.id, ...edition, atUs };
      this.#around.messages.push({ kind: "commit", node, body });
      escort.stage = "told";
      escort.nextUs = Math.max(nowUs, committed.atUs) + LATE_US;
    } else if (nowUs >= escort.nextUs) {
      if (escort.stage === "asked") escort.why = "its node did not answer in time";
      this.#ask(node, committed, displays);
      escort.stage = "asked";
      escort.nextUs = nowUs + Math.max(ANSWER_US, escort.pauseUs);
      escort.pauseUs = Math.min(escort.pauseUs * 2, MAX_RETRY_US);
    }
    this.#wake(escort.nextUs);
  }

  #postpone(nowUs: number, escort: Escort): void {
    escort.nextUs = nowUs + escort.pauseUs;
    escort.pauseUs = Math.min(escort.pauseUs * 2, MAX_RETRY_US);
  }

  #ask(node: NodeId, { edition, group, order }: Standing, displays: readonly string[]): void {
    const { term } = this.#around.epoch;
    const body = { term, order, group: this.id, ...edition, value: group, displays: [...displays] };
    this.#around.messages.push({ kind: "prepare", node, body });
  }

  /** Whether a node shows this edition on those of its displays that are in the group, and nothing on others. */
  #showsExactly(nowUs: number, node: NodeId, displays: readonly string[], edition: Edition): boolean {
    const { reports } = this.#around;
    if (!reports.isHeard(nowUs, node)) return false;
    const rows = reports.rowsOf(node, this.id);
    let present = 0;
    for (const display of displays) {
      // A display that is off shows nothing, and nobody can help that.
      if (reports.unavailable(node, display) !== null) {
        if (rows.has(display)) present++;
        continue;
      }
      const row = rows.get(display);
      if (row === undefined || !isSameEdition(row, edition)) return false;
      present++;
    }
    return present === rows.size;
  }

  #roundTripOf({ node, roundTripUs }: Vote): number {
    // The round trip of a question includes the time to prepare; that of the connection, where it is known, does not.
    return this.#around.reports.of(node)?.rttUs ?? roundTripUs;
  }

  #noteRefused(node: NodeId, { version }: Edition, why: string): void {
    this.#around.events.push({ kind: "refused", group: this.id, node, version, why });
  }

  /** Tells once how a version came to be shown: when all that were to change together have, or time is up. */
  #tellCommitted(nowUs: number): void {
    const committed = this.#committed;
    if (committed === null || committed.isTold) return;
    const { reports } = this.#around;
    const moments: number[] = [];
    const uncertainties: number[] = [];
    let count = 0;
    for (const [display, node] of committed.together) {
      const row = reports.rowsOf(node, this.id).get(display);
      if (row === undefined || !isSameEdition(row, committed.edition)) continue;
      count++;
      const uncertaintyUs = reports.of(node)?.uncertaintyUs ?? null;
      if (row.appliedUs === null || uncertaintyUs === null) continue;
      moments.push(row.appliedUs);
      uncertainties.push(uncertaintyUs);
    }
    if (count < committed.together.size && nowUs < committed.dueUs + LATE_US) {
      return this.#wake(committed.dueUs + LATE_US);
    }
    committed.isTold = true;
    if (count === 0) return;
    const [most = 0, second = 0] = uncertainties.sort((a, b) => b - a);
    const isKnown = moments.length > 1;
    this.#around.events.push({
      kind: "committed",
      group: this.id,
      version: committed.edition.version,
      displays: count,
      of: committed.group?.members.length ?? 0,
      spreadUs: isKnown ? Math.max(...moments) - Math.min(...moments) : null,
      uncertaintyUs: isKnown ? most + second : null,
    });
  }

  #stepStatus(nowUs: number): boolean {
    const target = this.#proposal ?? this.#committed ?? this.#wanted;
    const members = target?.group?.members ?? [];
    const there = new Set<string>();
    for (const { display, node } of members) {
      there.add(display);
      this.#stepSeat(nowUs, display, node);
    }
    for (const display of this.#seats.keys()) if (!there.has(display)) this.#seats.delete(display);
    const displays: Record<string, DisplayStanding> = {};
    for (const id of [...there].sort()) {
      const seat = this.#seats.get(id);
      if (seat !== undefined) displays[id] = seat.standing;
    }
    const [phase, why] = this.#phase(Object.values(displays));
    const status: GroupStatus = {
      version: this.#committed?.group === null ? 0 : this.#committed?.edition.version ?? 0,
      wanted: this.#wanted?.edition.version ?? 0,
      phase,
      why: why === null ? null : fitWhy(why),
      displays,
    };
    const text = JSON.stringify(status);
    if (text === this.#statusText) return false;
    this.#statusText = text;
    this.#status = status;
    return true;
  }

  #phase(standings: readonly DisplayStanding[]): readonly [Phase, string | null] {
    if (this.#invalid !== null) return ["failed", this.#invalid];
    if (this.#proposal !== null) {
      return this.#abortedUntilUs === null ? ["preparing", null] : ["failed", this.#proposal.objections()];
    }
    const has = (...states: DisplayState[]) => standings.some(({ state }) => states.includes(state));
    if (has("asked", "ready", "waiting", "silent")) return ["committing", null];
    if (has("shown")) return ["shown", null];
    if (!has("refused", "failed")) return ["idle", null];
    return ["failed", standings.find(({ why }) => why !== null)?.why ?? null];
  }

  #stepSeat(nowUs: number, display: string, node: NodeId): void {
    const [state, version, why] = this.#seatOf(nowUs, display, node);
    const before = this.#seats.get(display);
    const seat: Seat = before ?? {
      standing: { version: 0, state, sinceMs: toMs(nowUs), late: false, why: null },
      amissUs: Infinity,
    };
    this.#seats.set(display, seat);
    const isAmiss = this.#isAmiss(display, node);
    if (!isAmiss) seat.amissUs = Infinity;
    else if (seat.amissUs === Infinity) seat.amissUs = Math.max(nowUs, this.#committed?.dueUs ?? nowUs);
    const late = isAmiss && nowUs >= seat.amissUs + LATE_US;
    if (isAmiss && !late) this.#wake(seat.amissUs + LATE_US);
    if (late && !seat.standing.late) {
      const wanted = this.#committed?.edition.version ?? 0;
      const reason = why ?? "it has not changed yet";
      this.#around.events.push({
        kind: "mismatch",
        group: this.id,
        display,
        shows: version,
        wanted,
        why: reason,
      });
    } else if (!isAmiss && seat.standing.late) {
      this.#around.events.push({ kind: "caught-up", group: this.id, display, version });
    }
    const { standing } = seat;
    const sinceMs = state === standing.state ? standing.sinceMs : toMs(nowUs);
    seat.standing = { version, state, sinceMs, late, why: why === null ? null : fitWhy(why) };
  }

  /** Whether a display is not known to show the version that was decided. */
  #isAmiss(display: string, node: NodeId): boolean {
    const committed = this.#committed;
    if (committed === null || committed.group === null) return false;
    const { reports } = this.#around;
    if (!committed.group.members.some((member) => member.display === display)) return false;
    if (!reports.isReachable(node) || reports.unavailable(node, display) !== null) return true;
    const row = reports.rowsOf(node, this.id).get(display) ?? null;
    return !isSameEdition(row, committed.edition);
  }

  #seatOf(nowUs: number, display: string, node: NodeId): readonly [DisplayState, number, string | null] {
    const { reports } = this.#around;
    const row = reports.rowsOf(node, this.id).get(display) ?? null;
    const version = row?.version ?? 0;
    if (!reports.isReachable(node)) return ["missing", version, "its node cannot be reached"];
    const off = reports.unavailable(node, display);
    if (off !== null) return ["unavailable", version, off];
    const vote = this.#abortedUntilUs === null ? this.#proposal?.votes.get(node) : undefined;
    if (vote !== undefined && vote.displays.includes(display)) {
      if (vote.state === "ready") return ["ready", version, null];
      if (vote.state === "refused") return ["refused", version, vote.why];
      return ["asked", version, null];
    }
    const committed = this.#committed;
    if (committed === null || isSameEdition(row, committed.edition)) {
      const refusal = this.#proposal?.votes.get(node);
      if (refusal?.state === "refused") return ["refused", version, refusal.why];
      return [row === null ? "waiting" : "shown", version, null];
    }
    if (row?.failed !== null && row !== null) return ["failed", version, row.failed];
    const escort = this.#escorts.get(node);
    if (escort?.stage === "refused") return ["refused", version, escort.why];
    const isOverdue = nowUs >= committed.dueUs + LATE_US;
    if (isOverdue && !reports.isHeard(nowUs, node)) return ["silent", version, "its node says nothing"];
    return ["waiting", version, escort?.why ?? null];
  }
}

/** Whole milliseconds of the host's clock. */
function toMs(us: number): number {
  return Math.floor(us / 1_000);
}
