// What a DNS message holds (RFC 1035 §4, RFC 6762 §18): header, questions, three lists of records.
// Decides the types, their numbers and when two records are the same; reading is decode.ts, writing encode.ts.
// Types that DNS-SD does not need travel as opaque bytes.

import { nameKey } from "./name.ts";

/** Record types by their numbers. */
export const TYPE = { a: 1, ptr: 12, txt: 16, aaaa: 28, srv: 33, opt: 41, nsec: 47, any: 255 } as const;

/** The Internet class, and the class of a question that means any. */
export const CLASS_IN = 1;
export const CLASS_ANY = 255;
/** The top bit of a class: "flush your cache" in a record, "answer me alone" in a question (RFC 6762 §18.12-13). */
export const TOP_BIT = 0x8000;

/** Bytes of a message that is read at most (RFC 6762 §17). */
export const MAX_MESSAGE_IN_BYTES = 9_000;
/** Bytes of a message of ours at most: below every link's limit, tunnels included. */
export const MAX_MESSAGE_OUT_BYTES = 1_200;
/** Questions and records of one message that are read at most. */
export const MAX_RECORDS = 512;

/** What a record says. */
export type RecordData =
  | { readonly type: typeof TYPE.a; readonly address: string }
  | { readonly type: typeof TYPE.aaaa; readonly address: string }
  | { readonly type: typeof TYPE.ptr; readonly target: string }
  | {
    readonly type: typeof TYPE.srv;
    readonly priority: number;
    readonly weight: number;
    readonly port: number;
    readonly target: string;
  }
  /** The bytes as they stand in the record: strings with their lengths. */
  | { readonly type: typeof TYPE.txt; readonly bytes: Uint8Array }
  /** The types that there are under this name (RFC 6762 §6.1). */
  | { readonly type: typeof TYPE.nsec; readonly next: string; readonly types: readonly number[] }
  | { readonly type: number; readonly opaque: Uint8Array };

/** One record. */
export interface ResourceRecord {
  readonly name: string;
  /** Without the flush bit. */
  readonly class: number;
  /** The sender owns this name and type alone: what others said before is out of date (RFC 6762 §10.2). */
  readonly isFlush: boolean;
  /** Seconds. */
  readonly ttlS: number;
  readonly data: RecordData;
}

/** One question. */
export interface Question {
  readonly name: string;
  readonly type: number;
  /** Without the unicast bit. */
  readonly class: number;
  /** An answer by unicast would do. */
  readonly wantsUnicast: boolean;
}

/** A message. */
export interface DnsMessage {
  readonly id: number;
  readonly isResponse: boolean;
  /** More known answers follow in another message (RFC 6762 §7.2). */
  readonly isTruncated: boolean;
  readonly questions: readonly Question[];
  readonly answers: readonly ResourceRecord[];
  readonly authorities: readonly ResourceRecord[];
  readonly additionals: readonly ResourceRecord[];
}

/** Why a message was not read. */
export const DNS_REFUSALS = [
  "short", // less than a header
  "oversize", // more than 9,000 bytes
  "opcode", // no query, or an error code (RFC 6762 §18.3, §18.11)
  "too-many", // more than 512 questions and records
  "malformed", // the bytes end early, a name loops, a length lies
] as const;

/** Why a message was not read. */
export type DnsRefusal = typeof DNS_REFUSALS[number];

/** What two records of one name and type share when they say the same. */
export function dataKey(data: RecordData): string {
  if ("address" in data) return data.address;
  if ("port" in data) return `${data.priority} ${data.weight} ${data.port} ${nameKey(data.target)}`;
  if ("target" in data) return nameKey(data.target);
  if ("next" in data) return `${nameKey(data.next)} ${data.types.join(",")}`;
  return latin1("bytes" in data ? data.bytes : data.opaque);
}

/** What two equal records share, whatever their time to live. */
export function recordKey(record: ResourceRecord): string {
  return `${nameKey(record.name)} ${record.data.type} ${dataKey(record.data)}`;
}

/** Whether a question asks for a record. */
export function isAskedFor(question: Question, record: ResourceRecord): boolean {
  return (question.type === record.data.type || question.type === TYPE.any) &&
    (question.class === CLASS_IN || question.class === CLASS_ANY) &&
    nameKey(question.name) === nameKey(record.name);
}

function latin1(bytes: Uint8Array): string {
  let text = "";
  for (const byte of bytes) text += String.fromCharCode(byte);
  return text;
}
