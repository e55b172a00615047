// A machine whose network, clock and speed go wrong as a rehearsal says: wraps a real platform.
// Decides what of that is played inside a process: what comes in, by the host that sent it. What is lost for everybody
// (partitions, cables) is played outside, by the network. The monotonic clock stays right.

import type { Platform } from "../../../lib/platform/mod.ts";
import type { Fates, Impairments } from "./channel.ts";
import { ImpairedState } from "./impaired_state.ts";
import { Incoming } from "./incoming.ts";
import { impairDatagrams, impairStreams } from "./incoming_sockets.ts";

/** The wrapped platform, and how to tell it what goes wrong. */
export interface ImpairedPlatform {
  readonly platform: Platform;
  impair(impairments: Impairments): void;
  readonly fates: Fates;
}

/** Wraps `real`. Until something is told, everything passes as it is. */
export function impairPlatform(real: Platform): ImpairedPlatform {
  const state = new ImpairedState(real);
  const incoming = new Incoming(state);
  const { timers } = state;
  return {
    platform: {
      ...real,
      clock: state.clock,
      timers,
      datagrams: impairDatagrams(real.datagrams, incoming, state),
      streams: impairStreams(real.streams, incoming, state),
    },
    fates: incoming.fates,
    impair(impairments) {
      state.impairments = impairments;
      incoming.onImpairments(impairments);
    },
  };
}
