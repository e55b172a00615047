// The kinds of values that a setting can have: how each is read from text (flags, environment) and from a
// configuration file, and how it is shown. Decides what is well-formed; never where a value comes from.

import { formatDuration, tryDuration } from "../output/mod.ts";
import { nearest } from "./nearest.ts";

/** Why a text or value does not fit its setting. Caught in resolve.ts, which adds where it came from. */
export class Misfit extends Error {
  override readonly name = "Misfit";
  /** A text that would fit and was probably meant. */
  readonly instead: string | undefined;

  constructor(why: string, instead?: string) {
    super(why);
    this.instead = instead;
  }
}

/** What JSON shows of a setting. */
export type SettingJson =
  | string
  | number
  | boolean
  | null
  | readonly SettingJson[]
  | { readonly [key: string]: SettingJson };

/** A kind of value. */
export interface Kind<T> {
  /** What is expected, for error texts: "a port (0 to 65535)". */
  readonly expects: string;
  /** A switch without a value on the command line. */
  readonly isSwitch?: boolean;
  /** May be given several times on the command line. */
  readonly repeats?: boolean;
  /** All values, where there are few: for help and completions. */
  readonly choices?: readonly string[];
  /** Reads one environment variable, or one flag that does not repeat. */
  parseText(text: string): T;
  /** Reads all occurrences of a flag that repeats. */
  parseTexts?(texts: readonly string[]): T;
  /** Reads what a configuration file holds. */
  parseValue(value: unknown): T;
  /** For people. */
  format(value: T): string;
  /** For scripts. */
  json(value: T): SettingJson;
}

function typeName(value: unknown): string {
  if (value === null) return "nothing";
  if (Array.isArray(value)) return "a list";
  if (typeof value === "object") return "a mapping";
  return `the ${typeof value} ${JSON.stringify(value)}`;
}

function expectText(value: unknown, expects: string): string {
  if (typeof value !== "string") throw new Misfit(`is ${typeName(value)}, expected ${expects}`);
  return value;
}

function isOneLine(given: string): boolean {
  return /^[^\p{Cc}]+$/u.test(given);
}

/** A text that `allows` says yes to. */
export function text(expects: string, allows: (given: string) => boolean = isOneLine): Kind<string> {
  return {
    expects,
    parseText(given) {
      if (!allows(given)) throw new Misfit(`is ${JSON.stringify(given)}, expected ${expects}`);
      return given;
    },
    parseValue(value) {
      return this.parseText(expectText(value, expects));
    },
    format: (value) => value,
    json: (value) => value,
  };
}

/** A path; a leading `~/` is the home directory in files, as a shell would have it on the command line. */
export function path(home: () => string | undefined): Kind<string> {
  const plain = text("a path");
  return {
    ...plain,
    parseValue(value) {
      const given = plain.parseText(expectText(value, "a path"));
      const at = home();
      return given.startsWith("~/") && at !== undefined ? `${at}/${given.slice(2)}` : given;
    },
  };
}

/** One of a few words. */
export function choice<const T extends string>(...choices: readonly T[]): Kind<T> {
  const expects = `one of ${choices.join(", ")}`;
  return {
    expects,
    choices,
    parseText(given) {
      const found = choices.find((word) => word === given);
      if (found === undefined) {
        throw new Misfit(
          `is ${JSON.stringify(given)}, expected ${expects}`,
          nearest(given, choices) ?? undefined,
        );
      }
      return found;
    },
    parseValue(value) {
      return this.parseText(expectText(value, expects));
    },
    format: (value) => value,
    json: (value) => value,
  };
}

/** A whole number within bounds. */
export function integer(min: number, max: number, noun: string): Kind<number> {
  const expects = `${noun} (${min} to ${max})`;
  const check = (n: number): number => {
    if (!Number.isInteger(n) || n < min || n > max) throw new Misfit(`is ${n}, expected ${expects}`);
    return n;
  };
  return {
    expects,
    parseText(given) {
      if (!/^-?\d+$/.test(given)) throw new Misfit(`is ${JSON.stringify(given)}, expected ${expects}`);
      return check(Number(given));
    },
    parseValue(value) {
      if (typeof value !== "number") throw new Misfit(`is ${typeName(value)}, expected ${expects}`);
      return check(value);
    },
    format: String,
    json: (value) => value,
  };
}

const SIZE_UNITS: Readonly<Record<string, number>> = {
  "": 1,
  b: 1,
  k: 1024,
  kib: 1024,
  kb: 1000,
  m: 1024 ** 2,
  mib: 1024 ** 2,
  mb: 1000 ** 2,
};

/** A number of bytes: `4096`, `64KiB`, `16MiB`. */
export function bytes(min: number, max: number): Kind<number> {
  const expects = `a size such as 64KiB or 16MiB (${formatBytes(min)} to ${formatBytes(max)})`;
  const check = (n: number): number => {
    if (!Number.isInteger(n) || n < min || n > max) throw new Misfit(`is ${n} bytes, expected ${expects}`);
    return n;
  };
  return {
    expects,
    parseText(given) {
      const match = /^(\d+)\s*([a-z]*)$/i.exec(given);
      const unit = SIZE_UNITS[(match?.[2] ?? "?").toLowerCase()];
      if (match === null || unit === undefined) {
        throw new Misfit(`is ${JSON.stringify(given)}, expected ${expects}`);
      }
      return check(Number(match[1]) * unit);
    },
    parseValue(value) {
      if (typeof value === "number") return check(value);
      return this.parseText(expectText(value, expects));
    },
    format: formatBytes,
    json: (value) => value,
  };
}

function formatBytes(n: number): string {
  if (n >= 1024 ** 2 && n % 1024 ** 2 === 0) return `${n / 1024 ** 2}MiB`;
  if (n >= 1024 && n % 1024 === 0) return `${n / 1024}KiB`;
  return String(n);
}

/** A duration, kept in microseconds. */
export function duration(): Kind<number> {
  const expects = "a duration such as 250ms, 2s or 5m";
  return {
    expects,
    parseText(given) {
      const read = tryDuration(given);
      if (typeof read === "number") return read;
      throw new Misfit(`is ${JSON.stringify(given)}: ${read.why}`, read.hint);
    },
    parseValue(value) {
      if (typeof value === "number") {
        throw new Misfit(`is ${value} without a unit, expected ${expects}`, `${value}s`);
      }
      return this.parseText(expectText(value, expects));
    },
    format: formatDuration,
    json: formatDuration,
  };
}

const TRUE_WORDS: readonly string[] = ["1", "true", "yes", "on"];
const FALSE_WORDS: readonly string[] = ["0", "false", "no", "off"];

/** Yes or no. */
export function flag(): Kind<boolean> {
  const expects = "true or false";
  return {
    expects,
    isSwitch: true,
    parseText(given) {
      const word = given.toLowerCase();
      if (TRUE_WORDS.includes(word)) return true;
      if (FALSE_WORDS.includes(word)) return false;
      throw new Misfit(`is ${JSON.stringify(given)}, expected ${expects}`);
    },
    parseValue(value) {
      if (typeof value !== "boolean") throw new Misfit(`is ${typeName(value)}, expected ${expects}`);
      return value;
    },
    format: String,
    json: (value) => value,
  };
}

/** At most this many entries in a list or mapping. */
const MAX_ENTRIES = 256;

/** Several values of one kind: a list in a file, commas in the environment, a flag given several times. */
export function list(item: Kind<string>): Kind<readonly string[]> {
  const expects = `a list, each ${item.expects}`;
  const check = (values: readonly string[]): readonly string[] => {
    if (values.length > MAX_ENTRIES) throw new Misfit(`has ${values.length} entries, at most ${MAX_ENTRIES}`);
    return values;
  };
  return {
    expects,
    repeats: true,
    ...(item.choices === undefined ? {} : { choices: item.choices }),
    parseText: (given) => check(splitCommas(given).map((part) => item.parseText(part))),
    parseTexts: (given) => check(given.map((part) => item.parseText(part))),
    parseValue(value) {
      if (typeof value === "string") return [item.parseText(value)];
      if (!Array.isArray(value)) throw new Misfit(`is ${typeName(value)}, expected ${expects}`);
      return check(value.map((part) => item.parseValue(part)));
    },
    format: (values) => values.join(", "),
    json: (values) => values,
  };
}

const TAG_KEY = /^[A-Za-z0-9][A-Za-z0-9._-]*$/;

/** Names with values: a mapping in a file, `a=1,b=2` in the environment, a flag given several times. */
export function mapping(): Kind<Readonly<Record<string, string>>> {
  const expects = "KEY=VALUE";
  const collect = (pairs: readonly (readonly [string, string])[]): Readonly<Record<string, string>> => {
    if (pairs.length > MAX_ENTRIES) throw new Misfit(`has ${pairs.length} entries, at most ${MAX_ENTRIES}`);
    for (const [key, value] of pairs) {
      if (!TAG_KEY.test(key)) throw new Misfit(`has the key ${JSON.stringify(key)}, expected ${expects}`);
      if (/\p{Cc}/u.test(value)) throw new Misfit(`has a control character in the value of ${key}`);
    }
    return Object.fromEntries(pairs);
  };
  const pair = (given: string): readonly [string, string] => {
    const at = given.indexOf("=");
    if (at < 1) throw new Misfit(`has ${JSON.stringify(given)}, expected ${expects}`);
    return [given.slice(0, at), given.slice(at + 1)];
  };
  return {
    expects,
    repeats: true,
    parseText: (given) => collect(splitCommas(given).map(pair)),
    parseTexts: (given) => collect(given.map(pair)),
    parseValue(value) {
      if (typeof value !== "object" || value === null || Array.isArray(value)) {
        throw new Misfit(`is ${typeName(value)}, expected a mapping such as {stage: left}`);
      }
      return collect(
        Object.entries(value).map(([key, entry]) => {
          if (typeof entry === "object") {
            throw new Misfit(`has ${typeName(entry)} at ${key}, expected a text`);
          }
          return [key, String(entry)] as const;
        }),
      );
    },
    format: (map) => Object.entries(map).map(([key, value]) => `${key}=${value}`).join(", "),
    json: (map) => map,
  };
}

function splitCommas(given: string): string[] {
  return given.split(",").map((part) => part.trim()).filter((part) => part !== "");
}
