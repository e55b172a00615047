// What a replica says of itself: who it is, what it has, what has arrived.
// Decides the contents of hello, ack and beat; when they go out, replica.ts decides.

import {
  type AckMessage,
  type BeatMessage,
  type BeatState,
  type HelloMessage,
  type Interest,
  STATE_PROTOCOL,
  type SubsystemVersion,
} from "../messages/mod.ts";
import type { ClientSequence } from "../model/mod.ts";
import type { BookLimits } from "../schema/mod.ts";
import type { SubsystemSync } from "./subsystem_sync.ts";
import type { World } from "./world.ts";

/** What a replica is made with. */
export interface ReplicaOptions {
  /** As people see it, 63 bytes at most. */
  readonly name: string;
  /** What it wants to hear of; everything where nothing is said. */
  readonly interests?: readonly Interest[];
  readonly capabilities?: readonly string[];
  readonly limits?: BookLimits;
  /** Of an earlier process of the same client, to go on as that. */
  readonly token?: Uint8Array;
}

/** Who comes, and what it has of `world`, the newest that it follows. */
export function helloMessage(
  { name, capabilities = [] }: ReplicaOptions,
  interests: readonly Interest[],
  token: Uint8Array | null,
  world: World | null,
): HelloMessage {
  const have: SubsystemVersion[] = [];
  for (const { subsystem, have: version } of sorted(world)) {
    if (version > 0) have.push({ subsystem, version });
  }
  return {
    kind: "hello",
    protocol: STATE_PROTOCOL,
    name,
    token,
    epoch: world === null || have.length === 0 ? null : world.epoch,
    have,
    interests,
    capabilities,
  };
}

/** What has arrived since the last one. */
export function ackMessage(nowUs: number, world: World): AckMessage {
  const versions: SubsystemVersion[] = [];
  let newestUs = 0;
  for (const sync of sorted(world)) {
    if (!sync.isAckDue) continue;
    sync.isAckDue = false;
    newestUs = Math.max(newestUs, sync.arrivedUs);
    versions.push({ subsystem: sync.subsystem, version: sync.have });
  }
  return { kind: "ack", term: world.epoch.term, heldUs: Math.max(0, nowUs - newestUs), versions };
}

/** A sign of life; `written` is the number of the last write, 0 for none. */
export function beatMessage(
  nowUs: number,
  world: World,
  state: BeatState,
  written: number,
): BeatMessage {
  return {
    kind: "beat",
    epoch: world.epoch,
    nowUs,
    state,
    ack: written === 0 ? null : { sequence: written as ClientSequence, single: false },
    versions: sorted(world).map((sync) => ({
      subsystem: sync.subsystem,
      version: sync.have,
      digest: sync.isComplete ? sync.copy.digest() : null,
    })),
  };
}

function sorted(world: World | null): SubsystemSync[] {
  return world === null ? [] : [...world.syncs.values()].sort((a, b) => a.subsystem - b.subsystem);
}
