// From a message to a payload on its lane: which key it goes by, and whether its arrival must be known.
// Decides keys (one a message name and key of the program, bounded) and confirms names once they arrived; never encodes.

import { HanaError } from "../base/mod.ts";
import {
  type Carrier,
  type CarrierSendOptions,
  isReliable,
  type Lane,
  type LaneId,
  type LaneName,
  LANES,
  type PayloadFate,
  type SendStatus,
} from "../lanes/mod.ts";
import type { MessageDefinition } from "./message.ts";
import type { MessageNames } from "./names.ts";

/** Names and keys that have a number of their own; what comes later goes without a key. */
export const MAX_KEYS = 1024;

/** What a caller may say of one message. */
export interface PlanOptions {
  readonly key?: string | number;
  readonly ttlUs?: number;
  readonly lane?: LaneName;
}

/**
 * The lane that a message takes. Throws `usage` when its own lane loses nothing and the wanted one does: a guarantee is
 * never taken away from outside.
 */
export function laneFor(definition: MessageDefinition, wanted: LaneName | undefined): Lane {
  const own = LANES[definition.lane];
  const lane = wanted === undefined ? own : LANES[wanted];
  if (isReliable(own.kind) && !isReliable(lane.kind)) {
    const reliable = Object.values(LANES).filter(({ kind }) => isReliable(kind)).map(({ name }) => name);
    throw new HanaError("usage", {
      what: `${definition.name} cannot take lane ${lane.name}`,
      why: `messages of its lane ${own.name} must not be lost; ${lane.name} is ${lane.kind}`,
      hint: `lanes that lose nothing: ${reliable.join(", ")}`,
    });
  }
  return lane;
}

/** Sends the messages of one session. */
export class SendPlanner {
  /** Messages that went without a key because all numbers were given away. */
  unkeyed = 0;
  readonly #keys = new Map<string, number>();
  /** Message names that are on their way, by lane and number of the payload that tells them. */
  readonly #told = new Map<number, number>();

  constructor(private readonly carrier: Carrier, private readonly names: MessageNames) {}

  /** Sends an encoded message. */
  send(definition: MessageDefinition, payload: Uint8Array, options: PlanOptions = {}): SendStatus {
    const lane = laneFor(definition, options.lane);
    const name = this.names.told;
    const plain = name === 0 && options.ttlUs === undefined && !lane.keyed;
    if (plain) return this.carrier.send(lane, payload);
    const plan: { -readonly [K in keyof CarrierSendOptions]: CarrierSendOptions[K] } = {};
    if (lane.keyed) {
      const key = this.#keyOf(definition.name, options.key);
      if (key >= 0) plan.key = key;
    }
    if (options.ttlUs !== undefined) plan.ttlUs = options.ttlUs;
    if (name !== 0) plan.report = true;
    const status = this.carrier.send(lane, payload, plan);
    if (name !== 0 && (status === "sent" || status === "queued")) {
      this.#told.set(idOf(lane.id, this.carrier.lastNumber), name);
    }
    return status;
  }

  /** What became of a payload that told a name. */
  handleFate(lane: LaneId, number: number, fate: PayloadFate): void {
    const id = idOf(lane, number);
    const name = this.#told.get(id);
    if (name === undefined) return;
    this.#told.delete(id);
    if (fate === "delivered") this.names.confirm(name);
  }

  #keyOf(name: string, key: string | number | undefined): number {
    const text = key === undefined ? name : `${name}\0${key}`;
    const known = this.#keys.get(text);
    if (known !== undefined) return known;
    if (this.#keys.size >= MAX_KEYS) {
      this.unkeyed++;
      return -1;
    }
    const number = this.#keys.size;
    this.#keys.set(text, number);
    return number;
  }
}

/** One number for both: lanes are below 256, payload numbers below 2^45. */
function idOf(lane: LaneId, number: number): number {
  return number * 256 + lane;
}
