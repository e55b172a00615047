// A host behind its links: bytes that are no messages, links that take no more, and the end of a reign.

import { assert, assertEquals, assertMatch } from "@std/assert";
import { MessageDecoder, MessageEncoder, type StateMessage } from "../../../../lib/state/messages/mod.ts";
import { helloOf, nodeOf, peerOf } from "../host/support.ts";
import { Stage, type WireEnd } from "./stage.ts";

/** What came over a way to its near end. */
function heard(far: WireEnd): StateMessage[] {
  const decoder = new MessageDecoder();
  return far.sent.map((bytes) => {
    const message = decoder.decode(bytes);
    assert(typeof message !== "string", `the host said something ${message}`);
    return message;
  });
}

function bytesOf(message: StateMessage): Uint8Array {
  const bytes = new MessageEncoder().encode(message);
  assert(bytes !== null);
  return bytes.slice();
}

/** A link by hand. */
function link(stage: Stage, number = 500): { near: WireEnd; far: WireEnd; isClosed: () => boolean } {
  const [near, far] = stage.wire();
  let isClosed = false;
  near.handlers = { onMessage: () => {}, onClosed: () => isClosed = true };
  far.handlers = stage.host.join(far, peerOf(number));
  return { near, far, isClosed: () => isClosed };
}

Deno.test("bytes that are no message are answered with what is wrong, and after sixteen the link ends", async () => {
  const stage = new Stage(1);
  const { near, far, isClosed } = link(stage);
  for (let count = 1; count <= 16; count++) near.send(new Uint8Array([200 + count]));
  await stage.world.runFor(10_000);
  const said = heard(far);
  assertEquals(said.length, 16);
  for (const message of said) {
    assert(message.kind === "error");
    assertEquals(message.code, "malformed");
    assertMatch(message.text, /no message of shared state: .+ at byte \d+/);
  }
  assertEquals(isClosed(), false, "sixteen are borne");
  near.send(new Uint8Array([1, 2, 3]));
  await stage.world.runFor(10_000);
  assertEquals([isClosed(), stage.host.links, stage.host.counters.malformed], [true, 0, 17]);
});

Deno.test("a client among others that sends rubbish costs the others nothing", async () => {
  const stage = new Stage(2);
  const [ann, bob] = [stage.desk("ann"), stage.desk("bob")];
  await stage.synced(ann, bob);
  for (let count = 0; count < 30; count++) ann.wire?.[0].send(new Uint8Array(40).fill(count));
  stage.write(bob, "hue", 9);
  await stage.synced(bob);
  assertEquals(stage.valueOf(bob, "hue"), 9);
  assertEquals(bob.events.filter(({ kind }) => kind === "reconnect"), []);
  await stage.synced(ann);
  assertEquals(stage.valueOf(ann, "hue"), 9, "it has come in again");
});

Deno.test("nothing is taken from a link without a hello, and it ends when none comes", async () => {
  const stage = new Stage(3);
  const { near, far, isClosed } = link(stage);
  const id = stage.host.host.document.book.idOf("hue");
  near.send(bytesOf({
    kind: "set",
    term: 1,
    sequence: 1 as never,
    priority: 100,
    take: false,
    momentary: false,
    generation: null,
    entries: [{ id, type: "f32", value: 5, winner: null }],
  }));
  near.send(bytesOf({
    kind: "priv",
    term: 1,
    action: "request",
    request: 1,
    state: "none",
    holder: 0 as never,
    generation: 0,
    other: 0 as never,
    leftUs: 0,
    text: "",
  }));
  await stage.world.runFor(10_000);
  assertEquals(heard(far).map((message) => message.kind === "error" ? message.code : message.kind), [
    "not-joined",
    "not-joined",
  ]);
  assertEquals(stage.host.host.holding.privilege.holder, 0);
  assertEquals(stage.host.host.document.claims.recordOf(id)?.claims.length ?? 0, 0);
  await stage.world.runFor(20_000_000);
  assertEquals([isClosed(), stage.host.links], [true, 0], "a link that nobody comes in over is not kept");
});

Deno.test("a link that takes nothing more is closed; its client comes back and has everything", async () => {
  const stage = new Stage(4);
  const [ann, bob] = [stage.desk("ann"), stage.desk("bob")];
  await stage.synced(ann, bob);
  const far = ann.wire?.[1];
  assert(far !== undefined);
  far.isClogged = true;
  far.capacity = 40;
  for (let value = 1; value <= 10; value++) {
    stage.write(bob, "hue", value);
    await stage.world.runFor(100_000);
  }
  assertEquals(stage.host.counters.overflown, 1);
  await stage.synced(ann, bob);
  assertEquals([stage.valueOf(ann, "hue"), stage.valueOf(bob, "hue")], [10, 10]);
  assertEquals(bob.events.filter(({ kind }) => kind === "reconnect"), []);
  const again = ann.events.filter(({ kind }) => kind === "joined").at(-1);
  assert(again?.kind === "joined" && again.resumed, "as who it was");
});

Deno.test("a slow link costs bounded memory, and has the newest when it goes on", async () => {
  const stage = new Stage(5);
  const [slow, fast] = [stage.desk("slow"), stage.desk("fast")];
  const paths = Array.from({ length: 400 }, (_, index) => `fader-${index}`);
  for (const path of paths) stage.define(path);
  await stage.synced(slow, fast);
  const far = slow.wire?.[1];
  assert(far !== undefined);
  far.isClogged = true;
  let most = 0;
  for (let tick = 1; tick <= 60; tick++) {
    for (const path of paths) stage.write(fast, path, tick);
    await stage.world.runFor(33_334);
    most = Math.max(most, far.queuedBytes);
  }
  assert(most < 80_000, `${most} bytes waited`);
  await stage.synced(fast);
  assertEquals(stage.valueOf(fast, "fader-7"), 60, "the fast one has all of it");
  far.unclog();
  await stage.until(
    () => paths.every((path) => stage.valueOf(slow, path) === 60),
    "the slow one has the newest of all",
  );
  await stage.synced(slow);
  assertEquals(slow.events.filter(({ kind }) => kind === "joined").length, 1, "over the same link");
});

Deno.test("a deposed host says who follows, closes behind that, and takes nothing more", async () => {
  const stage = new Stage(6);
  const desk = stage.desk("ann");
  await stage.synced(desk);
  const { host } = stage;
  const successor = nodeOf(77);
  desk.canReach = false;
  host.depose(successor);
  await stage.until(() => desk.events.some(({ kind }) => kind === "reconnect"), "it is told");
  const told = desk.events.find((event) => event.kind === "reconnect");
  assert(told?.kind === "reconnect");
  assertEquals([told.reason, told.successor], ["bye", successor]);
  assertEquals([host.isOver, host.links, desk.wire?.[1].isClosed], [true, 0, true]);
});

Deno.test("who comes when the reign is over is sent away at once, not left without a word", async () => {
  const stage = new Stage(7);
  const { host } = stage;
  host.depose(null);
  const { near, far, isClosed } = link(stage);
  near.send(bytesOf(helloOf()));
  await stage.world.runFor(50_000);
  assertEquals([isClosed(), far.isClosed, host.links], [true, true, 0]);
});

Deno.test("a host whose lease has run out neither takes nor says anything, whatever comes first", async () => {
  for (const first of ["message", "timer"] as const) {
    const stage = new Stage(8);
    const desk = stage.desk("ann");
    await stage.synced(desk);
    const { host } = stage;
    const far = desk.wire?.[1];
    assert(far !== undefined);
    stage.mayHost = false;
    const before = far.sent.length;
    if (first === "message") stage.write(desk, "hue", 5);
    await stage.until(() => host.isOver, "it is over");
    const said = heard(far).slice(before).map(({ kind }) => kind);
    assertEquals(said, ["bye"], `after a ${first}`);
    assertEquals(
      host.host.document.claims.recordOf(host.host.document.book.idOf("hue"))?.claims.length ?? 0,
      0,
    );
  }
});

Deno.test("any client may say bye: its own membership ends, and nobody else's", async () => {
  const stage = new Stage(9);
  const [ann, bob] = [stage.desk("ann"), stage.desk("bob")];
  await stage.synced(ann, bob);
  for (const reason of ["stopping", "moved"] as const) {
    ann.wire?.[0].send(bytesOf({ kind: "bye", term: 1, reason, successor: nodeOf(5), text: "all go home" }));
  }
  await stage.world.runFor(200_000);
  assertEquals(bob.events.filter(({ kind }) => kind === "reconnect"), []);
  stage.write(bob, "hue", 3);
  await stage.synced(bob);
  assertEquals(stage.host.isOver, false);
});
