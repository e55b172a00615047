// Gathers from the datagrams that pass what an examination wants to know: echoes, who was heard which way, whose answers
// came to which question, strangers. Synchronous and bounded; sends nothing and judges nothing.

import type { NodeId } from "../../base/mod.ts";
import type { LinkInterface, Path, TraceEntry } from "../../discovery/mod.ts";
import type { IpEndpoint } from "../../platform/mod.ts";
import type { StrangerObservation, Tries } from "./observations.ts";

/** What a ping was to find out: a way, or whether the largest datagram passes. */
export type Question = Path | "large";

/** What is known of a node on one link. */
export interface HeardOnLink {
  readonly link: LinkInterface;
  readonly isRouted: boolean;
  /** Where it was heard from last. */
  from: IpEndpoint | null;
  readonly out: Record<Path, Tries>;
  readonly in: Record<Path, number>;
  readonly large: Tries;
  rttUs: number | null;
}

/** What was heard under one id. */
export interface HeardNode {
  readonly links: Map<string, HeardOnLink>;
  /** Processes by their boot nonce, in the order in which they spoke first. */
  readonly processes: Set<string>;
  lastProcess: string;
  /** A process spoke again after another one had: no restart does that. */
  isDouble: boolean;
  beatMs: number;
}

interface OpenQuestion {
  readonly who: string;
  readonly linkKey: string;
  readonly question: Question;
  readonly sentUs: number;
  isAnswered: boolean;
}

/** Bounds: a flood of forged sources must not fill the memory of a tool either. */
const MAX_STRANGERS = 256;
const MAX_NODES = 2_048;
const MAX_QUESTIONS = 16_384;

/** Gathers. */
export class Collector {
  readonly nodes = new Map<string, HeardNode>();
  readonly #echoes = new Map<string, Record<"multicast" | "broadcast", Tries>>();
  readonly #questions = new Map<string, OpenQuestion>();
  readonly #strangers = new Map<
    string,
    { -readonly [K in keyof StrangerObservation]: StrangerObservation[K] }
  >();

  /** The link that leads out of our networks, as far as there is one. */
  outward: LinkInterface | null = null;

  constructor(readonly ownId: NodeId) {}

  /** The echo of a link so far. */
  echoOf(linkKey: string): Record<"multicast" | "broadcast", Tries> {
    let echo = this.#echoes.get(linkKey);
    if (echo === undefined) {
      echo = { multicast: { sent: 0, answered: 0 }, broadcast: { sent: 0, answered: 0 } };
      this.#echoes.set(linkKey, echo);
    }
    return echo;
  }

  /** Everybody who spoke and is none of us, the busiest first. */
  get strangers(): StrangerObservation[] {
    return [...this.#strangers.values()].sort((a, b) => b.datagrams - a.datagrams);
  }

  /** What is known of a node on a link. `isRouted`: it is in no network of ours, the link only leads towards it. */
  on(who: string, link: LinkInterface, isRouted = false): HeardOnLink {
    const node = this.#nodeOf(who);
    let heard = node.links.get(link.key);
    if (heard === undefined) {
      const none = (): Tries => ({ sent: 0, answered: 0 });
      heard = {
        link,
        isRouted,
        from: null,
        out: { unicast: none(), multicast: none(), broadcast: none() },
        in: { unicast: 0, multicast: 0, broadcast: 0 },
        large: none(),
        rttUs: null,
      };
      node.links.set(link.key, heard);
    }
    return heard;
  }

  /** A ping left: `nonce` names it in the answer. */
  noteQuestion(nowUs: number, nonce: string, who: string, link: LinkInterface, question: Question): void {
    const heard = this.on(who, link);
    triesOf(heard, question).sent++;
    if (this.#questions.size >= MAX_QUESTIONS) return;
    this.#questions.set(nonce, { who, linkKey: link.key, question, sentUs: nowUs, isAnswered: false });
  }

  /** Takes one datagram. */
  note(entry: TraceEntry): void {
    if (entry.direction === "out") return this.#noteOwn(entry, "sent");
    if (entry.refusal === "own-echo") return this.#noteOwn(entry, "answered");
    const { header, message, link, path, peer } = entry;
    if (header === null || message === null) return this.#noteStranger(entry);
    if (header.id === this.ownId || peer === null || path === null) return;
    if (this.nodes.size >= MAX_NODES && !this.nodes.has(header.id)) return;
    const node = this.#nodeOf(header.id);
    this.#noteProcess(node, message.bootNonce);
    if ("beatMs" in message) node.beatMs = message.beatMs;
    const by = link ?? this.outward;
    if (by !== null) {
      const heard = this.on(header.id, by, link === null);
      heard.in[path]++;
      heard.from = peer;
    }
    if (message.kind === "ack") this.#noteAnswer(entry, header.id, message.echo, path);
  }

  #noteOwn(entry: TraceEntry, what: keyof Tries): void {
    const { link, path, header } = entry;
    // What comes back on another link of ours has not passed this one.
    if (link === null || header?.id !== this.ownId || path === null || path === "unicast") return;
    if (what === "sent" && !entry.isSent) return;
    this.echoOf(link.key)[path][what]++;
  }

  #noteProcess(node: HeardNode, process: string): void {
    if (process === node.lastProcess) return;
    if (node.processes.has(process)) node.isDouble = true;
    if (node.processes.size < 8) node.processes.add(process);
    node.lastProcess = process;
  }

  #noteAnswer(entry: TraceEntry, id: NodeId, nonce: string, path: Path): void {
    const open = this.#questions.get(nonce);
    if (open === undefined) return;
    const heard = open.who === id ? this.nodes.get(id)?.links.get(open.linkKey) : undefined;
    if (heard === undefined) return;
    if (!open.isAnswered) {
      open.isAnswered = true;
      triesOf(heard, open.question).answered++;
    }
    if (open.question === "unicast" && path === "unicast") {
      const rttUs = entry.atUs - open.sentUs;
      heard.rttUs = Math.min(heard.rttUs ?? Infinity, rttUs);
    }
  }

  #noteStranger(entry: TraceEntry): void {
    const { header, peer, refusal } = entry;
    if (peer === null || refusal === null) return;
    const kind = refusal === "version"
      ? "other-version"
      : refusal === "other-mesh"
      ? "other-mesh"
      : header !== null && refusal === "foreign"
      ? "other-key"
      : header === null
      ? "not-hana"
      : null;
    if (kind === null) return;
    // One that is heard on two links or families is one. The id may be forged, but then so may be the address.
    const id = header?.id ?? null;
    const key = `${kind} ${id ?? peer.host}`;
    const known = this.#strangers.get(key);
    if (known !== undefined) {
      known.datagrams++;
      if (known.source.includes(":") && !peer.host.includes(":")) known.source = peer.host;
    } else if (this.#strangers.size < MAX_STRANGERS) {
      this.#strangers.set(key, {
        kind,
        source: peer.host,
        id,
        datagrams: 1,
        keyTag: header === null ? null : header.keyTag.toString(16).padStart(2, "0"),
        version: header?.version ?? null,
        head: entry.head,
      });
    }
  }

  #nodeOf(who: string): HeardNode {
    let node = this.nodes.get(who);
    if (node === undefined) {
      node = { links: new Map(), processes: new Set(), lastProcess: "", isDouble: false, beatMs: 1_000 };
      this.nodes.set(who, node);
    }
    return node;
  }
}

function triesOf(heard: HeardOnLink, question: Question): Tries {
  return question === "large" ? heard.large : heard.out[question];
}
