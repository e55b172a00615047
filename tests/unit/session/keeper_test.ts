import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import { HanaError, type Incarnation, type NodeId } from "../../../lib/base/mod.ts";
import {
  type CommandRight,
  type Fence,
  type KeeperState,
  SessionKeeper,
  type SessionKeeperOptions,
} from "../../../lib/session/mod.ts";
import { Stage } from "./session_support.ts";
import { CUE, DOUBLE, HUE, NOTE } from "./support.ts";

const second = 1_000_000;

interface Kept {
  readonly stage: Stage;
  readonly keeper: SessionKeeper;
  readonly states: KeeperState[];
  readonly heard: number[];
}

/** A keeper on the near machine; what the far machine hears. Nobody listens there yet. */
function keep(options: Partial<SessionKeeperOptions> = {}, stage = new Stage()): Kept {
  const heard: number[] = [];
  const states: KeeperState[] = [];
  stage.farHandlers.onEvent(NOTE, ({ number }) => void heard.push(number));
  stage.farHandlers.onEvent(HUE, ({ number }) => void heard.push(-number));
  stage.farHandlers.onRequest(DOUBLE, ({ value }) => ({ value: value * 2 }));
  const keeper = new SessionKeeper({
    platform: stage.near.platform,
    connect: (signal) => stage.dial(signal),
    onState: (state) => states.push(state),
    ...options,
  });
  return { stage, keeper, states, heard };
}

Deno.test("a keeper dials until somebody is there, with growing pauses", async () => {
  const { stage, keeper } = keep({ backoff: { initialUs: 100_000, maxUs: 800_000, jitter: 0 } });
  await stage.world.runFor(3_150_000);
  // At 0, 0.1, 0.3, 0.7, 1.5, 2.3, 3.1 s.
  assertEquals([keeper.counters.attempts, keeper.state, keeper.session], [7, "connecting", null]);
  await stage.serve();
  await stage.settle(keeper.open);
  assertEquals([keeper.state, keeper.counters.connected], ["open", 1]);
});

Deno.test("a peer that is killed and comes back is met again, and the back-off has started over", async () => {
  const { stage, keeper, states } = keep();
  await stage.serve();
  await stage.settle(keeper.open);
  for (let life = 2; life <= 4; life++) {
    stage.far.restartProcess();
    await stage.until(() => keeper.session === null, "the loss is noticed");
    await stage.serve();
    await stage.settle(keeper.open);
    assertEquals(keeper.counters.connected, life);
  }
  assertEquals(states, ["open", "connecting", "open", "connecting", "open", "connecting", "open"]);
});

Deno.test("what is sent while there is no session arrives in order after it, before what comes later", async () => {
  const { stage, keeper, heard } = keep();
  for (let number = 0; number < 100; number++) assertEquals(keeper.send(NOTE, { number }), "queued");
  assertEquals(keeper.bufferedMessages, 100);
  await stage.serve();
  await stage.settle(keeper.open);
  for (let number = 100; number < 150; number++) keeper.send(NOTE, { number });
  await stage.until(() => heard.length === 150, "all came");
  assertEquals(heard, Array.from({ length: 150 }, (_, i) => i));
  assertEquals([keeper.bufferedMessages, keeper.counters.buffered], [0, 100]);
});

Deno.test("a command that waits for a session keeps the right that it was given", async () => {
  const rights: CommandRight[] = [];
  const fence: Fence = {
    tokenFor: () => null,
    admit: (_command, right) => {
      rights.push(right);
      return null;
    },
  };
  const wall = { role: "visualization" } as const;
  const { stage, keeper } = keep({}, new Stage({ fence, remote: wall }));
  const token = { term: 3, leaderId: "0a".repeat(16) as NodeId, leaderIncarnation: 7 as Incarnation };
  let cues = 0;
  stage.farHandlers.onEvent(CUE, () => void cues++);
  keeper.send(CUE, {}, { token });
  keeper.send(CUE, {});
  keeper.send(CUE, {}, { unfenced: true });
  await stage.serve();
  await stage.until(() => cues === 3, "all came");
  assertEquals(rights, [
    { token, isForced: false },
    { token: null, isForced: false },
    { token: null, isForced: true },
  ]);
});

Deno.test("over the bound the caller sees an error; unreliable messages are dropped and counted", async () => {
  const { stage, keeper, heard } = keep({ maxBuffered: 3 });
  for (let number = 1; number <= 3; number++) keeper.send(NOTE, { number });
  assertEquals(assertThrows(() => keeper.send(NOTE, { number: 4 }), HanaError).code, "overloaded");
  assertEquals(keeper.send(HUE, { number: 9 }), "closed");
  assertEquals([keeper.counters.refusedFull, keeper.counters.droppedUnreliable], [1, 1]);
  await stage.serve();
  await stage.until(() => heard.length === 3, "those that waited come");
  await stage.world.runFor(second);
  assertEquals(heard, [1, 2, 3]);
});

Deno.test("a message that may not be sent to whom we meet goes alone; the others arrive", async () => {
  const { stage, keeper, heard } = keep();
  keeper.send(NOTE, { number: 1 });
  keeper.send(CUE, {});
  keeper.send(NOTE, { number: "two" as unknown as number });
  keeper.send(NOTE, { number: 3 });
  await stage.serve();
  await stage.until(() => heard.length === 2, "the right ones come");
  assertEquals([heard, keeper.counters.droppedWrong, keeper.state], [[1, 3], 2, "open"]);
});

Deno.test("a lane that is full lets messages wait here, and later ones do not overtake them", async () => {
  const { stage, keeper, heard } = keep(
    { maxBuffered: 50 },
    new Stage({ limits: { silenceUs: 3600 * second } }),
  );
  await stage.serve();
  const session = await stage.settle(keeper.open);
  let number = 0;
  await stage.fill(() => {
    if (keeper.bufferedMessages === 50) return "full";
    keeper.send(NOTE, { number: number++ });
    return keeper.bufferedMessages > 0 ? "full" : "queued";
  });
  while (keeper.bufferedMessages < 50) keeper.send(NOTE, { number: number++ });
  assertEquals(assertThrows(() => keeper.send(NOTE, { number: -1 }), HanaError).code, "overloaded");
  const queued = session.statistics().lanes.events.queuedMessages;
  stage.plug(true);
  // The lane has room again, but what waits here has not been let in yet.
  await stage.until(() => session.statistics().lanes.events.queuedMessages < queued, "some went out");
  assertEquals(keeper.bufferedMessages, 50);
  assertThrows(() => keeper.send(NOTE, { number: -1 }), HanaError);
  await stage.until(() => keeper.bufferedMessages === 0, "the buffer drains without a new session");
  keeper.send(NOTE, { number: number++ });
  await stage.until(() => heard.length === number, "all came");
  assertEquals(heard, Array.from({ length: number }, (_, i) => i));
  assertEquals(keeper.counters.connected, 1);
});

Deno.test("after a success the pauses begin small again", async () => {
  const { stage, keeper } = keep({ backoff: { initialUs: 100_000, maxUs: 6_400_000, jitter: 0 } });
  await stage.world.runFor(5 * second);
  await stage.serve();
  await stage.settle(keeper.open);
  stage.far.restartProcess();
  await stage.until(() => keeper.session === null, "the loss is noticed");
  const before = keeper.counters.attempts;
  await stage.world.runFor(second);
  // 0.1, 0.3 and 0.7 s after the loss.
  assertEquals(keeper.counters.attempts - before, 3);
});

Deno.test("a message handed to a session that is lost is never sent twice", async () => {
  const { stage, keeper, heard } = keep();
  await stage.serve();
  await stage.settle(keeper.open);
  for (let number = 0; number < 50; number++) keeper.send(NOTE, { number });
  await stage.world.runFor(100);
  stage.far.restartProcess();
  await stage.until(() => keeper.session === null, "the loss is noticed");
  for (let number = 50; number < 60; number++) keeper.send(NOTE, { number });
  await stage.serve();
  await stage.settle(keeper.open);
  await stage.world.runFor(second);
  assertEquals(heard.slice(-10), Array.from({ length: 10 }, (_, i) => 50 + i));
  assertEquals(new Set(heard).size, heard.length);
});

Deno.test("a request waits for a session within its own deadline", async () => {
  const { stage, keeper } = keep();
  const answered = keeper.request(DOUBLE, { value: 21 }, { timeoutUs: 10 * second });
  await stage.world.runFor(second);
  await stage.serve();
  assertEquals(await stage.settle(answered), { value: 42 });
});

Deno.test("a request for which no session comes fails: in time, when cancelled, when stopped, when too many wait", async () => {
  const { stage, keeper } = keep({ maxBuffered: 2 });
  const code = async (promise: Promise<unknown>) =>
    (await assertRejects(() => stage.settle(promise), HanaError)).code;
  const startedUs = stage.world.nowUs;
  assertEquals(await code(keeper.request(DOUBLE, { value: 1 }, { timeoutUs: 300_000 })), "timeout");
  assertEquals(stage.world.nowUs - startedUs, 300_000);
  const giveUp = new AbortController();
  const cancelled = code(keeper.request(DOUBLE, { value: 1 }, { signal: giveUp.signal }));
  giveUp.abort();
  assertEquals(await cancelled, "cancelled");
  assertEquals(await code(keeper.request(DOUBLE, { value: 1 }, { signal: giveUp.signal })), "cancelled");
  const waiting = [1, 2].map((value) => keeper.request(DOUBLE, { value }).catch((error) => error.code));
  assertEquals(await code(keeper.request(DOUBLE, { value: 3 })), "overloaded");
  await stage.settle(keeper.stop());
  assertEquals(await Promise.all(waiting), ["cancelled", "cancelled"]);
  assertEquals(await code(keeper.request(DOUBLE, { value: 4 })), "cancelled");
});

Deno.test("a request that was under way when the session was lost fails and is not repeated", async () => {
  const stage = new Stage();
  let asked = 0;
  stage.farHandlers.onRequest(DOUBLE, () => {
    asked++;
    return new Promise(() => {});
  });
  const keeper = new SessionKeeper({
    platform: stage.near.platform,
    connect: (signal) => stage.dial(signal),
  });
  await stage.serve();
  const failed = keeper.request(DOUBLE, { value: 1 }, { timeoutUs: 60 * second }).catch((error) =>
    error.code
  );
  await stage.until(() => asked === 1, "it runs there");
  stage.far.restartProcess();
  assertEquals(await stage.settle(failed), "closed");
  await stage.serve();
  await stage.settle(keeper.open);
  await stage.world.runFor(second);
  assertEquals(asked, 1);
});

Deno.test("stopping says goodbye, ends all tries, and nothing is dialled any more", async () => {
  const open = keep();
  await open.stage.serve();
  await open.stage.settle(open.keeper.open);
  await open.stage.settle(Promise.all([open.keeper.stop("bye"), open.keeper.stop("again")]));
  const end = await open.stage.settle(open.stage.accepted[0]?.ended ?? Promise.reject(new Error("none")));
  assertEquals([end.kind, end.reason, open.keeper.state, open.keeper.session], [
    "goodbye",
    "bye",
    "stopped",
    null,
  ]);
  assertThrows(() => open.keeper.send(NOTE, { number: 1 }), HanaError);
  await assertRejects(() => open.keeper.open, HanaError);

  const dialling = keep();
  await dialling.stage.world.runFor(second);
  const tries = dialling.keeper.counters.attempts;
  await dialling.stage.settle(dialling.keeper.stop());
  await dialling.stage.serve();
  await dialling.stage.world.runFor(10 * second);
  assertEquals([dialling.keeper.counters.attempts, dialling.stage.accepted.length], [tries, 0]);
});

Deno.test("a session that comes when nobody wants it any more is given up", async () => {
  const stage = new Stage();
  await stage.serve();
  const ready = Promise.withResolvers<void>();
  const keeper = new SessionKeeper({
    platform: stage.near.platform,
    connect: async () => {
      const session = await stage.dial();
      await ready.promise;
      return session;
    },
  });
  await stage.world.runFor(second);
  await stage.settle(keeper.stop());
  ready.resolve();
  await stage.until(() => stage.accepted.length === 1, "it had been accepted");
  const end = await stage.settle(stage.accepted[0]?.ended ?? Promise.reject(new Error("none")));
  assertEquals([end.kind, keeper.session], ["lost", null]);
});

Deno.test("asking for the session again and again while there is none costs nothing, and all are served", async () => {
  const { stage, keeper } = keep();
  const waiting = Array.from({ length: 1000 }, () => keeper.open);
  assertEquals(new Set(waiting).size, 1);
  await stage.serve();
  const sessions = await stage.settle(Promise.all(waiting));
  assert(sessions.every((session) => session === keeper.session));
});

Deno.test("a peer that gives no credit lets messages wait here, in order, and none is lost", async () => {
  const { stage, keeper, heard } = keep({ maxBuffered: 3 });
  await stage.serve();
  const session = await stage.settle(keeper.open);
  const post = session.post.bind(session);
  session.post = () => "no-credit";
  assertEquals([keeper.send(NOTE, { number: 1 }), keeper.bufferedMessages], ["queued", 1]);
  session.post = post;
  // A later one does not overtake it.
  assertEquals(keeper.send(NOTE, { number: 2 }), "queued");
  await stage.until(() => heard.length === 2, "both come");
  assertEquals([heard, keeper.bufferedMessages], [[1, 2], 0]);
});
