// How networks and traffic are written.
// Decides segments, special links and what flows by itself; the fare of a link stands in links.ts.

import type { LinkOverride, LinkSpec, NetworkPlan, TrafficPlan } from "../scenario.ts";
import { link, writeLink } from "./links.ts";
import { plainName } from "./nodes.ts";
import { LINK_PRESETS } from "./presets.ts";
import { pathOf, ScenarioProblem } from "./problem.ts";
import { selectorText } from "./selector.ts";
import {
  choice,
  list,
  mapping,
  optional,
  quantity,
  record,
  type RecordOutput,
  required,
  type Shape,
} from "./shape.ts";
import { DURATION, FREQUENCY, SIZE, writeQuantity } from "./units.ts";

const overrideFields = {
  nodes: optional(selectorText, "These and all others, both ways; instead of from and to."),
  from: optional(selectorText, "Senders; all unless given."),
  to: optional(selectorText, "Receivers; all unless given."),
  link: required(link, "How frames fare."),
};

const networkFields = {
  default: optional(link, "How links fare where nothing else is said; lan unless given."),
  segments: optional(
    mapping(link, { what: "a name of a segment", pattern: "^[a-z][a-z0-9]*(-[a-z0-9]+)*$" }),
    "Separate networks by name, with how their links fare; one called lan unless given.",
  ),
  overrides: optional(
    list(record(overrideFields), { max: 1000 }),
    "Links of some nodes fare differently; the last one that fits wins.",
  ),
};

/** The `network` of a scenario. */
export const networkShape: Shape<RecordOutput<typeof networkFields>> = record(networkFields);

/** Segments and how links fare. */
export function planNetwork(read: RecordOutput<typeof networkFields> | undefined): NetworkPlan {
  const usual: LinkSpec = read?.default ?? LINK_PRESETS.lan?.link ?? {};
  const segments = Object.entries(read?.segments ?? { lan: usual });
  if (segments.length > 200) throw new ScenarioProblem("network.segments", "has more than 200 entries");
  return {
    segments: segments.map(([name, spec]) => ({ name, link: spec })),
    overrides: (read?.overrides ?? []).flatMap((each, index) =>
      overridesOf(each, pathOf("network.overrides", index))
    ),
  };
}

function overridesOf(read: RecordOutput<typeof overrideFields>, path: string): LinkOverride[] {
  const { nodes, from, to, link: spec } = read;
  if (nodes === undefined) {
    if (from === undefined && to === undefined) {
      throw new ScenarioProblem(path, "does not say whose links", "nodes: viz-5, or from and to");
    }
    return [{ from: from ?? "@all", to: to ?? "@all", link: spec }];
  }
  if (from !== undefined || to !== undefined) {
    throw new ScenarioProblem(`${path}.nodes`, "contradicts from and to: say one of both");
  }
  return [{ from: nodes, to: "@all", link: spec }, { from: "@all", to: nodes, link: spec }];
}

/** Writes a network as it would be written by hand. */
export function writeNetwork({ segments, overrides }: NetworkPlan): Record<string, unknown> {
  return {
    segments: Object.fromEntries(segments.map(({ name, link: spec }) => [name, writeLink(spec)])),
    ...(overrides.length === 0 ? {} : {
      overrides: overrides.map(({ from, to, link: spec }) => ({ from, to, link: writeLink(spec) })),
    }),
  };
}

const LANES = ["control", "state", "modulation", "events", "telemetry"] as const;

const trafficFields = {
  id: optional(plainName, "Its name in reports; lane and number unless given."),
  from: required(selectorText, "Senders."),
  to: required(selectorText, "Receivers; nobody sends to itself."),
  lane: optional(choice(LANES), "Lane; control for requests and modulation for streams unless given."),
  kind: optional(
    choice(["stream", "request", "command"]),
    "One-way messages, or requests that are answered; stream unless given.",
  ),
  rate: optional(quantity(FREQUENCY), "How often."),
  every: optional(quantity(DURATION, 100), "Instead of rate: the time between two of them."),
  size: optional(quantity(SIZE, 0), "Size of a message; 64B unless given."),
  start: optional(quantity(DURATION), "When it begins; when the warm-up is over unless given."),
  end: optional(quantity(DURATION), "When it ends; a second before the run does unless given."),
};

/** The `traffic` of a scenario. */
export const trafficShape: Shape<RecordOutput<typeof trafficFields>[]> = list(record(trafficFields), {
  max: 100,
});

/** How long before the end of a run traffic ends by itself, so that what is under way can arrive. */
const LAST_MESSAGES_US = 1_000_000;
const MAX_MESSAGE_BYTES = 65_536;

/** What flows by itself. */
export function planTraffic(
  read: readonly RecordOutput<typeof trafficFields>[],
  frame: { readonly warmupUs: number; readonly durationUs: number },
): TrafficPlan[] {
  const ids = new Set<string>();
  return read.map((each, index) => {
    const path = pathOf("traffic", index);
    const kind = each.kind ?? "stream";
    const lane = each.lane ?? (kind === "stream" ? "modulation" : "control");
    const id = each.id ?? `${lane}-${index}`;
    if (ids.has(id)) throw new ScenarioProblem(`${path}.id`, `${id} is there already`);
    ids.add(id);
    const bytes = each.size ?? 64;
    if (bytes > MAX_MESSAGE_BYTES) {
      throw new ScenarioProblem(`${path}.size`, `is more than ${MAX_MESSAGE_BYTES} bytes`);
    }
    const startUs = each.start ?? frame.warmupUs;
    const endUs = each.end ?? Math.max(startUs, frame.durationUs - LAST_MESSAGES_US);
    return {
      id,
      from: each.from,
      to: each.to,
      lane,
      kind,
      everyUs: intervalOf(each, path),
      bytes,
      startUs,
      endUs,
    };
  });
}

function intervalOf(read: RecordOutput<typeof trafficFields>, path: string): number {
  const { rate, every } = read;
  if ((rate === undefined) === (every === undefined)) {
    throw new ScenarioProblem(
      `${path}.rate`,
      rate === undefined ? "is missing" : "contradicts every",
      "rate: 60Hz",
    );
  }
  if (every !== undefined) return every;
  if (rate === undefined || rate <= 0 || rate > 10_000) {
    throw new ScenarioProblem(`${path}.rate`, "is none", "it lies in 0.001Hz … 10kHz");
  }
  return Math.round(1_000_000 / rate);
}

/** Writes traffic as it would be written by hand. */
export function writeTraffic(plan: TrafficPlan): Record<string, unknown> {
  return {
    id: plan.id,
    from: plan.from,
    to: plan.to,
    lane: plan.lane,
    kind: plan.kind,
    every: writeQuantity(DURATION, plan.everyUs),
    size: writeQuantity(SIZE, plan.bytes),
    start: writeQuantity(DURATION, plan.startUs),
    end: writeQuantity(DURATION, plan.endUs),
  };
}
