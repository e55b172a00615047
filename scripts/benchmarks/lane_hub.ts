// scripts/bench lane-hub: what a node that talks to a hundred peers takes of a core. Each peer sends 250 messages of
// 150 B a second on the modulation lane and gets as many: one process is the hub, four are the peers, over loopback.
// Decides the load and the window; beside it stands the same traffic over bare datagrams, with as many bytes each.

import { toHex } from "../../lib/base/mod.ts";
import { LANES } from "../../lib/lanes/mod.ts";
import type { LaneCarrier } from "../../lib/transport/mod.ts";
import { EXIT } from "../../cli/output/exit_codes.ts";
import { endChildren } from "./children.ts";
import { cpuMs, LaneGround, onDatagrams, tell } from "./lane_ground.ts";
import { DriverProcess } from "./peers/driver_process.ts";
import { round } from "./statistics.ts";

const CONFIG = new URL("../../deno.json", import.meta.url).pathname;
const SELF = new URL(import.meta.url).pathname;
const PEER_PROCESSES = 4;
const PER_SECOND = 250;
const MESSAGE_BYTES = 150;
/** What such a message is on the wire: header and tag of the packet, its frame, now and then an acknowledgement. */
const RAW_BYTES = 184;
const TICK_MS = 2;
const WARM_UP_MS = 4_000;
const MEASURE_MS = 10_000;
const READY_MS = 60_000;
const LIMIT_PERCENT = 35;
const USAGE = "usage: scripts/bench lane-hub [--peers N] [--seconds N] [--json] [--cpu-prof DIRECTORY]";

type Variant = "lanes" | "raw";

/** What one process is to do. */
interface Task {
  readonly role: "hub" | "peers";
  readonly variant: Variant;
  readonly key: string;
  readonly count: number;
  readonly port: number;
}

/** Counts of a process so far. */
interface Counts {
  readonly sent: number;
  readonly received: number;
  readonly packetsSent: number;
  readonly packetsReceived: number;
  /** Main thread and all threads, in ms. */
  readonly mainMs: number;
  readonly allMs: number;
}

// ── the processes ──────────────────────────────────────────────────────────────────────────────────────────────

/** Something that sends one message to one peer. */
type Send = (payload: Uint8Array) => void;

let received = 0;
let sent = 0;
const sends: Send[] = [];
const carriers: LaneCarrier[] = [];

/** Sends on each of {@linkcode sends} at the rate; `isSpread` gives each a phase of its own. */
function startSending(isSpread: boolean): void {
  const payload = crypto.getRandomValues(new Uint8Array(MESSAGE_BYTES));
  const raw = crypto.getRandomValues(new Uint8Array(RAW_BYTES));
  const bytes = carriers.length > 0 ? payload : raw;
  const startMs = performance.now();
  const periodMs = 1000 / PER_SECOND;
  const next = sends.map((_, i) => startMs + (isSpread ? i * periodMs / sends.length : 0));
  setInterval(() => {
    const nowMs = performance.now();
    for (let i = 0; i < sends.length; i++) {
      let dueMs = next[i] ?? nowMs;
      // A stall is not made up for beyond a tenth of a second.
      if (dueMs < nowMs - 100) dueMs = nowMs;
      for (; dueMs <= nowMs; dueMs += periodMs) {
        sends[i]?.(bytes);
        sent++;
      }
      next[i] = dueMs;
    }
  }, TICK_MS);
}

function addCarrier(carrier: LaneCarrier): void {
  carriers.push(carrier);
  sends.push((payload) => void carrier.send(LANES.modulation, payload));
}

const COUNTING = {
  onPayload: () => {
    received++;
  },
  onWritable: () => {},
  onClose: () => {},
};

async function laneProcess(task: Task): Promise<void> {
  const ground = await LaneGround.create(task.key);
  if (task.role === "hub") {
    const port = await ground.listen("127.0.0.1", ground.endpoint(), (carrier) => {
      addCarrier(carrier);
      return COUNTING;
    });
    tell({ port, aead: ground.aead });
    while (carriers.length < task.count) await pause(10);
  } else {
    for (let i = 0; i < task.count; i++) {
      // Each peer is a machine of its own: a socket of its own.
      addCarrier(await ground.dial("127.0.0.1", task.port, ground.endpoint(), () => COUNTING));
    }
  }
  await Promise.all(carriers.map((carrier) => onDatagrams(carrier)));
}

/** Bare datagrams: a peer that says nothing is not known. */
async function rawProcess(task: Task): Promise<void> {
  const options = { transport: "udp", hostname: "127.0.0.1", port: 0 } as const;
  if (task.role === "hub") {
    const socket = Deno.listenDatagram(options);
    const known = new Set<number>();
    const onDatagram = (from: Deno.NetAddr): void => {
      received++;
      if (known.has(from.port)) return;
      known.add(from.port);
      sends.push((bytes) => void socket.send(bytes, from).catch(() => {}));
    };
    void receiveAll(socket, onDatagram);
    tell({ port: (socket.addr as Deno.NetAddr).port, aead: "none" });
    while (sends.length < task.count) await pause(10);
    return;
  }
  const hub: Deno.NetAddr = { transport: "udp", hostname: "127.0.0.1", port: task.port };
  for (let i = 0; i < task.count; i++) {
    const socket = Deno.listenDatagram(options);
    sends.push((bytes) => void socket.send(bytes, hub).catch(() => {}));
    void receiveAll(socket, () => {
      received++;
    });
    await socket.send(new Uint8Array(RAW_BYTES), hub);
  }
}

async function receiveAll(
  socket: Deno.DatagramConn,
  onDatagram: (from: Deno.NetAddr) => void,
): Promise<void> {
  const buffer = new Uint8Array(2_048);
  for (;;) onDatagram((await socket.receive(buffer))[1] as Deno.NetAddr);
}

async function runProcess(task: Task): Promise<void> {
  if (task.variant === "lanes") await laneProcess(task);
  else await rawProcess(task);
  tell({ ready: true });
  const lines = Deno.stdin.readable.pipeThrough(new TextDecoderStream()).getReader();
  for (;;) {
    const { value, done } = await lines.read();
    if (done || value === undefined) Deno.exit(0);
    if (value.startsWith("start")) startSending(task.role === "peers");
    else if (value.startsWith("counts")) tell(countsNow());
  }
}

function countsNow(): Counts {
  let packetsSent = 0;
  let packetsReceived = 0;
  for (const carrier of carriers) {
    const stats = carrier.connectionStats();
    packetsSent += stats?.packetsSent ?? 0;
    packetsReceived += stats?.packetsReceived ?? 0;
  }
  const mainMs = cpuMs(`self/task/${Deno.pid}`);
  return { sent, received, packetsSent, packetsReceived, mainMs, allMs: cpuMs("self") };
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

// ── the run ────────────────────────────────────────────────────────────────────────────────────────────────────

interface Options {
  readonly peers: number;
  readonly measureMs: number;
  readonly json: boolean;
  /** Where the hub leaves a profile of its own. */
  readonly profile: string | null;
}

/** Per second, over the window. */
interface Figures {
  readonly variant: Variant;
  readonly aead: string;
  readonly cpuPercent: number;
  readonly mainThreadPercent: number;
  readonly messagesOutPerS: number;
  readonly messagesInPerS: number;
  readonly packetsOutPerS: number;
  readonly packetsInPerS: number;
  /** CPU time of the hub by messages, both ways together, in microseconds. */
  readonly usPerMessage: number;
}

async function measure(variant: Variant, options: Options, directory: string): Promise<Figures> {
  const key = toHex(crypto.getRandomValues(new Uint8Array(32)));
  const processes: DriverProcess[] = [];
  const start = (task: Omit<Task, "variant" | "key">): DriverProcess => {
    const profile = task.role === "hub" && variant === "lanes" && options.profile !== null
      ? ["--cpu-prof", `--cpu-prof-dir=${options.profile}`]
      : [];
    const process = new DriverProcess(task.role, [
      ...[Deno.execPath(), "run", "--quiet", "-A", "--no-prompt", "--frozen", ...profile],
      ...["--config", CONFIG, SELF, JSON.stringify({ ...task, variant, key } satisfies Task)],
    ], directory);
    processes.push(process);
    return process;
  };
  try {
    const hub = start({ role: "hub", count: options.peers, port: 0 });
    const { port, aead } = await hub.next(READY_MS);
    const each = Math.ceil(options.peers / PEER_PROCESSES);
    for (let left = options.peers; left > 0; left -= each) {
      start({ role: "peers", count: Math.min(each, left), port: Number(port) });
    }
    await Promise.all(processes.map((process) => process.next(READY_MS)));
    await Promise.all(processes.map((process) => process.tell("start")));
    await pause(WARM_UP_MS);
    const before = await countsOf(hub);
    const startMs = performance.now();
    await pause(options.measureMs);
    const after = await countsOf(hub);
    const seconds = (performance.now() - startMs) / 1000;
    const per = (name: keyof Counts) => Math.round((after[name] - before[name]) / seconds);
    return {
      variant,
      aead: String(aead),
      cpuPercent: round((after.allMs - before.allMs) / seconds / 10),
      mainThreadPercent: round((after.mainMs - before.mainMs) / seconds / 10),
      messagesOutPerS: per("sent"),
      messagesInPerS: per("received"),
      packetsOutPerS: variant === "raw" ? per("sent") : per("packetsSent"),
      packetsInPerS: variant === "raw" ? per("received") : per("packetsReceived"),
      usPerMessage: round(
        (after.allMs - before.allMs) * 1000 / (after.sent + after.received - before.sent - before.received),
      ),
    };
  } finally {
    await Promise.all(processes.map((process) => process.end()));
  }
}

async function countsOf(process: DriverProcess): Promise<Counts> {
  await process.tell("counts");
  return await process.next(READY_MS) as unknown as Counts;
}

function parse(args: readonly string[]): Options | null {
  let [peers, seconds, json] = [100, MEASURE_MS / 1000, false];
  let profile: string | null = null;
  for (let i = 0; i < args.length; i++) {
    const arg = args[i];
    if (arg === "--json") json = true;
    else if (arg === "--peers") peers = Number(args[++i]);
    else if (arg === "--seconds") seconds = Number(args[++i]);
    else if (arg === "--cpu-prof") profile = args[++i] ?? null;
    else return null;
  }
  return peers > 0 && seconds > 0 ? { peers, measureMs: seconds * 1000, json, profile } : null;
}

async function main(args: readonly string[]): Promise<number> {
  const options = parse(args);
  if (options === null) {
    write(Deno.stderr, USAGE);
    return EXIT.usage;
  }
  const directory = await Deno.makeTempDir({ prefix: "hana-hub-" });
  try {
    const all: Figures[] = [];
    for (const variant of ["raw", "lanes"] as const) all.push(await measure(variant, options, directory));
    const cpu = all.find(({ variant }) => variant === "lanes")?.cpuPercent ?? NaN;
    const isMet = cpu <= LIMIT_PERCENT;
    const load = Deno.loadavg().map((value) => value.toFixed(1)).join(" ");
    if (options.json) {
      const limit = { cpuPercent: LIMIT_PERCENT };
      write(Deno.stdout, JSON.stringify({ peers: options.peers, limit, isMet, load, results: all }, null, 2));
    } else {
      write(Deno.stdout, `${isMet ? "met   " : "MISSED"}  lane-hub  ${options.peers} peers, load ${load}`);
      for (const each of all) write(Deno.stdout, `        ${lineOf(each)}`);
    }
    return isMet ? EXIT.done : EXIT.threshold;
  } finally {
    await endChildren(3_000);
    await Deno.remove(directory, { recursive: true });
  }
}

function lineOf(figures: Figures): string {
  const { variant, aead, cpuPercent, mainThreadPercent, usPerMessage } = figures;
  const { messagesOutPerS, messagesInPerS, packetsOutPerS, packetsInPerS } = figures;
  return `${
    variant.padEnd(5)
  }  ${cpuPercent} % of a core (main thread ${mainThreadPercent} %), ${usPerMessage} µs a ` +
    `message; out ${messagesOutPerS}/s in ${packetsOutPerS} packets, in ${messagesInPerS}/s in ${packetsInPerS}; ` +
    `sealed: ${aead}`;
}

function write(to: typeof Deno.stdout | typeof Deno.stderr, text: string): void {
  const bytes = new TextEncoder().encode(text + "\n");
  for (let at = 0; at < bytes.length;) at += to.writeSync(bytes.subarray(at));
}

if (import.meta.main) {
  const [first = ""] = Deno.args;
  if (first.startsWith("{")) await runProcess(JSON.parse(first) as Task);
  else Deno.exit(await main(Deno.args));
}
