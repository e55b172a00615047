// Datagrams of simulated hosts.
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
  IpEndpoint,
} from "../mod.ts";
import { isAddress, isIpv6, isMulticast, isWildcard, LIMITED_BROADCAST } from "./address.ts";
import { needsZone, splitZone, withoutZone } from "../zone.ts";
import { SimulatedDatagramSocket, type SocketSurroundings } from "./datagram_socket.ts";
import type { Engine } from "./engine.ts";
import { digestBytes } from "./event_log.ts";
import { FanOut } from "./fan_out.ts";
import { flipBit, type Frame } from "./frame.ts";
import type { FrameFate } from "./frame_tap.ts";
import { CUT, HELD, LOST, type Traffic } from "./link.ts";
import type { Cable, FrameReceiver, HostNetwork, SimulatedInterface } from "./network.ts";
import type { ProcessLife } from "./process_life.ts";

/** IP and UDP headers. */
const HEADER_BYTES = 28;
const IPV6_HEADER_BYTES = 48;
/** A datagram to the own host takes about this long. */
const LOOPBACK_DELAY_US = 20;
const FIRST_EPHEMERAL_PORT = 49152;
const LAST_PORT = 65535;

/** Bytes of the packet. */
function sizeOf(frame: Frame): number {
  return frame.bytes.length + (isIpv6(frame.toHost) ? IPV6_HEADER_BYTES : HEADER_BYTES);
}

/** Whether a group frame is for an interface: its broadcast address must be one of its own networks'. */
function isForUs(frame: Frame, at: SimulatedInterface): boolean {
  if (frame.multicast) return at.hears(frame.toHost);
  return frame.toHost === LIMITED_BROADCAST || at.isBroadcast(frame.toHost);
}

/** The UDP ports of one host. */
export class DatagramPorts implements SocketSurroundings, FrameReceiver {
  readonly engine: Engine;
  readonly network: HostNetwork;
  readonly #sockets = new Map<number, SimulatedDatagramSocket[]>();
  /** The sockets of the port that was asked for last, with the port; −1 for none. */
  #lastPort = -1;
  #lastSockets: SimulatedDatagramSocket[] = [];
  #nextEphemeral = FIRST_EPHEMERAL_PORT;

  constructor(engine: Engine, network: HostNetwork) {
    this.engine = engine;
    this.network = network;
    network.datagrams = this;
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
    if (!this.#canBind(host)) {
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

  #canBind(host: string): boolean {
    const { address, zone } = splitZone(host);
    if (isWildcard(address)) return true;
    const on = zone === null ? null : this.network.zone(zone);
    if (needsZone(address) && on === null) return false;
    return isMulticast(address) || (on === null ? this.network.owner(address) !== null : on.owns(address));
  }

  /** Forgets a closed socket. */
  unbind(socket: SimulatedDatagramSocket): void {
    const sockets = this.#sockets.get(socket.local.port);
    if (sockets === undefined) return;
    const at = sockets.indexOf(socket);
    if (at >= 0) sockets.splice(at, 1);
    if (sockets.length > 0) return;
    this.#sockets.delete(socket.local.port);
    this.#lastPort = -1;
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
      const from = to.host.includes("%") ? to.host : bound;
      const out = directed ?? this.network.groupInterface(from, wildcard && from === bound);
      if (out === null) return "Network is unreachable";
      return this.#sendToGroup(socket, out, bytes, to, multicast);
    }
    const route = this.network.route(to.host, socket.zone);
    if (route === null) return "Network is unreachable";
    if (!wildcard && this.network.owner(bound) === null) return "Cannot assign requested address";
    const frame = this.#frame(socket, wildcard ? route.source : bound, bytes, to, false);
    if (route.out.segment === null) {
      this.engine.after(LOOPBACK_DELAY_US, () => this.deliver(route.out, frame));
      return null;
    }
    if (sizeOf(frame) > route.out.segment.mtuBytes) return "Message too long";
    const target = route.target;
    if (target === null) this.#lose(frame, to.host, CUT);
    else this.#launch(route.out.segment, route.out, target, frame, "unicast");
    return null;
  }

  /** A frame arrives at an interface of this host. */
  deliver(at: SimulatedInterface, frame: Frame): void {
    if (!at.usable) return;
    const sockets = this.#socketsAt(frame.toPort);
    if (sockets === null) return;
    if (!frame.group) {
      this.#bestMatch(sockets, frame.toHost)?.deliver(frame);
      return;
    }
    if (!isForUs(frame, at)) return;
    const [only] = sockets;
    if (sockets.length === 1 && only !== undefined) {
      if (only.hears(frame.toHost, at)) only.deliver(frame);
      return;
    }
    // A handler may open and close sockets, so the receivers are picked before the first one runs.
    for (const socket of sockets.filter((each) => each.hears(frame.toHost, at))) socket.deliver(frame);
  }

  #socketsAt(port: number): SimulatedDatagramSocket[] | null {
    if (port === this.#lastPort) return this.#lastSockets;
    const sockets = this.#sockets.get(port);
    if (sockets === undefined) return null;
    this.#lastPort = port;
    this.#lastSockets = sockets;
    return sockets;
  }

  #bestMatch(sockets: readonly SimulatedDatagramSocket[], address: string): SimulatedDatagramSocket | null {
    let best: SimulatedDatagramSocket | null = null;
    for (const socket of sockets) {
      if (socket.address === address) best = socket;
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
    const size = sizeOf(frame);
    if (segment !== null && size > segment.mtuBytes) return "Message too long";
    this.engine.after(LOOPBACK_DELAY_US, () => this.deliver(out, frame));
    if (segment === null) return null;
    let fanOut: FanOut | null = null;
    for (const target of segment.attached) {
      if (
        target === out || (multicast && (target.multicast !== "forwarded" || !target.hears(frame.toHost)))
      ) {
        continue;
      }
      const delayUs = segment.planUs(out, target, size, "group");
      const link = segment.lastLink;
      if (delayUs < 0 || link === null || link.flippedBit >= 0 || link.copyUs >= 0) {
        this.#settle(segment, out, target, frame, "group", delayUs);
        continue;
      }
      this.#tapFrame(frame, target.hostName, "delivered", delayUs);
      fanOut ??= new FanOut(this.engine, frame);
      fanOut.add(target, delayUs);
    }
    fanOut?.start();
    return null;
  }

  /** Sends a frame to one interface. */
  #launch(
    segment: Cable,
    out: SimulatedInterface,
    target: SimulatedInterface,
    frame: Frame,
    traffic: Traffic,
  ): void {
    const delayUs = segment.planUs(out, target, sizeOf(frame), traffic);
    this.#settle(segment, out, target, frame, traffic, delayUs);
  }

  /** Does with a frame what its segment has planned. */
  #settle(
    segment: Cable,
    out: SimulatedInterface,
    target: SimulatedInterface,
    frame: Frame,
    traffic: Traffic,
    delayUs: number,
  ): void {
    if (delayUs === HELD) {
      const size = sizeOf(frame);
      segment.hold(
        out,
        target,
        size,
        traffic,
        (laterUs) => this.#settle(segment, out, target, frame, traffic, laterUs),
      );
      return;
    }
    if (delayUs < 0) {
      this.#lose(frame, target.hostName, delayUs);
      return;
    }
    const copyUs = segment.lastLink?.copyUs ?? LOST;
    const flippedBit = segment.lastLink?.flippedBit ?? -1;
    const arriving = flippedBit < 0 ? frame : flipBit(frame, flippedBit);
    this.#arriveIn(target, arriving, delayUs);
    this.#tapFrame(arriving, target.hostName, flippedBit < 0 ? "delivered" : "corrupted", delayUs);
    if (copyUs < 0) return;
    this.#arriveIn(target, frame, copyUs);
    this.#tapFrame(frame, target.hostName, "duplicated", copyUs);
  }

  #arriveIn(target: SimulatedInterface, frame: Frame, delayUs: number): void {
    this.engine.after(delayUs, () => target.network.datagrams?.deliver(target, frame));
  }

  #lose(frame: Frame, to: string, why: number): void {
    this.engine.log.record(this.engine.nowUs, "datagram-lost", frame.fromHost, to, frame.bytes.length);
    this.#tapFrame(frame, to, why === CUT ? "cut" : "lost", -1);
  }

  #tapFrame(frame: Frame, to: string, fate: FrameFate, delayUs: number): void {
    const tap = this.engine.frameTap;
    if (tap === null) return;
    const arrivesUs = delayUs < 0 ? -1 : this.engine.nowUs + delayUs;
    tap(frame.fromHost, to, sizeOf(frame), frame.bytes, fate, arrivesUs, "datagram");
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
      from: { host: withoutZone(source), port: socket.local.port },
      fromHost: this.network.hostName,
      toHost: withoutZone(to.host),
      toPort: to.port,
      group,
      multicast: group && isMulticast(to.host),
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
