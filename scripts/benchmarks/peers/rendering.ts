// The comparison as one table: a row a peer, a column a workload; hana's ratio to each peer below, where both have it.
// Decides units and digits; never what a figure is worth.

import type { Cell, Figures } from "./figures.ts";
import type { Workload } from "./workloads.ts";

/** Three digits, and thousands in short. */
export function short(value: number | undefined): string {
  if (value === undefined || Number.isNaN(value)) return "-";
  if (value === Infinity) return "never";
  if (value >= 999_500) return `${trimmed(value / 1e6)}M`;
  if (value >= 9_995) return `${trimmed(value / 1e3)}k`;
  return trimmed(value);
}

function trimmed(value: number): string {
  return value >= 99.95 ? String(Math.round(value)) : String(Number(value.toPrecision(value < 1 ? 2 : 3)));
}

const ms = (us: number | undefined): string => us === undefined ? "-" : short(us / 1000);
const percent = (share: number | undefined): string =>
  share === undefined || Number.isNaN(share) ? "-" : `${trimmed(share * 100)} %`;

/** What stands in a cell, and what its column's head says. */
export const COLUMNS: Readonly<
  Record<Workload["task"], { readonly head: string; readonly text: (figures: Figures) => string }>
> = {
  echo: {
    head: "p50/p99/p99.9",
    text: ({ p50Us, p99Us, p999Us }) => `${short(p50Us)}/${short(p99Us)}/${short(p999Us)}`,
  },
  flow: {
    head: "delivered",
    text: ({ perS, lostShare }) =>
      `${short(perS)}${(lostShare ?? 0) > 0.0005 ? ` (${percent(lostShare)} lost)` : ""}`,
  },
  stream: {
    head: "p50/p99",
    text: ({ p50Us, p99Us, lostShare }) =>
      `${short(p50Us)}/${short(p99Us)}${(lostShare ?? 0) > 0.0005 ? ` (${percent(lostShare)} lost)` : ""}`,
  },
  mixed: {
    head: "before p50/p99, during p50/p99, ×p99, MB/s",
    text: (figures) =>
      `${short(figures["beforeP50Us"])}/${short(figures["beforeP99Us"])} ${short(figures["duringP50Us"])}/${
        short(figures["duringP99Us"])
      } ×${short(figures["growth"])} ${short((figures["bytesPerS"] ?? NaN) / 1e6)}`,
  },
  loss: {
    head: "p50/p99, newest p99, lost, 1 MB ms",
    text: ({ p50Us, p99Us, staleP99Us, lostShare, transferUs }) =>
      `${ms(p50Us)}/${ms(p99Us)} ${ms(staleP99Us)} ${percent(lostShare)} ${ms(transferUs)}`,
  },
};

/** The figure by which hana is set beside a peer in each workload; `isMore` where more is better. */
const KEY_FIGURES: Readonly<
  Record<Workload["task"], { readonly name: string; readonly text: string; readonly isMore?: true }>
> = {
  echo: { name: "p50Us", text: "p50" },
  flow: { name: "perS", text: "rate", isMore: true },
  stream: { name: "p99Us", text: "p99" },
  mixed: { name: "duringP99Us", text: "p99 during" },
  loss: { name: "staleP99Us", text: "newest p99" },
};

/** Lines whose columns are as wide as they need to be. */
export function table(rows: readonly (readonly string[])[]): string {
  const widths: number[] = [];
  for (const row of rows) row.forEach((text, at) => widths[at] = Math.max(widths[at] ?? 0, text.length));
  return rows.map((row) => row.map((text, at) => text.padEnd(widths[at] ?? 0)).join("  ").trimEnd()).join(
    "\n",
  );
}

/** The table: peers down, workloads across. */
export function renderTable(
  cells: readonly Cell[],
  workloads: readonly Workload[],
  peers: readonly string[],
): string {
  const shown = workloads.filter(({ name }) => cells.some(({ workload }) => workload === name));
  const heads = [
    ["", ...shown.map(({ text }) => text)],
    ["peer", ...shown.map(({ task }) => COLUMNS[task].head)],
  ];
  const rows = peers.filter((name) => cells.some(({ peer }) => peer === name)).map((name) => [
    name,
    ...shown.map((workload) => {
      const cell = cells.find(({ peer, workload: of }) => peer === name && of === workload.name);
      return cell === undefined ? "-" : COLUMNS[workload.task].text(cell.figures);
    }),
  ]);
  return table([...heads, ...rows]);
}

/** hana's figure by each peer's: "<" marks where the peer is ahead. Empty when hana was not measured. */
export function renderRatios(
  cells: readonly Cell[],
  workloads: readonly Workload[],
  peers: readonly string[],
): string {
  const find = (peer: string, workload: string): Cell | undefined =>
    cells.find((cell) => cell.peer === peer && cell.workload === workload);
  const shown = workloads.filter(({ name }) => cells.some(({ workload }) => workload === name));
  const ours = peers.filter((name) => name.startsWith("hana") && cells.some(({ peer }) => peer === name));
  const theirs = peers.filter((name) => !name.startsWith("hana") && cells.some(({ peer }) => peer === name));
  if (ours.length === 0 || theirs.length === 0) return "";
  const rows = ours.flatMap((hana) =>
    theirs.map((peer) => [
      `${hana} : ${peer}`,
      ...shown.map(({ name, task }) => {
        const figure = KEY_FIGURES[task];
        const ratio = (find(hana, name)?.figures[figure.name] ?? NaN) /
          (find(peer, name)?.figures[figure.name] ?? NaN);
        if (Number.isNaN(ratio)) return "-";
        const isBehind = figure.isMore === true ? ratio < 1 : ratio > 1;
        return `${short(ratio)}${isBehind ? " <" : ""}`;
      }),
    ])
  );
  return table([["ratio", ...shown.map(({ name, task }) => `${name} ${KEY_FIGURES[task].text}`)], ...rows]);
}
