// scripts/bench lane-soak: two processes, every lane in use, a cable that loses frames and is out for five seconds in
// each minute. Says memory each minute, and in the end whether anything was lost, doubled, reordered, or grew.
// Decides what counts as growth: a straight line through all samples after the second minute.

import { toHex } from "../../lib/base/mod.ts";
import { EXIT } from "../../cli/output/exit_codes.ts";
import { endChildren } from "./children.ts";
import type { SoakEnd, SoakSample } from "./lane_soak_end.ts";
import { Cable } from "./peers/cable.ts";
import { DriverProcess } from "./peers/driver_process.ts";
import { bring } from "./peers/tools.ts";

const USAGE =
  "usage: scripts/bench lane-soak [--minutes N] [--loss PER_CENT] [--delay-ms N] [--seed N] [--outages 0|1]";
const CONFIG = new URL("../../deno.json", import.meta.url).pathname;
const END = new URL("./lane_soak_end.ts", import.meta.url).pathname;
const READY_MS = 30_000;
const LINE_MS = 60_000;
const DRAINED_MS = 60_000;
const OUTAGE_EVERY_MS = 60_000;
const OUTAGE_MS = 5_000;
const SETTLED_S = 120;
const MAX_GROWTH = 0.05;
/** Lanes of which everything must arrive. */
const RELIABLE = ["control", "state", "events", "assets"] as const;

interface Options {
  readonly minutes: number;
  readonly lossPercent: number;
  readonly delayMs: number;
  readonly seed: number;
  readonly hasOutages: boolean;
}

interface Drained {
  readonly type: "drained";
  readonly sent: Readonly<Record<string, number>>;
}

function say(text: string): void {
  const bytes = new TextEncoder().encode(text + "\n");
  for (let at = 0; at < bytes.length;) at += Deno.stdout.writeSync(bytes.subarray(at));
}

function parse(args: readonly string[]): Options | null {
  const values: Record<string, number> = { minutes: 10, loss: 1, "delay-ms": 2, seed: 1, outages: 1 };
  for (let i = 0; i < args.length; i += 2) {
    const name = args[i]?.replace(/^--/, "") ?? "";
    const value = Number(args[i + 1]);
    if (!Object.hasOwn(values, name) || !args[i]?.startsWith("--") || !(value >= 0)) return null;
    values[name] = value;
  }
  return {
    minutes: values.minutes ?? 10,
    lossPercent: values.loss ?? 1,
    delayMs: values["delay-ms"] ?? 2,
    seed: values.seed ?? 1,
    hasOutages: values.outages !== 0,
  };
}

/** By how much a straight line through the samples rises from the first to the last, as a share of its start. */
export function growthOf(samples: readonly { readonly seconds: number; readonly bytes: number }[]): number {
  const n = samples.length;
  const meanX = samples.reduce((sum, { seconds }) => sum + seconds, 0) / n;
  const meanY = samples.reduce((sum, { bytes }) => sum + bytes, 0) / n;
  let xy = 0;
  let xx = 0;
  for (const { seconds, bytes } of samples) {
    xy += (seconds - meanX) * (bytes - meanY);
    xx += (seconds - meanX) ** 2;
  }
  const [first, last] = [samples[0], samples.at(-1)];
  if (first === undefined || last === undefined || xx === 0) return NaN;
  const slope = xy / xx;
  return slope * (last.seconds - first.seconds) / (meanY + slope * (first.seconds - meanX));
}

/** One process and what it said. */
class End {
  readonly samples: SoakSample[] = [];
  #isRunning = true;
  readonly drained = Promise.withResolvers<Drained>();
  readonly ended = Promise.withResolvers<SoakEnd & { readonly missingEvents: number }>();

  constructor(readonly name: string, readonly process: DriverProcess) {
    void this.drained.promise.catch(() => {});
    void this.ended.promise.catch(() => {});
  }

  /** Reads until its last word. */
  async listen(): Promise<void> {
    try {
      while (this.#isRunning) {
        const line = await this.process.next(LINE_MS);
        if (line.type === "sample") this.#onSample(line as unknown as SoakSample);
        else if (line.type === "drained") this.drained.resolve(line as unknown as Drained);
        else if (line.type === "end") {
          this.#isRunning = false;
          this.ended.resolve(line as unknown as SoakEnd & { missingEvents: number });
        }
      }
    } catch (thrown) {
      this.drained.reject(thrown);
      this.ended.reject(thrown);
    }
  }

  #onSample(sample: SoakSample): void {
    this.samples.push(sample);
    if (this.samples.length % 6 !== 0) return;
    const {
      seconds,
      rssBytes,
      ownBytes,
      heapTotalBytes,
      heapBytes,
      externalBytes,
      path,
      pathChanges,
      packetsLost,
      ageP50Ms,
      ageP99Ms,
      assets,
    } = sample;
    const memory = `rss ${mb(rssBytes)} MB, collected ${mb(ownBytes)} MB, of it heap ${mb(heapBytes)} of ` +
      `${mb(heapTotalBytes)} MB and outside ${mb(externalBytes)} MB`;
    const ages = `modulation age p50 ${ageP50Ms.toFixed(1)} p99 ${ageP99Ms.toFixed(1)} ms`;
    say(
      `${String(Math.round(seconds / 60)).padStart(3)} min  ${this.name}  ${memory}; ${path} after ` +
        `${pathChanges} changes; ${packetsLost} packets lost; ${ages}; ${assets} assets`,
    );
  }

  /** Rises of both measures after the second minute. */
  growth(): { rss: number; own: number; heap: number; outside: number } {
    const settled = this.samples.filter(({ seconds }) => seconds >= SETTLED_S);
    return {
      rss: growthOf(settled.map(({ seconds, rssBytes }) => ({ seconds, bytes: rssBytes }))),
      outside: growthOf(settled.map(({ seconds, externalBytes }) => ({ seconds, bytes: externalBytes }))),
      own: growthOf(settled.map(({ seconds, ownBytes }) => ({ seconds, bytes: ownBytes }))),
      heap: growthOf(settled.map(({ seconds, heapBytes }) => ({ seconds, bytes: heapBytes }))),
    };
  }
}

function mb(bytes: number): string {
  return (bytes / 1e6).toFixed(1);
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

/** The cable where there may be one. */
async function cableFor(directory: string): Promise<Cable | null> {
  if (Deno.build.os !== "linux" || Deno.uid() !== 0) return null;
  const missing = await bring(new Set(["cable" as const]), directory, say);
  if (missing.size > 0) return null;
  return await Cable.create(directory, `hs${Deno.pid}`);
}

async function run(options: Options): Promise<boolean> {
  const directory = await Deno.makeTempDir({ prefix: "hana-soak-" });
  const cable = await cableFor(directory);
  const kind = { lossPpm: options.lossPercent * 10_000, delayUs: options.delayMs * 1_000 };
  try {
    await cable?.plug(kind, options.seed);
    say(
      cable === null
        ? "two processes on loopback: nothing is lost and no path changes (namespaces need root)"
        : `two namespaces, ${options.lossPercent} % of frames lost and ${options.delayMs} ms each way, seed ` +
          `${options.seed}; ` +
          (options.hasOutages ? `the cable is out for ${OUTAGE_MS / 1000} s in each minute` : "no outages"),
    );
    const ends = await startEnds(cable, directory);
    void Promise.all(ends.map((end) => end.listen()));
    await pass(options, cable, kind, ends);
    const drained = Promise.all(ends.map((end) => end.drained.promise));
    await Promise.all(ends.map(({ process }) => process.tell("stop")));
    const sent = await within(drained, DRAINED_MS);
    await Promise.all(
      ends.map(({ process }, i) => process.tell(String(sent[1 - i]?.sent.events ?? 0))),
    );
    const finals = await within(Promise.all(ends.map((end) => end.ended.promise)), DRAINED_MS);
    return judge(ends, finals, options.minutes * 60 > SETTLED_S + 60);
  } finally {
    await endChildren(3_000);
    await cable?.remove();
    await Deno.remove(directory, { recursive: true });
  }
}

async function startEnds(cable: Cable | null, directory: string): Promise<readonly [End, End]> {
  const key = toHex(crypto.getRandomValues(new Uint8Array(32)));
  const host = cable?.senderAddress ?? "127.0.0.1";
  const start = (name: string, role: "sender" | "receiver", port: number | null): End => {
    const command = [
      ...(cable?.prefix(role) ?? []),
      ...[Deno.execPath(), "run", "--quiet", "-A", "--no-prompt", "--frozen", "--v8-flags=--expose-gc"],
      ...["--config", CONFIG, END, JSON.stringify({ key, host, port })],
    ];
    return new End(name, new DriverProcess(name, command, directory));
  };
  const left = start("left ", "sender", null);
  const { port } = await left.process.next(READY_MS);
  const right = start("right", "receiver", Number(port));
  const [ready] = await Promise.all([left.process.next(READY_MS), right.process.next(READY_MS)]);
  say(`sealed with ${ready?.aead}`);
  return [left, right];
}

/** Time passes; the cable goes out now and then. */
async function pass(
  { minutes, seed, hasOutages }: Options,
  cable: Cable | null,
  kind: { lossPpm: number; delayUs: number },
  ends: readonly End[],
): Promise<void> {
  const died = Promise.race(ends.map((end) => end.ended.promise.then(() => {})));
  const endMs = performance.now() + minutes * 60_000;
  for (let outage = 1; performance.now() < endMs; outage++) {
    const leftMs = endMs - performance.now();
    await Promise.race([pause(Math.min(leftMs, OUTAGE_EVERY_MS / 2)), died]);
    if (cable === null || !hasOutages || endMs - performance.now() < 2 * OUTAGE_MS) continue;
    await cable.unplug();
    await pause(OUTAGE_MS);
    await cable.plug(kind, seed + outage);
    await Promise.race([pause(OUTAGE_EVERY_MS / 2 - OUTAGE_MS), died]);
  }
}

async function within<T>(promise: Promise<T>, ms: number): Promise<T> {
  let timer: number | undefined;
  const limit = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`an end did not finish within ${ms} ms`)), ms);
  });
  return await Promise.race([promise, limit]).finally(() => clearTimeout(timer));
}

function judge(
  ends: readonly End[],
  finals: readonly (SoakEnd & { readonly missingEvents: number })[],
  judgesMemory: boolean,
): boolean {
  let isSound = true;
  const fail = (text: string): void => {
    isSound = false;
    say(`FAILED  ${text}`);
  };
  finals.forEach((final, i) => {
    const end = ends[i];
    const other = finals[1 - i];
    if (end === undefined || other === undefined) return;
    const { rss, own, heap, outside } = end.growth();
    say(
      `${end.name}  received ${
        Object.entries(final.received).map(([name, count]) => `${name} ${count}/${other.sent[name]}`).join(
          ", ",
        )
      }; ${final.answers}/${final.requests} requests answered; memory since minute 2: rss ${
        percent(rss)
      }, collected ${percent(own)}, heap ${percent(heap)}, outside ${percent(outside)}`,
    );
    for (const name of RELIABLE) {
      const [came, sent] = [final.received[name] ?? 0, other.sent[name] ?? 0];
      if (came !== sent) fail(`${end.name}: ${came} of ${sent} messages came on ${name}`);
    }
    if (final.missingEvents > 0) fail(`${end.name}: ${final.missingEvents} events never came`);
    if (final.answers !== final.requests) {
      fail(`${end.name}: ${final.requests - final.answers} requests unanswered`);
    }
    if (final.assets === 0) fail(`${end.name}: no asset came whole`);
    if (final.closed !== null) fail(`${end.name}: closed: ${final.closed}`);
    if (final.problems > 0) fail(`${end.name}: ${final.problems} problems, first: ${final.first.join("; ")}`);
    if (!judgesMemory) return;
    if (!(own < MAX_GROWTH)) fail(`${end.name}: memory grew by ${percent(own)}`);
    if (!(heap < MAX_GROWTH)) fail(`${end.name}: the heap grew by ${percent(heap)}`);
  });
  say(isSound ? "every check held" : "a check failed");
  return isSound;
}

function percent(share: number): string {
  return Number.isNaN(share) ? "not measured" : `${(share * 100).toFixed(1)} %`;
}

if (import.meta.main) {
  const options = parse(Deno.args);
  if (options === null) {
    say(USAGE);
    Deno.exit(EXIT.usage);
  }
  Deno.exit(await run(options) ? EXIT.done : EXIT.threshold);
}
