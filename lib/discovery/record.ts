// The record of a node: who it is, what it is for, where it can be reached, what it can do.
// Decides the fields, their limits, their form in a datagram, and what is left out when they do not fit.
// Never decides whether a record is believed (membership) and never carries an id: the signed header does, so that
// nobody can speak for somebody else.

import { HanaError, type Incarnation, type NodeId, type Role, ROLES } from "../base/mod.ts";
import { utf8Length } from "../wire/mod.ts";
import { type Endpoint, ENDPOINT_KINDS, isEndpointAddress, MAX_ENDPOINTS } from "./endpoint.ts";

/** What the mesh knows of a node. */
export interface NodeRecord {
  readonly id: NodeId;
  readonly incarnation: Incarnation;
  /** Grows by one with every change of the record within an incarnation. */
  readonly stateVersion: number;
  /** A label for people; the mesh keeps it unique by renaming (conflict.ts). */
  readonly name: string;
  readonly role: Role;
  /** Version of hana. */
  readonly version: string;
  readonly endpoints: readonly Endpoint[];
  /** What the node can do: features, messages of its own. */
  readonly capabilities: Readonly<Record<string, unknown>>;
  /** What the machine has: displays, GPUs, cores. */
  readonly resources: Readonly<Record<string, unknown>>;
  readonly tags: Readonly<Record<string, string>>;
  /** Something did not fit into a datagram and must be asked for over a session. */
  readonly more?: boolean;
}

/** The fields of its own record that an owner sets. */
export type RecordPatch = Partial<
  Pick<NodeRecord, "name" | "version" | "endpoints" | "capabilities" | "resources" | "tags">
>;

/** Limits of a record's fields (discovery research 6.3), in bytes of UTF-8 and in entries. */
export const RECORD_LIMITS = {
  nameBytes: 48,
  versionBytes: 32,
  tags: 16,
  tagKeyBytes: 32,
  tagValueBytes: 64,
  capabilities: 64,
  resources: 64,
  /** Levels of either, the map itself among them: a page holds them four levels further in than a record of its own. */
  depth: 4,
} as const;

/** `text` cut to `maxBytes` of UTF-8 between two characters. */
export function cutUtf8(text: string, maxBytes: number): string {
  let length = 0;
  let cut = "";
  for (const character of text) {
    length += utf8Length(character);
    if (length > maxBytes) break;
    cut += character;
  }
  return cut;
}

// Control characters would move a crew member's cursor; the bidirectional overrides would show another name than the
// one that is typed back; lone surrogates are no text.
const UNPRINTABLE =
  // deno-lint-ignore no-control-regex
  /[\u0000-\u001f\u007f-\u009f\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]|[\ud800-\udbff](?![\udc00-\udfff])|(?<![\ud800-\udbff])[\udc00-\udfff]/;

/** Whether `text` can be shown to a person as it is and has at most `maxBytes` of UTF-8. */
export function isLabel(text: unknown, maxBytes: number): text is string {
  return typeof text === "string" && text.length <= maxBytes && utf8Length(text) <= maxBytes &&
    !UNPRINTABLE.test(text);
}

/** Whether `text` is accepted as a node's name: any label of 1 to 48 bytes without blanks at its ends. */
export function isRecordName(text: unknown): text is string {
  return isLabel(text, RECORD_LIMITS.nameBytes) && text.length > 0 && text.trim() === text;
}

function isPlainMap(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value) &&
    !(value instanceof Uint8Array);
}

/** Whether maps and lists nest in each other more than `levels` deep; a ring does. */
function isDeeper(value: unknown, levels: number): boolean {
  if (typeof value !== "object" || value === null || value instanceof Uint8Array) return false;
  if (levels === 0) return true;
  for (const each of Array.isArray(value) ? value : Object.values(value)) {
    if (isDeeper(each, levels - 1)) return true;
  }
  return false;
}

/** Names the first field of `record` over its limit, or null. */
export function recordProblem(record: Omit<NodeRecord, "id" | "incarnation">): string | null {
  if (!isRecordName(record.name)) {
    return "the name must have 1 to 48 bytes, no control characters, no blanks at its ends";
  }
  if (!isLabel(record.version, RECORD_LIMITS.versionBytes)) return "the version must have at most 32 bytes";
  if (!ROLES.includes(record.role)) return `there is no role ${String(record.role)}`;
  if (!Number.isSafeInteger(record.stateVersion) || record.stateVersion < 0) {
    return "the state version is no count";
  }
  for (const endpoint of record.endpoints) {
    if (!isEndpointAddress(endpoint.kind, endpoint.address)) {
      return `${endpoint.address} is no ${endpoint.kind} endpoint`;
    }
  }
  const tags = Object.entries(record.tags);
  if (tags.length > RECORD_LIMITS.tags) return `more than ${RECORD_LIMITS.tags} tags`;
  for (const [key, value] of tags) {
    if (!isLabel(key, RECORD_LIMITS.tagKeyBytes) || key.length === 0) {
      return "a tag's key must have 1 to 32 bytes";
    }
    if (!isLabel(value, RECORD_LIMITS.tagValueBytes)) return `the tag ${key} must have at most 64 bytes`;
  }
  if (
    !isPlainMap(record.capabilities) || Object.keys(record.capabilities).length > RECORD_LIMITS.capabilities
  ) {
    return `capabilities must be a map of at most ${RECORD_LIMITS.capabilities} entries`;
  }
  if (!isPlainMap(record.resources) || Object.keys(record.resources).length > RECORD_LIMITS.resources) {
    return `resources must be a map of at most ${RECORD_LIMITS.resources} entries`;
  }
  for (const value of [record.capabilities, record.resources]) {
    if (isDeeper(value, RECORD_LIMITS.depth)) {
      return `capabilities and resources must nest at most ${RECORD_LIMITS.depth} levels`;
    }
  }
  return null;
}

/** Throws `config` unless `record` can be announced. For our own record; a peer's is refused and counted. */
export function checkRecord(record: Omit<NodeRecord, "id" | "incarnation">): void {
  const problem = recordProblem(record);
  if (problem !== null) {
    throw new HanaError("config", {
      what: `record of the node ${JSON.stringify(record.name)}`,
      why: problem,
    });
  }
}

/** Throws the codec's `schema` error when capabilities or resources hold a value that has no form on the wire. */
export function checkEncodable(
  record: Pick<NodeRecord, "capabilities" | "resources">,
  codec: { encode(value: unknown): Uint8Array },
): void {
  // As deep as they stand in a datagram.
  codec.encode({ r: { c: record.capabilities, o: record.resources } });
}

/** The map of a record in a datagram. Keys are one letter: the codec of hana knows no integer keys. */
export type RecordMap = Record<string, unknown>;

/** Steps of leaving things out of a record that does not fit, the least needed first. */
export const TRUNCATIONS = 8;

/**
 * The map of `record` for a datagram, with `step` of {@linkcode TRUNCATIONS} steps of leaving out: 0 nothing,
 * 1 resources, 2 capabilities too, 3 tags too, from 4 on half of the endpoints each time. `m` says that something is
 * missing, so that a reader asks for the rest over a session.
 */
export function recordToMap(record: NodeRecord, step: number): RecordMap {
  const endpoints = step < 4 ? record.endpoints : record.endpoints.slice(0, MAX_ENDPOINTS >> (step - 3));
  const map: RecordMap = {
    s: record.stateVersion,
    r: ROLES.indexOf(record.role),
    n: record.name,
    v: record.version,
    e: endpoints.slice(0, MAX_ENDPOINTS).map(({ kind, address }) => [
      ENDPOINT_KINDS.indexOf(kind),
      address.slice(kind.length + 3),
    ]),
  };
  if (step < 3 && Object.keys(record.tags).length > 0) map.t = record.tags;
  if (step < 2 && Object.keys(record.capabilities).length > 0) map.c = record.capabilities;
  if (step < 1 && Object.keys(record.resources).length > 0) map.o = record.resources;
  if (step > 0) map.m = true;
  return map;
}

/** Reads a peer's record; null unless every field is within its limits. Unknown keys are ignored. */
export function recordFromMap(value: unknown, id: NodeId, incarnation: Incarnation): NodeRecord | null {
  if (!isPlainMap(value)) return null;
  const { s, r, n, v, e, t = {}, c = {}, o = {}, m = false } = value;
  const role = typeof r === "number" ? ROLES[r] : undefined;
  if (role === undefined || typeof s !== "number" || typeof n !== "string" || typeof v !== "string") {
    return null;
  }
  if (!Array.isArray(e) || e.length > MAX_ENDPOINTS || typeof m !== "boolean") return null;
  if (!isPlainMap(t) || !isPlainMap(c) || !isPlainMap(o)) return null;
  const endpoints: Endpoint[] = [];
  for (const item of e) {
    if (!Array.isArray(item) || item.length < 2) return null;
    const kind = typeof item[0] === "number" ? ENDPOINT_KINDS[item[0]] : undefined;
    if (kind === undefined) continue; // a kind of a later version
    if (typeof item[1] !== "string") return null;
    endpoints.push({ kind, address: `${kind}://${item[1]}` });
  }
  const record: NodeRecord = {
    id,
    incarnation,
    stateVersion: s,
    name: n,
    role,
    version: v,
    endpoints,
    capabilities: c,
    resources: o,
    tags: t as Record<string, string>,
    ...(m ? { more: true } : {}),
  };
  return recordProblem(record) === null ? record : null;
}
