// One end of one run, in a process of its own: opens the peer, says that it is ready, runs the workload when it is told.
// Decides nothing about peers or workloads. Its one argument is the task as JSON; `go` on the standard input starts a
// sender, the input's end ends a receiver.

import process from "node:process";
import { type Endpoint, type EndpointOptions, type OpenEndpoint } from "./endpoint.ts";
import { InputLines, tell } from "./process_lines.ts";
import { type Measure, Receiver } from "./receiving.ts";
import { Sender } from "./sending.ts";

/** What a process is asked to do. */
export interface Task extends Omit<EndpointOptions, "onMessage">, Measure {
  readonly kind: "echo" | "flow" | "stream" | "mixed" | "loss";
  /** Where rows of numbers are left. */
  readonly samples: string;
}

/** Runs one end until it is over. */
export async function drive(open: OpenEndpoint, task: Task): Promise<void> {
  const input = new InputLines();
  if (task.role === "sender") await driveSender(open, task, input);
  else await driveReceiver(open, task, input);
  process.exit(0);
}

async function driveSender(open: OpenEndpoint, task: Task, input: InputLines): Promise<void> {
  const sender = new Sender(task);
  const endpoint = await open({ ...task, onMessage: (channel, bytes) => sender.onMessage(channel, bytes) });
  sender.attach(endpoint);
  tell({ ready: true });
  await endpoint.connected();
  tell({ connected: true });
  if (await input.next() !== "go") return;
  const answer = await sender[task.kind]();
  sender.trips.write(task.samples);
  tell({ done: true, ...answer });
  await closed(endpoint, input);
}

async function driveReceiver(open: OpenEndpoint, task: Task, input: InputLines): Promise<void> {
  const receiver = new Receiver(task);
  // What comes before the endpoint is there cannot be answered; senders start later than that.
  const endpoint = await open({ ...task, onMessage: (channel, bytes) => receiver.onMessage(channel, bytes) });
  receiver.attach(endpoint);
  tell({ ready: true });
  await input.next();
  receiver.rows.write(task.samples);
  tell({ done: true, ...receiver.flow, rows: receiver.rows.rows, dropped: receiver.rows.dropped });
  await closed(endpoint, input);
}

/** Closes, for a second at most: what has been measured is told. */
async function closed(endpoint: Endpoint, input: InputLines): Promise<void> {
  await input.next();
  const limit = new Promise<void>((resolve) => setTimeout(resolve, 1_000));
  await Promise.race([endpoint.close().catch(() => {}), limit]);
}
