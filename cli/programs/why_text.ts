// What `hana why` shows: the three sentences, then what they rest on.
// Decides the order: what to do comes before any figure; and how little of a long record a person sees.

import {
  bytesWords,
  type CrashBundle,
  type CrewText,
  ENDINGS,
  exitOf,
  type ExitRecord,
  explain,
  explainExit,
  type ResourceSample,
  sentencesOf,
  signalWords,
  spanWords,
  startWords,
  times,
} from "../../lib/supervision/mod.ts";
import type { Cli } from "../frame/mod.ts";
import { type JsonObject, printable } from "../output/mod.ts";
import { wallClock } from "./clock.ts";
import type { Found } from "./hosts.ts";
import { logWords } from "./log_text.ts";

/** What was asked for. */
export interface WhyAsked {
  /** Null for the program as it stands. */
  readonly run: number | null;
  readonly lines: number;
}

/** Shows why. */
export async function showWhy(cli: Cli, found: Found, bundle: CrashBundle, asked: WhyAsked): Promise<void> {
  const { host, program } = found;
  const { output } = cli;
  const clock = wallClock();
  const context = {
    node: host.name,
    nowWallMs: Date.now() + host.aheadMs,
    clock: (wallMs: number) => clock(wallMs - host.aheadMs),
  };
  const exit = asked.run === null ? null : exitOfRun(bundle, asked.run, program.lastExit);
  const text = exit === null ? explain(bundle, context) : explainExit(program.name, exit, context);
  const lines = asked.lines === 0 ? [] : bundle.lines.slice(-asked.lines);
  const facts = factsOf(bundle, exit ?? bundle.snapshot.lastExit, context.clock);
  if (output.mode === "json" || output.mode === "ndjson") {
    output.record({
      what: "why",
      fields: [],
      quiet: [],
      json: {
        name: program.name,
        node: host.name,
        run: asked.run ?? bundle.snapshot.run,
        code: text.code,
        severity: text.severity,
        sentences: [...sentencesOf(text)],
        command: text.command,
        bundle: bundle as unknown as JsonObject,
      },
    });
    return;
  }
  if (output.mode === "quiet") return output.raw(`${text.code}\n`);
  if (output.mode === "plain") {
    output.record({
      what: "why",
      quiet: [],
      json: {},
      fields: [
        { label: "code", value: text.code },
        { label: "happened", value: text.happened },
        { label: "done", value: text.done },
        { label: "todo", value: text.todo },
        ...facts.map(([label, value]) => ({ label, value })),
        ...bundle.changes.map((change) => ({ label: "changed", value: change })),
        ...lines.map((line) => ({ label: line.stream, value: logWords(line.text, false) })),
      ],
    });
    return;
  }
  writeWords(cli, text, facts, bundle, lines);
  await Promise.resolve();
}

function writeWords(
  cli: Cli,
  text: CrewText,
  facts: readonly (readonly [string, string])[],
  bundle: CrashBundle,
  lines: CrashBundle["lines"],
): void {
  const { output } = cli;
  const { palette } = output;
  const tone = text.severity === "alarm"
    ? "bad"
    : text.severity === "warning"
    ? "warn"
    : text.severity === "ok"
    ? "good"
    : "strong";
  let page = `${palette.paint(tone, printable(text.happened))}\n${printable(text.done)}\n${
    printable(text.todo)
  }\n`;
  page += palette.paint("dim", `(${text.code} in the manual: docs/programs.md)`) + "\n";
  const width = Math.max(...facts.map(([label]) => label.length), 0) + 2;
  if (facts.length > 0) page += "\n";
  for (const [label, value] of facts) {
    page += `${palette.paint("strong", label)}${" ".repeat(width - label.length)}${printable(value)}\n`;
  }
  if (bundle.changes.length > 0) {
    page += `\n${palette.paint("strong", "changed since it last got ready")}\n`;
    for (const change of bundle.changes) page += `  ${printable(change)}\n`;
  }
  if (lines.length > 0) {
    page += `\n${palette.paint("strong", `last lines (run ${lines.at(-1)?.run ?? "?"})`)}\n`;
    for (const line of lines) {
      const words = logWords(line.text, palette.enabled);
      page += `  ${line.stream === "stderr" ? palette.paint("warn", words) : words}\n`;
    }
  }
  output.raw(page);
}

/** How a run ended; null where it still runs or is not on record. */
function exitOfRun(
  { snapshot, events }: CrashBundle,
  run: number,
  last: ExitRecord | null,
): ExitRecord | null {
  if (snapshot.lastExit?.run === run) return snapshot.lastExit;
  if (last?.run === run) return last;
  const event = events.findLast((each) => each.kind === "exited" && each.run === run);
  return event === undefined ? null : exitOf(event);
}

function factsOf(
  { snapshot, samples }: CrashBundle,
  exit: ExitRecord | null,
  clock: (wallMs: number) => string,
): readonly (readonly [string, string])[] {
  const facts: (readonly [string, string])[] = [
    ["state", `${snapshot.state}, wanted ${snapshot.want}${snapshot.fallback ? ", safe look showing" : ""}`],
    [
      "run",
      `${snapshot.run}${
        snapshot.fails > 0 ? `, failed ${times(snapshot.fails)} since it was last well` : ""
      }`,
    ],
    ["command", snapshot.argv.map((word) => /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word}'`).join(" ")],
  ];
  if (exit !== null) {
    const how = exit.signal !== null
      ? `${exit.signal} (${signalWords(exit.signal)})`
      : exit.code === null
      ? ENDINGS[exit.class].verbMany
      : `exit code ${exit.code}`;
    facts.push([
      "last exit",
      `${exit.class}, ${how}, at ${clock(exit.atWallMs)} after ${spanWords(exit.livedUs)} (run ${exit.run})`,
    ]);
    if (exit.why !== null && exit.why !== "") facts.push(["reason", startWords(exit.why) ?? exit.why]);
    if (exit.peakBytes !== null && exit.peakBytes > 0) {
      facts.push(["memory at most", bytesWords(exit.peakBytes)]);
    }
  }
  const course = courseOf(samples);
  if (course !== null) facts.push(["last minute", course]);
  return facts;
}

/** What its figures did: from, to. */
function courseOf(samples: readonly ResourceSample[]): string | null {
  const first = samples[0];
  const last = samples.at(-1);
  if (
    first === undefined || last === undefined || samples.every(({ residentBytes }) => residentBytes === 0)
  ) return null;
  const parts = [`memory ${bytesWords(first.residentBytes)} → ${bytesWords(last.residentBytes)}`];
  const busiest = Math.max(...samples.map(({ cpuShare }) => cpuShare));
  parts.push(`processor ${Math.round(busiest * 100)} % at most`);
  const fps = samples.map((sample) => sample.fps).filter((each) => each !== null);
  if (fps.length > 0) {
    parts.push(`${Math.round(Math.min(...fps))} to ${Math.round(Math.max(...fps))} frames/s`);
  }
  return parts.join(", ");
}
