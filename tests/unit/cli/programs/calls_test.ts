// Every command about programs in the output modes and with the exit codes that apply, as real processes that speak with
// nodes which say what the test wants.

import { assert, assertEquals, assertMatch } from "@std/assert";
import { HanaError } from "../../../../lib/base/mod.ts";
import type { LogRecord, ProgramEventEntry } from "../../../../lib/supervision/mod.ts";
import { makeHome, runHana } from "../../../support/cli.ts";
import { bundle, event, exit, program } from "../../supervision/crew/support.ts";
import { type Ordered, type StandInPlan, standIns } from "./stand_in.ts";

interface Call {
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

const SILENT = /^$/;
/** At most three lines, the last one a command. */
const ERROR = /^error: .+\n(?: {2}.+\n){0,2}$/;
const now = Date.now();

const VIZ = program({
  name: "viz",
  startedWallMs: now - 60_000,
  sinceWallMs: now - 60_000,
  run: 1,
  generation: 1,
});
const IDLE = program({
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
const PARKED = program({
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
const BACKOFF = program({
  name: "tracker",
  state: "backoff",
  fails: 4,
  nextTryWallMs: now + 60_000,
  lastExit: exit(),
});
const LEFT: StandInPlan = { name: "stage-left", programs: [VIZ, PARKED] };
const RIGHT: StandInPlan = {
  name: "stage-right",
  programs: [VIZ, BACKOFF],
  tags: { wall: "north", group: "wall" },
};
const EMPTY: StandInPlan = { name: "stage-left", programs: [] };
const SILENT_NODE: StandInPlan = { name: "backstage", programs: [], silent: true };
const APP: StandInPlan = { name: "desk", programs: [], without: true, role: "app" };

const UP = { state: "running" as const, run: 1, readyUs: 1_800_000, generation: 1 };
const STARTS = [{ state: "starting" as const, run: 1 }, UP];

function line(seq: number, text: string, change: Partial<LogRecord> = {}): LogRecord {
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

const LOGGED: StandInPlan = {
  ...LEFT,
  logs: [
    line(1, "one"),
    line(2, "\x1b[31mred\x1b[0m\x1b]0;title\x07 \x1b[2Jtwo\u009b3J"),
    line(3, "long", { partial: true }),
    line(4, "er"),
    line(5, "oops", { stream: "stderr" }),
  ],
};

function entry(id: number, ...made: Parameters<typeof event>): ProgramEventEntry {
  const [kind, detail, change] = made;
  return {
    id,
    origin: "shim",
    event: event(kind, detail, { program: "viz", atWallMs: now - 10_000 + id, ...change }),
  };
}

const HAPPENED: StandInPlan = {
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

const REFUSED = new HanaError("refused", {
  what: "stage-left takes no command lines from other machines",
  why: "--allow-exec is off",
});

const ordersOf = (verb: string, count: number) => (orders: readonly Ordered[]): void => {
  assertEquals(orders.map((order) => order.verb), Array(count).fill(verb));
  for (const { body } of orders) {
    assertMatch(String(body.op), /^[0-9A-HJKMNP-TV-Z]{26}$/);
    assertEquals(body.by, "anna");
  }
};

const CALLS: readonly Call[] = [
  // spawn: modes
  {
    args:
      "spawn --name viz --env A=1 --memory-max 6GiB --grace 3s --ready tcp:7000 --need tracker -- ./viz --scene intro",
    here: { ...EMPTY, course: STARTS },
    code: 0,
    out: /^viz\tstage-left\treached\trunning\t1\tup, ready in 1\.8 s \(run 1\)\n$/,
    err: SILENT,
    ordered: (orders) => {
      ordersOf("spawn", 1)(orders);
      const spec = orders[0]?.body.spec as Record<string, unknown>;
      assertEquals(orders[0]?.body.want, "up");
      assertEquals(spec.argv, ["./viz", "--scene", "intro"]);
      assertEquals(spec.env, { A: "1" });
      assertEquals([spec.memoryMaxBytes, spec.graceUs], [6 * 2 ** 30, 3_000_000]);
      assertEquals([spec.ready, spec.needs], [{ kind: "tcp", port: 7000 }, { tracker: "ready" }]);
      assertEquals(spec.cwd, Deno.cwd());
    },
  },
  {
    args: "spawn -q -- ./viz",
    here: { ...EMPTY, course: STARTS },
    code: 0,
    out: /^viz@stage-left\n$/,
    err: SILENT,
  },
  {
    args: "spawn --json -- ./viz",
    here: { ...EMPTY, course: STARTS },
    code: 0,
    out:
      /^\{"schema":"hana\.spawn\/1","ts":"[^"]+","programs":\[\{"name":"viz","node":"stage-left","outcome":"reached",.*"readyMs":1800,.*"summary":\{"total":1,"reached":1\}\}\n$/,
  },
  {
    args: "spawn --ndjson -- ./viz",
    here: { ...EMPTY, course: STARTS },
    code: 0,
    out: /^\{"schema":"hana\.spawn\.program\/1",.*"outcome":"reached".*\}\n$/,
  },
  {
    args: "spawn -- ./viz",
    here: { ...EMPTY, course: STARTS },
    code: 0,
    tty: 100,
    out: /viz@stage-left\x1b\[0m up, ready in 1\.8 s \(run 1\)\n$/,
  },
  {
    args: "spawn --debug --op 01J0Q2Z5M7R8T9V0W1X2Y3Z4A5 -- ./viz",
    here: { ...EMPTY, course: STARTS },
    code: 0,
    err: /^op 01J0Q2Z5M7R8T9V0W1X2Y3Z4A5 viz@stage-left\n$/,
    ordered: ([order]) => assertEquals(order?.body.op, "01J0Q2Z5M7R8T9V0W1X2Y3Z4A5"),
  },
  {
    args: "spawn --no-wait -- ./viz",
    here: EMPTY,
    code: 0,
    out: /^viz\tstage-left\taccepted\t-\t-\tis taken on; it will be started\n$/,
  },
  {
    args: "spawn --once -- ./render frame.exr",
    here: {
      ...EMPTY,
      course: [{
        state: "done",
        run: 1,
        lastExit: exit({ run: 1, class: "success", code: 0, signal: null }),
      }],
    },
    code: 0,
    out: /^render\tstage-left\treached\tdone\t1\tended after 42 s \(run 1: ok\)\n$/,
    ordered: ([order]) => assertEquals(order?.body.want, "once"),
  },
  {
    args: "spawn -- ./viz",
    here: { ...LEFT, changed: false, course: [] },
    code: 0,
    out: /^viz\tstage-left\treached\trunning\t1\talready up, ready in 1\.8 s \(run 1\)\n$/,
  },
  {
    args: "spawn -- ./viz",
    here: { ...EMPTY, course: STARTS, durable: false },
    code: 0,
    err: /^warning: stage-left could not write down what is wanted of viz/,
  },
  // spawn: what can go wrong
  {
    args: "spawn -- ./viz",
    here: {
      ...EMPTY,
      course: [{ state: "parked", run: 1, lastExit: { ...PARKED.lastExit ?? exit(), run: 1 } }],
    },
    code: 1,
    out: /^viz\tstage-left\tfailed\tparked\t1\tparked \(file \.\/slate is missing\)\n$/,
    err: /^error: viz@stage-left did not get ready\n {2}it is parked .*\n {2}try: hana why viz@stage-left\n$/,
  },
  {
    args: "spawn --timeout 300ms -- ./viz",
    here: {
      ...EMPTY,
      course: [{
        state: "backoff",
        run: 4,
        fails: 4,
        lastExit: exit({ run: 4 }),
        nextTryWallMs: now + 60_000,
      }],
    },
    code: 4,
    out: /^viz\tstage-left\tlate\tbackoff\t4\tbetween tries: failed 4 times \(SIGSEGV\), next in \d+ s\n$/,
    err:
      /^error: viz@stage-left did not get ready within 300ms\n {2}it is between tries.*; that goes on without this command\n {2}try: hana why viz@stage-left\n$/,
  },
  {
    args: "spawn -- ./viz",
    here: { ...EMPTY, refuses: REFUSED },
    code: 7,
    out: /^viz\tstage-left\terror\t/,
    err:
      /^error: .*stage-left takes no command lines.*\n {2}--allow-exec is off\n {2}try: hana serve --allow-exec .*\n$/,
  },
  {
    args: "spawn -- ./viz",
    here: { ...EMPTY, refuses: new HanaError("conflict", { what: "viz has generation 3, not 2" }) },
    code: 7,
    err: ERROR,
  },
  {
    args: "spawn -- ./viz",
    here: { ...EMPTY, refuses: new HanaError("internal", { what: "a row is missing" }) },
    code: 1,
    err: /^error: (viz@stage-left: )?stage-left failed: a row is missing\n/,
  },
  {
    args: "spawn -- ./viz",
    here: { name: "stage-left", programs: [], without: true },
    code: 1,
    err: /^error: stage-left supervises no programs\n.*\n {2}try: hana serve --programs on .*\n$/,
  },
  // spawn: where
  {
    args: "spawn --on stage-right,stage-left -- ./viz",
    here: { ...EMPTY, course: STARTS },
    others: [{ ...RIGHT, programs: [], course: STARTS }],
    code: 0,
    out: /^(viz\tstage-(left|right)\treached\t.*\n){2}$/,
    ordered: (orders) => {
      assertEquals(orders.map(({ node }) => node).sort(), ["stage-left", "stage-right"]);
      const spec = orders.find(({ node }) => node === "stage-right")?.body.spec as Record<string, unknown>;
      assertEquals(spec.cwd, undefined);
    },
  },
  {
    args: "spawn --on tag:wall=north -- ./viz",
    here: EMPTY,
    others: [{ ...RIGHT, programs: [], course: STARTS }],
    code: 0,
    out: /^viz\tstage-right\treached\t/,
  },
  {
    args: "spawn --on wall -q -- ./viz",
    here: EMPTY,
    others: [{ ...RIGHT, programs: [], course: STARTS }],
    code: 0,
    out: /^viz@stage-right\n$/,
  },
  {
    args: "spawn --on @least-loaded -q -- ./viz",
    here: { ...EMPTY, load: { cpuPercent: 70, gpuPercent: 5, memoryFreeMb: 1, vramFreeMb: 1 } },
    others: [{
      ...RIGHT,
      programs: [],
      course: STARTS,
      load: { cpuPercent: 20, gpuPercent: 30, memoryFreeMb: 1, vramFreeMb: 1 },
    }],
    code: 0,
    out: /^viz@stage-right\n$/,
  },
  {
    args: "spawn --on stage-left,backstage -- ./viz",
    here: { ...EMPTY, course: STARTS },
    others: [SILENT_NODE],
    code: 3,
    out: /viz\tstage-left\treached\t/,
    err: ERROR,
  },
  { args: "spawn --on backstage -- ./viz", here: EMPTY, others: [SILENT_NODE], code: 1, err: ERROR },
  // spawn: the call itself
  {
    args: "spawn",
    code: 2,
    out: SILENT,
    err: /^error: nothing to spawn\n.*\n {2}try: hana spawn -- \.\/viz\n$/,
  },
  {
    args: "spawn --name viz ./viz --scene intro",
    code: 2,
    err:
      /^error: -- is missing before the program\n.*\n {2}try: hana spawn --name viz -- \.\/viz --scene intro\n$/,
  },
  {
    args: "spawn --nmae viz -- ./viz",
    code: 2,
    err: /no flag --nmae\n {2}did you mean --name\?\n {2}try: hana spawn --name viz -- \.\/viz\n$/,
  },
  {
    args: "spawn ./viz -- --scene",
    code: 2,
    err: /^error: words of the program before --\n.*\n {2}try: hana spawn -- \.\/viz --scene\n$/,
  },
  {
    args: "spawn --env SEED -- ./viz",
    code: 2,
    err: /^error: --env "SEED" sets nothing\n.*NAME=VALUE.*\n {2}try: hana spawn --env SEED=1 -- \.\/viz\n$/,
  },
  {
    args: ["spawn", "--memory-max", "6 gigs", "--", "./viz"],
    code: 2,
    err: /^error: --memory-max "6 gigs" is no size\n.*\n {2}try: hana spawn --memory-max 6GiB -- \.\/viz\n$/,
  },
  {
    args: "spawn --name Viz!2 -- ./viz",
    code: 2,
    err: /^error: "Viz!2" is no name of a program\n.*\n {2}try: hana spawn --name viz-2 -- \.\/viz\n$/,
  },
  {
    args: "spawn --name viz@stage-left -- ./viz",
    code: 2,
    err: /\n {2}the node is said by --on\n {2}try: hana spawn --name viz -- \.\/viz\n$/,
  },
  {
    args: "spawn --restart alway -- ./viz",
    code: 2,
    err: /^error: --restart is "alway".*\n {2}try: hana spawn --restart always -- \.\/viz\n$/,
  },
  { args: "spawn --ready 7000 -- ./viz", code: 2, err: /try: hana spawn --ready tcp:7000 -- \.\/viz\n$/ },
  {
    args: "spawn --need tracker=redy -- ./viz",
    code: 2,
    err: /try: hana spawn --need tracker=ready -- \.\/viz\n$/,
  },
  { args: "spawn --grace soon -- ./viz", code: 2, err: /^error: --grace "soon" is no duration\n/ },
  { args: ["spawn", "--fallback", "slate | tee x", "--", "./viz"], code: 2, err: /needs a shell\n/ },
  { args: "spawn --env HANA_TOKEN=x -- ./viz", code: 2, err: /HANA_TOKEN.*\n(?:.*\n)? {2}try: / },
  { args: "spawn --op short -- ./viz", code: 2, err: ERROR },
  {
    args: "spawn -- ./viz",
    here: null,
    code: 1,
    err: /^error: no node runs on this machine\n.*\n {2}try: hana serve .*\n$/,
  },
  {
    args: "spawn --on stage-rihgt -- ./viz",
    here: EMPTY,
    others: [RIGHT],
    code: 1,
    err: /^error: no node stage-rihgt is known\n {2}did you mean stage-right\? .*\n {2}try: hana discover\n$/,
  },
  {
    args: "spawn --on tag:wall=south -- ./viz",
    here: EMPTY,
    others: [RIGHT],
    code: 1,
    err: /^error: no node fits tag:wall=south\n/,
  },
  {
    args: "spawn --on @idle -- ./viz",
    here: EMPTY,
    code: 2,
    err: /try: hana spawn --on @least-loaded -- \.\/viz\n$/,
  },

  // ps
  {
    args: "ps",
    here: LEFT,
    others: [RIGHT],
    code: 0,
    out:
      /^slate\tstage-left\tup\tparked\t-\t-\t-\t7\tno start\tfile \.\/slate is missing\nviz\tstage-left\tup\trunning\tready\t59\.94\t\d+\t1\t-\t-\n$/,
    err: SILENT,
  },
  {
    args: "ps --header",
    here: LEFT,
    code: 0,
    out: /^NAME\tHOST\tWANT\tSTATE\tHEALTH\tFPS\tUP\tRUNS\tLAST-EXIT\tNOTE\n/,
  },
  { args: "ps -q", here: LEFT, code: 0, out: /^slate@stage-left\nviz@stage-left\n$/ },
  {
    args: "ps --on all",
    here: LEFT,
    others: [RIGHT, APP],
    code: 0,
    out:
      /^slate\tstage-left\t.*\ntracker\tstage-right\tup\tbackoff\t.*\nviz\tstage-left\t.*\nviz\tstage-right\t.*\n$/,
    err: SILENT,
  },
  {
    args: "ps --on all --json",
    here: LEFT,
    others: [SILENT_NODE],
    code: 3,
    out:
      /^\{"schema":"hana\.ps\/1".*"programs":\[\{"name":"slate",.*\],"unreachable":\[\{"node":"backstage","why":".+"\}\],"summary":\{"total":2,"running":1,"unreachable":1\}\}\n$/,
    err: /^warning: backstage is not in the list: /,
  },
  { args: "ps --ndjson", here: LEFT, code: 0, out: /^(\{"schema":"hana\.ps\.program\/1",.*\}\n){2}$/ },
  { args: "ps viz@stage-right -q", here: LEFT, others: [RIGHT], code: 0, out: /^viz@stage-right\n$/ },
  { args: "ps viz -q", here: LEFT, others: [RIGHT], code: 0, out: /^viz@stage-left\nviz@stage-right\n$/ },
  { args: "ps", here: EMPTY, code: 1, out: SILENT, err: /^no programs; try: hana spawn -- \.\/viz\n$/ },
  {
    args: "ps",
    here: { ...EMPTY, without: true },
    code: 1,
    err: /^error: stage-left supervises no programs\n/,
  },
  { args: "ps aurora", here: LEFT, code: 1, out: SILENT, err: /^error: no program aurora is known\n/ },
  { args: "ps --on desk", here: LEFT, others: [APP], code: 1, err: /^error: desk supervises no programs\n/ },
  { args: "ps --watch --json", here: LEFT, code: 2, err: /^error: --watch and --json together\n/ },
  {
    args: "ps --watch --timeout 400ms",
    here: LEFT,
    code: 0,
    out:
      /^\{"schema":"hana\.ps\.program\/1",.*"op":"add".*\}\n\{.*"op":"add".*\}\n\{.*"op":"sync","count":2\}\n$/,
  },
  {
    args: "ps",
    here: LEFT,
    code: 0,
    tty: 110,
    out:
      /NAME.*HOST.*WANT.*STATE.*HEALTH.*NOTE[^]*parked[^]*running[^]*2 programs, 1 running; try: hana why slate@stage-left\n/,
  },

  // stop, start, restart, rm, wait
  {
    args: "stop viz",
    here: { ...LEFT, course: [{ state: "stopping", want: "down" }, { ...IDLE }] },
    code: 0,
    out: /^viz\tstage-left\treached\tidle\t1\tstopped \(run 1: stopped\)\n$/,
    ordered: ordersOf("stop", 1),
  },
  {
    args: "stop viz --now --no-wait",
    here: LEFT,
    code: 0,
    ordered: ([order]) => assertEquals(order?.body.now, true),
  },
  {
    args: "stop viz --timeout 200ms",
    here: { ...LEFT, course: [{ state: "stopping", want: "down" }] },
    code: 4,
    err: /^error: viz@stage-left did not end within 200ms\n {2}it is ending, run 1;/,
  },
  {
    args: "stop viz",
    here: { ...LEFT, course: [{ state: "unkillable", want: "down", note: "pid 12 waits in the driver" }] },
    code: 1,
    err: /it cannot be ended \(pid 12 waits in the driver\)\n/,
  },
  {
    args: "stop viz@stage-right",
    here: LEFT,
    others: [{ ...RIGHT, course: [{ ...IDLE }] }],
    code: 0,
    ordered: ([order]) => assertEquals(order?.node, "stage-right"),
  },
  {
    args: "stop tracker",
    here: LEFT,
    others: [{ ...RIGHT, course: [{ ...IDLE, generation: 3 }] }],
    code: 0,
    out: /^tracker\tstage-right\treached\t/,
  },
  {
    args: "stop viz",
    here: APP,
    others: [LEFT, RIGHT],
    code: 2,
    err:
      /^error: viz runs on 2 nodes\n {2}viz@stage-left, viz@stage-right\n {2}try: hana stop viz@stage-left\n$/,
  },
  {
    args: "stop vis",
    here: LEFT,
    code: 1,
    err: /^error: no program vis is known\n {2}did you mean viz\?\n {2}try: hana stop viz\n$/,
  },
  {
    args: "stop vis@stage-left",
    here: LEFT,
    code: 1,
    err:
      /^error: stage-left has no program vis\n {2}did you mean viz\?\n {2}try: hana stop viz@stage-left\n$/,
  },
  { args: "stop viz@nowhere", here: LEFT, code: 1, err: /^error: no node nowhere is known\n/ },
  {
    args: "stop viz@",
    here: LEFT,
    code: 2,
    err: /^error: viz@ names no node\n.*\n {2}try: hana stop viz\n$/,
  },
  { args: "stop Viz", here: LEFT, code: 2, err: /^error: "Viz" is no name.*\n.*\n {2}try: hana stop viz\n$/ },
  { args: "stop", code: 2, err: /^error: hana stop needs <PROGRAM>\n/ },
  {
    args: "stop viz aurora",
    here: { ...LEFT, course: [{ ...IDLE }] },
    code: 3,
    out: /viz\tstage-left\treached\t/,
    err: /^error: no program aurora is known\n/,
  },
  {
    args: "stop viz slate --op 01J0Q2Z5M7R8T9V0W1X2Y3Z4A5",
    here: LEFT,
    code: 2,
    err: /^error: --op with several programs\n/,
  },
  {
    args: "restart viz",
    here: { ...LEFT, course: [{ state: "stopping" }, { state: "starting", run: 2 }, { ...UP, run: 2 }] },
    code: 0,
    out: /^viz\tstage-left\treached\trunning\t2\tup, ready in 1\.8 s \(run 2\)\n$/,
    ordered: (orders) => {
      ordersOf("restart", 1)(orders);
      // Two consoles that press at once mean the same run.
      assertEquals(orders[0]?.body.run, 1);
    },
  },
  {
    args: "start viz",
    here: {
      name: "stage-left",
      programs: [IDLE],
      course: [{ want: "up", state: "starting", run: 2 }, { ...UP, run: 2 }],
    },
    code: 0,
    out: /\tup, ready in 1\.8 s \(run 2\)\n$/,
    ordered: ordersOf("start", 1),
  },
  {
    args: "rm viz",
    here: LEFT,
    code: 7,
    err: /^error: viz@stage-left is not stopped\n.*\n {2}try: hana rm viz@stage-left --stop\n$/,
  },
  {
    args: "rm viz",
    here: { name: "stage-left", programs: [IDLE] },
    code: 0,
    out: /^viz\tstage-left\treached\t.*is forgotten\n$/,
    ordered: ordersOf("remove", 1),
  },
  { args: "rm viz --now", here: LEFT, code: 2, err: /^error: --now without --stop\n/ },
  {
    args: "wait viz --ready",
    here: LEFT,
    code: 0,
    out: /^viz\tstage-left\treached\trunning\t1\tup, ready in 1\.8 s \(run 1\)\n$/,
  },
  {
    args: "wait viz --stopped --timeout 200ms",
    here: LEFT,
    code: 4,
    err: /did not end within 200ms\n {2}it is running, run 1;/,
  },
  { args: "wait slate", here: LEFT, code: 1, err: /^error: slate@stage-left did not get ready\n/ },
  {
    args: "wait render --exited",
    here: {
      name: "stage-left",
      programs: [
        program({
          name: "render",
          state: "done",
          run: 1,
          lastExit: exit({ run: 1, class: "failure", code: 3, signal: null }),
        }),
      ],
    },
    code: 1,
    err: /^error: render@stage-left did not end well\n {2}it ended \(run 1: exit 3\) after 42 s\n/,
  },
  { args: "wait viz slate --timeout 200ms", here: LEFT, code: 3, out: /viz\tstage-left\treached/ },
  {
    args: "wait viz --ready --stopped",
    here: LEFT,
    code: 2,
    err: /^error: --ready and --stopped together\n/,
  },

  // logs
  { args: "logs viz", here: LOGGED, code: 0, out: /^one\nred two\\u\{9b\}3J\nlonger\noops\n$/, err: SILENT },
  {
    args: "logs viz -n 5 --run -1 --stderr",
    here: LOGGED,
    code: 0,
    ordered: ([order]) => assertEquals(order?.body.query, { run: -1, tail: 5, stream: "stderr" }),
  },
  {
    args: "logs viz --since 5m",
    here: LOGGED,
    code: 0,
    ordered: ([order]) => {
      const query = order?.body.query as Record<string, number>;
      assertEquals(Object.keys(query), ["sinceWallMs"]);
      assert(Math.abs((query.sinceWallMs ?? 0) - (Date.now() - 300_000)) < 60_000);
    },
  },
  { args: "logs viz --plain", here: LOGGED, code: 0, out: /^viz\tstage-left\t1\tstdout\t\d{4}-.*Z\tone\n/ },
  { args: "logs viz --ndjson", here: LOGGED, code: 0, out: /^(\{"schema":"hana\.logs\.line\/1",.*\}\n){5}$/ },
  {
    args: "logs viz --json",
    here: LOGGED,
    code: 0,
    out: /^\{"schema":"hana\.logs\/1",.*"summary":\{"total":5\}\}\n$/,
  },
  {
    args: "logs viz viz@stage-right",
    here: { ...LEFT, logs: [line(1, "from left")] },
    others: [{ ...RIGHT, logs: [line(2, "from right")] }],
    code: 0,
    out: /^viz@stage-left {2}\| from left\nviz@stage-right \| from right\n$/,
  },
  {
    args: "logs viz -f --timeout 400ms",
    here: { ...LOGGED, logs: [line(1, "one")], later: { records: [line(9, "nine")], missed: 7 } },
    code: 0,
    out: /^one\n… 7 lines missed\nnine\n$/,
  },
  { args: "logs viz -f --json", here: LOGGED, code: 2, err: /try: hana logs viz -f --ndjson\n$/ },
  { args: "logs viz", here: LEFT, code: 0, out: SILENT, err: /^no lines\n$/ },
  { args: "logs aurora", here: LEFT, code: 1, err: ERROR },
  { args: "logs viz -n many", here: LEFT, code: 2, err: ERROR },

  // events
  {
    args: "events",
    here: HAPPENED,
    code: 0,
    out: /^(\d{4}-.*Z\t(viz|slate)\tstage-left\t7\t[a-z]+\t(-|anna, desk \(operator\))\t\d\t\{.*\}\n){6}$/,
  },
  {
    args: "events viz --ndjson",
    here: HAPPENED,
    code: 0,
    out: /^(\{"schema":"hana\.events\.event\/1",.*"code":"P1\d\d",.*\}\n){5}$/,
  },
  {
    args: "events",
    here: HAPPENED,
    code: 0,
    tty: 200,
    out:
      /viz on stage-left crashed \(memory access error\) at [^]*\(×2\)\.[^]*All clear after [^]*It had happened twice\.[^]*slate on stage-left was stopped at .* by anna, desk\./,
  },
  {
    args: "events -f --ndjson --timeout 400ms",
    here: { ...LEFT, events: [entry(1, "started")], laterEvents: [entry(2, "hung")] },
    code: 0,
    out: /^\{.*"kind":"started".*\}\n\{.*"kind":"hung".*\}\n$/,
  },
  { args: "events", here: LEFT, others: [SILENT_NODE], code: 3, err: /warning: backstage is left out: / },
  { args: "events", here: { ...EMPTY, without: true }, code: 1, err: ERROR },

  // why
  {
    args: "why slate",
    here: {
      ...LEFT,
      bundle: bundle({ snapshot: PARKED, changes: ['cwd: none -> "/x"'], lines: [line(1, "bye")] }),
    },
    code: 0,
    out:
      /^code\tP105\nhappened\tslate on stage-left cannot start at .*: file \.\/slate is missing\.\ndone\t.*\ntodo\t.*: hana start slate@stage-left\n[^]*changed\tcwd: none -> "\/x"\nstdout\tbye\n$/,
  },
  {
    args: "why viz --json",
    here: { ...LEFT, bundle: bundle({ snapshot: VIZ }) },
    code: 0,
    out:
      /^\{"schema":"hana\.why\/1",.*"code":"P100","severity":"ok","sentences":\[".+",".+",".+"\],"command":null,"bundle":\{/,
  },
  { args: "why viz -q", here: LEFT, code: 0, out: /^P100\n$/ },
  {
    args: "why viz",
    here: LOGGED,
    code: 0,
    tty: 100,
    out:
      /viz on stage-left runs since [^]*Nothing to do\.\n[^]*P100 in the manual[^]*last lines \(run 1\)[^]*oops/,
  },
  {
    args: "why viz --run 9",
    here: LEFT,
    code: 1,
    err: /^error: viz@stage-left has no run 9\n {2}the newest is 1\n/,
  },
  { args: "why viz --run last", here: LEFT, code: 2, err: ERROR },

  // completion
  {
    args: "complete programs",
    here: LEFT,
    others: [RIGHT],
    code: 0,
    out: /^slate\nslate@stage-left\ntracker\ntracker@stage-right\nviz@stage-left\nviz@stage-right\n$/,
  },
  { args: "complete programs", here: null, code: 0, out: SILENT, err: SILENT },
  { args: "complete scenarios", here: null, code: 0, out: /^calm-lan\n[^]*\nsmoke\n[^]*all\n$/ },
];

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

Deno.test(`${CALLS.length} calls about programs answer as promised`, async () => {
  const waiting = [...CALLS];
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
