// Ways to send a message and get it back: a lane of hana's, and bare sockets. One face, so that one driver measures all.
// Decides nothing of time; messages have a fixed size within a channel.

import { isReliable, type LaneKind } from "../../lib/lanes/mod.ts";
import { ECHO_LANE } from "../../lib/node/mod.ts";
import type { OutgoingLane, Session } from "../../lib/session/mod.ts";
import type { Ground } from "./ground.ts";
import type { BenchPath } from "./plan.ts";
import { writeAll } from "./raw_server.ts";

/** Sends messages that come back. */
export interface EchoChannel {
  /** Called with each message that came back; valid during the call only. */
  onReply: (bytes: Uint8Array) => void;
  /** Sends a copy; false when nothing was taken. */
  send(payload: Uint8Array): boolean;
  close(): void;
}

/** As many un-awaited sends of a datagram may be under way; the runtime sends at once nearly always. */
const SEND_BUFFERS = 256;

/** The echo lane of one kind on a session. */
export function laneEcho(ground: Ground, session: Session, kind: LaneKind, size: number): EchoChannel {
  const lane: OutgoingLane = session.openLane({
    name: ECHO_LANE,
    kind,
    tier: 1,
    keyed: false,
    maxMessageBytes: Math.max(size, 1_024),
    maxQueuedBytes: Math.max(4 * size, 1024 * 1024),
    ...(isReliable(kind) ? {} : { overflow: "refuse" as const }),
  });
  const channel: EchoChannel = {
    onReply: () => {},
    send: (payload) => lane.send(payload) >= 0,
    close: () => {},
  };
  ground.onEcho(session, kind, (bytes) => channel.onReply(bytes));
  return channel;
}

/** A bare socket of the same way, not sealed; null where the peer has none. */
export async function rawEcho(ground: Ground, path: BenchPath, size: number): Promise<EchoChannel | null> {
  const raw = ground.peer?.addresses.raw;
  if (raw === undefined) return null;
  if (path === "udp") return rawDatagrams(raw.host, raw.udpEcho);
  if (path === "tcp") {
    const stream = await Deno.connect({ hostname: raw.host, port: raw.tcpEcho });
    stream.setNoDelay(true);
    return rawStream(stream, size);
  }
  if (raw.unixEcho === null) return null;
  return rawStream(await Deno.connect({ transport: "unix", path: raw.unixEcho }), size);
}

function rawDatagrams(host: string, port: number): EchoChannel {
  const hostname = host.includes(":") ? "::" : "0.0.0.0";
  const socket = Deno.listenDatagram({ transport: "udp", hostname, port: 0 });
  const to: Deno.NetAddr = { transport: "udp", hostname: host, port };
  const buffers: Uint8Array[] = [];
  let next = 0;
  const channel: EchoChannel = {
    onReply: () => {},
    send: (payload) => {
      next = (next + 1) % SEND_BUFFERS;
      let buffer = buffers[next];
      if (buffer?.length !== payload.length) buffer = buffers[next] = new Uint8Array(payload.length);
      buffer.set(payload);
      socket.send(buffer, to).catch(() => {});
      return true;
    },
    close: () => socket.close(),
  };
  const receive = async (): Promise<void> => {
    const buffer = new Uint8Array(65_536);
    for (;;) channel.onReply((await socket.receive(buffer))[0]);
  };
  receive().catch(() => {});
  return channel;
}

function rawStream(stream: Deno.Conn, size: number): EchoChannel {
  // What is sent while a write is under way goes out with the next one.
  let waiting = new Uint8Array(64 * 1024 + 2 * size);
  let writing = new Uint8Array(waiting.length);
  let length = 0;
  let isWriting = false;
  const flush = async (): Promise<void> => {
    isWriting = true;
    while (length > 0) {
      [waiting, writing] = [writing, waiting];
      const bytes = writing.subarray(0, length);
      length = 0;
      await writeAll(stream, bytes);
    }
    isWriting = false;
  };
  const channel: EchoChannel = {
    onReply: () => {},
    send: (payload) => {
      if (length + payload.length > waiting.length) return false;
      waiting.set(payload, length);
      length += payload.length;
      if (!isWriting) flush().catch(() => {});
      return true;
    },
    close: () => stream.close(),
  };
  const receive = async (): Promise<void> => {
    const buffer = new Uint8Array(64 * 1024 + 2 * size);
    let held = 0;
    for (;;) {
      const read = await stream.read(buffer.subarray(held));
      if (read === null) return;
      held += read;
      let at = 0;
      for (; at + size <= held; at += size) channel.onReply(buffer.subarray(at, at + size));
      buffer.copyWithin(0, at, held);
      held -= at;
    }
  };
  receive().catch(() => {});
  return channel;
}
