// The datagram sockets of a node: brings each datagram to its path by the receiver index, which the peer repeats in it,
// and counts what it drops, by reason. Checks what is cheap first: length, form, index, source, replay, and the tag last.
// Never knows lanes, never keeps paths alive, never answers a stranger.

import { assert, HanaError } from "../../base/mod.ts";
import type {
  Clock,
  DatagramOptions,
  Datagrams,
  DatagramSocket,
  IpEndpoint,
  RandomStream,
  Timers,
} from "../../platform/mod.ts";
import { splitZone } from "../../platform/mod.ts";
import type { DirectionKeys, NoiseSuite } from "../../security/mod.ts";
import { UdpCounters } from "./counters.ts";
import { DatagramBuffer } from "./datagram_buffer.ts";
import { DATA_FORM, FORM_MASK, OpenRefusal, type PacketNumbers, readU32 } from "./packet_sealer.ts";
import { type PathHost, UdpPath, type UdpPathHandlers } from "./path.ts";
import { SourceRates } from "./source_rates.ts";

/** Paths of one endpoint. */
export const MAX_PATHS = 4096;
/** Datagrams that no key opens, a second and source, above which a source is not heard on paths that are not its own. */
export const MAX_FORGED_PER_SECOND = 500;
/** The longest datagram that is sent or heard. */
export const MAX_UDP_BYTES = 2048;

/** What an endpoint stands on: a `Platform` has the first three. */
export interface UdpEndpointOptions {
  readonly datagrams: Datagrams;
  readonly clock: Clock;
  readonly timers: Timers;
  /** The platform's secure source. */
  readonly random: RandomStream;
  readonly suite: NoiseSuite;
  /** What to bind: one socket for each family at least, and one for each link whose link-local addresses are to work. */
  readonly sockets: readonly DatagramOptions[];
  /** A socket failed; it goes on. */
  readonly onError: (error: HanaError) => void;
  readonly maxPaths?: number;
}

/** A path beside a stream. */
export interface CreatePathOptions {
  /** From `SecureChannel.exportKeys` of the stream. */
  readonly keys: DirectionKeys;
  /** Whether this end dialled the stream. */
  readonly initiator: boolean;
  readonly handlers: UdpPathHandlers;
  /** The peer's index where it is known already; else {@linkcode UdpPath.setPeer} tells it later. */
  readonly peerIndex?: number | null;
  /** Addresses where the peer says it is: unproven, for {@linkcode UdpPath.sendTo}. */
  readonly candidates?: readonly IpEndpoint[];
  /** An address that is proved already. */
  readonly remote?: IpEndpoint | null;
  /** Keeps count of received numbers where one number space spans several paths. */
  readonly numbers?: PacketNumbers | null;
  /** For tests: see {@linkcode PacketSealerOptions}. */
  readonly rekeyPackets?: number;
  readonly rekeyUs?: number;
  readonly keepOldKeyUs?: number;
}

/** The datagram sockets of one node, with all paths over them. */
export class UdpEndpoint implements PathHost {
  readonly counters = new UdpCounters();
  readonly sending = new DatagramBuffer(MAX_UDP_BYTES);
  readonly receiving = new DatagramBuffer(MAX_UDP_BYTES);
  readonly #options: UdpEndpointOptions;
  readonly #sockets: { socket: DatagramSocket; zone: string | null; isIpv6: boolean }[] = [];
  /** By index as a signed number, which the engine stores without a heap object. */
  readonly #paths = new Map<number, UdpPath>();
  readonly #forgers: SourceRates;
  #closed = false;

  /** Binds the sockets. Throws what {@linkcode Datagrams.bind} throws. */
  constructor(options: UdpEndpointOptions) {
    this.#options = options;
    this.#forgers = new SourceRates(options.clock.nowUs(), options.random.u32());
    try {
      for (const binding of options.sockets) this.#bind(binding);
    } catch (thrown) {
      this.close();
      throw thrown;
    }
  }

  /** Where the sockets are bound. */
  get local(): readonly IpEndpoint[] {
    return this.#sockets.map(({ socket }) => socket.local);
  }

  /** Paths that are open. */
  get pathCount(): number {
    return this.#paths.size;
  }

  /** A path beside a stream that has had its handshake. Throws `overloaded` at the bound. */
  createPath(options: CreatePathOptions): UdpPath {
    if (this.#paths.size >= (this.#options.maxPaths ?? MAX_PATHS)) {
      throw new HanaError("overloaded", {
        what: "a datagram path beside a stream",
        why: `there are ${this.#paths.size}`,
      });
    }
    const path = new UdpPath(this, {
      suite: this.#options.suite,
      keys: options.keys,
      initiator: options.initiator,
      nowUs: this.#options.clock.nowUs(),
      rekeyPackets: options.rekeyPackets,
      rekeyUs: options.rekeyUs,
      keepOldKeyUs: options.keepOldKeyUs,
      localIndex: this.#freeIndex(),
      peerIndex: options.peerIndex ?? null,
      remote: options.remote ?? null,
      handlers: options.handlers,
      confirming: false,
      hello: null,
    });
    if (options.numbers !== undefined) path.setNumbers(options.numbers);
    path.addCandidates(options.candidates ?? []);
    this.#paths.set(path.localIndex | 0, path);
    return path;
  }

  /** Closes all paths and sockets; nothing is said to anybody. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    for (const path of [...this.#paths.values()]) path.close();
    for (const { socket } of this.#sockets) socket.close();
  }

  /** For paths: sends what stands in {@linkcode sending}. */
  transmit(length: number, to: IpEndpoint): void {
    this.#transmit(this.sending.whole(length), to);
  }

  /** For paths: forgets one that was closed. */
  remove(path: UdpPath): void {
    if (this.#paths.get(path.localIndex | 0) === path) this.#paths.delete(path.localIndex | 0);
  }

  #bind(binding: DatagramOptions): void {
    const socket = this.#options.datagrams.bind(binding, {
      onDatagram: (bytes, from) => this.#onDatagram(bytes, from),
      onError: (error) => this.#options.onError(error),
    });
    const host = binding.egress ?? binding.host;
    this.#sockets.push({ socket, zone: splitZone(host).zone, isIpv6: host.includes(":") });
  }

  #onDatagram(bytes: Uint8Array, from: IpEndpoint): void {
    const { counters } = this;
    const length = bytes.length;
    counters.receivedDatagrams++;
    counters.receivedBytes += length;
    if (this.#closed) return;
    if (length > this.receiving.capacityBytes) {
      counters.dropped["too-long"]++;
      return;
    }
    if (((bytes[0] ?? 0) & FORM_MASK) !== DATA_FORM) {
      counters.dropped["unknown-form"]++;
      return;
    }
    this.#onData(bytes, length, from);
  }

  #onData(bytes: Uint8Array, length: number, from: IpEndpoint): void {
    const { counters } = this;
    const path = this.#paths.get(readU32(bytes, 1) | 0);
    if (path === undefined) {
      counters.dropped["unknown-index"]++;
      return;
    }
    const nowUs = this.#options.clock.nowUs();
    // Whoever forges the address of the peer itself costs us the tags; anybody else only so many.
    const isKnown = path.addresses.find(from) !== null;
    if (!isKnown && this.#forgers.rate(nowUs, from.host) > MAX_FORGED_PER_SECOND) {
      counters.dropped["rate-limited"]++;
      return;
    }
    this.receiving.bytes.set(bytes);
    const opened = path.handleDatagram(nowUs, length, from);
    if (opened === OpenRefusal.forged && !isKnown) this.#forgers.count(nowUs, from.host);
  }

  #transmit(bytes: Uint8Array, to: IpEndpoint): void {
    const socket = this.#socketFor(to.host);
    if (socket === null || this.#closed) {
      this.counters.heldBack++;
      return;
    }
    this.counters.sentDatagrams++;
    this.counters.sentBytes += bytes.length;
    socket.send(bytes, to);
  }

  /** The socket of the link that the zone names, else the first one of the family. */
  #socketFor(host: string): DatagramSocket | null {
    const isIpv6 = host.includes(":");
    let found: DatagramSocket | null = null;
    for (const each of this.#sockets) {
      if (each.isIpv6 !== isIpv6) continue;
      if (each.zone !== null && host.endsWith(each.zone) && splitZone(host).zone === each.zone) {
        return each.socket;
      }
      found ??= each.socket;
    }
    return found;
  }

  #freeIndex(): number {
    assert(this.#paths.size < 2 ** 31, "there is an index left");
    for (;;) {
      const index = this.#options.random.u32();
      if (!this.#paths.has(index | 0)) return index;
    }
  }
}
