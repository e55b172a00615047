// The tools of discovery on machines of the tests' network: what `hana doctor` finds when a network, a key or a port is
// not as it should be, and what `hana discover --trace` shows.

import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { eventually } from "../support/captured_process.ts";
import { type Answer, hanaProgram, type HanaUser } from "../support/hana_process.ts";
import { liveTest } from "../support/live.ts";
import type { TestNetwork } from "../support/namespaces.ts";
import { listening, raw } from "./raw.ts";
import { shareKey, stageOf } from "./stage.ts";

interface FoundCheck {
  readonly check: string;
  readonly verdict: "ok" | "warn" | "fail" | "skipped";
  readonly interface: string | null;
  readonly family: string | null;
  readonly node: string | null;
  readonly what: string;
  readonly why: string | null;
  readonly try: string | null;
}

interface DoctorDocument {
  readonly schema: string;
  readonly checks: readonly FoundCheck[];
  readonly summary: { readonly fail: number; readonly peers: number; readonly conclusion: string };
}

function examine(user: HanaUser, ...args: string[]): Promise<Answer<DoctorDocument>> {
  return user.json<DoctorDocument>(["doctor", ...args]);
}

/** `b multicast-out` of every check with this verdict, sorted; what concerns IPv6 beside IPv4 is left out. */
function found(document: DoctorDocument, verdict: FoundCheck["verdict"]): string[] {
  return document.checks.filter((each) => each.verdict === verdict && each.family !== "ipv6")
    .map((each) => `${each.node ?? each.interface ?? "machine"} ${each.check}`).sort();
}

/** A switch that passes nothing of a kind to one of its ports, in the order in which machines were connected. */
async function filterPort(network: TestNetwork, port: number, ...flags: string[]): Promise<void> {
  const args = ["-n", `${network.prefix}-switch`, "link", "set", "dev", `p${port}`];
  const command = new Deno.Command("ip", { args: [...args, "type", "bridge_slave", ...flags] });
  const { success, stderr } = await command.output();
  assert(success, new TextDecoder().decode(stderr));
}

liveTest(
  "on a network that is well nothing fails, and every way is proved in both directions",
  async (network) => {
    const [a, b, c] = stageOf(network, "a", "b", "c");
    await shareKey(a, b, c);
    await Promise.all([a.serve(), b.serve(), c.serve()]);
    const { code, document, stderr } = await examine(a);
    assertEquals(code, 0, stderr);
    assertEquals(document.schema, "hana.doctor/1");
    assertEquals(
      [found(document, "fail"), found(document, "warn")],
      [[], []],
      JSON.stringify(document.checks),
    );
    const ok = new Set(found(document, "ok"));
    for (const node of ["b", "c"]) {
      for (const way of ["unicast", "multicast", "broadcast"]) {
        assert(ok.has(`${node} ${way}-out`) && ok.has(`${node} ${way}-in`), `${node} ${way}`);
      }
      for (const check of ["large", "session", "clock"]) {
        assert(
          ok.has(`${node} ${check}`),
          `${node} ${check}`,
        );
      }
    }
    for (const check of ["multicast-echo", "broadcast-echo", "igmp"]) assert(ok.has(`eth0 ${check}`), check);
    assertEquals(document.summary.conclusion, "all is well with 2 other nodes");

    const one = await examine(a, "b", "nobody");
    assertEquals([one.code, one.document.summary.peers], [1, 1]);
    assertEquals(found(one.document, "fail"), ["nobody found"]);
    const local = await examine(a, "--local");
    assertEquals([local.code, local.document.summary.peers], [0, 0]);
  },
);

liveTest(
  "a machine alone is examined, and the exit code says that nobody could be asked",
  async (network) => {
    const [a] = stageOf(network, "a");
    const { code, document } = await examine(a);
    assertEquals([code, found(document, "fail")], [3, []]);
    assertStringIncludes(document.summary.conclusion, "nobody else was there");
    // A key that others can read is not used, which is a finding and not the end.
    await a.createMesh();
    Deno.chmodSync(`${a.stateDirectory}/mesh.key`, 0o644);
    const loose = await examine(a);
    assertEquals([loose.code, found(loose.document, "fail")], [1, ["machine mesh-key-file"]]);
    assertMatch(loose.document.summary.conclusion, /try first: chmod 600 /);
    Deno.chmodSync(`${a.stateDirectory}/mesh.key`, 0o600);
    a.machine.removeInterface("stage");
    const cut = await examine(a);
    assertEquals([cut.code, found(cut.document, "fail")], [1, ["machine interfaces"]]);
  },
);

liveTest(
  "a switch that keeps multicast from one machine is found from both ends, with the direction",
  async (network) => {
    const [a, b, c] = stageOf(network, "a", "b", "c");
    await shareKey(a, b, c);
    await filterPort(network, 1, "mcast_flood", "off");
    await Promise.all([a.serve(), b.serve(), c.serve()]);
    const [from, at] = [await examine(a), await examine(b)];
    assertEquals([from.code, found(from.document, "fail")], [1, ["b multicast-out"]], from.stderr);
    assertEquals([at.code, found(at.document, "fail")], [1, [
      "a multicast-in",
      "c multicast-in",
      "eth0 network-multicast",
    ]]);
    assertMatch(
      at.document.summary.conclusion,
      /^on eth0: multicast arrives from none of 2 nodes .*IGMP snooping off/,
    );
  },
);

liveTest(
  "where only broadcast passes, multicast fails both ways and the mesh is there all the same",
  async (network) => {
    const [a, b, c] = stageOf(network, "a", "b", "c");
    await shareKey(a, b, c);
    for (const port of [0, 1, 2]) await filterPort(network, port, "mcast_flood", "off");
    await Promise.all([a.serve(), b.serve(), c.serve()]);
    const { code, document, stderr } = await examine(a);
    assertEquals(code, 1, stderr);
    const wanted = [
      "b multicast-in",
      "b multicast-out",
      "c multicast-in",
      "c multicast-out",
      "eth0 network-multicast",
    ];
    assertEquals(found(document, "fail"), wanted);
    const ok = new Set(found(document, "ok"));
    for (const check of ["broadcast-out", "broadcast-in", "unicast-out", "session"]) {
      assert(
        ok.has(`b ${check}`),
        check,
      );
    }
  },
);

liveTest("two machines that are kept apart are told from a machine that is gone", async (network) => {
  const [a, b, c] = stageOf(network, "a", "b", "c");
  await shareKey(a, b, c);
  for (const port of [0, 1]) await filterPort(network, port, "isolated", "on");
  await Promise.all([a.serve(), b.serve(), c.serve()]);
  assertEquals((await c.discover("--expect", "a,b,c", "--timeout", "10s")).code, 0);
  // What a does not hear it learns from c's list.
  await eventually("b in the list of a", async () => {
    const { document } = await a.discover("--state", "all");
    return document.nodes.some(({ name }) => name === "b") ? true : null;
  });
  const { code, document } = await examine(a);
  assertEquals(code, 1);
  assertEquals(found(document, "fail"), ["b reached", "b session"]);
  const reached = document.checks.find((each) => each.check === "reached");
  assertMatch(reached?.why ?? "", /other nodes hear it: an access point keeps its clients apart/);
});

liveTest("a machine with another key is told to both sides", async (network) => {
  const [a, b, other] = stageOf(network, "a", "b", "other");
  await shareKey(a, b);
  await other.createMesh();
  await Promise.all([a.serve(), b.serve(), other.serve()]);
  const [here, there] = [await examine(a), await examine(other)];
  // Among others it is a warning; for one who hears nobody else it is the fault.
  assertEquals([here.code, found(here.document, "warn")], [0, ["machine keys"]]);
  assertEquals([there.code, found(there.document, "fail")], [1, ["machine keys"]]);
  assertMatch(here.document.summary.conclusion, /^one node with another key: 10\.77\.1\.3/);
  assertMatch(there.document.summary.conclusion, /^2 nodes with another key: .*10\.77\.1\.1.*mesh join -/);
});

liveTest("a program that holds the discovery port is named", async (network) => {
  const [a, b] = stageOf(network, "a", "b");
  await shareKey(a, b);
  const holder = await listening(a.machine, "hold", "47676");
  await b.serve();
  const { code, document } = await examine(a);
  assertEquals([code, found(document, "fail")], [1, ["machine port"]]);
  assertStringIncludes(document.summary.conclusion, `(process ${holder.processId})`);
  // Answers come all the same; only what is sent to all cannot be heard.
  assert(found(document, "ok").includes("b multicast-out"));
  assert(found(document, "skipped").includes("b multicast-in"));
});

liveTest("a copied state directory is told by the name that two nodes want", async (network) => {
  const [a, b, c] = stageOf(network, "a", "b", "c");
  await shareKey(a, b, c);
  await b.serve("--name", "wall");
  Deno.removeSync(c.stateDirectory, { recursive: true });
  await c.machine.run("cp", ["-a", b.stateDirectory, c.stateDirectory]);
  await c.serve("--name", "wall");
  const { code, document } = await examine(a);
  assertEquals([code, found(document, "warn")], [0, ["machine names"]], JSON.stringify(document));
  assertMatch(document.summary.conclusion, /^two nodes want the name wall; .*copied state directory/);
});

liveTest("a trace shows every datagram, ours and foreign, until it is told to end", async (network) => {
  const [a, b, other] = stageOf(network, "a", "b", "other");
  await shareKey(a, b);
  const trace = a.start(["discover", "--trace", "--ndjson"]);
  const has = (text: string) => trace.until(text, ({ stdout }) => stdout.includes(text) ? true : null);
  await has('"kind":"query"');
  const node = await b.serve();
  await has('"kind":"announce"');
  await other.serve();
  await has('"refusal":"foreign"');
  await raw(other.machine, "say", "239.255.76.86", "47676", "10.77.1.3").ended();
  await has('"refusal":"not-hana"');
  await node.stop();
  await has('"kind":"bye"');
  trace.kill("SIGINT");
  const { code, stdout, stderr } = await trace.ended();
  assertEquals(code, 130, stderr);
  assertMatch(stderr, /\d+ datagrams: \d+ in, \d+ out, \d+ ignored/);
  const lines = stdout.trimEnd().split("\n").map((line) => JSON.parse(line));
  assert(lines.every((line) => line.schema === "hana.trace.datagram/1"));
  const announced = lines.find((line) => line.kind === "announce" && line.refusal === null);
  assertEquals([announced.node, announced.interface, announced.fields.record.name], ["b", "eth0", "b"]);
  assert(lines.some((line) => line.refusal === "duplicate" && line.why === "ignored: seen already"));
  assert(lines.some((line) => line.refusal === "own-echo"));
  assert(lines.some((line) => line.direction === "out" && line.sent === true && line.path === "multicast"));
});

liveTest("a trace can show what a running node hears and says itself", async (network) => {
  const [a, b] = stageOf(network, "a", "b");
  await shareKey(a, b);
  const nobody = await a.run(["discover", "--trace", "--attach"]);
  assertEquals([nobody.code, nobody.stdout], [1, ""]);
  const node = await a.serve();
  const trace = a.start(["discover", "--trace", "--attach", "--ndjson"]);
  await trace.until("its first line", ({ stdout }) => stdout.includes("\n") ? true : null);
  const other = await b.serve();
  type Line = Readonly<Record<"direction" | "path" | "node" | "kind" | "id", string>>;
  const seen = (what: string, fits: (line: Line) => boolean) =>
    trace.until(what, ({ stdout }) => {
      const whole = stdout.slice(0, stdout.lastIndexOf("\n") + 1).trimEnd();
      return whole !== "" && whole.split("\n").some((line) => fits(JSON.parse(line))) ? true : null;
    });
  // What an observer never hears: the answers that go to the node alone, and what the node says.
  await seen(
    "a beat of its own",
    (line) => line.direction === "out" && line.kind === "heartbeat" && line.id === node.ready.id,
  );
  await seen(
    "unicast for it",
    (line) => line.direction === "in" && line.path === "unicast" && line.node === "b",
  );
  await node.stop();
  const { code, stderr } = await trace.ended();
  assertEquals(code, 1, stderr);
  assertStringIncludes(stderr, "the node of this machine stopped");
  await other.stop();
});

liveTest("datagrams that are too large for a network are told", async (network) => {
  const [a, b] = stageOf(network, "a", "b");
  await shareKey(a, b);
  await Promise.all([a.serve(), b.serve()]);
  const mtu = ["-n", `${network.prefix}-switch`, "link", "set", "dev", "p1", "mtu", "1000"];
  assert((await new Deno.Command("ip", { args: mtu }).output()).success);
  const { code, document } = await examine(a, "b");
  assertEquals([code, found(document, "fail")], [1, ["b large"]], JSON.stringify(document.checks));
  assertMatch(document.summary.conclusion, /1,200 B do not arrive there, small datagrams do.*MTU/);
});

liveTest("a switch that forgot a membership although it has a querier is told so", async (network) => {
  const [a, b] = stageOf(network, "a", "b");
  await shareKey(a, b);
  const inSwitch = async (...args: string[]): Promise<boolean> => {
    const command = ["netns", "exec", `${network.prefix}-switch`, ...args];
    return (await new Deno.Command("ip", { args: command }).output()).success;
  };
  const groups = async (): Promise<string> => {
    const args = ["netns", "exec", `${network.prefix}-switch`, "bridge", "mdb", "show", "dev", "seg0"];
    return new TextDecoder().decode((await new Deno.Command("ip", { args }).output()).stdout);
  };
  // A querier waits for one response interval before it prunes, by the interval that holds when it begins.
  for (
    const flags of [["mcast_query_response_interval", "100"], ["mcast_snooping", "1", "mcast_querier", "1"]]
  ) {
    assert(await inSwitch("ip", "link", "set", "seg0", "type", "bridge", ...flags));
  }
  // By itself a member repeats its first report after up to ten seconds, and the switch would know it again.
  const atOnce =
    'for i in all eth0; do echo 100 > "/proc/sys/net/ipv4/conf/$i/igmpv2_unsolicited_report_interval"; done';
  for (const { machine } of [a, b]) assertEquals((await machine.run("sh", ["-c", atOnce])).code, 0);
  // One after the other: of two members that join together one keeps silent when it hears the report of the other.
  await a.serve();
  await eventually("the switch to know a", async () => /port p0 grp 239\.255\.76\.86/.test(await groups()));
  await b.serve();
  // The members have heard the querier and have nothing more to report until it asks again, in half a minute.
  await eventually("the querier to be heard", async () => {
    const { stdout } = await b.machine.run("cat", ["/proc/net/igmp"]);
    return /eth0[^\n]*V2\n(?:\t+\w+[^\n]*\n)*?\t+564CFFEF +\d+ 0:/.test(stdout);
  });
  // There is nothing to forget where b kept silent because it had heard the report of a.
  // An address that comes late makes b report once more, after which it is to be forgotten again.
  const { code, document } = await eventually("the switch to forget", async () => {
    await inSwitch("bridge", "mdb", "del", "dev", "seg0", "port", "p1", "grp", "239.255.76.86");
    const examined = await examine(b);
    return examined.code === 0 ? null : examined;
  });
  assertEquals([code, found(document, "fail")], [1, ["a multicast-in"]], JSON.stringify(document.checks));
  const check = document.checks.find((each) => each.check === "multicast-in" && each.verdict === "fail");
  assertMatch(check?.why ?? "", /lost the membership although a querier is there/);
});

liveTest(
  "a trace can be one document, of one kind, for a time; and ends when nobody reads it",
  async (network) => {
    const [a, b] = stageOf(network, "a", "b");
    await shareKey(a, b);
    await b.serve();
    const args = ["discover", "--trace", "--kind", "heartbeat", "--node", "b", "--timeout", "2500ms"];
    const { code, document } = await a.json<{
      readonly schema: string;
      readonly datagrams: readonly { readonly kind: string; readonly node: string | null }[];
      readonly summary: { readonly shown: number; readonly dropped: number };
    }>(args);
    assertEquals([code, document.schema, document.summary.dropped], [0, "hana.trace/1", 0]);
    assert(document.datagrams.length > 0);
    assert(document.datagrams.every(({ kind, node }) => kind === "heartbeat" && node === "b"));
    assertEquals(document.summary.shown, document.datagrams.length);
    const call = `${hanaProgram().join(" ")} discover --trace --plain | head -n 2`;
    const piped = await a.startProgram(["sh", "-c", call], []).ended();
    assertEquals([piped.code, piped.stdout.trimEnd().split("\n").length, piped.stderr], [0, 2, ""]);
  },
);
