// Two connections of lanes and a network between them, in virtual time: what every scenario of the lanes runs on.
// Decides the order of events and when a run is over; checks what can be seen from outside. The same options give the
// same run, byte for byte. Never touches a clock, a timer or a socket.

import { type Lane, type LaneId, LANES, type LaneSink } from "../../../lib/lanes/mod.ts";
import { type Condition, START_US } from "./conditions.ts";
import { Broken, Endpoint, OVERHEAD_BYTES, Trace } from "./endpoint.ts";
import type { Peer, PeerExtras, PeerOptions } from "./face.ts";
import { Findings } from "./findings.ts";
import { describeFrames } from "./frames.ts";
import { EventHeap } from "./heap.ts";
import { Bottleneck, type Datagram, Link } from "./link.ts";
import { DirectionModel } from "./model.ts";
import { Draws } from "./random.ts";
import { StreamPipe } from "./stream_pipe.ts";
import type { Source, Workload } from "./workloads.ts";

/** Makes one end. */
export type MakePeer = (options: PeerOptions) => Peer & PeerExtras;

/** How a pair is made. */
export interface PairOptions {
  readonly condition: Condition;
  readonly workload: Workload;
  readonly seed: number;
  readonly makePeer: MakePeer;
  readonly kind?: "udp" | "stream";
  readonly quantumUs?: number;
  readonly congestion?: "fixed" | "delay-brake";
  readonly maxRateBytesPerSecond?: number;
  readonly firstPacketNumber?: number;
  readonly firstMessageNumber?: number;
  readonly keptPackets?: number;
  /** The lanes beside the standard ones are opened before anything else. */
  readonly lanes?: readonly Lane[];
}

/** What the main-thread timer of the platform rounds to (research 1). */
export const QUANTUM_US = 2_100;
/** The default cap of one peer (research 4.8). */
const MAX_RATE = 12_500_000;
const STREAM_PLAINTEXT = 16 * 1_024;
/** The longest datagram that a search for larger ones tries. */
const LARGEST_PLAINTEXT: number = 1_452 - OVERHEAD_BYTES;

const STANDARD: readonly Lane[] = Object.values(LANES);

/** A running pair. */
export class Pair {
  readonly findings = new Findings();
  readonly events = new EventHeap();
  readonly trace: Trace;
  readonly ends: readonly [Endpoint, Endpoint];
  /** Models of what each end sends. */
  readonly models: readonly [DirectionModel, DirectionModel];
  readonly links: readonly [Link | StreamPipe, Link | StreamPipe];
  readonly peers: readonly [Peer & PeerExtras, Peer & PeerExtras];
  nowUs = START_US;
  /** Events so far. */
  step = 0;
  /** When the last source was done. */
  sourcesEndUs = START_US;
  /** When a message arrived last. */
  lastArrivalUs = START_US;
  readonly closed: [string | null, string | null] = [null, null];
  readonly #options: PairOptions;
  readonly #draws: Draws;
  #openSources = 0;
  /** Lanes as they were opened, by side and name. */
  readonly #opened = new Map<string, Lane>();
  readonly #waiting = new Map<string, () => void>();
  readonly #writable: string[] = [];

  constructor(options: PairOptions) {
    this.#options = options;
    const { condition, seed } = options;
    const kind = options.kind ?? "udp";
    this.trace = new Trace(options.keptPackets ?? 40);
    this.#draws = new Draws(seed, "sources");
    const first = options.firstMessageNumber ?? 0;
    this.models = [
      new DirectionModel("→", this.findings, first),
      new DirectionModel("←", this.findings, first),
    ];
    if (condition.readerRests !== undefined) { for (const model of this.models) model.readerRested = true; }
    const shared = condition.crossTraffic === undefined ? null : this.#crossTraffic();
    this.links = [this.#makeLink(0, kind, shared), this.#makeLink(1, kind, null)];
    const quantumUs = options.quantumUs ?? QUANTUM_US;
    const plaintext = kind === "udp" ? LARGEST_PLAINTEXT : STREAM_PLAINTEXT;
    const makeEnd = (side: 0 | 1) =>
      new Endpoint(
        side === 0 ? "A" : "B",
        ...[kind, plaintext, quantumUs] as const,
        condition.drivers?.[side] ?? {},
        condition.clocks?.[side] ?? { startUs: START_US, driftPpm: 0 },
        new Draws(seed, `driver ${side}`),
        ...[this.models[side], this.findings, this.links[side], this.trace, START_US] as const,
        options.maxRateBytesPerSecond ?? MAX_RATE,
      );
    this.ends = [makeEnd(0), makeEnd(1)];
    const makePeer = (side: 0 | 1) =>
      options.makePeer({
        nowUs: this.ends[side].localAt(START_US),
        ...{ quantumUs, lanes: STANDARD, sink: this.#sink(side), kind },
        maxPacketBytes: plaintext,
        congestion: options.congestion ?? "delay-brake",
        maxRateBytesPerSecond: options.maxRateBytesPerSecond ?? MAX_RATE,
        firstPacketNumber: options.firstPacketNumber ?? 0,
        firstMessageNumber: first,
        seed: seed * 2 + side,
      });
    this.peers = [makePeer(0), makePeer(1)];
    for (const side of [0, 1] as const) {
      this.ends[side].peer = this.peers[side];
      for (const lane of STANDARD) this.models[side].addLane(lane);
    }
    this.#openLanes();
    this.#plan();
  }

  #openLanes(): void {
    const { workload, lanes = [] } = this.#options;
    for (const side of [0, 1] as const) {
      const own = workload.lanes.filter((lane) =>
        workload.sources.some((source) => source.side === side && source.lane.id === lane.id)
      );
      for (const lane of [...own, ...lanes]) {
        const opened = this.peers[side].openLane?.(lane) ?? lane;
        this.models[side].addLane(opened);
        this.#opened.set(`${side} ${lane.name}`, opened);
      }
    }
  }

  #makeLink(side: 0 | 1, kind: "udp" | "stream", shared: Bottleneck | null): Link | StreamPipe {
    const { condition, seed } = this.#options;
    const spec = side === 0 ? condition.forward : condition.backward;
    const draws = new Draws(seed, `link ${side}`);
    const other = side === 0 ? 1 : 0;
    if (kind === "udp") {
      return new Link(
        spec,
        draws,
        (atUs, datagram) => this.events.add(atUs, () => this.ends[other].receive(this.nowUs, datagram)),
        shared,
      );
    }
    const pipe: StreamPipe = new StreamPipe(
      spec,
      draws,
      (atUs, datagram: Datagram) =>
        this.events.add(atUs, () => {
          pipe.onRead(datagram.bytes.length);
          this.ends[other].receive(this.nowUs, datagram);
          this.ends[side].onRoom(this.nowUs);
        }),
    );
    return pipe;
  }

  #crossTraffic(): Bottleneck {
    const { condition, seed } = this.#options;
    const { flows, burstBytes, everyUs } = condition.crossTraffic ?? { flows: 0, burstBytes: 0, everyUs: 1 };
    const bottleneck = new Bottleneck(
      condition.forward.bytesPerSecond ?? 1e9,
      condition.forward.bufferBytes ?? 1e6,
    );
    const draws = new Draws(seed, "cross traffic");
    for (let flow = 0; flow < flows; flow++) {
      // They end with the sources' plans, so that a run can settle.
      for (let atUs = START_US + draws.below(everyUs); atUs < START_US + 4e6;) {
        this.events.add(atUs, () => {
          for (let bytes = 0; bytes < burstBytes; bytes += 1_500) bottleneck.pass(this.nowUs, 1_500);
        });
        atUs += everyUs / 2 + draws.exponential(everyUs / 2);
      }
    }
    return bottleneck;
  }

  /** Sources, changes, stalls and everything else that is known beforehand. */
  #plan(): void {
    const { condition, workload, seed } = this.#options;
    workload.sources.forEach((source, index) => this.#start(source, index));
    for (const change of condition.changes ?? []) {
      this.events.add(change.atUs, () => {
        this.links[0].change(change.forward);
        this.links[1].change(change.backward);
      });
    }
    for (const side of [0, 1] as const) {
      for (const stall of condition.drivers?.[side].stalls ?? []) {
        this.events.add(stall.fromUs, () => {
          this.ends[side].stalledUntilUs = stall.toUs;
        });
        this.events.add(stall.toUs, () => this.ends[side].resume(this.nowUs));
      }
    }
    if (condition.readerRests !== undefined) {
      const read = (isReading: boolean) => {
        for (const lane of this.models[0].lanes.values()) this.peers[1].setReading?.(lane.lane.id, isReading);
        this.ends[1].drain(this.nowUs);
      };
      this.events.add(condition.readerRests.fromUs, () => read(false));
      this.events.add(condition.readerRests.toUs, () => read(true));
    }
    if (condition.addressChangesAtUs !== undefined) {
      this.ends[0].addressChangesAtUs = condition.addressChangesAtUs;
    }
    if (condition.junkPerSecond !== undefined) {
      const draws = new Draws(seed, "junk");
      for (
        let atUs = START_US;
        atUs < START_US + 2e6;
        atUs += draws.exponential(1e6 / condition.junkPerSecond)
      ) {
        const bytes = draws.fill(new Uint8Array(draws.between(OVERHEAD_BYTES, 200)));
        this.events.add(
          Math.floor(atUs),
          () => this.ends[1].receive(this.nowUs, { bytes, sentAtUs: this.nowUs, corrupt: true, copy: 0 }),
        );
      }
    }
    for (const side of [0, 1] as const) this.events.add(START_US, () => this.ends[side].drain(this.nowUs));
  }

  /** A lane as this side opened it. */
  laneOf(side: 0 | 1, lane: Lane): Lane {
    return this.#opened.get(`${side} ${lane.name}`) ?? lane;
  }

  /** Sends one message of `length` bytes; what came of it is in the model. Drains unless `hold`. */
  send(
    side: 0 | 1,
    lane: LaneId,
    length: number,
    options: { key?: number; ttlUs?: number; report?: boolean } = {},
    hold = false,
  ): number {
    const end = this.ends[side];
    const model = this.models[side];
    const bytes = model.nextBytes(length);
    let result = -9;
    end.guard(this.nowUs, "send", () => {
      result = this.peers[side].send(end.localAt(this.nowUs), lane, bytes, options);
    });
    const { key = -1, ttlUs = model.lane(lane).lane.ttlUs, report = false } = options;
    model.onSent(this.nowUs, lane, length, { key, ttlUs, report }, result);
    if (!hold) end.drain(this.nowUs);
    return result;
  }

  #start(source: Source, index: number): void {
    this.#openSources++;
    const { side, everyUs, count, burst = 1 } = source;
    const lane = this.laneOf(side, source.lane);
    const name = `${side} ${lane.id}`;
    let sent = 0;
    let atUs = START_US + source.fromUs + index * 37;
    const next = () => {
      // A program runs in the same event loop as its driver.
      const end = this.ends[side];
      if (this.nowUs < end.stalledUntilUs) {
        this.events.add(end.stalledUntilUs, next);
        return;
      }
      let refused = false;
      for (let i = 0; i < burst; i++) {
        const options = {
          ...(source.key === undefined ? {} : { key: source.key(sent, this.#draws) }),
          ...(source.ttlUs === undefined ? {} : { ttlUs: source.ttlUs }),
          ...(source.report === true ? { report: true } : {}),
        };
        const result = this.send(side, lane.id, source.bytes(sent, this.#draws), options, true);
        if (result < 0 && source.patient === true) {
          refused = true;
          break;
        }
      }
      end.drain(this.nowUs);
      if (refused) {
        this.#waiting.set(name, next);
        return;
      }
      sent++;
      if (sent < count) {
        atUs = Math.max(this.nowUs, atUs + everyUs);
        this.events.add(atUs, next);
      } else {
        this.#openSources--;
        this.sourcesEndUs = this.nowUs;
      }
    };
    this.events.add(atUs, next);
  }

  #sink(side: 0 | 1): LaneSink {
    const own = this.models[side];
    const others = this.models[side === 0 ? 1 : 0];
    return {
      onMessage: (lane, bytes, start, length, number) => {
        this.lastArrivalUs = this.nowUs;
        others.onMessage(this.nowUs, lane, bytes, start, length, number);
      },
      onDelivered: (lane, number) => own.onDelivered(this.nowUs, lane, number),
      onExpired: (lane, number) => own.onExpired(this.nowUs, lane, number),
      onLost: (lane, number) => own.onLost(this.nowUs, lane, number),
      onWritable: (lane) => this.#writable.push(`${side} ${lane}`),
      onOpened: (lane) => {
        const sent = others.lanes.get(lane.id)?.lane;
        this.findings.expect(
          "I22",
          "connection",
          this.nowUs,
          sent !== undefined && sent.name === lane.name && sent.kind === lane.kind &&
            sent.keyed === lane.keyed,
          () => `lane ${lane.id} was opened as ${lane.name}, ${lane.kind}`,
        );
      },
      onClosed: (code, text) => {
        this.closed[side] ??= `${code} ${text}`;
      },
    };
  }

  /** Runs until `untilUs` or until `isDone` after an event. */
  run(untilUs: number, isDone: () => boolean = () => false): void {
    while (true) {
      const [first, second] = this.ends;
      const wakeFirst = Math.max(first.wakeAtUs, first.stalledUntilUs);
      const wakeSecond = Math.max(second.wakeAtUs, second.stalledUntilUs);
      const atUs = Math.min(this.events.nextAtUs, wakeFirst, wakeSecond);
      if (atUs > untilUs) break;
      this.nowUs = Math.max(this.nowUs, atUs);
      this.step++;
      if (this.events.nextAtUs <= atUs) this.events.take()?.run();
      else if (wakeFirst <= atUs) first.fire(this.nowUs);
      else second.fire(this.nowUs);
      while (this.#writable.length > 0) this.#resumeSource(this.#writable.shift() ?? "");
      if (isDone()) return;
    }
    this.nowUs = Math.max(this.nowUs, untilUs);
  }

  #resumeSource(name: string): void {
    const next = this.#waiting.get(name);
    this.#waiting.delete(name);
    next?.();
  }

  /** Whether all sources are done and everything that must arrive has. */
  isSettled(): boolean {
    return this.#openSources === 0 && this.models[0].isSettled(this.nowUs) &&
      this.models[1].isSettled(this.nowUs);
  }

  /** Names of sources that still wait for room. */
  get waitingSources(): readonly string[] {
    return [...this.#waiting.keys()];
  }

  /** Everything a failure needs to be understood and played again. */
  describe(): string {
    const { condition, workload, seed, kind = "udp" } = this.#options;
    const lines = this.findings.violations.map(({ id, kind, atUs, saw }) =>
      `  ${id} ${kind} at ${atUs}: ${saw}`
    );
    return [
      `${condition.id} ${condition.title}, ${workload.id} ${workload.title}, seed ${seed}, over ${kind}: ` +
      `${this.findings.violationCount} violations in ${this.step} steps`,
      ...lines,
      `  play it again: LANES_ONLY=${condition.id},${workload.id},${seed},${kind} scripts/test tests/lanes`,
      `  last packets:`,
      ...this.trace.lines(describeFrames).map((line) => `    ${line}`),
    ].join("\n");
  }
}

export { Broken };
