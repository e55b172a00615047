// What the tests of datagram paths share: sealers with their buffers, both roles of a handshake, endpoints in a
// simulated world, and an owner that writes down what a path tells it.

import type { HanaError } from "../../../../lib/base/mod.ts";
import type { IpEndpoint, RandomStream } from "../../../../lib/platform/mod.ts";
import {
  type LinkSpec,
  type SimulatedHost,
  SimulatedWorld,
  SpecLink,
} from "../../../../lib/platform/simulated/mod.ts";
import {
  type DirectionKeys,
  loadSessionSuite,
  type MeshKeyRing,
  type NoiseSuite,
  ReplayGuard,
} from "../../../../lib/security/mod.ts";
import {
  DatagramBuffer,
  encodeHello,
  type HalfOpen,
  handshakeContext,
  PacketSealer,
  type PacketSealerOptions,
  UdpEndpoint,
  type UdpEndpointOptions,
  type UdpHello,
  UdpInitiator,
  type UdpPath,
  type UdpPathHandlers,
  UdpResponder,
  type UdpResponderOptions,
} from "../../../../lib/transport/udp/mod.ts";
import { seededRandom, testRing } from "../../security/support.ts";

export const suite = await loadSessionSuite();

/** Two keys that depend on `number` alone, as the end that spoke first has them. */
export function testKeys(number: number): DirectionKeys {
  const random = seededRandom(number);
  return { send: random.fill(new Uint8Array(32)), receive: random.fill(new Uint8Array(32)) };
}

/** The same keys as the other end has them. */
export function swapped({ send, receive }: DirectionKeys): DirectionKeys {
  return { send: receive, receive: send };
}

/** A sealer with a buffer of its own. */
export class Sealing {
  readonly buffer = new DatagramBuffer(2048);
  readonly sealer: PacketSealer;

  constructor(initiator: boolean, overrides: Partial<PacketSealerOptions> = {}) {
    const keys = testKeys(1);
    this.sealer = new PacketSealer({
      suite,
      keys: initiator ? keys : swapped(keys),
      initiator,
      nowUs: 0,
      ...overrides,
    });
  }

  /** A datagram with this text. */
  seal(number: number, text: string | Uint8Array, nowUs = 0, immediate = false): Uint8Array {
    const bytes = typeof text === "string" ? new TextEncoder().encode(text) : text;
    this.buffer.text.set(bytes);
    const length = this.sealer.seal(nowUs, this.buffer, 7, number, immediate, bytes.length);
    return this.buffer.bytes.slice(0, length);
  }

  /** The text of a datagram, or the refusal. */
  open(datagram: Uint8Array, nowUs = 0): string | number {
    this.buffer.bytes.set(datagram);
    const opened = this.sealer.open(nowUs, this.buffer, datagram.length);
    return opened < 0 ? opened : new TextDecoder().decode(this.buffer.bytes.subarray(9, 9 + opened));
  }
}

/** Both ends of a path's seals. */
export function sealings(overrides: Partial<PacketSealerOptions> = {}): { a: Sealing; b: Sealing } {
  return { a: new Sealing(true, overrides), b: new Sealing(false, overrides) };
}

export const A: IpEndpoint = { host: "10.1.0.1", port: 5000 };
export const B: IpEndpoint = { host: "10.1.0.2", port: 5000 };
export const HELLO: UdpHello = { laneVersion: 1, maxAckDelayUs: 24_992, extensions: [] };

/** The bytes of a hello. */
export function helloBytes(hello: UdpHello = HELLO): Uint8Array {
  const bytes = encodeHello(hello);
  if (bytes === null) throw new Error("the hello is too long");
  return bytes;
}

/** The end that asks. */
export function initiator(
  ring: MeshKeyRing = testRing(1),
  { random = seededRandom(100), nowUs = 0, index = 0xa1a2a3a4, hello = HELLO } = {},
): UdpInitiator {
  return new UdpInitiator({
    context: handshakeContext(suite, ring),
    random,
    nowUs,
    index,
    hello: helloBytes(hello),
  });
}

/** The end that is asked, with what it told. */
export class Asked {
  readonly opened: HalfOpen[] = [];
  readonly forgotten: HalfOpen[] = [];
  readonly responder: UdpResponder;
  crossed = false;
  nextIndex = 0xb1b2b3b4;

  constructor(
    ring: MeshKeyRing = testRing(1),
    random: RandomStream = seededRandom(200),
    overrides: Partial<UdpResponderOptions> = {},
  ) {
    this.responder = new UdpResponder({
      context: handshakeContext(suite, ring),
      random,
      nowUs: 0,
      hello: helloBytes({ ...HELLO, maxAckDelayUs: 4_992 }),
      replayGuard: new ReplayGuard(),
      drawIndex: () => this.nextIndex++,
      isCrossed: () => this.crossed,
      onHalfOpen: (half) => this.opened.push(half),
      onForgotten: (half) => this.forgotten.push(half),
      ...overrides,
    });
  }
}

/** The INIT of an end that asks, at its first moment. */
export function firstInit(from: UdpInitiator, nowUs = 0): Uint8Array {
  const init = from.pollDatagram(nowUs);
  if (init === null) throw new Error("it asks nothing");
  return init.slice();
}

/** One packet as an owner was told it. */
export interface Told {
  readonly number: number;
  readonly text: string;
  readonly from: IpEndpoint;
  readonly immediate: boolean;
}

/** An owner that writes down what it hears. */
export class Owner implements UdpPathHandlers {
  readonly packets: Told[] = [];
  readonly newAddresses: IpEndpoint[] = [];
  #next = 0;

  /** What a path is, once there is one. */
  path: UdpPath | null = null;
  /** Called with every packet. */
  answer: ((told: Told) => void) | null = null;

  get texts(): string[] {
    return this.packets.map(({ text }) => text);
  }

  onPacket(
    number: number,
    bytes: Uint8Array,
    start: number,
    end: number,
    from: IpEndpoint,
    _wireBytes: number,
    immediate: boolean,
  ): void {
    const told = { number, text: new TextDecoder().decode(bytes.subarray(start, end)), from, immediate };
    this.packets.push(told);
    this.answer?.(told);
  }

  onNewAddress(address: IpEndpoint): void {
    this.newAddresses.push(address);
  }

  /** Sends a text, to the address in use or to another. */
  say(nowUs: number, text: string, to: IpEndpoint | null = null): boolean {
    const { path } = this;
    if (path === null) throw new Error("there is no path");
    const { written } = new TextEncoder().encodeInto(text, path.text);
    return to === null
      ? path.send(nowUs, this.#next++, written, false)
      : path.sendTo(nowUs, to, this.#next++, written, false);
  }
}

/** A node in a simulated world: an endpoint, and owners for paths that others open. */
export class SimulatedNode {
  readonly endpoint: UdpEndpoint;
  readonly accepted: Owner[] = [];
  readonly errors: HanaError[] = [];

  constructor(
    readonly host: SimulatedHost,
    readonly address: IpEndpoint,
    ring: MeshKeyRing | null = testRing(1),
    overrides: Partial<UdpEndpointOptions> = {},
    nodeSuite: NoiseSuite = suite,
  ) {
    const { datagrams, clock, timers, random } = host.platform;
    this.endpoint = new UdpEndpoint({
      datagrams,
      clock,
      timers,
      random: random.stream("udp"),
      suite: nodeSuite,
      sockets: [{ host: "0.0.0.0", port: address.port }],
      onError: (error) => this.errors.push(error),
      handshakes: ring === null ? undefined : {
        ring,
        hello: HELLO,
        replayGuard: new ReplayGuard(),
        onAccept: (path) => {
          const owner = new Owner();
          owner.path = path;
          path.setHandlers(owner);
          this.accepted.push(owner);
        },
      },
      ...overrides,
    });
  }

  get nowUs(): number {
    return this.host.platform.clock.nowUs();
  }

  /** Dials; resolves what came of it into the owner given. */
  dial(to: IpEndpoint, owner: Owner = new Owner()): { owner: Owner; failures: HanaError[] } {
    const failures: HanaError[] = [];
    this.endpoint.dial(to, {
      onOpen: (path) => {
        owner.path = path;
        path.setHandlers(owner);
        if (path.initiated) owner.say(this.nowUs, "first");
      },
      onFailed: (error) => failures.push(error),
    });
    return { owner, failures };
  }
}

/** A world with hosts 10.1.0.1, 10.1.0.2, … on one segment. */
export function world(
  hosts: number,
  seed = 1,
  link: LinkSpec = {},
): { world: SimulatedWorld; hosts: SimulatedHost[] } {
  const simulated = new SimulatedWorld({ seed });
  simulated.createSegment("lan", { model: new SpecLink({ delay: { kind: "constant", us: 200 }, ...link }) });
  return {
    world: simulated,
    hosts: Array.from({ length: hosts }, (_, i) =>
      simulated.createHost({
        name: `host-${i + 1}`,
        interfaces: [{ name: "eth0", segment: "lan", address: `10.1.0.${i + 1}`, prefix: 24 }],
      })),
  };
}
