// Pings as rows and histograms: how `hana ping` shows what it measured.

import type { HanaError, Histogram } from "../../lib/base/mod.ts";
import { type Cell, type CellValue, type JsonObject, type Rendering } from "../output/mod.ts";

/** What was measured over one path on one lane. */
export interface PingResult {
  readonly node: string;
  /** The address that the last reply came from; null when there was no way. */
  readonly path: string | null;
  /** Whether lanes took datagrams or the stream, and why; null where there was no session. */
  readonly carrier?: "udp" | "stream" | null;
  readonly why?: string | null;
  readonly lane: string | null;
  /** How replies are protected on the way; null inside the machine, and where there was no way. */
  readonly seal: "encrypted" | "signed" | null;
  readonly sent: number;
  readonly received: number;
  /** Round trips in microseconds. */
  readonly rtt: Histogram;
  readonly error: HanaError | null;
}

/** A path as people read it: the kind, and where it leads if that tells one from another. */
export function shortPath(path: string): string {
  const [kind = "", rest = ""] = path.split("://");
  return kind === "unix" || kind === "pipe" ? `${kind} socket` : `${kind} ${rest}`;
}

/** Why lanes to a node on the network do not take datagrams, a line a node and reason. */
export function streamNotes(results: readonly PingResult[]): string[] {
  const notes = results.flatMap(({ node, path, carrier, why }) =>
    carrier === "stream" && path?.startsWith("tcp:") === true ? [`lanes to ${node} stay on TCP: ${why}`] : []
  );
  return [...new Set(notes)];
}

/** Rows of `hana ping`. */
export function pingRendering(): Rendering<PingResult> {
  return {
    what: "ping",
    row: "target",
    id: (result) => result.node,
    columns: [
      { header: "NODE", cell: (result) => result.node },
      {
        header: "PATH",
        cell: (result) => result.path && shortPath(result.path),
        plain: (result) => result.path,
        shrinks: true,
      },
      { header: "LANE", cell: (result) => result.lane },
      {
        header: "REPLIES",
        cell: repliesOf,
        plain: (result) => `${result.received}/${result.sent}`,
        align: "right",
      },
      { header: "MIN ms", spare: 2, cell: ms((rtt) => rtt.min), plain: us((rtt) => rtt.min), align: "right" },
      {
        header: "P50 ms",
        cell: ms((rtt) => rtt.percentile(0.5)),
        plain: us((rtt) => rtt.percentile(0.5)),
        align: "right",
      },
      {
        header: "P99 ms",
        cell: ms((rtt) => rtt.percentile(0.99)),
        plain: us((rtt) => rtt.percentile(0.99)),
        align: "right",
      },
      { header: "MAX ms", cell: ms((rtt) => rtt.max), plain: us((rtt) => rtt.max), align: "right" },
    ],
    json: pingJson,
    document: (results) => ({ targets: results.map(pingJson) }),
  };
}

function pingJson(result: PingResult): JsonObject {
  const { rtt } = result;
  return {
    node: result.node,
    path: result.path,
    lane: result.lane,
    seal: result.seal,
    carrier: result.carrier ?? null,
    why: result.why ?? null,
    sent: result.sent,
    received: result.received,
    rttUs: rtt.count === 0 ? null : {
      min: rtt.min,
      p50: rtt.percentile(0.5),
      p95: rtt.percentile(0.95),
      p99: rtt.percentile(0.99),
      max: rtt.max,
    },
    ...(result.error === null ? {} : { error: { code: result.error.code, text: result.error.message } }),
  };
}

function repliesOf(result: PingResult): Cell {
  const { sent, received } = result;
  const text = `${received} of ${sent}`;
  if (received === 0) return { text: `${text} none`, tone: "bad" };
  return received < sent ? { text: `${text} some`, tone: "warn" } : { text: `${text} all`, tone: "good" };
}

function ms(of: (rtt: Histogram) => number): (result: PingResult) => CellValue {
  return ({ rtt }) => rtt.count === 0 ? null : (of(rtt) / 1000).toFixed(2);
}

function us(of: (rtt: Histogram) => number): (result: PingResult) => CellValue {
  return ({ rtt }) => rtt.count === 0 ? null : of(rtt);
}

const BAR_WIDTH = 40;

/** A histogram for each result that has replies, one line for each power of two of microseconds. */
export function pingSummary(results: readonly PingResult[]): string {
  let text = "";
  for (const result of results) {
    if (result.received === 0) continue;
    text += `\n${result.node} by ${shortPath(result.path ?? "")}, lane ${result.lane}\n`;
    const counts = octaves(result.rtt);
    const most = Math.max(...counts.map(({ count }) => count));
    for (const { fromUs, toUs, count } of counts) {
      const bar = "#".repeat(Math.max(count > 0 ? 1 : 0, Math.round(BAR_WIDTH * count / most)));
      text += `  ${range(fromUs, toUs).padStart(18)}  ${bar.padEnd(BAR_WIDTH)}  ${count}\n`;
    }
  }
  return text;
}

function octaves(rtt: Histogram): { fromUs: number; toUs: number; count: number }[] {
  const rows: { fromUs: number; toUs: number; count: number }[] = [];
  let fromUs = 2 ** Math.floor(Math.log2(Math.max(1, rtt.min)));
  for (; fromUs <= rtt.max; fromUs *= 2) {
    rows.push({ fromUs, toUs: fromUs * 2, count: rtt.countBetween(fromUs, fromUs * 2) });
  }
  return rows;
}

function range(fromUs: number, toUs: number): string {
  return `${(fromUs / 1000).toFixed(2)}–${(toUs / 1000).toFixed(2)} ms`;
}
