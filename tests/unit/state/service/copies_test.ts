// A host and those who keep copies of it, over links: questions, refusals, quarrels, broken bytes.

import { assert, assertEquals } from "@std/assert";
import { CopyDecoder } from "../../../../lib/state/copies/mod.ts";
import { CopyKeeper, CopyLink } from "../../../../lib/state/service/mod.ts";
import { epochOf, nodeOf } from "../host/support.ts";
import { Stage, type WireEnd } from "./stage.ts";

/** A keeper at the host. */
function keep(stage: Stage, keeper: CopyKeeper): { link: CopyLink; near: WireEnd; far: WireEnd } {
  const [near, far] = stage.wire();
  const link = new CopyLink(near);
  near.handlers = link.handlers;
  far.handlers = keeper.accept(far);
  return { link, near, far };
}

/** Until the service has said what there is to say to its keepers. */
async function settled(stage: Stage): Promise<void> {
  stage.host.pumpSoon();
  await stage.world.runFor(200_000);
}

Deno.test("a keeper has everything of its host, and a later host begins from it", async () => {
  const stage = new Stage(1);
  const keeper = new CopyKeeper();
  const { link } = keep(stage, keeper);
  assert(stage.host.copies.join(stage.host, link));
  const desk = stage.desk("ann");
  await stage.synced(desk);
  stage.write(desk, "hue", 33);
  await stage.synced(desk);
  assertEquals([link.isConfirmed, desk.service.replica.isSingle], [true, false]);
  const snapshot = keeper.snapshot();
  assert(snapshot !== null);
  stage.host.depose(null);
  stage.begin(2, { from: snapshot });
  await stage.until(() => desk.service.replica.epoch?.term === 2, "it has come to the next host");
  await stage.synced(desk);
  assertEquals(stage.valueOf(desk, "hue"), 33);
  const joined = desk.events.filter(({ kind }) => kind === "joined").at(-1);
  assert(joined?.kind === "joined" && joined.resumed, "as who it was");
});

Deno.test("whoever is asked for a copy gives the newer one, and nothing where it has none or an older one", async () => {
  const stage = new Stage(2);
  const [full, empty, asking] = [new CopyKeeper(), new CopyKeeper(), new CopyKeeper()];
  const { link } = keep(stage, full);
  stage.host.copies.join(stage.host, link);
  await settled(stage);
  const ask = async (keeper: CopyKeeper, as: CopyKeeper) => {
    const way = keep(stage, keeper);
    const given = way.link.ask(as.epoch, as.number);
    await stage.world.runFor(50_000);
    return await given;
  };
  const fromFull = await ask(full, asking);
  assert(fromFull?.update !== null && fromFull?.update !== undefined);
  assertEquals(fromFull.epoch, stage.host.host.epoch);
  asking.adopt(fromFull.update);
  assertEquals(asking.snapshot(), full.snapshot());
  assertEquals((await ask(empty, asking))?.update, null);
  assertEquals((await ask(full, asking))?.update, null, "the same is not newer");
  assertEquals(full.counters.given, 1);
});

Deno.test("a question whose link ends is answered with nothing, at once or later", async () => {
  const stage = new Stage(3);
  const { link, near, far } = keep(stage, new CopyKeeper());
  far.isClogged = true;
  const given = link.ask(null, 0);
  near.close();
  await stage.world.runFor(50_000);
  assertEquals(await given, null);
  assertEquals(await link.ask(null, 0), null);
});

Deno.test("a keeper that follows a later host, or another one of the same term, ends the reign of this one", async () => {
  for (const epoch of [epochOf(5), { term: 1, hostId: nodeOf(9_999) }]) {
    const stage = new Stage(4);
    const keeper = new CopyKeeper();
    const snapshot = stage.host.host.snapshot();
    keeper.adopt({ ...snapshot, epoch });
    const { link } = keep(stage, keeper);
    const heard: unknown[] = [];
    link.onNewerTerm = (newer) => heard.push(newer);
    stage.host.copies.join(stage.host, link);
    await settled(stage);
    assertEquals(heard, [epoch]);
    assertEquals(keeper.counters.refused, 1, "and it is told once");
  }
});

Deno.test("a keeper of an earlier host takes the whole of this one", async () => {
  const stage = new Stage(5);
  const keeper = new CopyKeeper();
  keeper.adopt({ ...stage.host.host.snapshot(), epoch: epochOf(0), number: 4_000 });
  const { link } = keep(stage, keeper);
  stage.host.copies.join(stage.host, link);
  await settled(stage);
  assertEquals([link.isConfirmed, keeper.epoch], [true, stage.host.host.epoch]);
});

Deno.test("an update that is broken on its way comes again, whole; what stays broken ends the link, not the host", async () => {
  const stage = new Stage(6);
  const keeper = new CopyKeeper();
  const [near, far] = stage.wire();
  const link = new CopyLink(near);
  near.handlers = link.handlers;
  const handlers = keeper.accept(far);
  let spoiled = 1;
  far.handlers = {
    onClosed: () => handlers.onClosed(),
    onMessage: (bytes) => {
      const message = new CopyDecoder().decode(bytes);
      if (typeof message !== "string" && message.kind === "part" && spoiled-- > 0) {
        const copy = bytes.slice();
        copy.fill(0xee, copy.length >> 1);
        return handlers.onMessage(copy);
      }
      handlers.onMessage(bytes);
    },
  };
  // It has something already, so that it can refuse.
  keeper.adopt({ ...stage.host.host.snapshot(), epoch: epochOf(0) });
  stage.host.copies.join(stage.host, link);
  await settled(stage);
  assertEquals([link.isConfirmed, keeper.epoch?.term], [true, 1], "the second one was taken");

  spoiled = Infinity;
  stage.define("tempo");
  await stage.world.runFor(1_000_000);
  const { refused } = keeper.counters;
  assert(refused > 1 && refused < 20, `refused ${refused} times`);
  assertEquals(near.isClosed, true);
  assertEquals(stage.host.host.isSingle, true);
  const desk = stage.desk("ann");
  await stage.synced(desk);
  stage.write(desk, "hue", 3);
  await stage.synced(desk);
  assertEquals(stage.crashes, []);
});

Deno.test("a keeper that has nothing and whose first update is broken ends the link, so that another one is made", async () => {
  const stage = new Stage(9);
  const keeper = new CopyKeeper();
  const { link, near } = keep(stage, keeper);
  const { peer } = near;
  assert(peer !== null);
  const { handlers } = peer;
  peer.handlers = {
    ...handlers,
    onMessage: (bytes) => handlers.onMessage(bytes.slice().fill(0xee, bytes.length >> 1)),
  };
  stage.host.copies.join(stage.host, link);
  await settled(stage);
  assertEquals([keeper.epoch, near.isClosed, stage.host.host.isSingle], [null, true, true]);
});

Deno.test("bytes that are no message are counted by the keeper, and after sixteen its link ends", async () => {
  const stage = new Stage(7);
  const keeper = new CopyKeeper();
  const { near } = keep(stage, keeper);
  for (let count = 0; count < 16; count++) near.send(new Uint8Array([0xf0, count]));
  await stage.world.runFor(10_000);
  assertEquals([keeper.counters.malformed, near.isClosed], [16, false]);
  near.send(new Uint8Array([0xf0]));
  await stage.world.runFor(10_000);
  assertEquals(near.isClosed, true);
});

Deno.test("a keeper behind a slow link gets a large copy piece by piece, and the host waits with nothing else", async () => {
  const stage = new Stage(8);
  for (let index = 0; index < 9_000; index++) stage.define(`object-${index}/a-name-that-takes-some-room`);
  const keeper = new CopyKeeper();
  const { link, near } = keep(stage, keeper);
  let most = 0;
  const room = near.send.bind(near);
  near.send = (bytes) => {
    const isTaken = room(bytes);
    most = Math.max(most, near.queuedBytes);
    return isTaken;
  };
  stage.host.copies.join(stage.host, link);
  await stage.until(() => link.isConfirmed, "it is whole");
  assert(most < 600_000, `${most} bytes waited`);
  assert(near.sent.length > 1);
  assertEquals(keeper.snapshot()?.rows.length, stage.host.host.snapshot().rows.length);
});
