// A program on another machine: from the request to the answer, to the program's first instruction, and to the news that it
// is ready, over a cable between two network namespaces with a mesh key on both.
// Decides that a warm shim is there each time: half a second passes between two programs.

import { Daemon } from "../daemon.ts";
import { inspect, MARK_NAME } from "../processes.ts";
import { type Bench, ownDirectory, type Row } from "../row.ts";
import { CannotMeasure } from "../../result.ts";
import { figuresOf } from "./crashes.ts";

const CONSOLE_TS = new URL("../programs/remote_console.ts", import.meta.url).pathname;
const CONFIG = new URL("../../../../deno.json", import.meta.url).pathname;
const HERE = "10.78.0.1";
const THERE = "10.78.0.2";

/** What remote_console.ts prints. All in milliseconds since the request. */
interface Answer {
  readonly answered: number[];
  readonly executed: number[];
  readonly told: number[];
  readonly pings: number[];
}

/** Takes the figures. */
export async function measureRemote(bench: Bench): Promise<Row[]> {
  const count = bench.isQuick ? 20 : 120;
  const [here, there] = makeCable();
  try {
    const near = ownDirectory(bench, "near");
    const far = ownDirectory(bench, "far");
    const enter = (namespace: string): string[] => [...bench.ahead, "ip", "netns", "exec", namespace];
    const common = { hana: bench.hana, mark: bench.mark };
    const local = new Daemon({ ...common, prefix: enter(here), directory: near });
    const args = ["--allow-exec", "--name", "far"];
    const daemon = new Daemon({ ...common, prefix: enter(there), directory: far, args });
    const made = await local.call(["mesh", "create", "--name", "bench"]);
    if (made.code !== 0) throw new Error(`hana mesh create: ${made.text}`);
    Deno.mkdirSync(`${far}/s`, { mode: 0o700 });
    Deno.copyFileSync(`${near}/s/mesh.key`, `${far}/s/mesh.key`);
    Deno.chmodSync(`${far}/s/mesh.key`, 0o600);
    await daemon.start();
    const port = daemon.addresses.map((each) => /^tcp:\/\/.*:(\d+)$/.exec(each)?.[1]).find((each) =>
      each !== undefined
    );
    const [command = "", ...before] = enter(here);
    const ran = await new Deno.Command(command, {
      args: [
        ...before,
        ...[Deno.execPath(), "run", "-A", "--quiet", "--no-check", "--config", CONFIG, CONSOLE_TS],
        ...[`tcp://${THERE}:${port}`, `${near}/s/mesh.key`, bench.benchChild, far, String(count)],
      ],
      env: { [MARK_NAME]: bench.mark },
      stdin: "null",
      stdout: "piped",
      stderr: "piped",
    }).output();
    await daemon.stop();
    if (!ran.success) throw new Error(`the remote console failed: ${new TextDecoder().decode(ran.stderr)}`);
    const answer = JSON.parse(new TextDecoder().decode(ran.stdout)) as Answer;
    return [
      {
        what: "remote spawn: request to answer",
        unit: "ms",
        figures: figuresOf(answer.answered),
        limit: { p99: 30 },
        note: "wanted, on the disk, handed to its shim",
      },
      {
        what: "remote spawn: request to the program's first instruction",
        unit: "ms",
        figures: figuresOf(answer.executed),
        limit: { p99: 30 },
      },
      {
        what: "remote spawn: request to the news that it is ready",
        unit: "ms",
        figures: figuresOf(answer.told),
        limit: {},
        note: "a program that says so at once",
      },
      {
        what: "the same session: round trip of a request",
        unit: "ms",
        figures: figuresOf(answer.pings),
        limit: {},
      },
    ];
  } finally {
    for (const name of [here, there]) ip("netns", "del", name);
  }
}

/** Two namespaces with a cable. Their names say whose they are. */
function makeCable(): [string, string] {
  removeThoseOfDeadRuns();
  const names: [string, string] = [`hana-sv-${Deno.pid}-near`, `hana-sv-${Deno.pid}-far`];
  const [near, far] = names;
  if (!ip("netns", "add", near) || !ip("netns", "add", far)) {
    throw new CannotMeasure("it needs network namespaces: root, and `ip`");
  }
  ip("-n", near, "link", "add", "eth0", "type", "veth", "peer", "name", "eth0", "netns", far);
  for (const [name, address] of [[near, HERE], [far, THERE]] as const) {
    ip("-n", name, "link", "set", "lo", "up");
    ip("-n", name, "addr", "add", `${address}/24`, "brd", "+", "dev", "eth0");
    ip("-n", name, "link", "set", "eth0", "up");
  }
  return names;
}

/** A run that was killed removes nothing itself. */
function removeThoseOfDeadRuns(): void {
  let names: string[] = [];
  try {
    names = Array.from(Deno.readDirSync("/run/netns"), ({ name }) => name);
  } catch (thrown) {
    if (!(thrown instanceof Deno.errors.NotFound)) throw thrown;
  }
  for (const name of names) {
    const processId = /^hana-sv-(\d+)-(?:near|far)$/.exec(name)?.[1];
    if (processId !== undefined && inspect(Number(processId)) === null) ip("netns", "del", name);
  }
}

function ip(...args: string[]): boolean {
  try {
    return new Deno.Command("ip", { args, stdin: "null", stdout: "null", stderr: "null" }).outputSync()
      .success;
  } catch (thrown) {
    if (thrown instanceof Deno.errors.NotFound) return false;
    throw thrown;
  }
}
