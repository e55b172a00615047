// A host and programs with the client library, through encoded bytes, over lanes that take time and break. All time is
// simulated; timers are those of the stage.

import { assert } from "@std/assert";
import type { TimerHandle, Timers } from "../../../../lib/platform/mod.ts";
import { StateClient } from "../../../../lib/state/client/mod.ts";
import type { LinkNumber } from "../../../../lib/state/holding/mod.ts";
import { type LinkPeer, StandbyCopy, StateHost } from "../../../../lib/state/host/mod.ts";
import { MessageDecoder, MessageEncoder, type StateMessage } from "../../../../lib/state/messages/mod.ts";
import type { ParameterDefinition, PathId } from "../../../../lib/state/model/mod.ts";
import { type ReplicaEvent, StateReplica } from "../../../../lib/state/replica/mod.ts";
import { isRefusal, readDefinition } from "../../../../lib/state/schema/mod.ts";
import type { StatePort } from "../../../../lib/state/service/mod.ts";
import { drawing, epochOf, peerOf } from "../host/support.ts";

interface Letter {
  readonly atUs: number;
  readonly bytes: Uint8Array;
}

interface Alarm {
  readonly atUs: number;
  readonly order: number;
  readonly callback: () => void;
}

/** A program: a replica over a lane, and the port to it. */
export class Desk implements StatePort {
  readonly replica: StateReplica;
  readonly number: number;
  readonly events: ReplicaEvent[] = [];
  readonly up: Letter[] = [];
  readonly down: Letter[] = [];
  level: LinkPeer["level"] = "operator";
  link: LinkNumber | null = null;
  /** Comes back by itself when the replica wants another connection. */
  reconnects = true;
  isPumping = false;
  /** What `ask` answers. */
  answers: (name: string, body: unknown) => unknown = () => {
    throw new Error("nobody answers");
  };
  readonly #stage: Stage;
  readonly #listeners = new Set<(event: ReplicaEvent) => void>();
  readonly #batches = new Set<() => void>();

  constructor(stage: Stage, number: number, name: string) {
    this.#stage = stage;
    this.number = number;
    this.replica = new StateReplica({ name });
  }

  nowUs(): number {
    return this.#stage.nowUs;
  }

  pump(): void {
    this.#stage.pump(this);
  }

  onEvent(listener: (event: ReplicaEvent) => void): () => void {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }

  onBatch(listener: () => void): () => void {
    this.#batches.add(listener);
    return () => void this.#batches.delete(listener);
  }

  ask<D>(definition: D, body: unknown): Promise<never> {
    const { name } = definition as { readonly name: string };
    return Promise.resolve().then(() => this.answers(name, body)) as Promise<never>;
  }

  tell(event: ReplicaEvent): void {
    this.events.push(event);
    for (const listener of [...this.#listeners]) listener(event);
  }

  endBatch(): void {
    for (const listener of [...this.#batches]) listener();
  }

  /** How many listen to it. */
  get listeners(): number {
    return this.#listeners.size + this.#batches.size;
  }
}

/** Everything that plays. */
export class Stage {
  host: StateHost;
  nowUs = 1_000_000;
  latencyUs = 2_000;
  readonly desks: Desk[] = [];
  standby: StandbyCopy | null = null;
  readonly timers: Timers;
  readonly #alarms: Alarm[] = [];
  readonly #encoder = new MessageEncoder();
  readonly #decoder = new MessageDecoder();
  #standbyLink = 0 as LinkNumber;
  #order = 0;
  #links = 0;
  #isHostUp = true;

  constructor(definitions: readonly Partial<ParameterDefinition>[] = []) {
    this.host = new StateHost(this.nowUs, { epoch: epochOf(1), random: drawing(), presence: true });
    for (const definition of definitions) this.define(definition);
    this.timers = {
      schedule: (atUs, callback) => this.#schedule(atUs, callback),
      defer: (callback) => void this.#schedule(this.nowUs, callback),
    };
  }

  /** The host declares a path. */
  define(definition: Partial<ParameterDefinition>): PathId {
    const defined = this.host.define(this.nowUs, readDefinition(definition));
    assert(!isRefusal(defined));
    return defined.id;
  }

  /** A program comes, with the library. */
  join(name: string, level: LinkPeer["level"] = "operator"): StateClient {
    const desk = this.desk(name, level);
    this.connect(desk);
    return new StateClient({ port: desk, timers: this.timers });
  }

  /** A program that is not connected. */
  desk(name: string, level: LinkPeer["level"] = "operator"): Desk {
    const desk = new Desk(this, this.desks.length + 1, name);
    desk.level = level;
    this.desks.push(desk);
    return desk;
  }

  /** The desk under a client. */
  deskOf(client: StateClient): Desk {
    const desk = this.desks.find((one) => one === client.port);
    assert(desk !== undefined);
    return desk;
  }

  connect(desk: Desk): void {
    desk.link = ++this.#links as LinkNumber;
    desk.up.length = desk.down.length = 0;
    if (this.#isHostUp) this.host.handleJoined(this.nowUs, desk.link, peerOf(desk.number, desk.level));
    desk.replica.handleConnected(this.nowUs);
    this.pump(desk);
  }

  cut(desk: Desk): void {
    const { link } = desk;
    if (link === null) return;
    desk.link = null;
    desk.up.length = desk.down.length = 0;
    if (this.#isHostUp) this.host.handleLeft(this.nowUs, link);
    desk.replica.handleLost(this.nowUs);
    this.pump(desk);
  }

  /** A standby copies from now on. */
  understudy(): void {
    this.standby = new StandbyCopy();
    this.#standbyLink = ++this.#links as LinkNumber;
    this.host.handleStandbyJoined(this.nowUs, this.#standbyLink);
    this.#exchange();
  }

  /** The host dies. Nobody hosts. */
  kill(): void {
    for (const desk of this.desks) this.cut(desk);
    this.#isHostUp = false;
  }

  /** The next host begins, from the standby's copy or with nothing, and everybody connects. */
  reign(from: "standby" | "nothing", definitions: readonly Partial<ParameterDefinition>[] = []): void {
    const snapshot = from === "standby" ? this.standby?.snapshot() ?? null : null;
    const term = this.host.epoch.term + 1;
    const options = { epoch: epochOf(term), random: drawing(term), presence: true };
    this.host = new StateHost(this.nowUs, snapshot === null ? options : { ...options, from: snapshot });
    this.standby = null;
    this.#isHostUp = true;
    for (const definition of definitions) this.define(definition);
    for (const desk of this.desks) this.connect(desk);
  }

  /** Says what a replica has to say, and tells its events and the end of the batch; not within itself, as in the service. */
  pump(desk: Desk): void {
    if (desk.isPumping) return;
    desk.isPumping = true;
    try {
      this.#pump(desk);
    } finally {
      desk.isPumping = false;
    }
  }

  #pump(desk: Desk): void {
    this.#send(desk);
    for (let event = desk.replica.pollEvent(); event !== null; event = desk.replica.pollEvent()) {
      desk.tell(event);
      if (event.kind !== "reconnect" || desk.link === null) continue;
      this.cut(desk);
      if (desk.reconnects) this.connect(desk);
    }
    desk.endBatch();
    this.#send(desk);
  }

  /** Lets time go on by `us`; what is awaited meanwhile is answered. */
  async run(us: number): Promise<void> {
    const untilUs = this.nowUs + us;
    for (let rounds = 0; rounds < 1_000_000; rounds++) {
      await flush();
      this.#exchange();
      const atUs = this.#nextUs();
      if (atUs > untilUs) {
        this.nowUs = untilUs;
        return await flush();
      }
      this.nowUs = Math.max(this.nowUs, atUs);
      this.#step();
    }
    throw new Error(`time stands still at ${this.nowUs}`);
  }

  /** Lets time go on until `promise` is settled, for 30 s at most, and hands its result over. */
  async until<T>(promise: Promise<T>): Promise<T> {
    let isOver = false;
    const noted = promise.then(() => void (isOver = true), () => void (isOver = true));
    for (let turns = 0; turns < 6_000; turns++) {
      await flush();
      if (isOver) break;
      await this.run(5_000);
    }
    assert(isOver, "it is still not settled after 30 s");
    await noted;
    return await promise;
  }

  #step(): void {
    for (const desk of this.desks) {
      for (let next = desk.up[0]; next !== undefined && next.atUs <= this.nowUs; next = desk.up[0]) {
        desk.up.shift();
        if (desk.link !== null && this.#isHostUp) {
          this.host.handleMessage(this.nowUs, desk.link, this.#decode(next.bytes));
        }
      }
      let hasHeard = false;
      for (let next = desk.down[0]; next !== undefined && next.atUs <= this.nowUs; next = desk.down[0]) {
        desk.down.shift();
        desk.replica.handleMessage(this.nowUs, this.#decode(next.bytes));
        hasHeard = true;
      }
      const due = desk.replica.deadline();
      const isDue = due !== null && due.atUs <= this.nowUs;
      if (isDue) desk.replica.handleDeadline(this.nowUs);
      if (hasHeard || isDue) this.pump(desk);
    }
    const deadline = this.#isHostUp ? this.host.deadline() : null;
    if (deadline !== null && deadline.atUs <= this.nowUs) this.host.handleDeadline(this.nowUs);
    for (;;) {
      const at = this.#alarms.findIndex(({ atUs }) => atUs <= this.nowUs);
      if (at < 0) break;
      const [alarm] = this.#alarms.splice(at, 1);
      alarm?.callback();
    }
    this.#exchange();
  }

  #nextUs(): number {
    let atUs = this.#isHostUp ? this.host.deadline()?.atUs ?? Infinity : Infinity;
    for (const { replica, up, down } of this.desks) {
      const [first, second] = [up[0]?.atUs ?? Infinity, down[0]?.atUs ?? Infinity];
      atUs = Math.min(atUs, replica.deadline()?.atUs ?? Infinity, first, second);
    }
    return Math.min(atUs, this.#alarms[0]?.atUs ?? Infinity);
  }

  #schedule(atUs: number, callback: () => void): TimerHandle {
    const alarm: Alarm = { atUs: Math.max(atUs, this.nowUs), order: this.#order++, callback };
    this.#alarms.push(alarm);
    this.#alarms.sort((a, b) => a.atUs - b.atUs || a.order - b.order);
    return {
      cancel: () => {
        const at = this.#alarms.indexOf(alarm);
        if (at >= 0) this.#alarms.splice(at, 1);
      },
    };
  }

  /** Timers that wait. */
  get timed(): number {
    return this.#alarms.length;
  }

  #send(desk: Desk): void {
    for (let next = desk.replica.poll(); next !== null; next = desk.replica.poll()) {
      const bytes = this.#encoder.encode(next);
      assert(bytes !== null, `${next.kind} of a client has no form`);
      if (desk.link !== null) desk.up.push({ atUs: this.nowUs + this.latencyUs, bytes: bytes.slice() });
    }
  }

  #exchange(): void {
    if (!this.#isHostUp) return;
    for (let next = this.host.poll(); next !== null; next = this.host.poll()) {
      const { to, bytes } = next;
      const desk = this.desks.find(({ link }) => link === to);
      desk?.down.push({ atUs: this.nowUs + this.latencyUs, bytes: bytes.slice() });
    }
    const { standby } = this;
    for (let next = this.host.pollStandby(); next !== null; next = this.host.pollStandby()) {
      if (standby === null) continue;
      const number = standby.handleUpdate(structuredClone(next.update));
      this.host.handleStandbyConfirmed(this.nowUs, this.#standbyLink, number);
    }
  }

  #decode(bytes: Uint8Array): StateMessage {
    const message = this.#decoder.decode(bytes);
    assert(typeof message !== "string", `a message is ${message}`);
    return message;
  }
}

/** Lets promise callbacks run. */
export async function flush(): Promise<void> {
  for (let turns = 0; turns < 8; turns++) await Promise.resolve();
}

/** A number from 0 to 100 at a path. */
export function fader(path: string, fields: Partial<ParameterDefinition> = {}): Partial<ParameterDefinition> {
  return { path, type: "f32", default: 0, min: 0, max: 100, ...fields };
}
