// Two machines with a sealed stream between them and datagram sockets beside it, and a carrier of lanes at each end.

import { assert } from "@std/assert";
import type { HanaError } from "../../../lib/base/mod.ts";
import {
  type CarrierHandlers,
  type Lane,
  LANES,
  type PayloadFate,
  type ReceivedLane,
} from "../../../lib/lanes/mod.ts";
import type { Platform } from "../../../lib/platform/mod.ts";
import {
  type LinkSpec,
  type SimulatedHost,
  SimulatedWorld,
  SpecLink,
} from "../../../lib/platform/simulated/mod.ts";
import { loadSessionSuite } from "../../../lib/security/mod.ts";
import {
  dial,
  LaneCarrier,
  type Link,
  listen,
  parseAddress,
  UdpEndpoint,
} from "../../../lib/transport/mod.ts";
import { testContext, testRing } from "../security/support.ts";

const suite = await loadSessionSuite();

export const MS = 1_000;
export const SECOND = 1_000_000;

/** A firewall that lets streams pass. */
export const NO_DATAGRAMS: LinkSpec = { delay: { kind: "constant", us: 200 }, datagrams: { loss: 1 } };

/** How one end takes part. */
export interface EndOptions {
  /** False: an end from before lanes. */
  readonly packets?: boolean;
  /** False: no datagram sockets. */
  readonly udp?: boolean;
}

/** One end: a carrier and what it told. */
export class LaneEnd implements CarrierHandlers {
  readonly carrier: LaneCarrier;
  /** Payloads as text, with their lanes' numbers. */
  readonly heard: string[] = [];
  readonly fates: string[] = [];
  readonly opened: ReceivedLane[] = [];
  readonly paths: string[] = [];
  /** When each payload came. */
  readonly heardAtUs: number[] = [];
  isOpen = false;
  writable = 0;
  closed = 0;
  error: HanaError | null = null;

  constructor(
    readonly host: SimulatedHost,
    readonly platform: Platform,
    readonly link: Link,
    side: "dialler" | "listener",
    { packets, udp = true }: EndOptions,
  ) {
    this.carrier = new LaneCarrier(link, {
      platform,
      side,
      udp: udp ? endpointOf(platform) : null,
      ...(packets === undefined ? {} : { packets }),
    });
    this.carrier.open(this);
  }

  onOpen(): void {
    this.isOpen = true;
  }
  onPayload(lane: number, payload: Uint8Array): void {
    this.heard.push(`${lane}:${new TextDecoder().decode(payload)}`);
    this.heardAtUs.push(this.platform.clock.nowUs());
  }
  onFate(lane: number, number: number, fate: PayloadFate): void {
    this.fates.push(`${lane}#${number} ${fate}`);
  }
  onOpened(lane: ReceivedLane): void {
    this.opened.push(lane);
  }
  onPath({ kind, why }: LaneCarrier["path"]): void {
    this.paths.push(`${kind}: ${why}`);
  }
  onWritable(): void {
    this.writable++;
  }
  onClose(error: HanaError | null): void {
    this.closed++;
    this.error = error;
  }

  /** Sends a text. */
  send(lane: Lane, text: string, options?: Parameters<LaneCarrier["send"]>[2]): string {
    return this.carrier.send(lane, new TextEncoder().encode(text), options);
  }
}

function endpointOf(platform: Platform): UdpEndpoint {
  const { datagrams, clock, timers, random } = platform;
  return new UdpEndpoint({
    datagrams,
    clock,
    timers,
    random: random.stream("udp"),
    suite,
    sockets: [{ host: "0.0.0.0", port: 0 }],
    onError: () => {},
  });
}

/** The two machines. */
export class LaneStage {
  readonly crashes: HanaError[] = [];
  readonly world: SimulatedWorld;
  readonly near: LaneEnd;
  readonly far: LaneEnd;

  private constructor(world: SimulatedWorld, crashes: HanaError[], near: LaneEnd, far: LaneEnd) {
    this.world = world;
    this.crashes = crashes;
    this.near = near;
    this.far = far;
  }

  /** Both ends, greeted as sessions greet: each was told what the other offers. */
  static async greeted(
    options: { near?: EndOptions; far?: EndOptions; link?: LinkSpec; address?: string; seed?: number } = {},
  ): Promise<LaneStage> {
    const crashes: HanaError[] = [];
    const world = new SimulatedWorld({ seed: options.seed ?? 5, onCrash: (error) => crashes.push(error) });
    world.createSegment("lan", {
      model: new SpecLink(options.link ?? { delay: { kind: "constant", us: 200 } }),
    });
    const [a, b] = ["near", "far"].map((name, index) =>
      world.createHost({
        name,
        interfaces: [{ name: "eth0", segment: "lan", address: `10.0.0.${index + 1}`, prefix: 24 }],
      })
    );
    assert(a !== undefined && b !== undefined);
    const isLocal = options.address?.startsWith("unix:") === true;
    const listening = isLocal ? a : b;
    if (isLocal) a.platform.files.makeDirectory("/run", 0o700);
    const context = (platform: Platform) => ({ platform, security: testContext(testRing(1)) });
    const links: Link[] = [];
    const counters = { accepted: 0, acceptErrors: 0, staleSocketsCleared: 0 };
    await listen(
      context(listening.platform),
      parseAddress(options.address ?? "tcp://0.0.0.0:700"),
      counters,
      {
        onLink: (link) => void links.push(link),
        onError: () => {},
      },
    );
    let dialled: Link | null = null;
    const url = options.address ?? "tcp://10.0.0.2:700";
    void dial(context(a.platform), parseAddress(url), { timeoutUs: SECOND }).then((link) => dialled = link);
    await world.runUntilTrue(() => dialled !== null && links.length > 0, world.nowUs + 5 * SECOND);
    const [accepted] = links;
    assert(dialled !== null && accepted !== undefined);
    const near = new LaneEnd(a, a.platform, dialled, "dialler", options.near ?? {});
    const far = new LaneEnd(listening, listening.platform, accepted, "listener", options.far ?? {});
    // The listener is sure of its peer with the first frame of it: a greeting.
    await world.runUntilTrue(() => near.isOpen, world.nowUs + 5 * SECOND);
    near.send(LANES.control, "hello");
    assert(
      await world.runUntilTrue(() => far.heard.length === 1, world.nowUs + 5 * SECOND),
      `they greet; ${near.error}, ${far.error}`,
    );
    far.heard.length = far.heardAtUs.length = 0;
    const stage = new LaneStage(world, crashes, near, far);
    const [ofNear, ofFar] = [near.carrier.offer, far.carrier.offer];
    if (ofNear !== null && ofFar !== null) {
      near.carrier.useLanes(ofFar);
      far.carrier.useLanes(ofNear);
    }
    return stage;
  }

  /** The same, when datagrams are proved both ways. */
  static async onUdp(options: Parameters<typeof LaneStage.greeted>[0] = {}): Promise<LaneStage> {
    const stage = await LaneStage.greeted(options);
    const isProved = ({ carrier }: LaneEnd): boolean => carrier.path.kind === "udp";
    await stage.until(() => isProved(stage.near) && isProved(stage.far), "datagrams are proved");
    return stage;
  }

  async run(us: number): Promise<void> {
    await this.world.runFor(us);
  }

  async until(condition: () => boolean, what: string): Promise<void> {
    assert(
      await this.world.runUntilTrue(condition, this.world.nowUs + 60 * SECOND),
      `not in a minute: ${what}`,
    );
  }

  /** Lets frames of both directions fare otherwise from now on. */
  fare(spec: LinkSpec): void {
    this.world.segment("lan").model = new SpecLink(spec);
  }

  /** Lets the frames of one direction fare otherwise. */
  fareFrom(from: "near" | "far", spec: LinkSpec): void {
    this.world.segment("lan").setModel(from, from === "near" ? "far" : "near", new SpecLink(spec));
  }
}
