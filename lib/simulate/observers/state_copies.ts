// Rules about copies of the shared state at apps: they never go back, repair themselves within bounds, and end up equal.
// The last is judged in the quiet tail, for apps that reach the host.

import {
  isBelow,
  type PathId,
  StateDigest,
  type StateHost,
  type StateReplica,
  type SubsystemLog,
} from "../../state/mod.ts";
import type { Fact, ObserverDefinition, RunContext, RunObserver } from "../observe.ts";
import type { AppStanding, HeardNews, StateFact } from "../state_facts.ts";
import { seconds } from "./measure.ts";

/** Copies never go back. */
export const stateNeverBack: ObserverDefinition = {
  id: "state_never_back",
  kind: "safety",
  summary:
    "An app never shows an older term, its versions never go back within one, and a patch changes nothing that it does not " +
    "follow.",
  byDefault: true,
  create: ({ scenario, violate }: RunContext): RunObserver => {
    if (scenario.state === undefined) return {};
    const terms = new Map<string, number>();
    const say = ({ node }: StateFact, text: string): void =>
      violate({ id: "state_never_back", kind: "safety", nodes: [node], text });
    function onHeard(fact: HeardNews & StateFact): void {
      const { app, shows, term, hadBefore, hasNow, base, version, subsystem, message } = fact;
      const before = terms.get(app) ?? 0;
      if (shows < before) say(fact, `${app} shows term ${shows} after term ${before}`);
      terms.set(app, Math.max(before, shows));
      if (message !== "patch" && message !== "chunk") return;
      if (term < shows && hasNow !== hadBefore) {
        say(fact, `${app} takes a ${message} of term ${term} in term ${shows}`);
      }
      if (term !== shows) return;
      if (hasNow < hadBefore) {
        say(fact, `subsystem ${subsystem} of ${app} goes back from ${hadBefore} to ${hasNow}`);
      }
      if (message === "patch" && base > hadBefore && hasNow !== hadBefore) {
        say(
          fact,
          `${app} takes a patch from ${base} to ${version} of subsystem ${subsystem} with ${hadBefore}`,
        );
      }
      if (message === "patch" && version <= hadBefore && hasNow !== hadBefore) {
        say(fact, `${app} takes a patch to ${version} of subsystem ${subsystem} again, with ${hadBefore}`);
      }
    }
    return {
      wants: ["state"],
      onFact: (fact) => {
        if (fact.kind !== "state") return;
        if (fact.what === "heard") onHeard(fact);
        else if (fact.what === "app" && fact.does === "starts") terms.delete(fact.app);
      },
    };
  },
};

/** The shortest pause between two questions, and what timers may be early. */
const RESYNC_GAP_US = 195_000;

/** Repairs stay rare. */
export const stateResyncsBounded: ObserverDefinition = {
  id: "state_resyncs_bounded",
  kind: "safety",
  summary:
    "An app asks for one subsystem again at most five times a second, and deleted paths stay deleted in a term.",
  byDefault: true,
  create: ({ scenario, violate }: RunContext): RunObserver => {
    if (scenario.state === undefined) return {};
    const askedUs = new Map<string, number>();
    return {
      wants: ["state"],
      onFact: (fact) => {
        if (fact.kind !== "state") return;
        const say = (text: string): void =>
          violate({ id: "state_resyncs_bounded", kind: "safety", nodes: [fact.node], text });
        if (fact.what === "changed" && fact.revived) {
          say(`${fact.path} is back under its old number ${fact.id}`);
        }
        if (fact.what !== "said" || fact.message !== "resync") return;
        const key = `${fact.app} ${fact.term} ${fact.subsystem} ${fact.client}`;
        const pauseUs = fact.atUs - (askedUs.get(key) ?? -Infinity);
        askedUs.set(key, fact.atUs);
        if (pauseUs < RESYNC_GAP_US) {
          say(`${fact.app} asks for subsystem ${fact.subsystem} again after ${seconds(pauseUs)}`);
        }
      },
    };
  },
};

/** So long after the last trouble an app must have joined and have everything. */
export const CONVERGED_US = 8_000_000;
/** Nobody wrote for so long. */
const STILL_US = 2_000_000;

/** Copies become equal. */
export const stateConverges: ObserverDefinition = {
  id: "state_converges_after_quiet",
  kind: "liveness",
  summary:
    "At the end all apps that reach the host have its epoch, its versions, its values and its digests, and know that they do.",
  byDefault: true,
  create: (context: RunContext): RunObserver => {
    const { scenario, oracle, violate } = context;
    if (scenario.state === undefined) return {};
    const say = (nodes: string[], text: string): void =>
      violate({ id: "state_converges_after_quiet", kind: "liveness", nodes, text });
    return {
      wants: ["phase"],
      onFact: (fact: Fact) => {
        if (fact.kind !== "phase" || fact.phase !== "end" || oracle.phase !== "quiet") return;
        const { state } = oracle;
        if (state === undefined || state === null) return;
        const apps = state.apps().filter((app) => isDue(context, app));
        const hosts = [...state.hosts()].sort((a, b) => b.host.epoch.term - a.host.epoch.term);
        const [newest] = hosts;
        if (newest === undefined) {
          if (apps.length > 0) say([], "nobody hosts the shared state at the end");
          return;
        }
        for (const app of apps) {
          if (!reaches(context, app.node, newest.node)) continue;
          const why = differenceOf(newest.host, app);
          if (why !== null) say([app.node, newest.node], `${app.app} at the end: ${why}`);
        }
      },
    };
  },
};

function isDue(
  { oracle }: RunContext,
  { node, undisturbedSinceUs, sinceUs, isHostile }: AppStanding,
): boolean {
  const sinceAllUs = Math.max(undisturbedSinceUs, sinceUs, oracle.sinceUs(node));
  return !isHostile && oracle.isUp(node) && oracle.nowUs - sinceAllUs >= CONVERGED_US &&
    oracle.nowUs - (oracle.state?.lastWriteUs ?? 0) >= STILL_US;
}

function reaches({ oracle }: RunContext, a: string, b: string): boolean {
  if (a === b) return true;
  const sinceUs = Math.max(oracle.canTalkSinceUs(a, b), oracle.canTalkSinceUs(b, a), oracle.sinceUs(b));
  return oracle.canTalk(a, b) && oracle.canTalk(b, a) && oracle.nowUs - sinceUs >= CONVERGED_US;
}

/** Why the copy of an app is not that of its host; null when it is. */
export function differenceOf(host: StateHost, { replica, interests }: AppStanding): string | null {
  const { epoch, document } = host;
  if (replica.state !== "joined") return `is ${replica.state}`;
  const shown = replica.epoch;
  if (shown === null || shown.term !== epoch.term || shown.hostId !== epoch.hostId) {
    return `shows term ${shown?.term ?? 0}, the host has ${epoch.term}`;
  }
  if (!replica.isSynced) return `is behind: ${JSON.stringify(replica.missing())}`;
  for (const log of document.logs()) {
    const why = logDifference(log, replica, interests);
    if (why !== null) return why;
  }
  return null;
}

function logDifference(
  log: SubsystemLog,
  replica: StateReplica,
  interests: readonly string[],
): string | null {
  const { book } = replica;
  if (book === null) return "has no book";
  const isAll = interests.length === 0;
  const have = replica.world?.syncs.get(log.number)?.have ?? 0;
  if (isAll && have !== log.version) return `has version ${have} of ${log.name}, the host ${log.version}`;
  const [ours, theirs] = [new StateDigest(), new StateDigest()];
  let first: string | null = null;
  for (let number = 1; number <= book.lastId; number++) {
    const id = number as PathId;
    const entry = log.entryOf(id);
    const path = book.pathOf(id);
    if (entry === null || path === null) continue;
    if (!isAll && !interests.some((prefix) => isBelow(path, prefix))) continue;
    const value = replica.hostValueOf(id);
    const [holder, priority] = [replica.holderOf(id), replica.priorityOf(id)];
    const isSame = entry.deleted
      ? value === null
      : JSON.stringify(value) === JSON.stringify(entry.value) && holder === entry.holder &&
        priority === entry.priority;
    if (!isSame) {
      first ??=
        `${path} is ${JSON.stringify(value)} of ${holder} (${priority}), not ${
          JSON.stringify(entry.value)
        } of ` +
        `${entry.holder} (${entry.priority})`;
    }
    if (entry.deleted) continue;
    theirs.toggle(id, entry.type, entry.value, entry.holder, entry.priority);
    if (value !== null) ours.toggle(id, entry.type, value, holder, priority);
  }
  const isEqual = ours.isEqual(theirs.high, theirs.low);
  if (first !== null && isEqual) return `${first}, and the digests are equal`;
  if (first === null && !isEqual) return `all values of ${log.name} are equal, and their digests are not`;
  return first;
}
