// hana as its users run it: real processes on a machine of the tests' network.
// Decides a home a user (two machines share no file), the shape of calls, and when a node counts as started: when its
// ready file stands. Runs the source with the Deno of the tests, or the executable that HANA_BINARY names.
// Never judges what hana answers.

import { assertEquals } from "@std/assert";
import { type CapturedProcess, eventually, type Ran, type StartOptions } from "./captured_process.ts";
import { environmentOf, hanaFromSource, type Home } from "./cli.ts";
import type { Machine } from "./namespaces.ts";

/** A node in `discover --json` and in `discover --watch`, as far as tests read it. */
export interface ListedNode {
  readonly id: string;
  readonly name: string;
  readonly role: string;
  readonly state: "alive" | "suspect" | "unreachable" | "partitioned" | "dead" | "left";
  readonly incarnation: number;
  readonly endpoints: readonly { readonly kind: string; readonly address: string }[];
  readonly interface: string | null;
  /** Round trip by UDP. */
  readonly rttMs: number | null;
  readonly tags: Readonly<Record<string, string>>;
  readonly load: { readonly cpuPercent: number | null; readonly memoryFreeMb: number | null } | null;
  readonly trust: "keyed" | "open";
  readonly leader: boolean;
  readonly priority: number;
}

/** `discover --json`. */
export interface DiscoverDocument {
  readonly schema: string;
  readonly nodes: readonly ListedNode[];
  readonly summary: { readonly total: number; readonly alive: number; readonly elapsedMs: number };
}

/** One target of `ping --json`. */
export interface PingTarget {
  readonly node: string;
  readonly path: string | null;
  readonly lane: string;
  readonly seal: "encrypted" | "signed" | null;
  /** Whether lanes took datagrams or the stream, and why; null where discovery was asked. */
  readonly carrier: "udp" | "stream" | null;
  readonly why: string | null;
  readonly sent: number;
  readonly received: number;
  readonly rttUs: { readonly min: number; readonly p50: number; readonly max: number } | null;
}

/** A call that printed one JSON document. */
export interface Answer<T> extends Ran {
  readonly document: T;
}

/** What stands in a ready file. */
export interface ReadyNote {
  readonly id: string;
  readonly name: string;
  readonly addresses: readonly string[];
  readonly processId: number;
}

/** One line of `discover --watch`. */
export type WatchLine =
  | { readonly op: "sync" }
  | ({ readonly op: "add" | "update" | "remove"; readonly event?: { readonly kind: string } } & ListedNode);

/** How hana is called: from source, or as the executable that HANA_BINARY names. */
export function hanaProgram(): string[] {
  const binary = Deno.env.get("HANA_BINARY");
  return binary === undefined || binary === "" ? hanaFromSource() : [binary];
}

/** Somebody who uses hana on a machine, with directories of their own. */
export class HanaUser {
  readonly home: Home;
  #readyFiles = 0;

  constructor(readonly machine: Machine, name = "crew") {
    const path = `${machine.directory}/${machine.name}-${name}`;
    this.home = { path, config: `${path}/config`, state: `${path}/state`, run: `${path}/run` };
    for (const directory of [path, this.home.config, this.home.state, this.home.run]) {
      Deno.mkdirSync(directory, { mode: 0o700 });
    }
  }

  /** Where hana keeps keys and identities of this user. */
  get stateDirectory(): string {
    return `${this.home.state}/hana`;
  }
  /** Where hana puts the sockets of this user. */
  get runDirectory(): string {
    return `${this.home.run}/hana`;
  }

  /** Starts hana and does not wait for it. */
  start(args: readonly string[], options: StartOptions = {}): CapturedProcess {
    return this.startProgram(hanaProgram(), args, { label: `hana ${args.join(" ")}`, ...options });
  }

  /** Starts another program in this home. */
  startProgram(
    program: readonly string[],
    args: readonly string[],
    options: StartOptions = {},
  ): CapturedProcess {
    const [command = "", ...before] = program;
    return this.machine.start(command, [...before, ...args], {
      ...options,
      env: environmentOf(this.home, options.env),
    });
  }

  /** Runs hana to its end. */
  async run(args: readonly string[], options: StartOptions = {}): Promise<Ran> {
    return await this.start(args, options).ended();
  }

  /** Runs hana to its end and reads the one document that it prints. Throws when it prints none. */
  async json<T>(args: readonly string[]): Promise<Answer<T>> {
    const ran = await this.run([...args, "--json"]);
    try {
      return { ...ran, document: JSON.parse(ran.stdout) as T };
    } catch {
      throw new Error(
        `hana ${args.join(" ")} --json ended with ${ran.code} and no document:\n${ran.stdout}${ran.stderr}`,
      );
    }
  }

  /** `discover --json`. */
  discover(...args: string[]): Promise<Answer<DiscoverDocument>> {
    return this.json(["discover", ...args]);
  }

  /** `ping --json`. */
  ping(...args: string[]): Promise<Answer<{ readonly targets: readonly PingTarget[] }>> {
    return this.json(["ping", ...args]);
  }

  /** `call --json`. */
  call(...args: string[]): Promise<Answer<Record<string, unknown>>> {
    return this.json(["call", ...args]);
  }

  /** Makes a mesh key; returns its join code. */
  async createMesh(): Promise<string> {
    assertEquals((await this.run(["mesh", "create", "--name", "tour"])).code, 0);
    return (await this.run(["mesh", "show", "--reveal", "-q"])).stdout.trim();
  }

  /** Takes over the key of a join code. */
  async joinMesh(code: string): Promise<void> {
    const ran = await this.run(["mesh", "join", "-"], { stdin: `${code}\n` });
    assertEquals(ran.code, 0, ran.stderr);
  }

  /** Starts a node; resolves when it can be reached, rejects at once when it ends before. */
  async serve(...args: string[]): Promise<ServedNode> {
    const readyFile = `${this.home.path}/ready-${this.#readyFiles++}.json`;
    const process = this.start(["serve", "--ready-file", readyFile, ...args]);
    return await ServedNode.whenReady(process, readyFile);
  }

  /** Starts `discover --watch`; resolves once its first list is complete. */
  async watch(...args: string[]): Promise<NodeWatch> {
    const watch = new NodeWatch(this.start(["discover", "--watch", ...args]));
    await watch.until("its first list", (lines) => lines.find((line) => line.op === "sync"));
    return watch;
  }

  /** The names of what stands in the run directory. */
  runFiles(): string[] {
    try {
      return Array.from(Deno.readDirSync(this.runDirectory), ({ name }) => name).sort();
    } catch (thrown) {
      if (thrown instanceof Deno.errors.NotFound) return [];
      throw thrown;
    }
  }
}

/** A running node. */
export class ServedNode {
  private constructor(readonly process: CapturedProcess, readonly ready: ReadyNote) {}

  /** Waits for a ready file; rejects with what the process said when it ends before. */
  static async whenReady(process: CapturedProcess, readyFile: string): Promise<ServedNode> {
    const ready = await eventually("the ready file", async () => {
      const text = await Deno.readTextFile(readyFile).catch(() => null);
      if (text !== null) return JSON.parse(text) as ReadyNote;
      if (!process.isRunning) await process.until("it was ready", () => null);
      return null;
    });
    return new ServedNode(process, ready);
  }

  /** The port of its TCP listener. */
  get port(): number {
    const tcp = this.ready.addresses.find((address) => address.startsWith("tcp://"));
    return Number(/:(\d+)$/.exec(tcp ?? "")?.[1]);
  }

  /** Asks it to end and waits until it has. */
  async stop(): Promise<Ran> {
    this.process.kill("SIGTERM");
    return await this.process.ended();
  }

  /** Ends it as a power loss would, and waits until it is gone. */
  async crash(): Promise<void> {
    this.process.kill("SIGKILL");
    await this.process.ended();
  }
}

/** A running `discover --watch`, read line by line. */
export class NodeWatch {
  constructor(readonly process: CapturedProcess) {}

  /** All lines so far. */
  get lines(): WatchLine[] {
    const complete = this.process.stdout.slice(0, this.process.stdout.lastIndexOf("\n") + 1);
    return complete.split("\n").filter((line) => line !== "").map((line) => JSON.parse(line) as WatchLine);
  }

  /** What the lines so far come to: the nodes by name. */
  get nodes(): Map<string, ListedNode> {
    const nodes = new Map<string, ListedNode>();
    for (const line of this.lines) {
      if (line.op === "sync") continue;
      if (line.op === "remove") nodes.delete(line.name);
      else nodes.set(line.name, line);
    }
    return nodes;
  }

  /** Waits until `probe`, asked at every new line, finds what it wants. */
  async until<T>(
    what: string,
    probe: (lines: WatchLine[]) => T,
    timeoutMs?: number,
  ): Promise<NonNullable<T>> {
    return await this.process.until(what, () => probe(this.lines), timeoutMs);
  }

  /** Waits until the node of this name is listed in this state. */
  async untilState(name: string, state: ListedNode["state"], timeoutMs?: number): Promise<ListedNode> {
    return await this.until(`${name} to be ${state}`, () => {
      const node = this.nodes.get(name);
      return node?.state === state ? node : null;
    }, timeoutMs);
  }
}

/** The IPv4 hosts of a node's TCP endpoints, sorted. Every interface has a link-local IPv6 one besides. */
export function tcpHosts(node: Pick<ListedNode, "endpoints">): string[] {
  return node.endpoints.flatMap(({ address }) => /^tcp:\/\/([0-9.]+):/.exec(address)?.[1] ?? []).sort();
}
