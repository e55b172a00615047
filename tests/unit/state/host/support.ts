// A host with clients that speak bytes: every message goes through the codec, both ways.

import { assert } from "@std/assert";
import type { NodeId } from "../../../../lib/base/mod.ts";
import {
  type Admission,
  type AdmissionRefusal,
  type Holding,
  type HoldingAnnouncement,
  type HoldingEvent,
  StateHost,
  type StateHostOptions,
  type WriteRefusal,
} from "../../../../lib/state/host/mod.ts";
import {
  type HelloMessage,
  MessageDecoder,
  MessageEncoder,
  STATE_PROTOCOL,
  type StateMessage,
} from "../../../../lib/state/messages/mod.ts";
import type { ClientNumber, ParameterDefinition, StateEpoch } from "../../../../lib/state/model/mod.ts";
import { readDefinition } from "../../../../lib/state/schema/mod.ts";

export const HOST_ID = "000102030405060708090a0b0c0d0e0f" as NodeId;

/** An epoch of the tests' host. */
export function epochOf(term: number): StateEpoch {
  return { term, hostId: HOST_ID };
}

/** A machine by a number. */
export function nodeOf(number: number): NodeId {
  return number.toString(16).padStart(32, "0") as NodeId;
}

/** Lets everybody in, knows a client again by its token, and does what the test says. */
export class PlainHolding implements Holding {
  readonly tokens = new Map<string, ClientNumber>();
  readonly events: HoldingEvent[] = [];
  readonly announcements: HoldingAnnouncement[] = [];
  refusal: WriteRefusal | null = null;
  last = 0;

  handleHello(_nowUs: number, _peer: NodeId, { token }: HelloMessage): Admission | AdmissionRefusal {
    const known = token === null ? undefined : this.tokens.get(token.join());
    const client = known ?? ++this.last as ClientNumber;
    const next = new Uint8Array(16);
    new DataView(next.buffer).setUint32(0, client);
    next[15] = this.tokens.size;
    this.tokens.set(next.join(), client);
    return {
      client,
      token: next,
      resumed: known !== undefined,
      maxPriority: 200,
      setsPerSecond: 200,
      silenceUs: 15_000_000,
    };
  }
  handleHeard(): void {}
  handleLinkLost(_nowUs: number, client: ClientNumber): void {
    this.events.push({ kind: "lost", client });
  }
  handleLeave(_nowUs: number, client: ClientNumber): void {
    this.events.push({ kind: "left", client });
  }
  handleMessage(): void {}
  handleRemoval(): void {}
  handleTimeout(): void {}
  deadlineUs(): number {
    return Infinity;
  }
  checkRate(): WriteRefusal | null {
    return null;
  }
  checkWrite(): WriteRefusal | null {
    return this.refusal;
  }
  checkTransaction(): WriteRefusal | null {
    return this.refusal;
  }
  pollEvent(): HoldingEvent | null {
    return this.events.shift() ?? null;
  }
  pollAnnouncement(): HoldingAnnouncement | null {
    return this.announcements.shift() ?? null;
  }
  snapshot(): unknown {
    return { last: this.last, tokens: [...this.tokens] };
  }
}

/** A host, its time, and what it said to each link. */
export class Bench {
  readonly holding = new PlainHolding();
  readonly host: StateHost;
  readonly #encoder = new MessageEncoder();
  readonly #decoder = new MessageDecoder();
  nowUs: number;

  constructor(options: Partial<StateHostOptions> = {}, nowUs = 1_000_000) {
    this.nowUs = nowUs;
    this.host = new StateHost(nowUs, { epoch: epochOf(1), holding: this.holding, ...options });
  }

  /** A message through the codec. */
  recode(message: StateMessage): StateMessage {
    const bytes = this.#encoder.encode(message);
    assert(bytes !== null, `${message.kind} cannot be encoded`);
    const decoded = this.#decoder.decode(bytes.slice());
    assert(typeof decoded !== "string", `${message.kind} is ${decoded}`);
    return decoded;
  }

  /** Gives the host a message. */
  say(from: string, message: StateMessage): void {
    this.host.handleMessage(this.nowUs, from, this.recode(message));
  }

  /** All that the host has to say now. */
  drain(): { to: string; message: StateMessage }[] {
    const said: { to: string; message: StateMessage }[] = [];
    for (let next = this.host.poll(); next !== null; next = this.host.poll()) {
      const message = this.#decoder.decode(next.bytes.slice());
      assert(typeof message !== "string", `the host said something ${message}`);
      said.push({ to: next.to, message });
    }
    return said;
  }

  /** Lets time go on by `us`, and hands over all that the host says on the way. */
  run(us: number): { to: string; message: StateMessage }[] {
    const untilUs = this.nowUs + us;
    const said = this.drain();
    for (let rounds = 0; rounds < 100_000; rounds++) {
      const deadline = this.host.deadline();
      if (deadline === null || deadline.atUs > untilUs) break;
      this.nowUs = Math.max(this.nowUs, deadline.atUs);
      this.host.handleDeadline(this.nowUs);
      said.push(...this.drain());
    }
    this.nowUs = untilUs;
    return said;
  }

  /** A link with a hello over it. @returns what the host answers at once. */
  join(link: string, hello: Partial<HelloMessage> = {}): StateMessage[] {
    this.host.handleJoined(this.nowUs, link, nodeOf(7));
    this.say(link, helloOf(hello));
    return this.drain().filter(({ to }) => to === link).map(({ message }) => message);
  }
}

/** A hello of somebody who wants everything and has nothing. */
export function helloOf(fields: Partial<HelloMessage> = {}): HelloMessage {
  return {
    kind: "hello",
    protocol: STATE_PROTOCOL,
    name: "foh",
    token: null,
    epoch: null,
    have: [],
    interests: [{ prefix: "", rate: "fast", maxHz: 0 }],
    capabilities: [],
    ...fields,
  };
}

/** A parameter, by what is not as usual. */
export function parameter(path: string, fields: Partial<ParameterDefinition> = {}): ParameterDefinition {
  return readDefinition({ path, type: "f32", default: 0, min: -1000, max: 1000, ...fields });
}
