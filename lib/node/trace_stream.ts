// What passes through a node's own discovery, told to tools on its machine.
// Decides who may ask (sessions over a local socket alone) and what a tool that is too slow misses: datagrams, counted
// in the next one that it gets. Costs nothing while nobody asks.

import { HanaError } from "../base/mod.ts";
import type { TraceEntry, TraceListener } from "../discovery/mod.ts";
import type { HandlerTable, MessageDefinition, Session } from "../session/mod.ts";
import { TRACE, TRACE_ENTRY } from "./messages.ts";

/** What tracing needs of a node. */
export interface TraceSource {
  readonly handlers: HandlerTable;
  /** Calls `listener` with every datagram from now on; returns how to stop it. */
  trace(listener: TraceListener): () => void;
  nowUs(): number;
}

/** What a tool is told of one datagram. */
export interface TracedDatagram {
  readonly entry: TraceEntry;
  /** Datagrams before this one for which there was no room. */
  readonly missed: number;
}

/** Tools that may trace a node at once; one more is refused. */
const MAX_TRACERS = 8;

/** Defines and answers the messages of tracing. */
export function addTraceMessages(source: TraceSource): void {
  const { handlers } = source;
  const tracers = new Map<Session, () => void>();
  handlers.messages.define(TRACE_ENTRY);
  handlers.onRequest(TRACE, (_body, { session }) => {
    if (!isLocal(session)) {
      throw new HanaError("refused", {
        what: "discovery is traced on its own machine alone",
        why: "this session comes over the network",
        hint: "there: hana discover --trace --attach",
      });
    }
    if (!tracers.has(session)) {
      if (tracers.size >= MAX_TRACERS) {
        throw new HanaError("overloaded", {
          what: "discovery is not traced once more",
          why: `${MAX_TRACERS} tools trace it already`,
        });
      }
      tracers.set(session, start(source, session));
      void session.ended.then(() => {
        tracers.get(session)?.();
        tracers.delete(session);
      });
    }
    return { nowUs: source.nowUs() };
  });
}

function start(source: TraceSource, session: Session): () => void {
  let missed = 0;
  return source.trace((entry) => {
    if (!session.isOpen) return;
    const status = session.post(TRACE_ENTRY as MessageDefinition, { entry, missed });
    missed = status === "full" ? missed + 1 : 0;
  });
}

function isLocal(session: Session): boolean {
  const { local, remote } = session.statistics().path;
  return /^(unix|pipe|mem):/.test(local) || /^(unix|pipe|mem):/.test(remote);
}
