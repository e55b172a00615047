// Reads groups and displays that came from anywhere: a person's file, an app, the shared state.
// Decides which fields there are, what they may hold and what they are when they are missing. Strict: what it does not
// know it refuses, naming the nearest name. Whether the displays of a group are there is no matter of reading: they may
// come later (members.ts).

import { HanaError, isNodeId, nearest, type NodeId } from "../../base/mod.ts";
import { describeValue } from "../../wire/mod.ts";
import { isPath } from "../model/mod.ts";
import { MAX_COORDINATE, MAX_MEMBERS, MAX_NAME_LENGTH, MAX_WINDOWS, ROTATION_TOLERANCE } from "./bounds.ts";
import {
  type Bounds,
  type Display,
  DISPLAY_STATUSES,
  type DisplayGroup,
  type DisplayWindow,
  LAYOUTS,
  type MemberDisplay,
  MODES,
  ORIGIN,
  type Quaternion,
  SYNCS,
  UPRIGHT,
  type Vector3,
} from "./group.ts";

const GROUP_FIELDS = [
  "name",
  "parent",
  "position",
  "rotation",
  "members",
  "layout",
  "mode",
  "sync",
  "strict",
  "version",
];
const MEMBER_FIELDS = ["display", "node", "windows"];
const WINDOW_FIELDS = ["id", "bounds", "visualization"];
const DISPLAY_FIELDS = ["name", "node", "size", "resolution", "pose", "status"];
const POSE_FIELDS = ["position", "rotation"];

/** The most of either side of a display, in pixels. */
const MAX_PIXELS = 65_536;

/** Whether `text` can be the id of a group, a display or a window: one segment of a path. */
export function isGroupId(text: string): boolean {
  return !text.includes("/") && isPath(text);
}

/**
 * The group that `value` states, complete; `id` is for the error's text. Every field but `version` has a default; that
 * is 1 where it is missing. Reading what was read before gives the same.
 * Throws `schema`, naming the field.
 */
export function readGroup(id: string, value: unknown): DisplayGroup {
  checkId(id);
  const fields = new Fields(`the group ${id}`, "", value, GROUP_FIELDS);
  const group: DisplayGroup = {
    name: fields.name("name", id),
    parent: fields.idOrNull("parent"),
    position: fields.vector("position"),
    rotation: fields.rotation("rotation"),
    members: readMembers(fields),
    layout: fields.word("layout", LAYOUTS, "free"),
    mode: fields.word("mode", MODES, "span"),
    sync: fields.word("sync", SYNCS, "frame"),
    strict: fields.flag("strict", false),
    version: fields.whole("version", 1, Number.MAX_SAFE_INTEGER, 1),
  };
  if (group.parent === id) throw fields.misfit("parent", id, "another group: none stands within itself");
  if (group.strict && group.sync === "free") {
    throw fields.misfit(
      "strict",
      true,
      "false with sync free: displays that change on their own cannot all wait for one",
    );
  }
  return group;
}

/** The display that `value` states, complete. Throws `schema`, naming the field. */
export function readDisplay(id: string, value: unknown): Display {
  checkId(id);
  const fields = new Fields(`the display ${id}`, "", value, DISPLAY_FIELDS);
  const pose = fields.take("pose");
  const posed = pose === null || pose === undefined ? null : fields.inner("pose", pose, POSE_FIELDS);
  return {
    name: fields.name("name", id),
    node: fields.node("node"),
    size: fields.pair("size", 0.001, MAX_COORDINATE, "metres"),
    resolution: fields.pixels("resolution"),
    pose: posed === null
      ? null
      : { position: posed.vector("position"), rotation: posed.rotation("rotation") },
    status: fields.word("status", DISPLAY_STATUSES, "on"),
  };
}

function checkId(id: string): void {
  if (isGroupId(id)) return;
  throw new HanaError("schema", {
    what: `${describeValue(id)} cannot be the id of a group or a display`,
    why:
      'an id is made of a-z, 0-9, ".", "_" and "-", and begins with a letter or digit; 63 characters at most',
    hint: "such as stage-left",
  });
}

function readMembers(fields: Fields): MemberDisplay[] {
  const list = fields.list("members", MAX_MEMBERS);
  const members: MemberDisplay[] = [];
  const seen = new Set<string>();
  let windows = 0;
  for (const [at, item] of list.entries()) {
    const inner = fields.inner(`members[${at}]`, item, MEMBER_FIELDS);
    const member: MemberDisplay = {
      display: inner.id("display"),
      node: inner.node("node"),
      windows: readWindows(inner),
    };
    if (seen.has(member.display)) {
      throw inner.misfit("display", member.display, "a display that is not in the group already");
    }
    seen.add(member.display);
    windows += member.windows.length;
    if (windows > MAX_WINDOWS) {
      throw fields.misfit("members", list, `displays with at most ${MAX_WINDOWS} windows altogether`);
    }
    members.push(member);
  }
  return members;
}

function readWindows(fields: Fields): DisplayWindow[] {
  const windows: DisplayWindow[] = [];
  const seen = new Set<string>();
  for (const [at, item] of fields.list("windows", MAX_WINDOWS).entries()) {
    const inner = fields.inner(`windows[${at}]`, item, WINDOW_FIELDS);
    const window: DisplayWindow = {
      id: inner.id("id"),
      bounds: inner.bounds("bounds"),
      visualization: inner.nameOrNull("visualization"),
    };
    if (seen.has(window.id)) throw inner.misfit("id", window.id, "an id of its own on this display");
    seen.add(window.id);
    windows.push(window);
  }
  return windows;
}

/** The fields of one object, and the sentences about those that do not fit. */
class Fields {
  readonly #table: Readonly<Record<string, unknown>>;
  readonly #whose: string;
  /** Where the object stands within the whole: `members[2].`. */
  readonly #at: string;

  constructor(whose: string, at: string, value: unknown, known: readonly string[]) {
    this.#whose = whose;
    this.#at = at;
    if (typeof value !== "object" || value === null || Array.isArray(value)) {
      throw new HanaError("schema", {
        what: `${whose}${at === "" ? "" : `: ${at.slice(0, -1)}`} cannot be read`,
        why: `it must be an object with ${known.join(", ")}, not ${describeValue(value)}`,
      });
    }
    this.#table = value as Readonly<Record<string, unknown>>;
    for (const key of Object.keys(this.#table)) {
      if (known.includes(key)) continue;
      const near = nearest(key, known);
      throw new HanaError("schema", {
        what: `${whose} has an unknown field ${describeValue(at + key)}`,
        why: `there are ${known.join(", ")}`,
        hint: near === null ? "leave it out" : `did you mean ${near}?`,
      });
    }
  }

  /** The table's own field: nothing that a prototype brings. */
  take(name: string): unknown {
    return Object.hasOwn(this.#table, name) ? this.#table[name] : undefined;
  }

  inner(name: string, value: unknown, known: readonly string[]): Fields {
    return new Fields(this.#whose, `${this.#at}${name}.`, value, known);
  }

  name(name: string, fallback: string): string {
    const value = this.take(name);
    if (value === undefined) return fallback;
    if (isLabel(value)) return value;
    throw this.misfit(name, value, `a printable text of 1 to ${MAX_NAME_LENGTH} characters`);
  }

  nameOrNull(name: string): string | null {
    const value = this.take(name) ?? null;
    return value === null ? null : this.name(name, "");
  }

  id(name: string): string {
    const value = this.take(name);
    if (typeof value === "string" && isGroupId(value)) return value;
    throw this.misfit(name, value, "an id such as stage-left");
  }

  idOrNull(name: string): string | null {
    return (this.take(name) ?? null) === null ? null : this.id(name);
  }

  node(name: string): NodeId {
    const value = this.take(name);
    if (typeof value === "string" && isNodeId(value)) return value;
    throw this.misfit(name, value, "the id of a node: 32 hex digits");
  }

  flag(name: string, fallback: boolean): boolean {
    const value = this.take(name);
    if (value === undefined) return fallback;
    if (typeof value === "boolean") return value;
    throw this.misfit(name, value, "true or false");
  }

  whole(name: string, least: number, most: number, fallback: number): number {
    const value = this.take(name);
    if (value === undefined) return fallback;
    if (Number.isSafeInteger(value) && (value as number) >= least && (value as number) <= most) {
      return value as number;
    }
    throw this.misfit(name, value, `a whole number from ${least} on`);
  }

  word<const T extends string>(name: string, words: readonly T[], fallback: T): T {
    const value = this.take(name);
    if (value === undefined) return fallback;
    for (const word of words) if (word === value) return word;
    const near = typeof value === "string" ? nearest(value, words) : null;
    throw this.misfit(name, value, `one of ${words.join(", ")}`, near);
  }

  list(name: string, most: number): readonly unknown[] {
    const value = this.take(name);
    if (value === undefined) return [];
    if (!Array.isArray(value)) throw this.misfit(name, value, "a list");
    if (value.length > most) throw this.misfit(name, value, `a list of at most ${most}`);
    return value;
  }

  vector(name: string): Vector3 {
    const value = this.take(name);
    if (value === undefined) return ORIGIN;
    const [x, y, z] = this.#numbers(name, value, 3);
    return [x ?? 0, y ?? 0, z ?? 0];
  }

  rotation(name: string): Quaternion {
    const value = this.take(name);
    if (value === undefined) return UPRIGHT;
    const [x = 0, y = 0, z = 0, w = 0] = this.#numbers(name, value, 4);
    const length = Math.hypot(x, y, z, w);
    if (Math.abs(length - 1) <= ROTATION_TOLERANCE) return [x, y, z, w];
    throw this.misfit(name, value, `a rotation [x, y, z, w] of length 1, not ${length.toFixed(4)}`);
  }

  bounds(name: string): Bounds {
    const [x = 0, y = 0, width = 0, height = 0] = this.#numbers(name, this.take(name), 4);
    if (width > 0 && height > 0) return [x, y, width, height];
    throw this.misfit(name, this.take(name), "[x, y, width, height] with a width and a height above 0");
  }

  pixels(name: string): readonly [number, number] {
    const value = this.take(name);
    const [width = 0, height = 0] = this.#numbers(name, value, 2);
    const isCount = (side: number) => Number.isInteger(side) && side >= 1 && side <= MAX_PIXELS;
    if (isCount(width) && isCount(height)) return [width, height];
    throw this.misfit(name, value, `[width, height] in pixels, each from 1 to ${MAX_PIXELS}`);
  }

  pair(name: string, least: number, most: number, unit: string): readonly [number, number] | null {
    const value = this.take(name) ?? null;
    if (value === null) return null;
    const [width = 0, height = 0] = this.#numbers(name, value, 2);
    if (Math.min(width, height) >= least && Math.max(width, height) <= most) return [width, height];
    throw this.misfit(name, value, `[width, height] in ${unit}, each from ${least} to ${most}`);
  }

  misfit(name: string, value: unknown, needs: string, near: string | null = null): HanaError {
    const field = this.#at + name;
    return new HanaError("schema", {
      what: value === undefined
        ? `${this.#whose} has no ${field}`
        : `${this.#whose}: ${field} cannot be ${describeValue(value)}`,
      why: `it must be ${needs}`,
      ...(near === null ? {} : { hint: `did you mean ${near}?` }),
    });
  }

  /** Finite numbers, −0 as 0: the canonical form of the state has no −0. */
  #numbers(name: string, value: unknown, count: number): number[] {
    if (!Array.isArray(value) || value.length !== count) {
      throw this.misfit(name, value, `a list of ${count} numbers`);
    }
    const list: readonly unknown[] = value;
    return list.map((part) => {
      if (typeof part === "number" && Math.abs(part) <= MAX_COORDINATE) return part + 0;
      throw this.misfit(name, part, `made of finite numbers within ±${MAX_COORDINATE}`);
    });
  }
}

const PRINTABLE = /^[^\p{C}\u2028\u2029]+$/u;

function isLabel(value: unknown): value is string {
  return typeof value === "string" && value.length <= MAX_NAME_LENGTH && PRINTABLE.test(value) &&
    value.trim() === value;
}
