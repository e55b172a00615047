// Lanes of sessions between whole nodes: names that travel within messages, both ways of a session and what happens
// when one of them dies, other addresses, and what the figures say of it.

import { assert, assertEquals } from "@std/assert";
import { type Node, type NodeOptions } from "../../../lib/node/mod.ts";
import { type LinkSpec, SpecLink } from "../../../lib/platform/simulated/mod.ts";
import { ANY_ROLE, defineEvent, defineRequest, type Session } from "../../../lib/session/mod.ts";
import { MemoryNetwork } from "../../../lib/transport/mod.ts";
import { s } from "../../../lib/wire/mod.ts";
import { testRing } from "../security/support.ts";
import { Park } from "./support.ts";

const MS = 1_000;
const SECOND = 1_000_000;
const FAR = "tcp://10.0.0.2:700";
const DELAY = { kind: "constant", us: 200 } as const;
const NO_DATAGRAMS: LinkSpec = { delay: DELAY, datagrams: { loss: 1 } };

const makeEvent = (name: string, lane: "state" | "modulation" | "events") =>
  defineEvent({
    name,
    lane,
    effect: "read",
    from: ANY_ROLE,
    to: ANY_ROLE,
    body: s.object({ number: s.integer() }),
  });
const NOTE = makeEvent("test.note", "state");
const HUE = makeEvent("test.hue", "modulation");
const CUE = makeEvent("test.cue", "events");
const ASK = defineRequest({
  name: "test.ask",
  lane: "control",
  effect: "read",
  from: ANY_ROLE,
  to: ANY_ROLE,
  body: s.object({ number: s.integer() }),
  reply: s.object({ number: s.integer() }),
});

interface Pair {
  readonly park: Park;
  readonly near: Node;
  readonly far: Node;
  readonly session: Session;
  /** The other end of the session. */
  readonly accepted: Session;
  /** Numbers that the far node got, by lane. */
  readonly heard: Record<"state" | "modulation" | "events", number[]>;
  fare(link: LinkSpec): void;
}

/** Two nodes with a session. */
async function pair(
  options: { near?: Partial<NodeOptions>; link?: LinkSpec; isOnUdp?: boolean } = {},
): Promise<Pair> {
  const park = new Park();
  const fare = (link: LinkSpec): void => {
    park.world.segment("lan").model = new SpecLink(link);
  };
  if (options.link !== undefined) fare(options.link);
  const keys = { keys: testRing(1) };
  const near = await park.start(park.host("near").platform, { role: "app", ...keys, ...options.near });
  const far = await park.start(park.host("far").platform, { role: "visualization", ...keys });
  const heard: Pair["heard"] = { state: [], modulation: [], events: [] };
  far.onEvent(NOTE, ({ number }) => void heard.state.push(number));
  far.onEvent(HUE, ({ number }) => void heard.modulation.push(number));
  far.onEvent(CUE, ({ number }) => void heard.events.push(number));
  far.onRequest(ASK, ({ number }) => ({ number }));
  let accepted: Session | null = null;
  far.sessions.onAccepted((session) => accepted = session);
  const session = await park.settle(near.open(FAR));
  await park.until(() => accepted !== null, "the session is accepted");
  if (options.isOnUdp !== false) {
    await park.until(() => session.path.kind === "udp" && accepted?.path.kind === "udp", "datagrams pass");
  }
  assert(accepted !== null);
  return { park, near, far, session, accepted, heard, fare };
}

const upTo = (count: number): number[] => Array.from({ length: count }, (_, i) => i);

Deno.test("names travel within messages until one is known to have arrived, whatever is lost or overtakes", async () => {
  const { park, session, accepted, heard } = await pair({
    link: { delay: DELAY, datagrams: { loss: 0.3 }, reorder: { share: 0.3, extraUs: 5_000 } },
  });
  // The first messages of three lanes in one turn: on each lane the name may be the first that comes.
  for (let number = 0; number < 40; number++) {
    session.post(HUE, { number }, { key: number });
    session.post(CUE, { number });
    session.post(NOTE, { number });
    await park.world.runFor(2 * MS);
  }
  await park.world.runFor(2 * SECOND);
  assertEquals(heard.state, upTo(40));
  assertEquals(heard.events.toSorted((a, b) => a - b), upTo(40));
  // Of each key the newest value arrives; one that was late and not lost may come again.
  assertEquals([...new Set(heard.modulation)].toSorted((a, b) => a - b), upTo(40));
  assertEquals(accepted.statistics().counters.violations, 0);
  assert(session.isOpen && accepted.isOpen);
});

Deno.test("a node that keeps lanes on streams says so, and both sides know why", async () => {
  const { park, session, accepted, heard } = await pair({ near: { udpLanes: false }, isOnUdp: false });
  await park.world.runFor(SECOND);
  for (let number = 0; number < 10; number++) session.post(NOTE, { number });
  await park.world.runFor(SECOND);
  assertEquals(heard.state, upTo(10));
  assertEquals([session.path.kind, session.path.why], ["stream", "datagrams are switched off"]);
  assertEquals([accepted.path.kind, accepted.path.why], ["stream", "one of both takes no datagrams"]);
  assertEquals(session.statistics().path.carrier, "stream");
  assert((session.statistics().connection?.packetsSent ?? 0) > 0);
});

Deno.test("sessions within one machine and one process have no datagrams", async () => {
  const park = new Park();
  const host = park.host("here");
  const network = new MemoryNetwork(host.platform.timers);
  const far = await park.start(host.platform, { memory: { network, name: "far" } });
  const [local] = far.addresses.filter((address) => address.startsWith("unix://"));
  assert(local !== undefined, far.addresses.join());
  const near = await park.start(host.platform, {
    name: "other",
    tcpPort: null,
    memory: { network, name: "near" },
  });
  for (const address of [local, "mem://far"]) {
    const session = await park.settle(near.open(address));
    await park.world.runFor(2 * SECOND);
    assertEquals([session.path.kind, session.path.why], ["stream", "the peer is on this machine"], address);
    assert((session.statistics().connection?.packetsSent ?? 0) > 0, address);
    await park.settle(session.close());
  }
});

Deno.test("a firewall that comes up in the show costs no request and no order, and when it is gone UDP is back", async () => {
  const { park, session, accepted, heard, fare } = await pair();
  let asked = 0;
  let answered = 0;
  let number = 0;
  const go = async (turns: number): Promise<void> => {
    for (let i = 0; i < turns; i++) {
      if (i % 10 === 0) {
        asked++;
        void session.request(ASK, { number: i }).then(() => answered++, () => {});
      }
      session.post(NOTE, { number: number++ });
      await park.world.runFor(10 * MS);
    }
  };
  await go(50);
  fare(NO_DATAGRAMS);
  await go(300);
  assertEquals([session.path.kind, accepted.path.kind], ["stream", "stream"]);
  assertEquals(session.path.why, "datagrams no longer pass");
  fare({ delay: DELAY });
  await go(600);
  assertEquals([session.path.kind, accepted.path.kind], ["udp", "udp"]);
  await park.world.runFor(SECOND);
  assertEquals([answered, heard.state], [asked, upTo(number)]);
  assert((session.statistics().connection?.pathChanges ?? 0) >= 3);
});

Deno.test("both ways dead: the session is lost within its patience, with a reason", async () => {
  const { park, session, fare } = await pair();
  fare({ delay: DELAY, loss: 1 });
  const beganUs = park.world.nowUs;
  const end = await park.settle(session.ended);
  assertEquals(end.kind, "lost");
  assert(/silent/.test(end.reason), end.reason);
  const tookUs = park.world.nowUs - beganUs;
  assert(tookUs >= 4 * SECOND && tookUs <= 7 * SECOND, `${tookUs}`);
});

Deno.test("a peer whose process is killed is missed within a second, though datagrams would go on without it", async () => {
  const { park, session } = await pair();
  await park.world.runFor(3 * SECOND);
  park.world.host("far")?.restartProcess();
  session.post(NOTE, { number: 1 });
  const beganUs = park.world.nowUs;
  const end = await park.settle(session.ended);
  assertEquals(end.kind, "lost");
  assert(park.world.nowUs - beganUs <= SECOND, `${park.world.nowUs - beganUs}`);
});

Deno.test("a peer that gets another address keeps its session, and what was sent meanwhile arrives", async () => {
  const { park, session, accepted, heard } = await pair();
  for (let number = 0; number < 10; number++) session.post(NOTE, { number });
  await park.world.runFor(SECOND);
  park.world.host("near")?.setAddresses("eth0", [{ address: "10.0.0.77", prefix: 24 }]);
  for (let number = 10; number < 60; number++) {
    session.post(NOTE, { number });
    await park.world.runFor(20 * MS);
  }
  await park.world.runFor(SECOND);
  assertEquals(heard.state, upTo(60));
  assert(session.isOpen && accepted.isOpen);
  assertEquals(session.path.kind, "udp");
});

Deno.test("closing a session delivers what was sent before, and both sides know that it was meant", async () => {
  const { park, session, accepted, heard } = await pair({ link: { delay: DELAY, datagrams: { loss: 0.1 } } });
  for (let number = 0; number < 200; number++) session.post(NOTE, { number });
  const [ours, theirs] = await park.settle(Promise.all([session.close("that was it"), accepted.ended]));
  assertEquals(heard.state.length, 200);
  assertEquals(heard.state, upTo(200));
  assertEquals([ours.kind, theirs.kind, theirs.reason], ["local", "goodbye", "that was it"]);
});

Deno.test("whoever waits until a lane is writable goes on when it is, and learns of the end", async () => {
  const { park, session } = await pair({
    link: { delay: DELAY, bitsPerSecond: 1_000_000, queueBytes: 20_000 },
  });
  const lane = session.openLane({ name: "pixels", kind: "reliable-ordered" });
  const bytes = new Uint8Array(10_000);
  for (let i = 0; i < 20; i++) assert(lane.send(bytes) >= 0);
  await park.world.runFor(MS);
  assertEquals(lane.isWritable, false);
  assert(lane.queuedUs > 100 * MS, `${lane.queuedUs}`);
  const beganUs = park.world.nowUs;
  await park.settle(lane.writable());
  const tookUs = park.world.nowUs - beganUs;
  // 200 kB at 1 Mbit/s are 1.6 s.
  assert(tookUs > SECOND && tookUs < 4 * SECOND, `${tookUs}`);
  for (let i = 0; i < 20; i++) lane.send(bytes);
  await park.world.runFor(MS);
  const waiting = lane.writable().then(() => "writable", (error) => error.code);
  session.abort();
  assertEquals(await park.settle(waiting), "closed");
});
