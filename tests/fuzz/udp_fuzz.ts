// Feeds broken bytes to everything in lib/transport/udp that reads what a stranger can send, and, with the mesh key or
// without a cipher in the way, what only a member could.
// A run fails when anything is thrown, when anything altered is taken for authentic, when a path or a handshake is left
// behind by what was refused, and when anybody gets more bytes than came from there.

import { equalBytes, toHex } from "../../lib/base/mod.ts";
import { expand32 } from "../../lib/lanes/mod.ts";
import type { DatagramHandlers, IpEndpoint, RandomStream } from "../../lib/platform/mod.ts";
import { KeyedMac, loadSessionSuite, MeshKey, MeshKeyRing, ReplayGuard } from "../../lib/security/mod.ts";
import {
  DatagramBuffer,
  decodeHello,
  encodeHello,
  HANDSHAKE_BYTES,
  handshakeContext,
  PacketSealer,
  UdpEndpoint,
  UdpInitiator,
  type UdpPath,
  UdpResponder,
} from "../../lib/transport/udp/mod.ts";
import { nullSuite } from "../support/null_cipher.ts";
import { Mutator } from "./mutate.ts";
import { type FuzzReport, type Shares, takeTurns, type Target } from "./turns.ts";

const suite = await loadSessionSuite();
const SOURCE: IpEndpoint = { host: "10.0.0.9", port: 9 };
const HELLO = { laneVersion: 1, maxAckDelayUs: 4_992, extensions: [] };
const hello = encodeHello(HELLO) ?? new Uint8Array(0);
const MAC1_AT = 1152;

function check(condition: boolean, claim: string): asserts condition {
  if (!condition) throw new Error(`fuzzing lib/transport/udp: ${claim}`);
}

/** Draws of its own for every user, the same ones whenever the same `number` is asked for. */
function stream(number: number): RandomStream {
  const mutator = new Mutator(number);
  return {
    u32: () => mutator.u32(),
    float: () => mutator.u32() / 2 ** 32,
    fill: (target) => {
      target.set(mutator.bytes(target.length));
      return target;
    },
  };
}

const key = new MeshKey(stream(1).fill(new Uint8Array(32)));
const ring = new MeshKeyRing(key, null);
const context = handshakeContext(suite, ring);

function initiator(number: number): UdpInitiator {
  return new UdpInitiator({ context, random: stream(number), nowUs: 0, index: 0x1234_5678, hello });
}

function initOf(dialler: UdpInitiator): Uint8Array {
  return dialler.pollDatagram(0)?.slice() ?? new Uint8Array(0);
}

function responder(number: number): UdpResponder {
  return new UdpResponder({
    context,
    random: stream(number),
    nowUs: 0,
    hello,
    replayGuard: new ReplayGuard(),
    drawIndex: () => 7,
    isCrossed: () => false,
    onHalfOpen: () => {},
    onForgotten: () => {},
  });
}

/** Mutated INITs for a responder: as they come, and with a true mac1, as only a member could send them. */
function inits(mutator: Mutator): Target {
  const honest = initOf(initiator(10));
  const mac1 = new KeyedMac(key.derive("udp mac"));
  let asked = responder(11);
  let nowUs = 0;
  return () => {
    const input = mutator.mutate(honest);
    const isSigned = mutator.below(2) === 0 && input.length === HANDSHAKE_BYTES;
    if (isSigned) mac1.sign(input, 0, MAC1_AT, input, MAC1_AT);
    nowUs += 100_000; // slower than any limit
    const verdict = asked.handleInit(nowUs, input, SOURCE);
    if (verdict !== "answered" && verdict !== "repeated") {
      check(verdict !== "cookie", "a cookie was demanded without load");
      check(asked.halfOpenCount === 0, `a refused INIT left something behind: ${toHex(input)}`);
      return false;
    }
    check(asked.reply.length <= input.length, "an answer outweighs its question");
    // Zeros behind the messages and mac2 are no part of what is said.
    check(
      equalBytes(input.subarray(0, 18 + 32 + 20), honest.subarray(0, 18 + 32 + 20)),
      "an altered INIT was answered",
    );
    asked = responder(11);
    return true;
  };
}

/** Mutated RESPONSEs for the end that asked, half of them with a true mac1. */
function responses(mutator: Mutator): Target {
  const asked = responder(21);
  asked.handleInit(0, initOf(initiator(20)), SOURCE);
  const honest = asked.reply.slice();
  const mac1 = new KeyedMac(key.derive("udp mac"));
  let dialler = initiator(20);
  return () => {
    const input = mutator.mutate(honest);
    if (mutator.below(2) === 0 && input.length === HANDSHAKE_BYTES) {
      mac1.sign(input, 0, HANDSHAKE_BYTES - 16, input, HANDSHAKE_BYTES - 16);
    }
    if (dialler.handleResponse(input) !== null) {
      check(dialler.state === "waiting", "a refused answer ended the handshake");
      return false;
    }
    check(
      equalBytes(input.subarray(14, 14 + 52), honest.subarray(14, 14 + 52)),
      "an altered answer was taken",
    );
    dialler = initiator(20);
    return true;
  };
}

/** Mutated demands for a cookie. */
function cookies(mutator: Mutator): Target {
  const asked = responder(31);
  for (let i = 0; i < 300; i++) asked.handleInit(0, initOf(initiator(1_000 + i)), SOURCE);
  check(asked.handleInit(0, initOf(initiator(30)), SOURCE) === "cookie", "there is load");
  const honest = asked.reply.slice();
  let dialler = initiator(30);
  initOf(dialler);
  return () => {
    const input = mutator.mutate(honest);
    if (dialler.handleCookie(0, input) !== null) return false;
    check(
      equalBytes(input, honest) || equalBytes(input.subarray(1), honest.subarray(1)),
      "an altered cookie counts",
    );
    dialler = initiator(30);
    initOf(dialler);
    return true;
  };
}

/** Mutated packets under a true cipher: none but the honest one opens, and that one always. */
function packets(mutator: Mutator): Target {
  const keys = { send: stream(40).fill(new Uint8Array(32)), receive: stream(41).fill(new Uint8Array(32)) };
  const sealer = new PacketSealer({ suite, keys, initiator: true, nowUs: 0 });
  const opener = new PacketSealer({
    suite,
    keys: { send: keys.receive, receive: keys.send },
    initiator: false,
    nowUs: 0,
  });
  const buffer = new DatagramBuffer(2048);
  // A splice may bring back an earlier packet whole, which then opens if it has not yet.
  const unopened = new Map<string, Uint8Array>();
  let number = 0;
  return () => {
    const text = mutator.bytes(mutator.below(60));
    buffer.text.set(text);
    const length = sealer.seal(0, buffer, 7, number++, mutator.below(2) === 0, text.length);
    const honest = toHex(buffer.whole(length));
    unopened.set(honest, text);
    const input = mutator.mutate(buffer.whole(length)).subarray(0, 2048);
    const inputText = toHex(input);
    buffer.bytes.set(input);
    const opened = opener.open(0, buffer, input.length);
    const expected = unopened.get(inputText);
    if (inputText === honest) check(opened >= 0, "an honest packet was refused");
    if (opened >= 0) {
      check(expected !== undefined, `an altered packet opened, or one opened twice: ${inputText}`);
      check(equalBytes(buffer.bytes.subarray(9, 9 + opened), expected), "another text came out");
      unopened.delete(inputText);
    }
    check(opener.receiveGeneration === 0, "a forgery renewed a key");
    for (const oldest of unopened.keys()) {
      if (unopened.size <= 4096) break;
      unopened.delete(oldest);
    }
    return opened >= 0;
  };
}

/** Mutated packets where nothing is sealed: what lies behind the tag is reached. */
function barePackets(mutator: Mutator): Target {
  const keys = { send: new Uint8Array(32), receive: new Uint8Array(32) };
  const make = (isInitiator: boolean) =>
    new PacketSealer({ suite: nullSuite(), keys, initiator: isInitiator, nowUs: 0 });
  let [sealer, opener] = [make(true), make(false)];
  const buffer = new DatagramBuffer(2048);
  let number = 0;
  let highest = -1;
  return () => {
    if (number > 5_000) {
      [sealer, opener, number, highest] = [make(true), make(false), 0, -1];
    }
    const textBytes = mutator.below(40);
    const length = sealer.seal(0, buffer, 7, number++, false, textBytes);
    const input = mutator.mutate(buffer.bytes.subarray(0, length)).subarray(0, 2048);
    buffer.bytes.set(input);
    const generation = opener.receiveGeneration;
    const opened = opener.open(0, buffer, input.length);
    if (opened < 0) {
      check(opener.receiveGeneration === generation, "a refused packet renewed a key");
      return false;
    }
    check(opened === input.length - 25, "a text has another length than its packet");
    const low32 = new DataView(input.buffer, input.byteOffset).getUint32(5);
    check(opener.number === expand32(low32, highest + 1), "another number than the nearest");
    highest = Math.max(highest, opener.number);
    check(opener.open(0, buffer, input.length) < 0, "a packet opened twice");
    return true;
  };
}

/** Mutated hellos: what is read is written again as it was. */
function hellos(mutator: Mutator): Target {
  const extensions = [
    { type: 1, bytes: new Uint8Array(16).fill(3) },
    { type: 9, bytes: new Uint8Array(0) },
    { type: 255, bytes: new Uint8Array(100) },
  ];
  const honest = encodeHello({ ...HELLO, extensions }) ?? new Uint8Array(0);
  return () => {
    const input = mutator.mutate(honest);
    const read = decodeHello(input);
    if (read === null) return false;
    const again = encodeHello(read);
    check(again !== null && equalBytes(again, input), `a hello has two forms: ${toHex(input)}`);
    return true;
  };
}

/** Everything at once, at the socket of an endpoint with a path and a dial: what comes out never outweighs what came. */
function endpoints(mutator: Mutator): Target {
  let handlers: DatagramHandlers | null = null;
  let sentBytes = 0;
  let nowUs = 0;
  let told = 0;
  const endpoint = new UdpEndpoint({
    datagrams: {
      bind: (_options, given) => {
        handlers = given;
        return {
          local: { host: "10.0.0.1", port: 1 },
          stats: { sent: 0, received: 0, sendErrors: 0, receiveErrors: 0 },
          send: (bytes) => {
            sentBytes += bytes.length;
          },
          join: () => {},
          leave: () => {},
          close: () => {},
        };
      },
    },
    clock: { nowUs: () => nowUs, wallMs: () => 0 },
    timers: { schedule: () => ({ cancel: () => {} }), defer: () => {} },
    random: stream(50),
    suite,
    sockets: [{ host: "0.0.0.0", port: 1 }],
    onError: () => {},
    handshakes: {
      ring,
      hello: HELLO,
      replayGuard: new ReplayGuard(),
      onAccept: () => {},
    },
  });
  const owner = { onPacket: () => told++, onNewAddress: () => {} };
  const keys = { send: stream(51).fill(new Uint8Array(32)), receive: stream(52).fill(new Uint8Array(32)) };
  const path: UdpPath = endpoint.createPath({ keys, initiator: false, handlers: owner, remote: SOURCE });
  const sealer = new PacketSealer({
    suite,
    keys: { send: keys.receive, receive: keys.send },
    initiator: true,
    nowUs,
  });
  const buffer = new DatagramBuffer(2048);
  endpoint.dial({ host: "10.0.0.8", port: 8 }, { onOpen: () => {}, onFailed: () => {} });
  let number = 0;
  let questions = 60;
  const known = new Set<string>();
  return () => {
    nowUs += 30_000;
    const choice = mutator.below(4);
    const length = sealer.seal(nowUs, buffer, path.localIndex, number++, false, mutator.below(30));
    const honest = choice === 0 ? initOf(initiator(questions++)) : buffer.bytes.slice(0, length);
    known.add(toHex(honest));
    const input = mutator.mutate(honest);
    const before = [sentBytes, told];
    const source = choice === 1 ? { host: "10.0.0.66", port: mutator.below(65_536) } : SOURCE;
    handlers?.onDatagram(input, source);
    check(sentBytes - (before[0] ?? 0) <= input.length, "more went out than came in");
    const wasTold = told > (before[1] ?? 0);
    check(!wasTold || known.has(toHex(input)), `an altered packet was told: ${toHex(input)}`);
    check(endpoint.pathCount <= 1 + 1024, "paths are bounded");
    if (known.size > 1024) { for (const oldest of known) if (known.delete(oldest)) break; }
    return wasTold || sentBytes > (before[0] ?? 0);
  };
}

/** How many of 32 iterations go to each entry point: the cheap ones get most. */
const SHARES: Shares = [
  [8, packets],
  [8, barePackets],
  [6, hellos],
  [4, cookies],
  [3, inits],
  [1, responses],
  [2, endpoints],
];

/** Feeds `iterations` mutated inputs; the same seed feeds the same ones. Throws at the first that does harm. */
export function fuzzUdp(seed: number, iterations: number): FuzzReport {
  return takeTurns(SHARES, seed, iterations);
}
