// What the conformance suite needs of a platform under test: two hosts that can reach each other, a second process
// on the first, and a way to let time pass until something holds. On the real machine all of them are this process
// on loopback; in the simulated world they are hosts on one segment.

import type { ByteStream, Platform, StreamAddress, StreamListener } from "../../../lib/platform/mod.ts";
import type { HanaError } from "../../../lib/base/mod.ts";
import { denoPlatform } from "../../../lib/platform/deno/mod.ts";
import {
  type ProgramScript,
  SimulatedWorld,
  type StreamPieces,
  WINDOW_BYTES,
} from "../../../lib/platform/simulated/mod.ts";

/**
 * What the programs under test do. `speak`: two lines without a last end, one to the error output, code 3. `cat`: gives
 * back what it reads and ends with its input. `wait`: a minute. `trap`: says ready, and on SIGTERM "got it", code 7.
 * `where`: the variable HANA_TEST, then its directory. `below`: a child of it says the variable HANA_TEST.
 */
export type ProgramName = "speak" | "cat" | "wait" | "trap" | "where" | "below";

const REAL_PROGRAMS: Harness["programs"] = {
  speak: ["/bin/sh", "-c", "printf 'out 1\\r\\nout 2'; echo err >&2; exit 3"],
  cat: ["/bin/cat"],
  wait: ["/bin/sleep", "60"],
  trap: [
    "/bin/sh",
    "-c",
    "trap 'echo got it; exit 7' TERM; echo ready; while :; do /bin/sleep 0.01; done",
  ],
  where: ["/bin/sh", "-c", 'echo "$HANA_TEST"; pwd'],
  below: ["/bin/sh", "-c", "/bin/sh -c 'echo \"$HANA_TEST\"'; exit 0"],
};

const SIMULATED_PROGRAMS: Readonly<Record<ProgramName, ProgramScript>> = {
  speak: (program) => {
    program.write("stdout", "out 1\r");
    program.write("stdout", "\nout 2");
    program.write("stderr", "err\n");
    program.exit(3);
  },
  cat: (program) => {
    program.onInput = (bytes) => bytes === null ? program.exit(0) : program.write("stdout", bytes);
  },
  wait: (program) => {
    const { timers, clock } = program.platform;
    timers.schedule(clock.nowUs() + 60_000_000, () => program.exit(0));
  },
  trap: (program) => {
    program.write("stdout", "ready\n");
    program.onSignal = (signal) => {
      if (signal !== "SIGTERM") return;
      program.write("stdout", "got it\n");
      program.exit(7);
    };
  },
  where: (program) => {
    program.write("stdout", `${program.env.HANA_TEST}\n${program.cwd}\n`);
    program.exit(0);
  },
  below: (program) => {
    program.start(["says"], { sharesOutput: true });
    program.exit(0);
  },
};

/** What `below` starts. */
const says: ProgramScript = (program) => {
  program.write("stdout", `${program.env.HANA_TEST ?? ""}\n`);
  program.exit(0);
};

/** A platform under test. */
export interface Harness {
  /** The first host. */
  readonly a: Platform;
  /** Another process on the first host. */
  readonly a2: Platform;
  /** The second host. */
  readonly b: Platform;
  readonly addressA: string;
  readonly addressB: string;
  /** An address whose datagrams every host of the network gets. */
  readonly broadcast: string;
  /** An empty directory on the first host. */
  readonly directory: string;
  /** More bytes than the buffers between two ends take. */
  readonly moreThanBuffers: number;
  /** Programs that the first host can start. */
  readonly programs: Readonly<Record<ProgramName, readonly [string, ...string[]]>>;
  /** What callbacks let out. */
  readonly crashes: HanaError[];
  /** Lets time pass until `condition` holds; fails when it does not within ten seconds. */
  until(condition: () => boolean, what: string): Promise<void>;
  /** Lets time pass until the promise settles. */
  settle<T>(promise: Promise<T>): Promise<T>;
  /** Lets so much time pass that anything under way has arrived. */
  quiet(): Promise<void>;
  close(): Promise<void>;
}

const DEADLINE_MS = 10_000;

function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

async function settleBy<T>(
  promise: Promise<T>,
  until: (condition: () => boolean, what: string) => Promise<void>,
): Promise<T> {
  let settled = false;
  promise.then(() => settled = true, () => settled = true);
  await until(() => settled, "the promise settles");
  return await promise;
}

/** This machine. */
export async function realHarness(): Promise<Harness> {
  const crashes: HanaError[] = [];
  const platform = denoPlatform({ onCrash: (error) => crashes.push(error) });
  const directory = await Deno.makeTempDir({ prefix: "hana-" });
  const until = async (condition: () => boolean, what: string): Promise<void> => {
    const deadline = performance.now() + DEADLINE_MS;
    while (!condition()) {
      if (performance.now() > deadline) throw new Error(`not within ${DEADLINE_MS} ms: ${what}`);
      await sleep(1);
    }
  };
  return {
    a: platform,
    a2: platform,
    b: platform,
    addressA: "127.0.0.1",
    addressB: "127.0.0.1",
    broadcast: "127.255.255.255",
    directory,
    moreThanBuffers: 48_000_000,
    programs: REAL_PROGRAMS,
    crashes,
    until,
    settle: (promise) => settleBy(promise, until),
    quiet: () => sleep(30),
    async close() {
      await Deno.remove(directory, { recursive: true });
      await sleep(5);
    },
  };
}

/** A world with two hosts. */
export function simulatedHarness(streamPieces: StreamPieces): Promise<Harness> {
  const crashes: HanaError[] = [];
  const world = new SimulatedWorld({ seed: 7, streamPieces, onCrash: (error) => crashes.push(error) });
  world.createSegment("lan", { delayUs: 200, jitterUs: 0 });
  const host = (name: string, address: string, monotonicOffsetUs: number) =>
    world.createHost({
      name,
      monotonicOffsetUs,
      interfaces: [{ name: "eth0", segment: "lan", address, prefix: 24 }],
    });
  const a = host("a", "10.0.0.1", 5_000_000);
  const b = host("b", "10.0.0.2", 77_000_000);
  for (const [program, script] of Object.entries(SIMULATED_PROGRAMS)) a.programs.register(program, script);
  a.programs.register("says", says);
  const directory = "/tmp/test";
  a.platform.files.makeDirectory(directory, 0o700);
  const until = async (condition: () => boolean, what: string): Promise<void> => {
    if (!await world.runUntilTrue(condition, world.nowUs + DEADLINE_MS * 1000)) {
      throw new Error(`not within ${DEADLINE_MS} simulated ms: ${what}`);
    }
  };
  return Promise.resolve({
    a: a.platform,
    a2: a.createProcess().platform,
    b: b.platform,
    addressA: "10.0.0.1",
    addressB: "10.0.0.2",
    broadcast: "10.0.0.255",
    directory,
    moreThanBuffers: 4 * WINDOW_BYTES,
    programs: {
      speak: ["speak"],
      cat: ["cat"],
      wait: ["wait"],
      trap: ["trap"],
      where: ["where"],
      below: ["below"],
    },
    crashes,
    until,
    settle: (promise) => settleBy(promise, until),
    quiet: () => world.runFor(1_000_000),
    close: () => Promise.resolve(),
  });
}

/** Writes down what a stream tells, and answers as told. */
export class StreamRecorder {
  readonly stream: ByteStream;
  /** `data`, `written`, `end`, `close`, in order; a run of `data` counts once. */
  readonly events: string[] = [];
  readonly bytes: number[] = [];
  total = 0;
  written = 0;
  ended = false;
  closed = false;
  error: HanaError | null = null;
  /** Called for each chunk. */
  onData: ((bytes: Uint8Array) => void) | null = null;
  /** Called when a write is through. */
  onWritten: (() => void) | null = null;
  /** Called when the peer has ended. */
  onEnd: (() => void) | null = null;
  /** Keep the bytes themselves, not only their count. */
  keep = true;

  constructor(stream: ByteStream) {
    this.stream = stream;
  }

  open(): this {
    this.stream.open({
      onData: (bytes) => {
        this.#note("data");
        this.total += bytes.length;
        if (this.keep) { for (const byte of bytes) this.bytes.push(byte); }
        this.onData?.(bytes);
      },
      onWritten: () => {
        this.#note("written");
        this.written++;
        this.onWritten?.();
      },
      onEnd: () => {
        this.#note("end");
        this.ended = true;
        this.onEnd?.();
      },
      onClose: (error) => {
        this.#note("close");
        this.closed = true;
        this.error = error;
      },
    });
    return this;
  }

  #note(event: string): void {
    if (event !== "data" || this.events.at(-1) !== "data") this.events.push(event);
  }
}

/** A listener on one host, a connection from the other, both ends opened and recorded. */
export interface Pair {
  readonly listener: StreamListener;
  readonly client: StreamRecorder;
  readonly server: StreamRecorder;
}

/** Connects `from` to a listener of `to`. */
export async function connectPair(
  harness: Harness,
  from: Platform,
  to: Platform,
  address: StreamAddress,
): Promise<Pair> {
  const accepted: ByteStream[] = [];
  const listener = await harness.settle(to.streams.listen(address, {
    onStream: (stream) => void accepted.push(stream),
    onError: (error) => {
      throw error;
    },
  }));
  const client = await harness.settle(from.streams.connect(listener.address));
  await harness.until(() => accepted.length > 0, "the connection is accepted");
  const [server] = accepted;
  if (server === undefined) throw new Error("nothing was accepted");
  return { listener, client: new StreamRecorder(client).open(), server: new StreamRecorder(server).open() };
}
