// Meters through a network that loses, delays, repeats and reorders: what a client sees is never older than what it saw, and
// in the end what the sources have.

import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import { MeterBoard, type MeterIndex, type MeterSlot, MeterView } from "../../../../lib/state/meters/mod.ts";
import { KeptLane, namesOf, sourceOf } from "./support.ts";

const STEP_US = 5_000;
/** From then on nothing changes; from then on nothing is lost. */
const QUIET_US = 3_000_000;
const CLEAR_US = 9_000_000;

interface Weather {
  readonly loss: number;
  readonly twice: number;
  readonly jitterUs: number;
  readonly blocked: number;
}

/** Delivers what was sent, some of it late, twice or never. */
class Wire {
  readonly #flying: { atUs: number; bytes: Uint8Array }[] = [];

  constructor(private readonly weather: Weather, private readonly draw: () => number) {}

  put(nowUs: number, packets: readonly Uint8Array[]): void {
    for (const bytes of packets) {
      if (this.draw() < this.weather.loss && nowUs < CLEAR_US) continue;
      const copies = this.draw() < this.weather.twice ? 2 : 1;
      for (let i = 0; i < copies; i++) {
        this.#flying.push({ atUs: nowUs + this.draw() * this.weather.jitterUs, bytes });
      }
    }
  }

  arrived(nowUs: number): Uint8Array[] {
    const here = this.#flying.filter(({ atUs }) => atUs <= nowUs).sort((a, b) => a.atUs - b.atUs);
    for (const one of here) this.#flying.splice(this.#flying.indexOf(one), 1);
    return here.map(({ bytes }) => bytes);
  }
}

function drawsOf(seed: number): () => number {
  let state = seed | 1;
  return () => {
    state = Math.imul(state ^ (state >>> 15), 0x2c1b3c6d) + 0x9e3779b9 | 0;
    state ^= state >>> 12;
    return (state >>> 0) / 2 ** 32;
  };
}

/** Runs sources, a board and clients for some seconds, then in quiet; checks as it goes. */
function walk(seed: number, weather: Weather): void {
  const draw = drawsOf(seed);
  const board = new MeterBoard();
  const sources = Array.from({ length: 1 + Math.floor(draw() * 3) }, (_, i) => {
    const lane = new KeptLane();
    const name = `node-${i}`;
    const made = sourceOf(lane, namesOf(1 + Math.floor(draw() * 5)));
    return { ...made, lane, name, wire: new Wire(weather, draw), number: board.addSource(0, name), count: 0 };
  });
  const clients = Array.from({ length: 2 }, (_, i) => {
    const lane = new KeptLane();
    board.addClient(i, lane);
    board.subscribe(i, [""]);
    return { lane, view: new MeterView(), wire: new Wire(weather, draw), last: new Map<string, number>() };
  });
  let nowUs = 0;
  for (; nowUs < CLEAR_US + 2_000_000; nowUs += STEP_US) {
    for (const source of sources) {
      // Values grow, so that what is older is seen to be.
      if (nowUs < QUIET_US && draw() < 0.5) {
        const meter = source.at[Math.floor(draw() * source.at.length)] as MeterIndex;
        source.source.set(meter, ++source.count);
      }
      if (nowUs < QUIET_US && draw() < 0.002 && source.at.length < 12) {
        source.at.push(source.source.register({ name: `n/${source.at.length}`, unit: null, min: 0, max: 1 }));
      }
      source.lane.isWritable = nowUs >= QUIET_US || draw() >= weather.blocked;
      source.source.handleTimeout(nowUs);
      source.wire.put(nowUs, source.lane.take());
      for (const bytes of source.wire.arrived(nowUs)) {
        assertEquals(board.handlePacket(nowUs, source.number, bytes), null);
      }
    }
    const asked = board.pollAsk(nowUs);
    const answering = sources.find(({ number }) => number === asked);
    // The request may be lost as well: it is asked for again.
    if (answering !== undefined && draw() >= weather.loss) {
      board.handleTable(asked, answering.source.table.meters);
    }
    board.handleTimeout(nowUs);
    for (const client of clients) {
      client.lane.isWritable = nowUs >= QUIET_US || draw() >= weather.blocked;
      client.wire.put(nowUs, client.lane.take());
      for (const bytes of client.wire.arrived(nowUs)) {
        assertEquals(client.view.handlePacket(nowUs, bytes), null);
      }
      const wanted = client.view.pollAsk(nowUs);
      if (wanted.length > 0 && draw() >= weather.loss) {
        client.view.handleTables(nowUs, board.tell(nowUs, wanted).sources);
      }
      for (const name of client.view.names()) {
        const value = client.view.valueOf(client.view.slotOf(name) as MeterSlot);
        if (Number.isNaN(value)) continue;
        assert(value >= (client.last.get(name) ?? 0), `${name} went back to ${value}`);
        client.last.set(name, value);
      }
    }
  }
  for (const { view } of clients) {
    for (const { name, source, at } of sources) {
      for (const [index, { name: meter }] of source.table.meters.entries()) {
        const slot = view.slotOf(`${name}/${meter}`) as MeterSlot;
        assertEquals(view.valueOf(slot), source.valueOf(at[index] as MeterIndex), `${name}/${meter}`);
        assertEquals(view.stateOf(slot, nowUs), "fresh");
      }
    }
  }
}

Deno.test("through loss, repetition, delay and blocked lanes no value goes back, and in quiet all clients agree", () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 0x7fff_ffff }),
      fc.record({
        loss: fc.double({ min: 0, max: 0.4, noNaN: true }),
        twice: fc.double({ min: 0, max: 0.3, noNaN: true }),
        jitterUs: fc.integer({ min: 0, max: 200_000 }),
        blocked: fc.double({ min: 0, max: 0.6, noNaN: true }),
      }),
      walk,
    ),
    { numRuns: 150, seed: 5 },
  );
});
