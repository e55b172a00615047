// The leader lease on discovery's own datagrams: the very core that runs on machines, in the little test network.

import { assert, assertEquals } from "@std/assert";
import { FORGETFUL_STORE } from "../../../lib/discovery/lease/mod.ts";
import { MS, SECOND, TestMesh, type TestNode } from "./mesh.ts";
import type { Role } from "../../../lib/base/mod.ts";

function startAll(mesh: TestMesh, roles: readonly Role[]): TestNode[] {
  return roles.map((role) =>
    mesh.start({ role, options: { lease: { priority: 0, store: FORGETFUL_STORE } } })
  );
}

function leaderOf(mesh: TestMesh): TestNode | null {
  const leaders = mesh.nodes.filter((node) =>
    !node.isCrashed && node.core.leadership.token(mesh.nowUs) !== null
  );
  assert(leaders.length < 2, `${leaders.length} leaders`);
  return leaders[0] ?? null;
}

function waitForLeader(mesh: TestMesh, limitUs: number): { node: TestNode; tookUs: number } {
  const fromUs = mesh.nowUs;
  for (; mesh.nowUs < fromUs + limitUs; mesh.run(10 * MS)) {
    const node = leaderOf(mesh);
    if (node !== null) return { node, tookUs: mesh.nowUs - fromUs };
  }
  throw new Error(`no leader within ${limitUs} µs`);
}

Deno.test("five nodes on one segment elect an app, all are told, and beats name it", () => {
  const mesh = new TestMesh(3);
  const nodes = startAll(mesh, ["app", "app", "visualization", "daemon", "visualization"]);
  const { node } = waitForLeader(mesh, 9 * SECOND);
  mesh.run(2 * SECOND);
  assertEquals(node.core.options.role, "app");
  for (const each of nodes) {
    const { leader } = each.core.leadership.state(mesh.nowUs);
    assertEquals([leader?.token.leaderId, leader?.mode, leader?.isSelf], [node.id, "lease", each === node]);
    assertEquals(each.happened("leader-changed").length, 1);
  }
});

Deno.test("a leader that says goodbye hands over within 300 ms", () => {
  const mesh = new TestMesh(4);
  startAll(mesh, ["app", "app", "visualization", "visualization", "visualization"]);
  const first = waitForLeader(mesh, 9 * SECOND).node;
  mesh.run(10 * SECOND);
  first.core.leave(mesh.nowUs, "quit");
  mesh.flush(first);
  const { node, tookUs } = waitForLeader(mesh, SECOND);
  assert(node !== first && tookUs <= 300 * MS, `after ${tookUs} µs`);
});

Deno.test("after a crash another app leads within six seconds, also when one datagram in twenty is lost", () => {
  for (let seed = 0; seed < 5; seed++) {
    const mesh = new TestMesh(seed);
    startAll(mesh, ["app", "app", "app", "visualization", "daemon"]);
    const first = waitForLeader(mesh, 12 * SECOND).node;
    mesh.loss = 0.05;
    mesh.run(10 * SECOND);
    mesh.crash(first);
    const { node, tookUs } = waitForLeader(mesh, 10 * SECOND);
    assert(node !== first && tookUs <= 6 * SECOND, `seed ${seed}: after ${tookUs} µs`);
  }
});

Deno.test("a paused leader may not act when it goes on, and follows the next one", () => {
  const mesh = new TestMesh(6);
  startAll(mesh, ["app", "app", "visualization", "visualization", "daemon"]);
  const first = waitForLeader(mesh, 9 * SECOND).node;
  mesh.run(5 * SECOND);
  first.isPaused = true;
  mesh.run(12 * SECOND);
  assertEquals(first.core.leadership.token(mesh.nowUs), null);
  const second = leaderOf(mesh);
  assert(second !== null && second !== first);
  first.resume();
  mesh.run(3 * SECOND);
  assertEquals(leaderOf(mesh), second);
  assertEquals(first.core.leadership.state(mesh.nowUs).leader?.token.leaderId, second.id);
});

Deno.test("a visualization that takes the app role may lead; a leader that drops it does not lead on", () => {
  const mesh = new TestMesh(7);
  const nodes = startAll(mesh, ["app", "visualization", "visualization", "visualization"]);
  const first = waitForLeader(mesh, 9 * SECOND).node;
  const second = nodes[2];
  assert(second !== undefined);
  second.core.setRole(mesh.nowUs, "app");
  mesh.flush(second);
  mesh.run(2 * SECOND);
  first.core.setRole(mesh.nowUs, "daemon");
  mesh.flush(first);
  assertEquals(waitForLeader(mesh, SECOND).node, second);
  assertEquals(second.core.registry.get(first.id)?.record.role, "daemon");
});

Deno.test("an observer that listens learns from beats who leads, and takes no part", () => {
  const mesh = new TestMesh(8);
  startAll(mesh, ["app", "visualization", "visualization"]);
  const { node } = waitForLeader(mesh, 9 * SECOND);
  const observer = startAll(mesh, ["observer"])[0];
  assert(observer !== undefined);
  mesh.run(4 * SECOND);
  assertEquals(observer.core.leadership.state(mesh.nowUs).leader?.token.leaderId, node.id);
  assertEquals(observer.core.leadership.forceSolo(mesh.nowUs), false);
  mesh.run(10 * SECOND);
  for (const each of mesh.nodes) {
    const voters = each.core.leadership.state(mesh.nowUs).voters?.voters ?? [];
    assert(!voters.some(({ id }) => observer.id.startsWith(id)));
  }
});

Deno.test("a node without a part in the lease sends nothing of it", () => {
  const mesh = new TestMesh(9);
  mesh.start({ role: "app" });
  mesh.start({ role: "app" });
  mesh.run(20 * SECOND);
  assertEquals(leaderOf(mesh), null);
});
