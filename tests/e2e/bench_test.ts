// `hana bench` as its users run it: real processes, real sockets, every path, and what is left behind: nothing.
// Judges that figures are figures of what they say; never how large they are: the machine of a test has other work.

import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { type CallResult, makeHome, runHana } from "../support/cli.ts";
import { hanaProgram } from "../support/hana_process.ts";
import { liveTest } from "../support/live.ts";
import { skippable } from "../support/requirement.ts";
import { shareKey, stageOf } from "./stage.ts";

interface Latency {
  readonly min: number;
  readonly p50: number;
  readonly p99: number;
  readonly max: number;
}

interface Result {
  readonly name: string;
  readonly n: number;
  readonly kind: string;
  readonly receivers: number;
  readonly path: {
    readonly path: string;
    readonly carrier: string;
    readonly sealed: boolean;
    readonly why: string;
  };
  readonly sent: number;
  readonly received: number;
  readonly lost: number;
  readonly msgsPerS: number;
  readonly rttUs: Latency;
  readonly ageUs: Latency;
  readonly us: Latency;
  readonly cpuUsPerMessage: { readonly sender: number; readonly receiver: number };
  readonly allocatedBytesPerMessage: { readonly sender: number; readonly receiver: number };
  readonly baseline: { readonly name: string; readonly rttUs: Latency; readonly msgsPerS: number } | null;
  readonly ratio: Readonly<Record<string, number>> | null;
}

interface BenchDocument {
  readonly schema: string;
  readonly machine: Readonly<Record<string, string | number>>;
  readonly results: readonly Result[];
}

const LIMIT_MS = 55_000;
/** As short as it may be: whether it works is what is asked. */
const SHORT = ["--duration", "200ms", "--warmup", "50ms", "--rounds", "1"];

/** Runs a benchmark in a directory of its own for temporary files, which must be empty again afterwards. */
async function bench(...args: string[]): Promise<CallResult> {
  await using home = makeHome();
  const temporary = `${home.path}/t`;
  await Deno.mkdir(temporary);
  const result = await runHana(["bench", ...args], {
    home,
    env: { TMPDIR: temporary },
    limitMs: LIMIT_MS,
    program: hanaProgram(),
  });
  assertEquals([...Deno.readDirSync(temporary)].map(({ name }) => name), [], "files are left");
  return result;
}

async function benchJson(...args: string[]): Promise<BenchDocument> {
  const { code, stdout, stderr } = await bench(...args, "--json");
  assertEquals(code, 0, stderr);
  const document = JSON.parse(stdout) as BenchDocument;
  assertEquals(document.schema, "hana.bench/1");
  return document;
}

function assertLatency({ min, p50, p99, max }: Latency): void {
  assert(min > 0 && min <= p50 && p50 <= p99 && p99 <= max, JSON.stringify({ min, p50, p99, max }));
}

Deno.test("round trips are measured by every path, and each session says that it took this one", async () => {
  const { results, machine } = await benchJson("rtt", "--kind", "us,ro", ...SHORT);
  assertEquals(results.map(({ name }) => name), [
    ...["unix", "tcp", "udp"].flatMap((path) => [
      `rtt ${path} unreliable-sequenced 64 B`,
      `rtt ${path} reliable-ordered 64 B`,
    ]),
  ]);
  for (const { path, name, rttUs, baseline, ratio, received, sent, lost, kind } of results) {
    assertStringIncludes(name, ` ${path.path} `);
    assertEquals(path.carrier, path.path === "udp" ? "udp" : "stream");
    assertEquals(path.sealed, path.path !== "unix");
    assertLatency(rttUs);
    assert(baseline !== null && ratio !== null && (ratio["p50"] ?? 0) > 0);
    assertLatency(baseline.rttUs);
    assertEquals(sent - received, lost);
    if (kind === "reliable-ordered") assertEquals(lost, 0);
  }
  assert(Number(machine["logicalCpus"]) > 0);
});

Deno.test("one-way rates are those of the receiver, with what both processes used for a message", async () => {
  const { results } = await benchJson("lane", "--kind", "ro", "--size", "64,1KiB", ...SHORT);
  assertEquals(results.length, 6);
  for (const result of results) {
    assert(result.msgsPerS > 0 && (result.ratio?.["msgsPerS"] ?? 0) > 0, JSON.stringify(result));
    assertEquals([result.lost, result.received], [0, result.sent]);
    for (const each of [result.cpuUsPerMessage, result.allocatedBytesPerMessage]) {
      assert(each.sender > 0 && each.receiver > 0, JSON.stringify(each));
    }
  }
});

Deno.test("a stream to several receivers is measured by the age of what comes", async () => {
  const { results } = await benchJson("fanout", "--receivers", "1,3", "--path", "unix,udp", ...SHORT);
  assertEquals(results.map(({ receivers, path }) => [receivers, path.path]), [
    [1, "unix"],
    [3, "unix"],
    [1, "udp"],
    [3, "udp"],
  ]);
  for (const { ageUs, received, sent, receivers } of results) {
    assertLatency(ageUs);
    assertEquals(sent, 200 * receivers);
    assert(received > 0 && received <= sent);
  }
});

Deno.test("codecs and handshakes are measured, in one process too", async () => {
  const codec = await benchJson("codec", "--size", "64", "--duration", "20ms", "--warmup", "5ms");
  assert(codec.results.length >= 6 && codec.results.every(({ us, ratio }) => us.p50 > 0 && ratio !== null));
  const handshake = await benchJson("handshake", "--in-process", ...SHORT);
  assertEquals(handshake.results.map(({ name }) => name.split(",")[0]), [
    "handshake session by Unix socket",
    "handshake session by TCP",
    "handshake session by UDP alone",
    "handshake over datagrams",
  ]);
  for (const { us } of handshake.results) assertLatency(us);
});

Deno.test("exit code 5 when a ratio is worse than the baseline allows, 3 when nothing could be compared", async () => {
  const args = ["rtt", "--path", "unix", "--kind", "ro", "--closed", ...SHORT];
  const { results } = await benchJson(...args);
  const [first] = results;
  const path = await Deno.makeTempFile();
  const write = (name: string, p50: number): Promise<void> =>
    Deno.writeTextFile(path, JSON.stringify({ schema: "hana.bench/1", results: [{ name, ratio: { p50 } }] }));
  try {
    await write(first?.name ?? "", 1e-6);
    const worse = await bench(...args, "--baseline", path, "--max-regress", "10%");
    assertEquals(worse.code, 5, worse.stderr);
    assertStringIncludes(worse.stderr, "ratio p50 is");
    await write(first?.name ?? "", 1e6);
    assertEquals((await bench(...args, "--baseline", path)).code, 0);
    await write("rtt of something else", 1);
    assertEquals((await bench(...args, "--baseline", path)).code, 3);
  } finally {
    await Deno.remove(path);
  }
});

Deno.test("a terminal shows a histogram, the proof of the path, and how it was measured; a page is drawn on request", async () => {
  await using home = makeHome();
  const page = `${home.path}/page.html`;
  const args = ["rtt", "--path", "unix", "--kind", "uu", "--html", page, ...SHORT];
  const { code, stdout } = await runHana(["bench", ...args], { home, tty: 140, limitMs: LIMIT_MS });
  assertEquals(code, 0, stdout);
  for (
    const text of ["P99 us", "RATIO P50", "# hana   . raw Unix", "path unix: the peer is on this machine"]
  ) {
    assertStringIncludes(stdout, text);
  }
  assertStringIncludes(await Deno.readTextFile(page), "<polyline");
});

Deno.test("what cannot be meant is answered before anything is started", async () => {
  const cases: [string[], number, string][] = [
    [["fannout"], 2, "did you mean fanout?"],
    [["rtt", "wall", "--in-process"], 2, "each says where the other side is"],
    [["fanout", "wall"], 2, "a clock that sender and receiver share"],
    [["rtt", "--baseline", "/nowhere.json"], 2, "cannot be read"],
    [["rtt", "tcp://127.0.0.1:9", "--path", "tcp"], 1, "nobody listens there"],
  ];
  for (const [args, code, text] of cases) {
    const result = await bench(...args, ...(args.includes("--baseline") ? [] : ["--duration", "100ms"]));
    assertEquals(result.code, code, result.stderr);
    assertStringIncludes(result.stderr, text);
  }
});

Deno.test("Ctrl-C ends a benchmark with its peer process, and leaves no file", async () => {
  await using home = makeHome();
  const temporary = `${home.path}/t`;
  await Deno.mkdir(temporary);
  const [program = "", ...args] = hanaProgram();
  const child = new Deno.Command(program, {
    args: [...args, "bench", "rtt", "--duration", "40s"],
    env: { TMPDIR: temporary, HANA_STATE_DIR: home.state, HANA_RUN_DIR: home.run },
    stdin: "null",
    stdout: "null",
    stderr: "piped",
  }).spawn();
  const reader = child.stderr.getReader();
  const decoder = new TextDecoder();
  let text = "";
  // What is told first is that all is there and gets warm.
  while (!text.includes("warming up")) {
    const { value, done } = await reader.read();
    if (done) break;
    text += decoder.decode(value, { stream: true });
  }
  assert([...Deno.readDirSync(temporary)].length > 0, text);
  child.kill("SIGINT");
  while (!(await reader.read()).done);
  assertEquals((await child.status).code, 130);
  assertEquals([...Deno.readDirSync(temporary)], []);
});

liveTest(
  "a node on another machine is measured as it runs, one with another key refuses",
  async (network) => {
    const [left, right, stranger] = stageOf(network, "left", "right", "stranger");
    await shareKey(left, right);
    const wall = await right.serve("--name", "wall");
    const address = wall.ready.addresses.find((each) => each.startsWith("tcp://")) ?? "";
    const answer = await left.json<BenchDocument>(["bench", "rtt", address, "--kind", "us", ...SHORT]);
    assertEquals(answer.code, 0, answer.stderr);
    assertEquals(answer.document.results.map(({ path, ratio }) => [path.path, ratio]), [["tcp", null], [
      "udp",
      null,
    ]]);
    for (const { rttUs } of answer.document.results) assertLatency(rttUs);
    const lane = await left.json<BenchDocument>(["bench", "lane", address, "--kind", "ro", ...SHORT]);
    assert(lane.document.results.every(({ received, sent }) => received === sent && sent > 0));
    const refused = await stranger.run(["bench", "rtt", address, ...SHORT]);
    assert(refused.code === 7 || refused.code === 1, `${refused.code} ${refused.stderr}`);
  },
);

skippable({
  name: "two namespaces of their own stand between the sides of --namespaces, and go again",
  needs: ["linux", "root", "namespaces"],
  fn: async () => {
    const { results } = await benchJson("rtt", "--namespaces", "--path", "udp", "--kind", "us", ...SHORT);
    assertEquals(results.length, 1);
    const [first] = results;
    assertStringIncludes(JSON.stringify(first?.path), "tcp://10.77.0.2:");
  },
});
