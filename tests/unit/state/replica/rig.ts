// Replicas and a model host over connections that lose, double and reorder, in virtual time and through real bytes.

import { assert } from "@std/assert";
import { MessageDecoder, MessageEncoder, type StateMessage } from "../../../../lib/state/messages/mod.ts";
import type { PathId } from "../../../../lib/state/model/mod.ts";
import { type ReplicaEvent, StateReplica } from "../../../../lib/state/replica/mod.ts";
import { type ModelClient, ModelHost, parameter } from "./model_host.ts";

/** Numbers that look like chance, the same for the same seed. */
export function chance(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), state | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 0x1_0000_0000;
  };
}

export interface Weather {
  readonly loss: number;
  readonly duplicates: number;
  readonly delayUs: number;
  readonly jitterUs: number;
}

export const CALM: Weather = { loss: 0, duplicates: 0, delayUs: 2_000, jitterUs: 0 };

interface Letter {
  readonly atUs: number;
  readonly order: number;
  readonly seat: Seat;
  readonly connection: number;
  readonly host: ModelHost | null;
  readonly bytes: Uint8Array;
}

/** A replica and its connection. */
export class Seat {
  readonly replica: StateReplica;
  readonly events: ReplicaEvent[] = [];
  /** Counts its connections; 0 is none. */
  connection = 0;
  isUp = false;
  client: ModelClient | null = null;
  /** Reconnects by itself when the replica asks for it. */
  reconnects = true;

  constructor(name: string) {
    this.replica = new StateReplica({ name });
  }

  of<K extends ReplicaEvent["kind"]>(kind: K): Extract<ReplicaEvent, { kind: K }>[] {
    return this.events.filter((event): event is Extract<ReplicaEvent, { kind: K }> => event.kind === kind);
  }
}

/** The world of a test. */
export class Rig {
  host: ModelHost;
  weather: Weather = CALM;
  nowUs = 1_000_000;
  readonly seats: Seat[] = [];
  readonly random: () => number;
  readonly #letters: Letter[] = [];
  readonly #encoder = new MessageEncoder();
  readonly #decoder = new MessageDecoder();
  #order = 0;
  #beats = 0;
  isHostMute = false;

  constructor(seed = 1, term = 1) {
    this.random = chance(seed);
    this.host = this.newHost(term, "a");
  }

  newHost(term: number, hostId: string): ModelHost {
    const host: ModelHost = new ModelHost(term, hostId, (client, message) => {
      const seat = this.seats.find((one) => one.client === client) ?? this.#greeting;
      if (seat !== null && seat !== undefined && !this.isHostMute) this.#post(seat, message, null);
    });
    return host;
  }

  #greeting: Seat | null = null;

  join(name: string): Seat {
    const seat = new Seat(name);
    this.seats.push(seat);
    this.connect(seat);
    return seat;
  }

  connect(seat: Seat): void {
    seat.connection++;
    seat.isUp = true;
    seat.client = null;
    seat.replica.handleConnected(this.nowUs);
    this.#collect(seat);
  }

  cut(seat: Seat): void {
    seat.isUp = false;
    if (seat.client !== null) seat.client.isConnected = false;
    seat.replica.handleLost(this.nowUs);
    this.#collect(seat);
  }

  /** A message to a replica from nowhere. */
  inject(seat: Seat, message: StateMessage): void {
    seat.replica.handleMessage(this.nowUs, message);
    this.#collect(seat);
  }

  idOf(path: string): PathId {
    return this.host.book.idOf(path);
  }

  /** Writes as the program behind a seat does. */
  set(seat: Seat, path: string, value: unknown, priority = 100): void {
    const id = seat.replica.book?.idOf(path);
    assert(id !== undefined, `${path} is unknown`);
    const answer = seat.replica.set(this.nowUs, id, value, { priority });
    assert(answer === "taken", `${path}: ${typeof answer === "string" ? answer : answer.why}`);
    this.#collect(seat);
  }

  /** What a seat shows at a path. */
  shown(seat: Seat, path: string): unknown {
    const { book, values } = seat.replica;
    return book === null || values === null ? null : values.valueOf(book.idOf(path));
  }

  collect(seat: Seat): void {
    this.#collect(seat);
  }

  run(forUs: number, until: () => boolean = () => false): boolean {
    const endUs = this.nowUs + forUs;
    let hostUs = this.nowUs;
    while (this.nowUs < endUs) {
      if (until()) return true;
      this.#letters.sort((a, b) => a.atUs - b.atUs || a.order - b.order);
      let nextUs = Math.min(endUs, hostUs);
      const [letter] = this.#letters;
      if (letter !== undefined) nextUs = Math.min(nextUs, letter.atUs);
      for (const { replica } of this.seats) nextUs = Math.min(nextUs, replica.deadline()?.atUs ?? Infinity);
      this.nowUs = Math.max(this.nowUs, nextUs);
      this.host.nowUs = this.nowUs;
      if (letter !== undefined && letter.atUs <= this.nowUs) {
        this.#letters.shift();
        this.#deliver(letter);
      }
      if (this.nowUs >= hostUs) {
        hostUs = this.nowUs + 33_333;
        if (!this.isHostMute) {
          this.host.flush();
          if (this.#beats++ % 30 === 29) this.host.beat();
        }
      }
      for (const seat of this.seats) {
        if ((seat.replica.deadline()?.atUs ?? Infinity) > this.nowUs) continue;
        seat.replica.handleDeadline(this.nowUs);
        this.#collect(seat);
      }
    }
    return until();
  }

  #deliver({ seat, connection, host, bytes }: Letter): void {
    const message = this.#decoder.decode(bytes);
    assert(typeof message !== "string", `undecodable: ${message}`);
    if (!seat.isUp || seat.connection !== connection) return;
    if (host === null) {
      seat.replica.handleMessage(this.nowUs, message);
      return this.#collect(seat);
    }
    this.#greeting = seat;
    seat.client = this.host.handle(seat.client, message);
    this.#greeting = null;
  }

  #collect(seat: Seat): void {
    for (let message = seat.replica.poll(); message !== null; message = seat.replica.poll()) {
      if (seat.isUp) this.#post(seat, message, this.host);
    }
    for (let event = seat.replica.pollEvent(); event !== null; event = seat.replica.pollEvent()) {
      seat.events.push(event);
      if (event.kind !== "reconnect" || !seat.reconnects) continue;
      this.cut(seat);
      this.connect(seat);
    }
  }

  #post(seat: Seat, message: StateMessage, host: ModelHost | null): void {
    const bytes = this.#encoder.encode(message);
    assert(bytes !== null, `cannot be encoded: ${message.kind}`);
    const { loss, duplicates, delayUs, jitterUs } = this.weather;
    const copies = this.random() < loss ? 0 : this.random() < duplicates ? 2 : 1;
    for (let i = 0; i < copies; i++) {
      this.#letters.push({
        atUs: this.nowUs + delayUs + Math.floor(this.random() * jitterUs),
        order: this.#order++,
        seat,
        connection: seat.connection,
        host,
        bytes: bytes.slice(),
      });
    }
  }
}

/** A host with faders `f0` to `f9` and one of each other type. */
export function standardRig(seed = 1): Rig {
  const rig = new Rig(seed);
  fill(rig.host);
  return rig;
}

export function fill(host: ModelHost, isReversed = false): void {
  const definitions = [
    ...Array.from({ length: 10 }, (_, i) => parameter(`wall/f${i}`)),
    parameter("wall/on", { type: "bool", default: false }),
    parameter("wall/name", { type: "text", default: "" }),
    parameter("wall/place", { type: "vec3", default: [0, 0, 0] }),
    parameter("wall/mode", { type: "enum", default: "day", words: ["day", "night"] }),
  ];
  for (const definition of isReversed ? definitions.reverse() : definitions) host.declare(definition);
}
