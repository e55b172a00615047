// All sessions of a node: accepted and dialled ones.
// Decides how many may come, and how many of them may still be strangers: at that bound the oldest one of the machine
// that has most of them gives way, so that neither idle connections nor one that floods keep members out. Keeps one
// open session a peer for callers to share.

import { HanaError, type NodeId, type Role } from "../base/mod.ts";
import { type AccessSource, type PeerAccess, Session } from "../session/mod.ts";
import type { Carrier } from "../lanes/mod.ts";
import type { Link, UdpPath } from "../transport/mod.ts";
import { accessOf, carrierFor, type ConnectorContext, datagramCarrierFor, laneOptions } from "./connector.ts";

/** Counters of a node's sessions. */
export interface SessionSetCounters {
  accepted: number;
  greeted: number;
  refusedFull: number;
  /** Accepted connections that never became sessions. */
  failedGreetings: number;
  /** Of those, how many had to give way to newer ones. */
  evicted: number;
  /** Sessions that had greeted, and ended without a goodbye. */
  lost: number;
}

/** Accepted connections that have not greeted yet; one more ends the oldest of them. */
const MAX_STRANGERS = 64;

/** Sessions at once unless configured otherwise: a hundred machines with a few tools each, four times over. */
export const DEFAULT_MAX_SESSIONS = 1024;

/** The sessions of one node. */
export class SessionSet {
  readonly counters: SessionSetCounters = {
    accepted: 0,
    greeted: 0,
    refusedFull: 0,
    failedGreetings: 0,
    evicted: 0,
    lost: 0,
  };
  readonly #sessions = new Set<Session>();
  /** Accepted ones that have not greeted yet, oldest first. */
  readonly #strangers = new Set<Session>();
  #closed = false;
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
    if (this.#admits()) {
      const access = (): PeerAccess => accessOf(context, link, local);
      return this.#start(context, carrierFor(context, link, "listener"), access);
    }
    // Nothing is said: the peer may be anybody.
    link.open({
      onOpen: () => {},
      onFrame: () => {},
      onWritable: () => {},
      onEnd: () => {},
      onClose: () => {},
    });
    link.abort();
  }

  /** Takes in a path over datagrams whose handshake is done. */
  acceptPath(context: ConnectorContext, path: UdpPath): void {
    if (this.#admits()) this.#start(context, datagramCarrierFor(context, path), context.access);
    else path.close();
  }

  /** Whether there is room for one more, which the oldest stranger may have to make. */
  #admits(): boolean {
    this.counters.accepted++;
    if (this.#strangers.size >= Math.min(MAX_STRANGERS, this.maxSessions)) this.#evictStranger();
    if (!this.#closed && this.#sessions.size < this.maxSessions) return true;
    this.counters.refusedFull++;
    return false;
  }

  #start(context: ConnectorContext, carrier: Carrier, access: AccessSource): void {
    const session = Session.start({
      platform: context.platform,
      carrier,
      side: "listener",
      local: context.local,
      handlers: context.handlers,
      ...(context.codec === undefined ? {} : { codec: context.codec }),
      access,
      ...laneOptions(context, true),
      ...(context.fence === undefined ? {} : { fence: context.fence }),
      ...(context.limits === undefined ? {} : { limits: context.limits }),
    });
    this.#strangers.add(session);
    this.#keep(session);
    session.ready.then(() => {
      this.#strangers.delete(session);
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

  /** Our node has another role: every peer is told. */
  changeRole(role: Role): void {
    for (const session of this.all()) session.changeRole(role);
  }

  /** Says goodbye on all sessions and takes in no more; resolves when they are over. */
  async closeAll(reason: string): Promise<void> {
    this.#closed = true;
    await Promise.all(this.all().map((session) => session.close(reason)));
  }

  #evictStranger(): void {
    const crowded = mostFrequent([...this.#strangers].map(hostOf));
    for (const oldest of this.#strangers) {
      // One that has greeted in this very turn is told of later.
      if (oldest.isOpen || hostOf(oldest) !== crowded) continue;
      this.counters.evicted++;
      // Its end is told later; it must make room now.
      this.#strangers.delete(oldest);
      this.#sessions.delete(oldest);
      oldest.abort(
        new HanaError("overloaded", { what: "a connection that did not greet gave way to another" }),
      );
      return;
    }
  }

  #keep(session: Session): void {
    this.#sessions.add(session);
    void session.ended.then((end) => {
      if (end.kind === "lost" && !this.#strangers.has(session)) this.counters.lost++;
      this.#strangers.delete(session);
      this.#sessions.delete(session);
      for (const [id, kept] of this.#byPeer) if (kept === session) this.#byPeer.delete(id);
    });
  }
}

/** The machine at the other end: `10.0.0.7` of `tcp://10.0.0.7:51234`. */
function hostOf(session: Session): string {
  return session.remote.replace(/:\d+$/, "");
}

function mostFrequent(texts: readonly string[]): string | null {
  const counts = new Map<string, number>();
  let best: string | null = null;
  for (const text of texts) {
    const count = (counts.get(text) ?? 0) + 1;
    counts.set(text, count);
    if (best === null || count > (counts.get(best) ?? 0)) best = text;
  }
  return best;
}
