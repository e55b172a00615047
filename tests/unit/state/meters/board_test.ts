// What the board takes of sources and gives to clients.

import { assert, assertEquals, assertThrows } from "@std/assert";
import { HanaError } from "../../../../lib/base/mod.ts";
import {
  MAX_METER_CLIENTS,
  MAX_METER_PACKET_BYTES,
  MAX_METER_SOURCES,
  METER_DROP_US,
  METER_PERIOD_US,
  MeterBoard,
  type MeterIndex,
} from "../../../../lib/state/meters/mod.ts";
import { KeptLane, namesOf, sectionsOf, sourceOf, Stage } from "./support.ts";

/** A board with sources of some sizes whose tables it has. */
function boardOf(nowUs: number, sizes: readonly number[]) {
  const board = new MeterBoard();
  const sources = sizes.map((size, i) => {
    const lane = new KeptLane();
    const name = `node-${i}`;
    const number = board.addSource(nowUs, name);
    const made = sourceOf(lane, namesOf(size));
    return { ...made, lane, number, name };
  });
  const say = (atUs: number, value: number) => {
    for (const { source, at, lane, number } of sources) {
      source.set(at[0] as MeterIndex, value);
      source.handleTimeout(atUs);
      for (const bytes of lane.take()) board.handlePacket(atUs, number, bytes);
    }
  };
  say(nowUs, 1);
  for (const { source, number } of sources) board.handleTable(number, source.table.meters);
  return { board, sources, say };
}

Deno.test("the names of a source are asked of it before anything of it is shown, again with growing pauses", () => {
  const board = new MeterBoard();
  const lane = new KeptLane();
  const client = new KeptLane();
  const { source, at } = sourceOf(lane, ["fps"]);
  const number = board.addSource(0, "wall");
  board.addClient(1, client);
  board.subscribe(1, [""]);
  source.set(at[0] as MeterIndex, 0.5);
  source.handleTimeout(0);
  for (const bytes of lane.take()) assertEquals(board.handlePacket(0, number, bytes), null);
  board.handleTimeout(0);
  assertEquals(client.take().length, 0, "no client could name it");
  assertEquals(board.tell(0, []), { sources: [], more: false, numbers: [] });
  assertEquals(board.pollTimeout()?.reason, "ask");
  assertEquals(board.pollAsk(0), number);
  assertEquals(board.pollAsk(199_999), 0);
  assertEquals(board.pollAsk(200_000), number);
  assert(!board.handleTable(number, []), "the table of something else");
  assert(!board.handleTable(number, [{ name: "A", unit: null, min: null, max: null }]), "no table");
  assert(board.handleTable(number, source.table.meters));
  assertEquals(board.pollAsk(10_000_000), 0);
  board.handleTimeout(300_000);
  assertEquals(sectionsOf(client.take()).map(({ source, values, ageMs }) => [source, values, ageMs]), [
    [number, [0.5], 300],
  ]);
});

Deno.test("three large sources are three packets of at most 1,200 bytes, many small ones share one", () => {
  const large = boardOf(0, [256, 256, 200]);
  const small = boardOf(0, Array.from({ length: 40 }, () => 2));
  for (const [{ board, sources }, packets] of [[large, 3], [small, 1]] as const) {
    const client = new KeptLane();
    board.addClient(1, client);
    board.subscribe(1, [""]);
    board.handleTimeout(1_000);
    const sent = client.take();
    assertEquals(sent.length, packets);
    for (const bytes of sent) assert(bytes.length <= MAX_METER_PACKET_BYTES);
    assertEquals(sectionsOf(sent).map(({ source }) => source), sources.map(({ number }) => number));
  }
});

Deno.test("a client gets what is at or below its prefixes, the shortest run of columns that has it", () => {
  const board = new MeterBoard();
  const lane = new KeptLane();
  const { source } = sourceOf(lane, ["fps", "audio/left", "audio/right", "audiology", "gpu/load"]);
  const number = board.addSource(0, "Bühne");
  source.handleTimeout(0);
  for (const bytes of lane.take()) board.handlePacket(0, number, bytes);
  board.handleTable(number, source.table.meters);
  const cases: readonly (readonly [readonly string[], readonly (readonly [number, number])[]])[] = [
    [["Bühne/audio"], [[1, 2]]],
    [["Bühne"], [[0, 5]]],
    [[""], [[0, 5]]],
    [["Bühne/fps", "Bühne/audio/left"], [[0, 2]]],
    [["Bühne/gpu/load", "other"], [[4, 1]]],
    [["Bühn"], []],
    [["wall"], []],
    [[], []],
  ];
  for (const [prefixes, expected] of cases) {
    const client = new KeptLane();
    board.addClient(1, client);
    board.subscribe(1, prefixes);
    board.handleTimeout(0);
    const sections = sectionsOf(client.take());
    assertEquals(sections.map(({ first, values }) => [first, values.length]), expected.map((e) => [...e]));
  }
});

Deno.test("a client gets 30 turns a second, or as many as it wants, the first one at once", () => {
  const { board, say } = boardOf(0, [4]);
  const lanes = [30, 10, 1].map((maxHz, i) => {
    const lane = new KeptLane();
    board.addClient(i, lane);
    board.subscribe(i, ["node-0"], maxHz);
    return lane;
  });
  const counts = [0, 0, 0];
  for (let nowUs = 0; nowUs < 3_000_000; nowUs += 1_000) {
    say(nowUs, nowUs);
    board.handleTimeout(nowUs);
    lanes.forEach((lane, i) => {
      counts[i] = (counts[i] as number) + lane.take().length;
    });
  }
  const [fast, slow, rare] = counts as [number, number, number];
  assert(fast >= 85 && fast <= 90, `${fast}`);
  assert(slow >= 26 && slow <= 30, `${slow}`);
  assertEquals(rare, 3);
});

Deno.test("a client whose lane is blocked for a minute gets the newest frame alone, and others are not delayed", () => {
  const { board, say } = boardOf(0, [8, 8]);
  const [slow, quick] = [new KeptLane(), new KeptLane()];
  board.addClient(1, slow);
  board.addClient(2, quick);
  board.subscribe(1, [""]);
  board.subscribe(2, [""]);
  slow.isWritable = false;
  let quickly = 0;
  let last = 0;
  for (let nowUs = 0; nowUs < 60_000_000; nowUs += METER_PERIOD_US) {
    say(nowUs, last = nowUs);
    board.handleTimeout(nowUs);
    quickly += quick.take().length;
  }
  assert(quickly > 1_700, `${quickly}`);
  assertEquals(slow.take().length, 0);
  assert(board.counters.blocked > 1_700);
  slow.isWritable = true;
  board.handleTimeout(60_100_000);
  const sent = slow.take();
  assertEquals(sent.length, 1, "both sources in one packet");
  assertEquals(sectionsOf(sent).map(({ values }) => values[0]), [last, last].map(Math.fround));
});

Deno.test("a lane that takes one packet a turn gets every source in turn", () => {
  const { board, sources, say } = boardOf(0, [256, 256, 256, 256]);
  const lane = new KeptLane();
  lane.room = 1;
  board.addClient(1, lane);
  board.subscribe(1, [""]);
  const seen = new Map<number, number>();
  for (let nowUs = METER_PERIOD_US; nowUs < 4_000_000; nowUs += METER_PERIOD_US) {
    say(nowUs, nowUs);
    board.handleTimeout(nowUs);
    for (const { source } of sectionsOf(lane.take())) seen.set(source, (seen.get(source) ?? 0) + 1);
  }
  assertEquals([...seen.keys()].sort(), sources.map(({ number }) => number).sort());
  const counts = [...seen.values()];
  assert(Math.max(...counts) - Math.min(...counts) <= 1, `${counts}`);
});

Deno.test("a source that is silent for a minute is dropped, and may come back under its name", () => {
  const stage = new Stage();
  stage.run(100_000);
  stage.source.set(stage.at[0] as MeterIndex, 0.5);
  stage.run(100_000);
  assertEquals(stage.seen("audio/left"), 0.5);
  const heardUs = stage.nowUs;
  assertEquals(stage.board.tell(heardUs + 2_400_000, []).sources[0]?.stale, false);
  assertEquals(stage.board.tell(heardUs + 2_600_001, []).sources[0]?.stale, true);
  stage.board.handleTimeout(heardUs + METER_DROP_US);
  assertEquals(stage.board.tell(heardUs, []).sources, []);
  assertEquals(stage.board.counters.dropped, 1);
  const again = stage.board.addSource(heardUs + METER_DROP_US, stage.name);
  assert(again > stage.number, "numbers are not used again at once");
});

Deno.test("a source that comes back counts from one, and is heard at once", () => {
  const { board, sources: [first] } = boardOf(0, [2]);
  assert(first !== undefined);
  const client = new KeptLane();
  board.addClient(1, client);
  board.subscribe(1, [""]);
  for (let i = 1; i <= 5; i++) {
    first.source.set(first.at[1] as MeterIndex, i);
    first.source.handleTimeout(i * 40_000);
    for (const bytes of first.lane.take()) board.handlePacket(i * 40_000, first.number, bytes);
    board.handleTimeout(i * 40_000);
  }
  client.take();
  assertEquals(board.addSource(300_000, first.name), first.number);
  const lane = new KeptLane();
  const { source, at } = sourceOf(lane, namesOf(2));
  source.set(at[1] as MeterIndex, 0.75);
  source.handleTimeout(300_000);
  for (const bytes of lane.take()) board.handlePacket(300_000, first.number, bytes);
  board.handleTimeout(300_000);
  assertEquals(sectionsOf(client.take()).map(({ values }) => values), [[0, 0.75]]);
});

Deno.test("a source speaks for itself alone, of all its meters at once, and not twice", () => {
  const { board, sources: [first] } = boardOf(0, [2]);
  assert(first !== undefined);
  const client = new KeptLane();
  board.addClient(1, client);
  board.subscribe(1, [""]);
  board.handleTimeout(0);
  const [packet] = client.take();
  assert(packet !== undefined);
  assertEquals(board.handlePacket(0, first.number, packet), "range", "what the board itself sends");
  assertEquals(board.handlePacket(0, first.number, packet.subarray(0, 9)), "truncated");
  assertEquals(board.counters.malformed, 2);
  first.source.set(first.at[0] as MeterIndex, 9);
  first.source.handleTimeout(50_000);
  const [bytes] = first.lane.take();
  assert(bytes !== undefined);
  board.handlePacket(50_000, first.number, bytes);
  board.handlePacket(50_001, first.number, bytes);
  assertEquals([board.counters.frames, board.counters.late], [2, 1]);
  assertEquals(board.handlePacket(0, 999, bytes), null, "a source that is not there");
});

Deno.test("sources and clients beyond the bounds are refused and counted, prefixes that are none say why", () => {
  const board = new MeterBoard();
  for (let i = 0; i < MAX_METER_SOURCES; i++) assert(board.addSource(0, `node-${i}`) > 0);
  assertEquals(board.addSource(0, "one-more"), 0);
  for (let i = 0; i < MAX_METER_CLIENTS; i++) assert(board.addClient(i, new KeptLane()));
  assert(!board.addClient(MAX_METER_CLIENTS, new KeptLane()));
  assertEquals(board.counters.refused, 2);
  for (const prefix of ["node/A", "node//x", "x".repeat(193)]) {
    assertEquals(assertThrows(() => board.subscribe(0, [prefix]), HanaError).code, "schema");
  }
  const many = Array.from({ length: 17 }, (_, i) => `node-${i}`);
  assertEquals(assertThrows(() => board.subscribe(0, many), HanaError).code, "overloaded");
  assertEquals(assertThrows(() => board.subscribe(999, []), HanaError).code, "not-found");
  board.removeClient(0);
  assert(board.addClient(MAX_METER_CLIENTS, new KeptLane()));
});

Deno.test("clients that want the same get the very same bytes, made once", () => {
  const { board } = boardOf(0, [100]);
  const sent: Uint8Array[] = [];
  for (let i = 0; i < 20; i++) {
    const lane = { isWritable: true, send: (bytes: Uint8Array) => sent.push(bytes) > 0 };
    board.addClient(i, lane);
    board.subscribe(i, ["node-0"]);
  }
  board.handleTimeout(0);
  assertEquals(sent.length, 20);
  assertEquals(new Set(sent).size, 1);
});
