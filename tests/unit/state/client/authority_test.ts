import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import { HanaError } from "../../../../lib/base/mod.ts";
import {
  type OwnershipChange,
  type OwnRequest,
  type PresenceChange,
  type PrivilegeRequest,
  StateClient,
  StateError,
} from "../../../../lib/state/client/mod.ts";
import { fader, Stage } from "./stage.ts";

const OBJECTS = [
  { path: "stage/left", type: "json" },
  { path: "stage/right", type: "json" },
  fader("stage/left/hue"),
  fader("stage/right/hue"),
] as const;

async function crew(...names: string[]): Promise<{ stage: Stage; clients: StateClient[] }> {
  const stage = new Stage(OBJECTS);
  const clients = names.map((name) => stage.join(name));
  await stage.until(Promise.all(clients.map((client) => client.ready())));
  await stage.run(100_000);
  return { stage, clients };
}

async function pair(): Promise<{ stage: Stage; foh: StateClient; desk: StateClient }> {
  const { stage, clients: [foh, desk] } = await crew("foh", "desk");
  assert(foh !== undefined && desk !== undefined);
  return { stage, foh, desk };
}

async function refusal(promise: Promise<unknown>): Promise<StateError> {
  const error = await assertRejects(() => promise);
  assert(error instanceof StateError, String(error));
  return error;
}

Deno.test("presence tells who is there, who comes, changes and goes", async () => {
  const { stage, foh, desk } = await pair();
  assertEquals(foh.presence().map(({ name, isSelf }) => [name, isSelf]), [["foh", true], ["desk", false]]);
  const changes: PresenceChange[] = [];
  foh.onPresence((change) => changes.push(change));
  const late = stage.join("late");
  await stage.until(late.ready());
  await stage.run(100_000);
  await stage.until(desk.privilege.request());
  await stage.run(100_000);
  const gone = desk.number;
  desk.leave();
  await stage.run(100_000);
  await stage.run(100_000);
  assertEquals(changes.map(({ kind, client }) => [kind, client.name, client.privileged]), [
    ["came", "late", false],
    ["changed", "desk", true],
    ["went", "desk", true],
  ]);
  assertEquals(foh.nameOf(gone), "desk");
  assertEquals(late.presence().map(({ name }) => name), ["foh", "late"]);
});

Deno.test("an object is granted with all below it; others are refused there, and hear who owns it", async () => {
  const { stage, foh, desk } = await pair();
  const changes: OwnershipChange[] = [];
  desk.ownership.onChange((change) => changes.push(change));
  const result = await stage.until(foh.ownership.own("stage/left"));
  assertEquals(result.granted.map(({ path }) => path), ["stage/left"]);
  assertEquals([result.refused, result.asked], [[], []]);
  await stage.run(50_000);
  assertEquals(changes.map(({ path, state, ownerName, isOwn }) => [path, state, ownerName, isOwn]), [
    ["stage/left", "owned", "foh", false],
  ]);
  const owner = desk.info("stage/left/hue").owner;
  assertEquals([owner?.path, owner?.client, owner?.name], ["stage/left", foh.number, "foh"]);
  assertEquals(desk.info("stage/right/hue").owner, null);
  assertEquals(foh.ownership.owned().map(({ path }) => path), ["stage/left"]);
  // The owner's writes carry its generation by themselves.
  assertEquals((await stage.until(foh.set("stage/left/hue", 1))).outcome, "stands");
  assertEquals((await stage.until(foh.set("stage/right/hue", 2))).outcome, "stands");
  const error = await refusal(stage.until(desk.set("stage/left/hue", 9)));
  assertEquals([error.code, error.reason], ["refused", "owner"]);
  assert(error.message.includes("foh"), error.message);
  assertEquals(desk.get("stage/left/hue"), 1);
});

Deno.test("a request for several objects may be granted in part, and says who owns the others", async () => {
  const { stage, foh, desk } = await pair();
  await stage.until(foh.ownership.own("stage/left"));
  desk.ownership.onOwnRequest(() => {});
  const answer = desk.ownership.own(["stage/left", "stage/right"], { wait: false });
  const result = await stage.until(answer);
  assertEquals(result.granted.map(({ path }) => path), ["stage/right"]);
  assertEquals(result.asked.map(({ path, ownerName }) => [path, ownerName]), [["stage/left", "foh"]]);
  const above = await stage.until(desk.ownership.own("stage/left/hue"));
  assertEquals(above.refused.map(({ path, owner }) => [path, owner]), [["stage/left/hue", foh.number]]);
  assert(above.refused[0]?.why.includes("foh"), above.refused[0]?.why);
});

Deno.test("an owner who is asked gives or keeps; the one who asks waits for the answer", async () => {
  const { stage, foh, desk } = await pair();
  await stage.until(foh.ownership.own(["stage/left", "stage/right"]));
  const requests: OwnRequest[] = [];
  foh.ownership.onOwnRequest((request) => requests.push(request));
  const answer = desk.ownership.own(["stage/left", "stage/right"]);
  await stage.run(100_000);
  assertEquals(requests.map(({ byName, paths }) => [byName, paths]), [["desk", [
    "stage/left",
    "stage/right",
  ]]]);
  requests[0]?.grant(["stage/left"]);
  requests[0]?.refuse(["stage/right"]);
  const result = await stage.until(answer);
  assertEquals(result.granted.map(({ path }) => path), ["stage/left"]);
  assertEquals(result.refused.map(({ path, ownerName }) => [path, ownerName]), [["stage/right", "foh"]]);
  await stage.run(50_000);
  assertEquals(foh.ownership.owned().map(({ path }) => path), ["stage/right"]);
});

Deno.test("an owner at work who does not answer keeps its object", async () => {
  const { stage, foh, desk } = await pair();
  await stage.until(foh.ownership.own("stage/left"));
  const result = await stage.until(desk.ownership.own("stage/left"));
  assertEquals(result.granted, []);
  assertEquals(result.refused.map(({ path }) => path), ["stage/left"]);
});

Deno.test("an object is stolen, given to another, and given up; old owners write there no more", async () => {
  const { stage, foh, desk } = await pair();
  await stage.until(foh.ownership.own("stage/left"));
  const stolen = await stage.until(desk.ownership.own("stage/left", { steal: true }));
  assertEquals(stolen.granted.length, 1);
  await stage.run(50_000);
  assertEquals((await refusal(stage.until(foh.set("stage/left/hue", 5)))).reason, "owner");
  await stage.until(desk.ownership.transfer("stage/left", foh.number));
  await stage.run(50_000);
  assertEquals((await stage.until(foh.set("stage/left/hue", 6))).outcome, "stands");
  const foreign = await stage.until(desk.ownership.disown("stage/left"));
  assertEquals(foreign.refused.length, 1);
  await stage.until(foh.ownership.disown("stage/left"));
  await stage.run(50_000);
  assertEquals((await stage.until(desk.set("stage/left/hue", 7))).outcome, "stands");
});

Deno.test("what is owned is known again after a break, and the owner goes on writing", async () => {
  const { stage, foh, desk } = await pair();
  await stage.until(foh.ownership.own("stage/left"));
  stage.cut(stage.deskOf(foh));
  const error = await refusal(foh.ownership.own("stage/right"));
  assertEquals(error.reason, "not-joined");
  await stage.run(500_000);
  stage.connect(stage.deskOf(foh));
  await stage.run(200_000);
  assertEquals(foh.ownership.owned().map(({ path }) => path), ["stage/left"]);
  assertEquals((await stage.until(foh.set("stage/left/hue", 3))).outcome, "stands");
  assertEquals(desk.info("stage/left").owner?.client, foh.number);
});

Deno.test("what was given up or granted anew while a client was away is not taken for what it was", async () => {
  const { stage, foh, desk } = await pair();
  await stage.until(desk.ownership.own(["stage/left", "stage/right"]));
  await stage.run(50_000);
  const changes: OwnershipChange[] = [];
  foh.ownership.onChange((change) => changes.push(change));
  stage.cut(stage.deskOf(foh));
  await stage.until(desk.ownership.disown("stage/left"));
  stage.connect(stage.deskOf(foh));
  await stage.run(200_000);
  assertEquals(foh.info("stage/left/hue").owner, null);
  assertEquals(foh.info("stage/right/hue").owner?.name, "desk");
  assert(changes.some(({ path, state }) => path === "stage/left" && state === "free"));
});

Deno.test("an object that was given up and granted again is written under its newest generation", async () => {
  const { stage, foh, desk } = await pair();
  for (const client of [foh, desk, foh]) {
    const { granted } = await stage.until(client.ownership.own("stage/left"));
    assertEquals(granted.length, 1);
    assertEquals((await stage.until(client.set("stage/left/hue", client.number))).outcome, "stands");
    await stage.until(client.ownership.disown("stage/left"));
    await stage.run(100_000);
  }
  // Nobody owns it: a write carries no generation any more.
  assertEquals((await stage.until(foh.set("stage/left/hue", 78))).outcome, "stands");
});

Deno.test("an answer that is lost with the connection is told to be lost", async () => {
  const { stage, foh } = await pair();
  const asked = foh.ownership.own("stage/left");
  const privilege = foh.privilege.request();
  stage.cut(stage.deskOf(foh));
  assertEquals((await refusal(stage.until(asked))).reason, "unknown");
  assertEquals((await refusal(stage.until(privilege))).reason, "unknown");
});

Deno.test("owners and the privileged are the same under the host that follows, whose numbers are others", async () => {
  const { stage, foh, desk } = await pair();
  await stage.until(foh.ownership.own("stage/right"));
  await stage.until(foh.privilege.request());
  stage.understudy();
  await stage.run(1_000_000);
  stage.kill();
  await stage.run(200_000);
  stage.reign("standby");
  await stage.until(Promise.all([foh.ready(), desk.ready()]));
  await stage.run(500_000);
  assertEquals(foh.ownership.owned().map(({ path }) => path), ["stage/right"]);
  assertEquals(desk.info("stage/right/hue").owner?.client, foh.number);
  assert(foh.privilege.standing.isOwn);
  assertEquals((await stage.until(foh.set("stage/right/hue", 4))).outcome, "stands");
});

Deno.test("two libraries on one copy of the state each get their own answers", async () => {
  const { stage, foh, desk } = await pair();
  await stage.until(desk.ownership.own("stage/right"));
  const other = new StateClient({ port: foh.port, timers: stage.timers });
  const [left, right] = await stage.until(Promise.all([
    foh.ownership.own("stage/left"),
    other.ownership.own("stage/right", { wait: false }),
  ]));
  assertEquals([left.granted.length, left.asked.length], [1, 0]);
  assertEquals([right.granted.length, right.asked.length], [0, 1]);
});

Deno.test("one client has the privilege; others ask, and it consents or does not", async () => {
  const { stage, foh, desk } = await pair();
  const first = await stage.until(foh.privilege.request());
  assertEquals([first.granted, first.holder], [true, foh.number]);
  assert(first.generation > 0);
  const requests: PrivilegeRequest[] = [];
  foh.privilege.onRequest((request) => requests.push(request));
  const denied = desk.privilege.request();
  await stage.run(50_000);
  assertEquals(requests.map(({ kind, byName }) => [kind, byName]), [["asked", "desk"]]);
  requests[0]?.decline();
  const no = await stage.until(denied);
  assertEquals([no.granted, no.holderName], [false, "foh"]);
  const granted = desk.privilege.request();
  await stage.run(50_000);
  const given = requests[1]?.accept();
  assertEquals((await stage.until(granted)).granted, true);
  assert(given !== undefined);
  assertEquals((await stage.until(given)).granted, true);
  assertEquals(foh.privilege.standing.isOwn, false);
  assertEquals(desk.privilege.standing.isOwn, true);
});

Deno.test("the privilege is offered, released, and seized where nobody has it", async () => {
  const { stage, foh, desk } = await pair();
  await stage.until(foh.privilege.request());
  desk.privilege.onRequest((request) => {
    assertEquals([request.kind, request.byName], ["offered", "foh"]);
    void request.accept();
  });
  assertEquals((await stage.until(foh.privilege.offer(desk.number))).granted, true);
  assertEquals(desk.privilege.standing.isOwn, true);
  assertEquals((await stage.until(foh.privilege.seize())).granted, false);
  assertEquals((await stage.until(desk.privilege.release())).granted, true);
  assertEquals(desk.privilege.standing.state, "none");
  assertEquals((await stage.until(foh.privilege.seize())).granted, true);
  assertEquals((await stage.until(desk.privilege.release())).granted, false);
});

Deno.test("structure is changed all or nothing, by the privileged client alone, who is named to others", async () => {
  const { stage, foh, desk } = await pair();
  const none = await refusal(stage.until(desk.define("stage/new f32")));
  assertEquals([none.code, none.reason], ["refused", "privilege"]);
  assert(none.message.includes("nobody has the privilege"), none.message);
  await stage.until(foh.privilege.request());
  await stage.run(50_000);
  const error = await refusal(stage.until(desk.define("stage/new f32")));
  assert(error.message.includes("foh has the privilege"), error.message);
  await stage.until(foh.transaction((transaction) =>
    transaction
      .define({ path: "stage/new", type: "f32", default: 5 })
      .define({ path: "stage/word", type: "text" })
      .put("stage/left/hue", 40)
      .forget("stage/right/hue")
  ));
  await stage.run(100_000);
  assertEquals([desk.get("stage/new"), desk.get("stage/left/hue")], [5, 40]);
  assertEquals([desk.has("stage/right/hue"), desk.has("stage/word")], [false, true]);
  assertEquals(desk.info("stage/left/hue").holder, 0);
});

Deno.test("a transaction whose guard does not hold any more changes nothing", async () => {
  const { stage, foh, desk } = await pair();
  await stage.until(foh.privilege.request());
  await stage.until(desk.set("stage/left/hue", 1));
  await stage.run(100_000);
  // What the other writes meanwhile is on its way when the transaction is made.
  desk.trySet("stage/left/hue", 2);
  await stage.run(1_000);
  const made = foh.transaction((transaction) =>
    transaction.unchanged("stage/left/hue").put("stage/right/hue", 50).put("stage/left/hue", 60)
  );
  const error = await refusal(stage.until(made));
  assertEquals([error.code, error.reason], ["conflict", "version"]);
  await stage.run(100_000);
  assertEquals([foh.get("stage/left/hue"), foh.get("stage/right/hue")], [2, 0]);
  await stage.until(
    foh.transaction((transaction) =>
      transaction.unchanged("stage/left/hue").unchangedSubsystem("params").put("stage/right/hue", 50)
    ),
  );
});

Deno.test("what is wrong in a transaction is said before anything is sent", async () => {
  const { stage, foh } = await pair();
  await stage.until(foh.privilege.request());
  const wrong: [(name: string) => Promise<void>, string][] = [
    [() => foh.transaction((transaction) => transaction.put("stage/lef", 1)), "stage/left"],
    [() => foh.transaction((transaction) => transaction.put("stage/left/hue", 101)), "100"],
    [() => foh.transaction((transaction) => transaction.forget("nothing")), "nothing"],
    [() => foh.define({ path: "stage/x", type: "f33" } as never), "f32"],
    [
      () => foh.transaction((transaction) => transaction.put("stage/left/hue", 1).put("stage/left/hue", 2)),
      "twice",
    ],
    [() => foh.transaction((transaction) => transaction.unchangedSubsystem("nope")), "nope"],
  ];
  for (const [make, word] of wrong) {
    const error = await assertRejects(() => make(word), HanaError);
    assert(error.message.includes(word) || error.hint?.includes(word), `${error.message} ${error.hint}`);
  }
  const large = "x".repeat(16_000);
  await assertRejects(
    () =>
      foh.transaction((transaction) => {
        for (let i = 0; i < 5; i++) {
          transaction.define({ path: `big/${i}`, type: "json", default: { large } });
        }
      }),
    HanaError,
    "too large",
  );
  await stage.until(foh.transaction(() => {}));
});

Deno.test("a transaction on its way to a host that dies is told to be lost or refused, never left open", async () => {
  const { stage, foh } = await pair();
  await stage.until(foh.privilege.request());
  const made = foh.transaction((transaction) => transaction.put("stage/left/hue", 9));
  stage.kill();
  stage.reign("nothing", OBJECTS);
  const error = await refusal(stage.until(made));
  assert(error.reason === "epoch" || error.reason === "unknown", error.reason);
});

Deno.test("a definition is read from one line, as JSON, or refused with what is wrong", async () => {
  const { stage, foh } = await pair();
  await stage.until(foh.privilege.request());
  await stage.until(foh.define("stage/tint f32 0..360 ° fade=500ms merge=highest = 180°"));
  const { definition, value } = foh.info("stage/tint");
  assertEquals([definition.min, definition.max, definition.unit], [0, 360, "°"]);
  assertEquals([definition.fadeUs, definition.merge, value], [500_000, "highest", 180]);
  await stage.until(foh.define("stage/scene enum day|night = night"));
  assertEquals(foh.get("stage/scene"), "night");
  await stage.until(foh.define('{"path": "stage/name", "type": "text", "default": "x"}'));
  assertEquals(foh.get("stage/name"), "x");
  await assertRejects(() => foh.define("stage/a f32 fade=soon"), HanaError, "fade cannot be soon");
  await assertRejects(() => foh.define("stage/a f32 colour=red"), HanaError, "colour");
  await assertRejects(() => foh.define("{nothing"), HanaError, "cannot be read");
  await assertRejects(() => foh.define("stage/a"), HanaError, "type");
});

Deno.test("a physical fader has no effect until it meets the value, and loses it when somebody else moves it", async () => {
  const { stage, foh, desk } = await pair();
  await stage.until(desk.set("stage/left/hue", 50));
  await stage.run(100_000);
  const hand = foh.fader("stage/left/hue", { priority: 120 });
  assertEquals(hand.move(10), "waiting");
  assertEquals(hand.move(30), "waiting");
  assertEquals(foh.get("stage/left/hue"), 50);
  assertEquals(hand.move(55), "taken");
  assert(hand.hasHold);
  await stage.run(100_000);
  assertEquals(hand.move(70), "taken");
  await stage.run(100_000);
  assertEquals(desk.get("stage/left/hue"), 70);
  await stage.until(desk.set("stage/left/hue", 20, { priority: 150 }));
  await stage.run(100_000);
  assertEquals(hand.move(71), "waiting");
  assertEquals(hand.hasHold, false);
  assertEquals(hand.move(60), "waiting");
  assertEquals(hand.move(20), "taken");
  hand.letGo();
  assertEquals(hand.move(90), "waiting");
  assertThrows(() => foh.fader("stage/nowhere").move(1), HanaError, "stage/nowhere");
});
