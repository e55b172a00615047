// Picks the implementation of a cipher at start-up: the fastest one that loads and proves itself.
// Decides the order of preference and the size at which one takes over from another.
// Imports the WebAssembly and @noble back ends only when asked to, so that `hana version` pays for neither.

import { HanaError } from "../base/mod.ts";
import { type Aead, type AeadCipher, type AeadName, selfTestAead } from "./aead.ts";
import { nodeCipher } from "./aead_node.ts";

/** From this many bytes of text on, native code with its set-up beats WebAssembly (scripts/bench aead). */
export const LARGE_TEXT_BYTES = 3072;
/** The back end that all others are measured by in the tests, and the one that is left when they fail. */
const REFERENCE = "@noble/ciphers";
/** The associated data that the back end for small texts takes. */
const SMALL_AAD_BYTES = 32;

/** One cipher by two back ends, which give the same bytes: the first for small texts, the second for large. */
class SplitAead implements Aead {
  readonly #small: Aead;
  readonly #large: Aead;

  constructor(small: Aead, large: Aead) {
    this.#small = small;
    this.#large = large;
  }

  seal(out: Uint8Array, nonce: Uint8Array, aad: Uint8Array, plain: Uint8Array): number {
    return plain.length < LARGE_TEXT_BYTES && aad.length <= SMALL_AAD_BYTES
      ? this.#small.seal(out, nonce, aad, plain)
      : this.#large.seal(out, nonce, aad, plain);
  }

  open(out: Uint8Array, nonce: Uint8Array, aad: Uint8Array, sealed: Uint8Array): number {
    return sealed.length < LARGE_TEXT_BYTES && aad.length <= SMALL_AAD_BYTES
      ? this.#small.open(out, nonce, aad, sealed)
      : this.#large.open(out, nonce, aad, sealed);
  }
}

/** Joins two back ends of the same cipher by size of the text. */
export function splitCipher(small: AeadCipher, large: AeadCipher): AeadCipher {
  return {
    name: small.name,
    backEnd: `${small.backEnd} + ${large.backEnd}`,
    withKey: (key) => new SplitAead(small.withKey(key), large.withKey(key)),
  };
}

/** An implementation that may be missing. */
export interface AeadCandidate {
  readonly label: string;
  load(): Promise<AeadCipher>;
}

/** What was chosen, and what was passed over and why. */
export interface LoadedAead {
  readonly cipher: AeadCipher;
  readonly passedOver: readonly { readonly label: string; readonly why: string }[];
}

/** The implementations of a cipher, best first. */
export function aeadCandidates(name: AeadName): AeadCandidate[] {
  const candidates: AeadCandidate[] = [
    { label: "node:crypto", load: () => Promise.resolve(nodeCipher(name)) },
    { label: REFERENCE, load: async () => (await import("./aead_noble.ts")).nobleCipher(name) },
  ];
  if (name === "ChaChaPoly") {
    candidates.unshift({
      label: "wasm",
      load: async () => splitCipher((await import("./aead_wasm.ts")).wasmCipher(), nodeCipher(name)),
    });
  }
  return candidates;
}

/**
 * The first candidate that loads and passes the self-test against an independent implementation.
 * Throws `unsupported` when none does. Takes a few milliseconds; call it once and keep the result.
 */
export async function loadAead(
  name: AeadName,
  candidates: readonly AeadCandidate[] = aeadCandidates(name),
): Promise<LoadedAead> {
  const passedOver: { label: string; why: string }[] = [];
  for (const { label, load } of candidates) {
    try {
      const cipher = await load();
      // The reference has nobody above it: it answers to the published vector alone.
      const independent = cipher.backEnd === REFERENCE ? cipher : nodeCipher(name);
      const why = selfTestAead(cipher, independent);
      if (why === null) return { cipher, passedOver };
      passedOver.push({ label, why });
    } catch (thrown) {
      passedOver.push({ label, why: thrown instanceof Error ? thrown.message : String(thrown) });
    }
  }
  throw new HanaError("unsupported", {
    what: `cipher ${name}`,
    why: passedOver.map(({ label, why }) => `${label}: ${why}`).join("; "),
  });
}
