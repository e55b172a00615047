// Fetches what we do not know from nodes that know more: at a start from those who made offers, later from a node whose
// digest differs from ours. The ids are cut into ranges that are asked for side by side and from several nodes, so that
// a lost page costs one more round trip and a node that dies meanwhile costs nothing.
// Decides whom to ask for what and when to ask again; never what of a page is believed (reception.ts).

import type { NodeId } from "../base/mod.ts";
import type { IpEndpoint } from "../platform/mod.ts";
import { type Context, drawNonce, type Wake } from "./context.ts";
import type { Link } from "./links.ts";
import { KNOWN_ROW_BYTES, MAX_KNOWN_ROWS, targetOf } from "./messages/mod.ts";
import type { Peer } from "./peer.ts";

/** How long an answer is waited for, in µs; then another node is asked. */
const RETRY_US = 150_000;
const MAX_TRIES = 8;
/** Requests that one node has to answer at a time, and nodes that are asked. */
const MAX_OUTSTANDING = 4;
const MAX_UNANSWERED = 6;
const MAX_SOURCES = 3;
/** Nodes that one range is made for: two pages of plain records. */
const NODES_A_RANGE = 8;
const MAX_RANGES = 64;
/** How long a source is used after it made itself known, in µs. */
const SOURCE_LIFE_US = 5_000_000;

/** A node that gives pages. */
interface Source {
  readonly id: NodeId;
  readonly cookie: string;
  readonly endpoint: IpEndpoint;
  readonly link: Link | null;
  readonly sinceUs: number;
  /** Requests that it has not answered since it answered last. */
  unanswered: number;
}

interface Task {
  from: string;
  readonly until: string | null;
  nonce: string;
  source: Source | null;
  dueUs: number;
  tries: number;
}

/** What a page answered. */
export interface Pulled {
  /** Who gave it. */
  readonly source: NodeId;
}

/** Fetches pages. */
export class SyncPuller {
  #sources: Source[] = [];
  #tasks: Task[] = [];

  constructor(readonly context: Context) {}

  /** Whether pages are being fetched. */
  get isPulling(): boolean {
    return this.#tasks.length > 0;
  }

  /**
   * Takes note of a node that gives pages, and begins to fetch unless that is under way.
   * @param expected how many nodes there are about, from which the ranges are made
   */
  addSource(
    nowUs: number,
    id: NodeId,
    cookie: string,
    at: { readonly endpoint: IpEndpoint; readonly link: Link | null },
    expected: number,
  ): void {
    this.#sources = this.#sources.filter((source) =>
      source.id !== id && nowUs - source.sinceUs < SOURCE_LIFE_US
    );
    if (this.#sources.length >= MAX_SOURCES) return;
    this.#sources.push({ id, cookie, endpoint: at.endpoint, link: at.link, sinceUs: nowUs, unanswered: 0 });
    if (this.#tasks.length === 0) this.#begin(nowUs, expected);
    this.handleTimeout(nowUs);
  }

  /** The request that a page answers, or null; what is left of its range is asked for next. */
  take(nowUs: number, echo: string, from: NodeId, next: string | null): Pulled | null {
    const at = this.#tasks.findIndex((task) => task.nonce === echo && task.source?.id === from);
    const task = this.#tasks[at];
    if (task === undefined || task.source === null) return null;
    task.source.unanswered = 0;
    if (next === null || next <= task.from) this.#tasks.splice(at, 1);
    else {
      task.from = next;
      task.tries = 0;
      task.source = null;
      task.dueUs = nowUs;
    }
    return { source: from };
  }

  /** Asks for what is next. */
  handleTimeout(nowUs: number): void {
    if (this.#tasks.length === 0) return;
    for (const task of this.#tasks) {
      if (task.dueUs > nowUs) continue;
      if (task.source !== null) task.source.unanswered++;
      task.source = null;
    }
    // Who keeps silent is not asked for ever, and where others answer not for long.
    const limit = this.#sources.length > 1 ? MAX_UNANSWERED : 2 * MAX_UNANSWERED;
    this.#sources = this.#sources.filter((source) => source.unanswered < limit);
    if (this.#sources.length === 0) this.#tasks = [];
    this.#tasks = this.#tasks.filter((task) => task.source !== null || task.tries < MAX_TRIES);
    for (const task of this.#tasks) {
      if (task.source !== null) continue;
      const source = this.#idlest(task.tries);
      if (source === null) {
        task.dueUs = nowUs + RETRY_US;
        continue;
      }
      this.#ask(nowUs, task, source);
    }
    if (this.#tasks.length === 0) this.#sources = [];
  }

  /** What is due next. */
  next(): Wake | null {
    let atUs = Infinity;
    for (const task of this.#tasks) atUs = Math.min(atUs, task.dueUs);
    return atUs === Infinity ? null : { atUs, reason: "sync" };
  }

  #begin(nowUs: number, expected: number): void {
    const known = this.context.registry.size;
    // Rows of what is known must fit into a request, and what is not known into a few pages.
    // One node says how many there are: a liar must not make us ask for ever.
    const missing = Math.max(0, Math.min(expected, 4 * known + 128) - known);
    const wanted = Math.max(Math.ceil(missing / NODES_A_RANGE), Math.ceil(known / (MAX_KNOWN_ROWS / 2)));
    const count = Math.min(MAX_RANGES, Math.max(1, wanted));
    for (let i = 0; i < count; i++) {
      this.#tasks.push({
        from: boundary(i, count),
        until: i + 1 === count ? null : boundary(i + 1, count),
        nonce: "",
        source: null,
        dueUs: nowUs,
        tries: 0,
      });
    }
  }

  /** The source with the fewest open requests; a second try goes to another one if there is one. */
  #idlest(tries: number): Source | null {
    let best: Source | null = null;
    let least = MAX_OUTSTANDING;
    for (let i = 0; i < this.#sources.length; i++) {
      const source = this.#sources[(i + tries) % this.#sources.length];
      if (source === undefined) continue;
      const open = this.#tasks.reduce((sum, task) => sum + (task.source === source ? 1 : 0), 0);
      if (open < least) {
        least = open;
        best = source;
      }
    }
    return best;
  }

  #ask(nowUs: number, task: Task, source: Source): void {
    const { own, outbox, random } = this.context;
    task.nonce = drawNonce(random);
    task.source = source;
    task.tries++;
    task.dueUs = nowUs + RETRY_US;
    outbox.toEndpoint(nowUs, source.endpoint, source.link, {
      kind: "sync-request",
      bootNonce: own.bootNonce,
      cookie: source.cookie,
      nonce: task.nonce,
      from: task.from,
      until: task.until,
      known: this.#knownRows(task),
    });
  }

  #knownRows(task: Task): Uint8Array {
    const rows = new Uint8Array(MAX_KNOWN_ROWS * KNOWN_ROW_BYTES);
    const view = new DataView(rows.buffer);
    let at = 0;
    for (const peer of this.context.registry.peers()) {
      if (at === rows.length) break;
      if (!isWithin(peer, task)) continue;
      view.setUint32(at, parseInt(peer.id.slice(0, 8), 16));
      view.setUint32(at + 4, peer.knownHash);
      at += KNOWN_ROW_BYTES;
    }
    return rows.subarray(0, at);
  }
}

function isWithin(peer: Peer, { from, until }: Task): boolean {
  const target = targetOf(peer.id);
  return target >= from && (until === null || target < until);
}

/** Where part `i` of `count` equal parts of all ids begins, as the first 8 bytes in hex. */
function boundary(i: number, count: number): string {
  return Math.floor(i * 2 ** 32 / count).toString(16).padStart(8, "0") + "00000000";
}
