// A program that writes 100 MB a second and beats: what becomes of its heartbeats, of the shim's memory, and of the disk.
// Decides how lateness is seen: by the program (how late it beats, how long sending takes) and at the shim (how long a
// question to its socket takes, which is answered by the loop that hears the beats: never less than a beat waits).

import { percentile, round } from "../../statistics.ts";
import { readNotes } from "../bench_child.ts";
import { Daemon } from "../daemon.ts";
import { inspect, marked, memoryOf, pause } from "../processes.ts";
import { type Bench, ownDirectory, type Row } from "../row.ts";

const RATE = 100e6;
const BEAT_MS = 50;
const MIB = 1 << 20;

/** Takes the figures. */
export async function measureFlood(bench: Bench): Promise<Row[]> {
  const directory = ownDirectory(bench, "flood");
  const seconds = bench.isQuick ? 10 : 60;
  const daemon = new Daemon({ ...bench, prefix: bench.isolated, directory });
  await daemon.start();
  const console = await daemon.console();
  try {
    const notes = `${directory}/notes`;
    const orders = [notes, String(BEAT_MS), `flood=${RATE}`, `for=${seconds * 1000}`];
    await console.spawn("flood", [bench.benchChild, ...orders]);
    await console.untilEvent("flood", "ready", 10_000);
    const leader = marked(bench.mark).find(({ file }) => file === bench.benchChild);
    const shim = leader === undefined ? null : inspect(leader.parentId);
    if (shim === null) throw new Error("the flooding program has no shim");
    const anonymous: number[] = [];
    const beyond: number[] = [];
    const asking = new ShimQuestions(shimSocket(directory));
    await asking.open();
    const endMs = performance.now() + seconds * 1000;
    let nextLookMs = 0;
    while (performance.now() < endMs) {
      await asking.ask();
      await pause(20);
      if (performance.now() < nextLookMs) continue;
      nextLookMs = performance.now() + 1_000;
      const memory = memoryOf(shim.processId);
      anonymous.push(memory.anonymous / MIB);
      beyond.push((memory.proportional - memory.ofExecutable) / MIB);
    }
    await pause(1_500);
    asking.close();
    const { beats, flood } = readNotes(notes);
    const bad = console.events.filter(({ kind }) => ["hung", "stalled", "exited"].includes(kind)).length;
    const late = beats.map(({ lateUs, writeUs }) => (lateUs + writeUs) / 1000);
    const sending = beats.map(({ writeUs }) => writeUs / 1000);
    const perS = (flood?.bytes ?? NaN) / (flood?.us ?? NaN);
    return [
      {
        what: `flood of 100 MB/s for ${seconds} s: what was written`,
        unit: "MB/s",
        figures: { "MB/s": round(perS), GB: round((flood?.bytes ?? NaN) / 1e9), "alarms or ends": bad },
        limit: { "alarms or ends": 0 },
      },
      {
        what: "the same: a beat is sent late, by the program",
        unit: "ms",
        figures: { ...figures(late), "sending p99": round(percentile(sending, 0.99)), n: late.length },
        limit: { p99: 50 },
      },
      {
        what: "the same: the shim's loop answers",
        unit: "ms",
        figures: { ...figures(asking.tookMs), n: asking.tookMs.length },
        limit: { p99: 50 },
        note: "round trip of a question to its socket",
      },
      {
        what: "the same: memory of the shim",
        unit: "MiB",
        figures: { anonymous: round(Math.max(...anonymous)), "beyond file": round(Math.max(...beyond)) },
        limit: { "beyond file": 60 },
        note: "largest of one look a second",
      },
      {
        what: "the same: log files",
        unit: "MiB",
        figures: { MiB: round(bytesUnder(`${daemon.nodeDirectory}/programs/flood`) / MIB) },
        limit: { MiB: 65 },
      },
    ];
  } finally {
    await console.close();
    await daemon.stop();
  }
}

/** Questions to a shim by its control socket, one at a time. */
class ShimQuestions {
  readonly tookMs: number[] = [];
  #connection: Deno.Conn | null = null;
  #op = 0;
  #rest = "";
  readonly #decoder = new TextDecoder();

  constructor(readonly path: string) {}

  async open(): Promise<void> {
    this.#connection = await Deno.connect({ transport: "unix", path: this.path });
    await this.#send({ t: "hello", v: 1, sinceSeq: 1e9 });
    await this.#until((message) => message.t === "welcome");
  }

  async ask(): Promise<void> {
    const op = ++this.#op;
    const began = performance.now();
    // A signal that does not exist: refused at once, and nothing is noted.
    await this.#send({ t: "signal", op, signal: "SIGNONE", by: "bench" });
    await this.#until((message) => message.op === op);
    this.tookMs.push(performance.now() - began);
  }

  close(): void {
    this.#connection?.close();
  }

  async #send(message: Readonly<Record<string, unknown>>): Promise<void> {
    await this.#connection?.write(new TextEncoder().encode(JSON.stringify(message) + "\n"));
  }

  async #until(isIt: (message: { t?: string; op?: number }) => boolean): Promise<void> {
    const buffer = new Uint8Array(65_536);
    for (;;) {
      const lines = this.#rest.split("\n");
      this.#rest = lines.pop() ?? "";
      const found = lines.findIndex((line) => isIt(JSON.parse(line)));
      if (found >= 0) {
        this.#rest = [...lines.slice(found + 1), this.#rest].join("\n");
        return;
      }
      const read = await this.#connection?.read(buffer);
      if (typeof read !== "number") throw new Error("the shim closed its socket");
      this.#rest += this.#decoder.decode(buffer.subarray(0, read), { stream: true });
    }
  }
}

function shimSocket(directory: string): string {
  const name = Array.from(Deno.readDirSync(`${directory}/r/p`), (entry) => entry.name).find((each) =>
    each.endsWith(".c")
  );
  if (name === undefined) throw new Error("there is no control socket");
  return `${directory}/r/p/${name}`;
}

function figures(values: readonly number[]): Record<string, number> {
  return {
    p50: round(percentile(values, 0.5)),
    p99: round(percentile(values, 0.99)),
    max: round(Math.max(...values)),
  };
}

function bytesUnder(folder: string): number {
  let bytes = 0;
  for (const { name, isDirectory } of Deno.readDirSync(folder)) {
    const path = `${folder}/${name}`;
    bytes += isDirectory ? bytesUnder(path) : Deno.statSync(path).size;
  }
  return bytes;
}
