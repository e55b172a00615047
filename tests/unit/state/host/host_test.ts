import { assert, assertEquals } from "@std/assert";
import type { ClientNumber, ClientSequence, PathId } from "../../../../lib/state/model/mod.ts";
import type { PatchMessage, SetMessage, StateMessage } from "../../../../lib/state/messages/mod.ts";
import type { LinkNumber } from "../../../../lib/state/holding/mod.ts";
import { StandbyCopy } from "../../../../lib/state/host/mod.ts";
import { isRefusal } from "../../../../lib/state/schema/mod.ts";
import { Bench, epochOf, helloOf, parameter, peerOf } from "./support.ts";

/** A path at the host. */
function define(bench: Bench, path: string, fields: Parameters<typeof parameter>[1] = {}): PathId {
  const defined = bench.host.define(bench.nowUs, parameter(path, fields));
  assert(!isRefusal(defined));
  return defined.id;
}

/** A write of numbers. */
function setOf(sequence: number, values: readonly (readonly [PathId, number])[], priority = 100): SetMessage {
  return {
    kind: "set",
    term: 1,
    sequence: sequence as ClientSequence,
    priority,
    take: false,
    momentary: false,
    generation: null,
    entries: values.map(([id, value]) => ({ id, type: "f32", value, winner: null })),
  };
}

function patchesTo(said: { to: number; message: StateMessage }[], link: number): PatchMessage[] {
  return said.flatMap(({ to, message }) => to === link && message.kind === "patch" ? [message] : []);
}

Deno.test("a client is welcomed, gets everything whole, writes, and is told and acknowledged in one patch", () => {
  const bench = new Bench();
  const hue = define(bench, "aurora/hue");
  const [welcome, privilege, ...chunks] = bench.join(1);
  assertEquals(privilege?.kind, "priv");
  assert(welcome?.kind === "welcome");
  assertEquals([welcome.client, welcome.resumed, welcome.ack.single], [1 as ClientNumber, false, true]);
  assertEquals(
    welcome.plans.filter(({ chunks }) => chunks > 0).map((
      { name, version, chunks },
    ) => [name, version, chunks]),
    [["dict", 1, 1], ["params", 1, 1]],
  );
  assertEquals(chunks.map(({ kind }) => kind), ["chunk", "chunk"]);
  const [book, params] = chunks;
  assert(book?.kind === "chunk" && params?.kind === "chunk");
  assertEquals([book.subsystem, params.subsystem], [0, 4]);
  assertEquals(params.entries, [{ id: hue, type: "f32", value: 0, winner: null }]);

  bench.say(1, setOf(1, [[hue, 0.5]]));
  const [patch, ...more] = patchesTo(bench.drain(), 1);
  assert(patch !== undefined);
  assertEquals(more, []);
  assertEquals([patch.base, patch.version, patch.ack], [1, 2, { sequence: 1, single: true }]);
  assertEquals(patch.entries, [{
    id: hue,
    type: "f32",
    value: 0.5,
    winner: { holder: 1 as ClientNumber, priority: 100 },
  }]);
  assertEquals(bench.host.document.findStray(), null);
});

Deno.test("a write that comes twice takes effect once and is acknowledged twice", () => {
  const bench = new Bench();
  const hue = define(bench, "aurora/hue");
  bench.join(1);
  bench.say(1, setOf(1, [[hue, 1]]));
  bench.drain();
  bench.say(1, setOf(1, [[hue, 9]]));
  const acks = patchesTo(bench.run(100_000), 1).map(({ ack, entries }) => [ack?.sequence, entries.length]);
  assertEquals(acks, [[1, 0]]);
  assertEquals(bench.host.document.entryOf(hue)?.value, 1);
  assertEquals(bench.host.counters.duplicates, 1);
});

Deno.test("writes that overtake each other within a batch take effect in order; a gap is refused when the batch is over", () => {
  const bench = new Bench();
  const hue = define(bench, "aurora/hue");
  bench.join(1);
  bench.say(1, setOf(2, [[hue, 2]]));
  bench.say(1, setOf(1, [[hue, 1]]));
  assertEquals(bench.host.document.entryOf(hue)?.value, 2);
  bench.say(1, setOf(5, [[hue, 5]]));
  const [nack] = bench.drain().filter(({ message }) => message.kind === "nack");
  assert(nack?.message.kind === "nack");
  assertEquals([nack.message.sequence, nack.message.code], [5, "order"]);
  assertEquals([bench.host.document.entryOf(hue)?.value, bench.host.counters.outOfOrder], [2, 1]);
});

Deno.test("the same value of the same holder is no change and has no version", () => {
  const bench = new Bench();
  const hue = define(bench, "aurora/hue");
  bench.join(1);
  bench.say(1, setOf(1, [[hue, 0.1]]));
  const version = bench.host.document.entryOf(hue)?.version;
  bench.drain();
  bench.nowUs += 1_000_000;
  // 0.1 is no f32: both writes come to the same one.
  bench.say(1, setOf(2, [[hue, Math.fround(0.1)]]));
  assertEquals(bench.host.document.entryOf(hue)?.version, version);
  assertEquals(patchesTo(bench.run(50_000), 1).map(({ entries, ack }) => [entries.length, ack?.sequence]), [[
    0,
    2,
  ]]);
});

Deno.test("patches come at once after a pause, then every 33 ms, with a digest every second and beats when all is still", () => {
  const bench = new Bench();
  const hue = define(bench, "aurora/hue");
  bench.join(1);
  bench.acknowledge(1);
  bench.run(2_000_000);
  const times: number[] = [];
  let digests = 0;
  const startUs = bench.nowUs;
  for (let value = 1; value <= 200; value++) {
    bench.host.write(bench.nowUs, hue, value, 100);
    const untilUs = startUs + value * 10_000;
    for (const patch of patchesTo(bench.drain(), 1)) {
      times.push(bench.nowUs - startUs);
      if (patch.digest !== null) digests++;
    }
    while ((bench.host.deadline()?.atUs ?? Infinity) <= untilUs) {
      bench.nowUs = bench.host.deadline()?.atUs ?? untilUs;
      bench.host.handleDeadline(bench.nowUs);
      for (const patch of patchesTo(bench.drain(), 1)) {
        times.push(bench.nowUs - startUs);
        if (patch.digest !== null) digests++;
      }
      // Acknowledged at once: a client that follows.
      bench.acknowledge(1);
    }
    bench.nowUs = untilUs;
  }
  assertEquals(times[0], 0);
  // One may come 10 ms early, for a writer at just this rhythm whose writes arrive unevenly; the rate is kept from any on.
  for (let at = 1; at < times.length; at++) {
    for (let from = 0; from < at; from++) {
      assert((times[at] ?? 0) - (times[from] ?? 0) >= 33_333 * (at - from) - 10_000);
    }
  }
  assert(times.length >= 55 && times.length <= 61, `${times.length} patches in two seconds`);
  assertEquals(digests, 2);
  const beats = bench.run(11_100_000).filter(({ message }) => message.kind === "beat");
  assertEquals(beats.length, 3);
  const [beat] = beats;
  assert(beat?.message.kind === "beat");
  assertEquals(beat.message.versions.every(({ digest }) => digest !== null), true);
});

Deno.test("a resync is answered by the difference or the whole, under its nonce, and not twice at once", () => {
  const bench = new Bench();
  const ids = Array.from({ length: 40 }, (_, at) => define(bench, `wall/object-${at}`));
  const [first = 0 as PathId] = ids;
  bench.join(1);
  bench.run(1_000_000);
  bench.host.write(bench.nowUs, first, 7, 100);
  bench.run(100_000);
  const resync = (have: number, nonce: number) => {
    bench.say(1, {
      kind: "resync",
      term: 1,
      subsystem: 4 as never,
      have: have as never,
      nonce,
      reason: "gap",
      digest: null,
      buckets: [],
    });
    return bench.drain().map(({ message }) => message);
  };
  const [difference] = resync(40, 77);
  assert(difference?.kind === "patch");
  assertEquals([difference.base, difference.version, difference.nonce, difference.entries.length], [
    40,
    41,
    77,
    1,
  ]);
  assertEquals(resync(40, 78), []);
  assertEquals(bench.host.counters.resyncsTooSoon, 1);
  bench.nowUs += 300_000;
  const [whole] = resync(3, 79);
  assert(whole?.kind === "chunk");
  assertEquals([whole.version, whole.nonce, whole.entries.length, whole.digest !== null], [41, 79, 40, true]);
});

Deno.test("a deleted path is told of for a minute and until everybody knows; who comes from before gets the whole", () => {
  const bench = new Bench();
  const ids = Array.from({ length: 20 }, (_, at) => define(bench, `wall/object-${at}`));
  const [gone = 0 as PathId] = ids;
  bench.run(1_000_000);
  assert(bench.host.retire(bench.nowUs, gone));
  const log = bench.host.document.log(4 as never);
  assert(log !== null);
  assertEquals([log.tombstones, log.horizon], [1, 0]);
  bench.run(59_000_000);
  assertEquals(log.tombstones, 1);
  bench.run(2_000_000);
  assertEquals([log.tombstones, log.horizon, log.size], [0, 21, 19]);
  // A difference from before would not tell that it is gone.
  bench.join(1);
  bench.acknowledge(1);
  bench.say(1, {
    kind: "resync",
    term: 1,
    subsystem: 4 as never,
    have: 20 as never,
    nonce: 1,
    reason: "behind",
    digest: null,
    buckets: [],
  });
  const [answer] = bench.drain();
  assertEquals(answer?.message.kind, "chunk");
});

Deno.test("what belongs to another reign has no effect, and a newer one is reported", () => {
  const bench = new Bench({ epoch: { ...epochOf(5) } });
  const hue = define(bench, "aurora/hue");
  bench.join(1);
  for (const term of [4, 6]) bench.say(1, { ...setOf(1, [[hue, 1]]), term });
  const codes = bench.drain().flatMap(({ message }) => message.kind === "nack" ? [message.code] : []);
  assertEquals(codes, ["epoch", "epoch"]);
  assertEquals(bench.host.document.entryOf(hue)?.value, 0);
  const kinds: string[] = [];
  for (let event = bench.host.pollEvent(); event !== null; event = bench.host.pollEvent()) {
    kinds.push(event.kind);
  }
  assertEquals(kinds, ["joined", "newer-term"]);
});

Deno.test("a difference larger than a message comes as several patches that follow each other", () => {
  const bench = new Bench();
  const notes = Array.from(
    { length: 60 },
    (_, at) => define(bench, `notes/n-${at}`, { type: "text", default: "", min: null, max: 4_000 }),
  );
  bench.join(1);
  bench.acknowledge(1);
  bench.run(1_000_000);
  for (const id of notes) bench.host.write(bench.nowUs, id, "x".repeat(3_900), 100);
  const patches = patchesTo(bench.drain(), 1);
  assert(patches.length > 3);
  for (let at = 1; at < patches.length; at++) assertEquals(patches[at]?.base, patches[at - 1]?.version);
  assertEquals(patches.reduce((sum, { entries }) => sum + entries.length, 0), 60);
});

Deno.test("structure is changed by the privileged client alone, all or nothing", () => {
  const bench = new Bench();
  bench.join(1);
  const transaction = (sequence: number, generation: number | null, paths: string[]) => {
    bench.say(1, {
      kind: "tx",
      term: 1,
      sequence: sequence as ClientSequence,
      generation,
      guards: [],
      definitions: paths.map((path) => parameter(path)),
      entries: [],
    });
    return bench.drain().flatMap(({ message }) => message.kind === "nack" ? [message.code] : []);
  };
  assertEquals(transaction(1, null, ["aurora/a"]), ["privilege"]);
  bench.say(1, {
    kind: "priv",
    term: 1,
    action: "request",
    request: 1,
    state: "none",
    holder: 0 as ClientNumber,
    generation: 0,
    other: 0 as ClientNumber,
    leftUs: 0,
    text: "",
  });
  const granted = bench.drain().find(({ message }) =>
    message.kind === "priv" && message.action === "granted"
  );
  assert(granted?.message.kind === "priv");
  const { generation } = granted.message;
  assertEquals(transaction(2, generation, ["aurora/a", "aurora/b"]), []);
  assertEquals(bench.host.document.book.size, 2);
  bench.say(1, {
    kind: "tx",
    term: 1,
    sequence: 3 as ClientSequence,
    generation,
    guards: [{ on: "subsystem", subsystem: 4 as never, version: 99 as never }],
    definitions: [parameter("aurora/c")],
    entries: [],
  });
  const codes = bench.drain().flatMap(({ message }) => message.kind === "nack" ? [message.code] : []);
  assertEquals([codes, bench.host.document.book.size], [["version"], 2]);
});

Deno.test("a writer at the rhythm of patches whose writes come unevenly waits for none of them", () => {
  const bench = new Bench();
  const hue = define(bench, "aurora/hue");
  bench.join(1);
  bench.acknowledge(1);
  bench.run(1_000_000);
  const startUs = bench.nowUs;
  let late = 0;
  for (let frame = 1; frame <= 300; frame++) {
    // Every seventh is eight milliseconds late.
    bench.run(startUs + frame * 33_334 + (frame % 7 === 0 ? 8_000 : 0) - bench.nowUs);
    bench.host.write(bench.nowUs, hue, frame, 100);
    if (patchesTo(bench.drain(), 1).length === 0) late++;
    bench.acknowledge(1);
  }
  assertEquals(late, 0);
});

Deno.test("a write that waits for its rate is not lost with its client", () => {
  const bench = new Bench();
  const hue = define(bench, "aurora/hue");
  bench.join(1);
  for (let sequence = 1; sequence <= 3; sequence++) bench.say(1, setOf(sequence, [[hue, sequence]]));
  assertEquals(bench.host.document.entryOf(hue)?.value, 2);
  bench.host.handleLeft(bench.nowUs, 1 as LinkNumber);
  assertEquals(bench.host.document.entryOf(hue)?.value, 3);
  bench.run(1_000_000);
  assertEquals(bench.host.document.entryOf(hue)?.value, 3);
});

Deno.test("a write is not acknowledged before the patch with its effect", () => {
  const bench = new Bench();
  const hue = define(bench, "aurora/hue", { rate: "slow" });
  bench.join(1);
  bench.acknowledge(1);
  bench.run(1_000_000);
  bench.say(1, setOf(1, [[hue, 1]]));
  assertEquals(patchesTo(bench.drain(), 1).map(({ ack }) => Number(ack?.sequence)), [1]);
  bench.acknowledge(1);
  bench.say(1, setOf(2, [[hue, 2]]));
  assertEquals(patchesTo(bench.run(89_000), 1), []);
  const [patch] = patchesTo(bench.run(20_000), 1);
  assertEquals([patch?.entries[0]?.value, patch?.ack?.sequence], [2, 2]);
});

Deno.test("the definition of a path comes before its value, also when its own rhythm would be later", () => {
  const bench = new Bench();
  bench.join(1);
  bench.run(1_000_000);
  define(bench, "aurora/hue");
  const subsystems = () => patchesTo(bench.drain(), 1).map(({ subsystem }) => Number(subsystem));
  assertEquals(subsystems(), [0, 4]);
  bench.acknowledge(1);
  bench.nowUs += 1_000;
  define(bench, "cue/one", { subsystem: "cues" });
  assertEquals(subsystems(), [0, 6]);
});

Deno.test("a standby takes no update behind a gap, and none of an older host", () => {
  const bench = new Bench({ epoch: epochOf(3) });
  const hue = define(bench, "aurora/hue");
  const standby = 99 as LinkNumber;
  assert(bench.host.handleStandbyJoined(bench.nowUs, standby));
  const whole = bench.host.pollStandby()?.update;
  assert(whole !== undefined);
  assertEquals([whole.base, bench.host.pollStandby()], [0, null]);
  bench.host.handleStandbyConfirmed(bench.nowUs, standby, whole.number);
  bench.host.write(bench.nowUs, hue, 4, 100);
  const next = bench.host.pollStandby()?.update;
  assert(next !== undefined);
  assertEquals([next.base, next.paths.length, next.rows.length], [whole.number, 1, 0]);
  const copy = new StandbyCopy();
  assertEquals(copy.handleUpdate(next), null);
  assertEquals([copy.handleUpdate(whole), copy.handleUpdate(next)], [whole.number, next.number]);
  assertEquals(copy.handleUpdate({ ...whole, epoch: epochOf(2) }), null);
  assertEquals(copy.counters, { applied: 2, stale: 1, gaps: 1 });
  bench.host.handleStandbyConfirmed(bench.nowUs, standby, next.number);
  bench.host.write(bench.nowUs, hue, 5, 100);
  const last = bench.host.pollStandby()?.update;
  assert(last !== undefined);
  const behind = new StandbyCopy();
  assertEquals([behind.handleUpdate(whole), behind.handleUpdate(last)], [whole.number, null]);
  assertEquals(copy.snapshot()?.paths.map(({ id, record }) => [id, record.claims[0]?.value]), [[hue, 4]]);
});

Deno.test("a welcome acknowledges no less than what was acknowledged before", () => {
  const bench = new Bench();
  const hue = define(bench, "aurora/hue");
  const [welcome] = bench.join(1);
  assert(welcome?.kind === "welcome");
  bench.acknowledge(1);
  const standby = 99 as LinkNumber;
  bench.host.handleStandbyJoined(bench.nowUs, standby);
  bench.host.handleStandbyConfirmed(bench.nowUs, standby, bench.host.pollStandby()?.update.number ?? null);
  bench.say(1, setOf(1, [[hue, 1]]));
  const update = bench.host.pollStandby()?.update;
  assert(update !== undefined);
  bench.say(1, setOf(2, [[hue, 2]]));
  const acks = patchesTo(bench.run(1_200_000), 1).flatMap(({ ack }) => ack === null ? [] : [ack]);
  assertEquals(acks, [{ sequence: 2 as ClientSequence, single: true }]);
  bench.host.handleStandbyConfirmed(bench.nowUs, standby, update.number);
  bench.host.handleLeft(bench.nowUs, 1 as LinkNumber);
  bench.host.handleJoined(bench.nowUs, 2 as LinkNumber, peerOf(1));
  bench.say(2, helloOf({ token: welcome.token }));
  const [again] = bench.drain();
  assert(again?.message.kind === "welcome");
  assertEquals([again.message.resumed, again.message.ack.sequence], [true, 2]);
});

Deno.test("at most sixteen clients receive the whole at a time; the others are welcomed in their turn", () => {
  const bench = new Bench();
  define(bench, "aurora/hue");
  for (let link = 1; link <= 20; link++) {
    bench.host.handleJoined(bench.nowUs, link as LinkNumber, peerOf(link));
    bench.say(link, helloOf());
  }
  assertEquals([bench.host.counters.welcomes, bench.host.counters.waitedTransfers], [16, 4]);
  const welcomed = bench.drain().filter(({ message }) => message.kind === "welcome").map(({ to }) =>
    Number(to)
  );
  assertEquals(welcomed.sort((a, b) => a - b), Array.from({ length: 20 }, (_, at) => at + 1));
});

Deno.test("who would follow a lost holder is asked for a sign of life", () => {
  const bench = new Bench();
  const hue = define(bench, "aurora/hue", { onLoss: "fallback" });
  bench.join(1);
  bench.join(2);
  bench.say(1, setOf(1, [[hue, 1]], 150));
  bench.say(2, setOf(1, [[hue, 2]]));
  bench.drain();
  bench.host.handleLeft(bench.nowUs, 1 as LinkNumber);
  const beats = bench.drain().filter(({ to, message }) => Number(to) === 2 && message.kind === "beat");
  assertEquals([beats.length, bench.host.counters.probes, bench.host.document.entryOf(hue)?.value], [
    1,
    1,
    1,
  ]);
  bench.acknowledge(2);
  assertEquals(bench.host.document.entryOf(hue)?.value, 2);
});

Deno.test("a group of displays does not change by a plain write, of which the last would win", () => {
  const bench = new Bench();
  const defined = bench.host.define(
    bench.nowUs,
    parameter("groups/wall", {
      type: "json",
      subsystem: "groups",
      default: { name: "wall" },
      min: null,
      max: null,
    }),
  );
  assert("id" in defined);
  bench.join(1);
  bench.acknowledge(1);
  bench.say(1, {
    kind: "set",
    term: 1,
    sequence: 1 as ClientSequence,
    priority: 200,
    take: false,
    momentary: false,
    generation: null,
    entries: [{ id: defined.id, type: "json", value: { name: "mine" }, winner: null }],
  });
  const nacks = bench.run(100_000).flatMap(({ message }) => message.kind === "nack" ? [message.code] : []);
  assertEquals(nacks, ["version"]);
  assertEquals(bench.host.document.entryOf(defined.id)?.value, { name: "wall" });
});
