// The tests' own machines and cables, with bare sockets: what hana's tests stand on.

import { assertEquals, assertStringIncludes } from "@std/assert";
import { type CapturedProcess, eventually } from "../support/captured_process.ts";
import { liveTest } from "../support/live.ts";
import { TestNetwork } from "../support/namespaces.ts";
import { skippable } from "../support/requirement.ts";
import { listening, raw } from "./raw.ts";

liveTest("machines of one segment reach each other, those of another segment do not", async (network) => {
  network.addSegment("left");
  network.addSegment("right");
  const a = network.addMachine("a", { segments: [{ segment: "left", address: "10.77.1.1/24" }] });
  const b = network.addMachine("b", { segments: [{ segment: "left", address: "10.77.1.2/24" }] });
  const c = network.addMachine("c", { segments: [{ segment: "right", address: "10.77.1.3/24" }] });
  await Promise.all([listening(b, "answer", "9000"), listening(c, "answer", "9000")]);
  const near = await raw(a, "ask", "10.77.1.2", "9000").ended();
  assertEquals([near.code, near.stdout], [0, "10.77.1.1\n"]);
  const far = await raw(a, "ask", "10.77.1.3", "9000").ended();
  assertEquals([far.code, far.stdout], [1, ""]);
});

liveTest("a multicast datagram reaches the machines of its own segment alone", async (network) => {
  network.addSegment("left");
  network.addSegment("right");
  const both = [{ segment: "left", address: "10.77.1.1/24" }, { segment: "right", address: "10.77.2.1/24" }];
  const middle = network.addMachine("middle", { segments: both });
  const left = network.addMachine("left", { segments: [{ segment: "left", address: "10.77.1.2/24" }] });
  const right = network.addMachine("right", { segments: [{ segment: "right", address: "10.77.2.2/24" }] });
  const [onLeft, onRight] = await Promise.all([
    listening(left, "hear", "239.255.1.1", "9001", "10.77.1.2"),
    listening(right, "hear", "239.255.1.1", "9001", "10.77.2.2"),
  ]);
  await raw(middle, "say", "239.255.1.1", "9001", "10.77.1.1").ended();
  await onLeft.until("the datagram", ({ stdout }) => stdout.includes("10.77.1.1") ? true : null);
  await raw(middle, "say", "239.255.1.1", "9001", "10.77.2.1").ended();
  await onRight.until("the datagram", ({ stdout }) => stdout.includes("10.77.2.1") ? true : null);
  assertEquals(onLeft.stdout, "ready\n10.77.1.1\n");
  assertEquals(onRight.stdout, "ready\n10.77.2.1\n");
});

liveTest(
  "a pulled cable parts two machines until it is back, as does a removed interface",
  async (network) => {
    network.addSegment("stage");
    const a = network.addMachine("a", { segments: [{ segment: "stage", address: "10.77.1.1/24" }] });
    const b = network.addMachine("b", { segments: [{ segment: "stage", address: "10.77.1.2/24" }] });
    await listening(b, "answer", "9000");
    const answers = async (): Promise<boolean> =>
      (await raw(a, "ask", "10.77.1.2", "9000").ended()).code === 0;
    assertEquals(await answers(), true);
    b.pullCable("stage");
    assertEquals(await answers(), false);
    b.plugCable("stage");
    await eventually("an answer with the cable back", answers);
    b.removeInterface("stage");
    assertEquals(await answers(), false);
    b.recreateInterface("stage");
    await eventually("an answer with a new interface", answers);
    a.setAddress("stage", "10.77.1.9/24");
    const { stdout } = await raw(a, "ask", "10.77.1.2", "9000").ended();
    assertEquals(stdout, "10.77.1.9\n");
  },
);

liveTest("a machine has its own host name and no way out of its segments", async (network) => {
  network.addSegment("stage");
  const a = network.addMachine("wall-left", { segments: [{ segment: "stage", address: "10.77.1.1/24" }] });
  const name = await a.run("cat", ["/proc/sys/kernel/hostname"]);
  assertEquals(name.stdout.trim(), "wall-left");
  const routes = await a.run("ip", ["route"]);
  assertEquals(routes.stdout.includes("default"), false);
  assertStringIncludes(routes.stdout, "10.77.1.0/24 dev eth0");
});

function ourNamespaces(prefix: string): string[] {
  return Array.from(Deno.readDirSync("/run/netns"), ({ name }) => name).filter((name) =>
    name.startsWith(prefix)
  );
}

skippable({
  name: "a network is gone when its test ends, with all its processes, and so is that of a dead run",
  needs: ["linux", "root", "namespaces"],
  fn: async () => {
    // No process has this id: the largest that Linux gives is 2^22.
    const dead = "hana-e2e-4194305-left-over";
    await new Deno.Command("ip", { args: ["netns", "add", dead] }).output();
    let prefix: string;
    let process: CapturedProcess;
    {
      await using network = TestNetwork.create();
      prefix = network.prefix;
      const machine = network.addMachine("a");
      process = machine.start("sleep", ["1000"]);
      // A program that outlives whoever started it.
      await machine.run("sh", ["-c", "sleep 1000 >/dev/null 2>&1 &"]);
      assertEquals(ourNamespaces(prefix).length, 2);
    }
    assertEquals(process.isRunning, false);
    assertEquals(ourNamespaces(prefix), []);
    assertEquals(ourNamespaces(dead), []);
  },
});
