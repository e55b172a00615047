// Datagram sockets of simulated hosts.
// Decides who gets a datagram the way Linux does (discovery research E1 to E13): multicast and broadcast go to every
// socket bound to the port and all addresses, unicast to the best match and among equals to the last binder, a
// closed port swallows.

import { HanaError } from "../../base/mod.ts";
import type {
  Clock,
  DatagramHandlers,
  DatagramOptions,
  Datagrams,
  DatagramSocket,
  DatagramStats,
  IpEndpoint,
} from "../mod.ts";
import { MAX_DATAGRAM_BYTES } from "../limits.ts";
import { RepeatFilter } from "../repeat_filter.ts";
import { isAddress, isIpv6, isMulticast, isWildcard, LIMITED_BROADCAST } from "./address.ts";
import type { Engine } from "./engine.ts";
import { digestBytes } from "./event_log.ts";
import { LOST } from "./link.ts";
import type { HostNetwork, SimulatedInterface } from "./network.ts";
import type { Held, ProcessLife } from "./process_life.ts";

/** IPv4 and UDP headers. */
const HEADER_BYTES = 28;
/** A datagram to the own host takes about this long. */
const LOOPBACK_DELAY_US = 20;
const FIRST_EPHEMERAL_PORT = 49152;
const LAST_PORT = 65535;

/** A datagram under way. */
interface Frame {
  readonly bytes: Uint8Array;
  readonly digest: number;
  readonly from: IpEndpoint;
  readonly fromHost: string;
  readonly toHost: string;
  readonly toPort: number;
  readonly group: boolean;
}

/** The UDP ports of one host. */
export class DatagramPorts {
  readonly engine: Engine;
  readonly network: HostNetwork;
  readonly #sockets = new Map<number, SimulatedDatagramSocket[]>();
  readonly #portsOf: (hostName: string) => DatagramPorts | null;
  #nextEphemeral = FIRST_EPHEMERAL_PORT;

  /** `portsOf` finds the ports of another host. */
  constructor(engine: Engine, network: HostNetwork, portsOf: (hostName: string) => DatagramPorts | null) {
    this.engine = engine;
    this.network = network;
    this.#portsOf = portsOf;
  }

  /** Opens a socket for a process. */
  bind(
    options: DatagramOptions,
    handlers: DatagramHandlers,
    life: ProcessLife,
    clock: Clock,
  ): DatagramSocket {
    const host = options.egress ?? options.host;
    const what = `cannot bind udp://${host}:${options.port}`;
    if (!isAddress(host)) throw new HanaError("network-unusable", { what, why: "is no IP address" });
    if (!isWildcard(host) && !isMulticast(host) && this.network.owner(host) === null) {
      throw new HanaError("network-unusable", { what, why: "no interface has this address" });
    }
    const port = options.port === 0 ? this.#freePort() : options.port;
    const shared = options.shared ?? false;
    for (const other of this.#sockets.get(port) ?? []) {
      const overlap = other.local.host === host || isWildcard(host) || isWildcard(other.local.host);
      if (overlap && isIpv6(host) === isIpv6(other.local.host) && !(shared && other.shared)) {
        throw new HanaError("address-in-use", { what, why: "another program holds it" });
      }
    }
    const socket = new SimulatedDatagramSocket(this, { host, port }, shared, handlers, life, clock);
    const sockets = this.#sockets.get(port);
    if (sockets === undefined) this.#sockets.set(port, [socket]);
    else sockets.push(socket);
    life.hold(socket);
    return socket;
  }

  /** Forgets a closed socket. */
  unbind(socket: SimulatedDatagramSocket): void {
    const sockets = this.#sockets.get(socket.local.port);
    if (sockets === undefined) return;
    const at = sockets.indexOf(socket);
    if (at >= 0) sockets.splice(at, 1);
    if (sockets.length === 0) this.#sockets.delete(socket.local.port);
  }

  /** Sends; returns why not, or null. */
  send(socket: SimulatedDatagramSocket, bytes: Uint8Array, to: IpEndpoint): string | null {
    const bound = socket.local.host;
    const wildcard = isWildcard(bound);
    const directed = this.network.interfaces.find((candidate) =>
      candidate.usable && candidate.isBroadcast(to.host)
    );
    const multicast = isMulticast(to.host);
    if (multicast || to.host === LIMITED_BROADCAST || directed !== undefined) {
      const out = directed ?? this.network.groupInterface(bound, wildcard);
      if (out === null) return "Network is unreachable";
      return this.#sendToGroup(socket, out, bytes, to, multicast);
    }
    const route = this.network.route(to.host);
    if (route === null) return "Network is unreachable";
    if (!wildcard && this.network.owner(bound) === null) return "Cannot assign requested address";
    const source = wildcard ? route.source : bound;
    const frame = this.#frame(socket, source, bytes, to, false);
    if (route.out.segment === null) {
      this.engine.after(LOOPBACK_DELAY_US, () => this.deliver(route.out, frame));
      return null;
    }
    if (bytes.length + HEADER_BYTES > route.out.segment.mtuBytes) return "Message too long";
    const target = route.target;
    const delayUs = target === null
      ? LOST
      : route.out.segment.planUs(route.out, target, bytes.length + HEADER_BYTES, false);
    if (target === null || delayUs === LOST) {
      this.engine.log.record(this.engine.nowUs, "datagram-lost", frame.fromHost, to.host, bytes.length);
      return null;
    }
    this.engine.after(delayUs, () => this.#portsOf(target.hostName)?.deliver(target, frame));
    return null;
  }

  /** A frame arrives at an interface of this host. */
  deliver(at: SimulatedInterface, frame: Frame): void {
    if (!at.usable) return;
    const sockets = this.#sockets.get(frame.toPort);
    if (sockets === undefined) return;
    if (!frame.group) {
      this.#bestMatch(sockets, frame.toHost)?.deliver(frame);
      return;
    }
    if (isMulticast(frame.toHost) && !at.hears(frame.toHost)) return;
    // A handler may open and close sockets, so the receivers are picked before the first one runs.
    const receivers = sockets.filter((socket) =>
      isWildcard(socket.local.host)
        ? isIpv6(socket.local.host) === isIpv6(frame.toHost)
        : socket.local.host === frame.toHost
    );
    for (const socket of receivers) socket.deliver(frame);
  }

  #bestMatch(sockets: readonly SimulatedDatagramSocket[], address: string): SimulatedDatagramSocket | null {
    let best: SimulatedDatagramSocket | null = null;
    for (const socket of sockets) {
      if (socket.local.host === address) best = socket;
      else if (isWildcard(socket.local.host) && isIpv6(socket.local.host) === isIpv6(address)) {
        if (best === null || isWildcard(best.local.host)) best = socket;
      }
    }
    return best;
  }

  #sendToGroup(
    socket: SimulatedDatagramSocket,
    out: SimulatedInterface,
    bytes: Uint8Array,
    to: IpEndpoint,
    multicast: boolean,
  ): string | null {
    const source = isWildcard(socket.local.host) ? out.addressLike(to.host) : socket.local.host;
    if (source === null || this.network.owner(source) === null) return "Cannot assign requested address";
    const frame = this.#frame(socket, source, bytes, to, true);
    const segment = out.segment;
    if (segment !== null && bytes.length + HEADER_BYTES > segment.mtuBytes) return "Message too long";
    this.engine.after(LOOPBACK_DELAY_US, () => this.deliver(out, frame));
    if (segment === null) return null;
    // Receivers with the same delay share one event: the cost of a beacon is its handlers, not the queue.
    let runAtUs = LOST;
    let together: SimulatedInterface[] = [];
    for (const target of segment.attached) {
      if (target === out || (multicast && !target.hears(to.host))) continue;
      const delayUs = segment.planUs(out, target, bytes.length + HEADER_BYTES, true);
      if (delayUs === LOST) {
        this.engine.log.record(
          this.engine.nowUs,
          "datagram-lost",
          frame.fromHost,
          target.hostName,
          bytes.length,
        );
        continue;
      }
      if (delayUs !== runAtUs || together.length === 0) {
        const receivers: SimulatedInterface[] = [];
        this.engine.after(delayUs, () => {
          for (const receiver of receivers) this.#portsOf(receiver.hostName)?.deliver(receiver, frame);
        });
        together = receivers;
        runAtUs = delayUs;
      }
      together.push(target);
    }
    return null;
  }

  #frame(
    socket: SimulatedDatagramSocket,
    source: string,
    bytes: Uint8Array,
    to: IpEndpoint,
    group: boolean,
  ): Frame {
    return {
      bytes: bytes.slice(),
      digest: digestBytes(bytes),
      from: { host: source, port: socket.local.port },
      fromHost: this.network.hostName,
      toHost: to.host,
      toPort: to.port,
      group,
    };
  }

  #freePort(): number {
    for (let tries = FIRST_EPHEMERAL_PORT; tries <= LAST_PORT; tries++) {
      const port = this.#nextEphemeral;
      this.#nextEphemeral = port === LAST_PORT ? FIRST_EPHEMERAL_PORT : port + 1;
      if (!this.#sockets.has(port)) return port;
    }
    throw new HanaError("address-in-use", { what: "no free UDP port", why: "all of them are taken" });
  }
}

class SimulatedDatagramStats implements DatagramStats {
  sent = 0;
  received = 0;
  sendErrors = 0;
  receiveErrors = 0;
}

interface Joined {
  readonly group: string;
  readonly on: SimulatedInterface;
}

/** A socket of a simulated process. */
export class SimulatedDatagramSocket implements DatagramSocket, Held {
  readonly local: IpEndpoint;
  readonly stats = new SimulatedDatagramStats();
  readonly shared: boolean;
  readonly #ports: DatagramPorts;
  readonly #handlers: DatagramHandlers;
  readonly #life: ProcessLife;
  readonly #news: RepeatFilter;
  #joined: Joined[] = [];
  #closed = false;

  constructor(
    ports: DatagramPorts,
    local: IpEndpoint,
    shared: boolean,
    handlers: DatagramHandlers,
    life: ProcessLife,
    clock: Clock,
  ) {
    this.#ports = ports;
    this.local = local;
    this.shared = shared;
    this.#handlers = handlers;
    this.#life = life;
    this.#news = new RepeatFilter(clock);
  }

  send(bytes: Uint8Array, to: IpEndpoint): void {
    if (this.#closed) return;
    const problem = this.#ports.send(this, bytes, to);
    if (problem === null) {
      this.stats.sent++;
      return;
    }
    this.stats.sendErrors++;
    const error = new HanaError("network-unusable", {
      what: `sending to udp://${to.host}:${to.port}`,
      why: problem,
    });
    if (this.#news.isNews(error.message)) this.#ports.engine.after(0, () => this.#tell(error));
  }

  join(group: string, interfaceAddress: string): void {
    if (this.#closed) return;
    const on = this.#ports.network.owner(interfaceAddress);
    const what = `cannot join ${group} on ${interfaceAddress}`;
    if (on === null) {
      throw new HanaError("network-unusable", { what, why: "no interface has this address" });
    }
    if (!isMulticast(group)) throw new HanaError("network-unusable", { what, why: "is no multicast group" });
    if (this.#joined.some((known) => known.group === group && known.on === on)) return;
    this.#joined.push({ group, on });
    on.joinGroup(group);
  }

  leave(group: string, interfaceAddress: string): void {
    const left = this.#joined.find((known) => known.group === group && known.on.owns(interfaceAddress));
    if (left === undefined) return;
    left.on.leaveGroup(group);
    this.#joined = this.#joined.filter((known) => known !== left);
  }

  close(): void {
    if (this.#closed) return;
    this.#life.drop(this);
    this.onProcessEnded();
  }

  onProcessEnded(): void {
    this.#closed = true;
    for (const { group, on } of this.#joined) on.leaveGroup(group);
    this.#joined = [];
    this.#ports.unbind(this);
  }

  /** A datagram for this socket. */
  deliver(frame: Frame): void {
    if (this.#closed) return;
    const { bytes, from } = frame;
    const engine = this.#ports.engine;
    if (bytes.length > MAX_DATAGRAM_BYTES) {
      this.stats.receiveErrors++;
      return;
    }
    this.stats.received++;
    engine.log.record(
      engine.nowUs,
      "datagram",
      frame.fromHost,
      this.#life.hostName,
      bytes.length,
      frame.digest,
    );
    const lent = engine.lend(bytes);
    try {
      this.#handlers.onDatagram(lent, from);
    } catch (thrown) {
      engine.crash(thrown, `udp://${this.local.host}:${this.local.port} on ${this.#life.hostName}`);
    }
    engine.takeBack(lent);
  }

  #tell(error: HanaError): void {
    if (this.#closed) return;
    try {
      this.#handlers.onError(error);
    } catch (thrown) {
      this.#ports.engine.crash(
        thrown,
        `udp://${this.local.host}:${this.local.port} on ${this.#life.hostName}`,
      );
    }
  }
}

/** Datagram sockets as one process sees them. */
export class SimulatedDatagrams implements Datagrams {
  readonly #ports: DatagramPorts;
  readonly #life: ProcessLife;
  readonly #clock: Clock;

  constructor(ports: DatagramPorts, life: ProcessLife, clock: Clock) {
    this.#ports = ports;
    this.#life = life;
    this.#clock = clock;
  }

  bind(options: DatagramOptions, handlers: DatagramHandlers): DatagramSocket {
    if (!this.#life.alive) {
      throw new HanaError("network-unusable", { what: "cannot bind", why: "the process has ended" });
    }
    return this.#ports.bind(options, handlers, this.#life, this.#clock);
  }
}
