// What a frame carries, as far as it can be told from outside: a kind of discovery's datagrams, or a stream.
// Reads the header alone, which is not secret; never a body.

import { KIND_NUMBERS } from "../../discovery/mod.ts";

const MAGIC_HIGH = 0x68;
const MAGIC_LOW = 0x43;
/** The low six bits of the fourth byte are the kind (lib/discovery/datagram.ts). */
const KIND_AT = 3;
const KIND_MASK = 0x3f;
const OTHER = "other";

const KINDS: readonly string[] = Array.from(
  { length: KIND_MASK + 1 },
  (_, number) => Object.entries(KIND_NUMBERS).find(([, each]) => each === number)?.[0] ?? OTHER,
);

/** The type of a datagram: `heartbeat`, `announce`, …, or `other`. */
export function typeOfDatagram(payload: Uint8Array): string {
  if (payload[0] !== MAGIC_HIGH || payload[1] !== MAGIC_LOW) return OTHER;
  return KINDS[(payload[KIND_AT] ?? 0) & KIND_MASK] ?? OTHER;
}
