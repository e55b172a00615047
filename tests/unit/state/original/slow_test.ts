// The original's tests of slow, stalled and broken clients, and what it promises of silence, by their names
// (docs/state-original.md says where ours differ, and why).

import { assert, assertEquals } from "@std/assert";
import type { LinkNumber } from "../../../../lib/state/holding/mod.ts";
import { peerOf } from "../host/support.ts";
import { Server } from "./rig.ts";

const MS = 1_000;
const SECOND = 1_000_000;
const FADERS = Array.from({ length: 20 }, (_, index) => `fader/${index}`);

Deno.test("slow_client_does_not_block_fast_client: one that never acknowledges costs others nothing, and itself no queue", () => {
  const server = new Server(FADERS);
  const [slow, fast] = [server.join(), server.join()];
  server.run(SECOND);
  slow.heard.length = fast.heard.length = 0;
  let told = 0;
  for (let tick = 1; tick <= 100; tick++) {
    fast.set(`fader/${tick % 20}`, tick);
    server.run(40 * MS, { acknowledging: [fast] });
    told += fast.patches().length;
  }
  assert(told >= 95, `the fast one was told ${told} times`);
  // Within 250 ms of the first patch that it did not acknowledge it is sent nothing more.
  const sent = slow.patches().length;
  assert(sent <= 8, `the slow one was sent ${sent} patches`);
  assert(server.bench.host.counters.skipped > 50);
  // And when it follows again it has everything at once, the merged difference.
  slow.acknowledge();
  server.run(200 * MS);
  const [first, ...more] = slow.patches();
  assertEquals(first?.entries.length, 20);
  assert(more.length <= 1);
  assertEquals(FADERS.map((path) => slow.valueOf(path)), FADERS.map((path) => fast.valueOf(path)));
});

Deno.test("stalled_client_suspended_via_outbox_overflow: what waits for a client is bounded, in bytes and in patches", () => {
  const server = new Server(FADERS);
  const [stalled, other] = [server.join(), server.join()];
  server.run(SECOND);
  stalled.heard.length = 0;
  // Its lane says that 64 KiB wait: nothing more is made for it until that has gone.
  server.bench.host.handleBacklog(server.bench.nowUs, stalled.link as LinkNumber, 70_000);
  for (let tick = 1; tick <= 200; tick++) {
    other.set(`fader/${tick % 20}`, tick);
    server.run(40 * MS, { acknowledging: [other] });
  }
  assertEquals(stalled.patches(), []);
  server.bench.host.handleBacklog(server.bench.nowUs, stalled.link as LinkNumber, 1_000);
  server.run(200 * MS);
  assertEquals(FADERS.map((path) => stalled.valueOf(path)), FADERS.map((path) => other.valueOf(path)));
});

Deno.test("broken_client_detected_on_broadcast: a connection that ends suspends its client at that moment", () => {
  const server = new Server(FADERS);
  const [broken] = [server.join(), server.join(), server.join()];
  server.run(SECOND);
  assert(broken !== undefined);
  server.drop(broken);
  assertEquals(server.clients[0]?.state, "suspended");
});

Deno.test("keepalive: a host that has nothing to say says so every 5 s, with versions and digests", () => {
  const server = new Server(FADERS);
  const client = server.join();
  server.run(2 * SECOND);
  client.heard.length = 0;
  server.run(20 * SECOND);
  const beats = client.take("beat");
  assert(beats.length >= 3 && beats.length <= 6, `${beats.length} beats in 20 s`);
  assert(beats.every(({ versions }) => versions.length > 0));
});

Deno.test("heartbeat: silent for 7.5 s is suspect, 15 s is lost, and 60 s later forgotten; any sign of life counts", () => {
  const server = new Server(FADERS);
  const [silent, ...others] = [server.join(), server.join(), server.join()];
  server.run(SECOND);
  const { client, token } = silent?.welcome() ?? {};
  assert(silent !== undefined && client !== undefined && token !== undefined);
  silent.set("fader/1", 5);
  silent.own("request", ["fader/2"]);
  const startUs = server.bench.nowUs;
  const stateAfter = (us: number) => {
    server.run(startUs + us - server.bench.nowUs, { acknowledging: others });
    return server.clients.find(({ number }) => number === client)?.state ?? "gone";
  };
  assertEquals(stateAfter(7 * SECOND), "joined");
  assertEquals(stateAfter(8 * SECOND), "suspect");
  assertEquals(stateAfter(14 * SECOND), "suspect");
  assertEquals(stateAfter(16 * SECOND), "suspended");
  assertEquals(others[0]?.valueOf("fader/1"), 5, "the last look holds");
  // What it held is nobody else's by itself, and is told as waiting.
  const [standing] = server.bench.host.holding.ownership.rows();
  assertEquals([standing?.owner, standing?.id], [client, server.idOf("fader/2")]);
  assertEquals(stateAfter(74 * SECOND), "suspended");
  assertEquals(stateAfter(77 * SECOND), "gone");
  assertEquals(server.bench.host.holding.ownership.rows(), []);
  // Too late is told from too early: it is somebody new.
  const late = server.join({ token }, peerOf(silent.link));
  assertEquals(late.welcome().resumed, false);
});

Deno.test("held_60_s: within a minute of the loss a client has everything again, also in the last second", () => {
  const server = new Server(FADERS);
  const [ann, other] = [server.join(), server.join()];
  ann.own("request", ["fader/2"]);
  const { token, client } = ann.welcome();
  server.run(SECOND);
  server.drop(ann);
  server.run(59 * SECOND, { acknowledging: [other] });
  const back = server.join({ token }, peerOf(ann.link));
  assertEquals([back.welcome().client, server.bench.host.holding.ownership.rows()[0]?.owner], [
    client,
    client,
  ]);
});
