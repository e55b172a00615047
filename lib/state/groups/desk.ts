// The desk of groups at the host: every group of the state, and the way of each to its displays.
// Decides which group an input concerns; course.ts decides what follows. Says what stands in the status of each.
// A synchronous machine: `handle…` in, `poll…` out, `deadline` between them.
//
// A host that takes over makes a desk of its own and gives it every group: all are prepared again, which costs nothing where
// displays show them already, and completes what the host before had begun.

import { HanaError, type NodeId } from "../../base/mod.ts";
import type { StateEpoch } from "../model/mod.ts";
import { LATE_US, MAX_EVENTS, MAX_GROUPS } from "./bounds.ts";
import { type CourseSurroundings, GroupCourse } from "./course.ts";
import { BoundedQueue, type DeskMessage, type GroupEvent } from "./desk_events.ts";
import type { PrepareReply, ShownBody } from "./messages.ts";
import { readGroup } from "./reading.ts";
import { ReportBook } from "./reports.ts";
import type { GroupStatus } from "./status.ts";

/** What a desk counts. */
export interface DeskCounters {
  prepares: number;
  commits: number;
  aborts: number;
  reports: number;
  /** Groups for which there was no room. */
  groupsOverflown: number;
  /** Reports of nodes for which there was no room. */
  reportsOverflown: number;
  /** Events and messages that nobody polled. */
  dropped: number;
}

/** A status to be written; null: the group is gone. */
export interface StatusChange {
  readonly group: string;
  readonly status: GroupStatus | null;
}

/** When a desk wants `handleDeadline`, and for what. */
export interface DeskDeadline {
  readonly atUs: number;
  readonly reason: "group" | "stray";
}

/** Messages for all nodes at once that wait to be polled: every group of a full desk to a wall of nodes. */
const MAX_MESSAGES = 32_768;

/** The desk. */
export class GroupDesk implements CourseSurroundings {
  readonly epoch: StateEpoch;
  readonly events = new BoundedQueue<GroupEvent>(MAX_EVENTS);
  readonly messages = new BoundedQueue<DeskMessage>(MAX_MESSAGES);
  readonly reports: ReportBook;
  readonly #courses = new Map<string, GroupCourse>();
  readonly #dirty = new Set<string>();
  readonly #startUs: number;
  /** Groups that are not in the state, though displays show them. */
  readonly #strays = new Set<string>();
  #strayUs = Infinity;
  #order = 0;
  #prepares = 0;
  #commits = 0;
  #aborts = 0;
  #reports = 0;
  #groupsOverflown = 0;

  /** @param epoch the reign of the host; its clock is the shared one, and `nowUs` is in its microseconds */
  constructor(nowUs: number, epoch: StateEpoch) {
    this.epoch = epoch;
    this.#startUs = nowUs;
    this.reports = new ReportBook(epoch, this.events);
  }

  get counters(): DeskCounters {
    return {
      prepares: this.#prepares,
      commits: this.#commits,
      aborts: this.#aborts,
      reports: this.#reports,
      groupsOverflown: this.#groupsOverflown,
      reportsOverflown: this.reports.overflows,
      dropped: this.events.dropped + this.messages.dropped,
    };
  }

  nextOrder(): number {
    return ++this.#order;
  }

  /** What stands at `groups/<id>` now; null where nothing does any more. */
  handleGroup(nowUs: number, id: string, value: unknown): void {
    this.#strays.delete(id);
    let course = this.#courses.get(id);
    if (course === undefined) {
      if (value === null || value === undefined) return;
      course = this.#open(id);
      if (course === undefined) return;
    }
    try {
      course.handleGroup(nowUs, value === null || value === undefined ? null : readGroup(id, value));
    } catch (error) {
      if (!(error instanceof HanaError)) throw error;
      course.handleInvalid(error.message);
    }
    this.#step(nowUs, course);
  }

  /** A node can be reached from now on, or no more. */
  handleNode(nowUs: number, node: NodeId, isReachable: boolean): void {
    if (!this.reports.handleNode(node, isReachable)) return;
    for (const course of this.#courses.values()) {
      if (isReachable) course.handleReachable(nowUs, node);
      this.#step(nowUs, course);
    }
  }

  /** A node's answer to the prepare message of a decision. */
  handleAnswer(nowUs: number, node: NodeId, group: string, order: number, reply: PrepareReply): void {
    this.#answer(nowUs, node, group, order, reply, "");
  }

  /** A prepare message was not answered and will not be: it was refused on the way, or the connection is gone. */
  handleUnanswered(nowUs: number, node: NodeId, group: string, order: number, why: string): void {
    this.#answer(nowUs, node, group, order, null, why);
  }

  /** A node's report. */
  handleShown(nowUs: number, node: NodeId, body: ShownBody): void {
    const before = [...this.reports.groupsOf(node)];
    this.#reports++;
    if (!this.reports.handleShown(nowUs, node, body)) return;
    const groups = new Set([...before, ...this.reports.groupsOf(node)]);
    for (const group of groups) {
      if (this.#courses.has(group) || this.#strays.has(group)) continue;
      // The state may have groups that this desk has not been given yet.
      if (this.#strays.size < MAX_GROUPS) this.#strays.add(group);
      this.#strayUs = Math.min(this.#strayUs, Math.max(nowUs, this.#startUs) + LATE_US);
    }
    // Availability of a display may have changed in groups of which it shows nothing.
    for (const course of this.#courses.values()) this.#step(nowUs, course);
  }

  /** The time of `deadline` has come. */
  handleDeadline(nowUs: number): void {
    if (nowUs >= this.#strayUs) {
      this.#strayUs = Infinity;
      for (const id of this.#strays) {
        const course = this.#open(id);
        course?.handleGroup(nowUs, null);
        if (course !== undefined) this.#step(nowUs, course);
      }
      this.#strays.clear();
    }
    for (const course of this.#courses.values()) if (nowUs >= course.deadlineUs) this.#step(nowUs, course);
  }

  /** When it wants `handleDeadline`; null for never. */
  deadline(): DeskDeadline | null {
    let [atUs, reason]: [number, DeskDeadline["reason"]] = [this.#strayUs, "stray"];
    for (const { deadlineUs } of this.#courses.values()) {
      if (deadlineUs < atUs) [atUs, reason] = [deadlineUs, "group"];
    }
    return atUs === Infinity ? null : { atUs, reason };
  }

  /** The next message for a node; null for none. */
  poll(): DeskMessage | null {
    const message = this.messages.poll();
    if (message?.kind === "prepare") this.#prepares++;
    else if (message?.kind === "commit") this.#commits++;
    else if (message?.kind === "abort") this.#aborts++;
    return message;
  }

  /** The next status that is another one; null for none. */
  pollStatus(): StatusChange | null {
    for (const group of this.#dirty) {
      this.#dirty.delete(group);
      return { group, status: this.#courses.get(group)?.status ?? null };
    }
    return null;
  }

  /** The next event; null for none. */
  pollEvent(): GroupEvent | null {
    return this.events.poll();
  }

  /** How a group is shown; null where there is no such group. */
  statusOf(group: string): GroupStatus | null {
    return this.#courses.get(group)?.status ?? null;
  }

  #open(id: string): GroupCourse | undefined {
    const known = this.#courses.get(id);
    if (known !== undefined) return known;
    if (this.#courses.size >= MAX_GROUPS) {
      this.#groupsOverflown++;
      const why = `a host keeps ${MAX_GROUPS} groups in step, and there are more`;
      this.events.push({ kind: "invalid", group: id, why });
      return undefined;
    }
    const course = new GroupCourse(id, this);
    this.#courses.set(id, course);
    return course;
  }

  #answer(
    nowUs: number,
    node: NodeId,
    group: string,
    order: number,
    reply: PrepareReply | null,
    why: string,
  ): void {
    const course = this.#courses.get(group);
    if (course === undefined) return;
    course.handleAnswer(nowUs, node, order, reply, why);
    this.#step(nowUs, course);
  }

  #step(nowUs: number, course: GroupCourse): void {
    if (course.step(nowUs)) this.#dirty.add(course.id);
    if (!course.isOver) return;
    this.#courses.delete(course.id);
    this.#dirty.add(course.id);
  }
}
