import { assert, assertEquals, assertThrows } from "@std/assert";
import { HanaError } from "../../../lib/base/mod.ts";
import { addBuiltinMessages } from "../../../lib/node/builtin.ts";
import {
  type BuiltinSource,
  DESCRIBE,
  MAX_PING_BYTES,
  Node,
  NODES_DELTA,
  type NodeView,
  PING,
  STATISTICS,
  WATCH_NODES,
} from "../../../lib/node/mod.ts";
import { defineEvent, HandlerTable, type Session, type SessionEnd } from "../../../lib/session/mod.ts";
import { s } from "../../../lib/wire/mod.ts";
import { Park } from "./support.ts";

type Listener = (op: "add" | "update" | "remove", node: NodeView) => void;

/** As much of a session as a watcher is. */
class FakeWatcher {
  readonly posted: unknown[] = [];
  status: "sent" | "full" = "sent";
  isOpen = true;
  aborted: HanaError | null = null;
  readonly #over = Promise.withResolvers<SessionEnd>();

  get ended(): Promise<SessionEnd> {
    return this.#over.promise;
  }

  post(_definition: unknown, body: unknown): string {
    this.posted.push(body);
    return this.status;
  }

  abort(error: HanaError): void {
    this.aborted = error;
    this.end();
  }

  end(): void {
    this.isOpen = false;
    this.#over.resolve({ kind: "local", reason: "", error: null });
  }
}

function source(): {
  handlers: HandlerTable;
  listeners: Set<Listener>;
  watch: (watcher: FakeWatcher) => unknown;
} {
  const handlers = new HandlerTable();
  const listeners = new Set<Listener>();
  const faked: BuiltinSource = {
    handlers,
    nodes: () => [],
    view: () => ({ name: "self" } as NodeView),
    watchNodes: (listener) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    statistics: () => ({}),
    wallMs: () => 0,
  };
  addBuiltinMessages(faked);
  const handler = handlers.find(WATCH_NODES.name);
  assert(handler !== undefined);
  const signal = new AbortController().signal;
  return {
    handlers,
    listeners,
    watch: (watcher) => handler({}, { session: watcher as unknown as Session, signal }),
  };
}

const NODE = { name: "wall" } as NodeView;

Deno.test("a watcher gets the list and then every change, once, however often it asks", async () => {
  const { listeners, watch } = source();
  const watcher = new FakeWatcher();
  assertEquals([watch(watcher), watch(watcher)], [{ nodes: [] }, { nodes: [] }]);
  assertEquals(listeners.size, 1);
  for (const listener of listeners) listener("add", NODE);
  assertEquals(watcher.posted, [{ op: "add", node: NODE }]);
  watcher.end();
  await watcher.ended;
  assertEquals(listeners.size, 0);
});

Deno.test("sixty-four may watch, one more is refused, and a place becomes free again", async () => {
  const { listeners, watch } = source();
  const watchers = Array.from({ length: 64 }, () => new FakeWatcher());
  for (const watcher of watchers) watch(watcher);
  assertEquals(assertThrows(() => watch(new FakeWatcher()), HanaError).code, "overloaded");
  watchers[7]?.end();
  await watchers[7]?.ended;
  watch(new FakeWatcher());
  assertEquals(listeners.size, 64);
});

Deno.test("a watcher that does not keep up is cut, the others get every change", async () => {
  const { listeners, watch } = source();
  const [slow, quick] = [new FakeWatcher(), new FakeWatcher()];
  watch(slow);
  watch(quick);
  slow.status = "full";
  for (let i = 0; i < 3; i++) {
    for (const listener of [...listeners]) listener("update", NODE);
    await Promise.resolve();
  }
  assertEquals([slow.aborted?.code, slow.posted.length, quick.posted.length, quick.isOpen], [
    "overloaded",
    1,
    3,
    true,
  ]);
});

Deno.test("a node tells another one of every change of the mesh, until it stops asking", async () => {
  const park = new Park();
  const daemon = await park.start(park.host("daemon").platform, { discovery: {} });
  const late = park.host("late");
  const tool = await park.start(park.host("tool").platform);
  const [heard, session] = await watchWith(park, tool, "tcp://10.0.0.1:700");
  const node = await park.start(late.platform, { discovery: {} });
  await park.until(() => heard.includes("add late"), "the newcomer is told");
  await park.settle(node.stop());
  await park.until(() => heard.at(-1) !== "add late", "its leaving is told");
  await park.settle(session.close());
  assertEquals([daemon.stopFailure, park.crashes], [null, []]);
});

/** Watches the mesh through a node whose handlers hear what it tells. */
async function watchWith(park: Park, tool: Node, target: string): Promise<[string[], Session]> {
  const heard: string[] = [];
  const session = await park.settle(tool.connect(target));
  // A node declares the message; what to do with it is the program's.
  tool.handlers.onEvent(NODES_DELTA, ({ op, node }) => void heard.push(`${op} ${(node as NodeView).name}`));
  await park.settle(session.request(WATCH_NODES, {}));
  return [heard, session];
}

Deno.test("every node describes itself with the messages that it understands, and pings have a largest size", async () => {
  const park = new Park();
  const node = await park.start(park.host("node").platform);
  node.onEvent(
    defineEvent({
      name: "stage.hue",
      lane: "modulation",
      effect: "command",
      from: ["app"],
      to: ["daemon"],
      body: s.object({ hue: s.number() }),
    }),
    () => {},
  );
  const other: Node = await park.start(park.host("other").platform);
  const session = await park.settle(other.connect("tcp://10.0.0.1:700"));
  const { node: view, messages } = await park.settle(other.describe(session));
  assertEquals((view as NodeView).id, node.id);
  const names = messages.map((message) => message.name);
  for (const name of [DESCRIBE.name, STATISTICS.name, PING.control.name, "stage.hue"]) {
    assert(names.includes(name), name);
  }
  const largest = await park.settle(session.request(PING.state, { payload: new Uint8Array(MAX_PING_BYTES) }));
  assertEquals(largest.payload.length, MAX_PING_BYTES);
  assertThrows(() => session.post(NODES_DELTA, { op: "burn", node: null }), HanaError);
  const { statistics } = await park.settle(session.request(STATISTICS, {}));
  assertEquals((statistics as { sessions: { open: number } }).sessions.open, 1);
});
