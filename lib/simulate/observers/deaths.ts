// Verdicts of death and what they rest on: that they are right, and that silence came before each.
// Decides what counts as a false one: the node lived, and frames could pass both ways, however many were lost.
// Hears frames arrive at machines; what a node made of them is for it to say.

import type { Fact, FrameSample, MetricValue, ObserverDefinition, Oracle, RunContext } from "../observe.ts";
import { deathUs, seconds, single } from "./measure.ts";

/** A verdict takes three beats of silence and a second and a half of questions; two seconds are far from both. */
const SILENCE_US = 2_000_000;
/** What has just arrived may not have been read. */
const UNREAD_US = 50_000;
const HOUR_US = 3_600_000_000;
/** Pairs are looked at so often: nobody is at fault for what lasts shorter. */
const LOOK_EVERY_US = 10_000_000;
/** Datagrams by which a node shows that it lives. */
const SIGNS: ReadonlySet<string> = new Set(["heartbeat", "announce", "ack"]);

/** Nobody is declared dead who has just been heard. */
export const deathNeedsSilence: ObserverDefinition = {
  id: "death_needs_silence",
  kind: "safety",
  summary:
    "Nobody declares a node dead of which a beat or an answer has arrived within the last two seconds.",
  byDefault: true,
  create: ({ scenario, oracle, violate }: RunContext) => {
    const nodeOf = soleNodes(scenario.nodes);
    const lastUs = new Map<string, Map<string, number>>();
    const lives = new Map<string, number>();
    return {
      wants: ["view", "node-started"],
      onFrame: ({ from, to, type, fate, arrivesUs }: FrameSample) => {
        if (fate !== "delivered" || !SIGNS.has(type)) return;
        let heard = lastUs.get(to);
        if (heard === undefined) lastUs.set(to, heard = new Map());
        heard.set(from, arrivesUs);
      },
      onFact: (fact: Fact) => {
        if (fact.kind === "node-started") lives.set(fact.node, fact.incarnation);
        if (fact.kind !== "view" || !isVerdict(fact) || fact.subject === null) return;
        const { observer, subject, atUs } = fact;
        // A death of a former life is no news of this one.
        if (oracle.currentId(subject) !== fact.id || lives.get(subject) !== fact.incarnation) return;
        if (!oracle.sharesMesh(observer, subject) || oracle.wasStalled(observer, SILENCE_US)) return;
        const [from, to] = [nodeOf.get(subject), nodeOf.get(observer)];
        const heardUs = from === undefined || to === undefined ? undefined : lastUs.get(to)?.get(from);
        if (heardUs === undefined || heardUs < oracle.sinceUs(observer)) return;
        const agoUs = atUs - heardUs;
        if (agoUs >= SILENCE_US || agoUs < UNREAD_US) return;
        violate({
          id: "death_needs_silence",
          kind: "safety",
          nodes: [observer, subject],
          text: `${observer} declares ${subject} dead ${seconds(agoUs)} after a sign of its life arrived`,
        });
      },
    };
  },
};

/** The machines that have one node each: of others no frame tells whose it is. */
function soleNodes(nodes: readonly { readonly name: string; readonly host: string }[]): Map<string, string> {
  const count = new Map<string, number>();
  for (const { host } of nodes) count.set(host, (count.get(host) ?? 0) + 1);
  return new Map(nodes.flatMap(({ name, host }) => count.get(host) === 1 ? [[name, host]] : []));
}

function isVerdict(fact: Extract<Fact, { kind: "view" }>): boolean {
  return fact.op !== "remove" && fact.state === "dead" && fact.before !== "dead";
}

/** Deaths, right and wrong, and wrong ones an hour of a pair. */
export const deaths: ObserverDefinition = {
  id: "deaths",
  kind: "metrics",
  summary:
    "Verdicts of death on nodes that were gone or out of reach (`deaths.true`) and on nodes that lived and could " +
    "be reached both ways all the time, with whatever loss (`deaths.false`); those in an hour of one observer and one " +
    "node (`.false_per_pair_hour`), and these hours (`.pair_hours`); those on the living by a node that had been frozen or " +
    "slow itself (`.after_stall`).",
  byDefault: true,
  metrics: ["deaths"],
  create: ({ oracle }: RunContext) => {
    let right = 0;
    let wrong = 0;
    let afterStall = 0;
    let pairUs = 0;
    let lookedUs = 0;
    const look = (nowUs: number): void => {
      pairUs += (nowUs - lookedUs) * reachablePairs(oracle);
      lookedUs = nowUs;
    };
    return {
      wants: ["view", "phase"],
      onFact: (fact: Fact) => {
        if (fact.kind === "phase" && fact.phase === "end") look(fact.atUs);
        if (fact.kind !== "view" || !isVerdict(fact) || fact.subject === null) return;
        const { observer, subject } = fact;
        const windowUs = deathUs(oracle);
        const isReachable = oracle.currentId(subject) === fact.id &&
          wereTogether(oracle, observer, subject, windowUs) && !oracle.wasStalled(subject, windowUs);
        if (!isReachable) right++;
        else if (oracle.wasStalled(observer, windowUs)) afterStall++;
        else wrong++;
      },
      onTick: (nowUs) => {
        if (nowUs - lookedUs >= LOOK_EVERY_US) look(nowUs);
      },
      finish: (): Record<string, MetricValue> => {
        const hours = pairUs / HOUR_US;
        return {
          "deaths.true": single("count", right),
          "deaths.false": single("count", wrong),
          "deaths.after_stall": single("count", afterStall),
          "deaths.pair_hours": single("count", hours),
          "deaths.false_per_pair_hour": single("count", hours === 0 ? 0 : wrong / hours),
        };
      },
    };
  },
};

function reachablePairs(oracle: Oracle): number {
  const up = oracle.nodes.filter((node) => oracle.isUp(node));
  let pairs = 0;
  for (const a of up) {
    for (const b of up) {
      if (a !== b && oracle.sharesMesh(a, b) && oracle.canTalk(a, b) && oracle.canTalk(b, a)) pairs++;
    }
  }
  return pairs;
}

function wereTogether(oracle: Oracle, a: string, b: string, forUs: number): boolean {
  if (!oracle.isUp(a) || !oracle.isUp(b) || !oracle.canTalk(a, b) || !oracle.canTalk(b, a)) return false;
  const sinceUs = Math.max(
    oracle.sinceUs(a),
    oracle.sinceUs(b),
    oracle.canTalkSinceUs(a, b),
    oracle.canTalkSinceUs(b, a),
  );
  return oracle.nowUs - sinceUs >= forUs;
}
