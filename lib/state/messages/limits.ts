// How much a message of shared state may hold, and the numbers of the kinds.
// Decides bounds that encoder and decoder share: what cannot be read is not written.

import type { RateClass } from "../model/mod.ts";
import type { EntryType, StateMessageKind } from "./types.ts";

/** The version of this protocol, told in hello. */
export const STATE_PROTOCOL = 1;

/** Bytes of a message. A chunk aims at half of it. */
export const MAX_MESSAGE_BYTES = 65_536;
/** Bytes of entries in a chunk, unless one value alone is larger. */
export const CHUNK_BYTES = 32_768;
/** Entries of a message. */
export const MAX_ENTRIES = 16_384;
/** Bytes of a value of type text, bytes or json. */
export const MAX_VALUE_BYTES = 32_768;
/** Containers inside one another in a value of type json. */
export const MAX_JSON_DEPTH = 16;
/** The largest path id, generation and request number. */
export const MAX_U32 = 0xffff_ffff;
/** The largest number of a client. */
export const MAX_CLIENT = 0xffff;
/** Subsystems of a host, and so of every list of them. */
export const MAX_SUBSYSTEMS = 256;
/** The largest number of a subsystem; numbers are not used again within an epoch. */
export const MAX_SUBSYSTEM = 0xffff;
/** Bytes of the prefix of an interest. */
export const MAX_PREFIX_BYTES = 128;
/** Interests of a hello. */
export const MAX_INTERESTS = 64;
/** Capabilities of a hello. */
export const MAX_CAPABILITIES = 32;
/** Guards of a transaction. */
export const MAX_GUARDS = 64;
/** Objects of an own message. */
export const MAX_OBJECTS = 1_024;
/** Paths of a welcome that were taken over. */
export const MAX_TAKEN_OVER = 4_096;
/** Definitions of a transaction. */
export const MAX_DEFINITIONS = 1_024;
/** Bytes of what a definition says about itself. */
export const MAX_DESCRIPTION_BYTES = 1_024;
/** The longest fade, in microseconds: an hour. */
export const MAX_FADE_US = 3_600_000_000;
/** What a client may leave to be written when it goes. */
export const MAX_LEAVES = 64;
/** Words of an enum. */
export const MAX_WORDS = 256;
/** Bytes of names of clients, subsystems and capabilities, and of words. */
export const MAX_NAME_BYTES = 63;
/** Bytes of texts for people. */
export const MAX_TEXT_BYTES = 255;
/** Bytes of a reconnect token. */
export const TOKEN_BYTES = 16;
/** Chunks of a subsystem. */
export const MAX_CHUNKS = 0xffff;
/** The largest version, term and clock. */
export const MAX_NUMBER = Number.MAX_SAFE_INTEGER;
/** The largest sequence of a client: its acknowledgement carries one bit more. */
export const MAX_SEQUENCE = 2 ** 52 - 1;

/** The low five bits of a message's first byte. 11 is kept for streams; above 17 nothing is given out. */
export const KIND_NUMBERS: Readonly<Record<StateMessageKind, number>> = {
  hello: 1,
  welcome: 2,
  chunk: 3,
  set: 4,
  tx: 5,
  nack: 6,
  patch: 7,
  ack: 8,
  resync: 9,
  beat: 10,
  own: 12,
  priv: 13,
  bye: 14,
  error: 15,
  leave: 16,
  names: 17,
};

/** How many of the flags in its first byte a kind has, by its number. */
export const KIND_FLAGS: readonly number[] = [3, 2, 1, 2, 3, 1, 2, 3, 0, 2, 1, 3, 0, 0, 1, 0, 0, 0];

/** The types of entries in the order of their numbers, in which they also stand in a message. */
export const ENTRY_TYPES: readonly EntryType[] = [
  "f32",
  "unit",
  "i32",
  "bool",
  "enum",
  "text",
  "bytes",
  "vec3",
  "quat",
  "json",
  "definition",
  "gone",
];

/** The types of what a client leaves, in the order of their numbers: those of values, then `gone`. */
export const LEAVE_TYPES = [
  "f32",
  "unit",
  "i32",
  "bool",
  "enum",
  "text",
  "bytes",
  "vec3",
  "quat",
  "json",
  "gone",
] as const satisfies readonly EntryType[];

/** The classes of rates in the order of their numbers. */
export const RATE_CLASSES = ["fast", "slow", "rare"] as const satisfies readonly RateClass[];
