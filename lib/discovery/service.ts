// Runs a discovery core on a machine: sockets, the interface list, one timer.
// Decides when to look at the interfaces again and what to do about a deaf socket; everything else is the core's.
// Never ends because the network went away: without an interface it lives on loopback and picks up when one appears.
// A port that a foreign program holds does not end it either: it then sends, answers and hears answers, but hears
// newcomers only when they ask it; `problems` says so, and the port is tried again with every look.

import { HanaError, type Incarnation, type NodeId, type Role } from "../base/mod.ts";
import type { IpEndpoint, NetworkInterface, Platform, TimerHandle } from "../platform/mod.ts";
import { createBodyCodec } from "./body_codec.ts";
import { ClockWatch } from "./clock_watch.ts";
import { DiscoveryCore, type DiscoveryOptions } from "./core.ts";
import type { DiscoveryCounters } from "./counters.ts";
import { type DatagramSeal, type OpenDatagram, resealDatagram } from "./datagram.ts";
import { parseIpv4 } from "./address.ts";
import type { LinkInterface } from "./endpoint.ts";
import type { DiscoveryEvent } from "./events.ts";
import type { LeaseSettings, LeaseState } from "./leadership.ts";
import type { LeaseToken } from "./lease/mod.ts";
import { MAX_LINKS, missingInterfaces, parseSeed } from "./interface_choice.ts";
import { InterfaceWatch } from "./interface_watch.ts";
import { type LeaveReason, MAX_WHOLE_RECORD_BYTES } from "./messages/mod.ts";
import type { Destination } from "./outbox.ts";
import type { NodeRecord, RecordPatch } from "./record.ts";
import type { Registry, Trust } from "./registry.ts";
import { DiscoverySockets } from "./sockets.ts";
import { type TraceListener, Tracer } from "./trace.ts";

/** UDP port of discovery unless told otherwise. */
export const DEFAULT_DISCOVERY_PORT = 47_676;
/** Multicast group of discovery unless told otherwise (organization-local scope, RFC 2365 §6.2). */
export const DEFAULT_DISCOVERY_GROUP = "239.255.76.86";
/** IPv6 multicast group that goes with it (transient, link-local scope, RFC 4291 §2.7). */
export const DEFAULT_DISCOVERY_GROUP6 = "ff12::4c56";

const SCAN_US = 2_000_000;
/** How soon after a send error the interfaces are looked at, and after a bind that knows no port yet. */
const RESCAN_US = 200_000;
const PORT_RETRY_US = 20_000;
/** How soon a link that is not usable yet is tried again. */
const SETTLING_US = 500_000;
/** A join and a new socket have both failed by then. */
const BLOCKED_AFTER_MISSES = 3;

/** What a service is made of. */
export interface ServiceOptions {
  readonly id: NodeId;
  readonly incarnation: Incarnation;
  readonly role: Role;
  readonly record: DiscoveryOptions["record"];
  readonly meshName?: string;
  /** Signs and verifies; `DatagramAuthenticator` brings its trust along. */
  readonly seal: DatagramSeal & { readonly trust: Trust };
  /**
   * While a key is rotated: signs a second copy of everything, so that machines which have not heard of the new key go
   * on seeing this one. To a machine with both keys the copy is one more path of the same datagram.
   */
  readonly alsoSeal?: DatagramSeal;
  /** How datagrams are opened; `SharedOpening` shares the work among the nodes of one process. */
  readonly open?: OpenDatagram;
  readonly port?: number;
  readonly group?: string;
  /** Names or addresses of the interfaces to use; all but containers and tunnels unless given. */
  readonly interfaces?: readonly string[];
  /** Nodes to ask by unicast: `10.0.0.7` or `10.0.0.7:47676`. */
  readonly seeds?: readonly string[];
  /** Whether to hear multicast on the shared port. By default all but observers do. */
  readonly listens?: boolean;
  readonly maxPeers?: number;
  /** Our part in the leader lease; none unless given. */
  readonly lease?: LeaseSettings;
}

/** Something that keeps discovery from working in full. */
export interface DiscoveryProblem {
  /** The interface that it concerns; null for the whole machine. */
  readonly interface: string | null;
  readonly error: HanaError;
}

interface Waiting<T> {
  resolve(value: T): void;
  reject(error: HanaError): void;
}

/** Discovery on a machine. */
export class DiscoveryService {
  readonly #core: DiscoveryCore;
  readonly #sockets: DiscoverySockets;
  readonly #tracer: Tracer;
  readonly #listeners = new Set<(event: DiscoveryEvent) => void>();
  readonly #pings = new Map<number, Waiting<number>>();
  readonly #queries = new Map<number, (answers: number) => void>();
  readonly #blocked = new Map<string, DiscoveryProblem>();
  readonly #watch: InterfaceWatch;
  #timer: TimerHandle | null = null;
  #timerAtUs = Infinity;
  #nextScanUs = 0;
  #state: "new" | "running" | "leaving" | "stopped" = "new";
  #onGone: (() => void) | null = null;
  #isFlushing = false;
  readonly #clocks = new ClockWatch();

  /** Throws `config` for a record or a seed that cannot be. Touches nothing before `start`. */
  constructor(readonly platform: Platform, readonly options: ServiceOptions) {
    const group = options.group ?? DEFAULT_DISCOVERY_GROUP;
    const mesh = {
      group,
      group6: group6Of(group),
      port: options.port ?? DEFAULT_DISCOVERY_PORT,
    };
    const listens = options.listens ?? options.role !== "observer";
    this.#core = new DiscoveryCore(platform.clock.nowUs(), {
      id: options.id,
      incarnation: options.incarnation,
      role: options.role,
      record: options.record,
      meshName: options.meshName,
      trust: options.seal.trust,
      seal: options.seal,
      codec: createBodyCodec(),
      ...(options.open === undefined ? {} : { open: options.open }),
      random: platform.random.stream(`discovery ${options.id}`),
      seeds: (options.seeds ?? []).map((text) => parseSeed(text, mesh.port)),
      maxPeers: options.maxPeers,
      ...(options.lease === undefined ? {} : { lease: options.lease }),
      expectsEcho: false,
    });
    this.#tracer = new Tracer(options.seal);
    this.#watch = new InterfaceWatch({ only: options.interfaces ?? null });
    this.#sockets = new DiscoverySockets(platform.datagrams, mesh, listens, {
      onDatagram: (bytes, from) => this.#onDatagram(bytes, from),
      onError: () => this.#scanSoon(RESCAN_US),
    });
  }

  /** The nodes that we know. */
  get registry(): Registry {
    return this.#core.registry;
  }

  /** Everything counted since the start. */
  get counters(): DiscoveryCounters {
    return this.#core.counters;
  }

  /** Our own record as others get it. */
  get record(): NodeRecord {
    return this.#core.record;
  }

  /** The links in use, loopback among them. */
  get interfaces(): LinkInterface[] {
    return this.#sockets.links;
  }

  /** What keeps discovery from working in full now. */
  get problems(): DiscoveryProblem[] {
    const problems = [...this.#blocked.values()];
    const shared = this.#sockets.sharedProblem;
    if (shared !== null) problems.push({ interface: null, error: withPortHint(shared, this.#port) });
    for (const [name, error] of this.#sockets.linkProblems) problems.push({ interface: name, error });
    for (const name of missingInterfaces(this.platform.interfaces.list(), this.options.interfaces ?? [])) {
      problems.push({ interface: name, error: noInterface(name, this.platform.interfaces.list()) });
    }
    const { left } = this.#watch;
    if (left.length > 0) problems.push({ interface: null, error: tooManyInterfaces(left) });
    if (this.#core.isRecordTooLarge) problems.push({ interface: null, error: recordTooLarge() });
    if (this.#state === "running" && this.interfaces.every((link) => link.loopback)) {
      problems.push({
        interface: null,
        error: new HanaError("network-unusable", {
          what: "no network interface",
          why: "only this machine can be seen until one appears",
          hint: "plug in a cable, or name an interface that there is: ip address",
        }),
      });
    }
    return problems;
  }

  /** Starts. Resolves once every link has a socket whose port is known; never rejects because of the network. */
  async start(): Promise<void> {
    if (this.#state !== "new") {
      throw new HanaError("internal", { what: "discovery", why: "was started before" });
    }
    this.#state = "running";
    this.#scan();
    this.#flush();
    // Some systems tell the port one turn late.
    for (let tries = 0; tries < 50 && this.interfaces.some((link) => link.port === 0); tries++) {
      await this.#sleep(PORT_RETRY_US);
      this.#scan();
      this.#flush();
    }
  }

  /** Says goodbye, three times within 300 ms, and closes. Pings and queries that wait are cancelled. */
  async stop(reason: LeaveReason = "quit"): Promise<void> {
    if (this.#state === "running") {
      this.#state = "leaving";
      this.#core.leave(this.platform.clock.nowUs(), reason);
      const gone = new Promise<void>((resolve) => this.#onGone = resolve);
      this.#flush();
      if (this.#core.pollTimeout() !== null) await gone;
    }
    if (this.#state === "stopped") return;
    this.#state = "stopped";
    this.#timer?.cancel();
    this.#timer = null;
    this.#sockets.close();
    const cancelled = new HanaError("cancelled", { what: "discovery", why: "was stopped" });
    for (const waiting of this.#pings.values()) waiting.reject(cancelled);
    for (const resolve of this.#queries.values()) resolve(0);
    this.#pings.clear();
    this.#queries.clear();
  }

  /** Calls `listener` with every event from now on. Returns how to stop it. */
  onEvent(listener: (event: DiscoveryEvent) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Changes our record and announces it. Throws `config` or `schema` when it could not be announced. */
  updateRecord(patch: RecordPatch): void {
    this.#core.updateRecord(this.platform.clock.nowUs(), patch);
    this.#flush();
  }

  /** Tells the live load with the beats from now on: cpu %, gpu %, free memory MB, free VRAM MB, renders; −1 unknown. */
  updateAvailability(figures: readonly number[]): void {
    this.#core.setAvailability(this.platform.clock.nowUs(), figures);
    this.#flush();
  }

  /**
   * Asks everybody who is there and resolves, with the number of new answers, once none came for `quietUs`,
   * after `timeoutUs` at the latest. Answers stand in the registry.
   */
  query(limits: { quietUs: number; timeoutUs: number }): Promise<number> {
    if (this.#state !== "running") return Promise.resolve(0);
    const nowUs = this.platform.clock.nowUs();
    const token = this.#core.query(nowUs, limits.quietUs);
    const before = this.registry.presentCount;
    return new Promise((resolve) => {
      const timer = this.platform.timers.schedule(nowUs + limits.timeoutUs, () => {
        if (this.#queries.delete(token)) resolve(Math.max(0, this.registry.presentCount - before));
      });
      this.#queries.set(token, (answers) => {
        timer.cancel();
        resolve(answers);
      });
      this.#flush();
    });
  }

  /**
   * The round trip to a node of the registry, or to whoever answers at an address, in µs.
   * Rejects with `not-found`, with `timeout` after a second, or with `cancelled`.
   */
  ping(target: NodeId | IpEndpoint): Promise<number> {
    return new Promise((resolve, reject) => {
      if (this.#state !== "running") {
        throw new HanaError("cancelled", { what: "ping", why: "discovery is not running" });
      }
      const token = this.#core.ping(this.platform.clock.nowUs(), target);
      this.#pings.set(token, { resolve, reject });
      this.#flush();
    });
  }

  /** Asks an address at which a node may be, a few times and then no more; only what answers counts. */
  addHint(endpoint: IpEndpoint): void {
    if (this.#state !== "running") return;
    this.#core.addHint(this.platform.clock.nowUs(), endpoint);
    this.#flush();
  }

  /** Calls `listener` with every datagram that comes in or goes out from now on. Returns how to stop it. */
  trace(listener: TraceListener): () => void {
    return this.#tracer.listen(listener);
  }

  /**
   * Pings by one way of one link, filled up to `size` bytes, for tools that try ways; answers show in {@linkcode trace}.
   * Returns the nonce that they repeat, or null when it could not be sent.
   */
  probe(linkKey: string, to: Destination, target: NodeId | null, size = 0): string | null {
    if (this.#state !== "running") return null;
    const nonce = this.#core.probe(this.platform.clock.nowUs(), linkKey, to, target, size);
    this.#flush();
    return nonce;
  }

  /** How the leader lease stands. */
  get lease(): LeaseState {
    return this.#core.leadership.state(this.platform.clock.nowUs());
  }

  /** Who leads as far as we know; null for nobody. */
  get leaderId(): NodeId | null {
    return this.lease.leader?.token.leaderId ?? null;
  }

  /** The token of our own leadership while we may act, for the very next command; null otherwise. */
  get leaseToken(): LeaseToken | null {
    return this.#core.leadership.token(this.platform.clock.nowUs());
  }

  /** Hands leading over to `to`, or to the first candidate. False when we do not lead. */
  handOver(to?: NodeId): boolean {
    return this.#ordering((nowUs) => this.#core.leadership.handOver(nowUs, to));
  }

  /** Leads by the operator's word until {@linkcode endSolo}. False when we take no part or cannot keep it on disk. */
  forceSolo(): boolean {
    return this.#ordering((nowUs) => this.#core.leadership.forceSolo(nowUs));
  }

  /** Makes a forced leadership an ordinary one. False when it was none. */
  endSolo(): boolean {
    return this.#ordering((nowUs) => this.#core.leadership.endSolo(nowUs));
  }

  /** Takes another role and announces it; with the app role goes the candidacy for leading. */
  setRole(role: Role): void {
    if (this.#state !== "running") return;
    this.#core.setRole(this.platform.clock.nowUs(), role);
    this.#flush();
  }

  #ordering(order: (nowUs: number) => boolean): boolean {
    if (this.#state !== "running") return false;
    const isDone = order(this.platform.clock.nowUs());
    this.#flush();
    return isDone;
  }

  // --- the machine -------------------------------------------------------------------------------------------

  get #port(): number {
    return this.options.port ?? DEFAULT_DISCOVERY_PORT;
  }

  #onDatagram(bytes: Uint8Array, from: IpEndpoint): void {
    if (this.#state === "stopped") return;
    const nowUs = this.platform.clock.nowUs();
    const refusal = this.#core.handleDatagram(nowUs, bytes, from);
    if (this.#tracer.isOn) this.#tracer.noteIn(nowUs, bytes, from, refusal, this.interfaces);
    if (this.#core.hasNews) this.#flush();
  }

  #scan(): void {
    const nowUs = this.platform.clock.nowUs();
    const wasListening = this.#sockets.isListening;
    this.#sockets.follow(this.#watch.handleList(nowUs, this.platform.interfaces.list()));
    const settledUs = this.#sockets.isSettling ? nowUs + SETTLING_US : Infinity;
    this.#nextScanUs = Math.min(nowUs + SCAN_US, settledUs, this.#watch.nextUs() ?? Infinity);
    if (this.#sockets.isListening !== wasListening) {
      this.#core.setExpectsEcho(nowUs, this.#sockets.isListening);
    }
    const links = this.#sockets.links;
    for (const key of this.#blocked.keys()) {
      if (!links.some((link) => link.key === key)) this.#blocked.delete(key);
    }
    this.#core.handleInterfaces(nowUs, links);
  }

  #scanSoon(afterUs: number): void {
    if (this.#state !== "running") return;
    this.#nextScanUs = Math.min(this.#nextScanUs, this.platform.clock.nowUs() + afterUs);
    this.#arm();
  }

  #onTimer(): void {
    this.#timer = null;
    this.#timerAtUs = Infinity;
    if (this.#state === "stopped") return;
    const nowUs = this.platform.clock.nowUs();
    const change = this.#clocks.look(nowUs, this.platform.clock.wallMs());
    if (change?.kind === "resumed") this.#core.handleResume(nowUs, change.jumpMs);
    else if (change !== null) this.#core.noteClockJump(change.jumpMs);
    if (this.#state === "running" && nowUs >= this.#nextScanUs) this.#scan();
    this.#core.handleTimeout(this.platform.clock.nowUs());
    this.#flush();
  }

  /** Fetches what the core has to send and to tell, and sets the timer. */
  #flush(): void {
    if (this.#isFlushing) return;
    this.#isFlushing = true;
    const { alsoSeal } = this.options;
    try {
      for (
        let transmit = this.#core.pollTransmit();
        transmit !== null;
        transmit = this.#core.pollTransmit()
      ) {
        const isSent = this.#sockets.send(transmit);
        if (this.#tracer.isOn) {
          this.#tracer.noteOut(this.platform.clock.nowUs(), transmit, isSent, this.#port, this.interfaces);
        }
        if (!isSent) this.counters.dropped["no-link"]++;
        else if (alsoSeal !== undefined) {
          this.#sockets.send({ ...transmit, bytes: resealDatagram(transmit.bytes, alsoSeal) });
        }
      }
      for (let event = this.#core.pollEvent(); event !== null; event = this.#core.pollEvent()) {
        this.#handleEvent(event);
      }
    } finally {
      this.#isFlushing = false;
    }
    this.#arm();
  }

  #arm(): void {
    if (this.#state === "stopped") return;
    const wake = this.#core.pollTimeout();
    const scanUs = this.#state === "running" ? this.#nextScanUs : Infinity;
    const atUs = Math.min(wake?.atUs ?? Infinity, scanUs);
    if (atUs === this.#timerAtUs && this.#timer !== null) return;
    this.#timer?.cancel();
    this.#timer = null;
    this.#timerAtUs = atUs;
    if (atUs !== Infinity) {
      this.#timer = this.platform.timers.schedule(Math.ceil(atUs), () => this.#onTimer());
    }
  }

  #handleEvent(event: DiscoveryEvent): void {
    switch (event.kind) {
      case "pong":
        this.#pings.get(event.token)?.resolve(event.rttUs);
        this.#pings.delete(event.token);
        break;
      case "ping-lost":
        this.#pings.get(event.token)?.reject(
          new HanaError("timeout", { what: "ping", why: "no answer in 1 s" }),
        );
        this.#pings.delete(event.token);
        break;
      case "query-done":
        this.#queries.get(event.token)?.(event.answers);
        this.#queries.delete(event.token);
        break;
      case "echo-missing":
        this.#onEchoMissing(event.link, event.times);
        break;
      case "echo-back":
        this.#blocked.delete(event.link);
        break;
      case "multicast-degraded":
        this.#onDegraded(event.link);
        break;
      case "multicast-restored":
        this.#blocked.delete(event.link);
        break;
      case "goodbye-sent":
      case "id-conflict":
        this.#onGone?.();
        break;
      default:
        break;
    }
    for (const listener of [...this.#listeners]) listener(event);
  }

  /** First the cheapest remedy, then a stronger one, then the crew has to know. */
  #onEchoMissing(key: string, times: number): void {
    if (times === 2) this.#sockets.rebind();
    else this.#sockets.rejoin(key);
    if (times === 2) this.#scanSoon(0);
    const link = this.interfaces.find((each) => each.key === key);
    if (times !== BLOCKED_AFTER_MISSES || link === undefined || link.loopback) return;
    this.#blocked.set(key, {
      interface: link.name,
      error: new HanaError("network-unusable", {
        what: `multicast on ${link.name} (${link.address})`,
        why:
          "our own multicast does not come back: a firewall, a missing permission, or the interface cannot do it",
        hint: "broadcast goes on; name machines with --peer ADDRESS if they are not found",
      }),
    });
  }

  /** A new report may move the switch; whether it did shows by itself. */
  #onDegraded(key: string): void {
    this.#sockets.rejoin(key);
    const link = this.interfaces.find((each) => each.key === key);
    if (link === undefined) return;
    this.#blocked.set(key, {
      interface: link.name,
      error: new HanaError("network-unusable", {
        what: `multicast of others on ${link.name} (${link.address})`,
        why:
          "their broadcasts come and their multicast does not: a switch that snoops without a querier, or WiFi",
        hint: "broadcast goes on meanwhile; turn on the switch's IGMP querier, or turn off its snooping",
      }),
    });
  }

  #sleep(us: number): Promise<void> {
    const { clock, timers } = this.platform;
    return new Promise((resolve) => timers.schedule(clock.nowUs() + us, () => resolve()));
  }
}

/** The IPv6 group of an IPv4 group: meshes that keep apart on one family do so on the other. */
function group6Of(group: string): string {
  if (group === DEFAULT_DISCOVERY_GROUP) return DEFAULT_DISCOVERY_GROUP6;
  const value = parseIpv4(group);
  return `ff12::${Math.floor(value / 65_536).toString(16)}:${(value % 65_536).toString(16)}`;
}

function tooManyInterfaces(left: readonly string[]): HanaError {
  return new HanaError("network-unusable", {
    what: `${left.length} network interfaces are not used: ${left.slice(0, 8).join(", ")}`,
    why: `discovery uses ${MAX_LINKS} at most`,
    hint: "name those to use with --interface NAME",
  });
}

function recordTooLarge(): HanaError {
  return new HanaError("config", {
    what: "resources, capabilities or tags of this node are not told to others",
    why: `its record has more than ${MAX_WHOLE_RECORD_BYTES} bytes, so that others see only a part of it`,
    hint: "give it fewer or shorter capabilities, resources and tags",
  });
}

function noInterface(name: string, list: readonly NetworkInterface[]): HanaError {
  const names = [...new Set(list.filter((each) => !each.loopback).map((each) => each.name))];
  return new HanaError("network-unusable", {
    what: `there is no network interface ${name}`,
    why: names.length === 0
      ? "this machine has none at all; it is used as soon as it is there"
      : `there are ${names.slice(0, 8).join(", ")}; it is used as soon as it is there`,
  });
}

function withPortHint(error: HanaError, port: number): HanaError {
  if (error.code !== "address-in-use") return error;
  return new HanaError("address-in-use", {
    what: `discovery port ${port}`,
    why: "another program holds it and does not share it; nodes that start later may be seen late",
    hint: "end that program, or give all nodes another port with --discovery-port",
    cause: error,
  });
}
