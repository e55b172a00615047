// Authenticated encryption as hana uses it: synchronous, into the caller's buffers, forged input is a return value.
// Decides the face of a cipher, how a counter becomes a nonce, and what a back end must prove before it is trusted.
// Never holds a counter or a policy (cipher_state.ts, channel.ts, lib/lanes) and never picks a back end (aead_load.ts).

import { equalBytes, fromHex } from "../base/mod.ts";

/** Bytes in a key of either cipher. */
export const AEAD_KEY_BYTES = 32;
/** Bytes in a nonce of either cipher. */
export const AEAD_NONCE_BYTES = 12;
/** Bytes that sealing adds. */
export const AEAD_TAG_BYTES = 16;

/** Cipher names as the Noise Protocol Framework spells them (revision 34, section 12). */
export type AeadName = "ChaChaPoly" | "AESGCM";

/** A cipher with its key. Stateless between calls: the caller owns the nonces and never repeats one. */
export interface Aead {
  /**
   * Encrypts `plain` and writes ciphertext and tag to the start of `out`, which has room for
   * `plain.length + 16` bytes and may be the memory of `plain` itself. Returns the bytes written.
   */
  seal(out: Uint8Array, nonce: Uint8Array, aad: Uint8Array, plain: Uint8Array): number;
  /**
   * Checks and decrypts `sealed` (ciphertext and tag) into the start of `out`, which has room for
   * `sealed.length − 16` bytes and may be the memory of `sealed` itself. Returns the bytes written,
   * or −1 for anything forged, altered or too short; `out` is then untouched.
   */
  open(out: Uint8Array, nonce: Uint8Array, aad: Uint8Array, sealed: Uint8Array): number;
}

/** A cipher without a key, by one implementation. */
export interface AeadCipher {
  readonly name: AeadName;
  /** Which implementation computes it, for `hana version --verbose`, logs and benchmarks. */
  readonly backEnd: string;
  /** The cipher under a 32-byte key, which is copied. */
  withKey(key: Uint8Array): Aead;
}

/** A field of associated data for when there is none. */
export const NO_AAD: Uint8Array = new Uint8Array(0);

/**
 * Writes a 96-bit nonce for the message number `counter` (0 … 2^53 − 1): 32 zero bits, then the counter as 64 bits,
 * little-endian for ChaChaPoly and big-endian for AESGCM (Noise revision 34, sections 12.3 and 12.4).
 */
export function setNonce(nonce: Uint8Array, name: AeadName, counter: number): void {
  const high = Math.floor(counter / 0x1_0000_0000);
  const low = counter >>> 0;
  nonce[0] =
    nonce[1] =
    nonce[2] =
    nonce[3] =
      0;
  if (name === "ChaChaPoly") {
    nonce[4] = low;
    nonce[5] = low >>> 8;
    nonce[6] = low >>> 16;
    nonce[7] = low >>> 24;
    nonce[8] = high;
    nonce[9] = high >>> 8;
    nonce[10] = high >>> 16;
    nonce[11] = high >>> 24;
  } else {
    nonce[4] = high >>> 24;
    nonce[5] = high >>> 16;
    nonce[6] = high >>> 8;
    nonce[7] = high;
    nonce[8] = low >>> 24;
    nonce[9] = low >>> 16;
    nonce[10] = low >>> 8;
    nonce[11] = low;
  }
}

/** Whether two byte fields are equal, in time that depends on their length alone. For tags and secrets. */
export function equalInConstantTime(a: Uint8Array, b: Uint8Array): boolean {
  if (a.length !== b.length) return false;
  let difference = 0;
  for (let i = 0; i < a.length; i++) difference |= (a[i] ?? 0) ^ (b[i] ?? 0);
  return difference === 0;
}

/** A published known answer. */
interface KnownAnswer {
  readonly key: string;
  readonly nonce: string;
  readonly aad: string;
  readonly plain: string;
  readonly sealed: string;
}

/** ChaChaPoly: RFC 8439, section 2.8.2. AESGCM: test case 16 of the GCM specification by McGrew and Viega. */
const KNOWN_ANSWERS: Readonly<Record<AeadName, KnownAnswer>> = {
  ChaChaPoly: {
    key: "808182838485868788898a8b8c8d8e8f909192939495969798999a9b9c9d9e9f",
    nonce: "070000004041424344454647",
    aad: "50515253c0c1c2c3c4c5c6c7",
    plain:
      "4c616469657320616e642047656e746c656d656e206f662074686520636c617373206f66202739393a204966204920636f" +
      "756c64206f6666657220796f75206f6e6c79206f6e652074697020666f7220746865206675747572652c2073756e736372" +
      "65656e20776f756c642062652069742e",
    sealed:
      "d31a8d34648e60db7b86afbc53ef7ec2a4aded51296e08fea9e2b5a736ee62d63dbea45e8ca9671282fafb69da92728b1a" +
      "71de0a9e060b2905d6a5b67ecd3b3692ddbd7f2d778b8c9803aee328091b58fab324e4fad675945585808b4831d7bc3ff4" +
      "def08e4b7a9de576d26586cec64b61161ae10b594f09e26a7e902ecbd0600691",
  },
  AESGCM: {
    key: "feffe9928665731c6d6a8f9467308308feffe9928665731c6d6a8f9467308308",
    nonce: "cafebabefacedbaddecaf888",
    aad: "feedfacedeadbeeffeedfacedeadbeefabaddad2",
    plain:
      "d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a721c3c0c95956809532fcf0e2449a6b525b1" +
      "6aedf5aa0de657ba637b39",
    sealed:
      "522dc1f099567d07f47f37a32a84427d643a8cdcbfe5c0c97598a2bd2555d1aa8cb08e48590dbb3da7b08b1056828838c5" +
      "f61e6393ba7a0abcc9f66276fc6ece0f4e1768cddf8853bb2d551b",
  },
};

/** Lengths at which block functions and size limits change over. */
const SELF_TEST_LENGTHS: readonly number[] = [
  0,
  1,
  15,
  16,
  17,
  63,
  64,
  65,
  256,
  1200,
  3071,
  3072,
  3073,
  8192,
];
const SELF_TEST_AAD_LENGTHS: readonly number[] = [0, 1, 12, 16, 31, 32, 33, 64];

/**
 * Proves a back end before it is used: the published vector, then byte-for-byte agreement with an independent
 * implementation at every length where something changes over, then refusal of an altered tag, text and
 * associated data. Returns null, or what went wrong. A few milliseconds, once a process.
 */
export function selfTestAead(candidate: AeadCipher, independent: AeadCipher): string | null {
  const known = KNOWN_ANSWERS[candidate.name];
  const vector = fromHex(known.sealed);
  const sealed = new Uint8Array(vector.length);
  const aead = candidate.withKey(fromHex(known.key));
  if (aead.seal(sealed, fromHex(known.nonce), fromHex(known.aad), fromHex(known.plain)) !== sealed.length) {
    return "sealing the published vector wrote the wrong number of bytes";
  }
  if (!equalBytes(sealed, vector)) return "the published vector came out differently";

  const key = new Uint8Array(AEAD_KEY_BYTES).fill(0x5a);
  const mine = candidate.withKey(key);
  const theirs = independent.withKey(key);
  const nonce = new Uint8Array(AEAD_NONCE_BYTES);
  for (const [round, length] of SELF_TEST_LENGTHS.entries()) {
    setNonce(nonce, candidate.name, 0x1_0000_0000 + round);
    const aad = new Uint8Array(SELF_TEST_AAD_LENGTHS[round % SELF_TEST_AAD_LENGTHS.length] ?? 0).fill(
      round + 1,
    );
    const plain = new Uint8Array(length).map((_, i) => (i * 7 + round) & 0xff);
    const why = compareOnce(mine, theirs, nonce, aad, plain);
    if (why !== null) return `${why} (${length} B, ${aad.length} B associated)`;
  }
  return null;
}

/** One length of the self-test. */
function compareOnce(
  mine: Aead,
  theirs: Aead,
  nonce: Uint8Array,
  aad: Uint8Array,
  plain: Uint8Array,
): string | null {
  const sealed = new Uint8Array(plain.length + AEAD_TAG_BYTES);
  const expected = new Uint8Array(sealed.length);
  mine.seal(sealed, nonce, aad, plain);
  theirs.seal(expected, nonce, aad, plain);
  if (!equalBytes(sealed, expected)) return "sealing disagrees with an independent implementation";

  const opened = new Uint8Array(plain.length);
  if (mine.open(opened, nonce, aad, sealed) !== plain.length || !equalBytes(opened, plain)) {
    return "opening does not give back what was sealed";
  }
  for (const at of [0, sealed.length - AEAD_TAG_BYTES, sealed.length - 1]) {
    sealed[at] = (sealed[at] ?? 0) ^ 0x10;
    if (mine.open(opened, nonce, aad, sealed) !== -1) return "an altered message was accepted";
    sealed[at] = (sealed[at] ?? 0) ^ 0x10;
  }
  if (mine.open(opened, nonce, new Uint8Array(aad.length + 1), sealed) !== -1) {
    return "altered associated data was accepted";
  }
  return null;
}
