// Writes docs/supervision-states.md from the state table of lib/supervision/machine; a test holds the file to it.
//
//   deno run --allow-write=docs scripts/supervision_states.ts

import type { Actual } from "../lib/supervision/model/mod.ts";
import {
  FIRST_DELAY_US,
  GUARDS,
  MAX_EXTENSION_US,
  nominalDelayUs,
  PROVEN_US,
  type Row,
  STABLE_US,
  STATE_RULES,
  STATE_TABLE,
  STEPS,
  TABLE_STATES,
  UNSTABLE_COUNT,
  UNSTABLE_WINDOW_US,
} from "../lib/supervision/machine/mod.ts";
import { SPEC_DEFAULTS } from "../lib/supervision/model/mod.ts";

const LINE_WIDTH = 110;

/** The page. */
export function supervisionStates(): string {
  return `${
    [
      ...head(),
      ...overview(),
      ...states(),
      ...policy(),
      ...edges(),
      ...names(),
    ].join("\n")
  }\n`;
}

function head(): string[] {
  return [
    "# States of a supervised program",
    "",
    "<!-- Written by scripts/supervision_states.ts from lib/supervision/machine/table.ts. Change the table, then run the script. -->",
    "",
    ...prose(
      "What is wanted (`up`, `down`, `once`) and what is (the states below) are two things. A wish is noted first, " +
        "whatever the state; the newest one wins. Then the first row of the table whose condition holds decides. An event " +
        "that meets no row, or one that says `count`, changes nothing and is counted as spurious: so is a second end of the " +
        "same run, an end of another run, and an answer to a start that is not under way.",
    ),
    "",
  ];
}

/** Every edge between different states, one line for each pair. */
function overview(): string[] {
  const lines = ["## Overview", "", "```text"];
  for (const state of TABLE_STATES) {
    const edges = new Map<Actual, string[]>();
    for (const row of STATE_TABLE) {
      if (!row.from.includes(state) || row.to === "same") continue;
      const events = edges.get(row.to) ?? [];
      const text = row.guard === null ? row.event : `${row.event} [${row.guard}]`;
      if (!events.includes(text)) events.push(text);
      edges.set(row.to, events);
    }
    let first = true;
    for (const to of TABLE_STATES) {
      const events = edges.get(to);
      if (events === undefined) continue;
      lines.push(`${(first ? state : "").padEnd(11)}-> ${to.padEnd(11)} ${events.join(", ")}`);
      first = false;
    }
  }
  lines.push("```", "");
  return lines;
}

function states(): string[] {
  const rows = TABLE_STATES.map((state) => {
    const rule = STATE_RULES[state];
    return [
      `\`${state}\``,
      rule.means,
      rule.limit ?? "none: nothing is under way",
      rule.forgives ? "yes" : "",
    ];
  });
  return [
    "## States and how long they may last",
    "",
    ...prose(
      "A limit marked as forgiving begins anew when it is over by more than a second before anybody looked: the machine, " +
        "or the supervisor, stood still meanwhile, and nobody saw the program fail.",
    ),
    "",
    ...table(["state", "means", "limit", "forgives"], rows),
    "",
  ];
}

function policy(): string[] {
  const seconds = (us: number): string => `${us / 1e6} s`;
  const cap = SPEC_DEFAULTS.backoffCapUs;
  const delays = [1, 2, 3, 4, 5, 6, 7, 8, 9].map((n) => nominalDelayUs(n, cap) / 1e6).join(", ");
  return [
    "## Policy",
    "",
    ...bullet(
      `Pause before the try after the nth end in a row: 0 for the first, then ${
        seconds(FIRST_DELAY_US)
      } doubled ` +
        `each time up to the cap, times a factor from 0.8 to 1.2. With the cap of ${
          seconds(cap)
        }: ${delays} s, and on.`,
    ),
    ...bullet(
      `${seconds(STABLE_US)} continuously ready: counts of failures and tries begin anew. ` +
        `${seconds(PROVEN_US)}: the safe look ends.`,
    ),
    ...bullet(`${UNSTABLE_COUNT} failures within ${seconds(UNSTABLE_WINDOW_US)}: unstable.`),
    ...bullet(`One \`extend\` grants ${seconds(MAX_EXTENSION_US)} at most.`),
    ...bullet(
      `Codes: 0 and \`successCodes\` success, \`fatalCodes\` (${
        SPEC_DEFAULTS.fatalCodes.join(", ")
      }) parked, 75 tried again ` +
        "without counting but with a pause, 125 stays down; 128 + n is signal n.",
    ),
    ...bullet(
      "The safe look starts from the `after`th failure in a row, and whenever the program is parked: no try comes by " +
        "itself then.",
    ),
    "",
  ];
}

function edges(): string[] {
  const lines = ["## Every state and every event", ""];
  for (const state of TABLE_STATES) {
    const here = STATE_TABLE.filter((row) => row.from.includes(state));
    const told = here.filter((row) => !row.actions.includes("count"));
    const ignored = here.filter((row) => row.actions.includes("count"));
    lines.push(`### ${state}`, "", `${upperFirst(STATE_RULES[state].means)}.`, "");
    lines.push(...table(["event", "if", "to", "does", "why"], told.map(cells)), "");
    if (ignored.length > 0) {
      const list = ignored.map((row) => `\`${row.event}\` (${row.why})`).join(", ");
      lines.push(...prose(`Ignored and counted: ${list}.`), "");
    }
  }
  return lines;
}

function cells(row: Row): string[] {
  return [
    `\`${row.event}\``,
    row.guard ?? "",
    row.to === "same" ? "" : `**${row.to}**`,
    [...row.actions, ...(row.reason === undefined ? [] : [`reason ${row.reason}`])].join(", "),
    row.why,
  ];
}

function names(): string[] {
  return [
    "## Conditions and steps",
    "",
    ...table(["if", "holds when"], Object.entries(GUARDS).map(([name, means]) => [name, means])),
    "",
    ...table(["does", "means"], Object.entries(STEPS).map(([name, means]) => [name, means])),
  ];
}

/** A Markdown table with columns as wide as their widest cell, as the formatter wants it. */
function table(head: readonly string[], rows: readonly (readonly string[])[]): string[] {
  const widths = head.map((text, i) => Math.max(text.length, ...rows.map((row) => row[i]?.length ?? 0)));
  const line = (row: readonly string[]): string =>
    `| ${widths.map((width, i) => (row[i] ?? "").padEnd(width)).join(" | ")} |`;
  return [line(head), `| ${widths.map((width) => "-".repeat(width)).join(" | ")} |`, ...rows.map(line)];
}

/** Lines as wide as the formatter makes them. */
function prose(text: string, indent = "", first = indent): string[] {
  const lines: string[] = [];
  let line = first;
  let isEmpty = true;
  for (const word of text.split(" ")) {
    if (!isEmpty && line.length + 1 + word.length > LINE_WIDTH) {
      lines.push(line);
      line = indent;
      isEmpty = true;
    }
    line += isEmpty ? word : ` ${word}`;
    isEmpty = false;
  }
  return [...lines, line];
}

function bullet(text: string): string[] {
  return prose(text, "  ", "- ");
}

function upperFirst(text: string): string {
  return text.slice(0, 1).toUpperCase() + text.slice(1);
}

if (import.meta.main) await Deno.writeTextFile("docs/supervision-states.md", supervisionStates());
