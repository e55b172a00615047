// What nodes say of their displays: what each shows, whether it is there, how good the connection is.
// Decides when a display counts as available and when a connection has become better or worse; never what follows.

import type { NodeId } from "../../base/mod.ts";
import type { StateEpoch } from "../model/mod.ts";
import { MAX_NODES, SILENCE_US } from "./bounds.ts";
import type { BoundedQueue, GroupEvent, Quality } from "./desk_events.ts";
import type { Edition } from "./edition.ts";
import type { ShownBody } from "./messages.ts";

/** What one display shows of one group. */
export interface ShownRow extends Edition {
  /** When it changed, on the host's clock; null where that is not known. */
  readonly appliedUs: number | null;
  /** Why it could not change to what came later; null where nothing failed. */
  readonly failed: string | null;
}

/** The last word of a node. */
export interface NodeReport {
  /** When it came; -Infinity for never. */
  heardUs: number;
  uncertaintyUs: number | null;
  rttUs: number | null;
  loss: number | null;
  quality: Quality | null;
  /** Why a display is not available, by its id; null for one that is. */
  displays: ReadonlyMap<string, string | null>;
  /** Rows by group and display. */
  shown: ReadonlyMap<string, ReadonlyMap<string, ShownRow>>;
}

/** Round trips and losses from which on a connection is fair, and poor. One better counts only when it is clearly better. */
const FAIR = { rttUs: 20_000, loss: 0.01 };
const POOR = { rttUs: 100_000, loss: 0.05 };
/** A connection gets better only below so much of the bound: at the bound it would flicker. */
const BACK = 0.7;

const NOTHING: ReadonlyMap<string, ShownRow> = new Map();

/** The reports of all nodes. */
export class ReportBook {
  readonly #epoch: StateEpoch;
  readonly #events: BoundedQueue<GroupEvent>;
  readonly #reports = new Map<NodeId, NodeReport>();
  readonly #reachable = new Set<NodeId>();
  /** Displays that were told to be available. */
  readonly #available = new Map<NodeId, Set<string>>();
  /** Reports for which there was no room. */
  overflows = 0;

  constructor(epoch: StateEpoch, events: BoundedQueue<GroupEvent>) {
    this.#epoch = epoch;
    this.#events = events;
  }

  /** Whether a node can be reached. */
  isReachable(node: NodeId): boolean {
    return this.#reachable.has(node);
  }

  /** The last word of a node; null where there was none. */
  of(node: NodeId): NodeReport | null {
    return this.#reports.get(node) ?? null;
  }

  /** Whether what a node said last can still be relied upon. */
  isHeard(nowUs: number, node: NodeId): boolean {
    const report = this.#reports.get(node);
    return report !== undefined && nowUs < report.heardUs + SILENCE_US;
  }

  /** What the displays of a node show of a group. */
  rowsOf(node: NodeId, group: string): ReadonlyMap<string, ShownRow> {
    return this.#reports.get(node)?.shown.get(group) ?? NOTHING;
  }

  /** Nodes that show something of a group. */
  *showing(group: string): Generator<NodeId> {
    for (const [node, { shown }] of this.#reports) if ((shown.get(group)?.size ?? 0) > 0) yield node;
  }

  /** Why a display is not available; null where it is, or where its node has said nothing about it. */
  unavailable(node: NodeId, display: string): string | null {
    const report = this.#reports.get(node);
    if (report === undefined) return null;
    const why = report.displays.get(display);
    return why === undefined ? `the node has no display ${display}` : why;
  }

  /** Groups of which a node shows something. */
  groupsOf(node: NodeId): Iterable<string> {
    return this.#reports.get(node)?.shown.keys() ?? [];
  }

  /** A node can be reached, or no more. @returns whether that is news. */
  handleNode(node: NodeId, isReachable: boolean): boolean {
    if (isReachable === this.#reachable.has(node)) return false;
    if (isReachable) this.#reachable.add(node);
    else this.#reachable.delete(node);
    this.#tellAvailability(node, "its node cannot be reached");
    return true;
  }

  /** A node's report. @returns whether there was room for it. */
  handleShown(nowUs: number, node: NodeId, body: ShownBody): boolean {
    if (!this.#reports.has(node) && this.#reports.size >= MAX_NODES && !this.#makeRoom()) {
      this.overflows++;
      return false;
    }
    const shown = new Map<string, Map<string, ShownRow>>();
    // Of another host's clock a moment says nothing here.
    const isOurTime = body.term === this.#epoch.term;
    for (const { group, display, version, digest, appliedUs, failed } of body.shown) {
      let rows = shown.get(group);
      if (rows === undefined) shown.set(group, rows = new Map());
      rows.set(display, { version, digest, appliedUs: isOurTime ? appliedUs : null, failed });
    }
    const before = this.#reports.get(node);
    const quality = qualityOf(body.rttUs, body.loss, before?.quality ?? null);
    this.#reports.set(node, {
      heardUs: nowUs,
      uncertaintyUs: isOurTime ? body.uncertaintyUs : null,
      rttUs: body.rttUs,
      loss: body.loss,
      quality,
      displays: new Map(
        body.displays.map(({ display, available, why }) => [display, available ? null : why ?? "it is off"]),
      ),
      shown,
    });
    const from = before?.quality ?? null;
    if (quality !== null && quality !== from) {
      const { rttUs, loss } = body;
      this.#events.push({ kind: "quality", node, quality, from, rttUs, loss });
    }
    this.#tellAvailability(node, "its node cannot be reached");
    return true;
  }

  /** Makes room for one more: a node that is away can tell again when it is back. */
  #makeRoom(): boolean {
    for (const node of this.#reports.keys()) {
      if (this.#reachable.has(node)) continue;
      this.#reports.delete(node);
      this.#available.delete(node);
      return true;
    }
    return false;
  }

  #tellAvailability(node: NodeId, unreachable: string): void {
    const report = this.#reports.get(node);
    if (report === undefined) return;
    let told = this.#available.get(node);
    if (told === undefined) this.#available.set(node, told = new Set());
    const isReachable = this.#reachable.has(node);
    for (const [display, why] of report.displays) {
      const isAvailable = isReachable && why === null;
      if (isAvailable === told.has(display)) continue;
      if (isAvailable) {
        told.add(display);
        this.#events.push({ kind: "available", display, node });
      } else {
        told.delete(display);
        this.#events.push({ kind: "unavailable", display, node, why: isReachable ? why ?? "" : unreachable });
      }
    }
    for (const display of told) {
      if (report.displays.has(display)) continue;
      told.delete(display);
      this.#events.push({
        kind: "unavailable",
        display,
        node,
        why: `the node has no display ${display} any more`,
      });
    }
  }
}

/** How good a connection is; null where nothing was measured. */
function qualityOf(rttUs: number | null, loss: number | null, before: Quality | null): Quality | null {
  if (rttUs === null && loss === null) return before;
  const isBeyond = (bound: typeof FAIR, part: number) =>
    (rttUs ?? 0) >= bound.rttUs * part || (loss ?? 0) >= bound.loss * part;
  if (isBeyond(POOR, before === "poor" ? BACK : 1)) return "poor";
  return isBeyond(FAIR, before === "good" || before === null ? 1 : BACK) ? "fair" : "good";
}
