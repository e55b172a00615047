// The meters of the whole mesh at the host of the state: the newest frame of each source, and the clients that look.
// Decides which frames a client gets and when: the newest alone, 30 times a second at most, of what it subscribed to. A
// client that cannot be written costs one number: the stamp of the newest frame that it has. Never touches the state.

import { HanaError } from "../../base/mod.ts";
import { isPath } from "../model/mod.ts";
import type { Outlet } from "../stream/mod.ts";
import { BoardSource } from "./board_source.ts";
import { MeterInterest, MeterPress, type PressedPacket } from "./interest.ts";
import {
  MAX_METER_CLIENTS,
  MAX_METER_PREFIXES,
  MAX_METER_SOURCES,
  MAX_TABLES_PER_ANSWER,
  METER_DROP_US,
  METER_PERIOD_US,
  METER_STALE_US,
} from "./limits.ts";
import type { ToldMeters } from "./messages.ts";
import { MAX_SOURCE_NUMBER, MeterPacketReader, type MeterProblem } from "./packet.ts";
import { type MeterDefinition, readMeterTable } from "./table.ts";

/** When the board must be called again, in microseconds, and why. */
export interface BoardDeadline {
  readonly atUs: number;
  readonly reason: "send" | "ask" | "drop";
}

/** What a board counted. */
export interface BoardCounters {
  /** Frames that were taken. */
  frames: number;
  /** Frames that came twice, or after a newer one. */
  late: number;
  /** Packets that were none, and tables that could not be. */
  malformed: number;
  packets: number;
  bytes: number;
  /** Times at which a client's lane took nothing. */
  blocked: number;
  /** Sources that were silent for a minute. */
  dropped: number;
  /** Sources and clients beyond the bounds. */
  refused: number;
}

interface BoardClient {
  readonly outlet: Outlet;
  interest: MeterInterest<BoardClient> | null;
  periodUs: number;
  /** All that the board remembers of what it has: the stamp of the newest frame. */
  seen: number;
  /** Counts its turns: of a lane that takes only some packets a turn, each packet is the first in turn. */
  turn: number;
  nextUs: number;
}

/** The meters of a mesh. */
export class MeterBoard {
  readonly counters: BoardCounters = {
    ...{ frames: 0, late: 0, malformed: 0, packets: 0, bytes: 0, blocked: 0, dropped: 0, refused: 0 },
  };
  readonly #sources = new Map<number, BoardSource>();
  readonly #numbers = new Map<string, number>();
  readonly #slots: (BoardSource | null)[] = [];
  readonly #clients = new Map<number, BoardClient>();
  readonly #interests = new Map<string, MeterInterest<BoardClient>>();
  readonly #reader = new MeterPacketReader();
  readonly #press = new MeterPress();
  #newest: BoardSource | null = null;
  #stamp = 0;
  /** Counts changes of tables. */
  #tables = 0;
  #lastNumber = 0;

  // --- sources -----------------------------------------------------------------------------------------------------

  /**
   * A source is there: a node opened its lane. One that comes back has the number that it had, and counts its frames anew.
   * @param name what stands before the names of its meters: that of its node.
   * @returns its number for clients, 1 to 65,535; 0 where there are {@linkcode MAX_METER_SOURCES} already.
   */
  addSource(nowUs: number, name: string): number {
    const known = this.#numbers.get(name);
    const source = known === undefined ? undefined : this.#sources.get(known);
    if (source !== undefined) {
      source.number = 0;
      source.heardUs = nowUs;
      return source.id;
    }
    if (this.#sources.size >= MAX_METER_SOURCES) {
      this.counters.refused++;
      return 0;
    }
    do this.#lastNumber = this.#lastNumber % MAX_SOURCE_NUMBER + 1; while (
      this.#sources.has(this.#lastNumber)
    );
    let slot = this.#slots.indexOf(null);
    if (slot < 0) slot = this.#slots.length;
    const added = new BoardSource(this.#lastNumber, slot, name, nowUs);
    this.#slots[slot] = added;
    this.#sources.set(added.id, added);
    this.#numbers.set(name, added.id);
    return added.id;
  }

  /** A packet of a source. Says what is wrong with it; null where it was taken, or was late. */
  handlePacket(nowUs: number, source: number, bytes: Uint8Array): MeterProblem | null {
    const row = this.#sources.get(source);
    if (row === undefined) return null;
    const reader = this.#reader;
    let problem = reader.open(bytes);
    while (problem === null && reader.next()) {
      // A source speaks for itself, and of all its meters at once.
      if (reader.source !== 0 || reader.first !== 0) problem = "range";
      else if (!row.take(nowUs, reader)) this.counters.late++;
      else {
        this.counters.frames++;
        if (row.isNamed) this.#show(row);
      }
    }
    if (problem !== null) this.counters.malformed++;
    return problem;
  }

  /**
   * The next source whose names are not known for what it sends, for `hana.state.meters` to be asked of it; 0 for none.
   * The same one is named again after a pause.
   */
  pollAsk(nowUs: number): number {
    for (const source of this.#sources.values()) {
      if (source.mark === 0 || source.isNamed || source.ask.nextUs > nowUs) continue;
      source.ask.noteAsked(nowUs);
      return source.id;
    }
    return 0;
  }

  /** What a source answered. Whether it is the table of what it sends. */
  handleTable(source: number, rows: readonly MeterDefinition[]): boolean {
    const row = this.#sources.get(source);
    if (row === undefined) return false;
    const table = readMeterTable(rows);
    if (table === null) {
      this.counters.malformed++;
      return false;
    }
    if (table.mark !== row.table.mark) {
      row.table = table;
      this.#tables++;
    }
    if (!row.isNamed) return false;
    row.ask.noteAnswered();
    this.#show(row);
    return true;
  }

  // --- clients -----------------------------------------------------------------------------------------------------

  /** A client is there, and has seen nothing. False where there are {@linkcode MAX_METER_CLIENTS} already. */
  addClient(client: number, outlet: Outlet): boolean {
    this.removeClient(client);
    if (this.#clients.size >= MAX_METER_CLIENTS) {
      this.counters.refused++;
      return false;
    }
    const row = { outlet, interest: null, periodUs: METER_PERIOD_US, seen: 0, turn: 0, nextUs: -Infinity };
    this.#clients.set(client, row);
    return true;
  }

  /** A client is gone. */
  removeClient(client: number): void {
    const row = this.#clients.get(client);
    if (row === undefined) return;
    this.#leave(row);
    this.#clients.delete(client);
  }

  /**
   * What a client wants to see: all meters at or below one of the prefixes, `""` for all there are; none for nothing.
   * Throws `schema` for what is no prefix, `not-found` for a client that is not there.
   * @param maxHz 1 to 30.
   */
  subscribe(client: number, prefixes: readonly string[], maxHz = 30): void {
    const row = this.#clients.get(client);
    if (row === undefined) throw new HanaError("not-found", { what: `client ${client} of the meters` });
    checkPrefixes(prefixes);
    this.#leave(row);
    row.periodUs = Math.max(METER_PERIOD_US, Math.floor(1_000_000 / Math.max(1, maxHz)));
    row.seen = 0;
    if (prefixes.length === 0) return;
    const sorted = [...new Set(prefixes)].sort();
    const key = sorted.join("\n");
    let interest = this.#interests.get(key);
    if (interest === undefined) this.#interests.set(key, interest = new MeterInterest(key, sorted));
    interest.clients.add(row);
    row.interest = interest;
  }

  /** The tables and newest values of some sources, of all where none is named; and whether there are more. */
  tell(nowUs: number, numbers: readonly number[]): ToldMeters {
    const shown = [...this.#sources.values()].filter(({ stamp }) => stamp > 0);
    const there = numbers.length === 0 ? shown : shown.filter(({ id }) => numbers.includes(id));
    const sources = there.slice(0, MAX_TABLES_PER_ANSWER).map((source) => ({
      source: source.id,
      name: source.name,
      ageMs: Math.floor((nowUs - source.heardUs) / 1_000),
      stale: nowUs - source.heardUs > METER_STALE_US,
      meters: source.table.meters.map((meter, at) => ({
        ...meter,
        value: source.isNamed ? source.values[at] ?? null : null,
      })),
    }));
    return { sources, more: there.length > sources.length, numbers: shown.map(({ id }) => id) };
  }

  // --- time --------------------------------------------------------------------------------------------------------

  /** When it must be called next; null while there is nobody. */
  pollTimeout(): BoardDeadline | null {
    let atUs = Infinity;
    let reason: BoardDeadline["reason"] = "send";
    for (const client of this.#clients.values()) {
      if (client.interest !== null && client.seen < this.#stamp && client.nextUs < atUs) atUs = client.nextUs;
    }
    for (const source of this.#sources.values()) {
      if (source.mark !== 0 && !source.isNamed && source.ask.nextUs < atUs) {
        atUs = source.ask.nextUs;
        reason = "ask";
      }
      if (source.heardUs + METER_DROP_US < atUs) {
        atUs = source.heardUs + METER_DROP_US;
        reason = "drop";
      }
    }
    return atUs === Infinity ? null : { atUs, reason };
  }

  /** Sends to every client whose time has come what is new for it, and forgets sources that were silent for too long. */
  handleTimeout(nowUs: number): void {
    for (const source of this.#sources.values()) {
      if (nowUs >= source.heardUs + METER_DROP_US) this.#drop(source);
    }
    // By interest, so that what one client gets is still there for the next that wants the same.
    for (const interest of this.#interests.values()) {
      interest.refresh(this.#tables, this.#sources.values());
      for (const client of interest.clients) {
        if (client.seen >= this.#stamp || client.nextUs > nowUs) continue;
        this.#serve(nowUs, client, interest);
      }
    }
  }

  #serve(nowUs: number, client: BoardClient, interest: MeterInterest<BoardClient>): void {
    if (!client.outlet.isWritable) {
      this.counters.blocked++;
      client.nextUs = nowUs + client.periodUs;
      return;
    }
    const press = this.#press;
    press.press(nowUs, interest, client.seen, this.#stamp, this.#tables, this.#newest);
    if (press.count > 0) client.nextUs = nowUs + client.periodUs;
    const turn = client.turn++;
    for (let i = 0; i < press.count; i++) {
      const { bytes } = press.packets[(turn + i) % press.count] as PressedPacket;
      if (!client.outlet.send(bytes)) {
        this.counters.blocked++;
        return;
      }
      this.counters.packets++;
      this.counters.bytes += bytes.length;
    }
    client.seen = this.#stamp;
  }

  /** The source's newest frame is the newest of all: it goes to the end of the row. */
  #show(source: BoardSource): void {
    this.#unlink(source);
    source.stamp = ++this.#stamp;
    source.older = this.#newest;
    if (this.#newest !== null) this.#newest.newer = source;
    this.#newest = source;
  }

  #unlink(source: BoardSource): void {
    if (this.#newest === source) this.#newest = source.older;
    if (source.newer !== null) source.newer.older = source.older;
    if (source.older !== null) source.older.newer = source.newer;
    source.newer = null;
    source.older = null;
  }

  #drop(source: BoardSource): void {
    this.#unlink(source);
    this.#sources.delete(source.id);
    this.#numbers.delete(source.name);
    this.#slots[source.slot] = null;
    this.counters.dropped++;
  }

  #leave(client: BoardClient): void {
    const { interest } = client;
    client.interest = null;
    interest?.clients.delete(client);
    if (interest?.clients.size === 0) this.#interests.delete(interest.key);
  }
}

function checkPrefixes(prefixes: readonly string[]): void {
  if (prefixes.length > MAX_METER_PREFIXES) {
    const why = `a client subscribes to at most ${MAX_METER_PREFIXES} prefixes`;
    throw new HanaError("overloaded", { what: `${prefixes.length} prefixes of meters`, why });
  }
  for (const prefix of prefixes) {
    // The first segment is a node's name, which may have capitals and letters of any language.
    const rest = prefix.indexOf("/") < 0 ? "" : prefix.slice(prefix.indexOf("/") + 1);
    if (prefix.length > MAX_PREFIX || (rest !== "" && !isPath(rest))) {
      throw new HanaError("schema", {
        what: `prefix ${prefix.slice(0, MAX_PREFIX)}`,
        why: "a prefix is a node's name, or one with a path behind it: stage-left/audio",
      });
    }
  }
}

const MAX_PREFIX = 192;
