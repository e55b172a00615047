// A node that cannot start: it says in three lines what is wrong, ends with the right code, and leaves nothing behind.

import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { HanaUser } from "../support/hana_process.ts";
import { liveTest } from "../support/live.ts";
import { listening } from "./raw.ts";
import { shareKey, stageOf } from "./stage.ts";

/** Starts a node in vain; returns what it said. */
async function refusal(user: HanaUser, code: number, ...args: string[]): Promise<string> {
  const ran = await user.run(["serve", ...args]);
  assertEquals(ran.code, code, ran.stderr);
  assertEquals(ran.stdout, "");
  const lines = ran.stderr.trimEnd().split("\n");
  assert(lines.length <= 3, ran.stderr);
  assertMatch(lines[0] ?? "", /^error: /);
  assertMatch(ran.stderr, / {2}try: /);
  return ran.stderr;
}

liveTest("a port that somebody holds is named, and the next try works", async (network) => {
  const [a] = stageOf(network, "a");
  const first = await a.serve("--name", "first", "--port", "9000");
  assertEquals(first.port, 9000);
  const said = await refusal(a, 69, "--name", "second", "--port", "9000");
  assertStringIncludes(said, "9000");
  assertEquals(a.runFiles().length, 2, "the node that runs keeps its socket and note, the other leaves none");
  assertEquals((await a.ping("first")).code, 0);
  // Held by a program that is not hana.
  await listening(a.machine, "answer", "9001");
  assertStringIncludes(await refusal(a, 69, "--name", "second", "--port", "9001"), "9001");
  await first.stop();
  const next = await a.serve("--name", "second", "--port", "9000");
  assertEquals(next.port, 9000);
});

liveTest("a run directory that cannot be used is named, with the way out", async (network) => {
  const [a] = stageOf(network, "a");
  const { path } = a.home;
  Deno.writeTextFileSync(`${path}/file`, "");
  Deno.mkdirSync(`${path}/open`, { mode: 0o755 });
  Deno.chmodSync(`${path}/open`, 0o755);
  // Where not even root makes directories.
  assertStringIncludes(await refusal(a, 2, "--run-dir", "/sys/hana"), "/sys/hana");
  assertStringIncludes(await refusal(a, 2, "--run-dir", `${path}/file`), `${path}/file`);
  assertStringIncludes(await refusal(a, 2, "--run-dir", `${path}/file/below`), `${path}/file/below`);
  assertStringIncludes(await refusal(a, 7, "--run-dir", `${path}/open`), `chmod 700 ${path}/open`);
  assertEquals(Array.from(Deno.readDirSync(`${path}/open`)), []);
  // What is said must not break the machine: /tmp is everybody's.
  assertStringIncludes(await refusal(a, 7, "--run-dir", "/tmp"), "hana serve --run-dir /tmp/hana\n");
  // The other nodes of the same user start all the same.
  await a.serve();
});

liveTest("a socket path that no system takes is refused before anything is made", async (network) => {
  const [a] = stageOf(network, "a");
  const long = `${a.home.path}/${"x".repeat(100)}`;
  const said = await refusal(a, 2, "--run-dir", long);
  assertStringIncludes(said, "103");
  assertStringIncludes(said, String(`${long}/0123456789ab.sock`.length));
  assertStringIncludes(said, "--run-dir");
  assertEquals(
    Array.from(Deno.readDirSync(a.home.path), ({ name }) => name).includes("x".repeat(100)),
    false,
  );
});

liveTest("a state directory that cannot be written is named", async (network) => {
  const [a] = stageOf(network, "a");
  Deno.writeTextFileSync(`${a.home.path}/file`, "");
  for (const directory of ["/sys/hana", `${a.home.path}/file`]) {
    assertStringIncludes(await refusal(a, 2, "--state-dir", directory), directory);
  }
  assertEquals(a.runFiles(), []);
});

liveTest(
  "a ready file that cannot be written ends the node: whoever waits for it must not wait for ever",
  async (network) => {
    const [a] = stageOf(network, "a");
    const ran = await a.run(["serve", "--ready-file", "/sys/ready.json"]);
    assertEquals(ran.code, 2, ran.stderr);
    assertStringIncludes(ran.stderr, "/sys/ready.json");
    assertEquals(a.runFiles(), []);
  },
);

liveTest("wrong settings end a node before it opens anything", async (network) => {
  const [a] = stageOf(network, "a");
  assertStringIncludes(await refusal(a, 2, "--role", "daemonn"), "daemon");
  assertStringIncludes(await refusal(a, 2, "--name", "two words/and more"), "--name");
  assertStringIncludes(await refusal(a, 2, "--port", "99999"), "99999");
  assertStringIncludes(await refusal(a, 2, "--capability", "=5"), "--capability");
  assertEquals(a.runFiles(), []);
});

liveTest("an interface that is not there does not end a node: it may come", async (network) => {
  const [a, b] = stageOf(network, "a", "b");
  await shareKey(a, b);
  await b.serve();
  const node = await a.serve("--interface", "eth7");
  assert(node.process.isRunning);
  assertStringIncludes(node.process.stderr, "warning: there is no network interface eth7");
  network.connect(a.machine, { segment: "stage", address: "10.77.1.70/24", interface: "eth7" });
  const watch = await b.watch();
  await watch.untilState("a", "alive");
  assertEquals(watch.nodes.get("a")?.interface, "eth0");
});

liveTest("where multicast does not reach, a peer that is named by its address is found", async (network) => {
  const [a] = stageOf(network, "a");
  network.addSegment("far");
  const router = network.addMachine("router", {
    segments: [{ segment: "stage", address: "10.77.1.254/24" }, {
      segment: "far",
      address: "10.77.9.254/24",
    }],
  });
  const farMachine = network.addMachine("far", { segments: [{ segment: "far", address: "10.77.9.1/24" }] });
  const far = new HanaUser(farMachine);
  await shareKey(a, far);
  await router.run("sh", ["-c", "echo 1 > /proc/sys/net/ipv4/ip_forward"]);
  await a.machine.run("ip", ["route", "add", "10.77.9.0/24", "via", "10.77.1.254"]);
  await farMachine.run("ip", ["route", "add", "10.77.1.0/24", "via", "10.77.9.254"]);
  await far.serve();
  await a.serve("--peer", "10.77.9.1");
  for (const user of [a, far]) {
    const { code, stderr } = await user.discover("--expect", "a,far", "--timeout", "5s");
    assertEquals(code, 0, stderr);
  }
  assertEquals((await a.ping("far")).code, 0);
  assertEquals((await far.ping("a")).code, 0);
});
