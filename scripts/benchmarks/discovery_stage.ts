// Machines behind a switch that loses frames: one network namespace a machine, a cable each to a namespace in which
// programs/discovery_switch.py forwards. Decides names (all of a run begin alike), addresses and that nothing stays behind.
// There is no bridge of the kernel and no way out. Never looks into what the machines run.

import { endChildren, signalChild, startChild } from "./children.ts";

const NAMESPACES = "/run/netns";
/** Namespaces and directories of these benchmarks, with the process id of the run that made them. */
const OURS = /^hana-peers-(\d+)-/;
const PROGRAMS = new URL("./programs/", import.meta.url).pathname;
const GRACE_MS = 2_000;

/** What the switch did since it was asked last. */
export interface SwitchFigures {
  readonly seconds: number;
  readonly frames: number;
  readonly copies: number;
  readonly bytes: number;
  readonly lost: number;
  readonly spared: number;
  readonly overflows: number;
  readonly missed: number;
  readonly delayUs: { readonly p50: number | null; readonly p99: number | null; readonly max: number | null };
}

/** What the switch can do. */
export interface SwitchSpeed {
  readonly rttUs: { readonly p50: number; readonly p99: number };
  readonly asked: number;
  readonly lost: number;
  readonly sentPerS: number;
  readonly passedPerS: number | null;
}

/** A program that runs, read line by line. */
export class StageProcess {
  readonly child: Deno.ChildProcess;
  readonly startedMs: number;
  /** When its first line came, on either stream; null before. */
  firstLineMs: number | null = null;
  isRunning = true;
  #last = "";
  readonly ended: Promise<void>;

  constructor(
    command: readonly string[],
    options: { readonly env?: Record<string, string>; readonly stdin?: "piped" | "null" },
    onLine: (line: string, atMs: number) => void,
  ) {
    this.startedMs = performance.now();
    this.child = startChild(command, {
      env: { ...baseEnvironment(), ...options.env },
      clearEnv: true,
      stdin: options.stdin ?? "null",
      stdout: "piped",
      stderr: "piped",
    });
    const read = Promise.all([this.#read(this.child.stdout, onLine), this.#read(this.child.stderr, onLine)]);
    this.ended = this.child.status.then(async () => {
      this.isRunning = false;
      await read;
    });
  }

  /** The end of what it wrote. */
  get lastWords(): string {
    return this.#last.trim().split("\n").slice(-5).join(" | ");
  }

  /** Sends a signal; harmless when it has ended. */
  signal(signal: Deno.Signal): void {
    signalChild(this.child, signal);
  }

  /** Kills it and waits for its end. */
  async end(): Promise<void> {
    this.signal("SIGKILL");
    await this.ended;
  }

  async #read(
    stream: ReadableStream<Uint8Array>,
    onLine: (line: string, atMs: number) => void,
  ): Promise<void> {
    const decoder = new TextDecoder();
    let text = "";
    for await (const bytes of stream) {
      const atMs = performance.now();
      this.firstLineMs ??= atMs;
      text += decoder.decode(bytes, { stream: true });
      const lines = text.split("\n");
      text = lines.pop() ?? "";
      this.#last = (this.#last + lines.join("\n") + "\n").slice(-2_000);
      for (const line of lines) onLine(line, atMs);
    }
  }
}

/** A machine. */
export class StageMachine {
  constructor(readonly namespace: string, readonly directory: string, private currentAddress: string) {}

  /** IPv4, without the prefix. */
  get address(): string {
    return this.currentAddress;
  }

  /** Gives it another address, as another machine on the same cable would have. */
  async setAddress(address: string): Promise<void> {
    await ip([
      `-n ${this.namespace} addr flush dev eth0 scope global`,
      ...addressCommands(this.namespace, address),
    ]);
    this.currentAddress = address;
  }

  /** Starts a program here; its process id is that of the program itself. */
  start(
    command: readonly string[],
    options: { readonly env?: Record<string, string> },
    onLine: (line: string, atMs: number) => void = () => {},
  ): StageProcess {
    return new StageProcess(["ip", "netns", "exec", this.namespace, ...command], options, onLine);
  }
}

/** The network. */
export class Stage {
  readonly machines: StageMachine[] = [];
  readonly directory: string;
  readonly #prefix: string;
  readonly #answers: ((line: string) => void)[] = [];
  #switch: StageProcess | null = null;
  #removed: Promise<void> | null = null;

  /** Removes what dead runs left and builds machines `10.88.0.1` and following. */
  static async create(count: number): Promise<Stage> {
    await sweepDeadRuns();
    const stage = new Stage();
    try {
      await stage.#build(count);
    } catch (thrown) {
      await stage.remove();
      throw thrown;
    }
    return stage;
  }

  private constructor() {
    const random = crypto.getRandomValues(new Uint32Array(1))[0] ?? 0;
    this.#prefix = `hana-peers-${Deno.pid}-${random.toString(36).slice(0, 4)}`;
    this.directory = `/tmp/${this.#prefix}`;
    Deno.mkdirSync(this.directory, { mode: 0o700 });
  }

  /** From now on each copy of a frame is lost with this probability, drawn by this seed. */
  async setLoss(loss: number, seed: number): Promise<void> {
    await this.#ask({ loss, seed });
  }

  /** What the switch did since the last call. */
  async figures(): Promise<SwitchFigures> {
    return JSON.parse(await this.#ask({ stats: true })) as SwitchFigures;
  }

  /** Round trips between two machines, and what passes in a second. */
  async speed(): Promise<SwitchSpeed> {
    const [a, b] = this.machines;
    if (a === undefined || b === undefined) throw new Error("no machines");
    const ready = Promise.withResolvers<void>();
    const program = ["python3", `${PROGRAMS}discovery_switch.py`];
    const echo = b.start([...program, "echo", b.address], {}, () => ready.resolve());
    const measured = Promise.withResolvers<string>();
    await ready.promise;
    const probe = a.start([...program, "probe", b.address, "500"], {}, measured.resolve);
    void probe.ended.then(() =>
      measured.reject(new Error(`the switch was not measured: ${probe.lastWords}`))
    );
    try {
      return JSON.parse(await measured.promise) as SwitchSpeed;
    } finally {
      await echo.end();
      await probe.end();
    }
  }

  /** Ends what runs and removes everything. */
  remove(): Promise<void> {
    return this.#removed ??= this.#remove();
  }

  async #build(count: number): Promise<void> {
    const hub = `${this.#prefix}-switch`;
    const names = Array.from({ length: count }, (_, index) => `${this.#prefix}-m${index + 1}`);
    await ip([`netns add ${hub}`, ...names.map((name) => `netns add ${name}`)]);
    const commands: string[] = [];
    for (const [index, name] of names.entries()) {
      const mac = `02:00:4c:57:00:${(index + 1).toString(16).padStart(2, "0")}`;
      const address = `10.88.0.${index + 1}`;
      commands.push(
        `-n ${hub} link add p${index} type veth peer name eth0 address ${mac} netns ${name}`,
        // Segments leave one by one, as on a real cable: a lost frame is one frame.
        `-n ${name} link set eth0 gso_max_segs 1`,
        `-n ${hub} link set p${index} addrgenmode none`,
        `-n ${hub} link set p${index} up`,
        `-n ${name} link set lo up`,
        `-n ${name} link set eth0 up`,
        ...addressCommands(name, address),
      );
      this.machines.push(new StageMachine(name, this.directory, address));
    }
    await ip(commands);
    const ports = names.map((_, index) => `p${index}`);
    const ready = Promise.withResolvers<void>();
    this.#answers.push(() => ready.resolve());
    const command = ["ip", "netns", "exec", hub, "python3", `${PROGRAMS}discovery_switch.py`, ...ports];
    const process = this.#switch = new StageProcess(
      command,
      { stdin: "piped" },
      (line) => this.#answers.shift()?.(line),
    );
    void process.ended.then(() => ready.reject(new Error(`the switch ended: ${process.lastWords}`)));
    await ready.promise;
  }

  async #ask(command: Readonly<Record<string, unknown>>): Promise<string> {
    const process = this.#switch;
    if (process === null || !process.isRunning) throw new Error(`the switch ended: ${process?.lastWords}`);
    const answer = Promise.withResolvers<string>();
    this.#answers.push(answer.resolve);
    void process.ended.then(() => answer.reject(new Error(`the switch ended: ${process.lastWords}`)));
    const writer = process.child.stdin.getWriter();
    await writer.write(new TextEncoder().encode(JSON.stringify(command) + "\n"));
    writer.releaseLock();
    return await answer.promise;
  }

  async #remove(): Promise<void> {
    await endChildren(GRACE_MS);
    for (const name of namesIn(NAMESPACES)) {
      if (name.startsWith(`${this.#prefix}-`)) await dropNamespace(name);
    }
    await Deno.remove(this.directory, { recursive: true }).catch(() => {});
  }
}

function addressCommands(namespace: string, address: string): string[] {
  return [
    `-n ${namespace} addr add ${address}/16 brd + dev eth0`,
    // For programs that leave the choice of interface to the routes; as at a show, there is no way out.
    `-n ${namespace} route replace 224.0.0.0/4 dev eth0`,
  ];
}

/** Runs `ip` once a line. */
export async function ip(lines: readonly string[]): Promise<void> {
  for (const line of lines) {
    const command = new Deno.Command("ip", {
      args: line.split(" "),
      stdin: "null",
      stdout: "null",
      stderr: "piped",
    });
    const { success, stderr } = await command.output();
    if (!success) throw new Error(`ip ${line}: ${new TextDecoder().decode(stderr).trim()}`);
  }
}

/** Kills what runs in a namespace and removes it. */
export async function dropNamespace(name: string): Promise<void> {
  const { stdout } = await new Deno.Command("ip", { args: ["netns", "pids", name], stdin: "null" }).output();
  for (const line of new TextDecoder().decode(stdout).split("\n")) {
    if (line !== "") kill(Number(line));
  }
  await new Deno.Command("ip", { args: ["netns", "del", name], stdin: "null" }).output();
}

function kill(processId: number): void {
  try {
    Deno.kill(processId, "SIGKILL");
  } catch {
    // It has just ended.
  }
}

/** Removes the namespaces and directories of runs that have ended without. */
export async function sweepDeadRuns(): Promise<void> {
  const isDead = (name: string): boolean => {
    const processId = OURS.exec(name)?.[1];
    return processId !== undefined && !exists(`/proc/${processId}`);
  };
  for (const name of namesIn(NAMESPACES)) if (isDead(name)) await dropNamespace(name);
  for (const name of namesIn("/tmp")) {
    if (isDead(name)) await Deno.remove(`/tmp/${name}`, { recursive: true }).catch(() => {});
  }
}

function namesIn(directory: string): string[] {
  return exists(directory) ? Array.from(Deno.readDirSync(directory), ({ name }) => name) : [];
}

function exists(path: string): boolean {
  try {
    Deno.lstatSync(path);
    return true;
  } catch {
    return false;
  }
}

/** What the programs of a run find in their environment. */
export function baseEnvironment(): Record<string, string> {
  const home = Deno.env.get("HOME") ?? Deno.cwd();
  const cache = Deno.env.get("XDG_CACHE_HOME") ?? `${home}/.cache`;
  return {
    PATH: Deno.env.get("PATH") ?? "/usr/sbin:/usr/bin:/sbin:/bin",
    DENO_DIR: Deno.env.get("DENO_DIR") ?? `${cache}/deno`,
    DENO_NO_UPDATE_CHECK: "1",
    NO_COLOR: "1",
    LANG: "C.UTF-8",
  };
}
