// What a benchmark is asked for: sizes, paths, kinds of lanes, how long and how fast.
// Decides which texts of the command line mean what. Never measures.

import { HanaError } from "../../lib/base/mod.ts";
import { LANE_KINDS, type LaneKind } from "../../lib/lanes/mod.ts";
import { nearest } from "../config/mod.ts";
import { parseDuration } from "../output/mod.ts";

/** The ways between two processes. */
export const BENCH_PATHS = ["unix", "tcp", "udp"] as const;
/** One of them. `udp`: lanes on sealed datagrams; `tcp`: on a sealed stream; `unix`: on a local socket, not sealed. */
export type BenchPath = typeof BENCH_PATHS[number];

/** The workloads, in the order of help. */
export const WORKLOADS = ["rtt", "lane", "fanout", "codec", "handshake"] as const;
/** One of them. */
export type Workload = typeof WORKLOADS[number];

/** What is to be measured. Times are microseconds. */
export interface BenchPlan {
  readonly workload: Workload;
  readonly sizes: readonly number[];
  readonly paths: readonly BenchPath[];
  readonly kinds: readonly LaneKind[];
  readonly receivers: readonly number[];
  /** Messages a second that are sent whether answers come or not; null sends the next one when the last is answered. */
  readonly ratePerS: number | null;
  /** Of each measurement, over all rounds. */
  readonly durationUs: number;
  readonly warmupUs: number;
  readonly rounds: number;
  /** Whether bare sockets are measured beside. */
  readonly isRaw: boolean;
}

/** The flags of `hana bench`, as they were written. */
export interface BenchFlags {
  readonly size?: string;
  readonly path?: string;
  readonly kind?: string;
  readonly receivers?: string;
  readonly rate?: string;
  readonly closed?: true;
  readonly duration?: string;
  readonly warmup?: string;
  readonly rounds?: string;
  /** `--no-raw`: false. */
  readonly raw?: boolean;
}

const MAX_BYTES = 1024 * 1024;
/** A message carries its number and its time. */
const MIN_BYTES = 16;
const SHORT_KINDS: Readonly<Record<string, LaneKind>> = {
  uu: "unreliable-unordered",
  us: "unreliable-sequenced",
  ru: "reliable-unordered",
  ro: "reliable-ordered",
};

interface Defaults {
  readonly sizes: string;
  readonly kinds: readonly LaneKind[];
  readonly rate: number;
  readonly duration: string;
  readonly warmup: string;
  readonly rounds: number;
}

const DEFAULTS: Readonly<Record<Workload, Defaults>> = {
  rtt: {
    sizes: "64",
    kinds: LANE_KINDS,
    rate: 1_000,
    duration: "3s",
    warmup: "500ms",
    rounds: 3,
  },
  lane: { sizes: "64", kinds: LANE_KINDS, rate: 0, duration: "3s", warmup: "500ms", rounds: 3 },
  fanout: {
    sizes: "64",
    kinds: ["unreliable-sequenced"],
    rate: 1_000,
    duration: "3s",
    warmup: "500ms",
    rounds: 3,
  },
  codec: {
    sizes: "24,64,256,1200",
    kinds: LANE_KINDS,
    rate: 0,
    duration: "200ms",
    warmup: "50ms",
    rounds: 5,
  },
  handshake: { sizes: "64", kinds: LANE_KINDS, rate: 0, duration: "2s", warmup: "300ms", rounds: 3 },
};

/** The workload that a word means. Throws `usage` with what was probably meant. */
export function workloadOf(word: string): Workload {
  const found = WORKLOADS.find((each) => each === word);
  if (found !== undefined) return found;
  const meant = nearest(word, WORKLOADS);
  throw new HanaError("usage", {
    what: `hana bench has no workload ${JSON.stringify(word)}`,
    why: meant === null ? `the workloads are ${WORKLOADS.join(", ")}` : `did you mean ${meant}?`,
    hint: `hana bench ${meant ?? "rtt"}`,
  });
}

/** Reads the flags. Throws `usage`. */
export function planOf(workload: Workload, flags: BenchFlags): BenchPlan {
  const defaults = DEFAULTS[workload];
  if (flags.closed === true && flags.rate !== undefined) {
    throw new HanaError("usage", {
      what: "--closed and --rate together",
      why: "--closed sends the next message when the last one is answered, at whatever rate that gives",
      hint: "without --rate",
    });
  }
  return {
    workload,
    sizes: wordsOf(flags.size ?? defaults.sizes).map(sizeOf),
    paths: choicesOf("--path", flags.path, BENCH_PATHS, (word) => BENCH_PATHS.find((each) => each === word)),
    kinds: flags.kind === undefined ? defaults.kinds : choicesOf(
      "--kind",
      flags.kind,
      LANE_KINDS,
      (word) => SHORT_KINDS[word] ?? LANE_KINDS.find((each) => each === word),
    ),
    receivers: wordsOf(flags.receivers ?? "1,5,10,20").map((word) =>
      numberOf("--receivers", word, 1, 64, "1,5,10,20")
    ),
    ratePerS: flags.closed === true
      ? null
      : flags.rate === undefined
      ? defaults.rate
      : numberOf("--rate", flags.rate, 1, 1_000_000, "1000"),
    durationUs: positive("--duration", flags.duration ?? defaults.duration),
    warmupUs: parseDuration(flags.warmup ?? defaults.warmup, "--warmup"),
    rounds: numberOf("--rounds", flags.rounds ?? String(defaults.rounds), 1, 100, "5"),
    isRaw: flags.raw !== false,
  };
}

/** `64`, `1KiB`, `1MiB` as bytes. Throws `usage`. */
export function sizeOf(word: string): number {
  const [, digits = "", unit = ""] = /^(\d+)(B|KiB|MiB)?$/i.exec(word) ?? [];
  const factor = { "": 1, b: 1, kib: 1024, mib: 1024 * 1024 }[unit.toLowerCase()] ?? NaN;
  const bytes = digits === "" ? NaN : Number(digits) * factor;
  if (bytes >= MIN_BYTES && bytes <= MAX_BYTES) return bytes;
  throw new HanaError("usage", {
    what: `--size ${JSON.stringify(word)} is no size that can be measured`,
    why: `sizes are ${MIN_BYTES} B to 1MiB, such as 64 or 1KiB`,
    hint: "--size 64,1KiB",
  });
}

/** A size as people read it. */
export function formatSize(bytes: number): string {
  if (bytes % (1024 * 1024) === 0) return `${bytes / 1024 / 1024} MiB`;
  return bytes >= 1024 && bytes % 1024 === 0 ? `${bytes / 1024} KiB` : `${bytes} B`;
}

function wordsOf(text: string): string[] {
  return text.split(",").map((word) => word.trim()).filter((word) => word !== "");
}

function choicesOf<T extends string>(
  flag: string,
  text: string | undefined,
  all: readonly T[],
  find: (word: string) => T | undefined,
): readonly T[] {
  if (text === undefined || text === "all") return all;
  const words = wordsOf(text);
  const found = words.map((word) => {
    const choice = find(word);
    if (choice !== undefined) return choice;
    const meant = nearest(word, all);
    throw new HanaError("usage", {
      what: `${flag} knows no ${JSON.stringify(word)}`,
      why: meant === null ? `it takes ${all.join(", ")} or all` : `did you mean ${meant}?`,
      hint: `${flag} ${meant ?? all[0]}`,
    });
  });
  return [...new Set(found)];
}

function numberOf(flag: string, text: string, min: number, max: number, example: string): number {
  const value = Number(text);
  if (/^\d+$/.test(text) && value >= min && value <= max) return value;
  throw new HanaError("usage", {
    what: `${flag} is ${JSON.stringify(text)}, expected a whole number from ${min} to ${max}`,
    hint: `${flag} ${example}`,
  });
}

function positive(flag: string, text: string): number {
  const durationUs = parseDuration(text, flag);
  if (durationUs > 0) return durationUs;
  throw new HanaError("usage", { what: `${flag} is 0`, hint: `${flag} 2s` });
}
