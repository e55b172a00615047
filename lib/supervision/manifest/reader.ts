// Reads a manifest: every name and value in it, against the table of fields, the bounds of specifications and each other.
// Decides that nothing is guessed: what is unknown, missing, twice or impossible is a problem with its place (research,
// section 1.13). Never decides where a program runs (resolve.ts), and knows neither YAML nor JSON.

import { HanaError, isNodeName, nearest } from "../../base/mod.ts";
import { findCycle } from "../daemon/mod.ts";
import type { Milestone, ProgramSpec } from "../model/mod.ts";
import { isProgramName, readSpec } from "../spec/mod.ts";
import { type FieldRule, MILESTONES, PROGRAM_FIELDS } from "./fields.ts";
import { readGroups } from "./groups.ts";
import {
  type HostSelector,
  type Manifest,
  MANIFEST_VERSION,
  type ManifestHost,
  type ManifestProgram,
} from "./manifest.ts";
import { Problems } from "./problems.ts";
import { checkSelectors, readSelectors, SHOW_NAME } from "./selectors.ts";
import { explain } from "./spec_problem.ts";
import type { ManifestEntry, ManifestNode, Position } from "./tree.ts";
import { join, quoted, shown, Values } from "./values.ts";

/** Programs of a show. */
export const MAX_MANIFEST_PROGRAMS = 256;
/** Hosts of a show. */
export const MAX_MANIFEST_HOSTS = 256;

const FIELDS = ["hana", "show", "hosts", "defaults", "programs", "groups"];
const PROGRAM_KEYS = Object.keys(PROGRAM_FIELDS);
const SHARED_KEYS = PROGRAM_KEYS.filter((key) => PROGRAM_FIELDS[key]?.shared === true);

/** What was read: the manifest, or what is wrong with it. */
export type ReadManifest =
  | { readonly manifest: Manifest; readonly problems: null }
  | { readonly manifest: null; readonly problems: Problems };

/** A value that a field was given. */
interface Given {
  readonly value: unknown;
  readonly entry: ManifestEntry;
  /** `programs.aurora.grace` */
  readonly path: string;
}

/** Reads a manifest. Never throws: whatever is wrong is among the problems. */
export function readManifest(root: ManifestNode): ReadManifest {
  const problems = new Problems();
  const reader = new ManifestReader(problems);
  const manifest = reader.read(root);
  return manifest === null || problems.count > 0
    ? { manifest: null, problems }
    : { manifest, problems: null };
}

class ManifestReader {
  readonly #problems: Problems;
  readonly #values: Values;
  /** Of all programs, those with problems too. */
  #names: ReadonlySet<string> = new Set();
  readonly #selected: Pick<ManifestProgram, "name" | "on">[] = [];

  constructor(problems: Problems) {
    this.#problems = problems;
    this.#values = new Values(problems);
  }

  read(root: ManifestNode): Manifest | null {
    if (root.kind !== "table") {
      this.#problems.add(root, `a manifest cannot be ${shown(root)}`, "it is a table", "hana: 1");
      return null;
    }
    const fields = this.#values.entries("", root, FIELDS);
    this.#readVersion(root, fields.get("hana"));
    const show = this.#readShow(root, fields.get("show"));
    const hosts = this.#readHosts(fields.get("hosts"));
    const programs = this.#readPrograms(root, fields);
    if (programs === null) return null;
    const groups = readGroups(this.#values, fields.get("groups"), this.#names, hosts);
    checkSelectors(this.#problems, this.#selected, hosts, groups);
    this.#checkNeeds(programs);
    return { show, hosts, programs, groups };
  }

  #readVersion(root: ManifestNode, entry: ManifestEntry | undefined): void {
    if (entry === undefined) {
      this.#problems.add(root, "hana is missing", "it says which form the manifest has", "hana: 1");
      return;
    }
    const version = this.#values.number("hana", entry.value, "1");
    if (version === undefined || version === MANIFEST_VERSION) return;
    this.#problems.add(entry.value, `hana cannot be ${version}`, "this hana reads form 1 alone", "hana: 1");
  }

  #readShow(root: ManifestNode, entry: ManifestEntry | undefined): string {
    if (entry === undefined) {
      this.#problems.add(root, "show is missing", "it is the name of the show", "show: spring-tour");
      return "";
    }
    const name = this.#values.text("show", entry.value) ?? "";
    if (name !== "" && SHOW_NAME.test(name)) return name;
    if (entry.value.kind === "scalar" && typeof entry.value.value === "string") {
      this.#values.misfit("show", entry.value, "1 to 63 letters, digits, . _ and -, a letter or digit first");
    }
    return name;
  }

  #readHosts(entry: ManifestEntry | undefined): ReadonlyMap<string, ManifestHost> | null {
    if (entry === undefined) return null;
    const hosts = new Map<string, ManifestHost>();
    if (entry.value.kind === "list") {
      for (const [i, item] of entry.value.items.entries()) {
        const name = this.#values.text(`hosts[${i}]`, item);
        if (name === undefined) continue;
        if (hosts.has(name)) {
          this.#problems.add(item, `hosts has ${quoted(name)} twice`, undefined, "keep one");
        } else this.#addHost(hosts, { name, tags: [], at: item });
      }
    } else {
      for (const [name, { line, column, value }] of this.#values.table("hosts", entry.value, null) ?? []) {
        const at = { line, column };
        this.#addHost(hosts, { name, tags: this.#readTags(join("hosts", name), value), at });
      }
    }
    const isEmpty = hosts.size === 0 && entry.value.kind !== "scalar";
    if (isEmpty) {
      this.#problems.add(entry.value, "hosts is empty", "a show runs somewhere", "leave hosts out");
    }
    return hosts;
  }

  #addHost(hosts: Map<string, ManifestHost>, host: ManifestHost): void {
    if (!isNodeName(host.name)) {
      this.#problems.add(
        host.at,
        `${quoted(host.name)} is no name of a node`,
        "hosts are called as their nodes",
      );
      return;
    }
    if (hosts.size === MAX_MANIFEST_HOSTS) {
      this.#problems.add(
        host.at,
        `hosts has more than ${MAX_MANIFEST_HOSTS}`,
        "that is the most of one show",
      );
    }
    if (hosts.size < MAX_MANIFEST_HOSTS) hosts.set(host.name, host);
  }

  #readTags(path: string, node: ManifestNode): readonly string[] {
    if (node.kind === "scalar" && node.value === null) return [];
    const table = this.#values.table(path, node, ["tags"]);
    const entry = table?.get("tags");
    if (entry === undefined) return [];
    const at = join(path, "tags");
    if (entry.value.kind === "table") {
      // As nodes write theirs: KEY: VALUE.
      const tags = this.#values.entries(at, entry.value, null);
      return [...tags].map(([key, { value }]) => `${key}=${this.#values.text(join(at, key), value) ?? ""}`);
    }
    const list = this.#values.list(at, entry.value, "[wall]");
    return (list?.items ?? []).flatMap((item, i) => this.#values.text(`${at}[${i}]`, item) ?? []);
  }

  #readPrograms(
    root: ManifestNode,
    fields: ReadonlyMap<string, ManifestEntry>,
  ): ReadonlyMap<string, ManifestProgram> | null {
    const entry = fields.get("programs");
    if (entry === undefined) {
      this.#problems.add(root, "programs is missing", "a show has programs", "programs:");
      return null;
    }
    const defaultsEntry = fields.get("defaults");
    const defaults = defaultsEntry === undefined
      ? new Map<string, Given>()
      : this.#readFields("defaults", defaultsEntry.value, SHARED_KEYS);
    const table = this.#values.table("programs", entry.value, null);
    if (table === undefined) return null;
    const given = new Map<string, ReadonlyMap<string, Given>>();
    for (const [name, { value }] of table) {
      const path = join("programs", name);
      if (!isProgramName(name)) {
        const at = table.get(name) ?? entry;
        const why =
          "a name has 1 to 63 of a-z, 0-9, . _ and -, begins with a letter or a digit, ends with no dot";
        this.#problems.add(at, `a program cannot be called ${quoted(name)}`, why, nearName(name));
        continue;
      }
      if (given.size >= MAX_MANIFEST_PROGRAMS) {
        this.#problems.add(
          value,
          `programs has more than ${MAX_MANIFEST_PROGRAMS}`,
          "that is the most of one show",
        );
        break;
      }
      given.set(name, new Map([...defaults, ...this.#readFields(path, value, PROGRAM_KEYS)]));
    }
    this.#names = new Set(given.keys());
    const programs = new Map<string, ManifestProgram>();
    for (const [name, each] of given) {
      const at = table.get(name) ?? entry;
      const program = this.#program(name, at, each, given);
      if (program !== null) programs.set(name, program);
    }
    return programs;
  }

  /** The fields below one place, each with its value; those with problems have none. */
  #readFields(path: string, node: ManifestNode, keys: readonly string[]): Map<string, Given> {
    const found = new Map<string, Given>();
    const table = this.#values.table(path, node, keys);
    for (const [key, entry] of table ?? []) {
      const rule = PROGRAM_FIELDS[key];
      if (rule === undefined) continue;
      const at = join(path, key);
      const value = this.#readField(rule, at, entry.value);
      found.set(key, { value, entry, path: at });
    }
    return found;
  }

  #readField(rule: FieldRule, path: string, node: ManifestNode): unknown {
    const value = rule.read(this.#values, path, node);
    if (value === undefined || rule.spec === null || rule.spec === "fallback" || rule.spec === "hang") {
      return value;
    }
    try {
      // The bounds of each field alone; how they fit together is looked at when all are known.
      const argv = rule.spec === "argv" ? value : ["x"];
      readSpec({ argv, ...(rule.spec === "argv" ? {} : { [rule.spec]: value }) });
      return value;
    } catch (thrown) {
      if (!(thrown instanceof HanaError)) throw thrown;
      const { what, why, hint } = explain(thrown, path, node);
      this.#problems.add(node, what, why, hint);
      return undefined;
    }
  }

  #program(
    name: string,
    at: Position,
    given: ReadonlyMap<string, Given>,
    all: ReadonlyMap<string, ReadonlyMap<string, Given>>,
  ): ManifestProgram | null {
    const path = join("programs", name);
    const before = this.#problems.count;
    if (!given.has("run")) {
      this.#problems.add(at, `${path} lacks run`, "it is the program and its arguments", 'run: ["./viz"]');
    }
    const onEntry = given.get("on");
    const on = onEntry === undefined
      ? this.#lackOn(path, at)
      : readSelectors(this.#values, onEntry.path, onEntry.entry.value);
    this.#selected.push({ name, on });
    const needs = this.#readNeeds(given.get("needs"), name, all);
    const values: Record<string, unknown> = {};
    for (const [key, { value }] of given) {
      const spec = PROGRAM_FIELDS[key]?.spec ?? null;
      if (spec === null) continue;
      if (value === undefined) return null;
      values[spec] = spec === "fallback" ? this.#fallback(value, given.get(key), name, all) : value;
    }
    if (this.#problems.count > before) return null;
    const spec = this.#spec(path, at, values, given);
    if (spec === null) return null;
    const want = given.get("once")?.value === true ? "once" : "up";
    const { line, column } = at;
    return { name, at: { line, column }, on, want, spec, needs };
  }

  #lackOn(path: string, at: Position): readonly HostSelector[] {
    this.#problems.add(
      at,
      `${path} lacks on`,
      "it says where the program runs: a host, tag:TAG, a group, or * for every host; [] for nowhere by itself",
      'on: ["*"]',
    );
    return [];
  }

  #spec(
    path: string,
    at: Position,
    values: Readonly<Record<string, unknown>>,
    given: ReadonlyMap<string, Given>,
  ): ProgramSpec | null {
    try {
      return readSpec(values);
    } catch (thrown) {
      if (!(thrown instanceof HanaError)) throw thrown;
      // The fields do not fit together: the one that is named is where to look.
      const field = /the program's ([A-Za-z0-9]+)/.exec(thrown.what)?.[1];
      const [key, which] = [...given].find(([each]) => PROGRAM_FIELDS[each]?.spec === field) ?? [null, null];
      const { what, why, hint } = explain(thrown, key === null ? path : join(path, key), null);
      this.#problems.add(which?.entry.value ?? at, what, why, hint);
      return null;
    }
  }

  /** `fallback: {run: slate}` means the command line of the program slate. */
  #fallback(
    value: unknown,
    given: Given | undefined,
    name: string,
    all: ReadonlyMap<string, ReadonlyMap<string, Given>>,
  ): unknown {
    const { argv } = value as { argv: unknown };
    if (typeof argv !== "string" || given === undefined) return value;
    // What stands in for all others needs nothing to stand in for itself.
    if (argv === name && given.path.startsWith("defaults.")) return null;
    const other = argv === name ? undefined : all.get(argv);
    const run = other?.get("run")?.value;
    if (other !== undefined) return { ...value as object, argv: run ?? ["x"] };
    const near = nearest(argv, [...all.keys()].filter((each) => each !== name));
    this.#problems.add(
      given.entry.value,
      argv === name
        ? `${name} cannot stand in for itself`
        : `${given.path}: there is no program ${quoted(argv)}`,
      near === null ? "run names a program of the show, or is a command line" : `did you mean ${near}?`,
      near === null ? `run: [${quoted(argv)}]` : `run: ${near}`,
    );
    return value;
  }

  #readNeeds(
    given: Given | undefined,
    name: string,
    all: ReadonlyMap<string, unknown>,
  ): ManifestProgram["needs"] {
    const needs = new Map<string, { milestone: Milestone; at: Position }>();
    if (given === undefined) return needs;
    const { path, entry: { value: node } } = given;
    const add = (need: string, at: Position, milestone: Milestone | undefined): void => {
      if (!all.has(need)) {
        const near = nearest(need, all.keys());
        this.#problems.add(
          at,
          `${path}: there is no program ${quoted(need)}`,
          near === null ? `there are ${[...all.keys()].slice(0, 8).join(", ")}` : `did you mean ${near}?`,
          near ?? undefined,
        );
      } else if (need === name) {
        this.#problems.add(at, `${name} cannot need itself`, undefined, "leave it out");
      } else if (milestone !== undefined) needs.set(need, { milestone, at });
    };
    if (node.kind === "list") {
      for (const [i, item] of node.items.entries()) {
        const need = this.#values.text(`${path}[${i}]`, item);
        if (need !== undefined) add(need, item, "ready");
      }
      return needs;
    }
    for (const [need, entry] of this.#values.table(path, node, null) ?? []) {
      add(need, entry, this.#values.word(join(path, need), entry.value, MILESTONES));
    }
    return needs;
  }

  #checkNeeds(programs: ReadonlyMap<string, ManifestProgram>): void {
    const needs = new Map(
      [...programs].map(([name, each]) => [
        name,
        Object.fromEntries([...each.needs].map(([need, { milestone }]) => [need, milestone])),
      ]),
    );
    const cycle = findCycle(needs);
    if (cycle !== null) {
      const [first = "", second = ""] = cycle;
      const at = programs.get(first)?.needs.get(second)?.at ?? { line: 1, column: 1 };
      this.#problems.add(
        at,
        `${first} would wait for itself`,
        cycle.join(" needs "),
        "leave one of them out",
      );
    }
    for (const program of programs.values()) {
      if (program.on.length === 0) continue;
      for (const [need, { at }] of program.needs) {
        if (programs.get(need)?.on.length !== 0) continue;
        const why = `${need} runs nowhere by itself (on: [])`;
        this.#problems.add(at, `${program.name} would wait for ${need} for ever`, why);
      }
    }
  }
}

function nearName(name: string): string | undefined {
  const near = name.toLowerCase().replace(/[^a-z0-9._-]+/g, "-").replace(/^[^a-z0-9]+|[^a-z0-9]+$/g, "");
  return near !== name && isProgramName(near) ? `${near}:` : undefined;
}
