// Messages one way as fast as they go: by a lane of hana's to the sink of a node, and by bare sockets.
// Decides what counts: what the receiver has seen, from its first message to its last, by its own clock.

import { isReliable, type LaneKind, type LaneStats } from "../../lib/lanes/mod.ts";
import { SINK_FIGURES, SINK_LANE, type SinkFigures } from "../../lib/node/mod.ts";
import type { OutgoingLane, Session } from "../../lib/session/mod.ts";
import type { PeerHandle } from "./peer_process.ts";
import { type RawAddresses, type RawSinkName, writeAll } from "./raw_server.ts";
import { nowUs, sleep, turn, until } from "./time.ts";
import { readUsage, usedBetween } from "./usage.ts";

/** What one round came to. */
export interface OneWayRound {
  readonly sent: number;
  readonly received: number;
  readonly msgsPerS: number;
  readonly drops: Readonly<Record<string, number>>;
  /** Null where the receiver cannot be asked. */
  readonly cpuUs: { readonly sender: number; readonly receiver: number | null };
  readonly allocatedBytes: { readonly sender: number; readonly receiver: number | null };
}

/** A way to send. */
export interface OneWay {
  run(durationUs: number): Promise<OneWayRound>;
  close(): void;
}

/** Messages that are sent before the event loop has its turn. */
const BURST = 512;
const QUEUED_MESSAGES = 8_192;
const QUEUED_BYTES = 4 * 1024 * 1024;
/** What is under way may take this long to arrive, in microseconds. */
const SETTLE_US = 100_000;
const DRAIN_US = 10_000_000;

/** Processor time and allocations of both sides around `send`. */
async function used<T>(
  peer: PeerHandle | null,
  send: () => Promise<T>,
): Promise<{ readonly value: T } & Pick<OneWayRound, "cpuUs" | "allocatedBytes">> {
  const thereBefore = await peer?.ask("usage", null);
  const hereBefore = readUsage();
  const value = await send();
  const here = usedBetween(hereBefore, readUsage());
  const thereAfter = await peer?.ask("usage", null);
  const there = thereBefore === undefined || thereAfter === undefined
    ? null
    : usedBetween(thereBefore, thereAfter);
  return {
    value,
    cpuUs: { sender: here.cpuUs, receiver: there?.cpuUs ?? null },
    allocatedBytes: { sender: here.allocatedBytes, receiver: there?.allocatedBytes ?? null },
  };
}

/** A lane to the sink of the node at the other end. */
export function laneOneWay(
  session: Session,
  kind: LaneKind,
  size: number,
  peer: PeerHandle | null,
): OneWay {
  const lane = session.openLane({
    name: SINK_LANE,
    kind,
    tier: 1,
    keyed: false,
    maxMessageBytes: Math.max(size, 1_024),
    maxQueuedMessages: QUEUED_MESSAGES,
    maxQueuedBytes: Math.max(QUEUED_BYTES, 2 * size),
    // What has no room is not taken and sent again later: a drop would only measure how fast messages are dropped.
    overflow: "refuse",
  });
  const payload = Uint8Array.from({ length: size }, (_, i) => i);
  return {
    run: async (durationUs) => {
      await readSink(session, lane);
      const before = lane.stats;
      const { value: sent, ...usage } = await used(peer, async () => {
        const count = await sendFor(lane, payload, durationUs);
        const isDone = isReliable(kind)
          ? (): boolean => lane.stats.deliveredMessages - before.deliveredMessages >= count
          : (): boolean => lane.isWritable;
        await until(isDone, DRAIN_US);
        return count;
      });
      if (!isReliable(kind)) await sleep(SETTLE_US);
      const figures = await readSink(session, lane);
      return {
        sent,
        received: figures.messages,
        msgsPerS: rateOf(figures.lastMessages - 1, figures.firstUs, figures.lastUs),
        drops: dropsOf(before, lane.stats),
        ...usage,
      };
    },
    close: () => {},
  };
}

/** Sends as much as the lane takes; the number of messages that it took. */
async function sendFor(lane: OutgoingLane, payload: Uint8Array, durationUs: number): Promise<number> {
  const view = new DataView(payload.buffer);
  const endUs = nowUs() + durationUs;
  let sent = 0;
  while (nowUs() < endUs) {
    let isFull = false;
    for (let i = 0; i < BURST && !isFull; i++) {
      view.setUint32(0, sent);
      if (lane.send(payload) < 0) isFull = true;
      else sent++;
    }
    if (isFull && !lane.isWritable) await writableOrEnd(lane, endUs);
    else await turn();
  }
  return sent;
}

/** Waits until the lane is empty, but no longer than until `endUs`. */
async function writableOrEnd(lane: OutgoingLane, endUs: number): Promise<void> {
  let timer: number | undefined;
  const end = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, Math.max(0, (endUs - nowUs()) / 1000));
  });
  await Promise.race([lane.writable(), end]);
  clearTimeout(timer);
}

async function readSink(session: Session, lane: OutgoingLane): Promise<SinkFigures> {
  const { sinks } = await session.request(SINK_FIGURES, {});
  const mine = (sinks as SinkFigures[]).find((each) => each.lane === lane.lane.id);
  return mine ??
    {
      lane: lane.lane.id,
      kind: lane.lane.kind,
      messages: 0,
      bytes: 0,
      firstUs: 0,
      lastUs: 0,
      lastMessages: 0,
    };
}

function dropsOf(before: LaneStats, after: LaneStats): Record<string, number> {
  const drops: Record<string, number> = {};
  for (const reason of ["lostMessages", "expired", "conflated", "droppedOldest", "droppedNewest"] as const) {
    const count = after[reason] - before[reason];
    if (count > 0) drops[reason] = count;
  }
  return drops;
}

function rateOf(messages: number, firstUs: number, lastUs: number): number {
  return messages > 0 && lastUs > firstUs ? messages * 1e6 / (lastUs - firstUs) : 0;
}

/** How a bare socket is used. */
export interface RawOneWay {
  readonly sink: RawSinkName;
  /** Messages in one write or one datagram. */
  readonly perWrite: number;
}

/** Bare sockets: `perWrite` messages a write, each write awaited. */
export async function rawOneWay(
  peer: PeerHandle,
  size: number,
  { sink, perWrite }: RawOneWay,
): Promise<OneWay> {
  const { write, close } = await rawWriter(peer.addresses.raw, sink);
  const bytes = Uint8Array.from({ length: size * perWrite }, (_, i) => i);
  return {
    run: async (durationUs) => {
      await peer.ask("rawSink", sink);
      const { value: writes, ...usage } = await used(peer, async () => {
        const endUs = nowUs() + durationUs;
        let count = 0;
        while (nowUs() < endUs) {
          await write(bytes);
          count++;
        }
        return count;
      });
      await sleep(SETTLE_US);
      const figures = await peer.ask("rawSink", sink);
      const received = Math.floor(figures.bytes / size);
      return {
        sent: writes * perWrite,
        received,
        msgsPerS: rateOf((figures.bytes - figures.firstBytes) / size, figures.firstUs, figures.lastUs),
        drops: {},
        ...usage,
      };
    },
    close,
  };
}

async function rawWriter(
  raw: RawAddresses,
  sink: RawSinkName,
): Promise<{ write: (bytes: Uint8Array) => Promise<unknown>; close: () => void }> {
  if (sink === "udp") {
    const hostname = raw.host.includes(":") ? "::" : "0.0.0.0";
    const socket = Deno.listenDatagram({ transport: "udp", hostname, port: 0 });
    const to: Deno.NetAddr = { transport: "udp", hostname: raw.host, port: raw.udpSink };
    return { write: (bytes) => socket.send(bytes, to), close: () => socket.close() };
  }
  const stream = sink === "tcp"
    ? await Deno.connect({ hostname: raw.host, port: raw.tcpSink })
    : await Deno.connect({ transport: "unix", path: raw.unixSink ?? "" });
  return { write: (bytes) => writeAll(stream, bytes), close: () => stream.close() };
}
