// Many discovery cores in one process without a network: what one says reaches the others after a moment, or is lost by
// a model of loss. Made for days of simulated time: one datagram is one event and is read once, whoever gets it.
// Decides nothing of the protocol; the cores are those that ship.

import type { Incarnation, NodeId } from "../../../lib/base/mod.ts";
import {
  createBodyCodec,
  type DatagramSeal,
  decodeDatagram,
  DiscoveryCore,
  type DiscoveryEvent,
  KIND_NUMBERS,
  type OpenDatagram,
  type Transmit,
} from "../../../lib/discovery/mod.ts";
import type { RandomStream } from "../../../lib/platform/mod.ts";

export const SECOND = 1_000_000;
const PORT = 47_676;
const MIN_DELAY_US = 200;
const DELAY_SPREAD_US = 1_500;

/** Mulberry32. */
export class Random implements RandomStream {
  #state: number;
  constructor(seed: number) {
    this.#state = seed >>> 0;
  }
  u32(): number {
    this.#state = (this.#state + 0x6d2b79f5) >>> 0;
    let t = this.#state;
    t = Math.imul(t ^ (t >>> 15), t | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return (t ^ (t >>> 14)) >>> 0;
  }
  float(): number {
    return this.u32() / 2 ** 32;
  }
  fill(target: Uint8Array): Uint8Array {
    for (let i = 0; i < target.length; i++) target[i] = this.u32() & 0xff;
    return target;
  }
}

/** Whether a datagram of `from` reaches `to`. */
export interface LossModel {
  isLost(nowUs: number, from: number, to: number, isMulticast: boolean): boolean;
}

const NO_LOSS: LossModel = { isLost: () => false };
/** Nobody forges here, and signatures would take most of the time. */
const SEAL: DatagramSeal = { keyTag: 1, sign: () => {}, verify: () => "primary" };
const KINDS = Object.entries(KIND_NUMBERS).map(([kind, number]) => ({ kind, number }));

/** One machine with one core. */
export interface Station {
  readonly index: number;
  readonly id: NodeId;
  readonly host: string;
  core: DiscoveryCore;
  isUp: boolean;
  upSinceUs: number;
  isFrozen: boolean;
  wakeUs: number;
  incarnation: number;
  backlog: { readonly bytes: Uint8Array; readonly from: Station }[];
}

interface Flight {
  readonly atUs: number;
  readonly bytes: Uint8Array;
  readonly from: Station;
  /** Null for everybody. */
  readonly to: Station | null;
}

/** What the network tells. */
export type OnEvent = (nowUs: number, station: Station, event: DiscoveryEvent) => void;

/** Cores on one segment. */
export class Network {
  nowUs = 1_000_000;
  loss: LossModel = NO_LOSS;
  /** Says no to a way, like a cut. */
  canPass: (from: Station, to: Station, isMulticast: boolean) => boolean = () => true;
  readonly stations: Station[] = [];
  /** Datagrams sent, by kind. */
  readonly sent: Record<string, number> = {};
  readonly random: Random;
  readonly #byHost = new Map<string, Station>();
  readonly #flights: Flight[] = [];
  readonly #kindNames: string[] = [];
  readonly #codec = createBodyCodec();
  readonly #open: OpenDatagram;

  constructor(seed: number, readonly onEvent: OnEvent) {
    this.random = new Random(seed);
    for (const { kind, number } of KINDS) {
      this.#kindNames[number] = kind;
      this.sent[kind] = 0;
    }
    let last: Uint8Array | null = null;
    let result: ReturnType<OpenDatagram> = "malformed";
    this.#open = (bytes, codec, seal) => {
      if (bytes !== last) {
        const tag = new DataView(bytes.buffer, bytes.byteOffset).getUint32(4);
        result = decodeDatagram(bytes, tag, codec, seal);
        last = bytes;
      }
      return result;
    };
  }

  /** Adds a machine and starts its node. */
  add(): Station {
    const index = this.stations.length;
    const id = new Random(index + 1).fill(new Uint8Array(16));
    const text = Array.from(id, (byte) => byte.toString(16).padStart(2, "0")).join("") as NodeId;
    const host = `10.0.${index >> 8}.${index & 0xff}`;
    const station: Station = {
      index,
      id: text,
      host,
      core: this.#coreOf(text, 1),
      isUp: true,
      upSinceUs: this.nowUs,
      isFrozen: false,
      wakeUs: Infinity,
      incarnation: 1,
      backlog: [],
    };
    this.stations.push(station);
    this.#byHost.set(host, station);
    this.#begin(station);
    return station;
  }

  crash(station: Station): void {
    station.isUp = false;
    station.wakeUs = Infinity;
    station.upSinceUs = this.nowUs;
  }

  restart(station: Station): void {
    station.core = this.#coreOf(station.id, ++station.incarnation);
    station.isUp = true;
    station.upSinceUs = this.nowUs;
    this.#begin(station);
  }

  /** Stops a process for a while; what comes meanwhile waits in its socket. */
  freeze(station: Station): void {
    station.isFrozen = true;
  }

  thaw(station: Station): void {
    station.isFrozen = false;
    for (const { bytes, from } of station.backlog.splice(0)) this.#receive(station, bytes, from);
    this.flush(station);
  }

  /** Runs for `us`. */
  run(us: number): void {
    const untilUs = this.nowUs + us;
    while (this.#step(untilUs));
    this.nowUs = untilUs;
  }

  #coreOf(id: NodeId, incarnation: number): DiscoveryCore {
    return new DiscoveryCore(this.nowUs, {
      id,
      incarnation: incarnation as Incarnation,
      role: "daemon",
      record: { name: `n-${id.slice(0, 8)}`, version: "0.1.0" },
      trust: "keyed",
      seal: SEAL,
      codec: this.#codec,
      open: this.#open,
      random: new Random(this.random.u32()),
      expectsEcho: true,
    });
  }

  #begin(station: Station): void {
    const { host } = station;
    const link = {
      key: `eth0|${host}/16`,
      name: "eth0",
      family: "ipv4" as const,
      address: host,
      prefix: 16,
      broadcast: null,
      loopback: false,
      port: PORT,
    };
    station.core.handleInterfaces(this.nowUs, [link]);
    this.flush(station);
  }

  #step(untilUs: number): boolean {
    let station: Station | null = null;
    let atUs = this.#flights[0]?.atUs ?? Infinity;
    for (const each of this.stations) {
      if (each.wakeUs < atUs && !each.isFrozen) {
        atUs = each.wakeUs;
        station = each;
      }
    }
    if (atUs > untilUs) return false;
    this.nowUs = Math.max(this.nowUs, Math.ceil(atUs));
    if (station !== null) {
      station.core.handleTimeout(this.nowUs);
      this.flush(station);
      return true;
    }
    const flight = this.#flights.shift();
    if (flight === undefined) return false;
    if (flight.to !== null) this.#receive(flight.to, flight.bytes, flight.from);
    else for (const each of this.stations) this.#maybeReceive(each, flight);
    return true;
  }

  #maybeReceive(station: Station, { bytes, from }: Flight): void {
    if (!station.isUp) return;
    if (station !== from) {
      if (!this.canPass(from, station, true)) return;
      if (this.loss.isLost(this.nowUs, from.index, station.index, true)) return;
    }
    this.#receive(station, bytes, from);
  }

  #receive(station: Station, bytes: Uint8Array, from: Station): void {
    if (!station.isUp) return;
    if (station.isFrozen) {
      if (station.backlog.length < 1_000) station.backlog.push({ bytes, from });
      return;
    }
    station.core.handleDatagram(this.nowUs, bytes, { host: from.host, port: PORT });
    if (station.core.hasNews) this.flush(station);
  }

  flush(station: Station): void {
    const { core } = station;
    for (let out = core.pollTransmit(); out !== null; out = core.pollTransmit()) this.#send(station, out);
    for (let event = core.pollEvent(); event !== null; event = core.pollEvent()) {
      this.onEvent(this.nowUs, station, event);
    }
    station.wakeUs = core.pollTimeout()?.atUs ?? Infinity;
  }

  #send(from: Station, { bytes, to }: Transmit): void {
    const kind = this.#kindNames[(bytes[3] ?? 0) & 0x3f] ?? "";
    this.sent[kind] = (this.sent[kind] ?? 0) + 1;
    let target: Station | null = null;
    if (to.kind === "unicast") {
      target = this.#byHost.get(to.endpoint.host) ?? null;
      if (target === null || !this.canPass(from, target, false)) return;
      if (this.loss.isLost(this.nowUs, from.index, target.index, false)) return;
    }
    const atUs = this.nowUs + MIN_DELAY_US + DELAY_SPREAD_US * this.random.float();
    // Few are in flight at a time, and most belong at the end.
    let at = this.#flights.length;
    while (at > 0 && (this.#flights[at - 1]?.atUs ?? 0) > atUs) at--;
    this.#flights.splice(at, 0, { atUs, bytes, from, to: target });
  }
}
