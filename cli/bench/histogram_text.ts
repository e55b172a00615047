// A latency histogram in plain characters: a line for each quarter of a power of two, hana above, bare sockets below.
// Decides the scale (logarithmic in time, linear in share) and which ranges are folded; never colours.

import type { LatencyBucket, LatencyHistogram } from "./latency.ts";
import type { BenchResult } from "./result.ts";

const PER_OCTAVE = 2;
const BAR_WIDTH = 36;
/** Ranges above this many are folded into the last line: a tail of single values fills no screen. */
const MAX_LINES = 16;

/** Histograms of all results that have values. */
export function histogramText(results: readonly BenchResult[]): string {
  let text = "";
  for (const { name, histogram, baselineHistogram, baseline } of results) {
    if (histogram === undefined || histogram.count === 0) continue;
    const raw = baselineHistogram !== undefined && baselineHistogram.count > 0 ? baselineHistogram : null;
    text += `\n${name}${raw === null ? "" : `   # hana   . ${baseline?.name ?? "raw"}`}\n`;
    text += linesOf(histogram, raw).map((line) => `${line}\n`).join("");
  }
  return text;
}

interface Line {
  readonly label: string;
  readonly hana: number;
  readonly raw: number;
}

function linesOf(histogram: LatencyHistogram, raw: LatencyHistogram | null): string[] {
  const hana = sharesOf(histogram);
  const bare = raw === null ? new Map<number, number>() : sharesOf(raw);
  const rows = [...hana.keys(), ...bare.keys()];
  const [first, last] = [Math.min(...rows), Math.max(...rows)];
  const lines: Line[] = [];
  for (let row = first; row <= last; row++) {
    const range = { label: labelOf(row), hana: hana.get(row) ?? 0, raw: bare.get(row) ?? 0 };
    const folded = lines[MAX_LINES - 1];
    if (folded === undefined) lines.push(range);
    else {
      lines[MAX_LINES - 1] = {
        label: `from ${labelOf(first + MAX_LINES - 1).trim()}`,
        hana: folded.hana + range.hana,
        raw: folded.raw + range.raw,
      };
    }
  }
  const most = Math.max(...lines.map((line) => Math.max(line.hana, line.raw)));
  return lines.flatMap((line) => [
    barLine(line.label, "#", line.hana, most),
    ...(raw === null ? [] : [barLine("", ".", line.raw, most)]),
  ]);
}

function barLine(label: string, mark: string, share: number, most: number): string {
  const length = share > 0 ? Math.max(1, Math.round(BAR_WIDTH * share / most)) : 0;
  const percent = share > 0 ? `${(100 * share).toFixed(share < 0.001 ? 3 : 1)} %` : "";
  return `  ${label.padStart(16)}  ${mark.repeat(length).padEnd(BAR_WIDTH)}  ${percent}`.trimEnd();
}

function sharesOf(histogram: LatencyHistogram): Map<number, number> {
  const rowOf = ({ fromUs }: LatencyBucket): number => Math.round(Math.log2(fromUs) * PER_OCTAVE);
  return new Map(histogram.ranges(PER_OCTAVE).map((range) => [rowOf(range), range.count / histogram.count]));
}

function labelOf(row: number): string {
  return `${timeOf(2 ** (row / PER_OCTAVE))} us`;
}

function timeOf(us: number): string {
  return us < 10 ? us.toFixed(1) : String(Math.round(us));
}
