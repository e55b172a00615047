// All sessions of a node: accepted and dialled ones.
// Decides how many there may be and that each greets in time; keeps one open session a peer for callers to share.

import { HanaError, type NodeId } from "../base/mod.ts";
import { Session } from "../session/mod.ts";
import { type Link, StreamCarrier } from "../transport/mod.ts";
import type { ConnectorContext } from "./connector.ts";

/** Counters of a node's sessions. */
export interface SessionSetCounters {
  accepted: number;
  greeted: number;
  refusedFull: number;
  /** Accepted connections that never became sessions. */
  failedGreetings: number;
  lost: number;
}

/** Sessions at once unless configured otherwise: a hundred machines with a few tools each, four times over. */
export const DEFAULT_MAX_SESSIONS = 1024;

/** The sessions of one node. */
export class SessionSet {
  readonly counters: SessionSetCounters = {
    accepted: 0,
    greeted: 0,
    refusedFull: 0,
    failedGreetings: 0,
    lost: 0,
  };
  readonly #sessions = new Set<Session>();
  readonly #byPeer = new Map<NodeId, Session>();
  readonly #listeners = new Set<(session: Session) => void>();
  #lastFailure: HanaError | null = null;

  constructor(private readonly maxSessions: number) {}

  get size(): number {
    return this.#sessions.size;
  }
  /** Why the last accepted connection failed to become a session; for diagnosis. */
  get lastFailure(): HanaError | null {
    return this.#lastFailure;
  }

  /** All sessions, greeted or not. */
  all(): Session[] {
    return [...this.#sessions];
  }

  /** Calls `listener` with every session that a peer opens to us, once it has greeted. Returns how to stop it. */
  onAccepted(listener: (session: Session) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** An open session with this peer that we dialled, if there is one. */
  with(id: NodeId): Session | null {
    const session = this.#byPeer.get(id);
    return session?.isOpen === true ? session : null;
  }

  /** Takes in a connection that came. `local` connections come by the guarded socket of this machine. */
  accept(context: ConnectorContext, link: Link, local: boolean): void {
    this.counters.accepted++;
    if (this.#sessions.size >= this.maxSessions) {
      this.counters.refusedFull++;
      // Nothing is said: the peer may be anybody.
      link.open({
        onOpen: () => {},
        onFrame: () => {},
        onWritable: () => {},
        onEnd: () => {},
        onClose: () => {},
      });
      link.abort();
      return;
    }
    const session = Session.start({
      platform: context.platform,
      carrier: new StreamCarrier(link),
      side: "listener",
      local: context.local,
      handlers: context.handlers,
      ...(context.codec === undefined ? {} : { codec: context.codec }),
      trusted: local || context.trusted,
      ...(context.limits === undefined ? {} : { limits: context.limits }),
    });
    this.#keep(session);
    session.ready.then(() => {
      this.counters.greeted++;
      for (const listener of this.#listeners) listener(session);
    }, (thrown) => {
      this.counters.failedGreetings++;
      if (thrown instanceof HanaError) this.#lastFailure = thrown;
    });
  }

  /** Takes in a session that we dialled and that is ready. */
  adopt(session: Session): void {
    this.#keep(session);
    this.#byPeer.set(session.peer.id, session);
  }

  /** Says goodbye on all sessions; resolves when they are over. */
  async closeAll(reason: string): Promise<void> {
    await Promise.all(this.all().map((session) => session.close(reason)));
  }

  #keep(session: Session): void {
    this.#sessions.add(session);
    void session.ended.then((end) => {
      if (end.kind === "lost") this.counters.lost++;
      this.#sessions.delete(session);
      for (const [id, kept] of this.#byPeer) if (kept === session) this.#byPeer.delete(id);
    });
  }
}
