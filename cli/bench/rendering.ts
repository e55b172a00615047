// Results of a benchmark as rows: which columns a workload has.
// Decides that figures of hana stand beside those of the bare baseline, and their ratio last.

import type { CellValue, Column, Rendering } from "../output/mod.ts";
import type { LatencyFigures } from "./latency.ts";
import { formatSize, type Workload } from "./plan.ts";
import { type BenchResult, resultJson } from "./result.ts";

/** Rows of `hana bench`, for one workload. */
export function benchRendering(
  workload: Workload,
  machine: Readonly<Record<string, string | number>>,
): Rendering<BenchResult> {
  return {
    what: "bench",
    row: "result",
    id: (result) => result.name,
    columns: COLUMNS[workload],
    json: resultJson,
    document: (results) => ({ machine, results: results.map(resultJson) }),
  };
}

type BenchColumn = Column<BenchResult>;

const PATH: BenchColumn = { header: "PATH", cell: ({ path }) => path?.path ?? null };
const SEALED: BenchColumn = {
  header: "SEALED",
  cell: ({ path }) => path === undefined ? null : path.sealed ? "yes" : "no",
  spare: 3,
};
const KIND: BenchColumn = { header: "KIND", cell: ({ kind }) => kind ?? null };
const SIZE: BenchColumn = {
  header: "SIZE",
  cell: ({ sizeBytes }) => sizeBytes === undefined ? null : formatSize(sizeBytes),
  plain: ({ sizeBytes }) => sizeBytes ?? null,
  align: "right",
};
const LOST: BenchColumn = {
  header: "LOST",
  cell: ({ lost, sent }) =>
    lost === undefined
      ? null
      : lost > 0 && sent !== undefined
      ? { text: `${(100 * lost / sent).toPrecision(2)} %`, tone: "warn" }
      : lost,
  plain: ({ lost }) => lost ?? null,
  align: "right",
};

function figure(
  header: string,
  of: (figures: LatencyFigures) => number,
  which: (result: BenchResult) => LatencyFigures | undefined,
  spare?: number,
): BenchColumn {
  return {
    header,
    cell: (result) => {
      const figures = which(result);
      if (figures === undefined) return null;
      const us = of(figures);
      return us < 10 ? us.toPrecision(3) : us.toFixed(1);
    },
    align: "right",
    ...(spare === undefined ? {} : { spare }),
  };
}

function ratio(header: string, key: string, spare?: number): BenchColumn {
  return {
    header,
    cell: ({ ratio }) => times(ratio?.[key]),
    plain: ({ ratio }) => ratio?.[key] ?? null,
    align: "right",
    ...(spare === undefined ? {} : { spare }),
  };
}

function times(value: number | undefined): CellValue {
  return value === undefined ? null : `${value}x`;
}

function latencyColumns(
  which: (result: BenchResult) => LatencyFigures | undefined,
  raw: (result: BenchResult) => LatencyFigures | undefined,
): BenchColumn[] {
  return [
    figure("P50 us", ({ p50 }) => p50, which),
    figure("P90 us", ({ p90 }) => p90, which, 1),
    figure("P99 us", ({ p99 }) => p99, which),
    figure("P99.9 us", ({ p999 }) => p999, which),
    figure("MAX us", ({ max }) => max, which, 2),
    figure("RAW P50", ({ p50 }) => p50, raw),
    figure("RAW P99", ({ p99 }) => p99, raw, 4),
    ratio("RATIO P50", "p50"),
    ratio("P99", "p99"),
  ];
}

function perS(header: string, of: (result: BenchResult) => number | undefined, spare?: number): BenchColumn {
  return {
    header,
    cell: (result) => {
      const value = of(result);
      return value === undefined ? null : Math.round(value).toLocaleString("en");
    },
    plain: (result) => {
      const value = of(result);
      return value === undefined ? null : Math.round(value);
    },
    align: "right",
    ...(spare === undefined ? {} : { spare }),
  };
}

function perMessage(
  header: string,
  which: "cpuUsPerMessage" | "allocatedBytesPerMessage",
  spare: number,
): BenchColumn {
  return {
    header,
    cell: (result) => {
      const both = result[which];
      return both === undefined ? null : `${both.sender ?? "-"} + ${both.receiver ?? "-"}`;
    },
    align: "right",
    spare,
  };
}

const COLUMNS: Readonly<Record<Workload, readonly BenchColumn[]>> = {
  rtt: [
    PATH,
    SEALED,
    KIND,
    SIZE,
    ...latencyColumns(({ rttUs }) => rttUs, ({ baseline }) => baseline?.rttUs),
    LOST,
  ],
  lane: [
    PATH,
    SEALED,
    KIND,
    SIZE,
    perS("MSG/S", ({ msgsPerS }) => msgsPerS),
    perS("RAW MSG/S", ({ baseline }) => baseline?.msgsPerS),
    ratio("RATIO", "msgsPerS"),
    perS("RAW MANY/S", ({ beside }) => beside?.[0]?.msgsPerS, 5),
    LOST,
    perMessage("CPU us", "cpuUsPerMessage", 4),
    perMessage("ALLOC B", "allocatedBytesPerMessage", 2),
  ],
  fanout: [
    { header: "RECEIVERS", cell: ({ receivers }) => receivers ?? null, align: "right" },
    PATH,
    KIND,
    SIZE,
    ...latencyColumns(({ ageUs }) => ageUs, ({ baseline }) => baseline?.ageUs),
    LOST,
  ],
  codec: [
    { header: "WHAT", cell: ({ name }) => name.replace(/^codec /, "") },
    figure("US", ({ p50 }) => p50, ({ us }) => us),
    perS("PER S", ({ msgsPerS }) => msgsPerS),
    { header: "BASELINE", cell: ({ baseline }) => baseline?.name ?? null, shrinks: true },
    ratio("RATIO", "p50"),
  ],
  handshake: [
    { header: "WHAT", cell: ({ name }) => name.replace(/^handshake /, "") },
    ...latencyColumns(({ us }) => us, ({ baseline }) => baseline?.us),
    perS("PER S", ({ msgsPerS }) => msgsPerS),
  ],
};
