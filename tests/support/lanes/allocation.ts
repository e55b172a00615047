// A program of its own (with --v8-flags=--expose-gc): packets in a steady state, and what they leave and take of memory.
// `core` hands packets of two connections over in memory and in virtual time, `udp` sends them through the kernel by two
// real sockets. Says one line of JSON. Decides the load; the bound stands in tests/unit/lanes/allocation_test.ts.

import { setImmediate } from "node:timers";
import v8 from "node:v8";
import { fromHex } from "../../../lib/base/mod.ts";
import {
  isReliable,
  type Lane,
  LaneConnection,
  LANES,
  type LaneSink,
  PathId,
} from "../../../lib/lanes/mod.ts";
import { denoPlatform } from "../../../lib/platform/deno/mod.ts";
import { loadSessionSuite, MeshKey, MeshKeyRing, ReplayGuard } from "../../../lib/security/mod.ts";
import { UdpCarrier, UdpEndpoint, type UdpPath } from "../../../lib/transport/mod.ts";
import { Draws } from "./random.ts";

/** What a run came to. */
export interface AllocationReport {
  readonly packets: number;
  /** Bytes that live longer than the packets, by packets: objects, and buffers outside of V8's heap. */
  readonly keptPerPacket: number;
  /** Bytes that V8 allocated, collected or not, by packets; those of waiting are taken off. */
  readonly allocatedPerPacket: number;
  readonly nsPerPacket: number;
}

const LINK_US = 100;
/** In the core, one packet each. */
const LOADS: Readonly<Record<string, { readonly lane: Lane; readonly bytes: number }>> = {
  unreliable: { lane: LANES.telemetry, bytes: 64 },
  sequenced: { lane: LANES.modulation, bytes: 64 },
  reliable: { lane: LANES.events, bytes: 1_024 },
};
const WARM_UP = 100_000;
const CALIBRATION = 20_000;
const IN_FLIGHT = 32;
/** Messages that are not answered for; the sender waits. */
const MAX_AHEAD = 64;
const MAX_WAIT_MS = 50;
/** A run that takes longer is stuck, for each packet. */
const GIVE_UP_MS = 1;

interface Memory {
  readonly live: number;
  readonly allocated: number;
}

function collect(): Memory {
  const { gc } = globalThis as unknown as { gc?: () => void };
  if (gc === undefined) throw new Error("start it with --v8-flags=--expose-gc");
  gc();
  gc();
  const { heapUsed, external } = Deno.memoryUsage();
  const heap = v8.getHeapStatistics() as unknown as { readonly total_allocated_bytes?: number };
  return { live: heapUsed + external, allocated: heap.total_allocated_bytes ?? NaN };
}

/** Measures `run`, which says how many packets it made. */
async function measured(
  run: (packets: number) => Promise<number>,
  packets: number,
): Promise<AllocationReport> {
  await run(WARM_UP);
  const turnBytes = await bytesOfTurn();
  const before = collect();
  turns = 0;
  const startMs = performance.now();
  const first = await run(packets / 2);
  const between = collect();
  const second = await run(packets / 2);
  const made = first + second;
  const nsPerPacket = (performance.now() - startMs) * 1e6 / made;
  const after = collect();
  return {
    packets: made,
    // A leak shows in both halves. A buffer that grew to what the load needs, and stays, shows in one.
    keptPerPacket: Math.min((between.live - before.live) / first, (after.live - between.live) / second),
    allocatedPerPacket: (after.allocated - before.allocated - turns * turnBytes) / made,
    nsPerPacket,
  };
}

// ── two connections in memory ──────────────────────────────────────────────────────────────────────────────────

class CorePair {
  #nowUs = 10_000_000;
  packets = 0;
  delivered = 0;
  readonly #out = new Uint8Array(2_048);
  readonly #ends: readonly [LaneConnection, LaneConnection];

  constructor() {
    const sink: LaneSink = {
      onMessage: () => {
        this.delivered++;
      },
      ...{ onDelivered: () => {}, onExpired: () => {}, onLost: () => {}, onWritable: () => {} },
      ...{ onOpened: () => {}, onClosed: (code, text) => fail(`closed: ${code} ${text}`) },
    };
    const make = (seed: number) =>
      new LaneConnection({
        ...{ nowUs: this.#nowUs, random: new Draws(seed, "connection"), quantumUs: 2_100, sink },
        lanes: Object.values(LANES),
        path: { kind: "udp", maxPacketBytes: 1_427 },
        ...{ congestion: "fixed", maxRateBytesPerSecond: 1e9 },
      });
    this.#ends = [make(1), make(2)];
  }

  /** One message, one packet, a hundred microseconds. */
  step(lane: number, bytes: Uint8Array): void {
    this.#nowUs += LINK_US;
    const [first, second] = this.#ends;
    first.send(this.#nowUs, lane, bytes);
    this.#pass(first, second);
    this.#pass(second, first);
    this.#wake(first, second);
    this.#wake(second, first);
  }

  #wake(from: LaneConnection, to: LaneConnection): void {
    const deadline = from.pollTimeout();
    if (deadline === null || deadline.atUs > this.#nowUs) return;
    from.handleTimeout(this.#nowUs);
    this.#pass(from, to);
  }

  #pass(from: LaneConnection, to: LaneConnection): void {
    for (;;) {
      const length = from.pollPacket(this.#nowUs, this.#out);
      if (length === 0) return;
      this.packets++;
      to.handlePacket(this.#nowUs, PathId.udp, from.packetNumber, this.#out, 0, length, from.packetImmediate);
    }
  }
}

function core(lane: Lane, bytes: Uint8Array): (packets: number) => Promise<number> {
  const pair = new CorePair();
  return (packets) => {
    const before = pair.packets;
    while (pair.packets < before + packets) pair.step(lane.id, bytes);
    if (pair.delivered === 0) fail("nothing came");
    return Promise.resolve(pair.packets - before);
  };
}

// ── two sockets ────────────────────────────────────────────────────────────────────────────────────────────────

async function sockets(lane: Lane, bytes: Uint8Array): Promise<(packets: number) => Promise<number>> {
  const platform = denoPlatform();
  const { datagrams, clock, timers, random } = platform;
  const ring = new MeshKeyRing(new MeshKey(fromHex("5a".repeat(32))), null);
  const suite = await loadSessionSuite();
  const met = Promise.withResolvers<[UdpPath, UdpPath]>();
  const make = (onAccept: (path: UdpPath) => void): UdpEndpoint =>
    new UdpEndpoint({
      ...{ datagrams, clock, timers, random: random.stream("udp"), suite },
      sockets: [{ host: "127.0.0.1", port: 0 }],
      onError: (error) => fail(error.message),
      handshakes: {
        ring,
        hello: { laneVersion: 1, maxAckDelayUs: 24_992, extensions: [] },
        replayGuard: new ReplayGuard(),
        onAccept,
      },
    });
  let dialled: UdpPath | null = null;
  const open = (path: UdpPath): UdpCarrier =>
    new UdpCarrier(path, { platform, local: { host: "127.0.0.1", port: 0 } });
  let receivedMessages = 0;
  const quiet = { onOpen: () => {}, onWritable: () => {}, onClose: () => {} };
  const receiver = make((path) => {
    open(path).open({
      ...quiet,
      onPayload: () => {
        receivedMessages++;
      },
    });
    if (dialled !== null) met.resolve([dialled, path]);
  });
  const sender = make(() => {});
  const [to] = receiver.local;
  if (to === undefined) throw new Error("there is no socket");
  const carrier = await new Promise<UdpCarrier>((resolve, reject) => {
    sender.dial({ host: "127.0.0.1", port: to.port }, {
      onOpen: (path) => {
        dialled = path;
        const carrier = open(path);
        carrier.open({ ...quiet, onPayload: () => {} });
        resolve(carrier);
      },
      onFailed: reject,
    });
  });
  return async (packets) => {
    const before = carrier.connectionStats();
    const startAt = receivedMessages;
    let sent = 0;
    let lost = 0;
    const giveUpMs = performance.now() + packets * GIVE_UP_MS;
    const made = () => (carrier.connectionStats()?.packetsSent ?? 0) - (before?.packetsSent ?? 0);
    // A packet a message: each is sent in a microtask of its own, and no more than the receiver's kernel holds.
    while (sent < packets) {
      for (let i = 0; i < IN_FLIGHT && sent < packets; i++) {
        const status = carrier.send(lane, bytes);
        if (status !== "sent" && status !== "queued") break;
        sent++;
        await Promise.resolve();
      }
      await turn();
      // Of unreliable messages some may be lost: they are not waited for.
      const waitsUntilMs = performance.now() + MAX_WAIT_MS;
      while (sent - lost - (receivedMessages - startAt) > MAX_AHEAD) {
        await turn();
        const nowMs = performance.now();
        if (nowMs > giveUpMs) fail(`${receivedMessages - startAt} of ${sent} came`);
        if (!isReliable(lane.kind) && nowMs > waitsUntilMs) lost = sent - (receivedMessages - startAt);
      }
    }
    const drainedMs = performance.now() + 1_000;
    while (receivedMessages - startAt < sent && performance.now() < drainedMs) await turn();
    if (receivedMessages - startAt < sent * 0.9) fail(`${receivedMessages - startAt} of ${sent} came`);
    return made();
  };
}

/** Turns of the event loop that were waited for: they allocate, too, and are not what is measured. */
let turns = 0;

async function bytesOfTurn(): Promise<number> {
  const before = collect();
  for (let i = 0; i < CALIBRATION; i++) await turn();
  return (collect().allocated - before.allocated) / CALIBRATION;
}

function turn(): Promise<void> {
  turns++;
  return new Promise((resolve) => setImmediate(resolve));
}

function fail(why: string): never {
  throw new Error(why);
}

if (import.meta.main) {
  const [where = "core", load = "unreliable", count = "1000000"] = Deno.args;
  const { lane, bytes } = LOADS[load] ?? fail(`there is no load ${load}`);
  const payload = new Uint8Array(bytes).fill(7);
  const run = where === "core" ? core(lane, payload) : await sockets(lane, payload);
  const line = JSON.stringify(await measured(run, Number(count)));
  Deno.stdout.writeSync(new TextEncoder().encode(`${line}\n`));
  Deno.exit(0);
}
