// What a host tells its standby: differences that make the same copy, and bytes that come back as they went.

import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import {
  CopyAssembler,
  CopyDecoder,
  CopyEncoder,
  type CopyMessage,
  type CopyPart,
  MAX_PART_BYTES,
} from "../../../../lib/state/copies/mod.ts";
import { StandbyCopy, type StandbyUpdate, StateHost } from "../../../../lib/state/host/mod.ts";
import { DECODE_PROBLEMS } from "../../../../lib/state/messages/mod.ts";
import type { PathId } from "../../../../lib/state/model/mod.ts";
import { Bench, drawing, epochOf, HOST_ID, nodeOf } from "../host/support.ts";
import { CopiedHost, type Happening, STANDBY } from "./support.ts";

const encoder = new CopyEncoder();
const decoder = new CopyDecoder();
const happenings: fc.Arbitrary<Happening[]> = fc.array(
  fc.tuple(fc.nat(11), fc.nat(4), fc.nat(60), fc.nat(5_000)),
  { minLength: 10, maxLength: 60 },
);

function bytesOf(update: StandbyUpdate): Uint8Array {
  const bytes = encoder.encodeUpdate(update);
  assert(bytes !== null, `update ${update.number} has no form`);
  return bytes;
}

/** A host at which all of this happened. */
function hostAfter(all: readonly Happening[], bench?: Bench): CopiedHost {
  const host = new CopiedHost(bench);
  for (const happening of all) host.happen(happening);
  return host;
}

/** What is true of every update: its number stands for the state, whoever counted. */
function unnumbered(update: StandbyUpdate | null): unknown {
  return update === null ? null : { ...update, number: 0 };
}

Deno.test("a copy made of differences is what the host would tell a standby that has nothing", () => {
  fc.assert(
    fc.property(happenings, (all) => {
      const host = hostAfter(all);
      assertEquals(unnumbered(host.copy.snapshot()), unnumbered(host.bench.host.snapshot()));
      assertEquals(host.copy.counters, { applied: host.updates.length, stale: 0, gaps: 0 });
      assert(host.updates.slice(1).every(({ base }) => base > 0));
      // Whoever confirms late gets the same in fewer steps.
      host.catchUp();
      assertEquals(unnumbered(host.late.snapshot()), unnumbered(host.bench.host.snapshot()));
    }),
    { numRuns: 150 },
  );
});

Deno.test("every update comes back from its bytes, and these are the only ones", () => {
  fc.assert(
    fc.property(happenings, (all) => {
      const host = hostAfter(all);
      for (const update of [...host.updates, host.bench.host.snapshot()]) {
        const bytes = bytesOf(update);
        const read = decoder.decodeUpdate(bytes);
        assertEquals<unknown>(read, update);
        assertEquals(bytesOf(read as StandbyUpdate), bytes);
      }
    }),
    { numRuns: 100 },
  );
});

Deno.test("a host that begins from a copy that travelled goes on as the one before, and can be copied again", () => {
  fc.assert(
    fc.property(happenings, happenings, (before, after) => {
      const first = hostAfter(before);
      const snapshot = first.copy.snapshot();
      assert(snapshot !== null);
      const read = decoder.decodeUpdate(bytesOf(snapshot));
      assert(typeof read !== "string");
      const bench = new Bench({ epoch: epochOf(4), from: read }, first.bench.nowUs);
      const second = hostAfter(after, bench);
      second.catchUp();
      assertEquals(unnumbered(second.copy.snapshot()), unnumbered(bench.host.snapshot()));
      assertEquals(bench.host.document.findStray(), null);
    }),
    { numRuns: 60 },
  );
});

Deno.test("tokens travel as hashes, and who had one may come back at the next host", () => {
  const first = new CopiedHost();
  const { bench } = first;
  bench.drain();
  const [welcome] = bench.join(71);
  assert(welcome?.kind === "welcome");
  first.pump();
  const snapshot = first.copy.snapshot();
  assert(snapshot !== null);
  const bytes = bytesOf(snapshot);
  const token = [...welcome.token].map(String).join();
  assert(![...bytes].map(String).join().includes(token));
  const read = decoder.decodeUpdate(bytes);
  assert(typeof read !== "string");
  const next = new Bench({ epoch: epochOf(9), from: read });
  const [again] = next.join(71, { token: welcome.token });
  assert(again?.kind === "welcome");
  assertEquals([again.resumed, again.client], [true, welcome.client]);
});

Deno.test("a grant at the next host is newer than all that the one before has given", () => {
  const first = hostAfter([[4, 0, 0, 0], [5, 0, 1, 1], [5, 0, 1, 3], [5, 0, 2, 1], [5, 0, 2, 3]]);
  const snapshot = first.copy.snapshot();
  assertEquals([snapshot?.holding?.lastGeneration, snapshot?.holding?.objects], [2, []]);
  assert(snapshot !== null);
  const read = decoder.decodeUpdate(bytesOf(snapshot));
  assert(typeof read !== "string");
  const second = hostAfter([[4, 0, 0, 0], [5, 0, 1, 1]], new Bench({ epoch: epochOf(4), from: read }));
  assertEquals(second.bench.host.holding.ownership.rows().map(({ generation }) => generation), [3]);
});

Deno.test("what happens in these tests is of every kind", () => {
  const seen = new Map<string, number>();
  const note = (what: string, is: boolean) => is && seen.set(what, (seen.get(what) ?? 0) + 1);
  for (const all of fc.sample(happenings, { numRuns: 120, seed: 3 })) {
    for (const { rows, clients, holding, paths, subsystems, base } of hostAfter(all).updates) {
      if (base === 0) continue;
      note("a path is gone", rows.some(({ definition }) => definition === null));
      note("a path is declared", rows.some(({ definition }) => definition !== null));
      note("a subsystem begins", subsystems.length > 0);
      note("a client is gone", clients.some(({ isGone }) => isGone));
      note("a client writes", holding === null && clients.length > 0 && paths.length > 0);
      note("an object is owned", holding?.objects.some(({ owner }) => owner !== 0) ?? false);
      note("an object is free", holding?.objects.some(({ owner }) => owner === 0) ?? false);
      note("a privilege", (holding?.privileged ?? 0) !== 0);
      note("something is left", holding?.clients.some(({ operations }) => operations.length > 0) ?? false);
      for (const { record } of paths) {
        for (const { standing, momentary } of record.claims) {
          note(standing, true);
          note("momentary", momentary);
        }
        note("nobody's", record.claims.length === 0);
      }
    }
  }
  const wanted = ["live", "kept", "overtaken", "released", "momentary", "nobody's"];
  for (const each of wanted) assert((seen.get(each) ?? 0) > 0, `${each} of ${[...seen].join(" ")}`);
  assert(seen.size >= 16, [...seen].join(" "));
});

Deno.test("one write among a thousand clients is an update below 1 KiB", () => {
  const host = new CopiedHost();
  const { bench } = host;
  const links = Array.from({ length: 1_000 }, (_, at) => {
    const link = host.join(at + 1);
    bench.acknowledge(link);
    return link;
  });
  bench.run(100_000);
  host.pump();
  const whole = bytesOf(bench.host.snapshot()).length;
  host.updates.length = 0;
  host.write(links[500] ?? 0, 1 as PathId, 7);
  host.pump();
  const [update] = host.updates;
  assert(update !== undefined);
  const { length } = bytesOf(update);
  assertEquals([host.updates.length, update.paths.length, update.clients.length], [1, 1, 1]);
  assertEquals([update.rows, update.subsystems, update.holding], [[], [], null]);
  assert(length < 128 && whole > 50_000, `${length} bytes of ${whole}`);
  // Who gets an object is told of alone, too.
  host.happen([5, 0, 1, 1]);
  const owned = host.updates.at(-1);
  assertEquals([owned?.holding?.clients, owned?.holding?.objects.length], [[], 1]);
  assert(owned !== undefined && bytesOf(owned).length < 1_024);
});

Deno.test("an update of an old host changes nothing, and one behind a gap is asked for again", () => {
  const old = hostAfter([[4, 0, 0, 0], [0, 0, 0, 5]]);
  const [first, ...later] = old.updates;
  const last = later.at(-1);
  assert(first !== undefined && last !== undefined && later.length > 1);
  const behind = new StandbyCopy();
  behind.handleUpdate(first);
  assertEquals([behind.handleUpdate(last), behind.counters.gaps], [null, 1]);
  const next = new Bench({ epoch: epochOf(4), from: old.bench.host.snapshot() });
  next.host.handleStandbyJoined(next.nowUs, STANDBY);
  const whole = next.host.pollStandby()?.update;
  assert(whole !== undefined);
  const copy = new StandbyCopy();
  assertEquals(copy.handleUpdate(whole), whole.number);
  const before = copy.snapshot();
  for (const update of old.updates) assertEquals(copy.handleUpdate(update), null);
  assertEquals([copy.snapshot(), copy.counters.stale], [before, old.updates.length]);
});

Deno.test("an update cut at any byte is refused, and so is one of which any bit is another, or says something else", () => {
  const host = hostAfter([[4, 0, 0, 0], [0, 0, 0, 5], [6, 0, 0, 0], [5, 0, 1, 1], [10, 0, 1, 1], [
    9,
    0,
    9,
    4,
  ]]);
  const bytes = bytesOf(host.bench.host.snapshot());
  for (let end = 0; end < bytes.length; end++) {
    assert(typeof decoder.decodeUpdate(bytes.subarray(0, end)) === "string", `${end} of ${bytes.length}`);
  }
  assertEquals(decoder.decodeUpdate(new Uint8Array([...bytes, 0])), "trailing");
  const problems = new Set<string>();
  for (let at = 0; at < bytes.length * 8; at++) {
    const flipped = bytes.slice();
    flipped[at >> 3] = (flipped[at >> 3] ?? 0) ^ (1 << (at & 7));
    const read = decoder.decodeUpdate(flipped);
    if (typeof read === "string") problems.add(read);
    else assertEquals(bytesOf(read), flipped, `bit ${at}`);
  }
  assert([...problems].every((problem) => (DECODE_PROBLEMS as readonly string[]).includes(problem)));
  assert(problems.size >= 4, [...problems].join());
});

Deno.test("random bytes are no update and no message, and a count that they do not hold makes no room", () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
      for (const read of [decoder.decodeUpdate(bytes), decoder.decode(bytes)]) {
        assert(typeof read === "string" || "kind" in read);
      }
    }),
    { numRuns: 2_000 },
  );
  // Sixty-four million rows, it says.
  const head = [1, 3, ...new Uint8Array(16), 1, 0, 0, 0x83, 0xff, 0xff, 0xff];
  assertEquals(decoder.decodeUpdate(new Uint8Array(head)), "out-of-range");
  const rows = [1, 3, ...new Uint8Array(16), 1, 0, 0, 0x80, 0x0f, 0xff, 0xff];
  assertEquals(decoder.decodeUpdate(new Uint8Array(rows)), "truncated");
});

Deno.test("what has no form is not written", () => {
  const host = hostAfter([[4, 0, 0, 0], [0, 0, 0, 5], [9, 0, 4, 4]]);
  const update = host.bench.host.snapshot();
  const [path] = update.paths;
  assert(path !== undefined);
  const look = (
    value: unknown,
  ) => [{ ...path, record: { ...path.record, look: { ...path.record.look, value } } }];
  const cyclic: Record<string, unknown> = {};
  cyclic.self = cyclic;
  for (const value of [NaN, Infinity, "x".repeat(40_000), "\ud800", undefined, cyclic, new Map(), () => 0]) {
    assertEquals(encoder.encodeUpdate({ ...update, paths: look(value) as never }), null, String(value));
  }
  const wrong: readonly Partial<StandbyUpdate>[] = [
    { number: 0 },
    { base: update.number + 1 },
    { paths: [...update.paths].reverse() },
    { paths: [path, path] },
    { rows: [...update.rows].reverse() },
    { clients: update.clients.map((client) => ({ ...client, name: "x".repeat(64) })) },
    { epoch: { term: 1, hostId: "nobody" as never } },
    { epoch: { term: 0.5, hostId: HOST_ID } },
  ];
  for (const more of wrong) {
    assertEquals(encoder.encodeUpdate({ ...update, ...more }), null, Object.keys(more)[0]);
  }
});

/** The parts of an update as they were read again. */
function partsOf(update: StandbyUpdate): CopyPart[] {
  const parts = encoder.split(update);
  assert(parts !== null);
  const read: CopyPart[] = [];
  for (let next = parts.next(); next !== null; next = parts.next()) {
    assert(next.length <= MAX_PART_BYTES);
    const message = decoder.decode(next);
    assert(typeof message !== "string" && message.kind === "part", String(message));
    read.push(message);
  }
  assertEquals(parts.remaining, 0);
  return read;
}

/** A host with so much that it has to be split. */
function largeHost(): CopiedHost {
  const host = new CopiedHost();
  for (let at = 0; at < 3_000; at++) {
    host.define(`wall-${at % 40}/object-${at}/hue`, 0, {
      description: `the hue of object ${at} of the wall, as seen`,
    });
  }
  host.pump();
  return host;
}

Deno.test("an update of any size travels in parts of at most 60 KiB, which are put together again", () => {
  const host = largeHost();
  const update = host.bench.host.snapshot();
  const parts = partsOf(update);
  assert(parts.length >= 4, `${parts.length} parts`);
  const assembler = new CopyAssembler();
  const results = parts.map((part) => assembler.handlePart(part));
  const whole = results.pop();
  assert(whole instanceof Uint8Array);
  assertEquals([new Set(results), assembler.pending], [new Set(["more"]), 0]);
  assertEquals(decoder.decodeUpdate(whole), update);
  const [small] = partsOf(host.updates[0] ?? update);
  assert(small !== undefined);
  const once = assembler.handlePart(small);
  assert(once instanceof Uint8Array);
  assertEquals(decoder.decodeUpdate(once), host.updates[0]);
  assertEquals(assembler.counters, { whole: 2, broken: 0, replaced: 0 });
});

Deno.test("an update with a part missing is broken off once, and the next one is taken", () => {
  const update = largeHost().bench.host.snapshot();
  const assembler = new CopyAssembler();
  const parts = partsOf(update);
  const told = parts.filter((_, at) => at !== 1).map((part) => assembler.handlePart(part));
  assertEquals(told, ["more", "gap", ...parts.slice(3).map(() => "skipped" as const)]);
  assertEquals(assembler.pending, 0);
  const again = partsOf(update).map((part) => assembler.handlePart(part));
  assert(again.at(-1) instanceof Uint8Array);
  // One that begins while another is on its way takes its place.
  const [first] = partsOf(update);
  assert(first !== undefined);
  assembler.handlePart(first);
  assert(partsOf(update).map((part) => assembler.handlePart(part)).at(-1) instanceof Uint8Array);
  assertEquals(assembler.counters, { whole: 2, broken: 1, replaced: 1 });
});

Deno.test("an assembler keeps no more than it may and no more than has come, whatever a part says", () => {
  const part = (more: Partial<CopyPart>): CopyPart => ({
    kind: "part",
    serial: 1,
    at: 0,
    total: null,
    isLast: false,
    bytes: new Uint8Array(10),
    ...more,
  });
  const assembler = new CopyAssembler(100);
  assertEquals(assembler.handlePart(part({ total: 101 })), "too-large");
  assertEquals(assembler.handlePart(part({ at: 10 })), "skipped");
  assertEquals(assembler.handlePart(part({ serial: 2, total: 100 })), "more");
  assertEquals(assembler.handlePart(part({ serial: 2, at: 10, bytes: new Uint8Array(91) })), "length");
  assertEquals(assembler.handlePart(part({ serial: 3, total: 20, isLast: true })), "length");
  assertEquals(assembler.handlePart(part({ serial: 4, total: 10 })), "length");
  assertEquals(assembler.handlePart(part({ serial: 5, at: 10 })), "gap");
  assertEquals(assembler.pending, 0);
  const huge = new CopyAssembler();
  assertEquals([huge.handlePart(part({ total: 64 * 1_024 * 1_024 })), huge.pending], ["more", 10]);
  huge.reset();
  assertEquals([huge.handlePart(part({ at: 10 })), huge.pending], ["gap", 0]);
});

Deno.test("confirmations, questions and answers come back, and nothing else is one", () => {
  const epoch = { term: 5, hostId: nodeOf(7) };
  const messages: CopyMessage[] = [
    { kind: "confirmation", epoch, number: 300 },
    { kind: "confirmation", epoch, number: null },
    { kind: "question", epoch: null, number: 0, wants: true },
    { kind: "question", epoch, number: 0, wants: false },
    { kind: "question", epoch, number: 9, wants: true },
    { kind: "answer", epoch: null, number: 0 },
    { kind: "answer", epoch, number: 2 ** 40 },
    { kind: "part", serial: 70_000, at: 0, total: 12, isLast: false, bytes: new Uint8Array([1, 2]) },
    { kind: "part", serial: 1, at: 10, total: null, isLast: true, bytes: new Uint8Array([3]) },
  ];
  for (const message of messages) {
    const bytes = encoder.encode(message)?.slice();
    assert(bytes !== undefined);
    assertEquals(decoder.decode(bytes), message);
    for (let end = 0; end < bytes.length; end++) {
      const read = decoder.decode(bytes.subarray(0, end));
      assert(typeof read === "string" || read.kind === "part", `${message.kind} ${end}`);
    }
    if (message.kind !== "part") assertEquals(decoder.decode(new Uint8Array([...bytes, 0])), "trailing");
    assertEquals(
      decoder.decode(new Uint8Array([(bytes[0] ?? 0) | 0x80, ...bytes.subarray(1)])),
      "out-of-range",
    );
  }
  assertEquals(decoder.decode(new Uint8Array([31])), "unknown-kind");
  assertEquals(decoder.decode(new Uint8Array(MAX_PART_BYTES + 1)), "trailing");
  for (const wrong of [{ number: 0 }, { number: -1 }, { number: 0.5 }]) {
    assertEquals(encoder.encode({ kind: "confirmation", epoch, ...wrong }), null);
  }
  assertEquals(encoder.encode({ kind: "question", epoch: null, number: 3, wants: false }), null);
  assertEquals(
    encoder.encode({ kind: "part", serial: 1, at: 0, total: 1, isLast: true, bytes: new Uint8Array(0) }),
    null,
  );
});

Deno.test("a host from a copy whose holding says nothing lets nobody back in, and goes on", () => {
  const host = hostAfter([[4, 0, 0, 0], [0, 0, 0, 5]]);
  const update = { ...host.bench.host.snapshot(), holding: null };
  const read = decoder.decodeUpdate(bytesOf(update));
  assert(typeof read !== "string");
  const next = new StateHost(1_000_000, { epoch: epochOf(8), random: drawing(), from: read });
  assertEquals([next.holding.clients.size, next.document.findStray()], [0, null]);
});
