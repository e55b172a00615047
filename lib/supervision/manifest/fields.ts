// The fields of a program in a manifest: what each is called, how it is read, and what it becomes in a specification.
// One table, from which the reader and the JSON Schema are made. Bounds are those of lib/supervision/spec.

import type { ProgramSpec } from "../model/mod.ts";
import type { ManifestNode } from "./tree.ts";
import { join, type Values } from "./values.ts";

/** A piece of a JSON Schema. */
export type SchemaPart = Readonly<Record<string, unknown>>;

/** One field. */
export interface FieldRule {
  /** What it becomes; null for fields that are about the show, not about the program. */
  readonly spec: keyof ProgramSpec | null;
  readonly about: string;
  readonly schema: SchemaPart;
  /** Whether `defaults` may have it. */
  readonly shared: boolean;
  /** Undefined where a problem was noted. */
  readonly read: (values: Values, path: string, node: ManifestNode) => unknown;
}

const DURATION: SchemaPart = { type: "string", pattern: "^(0|(\\d+(\\.\\d+)?(us|ms|s|m|h|d))+)$" };
const SIZE: SchemaPart = { type: "string", pattern: "^\\d+(\\.\\d+)? ?(B|KiB|MiB|GiB|TiB|KB|MB|GB|TB)$" };
const TEXTS: SchemaPart = { type: "array", items: { type: "string" } };
const ARGV: SchemaPart = { ...TEXTS, minItems: 1 };
const CODES: SchemaPart = { type: "array", items: { type: "integer", minimum: 0 } };
const MILESTONE_WORDS = ["started", "ready", "done"] as const;
const READY_FIELDS = ["tcp", "line"] as const;

function duration(spec: keyof ProgramSpec, about: string): FieldRule {
  return { spec, about, schema: DURATION, shared: true, read: (v, path, node) => v.duration(path, node) };
}

function codes(spec: keyof ProgramSpec, about: string): FieldRule {
  return { spec, about, schema: CODES, shared: true, read: readNumbers };
}

function label(spec: keyof ProgramSpec, about: string): FieldRule {
  return {
    spec,
    about,
    schema: { type: ["string", "integer"] },
    shared: true,
    // `display: 1` is meant as a name.
    read: (v, path, node) =>
      node.kind === "scalar" && Number.isSafeInteger(node.value) ? String(node.value) : v.text(path, node),
  };
}

/** All fields of a program, by name. */
export const PROGRAM_FIELDS: Readonly<Record<string, FieldRule>> = {
  run: {
    spec: "argv",
    about: "The program and its arguments. No shell is used.",
    schema: ARGV,
    shared: false,
    read: readArgv,
  },
  on: {
    spec: null,
    about:
      "Where it runs: hosts, tag:TAG, groups, * (every host), @least-loaded, conditions; [] for nowhere.",
    schema: { anyOf: [{ type: "string" }, TEXTS] },
    shared: true,
    // Read by reader.ts, which knows the hosts.
    read: () => undefined,
  },
  once: {
    spec: null,
    about: "Leave it when it has ended well.",
    schema: { type: "boolean" },
    shared: true,
    read: (v, path, node) => v.boolean(path, node),
  },
  restart: {
    spec: "restart",
    about: "When it is started again.",
    schema: { enum: ["always", "on-failure", "never"] },
    shared: true,
    read: (v, path, node) => v.word(path, node, ["always", "on-failure", "never"]),
  },
  cwd: {
    spec: "cwd",
    about: "Where it works.",
    schema: { type: "string" },
    shared: true,
    read: (v, path, node) => v.text(path, node),
  },
  env: {
    spec: "env",
    about: "Added to its environment.",
    schema: { type: "object", additionalProperties: { type: "string" } },
    shared: true,
    read: readTexts,
  },
  display: label("display", "Told to it as HANA_DISPLAY."),
  gpu: label("gpu", "Told to it as HANA_GPU."),
  memory_max: {
    spec: "memoryMaxBytes",
    about: "Ended and restarted when its processes hold more.",
    schema: SIZE,
    shared: true,
    read: (v, path, node) => v.size(path, node),
  },
  nice: {
    spec: "niceness",
    about: "0 to 19: the higher, the more it stands back.",
    schema: { type: "integer", minimum: 0, maximum: 19 },
    shared: true,
    read: (v, path, node) => v.number(path, node),
  },
  grace: duration("graceUs", "How long it may take to end when asked to."),
  start_timeout: duration("startUs", "How long it may take to get ready."),
  heartbeat: duration("heartbeatUs", "How often it says that it is alive, where it speaks the protocol."),
  backoff_cap: duration("backoffCapUs", "The longest pause between two tries."),
  hang: {
    spec: "hang",
    about: "What silence and a frozen picture mean.",
    schema: {
      type: "object",
      additionalProperties: false,
      properties: { warn: DURATION, kill: DURATION, frozen: DURATION, stall: { enum: ["alert", "restart"] } },
    },
    shared: true,
    read: readHang,
  },
  ready: {
    spec: "ready",
    about: "How it is known that it is ready: auto, told, {tcp: PORT}, {line: TEXT}.",
    schema: {
      anyOf: [
        { enum: ["auto", "told"] },
        {
          type: "object",
          additionalProperties: false,
          minProperties: 1,
          maxProperties: 1,
          properties: { tcp: { type: "integer", minimum: 1, maximum: 65535 }, line: { type: "string" } },
        },
      ],
    },
    shared: true,
    read: readReady,
  },
  success_codes: codes("successCodes", "Exit codes that count as success, beside 0."),
  fatal_codes: codes("fatalCodes", "Exit codes after which it is parked."),
  give_up: {
    spec: "giveUp",
    about: "Parks it after so many failures within so long; without, it is tried for ever.",
    schema: {
      type: "object",
      additionalProperties: false,
      required: ["after", "within"],
      properties: { after: { type: "integer", minimum: 1 }, within: DURATION },
    },
    shared: true,
    read: (v, path, node) => {
      const table = v.table(path, node, ["after", "within"]);
      const after = required(v, path, node, table, "after", (at, value) => v.number(at, value));
      const withinUs = required(v, path, node, table, "within", (at, value) => v.duration(at, value));
      return after === undefined || withinUs === undefined ? undefined : { after, withinUs };
    },
  },
  fallback: {
    spec: "fallback",
    about: "The safe look: a program of the show, or a command line, shown after so many failures in a row.",
    schema: {
      type: "object",
      additionalProperties: false,
      required: ["run"],
      properties: { after: { type: "integer", minimum: 1 }, run: { anyOf: [{ type: "string" }, ARGV] } },
    },
    shared: true,
    // `run` may name a program: reader.ts puts its command line there.
    read: (v, path, node) => {
      const table = v.table(path, node, ["after", "run"]);
      const after = table?.get("after");
      const count = after === undefined ? FALLBACK_AFTER : v.number(join(path, "after"), after.value);
      const run = required(
        v,
        path,
        node,
        table,
        "run",
        (at, value) => value.kind === "list" ? readArgv(v, at, value) : v.text(at, value),
      );
      return count === undefined || run === undefined ? undefined : { after: count, argv: run };
    },
  },
  needs: {
    spec: null,
    about: "Programs of the show that come first: {NAME: started, ready or done}, or [NAME] for ready.",
    schema: {
      anyOf: [TEXTS, { type: "object", additionalProperties: { enum: MILESTONE_WORDS } }],
    },
    shared: false,
    // Read by reader.ts, which knows the programs.
    read: () => undefined,
  },
  bind: {
    spec: "bind",
    about: "Whether it is started anew when one that it needs was.",
    schema: { type: "boolean" },
    shared: true,
    read: (v, path, node) => v.boolean(path, node),
  },
  sha256: {
    spec: "sha256",
    about:
      "SHA-256 of its file in hex, by platform (linux-x64, linux-arm64, darwin-arm64, windows-x64): another file is not started.",
    schema: { type: "object", additionalProperties: { type: "string", pattern: "^[0-9a-fA-F]{64}$" } },
    shared: false,
    read: readTexts,
  },
  logs: {
    spec: "logs",
    about: "How much of what it writes is kept.",
    schema: {
      type: "object",
      additionalProperties: false,
      properties: { rotate: SIZE, keep: { type: "integer", minimum: 1 } },
    },
    shared: true,
    read: (v, path, node) => {
      const table = v.table(path, node, ["rotate", "keep"]);
      if (table === undefined) return undefined;
      return readParts(table, path, {
        rotate: ["rotateBytes", (at, value) => v.size(at, value)],
        keep: ["keep", (at, value) => v.number(at, value)],
      });
    },
  },
  boot: {
    spec: "boot",
    about: "Whether it starts with the machine, or waits for a word.",
    schema: { enum: ["restore", "ask"] },
    shared: true,
    read: (v, path, node) => v.word(path, node, ["restore", "ask"]),
  },
  keep_children: {
    spec: "keepChildren",
    about: "Names of processes (regular expressions) that may outlive it.",
    schema: TEXTS,
    shared: true,
    read: readTextList,
  },
};

/** Failures in a row after which the safe look is started (research, section 1.6). */
const FALLBACK_AFTER = 3;
/** What `needs` may wait for. */
export const MILESTONES = MILESTONE_WORDS;

function readArgv(values: Values, path: string, node: ManifestNode): readonly string[] | undefined {
  const isText = node.kind === "scalar" && typeof node.value === "string";
  if (isText) {
    const words = String(node.value).trim().split(/\s+/).map((word) => JSON.stringify(word)).join(", ");
    return values.misfit(path, node, "a list of words: no shell is used", `[${words.slice(0, 200)}]`);
  }
  const texts = readTextList(values, path, node);
  if (texts?.length === 0) return values.misfit(path, node, "a list with the program first");
  return texts;
}

function readTextList(values: Values, path: string, node: ManifestNode): readonly string[] | undefined {
  const list = values.list(path, node);
  if (list === undefined) return undefined;
  const texts = list.items.map((item, i) => values.text(`${path}[${i}]`, item));
  return texts.every((text) => text !== undefined) ? texts : undefined;
}

function readNumbers(values: Values, path: string, node: ManifestNode): readonly number[] | undefined {
  const list = values.list(path, node);
  if (list === undefined) return undefined;
  const numbers = list.items.map((item, i) => values.number(`${path}[${i}]`, item));
  return numbers.every((each) => each !== undefined) ? numbers : undefined;
}

function readTexts(
  values: Values,
  path: string,
  node: ManifestNode,
): Readonly<Record<string, string>> | undefined {
  const table = values.table(path, node, null);
  if (table === undefined) return undefined;
  const texts: [string, string][] = [];
  for (const [key, entry] of table) {
    const text = values.text(join(path, key), entry.value);
    if (text === undefined) return undefined;
    texts.push([key, text]);
  }
  return Object.fromEntries(texts);
}

function readHang(values: Values, path: string, node: ManifestNode): unknown {
  const table = values.table(path, node, ["warn", "kill", "frozen", "stall"]);
  if (table === undefined) return undefined;
  return readParts(table, path, {
    warn: ["warnUs", (at, value) => values.duration(at, value)],
    kill: ["killUs", (at, value) => values.duration(at, value)],
    frozen: ["stallUs", (at, value) => values.duration(at, value)],
    stall: ["stall", (at, value) => values.word(at, value, ["alert", "restart"])],
  });
}

function readReady(values: Values, path: string, node: ManifestNode): unknown {
  if (node.kind !== "table") {
    const kind = values.word(path, node, ["auto", "told"]);
    return kind === undefined ? undefined : { kind };
  }
  const table = values.entries(path, node, READY_FIELDS);
  const [first, second] = table.values();
  if (first === undefined || second !== undefined) {
    return values.misfit(path, node, "auto, told, {tcp: PORT} or {line: TEXT}");
  }
  const at = join(path, first.key);
  if (first.key === "tcp") {
    const port = values.number(at, first.value, "the number of a port");
    return port === undefined ? undefined : { kind: "tcp", port };
  }
  const text = values.text(at, first.value);
  return text === undefined ? undefined : { kind: "line", text };
}

type Entries = NonNullable<ReturnType<Values["table"]>>;
type PartReader = (path: string, node: ManifestNode) => unknown;

function required<T>(
  values: Values,
  path: string,
  node: ManifestNode,
  table: Entries | undefined,
  key: string,
  read: (path: string, node: ManifestNode) => T | undefined,
): T | undefined {
  if (table === undefined) return undefined;
  const entry = table.get(key);
  if (entry !== undefined) return read(join(path, key), entry.value);
  values.problems.add(node, `${path} lacks ${key}`, undefined, `${key}:`);
  return undefined;
}

function readParts(
  table: Entries,
  path: string,
  parts: Readonly<Record<string, readonly [string, PartReader]>>,
): unknown {
  const read: Record<string, unknown> = {};
  let isWhole = true;
  for (const [key, entry] of table) {
    const part = parts[key];
    if (part === undefined) continue;
    const value = part[1](join(path, key), entry.value);
    if (value === undefined) isWhole = false;
    read[part[0]] = value;
  }
  return isWhole ? read : undefined;
}
