// Lanes to one peer as they ship, without a session: a sealed stream over TCP, datagrams beside it, both proved.
// Decides how two processes of a benchmark meet: the key is shared, the greeting is the offer of each side alone.
// Never measures anything.

import { fromHex } from "../../lib/base/mod.ts";
import type { CarrierHandlers, LaneOffer } from "../../lib/lanes/mod.ts";
import { LANES } from "../../lib/lanes/mod.ts";
import { denoPlatform } from "../../lib/platform/deno/mod.ts";
import type { Platform } from "../../lib/platform/mod.ts";
import {
  ChannelCounters,
  loadSessionSuite,
  MeshKey,
  MeshKeyRing,
  ReplayGuard,
} from "../../lib/security/mod.ts";
import { dial, LaneCarrier, type Link, listen, UdpEndpoint } from "../../lib/transport/mod.ts";
import type { TransportContext } from "../../lib/transport/mod.ts";

const DIAL_US = 10_000_000;
const PROOF_MS = 10_000;

/** What comes on a carrier once both have greeted. */
export type LaneHandlers = Omit<CarrierHandlers, "onOpen">;

/** One end's sockets and keys. */
export class LaneGround {
  readonly platform: Platform;
  /** Which implementation seals. */
  readonly aead: string;
  readonly #context: TransportContext;
  readonly #endpoints: UdpEndpoint[] = [];

  private constructor(platform: Platform, context: TransportContext) {
    this.platform = platform;
    this.#context = context;
    const { cipher } = context.security.suite;
    this.aead = `${cipher.name} by ${cipher.backEnd}`;
  }

  /** @param key 32 bytes in hexadecimal digits, the same at both ends */
  static async create(key: string): Promise<LaneGround> {
    const platform = denoPlatform();
    return new LaneGround(platform, {
      platform,
      security: {
        suite: await loadSessionSuite(),
        ring: new MeshKeyRing(new MeshKey(fromHex(key)), null),
        random: platform.random.stream("bench/secure"),
        counters: new ChannelCounters(),
        replayGuard: new ReplayGuard(),
      },
    });
  }

  /** A datagram socket, as a node has one. */
  endpoint(host = "0.0.0.0"): UdpEndpoint {
    const { platform } = this;
    const endpoint = new UdpEndpoint({
      datagrams: platform.datagrams,
      clock: platform.clock,
      timers: platform.timers,
      random: platform.random.stream("bench/udp"),
      suite: this.#context.security.suite,
      sockets: [{ host, port: 0 }],
      onError: () => {},
    });
    this.#endpoints.push(endpoint);
    return endpoint;
  }

  /** Takes whoever dials; `handlersOf` is asked when both have greeted. Resolves to the port. */
  async listen(
    host: string,
    udp: UdpEndpoint,
    handlersOf: (carrier: LaneCarrier) => LaneHandlers,
  ): Promise<number> {
    const counters = { accepted: 0, acceptErrors: 0, staleSocketsCleared: 0 };
    const listener = await listen(this.#context, { kind: "tcp", host, port: 0 }, counters, {
      onLink: (link) => void this.#greet(link, "listener", udp, handlersOf),
      onError: () => {},
    });
    if (listener.address.kind !== "tcp") throw new Error("a listener of another kind");
    return listener.address.port;
  }

  /** Dials; resolves when both have greeted. */
  async dial(
    host: string,
    port: number,
    udp: UdpEndpoint,
    handlersOf: (carrier: LaneCarrier) => LaneHandlers,
  ): Promise<LaneCarrier> {
    const link = await dial(this.#context, { kind: "tcp", host, port }, { timeoutUs: DIAL_US });
    return await this.#greet(link, "dialler", udp, handlersOf);
  }

  close(): void {
    for (const endpoint of this.#endpoints) endpoint.close();
  }

  #greet(
    link: Link,
    side: "dialler" | "listener",
    udp: UdpEndpoint,
    handlersOf: (carrier: LaneCarrier) => LaneHandlers,
  ): Promise<LaneCarrier> {
    const carrier = new LaneCarrier(link, { platform: this.platform, side, udp });
    const greeted = Promise.withResolvers<LaneCarrier>();
    let handlers: LaneHandlers | null = null;
    carrier.open({
      onOpen: () => void carrier.send(LANES.control, new TextEncoder().encode(JSON.stringify(carrier.offer))),
      onPayload: (lane, payload) => {
        if (handlers !== null) return handlers.onPayload(lane, payload);
        carrier.useLanes(JSON.parse(new TextDecoder().decode(payload)) as LaneOffer);
        handlers = handlersOf(carrier);
        greeted.resolve(carrier);
      },
      onWritable: () => handlers?.onWritable(),
      onFate: (lane, number, fate) => handlers?.onFate?.(lane, number, fate),
      onPath: (path) => handlers?.onPath?.(path),
      onClose: (error) => {
        greeted.reject(error ?? new Error("the peer ended before it greeted"));
        handlers?.onClose(error);
      },
    });
    void greeted.promise.catch(() => {});
    return greeted.promise;
  }
}

/** Resolves when lanes take datagrams. */
export async function onDatagrams(carrier: LaneCarrier): Promise<void> {
  for (let waitedMs = 0; carrier.path.kind !== "udp"; waitedMs += 10) {
    if (waitedMs > PROOF_MS) throw new Error(`lanes stay on the stream: ${carrier.path.why}`);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

/** CPU time in ms that a process has used, all its threads together (proc(5), fields 14 and 15 of "/proc/pid/stat"). */
export function cpuMs(processId: number | string): number {
  const text = Deno.readTextFileSync(`/proc/${processId}/stat`);
  const fields = text.slice(text.lastIndexOf(")") + 2).split(" ");
  return (Number(fields[11]) + Number(fields[12])) * (1000 / TICKS_PER_S);
}

/** USER_HZ: the unit of times in /proc, 100 on every Linux that hana is compiled for. */
const TICKS_PER_S = 100;

/** Says one line of JSON on standard output. */
export function tell(value: unknown): void {
  const bytes = new TextEncoder().encode(JSON.stringify(value) + "\n");
  for (let at = 0; at < bytes.length;) at += Deno.stdout.writeSync(bytes.subarray(at));
}
