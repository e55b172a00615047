// Makes a failing scenario small: fewer actions, nodes, seconds, simpler values; the same rule is broken in the end.
// Decides the order in which things are taken away (research 1.5), and when a round has brought nothing.
// Never whether a smaller one still fails (session.ts).

import { hashScenario } from "../language/mod.ts";
import type { Scenario } from "../scenario.ts";
import {
  dropActions,
  dropNodes,
  dropPrograms,
  dropTraffic,
  squeezeTime,
  trimExpectations,
} from "./passes.ts";
import { lastEndUs } from "./reductions.ts";
import { type ShrinkOptions, type ShrinkResult, ShrinkSession } from "./session.ts";
import { simplifyValues } from "./values.ts";

const MAX_ROUNDS = 6;

/** A number that falls as a scenario gets simpler, to see whether a round has brought anything. */
function weight(scenario: Scenario): string {
  return `${hashScenario(scenario)} ${lastEndUs(scenario)}`;
}

/** Shrinks a failure as far as the budget reaches. Never throws for what a run does. */
export async function shrinkScenario(scenario: Scenario, options: ShrinkOptions): Promise<ShrinkResult> {
  const session = new ShrinkSession(scenario, options);
  if (!await session.verify()) return session.result();
  await trimExpectations(session);
  for (let round = 0; round < MAX_ROUNDS && !session.isOver; round++) {
    const before = weight(session.scenario);
    await dropActions(session);
    await dropNodes(session);
    await squeezeTime(session);
    await dropTraffic(session);
    await dropPrograms(session);
    await simplifyValues(session);
    if (weight(session.scenario) === before) break;
  }
  await session.tryOtherSeeds();
  return session.result();
}
