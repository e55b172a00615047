// Rolling a show out that its hosts have taken over: every program when its turn comes, watched until it is ready.
// Decides that nothing is changed behind something that did not get ready, and that hosts hear that somebody is still at it;
// in which order, lib/supervision/manifest decides, and a host whose console dies goes on by itself.

import { HanaError, toHanaError } from "../../../lib/base/mod.ts";
import {
  address,
  placeKey,
  type ProgramSnapshot,
  ROLL_OUT_SHOW,
  SPEC_DEFAULTS,
} from "../../../lib/supervision/mod.ts";
import { briefDuration } from "../../output/mod.ts";
import { ofHost } from "../errors.ts";
import { standing } from "../goals.ts";
import type { Outcome } from "../outcomes.ts";
import type { ProgramWatches, WatchedHost } from "../watched.ts";
import type { HostPlan, ShowPlan } from "./plan.ts";

/** How often hosts hear that somebody is still at it; they wait three times as long. */
const STILL_HERE_MS = 10_000;
/** Checksums are read before a program is changed. */
const ANSWER_US = 30_000_000;
/** What is waited beyond a program's own deadlines. */
const MARGIN_US = 5_000_000;

/** A host and what is left to change on it. */
export interface Rolling {
  readonly plan: HostPlan;
  readonly generation: number;
  readonly staged: readonly string[];
}

/** What a roll-out needs. */
export interface RollOutOptions {
  readonly plan: ShowPlan;
  readonly hosts: readonly Rolling[];
  readonly watches: ProgramWatches;
  readonly by: string;
  /** Of the whole; each program has its own start deadline within it. */
  readonly timeoutUs: number | null;
  readonly signal: AbortSignal;
  onOutcome(outcome: Outcome): void;
}

/** Whether a program, and what it waits for, got there. */
type Passed = boolean;

/** Rolls out. Resolves with what is still as it was, by host. */
export async function rollOut(options: RollOutOptions): Promise<ReadonlyMap<string, readonly string[]>> {
  return await new RollOut(options).run();
}

class RollOut {
  readonly #options: RollOutOptions;
  readonly #deadlineMs: number;
  readonly #left = new Map<string, Set<string>>();
  readonly #rolling = new Map<string, Rolling>();
  readonly #passed = new Map<string, Promise<Passed>>();
  readonly #cleared = new Map<string, Promise<void>>();
  /** Hosts on which another show is in force by now. */
  readonly #overtaken = new Set<string>();

  constructor(options: RollOutOptions) {
    this.#options = options;
    const { timeoutUs } = options;
    this.#deadlineMs = timeoutUs === null ? Infinity : performance.now() + timeoutUs / 1000;
    for (const rolling of options.hosts) {
      this.#rolling.set(rolling.plan.name, rolling);
      this.#left.set(rolling.plan.name, new Set(rolling.staged));
    }
  }

  async run(): Promise<ReadonlyMap<string, readonly string[]>> {
    const timer = setInterval(() => this.#stillHere(), STILL_HERE_MS);
    try {
      await Promise.all(
        this.#options.hosts.flatMap(({ plan, staged }) =>
          staged.map((name) => this.#pass(placeKey(name, plan.name)))
        ),
      );
    } finally {
      clearInterval(timer);
    }
    const left = new Map([...this.#left].map(([host, names]) => [host, [...names].sort()]));
    // Somebody looks at it first: the hosts do not go on by themselves. Ctrl-C is no decision.
    if (!this.#options.signal.aborted) await this.#halt();
    return left;
  }

  /** Whether a program is there; each one is seen to once. */
  #pass(key: string): Promise<Passed> {
    let passed = this.#passed.get(key);
    if (passed === undefined) {
      passed = this.#see(key);
      this.#passed.set(key, passed);
    }
    return passed;
  }

  async #see(key: string): Promise<Passed> {
    const cut = key.indexOf("@");
    const name = key.slice(0, cut);
    const host = key.slice(cut + 1);
    const rolling = this.#rolling.get(host);
    // What is not changed is as it should be, as far as this show goes.
    if (rolling === undefined || !rolling.staged.includes(name)) return true;
    const isWanted = rolling.plan.programs.some((each) => each.name === name);
    if (isWanted) await this.#clear(rolling);
    const before = [...this.#options.plan.order.get(key) ?? []];
    const ready = await Promise.all(before.map((each) => this.#pass(each)));
    if (ready.includes(false) || this.#options.signal.aborted) return false;
    return await this.#release(rolling, name);
  }

  /** What a host loses goes first: it may hold the screen that others want. */
  #clear(rolling: Rolling): Promise<void> {
    const { name } = rolling.plan;
    let cleared = this.#cleared.get(name);
    if (cleared === undefined) {
      const wanted = new Set(rolling.plan.programs.map((each) => each.name));
      const leaving = rolling.staged.filter((each) => !wanted.has(each));
      cleared = Promise.all(leaving.map((each) => this.#pass(placeKey(each, name)))).then(() => {});
      this.#cleared.set(name, cleared);
    }
    return cleared;
  }

  async #release(rolling: Rolling, name: string): Promise<Passed> {
    const { plan, generation } = rolling;
    const { host } = plan.host;
    const { watches, by } = this.#options;
    try {
      const watched = await watches.of(host);
      const reply = await host.session.request(
        ROLL_OUT_SHOW,
        { by, generation, names: [name] },
        { timeoutUs: ANSWER_US },
      );
      this.#left.get(plan.name)?.delete(name);
      const [problem] = reply.problems;
      if (problem !== undefined) {
        this.#left.get(plan.name)?.add(name);
        throw new HanaError("config", { what: `${plan.name}: ${problem.what}`, why: problem.why });
      }
      const released = reply.released.find((each) => each.name === name);
      // Somebody else, or the host itself, was first.
      const from = released ??
        { generation: 0, run: 0, restarts: false, removed: !this.#isWanted(plan, name) };
      const outcome = await this.#watch(plan, name, watched, from);
      this.#options.onOutcome(outcome);
      return outcome.outcome === "reached";
    } catch (thrown) {
      if (this.#options.signal.aborted) return false;
      const error = ofHost(toHanaError(thrown, "unreachable", `${plan.name} does not answer`), plan.name);
      if (error.code === "conflict" && this.#left.get(plan.name)?.has(name) === true) {
        // Another show came in between: what is left here is its business, and one word about it is enough.
        const isFirst = !this.#overtaken.has(plan.name);
        this.#overtaken.add(plan.name);
        this.#left.get(plan.name)?.clear();
        if (!isFirst) return false;
      } else if (this.#overtaken.has(plan.name)) return false;
      this.#options.onOutcome({
        name,
        node: plan.name,
        outcome: "error",
        words: "not changed",
        program: null,
        error,
        replayed: false,
        durable: true,
      });
      return false;
    }
  }

  async #watch(
    plan: HostPlan,
    name: string,
    watched: WatchedHost,
    from: { generation: number; run: number; restarts: boolean; removed: boolean },
  ): Promise<Outcome> {
    const { host } = plan.host;
    const spec = plan.programs.find((each) => each.name === name)?.spec ?? SPEC_DEFAULTS;
    const ownUs = from.removed ? 2 * spec.graceUs : spec.startUs + spec.graceUs;
    const leftUs = Math.max(0, (this.#deadlineMs - performance.now()) * 1000);
    const timeoutUs = Math.min(leftUs, ownUs + MARGIN_US);
    const start = { generation: from.generation, afterRun: from.restarts ? from.run : from.run - 1 };
    const where = () => {
      const program = watched.get(name);
      if (from.removed) {
        return program === undefined
          ? { outcome: "reached" as const, words: "is ended and forgotten" }
          : { outcome: "under-way" as const, words: "is being ended" };
      }
      // The list may tell of a new program a moment later.
      if (program === undefined) return { outcome: "under-way" as const, words: "is taken on" };
      return standing("ready", program, start, Date.now() + host.aheadMs);
    };
    const found = await watched.until(
      () => {
        const at = where();
        return at.outcome === "under-way" ? null : at;
      },
      timeoutUs,
      this.#options.signal,
    );
    const program: ProgramSnapshot | null = watched.get(name) ?? null;
    const facts = { name, node: plan.name, program, replayed: false, durable: true };
    const who = address(name, plan.name);
    if (found === null) {
      const { words } = where();
      const what = `${who} ${from.removed ? "was not ended" : "did not get ready"} within ${
        briefDuration(timeoutUs)
      }`;
      const error = new HanaError("timeout", { what, why: `it is ${words}`, hint: `hana why ${who}` });
      return { ...facts, outcome: "late", words, error };
    }
    if (found.outcome === "reached") return { ...facts, outcome: "reached", words: found.words, error: null };
    const why = /^(was|cannot|ended|never)/.test(found.words) ? `it ${found.words}` : `it is ${found.words}`;
    const error = new HanaError("not-found", {
      what: `${who} did not get ready`,
      why,
      hint: `hana why ${who}`,
    });
    return { ...facts, outcome: "failed", words: found.words, error };
  }

  #isWanted({ programs }: HostPlan, name: string): boolean {
    return programs.some((each) => each.name === name);
  }

  #stillHere(): void {
    const { by } = this.#options;
    for (const { plan, generation } of this.#rolling.values()) {
      if (this.#left.get(plan.name)?.size === 0) continue;
      const body = { by, generation, names: [] };
      plan.host.host.session.request(ROLL_OUT_SHOW, body, { timeoutUs: ANSWER_US }).catch(() => {});
    }
  }

  async #halt(): Promise<void> {
    const { by } = this.#options;
    await Promise.all([...this.#rolling.values()].map(async ({ plan, generation }) => {
      if (this.#left.get(plan.name)?.size === 0) return;
      const body = { by, generation, names: [], halt: true };
      // A host that is lost by now goes on by itself.
      await plan.host.host.session.request(ROLL_OUT_SHOW, body, { timeoutUs: ANSWER_US }).catch(() => {});
    }));
  }
}
