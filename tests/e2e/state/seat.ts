// Plays programs with a seat in the shared state: each a process with its node, on a machine of the tests' network.
// Decides how they are started, asked and ended; what they do is said by the tests, one line of JSON after the other,
// over a socket in the network's directory.

import { assert } from "@std/assert";
import type { NodeId } from "../../../lib/base/mod.ts";
import { denoPlatform } from "../../../lib/platform/deno/mod.ts";
import { createMeshKey, formatKeyFile, MeshKeyRing } from "../../../lib/security/mod.ts";
import { CapturedProcess, HANG_MS, withDeadline } from "../../support/captured_process.ts";
import { denoRun } from "../../support/cli.ts";
import { HanaUser } from "../../support/hana_process.ts";
import type { TestNetwork } from "../../support/namespaces.ts";
import type { SeatOptions } from "./words.ts";

const PROGRAM = new URL("../programs/state_seat.ts", import.meta.url).pathname;

/** What a seat refused, as its program heard it. */
export class SeatError extends Error {
  constructor(text: string, readonly reason: string | null) {
    super(text);
  }
}

/** How a seat stands. */
export interface SeatStatus {
  readonly id: string;
  readonly number: number;
  readonly isConnected: boolean;
  readonly isSynced: boolean;
  readonly isHosting: boolean;
  readonly hostId: string | null;
  readonly epoch: { readonly term: number; readonly hostId: string } | null;
  readonly token: string | null;
  readonly digests: Readonly<Record<string, string>>;
  readonly counts: {
    readonly reconnects: number;
    readonly joined: number;
    readonly resumed: number;
    readonly dropped: number;
    readonly alarms: number;
  };
}

/** What a write came to. */
export interface SeatWrite {
  readonly outcome: string;
  readonly single: boolean;
  readonly holderName: string | null;
  readonly priority: number;
  readonly text: string;
}

/** What a request for objects came to. */
export interface SeatOwn {
  readonly granted: readonly { readonly path: string }[];
  readonly refused: readonly {
    readonly path: string;
    readonly why: string;
    readonly ownerName: string | null;
  }[];
}

/** How the privilege stands, or what a request for it came to. */
export interface SeatPrivilege {
  readonly granted?: boolean;
  readonly isOwn?: boolean;
  readonly state?: string;
  readonly holderName: string | null;
  readonly text: string;
}

/** Somebody who is there. */
export interface SeatClient {
  readonly client: number;
  readonly name: string;
  readonly level: string;
  readonly state: string;
  readonly owned: number;
  readonly privileged: boolean;
  readonly isSelf: boolean;
}

interface Asked {
  readonly resolve: (result: unknown) => void;
  readonly reject: (error: Error) => void;
}

/** A running program with a seat. */
export class Seat {
  readonly id: NodeId;
  readonly #process: CapturedProcess;
  readonly #connection: Deno.UnixConn;
  readonly #asked: Map<number, Asked>;
  #last = 0;

  constructor(
    id: NodeId,
    readonly name: string,
    process: CapturedProcess,
    connection: Deno.UnixConn,
    asked: Map<number, Asked>,
  ) {
    this.id = id;
    this.#process = process;
    this.#connection = connection;
    this.#asked = asked;
  }

  /** The process, to stop, freeze or kill it. */
  get process(): CapturedProcess {
    return this.#process;
  }

  /** Has the program do something. Rejects with a {@linkcode SeatError} where it was refused. */
  async do<T = unknown>(
    deed: string,
    fields: Readonly<Record<string, unknown>> = {},
    limitMs = HANG_MS,
  ): Promise<T> {
    const n = ++this.#last;
    const { promise, resolve, reject } = Promise.withResolvers<unknown>();
    this.#asked.set(n, { resolve, reject });
    const bytes = new TextEncoder().encode(`${JSON.stringify({ n, deed, ...fields })}\n`);
    for (let at = 0; at < bytes.length;) at += await this.#connection.write(bytes.subarray(at));
    return await withDeadline(promise, limitMs, () => `${this.name} to ${deed}`) as T;
  }

  set(path: string, value: unknown, priority?: number): Promise<SeatWrite> {
    return this.do("set", { path, value, ...(priority === undefined ? {} : { priority }) });
  }

  /** Until everybody's value is `value` here. @returns how long that took, in milliseconds. */
  shows(path: string, value: unknown, timeoutMs = 10_000): Promise<number> {
    return this.do("shows", { path, value, timeoutMs });
  }

  /** Until the paths are defined here. */
  knows(paths: readonly string[], timeoutMs = 10_000): Promise<void> {
    return this.do("knows", { paths, timeoutMs });
  }

  /** Until all of them are there, as this program sees it. */
  seesHere(names: readonly string[], timeoutMs = 10_000): Promise<void> {
    return this.do("here", { names, timeoutMs });
  }

  /** Until nobody of this name is there or expected back. */
  seesGone(name: string, timeoutMs = 5_000): Promise<void> {
    return this.do("gone", { name, timeoutMs });
  }

  /** Until somebody is in this state. */
  seesAs(name: string, state: string, timeoutMs = 10_000): Promise<void> {
    return this.do("away", { name, state, timeoutMs });
  }

  ready(timeoutMs = 15_000): Promise<void> {
    return this.do("ready", { timeoutMs });
  }

  synced(timeoutMs = 15_000): Promise<void> {
    return this.do("synced", { timeoutMs });
  }

  own(paths: readonly string[], steal = false): Promise<SeatOwn> {
    return this.do("own", { paths, steal });
  }

  owned(): Promise<string[]> {
    return this.do("owned");
  }

  privilege(how: "request" | "seize" | "release" | "offer" | "look", to = 0): Promise<SeatPrivilege> {
    return this.do("privilege", { how, to });
  }

  presence(): Promise<SeatClient[]> {
    return this.do("presence");
  }

  status(): Promise<SeatStatus> {
    return this.do("status");
  }

  /** What the program heard since it was last asked. */
  told(): Promise<string[]> {
    return this.do("told");
  }

  /** Ends it as a person would. */
  async stop(): Promise<void> {
    await this.do("stop");
    await this.#process.ended();
  }

  /** Ends it as a power cut would. */
  async crash(): Promise<void> {
    this.#process.kill("SIGKILL");
    await this.#process.ended();
  }
}

/** How a seat differs from an app with a client in an otherwise idle show. */
export type SeatChanges = Partial<Omit<SeatOptions, "name" | "stateDirectory" | "runDirectory">>;

/** Machines on one switch, with one key, and the seats on them. */
export class Show {
  readonly #network: TestNetwork;
  readonly #users = new Map<string, HanaUser>();
  readonly #key: string;
  #sockets = 0;

  constructor(network: TestNetwork) {
    this.#network = network;
    network.addSegment("stage");
    const key = createMeshKey(denoPlatform().random.stream("mesh key"), "tour", Date.now());
    this.#key = formatKeyFile(new MeshKeyRing(key, null));
  }

  /** A machine by its name, made when it is first asked for: 10.77.1.1, 10.77.1.2, … */
  user(name: string): HanaUser {
    const known = this.#users.get(name);
    if (known !== undefined) return known;
    const address = `10.77.1.${this.#users.size + 1}/24`;
    const user = new HanaUser(
      this.#network.addMachine(name, { segments: [{ segment: "stage", address }] }),
    );
    Deno.mkdirSync(user.stateDirectory, { mode: 0o700 });
    Deno.writeTextFileSync(`${user.stateDirectory}/mesh.key`, this.#key, { mode: 0o600 });
    this.#users.set(name, user);
    return user;
  }

  /** Starts a program on the machine of its name; resolves when its node can be reached. */
  async seat(name: string, changes: SeatChanges = {}, machine = name): Promise<Seat> {
    const user = this.user(machine);
    const control = `${this.#network.directory}/seat-${this.#sockets++}`;
    const options: SeatOptions = {
      name,
      role: "app",
      stateDirectory: user.stateDirectory,
      runDirectory: user.runDirectory,
      priority: 0,
      host: false,
      parameters: [],
      displays: [],
      client: true,
      token: null,
      gives: null,
      ...changes,
    };
    using listener = Deno.listen({ transport: "unix", path: control });
    const process = user.startProgram(denoRun(PROGRAM, "--v8-flags=--expose-gc"), [
      control,
      JSON.stringify(options),
    ], {
      label: `seat ${name}`,
    });
    const ended = process.ended().then(({ stderr }) => {
      throw new Error(`${name} ended before it sat: ${stderr}`);
    });
    ended.catch(() => {});
    const connection = await withDeadline(
      Promise.race([listener.accept(), ended]),
      HANG_MS,
      () => `${name} to sit`,
    );
    const asked = new Map<number, Asked>();
    const sits = Promise.withResolvers<NodeId>();
    void read(connection, (line) => {
      const { n, id, result, error } = line;
      if (id !== undefined) return sits.resolve(id as NodeId);
      const question = asked.get(n ?? 0);
      asked.delete(n ?? 0);
      if (error === undefined) question?.resolve(result);
      else question?.reject(new SeatError(`${name}: ${error.text}`, error.reason));
    }).then(() => {
      for (const { reject } of asked.values()) reject(new Error(`${name} has ended`));
    });
    return new Seat(await sits.promise, name, process, connection, asked);
  }

  /** Several at once. */
  seats(...all: readonly (readonly [string, SeatChanges?])[]): Promise<Seat[]> {
    return Promise.all(all.map(([name, changes]) => this.seat(name, changes)));
  }
}

interface Line {
  readonly n?: number;
  readonly id?: string;
  readonly result?: unknown;
  readonly error?: { readonly reason: string | null; readonly text: string };
}

async function read(connection: Deno.UnixConn, take: (line: Line) => void): Promise<void> {
  let rest = "";
  const decoder = new TextDecoder();
  try {
    for await (const bytes of connection.readable) {
      rest += decoder.decode(bytes, { stream: true });
      const lines = rest.split("\n");
      rest = lines.pop() ?? "";
      for (const line of lines) take(JSON.parse(line) as Line);
    }
  } catch {
    // A program that was killed takes its end of the socket with it.
  }
}

/** A seat by its place: tests name what they made. */
export function at(seats: readonly Seat[], index: number): Seat {
  const seat = seats[index];
  assert(seat !== undefined);
  return seat;
}
