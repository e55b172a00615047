// What the tests of commands about programs share: made-up nodes, a call as a row of a table, and the playing of it.

import { assert, assertEquals, assertMatch } from "@std/assert";
import { HanaError } from "../../../../lib/base/mod.ts";
import type { LogRecord, ProgramEventEntry } from "../../../../lib/supervision/mod.ts";
import { makeHome, runHana } from "../../../support/cli.ts";
import { event, exit, program } from "../../supervision/crew/support.ts";
import { type Ordered, type StandInPlan, standIns } from "./stand_in.ts";

export interface Call {
  readonly args: string | readonly string[];
  /** The node of this machine; null for none. */
  readonly here?: StandInPlan | null;
  readonly others?: readonly StandInPlan[];
  readonly code: number;
  readonly out?: RegExp;
  readonly err?: RegExp;
  readonly ordered?: (orders: readonly Ordered[]) => void;
  readonly env?: Readonly<Record<string, string>>;
  readonly tty?: number;
}

export const SILENT = /^$/;
/** At most three lines, the last one a command. */
export const ERROR = /^error: .+\n(?: {2}.+\n){0,2}$/;
export const now = Date.now();

export const VIZ = program({
  name: "viz",
  startedWallMs: now - 60_000,
  sinceWallMs: now - 60_000,
  run: 1,
  generation: 1,
});
export const IDLE = program({
  name: "viz",
  state: "idle",
  want: "down",
  run: 1,
  generation: 1,
  process: null,
  fps: null,
  startedWallMs: null,
  lastExit: exit({ run: 1, class: "stopped" }),
});
export const PARKED = program({
  name: "slate",
  state: "parked",
  process: null,
  fps: null,
  lastExit: exit({
    class: "config",
    why: "cannot start ./slate: No such file or directory",
    code: null,
    signal: null,
  }),
});
export const BACKOFF = program({
  name: "tracker",
  state: "backoff",
  fails: 4,
  nextTryWallMs: now + 60_000,
  lastExit: exit(),
});
export const LEFT: StandInPlan = { name: "stage-left", programs: [VIZ, PARKED] };
export const RIGHT: StandInPlan = {
  name: "stage-right",
  programs: [VIZ, BACKOFF],
  tags: { wall: "north", group: "wall" },
};
export const EMPTY: StandInPlan = { name: "stage-left", programs: [] };
export const SILENT_NODE: StandInPlan = { name: "backstage", programs: [], silent: true };
export const APP: StandInPlan = { name: "desk", programs: [], without: true, role: "app" };

export const UP = { state: "running" as const, run: 1, readyUs: 1_800_000, generation: 1 };
export const STARTS = [{ state: "starting" as const, run: 1 }, UP];

export function line(seq: number, text: string, change: Partial<LogRecord> = {}): LogRecord {
  return {
    seq,
    run: 1,
    stream: "stdout",
    atWallMs: now - 1_000 + seq,
    sinceSpawnUs: seq,
    text,
    partial: false,
    ...change,
  };
}

export const LOGGED: StandInPlan = {
  ...LEFT,
  logs: [
    line(1, "one"),
    line(2, "\x1b[31mred\x1b[0m\x1b]0;title\x07 \x1b[2Jtwo\u009b3J"),
    line(3, "long", { partial: true }),
    line(4, "er"),
    line(5, "oops", { stream: "stderr" }),
  ],
};

export function entry(id: number, ...made: Parameters<typeof event>): ProgramEventEntry {
  const [kind, detail, change] = made;
  return {
    id,
    origin: "shim",
    event: event(kind, detail, { program: "viz", atWallMs: now - 10_000 + id, ...change }),
  };
}

export const HAPPENED: StandInPlan = {
  ...LEFT,
  events: [
    entry(1, "started"),
    entry(2, "exited", { exit: exit() }),
    entry(3, "started"),
    entry(4, "exited", { exit: exit() }),
    entry(5, "ready", { readyUs: 1_000_000 }),
    entry(6, "stopped", {}, { program: "slate", by: "anna, desk (operator)" }),
  ],
};

export const REFUSED = new HanaError("refused", {
  what: "stage-left takes no command lines from other machines",
  why: "--allow-exec is off",
});

export const ordersOf = (verb: string, count: number): (orders: readonly Ordered[]) => void => (orders) => {
  assertEquals(orders.map((order) => order.verb), Array(count).fill(verb));
  for (const { body } of orders) {
    assertMatch(String(body.op), /^[0-9A-HJKMNP-TV-Z]{26}$/);
    assertEquals(body.by, "anna");
  }
};

async function check(call: Call): Promise<void> {
  await using home = makeHome();
  const nodes = await standIns(home, call.here === undefined ? null : call.here, call.others);
  try {
    const args = typeof call.args === "string" ? call.args.split(" ") : [...call.args];
    const result = await runHana(args, {
      home,
      env: { USER: "anna", ...NO_NETWORK, ...call.env },
      ...(call.tty === undefined ? {} : { tty: call.tty }),
    });
    const told = `hana ${args.join(" ")}\n${JSON.stringify(result, null, 1)}`;
    assertEquals(result.code, call.code, told);
    if (call.out !== undefined) assertMatch(result.stdout, call.out, told);
    if (call.err !== undefined) assertMatch(result.stderr, call.err, told);
    if (call.code === 2) assertMatch(result.stderr, ERROR, told);
    assert(!`${result.stdout}${result.stderr}`.includes("undefined"), told);
    call.ordered?.(nodes.orders);
  } finally {
    await nodes.stop();
  }
}

/** A command without a node here asks the network: loopback alone, and nobody there. */
const NO_NETWORK = { HANA_INTERFACE: "lo", HANA_DISCOVERY_PORT: "1" };

/** Plays all calls, four at a time; a test for each table. */
export function playCalls(what: string, calls: readonly Call[]): void {
  Deno.test(`${calls.length} calls of ${what} answer as promised`, async () => {
    const waiting = [...calls];
    const failures: string[] = [];
    const worker = async (): Promise<void> => {
      for (let call = waiting.shift(); call !== undefined; call = waiting.shift()) {
        try {
          await check(call);
        } catch (thrown) {
          failures.push(`hana ${call.args}\n${thrown}`);
        }
      }
    };
    await Promise.all(Array.from({ length: 4 }, worker));
    assertEquals(failures.length, 0, failures.join("\n\n"));
  });
}
