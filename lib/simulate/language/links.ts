// How the fare of a link is written: a preset's name, or a mapping that may begin from one (`like: wifi`).
// Decides the keys and their units; the numbers of presets stand in presets.ts.

import type { DelaySpec, LinkSpec } from "../scenario.ts";
import { LINK_PRESETS } from "./presets.ts";
import { ScenarioProblem, suggest } from "./problem.ts";
import {
  byKind,
  choice,
  mapped,
  named,
  type NamedShape,
  optional,
  plainNumber,
  quantity,
  record,
  type RecordOutput,
  required,
  type Shape,
  yesNo,
} from "./shape.ts";
import { BIT_RATE, DURATION, SHARE, SIZE, writeQuantity } from "./units.ts";
import { canonical } from "./hash.ts";

const duration = quantity(DURATION);
const lasting = quantity(DURATION, 1);
const share = mapped(quantity(SHARE), (value, path) => {
  if (value > 1) throw new ScenarioProblem(path, "is more than 100%");
  return value;
});

const presetName: Shape<string> = choice(Object.keys(LINK_PRESETS));

const delayFields = {
  dist: required(
    choice(["constant", "uniform", "exponential", "lognormal"]),
    "Distribution of the one-way delay.",
  ),
  min: optional(duration, "The least delay (uniform, exponential, lognormal: what is added to)."),
  max: optional(duration, "The greatest delay (uniform)."),
  mean: optional(duration, "Mean of what is added to min (exponential)."),
  median: optional(lasting, "Median of what is added to min (lognormal)."),
  sigma: optional(
    plainNumber("a spread", { min: 0, max: 5 }),
    "Spread of the logarithm (lognormal); it has no unit.",
  ),
  value: optional(duration, "The delay (constant)."),
};

/** Which keys each distribution needs, and which it may have. */
const DELAY_KEYS = {
  constant: { needs: ["value"], may: [] },
  uniform: { needs: ["min", "max"], may: [] },
  exponential: { needs: ["mean"], may: ["min"] },
  lognormal: { needs: ["median", "sigma"], may: ["min"] },
} as const;

function delayOf(read: RecordOutput<typeof delayFields>, path: string): DelaySpec {
  const keys = DELAY_KEYS[read.dist];
  const allowed: readonly string[] = ["dist", ...keys.needs, ...keys.may];
  for (const key of Object.keys(read)) {
    if (!allowed.includes(key)) {
      throw new ScenarioProblem(`${path}.${key}`, `${read.dist} has none`, suggest(key, allowed));
    }
  }
  for (const key of keys.needs) {
    if (read[key] === undefined) throw new ScenarioProblem(`${path}.${key}`, `is missing for ${read.dist}`);
  }
  const { min = 0, max = 0, mean = 0, median = 0, sigma = 0, value = 0 } = read;
  switch (read.dist) {
    case "constant":
      return { kind: "constant", us: value };
    case "uniform":
      if (max < min) throw new ScenarioProblem(`${path}.max`, "is less than min");
      return { kind: "uniform", minUs: min, maxUs: max };
    case "exponential":
      return { kind: "exponential", minUs: min, meanUs: mean };
    case "lognormal":
      return { kind: "lognormal", minUs: min, medianUs: median, sigma };
  }
}

/** One-way delay: a duration, or a distribution. */
const delay: Shape<DelaySpec> = byKind<DelaySpec>("a delay", {
  string: mapped(duration, (us): DelaySpec => ({ kind: "constant", us })),
  object: mapped(record(delayFields), delayOf),
});

/** Loss: a share of all frames. */
const fareFields = {
  one_way: optional(delay, "Delay of one direction; a round trip takes it twice."),
  loss: optional(share, "Share of frames that is lost, each frame alone."),
  bursts: optional(
    record({
      good: required(lasting, "Mean time between blackouts."),
      bad: required(lasting, "Mean length of a blackout."),
      loss_good: optional(share, "Loss between blackouts; none unless given."),
      loss_bad: optional(share, "Loss in a blackout; all unless given."),
    }),
    "Loss in bursts, driven by time and not by frames.",
  ),
  stall: optional(
    record({
      every: required(lasting, "Mean time between stalls."),
      min: required(duration, "The least length of a stall."),
      extra: required(duration, "Mean of what is added to it."),
      loses_first: optional(yesNo, "Whether the first frame of a stall is lost; it is not unless given."),
    }),
    "Frames are held, then let out in order, as WiFi does.",
  ),
  duplicate: optional(share, "Share of frames that arrive twice."),
  reorder: optional(
    record({
      share: required(share, "Share of frames that are held back."),
      extra: required(lasting, "For how long they are held, and so overtaken."),
    }),
    "Frames that are overtaken by later ones.",
  ),
  corrupt: optional(share, "Share of frames in which one bit flips."),
  rate: optional(quantity(BIT_RATE, 1), "Bits a second that fit through."),
  queue: optional(quantity(SIZE, 1), "What waits for the rate; more is dropped at the tail."),
  mtu: optional(quantity(SIZE, 576), "The largest frame."),
};

const linkFields = {
  like: optional(presetName, "The preset that the rest changes."),
  ...fareFields,
  multicast: optional(
    record(fareFields),
    "What is different for multicast and broadcast; the rest is as for unicast.",
  ),
  datagrams: optional(
    record(fareFields),
    "What is different for datagrams to one node, as with a firewall that lets streams pass; the rest is as for streams.",
  ),
};

type Fare = RecordOutput<typeof fareFields>;

function fareOf(read: Fare): LinkSpec {
  const { bursts, stall, reorder } = read;
  return {
    ...(read.one_way === undefined ? {} : { delay: read.one_way }),
    ...(read.loss === undefined ? {} : { loss: read.loss }),
    ...(bursts === undefined ? {} : {
      bursts: {
        goodUs: bursts.good,
        badUs: bursts.bad,
        lossGood: bursts.loss_good ?? 0,
        lossBad: bursts.loss_bad ?? 1,
      },
    }),
    ...(stall === undefined ? {} : {
      stall: {
        everyUs: stall.every,
        minUs: stall.min,
        meanExtraUs: stall.extra,
        losesFirst: stall.loses_first ?? false,
      },
    }),
    ...(read.duplicate === undefined ? {} : { duplicate: read.duplicate }),
    ...(reorder === undefined ? {} : { reorder: { share: reorder.share, extraUs: reorder.extra } }),
    ...(read.corrupt === undefined ? {} : { corrupt: read.corrupt }),
    ...(read.rate === undefined ? {} : { bitsPerSecond: read.rate }),
    ...(read.queue === undefined ? {} : { queueBytes: read.queue }),
    ...(read.mtu === undefined ? {} : { mtuBytes: read.mtu }),
  };
}

function linkOf(read: RecordOutput<typeof linkFields>): LinkSpec {
  const base = presetLink(read.like);
  const { group: baseGroup, ...baseUnicast } = base;
  const own = fareOf(read);
  const plain = { ...baseUnicast, ...own };
  const unicast = read.datagrams === undefined
    ? plain
    : { ...plain, datagrams: { ...plain, ...fareOf(read.datagrams) } };
  if (read.multicast === undefined && baseGroup === undefined) return unicast;
  // Multicast is as the preset's multicast, else as unicast, and both as this mapping changes them.
  const group = { ...plain, ...baseGroup, ...own, ...fareOf(read.multicast ?? {}) };
  return { ...unicast, group };
}

const presetLink = (name: string | undefined): LinkSpec => LINK_PRESETS[name ?? ""]?.link ?? {};

/** How a link fares: the name of a preset, or a mapping. */
export const link: NamedShape<LinkSpec> = named(
  "link",
  byKind<LinkSpec>("a kind of link", {
    string: mapped(presetName, presetLink),
    object: mapped(record(linkFields), linkOf),
  }),
);

const presetNames = Object.entries(LINK_PRESETS).map(([name, preset]) =>
  [name, canonical(preset.link)] as const
);

/** Writes a link as it would be written by hand: by its preset's name where it is one. */
export function writeLink(spec: LinkSpec): unknown {
  const text = canonical(spec);
  const preset = presetNames.find(([, link]) => link === text);
  if (preset !== undefined) return preset[0];
  const { group, datagrams, ...plain } = spec;
  return {
    ...writeFare(plain),
    ...(group === undefined ? {} : { multicast: writeFlow(plain, group) }),
    ...(datagrams === undefined ? {} : { datagrams: writeFlow(plain, datagrams) }),
  };
}

/** Only what one kind of traffic has differently; what it lacks of the rest has to be said as none. */
function writeFlow(plain: LinkSpec, flow: LinkSpec): Record<string, unknown> {
  const all = writeFare(flow);
  const same = writeFare(plain);
  return Object.fromEntries(
    Object.entries(all).filter(([key, value]) => canonical(value) !== canonical(same[key])),
  );
}

const us = (value: number): string => writeQuantity(DURATION, value);
const percent = (value: number): string => writeQuantity(SHARE, value);

function writeFare(spec: LinkSpec): Record<string, unknown> {
  const { delay, bursts, stall, reorder } = spec;
  return {
    ...(delay === undefined ? {} : { one_way: writeDelay(delay) }),
    ...(spec.loss === undefined ? {} : { loss: percent(spec.loss) }),
    ...(bursts === undefined ? {} : {
      bursts: {
        good: us(bursts.goodUs),
        bad: us(bursts.badUs),
        loss_good: percent(bursts.lossGood),
        loss_bad: percent(bursts.lossBad),
      },
    }),
    ...(stall === undefined ? {} : {
      stall: {
        every: us(stall.everyUs),
        min: us(stall.minUs),
        extra: us(stall.meanExtraUs),
        loses_first: stall.losesFirst,
      },
    }),
    ...(spec.duplicate === undefined ? {} : { duplicate: percent(spec.duplicate) }),
    ...(reorder === undefined
      ? {}
      : { reorder: { share: percent(reorder.share), extra: us(reorder.extraUs) } }),
    ...(spec.corrupt === undefined ? {} : { corrupt: percent(spec.corrupt) }),
    ...(spec.bitsPerSecond === undefined ? {} : { rate: writeQuantity(BIT_RATE, spec.bitsPerSecond) }),
    ...(spec.queueBytes === undefined ? {} : { queue: writeQuantity(SIZE, spec.queueBytes) }),
    ...(spec.mtuBytes === undefined ? {} : { mtu: writeQuantity(SIZE, spec.mtuBytes) }),
  };
}

function writeDelay(delay: DelaySpec): unknown {
  switch (delay.kind) {
    case "constant":
      return us(delay.us);
    case "uniform":
      return { dist: "uniform", min: us(delay.minUs), max: us(delay.maxUs) };
    case "exponential":
      return { dist: "exponential", min: us(delay.minUs), mean: us(delay.meanUs) };
    case "lognormal":
      return { dist: "lognormal", min: us(delay.minUs), median: us(delay.medianUs), sigma: delay.sigma };
  }
}
