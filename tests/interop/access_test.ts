// Access keys as another language has them: tests/interop/access_reader.py was written from docs/access.md.

import { assertEquals } from "@std/assert";
import { ACCESS_VECTORS_URL, type AccessVectors, accessVectors } from "../support/access_vectors.ts";
import { skippable } from "../support/requirement.ts";

const READER = new URL("./access_reader.py", import.meta.url).pathname;
const document = JSON.parse(Deno.readTextFileSync(ACCESS_VECTORS_URL)) as AccessVectors;

Deno.test("the vectors of access keys are what the code makes today", () => {
  assertEquals(document, accessVectors());
});

skippable({
  name: "a program in Python computes every key, code and handshake of the vectors as hana does",
  needs: ["command:python3"],
  fn: async () => {
    const args = ["-B", READER, "verify", ACCESS_VECTORS_URL.pathname];
    const { code, stdout, stderr } = await new Deno.Command("python3", { args, stdin: "null" }).output();
    const text = new TextDecoder();
    assertEquals([code, text.decode(stderr)], [0, ""]);
    assertEquals(text.decode(stdout), `${document.keys.length * 8} computed, 0 wrong\n`);
  },
});
