// Who comes in, who owns what, who is privileged, and who comes back: programs on machines of their own.
// The tests of the original that need processes, by what they are called in docs/state-original.md.

import { assert, assertEquals, assertMatch, assertNotEquals } from "@std/assert";
import { liveTest } from "../../support/live.ts";
import { at, type Seat, Show } from "./seat.ts";

/** Between machines on one switch everything here takes milliseconds; what waits for a timer takes 5 s. */
const SOON_MS = 3_000;

const OBJECTS = 10_000;
/** Measured far below it on a machine that does nothing else (docs/state-numbers.md); here others run, too. */
const LATE_JOIN_MS = 3_000;

const RACK = ["rack/one", "rack/two", "rack/three"] as const;

/** A host that everybody finds at once, and programs at it. */
async function sit(show: Show, ...names: readonly string[]): Promise<[Seat, ...Seat[]]> {
  const host = await show.seat("host", {
    host: true,
    parameters: [
      ...RACK.map((path) => ({ path, type: "f32", min: 0, max: 360 })),
      { path: "tempo", type: "f32", min: 20, max: 300, default: 120 },
    ],
  });
  const seats = await Promise.all(names.map((name) => show.seat(name, { gives: false })));
  for (const seat of [host, ...seats]) {
    await seat.ready();
    await seat.knows(["host/tempo"]);
  }
  return [host, ...seats];
}

liveTest(
  "programs come in, get what they ask for, and hear at once what others have got",
  async (network) => {
    const show = new Show(network);
    const [host, ...seats] = await sit(show, "ann", "bob");
    const [ann, bob] = [at(seats, 0), at(seats, 1)];
    const racks = RACK.map((path) => `host/${path}`);

    // A newcomer owns nothing, is not privileged, and is in its own first snapshot.
    const fresh = await show.seat("cleo");
    await fresh.ready();
    const [own] = (await fresh.presence()).filter(({ isSelf }) => isSelf);
    assertEquals([own?.name, own?.state, own?.owned, own?.privileged], ["cleo", "joined", 0, false]);

    // Two of two are granted; whoever asks later gets what is left, and reads who has the rest.
    const granted = await ann.own(racks.slice(0, 2));
    assertEquals(granted.granted.map(({ path }) => path), racks.slice(0, 2));
    const contested = await bob.own(racks.slice(1), false);
    assertEquals(contested.granted.map(({ path }) => path), racks.slice(2));
    const [other] = contested.refused;
    assertEquals([contested.refused.length, other?.path, other?.ownerName], [1, racks[1], "ann"]);
    assertMatch(contested.refused[0]?.why ?? "", /ann/);
    for (const seat of [ann, bob, fresh, host]) {
      await seat.do("owns", { name: "ann", count: 2, timeoutMs: SOON_MS });
      await seat.do("owns", { name: "bob", count: 1, timeoutMs: SOON_MS });
    }

    // Each writes to its own; neither to the other's, who reads why.
    const seen = fresh.shows(`${racks[0]}`, 90, SOON_MS);
    assertEquals((await ann.set(`${racks[0]}`, 90)).outcome, "stands");
    await seen;
    assertEquals((await bob.set(`${racks[2]}`, 10)).outcome, "stands");
    const [reason, text] = await refusal(bob.set(`${racks[0]}`, 1));
    assertEquals(reason, "owner");
    assertMatch(text, /ann/);
    await ann.shows(`${racks[0]}`, 90);

    // Structure is for the privileged one alone.
    const [why] = await refusal(bob.do("define", { line: "song/name text" }));
    assertEquals(why, "privilege");
    assertEquals((await bob.privilege("request")).granted, true);
    await bob.do("define", { line: "song/name text" });
    await ann.knows(["song/name"], SOON_MS);
    for (const seat of [ann, host]) await seat.do("privileged", { name: "bob", timeoutMs: SOON_MS });

    // It goes over: the new one has it, the former one has not, both and all others are told.
    const cleo = (await bob.presence()).find(({ name }) => name === "ann");
    assert(cleo !== undefined);
    const handed = bob.privilege("offer", cleo.client);
    await ann.do("accepts", { timeoutMs: SOON_MS });
    await handed;
    assertEquals([(await ann.privilege("look")).isOwn, (await bob.privilege("look")).isOwn], [true, false]);
    await fresh.do("privileged", { name: "ann", timeoutMs: SOON_MS });
    const [revoked] = await refusal(bob.do("define", { line: "song/key text" }));
    assertEquals(revoked, "privilege");
  },
);

liveTest(
  "a program that is killed comes back with its token, twice, and nobody else does with it",
  async (network) => {
    const show = new Show(network);
    const [, ...seats] = await sit(show, "ann", "bob");
    const [ann, bob] = [at(seats, 0), at(seats, 1)];
    const racks = RACK.map((path) => `host/${path}`).slice(0, 2);
    await ann.own(racks);
    await ann.privilege("request");
    await ann.set(`${racks[0]}`, 33);
    const before = await ann.status();
    await ann.crash();
    await bob.seesAs("ann", "suspended");
    // What it held waits for it, as long as nobody asks.
    let token = before.token;
    for (const life of ["second", "third"]) {
      const back = await show.seat("ann", { token });
      await back.ready();
      const status = await back.status();
      assertEquals([life, status.number, status.counts.resumed], [life, before.number, 1]);
      await back.do("owns", { name: "ann", count: 2, timeoutMs: SOON_MS });
      assertEquals((await back.owned()).sort(), [...racks]);
      assertEquals((await back.privilege("look")).isOwn, true);
      assertEquals((await back.set(`${racks[0]}`, 44)).outcome, "stands");
      assertNotEquals(status.token, token, "each token serves once");
      token = status.token;
      await back.crash();
      await bob.seesAs("ann", "suspended");
    }

    // Whoever asks meanwhile has it, and keeps it: there is one owner and one privileged client at any time.
    assertEquals((await bob.own(racks.slice(1))).granted.length, 1);
    assertEquals((await bob.privilege("seize")).granted, true);

    // Whoever asks meanwhile has it, and keeps it: there is one owner and one privileged client at any time.
    assertEquals((await bob.own(racks.slice(1))).granted.length, 1);
    assertEquals((await bob.privilege("seize")).granted, true);

    // Another machine with this token is another client, and takes nothing.
    const thief = await show.seat("eve", { token });
    await thief.ready();
    assertEquals([(await thief.status()).counts.resumed, await thief.owned()], [0, []]);
    const invented = await show.seat("mallory", { token: "00112233445566778899aabbccddeeff" });
    await invented.ready();
    assertEquals([(await invented.status()).counts.resumed, await invented.owned()], [0, []]);

    const late = await show.seat("ann", { token });
    await late.ready();
    assertEquals((await late.status()).counts.resumed, 1);
    await late.do("owns", { name: "ann", count: 1, timeoutMs: SOON_MS });
    assertEquals([await late.owned(), await bob.owned()], [racks.slice(0, 1), racks.slice(1)]);
    assertEquals([(await late.privilege("look")).isOwn, (await bob.privilege("look")).isOwn], [false, true]);
  },
);

liveTest(
  "who leaves cleanly leaves everything free at once, and a host that stops says so to all",
  async (network) => {
    const show = new Show(network);
    const [host, ...seats] = await sit(show, "ann", "bob");
    const [ann, bob] = [at(seats, 0), at(seats, 1)];
    const racks = RACK.map((path) => `host/${path}`);
    await ann.own(racks);
    await ann.privilege("request");
    await ann.set(`${racks[0]}`, 200);
    await ann.stop();
    await bob.seesGone("ann", SOON_MS);
    assertEquals((await bob.own(racks)).granted.length, 3);
    assertEquals((await bob.privilege("request")).granted, true);
    assertEquals(await bob.do("get", { path: racks[0] }), 200);

    // No client can end the host for others: what there is to say, `leave`, ends its own membership.
    const cleo = await show.seat("cleo");
    await cleo.ready();
    await cleo.do("leave");
    assertEquals((await bob.set(`${racks[0]}`, 201)).outcome, "stands");

    await host.stop();
    const told = await bob.do<string[]>("toldOf", { what: "reconnect bye", timeoutMs: SOON_MS });
    assertMatch(told.join("\n"), /another machine hosts|stops/);
    assertEquals(await bob.do("get", { path: racks[0] }), 201);

    // Everybody goes home. What stood is there the next day, from the host's own disk.
    await bob.stop();
    const nextDay = await show.seat("host", { host: true });
    await nextDay.ready();
    await nextDay.shows(`${racks[0]}`, 201);
    const there = (await nextDay.presence()).map(({ name, state }) => `${name} ${state}`);
    assertEquals(
      there.sort(),
      ["bob suspended", "host joined"],
      "who was there when it stopped may come back",
    );
  },
);

liveTest(
  "a newcomer has ten thousand objects in a moment, and the host goes on meanwhile",
  async (network) => {
    const show = new Show(network);
    const [host] = await sit(show);
    await host.do("bulk", { count: OBJECTS, prefix: "object" });
    await host.knows([`object-${OBJECTS - 1}`]);
    const late = await show.seat("late", { client: false });
    const [tookMs, wrote] = await Promise.all([
      late.do<number>("joinTimed", { path: `object-${OBJECTS - 1}` }),
      host.set("object-7", 77),
    ]);
    assertEquals(wrote.outcome, "stands");
    assert(tookMs < LATE_JOIN_MS, `everything was there after ${tookMs} ms`);
    await late.shows("object-7", 77, SOON_MS);
  },
);

async function refusal(promise: Promise<unknown>): Promise<[string | null, string]> {
  try {
    await promise;
  } catch (thrown) {
    const { reason = null, message } = thrown as { reason?: string | null; message: string };
    return [reason, message];
  }
  throw new Error("it was not refused");
}
