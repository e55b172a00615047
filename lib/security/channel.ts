// An encrypted and authenticated conversation over any byte stream, without I/O.
//   dialler: preamble, message 1 →    ← listener: index, message 2     then records both ways:
//   length u16 (ciphertext and tag) · ciphertext · tag 16 B; the nonce is the count of records
// Decides who is in the mesh, what was really said, when keys are renewed. Never says a word to a stranger, never
// throws for a peer's bytes, never queues plaintext: lib/session batches, lib/transport sends.

import { assert } from "../base/mod.ts";
import type { RandomStream } from "../platform/mod.ts";
import { AEAD_TAG_BYTES, NO_AAD } from "./aead.ts";
import type { ChannelCounters, ChannelFailure } from "./channel_failure.ts";
import {
  ANSWER_BYTES,
  encodeAccessPreamble,
  encodePreamble,
  isAccessOpening,
  MAX_OPENING_BYTES,
  offerCount,
  offeredKeyId,
  offeredMessage,
  openingLength,
  preambleBytes,
  readAccessOpening,
} from "./channel_preamble.ts";
import type { DirectionKeys, KeyExporter } from "./exporter.ts";
import type { AccessClaim } from "./access_key.ts";
import type { RingKey } from "./derivation.ts";
import type { KeyRing, MeshKey, MeshKeyRing, RingSlot } from "./mesh_key.ts";
import { NoiseHandshake, type NoiseTransport } from "./noise.ts";
import { type NoiseSuite, SESSION_SUITE } from "./noise_suite.ts";
import type { ReplayGuard } from "./replay_guard.ts";
import { X25519_BYTES } from "./x25519.ts";

const LENGTH_BYTES = 2;
/** What a record adds to its plaintext. */
export const RECORD_OVERHEAD_BYTES: number = LENGTH_BYTES + AEAD_TAG_BYTES;
/** The most plaintext that one record carries: 65,535 less the tag (Noise revision 34, section 3). */
export const MAX_RECORD_PLAINTEXT_BYTES: number = 65_535 - AEAD_TAG_BYTES;
/** A direction's key is renewed after this many records … */
export const REKEY_RECORDS: number = 2 ** 20;
/** … or this many bytes of plaintext, whichever comes first. Both sides count, so nothing is said about it. */
export const REKEY_BYTES: number = 2 ** 30;

const FIRST_BUFFER_BYTES = 4096;

/** What the channels of one node have in common. */
export interface ChannelContext {
  readonly suite: NoiseSuite;
  readonly ring: KeyRing;
  /** The platform's secure source. */
  readonly random: RandomStream;
  readonly counters: ChannelCounters;
  /** Shared by everything that listens with the same ring. */
  readonly replayGuard: ReplayGuard;
  /** Milliseconds since 1970 as this machine believes, for access keys that end; none ends without it. */
  readonly wallMs?: () => number;
  /** {@linkcode REKEY_RECORDS} and {@linkcode REKEY_BYTES} unless given; part of the protocol, so for tests alone. */
  readonly rekeyRecords?: number;
  readonly rekeyBytes?: number;
}

/** Where decrypted bytes go. */
export interface ChannelSink {
  /** One record's plaintext, at least a byte. Valid during the call only. May close the channel. */
  onPlaintext(bytes: Uint8Array): void;
}

/**
 * `confirming` is a listener's state alone: it has answered, and waits for a first authentic record as proof that
 * the dialler is there and no recording of one.
 */
export type ChannelState = "handshaking" | "confirming" | "established" | "failed" | "closed";

/** One direction's key with the count towards its renewal. */
class Direction {
  records = 0;
  bytes = 0;

  constructor(readonly cipher: NoiseTransport["send"]) {}
}

/** One end of an encrypted conversation. */
export class SecureChannel {
  readonly role: "dialler" | "listener";
  readonly #context: ChannelContext;
  readonly #rekeyRecords: number;
  readonly #rekeyBytes: number;
  #state: ChannelState = "handshaking";
  #failure: ChannelFailure | null = null;
  #slot: RingSlot | null = null;
  #claim: AccessClaim | null = null;
  #handshakeHash: Uint8Array | null = null;
  #exporter: KeyExporter | null = null;
  /** The dialler's: one attempt for each key offered. */
  #attempts: NoiseHandshake[] = [];
  #output: Uint8Array | null = null;
  #send: Direction | null = null;
  #receive: Direction | null = null;
  /** The beginning of something that has not arrived whole. */
  #pending: Uint8Array = new Uint8Array(0);
  #pendingLength = 0;
  #plain: Uint8Array = new Uint8Array(0);

  private constructor(context: ChannelContext, role: "dialler" | "listener") {
    this.role = role;
    this.#context = context;
    this.#rekeyRecords = context.rekeyRecords ?? REKEY_RECORDS;
    this.#rekeyBytes = context.rekeyBytes ?? REKEY_BYTES;
  }

  /** The end that connected. Its first output is ready at once. */
  static dial(context: ChannelContext): SecureChannel {
    const channel = new SecureChannel(context, "dialler");
    channel.#open();
    return channel;
  }

  /** The end that accepted. It stays silent until a member has spoken. */
  static listen(context: ChannelContext): SecureChannel {
    return new SecureChannel(context, "listener");
  }

  get state(): ChannelState {
    return this.#state;
  }

  /** Why the channel failed; null while it did not. */
  get failure(): ChannelFailure | null {
    return this.#failure;
  }

  /** Whether both ends have proved themselves, which is when plaintext may be sealed. */
  get established(): boolean {
    return this.#state === "established";
  }

  /** Which key of our ring the peer shares, once that is proved. */
  get slot(): RingSlot | null {
    return this.#slot;
  }

  /**
   * Whose access key the dialler has proved to hold, once that is proved; null for one that holds the mesh key (or is of
   * the open mesh), and null at the dialler, whose peer holds the mesh key.
   */
  get claim(): AccessClaim | null {
    return this.#claim;
  }

  /** What being established proves of the peer: `open` proves nothing. */
  get trust(): "keyed" | "open" {
    return this.#context.ring.trust;
  }

  /** The same at both ends and unique to this conversation, once the handshake is through: ties ids to it. */
  get handshakeHash(): Uint8Array | null {
    return this.#handshakeHash;
  }

  /**
   * Keys for something that runs beside this conversation, 32 bytes each, from the same handshake: one end's `send` is
   * the other end's `receive`, and no other conversation and no other `label` gives the same. Renewing the channel's own
   * keys does not change them. Null unless {@linkcode established}.
   */
  exportKeys(label: string): DirectionKeys | null {
    return this.#state === "established" && this.#exporter !== null ? this.#exporter.keys(label) : null;
  }

  /** Bytes to send to the peer now, or null. Handshake alone: sealed records go out by {@linkcode sealInto}. */
  pollOutput(): Uint8Array | null {
    const output = this.#output;
    this.#output = null;
    return output;
  }

  /**
   * Takes what the stream brought, split anywhere, and hands plaintext to `sink`. Returns why the channel failed,
   * or null; after a failure the owner aborts the stream, and every byte that still comes is ignored.
   */
  handleBytes(bytes: Uint8Array, sink: ChannelSink): ChannelFailure | null {
    let at = 0;
    while (at < bytes.length) {
      switch (this.#state) {
        case "handshaking":
          at = this.role === "dialler" ? this.#takeAnswer(bytes, at) : this.#takeOpening(bytes, at);
          break;
        case "confirming":
        case "established":
          at = this.#takeRecord(bytes, at, sink);
          break;
        case "failed":
        case "closed":
          return this.#failure;
      }
    }
    return this.#failure;
  }

  /** The peer will send no more. Returns why that is a failure, or null when it ended between two records. */
  handleEnd(): ChannelFailure | null {
    if (this.#state === "handshaking" || this.#state === "confirming") {
      const isAccessDial = this.role === "dialler" && this.#context.ring.kind === "access";
      this.#fail(isAccessDial ? "access-unanswered" : "closed-in-handshake");
    } else if (this.#state === "established" && this.#pendingLength > 0) this.#fail("truncated");
    return this.#failure;
  }

  /** The owner's deadline for the handshake has passed; harmless once it is through. */
  handleHandshakeTimeout(): ChannelFailure | null {
    if (this.#state === "handshaking" || this.#state === "confirming") this.#fail("handshake-timeout");
    return this.#failure;
  }

  /** Bytes of a record with this much plaintext. */
  static sealedLength(plaintextBytes: number): number {
    return plaintextBytes + RECORD_OVERHEAD_BYTES;
  }

  /**
   * Seals 1 … 65,519 bytes as one record into the start of `out` and returns the bytes written,
   * {@linkcode sealedLength} of them. `plaintext` may already stand in `out`, from its third byte on.
   * Records must reach the stream in the order in which they were sealed. Only when {@linkcode established}.
   */
  sealInto(out: Uint8Array, plaintext: Uint8Array): number {
    const length = plaintext.length;
    assert(
      this.#state === "established" && this.#send !== null,
      "a record is sealed on an established channel",
    );
    assert(length > 0 && length <= MAX_RECORD_PLAINTEXT_BYTES, "a record carries 1 to 65,519 bytes");
    const sealed = length + AEAD_TAG_BYTES;
    this.#send.cipher.seal(out.subarray(LENGTH_BYTES), NO_AAD, plaintext);
    out[0] = sealed >> 8;
    out[1] = sealed;
    this.#count(this.#send, length);
    return LENGTH_BYTES + sealed;
  }

  /** Forgets keys and buffers; nothing is sealed or opened afterwards. */
  close(): void {
    if (this.#state !== "failed") this.#state = "closed";
    this.#forget();
  }

  /** The dialler's opening: the preamble and message 1 for every key of the ring. */
  #open(): void {
    const { suite, ring, random } = this.#context;
    const keys: readonly RingKey[] = ring.keys;
    const ephemeral = random.fill(new Uint8Array(X25519_BYTES));
    const prologue = ring.kind === "access"
      ? encodeAccessPreamble(SESSION_SUITE.number, ring.primary.id, ring.grant)
      : encodePreamble(SESSION_SUITE.number, keys.map((key) => key.id));
    const opening = new Uint8Array(prologue.length + X25519_BYTES + keys.length * AEAD_TAG_BYTES);
    opening.set(prologue);
    for (const [i, key] of keys.entries()) {
      const attempt = NoiseHandshake.initiator({
        suite,
        psk: key.derive("session psk"),
        prologue,
        ephemeral,
      });
      const message = attempt.writeMessage(NO_AAD);
      opening.set(message.subarray(0, X25519_BYTES), prologue.length);
      opening.set(message.subarray(X25519_BYTES), prologue.length + X25519_BYTES + i * AEAD_TAG_BYTES);
      this.#attempts.push(attempt);
    }
    this.#output = opening;
  }

  /** The listener reads an opening, as far as it has come. Returns how far it read. */
  #takeOpening(bytes: Uint8Array, at: number): number {
    const known = this.#pendingLength;
    const taken = this.#hold(bytes, at, MAX_OPENING_BYTES - known);
    const verdict = openingLength(this.#pending.subarray(0, this.#pendingLength), SESSION_SUITE.number);
    if (typeof verdict === "string") {
      this.#fail(verdict);
      return bytes.length;
    }
    if (verdict === 0 || this.#pendingLength < verdict) return at + taken;
    this.#pendingLength = 0;
    this.#answer(this.#pending.slice(0, verdict));
    return at + (verdict - known); // what was held beyond the opening is read again as records
  }

  #answer(opening: Uint8Array): void {
    const { ring } = this.#context;
    if (ring.kind === "access") return this.#fail("access-alone");
    if (isAccessOpening(opening)) return this.#answerAccess(opening, ring);
    for (let index = 0; index < offerCount(opening); index++) {
      const key = ring.find(offeredKeyId(opening, index));
      if (key === null) continue;
      const prologue = opening.subarray(0, preambleBytes(offerCount(opening)));
      const message = offeredMessage(opening, index);
      return this.#accept(key.derive("session psk"), prologue, message, index, slotOf(ring, key));
    }
    this.#fail("stranger");
  }

  /** Somebody says to hold an access key: what it says gives the key, and the tag shows whether that is so. */
  #answerAccess(opening: Uint8Array, ring: MeshKeyRing): void {
    const access = readAccessOpening(opening);
    if (access === null) return this.#fail("bad-preamble");
    // The open mesh has no secret from which anything could be derived that proves something.
    const key = ring.trust === "open" ? null : ring.find(access.keyId);
    if (key === null) return this.#fail("stranger");
    const psk = key.accessKey(access.grant).derive("session psk");
    this.#accept(psk, access.prologue, access.message, 0, slotOf(ring, key));
    if (this.#state !== "confirming") return;
    this.#claim = ring.judge(access.grant, this.#context.wallMs?.() ?? 0);
  }

  #accept(psk: Uint8Array, prologue: Uint8Array, message: Uint8Array, index: number, slot: RingSlot): void {
    const { suite, random, replayGuard } = this.#context;
    const ephemeral = random.fill(new Uint8Array(X25519_BYTES));
    const handshake = NoiseHandshake.responder({ suite, psk, prologue, ephemeral });
    if (handshake.readMessage(message) === null) {
      return this.#fail(handshake.failure === "weak-key" ? "weak-key" : "forged-handshake");
    }
    if (!replayGuard.admit(message.subarray(0, X25519_BYTES))) return this.#fail("replayed-handshake");
    const answer = new Uint8Array(ANSWER_BYTES);
    answer[0] = index;
    answer.set(handshake.writeMessage(NO_AAD), 1);
    this.#output = answer;
    this.#slot = slot;
    this.#begin(handshake);
    this.#state = "confirming";
  }

  /** The dialler reads the answer, as far as it has come. Returns how far it read. */
  #takeAnswer(bytes: Uint8Array, at: number): number {
    const taken = this.#hold(bytes, at, ANSWER_BYTES - this.#pendingLength);
    const attempt = this.#attempts[this.#pending[0] ?? 0];
    if (attempt === undefined) {
      this.#fail("not-hana");
      return bytes.length;
    }
    if (this.#pendingLength < ANSWER_BYTES) return at + taken;
    const message = this.#pending.subarray(1, ANSWER_BYTES);
    this.#slot = this.#pending[0] === 0 ? "primary" : "previous";
    this.#pendingLength = 0;
    if (attempt.readMessage(message) === null) {
      this.#fail(attempt.failure === "weak-key" ? "weak-key" : "forged-handshake");
      return bytes.length;
    }
    this.#begin(attempt);
    this.#establish();
    return at + taken;
  }

  /** Opens one record, straight from `bytes` where it stands there whole. Returns how far it read. */
  #takeRecord(bytes: Uint8Array, at: number, sink: ChannelSink): number {
    const available = bytes.length - at;
    if (this.#pendingLength === 0 && available >= LENGTH_BYTES) {
      const end = at + LENGTH_BYTES + (((bytes[at] ?? 0) << 8) | (bytes[at + 1] ?? 0));
      if (bytes.length >= end) {
        this.#openRecord(bytes.subarray(at + LENGTH_BYTES, end), sink);
        return end;
      }
    }
    let taken = this.#hold(bytes, at, LENGTH_BYTES - this.#pendingLength);
    if (this.#pendingLength < LENGTH_BYTES) return at + taken;
    const length = ((this.#pending[0] ?? 0) << 8) | (this.#pending[1] ?? 0);
    if (length <= AEAD_TAG_BYTES) {
      this.#fail("bad-record");
      return bytes.length;
    }
    taken += this.#hold(bytes, at + taken, LENGTH_BYTES + length - this.#pendingLength);
    if (this.#pendingLength === LENGTH_BYTES + length) {
      this.#pendingLength = 0;
      this.#openRecord(this.#pending.subarray(LENGTH_BYTES, LENGTH_BYTES + length), sink);
    }
    return at + taken;
  }

  #openRecord(sealed: Uint8Array, sink: ChannelSink): void {
    assert(this.#receive !== null, "a record is opened after the handshake");
    const length = sealed.length - AEAD_TAG_BYTES;
    if (length <= 0) return this.#fail("bad-record");
    if (this.#plain.length < length) this.#plain = new Uint8Array(grownLength(this.#plain.length, length));
    if (this.#receive.cipher.open(this.#plain, NO_AAD, sealed) < 0) return this.#fail("forged-record");
    this.#count(this.#receive, length);
    if (this.#state === "confirming") this.#establish();
    sink.onPlaintext(this.#plain.subarray(0, length));
  }

  /** Both ends count alike, so both renew a direction's key between the same two records. */
  #count(direction: Direction, bytes: number): void {
    direction.records++;
    direction.bytes += bytes;
    if (direction.records < this.#rekeyRecords && direction.bytes < this.#rekeyBytes) return;
    direction.records = 0;
    direction.bytes = 0;
    direction.cipher.rekey();
    this.#context.counters.rekeys++;
  }

  #begin(handshake: NoiseHandshake): void {
    const { send, receive } = handshake.split();
    this.#handshakeHash = handshake.handshakeHash;
    this.#exporter = handshake.exporter();
    this.#send = new Direction(send);
    this.#receive = new Direction(receive);
    this.#attempts = [];
  }

  #establish(): void {
    this.#state = "established";
    this.#context.counters.established++;
  }

  /** Copies up to `wanted` bytes to the end of what is pending; grows with what came, not with what was announced. */
  #hold(bytes: Uint8Array, at: number, wanted: number): number {
    const taken = Math.max(0, Math.min(wanted, bytes.length - at));
    const length = this.#pendingLength + taken;
    if (this.#pending.length < length) {
      const grown = new Uint8Array(grownLength(this.#pending.length, length));
      grown.set(this.#pending.subarray(0, this.#pendingLength));
      this.#pending = grown;
    }
    this.#pending.set(bytes.subarray(at, at + taken), this.#pendingLength);
    this.#pendingLength = length;
    return taken;
  }

  #fail(failure: ChannelFailure): void {
    this.#state = "failed";
    this.#failure = failure;
    this.#slot = null;
    this.#context.counters.onFailure(failure);
    this.#forget();
  }

  #forget(): void {
    this.#output = null;
    this.#attempts = [];
    this.#exporter = null;
    this.#send = null;
    this.#receive = null;
    this.#pending = new Uint8Array(0);
    this.#pendingLength = 0;
    // The plaintext buffer is left to a sink that may still be reading the view it was called with.
    this.#plain = new Uint8Array(0);
  }
}

function slotOf(ring: MeshKeyRing, key: MeshKey): RingSlot {
  return key === ring.primary ? "primary" : "previous";
}

/** The next size of a buffer that must hold `needed` bytes: doubling, bounded by the largest record. */
function grownLength(current: number, needed: number): number {
  let length = Math.max(current, FIRST_BUFFER_BYTES);
  while (length < needed) length *= 2;
  return Math.min(length, LENGTH_BYTES + 65_535);
}
