import { assert, assertEquals } from "@std/assert";
import { type ConnectorContext } from "../../../lib/node/connector.ts";
import { SessionSet } from "../../../lib/node/mod.ts";
import { HandlerTable, PayloadKind } from "../../../lib/session/mod.ts";
import { Link } from "../../../lib/transport/mod.ts";
import { encodeFrame } from "../../../lib/wire/mod.ts";
import { testContext, testRing } from "../security/support.ts";
import { bytes, identity } from "../session/support.ts";
import { FakeStream } from "../transport/support.ts";
import { Park } from "./support.ts";

interface Fixture {
  readonly park: Park;
  readonly set: SessionSet;
  /** A connection comes in; the test is its other end. */
  accept(remote?: string): FakeStream;
}

function fixture(maxSessions: number): Fixture {
  const park = new Park();
  const context: ConnectorContext = {
    platform: park.host("a").platform,
    security: testContext(testRing(1)),
    local: identity(1),
    handlers: new HandlerTable(),
    access: "operator",
  };
  const set = new SessionSet(maxSessions);
  return {
    park,
    set,
    accept: (remote) => {
      const stream = new FakeStream(...(remote === undefined ? [] : [remote]));
      set.accept(context, new Link(stream, { channel: null }), true);
      return stream;
    },
  };
}

function greet(stream: FakeStream, number: number): void {
  stream.feed(encodeFrame(Uint8Array.of(0, ...bytes.hello({ id: number.toString(16).padStart(32, "0") }))));
}

Deno.test("the one that has been silent for longest gives way to a newcomer, members never do", async () => {
  const { park, set, accept } = fixture(1000);
  const members = Array.from({ length: 100 }, (_, i) => {
    const stream = accept();
    greet(stream, i + 10);
    return stream;
  });
  await park.world.runFor(1);
  const strangers = Array.from({ length: 70 }, () => accept());
  assertEquals(strangers.map((stream) => stream.aborted), strangers.map((_, i) => i < 6));
  assert(members.every((stream) => !stream.aborted));
  assertEquals([set.counters.evicted, set.size], [6, 164]);
});

Deno.test("a machine that floods pushes out its own connections, not the handshakes of others", () => {
  const { set, accept } = fixture(1000);
  const others = Array.from({ length: 20 }, (_, i) => accept(`tcp://10.0.0.${i + 10}:5000`));
  const flood = Array.from({ length: 500 }, (_, i) => accept(`tcp://10.0.0.99:${6000 + i}`));
  assert(others.every((stream) => !stream.aborted), "a handshake was pushed out");
  assertEquals(flood.filter((stream) => !stream.aborted).length, 44);
  assertEquals([set.counters.evicted, set.size], [456, 64]);
});

Deno.test("a full set makes room by a stranger, and refuses newcomers when all are members", async () => {
  const { park, set, accept } = fixture(3);
  const strangers = [accept(), accept(), accept()];
  const member = accept();
  assertEquals([strangers[0]?.aborted, member.aborted, set.size], [true, false, 3]);
  for (const [i, stream] of [...strangers.slice(1), member].entries()) greet(stream, i + 10);
  await park.world.runFor(1);
  const late = accept();
  assertEquals([late.aborted, late.writes.length, set.counters.refusedFull, set.size], [true, 0, 1, 3]);
});

Deno.test("only a session that had greeted can be lost", async () => {
  const { park, set, accept } = fixture(10);
  const [stranger, member] = [accept(), accept()];
  greet(member, 10);
  await park.world.runFor(1);
  stranger.feed(encodeFrame(Uint8Array.of(0, PayloadKind.event)));
  await park.world.runFor(10);
  for (const stream of [stranger, member]) stream.feedClose(null);
  await park.world.runFor(10);
  assertEquals([set.counters.lost, set.counters.failedGreetings, set.counters.greeted, set.size], [
    1,
    1,
    1,
    0,
  ]);
  assertEquals(set.lastFailure?.code, "protocol");
});

Deno.test("a set that is closing takes nobody in any more, and is empty when it is closed", async () => {
  const { park, set, accept } = fixture(10);
  const member = accept();
  greet(member, 10);
  await park.world.runFor(1);
  const closed = set.closeAll("quit");
  const late = accept();
  assert(late.aborted);
  member.finishAll();
  member.feedEnd();
  member.feedClose(null);
  await park.settle(closed);
  assertEquals(set.size, 0);
});
