// Datagrams of discovery as lines and as JSON: how `hana discover --trace` shows what passed.
// Decides how a message reads in one line and in full; never what is true of it (lib/discovery/trace.ts).

import { toHex } from "../../lib/base/mod.ts";
import { type Message, REFUSAL_TEXTS, type TraceEntry } from "../../lib/discovery/mod.ts";
import { type Json, type JsonObject, type Palette, printable, type Tone } from "../output/mod.ts";

/** What a line needs beside the datagram. */
export interface TraceContext {
  /** Monotonic time of the beginning in µs. */
  readonly startUs: number;
  /** The name of a node by its id, as far as it was heard. */
  nameOf(id: string): string | null;
  /** Messages whole instead of in short. */
  readonly isWide: boolean;
}

/** Names shown of a page before the rest is counted. */
const MAX_NAMES = 4;
const SHORT_DIGITS = 8;

/** A host and a port as people read them. */
export function endpointText({ host, port }: { readonly host: string; readonly port: number }): string {
  return host.includes(":") ? `[${host}]:${port}` : `${host}:${port}`;
}

/** Why a datagram changed nothing, in words; null when it was taken or sent. */
export function fateOf(entry: TraceEntry): string | null {
  if (entry.direction === "out") return entry.isSent ? null : "not sent: no interface leads there";
  return entry.refusal === null ? null : `ignored: ${REFUSAL_TEXTS[entry.refusal]}`;
}

/** What a datagram is called: its kind, as far as it tells one. */
export function kindText(entry: TraceEntry): string {
  const { header, message } = entry;
  if (header === null) return "unknown";
  return message?.kind ?? header.kind ?? `kind ${header.kindNumber}`;
}

// --- messages ------------------------------------------------------------------------------------------------------

type SummaryOf<K extends Message["kind"]> = (message: Extract<Message, { kind: K }>) => string;

const SUMMARIES: { readonly [K in Message["kind"]]: SummaryOf<K> } = {
  announce: (message) =>
    joined([
      recordText(message.record),
      counts(message.peerCount, message.beatMs),
      message.question === null ? null : questionText(message.question),
      message.challenge === null ? null : `challenge ${short(message.challenge)}`,
      message.echoes.length === 0 ? null : `echoes ${message.echoes.length}`,
    ]),
  heartbeat: (message) =>
    joined([
      `beat ${message.beat}`,
      `state ${message.stateVersion}`,
      counts(message.peerCount, message.beatMs),
      `digest ${short(message.digest)}`,
      message.echoes.length === 0 ? null : `echoes ${message.echoes.length}`,
      message.dead.length === 0 ? null : `dead ${message.dead.map(({ target }) => short(target)).join(" ")}`,
      message.availability.length === 0 ? null : `load ${message.availability.join(" ")}`,
      message.leader === null
        ? null
        : `leader ${short(message.leader.target)} of term ${message.leader.term}`,
    ]),
  query: (message) =>
    joined([
      message.target === null ? "asks everybody" : `asks ${short(message.target)}`,
      questionText(message.question),
    ]),
  offer: (message) =>
    joined([
      recordText(message.record),
      counts(message.peerCount, message.beatMs),
      `answers ${short(message.echo)}`,
      message.cookie === null ? null : "offers its list",
    ]),
  bye: (message) => message.reason,
  ping: (message) =>
    joined([
      message.target === null ? "to whoever hears it" : `to ${short(message.target)}`,
      `nonce ${short(message.nonce)}`,
      message.observer ? "from a tool" : null,
    ]),
  ack: (message) =>
    joined([
      `answers ${short(message.echo)}`,
      `heard by ${["unicast", "multicast", "broadcast"][message.heardBy] ?? `path ${message.heardBy}`}`,
      `state ${message.stateVersion}`,
    ]),
  "sync-request": (message) =>
    joined([
      `nodes from ${short(message.from)} to ${message.until === null ? "the end" : short(message.until)}`,
      `knows ${message.known.length / 8}`,
    ]),
  "sync-page": (message) => {
    const names = message.entries.map((entry) => entry.record?.name ?? `${short(entry.id)} (${entry.state})`);
    const more = names.length > MAX_NAMES ? ` and ${names.length - MAX_NAMES} more` : "";
    return joined([
      `answers ${short(message.echo)}`,
      names.length === 0 ? "nobody" : `${names.slice(0, MAX_NAMES).join(", ")}${more}`,
      message.next === null ? null : `goes on at ${short(message.next)}`,
    ]);
  },
  "ping-request": (message) => `please ping ${short(message.target)}, nonce ${short(message.nonce)}`,
  nack: (message) =>
    joined([
      `answers ${short(message.echo)}`,
      `${short(message.target)} ${
        message.heardMs === null ? "not heard" : `heard ${message.heardMs} ms ago`
      }`,
    ]),
  suspect: (message) => `does not hear ${message.nodes.map(({ target }) => short(target)).join(" ")}`,
  vouch: (message) =>
    `hears ${message.nodes.map(({ target, ageMs }) => `${short(target)} (${ageMs} ms ago)`).join(" ")}`,
  get: (message) => `asks for its record from byte ${message.offset}, nonce ${short(message.nonce)}`,
  "record-part": (message) =>
    joined([
      `answers ${short(message.echo)}`,
      `bytes ${message.offset} to ${message.offset + message.bytes.length} of ${message.total}`,
      `state ${message.stateVersion}`,
    ]),
  claim: (message) =>
    joined([
      `wants to lead in term ${message.term}, attempt ${message.attempt}`,
      message.proposal === null ? null : `founds voters ${message.proposal.map(short).join(" ")}`,
    ]),
  grant: (message) => `votes for it in term ${message.term}, attempt ${message.attempt}`,
  deny: (message) =>
    joined([
      `refuses ${message.of === "claim" ? "attempt" : "round"} ${message.echo}: ${
        DENIAL_TEXTS[message.reason]
      }`,
      `knows term ${message.term}`,
      message.set === null ? null : votersText(message.set),
    ]),
  lease: (message) =>
    joined([
      `${message.round === 0 ? "leads" : `renews, round ${message.round}`} in term ${message.term}`,
      message.mode === "lease" ? null : message.mode,
      message.validMs === 0 ? "not to act yet" : `valid ${message.validMs / 1000} s`,
      message.set === null ? null : votersText(message.set),
    ]),
  "lease-ack": (message) => `acknowledges round ${message.round} of term ${message.term}`,
  transfer: (message) =>
    `leads no more in term ${message.term}, in favour of ${
      message.to === null ? "anybody" : short(message.to)
    }`,
};

const DENIAL_TEXTS: { readonly [K in Extract<Message, { kind: "deny" }>["reason"]]: string } = {
  starting: "it has just started",
  term: "the term is not new",
  promised: "its promise is another's",
  set: "it knows other voters",
  storage: "it cannot write its promise down",
};

/** A message in one line. */
export function summaryOf(message: Message): string {
  return (SUMMARIES[message.kind] as (message: Message) => string)(message);
}

/** All fields of a message as plain data; bytes as hex. */
export function fieldsOf(message: Message): JsonObject {
  const { kind: _kind, ...fields } = message;
  return plain(fields) as JsonObject;
}

function plain(value: unknown): Json {
  if (value instanceof Uint8Array) return toHex(value);
  if (Array.isArray(value)) return value.map(plain);
  if (typeof value === "bigint") return value.toString();
  if (typeof value !== "object" || value === null) return value as Json;
  return Object.fromEntries(Object.entries(value).map(([key, each]) => [key, plain(each)]));
}

function recordText(record: Extract<Message, { kind: "announce" }>["record"]): string {
  return `${record.name}, ${record.role}, hana ${record.version}, state ${record.stateVersion}` +
    (record.more === true ? ", cut to fit" : "");
}

function questionText(question: Extract<Message, { kind: "query" }>["question"]): string {
  const knows = question.known.length / 4;
  return `question ${short(question.nonce)} attempt ${question.attempt}${
    knows === 0 ? "" : `, knows ${knows}`
  }`;
}

function votersText(set: NonNullable<Extract<Message, { kind: "lease" }>["set"]>): string {
  return `voters ${set.voters.map(({ id }) => short(id)).join(" ")}`;
}

function counts(peerCount: number, beatMs: number): string {
  return `${peerCount} ${peerCount === 1 ? "node" : "nodes"}, beat ${beatMs / 1000} s`;
}

function joined(parts: readonly (string | null)[]): string {
  return parts.filter((part) => part !== null).join(", ");
}

function short(hex: string): string {
  return hex.slice(0, SHORT_DIGITS);
}

// --- lines ---------------------------------------------------------------------------------------------------------

/** Headings of {@linkcode traceCells}. */
export const TRACE_HEADINGS = [
  "TIME",
  "DIR",
  "INTERFACE",
  "PATH",
  "PEER",
  "NODE",
  "KIND",
  "BYTES",
  "MESSAGE",
] as const;

const WIDTHS = [9, 3, 9, 9, 21, 14, 12, 5, 0];

/** One datagram as the cells of a line. */
export function traceCells(entry: TraceEntry, context: TraceContext): string[] {
  const { header, peer } = entry;
  const cells = [
    ((entry.atUs - context.startUs) / 1_000_000).toFixed(4),
    entry.direction,
    entry.link?.name ?? (entry.direction === "out" ? "all" : "-"),
    entry.path ?? "-",
    peer === null ? "group" : endpointText(peer),
    header === null ? "-" : nodeText(header.id, context),
    kindText(entry),
    String(entry.size),
    contentOf(entry, context.isWide),
  ];
  return cells.map(printable);
}

function nodeText(id: string, context: TraceContext): string {
  return context.nameOf(id) ?? short(id);
}

function contentOf(entry: TraceEntry, isWide: boolean): string {
  const { header, message } = entry;
  const fate = fateOf(entry);
  let content: string;
  if (message !== null) {
    content = summaryOf(message);
    if (isWide) content += ` ${JSON.stringify({ ...numbersOf(entry), ...fieldsOf(message) })}`;
  } else if (header === null) {
    content = `begins ${entry.head}`;
  } else {
    const key = header.keyTag === 0 ? "no key" : `key ${header.keyTag.toString(16).padStart(2, "0")}`;
    content = `claims node ${short(header.id)}, ${key}, protocol ${header.version}`;
    if (isWide) content += ` ${JSON.stringify({ ...numbersOf(entry), head: entry.head })}`;
  }
  return fate === null ? content : `${fate}; ${content}`;
}

function numbersOf({ header }: TraceEntry): JsonObject {
  return header === null ? {} : { seq: header.seq, incarnation: header.incarnation, sentMs: header.sentMs };
}

/** The line for a terminal; cut to `columns` unless all of it is wanted. */
export function traceLine(cells: readonly string[], columns: number | null): string {
  const line = cells.map((cell, at) => {
    const width = WIDTHS[at] ?? 0;
    // A long cell shifts its line and nobody else's.
    return at === 0 || at === 7 ? cell.padStart(width) : cell.padEnd(width);
  }).join("  ").trimEnd();
  if (columns === null || line.length <= columns) return line;
  return `${line.slice(0, Math.max(1, columns - 1))}…`;
}

/** How a datagram is coloured: what was ignored for good reason fades, what hints at trouble stands out. */
export function toneOf(entry: TraceEntry): Tone {
  if (entry.direction === "out") return entry.isSent ? "none" : "warn";
  if (entry.refusal === null) return "none";
  const isRoutine = entry.refusal === "duplicate" || entry.refusal === "own-echo" ||
    entry.refusal === "not-for-us" || entry.refusal === "stale-nonce";
  return isRoutine ? "dim" : "warn";
}

/** The line in its tone. */
export function paintedLine(entry: TraceEntry, line: string, palette: Palette): string {
  const tone = toneOf(entry);
  return tone === "none" ? line : palette.paint(tone, line);
}

/** One datagram for scripts: everything that is known of it. */
export function traceJson(entry: TraceEntry, context: TraceContext): JsonObject {
  const { header, message, peer, link } = entry;
  return {
    atMs: Math.round(entry.atUs - context.startUs) / 1000,
    direction: entry.direction,
    interface: link?.name ?? null,
    local: link?.address ?? null,
    path: entry.path,
    peer: peer === null ? null : endpointText(peer),
    node: header === null ? null : context.nameOf(header.id),
    id: header?.id ?? null,
    kind: message?.kind ?? header?.kind ?? null,
    bytes: entry.size,
    header: header === null ? null : { ...header },
    key: entry.key,
    sent: entry.direction === "out" ? entry.isSent : null,
    refusal: entry.refusal,
    why: fateOf(entry),
    fields: message === null ? null : fieldsOf(message),
    head: entry.head === "" ? null : entry.head,
  };
}
