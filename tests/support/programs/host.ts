// A machine of the tests that supervises programs: its daemon, which may be killed and started again, its shims, and
// every process that carries a program's mark.
// Decides how they are found (by /proc, in the machine's own namespace); never what they should be doing.

import type { ShimAssignment } from "../../../lib/supervision/mod.ts";
import { liveTest } from "../live.ts";
import { type CapturedProcess, eventually } from "../captured_process.ts";
import { chaosChild, readStamps, type Stamp } from "../chaos_child.ts";
import { hanaProgram, HanaUser, ServedNode } from "../hana_process.ts";
import type { Machine, TestNetwork } from "../namespaces.ts";
import { Console, type ConsoleOptions } from "./console.ts";

/** A process of the machine, as /proc tells. */
export interface FoundProcess {
  readonly processId: number;
  /** Its number in the innermost namespace of process numbers. */
  readonly insideId: number;
  readonly parentId: number;
  /** `R`, `S`, `D`, `T`, `Z`. */
  readonly state: string;
  readonly argv: readonly string[];
  /** The token of its program; null without one. */
  readonly mark: string | null;
}

/** A machine whose programs are supervised. */
export class Host {
  readonly user: HanaUser;
  #node: ServedNode | null = null;

  constructor(readonly machine: Machine, readonly child: string) {
    this.user = new HanaUser(machine);
  }

  /** The daemon. Throws when none was started. */
  get node(): ServedNode {
    if (this.#node === null) throw new Error("no daemon was started");
    return this.#node;
  }

  /** Where the daemon listens for programs of this machine. */
  get address(): string {
    const address = this.node.ready.addresses.find((each) => each.startsWith("unix:"));
    if (address === undefined) throw new Error("the daemon has no local socket");
    return address;
  }

  /** Where the daemon keeps what it knows, seen as it sees it. */
  get nodeDirectory(): string {
    return this.findDirectory(this.user.stateDirectory);
  }

  /** The directory below `folder` in which a daemon keeps its programs. */
  findDirectory(folder: string): string {
    const found = walk(folder).find((path) => path.endsWith("/programs.db"));
    if (found === undefined) throw new Error(`no programs.db below ${folder}`);
    return found.slice(0, -"/programs.db".length);
  }

  /** What a shim was given for a program. */
  assignment(name: string): ShimAssignment {
    const text = Deno.readTextFileSync(`${this.nodeDirectory}/programs/${name}/assignment.json`);
    return JSON.parse(text) as ShimAssignment;
  }

  /** Starts a daemon and waits until it can be reached. */
  async serve(...args: string[]): Promise<ServedNode> {
    this.#node = await this.user.serve(...this.#flags(args));
    return this.#node;
  }

  /** Starts a daemon through another program, such as `unshare`, whose last arguments are a command line. */
  async serveUnder(wrapper: readonly string[], ...args: string[]): Promise<ServedNode> {
    const readyFile = this.path(`ready-${crypto.randomUUID().slice(0, 8)}.json`);
    const serve = ["serve", "--ready-file", readyFile, ...this.#flags(args)];
    const process = this.user.startProgram([...wrapper, ...hanaProgram()], serve, { label: "hana serve" });
    this.#node = await ServedNode.whenReady(process, readyFile);
    return this.#node;
  }

  /** Starts a daemon and does not wait for it. */
  startDaemon(...args: string[]): CapturedProcess {
    return this.user.start(["serve", ...this.#flags(args)]);
  }

  /** Ends the daemon as a crash would, and waits until it is gone. */
  async crash(): Promise<void> {
    await this.node.crash();
  }

  #flags(args: readonly string[]): string[] {
    return ["--name", this.machine.name, "--log-level", "error", "--hardware", "off", ...args];
  }

  /** A console on this machine. */
  console(options: ConsoleOptions = {}): Promise<Console> {
    return Console.open(this.address, options);
  }

  /** A path for a file of a test. */
  path(name: string): string {
    return `${this.user.home.path}/${name}`;
  }

  /** The command line of a chaos-child that stamps its starts into the file `NAME.stamps`. */
  chaos(name: string, ...orders: string[]): string[] {
    return [this.child, `stamp ${this.path(`${name}.stamps`)}`, ...orders];
  }

  /** What a chaos-child stamped. */
  stamps(name: string): Stamp[] {
    return readStamps(this.path(`${name}.stamps`));
  }

  /** All processes of this machine, zombies included. */
  processes(): FoundProcess[] {
    const { stdout } = new Deno.Command("ip", { args: ["netns", "pids", this.machine.namespace] })
      .outputSync();
    const found = new TextDecoder().decode(stdout).split("\n").filter((line) => line !== "");
    return found.flatMap((line) => inspect(Number(line)) ?? []);
  }

  /** Those that carry the mark of a program and live. */
  marked(): FoundProcess[] {
    return this.processes().filter(({ mark, state }) => mark !== null && state !== "Z");
  }

  /** The shims that stand by a program; one that only waits for a task is none. */
  shims(): FoundProcess[] {
    return this.processes().filter(({ argv, state, parentId }) =>
      argv.at(-1) === "__shim" && state !== "Z" && parentId !== 0
    );
  }

  /** The shim of a program, by the parent of its leading process. */
  shimOf(desk: Console, name: string): number {
    const leader = inspect(desk.processId(name));
    if (leader === null) throw new Error(`the leading process of ${name} is gone`);
    return leader.parentId;
  }

  /** Waits until no process of this machine carries a mark. */
  async untilEmpty(timeoutMs = 10_000): Promise<void> {
    try {
      await eventually("no process of a program", () => this.marked().length === 0, timeoutMs);
    } catch (thrown) {
      const left = this.marked().map(({ processId, argv }) => `${processId} ${argv.join(" ")}`);
      throw new Error(`processes are left: ${left.slice(0, 10).join("; ")}`, { cause: thrown });
    }
  }
}

/** What /proc says of a process; null when it is gone. */
export function inspect(processId: number): FoundProcess | null {
  try {
    const stat = Deno.readTextFileSync(`/proc/${processId}/stat`);
    const [state = "", parentId = ""] = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    const argv = Deno.readTextFileSync(`/proc/${processId}/cmdline`).split("\0").slice(0, -1);
    const numbers = /^NSpid:.*?(\d+)$/m.exec(Deno.readTextFileSync(`/proc/${processId}/status`))?.[1];
    const environment = readEnvironment(processId);
    const mark = environment.find((line) => line.startsWith("HANA_INSTANCE="))?.slice(
      "HANA_INSTANCE=".length,
    );
    return {
      processId,
      insideId: Number(numbers),
      parentId: Number(parentId),
      state,
      argv,
      mark: mark ?? null,
    };
  } catch {
    return null;
  }
}

function readEnvironment(processId: number): string[] {
  try {
    return Deno.readTextFileSync(`/proc/${processId}/environ`).split("\0");
  } catch {
    return [];
  }
}

/** Whether a process lives: a zombie does not. */
export function lives(processId: number): boolean {
  const found = inspect(processId);
  return found !== null && found.state !== "Z";
}

/** Memory of a process in bytes: what it alone holds, apart from files that are mapped. */
export function anonymousBytes(processId: number): number {
  const kilobytes = /^RssAnon:\s+(\d+) kB$/m.exec(Deno.readTextFileSync(`/proc/${processId}/status`))?.[1];
  return Number(kilobytes ?? 0) * 1024;
}

/** CPU time of a process so far, in hundredths of a second. */
export function cpuTicks(processId: number): number {
  const stat = Deno.readTextFileSync(`/proc/${processId}/stat`);
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  return Number(fields[11]) + Number(fields[12]);
}

/** Bytes of all files below a directory. */
export function sizeOf(folder: string): number {
  return walk(folder).reduce((sum, path) => sum + Deno.statSync(path).size, 0);
}

/** Registers a test on one machine without cables whose daemon runs. */
export function hostTest(
  name: string,
  fn: (host: Host, desk: Console, network: TestNetwork) => Promise<void>,
  options: { readonly limitMs?: number; readonly serve?: readonly string[] } = {},
): void {
  liveTest(
    name,
    async (network) => {
      const host = new Host(network.addMachine("stage"), await chaosChild());
      await host.serve(...options.serve ?? []);
      await using desk = await host.console();
      await fn(host, desk, network);
    },
    ["command:cc"],
    options.limitMs,
  );
}

function walk(folder: string): string[] {
  return Array.from(Deno.readDirSync(folder)).flatMap(({ name, isDirectory }) =>
    isDirectory ? walk(`${folder}/${name}`) : [`${folder}/${name}`]
  );
}
