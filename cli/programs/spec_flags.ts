// The flags of `hana spawn` as a specification: what was said, nothing else; the node fills in the rest.
// Decides how each flag is read and what is wrong with it; the bounds are lib/supervision/spec's.

import { HanaError } from "../../lib/base/mod.ts";
import { readSpec } from "../../lib/supervision/mod.ts";
import { nearest } from "../config/mod.ts";
import { parseDuration } from "../output/mod.ts";

/** What the flags say. */
export interface SpecFlags {
  readonly restart?: string;
  readonly env?: readonly string[];
  readonly cwd?: string;
  readonly display?: string;
  readonly gpu?: string;
  readonly memoryMax?: string;
  readonly grace?: string;
  readonly startTimeout?: string;
  readonly ready?: string;
  readonly need?: readonly string[];
  readonly bind?: true;
  readonly fallback?: string;
  readonly giveUp?: string;
  readonly nice?: string;
}

/** As much of a specification as was said. */
export type GivenSpec = Readonly<Record<string, unknown>> & { readonly argv: readonly string[] };

const RESTARTS = ["always", "on-failure", "never"];
const MILESTONES = ["started", "ready", "done"];
/** Failures in a row after which the safe look is started (research, section 1.6). */
const FALLBACK_AFTER = 3;

/** Reads the flags. Throws `usage` naming the flag. */
export function specOf(argv: readonly string[], flags: SpecFlags): GivenSpec {
  const given: GivenSpec = {
    argv,
    ...(flags.restart === undefined ? {} : { restart: wordOf("--restart", flags.restart, RESTARTS) }),
    ...(flags.env === undefined ? {} : { env: envOf(flags.env) }),
    ...(flags.cwd === undefined ? {} : { cwd: flags.cwd }),
    ...(flags.display === undefined ? {} : { display: flags.display }),
    ...(flags.gpu === undefined ? {} : { gpu: flags.gpu }),
    ...(flags.memoryMax === undefined ? {} : { memoryMaxBytes: parseSize(flags.memoryMax, "--memory-max") }),
    ...(flags.grace === undefined ? {} : { graceUs: parseDuration(flags.grace, "--grace") }),
    ...(flags.startTimeout === undefined
      ? {}
      : { startUs: parseDuration(flags.startTimeout, "--start-timeout") }),
    ...(flags.ready === undefined ? {} : { ready: readinessOf(flags.ready) }),
    ...(flags.need === undefined ? {} : { needs: needsOf(flags.need) }),
    ...(flags.bind === undefined ? {} : { bind: true }),
    ...(flags.fallback === undefined
      ? {}
      : { fallback: { after: FALLBACK_AFTER, argv: argvOf(flags.fallback, "--fallback") } }),
    ...(flags.giveUp === undefined ? {} : { giveUp: giveUpOf(flags.giveUp) }),
    ...(flags.nice === undefined ? {} : { niceness: wholeOf(flags.nice, "--nice", 0, 19) }),
  };
  try {
    readSpec(given);
  } catch (thrown) {
    if (!(thrown instanceof HanaError)) throw thrown;
    throw new HanaError("usage", {
      what: thrown.what,
      ...(thrown.why === undefined ? {} : { why: thrown.why }),
      hint: "hana spawn --help",
      cause: thrown,
    });
  }
  return given;
}

/** `512MiB`, `6GiB`, `2GB`: bytes. Throws `usage` naming `flag`. */
export function parseSize(text: string, flag: string): number {
  const [, digits = "", unit = ""] = /^\s*(\d+(?:\.\d+)?)\s*([a-z]*)\s*$/i.exec(text) ?? [];
  const factor = SIZES[unit.toLowerCase()];
  if (digits === "" || factor === undefined) {
    const [, number = "6", first = ""] = /(\d+(?:\.\d+)?)\s*([a-z]?)/i.exec(text) ?? [];
    const meant = /^t/i.test(first) ? "TiB" : /^m/i.test(first) ? "MiB" : "GiB";
    throw new HanaError("usage", {
      what: `${flag} ${JSON.stringify(text)} is no size`,
      why: "a size is a number and a unit, such as 512MiB or 6GiB",
      hint: `${flag} ${number}${meant}`,
    });
  }
  return Math.round(Number(digits) * factor);
}

const SIZES: Readonly<Record<string, number>> = {
  b: 1,
  k: 1024,
  kib: 1024,
  kb: 1000,
  m: 1024 ** 2,
  mib: 1024 ** 2,
  mb: 1000 ** 2,
  g: 1024 ** 3,
  gib: 1024 ** 3,
  gb: 1000 ** 3,
  t: 1024 ** 4,
  tib: 1024 ** 4,
  tb: 1000 ** 4,
};

/** A command line in one text: a JSON list, or words with spaces between them. No shell ever sees it. */
export function argvOf(text: string, flag: string): readonly string[] {
  const trimmed = text.trim();
  if (trimmed.startsWith("[")) {
    try {
      const list: unknown = JSON.parse(trimmed);
      if (Array.isArray(list) && list.length > 0 && list.every((item) => typeof item === "string")) {
        return list;
      }
    } catch {
      // Said below.
    }
    throw new HanaError("usage", {
      what: `${flag} ${JSON.stringify(text)} is no list of words`,
      why: "a command line is words with spaces between them, or a JSON list of texts",
      hint: `${flag} '["slate","--black"]'`,
    });
  }
  if (trimmed === "") {
    throw new HanaError("usage", {
      what: `${flag} is empty`,
      why: "it takes a command line",
      hint: `${flag} slate`,
    });
  }
  if (/["'\\|&;<>$`]/.test(trimmed)) {
    throw new HanaError("usage", {
      what: `${flag} ${JSON.stringify(text)} needs a shell`,
      why: "hana never uses one: words are split at spaces, and quotes mean nothing",
      hint: `${flag} '["slate","--text","two words"]'`,
    });
  }
  return trimmed.split(/\s+/);
}

function envOf(texts: readonly string[]): Record<string, string> {
  const env: Record<string, string> = {};
  for (const text of texts) {
    const cut = text.indexOf("=");
    if (cut < 1) {
      throw new HanaError("usage", {
        what: `--env ${JSON.stringify(text)} sets nothing`,
        why: cut === 0 ? "the name before = is missing" : "it takes NAME=VALUE; an empty value is NAME=",
        hint: `--env ${cut === 0 ? `NAME${text}` : `${text}=1`}`,
      });
    }
    env[text.slice(0, cut)] = text.slice(cut + 1);
  }
  return env;
}

function readinessOf(text: string): Record<string, unknown> {
  if (text === "auto" || text === "told") return { kind: text };
  const tcp = /^tcp:(?:localhost:|127\.0\.0\.1:)?(\d+)$/.exec(text);
  const port = Number(tcp?.[1]);
  if (tcp !== null && port >= 1 && port <= 65_535) return { kind: "tcp", port };
  if (text.startsWith("line:") && text.length > "line:".length) {
    return { kind: "line", text: text.slice("line:".length) };
  }
  throw new HanaError("usage", {
    what: `--ready ${JSON.stringify(text)} says no way to tell`,
    why: "it is auto, told (the program says so), tcp:PORT, or line:TEXT (a line that it writes)",
    hint: `--ready ${/^\d+$/.test(text) ? `tcp:${text}` : "tcp:7000"}`,
  });
}

function needsOf(texts: readonly string[]): Record<string, string> {
  const needs: Record<string, string> = {};
  for (const text of texts) {
    const [name = "", milestone = "ready", ...rest] = text.split("=");
    if (name === "" || rest.length > 0 || !MILESTONES.includes(milestone)) {
      throw new HanaError("usage", {
        what: `--need ${JSON.stringify(text)} cannot be read`,
        why: `it takes NAME or NAME=${MILESTONES.join("|")}`,
        hint: `--need ${name === "" ? "tracker" : name}=${nearest(milestone, MILESTONES) ?? "ready"}`,
      });
    }
    needs[name] = milestone;
  }
  return needs;
}

function giveUpOf(text: string): { after: number; withinUs: number } {
  const [, after = "", within = ""] = /^(\d+)\/(.+)$/.exec(text) ?? [];
  if (after === "") {
    throw new HanaError("usage", {
      what: `--give-up ${JSON.stringify(text)} cannot be read`,
      why: "it takes FAILURES/DURATION: so many within so long",
      hint: "--give-up 10/5m",
    });
  }
  return { after: Number(after), withinUs: parseDuration(within, "--give-up 10/") };
}

/** A whole number within bounds. Throws `usage` naming `flag`. */
export function wholeOf(text: string, flag: string, least: number, most: number): number {
  const n = Number(text);
  if (/^-?\d+$/.test(text) && n >= least && n <= most) return n;
  throw new HanaError("usage", {
    what: `${flag} is ${JSON.stringify(text)}, expected a whole number from ${least} to ${most}`,
    hint: `${flag} ${Math.min(most, Math.max(least, Number.isFinite(n) ? Math.round(n) : least))}`,
  });
}

function wordOf(flag: string, text: string, words: readonly string[]): string {
  if (words.includes(text)) return text;
  throw new HanaError("usage", {
    what: `${flag} is ${JSON.stringify(text)}, expected one of ${words.join(", ")}`,
    hint: `${flag} ${nearest(text, words) ?? words[0]}`,
  });
}
