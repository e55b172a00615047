// Meters on a node: what it measures goes to the host, what others measure comes from there.
// Decides over which session meters travel (that of the node's client) and when timers run; lib/state/meters decides the rest.

import type { LaneReceiver, OutgoingLane, Session } from "../../session/mod.ts";
import {
  Alarm,
  METER_LANE,
  MeterBoard,
  MeterSource,
  MeterView,
  type Outlet,
  type ReplicaService,
  STATE_METERS,
  STATE_METERS_SUBSCRIBE,
  type ToldMeters,
} from "../../state/mod.ts";
import type { StateNode } from "./surroundings.ts";

const ASK_US = 3_000_000;

/** What meters need of their node. */
export interface MeterSurroundings {
  readonly node: StateNode;
  client(): ReplicaService;
  /** The session of this node's client with its host; null without one. */
  hostSession(): Session | null;
}

/** A lane as meters write to it; null while there is none. */
class LaneOutlet implements Outlet {
  lane: OutgoingLane | null = null;
  get isWritable(): boolean {
    return this.lane?.isWritable === true;
  }
  send(bytes: Uint8Array): boolean {
    return this.lane !== null && this.lane.send(bytes) >= 0;
  }
}

/** The meters of one node. */
export class NodeMeters {
  readonly #around: MeterSurroundings;
  readonly #outlet = new LaneOutlet();
  /** What this node measures: `register`, then `set` as often as there is something, then {@linkcode flush}. */
  readonly source: MeterSource;
  /** What others measure, once {@linkcode subscribe} was called. */
  readonly view = new MeterView();
  readonly #sourceAlarm: Alarm;
  readonly #viewAlarm: Alarm;
  readonly #boardAlarm: Alarm;
  #board: MeterBoard | null = null;
  readonly #sources = new Map<number, Session | null>();
  readonly #clients = new Map<Session | null, number>();
  #lastClient = 0;
  #hostSession: Session | null = null;
  #isHere = false;
  #prefixes: readonly string[] = [];
  #maxHz = 30;
  #ownSource = 0;
  #isFollowing = false;
  /** Answers that did not come. */
  unanswered = 0;

  constructor(around: MeterSurroundings) {
    this.#around = around;
    const { node } = around;
    this.source = new MeterSource({
      get isWritable() {
        return isWritable();
      },
      send: (bytes) => this.#sendToHost(bytes),
    });
    const isWritable = (): boolean => this.#isHere ? this.#board !== null : this.#outlet.isWritable;
    this.#sourceAlarm = new Alarm(node.platform.timers, () => this.flush());
    this.#viewAlarm = new Alarm(node.platform.timers, () => this.#pumpView());
    this.#boardAlarm = new Alarm(node.platform.timers, () => this.#pumpBoard());
    node.onLane(METER_LANE.name, (lane, session) => {
      if (lane.kind !== METER_LANE.kind) return null;
      return session === around.hostSession() ? this.#fromHost() : this.#fromSource(session);
    }, { untrusted: true });
    node.handlers.onRequest(STATE_METERS, ({ sources }) => this.#tell(sources));
    node.handlers.onRequest(STATE_METERS_SUBSCRIBE, ({ prefixes, maxHz }, { session }) => {
      this.#subscribeClient(session, prefixes, maxHz);
      return {};
    });
  }

  /** Sends what was set. Allocates nothing where it goes out at once. */
  flush(): void {
    this.#follow();
    this.source.handleTimeout(this.#nowUs());
    this.#sourceAlarm.set(this.source.pollTimeout()?.atUs ?? Infinity);
  }

  /**
   * Has meters shown in {@linkcode view} from now on: all at or below the prefixes, `""` for all there are.
   * @param maxHz 1 to 30
   */
  subscribe(prefixes: readonly string[], maxHz = 30): void {
    this.#prefixes = [...prefixes];
    this.#maxHz = maxHz;
    this.#follow();
    this.#ask();
  }

  /** This node hosts from now on, or no more. */
  handleHosting(isHosting: boolean): void {
    this.#board = isHosting ? new MeterBoard() : null;
    this.#sources.clear();
    this.#clients.clear();
    this.#ownSource = 0;
    if (!isHosting) this.#boardAlarm.set(Infinity);
  }

  #nowUs(): number {
    return this.#around.node.platform.clock.nowUs();
  }

  /** Looks where the host is from now on; its client is made by the first who needs it. */
  #follow(): void {
    const client = this.#around.client();
    if (!this.#isFollowing) {
      this.#isFollowing = true;
      client.onBatch(() => this.#follow());
    }
    // Before it is welcomed there may be no host at the other end yet.
    const isJoined = client.replica.state === "joined";
    const session = isJoined ? this.#around.hostSession() : null;
    const isHere = isJoined && client.isHere;
    if (session === this.#hostSession && isHere === this.#isHere) return;
    this.#hostSession = session;
    this.#isHere = isHere;
    this.#outlet.lane = session?.openLane(METER_LANE) ?? null;
    this.view.reset();
    this.#ask();
    this.flush();
  }

  #ask(): void {
    if (this.#prefixes.length === 0) return;
    if (this.#isHere) return this.#subscribeClient(null, this.#prefixes, this.#maxHz);
    const session = this.#hostSession;
    if (session === null) return;
    session.request(STATE_METERS_SUBSCRIBE, { prefixes: [...this.#prefixes], maxHz: this.#maxHz }, {
      timeoutUs: ASK_US,
    }).catch(() => this.unanswered++);
  }

  #sendToHost(bytes: Uint8Array): boolean {
    if (!this.#isHere) return this.#outlet.send(bytes);
    const board = this.#board;
    if (board === null) return false;
    if (this.#ownSource === 0) {
      this.#ownSource = board.addSource(this.#nowUs(), this.#around.node.name());
      this.#sources.set(this.#ownSource, null);
    }
    board.handlePacket(this.#nowUs(), this.#ownSource, bytes);
    this.#pumpBoard();
    return true;
  }

  #fromHost(): LaneReceiver {
    return {
      onMessage: (bytes) => {
        this.view.handlePacket(this.#nowUs(), bytes);
        this.#pumpView();
      },
    };
  }

  #pumpView(): void {
    const nowUs = this.#nowUs();
    this.view.handleTimeout(nowUs);
    const unknown = this.view.pollAsk(nowUs);
    if (unknown.length > 0) this.#askNames(unknown);
    this.#viewAlarm.set(this.view.pollTimeout()?.atUs ?? Infinity);
  }

  #askNames(sources: readonly number[]): void {
    if (this.#isHere) {
      const told = this.#board?.tell(this.#nowUs(), sources);
      if (told !== undefined) this.view.handleTables(this.#nowUs(), told.sources);
      return;
    }
    this.#hostSession?.request(STATE_METERS, { sources: [...sources] }, { timeoutUs: ASK_US }).then(
      (told) => this.view.handleTables(this.#nowUs(), told.sources),
      () => this.unanswered++,
    );
  }

  #fromSource(session: Session): LaneReceiver | null {
    const board = this.#board;
    if (board === null) return null;
    const source = board.addSource(this.#nowUs(), session.peer.name);
    if (source === 0) return null;
    this.#sources.set(source, session);
    return {
      onMessage: (bytes) => {
        if (this.#board !== board) return;
        board.handlePacket(this.#nowUs(), source, bytes);
        this.#pumpBoard();
      },
    };
  }

  #subscribeClient(session: Session | null, prefixes: readonly string[], maxHz: number): void {
    const board = this.#board;
    if (board === null) return;
    let client = this.#clients.get(session);
    if (client === undefined) {
      client = ++this.#lastClient;
      const lane = session?.openLane(METER_LANE) ?? null;
      const outlet = lane === null ? this.#hereOutlet() : {
        get isWritable() {
          return lane.isWritable;
        },
        send: (bytes: Uint8Array) => lane.send(bytes) >= 0,
      };
      if (!board.addClient(client, outlet)) return;
      this.#clients.set(session, client);
      const gone = client;
      void session?.ended.then(() => {
        this.#clients.delete(session);
        board.removeClient(gone);
      });
    }
    board.subscribe(client, prefixes, maxHz);
    this.#pumpBoard();
  }

  #hereOutlet(): Outlet {
    return {
      isWritable: true,
      send: (bytes) => {
        this.view.handlePacket(this.#nowUs(), bytes);
        this.#pumpView();
        return true;
      },
    };
  }

  #pumpBoard(): void {
    const board = this.#board;
    if (board === null) return;
    const nowUs = this.#nowUs();
    board.handleTimeout(nowUs);
    for (let source = board.pollAsk(nowUs); source !== 0; source = board.pollAsk(nowUs)) {
      this.#askSource(board, source);
    }
    this.#boardAlarm.set(board.pollTimeout()?.atUs ?? Infinity);
  }

  #askSource(board: MeterBoard, source: number): void {
    const session = this.#sources.get(source);
    const take = (told: ToldMeters): void => {
      const [meters] = told.sources;
      if (meters !== undefined) board.handleTable(source, meters.meters);
      this.#pumpBoard();
    };
    if (session === null) return take(this.source.tell(this.#around.node.name()));
    session?.request(STATE_METERS, { sources: [] }, { timeoutUs: ASK_US }).then(
      take,
      () => this.unanswered++,
    );
  }

  /** A host tells of all its sources, any other node of its own meters. */
  #tell(sources: readonly number[]) {
    const { sources: told, more, numbers } = this.#board?.tell(this.#nowUs(), sources) ??
      this.source.tell(this.#around.node.name());
    return {
      sources: told.map((each) => ({ ...each, meters: each.meters.map((meter) => ({ ...meter })) })),
      more,
      numbers: [...numbers],
    };
  }
}
