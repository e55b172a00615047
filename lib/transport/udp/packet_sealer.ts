// Seals and opens the data packets of one path.
//   form u8 (01 · key phase · immediate · 0000) · receiver index u32 · packet number u32 (low bits) · ciphertext · tag 16
// Decides keys, nonces (the full packet number) and when keys are renewed; never what the text means and who gets it.
// Only the initiator renews, the responder follows: a key is never more than one step ahead of what the peer has proved
// to know, so that one bit in the header is enough (the idea of RFC 9001 section 6, without its race).
// Hot path: no allocation a packet, no exception for anything that a peer sends.

import { assert } from "../../base/mod.ts";
import {
  type Aead,
  AEAD_KEY_BYTES,
  AEAD_NONCE_BYTES,
  AEAD_TAG_BYTES,
  type DirectionKeys,
  type NoiseSuite,
  ReplayWindow,
  setNonce,
} from "../../security/mod.ts";
import {
  expand32,
  PACKET_HEADER_BYTES,
  PACKET_OVERHEAD_BYTES,
  PacketHeader,
  writePacketHeader,
} from "../../lanes/mod.ts";
import type { DatagramBuffer } from "./datagram_buffer.ts";

/** Renewed after this many packets either way: at 50,000 a second an hour and a half, so that the clock decides. */
export const REKEY_PACKETS: number = 2 ** 28;
/** Renewed after an hour (lanes research 4.10), in µs. */
export const REKEY_US = 3_600_000_000;
/** How long the key before is kept for packets that were overtaken, in µs: a second is 3 PTO of a bad wireless link. */
export const KEEP_OLD_KEY_US = 1_000_000;

const REKEY_INFO = new TextEncoder().encode("hana lanes rekey");

/** What {@linkcode PacketSealer.open} returns instead of a length. */
export const OpenRefusal = {
  /** Altered, made by a stranger, or sealed under a key that is gone. */
  forged: -1,
  /** Seen before, or too old to know. */
  replayed: -2,
  /** Too short, or no data packet of this version. */
  malformed: -3,
} as const;

/** What keeps count of packet numbers where one number space spans several paths; a connection of lanes is one. */
export interface PacketNumbers {
  /** The full number whose low 32 bits these are, nearest to what is expected. */
  expandNumber(low32: number): number;
  /** Whether it is neither seen nor too old. Changes nothing. */
  canAccept(number: number): boolean;
}

/** What a sealer starts from. */
export interface PacketSealerOptions {
  readonly suite: NoiseSuite;
  /** 32 bytes each, from {@linkcode SecureChannel.exportKeys} or the handshake over datagrams. */
  readonly keys: DirectionKeys;
  /** Whether this end spoke first in the handshake: it is the one that renews keys. */
  readonly initiator: boolean;
  readonly nowUs: number;
  /** {@linkcode REKEY_PACKETS}, {@linkcode REKEY_US} and {@linkcode KEEP_OLD_KEY_US} unless given. */
  readonly rekeyPackets?: number;
  readonly rekeyUs?: number;
  readonly keepOldKeyUs?: number;
}

/** Counters of a sealer. */
export interface SealerStats {
  sealed: number;
  opened: number;
  forged: number;
  replayed: number;
  malformed: number;
  /** Times that a key of either direction was replaced. */
  keysRenewed: number;
}

/** Seals one direction and opens the other. */
export class PacketSealer {
  readonly stats: SealerStats = {
    sealed: 0,
    opened: 0,
    forged: 0,
    replayed: 0,
    malformed: 0,
    keysRenewed: 0,
  };
  /** Of the packet that was opened last: its full number, whether it was the highest so far, whether it asks for an ack. */
  number = -1;
  isHighest = false;
  isImmediate = false;
  readonly #suite: NoiseSuite;
  readonly #initiator: boolean;
  readonly #rekeyPackets: number;
  readonly #rekeyUs: number;
  readonly #keepOldKeyUs: number;
  readonly #header = new PacketHeader();
  readonly #nonce = new Uint8Array(AEAD_NONCE_BYTES);
  readonly #window = new ReplayWindow();
  #numbers: PacketNumbers | null = null;
  #highest = -1;

  #sendKey: Uint8Array;
  #sendAead: Aead;
  #sendGeneration = 0;
  #lastSent = -1;
  /** Packets under the present keys, both ways, and since when. */
  #packets = 0;
  #sinceUs: number;

  #receiveKey: Uint8Array;
  #receiveAead: Aead;
  #receiveGeneration = 0;
  /** The first number opened under the present key. Numbers grow: of the key before are lower ones alone. */
  #first = 0;
  #hasOpened = false;
  #nextKey: Uint8Array | null = null;
  #nextAead: Aead | null = null;
  #previousAead: Aead | null = null;
  #previousUntilUs = 0;

  constructor(options: PacketSealerOptions) {
    const { suite, keys, initiator, nowUs } = options;
    this.#suite = suite;
    this.#initiator = initiator;
    this.#rekeyPackets = options.rekeyPackets ?? REKEY_PACKETS;
    this.#rekeyUs = options.rekeyUs ?? REKEY_US;
    this.#keepOldKeyUs = options.keepOldKeyUs ?? KEEP_OLD_KEY_US;
    this.#sinceUs = nowUs;
    this.#sendKey = keys.send.slice();
    this.#receiveKey = keys.receive.slice();
    this.#sendAead = suite.cipher.withKey(this.#sendKey);
    this.#receiveAead = suite.cipher.withKey(this.#receiveKey);
  }

  /** Lets the owner keep count of received numbers; without one the sealer's own window does. */
  setNumbers(numbers: PacketNumbers | null): void {
    this.#numbers = numbers;
  }

  /** Times that the sending key was renewed; its lowest bit stands in the header. */
  get sendGeneration(): number {
    return this.#sendGeneration;
  }

  /** Times that the receiving key was renewed. */
  get receiveGeneration(): number {
    return this.#receiveGeneration;
  }

  /**
   * Makes a packet of the `textBytes` bytes that stand in `buffer` from byte 9 on. Returns the bytes of the datagram.
   * @param number must be higher than all numbers sealed before: it is the nonce
   */
  seal(
    nowUs: number,
    buffer: DatagramBuffer,
    receiverIndex: number,
    number: number,
    immediate: boolean,
    textBytes: number,
  ): number {
    assert(number > this.#lastSent, "packet numbers grow: a nonce is used once");
    assert(textBytes >= 0 && textBytes + PACKET_OVERHEAD_BYTES <= buffer.capacityBytes, "the text fits");
    if (this.#initiator && (this.#packets >= this.#rekeyPackets || nowUs - this.#sinceUs >= this.#rekeyUs)) {
      this.#maybeRenew(nowUs);
    }
    this.#lastSent = number;
    writePacketHeader(buffer.bytes, 0, this.#sendGeneration & 1, immediate, receiverIndex, number);
    setNonce(this.#nonce, this.#suite.cipher.name, number);
    const text = buffer.afterHeader(textBytes);
    const sealed = buffer.afterHeader(textBytes + AEAD_TAG_BYTES);
    this.#sendAead.seal(sealed, this.#nonce, buffer.header, text);
    this.#packets++;
    this.stats.sealed++;
    return textBytes + PACKET_OVERHEAD_BYTES;
  }

  /**
   * Opens the packet that fills the first `length` bytes of `buffer`; its text then stands from byte 9 on. Returns the
   * bytes of the text, or an {@linkcode OpenRefusal}, after which nothing has changed but a counter. Says more in
   * {@linkcode number}, {@linkcode isHighest}, {@linkcode isImmediate}.
   */
  open(nowUs: number, buffer: DatagramBuffer, length: number): number {
    const header = this.#header;
    if (!header.read(buffer.bytes, 0, length)) {
      this.stats.malformed++;
      return OpenRefusal.malformed;
    }
    const number = this.#numbers === null
      ? expand32(header.number, this.#highest + 1)
      : this.#numbers.expandNumber(header.number);
    if (!this.#window.canAccept(number) || (this.#numbers !== null && !this.#numbers.canAccept(number))) {
      this.stats.replayed++;
      return OpenRefusal.replayed;
    }
    setNonce(this.#nonce, this.#suite.cipher.name, number);
    const textBytes = this.#openWith(nowUs, buffer, length, header.keyPhase, number);
    if (textBytes < 0) {
      this.stats.forged++;
      return OpenRefusal.forged;
    }
    this.#window.commit(number);
    this.number = number;
    this.isImmediate = header.isImmediate;
    this.isHighest = number > this.#highest;
    if (this.isHighest) this.#highest = number;
    this.#packets++;
    this.stats.opened++;
    return textBytes;
  }

  #openWith(nowUs: number, buffer: DatagramBuffer, length: number, phase: number, number: number): number {
    const sealed = buffer.afterHeader(length - PACKET_HEADER_BYTES);
    const text = buffer.afterHeader(length - PACKET_OVERHEAD_BYTES);
    if (phase === (this.#receiveGeneration & 1)) {
      const opened = this.#receiveAead.open(text, this.#nonce, buffer.header, sealed);
      if (opened < 0) return opened;
      this.#hasOpened = true;
      return opened;
    }
    // Of two neighbours of the present key: numbers grow, so what is below its first packet is of the one before.
    if (number < this.#first) {
      const previous = this.#previousAead;
      if (previous === null) return OpenRefusal.forged;
      if (nowUs >= this.#previousUntilUs) {
        this.#previousAead = null;
        return OpenRefusal.forged;
      }
      return previous.open(text, this.#nonce, buffer.header, sealed);
    }
    // Only the initiator goes first, so it is never shown a key that it has not used itself.
    if (this.#initiator && this.#receiveGeneration >= this.#sendGeneration) return OpenRefusal.forged;
    const opened = this.#next().open(text, this.#nonce, buffer.header, sealed);
    if (opened >= 0) this.#follow(nowUs, number);
    return opened;
  }

  /** The receiving key after this one; made once, so that a flood with the other phase costs no derivations. */
  #next(): Aead {
    this.#nextKey ??= this.#renewed(this.#receiveKey);
    this.#nextAead ??= this.#suite.cipher.withKey(this.#nextKey);
    return this.#nextAead;
  }

  /** The peer has proved that it uses the next key. */
  #follow(nowUs: number, number: number): void {
    this.#previousAead = this.#receiveAead;
    this.#previousUntilUs = nowUs + this.#keepOldKeyUs;
    this.#receiveAead = this.#next();
    this.#receiveKey = this.#nextKey ?? this.#receiveKey;
    this.#nextKey = null;
    this.#nextAead = null;
    this.#receiveGeneration++;
    this.#first = number;
    this.#hasOpened = true;
    this.stats.keysRenewed++;
    if (this.#sendGeneration < this.#receiveGeneration) this.#renewSending(nowUs);
  }

  /** Goes one key on when the peer has proved that it knows the present one. */
  #maybeRenew(nowUs: number): void {
    if (this.#sendGeneration === this.#receiveGeneration && this.#hasOpened) this.#renewSending(nowUs);
  }

  #renewSending(nowUs: number): void {
    this.#sendKey = this.#renewed(this.#sendKey);
    this.#sendAead = this.#suite.cipher.withKey(this.#sendKey);
    this.#sendGeneration++;
    this.#packets = 0;
    this.#sinceUs = nowUs;
    this.stats.keysRenewed++;
  }

  /** One way: who learns a key opens nothing that was sealed under those before. */
  #renewed(key: Uint8Array): Uint8Array {
    const [next] = this.#suite.hash.hkdf(key, REKEY_INFO, 2);
    assert(next !== undefined, "a derivation has an output");
    return next.slice(0, AEAD_KEY_BYTES);
  }
}
