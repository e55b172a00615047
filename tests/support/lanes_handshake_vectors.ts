// docs/vectors/lanes-handshake.json: bytes of the handshake over datagrams and of the packets that follow it, for who
// implements them in another language. Every draw is fixed, so that the same bytes come out.
// Run as a program it writes the file anew, which is right only while nobody holds another implementation against it:
// `deno run -A tests/support/lanes_handshake_vectors.ts`.

import { fromHex, toHex } from "../../lib/base/mod.ts";
import type { IpEndpoint, RandomStream } from "../../lib/platform/mod.ts";
import {
  loadSessionSuite,
  MeshKey,
  MeshKeyRing,
  openMeshKeyRing,
  ReplayGuard,
} from "../../lib/security/mod.ts";
import {
  COOKIE_INITS_PER_SOURCE,
  DatagramBuffer,
  encodeHello,
  type HalfOpen,
  handshakeContext,
  PacketSealer,
  UdpInitiator,
  UdpResponder,
} from "../../lib/transport/udp/mod.ts";

/** Where the document is. */
export const HANDSHAKE_VECTORS_URL: URL = new URL("../../docs/vectors/lanes-handshake.json", import.meta.url);

/** One handshake of the document, with what is sealed afterwards. */
export interface HandshakeVector {
  readonly name: string;
  readonly initiatorKeys: readonly string[];
  readonly responderKeys: readonly string[];
  readonly initiatorEphemeral: string;
  readonly responderEphemeral: string;
  readonly initiatorIndex: number;
  readonly responderIndex: number;
  readonly initiatorHello: string;
  readonly responderHello: string;
  readonly init: string;
  readonly response: string;
  readonly keyFromInitiator: string;
  readonly keyFromResponder: string;
  readonly packets: readonly PacketVector[];
}

/** One sealed packet. */
export interface PacketVector {
  readonly from: "initiator" | "responder";
  readonly number: number;
  readonly generation: number;
  readonly immediate: boolean;
  readonly text: string;
  readonly datagram: string;
}

/** A demand for a cookie and what the initiator makes of it. */
export interface CookieVector {
  readonly meshKey: string;
  readonly initiatorEphemeral: string;
  readonly initiatorIndex: number;
  readonly initiatorHello: string;
  readonly from: string;
  readonly cookieSecret: string;
  readonly cookie: string;
  readonly demand: string;
  readonly initWithCookie: string;
}

/** The document. */
export interface HandshakeVectors {
  readonly schema: "hana.lanes-handshake-vectors/1";
  readonly handshakes: readonly HandshakeVector[];
  readonly cookie: CookieVector;
}

const suite = await loadSessionSuite();
const INITIATOR_INDEX = 0x01020304;
const RESPONDER_INDEX = 0xf1f2f3f4;
const FROM: IpEndpoint = { host: "192.0.2.7", port: 47677 };
const SHOW = new MeshKey(counting(0x00, 32));
const NEXT = new MeshKey(counting(0x80, 32));

function counting(first: number, length: number): Uint8Array {
  return new Uint8Array(length).map((_, i) => first + i);
}

/** Gives out these bytes, one array a call, then zeros; and no chance at all otherwise. */
function scripted(...draws: readonly Uint8Array[]): RandomStream {
  const waiting = [...draws];
  return {
    u32: () => 0,
    float: () => 0.5,
    fill: (target) => {
      target.set(waiting.shift() ?? new Uint8Array(target.length));
      return target;
    },
  };
}

function hello(laneVersion: number, maxAckDelayUs: number, extension: string): Uint8Array {
  const extensions = extension === "" ? [] : [{ type: 1, bytes: fromHex(extension) }];
  return encodeHello({ laneVersion, maxAckDelayUs, extensions }) ?? new Uint8Array(0);
}

function handshakeVector(name: string, ours: MeshKeyRing, theirs: MeshKeyRing): HandshakeVector {
  const [initiatorEphemeral, responderEphemeral] = [counting(0x20, 32), counting(0x60, 32)];
  const [initiatorHello, responderHello] = [hello(1, 24_992, "a1a2a3"), hello(1, 4_992, "")];
  const initiator = new UdpInitiator({
    context: handshakeContext(suite, ours),
    random: scripted(initiatorEphemeral),
    nowUs: 0,
    index: INITIATOR_INDEX,
    hello: initiatorHello,
  });
  let half: HalfOpen | null = null;
  const responder = new UdpResponder({
    context: handshakeContext(suite, theirs),
    random: scripted(new Uint8Array(32), responderEphemeral),
    nowUs: 0,
    hello: responderHello,
    replayGuard: new ReplayGuard(),
    drawIndex: () => RESPONDER_INDEX,
    isCrossed: () => false,
    onHalfOpen: (opened) => half = opened,
    onForgotten: () => {},
  });
  const init = toHex(initiator.pollDatagram(0) ?? new Uint8Array(0));
  const verdict = responder.handleInit(0, fromHex(init), FROM);
  if (verdict !== "answered") throw new Error(`${name}: ${verdict}`);
  const response = toHex(responder.reply);
  const drop = initiator.handleResponse(fromHex(response));
  const { result } = initiator;
  if (drop !== null || result === null || half === null) throw new Error(`${name}: ${drop}`);
  const opened = half as HalfOpen;
  return {
    name,
    initiatorKeys: ours.keys.map((key) => toHex(key.exportSecret())),
    responderKeys: theirs.keys.map((key) => toHex(key.exportSecret())),
    initiatorEphemeral: toHex(initiatorEphemeral),
    responderEphemeral: toHex(responderEphemeral),
    initiatorIndex: INITIATOR_INDEX,
    responderIndex: RESPONDER_INDEX,
    initiatorHello: toHex(initiatorHello),
    responderHello: toHex(responderHello),
    init,
    response,
    keyFromInitiator: toHex(result.keys.send),
    keyFromResponder: toHex(result.keys.receive),
    packets: packetVectors(
      new PacketSealer({ suite, keys: result.keys, initiator: true, nowUs: 0, rekeyPackets: 5 }),
      new PacketSealer({ suite, keys: opened.keys, initiator: false, nowUs: 0 }),
    ),
  };
}

/** A few packets either way, over one renewal of keys and beyond the low 32 bits. */
function packetVectors(initiator: PacketSealer, responder: PacketSealer): PacketVector[] {
  const buffer = new DatagramBuffer(2048);
  const packets: PacketVector[] = [];
  const send = (from: PacketVector["from"], number: number, text: string, immediate: boolean) => {
    const [sealer, opener, index] = from === "initiator"
      ? [initiator, responder, RESPONDER_INDEX]
      : [responder, initiator, INITIATOR_INDEX];
    const bytes = new TextEncoder().encode(text);
    buffer.text.set(bytes);
    const length = sealer.seal(0, buffer, index, number, immediate, bytes.length);
    packets.push({
      from,
      number,
      generation: sealer.sendGeneration,
      immediate,
      text: toHex(bytes),
      datagram: toHex(buffer.whole(length)),
    });
    opener.setNumbers({ expandNumber: () => number, canAccept: () => true });
    if (opener.open(0, buffer, length) !== bytes.length) throw new Error(`packet ${number} does not open`);
  };
  send("initiator", 0, "first", true);
  send("responder", 0, "welcome", false);
  send("initiator", 1, "", false);
  send("initiator", 2, "x".repeat(1175), false);
  send("responder", 1, "before", false);
  send("initiator", 3, "renewed by the initiator", false);
  send("responder", 2, "followed by the responder", false);
  send("initiator", 2 ** 32 + 4, "beyond 32 bits", false);
  return packets;
}

function cookieVector(): CookieVector {
  const ring = new MeshKeyRing(SHOW, null);
  const [initiatorEphemeral, secret, nonce] = [counting(0x20, 32), counting(0xc0, 32), counting(0x40, 12)];
  const initiatorHello = hello(1, 24_992, "");
  const make = (ephemeral: Uint8Array): UdpInitiator =>
    new UdpInitiator({
      context: handshakeContext(suite, ring),
      random: scripted(ephemeral),
      nowUs: 0,
      index: INITIATOR_INDEX,
      hello: initiatorHello,
    });
  const draws = Array.from({ length: COOKIE_INITS_PER_SOURCE }, (_, i) => counting(i, 32));
  const responder = new UdpResponder({
    context: handshakeContext(suite, ring),
    random: scripted(secret, ...draws, nonce),
    nowUs: 0,
    hello: initiatorHello,
    replayGuard: new ReplayGuard(),
    drawIndex: () => RESPONDER_INDEX,
    isCrossed: () => false,
    onHalfOpen: () => {},
    onForgotten: () => {},
  });
  for (const draw of draws) {
    responder.handleInit(0, make(draw).pollDatagram(0) ?? draw, FROM);
  }
  const initiator = make(initiatorEphemeral);
  const verdict = responder.handleInit(0, initiator.pollDatagram(0)?.slice() ?? secret, FROM);
  const demand = responder.reply.slice();
  if (verdict !== "cookie" || initiator.handleCookie(0, demand) !== null) throw new Error(verdict);
  const withCookie = initiator.pollDatagram(0) ?? new Uint8Array(0);
  // What the cookie is stands sealed in the demand: opened here by what any holder of the mesh key can compute.
  const aad = new Uint8Array([...demand.subarray(0, 8), ...withCookie.subarray(1152, 1168)]);
  const cookie = new Uint8Array(16);
  const aead = suite.cipher.withKey(SHOW.derive("udp cookie"));
  if (aead.open(cookie, demand.subarray(8, 20), aad, demand.subarray(20)) !== 16) throw new Error("sealed");
  return {
    meshKey: toHex(SHOW.exportSecret()),
    initiatorEphemeral: toHex(initiatorEphemeral),
    initiatorIndex: INITIATOR_INDEX,
    initiatorHello: toHex(initiatorHello),
    from: `${FROM.host} ${FROM.port}`,
    cookieSecret: toHex(secret),
    cookie: toHex(cookie),
    demand: toHex(demand),
    initWithCookie: toHex(withCookie),
  };
}

/** The document as the code makes it today. */
export function handshakeVectors(): HandshakeVectors {
  const [show, rotated] = [new MeshKeyRing(SHOW, null), new MeshKeyRing(NEXT, SHOW)];
  return {
    schema: "hana.lanes-handshake-vectors/1",
    handshakes: [
      handshakeVector("one key", show, show),
      handshakeVector("two keys offered, the second one taken", rotated, show),
      handshakeVector("one key offered, held as the previous one", show, rotated),
      handshakeVector("the open mesh", openMeshKeyRing(), openMeshKeyRing()),
    ],
    cookie: cookieVector(),
  };
}

if (import.meta.main) {
  Deno.writeTextFileSync(HANDSHAKE_VECTORS_URL, JSON.stringify(handshakeVectors(), null, 2) + "\n");
}
