// A network of its own with a first node; for every command a second one comes, is met, and goes.
// Registries are watched through the nodes' local sockets (`hana.nodes.watch`), so nothing is polled.
// Arguments: the executable, and an empty directory.

import { Node, NODES_DELTA, type NodeView, WATCH_NODES } from "../../../lib/node/mod.ts";
import { denoPlatform } from "../../../lib/platform/deno/mod.ts";
import { openMeshKeyRing } from "../../../lib/security/mod.ts";
import type { Session } from "../../../lib/session/mod.ts";
import { endChildren, signalChild, startChild } from "../children.ts";
import { TextLineReader } from "../lines.ts";
import { serveCommands, tell } from "./commands.ts";

const [hana = "", directory = ""] = Deno.args;
const keyFile = `${directory}/key`;
const READY_MS = 10_000;
const GRACE_MS = 3_000;
/** The first node's own announcements at its start must be over before somebody comes. */
const SETTLE_MS = 2_500;

/** A running `hana serve`. */
class Serve {
  private constructor(
    readonly child: Deno.ChildProcess,
    readonly id: string,
    readonly address: string,
    readonly readyMs: number,
    readonly lines: TextLineReader,
  ) {}

  static async start(name: string): Promise<Serve> {
    const child = startChild(
      [
        hana,
        ...["serve", "--name", name, "--interface", "lo", "--ndjson", "--log-level", "warn"],
        ...[
          "--state-dir",
          `${directory}/${name}`,
          "--run-dir",
          `${directory}/${name}`,
          "--key-file",
          keyFile,
        ],
      ],
      { stdin: "null", stdout: "piped", stderr: "piped" },
    );
    const lines = new TextLineReader(child.stdout);
    const line = await lines.next(READY_MS);
    const readyMs = performance.now();
    const ready = JSON.parse(line ?? "{}") as { id?: string; addresses?: string[] };
    const address = ready.addresses?.find((each) => each.startsWith("unix://"));
    if (ready.id === undefined || address === undefined) {
      throw new Error(`no ready line: ${line} ${await new Response(child.stderr).text()}`);
    }
    return new Serve(child, ready.id, address, readyMs, lines);
  }

  async stop(): Promise<void> {
    signalChild(this.child, "SIGTERM");
    await this.child.status;
    await Promise.all([this.lines.cancel(), this.child.stderr.cancel()]);
  }
}

/** Watches the registries of nodes; tells when one lists another. */
class Watchers {
  readonly #seen = new Map<string, PromiseWithResolvers<number>>();

  private constructor(readonly observer: Node) {}

  static async start(): Promise<Watchers> {
    const watchers = new Watchers(
      await Node.start(denoPlatform(), {
        role: "observer",
        software: "bench",
        stateDirectory: "",
        runDirectory: null,
        keys: openMeshKeyRing(),
        tcpPort: null,
        discovery: null,
      }),
    );
    watchers.observer.onEvent(NODES_DELTA, ({ op, node }, { session }) => {
      if (op !== "remove") watchers.#onListed(session.peer.id, node as NodeView);
    });
    return watchers;
  }

  /** Watches the registry of `node`; returns the session to end it. */
  async watch(node: Serve): Promise<Session> {
    const session = await this.observer.open(node.address);
    const { nodes } = await session.request(WATCH_NODES, {});
    for (const listed of nodes as NodeView[]) this.#onListed(node.id, listed);
    return session;
  }

  /** When the node `owner` listed the node `other` as alive. */
  listed(owner: string, other: string): Promise<number> {
    return this.#entry(owner, other).promise;
  }

  #onListed(owner: string, node: NodeView): void {
    if (node.state === "alive") this.#entry(owner, node.id).resolve(performance.now());
  }

  #entry(owner: string, other: string): PromiseWithResolvers<number> {
    const key = `${owner} ${other}`;
    const entry = this.#seen.get(key) ?? Promise.withResolvers<number>();
    this.#seen.set(key, entry);
    return entry;
  }
}

Deno.addSignalListener("SIGTERM", () => void endChildren(GRACE_MS).finally(() => Deno.exit(143)));
const created = await new Deno.Command(hana, {
  args: ["mesh", "create", "--key-file", keyFile, "--state-dir", directory],
  stdin: "null",
  stdout: "null",
  stderr: "piped",
}).output();
if (!created.success) throw new Error(new TextDecoder().decode(created.stderr));
const watchers = await Watchers.start();
const first = await Serve.start("first");
await watchers.watch(first);
await new Promise((resolve) => setTimeout(resolve, SETTLE_MS));
tell({});

async function meet(number: number) {
  const second = await Serve.start(`second-${number}`);
  const session = await watchers.watch(second);
  const connectMs = performance.now() - second.readyMs;
  const [firstAt, secondAt] = await Promise.all([
    watchers.listed(first.id, second.id),
    watchers.listed(second.id, first.id),
  ]);
  await session.close();
  await second.stop();
  // Before the ready line counts as at once: the promise is about what comes after it.
  return {
    firstMs: Math.max(0, firstAt - second.readyMs),
    secondMs: Math.max(0, secondAt - second.readyMs),
    connectMs,
  };
}

try {
  await serveCommands(({ number }) => meet(Number(number)));
} finally {
  await endChildren(GRACE_MS);
}
Deno.exit(0);
