// The hash that names a scenario: 64 bits over its canonical JSON.
// Decides what belongs to a scenario's identity: everything that is played and judged, and no prose, so that a better
// summary or another name does not make recorded failures unfindable.

import { PhiloxStream } from "../../platform/simulated/mod.ts";
import type { Scenario } from "../scenario.ts";

/** JSON with sorted keys; what is undefined is left out. Equal values give equal texts. */
export function canonical(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(canonical).join(",")}]`;
  if (typeof value === "object" && value !== null) {
    const entries = Object.entries(value).filter(([, each]) => each !== undefined)
      .sort(([a], [b]) => a < b ? -1 : a > b ? 1 : 0);
    return `{${entries.map(([key, each]) => `${JSON.stringify(key)}:${canonical(each)}`).join(",")}}`;
  }
  return JSON.stringify(value) ?? "null";
}

/** 64 bits of a text, as 16 hex digits: the first draws of the random stream of that name. No guard against malice. */
export function hashText(text: string): string {
  const stream = new PhiloxStream(HASH_SEED, text);
  return [stream.u32(), stream.u32()].map((word) => word.toString(16).padStart(8, "0")).join("");
}

/** Parts hashes from all streams that a run draws from; its value means nothing. */
const HASH_SEED = 0x68616e61;

/** The one kind of tag that changes what is played. */
const PLANT = "planted-bug:";

/** The identity of a scenario, 16 hex digits; the order of keys does not matter. */
export function hashScenario(scenario: Scenario): string {
  const { name: _name, summary: _summary, tags, expect, ...played } = scenario;
  const metrics = expect.metrics.map(({ text: _text, ...bound }) => bound);
  const bugs = tags.filter((tag) => tag.startsWith(PLANT));
  return hashText(canonical({ ...played, bugs, expect: { ...expect, metrics } }));
}
