// Bytes beside the vectors of messages: bodies that no hana writes and each must read, and what each must refuse.
// Decides the bytes by hand, since no encoder of hana makes them; discovery_vectors.ts signs them. Fixed for ever, as
// discovery_vector_messages.ts is.

import type { Message } from "../../lib/discovery/messages/mod.ts";

/** Bodies that no hana writes, of which each must be read as if hana had written it. */
export const TOLERATED: readonly {
  readonly name: string;
  readonly kind: Message["kind"];
  readonly body: string;
}[] = [
  {
    // 9 keys in a map of 16-bit length; numbers of 8 bytes; a double that is whole; unknown key and value
    name: "heartbeat: keys that nobody knows, numbers in wider forms, a whole double",
    kind: "heartbeat",
    body: [
      "de0009",
      ["a162", "c408b0b1b2b3b4b5b6b7"],
      ["a176", "cf0000000000000001"],
      ["a170", "d30000000000000003"],
      ["a174", "cb408f400000000000"],
      ["a16e", "ce00000007"],
      ["a167", "c50008d0d1d2d3d4d5d6d7"],
      ["a7756e6b6e6f776e", "93c0c3a0"],
      ["a47a7a7a7a", "81a161ca3fc00000"],
      ["d90178", "c403000000"],
    ].flat().join(""),
  },
  {
    name: "heartbeat: a key twice, of which the last counts; a leader with a field of a later version",
    kind: "heartbeat",
    body: [
      "88",
      ["a162", "c4080000000000000000"],
      ["a162", "c408b0b1b2b3b4b5b6b7"],
      ["a176", "01"],
      ["a170", "03"],
      ["a174", "cd03e8"],
      ["a16e", "07"],
      ["a167", "c408d0d1d2d3d4d5d6d7"],
      ["a16c", "93", "29", "c4083031323334353637", "cd1388"],
    ].flat().join(""),
  },
  {
    name: "bye: a reason of a later version is a goodbye all the same",
    kind: "bye",
    body: ["82", "a162", "c408b0b1b2b3b4b5b6b7", "a177", "09"].join(""),
  },
  {
    name: "announce: an endpoint of a kind of a later version is passed over",
    kind: "announce",
    body: [
      "84",
      ["a162", "c408b0b1b2b3b4b5b6b7"],
      ["a170", "01"],
      ["a174", "cd03e8"],
      ["a172", "85"],
      ["a173", "01", "a172", "01", "a16e", "a16e", "a176", "a131"],
      ["a165", "92", "9209a56c61746572", "9300ad31302e302e302e323a34303030c3"],
    ].flat().join(""),
  },
];

/** Changes to a good datagram, or bodies, that are refused, with the reason. */
export const REFUSED: readonly {
  readonly name: string;
  readonly why: "not-hana" | "oversize" | "version" | "other-mesh" | "foreign" | "unknown-kind" | "malformed";
  /** A body to be signed for a kind number and a path number. */
  readonly body?: string;
  readonly kind?: number;
  readonly path?: number;
  /** Done to the bytes after they were signed. */
  readonly change?: (datagram: Uint8Array) => Uint8Array;
}[] = [
  { name: "nothing", why: "not-hana", change: () => new Uint8Array(0) },
  { name: "57 bytes: no room for a body", why: "not-hana", change: (all) => all.slice(0, 57) },
  { name: "another magic", why: "not-hana", change: (all) => withByte(all, 1, 0x44) },
  { name: "1,201 bytes", why: "oversize", change: (all) => grown(all, 1_201) },
  { name: "another major version", why: "version", change: (all) => withByte(all, 2, 2) },
  { name: "another mesh name", why: "other-mesh", change: (all) => withByte(all, 7, (all[7] ?? 0) ^ 1) },
  { name: "another key tag", why: "foreign", change: (all) => withByte(all, 40, (all[40] ?? 0) ^ 1) },
  {
    name: "another way than the one it was signed for",
    why: "foreign",
    change: (all) => withByte(all, 3, 2),
  },
  {
    name: "a bit of the body flipped",
    why: "foreign",
    change: (all) => withByte(all, 50, (all[50] ?? 0) ^ 8),
  },
  { name: "the last byte cut off", why: "foreign", change: (all) => all.slice(0, -1) },
  { name: "a byte too much", why: "foreign", change: (all) => grown(all, all.length + 1) },
  { name: "a kind of a later version", why: "unknown-kind", kind: 63, body: "81a162c408b0b1b2b3b4b5b6b7" },
  {
    name: "a way that does not exist",
    why: "malformed",
    path: 3,
    kind: 5,
    body: "81a162c408b0b1b2b3b4b5b6b7",
  },
  { name: "a body that is no map", why: "malformed", kind: 5, body: "90" },
  { name: "a body that ends early", why: "malformed", kind: 5, body: "82a162c408b0b1b2b3b4b5b6b7" },
  { name: "bytes behind the body", why: "malformed", kind: 5, body: "81a162c408b0b1b2b3b4b5b6b7c0" },
  { name: "no boot nonce", why: "malformed", kind: 5, body: "81a17700" },
  { name: "a boot nonce of seven bytes", why: "malformed", kind: 5, body: "81a162c407b0b1b2b3b4b5b6" },
  { name: "a boot nonce that is text", why: "malformed", kind: 5, body: "81a162a83031323334353637" },
  {
    name: "a key that is a number",
    why: "malformed",
    kind: 5,
    body: "8201c0a162c408b0b1b2b3b4b5b6b7",
  },
  {
    name: "an extension type of MessagePack",
    why: "malformed",
    kind: 5,
    body: "82a162c408b0b1b2b3b4b5b6b7a178d40100",
  },
  {
    name: "text that is no UTF-8",
    why: "malformed",
    kind: 5,
    body: "82a162c408b0b1b2b3b4b5b6b7a178a1ff",
  },
  {
    name: "an integer beyond 2^53 - 1",
    why: "malformed",
    kind: 5,
    body: "82a162c408b0b1b2b3b4b5b6b7a178cf0020000000000000",
  },
  {
    name: "nine containers inside one another",
    why: "malformed",
    kind: 5,
    body: "82a162c408b0b1b2b3b4b5b6b7a178" + "91".repeat(8) + "c0",
  },
  {
    name: "an ack with a state version below zero",
    why: "malformed",
    kind: 7,
    body: "83a162c408b0b1b2b3b4b5b6b7a165c4080102030405060708a176ff",
  },
  {
    name: "a part that goes on behind the end of its record",
    why: "malformed",
    kind: 11,
    body: "86a162c408b0b1b2b3b4b5b6b7a165c4080102030405060708a17601a16f02a16c03a178c4020000",
  },
  {
    name: "a suspicion of nobody",
    why: "malformed",
    kind: 15,
    body: "82a162c408b0b1b2b3b4b5b6b7a16cc400",
  },
  {
    name: "a suspicion with half a row",
    why: "malformed",
    kind: 15,
    body: "82a162c408b0b1b2b3b4b5b6b7a16cc4083031323334353637",
  },
  {
    name: "an announcement whose name has a control character",
    why: "malformed",
    kind: 1,
    body: "84a162c408b0b1b2b3b4b5b6b7a17001a174cd03e8a17285a17301a17201a16ea30a6162a176a131a16590",
  },
  {
    name: "an announcement with a host name in an endpoint",
    why: "malformed",
    kind: 1,
    body: "84a162c408b0b1b2b3b4b5b6b7a17001a174cd03e8a17285a17301a17201a16ea16ea176a131a16591" +
      "9200ae6578616d706c652e636f6d3a3830",
  },
  {
    name: "a claim by no set and for no new lineage",
    why: "malformed",
    kind: 17,
    body: "83a162c408b0b1b2b3b4b5b6b7a17401a16101",
  },
  {
    name: "a leadership whose voter set is of another term",
    why: "malformed",
    kind: 20,
    body:
      "86a162c408b0b1b2b3b4b5b6b7a17429a17201a16f00a176cd0e74a16e84a16cc40811223344556677ffa17328a17602a172c410" +
      "1011121314151617a1a1a1a1a1a1a1a1",
  },
];

function withByte(all: Uint8Array, at: number, value: number): Uint8Array {
  const copy = all.slice();
  copy[at] = value;
  return copy;
}

function grown(all: Uint8Array, length: number): Uint8Array {
  const copy = new Uint8Array(length);
  copy.set(all);
  return copy;
}
