// The live programs of hana alone, one a process: a host of a given size, a crowd of clients, newcomers.
// Decides nothing: each does what its command line and the lines of its standard input say, and answers each line.

import process from "node:process";
import { createInterface } from "node:readline";
import type { PathId, ReplicaService, StateLink } from "../../../../lib/state/mod.ts";
import { percentile } from "../../statistics.ts";
import { define, joinHost, startGuest, startHost } from "./hana_node.ts";

/** What a program is told. */
export interface ProgramTask {
  readonly program: "host" | "crowd" | "newcomers" | "comeback";
  readonly directory: string;
  readonly address: string;
  /** Of a host: what is there. */
  readonly parameters: number;
  readonly objects: number;
  /** How many nodes, or how often one comes. */
  readonly count: number;
  /** Whether the first of a crowd writes. */
  readonly writes: boolean;
}

const FRAME_MS = 1_000 / 30;

const task = JSON.parse(process.argv[2] ?? "{}") as ProgramTask;
const say = (what: unknown): void => void process.stdout.write(`${JSON.stringify(what)}\n`);

async function* lines(): AsyncGenerator<[string, string]> {
  for await (const line of createInterface({ input: process.stdin })) {
    const [word = "", rest = ""] = line.split(/ (.*)/s);
    if (word === "end") return;
    yield [word, rest];
  }
}

async function host(): Promise<void> {
  const links: StateLink[] = [];
  const { node, address } = await startHost(task.directory, (host, nowUs) => {
    for (let at = 0; at < task.parameters; at++) {
      define(host, nowUs, { path: `desk/fader-${at}`, type: "f32", min: 0, max: 1 });
    }
    for (let object = 0; object < task.objects; object++) {
      const path = `wall/object-${object}`;
      for (const [name, type] of [["position", "vec3"], ["opacity", "unit"], ["on", "bool"]]) {
        define(host, nowUs, { path: `${path}/${name}`, type });
      }
      const id = host.document.book.idOf(`${path}/position`);
      host.write(nowUs, id, [object, 1, 2], 100);
    }
  });
  node.state.onHosted((service) => {
    const join = service.join.bind(service);
    service.join = (link, peer) => {
      links.push(link);
      return join(link, peer);
    };
  });
  say({ address });
  let before = process.cpuUsage();
  let beforeMs = performance.now();
  for await (const [word] of lines()) {
    // All connections end at once, without a word.
    if (word === "cut") { for (const link of links.splice(0)) link.close(); }
    if (word !== "cost") continue;
    const { user, system } = process.cpuUsage(before);
    const nowMs = performance.now();
    say({ cpuShare: (user + system) / 1000 / (nowMs - beforeMs), rss: process.memoryUsage().rss });
    before = process.cpuUsage();
    beforeMs = nowMs;
  }
}

async function crowd(): Promise<void> {
  const clients: ReplicaService[] = [];
  for (let at = 0; at < task.count; at++) {
    const node = await startGuest(task.directory);
    clients.push(await joinHost(node, task.address, { name: `crowd-${at}` }));
  }
  say({ clients: clients.length });
  for await (const [, seconds] of lines()) {
    const versions = clients.map(({ replica }) => replica.counters.patches);
    await (task.writes ? move(clients[0], Number(seconds)) : pause(Number(seconds) * 1000));
    await pause(300);
    say({
      patches: clients.map(({ replica }, at) => replica.counters.patches - (versions[at] ?? 0)),
      synced: clients.filter(({ replica }) => replica.isSynced).length,
    });
  }
}

/** All parameters, thirty times a second. */
async function move(client: ReplicaService | undefined, seconds: number): Promise<void> {
  if (client === undefined) return;
  const { replica } = client;
  const ids: PathId[] = [];
  for (let at = 0; at < task.parameters; at++) ids.push(replica.book?.idOf(`desk/fader-${at}`) as PathId);
  const startMs = performance.now();
  for (let frame = 1; frame <= seconds * 30; frame++) {
    await pause(startMs + frame * FRAME_MS - performance.now());
    for (const [at, id] of ids.entries()) {
      const answer = replica.set(client.nowUs(), id, Math.fround(0.5 + 0.5 * Math.sin(frame * 0.11 + at)));
      if (answer !== "taken") throw new Error(`a write is ${String(answer)}`);
    }
    client.pump();
  }
}

/** One after the other, each as another node. */
async function newcomers(): Promise<void> {
  const took: number[] = [];
  for (let round = 0; round < task.count; round++) {
    const node = await startGuest(task.directory);
    const startMs = performance.now();
    await joinHost(node, task.address, { name: "newcomer" });
    took.push(performance.now() - startMs);
    await node.stop();
  }
  // The first one is that of a cold process.
  const [cold = NaN, ...warm] = took;
  say({ cold, p50: percentile(warm, 0.5), max: Math.max(...warm), n: warm.length });
}

/** Loses its connection, and is back as who it was: for each line, from the loss to synced. */
async function comeback(): Promise<void> {
  const node = await startGuest(task.directory);
  const client = await joinHost(node, task.address, { name: "comeback" });
  const { replica } = client;
  let resumed = 0;
  client.onEvent((event) => {
    if (event.kind === "joined" && event.resumed) resumed++;
  });
  say({ client: replica.client });
  for await (const _ of lines()) {
    let lostMs = 0;
    const before = resumed;
    await new Promise<void>((resolve) => {
      const stop = client.onBatch(() => {
        if (replica.state === "away" && lostMs === 0) lostMs = performance.now();
        if (lostMs === 0 || !replica.isSynced) return;
        stop();
        resolve();
      });
    });
    say({ ms: performance.now() - lostMs, resumed: resumed > before });
  }
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, Math.max(0, ms)));
}

await ({ host, crowd, newcomers, comeback })[task.program]();
process.exit(0);
