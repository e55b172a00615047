// scripts/bench dns-sd: how soon Avahi and hana see each other's services, and what DNS-SD costs a link.
// Decides nothing and promises nothing; docs/dns-sd.md holds its output. The first table is measured on real processes
// in network namespaces (root, Avahi), the second in the simulated world.

import {
  type Advertisement,
  chooseInterfaces,
  DnsSdService,
  encodeText,
  HANA_TCP,
  HANA_UDP,
  hostLabelOf,
} from "../../lib/discovery/mod.ts";
import { SimulatedWorld } from "../../lib/platform/simulated/mod.ts";
import { AVAHI_NEEDS, AvahiMachine, readBrowsed } from "../../tests/support/avahi.ts";
import { HanaUser } from "../../tests/support/hana_process.ts";
import { type Machine, TestNetwork } from "../../tests/support/namespaces.ts";
import { reasonMissing } from "../../tests/support/requirement.ts";
import { median } from "./statistics.ts";

const ROUNDS = 10;
const NODES = 5;
const SECOND = 1_000_000;

const print = (line: string): void => {
  Deno.stdout.writeSync(new TextEncoder().encode(line + "\n"));
};

function tell(what: string, values: readonly number[]): void {
  const figures = [Math.min(...values), median(values), Math.max(...values)].map((value) =>
    Math.round(value)
  );
  print(`${what}\t${figures.join("\t")}\t${values.length}`);
}

/** Milliseconds until `probe` gives something. */
async function timed(wait: Promise<unknown>): Promise<number> {
  const startedMs = performance.now();
  await wait;
  return performance.now() - startedMs;
}

function machineOf(network: TestNetwork, number: number): Machine {
  return network.addMachine(`m${number}`, {
    segments: [{ segment: "stage", address: `10.77.1.${number}/24` }],
  });
}

/** One node that comes and goes before a browser that runs. */
async function comings(): Promise<void> {
  await using network = TestNetwork.create();
  network.addSegment("stage");
  const user = new HanaUser(machineOf(network, 1));
  const avahi = await AvahiMachine.start(machineOf(network, 2), { hostName: "foreign" });
  const come: number[] = [];
  const gone: number[] = [];
  for (let round = 0; round < ROUNDS; round++) {
    const name = `node-${round}`;
    const browse = avahi.browse(HANA_UDP);
    const line = (sign: string) =>
      browse.until(
        `${name} ${sign}`,
        ({ stdout }) => readBrowsed(stdout).find((each) => each.name === name && each.sign === sign),
      );
    const node = await user.serve("--name", name);
    come.push(await timed(line("=")));
    const left = timed(line("-"));
    await node.stop();
    gone.push(await left);
    browse.kill("SIGTERM");
  }
  tell("avahi-browse resolves a node, after its ready file", come);
  tell("avahi-browse sees it gone, after SIGTERM", gone);
}

/** A browser that comes to services that have stood for a while; its daemon has heard nothing before. */
async function newcomers(announcer: "hana" | "avahi"): Promise<void> {
  await using network = TestNetwork.create();
  network.addSegment("stage");
  for (let number = 1; number <= NODES; number++) {
    const machine = machineOf(network, number);
    if (announcer === "hana") await new HanaUser(machine).serve("--name", `node-${number}`);
    else {
      const avahi = await AvahiMachine.start(machine, { hostName: `host-${number}` });
      await avahi.publish(`node-${number}`, HANA_UDP, 4000 + number, "txtvers=1");
    }
  }
  await new Promise((resolve) => setTimeout(resolve, 5_000));
  const browsed: number[] = [];
  const watched: number[] = [];
  for (let round = 0; round < ROUNDS; round++) {
    const machine = machineOf(network, 20 + round);
    const avahi = await AvahiMachine.start(machine, { hostName: `late-${round}` });
    const browse = avahi.browse(HANA_UDP);
    browsed.push(
      await timed(browse.until(
        "all nodes",
        ({ stdout }) =>
          new Set(readBrowsed(stdout).filter(({ sign }) => sign === "=").map(({ name }) => name)).size ===
            NODES || null,
      )),
    );
    browse.kill("SIGTERM");
    avahi.daemon.kill("SIGTERM");
    await avahi.daemon.ended();
    // Other responders keep silent for a second after they have answered.
    await new Promise((resolve) => setTimeout(resolve, 1_500));
    const watch = new HanaUser(machine).start(["discover", "--all-services", "--watch"]);
    watched.push(
      await timed(
        watch.until(
          "all nodes",
          ({ stdout }) =>
            stdout.split("\n").filter((line) => line.includes('"add"') && line.includes(`"${HANA_UDP}"`))
                .length === NODES || null,
        ),
      ),
    );
    watch.kill("SIGTERM");
    await watch.ended();
    await new Promise((resolve) => setTimeout(resolve, 1_500));
  }
  tell(`${NODES} nodes of ${announcer}: avahi-browse resolves all, new daemon, after its start`, browsed);
  tell(
    `${NODES} nodes of ${announcer}: hana discover --all-services shows all, program start included`,
    watched,
  );
}

function advertisementOf(number: number): Advertisement {
  const id = number.toString(16).padStart(32, "0");
  const name = `node-${number}`;
  const text = encodeText({
    txtvers: "1",
    id,
    r: "daemon",
    v: "0.1.0",
    inc: "1763629200000",
    st: "3",
    auth: "1",
  });
  return {
    instance: name,
    host: hostLabelOf(name, id),
    services: [HANA_UDP, HANA_TCP].map((type) => ({ type, subtypes: ["_daemon"], port: 4000, text })),
  };
}

/** What all nodes say at a common start and afterwards. */
async function load(nodes: number): Promise<void> {
  const world = new SimulatedWorld({ seed: 1 });
  world.createSegment("lan", { delayUs: 200 });
  const services = Array.from({ length: nodes }, (_, index) => {
    const { platform } = world.createHost({
      name: `m${index}`,
      interfaces: [{
        name: "eth0",
        segment: "lan",
        address: `10.0.${index >> 7}.${(index & 127) + 1}`,
        prefix: 16,
      }],
    });
    const service = new DnsSdService(platform, {
      links: () =>
        chooseInterfaces(platform.interfaces.list(), { only: null }).map((link) => ({ ...link, port: 4000 })),
      types: [HANA_UDP],
    });
    service.advertise(advertisementOf(index));
    return service;
  });
  for (const service of services) service.start();
  const sent = (): [number, number] => [
    services.reduce((sum, { counters }) => sum + counters.sent, 0),
    services.reduce((sum, { counters }) => sum + counters.sentBytes, 0),
  ];
  await world.runFor(10 * SECOND);
  const known = Math.min(...services.map((service) => service.services.length));
  const [startMessages, startBytes] = sent();
  await world.runFor(290 * SECOND);
  const [messages, bytes] = sent();
  const perS = (messages - startMessages) / 290;
  const kbitPerS = (bytes - startBytes) * 8 / 290 / 1000;
  print(
    [nodes, known, startMessages, Math.round(startBytes / 1000), perS.toFixed(2), kbitPerS.toFixed(1)].join(
      "\t",
    ),
  );
}

const missing = [...AVAHI_NEEDS, "root" as const, "namespaces" as const].map(reasonMissing).find((why) =>
  why !== null
);
if (missing === undefined) {
  print("what\tmin ms\tmedian ms\tmax ms\tn");
  await comings();
  await newcomers("hana");
  await newcomers("avahi");
} else {
  print(`the first table cannot be measured here: ${missing}`);
}
print(
  "\nnodes\tservices known to each after 10 s\tmessages in 10 s\tkB in 10 s\tmessages/s after\tkb/s after",
);
for (const nodes of [10, 50, 100]) await load(nodes);
