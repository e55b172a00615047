// A host of the shared state on a network: the host, its links to clients and to those who keep copies, and its timers.
// Decides when messages go out and when a link is given up; what is said is the host's (host/).
// Never decides whether this node hosts: whoever makes it does, and says when that is over.

import type { NodeId } from "../../base/mod.ts";
import type { Platform, TimerHandle, Timers } from "../../platform/mod.ts";
import type { LinkNumber } from "../holding/mod.ts";
import { type HostEvent, type LinkPeer, StateHost, type StateHostOptions } from "../host/mod.ts";
import { MessageDecoder, MessageEncoder } from "../messages/mod.ts";
import { Alarm } from "./alarm.ts";
import { CopyDesk } from "./copy_link.ts";
import type { StateLink, StateLinkHandlers } from "./link.ts";

/** At this many bytes on a link the host stops filling it (research 2.7 W4); below half of it, it goes on. */
const FULL_BYTES = 65_536;
const ROOM_BYTES = FULL_BYTES / 2;
/** So many things that are no messages end a link. */
const MAX_MALFORMED = 16;
/** A link over which nobody is in for so long ends, in microseconds; looked at this often. */
const UNJOINED_US = 15_000_000;
const SWEEP_US = 5_000_000;

/** What a host service is made of. */
export interface HostServiceOptions extends StateHostOptions {
  readonly platform: Pick<Platform, "clock" | "timers">;
  /** Whether this node may still host, at this very moment: asked before anything is taken or sent. */
  mayHost(): boolean;
  onEvent(event: HostEvent): void;
}

/** What a service counts. */
export interface HostServiceCounters {
  links: number;
  malformed: number;
  /** Links that were closed since they could take no more. */
  overflown: number;
  /** What came when this node could not host any more. */
  forbidden: number;
  /** Links that ended since nobody came in over them, or stayed. */
  unjoined: number;
}

const NOBODY: StateLinkHandlers = { onMessage: () => {}, onClosed: () => {} };

interface Client {
  readonly link: StateLink;
  isFull: boolean;
  malformed: number;
  /** Since when nobody is in over this link, at the looks of the sweep; Infinity while somebody is. */
  outSinceUs: number;
}

/** A running host. */
export class HostService {
  readonly host: StateHost;
  readonly counters: HostServiceCounters = {
    links: 0,
    malformed: 0,
    overflown: 0,
    forbidden: 0,
    unjoined: 0,
  };
  /** Those who keep copies. */
  readonly copies = new CopyDesk();
  readonly #options: HostServiceOptions;
  readonly #clients = new Map<LinkNumber, Client>();
  readonly #decoder = new MessageDecoder();
  readonly #encoder = new MessageEncoder();
  /** Called at the end of every batch. */
  onBatch: (() => void) | null = null;
  #lastLink = 0;
  readonly #alarm: Alarm;
  #sweep: TimerHandle | null = null;
  #isDeferred = false;
  #isPumping = false;
  #isClosed = false;
  #isDeposed = false;

  constructor(options: HostServiceOptions) {
    this.#options = options;
    this.#alarm = new Alarm(options.platform.timers, () => {
      if (this.isOver) return;
      this.host.handleDeadline(this.nowUs());
      this.pump();
    });
    this.host = new StateHost(this.nowUs(), options);
    this.pumpSoon();
  }

  /** In microseconds. */
  nowUs(): number {
    return this.#options.platform.clock.nowUs();
  }

  /** Those of its clock. */
  get timers(): Timers {
    return this.#options.platform.timers;
  }

  /** Clients over links. */
  get links(): number {
    return this.#clients.size;
  }

  /** Whether it is over. */
  get isOver(): boolean {
    return this.#isDeposed || this.#isClosed;
  }

  /** Bytes that wait for a client. */
  queuedBytesOf(link: LinkNumber): number {
    return this.#clients.get(link)?.link.queuedBytes ?? 0;
  }

  /** Somebody opens a link. @returns what is to be called with what comes over it. */
  join(link: StateLink, peer: LinkPeer): StateLinkHandlers {
    if (this.isOver) {
      link.close();
      return NOBODY;
    }
    const number = this.nextLink();
    const client: Client = { link, isFull: false, malformed: 0, outSinceUs: this.nowUs() };
    this.counters.links++;
    this.#clients.set(number, client);
    link.onRoom = () => this.#room(number, client);
    this.host.handleJoined(this.nowUs(), number, peer);
    this.#sweepLater();
    return {
      onMessage: (bytes) => this.#receive(number, client, bytes),
      onClosed: () => {
        if (!this.#clients.delete(number)) return;
        if (this.#isClosed) return;
        this.host.handleLeft(this.nowUs(), number);
        this.pumpSoon();
      },
    };
  }

  /** A number that no link has had. */
  nextLink(): LinkNumber {
    return ++this.#lastLink as LinkNumber;
  }

  /** Sends at the end of the present call stack: what else comes until then is one batch. */
  pumpSoon(): void {
    if (this.#isDeferred || this.#isClosed) return;
    this.#isDeferred = true;
    this.#options.platform.timers.defer(() => {
      this.#isDeferred = false;
      this.pump();
    });
  }

  /** Sends what is due, and sets the timer for what is not. */
  pump(): void {
    if (this.#isPumping || this.#isClosed) return;
    if (!this.#isDeposed && !this.#isAllowed()) return;
    this.#isPumping = true;
    try {
      for (let next = this.host.poll(); next !== null; next = this.host.poll()) {
        this.#send(next.to, next.bytes);
      }
      this.copies.pump(this);
      for (let event = this.host.pollEvent(); event !== null; event = this.host.pollEvent()) {
        this.#options.onEvent(event);
      }
      this.onBatch?.();
    } finally {
      this.#isPumping = false;
    }
    this.#arm();
  }

  /**
   * Another node hosts: clients are told, and their links close behind that.
   * @param successor who, as far as known
   */
  depose(successor: NodeId | null): void {
    if (this.#isDeposed || this.#isClosed) return;
    this.#isDeposed = true;
    this.host.handleDeposed(this.nowUs(), successor);
    for (let next = this.host.poll(); next !== null; next = this.host.poll()) this.#send(next.to, next.bytes);
    this.close();
  }

  /** Ends: links are closed once what waits has gone. */
  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#alarm.set(Infinity);
    this.#sweep?.cancel();
    for (const { link } of this.#clients.values()) link.close();
    this.#clients.clear();
  }

  #receive(number: LinkNumber, client: Client, bytes: Uint8Array): void {
    if (this.isOver || !this.#isAllowed()) return;
    const message = this.#decoder.decode(bytes);
    if (typeof message === "string") return this.#malformed(number, client, message);
    this.host.handleMessage(this.nowUs(), number, message);
    this.pumpSoon();
  }

  #malformed(number: LinkNumber, client: Client, problem: string): void {
    this.counters.malformed++;
    if (++client.malformed > MAX_MALFORMED) return client.link.close();
    const text = `this is no message of shared state: ${problem} at byte ${this.#decoder.problemAt}`;
    const { term } = this.host.epoch;
    const bytes = this.#encoder.encode({ kind: "error", term, code: "malformed", text });
    if (bytes !== null) this.#send(number, bytes);
  }

  #send(number: LinkNumber, bytes: Uint8Array): void {
    const client = this.#clients.get(number);
    if (client === undefined) return;
    if (!client.link.send(bytes)) {
      // It begins anew with what it has: nothing is lost but time.
      this.counters.overflown++;
      this.#clients.delete(number);
      client.link.close();
      this.host.handleLeft(this.nowUs(), number);
      return;
    }
    const { queuedBytes } = client.link;
    if (queuedBytes < FULL_BYTES || client.isFull) return;
    client.isFull = true;
    this.host.handleBacklog(this.nowUs(), number, queuedBytes);
  }

  #room(number: LinkNumber, client: Client): void {
    if (!client.isFull || client.link.queuedBytes > ROOM_BYTES || this.isOver) return;
    client.isFull = false;
    this.host.handleBacklog(this.nowUs(), number, client.link.queuedBytes);
    this.pumpSoon();
  }

  /** Links over which nobody is in are not kept for ever: those that say no hello, and those of clients that were sent away. */
  #sweepLater(): void {
    if (this.#sweep !== null || this.#isClosed) return;
    this.#sweep = this.#options.platform.timers.schedule(this.nowUs() + SWEEP_US, () => {
      this.#sweep = null;
      const nowUs = this.nowUs();
      for (const [number, client] of this.#clients) {
        if (this.host.isIn(number)) client.outSinceUs = Infinity;
        else if (client.outSinceUs === Infinity) client.outSinceUs = nowUs;
        else if (nowUs - client.outSinceUs >= UNJOINED_US) {
          this.counters.unjoined++;
          client.link.close();
        }
      }
      if (this.#clients.size > 0) this.#sweepLater();
    });
  }

  #isAllowed(): boolean {
    if (this.#options.mayHost()) return true;
    this.counters.forbidden++;
    this.depose(null);
    return false;
  }

  #arm(): void {
    const atUs = this.#isClosed ? Infinity : this.host.deadline()?.atUs ?? Infinity;
    this.#alarm.set(atUs);
  }
}
