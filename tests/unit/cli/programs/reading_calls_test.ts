// `hana ps`, `logs`, `events`, `why` and completion in the output modes and with the exit codes that apply.

import { assert, assertEquals } from "@std/assert";
import { bundle } from "../../supervision/crew/support.ts";
import {
  APP,
  type Call,
  EMPTY,
  entry,
  ERROR,
  HAPPENED,
  LEFT,
  line,
  LOGGED,
  PARKED,
  playCalls,
  RIGHT,
  SILENT,
  SILENT_NODE,
  VIZ,
} from "./calls.ts";

const CALLS: readonly Call[] = [
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
      /viz on stage-left crashed \(memory access error\) at [^]*\(×2\)\.[^]*All clear after [^]*It had happened twice\.[^]*slate on stage-left was stopped at .* by anna at desk\./,
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

playCalls("commands that read", CALLS);
