// What a scenario expects: bounds on metrics, invariants, and claims that keep it from proving nothing.
// Decides how they are written and read; which metrics and claims there are, the observers know.

import type { Claim, Expectations, MetricBound } from "../scenario.ts";
import { ScenarioProblem, show } from "./problem.ts";
import {
  byKind,
  list,
  mapped,
  mapping,
  optional,
  plainNumber,
  record,
  type RecordOutput,
  type Shape,
  text,
} from "./shape.ts";
import { DURATION, type QuantityKind, readQuantity, SHARE, SIZE } from "./units.ts";

const STATISTICS = ["count", "min", "p50", "p95", "p99", "max"] as const;
const CLAIM_PATTERN = "^[a-z][a-z0-9_.]*( ?>= ?[0-9]+)?$";

type Bound = Pick<MetricBound, "operator" | "value" | "text">;

/** Units of metrics: µs, bytes, shares. A number alone is a count. */
const METRIC_UNITS: readonly QuantityKind[] = [DURATION, SIZE, SHARE];
const UNIT_NAMES = METRIC_UNITS.flatMap(({ units }) => [...units.keys()]);
const BOUND_PATTERN = `^(<=|>=|<|>|=)? ?([0-9]+(?:\\.[0-9]+)?) ?(${UNIT_NAMES.join("|")})?$`;

function boundOf(raw: string, path: string): Bound {
  const match = new RegExp(BOUND_PATTERN).exec(raw);
  const unit = match?.[3] ?? "";
  const operator = (match?.[1] ?? "=") as MetricBound["operator"];
  if (unit === "") return { operator, value: Number(match?.[2]), text: raw };
  const kind = METRIC_UNITS.find(({ units }) => units.has(unit));
  if (match === null || kind === undefined) {
    throw new ScenarioProblem(path, `${show(raw)} is no bound`, 'such as "<2s", "<=3", "<4MB", "<5%"');
  }
  return { operator, value: readQuantity(kind, `${match[2]}${unit}`, path), text: raw };
}

const bound: Shape<Bound[]> = byKind<Bound[]>("a bound", {
  string: mapped(text('a bound such as "<2s"', BOUND_PATTERN), (raw, path) => [boundOf(raw, path)]),
  number: mapped(
    plainNumber("a count", { min: 0, max: Number.MAX_SAFE_INTEGER }),
    (value): Bound[] => [{ operator: "=", value, text: String(value) }],
  ),
  array: list(mapped(text('a bound such as "<2s"', BOUND_PATTERN), boundOf), { min: 1, max: 4 }),
});

const claim: Shape<Claim> = mapped(text("a claim such as suspected>=2", CLAIM_PATTERN), (raw): Claim => {
  const [name = "", least] = raw.split(">=");
  return { claim: name.trim(), atLeast: least === undefined ? 1 : Number(least) };
});

/** The `expect` of a scenario. */
const expectFields = {
  invariants: optional(
    list(text("an id of an invariant, or `default`", "^[a-z][a-z0-9_]*$"), { max: 100 }),
    "Invariants that must hold; `default` stands for all that are on by default.",
  ),
  metrics: optional(
    mapping(bound, { what: "a metric", pattern: "^[a-z][A-Za-z0-9_<>.:-]*$" }),
    'Bounds on metrics: discovery.all.p99: "<2s".',
  ),
  sometimes: optional(list(claim, { max: 100 }), "What must have happened, else the run proved nothing."),
};
export const expectShape: Shape<RecordOutput<typeof expectFields>> = record(expectFields);

/** The expectations of a scenario, in the normal form. */
export function planExpectations(read: RecordOutput<typeof expectFields> | undefined): Expectations {
  const metrics = Object.entries(read?.metrics ?? {}).flatMap(([name, bounds]) =>
    bounds.map((each): MetricBound => ({ ...splitMetric(name), ...each }))
  );
  return { invariants: read?.invariants ?? ["default"], metrics, sometimes: read?.sometimes ?? [] };
}

/** `discovery.all.p99` is the 99th percentile of `discovery.all`; without a statistic the value itself is meant. */
function splitMetric(name: string): Pick<MetricBound, "metric" | "statistic"> {
  const at = name.lastIndexOf(".");
  const last = name.slice(at + 1);
  const statistic = STATISTICS.find((each) => each === last);
  return statistic === undefined || at < 0
    ? { metric: name, statistic: "value" }
    : { metric: name.slice(0, at), statistic };
}

/** Writes expectations as they would be written by hand. */
export function writeExpectations(expect: Expectations): Record<string, unknown> {
  const metrics: Record<string, string[]> = {};
  for (const { metric, statistic, text: written } of expect.metrics) {
    const name = statistic === "value" ? metric : `${metric}.${statistic}`;
    (metrics[name] ??= []).push(written);
  }
  return {
    invariants: [...expect.invariants],
    ...(expect.metrics.length === 0 ? {} : {
      metrics: Object.fromEntries(
        Object.entries(metrics).map(([name, bounds]) => [
          name,
          bounds.length === 1 ? bounds[0] : bounds,
        ]),
      ),
    }),
    ...(expect.sometimes.length === 0 ? {} : {
      sometimes: expect.sometimes.map(({ claim, atLeast }) => atLeast === 1 ? claim : `${claim}>=${atLeast}`),
    }),
  };
}
