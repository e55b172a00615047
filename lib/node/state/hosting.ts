// Hosting the shared state on this node: when it begins, under which term, from which copy, and when it is over.
// Decides by the election (election.ts) and the newest copy in reach (keepers.ts); begins when somebody needs it first.
// Never decides who hosts, and never what a host says.

import type { NodeId } from "../../base/mod.ts";
import type { TimerHandle } from "../../platform/mod.ts";
import {
  type CopyKeeper,
  type HostEvent,
  HostService,
  type StandbyUpdate,
  type StateEpoch,
} from "../../state/mod.ts";
import { notHost } from "./answers.ts";
import type { ElectionWatch } from "./election.ts";
import type { Keepers } from "./keepers.ts";
import type { StateNode } from "./surroundings.ts";

/** While it hosts, a node looks whether it still may at least so often, in microseconds. */
const CHECK_US = 250_000;
/**
 * A node that was told to host meets the others first, in microseconds: after a restart they have what was acknowledged
 * since it last wrote its file. A leader has met them long before it leads.
 */
const MEET_US = 1_000_000;

/** What hosting needs. */
export interface HostingOptions {
  readonly node: StateNode;
  readonly election: ElectionWatch;
  readonly keeper: CopyKeeper;
  readonly keepers: Keepers;
  /** A host is about to be over. */
  onEnding(service: HostService): void;
  /** A host has begun, or is over (null). */
  onService(service: HostService | null): void;
  onEvent(event: HostEvent): void;
  /** What the host has is other than at the last look. */
  onChange(): void;
}

/** Counters of one node's hosting. */
export interface HostingCounters {
  begun: number;
  /** Reigns that went on from a copy. */
  restored: number;
  deposed: number;
}

/** Hosts when it is this node's turn. */
export class Hosting {
  readonly counters: HostingCounters = { begun: 0, restored: 0, deposed: 0 };
  readonly #options: HostingOptions;
  readonly #sinceUs: number;
  #service: HostService | null = null;
  #beginning: Promise<HostService> | null = null;
  #newestTerm = 0;
  #timer: TimerHandle | null = null;
  /** The changes of the host at the last look. */
  #changes = 0;
  #isClosed = false;

  constructor(options: HostingOptions) {
    this.#options = options;
    this.#sinceUs = options.node.platform.clock.nowUs();
  }

  /** The host that runs here; null for none. */
  get service(): HostService | null {
    const service = this.#service;
    return service === null || service.isOver ? null : service;
  }

  /** Whether it is this node's turn. */
  get isTurn(): boolean {
    const { election, node } = this.#options;
    return !this.#isClosed && election.isSelf(node.platform.clock.nowUs());
  }

  /** The host of this node, which begins now where it does not run yet. Rejects with `not-found` where others host. */
  async ensure(): Promise<HostService> {
    const running = this.service;
    if (running !== null) return running;
    this.#beginning ??= this.#begin().finally(() => this.#beginning = null);
    return await this.#beginning;
  }

  /** Nodes or the lease are other than they were. */
  refresh(): void {
    const { election, keeper, keepers, node } = this.#options;
    const { service } = this;
    const isSelf = election.isSelf(node.platform.clock.nowUs());
    if (service !== null && !isSelf) return this.#depose(election.current()?.hostId ?? null);
    if (service !== null) return keepers.refresh();
    // Somebody left something to this node: its clients need not find that out first.
    if (isSelf && keeper.epoch !== null) void this.ensure().catch(() => {});
  }

  /**
   * A later reign was heard of, or another one of this very term: clients of that would never follow this one. Where it is
   * still this node's turn, its next reign is above both.
   */
  noteTerm(epoch: StateEpoch | { readonly term: number }): void {
    this.#newestTerm = Math.max(this.#newestTerm, epoch.term);
    const own = this.service?.host.epoch ?? null;
    if (own === null || epoch.term < own.term) return;
    if (epoch.term === own.term && (!("hostId" in epoch) || epoch.hostId === own.hostId)) return;
    this.#depose(null);
    this.refresh();
  }

  /** Another node is about to host: it asks for the newest copy, so this reign ends before it is told. */
  noteAsked(by: NodeId): void {
    if (this.#service !== null) this.#depose(by);
  }

  /** Ends. */
  close(): void {
    this.#isClosed = true;
    this.#depose(null);
  }

  async #begin(): Promise<HostService> {
    const { election, keepers, node } = this.#options;
    const check = (): void => {
      const current = election.current();
      if (this.#isClosed || !election.isSelf(node.platform.clock.nowUs())) {
        const hostId = current?.hostId ?? null;
        const name = hostId === null ? null : node.discovery()?.registry.get(hostId)?.record.name ?? null;
        throw notHost(name, hostId);
      }
    };
    check();
    if (election.current()?.mode === "fixed") await this.#meet();
    check();
    const from = await keepers.gather();
    check();
    return this.#start(from);
  }

  /** Until the others have had their time to be found. */
  async #meet(): Promise<void> {
    const { clock, timers } = this.#options.node.platform;
    const atUs = this.#sinceUs + MEET_US;
    if (clock.nowUs() < atUs) await new Promise<void>((resolve) => timers.schedule(atUs, resolve));
  }

  #start(from: StandbyUpdate | null): HostService {
    const { election, keepers, node, onEvent, onService } = this.#options;
    const { platform } = node;
    const term = Math.max(
      election.current()?.term ?? 0,
      this.#newestTerm + 1,
      (from?.epoch.term ?? 0) + 1,
    );
    this.#newestTerm = term;
    const service = new HostService({
      platform,
      epoch: { term, hostId: node.id },
      random: platform.random.stream(`state/host/${term}`),
      presence: true,
      ...(from === null ? {} : { from }),
      mayHost: () => election.isSelf(platform.clock.nowUs()),
      onEvent: (event) => {
        this.#onEvent(event);
        onEvent(event);
      },
    });
    this.counters.begun++;
    if (from !== null) this.counters.restored++;
    this.#service = service;
    this.#changes = 0;
    keepers.begin(service);
    onService(service);
    this.#watch();
    return service;
  }

  #onEvent(event: HostEvent): void {
    if (event.kind === "newer-term") this.noteTerm({ term: event.term });
    else if (event.kind === "two-hosts") this.noteTerm(event.other);
    else if (event.kind === "joined") this.#options.keepers.refresh();
  }

  #depose(successor: NodeId | null): void {
    const service = this.#service;
    if (service === null) return;
    this.#service = null;
    this.#timer?.cancel();
    this.#timer = null;
    this.counters.deposed++;
    const { keeper, keepers, onService } = this.#options;
    // What it has may be the only copy: whoever follows asks for it.
    keeper.adopt(service.host.snapshot());
    this.#options.onEnding(service);
    service.depose(successor);
    keepers.end();
    onService(null);
  }

  /** A host that is alone has nobody else to keep a copy: its own file does. */
  #lookForChanges(): void {
    const changes = this.#service?.host.changes ?? 0;
    if (changes === this.#changes || changes === 0) return;
    this.#changes = changes;
    this.#options.onChange();
  }

  /** A service that is over by its own look at the lease is noticed here at the latest. */
  #watch(): void {
    const { clock, timers } = this.#options.node.platform;
    this.#timer?.cancel();
    this.#timer = timers.schedule(clock.nowUs() + CHECK_US, () => {
      const service = this.#service;
      if (service === null) return;
      if (service.isOver) this.#depose(null);
      else this.refresh();
      this.#lookForChanges();
      if (this.#service !== null) this.#watch();
    });
  }
}
