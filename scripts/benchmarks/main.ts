// scripts/bench: runs benchmarks one after the other and says how they stand to their limits.
// Decides the exit code: 0 all met, 5 a limit was missed, 3 something could not be measured, 2 wrong usage,
// 70 a benchmark broke. Nothing that a run started outlives it.

import { EXIT } from "../../cli/output/exit_codes.ts";
import { endChildren } from "./children.ts";
import { DISCOVERY } from "./discovery.ts";
import { IDLE } from "./idle.ts";
import { describeMachine } from "./machine.ts";
import { renderResult } from "./rendering.ts";
import { type Benchmark, CannotMeasure, exitCodeOf, type Result, type Unmeasured } from "./result.ts";
import { SIMULATOR } from "./simulator.ts";
import { STARTUP } from "./startup.ts";
import { STREAM_BENCHMARKS } from "./streams.ts";

const USAGE = "usage: scripts/bench [NAME…] [--json] [--list]";
const config = new URL("../../deno.json", import.meta.url).pathname;
/** Processes may take this long to end when the run does. */
const GRACE_MS = 4_000;
const BENCHMARKS: readonly Benchmark[] = [...STREAM_BENCHMARKS, DISCOVERY, STARTUP, IDLE, SIMULATOR];

/** Tables of what single operations cost, by name. They promise nothing and run only when they are asked for, alone. */
const TABLES: Readonly<
  Record<
    string,
    {
      readonly summary: string;
      readonly command: readonly string[];
      /** It reads what stands behind its name itself. */
      readonly takesOptions?: true;
    }
  >
> = {
  aead: {
    summary: "table: ciphers and back ends by message size, handshakes, sealed records, signed datagrams",
    command: ["run", "--quiet", "-A", "--config", config, new URL("./aead.ts", import.meta.url).pathname],
  },
  reality: {
    summary: "table: the same scenarios simulated and on real processes, with their ratios (4 minutes, root)",
    command: ["run", "--quiet", "-A", "--config", config, new URL("./reality.ts", import.meta.url).pathname],
  },
  "discovery-peers": {
    summary:
      "table: hana, Avahi and serf behind one switch that loses frames: meeting a newcomer, noticing a crash (root; options)",
    command: [
      "run",
      "--quiet",
      "-A",
      "--config",
      config,
      new URL("./discovery_peers.ts", import.meta.url).pathname,
    ],
    takesOptions: true,
  },
  "discovery-real": {
    summary: "table: the numbers of discovery on real processes, and simulated beside them (root; options)",
    command: [
      "run",
      "--quiet",
      "-A",
      "--config",
      config,
      new URL("./discovery_real.ts", import.meta.url).pathname,
    ],
    takesOptions: true,
  },
  peers: {
    summary:
      "table: hana beside NATS, MQTT, ZeroMQ, WebSocket, ENet and bare sockets: round trip, rate, fan-out, loss (options)",
    command: [
      ...["run", "--quiet", "-A", "--config", config],
      new URL("./peers/main.ts", import.meta.url).pathname,
    ],
    takesOptions: true,
  },
  "lane-hub": {
    summary:
      "table: what a hundred peers with 250 messages a second each way take of a core, beside bare UDP (options)",
    command: [
      ...["run", "--quiet", "-A", "--config", config],
      new URL("./lane_hub.ts", import.meta.url).pathname,
    ],
    takesOptions: true,
  },
  "lane-soak": {
    summary:
      "ten minutes on all lanes over a cable that loses frames and goes out: contents, order, memory (root; options)",
    command: [
      ...["run", "--quiet", "-A", "--config", config],
      new URL("./lane_soak.ts", import.meta.url).pathname,
    ],
    takesOptions: true,
  },
  supervision: {
    summary:
      "table: what supervision takes and how soon it acts; the same misbehaving programs under hana, supervisor, pm2, runit, s6 and daemontools (root; options)",
    command: [
      ...["run", "--quiet", "-A", "--config", config],
      new URL("./supervision/main.ts", import.meta.url).pathname,
    ],
    takesOptions: true,
  },
  state: {
    summary:
      "table: shared state of hana, Colyseus, Yjs and Automerge on the same edits: bytes, processor time, growth; a host with 100 clients (options)",
    command: [
      ...["run", "--quiet", "-A", "--config", config],
      new URL("./state/main.ts", import.meta.url).pathname,
    ],
    takesOptions: true,
  },
  "simulator-goals": {
    summary:
      "table: what hana simulate was asked for: joins, ten quiet minutes, a stream, an hour, and the curve up to 1,000 nodes (options)",
    command: [
      ...["run", "--quiet", "-A", "--config", config],
      new URL("./simulator_goals.ts", import.meta.url).pathname,
    ],
    takesOptions: true,
  },
  leases: {
    summary: "table: time without a leader after crashes, hand-overs and cuts, simulated (2 minutes)",
    command: ["run", "--quiet", "-A", "--config", config, new URL("./leases.ts", import.meta.url).pathname],
  },
  "dns-sd": {
    summary:
      "table: how soon Avahi and hana see each other by DNS-SD, and what it costs a link (4 minutes, root)",
    command: ["run", "--quiet", "-A", "--config", config, new URL("./dns_sd.ts", import.meta.url).pathname],
  },
  codec: {
    summary: "table: encoding and decoding values, frames and schemas, with their oracles beside them",
    command: [
      ...["bench", "--quiet", "-A", "--no-check", "--config", config],
      new URL("../../tests/unit/wire/codec_bench.ts", import.meta.url).pathname,
    ],
  },
};

function write(to: typeof Deno.stdout | typeof Deno.stderr, text: string): void {
  const bytes = new TextEncoder().encode(text + "\n");
  for (let at = 0; at < bytes.length;) at += to.writeSync(bytes.subarray(at));
}

function say(text: string): void {
  write(Deno.stderr, `hana: ${text}`);
}

/** Whether a signal ends the run: what breaks from then on breaks because of it. */
let isEnding = false;

async function runAll(chosen: readonly Benchmark[], onResult: (result: Result) => void) {
  const results: Result[] = [];
  const unmeasured: Unmeasured[] = [];
  const directory = await Deno.makeTempDir({ prefix: "hana-bench-" });
  let cleaned: Promise<void> | undefined;
  const cleanUp = () =>
    cleaned ??= endChildren(GRACE_MS).then(() => Deno.remove(directory, { recursive: true }));
  for (const [signal, code] of [["SIGINT", EXIT.interrupted], ["SIGTERM", EXIT.terminated]] as const) {
    Deno.addSignalListener(signal, () => {
      isEnding = true;
      void cleanUp().finally(() => Deno.exit(code));
    });
  }
  try {
    for (const benchmark of chosen) {
      say(`${benchmark.name}: ${benchmark.summary}`);
      try {
        const result = await benchmark.run({ directory, say });
        results.push(result);
        onResult(result);
      } catch (thrown) {
        if (!(thrown instanceof CannotMeasure)) throw thrown;
        say(`${benchmark.name} cannot be measured here: ${thrown.message}`);
        unmeasured.push({ name: benchmark.name, why: thrown.message });
      }
    }
  } finally {
    await cleanUp();
  }
  return { results, unmeasured };
}

/** Runs a table to its end with our own streams. */
async function printTable(command: readonly string[], json: boolean): Promise<number> {
  const args = [...command, ...(json ? ["--json"] : [])];
  const env: Record<string, string> = Deno.stdout.isTerminal() ? {} : { NO_COLOR: "1" };
  const child = new Deno.Command(Deno.execPath(), { args, stdin: "null", env }).spawn();
  // A table cleans up after itself: it must hear of the end, and be waited for.
  for (const signal of ["SIGINT", "SIGTERM"] as const) {
    Deno.addSignalListener(signal, () => {
      try {
        child.kill(signal);
      } catch {
        // It has just ended.
      }
    });
  }
  return (await child.status).code;
}

async function main(args: readonly string[]): Promise<number> {
  const [firstName = "", ...rest] = args;
  const withOptions = TABLES[firstName];
  if (withOptions?.takesOptions === true) return await printTable([...withOptions.command, ...rest], false);
  const names = args.filter((arg) => !arg.startsWith("-"));
  const flags = args.filter((arg) => arg.startsWith("-"));
  const [onlyName, second] = names;
  const table = onlyName === undefined || second !== undefined ? undefined : TABLES[onlyName];
  const wrong = flags.find((flag) => flag !== "--json" && flag !== "--list") ??
    names.find((name) => table === undefined && !BENCHMARKS.some((benchmark) => benchmark.name === name));
  if (wrong !== undefined) {
    say(`there is no benchmark or option ${wrong}`);
    write(
      Deno.stderr,
      `${USAGE}\nbenchmarks: ${BENCHMARKS.map(({ name }) => name).join(", ")}; alone: ${
        Object.keys(TABLES).join(", ")
      }`,
    );
    return EXIT.usage;
  }
  if (flags.includes("--list")) {
    for (const { name, summary } of BENCHMARKS) write(Deno.stdout, `${name}\t${summary}`);
    for (const [name, { summary }] of Object.entries(TABLES)) write(Deno.stdout, `${name}\t${summary}`);
    return EXIT.done;
  }
  if (table !== undefined) return await printTable(table.command, flags.includes("--json"));
  const chosen = names.length === 0 ? BENCHMARKS : BENCHMARKS.filter(({ name }) => names.includes(name));
  const json = flags.includes("--json");
  const machine = describeMachine();
  const { results, unmeasured } = await runAll(chosen, (result) => {
    if (!json) write(Deno.stdout, renderResult(result));
  });
  if (json) {
    write(Deno.stdout, JSON.stringify({ schema: "hana.bench/1", machine, results, unmeasured }, null, 2));
  } else {
    write(Deno.stdout, Object.entries(machine).map(([name, value]) => `${name}=${value}`).join("  "));
  }
  return exitCodeOf(results, unmeasured);
}

Deno.exit(
  await main(Deno.args).catch(async (thrown: unknown) => {
    if (isEnding) await new Promise<never>(() => {});
    say(thrown instanceof Error ? thrown.message : String(thrown));
    return EXIT.bug;
  }),
);
