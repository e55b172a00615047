// Persons with access keys among whole nodes, on simulated machines: what they see, reach and may command, and what the
// mesh takes from them.

import { assert, assertEquals, assertMatch, assertRejects, assertThrows } from "@std/assert";
import { type AccessLevel, HanaError } from "../../../lib/base/mod.ts";
import { ECHO_LANE, type Node, type NodeOptions } from "../../../lib/node/mod.ts";
import { defineEvent, defineRequest, type Session, whoIs } from "../../../lib/session/mod.ts";
import {
  type AccessGrant,
  AccessKeyRing,
  type KeyRing,
  MeshKeyRing,
  openMeshKeyRing,
  revoke,
  rotate,
} from "../../../lib/security/mod.ts";
import { s } from "../../../lib/wire/mod.ts";
import { testKey, testRing } from "../security/support.ts";
import { Park } from "./support.ts";

const SECOND = 1_000_000;

function holder(level: AccessLevel, key = 1, more: Partial<AccessGrant> = {}): AccessKeyRing {
  return new AccessKeyRing(testKey(key, "tour").accessKey({ name: "anna", level, expiresS: null, ...more }));
}

const BODY = { body: s.object({}), reply: s.object({ who: s.string() }) } as const;
const ROLES = { lane: "control", from: ["app", "observer"], to: ["daemon"] } as const;
const CUE = defineRequest({ name: "show.cue", effect: "command", ...ROLES, ...BODY });
const REWIRE = defineRequest({
  name: "show.rewire",
  effect: "command",
  access: "operator",
  ...ROLES,
  ...BODY,
});
const LOOK = defineRequest({ name: "show.look", effect: "read", ...ROLES, ...BODY });
const DARK = defineEvent({
  name: "show.dark",
  effect: "command",
  access: "operator",
  ...ROLES,
  body: BODY.body,
});
const NOTE = defineEvent({ name: "show.note", effect: "read", ...ROLES, body: BODY.body });
const COMMANDS = [LOOK, CUE, REWIRE] as const;

/** A node of the mesh that answers what it is asked with who asked. */
async function served(
  park: Park,
  name: string,
  keys: KeyRing = testRing(1),
  more: Partial<NodeOptions> = {},
): Promise<Node> {
  const node = await park.start(park.host(name).platform, { name, keys, discovery: {}, ...more });
  for (const definition of COMMANDS) {
    node.onRequest(definition, (_body, { session }) => ({ who: whoIs(session) }));
  }
  return node;
}

/** A tool on a person's laptop. */
function laptop(park: Park, keys: KeyRing, more: Partial<NodeOptions> = {}): Promise<Node> {
  const { platform } = park.host("laptop");
  return park.start(platform, {
    role: "observer",
    name: "laptop",
    keys,
    tcpPort: null,
    runDirectory: null,
    discovery: {},
    ...more,
  });
}

/** Which of the commands the far side lets this session send. */
async function allowed(park: Park, session: Session): Promise<string[]> {
  const names: string[] = [];
  for (const definition of COMMANDS) {
    try {
      await park.settle(session.call(definition, {}));
      names.push(definition.name);
    } catch (thrown) {
      assert(thrown instanceof HanaError && thrown.code === "refused", String(thrown));
    }
  }
  return names;
}

Deno.test("a viewer finds the nodes and looks, a crew also runs the show, an operator does all, each by name", async () => {
  const may: Record<AccessLevel, string[]> = {
    viewer: ["show.look"],
    crew: ["show.look", "show.cue"],
    operator: ["show.look", "show.cue", "show.rewire"],
  };
  for (const level of ["viewer", "crew", "operator"] as const) {
    const park = new Park();
    const nodes = [await served(park, "left"), await served(park, "right")];
    const tool = await laptop(park, holder(level));
    await park.settle(
      tool.discovery?.query({ quietUs: SECOND / 2, timeoutUs: SECOND }) ?? Promise.resolve(0),
    );
    assertEquals(tool.nodes().map(({ name, state }) => `${name} ${state}`).sort(), [
      "left alive",
      "right alive",
    ]);
    for (const node of nodes) assertEquals(node.nodes().map(({ name }) => name).sort(), ["left", "right"]);
    const session = await park.settle(tool.connect("right"));
    assertEquals([session.secure, session.access, session.holder], [true, "operator", null]);
    const rttUs = await park.settle(tool.ping(session, "control", new Uint8Array(8), SECOND));
    assert(rttUs > 0);
    assertEquals(await allowed(park, session), may[level]);
    assertEquals(await park.settle(session.call(LOOK, {})), { who: `anna (${level}) at laptop` });
    const accepted = nodes[1]?.sessions.all()[0];
    assertEquals([accepted?.access, accepted?.holder], [level, "anna"]);
    assertEquals(park.crashes, []);
    await park.settle(Promise.all([tool, ...nodes].map((node) => node.stop())));
  }
});

Deno.test("a holder's lanes go by datagrams beside the stream, and a viewer opens none", async () => {
  for (const level of ["viewer", "crew"] as const) {
    const park = new Park();
    const far = await served(park, "far");
    const tool = await laptop(park, holder(level));
    const session = await park.settle(tool.open("tcp://10.0.0.1:700"));
    await park.until(() => session.path.kind === "udp", "datagrams pass");
    assert(await park.settle(tool.ping(session, "modulation", new Uint8Array(100), SECOND)) > 0);
    let back = 0;
    tool.onLane(ECHO_LANE, () => ({ onMessage: () => back++ }));
    const lane = session.openLane({ name: ECHO_LANE, kind: "reliable-ordered" });
    lane.send(new Uint8Array(10));
    const counters = () => far.statistics()["laneServices"] as Record<string, number>;
    if (level === "crew") await park.until(() => back === 1, "the echo comes back");
    else await park.until(() => counters()["untrusted"] === 1, "the lane is refused");
    await park.settle(Promise.all([tool.stop(), far.stop()]));
  }
});

Deno.test("datagrams alone are refused to a holder with the reason, before anything is sent", async () => {
  const park = new Park();
  const far = await served(park, "far");
  const tool = await laptop(park, holder("operator"));
  const error = await assertRejects(() => park.settle(tool.open("udp://10.0.0.1:700")), HanaError);
  assertEquals([error.code, error.hint], ["refused", "tcp://10.0.0.1:700"]);
  assertMatch(error.why ?? "", /access key/);
  assertEquals(far.sessions.counters.accepted, 0);
  await park.settle(Promise.all([tool.stop(), far.stop()]));
});

Deno.test("a revoked holder and one whose time is over are told so, and get no session", async () => {
  const revoked = new MeshKeyRing(testKey(1), null, "keyed", revoke([], "anna", testKey(1).idText));
  const past = Math.floor(1_700_000_000);
  for (
    const [nodeKeys, keys, says] of [
      [revoked, holder("operator"), /revoked/],
      [testRing(1), holder("operator", 1, { expiresS: 1 }), /expired/],
      [testRing(1), holder("operator", 1, { expiresS: past + 1e9 }), null],
      [revoked, holder("operator", 1, { name: "bert" }), null],
    ] as const
  ) {
    const park = new Park();
    const far = await served(park, "far", nodeKeys);
    const tool = await laptop(park, keys);
    const opening = park.settle(tool.open("tcp://10.0.0.1:700"));
    if (says === null) assert((await opening).isOpen);
    else {
      const error = await assertRejects(() => opening, HanaError);
      assertEquals(error.code, "refused");
      assertMatch(error.why ?? "", says);
      assertEquals(far.sessions.counters.greeted, 0);
      await park.until(() => far.sessions.size === 0, "nothing is left of it");
    }
    await park.settle(Promise.all([tool.stop(), far.stop()]));
  }
});

Deno.test("a grant lives through one rotation of the mesh key: seen, reached, and gone after the second", async () => {
  const once = rotate(testRing(1), testKey(2));
  for (const [keys, lives] of [[once, true], [rotate(once, testKey(3)), false]] as const) {
    const park = new Park();
    const far = await served(park, "far", keys);
    const tool = await laptop(park, holder("crew"));
    await park.settle(
      tool.discovery?.query({ quietUs: SECOND / 2, timeoutUs: SECOND }) ?? Promise.resolve(0),
    );
    assertEquals(tool.nodes().map(({ name }) => name), lives ? ["far"] : []);
    const opening = park.settle(tool.open("tcp://10.0.0.1:700"));
    if (lives) assertEquals(await allowed(park, await opening), ["show.look", "show.cue"]);
    else {
      const error = await assertRejects(() => opening, HanaError);
      assertEquals(error.code, "authentication");
      assertMatch(error.why ?? "", /rotated/);
    }
    await park.settle(Promise.all([tool.stop(), far.stop()]));
  }
});

Deno.test("who holds an access key alone is no node: it does not listen, and nobody lists it whatever its role", async () => {
  const park = new Park();
  const far = await served(park, "far");
  for (const tcpPort of [0, 700, undefined]) {
    const options = {
      keys: holder("operator"),
      role: "daemon",
      name: "l",
      ...(tcpPort === undefined ? {} : { tcpPort }),
    } as const;
    const { platform } = park.host(`l${tcpPort}`);
    const error = await assertRejects(() => park.start(platform, options), HanaError);
    assertEquals([error.code, error.what], ["refused", "this machine cannot be a node of the mesh"]);
    assertMatch(error.why ?? "", /anna, operator/);
  }
  const app = await laptop(park, holder("crew"), { role: "app" });
  await park.world.runFor(5 * SECOND);
  assertEquals(far.nodes().map(({ name }) => name), ["far"]);
  assertEquals(app.nodes().map(({ name }) => name).sort(), ["far", "laptop"]);
  const session = await park.settle(app.connect("far"));
  assertEquals(await park.settle(session.call(CUE, {})), { who: "anna (crew) at laptop" });
  app.setRole("daemon");
  app.setRole("app");
  await park.world.runFor(5 * SECOND);
  assertEquals(far.nodes().map(({ name }) => name), ["far"]);
  assertEquals(park.crashes, []);
  await park.settle(Promise.all([app.stop(), far.stop()]));
});

Deno.test("a holder that stays sees nodes come and go, and the nodes never miss or meet it", async () => {
  const park = new Park();
  const near = await served(park, "near");
  const tool = await laptop(park, holder("viewer"), { discovery: { listens: true } });
  await park.until(() => tool.nodes().length === 1, "the first is seen");
  const late = await served(park, "late");
  await park.until(
    () => tool.nodes().filter(({ state }) => state === "alive").length === 2,
    "the second is seen",
  );
  await park.world.runFor(60 * SECOND);
  assertEquals(tool.nodes().map(({ name, state }) => `${name} ${state}`).sort(), [
    "late alive",
    "near alive",
  ]);
  await park.settle(late.stop());
  await park.until(
    () => tool.nodes().some(({ name, state }) => name === "late" && state !== "alive"),
    "it has left",
  );
  assertEquals(near.nodes().map(({ name }) => name).sort(), ["late", "near"]);
  await park.settle(Promise.all([tool.stop(), near.stop()]));
});

Deno.test("a holder of a mesh with another key, and anybody in the open mesh, is a stranger to it", async () => {
  const park = new Park();
  const far = await served(park, "far");
  const open = await served(park, "open", openMeshKeyRing(), { tcpPort: 701 });
  const tool = await laptop(park, holder("operator", 2));
  await park.settle(tool.discovery?.query({ quietUs: SECOND / 2, timeoutUs: SECOND }) ?? Promise.resolve(0));
  assertEquals(tool.nodes(), []);
  for (const address of ["tcp://10.0.0.1:700", "tcp://10.0.0.2:701"]) {
    await assertRejects(() => park.settle(tool.open(address)), HanaError);
  }
  assertEquals([far.sessions.counters.greeted, open.sessions.counters.greeted], [0, 0]);
  await park.settle(Promise.all([tool, far, open].map((node) => node.stop())));
});

Deno.test("a one-way message that needs more than the key gives is refused where it is sent, since nobody answers it", async () => {
  const park = new Park();
  const far = await served(park, "far");
  const heard: string[] = [];
  for (const definition of [DARK, NOTE]) far.onEvent(definition, () => void heard.push(definition.name));
  const tool = await laptop(park, holder("crew"));
  const session = await park.settle(tool.open("tcp://10.0.0.1:700"));
  const error = assertThrows(() => session.post(DARK, {}), HanaError);
  assertEquals([error.code, error.what], ["refused", "show.dark was not sent to far"]);
  assertEquals(error.why, "it needs access operator, and the key of this machine gives crew");
  session.post(NOTE, {});
  await park.until(() => heard.length === 1, "the other one comes");
  assertEquals(heard, ["show.note"]);
  await park.settle(Promise.all([tool.stop(), far.stop()]));
});
