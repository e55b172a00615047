// Rules of who is taken for dead, gone or alive.
// The oracle knows who lives and which ways are open; nothing here looks into a frame.

import type { Fact, ObserverDefinition, Oracle, RunContext } from "../observe.ts";
import { beatUs, deathUs, seconds, soundForUs, wayForUs } from "./measure.ts";

type ViewFact = Extract<Fact, { kind: "view" }>;

/** Nobody is declared dead who could be heard all the time. */
export const noFalseDeath: ObserverDefinition = {
  id: "no_false_death",
  kind: "safety",
  summary:
    "Nobody is declared dead while both directions were usable all the time and neither side was frozen, " +
    "slow or restarted.",
  byDefault: true,
  create: ({ oracle, violate }: RunContext) => ({
    wants: ["view"],
    onFact: (fact) => {
      if (fact.kind !== "view" || fact.op === "remove" || fact.state !== "dead" || fact.before === "dead") {
        return;
      }
      const { observer, subject } = fact;
      if (subject === null || oracle.currentId(subject) !== fact.id) return;
      const windowUs = deathUs(oracle);
      if (soundForUs(oracle, observer, subject, "fair") < windowUs) return;
      if (oracle.wasStalled(observer, windowUs) || oracle.wasStalled(subject, windowUs)) return;
      violate({
        id: "no_false_death",
        kind: "safety",
        nodes: [observer, subject],
        text: `${observer} declares ${subject} dead, which has been up and reachable for over ${
          seconds(windowUs)
        }`,
      });
    },
  }),
};

/** From its end, or the end of the way, until nobody may list a node any more, on top of what a death takes. */
const GHOST_SLACK_US = 4_000_000;

/** Nobody who is gone stays on a list. */
export const noGhosts: ObserverDefinition = {
  id: "no_ghosts",
  kind: "safety",
  summary:
    "Nobody lists a node as alive that is gone, or that it cannot hear, for longer than a death takes; nor as out of " +
    "reach for longer than two minutes while it hears others.",
  byDefault: true,
  create: ({ oracle, violate }: RunContext) => {
    const told = new Set<string>();
    let nextUs = 0;
    return {
      onTick: (nowUs) => {
        if (nowUs < nextUs) return;
        // Large meshes beat more slowly, and take longer to look at.
        nextUs = nowUs + beatUs(oracle);
        const heardUs = deathUs(oracle) + GHOST_SLACK_US;
        for (const observer of oracle.nodes) {
          if (!oracle.isUp(observer) || oracle.wasStalled(observer, heardUs)) continue;
          for (const [subject, entry] of oracle.view(observer)) {
            if (entry.state === "dead" || entry.state === "left") continue;
            const isListed = entry.state === "alive" || entry.state === "suspect";
            const goneUs = isListed ? goneForUs(oracle, observer, subject) : deadForUs(oracle, subject);
            const limitUs = isListed ? heardUs : OUT_OF_REACH_US + heardUs;
            // A return that is younger than the end of the way was a mistake of its own (no_replayed_life).
            if (Math.min(goneUs, nowUs - oracle.sinceUs(observer)) <= limitUs) continue;
            // Who hears nobody is cut off itself, and takes nobody for dead.
            if (!isListed && !hasCompany(oracle, observer, limitUs)) continue;
            const key = `${observer}>${subject}`;
            if (told.has(key)) continue;
            told.add(key);
            violate({
              id: "no_ghosts",
              kind: "safety",
              nodes: [observer, subject],
              text: `${observer} still lists ${subject}, gone for ${seconds(goneUs)}, as ${entry.state}`,
            });
          }
        }
      },
    };
  },
};

/** How long somebody who is gone stays unreachable or partitioned at most: 15 s and 60 s for the latter. */
const OUT_OF_REACH_US = 120_000_000;

function deadForUs(oracle: Oracle, subject: string): number {
  if (!oracle.nodes.includes(subject) || oracle.isUp(subject)) return 0;
  return oracle.nowUs - oracle.sinceUs(subject);
}

/** Whether a node has heard another one on a good way for so long. */
function hasCompany(oracle: Oracle, node: string, forUs: number): boolean {
  return oracle.nodes.some((other) =>
    other !== node && oracle.sharesMesh(node, other) && soundForUs(oracle, node, other, "fair") > forUs
  );
}

/** For how long nothing of `subject` can have reached `observer`; 0 when something can. */
function goneForUs(oracle: Oracle, observer: string, subject: string): number {
  if (!oracle.nodes.includes(subject)) return 0;
  if (!oracle.isUp(subject)) return oracle.nowUs - oracle.sinceUs(subject);
  if (oracle.canTalk(subject, observer)) return 0;
  return oracle.nowUs - oracle.canTalkSinceUs(subject, observer);
}

/** Frames of a former life that may still be under way, a suspicion that they clear, and the answer to it. */
const UNDERWAY_US = 3_000_000;

/** What was recorded never brings a node to life. */
export const noReplayedLife: ObserverDefinition = {
  id: "no_replayed_life",
  kind: "safety",
  summary:
    "Nobody takes a node for alive, new or returned, whose life under that id and incarnation is over.",
  byDefault: true,
  create: ({ oracle, violate }: RunContext) => {
    const lives = new Map<string, { incarnation: number; endedUs: number | null; id: string }>();
    return {
      wants: ["view", "node-started", "node-stopped"],
      onFact: (fact) => {
        if (fact.kind === "node-started") {
          lives.set(fact.node, { incarnation: fact.incarnation, endedUs: null, id: fact.id });
        } else if (fact.kind === "node-stopped") {
          const life = lives.get(fact.node);
          if (life !== undefined) life.endedUs = fact.atUs;
        } else if (fact.kind === "view" && isRevival(fact) && fact.subject !== null) {
          const life = lives.get(fact.subject);
          // Two nodes with one id are told apart by other rules.
          if (life === undefined || life.id !== fact.id) return;
          const isFormer = fact.incarnation < life.incarnation;
          const isOver = life.endedUs !== null && fact.atUs - life.endedUs > UNDERWAY_US;
          if (!isFormer && !isOver) return;
          // Who has just come is told of it by those who have not missed it yet.
          if (!isFormer && fact.before === null && isListedElsewhere(oracle, fact)) return;
          if (isFormer && fact.atUs - oracle.sinceUs(fact.subject) < UNDERWAY_US) return;
          violate({
            id: "no_replayed_life",
            kind: "safety",
            nodes: [fact.observer, fact.subject],
            text: `${fact.observer} takes ${fact.subject} for alive again in a life that ` +
              (isFormer
                ? "was followed by another"
                : `ended ${seconds(fact.atUs - (life.endedUs ?? 0))} ago`),
          });
        }
      },
    };
  },
};

function isRevival(fact: ViewFact): boolean {
  return fact.op !== "remove" && fact.state === "alive" &&
    (fact.before === null || fact.before === "dead" || fact.before === "left");
}

/** Whether somebody else may still list a node whose life is over. */
function isListedElsewhere(oracle: Oracle, { observer, subject, incarnation }: ViewFact): boolean {
  return oracle.nodes.some((other) => {
    if (other === observer || !oracle.isUp(other)) return false;
    const entry = oracle.view(other).get(subject ?? "");
    return entry?.incarnation === incarnation && (entry.state === "alive" || entry.state === "suspect");
  });
}

/** The three copies of a goodbye are out within 300 ms. */
const GOODBYE_US = 1_000_000;

/** Who says goodbye is known to be gone at once. */
export const goodbyeIsPrompt: ObserverDefinition = {
  id: "goodbye_is_prompt",
  kind: "safety",
  summary: "A second after a goodbye, everybody who could hear it without loss knows that the node has left.",
  byDefault: true,
  create: ({ oracle, violate }: RunContext) => {
    const due: { subject: string; sinceUs: number; witnesses: string[] }[] = [];
    return {
      wants: ["node-stopped"],
      onFact: (fact) => {
        if (fact.kind !== "node-stopped" || fact.how !== "leave") return;
        const witnesses = oracle.nodes.filter((each) => {
          if (each === fact.node || !oracle.isUp(each) || !oracle.sharesMesh(each, fact.node)) return false;
          const state = oracle.view(each).get(fact.node)?.state;
          return state === "alive" || state === "suspect";
        });
        due.push({ subject: fact.node, sinceUs: fact.atUs, witnesses });
      },
      onTick: (nowUs) => {
        for (const [at, goodbye] of [...due.entries()].reverse()) {
          if (nowUs - goodbye.sinceUs < GOODBYE_US) continue;
          due.splice(at, 1);
          const { subject, sinceUs } = goodbye;
          const agoUs = nowUs - sinceUs;
          if (oracle.wasStalled(subject, agoUs + GOODBYE_US) || oracle.sinceUs(subject) > sinceUs) continue;
          for (const each of goodbye.witnesses) {
            const state = oracle.view(each).get(subject)?.state;
            if (state !== "alive" && state !== "suspect") continue;
            if (wayForUs(oracle, subject, each, "clean") < agoUs || !oracle.isUp(each)) continue;
            if (oracle.sinceUs(each) > sinceUs || oracle.wasStalled(each, agoUs + GOODBYE_US)) continue;
            violate({
              id: "goodbye_is_prompt",
              kind: "safety",
              nodes: [each, subject],
              text: `${each} lists ${subject} as ${state} ${seconds(agoUs)} after its goodbye`,
            });
          }
        }
      },
    };
  },
};

/** A node that has just come is met within a few questions; a lost one is asked about again every 30 s at most. */
const settleUs = (oracle: Oracle): number => 5 * beatUs(oracle) + 2_000_000;

/** Several rules ask at the same moment, the last one. */
const settled = new WeakMap<Oracle, { readonly atUs: number; readonly pairs: readonly [string, string][] }>();

/** Pairs of a mesh that are up and have had a good way both ways for long enough to know each other. */
export function settledPairs(oracle: Oracle): readonly [string, string][] {
  const known = settled.get(oracle);
  if (known?.atUs === oracle.nowUs) return known.pairs;
  const pairs: [string, string][] = [];
  const limitUs = settleUs(oracle);
  for (const a of oracle.nodes) {
    for (const b of oracle.nodes) {
      if (a === b || !oracle.sharesMesh(a, b) || soundForUs(oracle, a, b, "fair") < limitUs) continue;
      if (oracle.wasStalled(a, limitUs) || oracle.wasStalled(b, limitUs)) continue;
      pairs.push([a, b]);
    }
  }
  settled.set(oracle, { atUs: oracle.nowUs, pairs });
  return pairs;
}

/** A suspicion ends within this, one way or the other. */
const SUSPICION_US = 3_000_000;

/** In the end everybody sees everybody. */
export const convergedAfterQuiet: ObserverDefinition = {
  id: "converged_after_quiet",
  kind: "liveness",
  summary:
    "At the end of the quiet tail, nodes of one mesh that can talk list each other as alive, or as suspects " +
    "since a moment ago.",
  byDefault: true,
  create: ({ oracle, violate }: RunContext) => ({
    wants: ["phase"],
    onFact: (fact) => {
      if (fact.kind !== "phase" || fact.phase !== "end" || oracle.phase !== "quiet") return;
      for (const [a, b] of settledPairs(oracle)) {
        const entry = oracle.view(a).get(b);
        const state = entry?.state;
        if (state === "alive") continue;
        // Losses make suspects now and then; a question clears them within a second.
        if (state === "suspect" && oracle.nowUs - (entry?.sinceUs ?? 0) < SUSPICION_US) continue;
        violate({
          id: "converged_after_quiet",
          kind: "liveness",
          nodes: [a, b],
          text: `${a} ${state === undefined ? `does not list ${b}` : `lists ${b} as ${state}`} at the end`,
        });
      }
    },
  }),
};
