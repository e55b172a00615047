// The other side of a benchmark: a node as it ships, bare sockets beside it, and answers to what the measuring side asks.
// Decides nothing of a measurement; the same in a process of its own and beside the measuring side in one process.

import { fromHex } from "../../lib/base/mod.ts";
import { Node } from "../../lib/node/mod.ts";
import type { Platform } from "../../lib/platform/mod.ts";
import { MeshKey, MeshKeyRing } from "../../lib/security/mod.ts";
import { LatencyHistogram } from "./latency.ts";
import { type RawAddresses, RawServer, type RawSinkFigures, type RawSinkName } from "./raw_server.ts";
import { nowUs, sharedClock } from "./time.ts";
import { readUsage, type Usage } from "./usage.ts";

/** What a peer is started with. */
export interface PeerOptions {
  /** The address on which the bare sockets listen. */
  readonly host: string;
  /** An empty directory for sockets and state. */
  readonly directory: string;
  /** The mesh key of this run, as hex. */
  readonly key: string;
}

/** Where a peer is. */
export interface PeerAddresses {
  /** The node's local socket as a URL; null where there is none. */
  readonly local: string | null;
  readonly tcp: string;
  /** Where it answers handshakes over datagrams; null where it does not. */
  readonly udp: string | null;
  readonly raw: RawAddresses;
}

/** Age of what came since it was asked last. */
export interface AgeFigures {
  readonly clock: string;
  readonly received: number;
  /** As `LatencyHistogram.toJSON` writes it. */
  readonly histogram: ReturnType<LatencyHistogram["toJSON"]>;
}

/** What may be asked of a peer, and the answer. */
export interface PeerQuestions {
  usage: { readonly asked: null; readonly answer: Usage };
  rawSink: { readonly asked: RawSinkName; readonly answer: RawSinkFigures };
  /** Ages of messages of the lane `bench.age`, or of datagrams to the ports that `openAgePorts` gave. */
  ages: { readonly asked: null; readonly answer: AgeFigures };
  openAgePorts: { readonly asked: number; readonly answer: number[] };
}

/** The lane whose messages begin with the time at which they were sent, as a float64 of the shared clock. */
export const AGE_LANE = "bench.age";
const NAME = "bench-peer";

/** A running peer. */
export class Peer {
  readonly addresses: PeerAddresses;
  readonly #clock = sharedClock();
  #ages = new LatencyHistogram();
  readonly #agePorts: Deno.DatagramConn[] = [];

  private constructor(readonly node: Node, readonly raw: RawServer) {
    const find = (kind: string): string | undefined =>
      node.addresses.find((address) => address.startsWith(kind));
    const portOf = (address: string | undefined): string | undefined => /:(\d+)$/.exec(address ?? "")?.[1];
    const { host } = raw.addresses;
    const bracketed = host.includes(":") ? `[${host}]` : host;
    const udpPort = portOf(find("udp:"));
    this.addresses = {
      local: find("unix:") ?? find("pipe:") ?? null,
      tcp: `tcp://${bracketed}:${portOf(find("tcp:")) ?? "0"}`,
      udp: udpPort === undefined ? null : `udp://${bracketed}:${udpPort}`,
      raw: raw.addresses,
    };
    node.onLane(AGE_LANE, () => ({ onMessage: (bytes) => this.#noteAge(bytes) }));
  }

  static async start(platform: Platform, options: PeerOptions): Promise<Peer> {
    const node = await Node.start(platform, {
      role: "daemon",
      name: NAME,
      software: "bench",
      stateDirectory: `${options.directory}/s`,
      runDirectory: `${options.directory}/r`,
      keys: new MeshKeyRing(new MeshKey(fromHex(options.key)), null),
      discovery: null,
      readsHardware: false,
    });
    return new Peer(node, new RawServer(options.host, options.directory));
  }

  /** Answers one question. */
  answer<Q extends keyof PeerQuestions>(
    question: Q,
    asked: PeerQuestions[Q]["asked"],
  ): PeerQuestions[Q]["answer"] {
    const answers: {
      [K in keyof PeerQuestions]: (asked: PeerQuestions[K]["asked"]) => PeerQuestions[K]["answer"];
    } = {
      usage: () => readUsage(),
      rawSink: (name) => this.raw.take(name),
      ages: () => this.#takeAges(),
      openAgePorts: (count) => this.#openAgePorts(count),
    };
    return answers[question](asked);
  }

  async close(): Promise<void> {
    this.raw.close();
    for (const socket of this.#agePorts) socket.close();
    await this.node.stop();
  }

  #noteAge(bytes: Uint8Array): void {
    const sentUs = new DataView(bytes.buffer, bytes.byteOffset).getFloat64(0);
    this.#ages.record(nowUs() + this.#clock.offsetUs - sentUs);
  }

  #takeAges(): AgeFigures {
    const ages = this.#ages;
    this.#ages = new LatencyHistogram();
    return { clock: this.#clock.name, received: ages.count, histogram: ages.toJSON() };
  }

  #openAgePorts(count: number): number[] {
    while (this.#agePorts.length < count) {
      const socket = Deno.listenDatagram({
        transport: "udp",
        hostname: this.addresses.raw.host,
        port: 0,
      });
      this.#agePorts.push(socket);
      void this.#receiveAges(socket);
    }
    return this.#agePorts.slice(0, count).map(({ addr }) => (addr as Deno.NetAddr).port);
  }

  async #receiveAges(socket: Deno.DatagramConn): Promise<void> {
    const buffer = new Uint8Array(2_048);
    try {
      for (;;) this.#noteAge((await socket.receive(buffer))[0]);
    } catch {
      // Closed.
    }
  }
}
