// Reads DNS messages from bytes that anybody on the link may have sent.
// Decides what is refused; never throws, never follows a name forward, so that no name loops, and never reads more
// than 512 records. Records of classes other than IN are passed over.

import {
  CLASS_IN,
  type DnsMessage,
  type DnsRefusal,
  MAX_MESSAGE_IN_BYTES,
  MAX_RECORDS,
  type Question,
  type RecordData,
  type ResourceRecord,
  TOP_BIT,
  TYPE,
} from "./message.ts";
import { labelText, MAX_LABEL_BYTES, MAX_NAME_BYTES } from "./name.ts";

const HEADER_BYTES = 12;
/** The shortest question and the shortest record: an empty name and the fixed fields. */
const MIN_QUESTION_BYTES = 5;
const MIN_RECORD_BYTES = 11;
/** The largest lifetime that is read: the top bit would make it negative (RFC 2181 §8). */
const MAX_TTL_S = 0x7fff_ffff;

/** Reads a message. `bytes` are not kept. */
export function decodeMessage(bytes: Uint8Array): DnsMessage | DnsRefusal {
  if (bytes.length < HEADER_BYTES) return "short";
  if (bytes.length > MAX_MESSAGE_IN_BYTES) return "oversize";
  const reader = new Reader(bytes);
  const id = reader.u16();
  const flags = reader.u16();
  // Opcode and response code must be zero, or the message is silently ignored.
  if ((flags & 0x7800) !== 0 || (flags & 0x000f) !== 0) return "opcode";
  const counts = [reader.u16(), reader.u16(), reader.u16(), reader.u16()] as const;
  const records = counts[1] + counts[2] + counts[3];
  if (counts[0] + records > MAX_RECORDS) return "too-many";
  if (HEADER_BYTES + counts[0] * MIN_QUESTION_BYTES + records * MIN_RECORD_BYTES > bytes.length) {
    return "malformed";
  }
  const questions: Question[] = [];
  for (let i = 0; i < counts[0]; i++) {
    const question = reader.question();
    if (question === null) return "malformed";
    questions.push(question);
  }
  const sections: ResourceRecord[][] = [[], [], []];
  for (let section = 0; section < 3; section++) {
    const count = counts[section + 1] ?? 0;
    for (let i = 0; i < count; i++) {
      const record = reader.record();
      if (record === null) return "malformed";
      if (record !== "foreign") sections[section]?.push(record);
    }
  }
  const [answers = [], authorities = [], additionals = []] = sections;
  return {
    id,
    isResponse: (flags & 0x8000) !== 0,
    isTruncated: (flags & 0x0200) !== 0,
    questions,
    answers,
    authorities,
    additionals,
  };
}

class Reader {
  #at = 0;
  /** Names by where they begin: a message repeats few of them often. */
  readonly #names = new Map<number, { text: string; bytes: number }>();

  constructor(readonly bytes: Uint8Array) {}

  u16(): number {
    const value = ((this.bytes[this.#at] ?? 0) << 8) | (this.bytes[this.#at + 1] ?? 0);
    this.#at += 2;
    return value;
  }

  #u32(): number {
    return this.u16() * 0x1_0000 + this.u16();
  }

  #has(count: number): boolean {
    return this.#at + count <= this.bytes.length;
  }

  question(): Question | null {
    const name = this.#name();
    if (name === null || !this.#has(4)) return null;
    const type = this.u16();
    const rawClass = this.u16();
    return { name, type, class: rawClass & ~TOP_BIT, wantsUnicast: (rawClass & TOP_BIT) !== 0 };
  }

  record(): ResourceRecord | "foreign" | null {
    const name = this.#name();
    if (name === null || !this.#has(10)) return null;
    const type = this.u16();
    const rawClass = this.u16();
    const ttl = this.#u32();
    const length = this.u16();
    if (!this.#has(length)) return null;
    const end = this.#at + length;
    const isFlush = (rawClass & TOP_BIT) !== 0;
    // The class of OPT is a size (RFC 6891 §6.1.2); others belong to networks that are gone.
    if (type === TYPE.opt || (rawClass & ~TOP_BIT) !== CLASS_IN) {
      this.#at = end;
      return "foreign";
    }
    const data = this.#data(type, end);
    if (data === null || this.#at !== end) return null;
    return { name, class: CLASS_IN, isFlush, ttlS: ttl > MAX_TTL_S ? 0 : ttl, data };
  }

  #data(type: number, end: number): RecordData | null {
    const length = end - this.#at;
    switch (type) {
      case TYPE.a:
        return length === 4 ? { type: TYPE.a, address: ipv4Text(this.#take(4)) } : null;
      case TYPE.aaaa:
        return length === 16 ? { type: TYPE.aaaa, address: ipv6Text(this.#take(16)) } : null;
      case TYPE.ptr: {
        const target = this.#name();
        return target === null ? null : { type: TYPE.ptr, target };
      }
      case TYPE.srv: {
        if (length < 7) return null;
        const [priority, weight, port] = [this.u16(), this.u16(), this.u16()];
        const target = this.#name();
        return target === null ? null : { type: TYPE.srv, priority, weight, port, target };
      }
      case TYPE.txt: {
        const bytes = this.#take(length);
        return isTextData(bytes) ? { type: TYPE.txt, bytes } : null;
      }
      case TYPE.nsec: {
        const next = this.#name();
        if (next === null || this.#at > end) return null;
        const types = typesOfBitmap(this.#take(end - this.#at));
        return types === null ? null : { type: TYPE.nsec, next, types };
      }
      default:
        return { type, opaque: this.#take(length) };
    }
  }

  #take(count: number): Uint8Array {
    const bytes = this.bytes.slice(this.#at, this.#at + count);
    this.#at += count;
    return bytes;
  }

  /** A name. A pointer must lead to where an earlier one began or to a place before this one, so that none loops. */
  #name(): string | null {
    const start = this.#at;
    const labels: string[] = [];
    let at = start;
    let limit = start;
    let total = 1;
    let isJumped = false;
    for (;;) {
      const length = this.bytes[at];
      if (length === undefined) return null;
      if (length === 0) {
        if (!isJumped) this.#at = at + 1;
        break;
      }
      if (length >= 0xc0) {
        const low = this.bytes[at + 1];
        if (low === undefined) return null;
        const target = ((length & 0x3f) << 8) | low;
        if (target >= limit || target < HEADER_BYTES) return null;
        if (!isJumped) this.#at = at + 2;
        isJumped = true;
        limit = target;
        at = target;
        const known = this.#names.get(target);
        if (known !== undefined) {
          total += known.bytes - 1;
          if (total > MAX_NAME_BYTES) return null;
          if (known.text !== "") labels.push(known.text);
          break;
        }
        continue;
      }
      if (length > MAX_LABEL_BYTES || at + 1 + length > this.bytes.length) return null;
      total += length + 1;
      if (total > MAX_NAME_BYTES) return null;
      labels.push(labelText(this.bytes.subarray(at + 1, at + 1 + length)));
      at += length + 1;
    }
    const text = labels.join(".");
    this.#names.set(start, { text, bytes: total });
    return text;
  }
}

/** Strings with lengths, filling the bytes; none at all is tolerated (RFC 6763 §6.1). */
function isTextData(bytes: Uint8Array): boolean {
  let at = 0;
  while (at < bytes.length) at += 1 + (bytes[at] ?? 0);
  return at === bytes.length;
}

/** The types below 256 of a bitmap (RFC 4034 §4.1.2); later windows are checked and passed over. */
function typesOfBitmap(bytes: Uint8Array): number[] | null {
  const types: number[] = [];
  let at = 0;
  while (at < bytes.length) {
    const window = bytes[at] ?? 0;
    const length = bytes[at + 1] ?? 0;
    if (length === 0 || length > 32 || at + 2 + length > bytes.length) return null;
    for (let byte = 0; window === 0 && byte < length; byte++) {
      const bits = bytes[at + 2 + byte] ?? 0;
      for (let bit = 0; bit < 8; bit++) if ((bits & (0x80 >> bit)) !== 0) types.push(byte * 8 + bit);
    }
    at += 2 + length;
  }
  return types;
}

function ipv4Text(bytes: Uint8Array): string {
  return bytes.join(".");
}

/** The short text of an IPv6 address (RFC 5952). */
function ipv6Text(bytes: Uint8Array): string {
  const groups: number[] = [];
  for (let i = 0; i < 16; i += 2) groups.push(((bytes[i] ?? 0) << 8) | (bytes[i + 1] ?? 0));
  let bestAt = -1;
  let bestLength = 1;
  for (let at = 0; at < 8; at++) {
    let length = 0;
    while (at + length < 8 && groups[at + length] === 0) length++;
    if (length > bestLength) [bestAt, bestLength] = [at, length];
  }
  const hex = (part: readonly number[]): string => part.map((group) => group.toString(16)).join(":");
  return bestAt < 0
    ? hex(groups)
    : `${hex(groups.slice(0, bestAt))}::${hex(groups.slice(bestAt + bestLength))}`;
}
