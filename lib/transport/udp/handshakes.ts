// The handshakes of one endpoint: those that we ask for, those that we answer, and which of two that cross is taken.
// Decides when datagrams of the handshake go out (one timer for all of them) and whose a finished path is. The rules of
// the handshake itself stand in initiator.ts and responder.ts.

import { assert, HanaError } from "../../base/mod.ts";
import type { Clock, IpEndpoint, RandomStream, TimerHandle, Timers } from "../../platform/mod.ts";
import { type KeyRing, type NoiseSuite, type ReplayGuard } from "../../security/mod.ts";
import { formatHostPort } from "../address.ts";
import type { UdpCounters, UdpDrop } from "./counters.ts";
import { handshakeContext } from "./handshake_keys.ts";
import type { HandshakeContext } from "./handshake_keys.ts";
import { HANDSHAKE_BYTES, HandshakeType, INDEX_AT } from "./handshake_wire.ts";
import { encodeHello, type UdpHello } from "./hello.ts";
import { UdpInitiator } from "./initiator.ts";
import { readU32 } from "./numbers.ts";
import type { UdpPath, UdpPathOptions } from "./path.ts";
import { isSameAddress } from "./path_addresses.ts";
import { type HalfOpen, UdpResponder } from "./responder.ts";

/** A peer's handshake that goes before ours keeps ours waiting so long after each of its INITs, in µs. */
const YIELD_US = 1_500_000;

/** What an owner hears of a dial: one of the two, once, never inside `dial` itself. */
export interface DialHandlers {
  /**
   * There is a path. The owner sets its handlers before it returns, and where it has initiated the path it sends a
   * packet at once: the peer sends none before that.
   */
  onOpen(path: UdpPath): void;
  /** Nobody answered (`unreachable`). */
  onFailed(error: HanaError): void;
}

/** A dial under way. */
export interface UdpDial {
  readonly remote: IpEndpoint;
  /** Gives up; nothing is told. */
  cancel(): void;
}

/** What handshakes need of their endpoint. */
export interface HandshakeHost {
  readonly counters: UdpCounters;
  readonly isFull: boolean;
  drawIndex(): number;
  send(bytes: Uint8Array, to: IpEndpoint): void;
  openPath(options: Omit<UdpPathOptions, "suite" | "nowUs">): UdpPath;
  pathAt(index: number): UdpPath | null;
}

/** The same of the machine. */
interface Surroundings {
  readonly clock: Clock;
  readonly timers: Timers;
  readonly random: RandomStream;
  readonly suite: NoiseSuite;
}

interface Meanings {
  readonly ring: KeyRing;
  readonly hello: UdpHello;
  readonly replayGuard: ReplayGuard;
  readonly onAccept: (path: UdpPath) => void;
  readonly answers?: boolean;
}

class Dial implements UdpDial {
  /** While the peer's own handshake goes before this one. */
  yieldsUntilUs = -Infinity;

  constructor(
    readonly remote: IpEndpoint,
    readonly initiator: UdpInitiator,
    readonly handlers: DialHandlers,
    readonly onCancelled: (dial: Dial) => void,
  ) {}

  cancel(): void {
    this.onCancelled(this);
  }
}

/** All handshakes of an endpoint. */
export class Handshakes {
  readonly #host: HandshakeHost;
  readonly #around: Surroundings;
  readonly #meanings: Meanings;
  readonly #context: HandshakeContext;
  readonly #hello: Uint8Array;
  readonly #responder: UdpResponder;
  /** By our index as a signed number. */
  readonly #dials = new Map<number, Dial>();
  #timer: TimerHandle | null = null;
  #timerUs = Infinity;
  #closed = false;

  constructor(host: HandshakeHost, around: Surroundings, meanings: Meanings) {
    this.#host = host;
    this.#around = around;
    this.#meanings = meanings;
    this.#context = handshakeContext(around.suite, meanings.ring);
    const hello = encodeHello(meanings.hello);
    assert(hello !== null, "our hello fits");
    this.#hello = hello;
    this.#responder = new UdpResponder({
      context: this.#context,
      random: around.random,
      nowUs: around.clock.nowUs(),
      hello,
      replayGuard: meanings.replayGuard,
      drawIndex: () => host.drawIndex(),
      isCrossed: (from, senderIndex, ephemeral) => this.#isCrossed(from, senderIndex, ephemeral),
      onHalfOpen: (half) => this.#onHalfOpen(half),
      onForgotten: (half) => this.#onForgotten(half),
    });
  }

  /** Whether a dial has this index. */
  isDialling(index: number): boolean {
    return this.#dials.has(index | 0);
  }

  /** Starts to ask. With an access key there is nothing to ask by: the owner does not try. */
  dial(remote: IpEndpoint, handlers: DialHandlers): UdpDial {
    assert(this.#context.keys.length > 0, "an access key makes no handshake over datagrams");
    const nowUs = this.#around.clock.nowUs();
    const initiator = new UdpInitiator({
      context: this.#context,
      random: this.#around.random,
      nowUs,
      index: this.#host.drawIndex(),
      hello: this.#hello,
    });
    // Whoever sends our own question back to us gets no answer.
    this.#meanings.replayGuard.admit(initiator.publicKey);
    const dial = new Dial(remote, initiator, handlers, (cancelled) => this.#forget(cancelled));
    this.#dials.set(initiator.index | 0, dial);
    this.#arm();
    return dial;
  }

  /** A datagram of form 00 came, of a byte at least. */
  handleDatagram(nowUs: number, bytes: Uint8Array, from: IpEndpoint): void {
    const drop = this.#handle(nowUs, bytes, from);
    if (drop !== null) this.#host.counters.dropped[drop]++;
    this.#arm();
  }

  /** The first packet came on a path that we had answered: finds its owner. */
  onConfirmed(path: UdpPath): void {
    this.#responder.take(path.localIndex);
    this.#host.counters.handshakesFinished++;
    const remote = path.remote;
    for (const dial of this.#dials.values()) {
      if (remote === null || !isSameAddress(dial.remote, remote)) continue;
      this.#forget(dial);
      dial.handlers.onOpen(path);
      return;
    }
    this.#meanings.onAccept(path);
  }

  /** Nothing is sent and nothing is told any more. */
  close(): void {
    this.#closed = true;
    this.#dials.clear();
    this.#timer?.cancel();
    this.#timer = null;
  }

  #handle(nowUs: number, bytes: Uint8Array, from: IpEndpoint): UdpDrop | null {
    switch (bytes[0]) {
      case HandshakeType.init:
        return this.#handleInit(nowUs, bytes, from);
      case HandshakeType.response:
        return bytes.length === HANDSHAKE_BYTES ? this.#handleResponse(nowUs, bytes) : "unknown-form";
      case HandshakeType.cookie:
        return this.#handleCookie(nowUs, bytes);
      default:
        return "unknown-form";
    }
  }

  #handleInit(nowUs: number, bytes: Uint8Array, from: IpEndpoint): UdpDrop | null {
    if (this.#meanings.answers === false) return "stranger";
    if (this.#host.isFull) return "table-full";
    const { counters } = this.#host;
    const verdict = this.#responder.handleInit(nowUs, bytes, from);
    if (verdict === "answered" || verdict === "repeated") counters.responsesSent++;
    else if (verdict === "cookie") counters.cookiesSent++;
    else return verdict;
    this.#host.send(this.#responder.reply, from);
    return null;
  }

  #handleResponse(nowUs: number, bytes: Uint8Array): UdpDrop | null {
    const dial = this.#dials.get(readU32(bytes, INDEX_AT) | 0);
    if (dial === undefined) return "no-dial";
    if (nowUs < dial.yieldsUntilUs) return "crossed";
    const drop = dial.initiator.handleResponse(bytes);
    const { result } = dial.initiator;
    if (drop !== null || result === null) return drop;
    this.#forget(dial);
    this.#host.counters.handshakesFinished++;
    const path = this.#host.openPath({
      keys: result.keys,
      initiator: true,
      localIndex: dial.initiator.index,
      peerIndex: result.peerIndex,
      // Whatever address the answer came from: anybody could pass it on under somebody else's, and we would send there.
      remote: dial.remote,
      handlers: null,
      confirming: null,
      hello: result.hello,
      slot: result.slot,
    });
    dial.handlers.onOpen(path);
    return null;
  }

  #handleCookie(nowUs: number, bytes: Uint8Array): UdpDrop | null {
    const dial = bytes.length < INDEX_AT + 4 ? undefined : this.#dials.get(readU32(bytes, INDEX_AT) | 0);
    if (dial === undefined) return "no-dial";
    const drop = dial.initiator.handleCookie(nowUs, bytes);
    if (drop === null) this.#sendInit(nowUs, dial);
    return drop;
  }

  /**
   * Two nodes that dial each other at once: both take the handshake of the lower index, and between equal ones that of
   * the lower ephemeral key. The other one waits, for the case that nothing comes of the first.
   */
  #isCrossed(from: IpEndpoint, senderIndex: number, ephemeral: Uint8Array): boolean {
    for (const dial of this.#dials.values()) {
      if (!isSameAddress(dial.remote, from)) continue;
      const { index, publicKey } = dial.initiator;
      if (index < senderIndex || (index === senderIndex && compareBytes(publicKey, ephemeral) < 0)) {
        return true;
      }
      const untilUs = this.#around.clock.nowUs() + YIELD_US;
      dial.yieldsUntilUs = untilUs;
      dial.initiator.pause(untilUs);
    }
    return false;
  }

  #onHalfOpen(half: HalfOpen): void {
    this.#host.openPath({
      keys: half.keys,
      initiator: false,
      localIndex: half.localIndex,
      peerIndex: half.peerIndex,
      remote: null,
      handlers: null,
      confirming: half.answered,
      hello: half.hello,
      slot: half.slot,
    });
  }

  #onForgotten(half: HalfOpen): void {
    const { counters } = this.#host;
    counters.halfOpenExpired = this.#responder.expired;
    counters.halfOpenEvicted = this.#responder.evicted;
    this.#host.pathAt(half.localIndex)?.close();
  }

  #sendInit(nowUs: number, dial: Dial): void {
    const init = dial.initiator.pollDatagram(nowUs);
    if (init === null) return;
    this.#host.counters.initsSent++;
    this.#host.send(init, dial.remote);
  }

  #forget(dial: Dial): void {
    if (this.#dials.get(dial.initiator.index | 0) === dial) this.#dials.delete(dial.initiator.index | 0);
  }

  #onTimer(): void {
    this.#timer = null;
    this.#timerUs = Infinity;
    if (this.#closed) return;
    const nowUs = this.#around.clock.nowUs();
    this.#responder.handleTimeout(nowUs);
    for (const dial of [...this.#dials.values()]) {
      if (this.#closed) return;
      dial.initiator.handleTimeout(nowUs);
      if (dial.initiator.state === "failed") {
        this.#forget(dial);
        dial.handlers.onFailed(unanswered(dial));
      } else this.#sendInit(nowUs, dial);
    }
    this.#arm();
  }

  /** Sets the timer to the earliest deadline of all. */
  #arm(): void {
    if (this.#closed) return;
    let atUs = this.#responder.pollTimeout()?.atUs ?? Infinity;
    for (const dial of this.#dials.values()) {
      atUs = Math.min(atUs, dial.initiator.pollTimeout()?.atUs ?? Infinity);
    }
    if (atUs >= this.#timerUs || atUs === Infinity) return; // one that comes too early looks again
    this.#timer?.cancel();
    this.#timerUs = atUs;
    this.#timer = this.#around.timers.schedule(atUs, () => this.#onTimer());
  }
}

function unanswered({ remote, initiator }: Dial): HanaError {
  const address = formatHostPort(remote.host, remote.port);
  return new HanaError("unreachable", {
    what: `udp://${address} did not answer`,
    why:
      `${initiator.attempts} handshakes stayed unanswered: nobody is there, a firewall drops UDP, or the mesh keys differ`,
    hint: `hana ping tcp://${address} (reaches it where only UDP is blocked)`,
  });
}

function compareBytes(a: Uint8Array, b: Uint8Array): number {
  for (let i = 0; i < a.length && i < b.length; i++) {
    const difference = (a[i] ?? 0) - (b[i] ?? 0);
    if (difference !== 0) return difference;
  }
  return a.length - b.length;
}
