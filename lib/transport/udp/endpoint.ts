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
import { PACKET_OVERHEAD_BYTES } from "../../lanes/mod.ts";
import type { DirectionKeys, KeyRing, NoiseSuite, ReplayGuard } from "../../security/mod.ts";
import { UdpCounters } from "./counters.ts";
import { DatagramBuffer } from "./datagram_buffer.ts";
import { type DialHandlers, Handshakes, type UdpDial } from "./handshakes.ts";
import type { UdpHello } from "./hello.ts";
import { readU32 } from "./numbers.ts";
import { OpenRefusal, type PacketNumbers } from "./packet_sealer.ts";
import { type PathHost, UdpPath, type UdpPathHandlers, type UdpPathOptions } from "./path.ts";
import { SourceRates } from "./source_rates.ts";

/** The top two bits of a datagram, which say what it is. */
const FORM_MASK = 0xc0;
const DATA_FORM = 0x40;
const HANDSHAKE_FORM = 0x00;

/** Paths of one endpoint. */
export const MAX_PATHS = 4096;
/** Datagrams that no key opens, a second and source, above which a source is not heard on paths that are not its own. */
export const MAX_FORGED_PER_SECOND = 500;
/** The longest datagram that is sent or heard. */
export const MAX_UDP_BYTES = 8_900;

/** Handshakes over datagrams, for `udp:` addresses where there is no stream. */
export interface UdpHandshakeOptions {
  readonly ring: KeyRing;
  /** What we say of ourselves. */
  readonly hello: UdpHello;
  /** Shared by endpoints of one node. */
  readonly replayGuard: ReplayGuard;
  /**
   * A peer dialled us and has proved the mesh key, its address, and that it is there. The owner sets handlers
   * ({@linkcode UdpPath.setHandlers}) before it returns: the first packet follows.
   */
  readonly onAccept: (path: UdpPath) => void;
  /** False for who only dials: whoever asks is a stranger then. */
  readonly answers?: boolean;
}

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
  /** Without them the endpoint neither dials nor answers: paths beside streams alone. */
  readonly handshakes?: UdpHandshakeOptions;
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
  readonly #handshakes: Handshakes | null;
  #closed = false;

  /** Binds the sockets. Throws what {@linkcode Datagrams.bind} throws. */
  constructor(options: UdpEndpointOptions) {
    this.#options = options;
    this.#forgers = new SourceRates(options.clock.nowUs(), options.random.u32());
    this.#handshakes = options.handshakes === undefined
      ? null
      : new Handshakes(this, options, options.handshakes);
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
    if (this.isFull) {
      throw new HanaError("overloaded", {
        what: "a datagram path beside a stream",
        why: `there are ${this.#paths.size}`,
      });
    }
    const path = this.openPath({
      ...options,
      localIndex: this.drawIndex(),
      peerIndex: options.peerIndex ?? null,
      remote: options.remote ?? null,
      confirming: null,
      hello: null,
      slot: null,
    });
    if (options.numbers !== undefined) path.setNumbers(options.numbers);
    path.addCandidates(options.candidates ?? []);
    return path;
  }

  /**
   * Asks a node for a path by a handshake over datagrams, for up to 10 s. Where both ends dial each other at once, one
   * of the two handshakes is taken by both, and `onOpen` may tell a path that the peer has initiated. Throws `usage`
   * without handshakes, `overloaded` at the bound.
   */
  dial(remote: IpEndpoint, handlers: DialHandlers): UdpDial {
    if (this.#handshakes === null || this.#closed) {
      throw new HanaError("usage", {
        what: `dialling udp://${remote.host}`,
        why: "the endpoint makes no handshakes",
      });
    }
    if (this.isFull) {
      throw new HanaError("overloaded", {
        what: `dialling udp://${remote.host}`,
        why: `${this.#paths.size} paths are open`,
      });
    }
    return this.#handshakes.dial(remote, handlers);
  }

  /** Whether there is no room for another path. */
  get isFull(): boolean {
    return this.#paths.size >= (this.#options.maxPaths ?? MAX_PATHS);
  }

  /** Closes all paths and sockets; nothing is said to anybody. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#handshakes?.close();
    for (const path of [...this.#paths.values()]) path.close();
    for (const { socket } of this.#sockets) socket.close();
  }

  /** For paths: sends what stands in {@linkcode sending}. */
  transmit(length: number, to: IpEndpoint): void {
    this.send(this.sending.whole(length), to);
  }

  /** For paths: one that waited for its first packet has had it. */
  onConfirmed(path: UdpPath): void {
    this.#handshakes?.onConfirmed(path);
  }

  /** For handshakes: a path with keys of its own. */
  openPath(options: Omit<UdpPathOptions, "suite" | "nowUs">): UdpPath {
    const { suite, clock } = this.#options;
    const path = new UdpPath(this, { ...options, suite, nowUs: clock.nowUs() });
    this.#paths.set(path.localIndex | 0, path);
    return path;
  }

  /** For handshakes: the open path with this index. */
  pathAt(index: number): UdpPath | null {
    return this.#paths.get(index | 0) ?? null;
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
    const form = (bytes[0] ?? 0) & FORM_MASK;
    if (form === DATA_FORM && length >= PACKET_OVERHEAD_BYTES) this.#onData(bytes, length, from);
    else if (form === HANDSHAKE_FORM && length > 0 && this.#handshakes !== null) {
      this.#handshakes.handleDatagram(this.#options.clock.nowUs(), bytes, from);
    } else counters.dropped["unknown-form"]++;
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

  /** For handshakes: sends a datagram. */
  send(bytes: Uint8Array, to: IpEndpoint): void {
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

  /** A receiver index that nothing has: drawn, so that nobody can guess one. */
  drawIndex(): number {
    assert(this.#paths.size < 2 ** 31, "there is an index left");
    for (;;) {
      const index = this.#options.random.u32();
      if (!this.#paths.has(index | 0) && this.#handshakes?.isDialling(index) !== true) return index;
    }
  }
}
