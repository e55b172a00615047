// A program with a seat in the shared state, as somebody would write one who uses hana as a library.
// state_seat.ts CONTROL OPTIONS: a node, and its client where wanted; does what lines of JSON on the socket CONTROL say,
// and answers each. Never decides anything itself: seat.ts (tests/e2e/state) plays it.

// deno-lint-ignore-file no-console

import { loadKeyRing, Node, openMeshKeyRing } from "../../../lib/mod.ts";
import { denoPlatform } from "../../../lib/platform/deno/mod.ts";
import { StateClient, StateError } from "../../../lib/state/client/mod.ts";
import {
  groupDefinition,
  groupPath,
  readDefinitions,
  readGroup,
  type ReplicaService,
  STATE_HOST,
} from "../../../lib/state/mod.ts";
import type { SeatOptions, SeatShown } from "../state/words.ts";

type Fields = Readonly<Record<string, unknown>>;

const [control = "", optionsText = "{}"] = Deno.args;
const options = JSON.parse(optionsText) as SeatOptions;
const platform = denoPlatform();
const { stateDirectory } = options;
const node = await Node.start(platform, {
  role: options.role,
  name: options.name,
  software: "example 1.0",
  stateDirectory,
  runDirectory: options.runDirectory,
  keys: loadKeyRing(platform.files, `${stateDirectory}/mesh.key`, platform.host.userId) ?? openMeshKeyRing(),
  priority: options.priority,
  discovery: {},
  readsHardware: false,
  state: { host: options.host, parameters: readDefinitions(options.parameters) },
});

const shown: SeatShown[] = [];
if (options.displays.length > 0) {
  const display = { size: null, resolution: [1920, 1080], pose: null, status: "on" } as const;
  node.state.attachDisplays(new Map(options.displays.map((id) => [id, { ...display, name: id }])), {
    show: (_group, { edition }) => {
      const atMs = performance.timeOrigin + performance.now();
      for (const id of options.displays) shown.push({ display: id, version: edition.version, atMs });
    },
  });
}

let service: ReplicaService | null = null;
let client: StateClient | null = null;
const counts = { reconnects: 0, joined: 0, resumed: 0, dropped: 0, alarms: 0 };
const told: string[] = [];

function join(token: string | null): StateClient {
  if (client !== null) return client;
  service = node.state.client({ name: options.name, ...(token === null ? {} : { token: bytesOf(token) }) });
  client = new StateClient({ port: service, timers: platform.timers });
  client.onEvent((event) => {
    if (event.kind === "joined") {
      counts.joined++;
      if (event.resumed) counts.resumed++;
    } else if (event.kind === "reconnect") {
      counts.reconnects++;
      told.push(`reconnect ${event.reason} ${event.text}`);
    } else if (event.kind === "dropped") counts.dropped++;
    else if (event.kind === "alarm") {
      counts.alarms++;
      told.push(`alarm ${event.alarm}`);
    }
  });
  client.privilege.onChange(({ state, holderName, isOwn }) =>
    told.push(`privilege ${state} ${holderName ?? "nobody"}${isOwn ? " own" : ""}`)
  );
  client.ownership.onChange(({ path, state, ownerName }) =>
    told.push(`own ${path} ${state} ${ownerName ?? "nobody"}`)
  );
  client.ownership.onOwnRequest((request) => {
    told.push(`asked ${request.paths.join(",")} by ${request.byName}`);
    if (options.gives === true) request.grant();
    else if (options.gives === false) request.refuse();
  });
  client.privilege.onRequest((request) => {
    told.push(`privilege asked by ${request.byName}`);
    if (request.kind === "offered") return;
    if (options.gives === true) void request.accept().catch(() => {});
    else if (options.gives === false) request.decline();
  });
  return client;
}

/** Faders that move by themselves: the newest value counts, nothing is awaited. */
class Faders {
  written = 0;
  refused = 0;
  #timer = 0;
  #at = 0;

  start(paths: readonly string[], hz: number, priorities: readonly number[], stepped: number): void {
    this.stop();
    this.#timer = setInterval(() => {
      this.#at++;
      for (const [index, path] of paths.entries()) {
        const priority = priorities[(this.#at + index) % priorities.length] ?? 100;
        const answer = seat().trySet(path, (this.#at * stepped + index) % 360, { priority });
        if (answer === "taken") this.written++;
        else this.refused++;
      }
    }, 1_000 / hz);
  }

  stop(): void {
    clearInterval(this.#timer);
  }
}

const faders = new Faders();

function seat(): StateClient {
  if (client === null) throw new Error("this seat has no client");
  return client;
}

function port(): ReplicaService {
  if (service === null) throw new Error("this seat has no client");
  return service;
}

/** Waits until `probe` holds, asked after every batch; throws after `timeoutMs`. */
async function until(what: string, probe: () => boolean, timeoutMs: number): Promise<void> {
  const startMs = performance.now();
  for (;;) {
    if (probe()) return;
    if (performance.now() - startMs > timeoutMs) {
      const { lastFailure } = port();
      const missing = JSON.stringify(seat().missing());
      throw new Error(
        `${what}: not within ${timeoutMs} ms; missing ${missing}; ${lastFailure?.message ?? ""}`,
      );
    }
    const batch = Promise.withResolvers<void>();
    const stop = port().onBatch(batch.resolve);
    const timer = setTimeout(batch.resolve, 20);
    await batch.promise;
    clearTimeout(timer);
    stop();
  }
}

/** One after the other, without a pause: how fast a single writer is answered. */
async function writeMany(path: string, count: number): Promise<number[]> {
  const tookUs: number[] = [];
  for (let number = 0; number < count; number++) {
    const startMs = performance.now();
    await seat().set(path, number % 360);
    tookUs.push(Math.round((performance.now() - startMs) * 1_000));
  }
  return tookUs.sort((a, b) => a - b);
}

const DEEDS: Readonly<Record<string, (fields: Fields) => unknown>> = {
  join: ({ token }) => void join(typeof token === "string" ? token : null),
  ready: ({ timeoutMs }) => seat().ready({ timeoutUs: Number(timeoutMs) * 1_000 }),
  define: ({ line }) => seat().define(String(line)),
  forget: ({ path }) => seat().forget(String(path)),
  set: ({ path, value, priority, timeoutMs }) =>
    seat().set(String(path), value, {
      ...(typeof priority === "number" ? { priority } : {}),
      ...(typeof timeoutMs === "number" ? { timeoutUs: timeoutMs * 1_000 } : {}),
    }),
  release: ({ path }) => seat().release(String(path)),
  claim: ({ path }) => seat().claim(String(path)),
  get: ({ path }) => seat().get(String(path)),
  list: ({ prefix }) =>
    Object.fromEntries(seat().list(String(prefix)).map(({ path, hostValue }) => [path, hostValue])),
  holder: ({ path }) => {
    const { holderName, priority, value, hostValue } = seat().info(String(path));
    return { holderName, priority, value, hostValue };
  },
  shows: async ({ path, value, timeoutMs }) => {
    const isThere = () => {
      const info = seat().has(String(path)) ? seat().info(String(path)) : null;
      return info !== null && JSON.stringify(info.hostValue) === JSON.stringify(value);
    };
    const startMs = performance.now();
    await until(
      `${path} is ${JSON.stringify(value)}, not ${seat().get(String(path))}`,
      isThere,
      Number(timeoutMs),
    );
    return performance.now() - startMs;
  },
  knows: ({ paths, timeoutMs }) =>
    until(
      `${paths} are there`,
      () => (paths as string[]).every((path) => seat().has(path)),
      Number(timeoutMs),
    ),
  here: ({ names, timeoutMs }) =>
    until(`${names} are there`, () => {
      const there = seat().presence().filter(({ state }) => state === "joined").map(({ name }) => name);
      return (names as string[]).every((name) => there.includes(name));
    }, Number(timeoutMs)),
  gone: ({ name, timeoutMs }) =>
    until(`${name} is gone`, () => seat().presence().every((one) => one.name !== name), Number(timeoutMs)),
  away: ({ name, state, timeoutMs }) =>
    until(
      `${name} is ${state}`,
      () => seat().presence().some((one) => one.name === name && one.state === state),
      Number(timeoutMs),
    ),
  owns: ({ name, count, timeoutMs }) =>
    until(
      `${name} owns ${count}: ${JSON.stringify(seat().presence())}`,
      () => seat().presence().some((one) => one.name === name && one.owned === count),
      Number(timeoutMs),
    ),
  privileged: ({ name, timeoutMs }) =>
    until(
      `${name} is privileged`,
      () => seat().presence().every((one) => one.privileged === (one.name === name)),
      Number(timeoutMs),
    ),
  accepts: async ({ timeoutMs }) => {
    const { privilege } = seat();
    await until("it is offered", () => privilege.standing.state === "offered", Number(timeoutMs));
    return await privilege.accept();
  },
  toldOf: async ({ what, timeoutMs }) => {
    await until(
      `${what}: ${told.join("; ")}`,
      () => told.some((line) => line.startsWith(String(what))),
      Number(timeoutMs),
    );
    return told.splice(0);
  },
  synced: ({ timeoutMs }) => until("everything is here", () => seat().isSynced, Number(timeoutMs)),
  hostedBy: ({ id, timeoutMs }) =>
    until(
      `${id} hosts`,
      () => port().replica.epoch?.hostId === id && seat().isConnected && seat().isSynced,
      Number(timeoutMs),
    ),
  why: ({ path }) => seat().why(String(path)),
  sessions: () => seat().sessions(),
  host: () => port().ask(STATE_HOST, {}),
  presence: () => seat().presence(),
  own: ({ paths, steal }) => seat().ownership.own(paths as string[], { steal: steal === true }),
  disown: ({ paths }) => seat().ownership.disown(paths as string[]),
  transfer: ({ paths, to }) => seat().ownership.transfer(paths as string[], Number(to)),
  owned: () => seat().ownership.owned().map(({ path }) => path),
  ownerOf: ({ path }) => seat().ownership.ownerOf(String(path)),
  privilege: ({ how, to }) => {
    const { privilege } = seat();
    switch (how) {
      case "request":
        return privilege.request();
      case "seize":
        return privilege.seize();
      case "release":
        return privilege.release();
      case "offer":
        return privilege.offer(Number(to));
      default:
        return privilege.standing;
    }
  },
  // Makes a group of displays, or its next version.
  group: async ({ id, group, isNew }) => {
    const read = readGroup(String(id), group);
    await seat().transaction((transaction) => {
      if (isNew === true) transaction.define(groupDefinition(String(id), read));
      else transaction.put(groupPath(String(id)), { ...read });
    });
  },
  shown: async ({ version, timeoutMs }) => {
    await until(`version ${version}`, () => shown.some((one) => one.version === version), Number(timeoutMs));
    return shown.filter((one) => one.version === version);
  },
  // Many paths at once, as a host makes them itself.
  bulk: ({ count, prefix }) => {
    const { hosted } = node.state;
    if (hosted === null) throw new Error("this node does not host");
    const made = Array.from(
      { length: Number(count) },
      (_, index) => ({ path: `${prefix}-${index}`, type: "f32", default: index }),
    );
    for (let from = 0; from < made.length; from += 1_000) {
      for (const each of readDefinitions(made.slice(from, from + 1_000))) {
        hosted.host.define(hosted.nowUs(), each);
      }
    }
    hosted.pumpSoon();
  },
  // Joins now, and tells how long it took until everything was here.
  joinTimed: async ({ path }) => {
    const startMs = performance.now();
    join(null);
    await until("everything is here", () => seat().isSynced && seat().get(String(path)) !== null, 20_000);
    return performance.now() - startMs;
  },
  status: () => ({
    id: node.id,
    number: client?.number ?? 0,
    isConnected: client?.isConnected ?? false,
    isSynced: client?.isSynced ?? false,
    isHosting: node.state.hosted !== null,
    hostId: node.state.hostId,
    epoch: service?.replica.epoch ?? null,
    token: service === null || service.replica.token === null ? null : hexOf(service.replica.token),
    digests: digests(),
    counts,
  }),
  told: () => told.splice(0),
  statistics: () => ({ state: node.state.statistics() }),
  faders: ({ paths, hz, priorities, step }) =>
    faders.start(paths as string[], Number(hz), priorities as number[], Number(step)),
  stopFaders: () => {
    faders.stop();
    return { written: faders.written, refused: faders.refused };
  },
  writeMany: ({ path, count }) => writeMany(String(path), Number(count)),
  // What lives, and not what has not been collected yet.
  memory: () => {
    (globalThis as { gc?: () => void }).gc?.();
    return { rss: Deno.memoryUsage().rss, heap: Deno.memoryUsage().heapUsed };
  },
  // A program that hangs: nothing of it runs, its sockets stay.
  hang: ({ ms }) => {
    const endMs = performance.now() + Number(ms);
    while (performance.now() < endMs);
  },
  // A connection that ends without a word, though the program goes on.
  abandon: () => port().abandon(),
  leave: () => port().close(),
  stop: async () => {
    faders.stop();
    await node.stop();
  },
};

/** What of every subsystem is here, as two programs can compare it. */
function digests(): Record<string, string> {
  const { book, values } = service?.replica ?? {};
  if (book === undefined || book === null || values === undefined || values === null) return {};
  return Object.fromEntries(
    seat().list().map((
      { path, hostValue, holder, priority },
    ) => [path, JSON.stringify([hostValue, holder, priority])]),
  );
}

function hexOf(bytes: Uint8Array): string {
  return bytes.toHex();
}

function bytesOf(hex: string): Uint8Array {
  return Uint8Array.fromHex(hex);
}

const connection = await Deno.connect({ transport: "unix", path: control });
const encoder = new TextEncoder();
let writing = Promise.resolve();

function answer(line: unknown): void {
  const bytes = encoder.encode(`${JSON.stringify(line)}\n`);
  writing = writing.then(async () => {
    for (let at = 0; at < bytes.length;) at += await connection.write(bytes.subarray(at));
  });
}

async function perform(n: number, deed: string, fields: Fields): Promise<void> {
  try {
    const act = DEEDS[deed];
    if (act === undefined) throw new Error(`a seat cannot ${deed}`);
    const result = await act(fields);
    answer({ n, result: result ?? null });
    if (deed !== "stop") return;
    await writing;
    Deno.exit(0);
  } catch (thrown) {
    const reason = thrown instanceof StateError ? thrown.reason : null;
    const text = thrown instanceof Error ? thrown.message : String(thrown);
    answer({ n, error: { reason, text } });
  }
}

if (options.client) join(options.token);
answer({ id: node.id });
let rest = "";
const decoder = new TextDecoder();
for await (const bytes of connection.readable) {
  rest += decoder.decode(bytes, { stream: true });
  const lines = rest.split("\n");
  rest = lines.pop() ?? "";
  for (const line of lines) {
    const { n, deed, ...fields } = JSON.parse(line) as { n: number; deed: string };
    void perform(n, deed, fields);
  }
}
console.error("the tests are gone");
Deno.exit(1);
