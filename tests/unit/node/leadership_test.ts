// What a node makes of leading: fences with texts for people, and nothing where nothing is kept.

import { assertEquals, assertThrows } from "@std/assert";
import { HanaError, type NodeId } from "../../../lib/base/mod.ts";
import { NodeLeadership } from "../../../lib/node/mod.ts";
import { MemoryFiles } from "../security/support.ts";

const OLD = `3-${"0a".repeat(16)}-7`;
const NEW = `4-${"0b".repeat(16)}-1`;

function leading(directory: string | null, files = new MemoryFiles()): NodeLeadership {
  const source = {
    discovery: null,
    role: "daemon" as const,
    nowUs: () => 0,
    nodes: () => [],
    nameOf: () => null,
    idOf: (target: string) => target as NodeId,
    setRole: () => "app",
  };
  return new NodeLeadership(source, files, directory);
}

function codeOf(run: () => void): string {
  return assertThrows(run, HanaError).code;
}

Deno.test("a command of an older leader is refused, and the text names the newer one", () => {
  const files = new MemoryFiles();
  const node = leading("/state", files);
  node.fence("wall", OLD);
  node.fence("wall", NEW);
  const error = assertThrows(() => leading("/state", files).fence("wall", OLD), HanaError);
  assertEquals([error.code, error.why], ["refused", "0b0b0b0b leads since term 4"]);
});

Deno.test("what is no token is refused, and a node that keeps nothing obeys no leader", () => {
  assertEquals(codeOf(() => leading("/state").fence("wall", "4")), "schema");
  assertEquals(codeOf(() => leading(null).fence("wall", NEW)), "unsupported");
});

Deno.test("a node without discovery knows of no leader", () => {
  assertEquals(leading("/state").view(), {
    leader: null,
    candidates: [],
    candidate: false,
    lineage: null,
    voters: [],
  });
  assertEquals(leading("/state").token, null);
});
