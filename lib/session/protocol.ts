// The session protocol as bytes: what stands in the payload of a lane.
// Reads as the protocol; decides no behaviour. Every payload opens with its kind; numbers are RFC 9000 varints.
//
//   hello, welcome   kind · codec u8 · body {Greeting}        the dialler speaks first
//   reject           kind · codec u8 · body {code, what, why, hint}  instead of welcome; the session ends
//   ping, pong       kind · nonce u32                         heartbeat; a pong repeats the nonce
//   goodbye          kind · body {reason}                     an end in order
//   name             kind · id varint · text                  before the first use of a message: its number for this direction
//   request          kind · request varint · message varint · timeout ms varint · body
//   response         kind · request varint · body
//   failure          kind · request varint · body {code, what, why, hint}
//   cancel           kind · request varint
//   event            kind · message varint · body
//   fenced           kind · by what right (fencing.ts) · request or event, its kind included
//   role             kind · text                              the sender has another role from now on
//   named            kind · id varint · text · the message    instead of name, where lanes may overtake each other

import { type ErrorCode, HanaError, type Incarnation, type NodeId, type Role } from "../base/mod.ts";
import type { CodecName } from "../wire/mod.ts";

/** The first byte of a payload. Numbers are never given again. */
export const PayloadKind = {
  hello: 1,
  welcome: 2,
  reject: 3,
  ping: 4,
  pong: 5,
  goodbye: 6,
  name: 16,
  request: 17,
  response: 18,
  failure: 19,
  cancel: 20,
  event: 21,
  fenced: 22,
  role: 23,
  named: 24,
} as const;

/** Protocol versions that this build speaks, best first. */
export const PROTOCOL_VERSIONS: readonly number[] = [2, 1];

/** From this version on a peer understands `fenced` and `role`; others are sent neither. */
export const LEADERSHIP_VERSION = 2;

/** Codecs by their number on the wire. */
export const CODEC_NUMBERS: Readonly<Record<CodecName, number>> = { msgpack: 0, json: 1 };

/** The codec of a number, null when there is none. */
export function codecOfNumber(number: number): CodecName | null {
  return number === 0 ? "msgpack" : number === 1 ? "json" : null;
}

/** Who a node is, as its own hello says. */
export interface Identity {
  readonly id: NodeId;
  readonly name: string;
  readonly role: Role;
  readonly incarnation: Incarnation;
  /** Version of the software, for people. */
  readonly software: string;
}

const FORWARDED_CODES: readonly ErrorCode[] = [
  "usage",
  "config",
  "not-found",
  "refused",
  "timeout",
  "cancelled",
  "unreachable",
  "closed",
  "frame-too-large",
  "decode",
  "schema",
  "unknown-message",
  "version",
  "overloaded",
  "address-in-use",
  "network-unusable",
  "storage",
  "conflict",
  "unsupported",
];

/** The most that travels of each text of an error, in UTF-16 units. */
const MAX_ERROR_TEXT = 1024;

/** The beginning of `text`, without half a character at its end: that has no form on the wire. */
export function shortText(text: string, maxLength: number): string {
  return text.slice(0, maxLength).toWellFormed();
}

/** An error as it travels in reject and failure. Handlers fail with texts of any length and form. */
export function encodeFailure(error: HanaError): Record<string, unknown> {
  const { code, what, why, hint } = error;
  return {
    code,
    what: shortText(what, MAX_ERROR_TEXT),
    why: why === undefined ? undefined : shortText(why, MAX_ERROR_TEXT),
    hint: hint === undefined ? undefined : shortText(hint, MAX_ERROR_TEXT),
  };
}

/** Reads an error that a peer sent; anything unreadable is the peer's bug and says so. */
export function decodeFailure(body: unknown, peerName: string): HanaError {
  const { code, what, why, hint } = (typeof body === "object" && body !== null ? body : {}) as Record<
    string,
    unknown
  >;
  const known = FORWARDED_CODES.find((candidate) => candidate === code);
  return new HanaError(known ?? "internal", {
    what: typeof what === "string"
      ? shortText(what, MAX_ERROR_TEXT)
      : `${peerName} failed without saying why`,
    ...(typeof why === "string" ? { why: shortText(why, MAX_ERROR_TEXT) } : {}),
    ...(typeof hint === "string" ? { hint: shortText(hint, MAX_ERROR_TEXT) } : {}),
  });
}
