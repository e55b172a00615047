// Sharing the opening of datagrams: the same answers as without, less work, and nothing that a node could spoil.

import { assert, assertEquals, assertThrows } from "@std/assert";
import type { Incarnation, NodeId } from "../../../lib/base/mod.ts";
import {
  createBodyCodec,
  type Datagram,
  decodeDatagram,
  encodeDatagram,
  SharedOpening,
} from "../../../lib/discovery/mod.ts";
import { DatagramAuthenticator, MeshKey, MeshKeyRing, rotate } from "../../../lib/security/mod.ts";
import { heartbeat as sample } from "./samples.ts";

const keyOf = (fill: number): MeshKey => new MeshKey(new Uint8Array(32).fill(fill));
const ring = new MeshKeyRing(keyOf(1), null);
const codec = createBodyCodec();
const MESH_TAG = 0x12345678;

function heartbeat(seq: number, keys: MeshKeyRing): Uint8Array {
  const header = {
    path: "multicast",
    id: "0123456789abcdef0123456789abcdef" as NodeId,
    incarnation: 7 as Incarnation,
    seq,
    sentMs: 1000,
  } as const;
  const message = sample({ bootNonce: "0011223344556677", peerCount: 3 });
  return encodeDatagram(header, message, MESH_TAG, codec, new DatagramAuthenticator(keys)).slice();
}

Deno.test("what is opened together is what each would have opened alone, whatever was done to it", () => {
  const shared = new SharedOpening();
  const rings = [ring, new MeshKeyRing(keyOf(2), null), rotate(ring, keyOf(2))];
  const datagrams: Uint8Array[] = [];
  for (const keys of rings) {
    for (let seq = 0; seq < 20; seq++) datagrams.push(heartbeat(seq, keys));
  }
  for (const sound of datagrams.slice(0, 20)) {
    for (let at = 0; at < sound.length; at += 7) {
      const broken = sound.slice();
      broken[at] = (broken[at] ?? 0) ^ 1;
      datagrams.push(broken, sound.slice(0, at));
    }
  }
  for (const keys of rings) {
    const open = shared.openerFor(keys);
    const seal = new DatagramAuthenticator(keys);
    // Twice, so that the second answer comes from memory.
    for (const bytes of [...datagrams, ...datagrams]) {
      if (bytes.length < 58) continue;
      const alone = decodeDatagram(bytes, new DataView(bytes.buffer).getUint32(4), codec, seal);
      if (alone === "not-hana" || alone === "version") continue;
      assertEquals(open(bytes, codec, seal), alone);
    }
  }
  const { opened, remembered } = shared.counters;
  assert(opened > 500 && remembered > 200, `${opened} opened, ${remembered} remembered`);
});

Deno.test("a hundred receivers of one datagram cost one opening; rings of equal keys share it, others do not", () => {
  const shared = new SharedOpening();
  const bytes = heartbeat(1, ring);
  for (let i = 0; i < 100; i++) {
    const own = new MeshKeyRing(keyOf(1), null);
    const result = shared.openerFor(own)(bytes.slice(), codec, new DatagramAuthenticator(own));
    assert(typeof result === "object");
  }
  assertEquals(shared.counters, { opened: 1, remembered: 99 });
  const stranger = new MeshKeyRing(keyOf(9), null);
  assertEquals(shared.openerFor(stranger)(bytes, codec, new DatagramAuthenticator(stranger)), "foreign");
});

Deno.test("nobody can change what others are given, nor does it change with the buffer it came in", () => {
  const shared = new SharedOpening();
  const seal = new DatagramAuthenticator(ring);
  const bytes = heartbeat(5, ring);
  const kept = bytes.slice();
  const first = shared.openerFor(ring)(bytes, codec, seal) as Datagram;
  assertThrows(() => Object.assign(first.header, { seq: 99 }), TypeError);
  assertThrows(() => Object.assign(first.message, { stateVersion: 99 }), TypeError);
  bytes.fill(0xdd);
  assertEquals((shared.openerFor(ring)(kept, codec, seal) as Datagram).header.seq, 5);
});
