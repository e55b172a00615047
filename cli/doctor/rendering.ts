// Findings as people and scripts read them: grouped by machine, interface and node, what works in few lines, what fails
// with its reason and what to try. Decides the form alone (lib/node/doctor judges).

import { type Check, conclusionOf, countVerdicts, type Examined, type Verdict } from "../../lib/node/mod.ts";
import type { JsonObject, Palette, Tone } from "../output/mod.ts";
import { printable } from "../output/mod.ts";

const MARKS: Readonly<Record<Verdict, { readonly text: string; readonly tone: Tone }>> = {
  ok: { text: "ok", tone: "good" },
  warn: { text: "warn", tone: "warn" },
  fail: { text: "FAIL", tone: "bad" },
  skipped: { text: "skip", tone: "dim" },
};

const LABEL_WIDTH = 18;
const MARK_WIDTH = 6;

/** What is shown beside the findings. */
export interface DoctorSummary extends Examined {
  readonly elapsedMs: number;
}

/** The whole report for `--json`. */
export function doctorDocument(checks: readonly Check[], summary: DoctorSummary): JsonObject {
  return {
    checks: checks.map(checkJson),
    summary: {
      ...countVerdicts(checks),
      peers: summary.peers,
      elapsedMs: summary.elapsedMs,
      conclusion: conclusionOf(checks, summary),
    },
  };
}

/** One finding for scripts. */
export function checkJson(each: Check): JsonObject {
  return {
    check: each.id,
    verdict: each.verdict,
    interface: each.interface,
    family: each.family,
    node: each.node,
    what: each.what,
    why: each.why,
    try: each.hint,
  };
}

/** One finding, tab-separated. */
export function plainLine(each: Check): string {
  const { verdict, id, what, why, hint } = each;
  return [verdict, linkText(each) || "-", each.node ?? "-", id, what, why ?? "-", hint ?? "-"].map(printable)
    .join("\t");
}

/** Headings of {@linkcode plainLine}. */
export const PLAIN_HEADINGS = ["VERDICT", "INTERFACE", "NODE", "CHECK", "WHAT", "WHY", "TRY"].join("\t");

/** The report for people, without the closing sentence. */
export function reportLines(checks: readonly Check[], palette: Palette, columns: number | null): string[] {
  const width = Math.max(60, Math.min(columns ?? 100, 120));
  const lines: string[] = [];
  // What is true of everybody is explained once, at the interface.
  const shared = new Set(
    checks.filter((each) => each.id === "network-multicast").map(linkText),
  );
  for (const [heading, group] of groupsOf(checks)) {
    if (lines.length > 0) lines.push("");
    lines.push(palette.paint("strong", printable(heading)));
    for (const each of condensed(group)) {
      const isShared = each.node !== null && each.id.startsWith("multicast-") && each.verdict === "fail" &&
        shared.has(linkText(each));
      const told = isShared ? { ...each, why: `as with everybody on ${linkText(each)}`, hint: null } : each;
      lines.push(...linesOf(told, palette, width));
    }
  }
  return lines;
}

/** The machine, each interface, each node on each interface. */
function groupsOf(checks: readonly Check[]): Map<string, Check[]> {
  const groups = new Map<string, Check[]>([["this machine", []]]);
  const ranked = [...checks].sort((a, b) => rankOf(a) - rankOf(b) || compareLinks(a, b));
  for (const each of ranked) {
    const { node, interface: link } = each;
    const heading = node !== null ? node : link === null ? "this machine" : `interface ${linkText(each)}`;
    const group = groups.get(heading);
    if (group === undefined) groups.set(heading, [each]);
    else group.push(each);
  }
  return groups;
}

/** `eth0`, `eth0 IPv6`; empty without an interface. */
function linkText(each: Check): string {
  return each.interface === null ? "" : `${each.interface}${each.family === "ipv6" ? " IPv6" : ""}`;
}

/** Both sides of an interface one after the other; the order of the checks otherwise. */
function compareLinks(a: Check, b: Check): number {
  if (a.node !== null || b.node !== null) return 0;
  const left = linkText(a);
  const right = linkText(b);
  return left < right ? -1 : left > right ? 1 : 0;
}

function rankOf(each: Check): number {
  return each.node !== null ? 2 : each.interface !== null ? 1 : 0;
}

const WAY = /^(unicast|multicast|broadcast)-(in|out)$/;

/** Six ways that all work are one line, and those that work among others that do not are one line, too. */
function condensed(group: readonly Check[]): Check[] {
  const shown: Check[] = [];
  const links = new Set(group.map(linkText));
  for (const link of links) {
    const here = group.filter((each) => linkText(each) === link);
    const good = here.filter((each) => WAY.test(each.id) && each.verdict === "ok");
    const first = good[0];
    if (first !== undefined && good.length > 1) {
      const rtt = /\(.*ms\)/.exec(good.map((each) => each.what).join(" "))?.[0];
      shown.push({
        ...first,
        label: "ways",
        what: `${waysText(good.map((each) => each.id))}${rtt === undefined ? "" : ` ${rtt}`}`,
        why: null,
        hint: null,
      });
    } else {
      shown.push(...good);
    }
    shown.push(...here.filter((each) => !good.includes(each)));
  }
  // Where a node is on several links, each line says on which.
  const places = [...links].filter((link) => link !== "");
  return places.length < 2
    ? shown
    : shown.map((each) =>
      each.interface === null ? each : { ...each, what: `on ${linkText(each)}: ${each.what}` }
    );
}

/** `unicast, multicast and broadcast both ways`, `multicast in`. */
function waysText(ids: readonly string[]): string {
  const both: string[] = [];
  const single: string[] = [];
  for (const way of ["unicast", "multicast", "broadcast"]) {
    const out = ids.includes(`${way}-out`);
    const back = ids.includes(`${way}-in`);
    if (out && back) both.push(way);
    else if (out || back) single.push(`${way} ${out ? "to it" : "from it"}`);
  }
  const parts = both.length === 0 ? [] : [`${listText(both)} both ways`];
  return [...parts, ...single].join(", ");
}

function listText(items: readonly string[]): string {
  return items.length < 2
    ? items.join("")
    : `${items.slice(0, -1).join(", ")} and ${items[items.length - 1]}`;
}

function linesOf(each: Check, palette: Palette, width: number): string[] {
  const mark = MARKS[each.verdict];
  const indent = 2 + MARK_WIDTH + LABEL_WIDTH;
  const head = `  ${palette.paint(mark.tone, mark.text)}${" ".repeat(MARK_WIDTH - mark.text.length)}` +
    printable(each.label).padEnd(LABEL_WIDTH);
  const isBad = each.verdict === "fail" || each.verdict === "warn";
  const texts = [each.what];
  if (each.why !== null) texts[0] += isBad ? "" : ` (${each.why})`;
  if (isBad && each.why !== null) texts.push(`why: ${each.why}`);
  if (each.hint !== null && (isBad || each.verdict === "skipped")) texts.push(`try: ${each.hint}`);
  const lines = texts.flatMap((text) => wrapped(printable(text), width - indent));
  return lines.map((line, at) => `${at === 0 ? head : " ".repeat(indent)}${line}`);
}

/** Text in lines of at most `width`; longer words stand alone. */
function wrapped(text: string, width: number): string[] {
  const lines: string[] = [];
  let line = "";
  for (const word of text.split(" ")) {
    if (line !== "" && line.length + 1 + word.length > width) {
      lines.push(line);
      line = word;
    } else {
      line = line === "" ? word : `${line} ${word}`;
    }
  }
  return [...lines, line];
}
