// One run: broker, sender, receivers; what they noted, as figures. Decides the order of steps and how long each may take.
// Nothing that a run started outlives it.

import type { Cable, CableFigures } from "./cable.ts";
import { DriverProcess } from "./driver_process.ts";
import { type Figures, figuresOf } from "./figures.ts";
import type { Run } from "./plan.ts";
import { commandOf } from "./tools.ts";

const READY_MS = 20_000;
const ANSWER_MS = 15_000;
/** Subscriptions travel, processes calm down. */
const SETTLE_MS = 300;
/** A sender gives up a transfer after 40 s. */
const TRANSFER_MS = 42_000;
const PORTS = 6;

/** What runs share. */
export interface RunContext {
  /** Holds the compiled peers and the bundle. */
  readonly directory: string;
  readonly seed: number;
  /** Present where a workload needs it. */
  readonly cable: Cable | null;
}

/** Runs it. Throws with what the process said that broke. */
export async function runOnce(run: Run, context: RunContext): Promise<Figures> {
  const directory = await Deno.makeTempDir({ dir: context.directory, prefix: "r" });
  const processes: DriverProcess[] = [];
  const { workload } = run;
  const cable = workload.cable === null ? null : context.cable;
  if (workload.cable !== null && cable === null) throw new Error("there is no cable");
  try {
    // Repetitions lose other frames; all peers of one repetition draw from the same stream.
    if (cable !== null && workload.cable !== null) {
      await cable.plug(workload.cable, context.seed + run.repetition);
    }
    const figures = await play(run, context, cable, directory, processes);
    if (cable === null) return figures;
    return { ...figures, ...cableFigures(await cable.unplug()) };
  } finally {
    await Promise.all(processes.map((process) => process.end("SIGTERM")));
    await cable?.unplug().catch(() => {});
    await Deno.remove(directory, { recursive: true });
  }
}

async function play(
  { peer, workload }: Run,
  { directory: home }: RunContext,
  cable: Cable | null,
  directory: string,
  processes: DriverProcess[],
): Promise<Figures> {
  const senderHost = cable?.senderAddress ?? "127.0.0.1";
  const receiverHost = cable?.receiverAddress ?? "127.0.0.1";
  const host = peer.broker === undefined ? senderHost : receiverHost;
  const port = freePort();
  const start = (name: string, role: "sender" | "receiver", command: readonly string[]): DriverProcess => {
    const process = new DriverProcess(
      `${peer.name} ${name}`,
      [...(cable?.prefix(role) ?? []), ...command],
      home,
    );
    processes.push(process);
    return process;
  };
  if (peer.broker !== undefined) {
    const { command, ready } = await brokerOf(peer.broker, host, port, directory);
    await start(peer.broker, "receiver", command).says(ready, READY_MS);
  }
  const taskOf = (role: "sender" | "receiver", index: number): Record<string, unknown> => ({
    role,
    workload: workload.name,
    kind: workload.task,
    host,
    port,
    ownHost: role === "sender" ? senderHost : receiverHost,
    directory,
    variant: peer.variant,
    receivers: workload.receivers,
    index,
    bytes: workload.bytes,
    warmUpUs: workload.warmUpUs,
    measureUs: workload.measureUs,
    window: peer.window(workload.bytes),
    bulkBytes: workload.bulkBytes,
    chunkBytes: workload.chunkBytes,
    transfers: peer.hasNoTransfer === true ? 0 : workload.transfers,
    samples: `${directory}/${role}-${index}`,
  });
  const sender = start("sender", "sender", commandOf(peer, home, taskOf("sender", 0)));
  await sender.next(READY_MS);
  const receivers = Array.from(
    { length: workload.receivers },
    (_, index) => start(`receiver ${index}`, "receiver", commandOf(peer, home, taskOf("receiver", index))),
  );
  await Promise.all(receivers.map((receiver) => receiver.next(READY_MS)));
  await sender.next(READY_MS);
  await new Promise((resolve) => setTimeout(resolve, SETTLE_MS));

  await sender.tell("go");
  const limitMs = (workload.warmUpUs + 2 * workload.measureUs) / 1000 + ANSWER_MS +
    Math.max(workload.transfers, workload.bulkBytes > 0 ? 1 : 0) * TRANSFER_MS;
  const sent = await sender.next(limitMs);
  await new Promise((resolve) => setTimeout(resolve, SETTLE_MS));
  const received = await Promise.all(receivers.map(async (receiver) => {
    await receiver.tell("stop");
    return await receiver.next(ANSWER_MS);
  }));
  const [first = {}] = received;
  return figuresOf(workload.task, {
    trips: readRows(`${directory}/sender-0`),
    streams: receivers.map((_, index) => readRows(`${directory}/receiver-${index}`)),
    flow: { messages: Number(first["messages"]), us: Number(first["us"]), sent: Number(first["sent"]) },
    transfersUs: (sent["transfersUs"] ?? []) as (number | null)[],
    lost: Number(sent["lost"] ?? 0),
    bulkBytes: workload.bulkBytes,
  });
}

function readRows(path: string): Float64Array {
  const { buffer, byteOffset, byteLength } = Deno.readFileSync(path);
  return new Float64Array(buffer.slice(byteOffset, byteOffset + byteLength));
}

function cableFigures({ there, back }: CableFigures): Figures {
  return {
    cableFrames: there.passed + back.passed,
    cableBytes: there.bytes + back.bytes,
    cableLost: there.lost + back.lost,
    cableLate: there.late + back.late,
    cableOverflowed: there.overflowed + back.overflowed,
    cableFailed: there.failed + back.failed,
  };
}

/** How a broker is started, and what it says when it can be reached. */
async function brokerOf(
  broker: "nats-server" | "mosquitto",
  host: string,
  port: number,
  directory: string,
): Promise<{ readonly command: readonly string[]; readonly ready: string }> {
  if (broker === "nats-server") {
    return { command: ["nats-server", "-a", host, "-p", String(port)], ready: "Server is ready" };
  }
  const config = `${directory}/mosquitto.conf`;
  const lines = [
    `listener ${port} ${host}`,
    ...["allow_anonymous true", "persistence false", "set_tcp_nodelay true", "log_dest stderr"],
    // What waits for a subscriber is bounded by the workload's window.
    "max_queued_messages 0",
  ];
  await Deno.writeTextFile(config, lines.join("\n") + "\n");
  return { command: ["mosquitto", "-c", config], ready: " running" };
}

/** The first of `PORTS` ports in a row that nobody has, by UDP or TCP. */
function freePort(): number {
  for (let tries = 0; tries < 200; tries++) {
    const first = 20_000 + Math.floor(Math.random() * 10_000);
    const held: { close(): void }[] = [];
    try {
      for (let port = first; port < first + PORTS; port++) {
        held.push(Deno.listen({ hostname: "127.0.0.1", port }));
        held.push(Deno.listenDatagram({ transport: "udp", hostname: "127.0.0.1", port }));
      }
      return first;
    } catch (thrown) {
      if (!(thrown instanceof Deno.errors.AddrInUse)) throw thrown;
    } finally {
      for (const socket of held) socket.close();
    }
  }
  throw new Error("no ports are free");
}
