// Where a benchmark takes place: a peer (a process of its own, this process, or a node that runs anyway), and on this
// side a node for streams alone and one that uses datagrams.
// Decides that every path is proved by what the session says of itself, before and after a measurement.

import { HanaError, toHex } from "../../lib/base/mod.ts";
import { ECHO_LANE, Node, type NodeOptions, type ReachableNode } from "../../lib/node/mod.ts";
import type { Platform } from "../../lib/platform/mod.ts";
import { MeshKey, MeshKeyRing } from "../../lib/security/mod.ts";
import type { LaneKind } from "../../lib/lanes/mod.ts";
import type { Session } from "../../lib/session/mod.ts";
import { type PeerHandle, peerHere, peerProcess } from "./peer_process.ts";
import type { BenchPath } from "./plan.ts";
import { until } from "./time.ts";

/** Datagrams must have passed both ways within this time, in microseconds. */
const PROOF_US = 5_000_000;
/** Measurements that are thrown away because lanes left their path. */
const MAX_MOVES = 3;
const OPEN_TIMEOUT_US = 5_000_000;

/** Which way messages really took. */
export interface PathProof {
  readonly path: BenchPath;
  /** What the session says: `stream` or `udp`, and why. */
  readonly carrier: string;
  readonly why: string;
  readonly remote: string;
  readonly sealed: boolean;
}

/** Where the peer is. */
export interface GroundOptions {
  readonly platform: Platform;
  readonly where: "process" | "in-process" | "namespaces";
  /** What stands before the call of the peer, such as `ip netns exec NAME`. */
  readonly prefix?: readonly string[];
  /** The address of the peer's bare sockets. */
  readonly host?: string;
}

type OnEcho = (bytes: Uint8Array) => void;

/** The ground of one run. */
export class Ground {
  readonly #nodes = new Map<"stream" | "udp", Promise<Node>>();
  readonly #sessions = new Map<BenchPath, Promise<Session>>();
  readonly #echoes = new Map<Session, Map<LaneKind, OnEcho>>();

  private constructor(
    private readonly platform: Platform,
    private readonly options: NodeOptions,
    /** Null when a node is measured that was not started here: it has no bare sockets. */
    readonly peer: PeerHandle | null,
    private readonly remote: ReachableNode | string | null,
    private readonly directory: string | null,
    /** In one sentence. */
    readonly how: string,
  ) {}

  /** Starts a peer. */
  static async withPeer(options: GroundOptions): Promise<Ground> {
    const { platform, where, prefix = [], host = "127.0.0.1" } = options;
    const directory = await Deno.makeTempDir({ prefix: "hana-bench-" });
    try {
      const key = crypto.getRandomValues(new Uint8Array(32));
      const peerOptions = { host, directory, key: toHex(key) };
      const peer = where === "in-process"
        ? await peerHere(platform, peerOptions)
        : await peerProcess(peerOptions, prefix);
      const how = where === "in-process"
        ? "both sides in one process"
        : where === "namespaces"
        ? `two processes in two network namespaces, by a veth pair (${host})`
        : "two processes on this machine";
      const node: NodeOptions = {
        role: "observer",
        software: "bench",
        stateDirectory: "",
        runDirectory: null,
        keys: new MeshKeyRing(new MeshKey(key), null),
        tcpPort: null,
        discovery: null,
        readsHardware: false,
      };
      return new Ground(platform, node, peer, null, directory, how);
    } catch (thrown) {
      await Deno.remove(directory, { recursive: true });
      throw thrown;
    }
  }

  /** Measures a node that runs anyway. */
  static withNode(platform: Platform, options: NodeOptions, remote: ReachableNode | string): Ground {
    const name = typeof remote === "string" ? remote : remote.name;
    const node: NodeOptions = { ...options, tcpPort: null, discovery: null, runDirectory: null };
    return new Ground(platform, node, null, remote, null, `this process and the node ${name}`);
  }

  /** The paths that can be measured here, of those wanted. */
  supports(path: BenchPath): boolean {
    const { peer, remote } = this;
    if (peer !== null) return path !== "unix" || peer.addresses.local !== null;
    if (typeof remote === "string") {
      if (remote.startsWith("udp:")) return path === "udp";
      return (path === "unix") === (remote.startsWith("unix:") || remote.startsWith("/"));
    }
    const wanted = path === "unix" ? "unix" : "tcp";
    return remote?.endpoints.some(({ kind }) => kind === wanted) ?? false;
  }

  /** The session of a path, made when it is first asked for, and proved. */
  session(path: BenchPath): Promise<Session> {
    const open = this.#sessions.get(path) ?? this.openSession(path);
    this.#sessions.set(path, open);
    return open;
  }

  /** One more session over a path, proved. Rejects with `unreachable` when lanes do not take that way. */
  async openSession(path: BenchPath): Promise<Session> {
    const node = await this.#node(path === "udp" ? "udp" : "stream");
    const session = await this.#open(node, path);
    if (path === "udp") await until(() => session.path.kind === "udp", PROOF_US);
    this.proof(session, path);
    return session;
  }

  /** One more session, as soon as both sides have greeted: over the stream of a path, or over datagrams alone. */
  async openBare(path: BenchPath): Promise<Session> {
    if (path !== "udp") return await this.#open(await this.#node("stream"), path);
    const address = this.datagramAddress;
    if (address === null) {
      throw new HanaError("unreachable", { what: "it answers no handshakes over datagrams" });
    }
    return await (await this.#node("udp")).open(address, { timeoutUs: OPEN_TIMEOUT_US });
  }

  /** Where the other side answers handshakes over datagrams; null where it does not. */
  get datagramAddress(): string | null {
    const { peer, remote } = this;
    if (peer !== null) return peer.addresses.udp;
    if (typeof remote === "string") return remote.startsWith("udp:") ? remote : null;
    return remote?.endpoints.find(({ kind }) => kind === "udp")?.address ?? null;
  }

  /**
   * Runs `measure` until lanes have taken `path` from its beginning to its end. Rejects with `unreachable` when they
   * leave it three times: what they did on another path must not pass for a figure of this one.
   */
  async onPath<T>(session: Session, path: BenchPath, measure: () => Promise<T>): Promise<T> {
    for (let tries = 0;; tries++) {
      if (path === "udp") await until(() => session.path.kind === "udp" || !session.isOpen, PROOF_US);
      this.proof(session, path);
      const changes = session.statistics().connection?.pathChanges;
      const value = await measure();
      if (session.statistics().connection?.pathChanges === changes) return value;
      if (tries >= MAX_MOVES) {
        throw new HanaError("unreachable", {
          what: `lanes to ${session.remote} did not stay on the path ${path}`,
          why: session.path.why,
        });
      }
    }
  }

  /** Which way the session takes. Throws `unreachable` when that is not `path`. */
  proof(session: Session, path: BenchPath): PathProof {
    const { kind, why } = session.path;
    const { remote, secure } = session;
    const isLocal = /^(unix|pipe):/.test(remote);
    const is: BenchPath = kind === "udp" ? "udp" : isLocal ? "unix" : "tcp";
    if (is !== path || (path !== "unix" && !secure)) {
      throw new HanaError("unreachable", {
        what: `lanes to ${remote} do not take the path ${path}`,
        why: `they go by ${is}${secure ? "" : ", not sealed"}: ${why}`,
        hint: `hana bench rtt --path ${is}`,
      });
    }
    return { path, carrier: kind, why, remote, sealed: secure };
  }

  /** Why nothing at all arrives, where a session stands: the peer takes no lanes of strangers, or knows no services. */
  nothingArrived(session: Session): HanaError {
    return new HanaError("refused", {
      what: `${session.peer.name} answered none of the messages`,
      why: "nodes take lanes of trusted peers alone, and older ones do not know the lanes that measure",
      hint: "hana mesh show    (on both machines: the keys must be the same)",
    });
  }

  /** Tells `onEcho` what comes back on the echo lane of this kind; the last caller is told. */
  onEcho(session: Session, kind: LaneKind, onEcho: OnEcho): void {
    const byKind = this.#echoes.get(session) ?? new Map<LaneKind, OnEcho>();
    byKind.set(kind, onEcho);
    this.#echoes.set(session, byKind);
  }

  async close(): Promise<void> {
    for (const node of this.#nodes.values()) {
      await node.then((started) => started.stop()).catch(() => {});
    }
    await this.peer?.close();
    if (this.directory !== null) await Deno.remove(this.directory, { recursive: true });
  }

  #node(which: "stream" | "udp"): Promise<Node> {
    const started = this.#nodes.get(which) ?? this.#startNode(which);
    this.#nodes.set(which, started);
    return started;
  }

  async #startNode(which: "stream" | "udp"): Promise<Node> {
    const node = await Node.start(this.platform, { ...this.options, udpLanes: which === "udp" });
    node.onLane(ECHO_LANE, (lane, session) => ({
      onMessage: (bytes) => this.#echoes.get(session)?.get(lane.kind)?.(bytes),
    }));
    return node;
  }

  async #open(node: Node, path: BenchPath): Promise<Session> {
    const { peer, remote } = this;
    const reach = { timeoutUs: OPEN_TIMEOUT_US };
    if (peer !== null) {
      const address = path === "unix" ? peer.addresses.local : peer.addresses.tcp;
      if (address === null) {
        throw new HanaError("unsupported", { what: "this machine has no local sockets", hint: "--path tcp" });
      }
      return await node.open(address, reach);
    }
    if (remote === null) throw new HanaError("internal", { what: "a benchmark with nobody to measure" });
    if (typeof remote === "string") return await node.open(remote, reach);
    return await node.open(remote, { ...reach, path: path === "unix" ? "unix" : "tcp" });
  }
}
