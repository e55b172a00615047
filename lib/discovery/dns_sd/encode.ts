// Writes DNS messages with compressed names.
// Decides whether one more question or record fits; never splits a message itself (the cores do) and never writes a
// record that decode.ts would refuse. SRV targets are compressed, which mDNS allows (RFC 6762 §18.14).

import {
  MAX_MESSAGE_OUT_BYTES,
  type Question,
  type RecordData,
  type ResourceRecord,
  TOP_BIT,
  TYPE,
} from "./message.ts";
import { labelsOf, splitName } from "./name.ts";

/** The lists of a message, in their order. */
const SECTIONS = ["question", "answer", "authority", "additional"] as const;
/** A list of records. */
export type Section = "answer" | "authority" | "additional";

/** Pointers reach this far. */
const MAX_POINTER = 0x3fff;

/** What the header says. */
export interface HeaderFlags {
  readonly isResponse: boolean;
  /** Zero but in answers to legacy queries (RFC 6762 §18.1). */
  readonly id?: number;
}

/** One message in the making. Sections come in order; what does not fit is left out and told. */
export class MessageWriter {
  readonly #bytes: Uint8Array;
  readonly #counts = [0, 0, 0, 0];
  readonly #names = new Map<string, number>();
  #at = 12;
  #isTruncated = false;

  /** @param maxBytes what the message may have at most */
  constructor(readonly flags: HeaderFlags, maxBytes: number = MAX_MESSAGE_OUT_BYTES) {
    this.#bytes = new Uint8Array(maxBytes);
  }

  /** Whether nothing stands in it. */
  get isEmpty(): boolean {
    return this.#counts.every((count) => count === 0);
  }

  /** Bytes so far. */
  get length(): number {
    return this.#at;
  }

  /** Adds a question if it fits. */
  canAddQuestion(question: Question): boolean {
    return this.#canAdd(0, () => {
      this.#name(question.name);
      this.#u16(question.type);
      this.#u16(question.class | (question.wantsUnicast ? TOP_BIT : 0));
    });
  }

  /** Adds a record if it fits. */
  canAddRecord(section: Section, record: ResourceRecord): boolean {
    return this.#canAdd(SECTIONS.indexOf(section), () => {
      this.#name(record.name);
      this.#u16(record.data.type);
      this.#u16(record.class | (record.isFlush ? TOP_BIT : 0));
      this.#u16(Math.floor(record.ttlS / 0x1_0000));
      this.#u16(record.ttlS % 0x1_0000);
      const lengthAt = this.#at;
      this.#u16(0);
      this.#data(record.data);
      this.#set16(lengthAt, this.#at - lengthAt - 2);
    });
  }

  /** Says that more known answers follow. */
  setTruncated(): void {
    this.#isTruncated = true;
  }

  /** The message. */
  finish(): Uint8Array {
    const { isResponse, id = 0 } = this.flags;
    this.#set16(0, id);
    // Responses are authoritative (RFC 6762 §18.4).
    this.#set16(2, (isResponse ? 0x8400 : 0) | (this.#isTruncated ? 0x0200 : 0));
    this.#counts.forEach((count, section) => this.#set16(4 + 2 * section, count));
    return this.#bytes.slice(0, this.#at);
  }

  #canAdd(section: number, write: () => void): boolean {
    const before = this.#at;
    write();
    if (this.#at <= this.#bytes.length) {
      this.#counts[section] = (this.#counts[section] ?? 0) + 1;
      return true;
    }
    this.#at = before;
    for (const [key, at] of this.#names) if (at >= before) this.#names.delete(key);
    return false;
  }

  // Writes past the end are lost and only move the position, which #canAdd looks at.

  #u8(value: number): void {
    this.#bytes[this.#at++] = value;
  }

  #u16(value: number): void {
    this.#set16(this.#at, value);
    this.#at += 2;
  }

  #set16(at: number, value: number): void {
    this.#bytes[at] = value >>> 8;
    this.#bytes[at + 1] = value;
  }

  #raw(bytes: Uint8Array): void {
    if (this.#at + bytes.length <= this.#bytes.length) this.#bytes.set(bytes, this.#at);
    this.#at += bytes.length;
  }

  #name(name: string): void {
    const labels = labelsOf(name) ?? [];
    // Letters keep their case, so that a pointer never changes how a name is shown.
    const texts = splitName(name);
    for (let i = 0; i < labels.length; i++) {
      const suffix = texts.slice(i).join(".");
      const known = this.#names.get(suffix);
      if (known !== undefined) {
        this.#u16(0xc000 | known);
        return;
      }
      if (this.#at <= MAX_POINTER) this.#names.set(suffix, this.#at);
      const label = labels[i] ?? new Uint8Array(0);
      this.#u8(label.length);
      this.#raw(label);
    }
    this.#u8(0);
  }

  #data(data: RecordData): void {
    if ("address" in data) {
      this.#raw(data.type === TYPE.a ? ipv4Bytes(data.address) : ipv6Bytes(data.address));
    } else if ("port" in data) {
      this.#u16(data.priority);
      this.#u16(data.weight);
      this.#u16(data.port);
      this.#name(data.target);
    } else if ("target" in data) {
      this.#name(data.target);
    } else if ("next" in data) {
      this.#name(data.next);
      this.#raw(bitmapOf(data.types));
    } else {
      this.#raw("bytes" in data ? data.bytes : data.opaque);
    }
  }
}

/** The bytes of what a record says, names not compressed: what simultaneous probes are compared by (RFC 6762 §8.2). */
export function plainData(data: RecordData): Uint8Array {
  const parts: Uint8Array[] = [];
  const name = (text: string): void => {
    for (const label of labelsOf(text) ?? []) parts.push(new Uint8Array([label.length]), label);
    parts.push(new Uint8Array(1));
  };
  if ("address" in data) {
    return data.type === TYPE.a ? ipv4Bytes(data.address) : ipv6Bytes(data.address);
  } else if ("port" in data) {
    const { priority, weight, port } = data;
    parts.push(new Uint8Array([priority >> 8, priority, weight >> 8, weight, port >> 8, port]));
    name(data.target);
  } else if ("target" in data) {
    name(data.target);
  } else if ("next" in data) {
    name(data.next);
    parts.push(bitmapOf(data.types));
  } else {
    return "bytes" in data ? data.bytes : data.opaque;
  }
  const whole = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}

/** Below zero, zero or above zero as `a` comes before, with or after `b`: bytes count unsigned. */
export function compareBytes(a: Uint8Array, b: Uint8Array): number {
  const length = Math.min(a.length, b.length);
  for (let i = 0; i < length; i++) {
    const difference = (a[i] ?? 0) - (b[i] ?? 0);
    if (difference !== 0) return difference;
  }
  return a.length - b.length;
}

function ipv4Bytes(address: string): Uint8Array {
  return Uint8Array.from(address.split("."), Number);
}

function ipv6Bytes(address: string): Uint8Array {
  const [head = "", tail] = address.split("::");
  const groups = (text: string | undefined): number[] =>
    text === undefined || text === "" ? [] : text.split(":").map((group) => parseInt(group, 16));
  const [left, right] = [groups(head), groups(tail)];
  const all = [...left, ...new Array<number>(Math.max(0, 8 - left.length - right.length)).fill(0), ...right];
  return Uint8Array.from(all.slice(0, 8).flatMap((group) => [group >> 8, group & 0xff]));
}

/** One window for the types below 256 (RFC 6762 §6.1). */
function bitmapOf(types: readonly number[]): Uint8Array {
  const low = types.filter((type) => type < 256);
  if (low.length === 0) return new Uint8Array(0);
  const length = (Math.max(...low) >> 3) + 1;
  const bytes = new Uint8Array(2 + length);
  bytes[1] = length;
  for (const type of low) {
    const at = 2 + (type >> 3);
    bytes[at] = (bytes[at] ?? 0) | (0x80 >> (type & 7));
  }
  return bytes;
}
