import { assert, assertEquals, assertThrows } from "@std/assert";
import fc from "fast-check";
import {
  concatBytes,
  equalBytes,
  fromHex,
  HanaError,
  isNodeId,
  isRole,
  nodeIdFromBytes,
  nodeIdToBytes,
  ROLES,
  toHex,
} from "../../../lib/base/mod.ts";

Deno.test("bytes come back from their hex, in either case", () => {
  fc.assert(fc.property(fc.uint8Array(), (bytes) => {
    assertEquals(fromHex(toHex(bytes)), bytes);
    assertEquals(fromHex(toHex(bytes).toUpperCase()), bytes);
  }));
});

Deno.test("what is no hex is refused", () => {
  for (const text of ["0", "0g", " 00", "0x00", "é0", "00\n"]) {
    assertEquals(assertThrows(() => fromHex(text), HanaError).code, "decode");
  }
});

Deno.test("joined arrays hold every part in order, and equal only what is equal", () => {
  fc.assert(fc.property(fc.uint8Array(), fc.uint8Array(), (a, b) => {
    const joined = concatBytes(a, b);
    assert(equalBytes(joined.subarray(0, a.length), a) && equalBytes(joined.subarray(a.length), b));
    assertEquals(equalBytes(a, b), String(a) === String(b));
  }));
});

Deno.test("a node id is 32 lower-case hex digits and comes back from its bytes", () => {
  fc.assert(fc.property(fc.uint8Array({ minLength: 16, maxLength: 16 }), (bytes) => {
    const id = nodeIdFromBytes(bytes);
    assert(isNodeId(id));
    assertEquals(nodeIdToBytes(id), bytes);
    assert(!isNodeId(id.slice(1)) && !isNodeId(`${id}0`) && !isNodeId(`${id}\n`));
  }));
  assert(!isNodeId("A".repeat(32)));
  for (const length of [0, 15, 17]) {
    assertEquals(assertThrows(() => nodeIdFromBytes(new Uint8Array(length)), HanaError).code, "decode");
  }
});

Deno.test("the roles are exactly those of the table", () => {
  for (const role of ROLES) assert(isRole(role));
  for (const text of ["", "App", "toString", "__proto__", "controller"]) assert(!isRole(text));
});
