// Rules and figures of discovery's datagrams: none is too large, and how many it takes until all know all.

import type { Fact, FrameSample, MetricValue, ObserverDefinition, RunContext } from "../observe.ts";
import { MAX_DATAGRAM_BYTES } from "../../discovery/mod.ts";
import { Samples, single } from "./measure.ts";

const SECOND_US = 1_000_000;
/** What is no datagram of discovery. */
const OTHERS: ReadonlySet<string> = new Set(["stream", "other"]);

/** Every datagram of discovery passes any path. */
export const datagramsFit: ObserverDefinition = {
  id: "datagrams_fit",
  kind: "safety",
  summary: "No datagram of discovery is over 1,200 bytes.",
  byDefault: true,
  create: ({ violate }: RunContext) => {
    const told = new Set<string>();
    return {
      onFrame: ({ from, type, payloadBytes }: FrameSample) => {
        if (payloadBytes <= MAX_DATAGRAM_BYTES || OTHERS.has(type) || told.has(from)) return;
        told.add(from);
        violate({
          id: "datagrams_fit",
          kind: "safety",
          nodes: [from],
          text: `${from} sends a datagram (${type}) of ${payloadBytes} bytes`,
        });
      },
    };
  },
};

/** What it costs to bring a mesh up. */
export const coldStart: ObserverDefinition = {
  id: "cold_start",
  kind: "metrics",
  summary:
    "From the first start of the run until all nodes that run know all: how long (`cold_start`), and what discovery " +
    "sent meanwhile (`.datagrams`, `.bytes`; a multicast counts once).",
  byDefault: true,
  metrics: ["cold_start"],
  create: ({ oracle, scenario }: RunContext) => {
    let firstUs: number | null = null;
    let doneUs: number | null = null;
    let changedUs = 0;
    let cost = { datagrams: 0, bytes: 0 };
    const starters = scenario.nodes.filter(({ startUs }) => startUs !== null).map(({ name }) => name);
    /** The pair that was missing last is mostly missing still. */
    let missing: readonly [string, string] | null = null;
    const knows = (a: string, b: string): boolean => oracle.view(a).get(b)?.state === "alive";
    const isComplete = (): boolean => {
      if (missing !== null && !knows(...missing)) return false;
      for (const a of starters) {
        if (!oracle.isUp(a)) return false;
        for (const b of starters) {
          if (a === b || !oracle.sharesMesh(a, b) || knows(a, b)) continue;
          missing = [a, b];
          return false;
        }
      }
      return true;
    };
    return {
      wants: ["node-started", "view"],
      onFact: (fact: Fact) => {
        if (fact.kind === "view" && fact.before !== fact.state) changedUs = fact.atUs;
        else if (fact.kind === "node-started") firstUs ??= fact.atUs;
      },
      onTick: () => {
        if (doneUs !== null || firstUs === null || !isComplete()) return;
        doneUs = changedUs;
        let [datagrams, bytes] = [0, 0];
        for (const node of oracle.nodes) {
          datagrams += oracle.datagrams?.(node)?.sent ?? 0;
          bytes += oracle.sentBytes(node) ?? 0;
        }
        cost = { datagrams, bytes };
      },
      finish: (): Record<string, MetricValue> => {
        if (doneUs === null || firstUs === null) return {};
        return {
          "cold_start": single("us", doneUs - firstUs),
          // Real processes are not counted: no figure is better than none that was sent.
          ...(oracle.datagrams === undefined ? {} : {
            "cold_start.datagrams": single("count", cost.datagrams),
            "cold_start.bytes": single("bytes", cost.bytes),
          }),
        };
      },
    };
  },
};

/** Datagrams and bytes of discovery a node and second. */
export const discoveryLoad: ObserverDefinition = {
  id: "discovery_load",
  kind: "metrics",
  summary:
    "Datagrams of discovery that a node sends and receives a second, and the bytes received, over the quiet tail " +
    "(`load.sent_per_s`, `load.received_per_s`, `load.received_bytes_per_s`).",
  byDefault: true,
  metrics: ["load"],
  create: ({ oracle }: RunContext) => {
    const sent = new Samples("count");
    const received = new Samples("count");
    const bytes = new Samples("bytes");
    const marks = new Map<
      string,
      { sent: number; received: number; receivedBytes: number; lifeUs: number }
    >();
    let markedUs = 0;
    return {
      wants: ["phase"],
      onFact: (fact: Fact) => {
        if (fact.kind !== "phase" || fact.phase === "warm") return;
        const spanUs = fact.atUs - markedUs;
        for (const node of oracle.nodes) {
          const now = oracle.datagrams?.(node) ?? null;
          if (now === null) continue;
          const lifeUs = oracle.sinceUs(node);
          if (fact.phase === "quiet") {
            marks.set(node, { ...now, lifeUs });
            continue;
          }
          const mark = marks.get(node);
          if (mark === undefined || mark.lifeUs !== lifeUs || spanUs < SECOND_US) continue;
          sent.add((now.sent - mark.sent) * SECOND_US / spanUs);
          received.add((now.received - mark.received) * SECOND_US / spanUs);
          bytes.add((now.receivedBytes - mark.receivedBytes) * SECOND_US / spanUs);
        }
        markedUs = fact.atUs;
      },
      finish: () => ({
        "load.sent_per_s": sent.metric(),
        "load.received_per_s": received.metric(),
        "load.received_bytes_per_s": bytes.metric(),
      }),
    };
  },
};
