// The nodes that keep copies of the shared state: whom a new host asks, and whom a host keeps up to date.
// Decides the order (apps first, as they would lead) and the number; never what is copied.

import { HanaError, type NodeId } from "../../base/mod.ts";
import { priorityOf, type RegistryEntry } from "../../discovery/mod.ts";
import type { TimerHandle } from "../../platform/mod.ts";
import type { Session } from "../../session/mod.ts";
import {
  COPIED_LANE,
  COPY_LANE,
  type CopyKeeper,
  CopyLink,
  type HostService,
  isNewer,
  isStateLane,
  LaneLink,
  receiverOf,
  type StandbyUpdate,
  type StateEpoch,
} from "../../state/mod.ts";
import { isThere } from "./election.ts";
import type { StateNode } from "./surroundings.ts";

/** How many copies a host has kept beside its own. */
export const STANDBYS = 2;
/** With those that are to be replaced: none goes before the ones that follow have everything. */
const MAX_LINKED = 2 * STANDBYS;
/** How many nodes a new host asks for a copy. */
export const MAX_ASKED = 16;
/** How long a new host waits for their answers, in microseconds. */
export const GATHER_US = 300_000;
/** The pause before another standby is looked for, in microseconds. */
const RETRY_US = 1_000_000;
const OPEN_US = 1_000_000;

const RANKS = ["app", "daemon", "visualization"];

/** Counters of the copies of one node. */
export interface CopiesCounters {
  asked: number;
  answered: number;
  /** Copies of others that were newer than the own. */
  fetched: number;
  standbysJoined: number;
  standbysLost: number;
}

/** A node that keeps a copy, or is about to. */
interface Standby {
  readonly id: NodeId;
  link: CopyLink | null;
  session: Session | null;
  /** Another one has taken its place; its link is being closed. */
  isLeaving: boolean;
}

/** The copies of the host that this node is, or is about to be. */
export class Keepers {
  readonly counters: CopiesCounters = {
    asked: 0,
    answered: 0,
    fetched: 0,
    standbysJoined: 0,
    standbysLost: 0,
  };
  readonly #node: StateNode;
  readonly #keeper: CopyKeeper;
  readonly #links = new Map<Session, CopyLink>();
  readonly #standbys = new Map<NodeId, Standby>();
  #service: HostService | null = null;
  #timer: TimerHandle | null = null;
  /** Told when a standby has a copy of a later reign. */
  onNewerTerm: ((epoch: StateEpoch) => void) | null = null;

  constructor(node: StateNode, keeper: CopyKeeper) {
    this.#node = node;
    this.#keeper = keeper;
    // What comes back from keepers that were asked …
    node.onLane(COPIED_LANE, (lane, session) => {
      const link = this.#links.get(session);
      return link === undefined || !isStateLane(lane) ? null : receiverOf(link.handlers);
    });
    // … and what a host or a node that is about to be one wants of this keeper.
    node.onLane(COPY_LANE, (lane, session) => {
      if (!isStateLane(lane) || session.access !== "operator") return null;
      try {
        return receiverOf(keeper.accept(new LaneLink(session, COPIED_LANE), session.peer.id));
      } catch (thrown) {
        if (!(thrown instanceof HanaError)) throw thrown;
        return null;
      }
    });
  }

  /** Who keeps copies of this host now. */
  get standbys(): { id: NodeId; confirmed: boolean }[] {
    return Array.from(this.#standbys, ([id, { link }]) => ({ id, confirmed: link?.isConfirmed === true }));
  }

  /** The newest copy that can be had within {@linkcode GATHER_US}; null where nobody has one. */
  async gather(): Promise<StandbyUpdate | null> {
    const asked = this.#candidates().slice(0, MAX_ASKED);
    let best = this.#keeper.snapshot();
    if (asked.length === 0) return best;
    const { clock, timers } = this.#node.platform;
    const over = Promise.withResolvers<null>();
    const timer = timers.schedule(clock.nowUs() + GATHER_US, () => over.resolve(null));
    const answers = asked.map(async ({ record }) => {
      const update = await this.#ask(record, over.promise);
      if (update !== null && isNewer(update, best?.epoch ?? null, best?.number ?? 0)) {
        this.counters.fetched++;
        best = update;
      }
    });
    await Promise.all(answers);
    timer.cancel();
    return best;
  }

  /** This node hosts: from now on there are standbys, as soon as there is something to keep. */
  begin(service: HostService): void {
    this.#service = service;
    this.refresh();
  }

  /** It hosts no more. */
  end(): void {
    this.#service = null;
    this.#timer?.cancel();
    this.#timer = null;
    for (const { session } of this.#standbys.values()) void session?.close("shared state");
    this.#standbys.clear();
  }

  /** The list of nodes, or what there is to keep, has changed. */
  refresh(): void {
    const service = this.#service;
    if (service === null || service.isOver || service.host.document.book.lastId === 0) return;
    const candidates = this.#candidates();
    const wanted = candidates.slice(0, STANDBYS);
    this.#giveUp(candidates);
    for (const { record } of wanted) {
      if (this.#standbys.has(record.id) || this.#standbys.size >= MAX_LINKED) continue;
      const standby: Standby = { id: record.id, link: null, session: null, isLeaving: false };
      this.#standbys.set(record.id, standby);
      this.#join(service, standby, record).catch(() => this.#lost(standby));
    }
  }

  /** Ends the links to those that come later in the order, the last first: as long as so many others have everything. */
  #giveUp(candidates: readonly RegistryEntry[]): void {
    const rankOf = ({ id }: Standby): number => {
      const rank = candidates.findIndex(({ record }) => record.id === id);
      return rank < 0 ? Infinity : rank;
    };
    const later = [...this.#standbys.values()]
      .filter((standby) => standby.session !== null && rankOf(standby) >= STANDBYS)
      .sort((a, b) => rankOf(a) < rankOf(b) ? 1 : -1);
    for (const standby of later) {
      if (standby.isLeaving) continue;
      const whole = [...this.#standbys.values()]
        .filter((other) => other !== standby && !other.isLeaving && other.link?.isConfirmed === true);
      if (rankOf(standby) !== Infinity && whole.length < STANDBYS) continue;
      standby.isLeaving = true;
      void standby.session?.close("shared state");
    }
  }

  async #join(service: HostService, standby: Standby, record: RegistryEntry["record"]): Promise<void> {
    const { session, link } = await this.#link(record);
    const isWanted = this.#service === service && this.#standbys.get(standby.id) === standby;
    if (!isWanted || service.isOver || !service.copies.join(service, link)) {
      void session.close("shared state");
      return this.#lost(standby);
    }
    this.counters.standbysJoined++;
    link.onNewerTerm = (epoch) => this.onNewerTerm?.(epoch);
    link.onClosed = () => {
      service.copies.leave(link);
      this.counters.standbysLost++;
      this.#lost(standby);
    };
    standby.link = link;
    standby.session = session;
  }

  /** A link is over. By then another reign may have one of its own to the same node. */
  #lost(standby: Standby): void {
    if (this.#standbys.get(standby.id) !== standby) return;
    this.#standbys.delete(standby.id);
    if (this.#service === null || this.#timer !== null) return;
    const { clock, timers } = this.#node.platform;
    this.#timer = timers.schedule(clock.nowUs() + RETRY_US, () => {
      this.#timer = null;
      this.refresh();
    });
  }

  async #ask(record: RegistryEntry["record"], over: Promise<null>): Promise<StandbyUpdate | null> {
    this.counters.asked++;
    const linked = this.#link(record).catch(() => null);
    const reached = await Promise.race([linked, over]);
    if (reached === null) {
      // It may still come; nobody waits for it.
      void linked.then((late) => late?.session.close("shared state"));
      return null;
    }
    const given = await Promise.race([reached.link.ask(this.#keeper.epoch, this.#keeper.number), over]);
    void reached.session.close("shared state");
    if (given === null) return null;
    this.counters.answered++;
    return given.update;
  }

  /** A session of its own with a node, and the lanes of copies on it. */
  async #link(record: RegistryEntry["record"]): Promise<{ session: Session; link: CopyLink }> {
    const session = await this.#node.open(record, { timeoutUs: OPEN_US });
    try {
      const link = new CopyLink(new LaneLink(session, COPY_LANE));
      this.#links.set(session, link);
      const { handlers } = link;
      void session.ended.then(() => {
        this.#links.delete(session);
        handlers.onClosed();
      });
      return { session, link };
    } catch (thrown) {
      void session.close("shared state");
      throw thrown;
    }
  }

  /** The nodes that can keep a copy, in the order in which they would lead. */
  #candidates(): RegistryEntry[] {
    const entries = this.#node.discovery()?.registry.snapshot() ?? [];
    return entries
      .filter((entry) => isThere(entry) && RANKS.includes(entry.record.role))
      .sort((a, b) =>
        RANKS.indexOf(a.record.role) - RANKS.indexOf(b.record.role) ||
        priorityOf(b.record.capabilities) - priorityOf(a.record.capabilities) ||
        (a.record.id < b.record.id ? -1 : 1)
      );
  }
}
