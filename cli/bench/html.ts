// Results as one HTML file: a table and drawings in SVG, no script, nothing fetched.
// Decides the drawings: for latencies the curve over percentiles (both axes logarithmic, as tails are what matters),
// for rates bars beside those of the bare sockets.

import type { LatencyHistogram } from "./latency.ts";
import { formatSize } from "./plan.ts";
import type { BenchResult } from "./result.ts";

/** What the page says of the run. */
export interface PageHead {
  readonly title: string;
  readonly machine: Readonly<Record<string, string | number>>;
}

const WIDTH = 640;
const HEIGHT = 300;
const LEFT = 70;
const RIGHT = 20;
const TOP = 16;
const BOTTOM = 44;
const SHARES = [0, 0.5, 0.9, 0.99, 0.999, 0.9999] as const;
/** A curve ends where fewer values than this stand behind it. */
const MIN_BEHIND = 2;

const STYLE = `
:root { color-scheme: light dark; --ink: #1d2126; --paper: #fdfdfc; --faint: #d5d8dc; --hana: #0b6bcb; --raw: #b45309; }
@media (prefers-color-scheme: dark) {
  :root { --ink: #e8eaed; --paper: #16181b; --faint: #3c4148; --hana: #6bb5ff; --raw: #f0a94d; }
}
body { font: 15px/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 76rem; padding: 0 1rem;
  color: var(--ink); background: var(--paper); }
h1 { font-size: 1.4rem; } h2 { font-size: 1rem; margin: 0 0 .3rem; }
.charts { display: grid; grid-template-columns: repeat(auto-fit, minmax(20rem, 1fr)); gap: 1.5rem; }
figure { margin: 0; } svg { width: 100%; max-width: 46rem; height: auto; }
table { border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums; margin: 1.5rem 0; }
.wide { overflow-x: auto; }
th, td { text-align: right; padding: .25rem .6rem; border-bottom: 1px solid var(--faint); white-space: nowrap; }
th:first-child, td:first-child { text-align: left; }
text { font: 12px system-ui, sans-serif; fill: var(--ink); }
.grid { stroke: var(--faint); stroke-width: 1; }
.hana { stroke: var(--hana); fill: none; stroke-width: 2.5; } .raw { stroke: var(--raw); fill: none; stroke-width: 2;
  stroke-dasharray: 6 4; }
.bar-hana { fill: var(--hana); } .bar-raw { fill: var(--raw); }
.key-hana { color: var(--hana); } .key-raw { color: var(--raw); }
.facts { color: var(--ink); opacity: .75; font-size: .85rem; }`;

/** The whole page. */
export function benchPage(head: PageHead, results: readonly BenchResult[]): string {
  const charts = results.map(chartOf).filter((chart) => chart !== "");
  const rates = results.filter(({ msgsPerS, histogram }) =>
    msgsPerS !== undefined && histogram === undefined
  );
  const facts = Object.entries(head.machine).map(([name, value]) => `${name} ${value}`).join(" · ");
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<title>${escape(head.title)}</title>
<style>${STYLE}</style>
</head>
<body>
<h1>${escape(head.title)}</h1>
<p><span class="key-hana">&#9644; hana</span> &nbsp; <span class="key-raw">&#9644; bare sockets, same run</span></p>
<p>${escape([...new Set(results.map(({ how }) => how))].join(". "))}.</p>
<div class="charts">
${charts.join("\n")}
${rates.length === 0 ? "" : barsOf(rates)}
</div>
${tableOf(results)}
<p class="facts">${escape(facts)}</p>
</body>
</html>
`;
}

function chartOf({ name, histogram, baselineHistogram }: BenchResult): string {
  if (histogram === undefined || histogram.count === 0) return "";
  const both = [histogram, ...(baselineHistogram === undefined ? [] : [baselineHistogram])];
  const low = Math.min(...both.map((each) => Math.max(each.min, 0.1)));
  const high = Math.max(...both.map((each) => each.max));
  const from = Math.floor(Math.log10(low) * 2) / 2;
  const to = Math.max(from + 0.5, Math.ceil(Math.log10(high) * 2) / 2);
  const y = (us: number): number =>
    TOP + (HEIGHT - TOP - BOTTOM) * (1 - (Math.log10(Math.max(us, 10 ** from)) - from) / (to - from));
  const last = Math.max(...SHARES.map(depthOf));
  const x = (share: number): number => LEFT + (WIDTH - LEFT - RIGHT) * Math.min(depthOf(share), last) / last;
  const grid = [
    ...SHARES.map((share) =>
      line(x(share), TOP, x(share), HEIGHT - BOTTOM) +
      label(x(share), HEIGHT - BOTTOM + 16, share === 0 ? "min" : `p${rounded(100 * share)}`, "middle")
    ),
    ...ticks(from, to).map((us) =>
      line(LEFT, y(us), WIDTH - RIGHT, y(us)) + label(LEFT - 6, y(us) + 4, micros(us), "end")
    ),
  ];
  const curve = (of: LatencyHistogram, kind: string): string =>
    `<polyline class="${kind}" points="${
      sharesOf(of).map((share) => `${x(share).toFixed(1)},${y(of.percentile(share)).toFixed(1)}`).join(" ")
    }"/>`;
  return `<figure><h2>${escape(name)}</h2>
<svg viewBox="0 0 ${WIDTH} ${HEIGHT}" role="img" aria-label="latency by percentile: ${escape(name)}">
${grid.join("")}
${baselineHistogram === undefined || baselineHistogram.count === 0 ? "" : curve(baselineHistogram, "raw")}
${curve(histogram, "hana")}
</svg></figure>`;
}

/** Where a percentile stands: each nine behind it takes the same width. */
function depthOf(share: number): number {
  return -Math.log10(1 - Math.min(share, 0.99999));
}

function sharesOf(histogram: LatencyHistogram): number[] {
  const shares: number[] = [];
  const most = Math.min(depthOf(0.9999), Math.log10(Math.max(2, histogram.count / MIN_BEHIND)));
  for (let depth = 0; depth <= most + 1e-9; depth += 0.05) shares.push(1 - 10 ** -depth);
  return shares;
}

function ticks(from: number, to: number): number[] {
  const all: number[] = [];
  for (let decade = Math.floor(from); decade <= Math.ceil(to); decade++) {
    for (const factor of [1, 3]) {
      const us = factor * 10 ** decade;
      if (Math.log10(us) >= from - 1e-9 && Math.log10(us) <= to + 1e-9) all.push(us);
    }
  }
  return all;
}

function barsOf(results: readonly BenchResult[]): string {
  const rowHeight = 46;
  const height = results.length * rowHeight + 20;
  const rates = results.flatMap(({ msgsPerS = 0, baseline }) => [msgsPerS, rateOfBaseline(baseline)]);
  const most = Math.max(1, ...rates);
  const room = WIDTH - 300;
  const rows = results.map(({ name, msgsPerS = 0, baseline }, i) => {
    const top = 10 + i * rowHeight;
    const raw = rateOfBaseline(baseline);
    const bar = (at: number, rate: number, kind: string): string =>
      rate <= 0
        ? ""
        : `<rect class="${kind}" x="230" y="${at}" width="${(room * rate / most).toFixed(1)}" height="14"/>` +
          label(236 + room * rate / most, at + 12, Math.round(rate).toLocaleString("en"), "start");
    return label(222, top + 20, name.replace(/^\w+ /, ""), "end") + bar(top, msgsPerS, "bar-hana") +
      bar(top + 17, raw, "bar-raw");
  });
  return `<figure><h2>a second</h2>
<svg viewBox="0 0 ${WIDTH} ${height}" role="img" aria-label="rates">${rows.join("")}</svg></figure>`;
}

function rateOfBaseline(baseline: BenchResult["baseline"]): number {
  if (baseline === null) return 0;
  return baseline.msgsPerS ?? (baseline.us === undefined ? 0 : 1e6 / baseline.us.p50);
}

function tableOf(results: readonly BenchResult[]): string {
  const head = [
    "",
    "size",
    "n",
    "p50 µs",
    "p99 µs",
    "p99.9 µs",
    "max µs",
    "a second",
    "bare",
    "ratio",
    "lost",
  ];
  const rows = results.map((result) => {
    const figures = result.rttUs ?? result.ageUs ?? result.us;
    const bare = result.baseline?.rttUs ?? result.baseline?.ageUs ?? result.baseline?.us;
    const bareText = bare === undefined
      ? result.baseline?.msgsPerS?.toLocaleString("en") ?? "-"
      : `${bare.p50} µs`;
    const ratio = result.ratio?.p50 ?? result.ratio?.msgsPerS;
    return [
      result.name,
      result.sizeBytes === undefined ? "-" : formatSize(result.sizeBytes),
      result.n.toLocaleString("en"),
      ...[figures?.p50, figures?.p99, figures?.p999, figures?.max].map((us) =>
        us === undefined ? "-" : String(us)
      ),
      result.msgsPerS?.toLocaleString("en") ?? "-",
      bareText,
      ratio === undefined ? "-" : `${ratio}x`,
      result.lost === undefined ? "-" : String(result.lost),
    ];
  });
  const cells = (tag: string, row: readonly string[]): string =>
    `<tr>${row.map((cell) => `<${tag}>${escape(cell)}</${tag}>`).join("")}</tr>`;
  return `<div class="wide"><table><thead>${cells("th", head)}</thead><tbody>${
    rows.map((row) => cells("td", row)).join("")
  }</tbody></table></div>`;
}

function line(x1: number, y1: number, x2: number, y2: number): string {
  return `<line class="grid" x1="${x1.toFixed(1)}" y1="${y1.toFixed(1)}" x2="${x2.toFixed(1)}" y2="${
    y2.toFixed(1)
  }"/>`;
}

function label(x: number, y: number, text: string, anchor: string): string {
  return `<text x="${x.toFixed(1)}" y="${y.toFixed(1)}" text-anchor="${anchor}">${escape(text)}</text>`;
}

function micros(us: number): string {
  return us >= 1_000 ? `${rounded(us / 1_000)} ms` : `${rounded(us)} µs`;
}

function rounded(value: number): number {
  return Number(value.toPrecision(6));
}

function escape(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;").replaceAll(
    '"',
    "&quot;",
  );
}
