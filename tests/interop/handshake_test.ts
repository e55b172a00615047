// The handshake over datagrams as another language has it: tests/interop/handshake_reader.py was written from
// docs/lanes.md and computes every byte by itself, curve, cipher and all.

import { assertEquals } from "@std/assert";
import { HANDSHAKE_VECTORS_URL, type HandshakeVectors } from "../support/lanes_handshake_vectors.ts";
import { skippable } from "../support/requirement.ts";

const READER = new URL("./handshake_reader.py", import.meta.url).pathname;

skippable({
  name: "a program in Python computes every handshake, cookie and sealed packet of the vectors as hana does",
  needs: ["command:python3"],
  fn: async () => {
    const args = [READER, "verify", HANDSHAKE_VECTORS_URL.pathname];
    const { code, stdout, stderr } = await new Deno.Command("python3", { args, stdin: "null" }).output();
    const { handshakes } = JSON.parse(Deno.readTextFileSync(HANDSHAKE_VECTORS_URL)) as HandshakeVectors;
    // Of each handshake both messages, both keys and its packets; and the cookie, its demand, and INIT with it.
    const count = handshakes.reduce((sum, { packets }) => sum + 4 + packets.length, 3);
    const text = new TextDecoder();
    assertEquals([code, text.decode(stderr)], [0, ""]);
    assertEquals(text.decode(stdout), `${count} computed, 0 wrong\n`);
  },
});
