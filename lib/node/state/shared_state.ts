// Shared state on one node: it hosts when it is its turn, keeps a copy for the host else, and has one client of its own.
// Decides how these reach each other over sessions; never who hosts (election.ts) nor what is said (lib/state).

import { HanaError, type NodeId } from "../../base/mod.ts";
import type { DiscoveryEvent } from "../../discovery/mod.ts";
import type { ReceivedLane } from "../../lanes/mod.ts";
import type { BodyOf, LaneReceiver, ReplyOf, RequestDefinition, Session } from "../../session/mod.ts";
import {
  CLOCK_ASK,
  CopyKeeper,
  type Display,
  GROUP_ABORT,
  GROUP_COMMIT,
  GROUP_PREPARE,
  GROUP_SHOWN,
  type GroupEvent,
  type HostEvent,
  type HostService,
  type Interest,
  isStateLane,
  LaneLink,
  MemoryLink,
  NEWS_LANE,
  type ParameterDefinition,
  type ReachedHost,
  receiverOf,
  ReplicaService,
  type ShownBody,
  STATE_HEAL,
  STATE_HOST,
  STATE_LANE,
  STATE_PARAMETERS,
  STATE_SESSIONS,
  STATE_WHY,
  type StateLinkHandlers,
  StateReplica,
} from "../../state/mod.ts";
import type { ReachableNode } from "../reach.ts";
import { sessionsOf, whyOf } from "./answers.ts";
import { CopyStore } from "./copy_store.ts";
import { ElectionWatch } from "./election.ts";
import { Healing, keepPreset } from "./healing.ts";
import { Hosting } from "./hosting.ts";
import { NodeMeters } from "./meters.ts";
import { NodeModulation } from "./modulation.ts";
import { Keepers } from "./keepers.ts";
import { Declarations } from "./declarations.ts";
import { type DisplayProgram, NodeDisplays } from "./displays.ts";
import { type DisplayNode, displayNodeOf, GroupHosting } from "./group_hosting.ts";
import { ParameterDesk } from "./parameters.ts";
import type { StateNode } from "./surroundings.ts";

/** Messages that wait for a host to begin. */
const MAX_EARLY_MESSAGES = 64;
const OPEN_US = 1_000_000;
const ASK_US = 3_000_000;

/** Events of discovery after which somebody else may host. */
const ABOUT_HOSTS: ReadonlySet<DiscoveryEvent["kind"]> = new Set([
  "added",
  "updated",
  "lost",
  "returned",
  "restarted",
  "left",
  "leader-changed",
  "leader-lost",
  "cleared",
]);

type HealBody = BodyOf<typeof STATE_HEAL>;

/** How a node's own client is made. */
export interface StateClientOptions {
  /** As people see it; the node's name unless given. */
  readonly name?: string;
  /** What it wants to hear of; everything unless given. */
  readonly interests?: readonly Interest[];
  /** To go on as the client of a former process. */
  readonly token?: Uint8Array;
  /** Finds the host where this node cannot: an observer that listens to nobody. */
  readonly findHost?: () => Promise<ReachableNode | string>;
}

/** Shared state on a node. */
export class SharedState {
  readonly #node: StateNode;
  readonly #election: ElectionWatch;
  readonly #keeper = new CopyKeeper();
  readonly #keepers: Keepers;
  readonly #hosting: Hosting;
  readonly #parameters: ParameterDesk;
  readonly #declarations: Declarations;
  readonly #store: CopyStore | null;
  /** Clients by their nodes, to reach those with displays. */
  readonly #clientSessions = new Map<NodeId, Session>();
  readonly #groupListeners = new Set<(event: GroupEvent) => void>();
  /** What became of this node's reigns. */
  readonly healing: Healing;
  /** What programs measure, beside the state. */
  readonly meters: NodeMeters;
  /** What moves values a thousand times a second, beside the state. */
  readonly modulation: NodeModulation;
  #groups: GroupHosting | null = null;
  #displays: NodeDisplays | null = null;
  /** Where the news of a host go, by the session of our client. */
  readonly #news = new Map<Session, StateLinkHandlers>();
  readonly #hostListeners = new Set<(event: HostEvent) => void>();
  readonly #serviceListeners = new Set<(service: HostService) => void>();
  /** What a host answers, also to the client of this very node. */
  readonly #answers = new Map<string, (body: never) => unknown>();
  #client: ReplicaService | null = null;
  #clientOptions: StateClientOptions = {};
  /** Links that said too much before the host had begun. */
  #tooEarly = 0;
  #isClosed = false;

  constructor(node: StateNode) {
    this.#node = node;
    this.#election = new ElectionWatch(node);
    this.#keepers = new Keepers(node, this.#keeper);
    this.#hosting = new Hosting({
      node,
      election: this.#election,
      keeper: this.#keeper,
      keepers: this.#keepers,
      onEnding: (service) => this.#isClosed ? undefined : this.healing.noteEnded(service),
      onService: (service) => this.#onService(service),
      onChange: () => this.#store?.note(),
      onEvent: (event) => {
        for (const listener of this.#hostListeners) listener(event);
      },
    });
    this.healing = new Healing(node, () => this.client());
    this.#keeper.onQuestion = (from) => {
      this.#hosting.noteAsked(from);
      this.healing.noteAsked(from);
    };
    this.modulation = new NodeModulation(node);
    this.meters = new NodeMeters({
      node,
      client: () => this.client(),
      hostSession: () => this.#hostSession(),
    });
    this.#keepers.onNewerTerm = (epoch) => this.#hosting.noteTerm(epoch);
    this.#declarations = new Declarations(node.settings);
    this.#parameters = new ParameterDesk(node, this.#hosting, this.#declarations);
    this.#store = node.directory === null
      ? null
      : new CopyStore(node.platform, node.directory, () => this.#copy());
    this.#keeper.onChange = () => this.#store?.note();
    this.#register();
  }

  /** Reads the copy of former days. Call it once, before the node is reached. */
  start(): void {
    this.#store?.load(this.#keeper);
  }

  /** The host, while it runs on this node. */
  get hosted(): HostService | null {
    return this.#hosting.service;
  }

  /** Who keeps copies of the host that runs on this node, and whether each has had everything once. */
  get standbys(): { readonly id: NodeId; readonly confirmed: boolean }[] {
    return this.#keepers.standbys;
  }

  /** Who hosts as far as this node knows; null for nobody. */
  get hostId(): NodeId | null {
    return this.#election.current()?.hostId ?? null;
  }

  /** What this node keeps for others, for a look inside. */
  get keeper(): CopyKeeper {
    return this.#keeper;
  }

  /** Has every host told that begins on this node, before anything reaches it. Returns how to stop it. */
  onHosted(listener: (service: HostService) => void): () => void {
    this.#serviceListeners.add(listener);
    return () => this.#serviceListeners.delete(listener);
  }

  /** Has events of the host told while it runs on this node. Returns how to stop it. */
  onHostEvent(listener: (event: HostEvent) => void): () => void {
    this.#hostListeners.add(listener);
    return () => this.#hostListeners.delete(listener);
  }

  /**
   * This node's client: one for all who ask, made by the first. It looks for a host from then on.
   * @param options counted the first time alone.
   */
  client(options: StateClientOptions = {}): ReplicaService {
    if (this.#client !== null) return this.#client;
    this.#clientOptions = options;
    const { platform } = this.#node;
    const { name = this.#node.name(), interests, token } = options;
    this.#client = new ReplicaService({
      platform,
      random: platform.random.stream("state/client"),
      replica: new StateReplica({
        name,
        ...(interests === undefined ? {} : { interests }),
        ...(token === undefined ? {} : { token }),
      }),
      reach: (handlers, successor) => this.#reach(handlers, successor),
    });
    this.#client.start();
    return this.#client;
  }

  /** What this node's record says of shared state. */
  get capabilities(): Readonly<Record<string, unknown>> {
    return this.#declarations.capabilities;
  }

  /**
   * Declares the parameters of this node, instead of those before: the host defines them below the node's name.
   * Throws `overloaded`.
   */
  declare(parameters: readonly ParameterDefinition[]): void {
    this.#declarations.setParameters(parameters);
    this.#declared();
  }

  /**
   * Gives this node displays: they change with their groups, when all others do.
   * @param displays by their ids, unique in the mesh
   * Throws `schema` for a display that cannot be, `conflict` when it has some already.
   */
  attachDisplays(
    displays: ReadonlyMap<string, Omit<Display, "node">>,
    program: DisplayProgram,
  ): NodeDisplays {
    if (this.#displays !== null) throw new HanaError("conflict", { what: "this node has displays already" });
    const own = new Map(Array.from(displays, ([id, display]) => [id, { ...display, node: this.#node.id }]));
    this.#declarations.setDisplays(own);
    this.#displays = new NodeDisplays(
      {
        platform: this.#node.platform,
        client: () => this.client(),
        tell: (to, body) => this.#tellShown(to, body),
      },
      own,
      program,
    );
    this.#declared();
    this.#groups?.handleNode(this.#node.id, this.#ownDisplays());
    return this.#displays;
  }

  /** Has what happens to groups and displays told while this node hosts. Returns how to stop it. */
  onGroupEvent(listener: (event: GroupEvent) => void): () => void {
    this.#groupListeners.add(listener);
    return () => this.#groupListeners.delete(listener);
  }

  /** What discovery tells. */
  noteEvent(event: DiscoveryEvent): void {
    if (this.#isClosed || !ABOUT_HOSTS.has(event.kind)) return;
    this.#election.noteNodes();
    this.#hosting.refresh();
    this.#parameters.refresh();
    this.#client?.noteHostChanged(this.hostId);
  }

  /** Counters, as plain data. */
  statistics(): Record<string, unknown> {
    const { service } = this.#hosting;
    return {
      hosting: { ...this.#hosting.counters, tooEarly: this.#tooEarly },
      healing: { ...this.healing.counters },
      copies: { ...this.#keepers.counters },
      parameters: { ...this.#parameters.counters },
      keeper: { ...this.#keeper.counters },
      store: this.#store === null ? null : { ...this.#store.counters },
      host: service === null ? null : { ...service.host.counters, ...service.counters },
      client: this.#client === null ? null : { ...this.#client.counters, ...this.#client.replica.counters },
    };
  }

  /** Leaves: the client says goodbye, a host tells its clients, what is not on disk is written. */
  async close(): Promise<void> {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#displays?.close();
    await this.#client?.close();
    this.#hosting.close();
    this.#keepers.end();
    this.#store?.close();
  }

  #register(): void {
    const { handlers } = this.#node;
    this.#answer(STATE_HOST, () => this.#answerHost());
    this.#answer(STATE_SESSIONS, async () => sessionsOf(await this.#hosting.ensure()));
    this.#answer(STATE_WHY, async ({ path }) => whyOf(await this.#hosting.ensure(), path));
    this.#answer(STATE_PARAMETERS, () => this.#answerParameters());
    this.#answer(CLOCK_ASK, () => this.#answerClock());
    this.#answer(STATE_HEAL, (body) => this.#answerHeal(body));
    handlers.onRequest(GROUP_PREPARE, (body, { session }) => {
      if (this.#displays !== null) return this.#displays.prepare(session.peer.id, body);
      return { ready: false, why: "this node has no displays", decided: false, uncertaintyUs: null };
    });
    handlers.onEvent(GROUP_COMMIT, (body, { session }) => this.#displays?.commit(session.peer.id, body));
    handlers.onEvent(GROUP_ABORT, (body, { session }) => this.#displays?.abort(session.peer.id, body));
    handlers.onEvent(GROUP_SHOWN, (body, { session }) => this.#groups?.handleShown(session.peer.id, body));
    // A viewer may listen: the host gives it no priority to write with.
    this.#node.onLane(STATE_LANE, (lane, session) => this.#accept(lane, session), { untrusted: true });
    this.#node.onLane(NEWS_LANE, (lane, session) => {
      const handlers = this.#news.get(session);
      return handlers === undefined || !isStateLane(lane) ? null : receiverOf(handlers);
    }, { untrusted: true });
  }

  /** Answers a request of other nodes, and the same of the client here. */
  #answer<D extends RequestDefinition>(
    definition: D,
    answer: (body: BodyOf<D>) => ReplyOf<D> | Promise<ReplyOf<D>>,
  ): void {
    this.#node.handlers.onRequest(definition, answer);
    this.#answers.set(definition.name, answer);
  }

  /** A client comes in over a session. */
  #accept(lane: ReceivedLane, session: Session): LaneReceiver | null {
    if (!isStateLane(lane)) return null;
    let link: LaneLink;
    try {
      link = new LaneLink(session, NEWS_LANE);
    } catch (thrown) {
      if (!(thrown instanceof HanaError)) throw thrown;
      return null;
    }
    this.#noteClient(session);
    const peer = {
      identity: { nodeId: session.peer.id, key: session.holder },
      level: session.access,
    };
    const { service } = this.#hosting;
    if (service !== null) return receiverOf(service.join(link, peer));
    const early: Uint8Array[] = [];
    let joined: StateLinkHandlers | null = null;
    let isOver = false;
    this.#hosting.ensure().then((begun) => {
      if (isOver) return;
      joined = begun.join(link, peer);
      for (const bytes of early.splice(0)) joined.onMessage(bytes);
    }, () => link.close());
    return {
      onMessage: (bytes) => {
        if (joined !== null) joined.onMessage(bytes);
        else if (early.length < MAX_EARLY_MESSAGES) early.push(bytes.slice());
        else if (!isOver) {
          // A client says hello and waits; whoever says more is none, and is not kept in mind.
          isOver = true;
          this.#tooEarly++;
          link.close();
        }
      },
      onClosed: () => {
        isOver = true;
        joined?.onClosed();
      },
    };
  }

  async #reach(handlers: StateLinkHandlers, successor: NodeId | null): Promise<ReachedHost> {
    const hostId = successor ?? this.hostId;
    if (hostId === this.#node.id) return await this.#reachSelf(handlers);
    const { findHost } = this.#clientOptions;
    const known = hostId === null ? null : this.#node.discovery()?.registry.get(hostId)?.record ?? null;
    const target = known ?? await findHost?.() ?? null;
    if (target === null) throw nobodyHosts(hostId);
    const session = await this.#node.open(target, { timeoutUs: OPEN_US });
    try {
      this.#news.set(session, handlers);
      const link = new LaneLink(session, STATE_LANE);
      void session.ended.then(() => {
        this.#news.delete(session);
        handlers.onClosed();
      });
      return {
        link,
        id: session.peer.id,
        isHere: false,
        ask: (definition, body) => session.call(definition, body, { timeoutUs: ASK_US }),
      };
    } catch (thrown) {
      this.#news.delete(session);
      void session.close("shared state");
      throw thrown;
    }
  }

  async #reachSelf(handlers: StateLinkHandlers): Promise<ReachedHost> {
    const service = await this.#hosting.ensure();
    const [ours, theirs] = MemoryLink.pair(this.#node.platform.timers);
    ours.attach(handlers);
    const { id } = this.#node;
    theirs.attach(service.join(theirs, { identity: { nodeId: id, key: null }, level: "operator" }));
    return { link: ours, id, isHere: true, ask: (definition, body) => this.#ask(definition, body) };
  }

  async #ask(definition: RequestDefinition, body: unknown): Promise<unknown> {
    const answer = this.#answers.get(definition.name);
    if (answer === undefined) {
      throw new HanaError("unsupported", { what: definition.name, why: "a host does not answer it" });
    }
    return await answer(body as never);
  }

  #answerHost() {
    const nameOf = (id: NodeId): string | null =>
      id === this.#node.id
        ? this.#node.name()
        : this.#node.discovery()?.registry.get(id)?.record.name ?? null;
    const current = this.#election.current();
    const { service } = this.#hosting;
    const epoch = service?.host.epoch ?? null;
    return {
      hosting: service !== null,
      host: current === null
        ? null
        : { id: current.hostId, name: nameOf(current.hostId), mode: current.mode },
      epoch: epoch === null ? null : { term: epoch.term, host: epoch.hostId },
      standbys: this.#keepers.standbys.map(({ id, confirmed }) => ({ id, name: nameOf(id), confirmed })),
      single: service?.host.isSingle ?? true,
    };
  }

  #answerParameters() {
    const { displays, hash, parameters } = this.#declarations;
    return { hash: hash ?? "", parameters: [...parameters], displays };
  }

  #answerClock() {
    const nowUs = this.#node.platform.clock.nowUs();
    return { host: this.#hosting.service !== null, receivedUs: nowUs, sentUs: nowUs };
  }

  async #answerHeal({ entries }: HealBody): Promise<{ kept: number }> {
    return { kept: keepPreset(await this.#hosting.ensure(), entries) };
  }

  #declared(): void {
    this.#node.announce();
    this.#parameters.refresh();
  }

  #ownDisplays(): DisplayNode | null {
    const displays = this.#displays;
    const { id } = this.#node;
    return displays === null ? null : {
      prepare: (body) => displays.prepare(id, body),
      commit: (body) => displays.commit(id, body),
      abort: (body) => displays.abort(id, body),
    };
  }

  /** Over the session of our client: its other end is the host. */
  #tellShown(to: NodeId, body: ShownBody): void {
    if (to === this.#node.id) return void this.#groups?.handleShown(to, body);
    const session = this.#hostSession();
    if (session?.peer.id === to) session.post(GROUP_SHOWN, body);
  }

  /** The session of our client with its host; null without one. */
  #hostSession(): Session | null {
    for (const session of this.#news.keys()) if (session.isOpen) return session;
    return null;
  }

  /** A client's node can be reached over the session of its client. */
  #noteClient(session: Session): void {
    const { id, role } = session.peer;
    if (role === "observer") return;
    this.#clientSessions.set(id, session);
    this.#groups?.handleNode(id, displayNodeOf(session));
    void session.ended.then(() => {
      if (this.#clientSessions.get(id) !== session) return;
      this.#clientSessions.delete(id);
      this.#groups?.handleNode(id, null);
    });
  }

  #copy() {
    const own = this.#hosting.service?.host.snapshot() ?? null;
    return own ?? this.#keeper.snapshot();
  }

  #onService(service: HostService | null): void {
    this.#groups?.close();
    this.#groups = null;
    this.meters.handleHosting(service !== null);
    if (service === null) return;
    const groups = new GroupHosting(service, (event) => {
      for (const listener of this.#groupListeners) listener(event);
    });
    this.#groups = groups;
    for (const [id, session] of this.#clientSessions) groups.handleNode(id, displayNodeOf(session));
    groups.handleNode(this.#node.id, this.#ownDisplays());
    for (const listener of this.#serviceListeners) listener(service);
    this.#parameters.refresh();
    this.#client?.noteHostChanged(this.#node.id);
  }
}

function nobodyHosts(hostId: NodeId | null): HanaError {
  if (hostId !== null) {
    return new HanaError("unreachable", {
      what: "the host of the shared state",
      why: `${hostId.slice(0, 8)} should host and is not listed`,
    });
  }
  return new HanaError("unreachable", {
    what: "nobody hosts the shared state",
    why: "no app leads, and no node was started with --host-state",
    hint: "hana leader",
  });
}
