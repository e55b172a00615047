// Records that are too large for a datagram: who hears of one that was cut asks its owner for the rest, part by part.
// Decides when to ask (soon, but not all at once), how often, and how much at a time; what the whole record then says is
// checked like every other. Asked of the owner alone and answered to nodes that are known to live where they ask from.

import type { IpEndpoint } from "../platform/mod.ts";
import type { Admission } from "./admission.ts";
import { createRecordCodec } from "./body_codec.ts";
import { type Context, drawBetween, drawNonce, type Wake } from "./context.ts";
import type { Refusal } from "./counters.ts";
import { TokenBucket } from "./limiter.ts";
import type { Link } from "./links.ts";
import { type Get, MAX_WHOLE_RECORD_BYTES, PART_BYTES, type RecordPart } from "./messages/mod.ts";
import type { Peer } from "./peer.ts";
import { type NodeRecord, recordFromMap, recordToMap } from "./record.ts";

/** A change is announced three times within this time, and everybody hears it: the owner is not asked by all at once. */
const FIRST_ASK_US: readonly [number, number] = [50_000, 400_000];
const RETRY_US = 250_000;
const MAX_TRIES = 6;
/** Records that are fetched at a time; the others wait for the next beat of their owner. */
const MAX_FETCHES = 16;
const PARTS_PER_SECOND = 400;
const PARTS_BURST = 100;

interface Wanted {
  readonly peer: Peer;
  readonly stateVersion: number;
  readonly bytes: Uint8Array;
  /** How much of it is here, from the beginning on; −1 while its size is not known. */
  have: number;
  total: number;
  nonce: string;
  dueUs: number;
  tries: number;
}

/** Gives parts of our record, and puts those of others together. */
export class RecordParts {
  readonly #codec = createRecordCodec();
  readonly #wanted = new Map<Peer, Wanted>();
  readonly #given: TokenBucket;
  #own: { readonly version: number; readonly bytes: Uint8Array } | null = null;

  /** @param ownRecord our record as it leaves by a link */
  constructor(
    readonly context: Context,
    readonly admission: Admission,
    readonly ownRecord: (link: Link | null) => NodeRecord,
    nowUs: number,
  ) {
    this.#given = new TokenBucket(PARTS_PER_SECOND, PARTS_BURST, nowUs);
  }

  /** Bytes of a record as it would be fetched. */
  sizeOf(record: NodeRecord): number {
    return this.#codec.encode(recordToMap(record, 0)).length;
  }

  /** Asks for the rest of a record that was cut, unless that is under way. */
  maybeFetch(nowUs: number, peer: Peer): void {
    if (peer.record.more !== true || peer.isRelayed || !peer.isPresent) return;
    const known = this.#wanted.get(peer);
    if (known !== undefined && known.stateVersion >= peer.stateVersion) return;
    if (known === undefined && this.#wanted.size >= MAX_FETCHES) {
      this.context.counters.dropped["record-fetches"]++;
      return;
    }
    this.#wanted.set(peer, {
      peer,
      stateVersion: peer.stateVersion,
      bytes: new Uint8Array(MAX_WHOLE_RECORD_BYTES),
      have: 0,
      total: MAX_WHOLE_RECORD_BYTES,
      nonce: "",
      dueUs: nowUs + drawBetween(this.context.random, ...FIRST_ASK_US),
      tries: 0,
    });
  }

  /** Gives a part of our record to a node that is known to live at `from`. */
  handleGet(nowUs: number, message: Get, from: IpEndpoint, link: Link | null): Refusal | null {
    const { own, outbox, counters } = this.context;
    if (!this.#given.canTake(nowUs)) {
      counters.dropped["page-limit"]++;
      return null;
    }
    if (this.#own?.version !== own.stateVersion) {
      // The same bytes for everybody, so that parts asked for on two links belong together.
      const bytes = this.#codec.encode(recordToMap(this.ownRecord(link), 0)).slice();
      this.#own = { version: own.stateVersion, bytes };
    }
    const { bytes } = this.#own;
    if (message.offset >= bytes.length) return null;
    outbox.toEndpoint(nowUs, from, link, {
      kind: "record-part",
      bootNonce: own.bootNonce,
      echo: message.nonce,
      stateVersion: own.stateVersion,
      offset: message.offset,
      total: bytes.length,
      bytes: bytes.subarray(message.offset, message.offset + PART_BYTES),
    });
    return null;
  }

  /** Takes a part in; the last one makes the record whole. */
  handlePart(nowUs: number, peer: Peer, message: RecordPart, link: Link | null): Refusal | null {
    const wanted = this.#wanted.get(peer);
    if (wanted === undefined || wanted.nonce !== message.echo || wanted.have !== message.offset) {
      return "stale-nonce";
    }
    if (message.stateVersion !== wanted.stateVersion) {
      // It has changed meanwhile, and is announced anew.
      this.#wanted.delete(peer);
      return null;
    }
    wanted.bytes.set(message.bytes, message.offset);
    wanted.have += message.bytes.length;
    wanted.total = message.total;
    wanted.tries = 0;
    if (wanted.have < wanted.total) {
      this.#ask(nowUs, wanted);
      return null;
    }
    this.#wanted.delete(peer);
    const record = this.#read(peer, wanted.bytes.subarray(0, wanted.total));
    if (record === null || record.stateVersion !== wanted.stateVersion) return "malformed";
    this.admission.applyRecord(nowUs, peer, record, peer.route.from, link);
    return null;
  }

  /** Asks what is due. */
  handleTimeout(nowUs: number): void {
    for (const [peer, wanted] of this.#wanted) {
      if (wanted.dueUs > nowUs) continue;
      const isOver = wanted.tries >= MAX_TRIES || !peer.isListed || !peer.isPresent ||
        peer.record.more !== true;
      if (isOver) this.#wanted.delete(peer);
      else this.#ask(nowUs, wanted);
    }
  }

  /** What is due next. */
  next(): Wake | null {
    let atUs = Infinity;
    for (const wanted of this.#wanted.values()) atUs = Math.min(atUs, wanted.dueUs);
    return atUs === Infinity ? null : { atUs, reason: "record" };
  }

  #ask(nowUs: number, wanted: Wanted): void {
    const { own, outbox, links, random } = this.context;
    wanted.tries++;
    wanted.dueUs = nowUs + RETRY_US;
    wanted.nonce = drawNonce(random);
    const { from } = wanted.peer.route;
    const message = {
      kind: "get",
      bootNonce: own.bootNonce,
      nonce: wanted.nonce,
      offset: wanted.have,
    } as const;
    outbox.toEndpoint(nowUs, from, links.linkOf(from.host), message);
  }

  #read(peer: Peer, bytes: Uint8Array): NodeRecord | null {
    try {
      return recordFromMap(this.#codec.decode(bytes), peer.id, peer.incarnation);
    } catch {
      return null; // a limit or a syntax error: the codec reports both by throwing
    }
  }
}
