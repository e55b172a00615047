// One datagram socket of a simulated process: what it hears, what waits while its host does not run, how it ends.
// Decides what its owner is told; never who gets a datagram (datagrams.ts does).

import { HanaError } from "../../base/mod.ts";
import type { Clock, DatagramHandlers, DatagramSocket, DatagramStats, IpEndpoint } from "../mod.ts";
import { MAX_DATAGRAM_BYTES } from "../limits.ts";
import { RepeatFilter } from "../repeat_filter.ts";
import { needsZone, splitZone } from "../zone.ts";
import { isIpv6, isMulticast, isWildcard } from "./address.ts";
import type { Engine } from "./engine.ts";
import type { Frame } from "./frame.ts";
import type { HostNetwork, SimulatedInterface } from "./network.ts";
import type { Held, ProcessLife } from "./process_life.ts";

/** Datagrams that wait at a socket of a host that does not run; what comes then is lost, as in a system's buffer. */
export const SOCKET_BUFFER_DATAGRAMS = 256;

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

/** What a socket needs of its host; `DatagramPorts` are one. */
export interface SocketSurroundings {
  readonly engine: Engine;
  readonly network: HostNetwork;
  /** Sends; returns why not, or null. */
  send(socket: SimulatedDatagramSocket, bytes: Uint8Array, to: IpEndpoint): string | null;
  /** Forgets a closed socket. */
  unbind(socket: SimulatedDatagramSocket): void;
}

/** A socket of a simulated process. */
export class SimulatedDatagramSocket implements DatagramSocket, Held {
  readonly local: IpEndpoint;
  /** Where it is bound: the address alone, and the interface that it is bound to. */
  readonly address: string;
  readonly zone: string | null;
  readonly stats = new SimulatedDatagramStats();
  readonly shared: boolean;
  readonly #ports: SocketSurroundings;
  readonly #handlers: DatagramHandlers;
  readonly #life: ProcessLife;
  readonly #news: RepeatFilter;
  readonly #isWildcard: boolean;
  readonly #isIpv6: boolean;
  #joined: Joined[] = [];
  #closed = false;
  #waiting = 0;

  constructor(
    ports: SocketSurroundings,
    local: IpEndpoint,
    shared: boolean,
    handlers: DatagramHandlers,
    life: ProcessLife,
    clock: Clock,
  ) {
    this.#ports = ports;
    const { address, zone } = splitZone(local.host);
    this.address = address;
    this.zone = zone;
    this.local = zone === null || needsZone(address) ? local : { host: address, port: local.port };
    this.#isWildcard = isWildcard(local.host);
    this.#isIpv6 = isIpv6(local.host);
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
    if (!this.#news.isNews(error.message)) return;
    this.#ports.engine.after(0, () => this.#life.cpu.run(() => this.#tell(error)));
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
    const { address } = splitZone(interfaceAddress);
    const left = this.#joined.find((known) => known.group === group && known.on.owns(address));
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

  /** Whether a datagram to this group or broadcast address, that came in there, is for it. */
  hears(group: string, at: SimulatedInterface): boolean {
    if (this.#isWildcard) return this.#isIpv6 === isIpv6(group);
    return this.address === group && (this.zone === null || at.isZone(this.zone));
  }

  /** A datagram for this socket. */
  deliver(frame: Frame): void {
    if (this.#closed) return;
    const cpu = this.#life.cpu;
    if (cpu.isFree) {
      this.#hand(frame);
      return;
    }
    if (this.#waiting >= SOCKET_BUFFER_DATAGRAMS) {
      const { engine } = this.#ports;
      engine.log.record(
        engine.nowUs,
        "datagram-lost",
        frame.fromHost,
        this.#life.hostName,
        frame.bytes.length,
      );
      return;
    }
    this.#waiting++;
    cpu.run(() => {
      this.#waiting--;
      if (!this.#closed) this.#hand(frame);
    });
  }

  #hand(frame: Frame): void {
    const { bytes } = frame;
    const from = this.zone !== null && needsZone(frame.from.host)
      ? { host: `${frame.from.host}%${this.zone}`, port: frame.from.port }
      : frame.from;
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
