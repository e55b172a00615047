// What every node answers: pings, its description, the list of nodes, statistics.
// Decides no rule of who may ask (messages.ts); reads the node through a narrow face.

import { HanaError } from "../base/mod.ts";
import type { HandlerContext, HandlerTable, MessageDefinition, Session } from "../session/mod.ts";
import { CLOCK, DESCRIBE, LIST_NODES, NODES_DELTA, PING, STATISTICS, WATCH_NODES } from "./messages.ts";
import type { NodeListener } from "./node_watch.ts";
import type { NodeView } from "./view.ts";

/** What the built-in messages need of a node. */
export interface BuiltinSource {
  readonly handlers: HandlerTable;
  /** All nodes, this one first. */
  nodes(): NodeView[];
  /** This node. */
  view(): NodeView;
  /** Calls `listener` with every change from now on; returns how to stop it. */
  watchNodes(listener: NodeListener): () => void;
  statistics(): unknown;
  /** Milliseconds since 1970 as the machine believes. */
  wallMs(): number;
}

/** Sessions that may watch at once; one more is refused. */
const MAX_WATCHERS = 64;

/** Defines and answers the built-in messages. */
export function addBuiltinMessages(source: BuiltinSource): void {
  const { handlers } = source;
  const watchers = new Map<Session, () => void>();
  for (const ping of Object.values(PING)) handlers.onRequest(ping, (body) => body);
  handlers.onRequest(DESCRIBE, () => ({ node: source.view(), messages: handlers.messages.definitions() }));
  handlers.onRequest(LIST_NODES, () => ({ nodes: source.nodes() }));
  handlers.onRequest(STATISTICS, () => ({ statistics: source.statistics() }));
  handlers.onRequest(CLOCK, () => ({ wallMs: source.wallMs() }));
  handlers.messages.define(NODES_DELTA);
  handlers.onRequest(WATCH_NODES, (_body, { session }: HandlerContext) => {
    watch(source, watchers, session);
    return { nodes: source.nodes() };
  });
}

function watch(source: BuiltinSource, watchers: Map<Session, () => void>, session: Session): void {
  if (watchers.has(session)) return;
  if (watchers.size >= MAX_WATCHERS) {
    throw new HanaError("overloaded", {
      what: "the list of nodes cannot be watched",
      why: `${MAX_WATCHERS} watch it already`,
    });
  }
  const stop = source.watchNodes((op, node, event) => {
    // A watcher that does not keep up is cut: a list with a hole in it would be a wrong list.
    const status = session.isOpen
      ? session.post(
        NODES_DELTA as MessageDefinition,
        event === undefined ? { op, node } : { op, node, event },
      )
      : "closed";
    if (status === "full") {
      session.abort(new HanaError("overloaded", { what: "the watcher does not keep up" }));
    }
  });
  watchers.set(session, stop);
  void session.ended.then(() => {
    watchers.delete(session);
    stop();
  });
}
