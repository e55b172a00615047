// The end that asks: sends INIT until a RESPONSE comes or the time is over. A state machine without I/O:
// datagrams and timeouts in, `pollDatagram` and the next deadline out.
// Decides when to ask again and what counts as an answer. Never throws for anything that came from the network.

import type { RandomStream } from "../../platform/mod.ts";
import {
  type DirectionKeys,
  NoiseHandshake,
  type RingSlot,
  SESSION_SUITE,
  X25519_BYTES,
} from "../../security/mod.ts";
import { openCookie, setMac2 } from "./cookies.ts";
import type { UdpDrop } from "./counters.ts";
import { type HandshakeContext, type HandshakeKey, UDP_KEYS_LABEL } from "./handshake_keys.ts";
import {
  INIT_MAC1_AT,
  initEphemeral,
  initMac1At,
  isPossibleResponse,
  OFFER_AT,
  prologueOf,
  RESPONSE_MAC1_AT,
  responseMessage,
  responseSender,
  setInitMessage,
  startInit,
  SUITE_AT,
  UDP_HANDSHAKE_VERSION,
  VERSION_AT,
} from "./handshake_wire.ts";
import { decodeHello, type UdpHello } from "./hello.ts";

/** Pauses between one INIT and the next, in µs; the last one repeats (lanes research 4.10). */
export const RETRY_US: readonly number[] = [100_000, 200_000, 400_000, 800_000, 1_000_000];
/** Each pause is longer or shorter by up to this share, so that a mesh that starts at once does not ask in step. */
export const RETRY_JITTER = 0.2;
/** Nobody is there when nothing came for so long, in µs. */
export const GIVE_UP_US = 10_000_000;

/** What an initiator starts from. */
export interface UdpInitiatorOptions {
  readonly context: HandshakeContext;
  readonly random: RandomStream;
  readonly nowUs: number;
  /** Our receiver index for this path. */
  readonly index: number;
  /** An encoded hello. */
  readonly hello: Uint8Array;
  readonly giveUpUs?: number;
}

/** What a finished handshake gives. */
export interface UdpHandshakeResult {
  readonly keys: DirectionKeys;
  readonly peerIndex: number;
  readonly hello: UdpHello;
  readonly slot: RingSlot;
}

/** `waiting` for a RESPONSE, `answered`, or `failed`: nobody answered in time. */
export type UdpInitiatorState = "waiting" | "answered" | "failed";

/** The end that asks. */
export class UdpInitiator {
  readonly index: number;
  /** INITs that were sent. */
  attempts = 0;
  readonly #context: HandshakeContext;
  readonly #random: RandomStream;
  readonly #hello: Uint8Array;
  readonly #giveUpAtUs: number;
  readonly #init: Uint8Array;
  /** Kept until the answer, so that an answer that was forged by a member costs a counter and not the handshake. */
  readonly #ephemeral: Uint8Array;
  #handshakes: NoiseHandshake[];
  #nextSendUs: number;
  #mayTakeCookie = false;
  #state: UdpInitiatorState = "waiting";
  #result: UdpHandshakeResult | null = null;

  constructor(options: UdpInitiatorOptions) {
    const { context, random, nowUs, index, hello } = options;
    this.#context = context;
    this.#random = random;
    this.#hello = hello;
    this.index = index;
    this.#giveUpAtUs = nowUs + (options.giveUpUs ?? GIVE_UP_US);
    this.#nextSendUs = nowUs;
    this.#ephemeral = random.fill(new Uint8Array(X25519_BYTES));
    this.#init = startInit(SESSION_SUITE.number, context.keys.map(({ key }) => key.id), index, hello.length);
    const prologue = prologueOf(this.#init);
    this.#handshakes = context.keys.map((key, offer) => {
      const handshake = this.#handshake(key, prologue);
      setInitMessage(this.#init, offer, handshake.writeMessage(hello));
      return handshake;
    });
    for (const [offer, { mac1 }] of context.keys.entries()) {
      mac1.sign(this.#init, 0, INIT_MAC1_AT, this.#init, initMac1At(offer));
    }
  }

  get state(): UdpInitiatorState {
    return this.#state;
  }

  /** What came of it; null unless `answered`. */
  get result(): UdpHandshakeResult | null {
    return this.#result;
  }

  /** Our ephemeral public key. */
  get publicKey(): Uint8Array {
    return initEphemeral(this.#init);
  }

  /** When {@linkcode pollDatagram} or {@linkcode handleTimeout} wants to be called, and why; null when it is over. */
  pollTimeout(): { readonly atUs: number; readonly reason: "handshake" | "give-up" } | null {
    if (this.#state !== "waiting") return null;
    return this.#nextSendUs < this.#giveUpAtUs
      ? { atUs: this.#nextSendUs, reason: "handshake" }
      : { atUs: this.#giveUpAtUs, reason: "give-up" };
  }

  /** Gives up when the time is over. */
  handleTimeout(nowUs: number): void {
    if (this.#state === "waiting" && nowUs >= this.#giveUpAtUs) this.#state = "failed";
  }

  /** Asks nothing before `untilUs`: the peer's own handshake goes first. */
  pause(untilUs: number): void {
    this.#nextSendUs = Math.max(this.#nextSendUs, untilUs);
  }

  /** The INIT, when it is time to send it; null when not. The bytes stay as they are until the next call. */
  pollDatagram(nowUs: number): Uint8Array | null {
    if (this.#state !== "waiting" || nowUs < this.#nextSendUs || nowUs >= this.#giveUpAtUs) return null;
    const pauseUs = RETRY_US[Math.min(this.attempts, RETRY_US.length - 1)] ?? GIVE_UP_US;
    this.#nextSendUs = nowUs + Math.round(pauseUs * (1 + RETRY_JITTER * (2 * this.#random.float() - 1)));
    this.attempts++;
    this.#mayTakeCookie = true;
    return this.#init;
  }

  /** A COOKIE for our index came: the same question goes out again at once, with the proof. One an INIT that we sent. */
  handleCookie(nowUs: number, bytes: Uint8Array): UdpDrop | null {
    if (this.#state !== "waiting") return "no-dial";
    if (bytes[VERSION_AT] !== UDP_HANDSHAKE_VERSION || bytes[SUITE_AT] !== SESSION_SUITE.number) {
      return "bad-version";
    }
    const key = this.#context.keys[bytes[OFFER_AT] ?? 0];
    if (key === undefined) return "unknown-form";
    if (!this.#mayTakeCookie) return "rate-limited";
    const cookie = openCookie(bytes, this.#init, key);
    if (cookie === null) return "forged";
    this.#mayTakeCookie = false;
    setMac2(this.#init, cookie);
    this.#nextSendUs = nowUs;
    return null;
  }

  /** A RESPONSE for our index came. Returns why it was dropped, or null when {@linkcode result} is there. */
  handleResponse(bytes: Uint8Array): UdpDrop | null {
    if (this.#state !== "waiting") return "no-dial";
    if (bytes[VERSION_AT] !== UDP_HANDSHAKE_VERSION || bytes[SUITE_AT] !== SESSION_SUITE.number) {
      return "bad-version";
    }
    if (!isPossibleResponse(bytes)) return "unknown-form";
    const offer = bytes[OFFER_AT] ?? 0;
    const key = this.#context.keys[offer];
    const handshake = this.#handshakes[offer];
    if (key === undefined || handshake === undefined) return "unknown-form";
    if (!key.mac1.verify(bytes, 0, RESPONSE_MAC1_AT, bytes, RESPONSE_MAC1_AT)) return "forged";
    const payload = handshake.readMessage(responseMessage(bytes));
    const hello = payload === null ? null : decodeHello(payload);
    if (hello === null) {
      const reason = payload !== null
        ? "bad-hello"
        : handshake.failure === "weak-key"
        ? "weak-key"
        : "forged";
      this.#handshakes[offer] = this.#again(key);
      return reason;
    }
    this.#result = {
      keys: handshake.exporter().keys(UDP_KEYS_LABEL),
      peerIndex: responseSender(bytes),
      hello,
      slot: key.key === this.#context.ring.primary ? "primary" : "previous",
    };
    this.#state = "answered";
    this.#handshakes = [];
    this.#ephemeral.fill(0);
    return null;
  }

  #handshake(key: HandshakeKey, prologue: Uint8Array): NoiseHandshake {
    const { suite } = this.#context;
    return NoiseHandshake.initiator({ suite, psk: key.psk, prologue, ephemeral: this.#ephemeral });
  }

  /** The same question once more, since a handshake that has read a false answer is dead. */
  #again(key: HandshakeKey): NoiseHandshake {
    const handshake = this.#handshake(key, prologueOf(this.#init));
    handshake.writeMessage(this.#hello);
    return handshake;
  }
}
