// hana and Avahi on one network: each sees what the other announces, its changes and its end.

import { assert, assertEquals } from "@std/assert";
import { AVAHI_NEEDS, AvahiMachine, type BrowsedService, readBrowsed } from "../support/avahi.ts";
import { type CapturedProcess, eventually } from "../support/captured_process.ts";
import { HanaUser } from "../support/hana_process.ts";
import { liveTest } from "../support/live.ts";
import type { Machine, TestNetwork } from "../support/namespaces.ts";

/** An announcement, a change and a goodbye are seen within this (discovery research 7, M1). */
const SEEN_MS = 2_000;
const WIRE = new URL("./programs/mdns_wire.ts", import.meta.url).pathname;

interface Service {
  readonly name: string;
  readonly type: string;
  readonly host: string | null;
  readonly addresses: readonly string[];
  readonly port: number;
  readonly txt: Readonly<Record<string, string>>;
}

interface ServicesDocument {
  readonly schema: string;
  readonly services: readonly Service[];
}

/** What was said on the wire. */
interface Said {
  readonly ms: number;
  readonly from: string;
  readonly response: boolean;
  readonly questions: readonly string[];
  readonly answers: readonly string[];
  readonly authorities: readonly string[];
  readonly additionals: readonly string[];
}

/** A machine with hana, and one with Avahi. */
function stageOf(network: TestNetwork): { readonly user: HanaUser; readonly other: Machine } {
  network.addSegment("stage");
  const at = (host: number) => ({ segments: [{ segment: "stage", address: `10.77.1.${host}/24` }] });
  return {
    user: new HanaUser(network.addMachine("a", at(1))),
    other: network.addMachine("b", at(2)),
  };
}

function wire(machine: Machine, ...args: string[]): CapturedProcess {
  const flags = ["run", "--quiet", "--no-prompt", "--unstable-net", "-A"];
  return machine.start(Deno.execPath(), [...flags, WIRE, ...args], { label: `wire ${args.join(" ")}` });
}

async function tap(machine: Machine): Promise<() => Said[]> {
  const process = wire(machine, "tap", machine.addressOn("stage"));
  await process.until("ready", ({ stdout }) => stdout.includes("ready") || null);
  return () =>
    process.stdout.slice(0, process.stdout.lastIndexOf("\n")).split("\n").slice(1).filter((line) =>
      line !== ""
    )
      .map((line) => JSON.parse(line) as Said);
}

/** Waits for a line of `avahi-browse`; resolves with it. */
function untilBrowsed(
  process: CapturedProcess,
  what: string,
  isIt: (service: BrowsedService) => boolean,
): Promise<BrowsedService> {
  return process.until(what, ({ stdout }) => readBrowsed(stdout).find(isIt), 10_000);
}

async function services(user: HanaUser, ...args: string[]): Promise<Service[]> {
  const { document } = await user.json<ServicesDocument>(["discover", "--all-services", ...args]);
  assertEquals(document.schema, "hana.services/1");
  return [...document.services];
}

liveTest("avahi-browse sees a node come, in full, and go, each within two seconds", async (network) => {
  const { user, other } = stageOf(network);
  const avahi = await AvahiMachine.start(other, { hostName: "foreign" });
  const browse = avahi.browse("_hana._udp");
  const node = await user.serve("--name", "stage-left", "--role", "app");
  const readyMs = performance.now();
  const seen = await untilBrowsed(browse, "the node is resolved", ({ sign }) => sign === "=");
  const seenMs = performance.now() - readyMs;
  assert(seenMs <= SEEN_MS, `seen ${Math.round(seenMs)} ms after it was ready`);
  const { id } = node.ready;
  assertEquals([seen.name, seen.type, seen.interface, seen.address], [
    "stage-left",
    "_hana._udp",
    "eth0",
    "10.77.1.1",
  ]);
  assertEquals(seen.host, `stage-left-${id.slice(0, 4)}.local`);
  for (const pair of ["txtvers=1", `id=${id}`, "r=app", "auth=0"]) assert(seen.text.includes(pair), pair);
  const sessions = readBrowsed((await avahi.list("_hana._tcp")).stdout).find(({ sign }) => sign === "=");
  assertEquals(sessions?.port, node.port);
  const apps = readBrowsed((await avahi.list("_app._sub._hana._udp")).stdout).map(({ name }) => name);
  assertEquals([...new Set(apps)], ["stage-left"]);
  assertEquals((await avahi.list("_daemon._sub._hana._udp")).stdout, "");
  const stoppedMs = performance.now();
  const [, gone] = await Promise.all([
    node.stop(),
    untilBrowsed(browse, "the node is gone", ({ sign }) => sign === "-"),
  ]);
  assertEquals(gone.name, "stage-left");
  const goneMs = performance.now() - stoppedMs;
  assert(goneMs <= SEEN_MS, `gone ${Math.round(goneMs)} ms after it was told to end`);
}, AVAHI_NEEDS);

liveTest("avahi-browse sees a node take another name, within two seconds", async (network) => {
  const { user, other } = stageOf(network);
  const avahi = await AvahiMachine.start(other, { hostName: "foreign" });
  const browse = avahi.browse("_hana._udp");
  const first = await user.serve("--name", "twin");
  await untilBrowsed(browse, "the first is seen", ({ sign, name }) => sign === "=" && name === "twin");
  // A later node of the same name on another machine gives way in the mesh, and then shows its new name.
  const late = network.addMachine("c", { segments: [{ segment: "stage", address: "10.77.1.3/24" }] });
  const second = await new HanaUser(late).serve("--name", "twin");
  const readyMs = performance.now();
  const renamed = await untilBrowsed(
    browse,
    "the second is seen by its new name",
    ({ sign, name }) => sign === "=" && name === "twin-2",
  );
  assert(performance.now() - readyMs <= SEEN_MS);
  assertEquals(renamed.address, "10.77.1.3");
  assertEquals(await Promise.all([first.stop(), second.stop()]).then((ran) => ran.map(({ code }) => code)), [
    0,
    0,
  ]);
}, AVAHI_NEEDS);

liveTest(
  "what avahi-publish announces is listed by hana, in all modes, and removed at its goodbye",
  async (network) => {
    const { user, other } = stageOf(network);
    const avahi = await AvahiMachine.start(other, { hostName: "foreign" });
    const published = await avahi.publish("Desk.1 bühne", "_osc._udp", 9000, "path=/x", "flag");
    // A type that hana does not know by name is found by the list of types.
    await avahi.publish("Lights", "_artnet._udp", 6454);
    const watch = user.start(["discover", "--all-services", "--watch"]);
    const lines = (...parts: string[]) => () =>
      watch.stdout.split("\n").some((line) => parts.every((part) => line.includes(part))) || null;
    await watch.until("the list is complete", lines('"sync"'));
    // Avahi keeps silent for a second after it has said something, so that a question too many goes unanswered.
    await watch.until(
      "both are seen",
      () => lines('"add"', "_osc._udp")() && lines('"add"', "_artnet._udp")(),
    );
    const found = await eventually("both are listed", async () => {
      const all = await services(user);
      return all.length === 2 ? all : null;
    });
    const desk = found.find(({ type }) => type === "_osc._udp");
    assertEquals({ ...desk, addresses: desk?.addresses.filter((address) => !address.includes(":")) }, {
      name: "Desk.1 bühne",
      type: "_osc._udp",
      host: "foreign.local",
      addresses: ["10.77.1.2"],
      port: 9000,
      txt: { path: "/x", flag: "" },
    });
    assert(
      found.some(({ name, type, port }) => name === "Lights" && type === "_artnet._udp" && port === 6454),
    );
    const plain = await eventually("the plain list is whole", async () => {
      const ran = await user.run(["discover", "--all-services", "--plain", "--header"]);
      return ran.stdout.includes("_osc._udp") ? ran : null;
    });
    assertEquals([plain.code, plain.stdout.split("\n")[0]], [0, "NAME\tTYPE\tHOST\tADDRESS\tPORT\tTXT"]);
    assert(/^Desk\.1 bühne\t_osc\._udp\tforeign\.local\t10\.77\.1\.2/m.test(plain.stdout), plain.stdout);
    const stoppedMs = performance.now();
    published.kill("SIGTERM");
    await watch.until("the service is removed", lines('"remove"', "_osc._udp"));
    assert(performance.now() - stoppedMs <= SEEN_MS);
    watch.kill("SIGTERM");
    const left = await eventually("the other is listed", async () => {
      const all = await services(user);
      return all.length > 0 ? all : null;
    });
    assertEquals(left.map(({ name }) => name), ["Lights"]);
  },
  AVAHI_NEEDS,
);

liveTest(
  "a name that a foreign service has is left to it: the node is name (2) in DNS-SD and keeps its own",
  async (network) => {
    const { user, other } = stageOf(network);
    const avahi = await AvahiMachine.start(other, { hostName: "foreign" });
    await avahi.publish("stage-left", "_hana._udp", 1, "txtvers=1");
    const browse = avahi.browse("_hana._udp");
    await user.serve("--name", "stage-left");
    const seen = await untilBrowsed(
      browse,
      "the node is seen",
      ({ sign, port }) => sign === "=" && port !== 1,
    );
    assertEquals([seen.name, seen.address], ["stage-left (2)", "10.77.1.1"]);
    const foreign = readBrowsed((await avahi.list("_hana._udp")).stdout).find(({ port }) => port === 1);
    assertEquals(foreign?.name, "stage-left");
    assertEquals((await user.discover()).document.nodes.map(({ name }) => name), ["stage-left"]);
  },
  AVAHI_NEEDS,
);

liveTest(
  "hana and Avahi share one machine's port: both are seen from outside, and by each other",
  async (network) => {
    const { user, other } = stageOf(network);
    const avahi = await AvahiMachine.start(other, { hostName: "foreign" });
    await avahi.publish("Desk", "_osc._udp", 9000);
    const browse = avahi.browse("_hana._udp");
    const beside = new HanaUser(other);
    const node = await beside.serve("--name", "beside");
    const seen = await untilBrowsed(browse, "Avahi sees its neighbour", ({ sign }) => sign === "=");
    assertEquals([seen.name, seen.address], ["beside", "10.77.1.2"]);
    for (const from of [user, beside]) {
      const names = (await services(from)).map(({ name, type }) => `${name} ${type}`);
      assertEquals(names.sort(), ["Desk _osc._udp", "beside _hana._tcp", "beside _hana._udp"]);
    }
    const outside = await AvahiMachine.start(user.machine, { hostName: "outside" });
    const desk = readBrowsed((await outside.list("_osc._udp")).stdout).find(({ sign }) => sign === "=");
    assertEquals(desk?.host, "foreign.local", "Avahi still answers for itself");
    assertEquals((await node.stop()).code, 0);
  },
  AVAHI_NEEDS,
);

liveTest(
  "a node that only a static file of Avahi announces is found where multicast does not lead",
  async (network) => {
    const { user, other } = stageOf(network);
    const file = `<?xml version="1.0" standalone='no'?><!DOCTYPE service-group SYSTEM "avahi-service.dtd">
<service-group><name>far</name><service><type>_hana._udp</type><port>40404</port></service></service-group>`;
    const avahi = await AvahiMachine.start(other, {
      hostName: "foreign",
      services: { "hana.service": file },
    });
    const far = await new HanaUser(other).serve(
      ...["--name", "far", "--no-dns-sd", "--discovery-port", "40404", "--discovery-group", "239.1.2.3"],
    );
    const near = await user.serve("--name", "near");
    const node = await eventually(
      "the far node is listed",
      async () => (await user.discover()).document.nodes.find(({ name }) => name === "far"),
    );
    assertEquals([node.id, node.state], [far.ready.id, "alive"]);
    // It does not announce itself: that was asked for, and so all that Avahi knows of it is the file.
    const announced = readBrowsed((await avahi.list("_hana._udp")).stdout)
      .filter(({ sign, name }) => sign === "=" && name === "far");
    assertEquals([...new Set(announced.map(({ port }) => port))], [40404]);
    assertEquals(
      (await Promise.all([near.stop(), far.stop()])).map(({ code }) => code),
      [0, 0],
    );
  },
  AVAHI_NEEDS,
);

liveTest("a program that holds port 5353 alone costs DNS-SD and nothing else", async (network) => {
  const { user, other } = stageOf(network);
  const holder = wire(user.machine, "hold");
  await holder.until("ready", ({ stdout }) => stdout.includes("ready") || null);
  const [a] = await Promise.all([
    user.serve("--name", "a"),
    new HanaUser(other).serve("--name", "b"),
  ]);
  await a.process.until("it says so", ({ stderr }) => stderr.includes("mdns-unavailable") || null);
  await eventually("both are listed", async () => (await user.discover()).document.summary.alive === 2);
  const refused = await user.run(["discover", "--all-services"]);
  assertEquals(refused.code, 69, refused.stderr);
  assert(refused.stderr.includes("5353"), refused.stderr);
  holder.kill("SIGKILL");
  await holder.ended();
  await eventually(
    "the node announces itself after all",
    async () => (await services(user, "--timeout", "1s")).some(({ name }) => name === "a"),
  );
});

liveTest(
  "on the wire: known answers keep a node silent, no question wants unicast, all ends with three goodbyes",
  async (network) => {
    const { user, other } = stageOf(network);
    const said = await tap(other);
    const node = await user.serve("--name", "stage-left");
    const ours = () => said().filter(({ from }) => from === "10.77.1.1");
    const announcements = () =>
      ours().filter(({ response, answers }) =>
        response && answers.some((text) => text.startsWith("_hana._udp.local 12 4500"))
      );
    await eventually("three announcements", () => Promise.resolve(announcements().length >= 3 || null));
    const probes = ours().filter(({ authorities }) => authorities.length > 0);
    assertEquals(probes.length, 3);
    const [first, , third] = announcements();
    assert(first !== undefined && third !== undefined);
    assert(
      first.ms - (probes[0]?.ms ?? 0) >= 740 && third.ms - first.ms >= 2_950,
      "750 ms of probes, 3 s of announcements",
    );
    const instance = "stage-left._hana._udp.local";
    const asked = ours().length;
    await wire(other, "ask", "10.77.1.2", "_hana._udp.local", instance, "4500").ended();
    await wire(other, "ask", "10.77.1.2", "_hana._udp.local", instance, "2000").ended();
    await eventually(
      "an answer to the second question",
      () => Promise.resolve(announcements().length === 4 || null),
    );
    const queries = said().filter(({ response, questions }) =>
      !response && questions.includes("_hana._udp.local 12")
    );
    const [known, half] = queries.filter(({ from }) => from === "10.77.1.2");
    const answer = announcements()[3];
    assert(known !== undefined && half !== undefined && answer !== undefined);
    assert(answer.ms >= half.ms && half.ms > known.ms, "the first question was not answered");
    // 20 to 120 ms after the question, but not within a second of the last announcement.
    const lateMs = answer.ms - Math.max(half.ms, third.ms + 1_000);
    assert(lateMs >= -5 && lateMs <= 300, `${lateMs} ms`);
    assert(answer.ms - half.ms >= 15);
    assert(ours().length >= asked + 1);
    assert(ours().every(({ questions }) => questions.every((text) => !text.endsWith("QU"))));
    await node.stop();
    const byes = ours().filter(({ answers }) => answers.includes(`_hana._udp.local 12 0 ${instance}`));
    assertEquals(byes.length, 3);
    const [bye] = byes;
    assert(
      bye !== undefined && bye.answers.every((text) => / (1|12|16|33) 0( |$)/.test(text)),
      bye?.answers.join("\n"),
    );
  },
);
