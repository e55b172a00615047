// The commands that need a mesh, in every output mode and with every exit code that applies, as one table.

import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { shellWord } from "../../cli/output/mod.ts";
import { hanaProgram } from "../support/hana_process.ts";
import { liveTest } from "../support/live.ts";
import { shareKey, stageOf } from "./stage.ts";

interface Call {
  readonly args: string;
  readonly code: number;
  readonly out?: RegExp;
  readonly err?: RegExp;
}

const SILENT = /^$/;
/** At most three lines, the first one saying what failed. */
const ERROR = /^error: .+\n(?: {2}.+\n){0,2}$/;

/** Asked on `left`, which serves as a daemon beside `right`, a visualization. */
const CALLS: readonly Call[] = [
  // discover
  {
    args: "discover",
    code: 0,
    out: /^left\tdaemon\t10\.77\.1\.1:\d+\t-\t.*\talive\t-\t\d+\nright\tvisualization\t.*\n$/,
    err: SILENT,
  },
  {
    args: "discover --header",
    code: 0,
    out: /^NAME\tROLE\tADDRESS\tINTERFACE\tVERSION\tAGE\tRTT\tSTATE\tOWNER\tSINCE\nleft\t/,
  },
  { args: "discover -q", code: 0, out: /^left\nright\n$/, err: SILENT },
  {
    args: "discover --json",
    code: 0,
    out: /^\{"schema":"hana\.discover\/1","ts":"[^"]+Z","nodes":\[.*"summary":\{"total":2,"alive":2,/,
  },
  { args: "discover --ndjson", code: 0, out: /^(\{"schema":"hana\.discover\.node\/1",.*\}\n){2}$/ },
  { args: "discover --role visualization -q", code: 0, out: /^right\n$/ },
  { args: "discover --tag wall=north -q", code: 0, out: /^right\n$/ },
  { args: "discover --capability gpu.vramMb>=8000 -q", code: 0, out: /^right\n$/ },
  { args: "discover --capability gpu.vramMb=>8 -q", code: 2, out: SILENT, err: /the operators are = != / },
  { args: "discover --state asleep", code: 2, out: SILENT, err: /alive, suspect, unreachable, partitioned/ },
  {
    args: "serve --resource gpu",
    code: 2,
    out: SILENT,
    err: /try: hana serve --resource gpu\.0\.vramMb=8000\n$/,
  },
  { args: "discover --state alive -q", code: 0, out: /^left\nright\n$/ },
  { args: "discover --state left", code: 1, out: SILENT },
  { args: "discover --role app", code: 1, out: SILENT, err: /no node of the local node left fits/ },
  { args: "discover --expect left,right -q", code: 0, out: /^left\nright\n$/ },
  {
    args: "discover --expect 3 --timeout 300ms -q",
    code: 3,
    out: /^left\nright\n$/,
    err: /2 of 3 nodes answered/,
  },
  { args: "discover --expect right,lost --timeout 300ms -q", code: 3, err: /missing: lost/ },
  { args: "discover --role wizard", code: 2, out: SILENT, err: /there is no role wizard/ },
  { args: "discover --watch --json", code: 2, out: SILENT, err: /try: hana discover --watch --ndjson\n$/ },
  { args: "discover --watch --timeout 300ms -q", code: 0, out: /^add\tleft\nadd\tright\nsync\n$/ },
  {
    args: "discover --watch --timeout 300ms --plain",
    code: 0,
    out: /^add\tleft\t.*\nadd\tright\t.*\nsync\n$/,
  },
  { args: "discover --expct 2", code: 2, out: SILENT, err: /did you mean --expect\?/ },
  // ping
  {
    args: "ping right -c 2",
    code: 0,
    out: /^right\tudp:\/\/10\.77\.1\.2:\d+\tcontrol\t2\/2\t\d+\t\d+\t\d+\t\d+\n$/,
    err: SILENT,
  },
  { args: "ping right -c 1 -q", code: 0, out: /^right\n$/, err: SILENT },
  {
    args: "ping right -c 1 --json",
    code: 0,
    out: /^\{"schema":"hana\.ping\/1","ts":"[^"]+","targets":\[\{"node":"right","path":"udp:/,
  },
  {
    args: "ping right -c 2 --ndjson",
    code: 0,
    out: /^(\{"schema":"hana\.ping\.reply\/1",.*\}\n){2}\{"schema":"hana\.ping\.target\/1",.*\}\n$/,
  },
  { args: "ping right -c 1 --lane all", code: 0, out: /^(right\tudp:.*\n){5}$/ },
  { args: "ping right -c 1 --path tcp", code: 0, out: /^right\ttcp:\/\/10\.77\.1\.2:\d+\tcontrol\t1\/1\t/ },
  { args: "ping right -c 1 --path udp", code: 0, out: /^right\tudp:\/\/10\.77\.1\.2:\d+\tcontrol\t1\/1\t/ },
  { args: "ping right -c 1 --path discovery", code: 0, out: /^right\tudp:\/\/10.*\tdiscovery\t1\/1\t/ },
  { args: "ping left -c 1", code: 0, out: /^left\tunix:\/\/\/.*\tcontrol\t1\/1\t/ },
  { args: "ping all -c 1 -q", code: 0, out: /^left\nright\n$/ },
  { args: "ping right nobody -c 1", code: 3, err: ERROR },
  { args: "ping nobody", code: 1, out: SILENT, err: ERROR },
  {
    args: "ping right --lane fast",
    code: 2,
    out: SILENT,
    err: /there is no lane fast\n.*\n {2}try: hana ping right --lane all\n$/,
  },
  { args: "ping right --path wifi", code: 2, out: SILENT, err: /there is no path wifi/ },
  { args: "ping right -c 0", code: 2, out: SILENT, err: /try: hana ping right -c 64\n$/ },
  { args: "ping right --size 99999", code: 2, out: SILENT, err: ERROR },
  { args: "ping", code: 2, out: SILENT, err: ERROR },
  { args: "ping tcp://10.77.1.2", code: 2, out: SILENT, err: /needs a host and a port/ },
  { args: "ping tcp://10.77.1.2:1", code: 1, out: SILENT, err: ERROR },
  // call
  { args: "call right hana.identify text=hi", code: 0, out: /^shown\tthis is right: hi\n$/, err: SILENT },
  { args: "call right hana.identify text=hi -q", code: 0, out: /^this is right: hi\n$/ },
  {
    args: "call right hana.identify --json",
    code: 0,
    out: /^\{"schema":"hana\.call\/1",.*"reply":\{"shown":"this is right"\}\}\n$/,
  },
  {
    args: "call right --list -q",
    code: 0,
    out:
      /^hana\.sink\.figures\nhana\.ping\.control\n(.*\n)*hana\.identify\nhana\.viz\.set\nhana\.viz\.get\n$/,
  },
  { args: "call right --list --json", code: 0, out: /^\{"schema":"hana\.call\.list\/1",/ },
  { args: "call right hana.identfy", code: 1, out: SILENT, err: /did you mean hana\.identify\?/ },
  { args: "call right hana.identify txt=1", code: 2, out: SILENT, err: ERROR },
  {
    args: "call right hana.identify text",
    code: 2,
    out: SILENT,
    err: /^error: hana\.identify: text\n {2}expected text=VALUE, .*\n {2}try: hana call right --list\n$/,
  },
  { args: "call right hana.nodes.delta op=add node=1", code: 0, out: SILENT, err: /was sent to right\n$/ },
  { args: "call right hana.nodes.delta op=add", code: 2, out: SILENT, err: ERROR },
  { args: "call nobody hana.identify", code: 1, out: SILENT, err: ERROR },
  { args: "call", code: 2, out: SILENT, err: ERROR },
  // serve, beside the one that runs
  { args: "serve --name left", code: 7, out: SILENT, err: /a node named left runs on this machine already/ },
  { args: "serve --name a/b", code: 2, out: SILENT, err: ERROR },
  { args: "serve --role wizard", code: 2, out: SILENT, err: ERROR },
  { args: "serve --port 70000", code: 2, out: SILENT, err: ERROR },
  { args: "serve --nmae left", code: 2, out: SILENT, err: /did you mean --name\?/ },
  {
    args: "serve --capability =1",
    code: 2,
    out: SILENT,
    err: /try: hana serve --capability gpu\.vramMb=8000\n$/,
  },
  { args: "serve --peer not:an:address", code: 2, out: SILENT, err: ERROR },
  { args: "complete nodes", code: 0, out: /^left\nright\n$/, err: SILENT },
];

liveTest(
  "discover, ping, call and serve keep every output mode and exit code of the contract",
  async (network) => {
    const [left, right] = stageOf(network, "left", "right");
    await shareKey(left, right);
    await left.serve();
    await right.serve("--role", "visualization", "--tag", "wall=north", "--capability", "gpu.vramMb=8192");
    assertEquals((await left.discover("--expect", "2")).code, 0);
    const faults: string[] = [];
    for (const { args, code, out, err } of CALLS) {
      const ran = await left.run(args.split(" "));
      try {
        assertEquals(ran.code, code);
        if (out !== undefined) assertMatch(ran.stdout, out);
        if (err !== undefined) assertMatch(ran.stderr, err);
        // deno-lint-ignore no-control-regex
        assert(!/\x1b/.test(ran.stdout + ran.stderr), "colour in a pipe");
      } catch (thrown) {
        faults.push(
          `hana ${args}\n${thrown instanceof Error ? thrown.message : thrown}\n${ran.stdout}${ran.stderr}`,
        );
      }
    }
    assertEquals(faults, [], faults.join("\n\n"));
  },
);

liveTest("--log-level decides how much a node tells: warnings, nodes, every event", async (network) => {
  const [a, b] = stageOf(network, "a", "b");
  await shareKey(a, b);
  await b.serve();
  const told = async (level: string): Promise<string> => {
    const node = await a.serve("--log-level", level, "--interface", "eth0", "--name", level);
    // Its own session shows that it has long heard of `b`.
    const { code } = await a.discover("--expect", `b,${level}`);
    assertEquals(code, 0);
    return (await node.stop()).stderr;
  };
  assert(!(await told("warn")).includes("found b"));
  const info = await told("info");
  assert(info.includes("found b (daemon)") && !info.includes("debug: "), info);
  const debug = await told("debug");
  assertMatch(debug, /debug: \{"kind":"added","id":"[0-9a-f]{32}"\}\n/);
  assertMatch(debug, /debug: a \(observer\) opened a session from unix:/);
});

liveTest("on a terminal --watch draws the table and nothing else, with ages that live", async (network) => {
  const [a, b] = stageOf(network, "a", "b");
  await shareKey(a, b);
  await a.serve();
  await b.serve();
  assertEquals((await a.discover("--expect", "a,b")).code, 0);
  // `script` of util-linux gives it a terminal.
  const words = [...hanaProgram(), "discover", "--watch", "--timeout", "3500ms"];
  const call = `stty cols 120 rows 40; exec ${words.map(shellWord).join(" ")}`;
  const watching = a.startProgram(["script"], ["-qec", call, "/dev/null"], { env: { TERM: "xterm" } });
  const { code, stdout } = await watching.ended();
  assertEquals(code, 0, stdout);
  assert(!stdout.includes("looking for nodes"), stdout);
  const rows = stdout.split("\r\n").filter((line) => line.startsWith("b "));
  assert(rows.length >= 3, stdout);
  assert(new Set(rows).size > 1, "the same age over and over");
});

liveTest("a ping that nobody answers says so in every mode", async (network) => {
  const [a, b] = stageOf(network, "a", "b");
  await shareKey(a, b);
  await a.serve();
  const node = await b.serve();
  assertEquals((await a.discover("--expect", "a,b")).code, 0);
  node.process.kill("SIGSTOP");
  for (const mode of [[], ["--plain"], ["--json"], ["-q"]]) {
    const { code, stderr } = await a.run(["ping", "b", "-c", "1", "--timeout", "200ms", ...mode]);
    assertEquals(code, 1, stderr);
    assertMatch(stderr, ERROR);
  }
  node.process.kill("SIGCONT");
});

liveTest("an observer says what keeps it from seeing", async (network) => {
  const [a] = stageOf(network, "a");
  const { code, stderr } = await a.run(["discover", "--interface", "eth7", "--timeout", "300ms"]);
  assertEquals(code, 1);
  assertStringIncludes(stderr, "warning: there is no network interface eth7: there are eth0");
});
