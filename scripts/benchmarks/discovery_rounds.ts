// Rounds of one program on the stage: a newcomer comes, everybody meets, it is killed, everybody notices.
// Decides when a round begins, how long is waited in vain, and what counts: the first time that a list shows it.
// Knows programs by their face alone (discovery_candidates.ts).

import type { Blow, Candidate, Member } from "./discovery_candidates.ts";
import type { Stage, SwitchFigures } from "./discovery_stage.ts";

/** How the rounds go. */
export interface RoundPlan {
  readonly runs: number;
  /** Share of frames lost, 0 to 1. */
  readonly loss: number;
  readonly seed: number;
  /** How long is waited for a newcomer, and for a crash, in milliseconds. */
  readonly meetLimitMs: number;
  readonly crashLimitMs: number;
  readonly signal: AbortSignal;
  say(text: string): void;
}

/** What the rounds gave, in milliseconds; Infinity for what did not happen within its limit. */
export interface Rounds {
  /** From the start of the newcomer's process until its first line, and until it says that it is up. */
  readonly firstLine: number[];
  readonly ready: number[];
  /** From the start of its process until it lists all others, and until all others list it. */
  readonly listsAll: number[];
  readonly listedByAll: number[];
  /** The same, from its first line: the program is loaded. */
  readonly listsAllLoaded: number[];
  readonly listedByAllLoaded: number[];
  /** From SIGKILL until each other one, and until the last other one, shows it as gone. */
  readonly crashEach: number[];
  readonly crashAll: number[];
  /** Lists that showed a running member as gone. */
  falseDeaths: number;
  /** Member-hours that lists covered: pairs times time. */
  pairHours: number;
  traffic: SwitchFigures | null;
}

/** The mesh that waits for newcomers has to have met within this, without loss. */
const SETTLE_LIMIT_MS = 30_000;
/** After all have met, and after a change of the loss. */
const REST_MS = 3_000;
/** From the meeting until the blow, and the spread of it over the runs: beats go by the second. */
const LIFE_MS = 2_500;
const SPREAD_MS = 1_000;
/** From the last notice until the next newcomer. */
const GAP_MS = 500;
/** A program that never tells of crashes is waited for in so many rounds; one of each blow. */
const VAIN_ROUNDS = 2;

/** What all lists show now, and what is awaited of them. */
class Lists {
  readonly #listed = new Map<string, Set<string>>();
  readonly #waiting = new Set<() => void>();
  readonly #running = new Set<string>();
  readonly firstListed = new Map<string, number>();
  readonly firstGone = new Map<string, number>();
  falseDeaths = 0;

  readonly onSeen = (observer: string, subject: string, seen: "listed" | "gone", atMs: number): void => {
    const list = this.#listed.get(observer) ?? new Set<string>();
    this.#listed.set(observer, list);
    const key = `${observer}>${subject}`;
    if (seen === "listed") {
      list.add(subject);
      if (!this.firstListed.has(key)) this.firstListed.set(key, atMs);
    } else if (list.delete(subject)) {
      if (this.#running.has(subject) && this.#running.has(observer)) this.falseDeaths++;
      this.firstGone.set(key, atMs);
    }
    for (const look of [...this.#waiting]) look();
  };

  run(name: string): void {
    this.#running.add(name);
  }
  fell(name: string): void {
    this.#running.delete(name);
  }
  lists(observer: string, subject: string): boolean {
    return this.#listed.get(observer)?.has(subject) === true;
  }

  /** Resolves with whether `isSo` became true within `limitMs`. */
  async until(isSo: () => boolean, limitMs: number, signal: AbortSignal): Promise<boolean> {
    if (isSo()) return true;
    const { promise, resolve } = Promise.withResolvers<boolean>();
    const look = (): void => {
      if (isSo()) resolve(true);
    };
    const stop = (): void => resolve(false);
    const timer = setTimeout(stop, limitMs);
    signal.addEventListener("abort", stop);
    this.#waiting.add(look);
    try {
      return await promise;
    } finally {
      this.#waiting.delete(look);
      clearTimeout(timer);
      signal.removeEventListener("abort", stop);
    }
  }
}

/** Plays the rounds of one program with one loss. */
export async function playRounds(stage: Stage, candidate: Candidate, plan: RoundPlan): Promise<Rounds> {
  const rounds: Rounds = {
    firstLine: [],
    ready: [],
    listsAll: [],
    listedByAll: [],
    listsAllLoaded: [],
    listedByAllLoaded: [],
    crashEach: [],
    crashAll: [],
    falseDeaths: 0,
    pairHours: 0,
    traffic: null,
  };
  const lists = new Lists();
  const standing: Member[] = [];
  const { signal } = plan;
  try {
    await stage.setLoss(0, plan.seed);
    await settle(stage, candidate, lists, standing, plan);
    if (signal.aborted) return rounds;
    await stage.setLoss(plan.loss, plan.seed);
    await pause(REST_MS, signal);
    await stage.figures();
    const startedMs = performance.now();
    for (let run = 0; run < plan.runs && !signal.aborted; run++) {
      await playRound(stage, candidate, lists, standing, rounds, plan, run);
    }
    rounds.falseDeaths = lists.falseDeaths;
    rounds.pairHours = standing.length * (standing.length - 1) * (performance.now() - startedMs) / 3_600_000;
    if (!signal.aborted) rounds.traffic = await stage.figures();
  } finally {
    await Promise.all(standing.map((member) => member.end()));
  }
  return rounds;
}

/** Starts all but the newcomer, one after the other, and waits until they have met. */
async function settle(
  stage: Stage,
  candidate: Candidate,
  lists: Lists,
  standing: Member[],
  plan: RoundPlan,
): Promise<void> {
  const machines = stage.machines.slice(0, -1);
  for (const [index, machine] of machines.entries()) {
    const name = `n${index + 1}`;
    const start = await candidate.prepare(machine, name, machines.slice(0, index), lists.onSeen);
    lists.run(name);
    standing.push(start());
    await pause(300, plan.signal);
  }
  const names = standing.map(({ name }) => name);
  const haveMet = (): boolean => names.every((a) => names.every((b) => a === b || lists.lists(a, b)));
  if (!await lists.until(haveMet, SETTLE_LIMIT_MS, plan.signal) && !plan.signal.aborted) {
    const missing = names.flatMap((a) =>
      names.filter((b) => a !== b && !lists.lists(a, b)).map((b) => `${a}>${b}`)
    );
    const words = standing.map(({ name, lastWords }) => `${name}: ${lastWords}`).join("; ");
    throw new Error(`${candidate.name}: ${missing.join(", ")} did not meet without loss (${words})`);
  }
  await pause(REST_MS, plan.signal);
}

async function playRound(
  stage: Stage,
  candidate: Candidate,
  lists: Lists,
  standing: readonly Member[],
  rounds: Rounds,
  plan: RoundPlan,
  run: number,
): Promise<void> {
  const { signal } = plan;
  const machine = stage.machines.at(-1);
  if (machine === undefined) throw new Error("no machine for the newcomer");
  // Another name, address and identity each time: this one has never been seen.
  await machine.setAddress(`10.88.${1 + (run >> 7)}.${1 + (run & 127)}`);
  const name = `c${run + 1}`;
  const others = standing.map((member) => member.name);
  const start = await candidate.prepare(machine, name, stage.machines.slice(0, -1), lists.onSeen);
  lists.run(name);
  const newcomer = start();
  try {
    const hasMet = (): boolean =>
      others.every((other) =>
        lists.firstListed.has(`${name}>${other}`) && lists.firstListed.has(`${other}>${name}`)
      );
    await lists.until(hasMet, plan.meetLimitMs, signal);
    if (signal.aborted) return;
    const started = newcomer.startedMs;
    const last = (map: ReadonlyMap<string, number>, key: (other: string) => string): number =>
      Math.max(...others.map((other) => map.get(key(other)) ?? Infinity));
    const listsAll = last(lists.firstListed, (other) => `${name}>${other}`);
    const listedByAll = last(lists.firstListed, (other) => `${other}>${name}`);
    const loaded = newcomer.firstLineMs ?? Infinity;
    rounds.firstLine.push(loaded - started);
    rounds.ready.push((newcomer.readyMs ?? Infinity) - started);
    rounds.listsAll.push(listsAll - started);
    rounds.listedByAll.push(listedByAll - started);
    if (loaded < Infinity) {
      rounds.listsAllLoaded.push(Math.max(0, listsAll - loaded));
      rounds.listedByAllLoaded.push(Math.max(0, listedByAll - loaded));
    }
    if (!hasMet()) {
      plan.say(`${candidate.name}, run ${run + 1}: not all met; the newcomer said ${newcomer.lastWords}`);
    }
    await pause(LIFE_MS + SPREAD_MS * run / plan.runs, signal);
    await crash(candidate, lists, others, newcomer, rounds, plan, run);
  } finally {
    lists.fell(name);
    await newcomer.end();
  }
  await pause(GAP_MS, signal);
}

/** Kills the newcomer and waits for who had it in its list. */
async function crash(
  candidate: Candidate,
  lists: Lists,
  others: readonly string[],
  newcomer: Member,
  rounds: Rounds,
  plan: RoundPlan,
  run: number,
): Promise<void> {
  const { name } = newcomer;
  const observers = others.filter((other) => lists.lists(other, name));
  const blow: Blow = run % 2 === 0 ? "program" : "machine";
  lists.fell(name);
  const killedMs = performance.now();
  newcomer.kill(blow);
  if (!candidate.tellsCrashes && run >= VAIN_ROUNDS) return;
  const isNoticed = (): boolean => observers.every((other) => !lists.lists(other, name));
  await lists.until(isNoticed, plan.crashLimitMs, plan.signal);
  if (plan.signal.aborted) return;
  const times = observers.map((other) =>
    lists.lists(other, name) ? Infinity : (lists.firstGone.get(`${other}>${name}`) ?? Infinity) - killedMs
  );
  rounds.crashEach.push(...times);
  // Who has lost it before the blow, or has never met it, cannot notice: then there is no time of all.
  if (observers.length === others.length) rounds.crashAll.push(Math.max(...times));
}

function pause(ms: number, signal: AbortSignal): Promise<void> {
  if (signal.aborted) return Promise.resolve();
  return new Promise((resolve) => {
    const timer = setTimeout(done, ms);
    function done(): void {
      clearTimeout(timer);
      signal.removeEventListener("abort", done);
      resolve();
    }
    signal.addEventListener("abort", done);
  });
}
