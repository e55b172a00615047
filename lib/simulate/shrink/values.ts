// The passes of the shrinker that make values simpler: fewer nodes an action, round and short times, plain links.
// Decides which value is simpler than which; the session decides what stays.

import { canonical, isRandom, LINK_PRESETS, namesOf } from "../language/mod.ts";
import type { Action, LinkSpec, Scenario, Selector, TimedAction } from "../scenario.ts";
import { minimiseList, minimiseNumber } from "./minimise.ts";
import { changed, rewriteAction } from "./reductions.ts";
import type { ShrinkSession } from "./session.ts";

const SECOND_US = 1_000_000;
const MS_US = 1_000;
/** More single nodes than this are not tried in the place of a random draw. */
const MAX_GUESSES = 12;

/** Makes values simpler, from the coarse to the fine. */
export async function simplifyValues(session: ShrinkSession): Promise<void> {
  await plainNetwork(session);
  await plainNodes(session);
  for (let index = 0; index < session.scenario.timeline.length && !session.isOver; index++) {
    await fewerChosen(session, index);
    await simplerAction(session, index);
  }
  await plainTraffic(session);
}

/** The scenario with another action at `index`. */
function withAction(scenario: Scenario, index: number, timed: Partial<TimedAction>): Scenario | null {
  const timeline = scenario.timeline.map((each, at) => at === index ? { ...each, ...timed } : each);
  // Times may not change the order, or ids would belong to others than before.
  if (timeline.some(({ atUs }, at) => at > 0 && atUs < (timeline[at - 1]?.atUs ?? 0))) return null;
  return changed(scenario, { timeline });
}

async function plainNetwork(session: ShrinkSession): Promise<void> {
  const lan = LINK_PRESETS.lan?.link ?? {};
  const withLinks = (change: (link: LinkSpec) => LinkSpec): Scenario | null => {
    const { network } = session.scenario;
    const segments = network.segments.map((segment) => ({ ...segment, link: change(segment.link) }));
    return changed(session.scenario, { network: { ...network, segments } });
  };
  const isLan = ({ link }: { readonly link: LinkSpec }): boolean => canonical(link) === canonical(lan);
  if (session.scenario.network.segments.every(isLan)) return;
  if (await session.try(withLinks(() => lan), "made all links lan")) return;
  for (const key of PARTS) {
    await session.try(withLinks((link) => without(link, key)), `took ${key} from the links`);
  }
}

/** What a link can do without. */
const PARTS = [
  "group",
  "datagrams",
  "corrupt",
  "duplicate",
  "reorder",
  "stall",
  "bursts",
  "queueBytes",
  "bitsPerSecond",
] as const;

function without(link: LinkSpec, key: typeof PARTS[number]): LinkSpec {
  const { group, datagrams, ...plain } = link;
  const less = (spec: LinkSpec): LinkSpec =>
    Object.fromEntries(Object.entries(spec).filter(([name]) => name !== key));
  return {
    ...less(plain),
    ...(group === undefined || key === "group" ? {} : { group: less(group) }),
    ...(datagrams === undefined || key === "datagrams" ? {} : { datagrams: less(datagrams) }),
  };
}

async function plainNodes(session: ShrinkSession): Promise<void> {
  const nodes = session.scenario.nodes.map((node) => ({
    ...node,
    startUs: node.startUs === null ? null : 0,
    tags: {},
  }));
  await session.try(changed(session.scenario, { nodes }), "started all nodes at once");
}

/** Fewer nodes that an action means: one of a random draw, fewer of many. */
async function fewerChosen(session: ShrinkSession, index: number): Promise<void> {
  const first = session.scenario.timeline[index];
  if (first === undefined) return;
  const selectors = new Set<Selector>();
  rewriteAction(first.action, (selector) => {
    selectors.add(selector);
    return selector;
  });
  for (const selector of selectors) {
    let current = selector;
    const replace = (by: readonly string[]): Promise<boolean> => {
      const { scenario } = session;
      const timed = scenario.timeline[index];
      if (timed === undefined || by.length === 0) return Promise.resolve(false);
      const wanted = by.join(",");
      const action = rewriteAction(timed.action, (each) => each === current ? wanted : each);
      if (action === null) return Promise.resolve(false);
      return session.try(withAction(scenario, index, { action }), `let ${timed.id} mean ${wanted}`).then(
        (took) => {
          if (took) current = wanted;
          return took;
        },
      );
    };
    if (isRandom(selector)) {
      for (const { name } of session.scenario.nodes.slice(0, MAX_GUESSES)) if (await replace([name])) break;
      continue;
    }
    const names = namesOf(selector, session.scenario.nodes);
    if (names.length > 1) await minimiseList(names, replace);
  }
}

/** Round and short times, plain numbers. */
async function simplerAction(session: ShrinkSession, index: number): Promise<void> {
  const first = session.scenario.timeline[index];
  if (first === undefined) return;
  const attempt = (timed: Partial<TimedAction>, what: string): Promise<boolean> =>
    session.try(withAction(session.scenario, index, timed), `${what} of ${first.id}`);
  const roundUs = Math.round(first.atUs / SECOND_US) * SECOND_US;
  if (roundUs !== first.atUs) await attempt({ atUs: roundUs }, "rounded the beginning");
  const { forUs } = first;
  if (forUs !== undefined) {
    const step = forUs > 2 * SECOND_US ? SECOND_US : 100 * MS_US;
    await minimiseNumber(
      forUs,
      step,
      step,
      (shorterUs) => attempt({ forUs: shorterUs }, "shortened the length"),
    );
    const leftUs = session.scenario.timeline[index]?.forUs ?? forUs;
    const evenUs = Math.ceil(leftUs / SECOND_US) * SECOND_US;
    if (evenUs !== leftUs) await attempt({ forUs: evenUs }, "rounded the length");
  }
  const simpler = simplerOf(first.action);
  if (simpler !== null) await attempt({ action: simpler }, "simplified the verb");
}

/** The plainest action of its kind: loss of all, a step of an hour. */
function simplerOf(action: Action): Action | null {
  switch (action.verb) {
    case "group-loss":
      return action.loss === 1 ? null : { ...action, loss: 1 };
    case "link": {
      const dead: LinkSpec = { loss: 1 };
      return action.link.loss === 1 ? null : { ...action, link: dead };
    }
    case "power-loss":
      return { verb: "crash", nodes: action.nodes };
    case "restart":
      return action.software === undefined ? null : { verb: "restart", nodes: action.nodes };
    default:
      return null;
  }
}

async function plainTraffic(session: ShrinkSession): Promise<void> {
  for (let index = 0; index < session.scenario.traffic.length && !session.isOver; index++) {
    const change = (by: Partial<Scenario["traffic"][number]>, what: string): Promise<boolean> => {
      const { scenario } = session;
      const traffic = scenario.traffic.map((each, at) => at === index ? { ...each, ...by } : each);
      return session.try(changed(scenario, { traffic }), what);
    };
    await change({ bytes: 64 }, "sent 64 bytes");
    await change({ everyUs: SECOND_US }, "sent once a second");
  }
}
