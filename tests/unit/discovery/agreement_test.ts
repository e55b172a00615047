// What keeps the lists of a mesh the same, and what must not make nodes fetch them again and again.

import { assert, assertEquals } from "@std/assert";
import { KIND_NUMBERS } from "../../../lib/discovery/messages/mod.ts";
import { SECOND, TestMesh } from "./mesh.ts";

function requestsIn(mesh: TestMesh): number {
  return mesh.crossings.filter(({ transmit }) =>
    ((transmit.bytes[3] ?? 0) & 0x3f) === KIND_NUMBERS["sync-request"]
  ).length;
}

Deno.test("two nodes that do not hear each other make nobody fetch lists for ever", () => {
  const mesh = new TestMesh(5);
  const nodes = Array.from({ length: 10 }, () => mesh.start());
  mesh.run(20 * SECOND);
  const [, deaf, mute] = nodes;
  assert(deaf !== undefined && mute !== undefined);
  mesh.canPass = (from, to) => !(from === deaf && to === mute) && !(from === mute && to === deaf);
  mesh.run(60 * SECOND);
  assertEquals([deaf.stateOf(mute), mute.stateOf(deaf)], ["unreachable", "unreachable"]);
  mesh.isRecording = true;
  mesh.run(60 * SECOND);
  assertEquals([deaf.stateOf(mute), mute.stateOf(deaf)], ["unreachable", "unreachable"]);
  assert(requestsIn(mesh) <= 2, `${requestsIn(mesh)} requests in a minute`);
});
