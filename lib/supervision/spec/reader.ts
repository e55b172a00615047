// Reads the specification of a program as people, files and peers give it, and fills in what they left out.
// Decides which fields there are, their bounds and how they fit together; every refusal is a HanaError that names the field.
// Durations here are whole microseconds, sizes whole bytes; texts such as `5s` are read by those who meet people.

import { HanaError } from "../../base/mod.ts";
import {
  type HangRules,
  type Milestone,
  type ProgramSpec,
  type Readiness,
  SPEC_DEFAULTS,
} from "../model/mod.ts";
import { MAX_REMEMBERED_FAILURES } from "../machine/mod.ts";
import {
  MAX_ARGV_BYTES,
  MAX_ARGV_ITEMS,
  MAX_CHECKSUMS,
  MAX_CODES,
  MAX_DURATION_US,
  MAX_ENV_BYTES,
  MAX_ENV_ENTRIES,
  MAX_KEEP_CHILDREN,
  MAX_NEEDS,
  MAX_PATTERN_LENGTH,
  MAX_TEXT_BYTES,
} from "./bounds.ts";
import { RESERVED_VARIABLE } from "./environment.ts";
import {
  byteLength,
  excess,
  field,
  misfit,
  readBoolean,
  readInteger,
  readList,
  readTable,
  readText,
  readWord,
  type Table,
  unusable,
} from "./fields.ts";
import { checkProgramName } from "./name.ts";

const FIELDS: readonly string[] = ["argv", ...Object.keys(SPEC_DEFAULTS)];
const MILESTONES = ["started", "ready", "done"] as const satisfies readonly Milestone[];
const MINUTE_US = 60_000_000;
const HOUR_US = 60 * MINUTE_US;
/** Windows' exit codes have 32 bits. */
const MAX_EXIT_CODE = 0xffffffff;

/** A specification with nothing but a command line. Throws as {@linkcode readSpec}. */
export function defaultSpec(argv: readonly string[]): ProgramSpec {
  return readSpec({ argv });
}

/**
 * Reads a specification: a JSON object with `argv` and any of the other fields of {@linkcode ProgramSpec}; what is left out, or
 * undefined, has its default. Throws `schema` where a value has the wrong shape or a field is unknown, and `config` where values
 * do not fit together; both name the field.
 */
export function readSpec(value: unknown): ProgramSpec {
  const table = readTable("specification", value, FIELDS);
  const heartbeatUs = duration(table, "heartbeatUs", 50_000, MINUTE_US);
  const [successCodes, fatalCodes] = readCodes(table);
  return {
    argv: readArgv("argv", field(table, "argv")),
    cwd: orNull(table, "cwd", (path, v) => readText(path, v, { maxBytes: MAX_TEXT_BYTES })),
    env: optional(table, "env", readEnv),
    restart: optional(table, "restart", (path, v) => readWord(path, v, ["always", "on-failure", "never"])),
    // A cap of nothing would let a broken program spin.
    backoffCapUs: duration(table, "backoffCapUs", 250_000, HOUR_US),
    giveUp: orNull(table, "giveUp", readGiveUp),
    graceUs: duration(table, "graceUs", 0, 10 * MINUTE_US),
    startUs: duration(table, "startUs", 100_000, HOUR_US),
    heartbeatUs,
    hang: readHang(field(table, "hang"), heartbeatUs),
    ready: optional(table, "ready", readReadiness),
    successCodes,
    fatalCodes,
    fallback: orNull(table, "fallback", readFallback),
    memoryMaxBytes: orNull(
      table,
      "memoryMaxBytes",
      (path, v) => readInteger(path, v, 1 << 20, 2 ** 50, "bytes"),
    ),
    niceness: optional(table, "niceness", (path, v) => readInteger(path, v, 0, 19, "")),
    display: orNull(table, "display", (path, v) => readText(path, v, { maxBytes: 256, plain: true })),
    gpu: orNull(table, "gpu", (path, v) => readText(path, v, { maxBytes: 256, plain: true })),
    needs: optional(table, "needs", readNeeds),
    bind: optional(table, "bind", readBoolean),
    sha256: optional(table, "sha256", readChecksums),
    logs: optional(table, "logs", readLogs),
    boot: optional(table, "boot", (path, v) => readWord(path, v, ["restore", "ask"])),
    keepChildren: optional(table, "keepChildren", readKeepChildren),
  };
}

type Defaults = typeof SPEC_DEFAULTS;

function optional<K extends keyof Defaults>(
  table: Table,
  key: K,
  read: (path: string, value: unknown) => Defaults[K],
): Defaults[K] {
  const value = field(table, key);
  return value === undefined ? SPEC_DEFAULTS[key] : read(key, value);
}

/** As {@linkcode optional}, for fields where null says `none`. */
function orNull<K extends keyof Defaults>(
  table: Table,
  key: K,
  read: (path: string, value: unknown) => Defaults[K],
): Defaults[K] | null {
  return field(table, key) === null ? null : optional(table, key, read);
}

type DurationField = "heartbeatUs" | "backoffCapUs" | "graceUs" | "startUs";

function duration(table: Table, key: DurationField, least: number, most: number): number {
  return optional(table, key, (path, value) => readInteger(path, value, least, most, "microseconds"));
}

function readArgv(path: string, value: unknown): readonly [string, ...string[]] {
  const items = readList(path, value, 1, MAX_ARGV_ITEMS);
  let bytes = 0;
  const texts = items.map((item, i) => {
    const text = readText(`${path}[${i}]`, item, { maxBytes: MAX_ARGV_BYTES, mayBeEmpty: i > 0 });
    bytes += byteLength(text) + 1;
    if (bytes > MAX_ARGV_BYTES) throw excess(path, `${MAX_ARGV_BYTES} bytes at most`);
    return text;
  });
  const [program, ...rest] = texts;
  if (program === undefined) throw misfit(path, value, "a list with the program first");
  return [program, ...rest];
}

function readEnv(path: string, value: unknown): Readonly<Record<string, string>> {
  const table = readTable(path, value, null);
  const entries = Object.entries(table);
  if (entries.length > MAX_ENV_ENTRIES) throw excess(path, `${MAX_ENV_ENTRIES} variables at most`);
  const env: Record<string, string> = {};
  let bytes = 0;
  for (const [name, item] of entries) {
    const at = `${path}.${name.slice(0, 80)}`;
    // An assignment to `__proto__` sets no field of an object.
    if (!/^[A-Za-z_][A-Za-z0-9_]*$/.test(name) || name === "__proto__") {
      throw new HanaError("schema", {
        what: `the program's ${path} has a variable named ${JSON.stringify(name.slice(0, 80))}`,
        why: "a name has letters A-Z and a-z, digits and _, and begins with no digit",
      });
    }
    if (RESERVED_VARIABLE.test(name.toUpperCase())) {
      throw unusable(at, "hana sets this variable itself", "take another name, or leave it out");
    }
    const text = readText(at, item, { maxBytes: MAX_ENV_BYTES, mayBeEmpty: true });
    bytes += name.length + byteLength(text) + 2;
    if (bytes > MAX_ENV_BYTES) throw excess(path, `${MAX_ENV_BYTES} bytes at most`);
    env[name] = text;
  }
  return env;
}

function readGiveUp(path: string, value: unknown): ProgramSpec["giveUp"] {
  const table = readTable(path, value, ["after", "withinUs"]);
  return {
    after: readInteger(`${path}.after`, field(table, "after"), 1, MAX_REMEMBERED_FAILURES, "failures"),
    withinUs: readInteger(
      `${path}.withinUs`,
      field(table, "withinUs"),
      1_000_000,
      MAX_DURATION_US,
      "microseconds",
    ),
  };
}

/** What is left out grows with the heartbeat where that is slower than usual. */
function readHang(value: unknown, heartbeatUs: number): HangRules {
  const preset = SPEC_DEFAULTS.hang;
  const table = value === undefined ? {} : readTable("hang", value, Object.keys(preset));
  const time = (key: "warnUs" | "killUs" | "stallUs", otherwise: number): number => {
    const given = field(table, key);
    // The default of `killUs` is twice `warnUs` at least, and must be readable again.
    const most = key === "killUs" ? 2 * HOUR_US : HOUR_US;
    return given === undefined ? otherwise : readInteger(`hang.${key}`, given, 100_000, most, "microseconds");
  };
  const slower = Math.max(1, heartbeatUs / SPEC_DEFAULTS.heartbeatUs);
  const warnUs = time("warnUs", Math.round(preset.warnUs * slower));
  const killUs = time("killUs", Math.max(Math.round(preset.killUs * slower), 2 * warnUs));
  const stall = field(table, "stall");
  if (warnUs <= heartbeatUs) {
    throw unusable(
      "hang.warnUs",
      `it is ${warnUs}, and a heartbeat comes every ${heartbeatUs} microseconds only`,
    );
  }
  if (killUs <= warnUs) {
    throw unusable("hang.killUs", `it is ${killUs}, not more than hang.warnUs, which is ${warnUs}`);
  }
  return {
    warnUs,
    killUs,
    stallUs: time("stallUs", preset.stallUs),
    stall: stall === undefined ? preset.stall : readWord("hang.stall", stall, ["alert", "restart"]),
  };
}

function readReadiness(path: string, value: unknown): Readiness {
  const kind = readWord(
    `${path}.kind`,
    field(readTable(path, value, ["kind", "port", "text"]), "kind"),
    ["auto", "told", "tcp", "line"],
  );
  switch (kind) {
    case "tcp": {
      const table = readTable(path, value, ["kind", "port"]);
      return { kind, port: readInteger(`${path}.port`, field(table, "port"), 1, 65_535, "") };
    }
    case "line": {
      const table = readTable(path, value, ["kind", "text"]);
      return { kind, text: readText(`${path}.text`, field(table, "text"), { maxBytes: 1_024, plain: true }) };
    }
    default:
      readTable(path, value, ["kind"]);
      return { kind };
  }
}

function readCodes(table: Table): [readonly number[], readonly number[]] {
  const success = codes("successCodes", field(table, "successCodes"));
  const fatal = codes("fatalCodes", field(table, "fatalCodes"));
  const successCodes = [...new Set([0, ...success ?? SPEC_DEFAULTS.successCodes])];
  if (fatal?.includes(0) === true) throw unusable("fatalCodes", "0 is success always");
  const both = success === null ? undefined : fatal?.find((code) => success.includes(code));
  if (both !== undefined) throw unusable("fatalCodes", `${both} is among successCodes too`);
  // Of the codes that are fatal unless said otherwise, `successCodes` says otherwise.
  const fatalCodes = fatal ?? SPEC_DEFAULTS.fatalCodes.filter((code) => !successCodes.includes(code));
  return [successCodes, fatalCodes];
}

function codes(path: string, value: unknown): readonly number[] | null {
  if (value === undefined) return null;
  const list = readList(path, value, 0, MAX_CODES);
  return [...new Set(list.map((item, i) => readInteger(`${path}[${i}]`, item, 0, MAX_EXIT_CODE, "")))];
}

function readFallback(path: string, value: unknown): ProgramSpec["fallback"] {
  const table = readTable(path, value, ["after", "argv"]);
  return {
    after: readInteger(`${path}.after`, field(table, "after"), 1, MAX_REMEMBERED_FAILURES, "failures"),
    argv: readArgv(`${path}.argv`, field(table, "argv")),
  };
}

function readNeeds(path: string, value: unknown): Readonly<Record<string, Milestone>> {
  const table = readTable(path, value, null);
  const entries = Object.entries(table);
  if (entries.length > MAX_NEEDS) throw excess(path, `${MAX_NEEDS} programs at most`);
  const needs: Record<string, Milestone> = {};
  for (const [name, item] of entries) {
    checkProgramName(name, `a name in the program's ${path}`);
    needs[name] = readWord(`${path}.${name}`, item, MILESTONES);
  }
  return needs;
}

function readChecksums(path: string, value: unknown): Readonly<Record<string, string>> {
  const table = readTable(path, value, null);
  const entries = Object.entries(table);
  if (entries.length > MAX_CHECKSUMS) throw excess(path, `${MAX_CHECKSUMS} platforms at most`);
  const sums: Record<string, string> = {};
  for (const [platform, item] of entries) {
    if (!/^[a-z][a-z0-9]{1,15}-[a-z0-9][a-z0-9_]{1,15}$/.test(platform)) {
      throw misfit(
        `${path}, its platform,`,
        platform,
        "an operating system and a processor",
        "for example linux-x64",
      );
    }
    const sum = typeof item === "string" ? item.toLowerCase() : "";
    if (!/^[0-9a-f]{64}$/.test(sum)) throw misfit(`${path}.${platform}`, item, "64 hexadecimal digits");
    sums[platform] = sum;
  }
  return sums;
}

function readLogs(path: string, value: unknown): ProgramSpec["logs"] {
  const preset = SPEC_DEFAULTS.logs;
  const table = readTable(path, value, Object.keys(preset));
  const rotate = field(table, "rotateBytes");
  const keep = field(table, "keep");
  return {
    rotateBytes: rotate === undefined
      ? preset.rotateBytes
      : readInteger(`${path}.rotateBytes`, rotate, 64 * 1024, 1 << 30, "bytes"),
    keep: keep === undefined ? preset.keep : readInteger(`${path}.keep`, keep, 1, 100, "files"),
  };
}

function readKeepChildren(path: string, value: unknown): readonly string[] {
  return readList(path, value, 0, MAX_KEEP_CHILDREN).map((item, i) => {
    const at = `${path}[${i}]`;
    const pattern = readText(at, item, { maxBytes: 4 * MAX_PATTERN_LENGTH, plain: true });
    if (pattern.length > MAX_PATTERN_LENGTH) {
      throw excess(at, `${MAX_PATTERN_LENGTH} characters at most`);
    }
    try {
      new RegExp(pattern, "u");
    } catch (error) {
      throw unusable(at, error instanceof Error ? error.message : "it is no regular expression");
    }
    // Such ones take time that doubles with each character of a name, and the tree of a program waits for them.
    if (/[*+}]\??\)+[*+{]/.test(pattern)) {
      throw unusable(at, "a repetition repeats a repetition", "say it without nesting, for example [a-z]+");
    }
    return pattern;
  });
}
