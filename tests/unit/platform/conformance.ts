// What the parts of the conformance suite share.

import { HanaError } from "../../../lib/base/mod.ts";
import type { Harness } from "./harness.ts";

/** Registers one sentence of the suite for the platform under test. */
export type Sentence = (sentence: string, body: (harness: Harness) => Promise<void>) => void;

/** The bytes of a text. */
export const encode = (text: string): Uint8Array => new TextEncoder().encode(text);

/** Bytes in which a lost, doubled or moved one shows. */
export function pattern(length: number): Uint8Array {
  const bytes = new Uint8Array(length);
  for (let i = 0; i < length; i++) bytes[i] = (i * 31 + (i >> 8)) & 255;
  return bytes;
}

/** The code of what was thrown. */
export function codeOf(thrown: unknown): string {
  return thrown instanceof HanaError ? thrown.code : `no HanaError: ${thrown}`;
}

/** The code with which a promise rejects. */
export async function rejectionCode(promise: Promise<unknown>): Promise<string> {
  try {
    await promise;
  } catch (thrown) {
    return codeOf(thrown);
  }
  return "no rejection";
}
