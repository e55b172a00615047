// The end that is asked: judges INITs, cheapest check first, and keeps the handshakes that it has answered until their
// senders prove by a first packet that they are no recording. A state machine without I/O.
// Decides who gets an answer and who must show a cookie first. A stranger gets none; nobody gets more bytes than it sent;
// nothing is kept of an INIT that has not proved the mesh key and, under load, its address.

import { toHex } from "../../base/mod.ts";
import type { IpEndpoint, RandomStream } from "../../platform/mod.ts";
import {
  type DirectionKeys,
  NoiseHandshake,
  type ReplayGuard,
  type RingSlot,
  SESSION_SUITE,
  X25519_BYTES,
} from "../../security/mod.ts";
import { CookieJar } from "./cookies.ts";
import type { UdpDrop } from "./counters.ts";
import { type HandshakeContext, type HandshakeKey, UDP_KEYS_LABEL } from "./handshake_keys.ts";
import {
  HANDSHAKE_BYTES,
  INDEX_AT,
  INIT_MAC1_AT,
  initEphemeral,
  initKeyId,
  initMac1At,
  initMessage,
  isPossibleInit,
  OFFER_AT,
  prologueOf,
  RESPONSE_MAC1_AT,
  startResponse,
  SUITE_AT,
  UDP_HANDSHAKE_VERSION,
  VERSION_AT,
} from "./handshake_wire.ts";
import { decodeHello, type UdpHello } from "./hello.ts";
import { readU32 } from "./numbers.ts";
import { isSameAddress } from "./path_addresses.ts";
import { SourceRates } from "./source_rates.ts";

/** Above this many INITs a second from one source a cookie is demanded … */
export const COOKIE_INITS_PER_SOURCE = 50;
/** … and above this many from all of them … */
export const COOKIE_INITS_PER_NODE = 200;
/** … and while this many answered handshakes wait for their first packet. */
export const COOKIE_HALF_OPEN = 256;
/** Answered handshakes that are kept; the oldest gives way. */
export const MAX_HALF_OPEN = 1024;
/** INITs that are answered a second for a source that has shown a cookie. */
export const MAX_PROVEN_INITS_PER_SECOND = 50;
/** Addresses to which the answer to one question goes. */
export const MAX_ANSWERED = 4;
/** How long an answered handshake waits for its first packet, in µs: as long as an initiator asks. */
export const HALF_OPEN_US = 10_000_000;

/** A handshake that was answered and not confirmed. */
export interface HalfOpen {
  readonly localIndex: number;
  readonly peerIndex: number;
  /** Where our answer went: more than one address where somebody repeats the question. */
  readonly answered: IpEndpoint[];
  readonly keys: DirectionKeys;
  readonly hello: UdpHello;
  readonly slot: RingSlot;
  readonly response: Uint8Array;
  readonly ephemeral: string;
  readonly expiresAtUs: number;
}

/** What a responder starts from. */
export interface UdpResponderOptions {
  readonly context: HandshakeContext;
  readonly random: RandomStream;
  readonly nowUs: number;
  /** An encoded hello. */
  readonly hello: Uint8Array;
  readonly replayGuard: ReplayGuard;
  /** A receiver index that is free. */
  readonly drawIndex: () => number;
  /** Whether a handshake of ours with the same peer is under way and goes first. */
  readonly isCrossed: (from: IpEndpoint, senderIndex: number, ephemeral: Uint8Array) => boolean;
  /** A handshake was answered and now waits; or waits no more, without having been confirmed. */
  readonly onHalfOpen: (half: HalfOpen) => void;
  readonly onForgotten: (half: HalfOpen) => void;
}

/** What became of an INIT: an answer that is to be sent ({@linkcode UdpResponder.reply}), or why it was dropped. */
export type InitVerdict = "answered" | "repeated" | "cookie" | UdpDrop;

/** The end that is asked. */
export class UdpResponder {
  /** What to send back to where the INIT came from; set when {@linkcode handleInit} does not drop. */
  reply: Uint8Array = new Uint8Array(0);
  /** Answered handshakes that waited in vain, and those that gave way to newer ones. */
  expired = 0;
  evicted = 0;
  readonly #options: UdpResponderOptions;
  readonly #cookies: CookieJar;
  readonly #inits: SourceRates;
  readonly #proven: SourceRates;
  /** By index as a signed number; in order of their deadlines. */
  readonly #halfOpen = new Map<number, HalfOpen>();
  readonly #byEphemeral = new Map<string, HalfOpen>();

  constructor(options: UdpResponderOptions) {
    const { nowUs, random } = options;
    this.#options = options;
    this.#cookies = new CookieJar(nowUs, random);
    this.#inits = new SourceRates(nowUs, random.u32());
    this.#proven = new SourceRates(nowUs, random.u32());
  }

  /** Handshakes that wait for their first packet. */
  get halfOpenCount(): number {
    return this.#halfOpen.size;
  }

  /** The handshake that waits under this index; null for none. */
  find(index: number): HalfOpen | null {
    return this.#halfOpen.get(index | 0) ?? null;
  }

  /** Its first packet came, or there is no use for it: forgets it. */
  take(index: number): HalfOpen | null {
    const found = this.#halfOpen.get(index | 0);
    if (found === undefined) return null;
    this.#halfOpen.delete(index | 0);
    this.#byEphemeral.delete(found.ephemeral);
    return found;
  }

  /** When {@linkcode handleTimeout} wants to be called; null for never. */
  pollTimeout(): { readonly atUs: number; readonly reason: "half-open" } | null {
    for (const first of this.#halfOpen.values()) return { atUs: first.expiresAtUs, reason: "half-open" };
    return null;
  }

  /** Forgets handshakes that nobody confirmed in time. */
  handleTimeout(nowUs: number): void {
    for (const half of this.#halfOpen.values()) {
      if (half.expiresAtUs > nowUs) break;
      this.take(half.localIndex);
      this.expired++;
      this.#options.onForgotten(half);
    }
  }

  /** Judges an INIT. */
  handleInit(nowUs: number, init: Uint8Array, from: IpEndpoint): InitVerdict {
    if (init.length !== HANDSHAKE_BYTES) return "unknown-form";
    if (init[VERSION_AT] !== UDP_HANDSHAKE_VERSION || init[SUITE_AT] !== SESSION_SUITE.number) {
      return "bad-version";
    }
    if (!isPossibleInit(init)) return "unknown-form";
    const offers = init[OFFER_AT] ?? 0;
    for (let offer = 0; offer < offers; offer++) {
      const key = this.#find(initKeyId(init, offer));
      if (key === null) continue;
      if (!key.mac1.verify(init, 0, INIT_MAC1_AT, init, initMac1At(offer))) return "forged";
      return this.#judge(nowUs, init, from, offer, key);
    }
    return "stranger";
  }

  #find(keyId: Uint8Array): HandshakeKey | null {
    const { context } = this.#options;
    const key = context.ring.find(keyId);
    return context.keys.find((each) => each.key === key) ?? null;
  }

  /** From here on the sender has the mesh key, or repeats somebody who has. */
  #judge(nowUs: number, init: Uint8Array, from: IpEndpoint, offer: number, key: HandshakeKey): InitVerdict {
    const ofSource = this.#inits.count(nowUs, from.host);
    const isLoaded = ofSource > COOKIE_INITS_PER_SOURCE || this.#inits.total(nowUs) > COOKIE_INITS_PER_NODE ||
      this.#halfOpen.size >= COOKIE_HALF_OPEN;
    if (isLoaded) {
      if (!this.#cookies.verify(nowUs, init, from)) {
        this.reply = this.#cookies.answer(nowUs, init, offer, key, from);
        return "cookie";
      }
      if (this.#proven.count(nowUs, from.host) > MAX_PROVEN_INITS_PER_SECOND) return "rate-limited";
    }
    const ephemeral = initEphemeral(init);
    const known = this.#byEphemeral.get(toHex(ephemeral));
    if (known !== undefined) {
      // Our answer was lost, or somebody repeats the question. A copy from another address may have come before the
      // original, so that one is answered as well: the same bytes, and never more of them than were asked with.
      if (!known.answered.some((address) => isSameAddress(address, from))) {
        if (known.answered.length >= MAX_ANSWERED) return "replayed";
        known.answered.push({ host: from.host, port: from.port });
      }
      this.reply = known.response;
      return "repeated";
    }
    if (this.#options.replayGuard.knows(ephemeral)) return "replayed";
    return this.#answer(nowUs, init, from, offer, key);
  }

  #answer(nowUs: number, init: Uint8Array, from: IpEndpoint, offer: number, key: HandshakeKey): InitVerdict {
    const { context, random, replayGuard, hello } = this.#options;
    const ephemeral = initEphemeral(init);
    const handshake = NoiseHandshake.responder({
      suite: context.suite,
      psk: key.psk,
      prologue: prologueOf(init),
      ephemeral: random.fill(new Uint8Array(X25519_BYTES)),
    });
    const payload = handshake.readMessage(initMessage(init, offer));
    if (payload === null) return handshake.failure === "weak-key" ? "weak-key" : "forged";
    const peerHello = decodeHello(payload);
    if (peerHello === null) return "bad-hello";
    const peerIndex = readU32(init, INDEX_AT);
    // Before the guard: when our own handshake comes to nothing, theirs is to be answered after all.
    if (this.#options.isCrossed(from, peerIndex, ephemeral)) return "crossed";
    if (!replayGuard.admit(ephemeral)) return "replayed";

    const localIndex = this.#options.drawIndex();
    const message = handshake.writeMessage(hello);
    const response = startResponse(
      SESSION_SUITE.number,
      offer,
      peerIndex,
      localIndex,
      hello.length,
      message,
    );
    key.mac1.sign(response, 0, RESPONSE_MAC1_AT, response, RESPONSE_MAC1_AT);
    this.#keep({
      localIndex,
      peerIndex,
      answered: [{ host: from.host, port: from.port }],
      keys: handshake.exporter().keys(UDP_KEYS_LABEL),
      hello: peerHello,
      slot: key.key === context.ring.primary ? "primary" : "previous",
      response,
      ephemeral: toHex(ephemeral),
      expiresAtUs: nowUs + HALF_OPEN_US,
    });
    this.reply = response;
    return "answered";
  }

  #keep(half: HalfOpen): void {
    if (this.#halfOpen.size >= MAX_HALF_OPEN) {
      for (const oldest of this.#halfOpen.values()) {
        this.take(oldest.localIndex);
        this.evicted++;
        this.#options.onForgotten(oldest);
        break;
      }
    }
    this.#halfOpen.set(half.localIndex | 0, half);
    this.#byEphemeral.set(half.ephemeral, half);
    this.#options.onHalfOpen(half);
  }
}
