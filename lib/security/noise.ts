// The Noise handshake NNpsk0: two messages, each an ephemeral key, both sides proving the same pre-shared key.
//   → psk, e      ← e, ee
// Noise Protocol Framework revision 34, sections 5 and 9. Gives mutual authentication of the group and forward
// secrecy of everything after message 2. Members of the group can impersonate each other: ids are claims.
// Never does I/O and never draws randomness: the ephemeral private key is given.

import { assert, HanaError } from "../base/mod.ts";
import { AEAD_KEY_BYTES, AEAD_TAG_BYTES } from "./aead.ts";
import { CipherState } from "./cipher_state.ts";
import { KeyExporter } from "./exporter.ts";
import type { NoiseSuite } from "./noise_suite.ts";
import { X25519_BYTES, X25519KeyPair } from "./x25519.ts";

/** The longest message that Noise allows (section 3). */
export const NOISE_MAX_MESSAGE_BYTES = 65_535;
/** What either handshake message adds to its payload: an ephemeral key and a tag. */
export const NOISE_HANDSHAKE_OVERHEAD_BYTES: number = X25519_BYTES + AEAD_TAG_BYTES;

const PATTERN = "NNpsk0";

/** SymmetricState (section 5.2): what both sides have said so far, as one hash and one chain of keys. */
class SymmetricState {
  readonly #suite: NoiseSuite;
  #chainingKey: Uint8Array;
  #hash: Uint8Array;
  #cipher: CipherState | null = null;

  constructor(suite: NoiseSuite, protocolName: string) {
    this.#suite = suite;
    const name = new TextEncoder().encode(protocolName);
    if (name.length <= suite.hash.bytes) {
      this.#hash = new Uint8Array(suite.hash.bytes);
      this.#hash.set(name);
    } else {
      this.#hash = suite.hash.hash(name);
    }
    this.#chainingKey = this.#hash;
  }

  get handshakeHash(): Uint8Array {
    return this.#hash;
  }

  mixKey(material: Uint8Array): void {
    const [chainingKey, key] = this.#derive(material, 2);
    this.#chainingKey = chainingKey;
    this.#setKey(key);
  }

  mixHash(data: Uint8Array): void {
    this.#hash = this.#suite.hash.hash(this.#hash, data);
  }

  mixKeyAndHash(material: Uint8Array): void {
    const [chainingKey, hashed, key] = this.#derive(material, 3);
    this.#chainingKey = chainingKey;
    this.mixHash(hashed);
    this.#setKey(key ?? new Uint8Array(0));
  }

  encryptAndHash(plain: Uint8Array): Uint8Array {
    assert(this.#cipher !== null, "the pre-shared key is mixed in before anything is sealed");
    const sealed = new Uint8Array(plain.length + AEAD_TAG_BYTES);
    this.#cipher.seal(sealed, this.#hash, plain);
    this.mixHash(sealed);
    return sealed;
  }

  /** Null when not authentic. */
  decryptAndHash(sealed: Uint8Array): Uint8Array | null {
    assert(this.#cipher !== null, "the pre-shared key is mixed in before anything is opened");
    const plain = new Uint8Array(Math.max(0, sealed.length - AEAD_TAG_BYTES));
    if (this.#cipher.open(plain, this.#hash, sealed) < 0) return null;
    this.mixHash(sealed);
    return plain;
  }

  split(): [CipherState, CipherState] {
    const [first, second] = this.#derive(new Uint8Array(0), 2);
    return [
      new CipherState(this.#suite.cipher, first.subarray(0, AEAD_KEY_BYTES)),
      new CipherState(this.#suite.cipher, second.subarray(0, AEAD_KEY_BYTES)),
    ];
  }

  exporter(initiator: boolean): KeyExporter {
    return new KeyExporter(this.#suite.hash, this.#chainingKey, initiator);
  }

  #derive(material: Uint8Array, outputs: 2 | 3): [Uint8Array, Uint8Array, Uint8Array?] {
    return this.#suite.hash.hkdf(this.#chainingKey, material, outputs) as [
      Uint8Array,
      Uint8Array,
      Uint8Array?,
    ];
  }

  /** InitializeKey, with a key of HASHLEN bytes cut to the length of a key. */
  #setKey(key: Uint8Array): void {
    this.#cipher = new CipherState(this.#suite.cipher, key.subarray(0, AEAD_KEY_BYTES));
  }
}

/** What one side of a handshake starts from. */
export interface NoiseOptions {
  readonly suite: NoiseSuite;
  /** 32 bytes that both sides hold. */
  readonly psk: Uint8Array;
  /** Bytes that both sides have seen and must agree on; may be empty. */
  readonly prologue: Uint8Array;
  /** 32 random bytes, used for this handshake alone. */
  readonly ephemeral: Uint8Array;
}

/** Why a handshake message was refused. `weak-key`: the peer's ephemeral key is of low order. */
export type NoiseFailure = "forged" | "weak-key";

/** The two ciphers after a handshake. */
export interface NoiseTransport {
  readonly send: CipherState;
  readonly receive: CipherState;
}

type Step = "write-1" | "read-1" | "write-2" | "read-2" | "done" | "failed";

/** One side of an NNpsk0 handshake. */
export class NoiseHandshake {
  readonly #symmetric: SymmetricState;
  readonly #keyPair: X25519KeyPair;
  readonly #initiator: boolean;
  #peerPublicKey: Uint8Array | null = null;
  #shared: Uint8Array | null = null;
  #step: Step;
  #failure: NoiseFailure | null = null;

  private constructor(options: NoiseOptions, initiator: boolean) {
    const { suite, psk, prologue, ephemeral } = options;
    assert(psk.length === 32, "a pre-shared key has 32 bytes");
    this.#keyPair = new X25519KeyPair(ephemeral);
    this.#initiator = initiator;
    this.#step = initiator ? "write-1" : "read-1";
    this.#symmetric = new SymmetricState(suite, `Noise_${PATTERN}_${suite.name}`);
    this.#symmetric.mixHash(prologue);
    this.#symmetric.mixKeyAndHash(psk); // the token "psk" that opens the first message
  }

  /** The side that speaks first. */
  static initiator(options: NoiseOptions): NoiseHandshake {
    return new NoiseHandshake(options, true);
  }

  /** The side that answers. */
  static responder(options: NoiseOptions): NoiseHandshake {
    return new NoiseHandshake(options, false);
  }

  /** Why the last {@linkcode readMessage} returned null. */
  get failure(): NoiseFailure | null {
    return this.#failure;
  }

  /** The peer's ephemeral public key once its message was read. */
  get peerPublicKey(): Uint8Array | null {
    return this.#peerPublicKey;
  }

  /** Whether both messages have passed and {@linkcode split} may be called. */
  get finished(): boolean {
    return this.#step === "done";
  }

  /** A value that both sides share, unique to this handshake (section 11.2). */
  get handshakeHash(): Uint8Array {
    return this.#symmetric.handshakeHash.slice();
  }

  /** This side's message, carrying `payload` sealed. Throws `internal` out of turn. */
  writeMessage(payload: Uint8Array): Uint8Array {
    const second = this.#step === "write-2";
    if (!second && this.#step !== "write-1") throw outOfTurn("write", this.#step);
    assert(
      payload.length <= NOISE_MAX_MESSAGE_BYTES - NOISE_HANDSHAKE_OVERHEAD_BYTES,
      "payload fits a message",
    );
    this.#mixPublicKey(this.#keyPair.publicKey);
    if (second) {
      assert(this.#shared !== null, "reading message 1 made the agreement");
      this.#symmetric.mixKey(this.#shared);
    }
    const sealed = this.#symmetric.encryptAndHash(payload);
    const message = new Uint8Array(X25519_BYTES + sealed.length);
    message.set(this.#keyPair.publicKey);
    message.set(sealed, X25519_BYTES);
    this.#step = second ? "done" : "read-2";
    return message;
  }

  /** The payload of the peer's message; null when it is not authentic, after which the handshake is dead. */
  readMessage(bytes: Uint8Array): Uint8Array | null {
    const second = this.#step === "read-2";
    if (!second && this.#step !== "read-1") throw outOfTurn("read", this.#step);
    if (bytes.length < NOISE_HANDSHAKE_OVERHEAD_BYTES || bytes.length > NOISE_MAX_MESSAGE_BYTES) {
      return this.#fail("forged");
    }
    const publicKey = bytes.slice(0, X25519_BYTES);
    this.#mixPublicKey(publicKey);
    if (second) {
      this.#shared = this.#keyPair.agree(publicKey);
      if (this.#shared === null) return this.#fail("weak-key");
      this.#symmetric.mixKey(this.#shared);
    }
    const payload = this.#symmetric.decryptAndHash(bytes.subarray(X25519_BYTES));
    if (payload === null) return this.#fail("forged");
    if (!second) {
      // Needed for message 2 only, but a key of low order is to be refused before anything is answered;
      // and only an authentic message 1 is worth the agreement.
      this.#shared = this.#keyPair.agree(publicKey);
      if (this.#shared === null) return this.#fail("weak-key");
    }
    this.#peerPublicKey = publicKey;
    this.#step = second ? "done" : "write-2";
    return payload;
  }

  /** The ciphers for everything that follows. Call once. */
  split(): NoiseTransport {
    if (this.#step !== "done") throw outOfTurn("split", this.#step);
    const [fromInitiator, fromResponder] = this.#symmetric.split();
    return this.#initiator
      ? { send: fromInitiator, receive: fromResponder }
      : { send: fromResponder, receive: fromInitiator };
  }

  /** Derives further keys from this handshake, for what runs beside its conversation. */
  exporter(): KeyExporter {
    if (this.#step !== "done") throw outOfTurn("export", this.#step);
    return this.#symmetric.exporter(this.#initiator);
  }

  /** The token "e" where a pre-shared key is in use: the key is hashed and mixed in (section 9.2). */
  #mixPublicKey(publicKey: Uint8Array): void {
    this.#symmetric.mixHash(publicKey);
    this.#symmetric.mixKey(publicKey);
  }

  #fail(failure: NoiseFailure): null {
    this.#step = "failed";
    this.#failure = failure;
    return null;
  }
}

function outOfTurn(action: string, step: Step): HanaError {
  return new HanaError("internal", {
    what: `handshake ${action} out of turn`,
    why: `the next step is ${step}`,
  });
}
