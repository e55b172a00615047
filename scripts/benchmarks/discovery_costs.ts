// What discovery costs a node while nothing happens: datagrams and bytes that it receives, and the time of its processor.
// Decides the moments of reading; real nodes tell their own counters (`hana.statistics`) and /proc the processor,
// simulated ones are counted at their sockets. Both count what arrives, a node's own multicast among it, and leave DNS-SD out.

import { Node, STATISTICS } from "../../lib/node/mod.ts";
import { denoPlatform } from "../../lib/platform/deno/mod.ts";
import type { Platform } from "../../lib/platform/mod.ts";
import { openMeshKeyRing } from "../../lib/security/mod.ts";

/** What a node takes in a second. */
export interface NodeCost {
  readonly datagramsPerS: number;
  readonly bytesPerS: number;
  /** Of one core; null where nobody can tell. */
  readonly cpuPercent: number | null;
}

const MDNS_PORT = 5353;
/** `getconf CLK_TCK` is 100 on every Linux that Deno runs on. */
const TICK_MS = 10;
const REACH_US = 5_000_000;

interface Reading {
  readonly atMs: number;
  readonly datagrams: number;
  readonly bytes: number;
  readonly cpuMs: number;
}

/** Platforms of simulated nodes that count what comes between two moments of true time. */
export function countedPlatforms(
  fromUs: number,
  toUs: number,
): { platform(node: string, platform: Platform): Platform; costs(): NodeCost[] } {
  const counts = new Map<string, { datagrams: number; bytes: number }>();
  return {
    platform(node, platform) {
      const startUs = platform.clock.nowUs();
      // Only nodes that run from the beginning: a node's clock begins when it does.
      const count = { datagrams: 0, bytes: 0 };
      if (!counts.has(node)) counts.set(node, count);
      const { datagrams } = platform;
      return {
        ...platform,
        datagrams: {
          bind: (options, handlers) =>
            datagrams.bind(options, {
              onError: (error) => handlers.onError(error),
              onDatagram(bytes, from) {
                const us = platform.clock.nowUs() - startUs;
                if (options.port !== MDNS_PORT && us >= fromUs && us < toUs) {
                  count.datagrams++;
                  count.bytes += bytes.length;
                }
                handlers.onDatagram(bytes, from);
              },
            }),
        },
      };
    },
    costs: () =>
      Array.from(counts.values()).filter(({ datagrams }) => datagrams > 0).map(({ datagrams, bytes }) => ({
        datagramsPerS: datagrams * 1e6 / (toUs - fromUs),
        bytesPerS: bytes * 1e6 / (toUs - fromUs),
        cpuPercent: null,
      })),
  };
}

/** Reads the counters of real nodes twice. */
export class RealCosts {
  readonly #nodes = new Map<string, { readonly processId: number; readonly local: string }>();
  #measuring: Promise<NodeCost[]> = Promise.resolve([]);
  #timer = 0;
  #stop: () => void = () => {};

  /** Starts an observer without a network. */
  static async start(): Promise<RealCosts> {
    return new RealCosts(
      await Node.start(denoPlatform(), {
        role: "observer",
        name: "costs",
        software: "bench",
        stateDirectory: "",
        runDirectory: null,
        keys: openMeshKeyRing(),
        tcpPort: null,
        discovery: null,
      }),
    );
  }

  private constructor(private readonly observer: Node) {}

  /** A node can be reached. */
  onUp(node: string, processId: number, local: string): void {
    this.#nodes.set(node, { processId, local });
  }

  /** Measures the nodes that run now, for so long. */
  measure(ms: number): void {
    this.#measuring = this.#measure(ms).catch(() => []);
  }

  /** What was measured; nothing when the run ended before. */
  taken(): Promise<NodeCost[]> {
    return this.#measuring;
  }

  /** Ends the observer. */
  async stop(): Promise<void> {
    clearTimeout(this.#timer);
    this.#stop();
    await this.observer.stop();
  }

  async #measure(ms: number): Promise<NodeCost[]> {
    const before = await this.#read();
    await new Promise<void>((resolve) => {
      this.#stop = resolve;
      this.#timer = setTimeout(resolve, ms);
    });
    const after = await this.#read();
    return [...after].flatMap(([node, late]) => {
      const early = before.get(node);
      if (early === undefined) return [];
      const s = (late.atMs - early.atMs) / 1000;
      return [{
        datagramsPerS: (late.datagrams - early.datagrams) / s,
        bytesPerS: (late.bytes - early.bytes) / s,
        cpuPercent: (late.cpuMs - early.cpuMs) / (late.atMs - early.atMs) * 100,
      }];
    });
  }

  async #read(): Promise<Map<string, Reading>> {
    const readings = new Map<string, Reading>();
    for (const [node, { processId, local }] of this.#nodes) {
      const session = await this.observer.open(local, { timeoutUs: REACH_US });
      const { statistics } = await session.request(STATISTICS, {});
      const { discovery } = statistics as { discovery: { received: number; receivedBytes: number } | null };
      readings.set(node, {
        atMs: performance.now(),
        datagrams: discovery?.received ?? 0,
        bytes: discovery?.receivedBytes ?? 0,
        cpuMs: cpuMsOf(processId),
      });
      await session.close();
    }
    return readings;
  }
}

/** User and system time of a process so far (proc(5): fields 14 and 15, counted behind the name in brackets). */
function cpuMsOf(processId: number): number {
  const fields = Deno.readTextFileSync(`/proc/${processId}/stat`).replace(/^.*\) /s, "").split(" ");
  return (Number(fields[11]) + Number(fields[12])) * TICK_MS;
}
