// The passes of the shrinker that take whole things away: expectations, actions, nodes, traffic, time.
// Decides what is tried; the session decides what stays.

import type { Scenario } from "../scenario.ts";
import { minimiseList, minimiseNumber } from "./minimise.ts";
import { changed, earlier, endingAt, lastEndUs, withoutNodes, withoutProgram } from "./reductions.ts";
import type { ShrinkSession } from "./session.ts";

const SECOND_US = 1_000_000;
const METRIC = "metric:";

/** Expects nothing but what is broken. */
export async function trimExpectations(session: ShrinkSession): Promise<void> {
  const { expect } = session.scenario;
  const id = session.violationId;
  const metrics = id.startsWith(METRIC)
    ? expect.metrics.filter(({ metric, statistic }) =>
      [metric, `${metric}.${statistic}`].includes(id.slice(METRIC.length))
    )
    : [];
  for (const invariants of id.startsWith(METRIC) ? [[]] : [[id], []]) {
    const trimmed = { invariants, metrics, sometimes: [] };
    if (await session.try(changed(session.scenario, { expect: trimmed }), "expected nothing else")) return;
  }
}

const names = (all: readonly string[]): string =>
  all.length <= 4 ? all.join(", ") : `${all.slice(0, 3).join(", ")} and ${all.length - 3} more`;

/** Takes away what `kept` lacks of `all`, in words. */
function removed(kind: string, all: readonly string[], kept: readonly string[]): string {
  const left = new Set(kept);
  const gone = all.filter((name) => !left.has(name));
  return `removed the ${kind}${gone.length === 1 ? "" : "s"} ${names(gone)}`;
}

/** Fewer actions. */
export async function dropActions(session: ShrinkSession): Promise<void> {
  await minimiseList(session.scenario.timeline, (timeline) => {
    const { scenario } = session;
    const what = removed("action", scenario.timeline.map(({ id }) => id), timeline.map(({ id }) => id));
    return session.try(changed(scenario, { timeline }), what);
  });
}

/** Fewer nodes: all that no action names at first, then by halves. */
export async function dropNodes(session: ShrinkSession): Promise<void> {
  const all = session.scenario.nodes.map(({ name }) => name);
  const attempt = (gone: ReadonlySet<string>): Promise<boolean> => {
    const { scenario } = session;
    const left = scenario.nodes.map(({ name }) => name);
    const going = new Set([...gone].filter((name) => left.includes(name)));
    if (going.size === 0) return Promise.resolve(false);
    return session.try(
      withoutNodes(scenario, going),
      removed("node", left, left.filter((name) => !going.has(name))),
    );
  };
  const text = JSON.stringify(session.scenario.timeline);
  // A name ends where no further digit follows: viz-1 is not named by viz-10.
  const unnamed = all.filter((name) => !new RegExp(`${name}(?![0-9])`).test(text));
  if (unnamed.length > 0) await attempt(new Set(unnamed));
  const candidates = session.scenario.nodes.map(({ name }) => name);
  await minimiseList(candidates, (kept) => {
    const stay = new Set(kept);
    return attempt(new Set(candidates.filter((name) => !stay.has(name))));
  });
}

/** Fewer programs: what is done to those that go, and those that need them, go too. */
export async function dropPrograms(session: ShrinkSession): Promise<void> {
  for (const { name } of session.scenario.programs ?? []) {
    await session.try(withoutProgram(session.scenario, name), `removed the program ${name}`);
  }
}

/** Less traffic, and special links. */
export async function dropTraffic(session: ShrinkSession): Promise<void> {
  await minimiseList(session.scenario.traffic, (traffic) => {
    const { scenario } = session;
    const what = removed("traffic", scenario.traffic.map(({ id }) => id), traffic.map(({ id }) => id));
    return session.try(changed(scenario, { traffic }), what);
  });
  await minimiseList(session.scenario.network.overrides, (overrides) => {
    const { scenario } = session;
    return session.try(
      changed(scenario, { network: { ...scenario.network, overrides } }),
      "removed special links",
    );
  });
}

/** Less time: what follows the violation, the quiet tail, the warm-up, the gaps between actions. */
export async function squeezeTime(session: ShrinkSession): Promise<void> {
  const soonUs = Math.ceil(session.violatedAtUs / SECOND_US) * SECOND_US;
  await session.try(endingAt(session.scenario, soonUs, 0), "ended with the violation");
  const shorter = (scenario: Scenario, quietUs: number): Scenario | null => {
    const loudUs = scenario.durationUs - scenario.quietUs;
    return endingAt(scenario, loudUs + quietUs, quietUs);
  };
  await minimiseNumber(
    session.scenario.quietUs,
    0,
    SECOND_US,
    (quietUs) => session.try(shorter(session.scenario, quietUs), "shortened the quiet tail"),
  );
  await minimiseNumber(session.scenario.durationUs, session.scenario.warmupUs, SECOND_US, (durationUs) => {
    const { scenario } = session;
    const leastUs = Math.max(durationUs, lastEndUs(scenario) + scenario.quietUs);
    return session.try(endingAt(scenario, leastUs, scenario.quietUs), "cut the tail");
  });
  await minimiseNumber(session.scenario.warmupUs, 0, SECOND_US, (warmupUs) => {
    const { scenario } = session;
    return session.try(
      earlier(scenario, scenario.warmupUs, scenario.warmupUs - warmupUs),
      "shortened the warm-up",
    );
  });
  await closeGaps(session);
}

/** Lets each action follow the one before it sooner. */
async function closeGaps(session: ShrinkSession): Promise<void> {
  for (let index = 0; index < session.scenario.timeline.length && !session.isOver; index++) {
    const { timeline, warmupUs } = session.scenario;
    const atUs = timeline[index]?.atUs ?? 0;
    const beforeUs = index === 0 ? warmupUs : timeline[index - 1]?.atUs ?? 0;
    if (atUs <= beforeUs) continue;
    await minimiseNumber(atUs - beforeUs, 0, SECOND_US, (gapUs) => {
      const { scenario } = session;
      const nowUs = scenario.timeline[index]?.atUs ?? 0;
      return session.try(earlier(scenario, nowUs, nowUs - beforeUs - gapUs), "closed a gap");
    });
  }
}
