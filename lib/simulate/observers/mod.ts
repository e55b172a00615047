// Everything that watches runs: metrics and invariants.
// Parts that come later register theirs; nothing in the runner knows any of them.

import { HanaError } from "../../base/mod.ts";
import type { ObserverDefinition } from "../observe.ts";
import { boundedMemory, boundedTraffic } from "./bounds.ts";
import { CLAIMS as FACT_CLAIMS, factClaims, frameClaims } from "./claims.ts";
import { coldStart, datagramsFit, discoveryLoad } from "./datagrams.ts";
import { deathNeedsSilence, deaths } from "./deaths.ts";
import { convergenceTimes, discoveryTimes, undiscoveryTimes, unmetPairs } from "./discovery_times.ts";
import { decoderNeverThrows, noUnhandledException } from "./failures.ts";
import {
  incarnationMonotonic,
  strangersStayBlind,
  timersMonotonic,
  uniqueIdsAfterQuiet,
  uniqueNamesAfterQuiet,
} from "./identity.ts";
import { laneFigures, sessionFigures } from "./lanes.ts";
import {
  convergedAfterQuiet,
  goodbyeIsPrompt,
  noFalseDeath,
  noGhosts,
  noReplayedLife,
} from "./membership.ts";
import { leaderTimes, oneLease, tokensGrow } from "./leadership.ts";
import { acknowledgedOnce, orderKept } from "./messages.ts";
import { pathFigures } from "./paths.ts";
import { PROGRAM_CLAIMS, programFigures } from "./program_figures.ts";
import { answeredWantKept, demandDoneOnce, desiredReachedAfterQuiet } from "./program_wishes.ts";
import { noDoubleSpawn, nothingLeftBehind, nothingUnrelatedSignalled } from "./programs.ts";
import { stateConverges, stateNeverBack, stateResyncsBounded } from "./state_copies.ts";
import { STATE_CLAIMS, stateFigures } from "./state_figures.ts";
import { stateOneHolder } from "./state_holding.ts";
import { stateHoldsOnLoss, statePriority } from "./state_winners.ts";
import { stateAcknowledgedKept, stateAnswered, stateOnceInOrder } from "./state_writes.ts";
import { suspicions } from "./suspicions.ts";
import { discoveryCost, queueDrops, volume } from "./volume.ts";

/** Claims with what they say; a scenario asks for them under `sometimes`. */
export const CLAIMS: Readonly<Record<string, string>> = {
  ...FACT_CLAIMS,
  ...PROGRAM_CLAIMS,
  ...STATE_CLAIMS,
};

/** All observers, in the order in which they are shown. */
export const OBSERVERS: ObserverDefinition[] = [
  noFalseDeath,
  deathNeedsSilence,
  noGhosts,
  noReplayedLife,
  goodbyeIsPrompt,
  oneLease,
  tokensGrow,
  datagramsFit,
  incarnationMonotonic,
  strangersStayBlind,
  timersMonotonic,
  orderKept,
  acknowledgedOnce,
  noDoubleSpawn,
  nothingLeftBehind,
  nothingUnrelatedSignalled,
  demandDoneOnce,
  answeredWantKept,
  statePriority,
  stateHoldsOnLoss,
  stateAcknowledgedKept,
  stateOnceInOrder,
  stateNeverBack,
  stateResyncsBounded,
  stateOneHolder,
  boundedTraffic,
  boundedMemory,
  noUnhandledException,
  decoderNeverThrows,
  convergedAfterQuiet,
  uniqueNamesAfterQuiet,
  uniqueIdsAfterQuiet,
  desiredReachedAfterQuiet,
  stateConverges,
  stateAnswered,
  discoveryTimes,
  undiscoveryTimes,
  convergenceTimes,
  coldStart,
  suspicions,
  deaths,
  leaderTimes,
  laneFigures,
  sessionFigures,
  pathFigures,
  programFigures,
  stateFigures,
  volume,
  queueDrops,
  discoveryCost,
  discoveryLoad,
  unmetPairs,
  factClaims,
  frameClaims,
];

/** Adds an observer for all runs from now on. Throws `conflict` when its id is taken. */
export function registerObserver(definition: ObserverDefinition): void {
  if (OBSERVERS.some(({ id }) => id === definition.id)) {
    throw new HanaError("conflict", { what: `the observer ${definition.id}`, why: "is there already" });
  }
  OBSERVERS.push(definition);
}
