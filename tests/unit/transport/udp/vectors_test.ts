// docs/vectors/lanes-handshake.json against the code.

import { assert, assertEquals } from "@std/assert";
import { fromHex, toHex } from "../../../../lib/base/mod.ts";
import { DatagramBuffer, OpenRefusal, PacketSealer } from "../../../../lib/transport/udp/mod.ts";
import {
  HANDSHAKE_VECTORS_URL,
  type HandshakeVectors,
  handshakeVectors,
} from "../../../support/lanes_handshake_vectors.ts";
import { suite } from "./support.ts";

const document = JSON.parse(Deno.readTextFileSync(HANDSHAKE_VECTORS_URL)) as HandshakeVectors;

Deno.test("the vectors of the handshake are what the code makes today", () => {
  assertEquals(document, handshakeVectors());
});

Deno.test("each packet of the vectors opens with the exported keys, in its generation, and once", () => {
  for (const { name, keyFromInitiator, keyFromResponder, packets } of document.handshakes) {
    const keys = { send: fromHex(keyFromInitiator), receive: fromHex(keyFromResponder) };
    const swapped = { send: keys.receive, receive: keys.send };
    // The initiator's own end must have renewed before it believes a renewed answer, so it seals along.
    const initiator = new PacketSealer({ suite, keys, initiator: true, nowUs: 0, rekeyPackets: 5 });
    const responder = new PacketSealer({ suite, keys: swapped, initiator: false, nowUs: 0 });
    const buffer = new DatagramBuffer(2048);
    for (const { from, number, generation, immediate, text, datagram } of packets) {
      const [sealer, opener] = from === "initiator" ? [initiator, responder] : [responder, initiator];
      buffer.text.set(fromHex(text));
      const index = from === "initiator" ? 0xf1f2f3f4 : 0x01020304;
      const length = sealer.seal(0, buffer, index, number, immediate, text.length / 2);
      assertEquals(toHex(buffer.whole(length)), datagram, `${name}: packet ${number} of the ${from}`);
      opener.setNumbers({ expandNumber: () => number, canAccept: () => true });
      assertEquals(opener.open(0, buffer, length), text.length / 2);
      assertEquals([opener.number, opener.isImmediate, opener.receiveGeneration], [
        number,
        immediate,
        generation,
      ]);
      buffer.bytes.set(fromHex(datagram));
      assertEquals(opener.open(0, buffer, length), OpenRefusal.replayed);
    }
    assert(packets.some(({ generation }) => generation === 1));
  }
});
