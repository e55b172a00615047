// A running hana node: everything below, composed on a platform. The same class serves, discovers, pings and is
// simulated (architecture rule 3). Decides the order of starting and stopping and how a name becomes a session;
// never a protocol.

import { HanaError, type Incarnation, type NodeId, type Role, toHanaError } from "../base/mod.ts";
import {
  type Availability,
  DEFAULT_DISCOVERY_PORT,
  type DiscoveryEvent,
  type DiscoveryService,
  type DnsSdService,
  encodeAvailability,
  priorityOf,
  type RegistryEntry,
  type Selection,
  selector,
} from "../discovery/mod.ts";
import { type LaneName } from "../lanes/mod.ts";
import type { MachineFacts, Platform } from "../platform/mod.ts";
import { ChannelCounters, loadSessionSuite, ReplayGuard } from "../security/mod.ts";
import {
  canBecome,
  type EventDefinition,
  type EventHandler,
  HandlerTable,
  type Identity,
  type LaneAcceptor,
  type MessageDefinition,
  parseDefinition,
  type RequestDefinition,
  type RequestHandler,
  type Session,
} from "../session/mod.ts";
import { type Address, parseAddress } from "../transport/mod.ts";
import { addBuiltinMessages } from "./builtin.ts";
import { type ConnectorContext } from "./connector.ts";
import { type LaneHandlerOptions, LaneServices } from "./lane_services.ts";
import { NodeLanes } from "./node_lanes.ts";
import { claimIdentity, ephemeralIdentity, type HeldIdentity, renewId } from "./identity_store.ts";
import { capabilitiesOf, makeDiscovery } from "./discovery_options.ts";
import { addLeaderMessages, type LeadingSource, NodeLeadership } from "./leadership.ts";
import { NodeListeners } from "./listeners.ts";
import { MachineWatch } from "./machine_watch.ts";
import { DESCRIBE, PING } from "./messages.ts";
import { nodeEventOf } from "./node_event.ts";
import { type ListedEntry, NodeFeed } from "./node_feed.ts";
import { ListWatch, type NodeListener, type NodeWatch, watchByCallback, WatchSet } from "./node_watch.ts";
import { checkGuest, type NodeOptions } from "./options.ts";
import { NodeDnsSd } from "./dns_sd.ts";
import { candidatePaths, type PathKind } from "./paths.ts";
import { NodePrograms } from "./programs.ts";
import { PeerCache } from "./peer_cache.ts";
import { isAddress, reach, type ReachableNode, type ReachOptions } from "./reach.ts";
import { resourcesOf } from "./resources.ts";
import { SharedState, type StateNode } from "./state/mod.ts";
import { DEFAULT_MAX_SESSIONS, SessionSet } from "./sessions.ts";
import { addTraceMessages } from "./trace_stream.ts";
import { type NodeView, viewOf } from "./view.ts";

/** A node of the mesh. Make one with {@linkcode Node.start}. */
export class Node {
  readonly handlers = new HandlerTable();
  readonly sessions: SessionSet;
  readonly #platform: Platform;
  readonly #options: NodeOptions;
  readonly #identity: HeldIdentity;
  readonly #connector: ConnectorContext;
  readonly #lanes: NodeLanes;
  readonly #laneServices: LaneServices;
  readonly #listeners: NodeListeners;
  readonly #channelCounters: ChannelCounters;
  readonly #conflict = Promise.withResolvers<HanaError>();
  readonly #feed: NodeFeed;
  readonly #watches = new WatchSet<ListedEntry>();
  readonly #machine: MachineWatch;
  /** Who leads, the token for commands, the fence before them. */
  readonly leadership: NodeLeadership;
  /** Shared state: its host while that is here, this node's client. */
  readonly state: SharedState;
  #role: Role;
  #factsRefused = 0;
  #resources: Readonly<Record<string, unknown>>;
  #discovery: DiscoveryService | null = null;
  #dnsSd: NodeDnsSd | null = null;
  #peerCache: PeerCache | null = null;
  #programs: NodePrograms | null = null;
  #name: string;
  #stopped: Promise<void> | null = null;
  readonly #startedUs: number;

  private constructor(
    platform: Platform,
    options: NodeOptions,
    identity: HeldIdentity,
    suite: Awaited<ReturnType<typeof loadSessionSuite>>,
  ) {
    this.#platform = platform;
    this.#options = options;
    this.#identity = identity;
    this.#name = identity.name;
    this.#resources = resourcesOf({}, options.resources ?? {});
    this.#feed = new NodeFeed(this.#feedSource(), platform.timers);
    this.#machine = new MachineWatch(platform, {
      onFacts: (facts) => this.#onFacts(facts),
      onAvailability: (availability) => this.#onAvailability(availability),
    });
    this.#startedUs = platform.clock.nowUs();
    this.#role = options.role;
    this.leadership = new NodeLeadership(this.#leadingSource(), platform.files, identity.directory);
    this.sessions = new SessionSet(options.maxSessions ?? DEFAULT_MAX_SESSIONS);
    this.#channelCounters = new ChannelCounters();
    const replayGuard = new ReplayGuard();
    this.#lanes = new NodeLanes({
      platform,
      suite,
      ring: options.keys,
      replayGuard,
      isOn: options.udpLanes !== false,
    });
    this.#laneServices = new LaneServices(this.handlers, () => platform.clock.nowUs());
    // The name may change while we run (a namesake that was first): sessions read it when they start.
    const identify = (): Identity => this.identity;
    this.#connector = {
      platform,
      security: {
        suite,
        ring: options.keys,
        random: platform.random.stream("node/handshake"),
        counters: this.#channelCounters,
        replayGuard,
        wallMs: () => platform.clock.wallMs(),
      },
      ...(options.maxFrameBytes === undefined ? {} : { maxFrameBytes: options.maxFrameBytes }),
      ...(options.memory === undefined ? {} : { memory: options.memory.network }),
      get local() {
        return identify();
      },
      handlers: this.handlers,
      fence: this.leadership.commands,
      ...(options.codec === undefined ? {} : { codec: options.codec }),
      ...(options.limits === undefined ? {} : { limits: options.limits }),
      lanes: this.#lanes,
      laneServices: this.#laneServices,
      access: options.keys.trust === "keyed" || options.insecure === true ? "operator" : "viewer",
    };
    this.#listeners = new NodeListeners(this.#connector, this.sessions);
    addBuiltinMessages({
      handlers: this.handlers,
      nodes: () => this.nodes(),
      view: () => this.view(),
      watchNodes: (listener) => this.watchNodes(listener),
      statistics: () => this.statistics(),
      wallMs: () => platform.clock.wallMs(),
    });
    addLeaderMessages(this.handlers, this.leadership);
    this.state = new SharedState(this.#stateNode(identity.directory));
    addTraceMessages({
      handlers: this.handlers,
      trace: (listener) => this.#discovery?.trace(listener) ?? (() => {}),
      nowUs: () => platform.clock.nowUs(),
    });
  }

  /**
   * Starts a node: identity, listeners, discovery. Resolves when it can be reached.
   * Rejects with `conflict`, `storage`, `refused`, `config`, `address-in-use`; nothing is left behind then.
   */
  static async start(platform: Platform, options: NodeOptions): Promise<Node> {
    const suite = await loadSessionSuite();
    const identity = options.role === "observer"
      ? ephemeralIdentity(platform, options.name, options.observerId)
      : claimIdentity(platform, {
        stateDirectory: options.stateDirectory,
        ...(options.name === undefined ? {} : { name: options.name }),
      });
    const node = new Node(platform, options, identity, suite);
    try {
      await node.#start();
      return node;
    } catch (thrown) {
      await node.stop("start failed");
      throw thrown;
    }
  }

  /** What this node is to the mesh; {@linkcode setRole} changes it while it runs. */
  get role(): Role {
    return this.#role;
  }
  get id(): NodeId {
    return this.#identity.id;
  }
  /** The name as the mesh knows it: the wanted one, or with `-2` where an earlier node has that. */
  get name(): string {
    return this.#name;
  }
  get incarnation(): Incarnation {
    return this.#identity.incarnation;
  }
  get identity(): Identity {
    const { id, incarnation } = this.#identity;
    return { id, incarnation, name: this.#name, role: this.role, software: this.#options.software };
  }
  /** Whether peers prove a mesh key. */
  get trust(): "keyed" | "open" {
    return this.#options.keys.trust;
  }
  /** Resolves when another process turns out to hold our id; this node is mute from then on and must be started anew. */
  get conflict(): Promise<HanaError> {
    return this.#conflict.promise;
  }
  /** Discovery, for its events and counters; null for a node without it. */
  get discovery(): DiscoveryService | null {
    return this.#discovery;
  }
  /** The programs of this node; null for one that supervises none. */
  get programs(): NodePrograms | null {
    return this.#programs;
  }
  /** DNS-SD, for its services and problems; null for a node without it. */
  get dnsSd(): DnsSdService | null {
    return this.#dnsSd?.service ?? null;
  }
  /** Where this node listens, as URLs: local socket first, then TCP and UDP, each once an address of an interface. */
  get addresses(): string[] {
    const interfaces = this.#platform.interfaces.list();
    return [...this.#listeners.addresses(interfaces), ...this.#lanes.addresses(interfaces)];
  }

  /** Defines a request of this node's own and answers it; it travels in {@linkcode describe}. */
  onRequest<D extends RequestDefinition>(definition: D, handler: RequestHandler<D>): void {
    this.handlers.onRequest(definition, handler);
  }

  /** Defines a one-way message of this node's own and takes it. */
  onEvent<D extends EventDefinition>(definition: D, handler: EventHandler<D>): void {
    this.handlers.onEvent(definition, handler);
  }

  /** Takes lanes that peers open under this name, those of trusted peers unless told otherwise. Returns how to stop it. */
  onLane(name: string, accept: LaneAcceptor<Session>, options?: LaneHandlerOptions): () => void {
    return this.#laneServices.on(name, accept, options);
  }

  /** This node as others see it. */
  view(): NodeView {
    const { id, incarnation } = this.#identity;
    return {
      id,
      name: this.#name,
      role: this.role,
      state: "alive",
      incarnation,
      version: this.#options.software,
      endpoints: this.#listeners.addresses(this.#platform.interfaces.list()).map((address) => ({
        kind: parseAddress(address).kind,
        address,
      })),
      interface: null,
      capabilities: this.#capabilities,
      resources: this.#resources,
      load: this.#machine.latest,
      tags: this.#options.tags ?? {},
      ageMs: 0,
      sinceMs: Math.round((this.#platform.clock.nowUs() - this.#startedUs) / 1000),
      rttMs: 0,
      trust: this.trust,
      leader: this.#discovery?.leaderId === id,
      priority: priorityOf(this.#capabilities),
      self: true,
    };
  }

  /** All nodes that are known, this one first (an observer is not one of them). */
  nodes(): NodeView[] {
    const nowUs = this.#platform.clock.nowUs();
    const leaderId = this.#discovery?.leaderId ?? null;
    const others = this.#discovery?.registry.snapshot().map((entry) => viewOf(entry, nowUs, leaderId)) ?? [];
    return this.role === "observer" ? others : [this.view(), ...others];
  }

  /** The nodes that are known and meant. Throws `usage` for a condition that `parseCondition` cannot read. */
  select(selection: Selection): NodeView[] {
    return this.nodes().filter(selector(selection));
  }

  /**
   * The list of nodes and its changes: an `add` for each node, `sync`, then every change in order, with the event that
   * explains it. A slow reader finds several changes of one node as one. Ends by `return()`, by the signal, or when the
   * node stops.
   */
  watch(options: { readonly signal?: AbortSignal } = {}): NodeWatch {
    return new ListWatch<ListedEntry>(this.#feed, options.signal, this.#watches);
  }

  /** Calls `listener` with every change of the list from now on, after the call that caused it. Returns how to stop it. */
  watchNodes(listener: NodeListener): () => void {
    return watchByCallback(this.#feed, listener);
  }

  /**
   * Finds the node that `target` means: a name, an id or the beginning of one.
   * Throws `not-found`, or `usage` when several fit.
   */
  find(target: string): RegistryEntry {
    const found = this.#discovery?.registry.lookup(target) ?? [];
    const [first, second] = found;
    if (first !== undefined && second === undefined) return first;
    if (first !== undefined) {
      throw new HanaError("usage", {
        what: `${target} means ${found.length} nodes`,
        why: found.slice(0, 4).map((entry) => `${entry.record.name} ${entry.record.id.slice(0, 8)}`).join(
          ", ",
        ),
        hint: `hana ping ${first.record.id.slice(0, 8)}`,
      });
    }
    throw new HanaError("not-found", {
      what: `no node ${target} is known`,
      why: `${this.nodes().length} nodes were heard`,
      hint: "hana discover",
    });
  }

  /**
   * A session with a node (name, id, beginning of an id) or an address (`tcp://…`, `unix://…`, `udp://…`).
   * One that is open already is shared. Rejects with `not-found`, `unreachable`, `authentication`, `timeout`, …
   */
  async connect(target: string, options: ReachOptions = {}): Promise<Session> {
    if (isAddress(target)) return await this.open(target, options);
    const entry = this.find(target);
    const isAnyWay = (options.path === undefined || options.path === "auto") && options.lanes === undefined;
    const shared = isAnyWay ? this.sessions.with(entry.record.id) : null;
    return shared ?? await this.open(target, options);
  }

  /** A session of its own, whether there is another or not. A node that somebody else found can be given whole. */
  async open(target: string | ReachableNode, options: ReachOptions = {}): Promise<Session> {
    const wanted = typeof target === "string" && !isAddress(target) ? this.find(target).record : target;
    const session = await reach(this.#connector, wanted, options);
    this.sessions.adopt(session);
    return session;
  }

  /** The addresses of a node that can be dialled from here, best first. */
  pathsTo(node: ReachableNode, kind: PathKind = "auto"): Address[] {
    return candidatePaths(node.endpoints, this.#platform.interfaces.list(), kind);
  }

  /** Round-trip time on one lane of a session in microseconds. */
  async ping(session: Session, lane: LaneName, payload: Uint8Array, timeoutUs: number): Promise<number> {
    const { clock } = this.#platform;
    const sentUs = clock.nowUs();
    await session.call(PING[lane], { payload }, { timeoutUs });
    return clock.nowUs() - sentUs;
  }

  /** What the other side of a session is and which messages it understands. */
  async describe(
    session: Session,
    timeoutUs?: number,
  ): Promise<{ node: unknown; messages: MessageDefinition[] }> {
    const reply = await session.request(DESCRIBE, {}, timeoutUs === undefined ? {} : { timeoutUs });
    return { node: reply.node, messages: reply.messages.map(parseDefinition) };
  }

  /** Counters and figures of everything, as plain data. */
  statistics(): Record<string, unknown> {
    const { established, rekeys, failures } = this.#channelCounters;
    const discovery = this.#discovery?.counters;
    return {
      channel: { established, rekeys, failures: { ...failures } },
      listen: { ...this.#listeners.counters },
      sessions: { ...this.sessions.counters, open: this.sessions.size },
      lanes: this.#lanes.statistics(),
      laneServices: { ...this.#laneServices.counters },
      discovery: discovery === undefined ? null : { ...discovery },
      dnsSd: this.#dnsSd === null ? null : { ...this.#dnsSd.service.counters },
      machine: { factsRefused: this.#factsRefused },
      programs: this.#programs?.statistics() ?? null,
      state: this.state.statistics(),
      fence: { ...this.leadership.commands.counters },
      watches: { open: this.#feed.size, coalesced: this.#watches.coalesced },
      peers: this.sessions.all().filter((session) => session.isOpen).map((session) => ({
        name: session.peer.name,
        id: session.peer.id,
        ...session.statistics(),
      })),
    };
  }

  /**
   * Takes another role while running: `app` makes this node a candidate for leading, and a leader that drops it hands
   * over. Open sessions, the list of nodes, DNS-SD and tools of this machine follow. Throws `usage` for and of an
   * observer, and between roles of which none is `app`.
   */
  setRole(role: Role): void {
    if (role === this.#role) return;
    if (!canBecome(this.#role, role)) {
      throw new HanaError("usage", { what: `a ${this.#role} cannot become ${role} while it runs` });
    }
    this.#role = role;
    if (!this.#isGuest) this.#discovery?.setRole(role);
    this.sessions.changeRole(role);
    this.#listeners.changeRole(role);
    this.#dnsSd?.refresh();
    this.#feed.noteSelfChanged();
  }

  /** Says goodbye everywhere and stops, within about two seconds. Never rejects. */
  stop(reason = "quit"): Promise<void> {
    this.#stopped ??= this.#stop(reason);
    return this.#stopped;
  }

  /** Draws another id for the next start under this name. Call it after {@linkcode stop}, when {@linkcode conflict} resolved. */
  renewId(): void {
    renewId(this.#platform, this.#options.stateDirectory, this.#identity.name);
  }

  get #capabilities(): Readonly<Record<string, unknown>> {
    return capabilitiesOf(this.#options, this.state.capabilities);
  }

  /** Whether we hold an access key alone: we are listed nowhere and answer nobody. */
  get #isGuest(): boolean {
    return this.#options.keys.kind === "access";
  }

  async #start(): Promise<void> {
    const options = this.#options;
    checkGuest(options);
    this.state.start();
    if (options.programs !== undefined) {
      const { directory } = this.#identity;
      const { runDirectory } = options;
      const self = { id: this.id, directory, runDirectory, handlers: this.handlers, name: () => this.#name };
      this.#programs = await NodePrograms.open(this.#platform, options.programs, self);
    }
    await this.#listeners.open({
      id: this.id,
      name: this.#name,
      role: this.role,
      runDirectory: options.runDirectory,
      tcpPort: options.tcpPort === undefined ? 0 : options.tcpPort,
      ...(options.memory === undefined ? {} : { memoryName: options.memory.name }),
    });
    const tcp = this.#listeners.bound().find((address) => address.kind === "tcp");
    if (tcp?.kind === "tcp") {
      // A port that discovery shares must not be taken whole.
      const isShared = tcp.port === DEFAULT_DISCOVERY_PORT || tcp.port === options.discovery?.port;
      this.#lanes.listen(
        isShared ? 0 : tcp.port,
        (path) => this.sessions.acceptPath(this.#connector, path),
      );
    }
    if (options.discovery === null) return;
    const { id, incarnation, role } = this;
    const { directory } = this.#identity;
    const bound = this.#listeners.bound();
    const [name, resources, capabilities] = [this.#name, this.#resources, this.#capabilities];
    const self = { id, incarnation, role, name, directory, bound, resources, capabilities };
    this.#discovery = makeDiscovery(this.#platform, options, self);
    this.#discovery.onEvent((event) => this.#onDiscovery(event));
    if (options.readsHardware !== false && this.role !== "observer") this.#machine.start();
    await this.#discovery.start();
    const { dnsSd, listens = this.role !== "observer" } = options.discovery ?? {};
    if (dnsSd ?? listens) this.#startDnsSd(this.#discovery);
    if (directory !== null) {
      const meshPort = options.discovery?.port ?? DEFAULT_DISCOVERY_PORT;
      this.#peerCache = new PeerCache(this.#platform, directory, this.#discovery, meshPort);
      this.#peerCache.start();
    }
  }

  #startDnsSd(discovery: DiscoveryService): void {
    const { id, incarnation, trust } = this;
    const role = (): Role => this.#isGuest ? "observer" : this.#role;
    const tcp = this.#listeners.bound().find((address) => address.kind === "tcp");
    const tcpPort = tcp?.kind === "tcp" ? tcp.port : null;
    const node = { id, incarnation, role, version: this.#options.software, trust, tcpPort };
    this.#dnsSd = new NodeDnsSd(this.#platform, node, discovery);
    this.#dnsSd.start();
  }

  #leadingSource(): LeadingSource {
    const discovery = (): DiscoveryService | null => this.#discovery;
    const role = (): Role => this.#role;
    return {
      get discovery() {
        return discovery();
      },
      get role() {
        return role();
      },
      nowUs: () => this.#platform.clock.nowUs(),
      nodes: () => this.nodes(),
      nameOf: (id) => id === this.id ? this.#name : this.#discovery?.registry.get(id)?.record.name ?? null,
      idOf: (target) => this.find(target).record.id,
      setRole: (isApp) => {
        const dropped = this.#options.role === "app" ? "daemon" : this.#options.role;
        this.setRole(isApp ? "app" : dropped);
        return this.#role;
      },
    };
  }

  #feedSource(): ConstructorParameters<typeof NodeFeed>[0] {
    return {
      id: this.#identity.id,
      name: () => this.#name,
      isListed: this.#options.role !== "observer",
      discovery: () => this.#discovery,
      view: () => this.view(),
      nowUs: () => this.#platform.clock.nowUs(),
    };
  }

  #stateNode(directory: string | null): StateNode {
    return {
      platform: this.#platform,
      id: this.id,
      directory,
      handlers: this.handlers,
      settings: this.#options.state ?? {},
      name: () => this.#name,
      role: () => this.#role,
      discovery: () => this.#discovery,
      open: (target, options) => this.open(target, options),
      onLane: (name, accept, options) => this.onLane(name, accept, options),
      announce: () => this.#discovery?.updateRecord({ capabilities: this.#capabilities }),
    };
  }

  #onFacts(facts: MachineFacts): void {
    const resources = resourcesOf(facts, this.#options.resources ?? {});
    try {
      this.#discovery?.updateRecord({ resources });
    } catch (thrown) {
      // What was read does not fit beside what the owner says: that stays, and it is counted.
      if (!(thrown instanceof HanaError)) throw thrown;
      this.#factsRefused++;
      return;
    }
    this.#resources = resources;
    this.#dnsSd?.refresh();
    this.#feed.noteSelfChanged();
  }

  #onAvailability(availability: Availability): void {
    this.#discovery?.updateAvailability(encodeAvailability(availability));
    this.#feed.noteSelfChanged();
  }

  #onDiscovery(event: DiscoveryEvent): void {
    this.leadership.commands.noteEvent(event);
    this.state.noteEvent(event);
    const about = nodeEventOf(event, { id: this.id, name: this.#name });
    if (event.kind === "renamed") {
      this.#name = event.name;
      this.#listeners.rename(event.name);
      this.#dnsSd?.refresh();
    } else if (event.kind === "id-conflict") {
      this.#conflict.resolve(
        new HanaError("conflict", {
          what: `another process has the id of ${this.#name}`,
          why:
            `it answers from ${event.from.host}; a state directory was probably copied, so this node takes a new id`,
        }),
      );
    }
    const isAboutLeading = event.kind === "leader-changed" || event.kind === "leader-lost";
    if (about !== null && about.id === this.id) this.#feed.noteSelfChanged(about.event);
    else if (isAboutLeading) this.#feed.noteSelfChanged();
  }

  async #stop(reason: string): Promise<void> {
    this.#machine.stop();
    this.#peerCache?.stop();
    await this.state.close();
    this.#listeners.close();
    const goodbyes = [this.#dnsSd?.stop(), this.#discovery?.stop(), this.sessions.closeAll(reason)];
    for (const goodbye of await Promise.allSettled(goodbyes)) {
      if (goodbye.status === "rejected") {
        this.stopFailure = toHanaError(goodbye.reason, "internal", "stopping failed");
      }
    }
    this.#lanes.close();
    this.#programs?.close();
    this.#watches.close();
    this.#identity.release();
  }

  /** What went wrong while stopping, if anything did. */
  stopFailure: HanaError | null = null;
}
