// Giving orders to programs on any nodes, in parallel, and seeing them through: the order, then the watch until the
// goal is reached, cannot be reached, or the time is up. Decides what each of these is called; never polls.

import { HanaError, toHanaError } from "../../lib/base/mod.ts";
import { address, type ProgramSnapshot } from "../../lib/supervision/mod.ts";
import type { Cli } from "../frame/mod.ts";
import { briefDuration, EXIT } from "../output/mod.ts";
import { ofHost } from "./errors.ts";
import { type Goal, type Standing, standing } from "./goals.ts";
import type { Host } from "./hosts.ts";
import { newOp } from "./op.ts";
import { type Outcome, type OutcomeKind, OutcomeSheet } from "./outcomes.ts";
import type { ProgramWatches } from "./watched.ts";

/** What a node answers to an order. */
export interface Answer {
  readonly generation: number;
  readonly run: number;
  readonly changed: boolean;
  readonly replayed: boolean;
  readonly durable: boolean;
  readonly program: unknown;
}

/** What every order carries. */
export interface OrderParts {
  readonly op: string;
  readonly by: string;
}

/** An order to one program. */
export interface Order {
  readonly host: Host;
  readonly name: string;
  /** Gives it. Null where nothing is ordered and only waited. */
  readonly give: ((parts: OrderParts) => Promise<Answer>) | null;
  /** For a wait without an order, and for a restart: runs up to this one do not count. */
  readonly afterRun?: number;
}

/** How orders are seen through. */
export interface Following {
  /** What is waited for; null: the answer is enough. */
  readonly goal: Goal | null;
  readonly timeoutUs: number;
  /** Behind `NAME@NODE` where nobody waits: `is told to start`. */
  readonly told: string;
  /** What the answer means where nobody waits; that the node will see to it unless given. */
  readonly answered?: OutcomeKind;
  /** Names the schema of the output. */
  readonly what: string;
  /** What failing is called: `did not get ready`. */
  readonly failing: string;
  readonly op?: string | undefined;
}

/** Who gives orders, for the record that nodes keep. */
export function orderer(cli: Cli): string {
  const user = cli.environment.get("USER") ?? cli.environment.get("USERNAME") ?? "";
  return user === "" ? "hana" : user.slice(0, 64);
}

/** Whether `--debug` was given. */
export function isDebug(cli: Cli): boolean {
  return (cli.program.root.opts() as { debug?: boolean }).debug === true;
}

/** Taken on, and not listed yet. */
const TAKEN_ON: Standing = { outcome: "under-way", words: "taken on" };

/** Gives all orders at once and shows what comes of each as soon as it is known. `lost`: outcomes that are known already. */
export async function follow(
  cli: Cli,
  watches: ProgramWatches,
  orders: readonly Order[],
  following: Following,
  lost: readonly Outcome[] = [],
): Promise<void> {
  const sheet = new OutcomeSheet(cli, following.what);
  const stop = new AbortController();
  let stopped = false;
  cli.signals.handle((signal) => {
    stopped = true;
    cli.exitWith(signal === "SIGINT" ? EXIT.interrupted : EXIT.terminated);
    stop.abort();
  });
  for (const outcome of lost) sheet.add(outcome);
  const { random } = await cli.platform();
  const progress = following.goal === null || orders.length === 0 ? null : cli.output.progress(
    `waiting for ${orders.map(({ name, host }) => address(name, host.name)).slice(0, 4).join(", ")}${
      orders.length > 4 ? ` and ${orders.length - 4} more` : ""
    }`,
  );
  await Promise.all(orders.map(async (order) => {
    const op = following.op ?? newOp(random.stream("cli.op"));
    if (isDebug(cli) && order.give !== null) {
      cli.output.message(`op ${op} ${address(order.name, order.host.name)}`);
    }
    const outcome = await see(cli, watches, order, following, op, stop.signal);
    if (!stopped) sheet.add(outcome);
  }));
  progress?.done();
  if (stopped) return;
  await sheet.end();
}

async function see(
  cli: Cli,
  watches: ProgramWatches,
  order: Order,
  following: Following,
  op: string,
  signal: AbortSignal,
): Promise<Outcome> {
  const { host, name } = order;
  const { goal } = following;
  const startedMs = performance.now();
  let answer: Answer | null = null;
  try {
    // The watch comes first: nothing that happens after the order is missed.
    const watched = goal === null ? null : await watches.of(host);
    const before = watched?.get(name);
    answer = order.give === null ? null : await order.give({ op, by: orderer(cli) });
    const facts = { replayed: answer?.replayed ?? false, durable: answer?.durable ?? true };
    if (watched === null || goal === null) {
      const program = answer === null ? null : answer.program as ProgramSnapshot | null;
      return {
        name,
        node: host.name,
        outcome: following.answered ?? "accepted",
        words: following.told,
        program,
        error: null,
        ...facts,
      };
    }
    const start = {
      generation: answer?.generation ?? 0,
      afterRun: order.afterRun ?? (answer === null ? 0 : answer.changed ? answer.run : answer.run - 1),
    };
    const answered = answer?.program as ProgramSnapshot | null | undefined;
    let wasSeen = before !== undefined;
    let latest: ProgramSnapshot | null = null;
    const where = (): Standing => {
      const seen = watched.get(name);
      wasSeen ||= seen !== undefined;
      // The watch may tell of what came of an order a moment after the answer: until then the answer is newer.
      const isNews = seen !== before;
      const program = isNews ? seen : answered ?? seen;
      latest = program ?? null;
      if (program === undefined && !wasSeen && answer !== null) return TAKEN_ON;
      const at = standing(goal, program, start, Date.now() + host.aheadMs);
      return at.outcome === "failed" && !isNews && answer?.changed === true
        ? { ...at, outcome: "under-way" }
        : at;
    };
    const leftUs = Math.max(0, following.timeoutUs - (performance.now() - startedMs) * 1000);
    const found = await watched.until(
      () => {
        const at = where();
        return at.outcome === "under-way" ? null : at;
      },
      leftUs,
      signal,
    );
    const program = latest as ProgramSnapshot | null;
    if (found === null) {
      const { words } = where();
      return {
        name,
        node: host.name,
        outcome: "late",
        words,
        program,
        error: late(order, following, words),
        ...facts,
      };
    }
    return {
      name,
      node: host.name,
      outcome: found.outcome === "reached" ? "reached" : "failed",
      words: answer !== null && !answer.changed && !answer.replayed && found.outcome === "reached"
        ? `already ${found.words}`
        : found.words,
      program,
      error: found.outcome === "reached" ? null : failing(order, following, found.words),
      ...facts,
    };
  } catch (thrown) {
    const error = ofHost(toHanaError(thrown, "unreachable", `${host.name} does not answer`), host.name);
    return {
      name,
      node: host.name,
      outcome: "error",
      words: answer !== null
        ? "the order got through, what came of it is not known"
        : REFUSALS.has(error.code)
        ? "was refused"
        : "the order did not get through",
      program: null,
      error: answer === null ? withProgram(error, name, host.name) : afterOrder(error, order),
      replayed: false,
      durable: true,
    };
  }
}

/** What a node answers that has understood and will not. */
const REFUSALS: ReadonlySet<HanaError["code"]> = new Set([
  "refused",
  "conflict",
  "schema",
  "config",
  "not-found",
]);

function late({ name, host }: Order, { timeoutUs, failing }: Following, words: string): HanaError {
  return new HanaError("timeout", {
    what: `${address(name, host.name)} ${failing} within ${briefDuration(timeoutUs)}`,
    why: `it is ${words}; that goes on without this command`,
    hint: `hana why ${address(name, host.name)}`,
  });
}

function failing({ name, host }: Order, { failing }: Following, words: string): HanaError {
  return new HanaError("not-found", {
    what: `${address(name, host.name)} ${failing}`,
    why: `it ${/^(was|cannot|ended|never)/.test(words) ? "" : "is "}${words}`,
    hint: `hana why ${address(name, host.name)}`,
  });
}

/** The order was taken, and then the node was lost. */
function afterOrder(error: HanaError, { name, host }: Order): HanaError {
  return new HanaError(error.code, {
    what: `${host.name} was lost after it had taken the order for ${name}`,
    why: error.why ?? error.what,
    hint: `hana wait ${address(name, host.name)} --ready`,
    cause: error,
  });
}

/** Says which program an error is about where it does not say so itself. */
function withProgram(error: HanaError, name: string, node: string): HanaError {
  if (error.what.includes(name) || error.code === "not-found") return error;
  return new HanaError(error.code, {
    what: `${address(name, node)}: ${error.what}`,
    ...(error.why === undefined ? {} : { why: error.why }),
    ...(error.hint === undefined ? {} : { hint: error.hint }),
    cause: error,
  });
}
