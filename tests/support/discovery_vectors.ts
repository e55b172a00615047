// docs/vectors/discovery.json: bytes of the discovery protocol for who implements it in another language.
// Decides the form of the document. Run as a program it writes the file anew, which is right only while nobody holds
// another implementation against it: `deno run -A tests/support/discovery_vectors.ts`.
// Never decides what is worth a vector: discovery_vector_messages.ts and discovery_vector_bytes.ts do.

import { fromHex, type Incarnation, toHex } from "../../lib/base/mod.ts";
import {
  encodeBody,
  type Header,
  HEADER_BYTES,
  MAC_BYTES,
  PATHS,
  sealDatagram,
} from "../../lib/discovery/datagram.ts";
import { contributionOf, Digest } from "../../lib/discovery/digest.ts";
import { hash32 } from "../../lib/discovery/hash.ts";
import { type Kind, KIND_NUMBERS, type Message } from "../../lib/discovery/messages/mod.ts";
import { type BodyCodec, createBodyCodec, decodeDatagram, meshTagOf } from "../../lib/discovery/mod.ts";
import { rankOf } from "../../lib/discovery/offers.ts";
import {
  DatagramAuthenticator,
  formatJoinCode,
  MeshKey,
  MeshKeyRing,
  openMeshKeyRing,
} from "../../lib/security/mod.ts";
import { REFUSED, TOLERATED } from "./discovery_vector_bytes.ts";
import { LIVES, SAMPLES, VECTOR_ID, VECTOR_INCARNATION } from "./discovery_vector_messages.ts";

/** Where the document is. */
export const VECTORS_URL: URL = new URL("../../docs/vectors/discovery.json", import.meta.url);
/** The mesh of all vectors. */
export const MESH_NAME = "show";

/** A value with its byte strings as `{"bytes": "hex"}`. */
export type Plain = null | boolean | number | string | Plain[] | { [key: string]: Plain };

/** One datagram of the document. */
export interface DatagramVector {
  readonly name: string;
  /** Which key signed it. */
  readonly key: KeyName;
  readonly header: Plain;
  /** The map of the body as it stands in the datagram. */
  readonly body: Plain;
  /** What it says. */
  readonly message: Plain;
  readonly datagram: string;
}

/** One datagram that is refused. */
export interface RefusedVector {
  readonly name: string;
  readonly why: string;
  readonly datagram: string;
}

/** The names of the keys. */
export type KeyName = "show" | "next" | "open";

const show = new MeshKey(Uint8Array.from({ length: 32 }, (_, i) => i));
const next = new MeshKey(Uint8Array.from({ length: 32 }, (_, i) => 0x80 + i));

/** The rings by the key that signs: during a rotation both keys are accepted. */
export const RINGS: Readonly<Record<KeyName, MeshKeyRing>> = {
  show: new MeshKeyRing(show, next),
  next: new MeshKeyRing(next, show),
  open: openMeshKeyRing(),
};

/** What signs with a key. */
export const SEALS: Readonly<Record<KeyName, DatagramAuthenticator>> = {
  show: new DatagramAuthenticator(RINGS.show),
  next: new DatagramAuthenticator(RINGS.next),
  open: new DatagramAuthenticator(RINGS.open),
};

/** Values as they stand in the document: in JSON a byte string is `{"bytes": "hex"}`. */
export function plainOf(value: unknown): Plain {
  if (value instanceof Uint8Array) return { bytes: toHex(value) };
  if (Array.isArray(value)) return value.map(plainOf);
  if (typeof value === "object" && value !== null) {
    return Object.fromEntries(
      Object.entries(value).filter(([, each]) => each !== undefined).map((
        [key, each],
      ) => [key, plainOf(each)]),
    );
  }
  return value as Plain;
}

/** The document as it should be. */
export function discoveryVectors(): Record<string, unknown> {
  const codec = createBodyCodec();
  const tag = meshTagOf(MESH_NAME);
  return {
    schema: "hana.discovery-vectors/1",
    meshName: MESH_NAME,
    meshTag: hex32(tag),
    keys: Object.fromEntries(
      (["show", "next", "open"] as const).map((name) => {
        const key = RINGS[name].primary;
        return [name, {
          meshKey: toHex(key.exportSecret()),
          joinCode: formatJoinCode(key),
          keyId: key.idText,
          macKey: toHex(key.derive("datagram mac")),
          keyTag: SEALS[name].keyTag,
        }];
      }),
    ),
    hashes: ["", "a", "hana mesh ", "hana mesh show", "Bühne", "🎛"].map((text) => ({
      text,
      hash: hex32(hash32(text)),
    })),
    ranks: [1, 8, 100].map((nodes) => {
      const nonce = "0102030405060708";
      return { id: VECTOR_ID, nonce, nodes, rank: rankOf(VECTOR_ID, nonce, nodes) };
    }),
    digest: digestVectors(),
    datagrams: datagramVectors(codec, tag),
    tolerated: toleratedVectors(codec, tag),
    refused: refusedVectors(codec, tag),
  };
}

function hex32(value: number): string {
  return value.toString(16).padStart(8, "0");
}

function digestVectors(): unknown {
  const digest = new Digest();
  const nodes = LIVES.map((life) => {
    const contribution = contributionOf(life.id, life.incarnation as Incarnation, life.stateVersion);
    digest.toggle(contribution);
    return { ...life, contribution: hex32(contribution.high >>> 0) + hex32(contribution.low >>> 0) };
  });
  return { nodes, digest: digest.text };
}

function headerOf(changes: Partial<Header>, kind: Kind, seq: number): Header {
  return {
    kind,
    path: "unicast",
    id: VECTOR_ID,
    incarnation: VECTOR_INCARNATION,
    seq,
    sentMs: 1_000 + seq,
    ...changes,
  };
}

function bodyOf(datagram: Uint8Array, codec: BodyCodec): Plain {
  return plainOf(codec.decode(datagram.subarray(HEADER_BYTES, datagram.length - MAC_BYTES)));
}

function datagramVectors(codec: BodyCodec, tag: number): DatagramVector[] {
  return SAMPLES.map(({ name, key = "show", header: changes = {}, message }, at) => {
    const header = headerOf(changes, message.kind, at + 1);
    const datagram = sealDatagram(header, tag, encodeBody(message, codec), SEALS[key]);
    return vectorOf(name, key, header, datagram, codec, tag);
  });
}

function toleratedVectors(codec: BodyCodec, tag: number): DatagramVector[] {
  return TOLERATED.map(({ name, kind, body }, at) => {
    const header = headerOf({}, kind, 100 + at);
    return vectorOf(name, "show", header, sealDatagram(header, tag, fromHex(body), SEALS.show), codec, tag);
  });
}

function vectorOf(
  name: string,
  key: KeyName,
  header: Header,
  datagram: Uint8Array,
  codec: BodyCodec,
  tag: number,
): DatagramVector {
  const read = decodeDatagram(datagram, tag, codec, SEALS[key]);
  if (typeof read === "string") throw new Error(`${name}: ${read}`);
  return {
    name,
    key,
    header: plainOf(header),
    body: bodyOf(datagram, codec),
    message: messageOf(read.message),
    datagram: toHex(datagram),
  };
}

/** A message in the document; its id and incarnation stand in the header, and not again in its record. */
export function messageOf(message: Message): Plain {
  const plain = plainOf(message) as { [key: string]: Plain };
  if (message.kind === "announce" || message.kind === "offer") {
    const { id: _id, incarnation: _incarnation, ...record } = plain.record as { [key: string]: Plain };
    return { ...plain, record };
  }
  if (message.kind !== "sync-page") return plain;
  const entries = (plain.entries as { [key: string]: Plain }[]).map((entry) => {
    if (entry.record === null) return entry;
    const { id: _id, incarnation: _incarnation, ...record } = entry.record as { [key: string]: Plain };
    return { ...entry, record };
  });
  return { ...plain, entries };
}

function refusedVectors(codec: BodyCodec, tag: number): RefusedVector[] {
  const good = { kind: "bye", bootNonce: "b0b1b2b3b4b5b6b7", reason: "quit" } as const;
  return REFUSED.map(({ name, why, body, kind, path, change }, at) => {
    const header = headerOf({ path: "multicast" }, "bye", 200 + at);
    const bytes = body === undefined ? encodeBody(good, codec) : fromHex(body);
    const datagram = sealDatagram(header, tag, bytes, SEALS.show);
    if (kind !== undefined) {
      datagram[3] = (path ?? PATHS.indexOf("multicast")) << 6 | kind;
      SEALS.show.sign(datagram, datagram.length - MAC_BYTES);
    }
    return { name, why, datagram: toHex(change === undefined ? datagram : change(datagram)) };
  });
}

/** The kinds by number. */
export function kindNumbers(): Record<number, Kind> {
  return Object.fromEntries(Object.entries(KIND_NUMBERS).map(([kind, number]) => [number, kind as Kind]));
}

if (import.meta.main) {
  Deno.writeTextFileSync(VECTORS_URL, JSON.stringify(discoveryVectors(), null, 2) + "\n");
}
