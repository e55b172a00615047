// Frames on the segments: how many of which kind, whose, and how many in the busiest second.

import type { FrameSample, MetricValue, ObserverDefinition, RunContext } from "../observe.ts";
import { Samples, single } from "./measure.ts";

const SECOND_US = 1_000_000;
/** Types that are always in the figures, also where there was none of them. */
const TYPES = ["announce", "heartbeat", "query", "offer", "bye", "ping", "ack", "stream", "other"];

/** Packets and bytes. A multicast counts once for each machine that it goes to. */
export const volume: ObserverDefinition = {
  id: "volume",
  kind: "metrics",
  summary:
    "Frames and bytes on the way to each receiver, by type (`packets.heartbeat`, `bytes.stream`), of all " +
    "(`.total`), received by a node in a second (`packets.per_node`, its busiest: `.peak_1s`), on the segments in the " +
    "busiest second (`bytes.segment.peak_1s`), and what became of them (`frames.lost`, `frames.cut`, …).",
  byDefault: true,
  metrics: ["packets", "bytes", "frames"],
  create: (_context: RunContext) => {
    const types = new Map<string, Tally>(TYPES.map((type) => [type, new Tally()]));
    const nodes = new Map<string, Tally>();
    const fates = { delivered: 0, lost: 0, cut: 0, duplicated: 0, corrupted: 0 };
    const total = new Tally();
    let second = 0;
    let bytesBefore = 0;
    let peakPackets = 0;
    let peakBytes = 0;
    const perNode = new Samples("frames");
    const close = (): void => {
      for (const node of nodes.values()) {
        if (node.packets === 0) continue;
        perNode.add(node.packets);
        peakPackets = Math.max(peakPackets, node.packets);
        node.packets = 0;
      }
      peakBytes = Math.max(peakBytes, total.bytes - bytesBefore);
      bytesBefore = total.bytes;
    };
    return {
      onFrame: (frame: FrameSample) => {
        const at = Math.floor(frame.atUs / SECOND_US);
        if (at !== second) {
          close();
          second = at;
        }
        tallyOf(types, frame.type).add(frame.bytes);
        tallyOf(nodes, frame.to).add(frame.bytes);
        total.add(frame.bytes);
        fates[frame.fate]++;
      },
      finish: () => {
        close();
        const metrics: Record<string, MetricValue> = {};
        for (const [type, { packets, bytes }] of types) {
          metrics[`packets.${type}`] = single("frames", packets);
          metrics[`bytes.${type}`] = single("bytes", bytes);
        }
        for (const [fate, count] of Object.entries(fates)) {
          metrics[`frames.${fate}`] = single("frames", count);
        }
        metrics["packets.total"] = single("frames", total.packets);
        metrics["bytes.total"] = single("bytes", total.bytes);
        metrics["packets.per_node"] = perNode.metric();
        metrics["packets.per_node.peak_1s"] = single("frames", peakPackets);
        metrics["bytes.segment.peak_1s"] = single("bytes", peakBytes);
        return metrics;
      },
    };
  },
};

/** Frames and bytes of something. One object for all of a run: nothing is made for a frame. */
class Tally {
  packets = 0;
  bytes = 0;

  add(bytes: number): void {
    this.packets++;
    this.bytes += bytes;
  }
}

function tallyOf(tallies: Map<string, Tally>, name: string): Tally {
  let tally = tallies.get(name);
  if (tally === undefined) tallies.set(name, tally = new Tally());
  return tally;
}

/** Idle and total cost of discovery for one node. */
export const discoveryCost: ObserverDefinition = {
  id: "discovery_cost",
  kind: "metrics",
  summary:
    "Bytes of discovery that a node sends a second: over the whole run (`node.sent_per_s`), in the quiet tail " +
    "(`node.quiet_sent_per_s`).",
  byDefault: true,
  metrics: ["node"],
  create: ({ oracle }: RunContext) => {
    const marks = new Map<string, { bytes: number; atUs: number; lifeUs: number }>();
    const whole = new Samples("bytes");
    const quiet = new Samples("bytes");
    const rateSince = (node: string, from: { bytes: number; atUs: number }): number | null => {
      const bytes = oracle.sentBytes(node);
      const us = oracle.nowUs - from.atUs;
      return bytes === null || us < SECOND_US ? null : (bytes - from.bytes) * SECOND_US / us;
    };
    return {
      wants: ["phase"],
      onFact: (fact) => {
        if (fact.kind !== "phase") return;
        for (const node of oracle.nodes) {
          const lifeUs = oracle.sinceUs(node);
          if (fact.phase === "quiet") {
            marks.set(node, { bytes: oracle.sentBytes(node) ?? 0, atUs: oracle.nowUs, lifeUs });
          }
          if (fact.phase !== "end" || !oracle.isUp(node)) continue;
          const life = rateSince(node, { bytes: 0, atUs: lifeUs });
          if (life !== null) whole.add(life);
          const mark = marks.get(node);
          const tail = mark === undefined || mark.lifeUs !== lifeUs ? null : rateSince(node, mark);
          if (tail !== null) quiet.add(tail);
        }
      },
      finish: () => ({ "node.sent_per_s": whole.metric(), "node.quiet_sent_per_s": quiet.metric() }),
    };
  },
};

/** What was dropped because something was full. */
export const queueDrops: ObserverDefinition = {
  id: "queues",
  kind: "metrics",
  summary:
    "Datagrams and messages that nodes dropped or refused because a limit was reached or a queue was full " +
    "(`queue.drops`), looked at every second.",
  byDefault: true,
  metrics: ["queue"],
  create: ({ oracle }: RunContext) => {
    const last = new Map<string, number>();
    let total = 0;
    let nextUs = 0;
    return {
      onTick: (nowUs) => {
        if (nowUs < nextUs) return;
        nextUs = nowUs + SECOND_US;
        for (const node of oracle.nodes) {
          const drops = oracle.drops?.(node) ?? null;
          if (drops === null) {
            last.delete(node);
            continue;
          }
          // A session that ends takes its counters with it.
          total += Math.max(0, drops - (last.get(node) ?? 0));
          last.set(node, drops);
        }
      },
      finish: () => ({ "queue.drops": single("count", total) }),
    };
  },
};
