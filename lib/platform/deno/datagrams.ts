// Datagram sockets on the runtime's own UDP calls.
// Decides the copies (one a send, none a receive), the bound on sends in flight, and that no error of the system
// ends the receive loop. Never resolves names: addresses are literal.

import { HanaError } from "../../base/mod.ts";
import type {
  Clock,
  DatagramHandlers,
  DatagramOptions,
  Datagrams,
  DatagramSocket,
  IpEndpoint,
  NetworkInterfaces,
} from "../mod.ts";
import type { CrashReporter } from "./crash.ts";
import { bindError, datagramError, udpText } from "./datagram_errors.ts";
import { MAX_DATAGRAM_BYTES } from "../limits.ts";
import { RepeatFilter } from "../repeat_filter.ts";
import { DenoDatagramStats } from "./datagram_stats.ts";
import { NodeDgramSocket } from "./datagrams_node.ts";
import { needsZone, splitZone } from "../zone.ts";
import { interfaceIndex, Memberships } from "./memberships.ts";
import { systemHost } from "./system_host.ts";
import { SendSlots } from "./send_slots.ts";

/** The link's all-hosts group: joining it needs no router and is never reported (RFC 3376 section 6). */
const ALL_HOSTS_GROUP = "224.0.0.1";

/** A receive that fails again and again waits longer and longer, up to this. */
const MAX_RECEIVE_PAUSE_MS = 1000;

class DenoDatagramSocket implements DatagramSocket {
  readonly local: IpEndpoint;
  readonly stats = new DenoDatagramStats();
  readonly #socket: Deno.DatagramConn;
  readonly #handlers: DatagramHandlers;
  readonly #interfaces: NetworkInterfaces;
  readonly #crashes: CrashReporter;
  readonly #news: RepeatFilter;
  readonly #slots = new SendSlots();
  readonly #memberships: Memberships;
  /** The interface that the socket is bound to. */
  readonly #zone: string | null;
  #multicastTtl: number;
  #closed = false;
  // Traffic comes and goes in runs with the same peer, so the last address saves an object a datagram.
  #lastFromHost = "";
  #lastFrom: IpEndpoint = { host: "", port: 0 };
  #lastToHost = "";
  #lastTo: Deno.NetAddr = { transport: "udp", hostname: "", port: 0 };

  constructor(
    options: DatagramOptions,
    handlers: DatagramHandlers,
    interfaces: NetworkInterfaces,
    clock: Clock,
    crashes: CrashReporter,
  ) {
    this.#handlers = handlers;
    this.#interfaces = interfaces;
    this.#crashes = crashes;
    this.#news = new RepeatFilter(clock);
    this.#multicastTtl = options.multicastTtl ?? 1;
    const asked = options.egress ?? options.host;
    const { address, zone } = splitZone(asked);
    this.#zone = zone;
    this.#socket = Deno.listenDatagram({
      transport: "udp",
      hostname: hostToBind(asked, interfaces),
      port: options.port,
      reuseAddress: options.shared ?? false,
      loopback: true,
    });
    const addr = this.#socket.addr as Deno.NetAddr;
    // The runtime tells no zone.
    this.local = { host: needsZone(address) ? asked : addr.hostname, port: addr.port };
    this.#memberships = new Memberships((thrown, what) => this.#onError(thrown, what));
    if (this.#multicastTtl !== 1 && options.egress !== undefined && !options.egress.includes(":")) {
      this.#setTtl(options.egress);
    }
    void this.#receiveLoop();
  }

  send(bytes: Uint8Array, to: IpEndpoint): void {
    if (this.#closed) return;
    const slot = this.#slots.acquire(bytes.length);
    if (slot === null) {
      this.stats.sendDrops++;
      this.stats.sendErrors++;
      return;
    }
    slot.set(bytes);
    if (this.#lastToHost !== to.host || this.#lastTo.port !== to.port) {
      this.#lastToHost = to.host;
      this.#lastTo = { transport: "udp", hostname: this.#hostToSend(to.host), port: to.port };
    }
    this.#socket.send(slot.subarray(0, bytes.length), this.#lastTo).then(
      () => {
        this.#slots.release(slot);
        this.stats.sent++;
      },
      (thrown) => {
        this.#slots.release(slot);
        this.stats.sendErrors++;
        if (!this.#closed) this.#onError(thrown, `sending to ${udpText(to.host, to.port)}`);
      },
    );
  }

  join(group: string, interfaceAddress: string): void {
    if (this.#closed) return;
    const index = interfaceIndex(this.#interfaces, group, interfaceAddress);
    this.#memberships.join(group, interfaceAddress, async () => {
      if (group.includes(":")) return await this.#socket.joinMulticastV6(group, index);
      const membership = await this.#socket.joinMulticastV4(group, interfaceAddress);
      if (this.#multicastTtl !== 1) await membership.setTTL(this.#multicastTtl);
      return membership;
    });
  }

  leave(group: string, interfaceAddress: string): void {
    if (!this.#closed) this.#memberships.leave(group, interfaceAddress);
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#memberships.close();
    try {
      this.#socket.close();
    } catch {
      // Closed by the system already.
    }
  }

  // A zone in a destination makes the runtime ask the system's resolver, a thread a packet. On Linux a socket that is
  // bound to a link-local address is bound to its interface (measured on 6.18), so there it can be left out.
  #hostToSend(host: string): string {
    if (!host.includes("%")) return host;
    const { address, zone } = splitZone(host);
    if (zone === this.#zone && Deno.build.os === "linux") return address;
    return systemHost(host, this.#interfaces);
  }

  // The runtime sets the TTL on a membership only, so the socket joins a group that costs nothing, and leaves it.
  #setTtl(egress: string): void {
    this.join(ALL_HOSTS_GROUP, egress);
    this.leave(ALL_HOSTS_GROUP, egress);
  }

  async #receiveLoop(): Promise<void> {
    const buffer = new Uint8Array(MAX_DATAGRAM_BYTES + 1);
    let failures = 0;
    while (!this.#closed) {
      try {
        const [bytes, from] = await this.#socket.receive(buffer);
        if (this.#closed) return;
        failures = 0;
        this.#onReceived(bytes, from as Deno.NetAddr);
      } catch (thrown) {
        if (this.#closed) return;
        // Windows reports a peer's closed port here (10054); no error is a reason to stop listening.
        this.stats.receiveErrors++;
        this.#onError(thrown, `receiving on ${udpText(this.local.host, this.local.port)}`);
        failures++;
        if (failures > 8) {
          const pauseMs = Math.min(failures * 10, MAX_RECEIVE_PAUSE_MS);
          await new Promise((resolve) => setTimeout(resolve, pauseMs));
        }
      }
    }
  }

  #onReceived(bytes: Uint8Array, from: Deno.NetAddr): void {
    if (bytes.length > MAX_DATAGRAM_BYTES) {
      this.stats.oversize++;
      this.stats.receiveErrors++;
      return;
    }
    this.stats.received++;
    if (this.#lastFromHost !== from.hostname || this.#lastFrom.port !== from.port) {
      this.#lastFromHost = from.hostname;
      this.#lastFrom = { host: withZone(from.hostname, this.#zone), port: from.port };
    }
    try {
      this.#handlers.onDatagram(bytes, this.#lastFrom);
    } catch (thrown) {
      this.#crashes.crash(thrown, udpText(this.local.host, this.local.port));
    }
  }

  #onError(thrown: unknown, what: string): void {
    const error = datagramError(thrown, what);
    if (!this.#news.isNews(error.message)) return;
    try {
      this.#handlers.onError(error);
    } catch (thrownByOwner) {
      this.#crashes.crash(thrownByOwner, udpText(this.local.host, this.local.port));
    }
  }
}

/** The address in its zone, where it wants one and there is one. */
export function withZone(host: string, zone: string | null): string {
  return zone !== null && needsZone(host) ? `${host}%${zone}` : host;
}

// Windows binds to no group. A socket bound to all hears there what it joined, on the interface on which it did, and
// that is the same.
function hostToBind(host: string, interfaces: NetworkInterfaces): string {
  if (Deno.build.os === "windows" && /^ff/i.test(host)) return "::";
  return systemHost(host, interfaces);
}

/**
 * Binds sockets. Where multicast leaves is a matter of the bound address on Linux (deno-platform research 1.5,
 * proven there); other systems need a socket option that only `node:dgram` sets.
 */
export class DenoDatagrams implements Datagrams {
  readonly #interfaces: NetworkInterfaces;
  readonly #clock: Clock;
  readonly #crashes: CrashReporter;

  constructor(interfaces: NetworkInterfaces, clock: Clock, crashes: CrashReporter) {
    this.#interfaces = interfaces;
    this.#clock = clock;
    this.#crashes = crashes;
  }

  bind(options: DatagramOptions, handlers: DatagramHandlers): DatagramSocket {
    if (typeof Deno.listenDatagram !== "function") {
      throw new HanaError("internal", {
        what: "UDP is missing from the runtime",
        why: "it was started without --unstable-net",
      });
    }
    try {
      if (options.egress !== undefined && Deno.build.os !== "linux") {
        return new NodeDgramSocket(options, handlers, this.#interfaces, this.#clock, this.#crashes);
      }
      return new DenoDatagramSocket(options, handlers, this.#interfaces, this.#clock, this.#crashes);
    } catch (thrown) {
      throw bindError(thrown, options);
    }
  }
}
