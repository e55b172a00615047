// A host and clients as they are, over lanes that take time, stall and break; all time is simulated.

import { assert } from "@std/assert";
import type { LinkNumber } from "../../../../lib/state/holding/mod.ts";
import { StandbyCopy, StateHost } from "../../../../lib/state/host/mod.ts";
import { MessageDecoder, MessageEncoder, type StateMessage } from "../../../../lib/state/messages/mod.ts";
import type { Interest } from "../../../../lib/state/messages/mod.ts";
import { StateReplica } from "../../../../lib/state/replica/mod.ts";
import { drawing, epochOf, peerOf } from "./support.ts";

interface Travelling {
  readonly atUs: number;
  readonly bytes: Uint8Array;
}

/** A client with its lane both ways. */
export class Desk {
  readonly replica: StateReplica;
  readonly number: number;
  link: LinkNumber | null = null;
  readonly down: Travelling[] = [];
  readonly up: Travelling[] = [];
  /** Nothing arrives while it stands still; it piles up as a lane's queue does. */
  isStalled = false;
  bytesDown = 0;
  /** The newest write that was acknowledged as copied to a standby. */
  copied = 0;

  constructor(number: number, interests?: readonly Interest[]) {
    this.number = number;
    const name = `desk-${number}`;
    this.replica = new StateReplica(interests === undefined ? { name } : { name, interests });
  }
}

/** A standby with its lane. */
export interface Understudy {
  readonly link: LinkNumber;
  readonly copy: StandbyCopy;
  readonly down: { atUs: number; take: () => void }[];
  isStalled: boolean;
}

/** Everything that plays. */
export class Stage {
  host: StateHost;
  nowUs = 1_000_000;
  readonly desks: Desk[] = [];
  readonly understudies: Understudy[] = [];
  latencyUs = 2_000;
  readonly #encoder = new MessageEncoder();
  readonly #decoder = new MessageDecoder();
  #lastLink = 0;

  constructor() {
    this.host = new StateHost(this.nowUs, { epoch: epochOf(1), random: drawing() });
  }

  /** A client comes, or comes back. */
  connect(desk: Desk): void {
    if (!this.desks.includes(desk)) this.desks.push(desk);
    desk.link = ++this.#lastLink as LinkNumber;
    desk.up.length = desk.down.length = 0;
    this.host.handleJoined(this.nowUs, desk.link, peerOf(desk.number));
    desk.replica.handleConnected(this.nowUs);
    this.#exchange();
  }

  /** The cable of a client is out: what is on its way is lost. */
  cut(desk: Desk): void {
    if (desk.link === null) return;
    const { link } = desk;
    desk.link = null;
    desk.up.length = desk.down.length = 0;
    desk.isStalled = false;
    this.host.handleLeft(this.nowUs, link);
    desk.replica.handleLost(this.nowUs);
    this.#exchange();
  }

  /** A standby begins to copy. */
  understudy(): Understudy {
    const found = {
      link: ++this.#lastLink as LinkNumber,
      copy: new StandbyCopy(),
      down: [],
      isStalled: false,
    };
    this.understudies.push(found);
    this.host.handleStandbyJoined(this.nowUs, found.link);
    this.#exchange();
    return found;
  }

  /** The host dies; the standby hosts, and all clients connect to it. */
  failOver({ copy }: Understudy): void {
    const snapshot = copy.snapshot();
    assert(snapshot !== null);
    const term = this.host.epoch.term + 1;
    this.understudies.length = 0;
    this.host = new StateHost(this.nowUs, { epoch: epochOf(term), random: drawing(term), from: snapshot });
    for (const desk of this.desks) {
      if (desk.link === null) continue;
      desk.replica.handleLost(this.nowUs);
      this.connect(desk);
    }
  }

  /** Lets time go on by `us`. */
  run(us: number): void {
    const untilUs = this.nowUs + us;
    this.#exchange();
    for (let rounds = 0; rounds < 1_000_000; rounds++) {
      const atUs = this.#nextUs();
      if (atUs > untilUs) {
        this.nowUs = untilUs;
        return;
      }
      this.#reconnect();
      this.nowUs = Math.max(this.nowUs, atUs);
      this.#deliver();
      const deadline = this.host.deadline();
      if (deadline !== null && deadline.atUs <= this.nowUs) this.host.handleDeadline(this.nowUs);
      for (const { replica } of this.desks) {
        const due = replica.deadline();
        if (due !== null && due.atUs <= this.nowUs) replica.handleDeadline(this.nowUs);
      }
      this.#exchange();
    }
    throw new Error(`time stands still at ${this.nowUs}`);
  }

  #nextUs(): number {
    let atUs = this.host.deadline()?.atUs ?? Infinity;
    for (const desk of this.desks) {
      atUs = Math.min(atUs, desk.replica.deadline()?.atUs ?? Infinity, desk.up[0]?.atUs ?? Infinity);
      if (!desk.isStalled) atUs = Math.min(atUs, desk.down[0]?.atUs ?? Infinity);
    }
    for (const { down, isStalled } of this.understudies) {
      if (!isStalled) atUs = Math.min(atUs, down[0]?.atUs ?? Infinity);
    }
    return atUs;
  }

  #deliver(): void {
    for (const desk of this.desks) {
      for (let next = desk.up[0]; next !== undefined && next.atUs <= this.nowUs; next = desk.up[0]) {
        desk.up.shift();
        const { link } = desk;
        if (link !== null) this.host.handleMessage(this.nowUs, link, this.#decode(next.bytes));
      }
      if (desk.isStalled) continue;
      for (let next = desk.down[0]; next !== undefined && next.atUs <= this.nowUs; next = desk.down[0]) {
        desk.down.shift();
        const message = this.#decode(next.bytes);
        this.#checkAcks(desk, message);
        desk.replica.handleMessage(this.nowUs, message);
        this.#tellBacklog(desk);
      }
    }
    for (const { down, isStalled } of this.understudies) {
      for (let next = down[0]; !isStalled && next !== undefined && next.atUs <= this.nowUs; next = down[0]) {
        down.shift();
        next.take();
      }
    }
  }

  /** Why clients wanted another connection. */
  readonly reconnects: string[] = [];

  /** A client that gives its connection up gets another one. */
  #reconnect(): void {
    for (const desk of this.desks) {
      for (let event = desk.replica.pollEvent(); event !== null; event = desk.replica.pollEvent()) {
        if (event.kind !== "reconnect") continue;
        this.reconnects.push(`${desk.number} ${event.reason} ${event.text}`);
        if (desk.link === null) continue;
        this.cut(desk);
        this.connect(desk);
      }
    }
  }

  /** Everybody says what there is to say. */
  #exchange(): void {
    for (const desk of this.desks) {
      for (let next = desk.replica.poll(); next !== null; next = desk.replica.poll()) {
        const bytes = this.#encoder.encode(next);
        assert(bytes !== null, `${next.kind} of a client has no form`);
        if (desk.link !== null) desk.up.push({ atUs: this.nowUs + this.latencyUs, bytes: bytes.slice() });
      }
    }
    for (let next = this.host.poll(); next !== null; next = this.host.poll()) {
      const { to, bytes } = next;
      const desk = this.desks.find(({ link }) => link === to);
      if (desk === undefined) continue;
      desk.bytesDown += bytes.length;
      desk.down.push({ atUs: this.nowUs + this.latencyUs, bytes: bytes.slice() });
      this.#tellBacklog(desk);
    }
    for (let next = this.host.pollStandby(); next !== null; next = this.host.pollStandby()) {
      const { to, update } = next;
      const understudy = this.understudies.find(({ link }) => link === to);
      const { host } = this;
      understudy?.down.push({
        atUs: this.nowUs + 2 * this.latencyUs,
        take: () => {
          const number = understudy.copy.handleUpdate(structuredClone(update));
          if (this.host === host) host.handleStandbyConfirmed(this.nowUs, to, number);
        },
      });
    }
  }

  /** What was acknowledged as copied is never lost, whoever hosts (I3). */
  #checkAcks(desk: Desk, message: StateMessage): void {
    if (message.kind !== "patch" && message.kind !== "beat" && message.kind !== "welcome") return;
    const { ack } = message;
    if (message.kind === "welcome") {
      if (!message.resumed) desk.copied = 0;
      const { sequence } = message.ack;
      assert(
        sequence >= desk.copied,
        `write ${desk.copied} of ${desk.number} is lost: ${sequence} are there`,
      );
    }
    if (ack !== null && !ack.single) desk.copied = Math.max(desk.copied, ack.sequence);
  }

  #tellBacklog({ link, down, isStalled }: Desk): void {
    const bytes = isStalled ? down.reduce((sum, each) => sum + each.bytes.length, 0) : 0;
    if (link !== null) this.host.handleBacklog(this.nowUs, link, bytes);
  }

  #decode(bytes: Uint8Array): StateMessage {
    const message = this.#decoder.decode(bytes);
    assert(typeof message !== "string", `a message is ${message}`);
    return message;
  }
}
