// `hana spawn` in the output modes and with the exit codes that apply, and every way of typing it wrong.

import { assertEquals } from "@std/assert";
import { HanaError } from "../../../../lib/base/mod.ts";
import { exit } from "../../supervision/crew/support.ts";
import {
  type Call,
  EMPTY,
  ERROR,
  LEFT,
  now,
  ordersOf,
  PARKED,
  playCalls,
  REFUSED,
  RIGHT,
  SILENT,
  SILENT_NODE,
  STARTS,
} from "./calls.ts";

const CALLS: readonly Call[] = [
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
    out: /viz@stage-left.{4} up, ready in 1\.8 s \(run 1\)\n$/,
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
];

playCalls("hana spawn", CALLS);
