// Hosts at which things happen, and the updates that their standbys get.

import { assert } from "@std/assert";
import type { LinkNumber } from "../../../../lib/state/holding/mod.ts";
import { StandbyCopy, type StandbyUpdate } from "../../../../lib/state/host/mod.ts";
import type { WireEntry } from "../../../../lib/state/messages/mod.ts";
import type {
  ClientNumber,
  ClientSequence,
  PathId,
  StateValue,
  ValueType,
} from "../../../../lib/state/model/mod.ts";
import { Bench, epochOf, helloOf, parameter, peerOf } from "../host/support.ts";

/** The standby of these tests, and one that confirms late. */
export const STANDBY = 9_999 as LinkNumber;
export const LATE_STANDBY = 9_998 as LinkNumber;

/** Values of each type as hosts keep them. */
const VALUES: Readonly<Record<ValueType, (n: number) => StateValue>> = {
  f32: (n) => Math.fround(n * 0.37),
  unit: (n) => (n * 131 % 65_536) / 65_535,
  i32: (n) => Math.imul(n % 2 === 0 ? n : -n, 2_000_003),
  bool: (n) => n % 2 === 0,
  enum: (n) => ["off", "slow", "fast"][n % 3] ?? "off",
  text: (n) => "größer ".repeat(n % 5),
  bytes: (n) => new Uint8Array([n & 255, 0, 255]),
  vec3: (n) => [n, Math.fround(n / 3), -1],
  quat: () => [0, 0, 0, 1],
  json: (n): StateValue =>
    n % 2 === 0 ? { a: n, b: [0.5, true, { deep: null }] } : { text: "two", list: [1, n / 7] },
};
const TYPES = Object.keys(VALUES) as ValueType[];

/** What happens at a host: which of the things below, to whom, where, how much. */
export type Happening = readonly [kind: number, who: number, where: number, amount: number];

/** A host with clients of which anything can happen, and all updates that its one standby got. */
export class CopiedHost {
  readonly bench: Bench;
  readonly copy = new StandbyCopy();
  readonly updates: StandbyUpdate[] = [];
  /** The copy of the standby that confirms late, and what it has not confirmed. */
  readonly late = new StandbyCopy();
  #waiting: StandbyUpdate | null = null;
  /** By machine. */
  readonly #tokens = new Map<number, Uint8Array>();
  readonly #sequences = new Map<number, number>();
  #lastLink = 0;
  /** Links by the number of the machine behind them. */
  readonly #links = new Map<number, number>();

  constructor(bench: Bench = new Bench({ epoch: epochOf(3) })) {
    this.bench = bench;
    TYPES.forEach((type, at) => this.define(`all/${type}`, at));
    this.define("sum/level", 0, { merge: "sum" });
    this.define("lock/me", 0, { merge: "lock", onLoss: "default", subsystem: "cues" });
    assert(bench.host.handleStandbyJoined(bench.nowUs, STANDBY));
    assert(bench.host.handleStandbyJoined(bench.nowUs, LATE_STANDBY));
    this.pump();
  }

  /** Declares a path; its type by a number. */
  define(path: string, at: number, more: Record<string, unknown> = {}): void {
    const type = TYPES[at % TYPES.length] ?? "f32";
    const fields = type === "f32" || type === "i32" ? {} : { min: null, max: null };
    const defaults: Partial<Record<ValueType, StateValue>> = {
      enum: "off",
      quat: [0, 0, 0, 1],
      vec3: [0, 0, 0],
    };
    const value = defaults[type] ??
      (type === "bool" ? false : type === "text" ? "" : type === "json" ? null : 0);
    const words = type === "enum" ? { words: ["off", "slow", "fast"] } : {};
    const standard = type === "bytes" ? new Uint8Array(0) : value;
    const definition = { path, subsystem: "params", type, default: standard, ...fields, ...words, ...more };
    const wide = type === "i32" ? { min: null, max: null } : {};
    this.bench.host.define(this.bench.nowUs, parameter(path, { ...definition, ...wide } as never));
  }

  /** Something happens, and the standby is told. */
  happen([kind, who, where, amount]: Happening): void {
    const { bench } = this;
    const { host } = bench;
    bench.nowUs += 1_000 + amount;
    const machine = 1 + who % 5;
    const id = 1 + where % host.document.book.lastId as PathId;
    const link = this.#links.get(machine);
    switch (kind % 12) {
      case 0:
      case 1:
      case 2:
        if (link !== undefined) this.write(link, id, amount);
        break;
      case 3:
        if (link === undefined) this.join(machine);
        else this.#release(link, id);
        break;
      case 4:
        if (link === undefined) this.join(machine);
        else if (amount % 2 === 0) this.#part(machine, link);
        else this.#leave(machine, link);
        break;
      case 5:
        if (link !== undefined) this.#own(link, amount % 3 === 0 ? "release" : "request", id);
        break;
      case 6:
        if (link !== undefined) this.#privilege(link, amount % 2 === 0 ? "request" : "release");
        break;
      case 7:
        this.define(`more-${where % 4}/p-${amount % 20}`, amount, {
          subsystem: ["params", "cues", "own"][amount % 3],
          ...(amount % 10 === 0 ? { default: where % 7 } : {}),
        });
        break;
      case 8:
        if (where % 5 === 0) host.retire(bench.nowUs, id);
        break;
      case 9:
        host.write(bench.nowUs, id, this.valueAt(id, amount), 1 + amount % 255);
        break;
      case 10:
        if (link !== undefined) this.#leaveOperations(link, id, amount);
        break;
      default:
        bench.run(amount * 20_000);
    }
    bench.drain();
    this.pump();
    if (amount % 5 === 0) this.catchUp();
  }

  /** The standby gets what there is, and confirms it; the late one gets it. */
  pump(): void {
    const { host, nowUs } = this.bench;
    for (let next = host.pollStandby(); next !== null; next = host.pollStandby()) {
      if (next.to === LATE_STANDBY) this.#waiting = next.update;
      else {
        this.updates.push(next.update);
        host.handleStandbyConfirmed(nowUs, STANDBY, this.copy.handleUpdate(structuredClone(next.update)));
      }
    }
  }

  /** The late standby confirms what it has, and gets what happened meanwhile. */
  catchUp(): void {
    for (let rounds = 0; rounds < 2 && this.#waiting !== null; rounds++) {
      const update = this.#waiting;
      this.#waiting = null;
      const number = this.late.handleUpdate(structuredClone(update));
      this.bench.host.handleStandbyConfirmed(this.bench.nowUs, LATE_STANDBY, number);
      this.pump();
    }
  }

  /** A machine comes, with its token where it has one. @returns its link. */
  join(machine: number): number {
    const { bench } = this;
    const link = ++this.#lastLink;
    this.#links.set(machine, link);
    this.#sequences.set(link, 0);
    bench.host.handleJoined(bench.nowUs, link as LinkNumber, peerOf(machine));
    bench.say(link, helloOf({ name: `desk-${machine}`, token: this.#tokens.get(machine) ?? null }));
    for (const { to, message } of bench.drain()) {
      if (to !== link || message.kind !== "welcome") continue;
      this.#tokens.set(machine, message.token);
      this.#sequences.set(link, message.ack.sequence);
    }
    return link;
  }

  /** A client writes. */
  write(link: number, id: PathId, amount: number): void {
    const { book } = this.bench.host.document;
    const definition = book.definitionOf(id);
    if (definition === null) return;
    const value = this.valueAt(id, amount);
    const sequence = (this.#sequences.get(link) ?? 0) + 1;
    this.#sequences.set(link, sequence);
    this.bench.say(link, {
      kind: "set",
      term: this.bench.host.epoch.term,
      sequence: sequence as ClientSequence,
      priority: 1 + amount % 200,
      take: amount % 2 === 0,
      momentary: amount % 7 === 0,
      generation: null,
      entries: [{ id, type: definition.type, value, winner: null } as WireEntry],
    });
  }

  /** A value that may stand at a path. */
  valueAt(id: PathId, amount: number): StateValue {
    const definition = this.bench.host.document.book.definitionOf(id);
    return definition === null ? null : VALUES[definition.type](amount);
  }

  #release(link: number, id: PathId): void {
    const sequence = (this.#sequences.get(link) ?? 0) + 1;
    this.#sequences.set(link, sequence);
    this.bench.say(link, {
      kind: "set",
      term: this.bench.host.epoch.term,
      sequence: sequence as ClientSequence,
      priority: 0,
      take: false,
      momentary: false,
      generation: null,
      entries: [{ id, type: "gone", value: null, winner: null }],
    });
  }

  #part(machine: number, link: number): void {
    this.#links.delete(machine);
    this.bench.host.handleLeft(this.bench.nowUs, link as LinkNumber);
  }

  #leave(machine: number, link: number): void {
    this.#links.delete(machine);
    const term = this.bench.host.epoch.term;
    this.bench.say(link, { kind: "bye", term, reason: "leaving", successor: null, text: "" });
  }

  #own(link: number, action: "request" | "release", id: PathId): void {
    const { host } = this.bench;
    const { generation } = host.holding.ownership.standing(this.bench.nowUs, id);
    const nobody = 0 as ClientNumber;
    this.bench.say(link, {
      kind: "own",
      term: host.epoch.term,
      action,
      request: 1,
      other: nobody,
      objects: [{ id, state: "free", owner: nobody, generation, leftUs: 0 }],
      text: "",
    });
  }

  #privilege(link: number, action: "request" | "release"): void {
    const { host } = this.bench;
    const nobody = 0 as ClientNumber;
    const { generation } = host.holding.privilege;
    const rest = {
      request: 1,
      state: "none",
      holder: nobody,
      generation,
      other: nobody,
      leftUs: 0,
      text: "",
    } as const;
    this.bench.say(link, { kind: "priv", term: host.epoch.term, action, ...rest });
  }

  #leaveOperations(link: number, id: PathId, amount: number): void {
    const { holding } = this.bench.host;
    const client = holding.clients.handleMessage(this.bench.nowUs, link as LinkNumber);
    if (client === null) return;
    const value = this.valueAt(id, amount);
    holding.clients.handleLeaveOperations(client, [
      { at: "loss", id, value, priority: amount % 200 },
      { at: "expiry", id, value, priority: 100 },
    ]);
  }
}
