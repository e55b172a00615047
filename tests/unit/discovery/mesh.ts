// A little deterministic network for discovery cores: machines with interfaces on segments, delay, loss, partitions.
// Like a pair of endpoints driven by hand, but for any number of them; no sockets, no real time.

import { assert, type Incarnation, type NodeId, type Role } from "../../../lib/base/mod.ts";
import type { IpEndpoint, RandomStream } from "../../../lib/platform/mod.ts";
import {
  createBodyCodec,
  type DatagramSeal,
  DiscoveryCore,
  type DiscoveryEvent,
  type DiscoveryOptions,
  isSameSubnet,
  type LinkInterface,
  type LinkIpv6,
  type RegistryDelta,
  type Transmit,
} from "../../../lib/discovery/mod.ts";

export const PORT = 47_676;
export const MS = 1_000;
export const SECOND = 1_000_000;

/** Mulberry32 behind the platform's face. */
export class TestRandom implements RandomStream {
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

/** A keyed checksum: quick, and good enough where nobody forges on purpose. */
export class TestSeal implements DatagramSeal {
  readonly keyTag: number;
  constructor(readonly key: number, readonly previous: number | null = null) {
    this.keyTag = key & 0xff;
  }
  sign(bytes: Uint8Array, length: number): void {
    bytes.set(tagOf(bytes.subarray(0, length), this.key), length);
  }
  verify(bytes: Uint8Array): "primary" | "previous" | null {
    if (this.#matches(bytes, this.key)) return "primary";
    return this.previous !== null && this.#matches(bytes, this.previous) ? "previous" : null;
  }
  #matches(bytes: Uint8Array, key: number): boolean {
    const tag = tagOf(bytes.subarray(0, bytes.length - 16), key);
    return tag.every((byte, i) => byte === bytes[bytes.length - 16 + i]);
  }
}

function tagOf(bytes: Uint8Array, key: number): Uint8Array {
  const tag = new Uint8Array(16);
  const view = new DataView(tag.buffer);
  let a = 0x811c9dc5 ^ key;
  let b = 0x9747b28c ^ key;
  for (const byte of bytes) {
    a = Math.imul(a ^ byte, 0x01000193);
    b = Math.imul(b + byte, 0x85ebca6b) ^ (b >>> 13);
  }
  view.setUint32(0, a);
  view.setUint32(4, b);
  view.setUint32(8, a ^ b);
  view.setUint32(12, key);
  return tag;
}

/** A node id that reads like its number. */
export function idOf(number: number): NodeId {
  return (number.toString(16).padStart(8, "0") + "a5".repeat(12)) as NodeId;
}

/** A link as a machine would report it. */
export function linkOf(name: string, address: string, port: number, prefix = 24): LinkInterface {
  const loopback = address.startsWith("127.");
  const broadcast = loopback ? null : address.replace(/\.\d+$/, ".255");
  return {
    key: `${name}|${address}/${prefix}`,
    name,
    family: "ipv4",
    address,
    prefix,
    broadcast,
    loopback,
    port,
  };
}

/** The IPv6 link of a machine. */
export function ipv6LinkOf(
  name: string,
  address: string,
  port: number,
  changes: Partial<LinkIpv6> = {},
): LinkInterface {
  return {
    key: `${name}|ipv6`,
    name,
    family: "ipv6",
    address: `${address}%${name}`,
    prefix: 64,
    broadcast: null,
    loopback: false,
    port,
    ipv6: { zone: name, isSecondary: false, networks: [], further: [], ...changes },
  };
}

/** What a node of the test mesh is made of. */
export interface NodeSpec {
  readonly name?: string;
  readonly number?: number;
  readonly incarnation?: number;
  readonly role?: Role;
  readonly addresses?: readonly string[];
  readonly seal?: DatagramSeal;
  readonly options?: Partial<DiscoveryOptions>;
}

/** One core and the machine around it. */
export class TestNode {
  readonly events: DiscoveryEvent[] = [];
  readonly deltas: RegistryDelta[] = [];
  readonly random: TestRandom;
  links: LinkInterface[];
  wakeUs = Infinity;
  /** Paused like a stopped process: datagrams pile up, timers do not run. */
  isPaused = false;
  isCrashed = false;
  readonly #backlog: { bytes: Uint8Array; from: IpEndpoint }[] = [];

  constructor(
    readonly mesh: TestMesh,
    readonly spec: NodeSpec,
    readonly core: DiscoveryCore,
    random: TestRandom,
  ) {
    this.random = random;
    this.links = [];
    core.registry.subscribe((delta) => this.deltas.push(delta));
  }

  get id(): NodeId {
    return this.core.options.id;
  }

  /** Names of the nodes that count as part of the mesh, sorted. */
  get sees(): string[] {
    return this.core.registry.snapshot().filter((e) => e.state === "alive").map((e) => e.record.name).sort();
  }

  stateOf(other: TestNode): string {
    return this.core.registry.get(other.id)?.state ?? "unknown";
  }

  happened(kind: DiscoveryEvent["kind"]): DiscoveryEvent[] {
    return this.events.filter((event) => event.kind === kind);
  }

  receive(bytes: Uint8Array, from: IpEndpoint): void {
    if (this.isCrashed) return;
    if (this.isPaused) this.#backlog.push({ bytes, from });
    else this.core.handleDatagram(this.mesh.nowUs, bytes, from);
  }

  resume(): void {
    this.isPaused = false;
    for (const { bytes, from } of this.#backlog.splice(0)) {
      this.core.handleDatagram(this.mesh.nowUs, bytes, from);
    }
  }

  setLinks(links: LinkInterface[]): void {
    this.links = links;
    this.core.handleInterfaces(this.mesh.nowUs, links);
  }
}

/** A datagram as it crossed the network. */
export interface Crossing {
  readonly atUs: number;
  readonly sender: TestNode;
  readonly from: IpEndpoint;
  readonly transmit: Transmit;
}

interface Flight {
  readonly atUs: number;
  readonly order: number;
  readonly bytes: Uint8Array;
  readonly from: IpEndpoint;
  readonly to: TestNode;
}

/** A binary heap by time, then by order of departure. */
class FlightQueue {
  readonly #heap: Flight[] = [];

  get first(): Flight | null {
    return this.#heap[0] ?? null;
  }

  push(flight: Flight): void {
    const heap = this.#heap;
    let at = heap.push(flight) - 1;
    while (at > 0) {
      const up = (at - 1) >> 1;
      const parent = heap[up];
      if (parent === undefined || isBefore(parent, flight)) break;
      heap[at] = parent;
      heap[up] = flight;
      at = up;
    }
  }

  shift(): void {
    const heap = this.#heap;
    const last = heap.pop();
    if (last === undefined || heap.length === 0) return;
    let at = 0;
    while (true) {
      let down = 2 * at + 1;
      const left = heap[down];
      const right = heap[down + 1];
      if (left === undefined) break;
      let least = left;
      if (right !== undefined && isBefore(right, left)) {
        least = right;
        down++;
      }
      if (isBefore(last, least)) break;
      heap[at] = least;
      at = down;
    }
    heap[at] = last;
  }
}

function isBefore(a: Flight, b: Flight): boolean {
  return a.atUs === b.atUs ? a.order < b.order : a.atUs < b.atUs;
}

/** Machines on segments; addresses of one /24 share a segment. */
export class TestMesh {
  nowUs = 1_000_000;
  readonly nodes: TestNode[] = [];
  readonly crossings: Crossing[] = [];
  readonly random: TestRandom;
  loss = 0;
  delayUs = 200;
  jitterUs = 300;
  /** Says no to a datagram between two nodes. */
  canPass: (from: TestNode, to: TestNode, transmit: Transmit) => boolean = () => true;
  /** Whether two processes run on one machine: where they have an address in common. */
  isOneMachine: (a: TestNode, b: TestNode) => boolean = sameMachine;
  /** Keep every datagram that was sent, for replays. */
  isRecording = false;
  readonly #flights = new FlightQueue();
  #order = 0;
  #ports = 50_000;
  #made = 0;

  constructor(seed = 1) {
    this.random = new TestRandom(seed);
  }

  /** Starts a node; its machine has one interface at 10.0.0.N unless told otherwise. */
  start(spec: NodeSpec = {}): TestNode {
    const number = spec.number ?? this.#made + 1;
    this.#made = Math.max(this.#made, number);
    const random = new TestRandom(this.random.u32());
    const core = new DiscoveryCore(this.nowUs, {
      id: idOf(number),
      incarnation: (spec.incarnation ?? 1_000_000 + this.nowUs / 1000) as Incarnation,
      role: spec.role ?? "daemon",
      record: { name: spec.name ?? `node-${number}`, version: "0.1.0", ...spec.options?.record },
      trust: "keyed",
      seal: spec.seal ?? new TestSeal(7),
      codec: createBodyCodec(),
      random,
      expectsEcho: false,
      ...spec.options,
    });
    const node = new TestNode(this, spec, core, random);
    this.nodes.push(node);
    const addresses = spec.addresses ?? [`10.0.${number >> 8}.${1 + (number & 0xff) % 254}`];
    node.setLinks(
      addresses.map((address, i) =>
        linkOf(address.startsWith("127.") ? "lo" : `eth${i}`, address, ++this.#ports, this.prefix)
      ),
    );
    this.flush(node);
    return node;
  }

  /** Prefix of the interfaces that `start` makes. */
  prefix = 24;

  /** A node that says nothing more. */
  crash(node: TestNode): void {
    node.isCrashed = true;
  }

  /** Sends what `node` has to send, and takes its events. */
  flush(node: TestNode): void {
    for (let transmit = node.core.pollTransmit(); transmit !== null; transmit = node.core.pollTransmit()) {
      if (!node.isCrashed) this.#route(node, transmit);
    }
    for (let event = node.core.pollEvent(); event !== null; event = node.core.pollEvent()) {
      node.events.push(event);
    }
    node.wakeUs = node.core.pollTimeout()?.atUs ?? Infinity;
  }

  /** Puts bytes on their way to one node as if they came from `from`. */
  inject(to: TestNode, bytes: Uint8Array, from: IpEndpoint): void {
    this.#flights.push({ atUs: this.nowUs, order: this.#order++, bytes, from, to });
  }

  /** Runs everything that happens within the next `us`. */
  run(us: number): void {
    const untilUs = this.nowUs + us;
    this.#flushAll();
    while (this.#step(untilUs));
    this.nowUs = untilUs;
  }

  /** Runs until `condition` holds; returns the time that took. Fails after `limitUs`. */
  runUntil(condition: () => boolean, limitUs: number): number {
    const startUs = this.nowUs;
    this.#flushAll();
    while (!condition()) assert(this.#step(startUs + limitUs), `it happened within ${limitUs} µs`);
    return this.nowUs - startUs;
  }

  /** A test may have spoken to a core directly. */
  #flushAll(): void {
    for (const node of this.nodes) if (!node.isPaused) this.flush(node);
  }

  #step(untilUs: number): boolean {
    let node: TestNode | null = null;
    const flight = this.#flights.first;
    let atUs = flight?.atUs ?? Infinity;
    for (const each of this.nodes) {
      if (each.isPaused || each.isCrashed) continue;
      const wakeUs = Math.max(each.wakeUs, this.nowUs);
      if (wakeUs < atUs) {
        atUs = wakeUs;
        node = each;
      }
    }
    if (atUs > untilUs || atUs === Infinity) return false;
    this.nowUs = Math.max(this.nowUs, Math.ceil(atUs));
    if (node !== null) {
      node.core.handleTimeout(this.nowUs);
      this.flush(node);
    } else if (flight !== null) {
      this.#flights.shift();
      flight.to.receive(flight.bytes, flight.from);
      this.flush(flight.to);
    }
    return true;
  }

  #route(sender: TestNode, transmit: Transmit): void {
    const { to, link: key, bytes } = transmit;
    assert(bytes.length <= 1_200, "no datagram is over 1,200 bytes");
    const links = sender.links.filter((link) => key === null ? !link.loopback : link.key === key);
    for (const link of links) {
      const from = { host: link.address, port: link.port };
      if (this.isRecording) this.crossings.push({ atUs: this.nowUs, sender, from, transmit });
      for (const node of this.nodes) {
        if (node.isCrashed) continue;
        const reaches = node.links.some((other) => {
          if (link.loopback !== other.loopback || (link.loopback && !this.isOneMachine(sender, node))) {
            return false;
          }
          if (to.kind !== "unicast") return isSameSubnet(link.address, other.address, link.prefix);
          if (to.endpoint.host !== other.address) return false;
          return to.endpoint.port === other.port || to.endpoint.port === PORT;
        });
        if (!reaches || !this.canPass(sender, node, transmit) || this.random.float() < this.loss) continue;
        const atUs = this.nowUs + this.delayUs + Math.floor(this.random.float() * this.jitterUs);
        this.#flights.push({ atUs, order: this.#order++, bytes: bytes.slice(), from, to: node });
      }
    }
  }
}

function sameMachine(a: TestNode, b: TestNode): boolean {
  return a === b || a.links.some((x) => !x.loopback && b.links.some((y) => y.address === x.address));
}
