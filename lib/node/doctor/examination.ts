// Examines the mesh from this machine: joins as an observer, asks every node by every way, and notes what comes back.
// Decides what is tried, how often and for how long; never judges (machine_checks.ts, peer_checks.ts), never changes
// anything, and leaves as it came.

import { HanaError, type NodeId, toHanaError } from "../../base/mod.ts";
import {
  DEFAULT_DISCOVERY_GROUP,
  DEFAULT_DISCOVERY_PORT,
  type DiscoveryService,
  hostOf,
  IGNORED_INTERFACES,
  isSameSubnet,
  type LinkInterface,
  MAX_DATAGRAM_BYTES,
  parseIpv4,
  PROTOCOL_VERSION,
  sameMachine,
} from "../../discovery/mod.ts";
import type { IpEndpoint, NetworkInterface, Platform } from "../../platform/mod.ts";
import type { Session } from "../../session/mod.ts";
import { CLOCK, PING } from "../messages.ts";
import { Node } from "../node.ts";
import type { NodeOptions } from "../options.ts";
import type { NodeView } from "../view.ts";
import { Collector, type HeardOnLink, type Question } from "./collector.ts";
import type {
  ClockObservation,
  IgnoredInterface,
  LinkObservation,
  Observations,
  PeerLinkObservation,
  PeerObservation,
  SessionObservation,
  StorageObservation,
  SystemObservation,
} from "./observations.ts";

/** How to examine. */
export interface ExamineOptions {
  /** What an observer of this machine is made of. */
  readonly node: NodeOptions;
  /** Names, beginnings of ids, or addresses: only these. All that are there when empty. */
  readonly targets: readonly string[];
  /** This machine alone: nobody is asked. */
  readonly isLocalOnly: boolean;
  /** What the node of this machine knows; empty without one. */
  readonly listed: readonly NodeView[];
  /** Directories and files to look at. */
  readonly storage: readonly { readonly what: StorageObservation["what"]; readonly path: string }[];
  /** Longest time in µs. */
  readonly timeoutUs: number;
  /** What the system tells of its network; asked while the sockets are open. */
  readonly system: (port: number) => Promise<SystemObservation>;
  /** Told what is being done. */
  readonly onProgress?: (text: string) => void;
}

/** As many nodes are examined; in a larger mesh name those that matter. */
const MAX_PEERS = 256;
const QUIET_US = 250_000;
/** Announcements and first answers of all nodes are in by then. */
const LISTEN_US = 700_000;
const ECHO_US = 200_000;
const ROUNDS = 3;
/** A limit of our own allows 50 datagrams to all a second; each node takes two. */
const PACE_US = 45_000;
const ANSWER_US = 350_000;
/** Beats in which multicast must have shown if it works, with a margin. */
const BEATS = 2.2;
const SESSIONS_AT_ONCE = 8;
/** Where datagrams pass, lanes go by them two round trips after the greeting. */
const DATAGRAMS_TIMEOUT_US = 500_000;
const SESSION_TIMEOUT_US = 2_000_000;
const MAX_BEAT_US = 10_000_000;

interface Target {
  readonly id: NodeId;
  readonly view: NodeView;
  readonly isHere: boolean;
  readonly known: PeerObservation["known"];
  /** Where to ask it. */
  readonly places: readonly Place[];
}

interface Place {
  readonly heard: HeardOnLink;
  /** Null where the node may not be at all: IPv6 addresses are told on their own link alone. */
  readonly endpoint: IpEndpoint | null;
}

/** Looks at everything. Rejects only when the observer cannot start at all. */
export async function examine(platform: Platform, options: ExamineOptions): Promise<Observations> {
  const seeds = options.targets.map(addressOf).filter((address) => address !== null);
  const discovery = options.node.discovery ?? {};
  const node = await Node.start(platform, {
    ...options.node,
    role: "observer",
    tcpPort: null,
    runDirectory: null,
    discovery: { ...discovery, listens: true, seeds: [...discovery.seeds ?? [], ...seeds] },
  });
  try {
    return await new Examination(platform, options, node).run();
  } finally {
    await node.stop();
  }
}

/** An address that was given instead of a name; null for a name. */
function addressOf(target: string): string | null {
  const host = target.replace(/^udp:\/\//, "").replace(/:\d+$/, "");
  return parseIpv4(host) >= 0 ? target : null;
}

class Examination {
  readonly #platform: Platform;
  readonly #options: ExamineOptions;
  readonly #node: Node;
  readonly #service: DiscoveryService;
  readonly #collector: Collector;
  readonly #startedUs: number;
  readonly #endUs: number;

  constructor(platform: Platform, options: ExamineOptions, node: Node) {
    const service = node.discovery;
    if (service === null) throw new HanaError("internal", { what: "an examination needs discovery" });
    this.#platform = platform;
    this.#options = options;
    this.#node = node;
    this.#service = service;
    this.#collector = new Collector(node.id);
    this.#startedUs = platform.clock.nowUs();
    this.#endUs = this.#startedUs + options.timeoutUs;
  }

  async run(): Promise<Observations> {
    const { isLocalOnly, onProgress } = this.#options;
    const collector = this.#collector;
    collector.outward = this.#service.interfaces.find((link) => !link.loopback) ?? null;
    const stop = this.#service.trace((entry) => collector.note(entry));
    try {
      onProgress?.("listening");
      const asked = this.#service.query({ quietUs: QUIET_US, timeoutUs: this.#options.timeoutUs });
      await this.#sleepUntil(this.#startedUs + LISTEN_US - ECHO_US);
      this.#callSelf();
      await this.#sleep(ECHO_US);
      if (isLocalOnly) return await this.#observations([], new Map());
      await asked;
      const { targets, unknown } = this.#targets();
      onProgress?.(`asking ${targets.length === 1 ? "one node" : `${targets.length} nodes`}`);
      const [, sessions] = await Promise.all([this.#probeAll(targets), this.#tryAll(targets)]);
      await this.#hearBeats(targets);
      return await this.#observations(targets, sessions, unknown);
    } finally {
      stop();
    }
  }

  /** One datagram to everybody on every link, meant for nobody but ourselves: does it come back? */
  #callSelf(): void {
    for (const { key, broadcast } of this.#service.interfaces) {
      this.#service.probe(key, { kind: "multicast" }, this.#node.id);
      if (broadcast !== null) this.#service.probe(key, { kind: "broadcast", host: broadcast }, this.#node.id);
    }
  }

  // --- whom to ask ---------------------------------------------------------------------------------------------

  #targets(): { targets: Target[]; unknown: string[] } {
    const views = new Map<string, { view: NodeView; known: PeerObservation["known"] }>();
    for (const view of this.#options.listed) {
      if (view.state !== "left" && view.state !== "dead") views.set(view.id, { view, known: "listed" });
    }
    const relayed = new Set<string>();
    for (const entry of this.#service.registry.snapshot()) if (entry.relayed) relayed.add(entry.record.id);
    for (const view of this.#node.nodes()) {
      if (view.state === "left" || view.state === "dead") continue;
      views.set(view.id, { view, known: relayed.has(view.id) ? "relayed" : "heard" });
    }
    const { targets: wanted } = this.#options;
    const meant = [...views.values()].filter(({ view }) =>
      wanted.length === 0 || wanted.some((text) => isMeant(view, text))
    );
    const unknown = wanted.filter((text) => ![...views.values()].some(({ view }) => isMeant(view, text)));
    meant.sort((a, b) => a.view.name < b.view.name ? -1 : a.view.name > b.view.name ? 1 : 0);
    return { targets: meant.slice(0, MAX_PEERS).map((each) => this.#target(each.view, each.known)), unknown };
  }

  #target(view: NodeView, known: PeerObservation["known"]): Target {
    const own = this.#platform.interfaces.list();
    const isHere = view.self || sameMachine({ endpoints: endpointsOf(view) }, own);
    const places: Place[] = [];
    if (!isHere) {
      const all = endpointsOf(view).map((endpoint) => ({ kind: endpoint.kind, at: hostOf(endpoint) }));
      const told = (wanted: string): IpEndpoint[] =>
        all.flatMap(({ kind, at }) => kind === wanted && at !== null ? [at] : []);
      // A node that tells no address of its discovery still hears its shared port.
      const port = this.#options.node.discovery?.port ?? DEFAULT_DISCOVERY_PORT;
      const udp = [...told("udp"), ...told("tcp").map(({ host }) => ({ host, port }))];
      for (const link of this.#service.interfaces) {
        if (link.loopback) continue;
        const heard = this.#collector.nodes.get(view.id)?.links.get(link.key);
        const endpoint = heard?.from ??
          udp.find(({ host }) => link.family === "ipv4" && isSameSubnet(host, link.address, link.prefix)) ??
          null;
        if (endpoint === null && link.family === "ipv4") continue;
        places.push({ heard: heard ?? this.#collector.on(view.id, link), endpoint });
      }
      const [first] = udp;
      const { outward } = this.#collector;
      if (places.every((place) => place.endpoint === null) && first !== undefined && outward !== null) {
        places.push({ heard: this.#collector.on(view.id, outward, true), endpoint: first });
      }
    }
    return { id: view.id, view, isHere, known, places };
  }

  // --- ways ----------------------------------------------------------------------------------------------------

  async #probeAll(targets: readonly Target[]): Promise<void> {
    for (let round = 0; round < ROUNDS; round++) {
      let sent = 0;
      for (const target of targets) {
        let isPaced = false;
        for (const place of target.places) {
          for (const question of openQuestions(place, round)) {
            if (this.#ask(target, place, question)) sent++;
            isPaced = true;
          }
        }
        if (this.#nowUs >= this.#endUs) return;
        if (isPaced) await this.#sleep(PACE_US);
      }
      if (sent === 0) return;
      await this.#sleep(ANSWER_US);
      const isOpen = (place: Place): boolean => openQuestions(place, round + 1).length > 0;
      if (!targets.some(({ places }) => places.some(isOpen))) return;
    }
  }

  #ask(target: Target, { heard, endpoint: told }: Place, question: Question): boolean {
    const { link } = heard;
    const endpoint = heard.from ?? told ?? { host: link.address, port: 0 };
    const to = question === "multicast"
      ? { kind: "multicast" } as const
      : question === "broadcast"
      ? { kind: "broadcast", host: link.broadcast ?? "" } as const
      : { kind: "unicast", endpoint } as const;
    const size = question === "large" ? MAX_DATAGRAM_BYTES : 0;
    const sentUs = this.#nowUs;
    const nonce = this.#service.probe(link.key, to, target.id, size);
    if (nonce === null) return false;
    this.#collector.noteQuestion(sentUs, nonce, target.id, link, question);
    return true;
  }

  /** Where neither question nor answer to all came through, a beat may: it is waited for. */
  async #hearBeats(targets: readonly Target[]): Promise<void> {
    let untilUs = 0;
    for (const { id, places } of targets) {
      const beatUs = Math.min(MAX_BEAT_US, (this.#collector.nodes.get(id)?.beatMs ?? 1_000) * 1_000);
      for (const { heard } of places) {
        // Beats are for those who are heard nowhere else where there is IPv4 as well.
        const isOpen = !heard.isRouted && heard.in.multicast === 0 && heard.link.ipv6?.isSecondary !== true;
        if (isOpen) untilUs = Math.max(untilUs, this.#startedUs + BEATS * beatUs);
      }
    }
    if (untilUs > this.#nowUs) this.#options.onProgress?.("waiting for beats");
    await this.#sleepUntil(Math.min(untilUs, this.#endUs));
  }

  // --- sessions ------------------------------------------------------------------------------------------------

  async #tryAll(targets: readonly Target[]): Promise<Map<string, Tried>> {
    const tried = new Map<string, Tried>();
    const waiting = [...targets];
    const work = async (): Promise<void> => {
      for (let target = waiting.shift(); target !== undefined; target = waiting.shift()) {
        if (this.#nowUs < this.#endUs) tried.set(target.id, await this.#try(target));
      }
    };
    await Promise.all(Array.from({ length: SESSIONS_AT_ONCE }, work));
    return tried;
  }

  async #try(target: Target): Promise<Tried> {
    const address =
      target.view.endpoints.find(({ kind }) => kind === "tcp" || kind === "unix" || kind === "pipe")
        ?.address ?? null;
    let session: Session;
    try {
      session = await this.#node.open(target.view, { timeoutUs: SESSION_TIMEOUT_US });
    } catch (thrown) {
      const error = toHanaError(thrown, "unreachable", target.view.name);
      return {
        session: { address, rttUs: null, problem: { code: error.code, text: error.why ?? error.what } },
        clock: null,
      };
    }
    const reached: SessionObservation = { address: session.remote, rttUs: null, problem: null };
    try {
      const limit = { timeoutUs: SESSION_TIMEOUT_US };
      const rttUs = await this.#node.ping(session, "control", new Uint8Array(0), limit.timeoutUs);
      await session.onDatagrams(DATAGRAMS_TIMEOUT_US);
      const { kind, remote, why, isAsking } = session.path;
      const lanes = { carrier: kind, remote, why, isAsking };
      return { session: { ...reached, rttUs, lanes }, clock: await this.#compareClocks(session) };
    } catch (thrown) {
      const error = toHanaError(thrown, "timeout", target.view.name);
      return {
        session: {
          ...reached,
          problem: { code: error.code, text: `it does not answer ${PING.control.name}` },
        },
        clock: null,
      };
    } finally {
      void session.close("examined");
    }
  }

  /** The best of three: the shorter the round trip, the surer the offset. Null from a node that does not tell. */
  async #compareClocks(session: Session): Promise<ClockObservation | null> {
    const { clock } = this.#platform;
    let best: ClockObservation | null = null;
    for (let tries = 0; tries < 3; tries++) {
      const sentUs = clock.nowUs();
      try {
        const { wallMs } = await session.request(CLOCK, {}, { timeoutUs: SESSION_TIMEOUT_US });
        const errorMs = (clock.nowUs() - sentUs) / 2_000;
        const offsetMs = wallMs - (clock.wallMs() - errorMs);
        if (best === null || errorMs < best.errorMs) best = { offsetMs, errorMs };
      } catch {
        return best; // an earlier release, or one that hangs: the session's own check tells
      }
    }
    return best;
  }

  // --- what was seen -------------------------------------------------------------------------------------------

  async #observations(
    targets: readonly Target[],
    tried: ReadonlyMap<string, Tried>,
    unknown: readonly string[] = [],
  ): Promise<Observations> {
    const { host, files, interfaces } = this.#platform;
    // An interface that has just come into use was not there when the others were tried.
    if (this.#service.interfaces.some((link) => this.#collector.echoOf(link.key).multicast.sent === 0)) {
      this.#callSelf();
      await this.#sleep(ECHO_US);
    }
    const options = this.#options;
    const { discovery } = options.node;
    const port = discovery?.port ?? DEFAULT_DISCOVERY_PORT;
    const list = interfaces.list();
    const links = this.#service.interfaces;
    const wanted = discovery?.interfaces ?? [];
    const shared = this.#service.problems.find((each) =>
      each.interface === null && each.error.code === "address-in-use"
    );
    return {
      os: host.os,
      ownUserId: host.userId,
      trust: options.node.keys.trust,
      group: discovery?.group ?? DEFAULT_DISCOVERY_GROUP,
      port,
      protocolVersion: PROTOCOL_VERSION,
      listenedMs: (this.#nowUs - this.#startedUs) / 1_000,
      isListening: shared === undefined,
      portProblem: shared?.error.why ?? null,
      links: links.map((link) => this.#linkObservation(link)),
      ignored: ignoredOf(list, links, wanted),
      missing: wanted.filter((text) => !list.some(({ name, address }) => name === text || address === text)),
      peers: targets.map((target) => this.#peerObservation(target, tried.get(target.id) ?? null)),
      strangers: this.#collector.strangers,
      system: await options.system(port),
      storage: options.storage.map(({ what, path }): StorageObservation => {
        try {
          const stat = files.stat(path);
          return {
            what,
            path,
            kind: stat?.kind ?? null,
            mode: stat?.mode ?? null,
            userId: stat?.userId ?? null,
            problem: null,
          };
        } catch (thrown) {
          const error = toHanaError(thrown, "storage", path);
          return { what, path, kind: null, mode: null, userId: null, problem: error.why ?? error.what };
        }
      }),
      unknown,
      isLocalOnly: options.isLocalOnly,
      localNode: options.listed.find((view) => view.self)?.name ?? null,
    };
  }

  #linkObservation(link: LinkInterface): LinkObservation {
    const { key, name, family, address, prefix, broadcast, loopback } = link;
    const problem = this.#service.problems.find((each) =>
      each.interface === name && each.error.what.startsWith("interface")
    );
    const echo = this.#collector.echoOf(link.key);
    return {
      key,
      name,
      family,
      address,
      prefix,
      broadcast,
      loopback,
      echo,
      problem: problem?.error.message ?? null,
    };
  }

  #peerObservation(target: Target, tried: Tried | null): PeerObservation {
    const heard = this.#collector.nodes.get(target.id);
    const { view } = target;
    return {
      id: target.id,
      name: view.name,
      version: view.version,
      state: view.state,
      isHere: target.isHere,
      known: target.known,
      links: target.places.filter(isThere).map((place): PeerLinkObservation => ({
        linkKey: place.heard.link.key,
        link: place.heard.link.name,
        family: place.heard.link.family,
        isSecondary: place.heard.link.ipv6?.isSecondary ?? false,
        address: place.heard.from?.host ?? place.endpoint?.host ?? null,
        isRouted: place.heard.isRouted,
        out: place.heard.out,
        in: place.heard.in,
        large: place.heard.large,
        rttUs: place.heard.rttUs,
      })),
      beatMs: heard?.beatMs ?? 1_000,
      processes: heard?.processes.size ?? 0,
      isDouble: heard?.isDouble ?? false,
      session: tried?.session ?? null,
      clock: tried?.clock ?? null,
    };
  }

  // --- time ----------------------------------------------------------------------------------------------------

  get #nowUs(): number {
    return this.#platform.clock.nowUs();
  }

  #sleep(us: number): Promise<void> {
    return this.#sleepUntil(this.#nowUs + us);
  }

  #sleepUntil(atUs: number): Promise<void> {
    if (atUs <= this.#nowUs) return Promise.resolve();
    return new Promise((resolve) => this.#platform.timers.schedule(Math.ceil(atUs), () => resolve()));
  }
}

interface Tried {
  readonly session: SessionObservation;
  readonly clock: ClockObservation | null;
}

/** Whether the node is there at all, as far as known. */
function isThere({ heard, endpoint }: Place): boolean {
  return endpoint !== null || heard.from !== null;
}

/** What is not known yet of a node on a link. Where it may not be at all, one question is enough. */
function openQuestions(place: Place, round: number): Question[] {
  const open: Question[] = [];
  const { out, in: came, large, link, isRouted } = place.heard;
  if (!isThere(place)) return round === 0 ? ["multicast"] : [];
  if (out.unicast.answered === 0) open.push("unicast");
  if (large.answered === 0) open.push("large");
  if (isRouted) return open;
  if (out.multicast.answered === 0 || came.multicast === 0) open.push("multicast");
  if (link.broadcast !== null && (out.broadcast.answered === 0 || came.broadcast === 0)) {
    open.push("broadcast");
  }
  return open;
}

function endpointsOf(view: NodeView): { kind: "tcp" | "udp" | "unix" | "pipe"; address: string }[] {
  return view.endpoints.flatMap(({ kind, address }) =>
    kind === "tcp" || kind === "udp" || kind === "unix" || kind === "pipe" ? [{ kind, address }] : []
  );
}

/** Whether a text on the command line means this node: its name, the beginning of its id, or an address of it. */
function isMeant(view: NodeView, text: string): boolean {
  if (view.name === text) return true;
  if (/^[0-9a-f]{4,32}$/.test(text) && view.id.startsWith(text)) return true;
  const host = addressOf(text)?.replace(/^udp:\/\//, "").replace(/:\d+$/, "");
  return host !== undefined && endpointsOf(view).some((endpoint) => hostOf(endpoint)?.host === host);
}

function ignoredOf(
  list: readonly NetworkInterface[],
  links: readonly LinkInterface[],
  wanted: readonly string[],
): IgnoredInterface[] {
  const ignored: IgnoredInterface[] = [];
  for (const each of list) {
    if (each.loopback || links.some(({ name, address }) => name === each.name && address === each.address)) {
      continue;
    }
    // One interface has several IPv6 addresses; that it has any says nothing.
    if (each.family === "ipv6" && [...links, ...ignored].some(({ name }) => name === each.name)) continue;
    const why = wanted.length > 0 && !wanted.includes(each.name) && !wanted.includes(each.address)
      ? "not asked for"
      : IGNORED_INTERFACES.some((pattern) => pattern.test(each.name))
      ? "a container's, a virtual machine's or a tunnel's by its name"
      : each.family === "ipv6"
      ? "IPv6"
      : "one too many";
    ignored.push({ name: each.name, address: each.address, why });
  }
  return ignored;
}
