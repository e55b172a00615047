// Broken input behind the AEAD: a peer that holds the keys may send anything, and must cost its own connection at most.
// Targets F3, F4 and F6 of research 5.6. LANES_FUZZ multiplies how much is tried (1), LANES_FUZZ_SEED draws otherwise.

import { assert } from "@std/assert";
import { CloseCode, type LaneId } from "../../lib/lanes/mod.ts";
import { Mutator } from "../fuzz/mutate.ts";
import { CONDITION_IDS, conditionOf, START_US } from "../support/lanes/conditions.ts";
import { HEADER_BYTES, OVERHEAD_BYTES } from "../support/lanes/endpoint.ts";
import { FrameMaker } from "../support/lanes/frame_maker.ts";
import { Lone } from "../support/lanes/lone.ts";
import { flipBits } from "../support/lanes/link.ts";
import { numberOf } from "../support/lanes/matrix.ts";
import { Broken, Pair } from "../support/lanes/pair.ts";
import { realPeer } from "../support/lanes/peers.ts";
import { Draws } from "../support/lanes/random.ts";
import { WORKLOAD_IDS, workloadOf } from "../support/lanes/workloads.ts";

const MUCH = numberOf("LANES_FUZZ", 1);
const SEED = numberOf("LANES_FUZZ_SEED", 20_251_120);
const SECOND = 1_000_000;
/** What a broken peer cannot make true: the rest is about messages, which it may spoil. */
const UNTOUCHABLE: ReadonlySet<string> = new Set(["I7", "I9", "I18", "I20", "I23"]);

/** Plays a short load with packets changed behind the tag, and asserts what no peer may break. */
function playTampered(i: number, tamper: (bytes: Uint8Array, draws: Draws) => Uint8Array): string {
  const seed = SEED + i;
  const draws = new Draws(seed, "tamper");
  const condition = conditionOf(CONDITION_IDS[i % CONDITION_IDS.length] ?? "C1", seed);
  const workload = workloadOf(WORKLOAD_IDS[draws.below(WORKLOAD_IDS.length)] ?? "W6", 0.1);
  const pair = new Pair({ condition, workload, seed, makePeer: realPeer });
  // The first packets pass, so that there is a state to break.
  let intact = draws.below(30);
  for (const end of pair.ends) {
    end.tamper = (bytes) => intact-- > 0 || draws.happens(0.8) ? bytes : tamper(bytes, draws);
  }
  try {
    pair.run(START_US + 3 * SECOND);
  } catch (error) {
    if (!(error instanceof Broken)) throw error;
  }
  const broken = pair.findings.violations.filter(({ id }) => UNTOUCHABLE.has(id));
  assert(broken.length === 0, `round ${i}: ${JSON.stringify(broken)}\n${pair.describe()}`);
  return pair.closed[1] ?? pair.closed[0] ?? "open";
}

/** Runs many rounds and asserts that they neither all end the connection nor never do. */
function tampering(rounds: number, tamper: (bytes: Uint8Array, draws: Draws) => Uint8Array): void {
  const ends = new Map<string, number>();
  for (let i = 0; i < rounds; i++) {
    const [end = ""] = playTampered(i, tamper).split(" ");
    ends.set(end, (ends.get(end) ?? 0) + 1);
  }
  assert(ends.size > 1, `every round ended alike: ${[...ends.keys()]}`);
}

Deno.test("flipped bits behind the tag end a connection with a code at most (F3)", () => {
  tampering(Math.ceil(250 * MUCH), (bytes, draws) => {
    const frames = bytes.slice(HEADER_BYTES, -16);
    const flipped = flipBits(frames, draws, draws.between(1, 3));
    return rebuilt(bytes, flipped);
  });
});

Deno.test("cuts, splices and lengths that lie behind the tag end a connection with a code at most (F3)", () => {
  const mutator = new Mutator(SEED);
  tampering(Math.ceil(250 * MUCH), (bytes) => rebuilt(bytes, mutator.mutate(bytes.slice(HEADER_BYTES, -16))));
});

Deno.test("well-formed frames that mean anything end a connection with a code at most (F3)", () => {
  tampering(Math.ceil(250 * MUCH), (bytes, draws) => {
    const maker = new FrameMaker(draws);
    const number = bytes.slice(5, 9).reduce((sum, byte) => sum * 256 + byte, 0);
    return rebuilt(bytes, maker.packet({ message: draws.below(60), packet: number }));
  });
});

function rebuilt(bytes: Uint8Array, frames: Uint8Array): Uint8Array {
  const cut = frames.subarray(0, 16_384);
  const result = new Uint8Array(OVERHEAD_BYTES + cut.length);
  result.set(bytes.subarray(0, HEADER_BYTES));
  result.set(cut, HEADER_BYTES);
  return result;
}

Deno.test("every cut of every packet that was ever sent is read or refused (F6)", () => {
  const packets: Uint8Array[] = [];
  for (const [id, workload] of [["C1", "W1"], ["C5", "W6"], ["C12", "W8"]] as const) {
    const pair = new Pair({
      ...{
        condition: conditionOf(id, SEED),
        workload: workloadOf(workload, 0.2),
        seed: SEED,
        makePeer: realPeer,
      },
    });
    for (const end of pair.ends) {
      end.tamper = (bytes) => {
        packets.push(bytes.slice(HEADER_BYTES, -16));
        return bytes;
      };
    }
    pair.run(START_US + SECOND);
  }
  const draws = new Draws(SEED, "cuts");
  // Every kind of frame stands near the beginning of some packet: long payloads are cut at some places alone.
  let lone = new Lone();
  let number = 0;
  let cuts = 0;
  for (let i = 0; i < packets.length; i += 1 + draws.below(Math.ceil(4 / MUCH))) {
    const packet = packets[i];
    if (packet === undefined) break;
    for (let length = 0; length <= packet.length; length += length < 80 ? 1 : draws.between(1, 200)) {
      lone.feed(packet.subarray(0, length), number++);
      cuts++;
      if (lone.closed.length === 0) continue;
      lone = new Lone({ seed: i });
      number = 0;
    }
  }
  assert(cuts > 2_000, `${cuts} cuts`);
});

Deno.test("any script of calls with any frames from the peer leaves a connection whole or closed (F4)", () => {
  const rounds = Math.ceil(300 * MUCH);
  const endings = new Map<string, number>();
  for (let i = 0; i < rounds; i++) {
    const draws = new Draws(SEED + i, "script");
    const lone = new Lone({ seed: SEED + i, kind: draws.happens(0.2) ? "stream" : "udp" });
    const maker = new FrameMaker(draws);
    const big = new Uint8Array(70_000);
    let number = 0;
    for (let step = 0; step < 80; step++) {
      switch (draws.below(6)) {
        case 0:
        case 1: {
          const lane = draws.happens(0.95) ? draws.below(5) : draws.below(256);
          const options = {
            ...(draws.happens(0.4) ? { key: draws.below(3) } : {}),
            ...(draws.happens(0.3) ? { ttlUs: 1 + draws.below(30_000) } : {}),
            report: draws.happens(0.5),
          };
          const bytes = big.subarray(0, draws.happens(0.8) ? draws.below(300) : draws.below(big.length));
          const result = lone.peer.send(lone.nowUs, lane as LaneId, bytes, options);
          assert(Number.isInteger(result) && result >= -4, `send gave ${result}`);
          if (draws.happens(0.7)) lone.drain();
          break;
        }
        case 2:
        case 3:
          number += draws.happens(0.9) ? 1 : draws.below(5);
          lone.drain();
          lone.feed(maker.packet({ message: step, packet: lone.peer.packetNumber }), number);
          break;
        case 4:
          lone.drain();
          lone.advance(draws.below(60_000));
          break;
        default:
          lone.drain();
          lone.peer.setReading(draws.below(5) as LaneId, draws.happens(0.7));
          lone.drain();
      }
      if (step > 70 && draws.happens(0.05)) lone.peer.close(lone.nowUs, CloseCode.done, "");
    }
    lone.drain();
    // Whatever happened: with nobody there it ends.
    for (let turns = 0; lone.peer.pollTimeout() !== null; turns++) {
      assert(turns < 20_000, "it never falls silent");
      lone.advance(SECOND);
    }
    const [ending = "over"] = lone.closed[0]?.split(" ") ?? [];
    endings.set(ending, (endings.get(ending) ?? 0) + 1);
  }
  assert(endings.size >= 3, `scripts all end alike: ${JSON.stringify([...endings])}`);
});
