// The original's tests of handshake, ownership, privilege, several clients and reconnection, by their names
// (docs/state-original.md says where ours differ, and why).

import { assert, assertEquals, assertMatch, assertNotEquals } from "@std/assert";
import { peerOf } from "../host/support.ts";
import { Server } from "./rig.ts";

const SECOND = 1_000_000;
const RACK = ["rack/one", "rack/two", "rack/three"] as const;

Deno.test("connect_and_receive_welcome: a newcomer has a number and a token, owns nothing, is not privileged", () => {
  const server = new Server(RACK);
  const ann = server.join({ name: "ann" });
  const welcome = ann.welcome();
  assertEquals([welcome.client as number, welcome.token.length, welcome.resumed], [1, 16, false]);
  assertEquals(ann.presence().map(({ name, owned, privileged, state }) => [name, owned, privileged, state]), [
    ["ann", 0, false, "joined"],
  ]);
});

Deno.test("ownership_granted_on_connect: what is asked for right behind the hello is granted, two of two", () => {
  const server = new Server(RACK);
  const ann = server.join();
  const [answer] = ann.own("request", RACK.slice(0, 2)).filter(({ action }) => action === "answer");
  assertEquals(answer?.objects.map(({ owner, state }) => [owner as number, state]), [[1, "owned"], [
    1,
    "owned",
  ]]);
  assertEquals(answer?.text, "");
});

Deno.test("privilege_granted_on_connect: nobody's privilege is granted at once", () => {
  const server = new Server(RACK);
  const ann = server.join();
  assertEquals(ann.privilege("request").map(({ action, holder }) => [action, holder as number])[0], [
    "granted",
    1,
  ]);
});

Deno.test("contested_ownership: of two objects the free one is granted, and the other one's owner is asked", () => {
  const server = new Server(RACK);
  const [ann, bob] = [server.join(), server.join()];
  ann.own("request", RACK.slice(0, 1));
  ann.take("own");
  const answers = bob.own("request", RACK.slice(0, 2)).filter(({ action }) => action === "answer");
  const owners = answers.flatMap(({ objects, text }) =>
    objects.map(({ id, owner }) => [id, owner, text === ""])
  );
  assertEquals(owners.sort(), [[server.idOf(RACK[0]), 1, false], [server.idOf(RACK[1]), 2, true]].sort());
  const [asked] = ann.take("own").filter(({ action }) => action === "requested");
  assertEquals(asked?.other as number, 2);
  // Its owner keeps it: that is said, with who it is.
  ann.own("refuse", RACK.slice(0, 1));
  const [refused] = bob.take("own").filter(({ action }) => action === "answer");
  assertEquals(refused?.objects[0]?.owner as number, 1);
  assertNotEquals(refused?.text, "");
});

Deno.test("reject_unprivileged_transport: a change of structure is refused with the reason, and nothing happens", () => {
  const server = new Server(RACK);
  const ann = server.join();
  const { lastId } = server.bench.host.document.book;
  ann.define("song/name", null);
  const [nack] = ann.take("nack");
  assertEquals(nack?.code, "privilege");
  assertMatch(nack?.text ?? "", /privilege/);
  assertEquals(server.bench.host.document.book.lastId, lastId);
});

Deno.test("privilege_transfer: the holder is asked, gives it, and loses it in the moment in which the other has it", () => {
  const server = new Server(RACK);
  const [ann, bob] = [server.join(), server.join()];
  ann.privilege("request");
  ann.take("priv");
  bob.privilege("request");
  const [asked] = ann.take("priv").filter(({ action }) => action === "requested");
  assertEquals(asked?.other as number, 2);
  const toAnn = ann.privilege("consent").map(({ action }) => action);
  const toBob = bob.take("priv").map(({ action }) => action);
  assert(toAnn.includes("revoked"), toAnn.join());
  assert(toBob.includes("granted"), toBob.join());
  assertEquals(server.bench.host.holding.privilege.holder as number, 2);
  // Nobody has it who was not given it, and nobody takes it without a word: silence means no.
  const cleo = server.join();
  cleo.privilege("request");
  server.run(6 * SECOND);
  assertEquals(cleo.take("priv").map(({ action }) => action).includes("denied"), true);
  assertEquals(server.bench.host.holding.privilege.holder as number, 2);
});

Deno.test("two_clients_independent_ownership: each writes to its own, and not to the other's", () => {
  const server = new Server(RACK);
  const [ann, bob] = [server.join(), server.join()];
  const [a] = ann.own("request", [RACK[0]]).filter(({ action }) => action === "answer");
  const [b] = bob.own("request", [RACK[1]]).filter(({ action }) => action === "answer");
  ann.set(RACK[0], 1, 100, a?.objects[0]?.generation ?? null);
  bob.set(RACK[1], 2, 100, b?.objects[0]?.generation ?? null);
  bob.set(RACK[0], 3, 100, b?.objects[0]?.generation ?? null);
  server.run(SECOND);
  assertEquals(bob.take("nack").map(({ code }) => code), ["owner"]);
  for (const client of [ann, bob]) assertEquals([client.valueOf(RACK[0]), client.valueOf(RACK[1])], [1, 2]);
});

Deno.test("state_broadcast_to_all: what one writes all have within a tick, the writer too", () => {
  const server = new Server(RACK);
  const all = [server.join(), server.join(), server.join()];
  server.run(SECOND);
  all[0]?.set(RACK[0], 12);
  assertEquals(all.map((client) => client.valueOf(RACK[0])), [12, 12, 12]);
});

Deno.test("graceful_disconnect_suspends_session: a lost connection suspends; a goodbye releases at once", () => {
  const server = new Server(RACK);
  const [ann, bob, cleo] = [server.join(), server.join(), server.join()];
  ann.own("request", [RACK[0]]);
  bob.own("request", [RACK[1]]);
  server.drop(ann);
  server.run(SECOND / 10);
  assertEquals(server.clients.map(({ state }) => state), ["suspended", "joined", "joined"]);
  assertEquals(cleo.presence().map(({ state, owned }) => [state, owned]), [["suspended", 1], ["joined", 1], [
    "joined",
    0,
  ]]);
  bob.say({ kind: "bye", term: 1, reason: "leaving", successor: null, text: "" });
  assertEquals(server.clients.map(({ number }) => number), [1, 3]);
  const [answer] = cleo.own("request", [RACK[1]]).filter(({ action }) => action === "answer");
  assertEquals([answer?.objects[0]?.owner as number, answer?.text], [3, ""]);
});

Deno.test("reconnect_with_valid_token: the same number, objects and privilege, in one message, and then the difference", () => {
  const server = new Server(RACK);
  const ann = server.join();
  const { token, client } = ann.welcome();
  ann.own("request", RACK.slice(0, 2));
  ann.privilege("request");
  server.run(SECOND);
  server.drop(ann);
  server.run(10 * SECOND);
  const back = server.join({ token }, peerOf(ann.link));
  const welcome = back.welcome();
  assertEquals([welcome.client, welcome.resumed], [client, true]);
  assertNotEquals(welcome.token, token);
  const { ownership, privilege } = server.bench.host.holding;
  assertEquals(ownership.rows().map(({ owner }) => owner), [client, client]);
  assertEquals(privilege.holder, client);
  assertEquals(server.clients, [{ number: client, state: "joined" }]);
  const told = back.take("own").flatMap(({ objects }) => objects).map(({ owner }) => owner);
  assertEquals(told, [client, client], "and it is told so");
});

Deno.test("reconnect_with_invalid_token_fails: nobody is who the token says, but comes in as somebody new", () => {
  const server = new Server(RACK);
  const ann = server.join({ token: new Uint8Array(16).fill(9) });
  const welcome = ann.welcome();
  assertEquals([welcome.client as number, welcome.resumed], [1, false]);
  // One of another machine is refused, with the reason.
  const { token } = welcome;
  server.drop(ann);
  const thief = server.join({ token }, peerOf(77));
  assertEquals(thief.take("welcome"), []);
  const [error] = thief.take("error");
  assertEquals(error?.code, "token");
  assertMatch(error?.text ?? "", /belongs to another/);
  // And one that has expired is none.
  server.run(61 * SECOND);
  const late = server.join({ token }, peerOf(ann.link));
  assertEquals([late.welcome().resumed, server.bench.host.holding.ownership.rows().length], [false, 0]);
});

Deno.test("shutdown_broadcast: a host that ends tells all its clients, and who follows", () => {
  const server = new Server(RACK);
  const all = [server.join(), server.join()];
  const successor = peerOf(500).identity.nodeId;
  server.bench.host.handleDeposed(server.bench.nowUs, successor);
  server.deliver();
  assertEquals(all.map((client) => client.take("bye").map((bye) => bye.successor)), [[successor], [
    successor,
  ]]);
});
