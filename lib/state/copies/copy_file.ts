// A copy at rest: what a host and its standbys keep so that the state outlives all of them.
// Decides what a whole copy is: its magic, form, length and SHA-256 are right, and its bytes are an update from nothing.
// Never touches a disk.

import { equalBytes, fromHex } from "../../base/mod.ts";
import { Sha256 } from "../../security/mod.ts";
import { ByteReader, ByteWriter } from "../../wire/mod.ts";
import type { StandbyUpdate } from "../host/mod.ts";
import { CopyDecoder } from "./decoder.ts";
import { CopyEncoder } from "./encoder.ts";
import { MAX_COPY_BYTES } from "./limits.ts";

/** The first bytes of a file, `hanacopy`. */
const MAGIC = new TextEncoder().encode("hanacopy");
/** The form of the file. */
const FILE_VERSION = 1;
/** Magic, version, length: what the checksum covers beside the body. */
const HEAD_BYTES = MAGIC.length + 1 + 4;
const SHA256_BYTES = 32;

/** Why a file is no copy. */
export interface RefusedCopy {
  /** For a person. */
  readonly why: string;
}

/** The bytes of a file with a whole update; null for a difference, and for what {@linkcode CopyEncoder} cannot encode. */
export function encodeCopyFile(update: StandbyUpdate): Uint8Array | null {
  if (update.base !== 0) return null;
  const body = new CopyEncoder().encodeUpdate(update);
  if (body === null) return null;
  const out = new ByteWriter(
    HEAD_BYTES + SHA256_BYTES + MAX_COPY_BYTES,
    HEAD_BYTES + SHA256_BYTES + body.length,
  );
  out.bytes(MAGIC);
  out.u8(FILE_VERSION);
  out.u32(body.length);
  out.bytes(checksum(out.view(), body));
  out.bytes(body);
  return out.failed ? null : out.view();
}

/** The update in a file, or why there is none. Never throws. */
export function decodeCopyFile(bytes: Uint8Array): StandbyUpdate | RefusedCopy {
  const reader = new ByteReader(bytes);
  const magic = reader.bytes(MAGIC.length);
  const version = reader.u8();
  const length = reader.u32();
  const told = reader.bytes(SHA256_BYTES);
  if (reader.failed) {
    return { why: `a copy has ${HEAD_BYTES + SHA256_BYTES} bytes at least, not ${bytes.length}` };
  }
  if (!equalBytes(magic, MAGIC)) return { why: "this is no copy of a shared state" };
  if (version !== FILE_VERSION) return { why: `this copy is of form ${version}, not ${FILE_VERSION}` };
  if (reader.remaining !== length) {
    return { why: `this copy should have ${length} bytes behind its head and has ${reader.remaining}` };
  }
  const body = reader.bytes(length);
  if (!equalBytes(checksum(bytes.subarray(0, HEAD_BYTES), body), told)) {
    return { why: "the checksum of this copy is wrong: it was damaged" };
  }
  const decoder = new CopyDecoder();
  const update = decoder.decodeUpdate(body);
  if (typeof update === "string") {
    return { why: `this copy cannot be read: ${update} at byte ${decoder.problemAt}` };
  }
  if (update.base !== 0) return { why: "this copy holds a difference alone" };
  return update;
}

function checksum(head: Uint8Array, body: Uint8Array): Uint8Array {
  return fromHex(new Sha256().update(head).update(body).hex());
}
