// What meters cost: `deno bench -A tests/unit/state/meters/meters_bench.ts`. JSON of the same values runs beside, because only
// the ratio in one run means something.

import {
  MeterBoard,
  type MeterIndex,
  type MeterSlot,
  MeterSource,
  MeterView,
} from "../../../../lib/state/meters/mod.ts";

const METERS = 256;
const CLIENTS = 100;
const TURN_US = 33_334;
const outlet = { isWritable: true, send: () => true };

interface Load {
  readonly turn: () => void;
  readonly bytes: () => number;
}

/** A board with sources of 256 meters and clients, each turn of which all sources spoke. */
function boardLoad(sources: number, prefixOf: (client: number) => string): Load {
  const board = new MeterBoard();
  let nowUs = 0;
  const made = Array.from({ length: sources }, (_, i) => {
    const number = board.addSource(0, `node-${i}`);
    const send = (bytes: Uint8Array) => board.handlePacket(nowUs, number, bytes) === null;
    const source = new MeterSource({ isWritable: true, send });
    const at = Array.from(
      { length: METERS },
      (_, m) => source.register({ name: `m/${m}`, unit: null, min: 0, max: 1 }),
    );
    source.handleTimeout(0);
    board.handleTable(number, source.table.meters);
    return { source, at };
  });
  for (let client = 0; client < CLIENTS; client++) {
    board.addClient(client, outlet);
    board.subscribe(client, [prefixOf(client)]);
  }
  let frame = 0;
  const turn = () => {
    nowUs += TURN_US;
    frame++;
    for (const { source, at } of made) {
      for (let m = 0; m < METERS; m++) source.set(at[m] as MeterIndex, (frame + m) % 97);
      source.handleTimeout(nowUs);
    }
    board.handleTimeout(nowUs);
  };
  return { turn, bytes: () => board.counters.bytes };
}

const one = boardLoad(1, () => "");
const eight = boardLoad(8, () => "");
const apart = boardLoad(1, (client) => `node-0/m/${client}`);
Deno.bench("1 source, 256 meters, 100 clients alike: a turn", { group: "board" }, one.turn);
Deno.bench("8 sources, 256 meters each, 100 clients alike: a turn", { group: "board" }, eight.turn);
Deno.bench("1 source, 256 meters, 100 clients with a prefix each: a turn", { group: "board" }, apart.turn);

const source = new MeterSource(outlet);
const at = Array.from(
  { length: METERS },
  (_, m) => source.register({ name: `m/${m}`, unit: null, min: 0, max: 1 }),
);
let frame = 0;
Deno.bench("256 values are set", { group: "source" }, () => {
  frame++;
  for (let m = 0; m < METERS; m++) source.set(at[m] as MeterIndex, (frame + m) % 97);
});
let sourceUs = 0;
Deno.bench("256 values are set and sent", { group: "source", baseline: true }, () => {
  sourceUs += TURN_US;
  frame++;
  for (let m = 0; m < METERS; m++) source.set(at[m] as MeterIndex, (frame + m) % 97);
  source.handleTimeout(sourceUs);
});
const plain = Object.fromEntries(at.map((_, m) => [`m/${m}`, 0]));
Deno.bench("256 values by name as JSON", { group: "source" }, () => {
  frame++;
  for (let m = 0; m < METERS; m++) plain[`m/${m}`] = Math.fround((frame + m) % 97 / 97);
  JSON.stringify(plain);
});

const board = new MeterBoard();
const view = new MeterView();
let viewUs = 0;
const number = board.addSource(0, "wall");
let packet = new Uint8Array(0);
const fed = new MeterSource({
  isWritable: true,
  send: (bytes) => board.handlePacket(viewUs, number, bytes) === null,
});
for (let m = 0; m < METERS; m++) fed.register({ name: `m/${m}`, unit: null, min: 0, max: 1 });
fed.handleTimeout(0);
board.handleTable(number, fed.table.meters);
board.addClient(1, { isWritable: true, send: (bytes) => (packet = bytes.slice()).length > 0 });
board.subscribe(1, [""]);
board.handleTimeout(0);
view.handleTables(0, board.tell(0, []).sources);
const slots = Array.from({ length: METERS }, (_, m) => view.slotOf(`wall/m/${m}`) as MeterSlot);
const seen = new Float32Array(METERS);
Deno.bench(`a packet of 256 meters is taken, ${packet.length} B`, { group: "view" }, () => {
  viewUs += 2_600_000; // so that the same packet is not late
  view.handlePacket(viewUs, packet);
});
Deno.bench("256 values are read", { group: "view" }, () => view.read(slots, seen));
