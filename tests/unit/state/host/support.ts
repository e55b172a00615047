// A host with clients that speak bytes: every message goes through the codec, both ways.

import { assert } from "@std/assert";
import type { NodeId } from "../../../../lib/base/mod.ts";
import type { RandomStream } from "../../../../lib/platform/mod.ts";
import type { LinkNumber } from "../../../../lib/state/holding/mod.ts";
import { type LinkPeer, StateHost, type StateHostOptions } from "../../../../lib/state/host/mod.ts";
import {
  BOOK_SUBSYSTEM,
  type HelloMessage,
  MessageDecoder,
  MessageEncoder,
  STATE_PROTOCOL,
  type StateMessage,
} from "../../../../lib/state/messages/mod.ts";
import type { ParameterDefinition, StateEpoch, Version } from "../../../../lib/state/model/mod.ts";
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

/** Draws that repeat; every fill is different. */
export function drawing(seed = 1): RandomStream {
  let state = seed >>> 0;
  const u32 = () => (state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0);
  return {
    u32,
    float: () => u32() / 2 ** 32,
    fill: (target) => target.map((_, at) => ((u32() >>> 24) + at) & 255),
  };
}

/** Whoever comes over a link, as somebody who may do everything. */
export function peerOf(number: number, level: LinkPeer["level"] = "operator"): LinkPeer {
  return { identity: { nodeId: nodeOf(number), key: null }, level };
}

/** A host, its time, and what it said to each link. */
export class Bench {
  readonly host: StateHost;
  readonly #encoder = new MessageEncoder();
  readonly #decoder = new MessageDecoder();
  nowUs: number;

  constructor(options: Partial<StateHostOptions> = {}, nowUs = 1_000_000) {
    this.nowUs = nowUs;
    this.host = new StateHost(nowUs, { epoch: epochOf(1), random: drawing(), ...options });
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
  say(from: number, message: StateMessage): void {
    this.host.handleMessage(this.nowUs, from as LinkNumber, this.recode(message));
  }

  /** All that the host has to say now. */
  drain(): { to: number; message: StateMessage }[] {
    const said: { to: number; message: StateMessage }[] = [];
    for (let next = this.host.poll(); next !== null; next = this.host.poll()) {
      const message = this.#decoder.decode(next.bytes.slice());
      assert(typeof message !== "string", `the host said something ${message}`);
      said.push({ to: next.to, message });
    }
    return said;
  }

  /** Lets time go on by `us`, and hands over all that the host says on the way. */
  run(us: number): { to: number; message: StateMessage }[] {
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

  /** A client says that it has everything that there is. */
  acknowledge(link: number): void {
    const { document, epoch } = this.host;
    const versions = [
      { subsystem: BOOK_SUBSYSTEM, version: document.book.revision as Version },
      ...[...document.logs()].map(({ number, version }) => ({ subsystem: number, version })),
    ];
    this.say(link, { kind: "ack", term: epoch.term, heldUs: 0, versions });
  }

  /** A link with a hello over it. @returns what the host answers at once. */
  join(link: number, hello: Partial<HelloMessage> = {}): StateMessage[] {
    this.host.handleJoined(this.nowUs, link as LinkNumber, peerOf(link));
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
