// How good a way is: what a rule may be judged on that says "while both directions were usable".
// Decides the bounds from the protocol's own numbers: death takes five beats of a second without a sign of life and
// three questions without an answer (lib/discovery/liveness.ts). Knows nothing of cuts.

import type { FlowSpec, LinkSpec } from "../../platform/simulated/mod.ts";
import type { PathQuality } from "../observe.ts";

// With this share of frames lost, five beats and three questions are all lost once in 10⁸ seconds of one pair:
// 0.1⁵ · (1 − 0.9²)³.
const FAIR_LOSS = 0.1;
/** Spells of this mean last longer than a death takes (5 s) less often than once in 10⁵: e^(−5/0.4). */
const FAIR_SPELL_US = 400_000;
/** A frame that is later than this may as well be lost. */
const FAIR_DELAY_US = 500_000;

/** How well frames fare under `spec`, groups and unicast together. */
export function qualityOf(spec: LinkSpec): PathQuality {
  const { group, datagrams, ...plain } = spec;
  const own = worse(qualityOfFlow(plain), ofDatagrams(plain, datagrams));
  if (group === undefined) return own;
  const ofGroup = qualityOfFlow({ ...plain, ...group });
  // Questions and answers go by unicast: lost groups alone kill nobody.
  return own === "clean" && ofGroup !== "clean" ? "fair" : own;
}

/** Where only datagrams cannot pass, streams and groups still can. */
function ofDatagrams(plain: FlowSpec, datagrams: FlowSpec | undefined): PathQuality {
  const quality = datagrams === undefined ? "clean" : qualityOfFlow({ ...plain, ...datagrams });
  return quality === "none" ? "poor" : quality;
}

const FROM_WORST: readonly PathQuality[] = ["none", "poor", "fair", "clean"];

function worse(a: PathQuality, b: PathQuality): PathQuality {
  return FROM_WORST.indexOf(a) < FROM_WORST.indexOf(b) ? a : b;
}

function qualityOfFlow(spec: FlowSpec): PathQuality {
  const { bursts, stall } = spec;
  const loss = (spec.loss ?? 0) + (spec.corrupt ?? 0) + (bursts?.lossGood ?? 0);
  if (loss >= 1) return "none";
  if (loss > FAIR_LOSS || slowestUs(spec) > FAIR_DELAY_US) return "poor";
  if (bursts !== undefined && bursts.lossBad > FAIR_LOSS && bursts.badUs > FAIR_SPELL_US) return "poor";
  if (stall !== undefined && stall.minUs + stall.meanExtraUs > FAIR_SPELL_US) return "poor";
  if ((spec.mtuBytes ?? Infinity) < 1_300) return "poor";
  const isClean = loss === 0 && (bursts?.lossBad ?? 0) === 0 && stall === undefined &&
    spec.bitsPerSecond === undefined;
  return isClean ? "clean" : "fair";
}

/** A delay that is exceeded hardly ever. */
function slowestUs({ delay, reorder }: FlowSpec): number {
  const heldUs = reorder?.extraUs ?? 0;
  if (delay === undefined) return heldUs;
  switch (delay.kind) {
    case "constant":
      return heldUs + delay.us;
    case "uniform":
      return heldUs + delay.maxUs;
    case "exponential":
      return heldUs + delay.minUs + 5 * delay.meanUs;
    case "lognormal":
      return heldUs + delay.minUs + delay.medianUs * Math.exp(3 * delay.sigma);
  }
}
