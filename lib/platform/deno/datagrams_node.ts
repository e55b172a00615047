// A datagram socket over `node:dgram`, for systems where the interface that multicast and broadcast leave by is a
// socket option (IP_MULTICAST_IF) and not a matter of the bound address: macOS and Windows.
// Binds late, since `node:dgram` does: until then the port reads 0, and sends are dropped and counted.

import type { Socket } from "node:dgram";
import { assert } from "../../base/mod.ts";
import type {
  Clock,
  DatagramHandlers,
  DatagramOptions,
  DatagramSocket,
  IpEndpoint,
  NetworkInterfaces,
} from "../mod.ts";
import type { CrashReporter } from "./crash.ts";
import { bindError, datagramError, udpText } from "./datagram_errors.ts";
import { MAX_DATAGRAM_BYTES } from "../limits.ts";
import { RepeatFilter } from "../repeat_filter.ts";
import { DenoDatagramStats } from "./datagram_stats.ts";
import { interfaceIndex } from "./memberships.ts";
import { systemHost } from "./system_host.ts";
import { needsZone, splitZone } from "../zone.ts";
import { SendSlots } from "./send_slots.ts";

/**
 * The length of the buffer that the runtime makes for each datagram is twice this; it never reaches the kernel
 * (deno-platform research 1.2).
 */
const RECEIVE_BUFFER_SETTING = MAX_DATAGRAM_BYTES;

/** A socket with `egress`. */
export class NodeDgramSocket implements DatagramSocket {
  readonly stats = new DenoDatagramStats();
  readonly #options: DatagramOptions;
  readonly #egress: string;
  readonly #handlers: DatagramHandlers;
  readonly #interfaces: NetworkInterfaces;
  readonly #crashes: CrashReporter;
  readonly #news: RepeatFilter;
  readonly #slots = new SendSlots();
  #socket: Socket | null = null;
  #bound = false;
  #closed = false;
  #local: IpEndpoint;
  readonly #zone: string | null;
  #lastFromHost = "";
  #lastFrom: IpEndpoint = { host: "", port: 0 };
  readonly #joined = new Set<string>();
  /** Memberships that were asked for before the socket was bound. */
  #waiting: Array<() => void> = [];

  constructor(
    options: DatagramOptions,
    handlers: DatagramHandlers,
    interfaces: NetworkInterfaces,
    clock: Clock,
    crashes: CrashReporter,
  ) {
    assert(options.egress !== undefined, "this socket is for options with an egress");
    this.#options = options;
    this.#egress = options.egress;
    this.#zone = splitZone(options.egress).zone;
    this.#handlers = handlers;
    this.#interfaces = interfaces;
    this.#crashes = crashes;
    this.#news = new RepeatFilter(clock);
    this.#local = { host: options.egress, port: options.port };
    this.#bind().catch((thrown) => this.#onError(bindError(thrown, options)));
  }

  get local(): IpEndpoint {
    return this.#local;
  }

  send(bytes: Uint8Array, to: IpEndpoint): void {
    if (this.#closed) return;
    const slot = this.#bound ? this.#slots.acquire(bytes.length) : null;
    if (slot === null || this.#socket === null) {
      this.stats.sendDrops++;
      this.stats.sendErrors++;
      return;
    }
    slot.set(bytes);
    try {
      this.#socket.send(slot, 0, bytes.length, to.port, systemHost(to.host, this.#interfaces), (thrown) => {
        this.#slots.release(slot);
        if (thrown === null || thrown === undefined) this.stats.sent++;
        else this.#onSendFailed(thrown, to);
      });
    } catch (thrown) {
      this.#slots.release(slot);
      this.#onSendFailed(thrown, to);
    }
  }

  join(group: string, interfaceAddress: string): void {
    if (this.#closed) return;
    interfaceIndex(this.#interfaces, group, interfaceAddress);
    const key = `${group}|${interfaceAddress}`;
    this.#whenBound(`joining ${group} on ${interfaceAddress}`, (socket) => {
      try {
        socket.addMembership(group, this.#multicastInterface(interfaceAddress));
        this.#joined.add(key);
      } catch (thrown) {
        // A second join is refused as invalid; it is tried all the same, since it helps after an interface was
        // removed and made again.
        if (!this.#joined.has(key)) throw thrown;
      }
    });
  }

  leave(group: string, interfaceAddress: string): void {
    if (this.#closed) return;
    this.#whenBound(`leaving ${group} on ${interfaceAddress}`, (socket) => {
      if (this.#joined.delete(`${group}|${interfaceAddress}`)) {
        socket.dropMembership(group, this.#multicastInterface(interfaceAddress));
      }
    });
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#waiting = [];
    try {
      if (this.#bound) this.#socket?.close();
    } catch {
      // Closed by the system already.
    }
  }

  async #bind(): Promise<void> {
    const dgram = await import("node:dgram");
    if (this.#closed) return;
    const type = this.#egress.includes(":") ? "udp6" : "udp4";
    const socket = dgram.createSocket({
      type,
      reuseAddr: this.#options.shared ?? false,
      recvBufferSize: RECEIVE_BUFFER_SETTING,
    });
    this.#socket = socket;
    socket.on("error", (thrown) => {
      if (this.#bound) this.stats.receiveErrors++;
      this.#onError(
        this.#bound
          ? datagramError(thrown, `receiving on ${udpText(this.#local.host, this.#local.port)}`)
          : bindError(thrown, this.#options),
      );
    });
    socket.on("message", (bytes, from) => this.#onReceived(bytes, from.address, from.port));
    socket.bind(
      { address: systemHost(this.#egress, this.#interfaces), port: this.#options.port },
      () => this.#onBound(socket),
    );
  }

  #onBound(socket: Socket): void {
    this.#bound = true;
    if (this.#closed) {
      socket.close();
      return;
    }
    const address = socket.address();
    this.#local = { host: needsZone(this.#egress) ? this.#egress : address.address, port: address.port };
    try {
      socket.setBroadcast(true);
      socket.setMulticastInterface(this.#multicastInterface(this.#egress));
      socket.setMulticastTTL(this.#options.multicastTtl ?? 1);
      socket.setMulticastLoopback(true);
    } catch (thrown) {
      this.#onError(datagramError(thrown, `sending multicast from ${this.#egress}`));
    }
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const run of waiting) run();
  }

  /** IPv4 names an interface by its address, IPv6 by its index: `::%3`. */
  #multicastInterface(address: string): string {
    const { zone } = splitZone(address);
    return zone === null ? address : systemHost(`fe80::%${zone}`, this.#interfaces).replace("fe80::", "::");
  }

  #whenBound(what: string, ask: (socket: Socket) => void): void {
    const run = (): void => {
      if (this.#socket === null || this.#closed) return;
      try {
        ask(this.#socket);
      } catch (thrown) {
        this.#onError(datagramError(thrown, what));
      }
    };
    if (this.#bound) run();
    else this.#waiting.push(run);
  }

  #onReceived(bytes: Uint8Array, host: string, port: number): void {
    if (this.#closed) return;
    if (bytes.length > MAX_DATAGRAM_BYTES) {
      this.stats.oversize++;
      this.stats.receiveErrors++;
      return;
    }
    this.stats.received++;
    if (this.#lastFromHost !== host || this.#lastFrom.port !== port) {
      this.#lastFromHost = host;
      this.#lastFrom = { host: needsZone(host) ? `${splitZone(host).address}%${this.#zone}` : host, port };
    }
    try {
      this.#handlers.onDatagram(bytes, this.#lastFrom);
    } catch (thrown) {
      this.#crashes.crash(thrown, udpText(this.#local.host, this.#local.port));
    }
  }

  #onSendFailed(thrown: unknown, to: IpEndpoint): void {
    this.stats.sendErrors++;
    this.#onError(datagramError(thrown, `sending to ${udpText(to.host, to.port)}`));
  }

  #onError(error: ReturnType<typeof datagramError>): void {
    if (this.#closed || !this.#news.isNews(error.message)) return;
    try {
      this.#handlers.onError(error);
    } catch (thrown) {
      this.#crashes.crash(thrown, udpText(this.#local.host, this.#local.port));
    }
  }
}
