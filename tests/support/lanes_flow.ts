// A fast model of flows through one bottleneck: who sends how much when, what queues, what is lost, what it costs others.
// Drives CongestionControl and Pacer directly, without packets, frames or seals, so that a second of ten flows costs
// milliseconds. Never a substitute for the whole connection: it proves the law, not the code around it.

import { chargedBytes, Pacer } from "../../lib/lanes/congestion/mod.ts";
import { type Timed, TimeHeap } from "./time_heap.ts";
import { BIN_US, type FlowResult, type FlowSpec, type Link, type RunResult } from "./lanes_flow_spec.ts";
import { RttEstimator } from "../../lib/lanes/recovery/mod.ts";

const QUANTUM_US = 2_100;

const enum Kind {
  served,
  arrive,
  ackArrives,
  wakeSender,
  wakeReader,
  ackTimer,
  start,
  link,
}

interface Event extends Timed {
  kind: Kind;
  flow: Flow | null;
  number: number;
  ack: Ack | null;
}

interface Ack {
  numbers: number[];
  delayUs: number;
}

interface Flow {
  spec: FlowSpec;
  index: number;
  result: FlowResult;
  bytes: number;
  pacer: Pacer;
  rtt: RttEstimator;
  next: number;
  sentAt: number[];
  /** 0 on its way, 1 acknowledged, 2 lost. */
  state: number[];
  limited: boolean[];
  oldest: number;
  newestAcked: number;
  inFlight: number;
  offeredBytes: number;
  offeredAtUs: number;
  wakeAtUs: number;
  lastAckAtUs: number;
  ptoCount: number;
  learnedUs: number;
  acksWaiting: Ack[];
  // The reader.
  pending: number[];
  firstPendingAtUs: number;
  newestPendingAtUs: number;
  kernel: number[];
  kernelBytes: number;
  received: number;
  ackTimerAt: number;
  newestReceived: number;
  lastAckSentUs: number;
  readerWakes: boolean;
  lastArrivalUs: number;
  lastReturnUs: number;
  delayNoise: number;
  // Reno.
  cwnd: number;
  ssthresh: number;
  recoverUntil: number;
}

/** Runs flows over a link for a while. The same seed gives the same run. */
export class FlowModel {
  readonly link: Link;
  nowUs = 0;
  readonly flows: Flow[] = [];
  readonly #changes: { atUs: number; change: Partial<Link> }[] = [];
  readonly #events = new TimeHeap<Event>();
  #order = 0;
  #random: number;
  #queue: { flow: Flow; number: number; atUs: number }[] = [];
  #head = 0;
  #queuedBytes = 0;
  #isServing = false;
  #isLosing = false;
  #tokens: number;
  #tokensAtUs = 0;
  readonly #queueUs: number[] = [];
  readonly #queueAtUs: number[] = [];

  constructor(link: Link, seed = 1) {
    this.link = { ...link };
    this.#random = seed * 2654435761 >>> 0;
    this.#tokens = link.bufferBytes;
  }

  add(spec: FlowSpec): void {
    const bytes = spec.packetBytes ?? 1_200;
    this.flows.push({
      spec,
      index: this.flows.length,
      result: {
        sentPackets: 0,
        deliveredPackets: 0,
        queueDrops: 0,
        readerDrops: 0,
        chanceDrops: 0,
        spurious: 0,
        binBytes: new Float64Array(0),
        binSent: new Float64Array(0),
        binDrops: new Float64Array(0),
      },
      bytes,
      pacer: new Pacer({
        rateBytesPerSecond: spec.control?.rateBytesPerSecond ?? Infinity,
        packetBytes: bytes,
      }),
      rtt: new RttEstimator(),
      next: 0,
      sentAt: [],
      state: [],
      limited: [],
      oldest: 0,
      newestAcked: -1,
      inFlight: 0,
      offeredBytes: 0,
      offeredAtUs: spec.startUs ?? 0,
      wakeAtUs: Infinity,
      lastAckAtUs: 0,
      ptoCount: 0,
      learnedUs: 0,
      acksWaiting: [],
      pending: [],
      firstPendingAtUs: 0,
      newestPendingAtUs: 0,
      kernel: [],
      kernelBytes: 0,
      received: 0,
      ackTimerAt: Infinity,
      newestReceived: -1,
      lastAckSentUs: -Infinity,
      readerWakes: false,
      lastArrivalUs: 0,
      lastReturnUs: 0,
      delayNoise: 0,
      cwnd: 10 * bytes,
      ssthresh: Infinity,
      recoverUntil: -1,
    });
  }

  /** The link becomes another at `atUs`. */
  changeAt(atUs: number, change: Partial<Link>): void {
    this.#changes.push({ atUs, change });
  }

  run(untilUs: number): RunResult {
    const bins = Math.ceil(untilUs / BIN_US);
    for (const flow of this.flows) {
      flow.result.binBytes = new Float64Array(bins);
      flow.result.binSent = new Float64Array(bins);
      flow.result.binDrops = new Float64Array(bins);
      this.#push(flow.spec.startUs ?? 0, Kind.start, flow);
    }
    this.#changes.forEach(({ atUs }, at) => this.#push(atUs, Kind.link, null, at));
    for (let event = this.#events.pop(); event !== null && event.at < untilUs; event = this.#events.pop()) {
      this.nowUs = event.at;
      this.#handle(event);
    }
    return {
      flows: this.flows.map(({ result }) => result),
      queueUs: Float64Array.from(this.#queueUs),
      queueAtUs: Float64Array.from(this.#queueAtUs),
    };
  }

  #handle({ kind, flow, number, ack }: Event): void {
    if (kind === Kind.link) {
      Object.assign(this.link, this.#changes[number]?.change);
      return;
    }
    if (kind === Kind.served) return this.#served();
    if (flow === null) return;
    if (kind === Kind.start) this.#wake(flow);
    else if (kind === Kind.arrive) this.#arrive(flow, number);
    else if (kind === Kind.ackArrives && ack !== null) {
      flow.acksWaiting.push(ack);
      this.#wake(flow);
    } else if (kind === Kind.wakeSender) {
      if (number === flow.wakeAtUs) {
        flow.wakeAtUs = Infinity;
        this.#wake(flow);
      }
    } else if (kind === Kind.wakeReader) {
      flow.readerWakes = false;
      this.#read(flow);
    } else if (kind === Kind.ackTimer && flow.ackTimerAt === this.nowUs) {
      flow.ackTimerAt = Infinity;
      const freeAt = this.#freeAt(flow, flow.spec.readerStall);
      if (freeAt > this.nowUs) this.#armAck(flow, freeAt);
      else if (flow.pending.length > 0) this.#sendAck(flow);
    }
  }

  // --- Sender ---

  /** The sender's driver runs: acknowledgements, timers, then whatever may leave. */
  #wake(flow: Flow): void {
    const freeAt = this.#freeAt(flow, flow.spec.senderStall);
    if (freeAt > this.nowUs) return this.#armWake(flow, freeAt);
    for (const ack of flow.acksWaiting) this.#handleAck(flow, ack);
    flow.acksWaiting.length = 0;
    this.#detectLoss(flow);
    const { control } = flow.spec;
    if (control !== undefined && this.nowUs >= control.nextTickUs) control.handleTick(this.nowUs);
    if (this.nowUs >= this.#ptoAt(flow)) {
      flow.ptoCount++;
      flow.lastAckAtUs = this.nowUs;
      control?.onPto(this.nowUs);
      if (control === undefined) {
        flow.ssthresh = Math.max(2 * flow.bytes, flow.inFlight / 2);
        flow.cwnd = 2 * flow.bytes;
        for (let n = flow.oldest; n < flow.next; n++) if (flow.state[n] === 0) this.#lose(flow, n);
      } else this.#send(flow, true);
    }
    this.#sendAll(flow);
    this.#schedule(flow);
  }

  #sendAll(flow: Flow): void {
    const { control, offered, endUs } = flow.spec;
    if (endUs !== undefined && this.nowUs >= endUs) return;
    if (offered !== undefined) {
      flow.offeredBytes += offered * (this.nowUs - flow.offeredAtUs) / 1e6;
      flow.offeredAtUs = this.nowUs;
    }
    if (control !== undefined) flow.pacer.setRate(control.rateBytesPerSecond);
    for (;;) {
      if (offered !== undefined && flow.offeredBytes < flow.bytes) return;
      if (control === undefined) {
        if (flow.inFlight + flow.bytes > flow.cwnd) return;
      } else if (flow.inFlight >= control.windowBytes || !flow.pacer.canSend(this.nowUs)) return;
      flow.offeredBytes -= flow.bytes;
      this.#send(flow, offered !== undefined && flow.offeredBytes < flow.bytes);
    }
  }

  #send(flow: Flow, appLimited: boolean): void {
    const number = flow.next++;
    if (flow.inFlight === 0) flow.lastAckAtUs = this.nowUs;
    flow.sentAt[number] = this.nowUs;
    flow.state[number] = 0;
    flow.limited[number] = appLimited;
    flow.inFlight += flow.bytes;
    flow.result.sentPackets++;
    count(flow.result.binSent, this.nowUs);
    flow.pacer.onSent(this.nowUs, flow.bytes);
    flow.spec.control?.onSent(this.nowUs, flow.bytes, flow.inFlight);
    this.#enqueue(flow, number);
  }

  #schedule(flow: Flow): void {
    const { control, offered } = flow.spec;
    let at = this.#ptoAt(flow);
    const lossAt = this.#lossAt(flow);
    if (lossAt < at) at = lossAt;
    if (control !== undefined) {
      at = Math.min(at, control.nextTickUs);
      if (flow.inFlight < control.windowBytes) {
        const ready = flow.pacer.readyAtUs;
        if (offered === undefined || flow.offeredBytes >= flow.bytes) {
          at = Math.min(at, Math.max(ready, this.nowUs + 1));
        }
      }
    }
    if (offered !== undefined && flow.offeredBytes < flow.bytes) {
      at = Math.min(at, this.nowUs + (flow.bytes - flow.offeredBytes) / offered * 1e6);
    }
    if (at < Infinity) this.#armWake(flow, Math.ceil(Math.max(at, this.nowUs + QUANTUM_US)));
  }

  #armWake(flow: Flow, at: number): void {
    if (flow.wakeAtUs <= at && flow.wakeAtUs > this.nowUs) return;
    flow.wakeAtUs = at;
    this.#push(at, Kind.wakeSender, flow, at);
  }

  #ptoAt(flow: Flow): number {
    if (flow.inFlight === 0) return Infinity;
    const base = flow.spec.control === undefined
      ? Math.max(200_000, flow.rtt.smoothedUs + 4 * flow.rtt.varianceUs)
      : flow.rtt.smoothedUs + Math.max(4 * flow.rtt.varianceUs, 2 * QUANTUM_US) +
        (flow.spec.isLazy ? 25_000 : 5_000);
    return flow.lastAckAtUs + Math.min(1e6 + base, base * 2 ** flow.ptoCount);
  }

  #thresholdUs(flow: Flow): number {
    const { smoothedUs, latestUs } = flow.rtt;
    return Math.max(smoothedUs, latestUs) + Math.max(smoothedUs / 4, 1_000, flow.learnedUs);
  }

  #lossAt(flow: Flow): number {
    this.#trim(flow);
    return flow.oldest < flow.newestAcked
      ? (flow.sentAt[flow.oldest] ?? 0) + this.#thresholdUs(flow) + 1
      : Infinity;
  }

  #detectLoss(flow: Flow): void {
    const before = this.nowUs - this.#thresholdUs(flow);
    this.#trim(flow);
    for (let n = flow.oldest; n < flow.newestAcked && (flow.sentAt[n] ?? 0) < before; n++) {
      if (flow.state[n] === 0) this.#lose(flow, n);
    }
    this.#trim(flow);
  }

  #trim(flow: Flow): void {
    while (flow.oldest < flow.next && flow.state[flow.oldest] !== 0) flow.oldest++;
  }

  #lose(flow: Flow, number: number): void {
    flow.state[number] = 2;
    flow.inFlight -= flow.bytes;
    flow.spec.control?.onLost(this.nowUs, flow.bytes, flow.sentAt[number] ?? 0);
    if (flow.spec.control === undefined && number > flow.recoverUntil) {
      flow.recoverUntil = flow.next;
      flow.cwnd = flow.ssthresh = Math.max(2 * flow.bytes, flow.cwnd / 2);
    }
  }

  #handleAck(flow: Flow, ack: Ack): void {
    const { numbers } = ack;
    const largest = numbers[numbers.length - 1] ?? -1;
    if (largest > flow.newestAcked) {
      flow.newestAcked = largest;
      flow.rtt.update(this.nowUs, this.nowUs - (flow.sentAt[largest] ?? 0), ack.delayUs);
    }
    flow.lastAckAtUs = this.nowUs;
    flow.ptoCount = 0;
    for (const number of numbers) {
      if (flow.state[number] === 2) {
        flow.result.spurious++;
        const lateUs = this.nowUs - (flow.sentAt[number] ?? 0) - flow.rtt.smoothedUs;
        flow.learnedUs = Math.min(2 * flow.rtt.smoothedUs, Math.max(flow.learnedUs, 1.1 * lateUs));
      }
      if (flow.state[number] !== 0) continue;
      flow.state[number] = 1;
      flow.inFlight -= flow.bytes;
      const { control } = flow.spec;
      if (control === undefined) {
        flow.cwnd += flow.cwnd < flow.ssthresh ? flow.bytes : flow.bytes * flow.bytes / flow.cwnd;
      } else {
        control.onAcked(
          this.nowUs,
          flow.bytes,
          flow.sentAt[number] ?? 0,
          flow.rtt,
          flow.inFlight,
          flow.limited[number] ?? false,
        );
      }
    }
  }

  // --- Bottleneck ---

  #enqueue(flow: Flow, number: number): void {
    const { link } = this;
    if (link.isPolicer) {
      this.#tokens = Math.min(
        link.bufferBytes,
        this.#tokens + link.rate * (this.nowUs - this.#tokensAtUs) / 1e6,
      );
      this.#tokensAtUs = this.nowUs;
      if (this.#tokens < flow.bytes) this.#drop(flow, "queueDrops");
      else {
        this.#tokens -= flow.bytes;
        this.#queueUs.push(0);
        this.#queueAtUs.push(this.nowUs);
        this.#propagate(flow, number);
      }
      return;
    }
    if (this.#queuedBytes + flow.bytes > link.bufferBytes) {
      this.#drop(flow, "queueDrops");
      return;
    }
    this.#queuedBytes += flow.bytes;
    this.#queue.push({ flow, number, atUs: this.nowUs });
    if (!this.#isServing) this.#serve();
  }

  #drop(flow: Flow, reason: "queueDrops" | "readerDrops"): void {
    flow.result[reason]++;
    count(flow.result.binDrops, this.nowUs);
  }

  #serve(): void {
    const head = this.#queue[this.#head];
    if (head === undefined) {
      this.#isServing = false;
      return;
    }
    this.#isServing = true;
    let at = this.nowUs;
    const { outage } = this.link;
    if (outage !== undefined && at % outage.everyUs < outage.forUs) at += outage.forUs - at % outage.everyUs;
    this.#push(at + head.flow.bytes * 1e6 / this.link.rate, Kind.served, null);
  }

  #served(): void {
    const head = this.#queue[this.#head++];
    if (head === undefined) return;
    if (this.#head > 4096) {
      this.#queue = this.#queue.slice(this.#head);
      this.#head = 0;
    }
    this.#queuedBytes -= head.flow.bytes;
    this.#queueUs.push(this.nowUs - head.atUs - head.flow.bytes * 1e6 / this.link.rate);
    this.#queueAtUs.push(head.atUs);
    this.#propagate(head.flow, head.number);
    this.#serve();
  }

  #propagate(flow: Flow, number: number): void {
    if (this.#isLost()) {
      flow.result.chanceDrops++;
      return;
    }
    const at = Math.max(flow.lastArrivalUs, this.nowUs + this.#delay(flow));
    flow.lastArrivalUs = at;
    this.#push(at, Kind.arrive, flow, number);
  }

  #delay(flow: Flow): number {
    const { delayUs, jitterUs = 0 } = this.link;
    if (jitterUs === 0) return delayUs;
    flow.delayNoise = 0.5 * flow.delayNoise + 0.5 * (2 * this.#float() - 1) * 1.7;
    return Math.max(delayUs / 4, delayUs + jitterUs * flow.delayNoise);
  }

  #isLost(): boolean {
    const { loss = 0, lossBurst = 1 } = this.link;
    if (loss === 0) return false;
    if (lossBurst <= 1) return this.#float() < loss;
    const leave = 1 / lossBurst;
    const enter = leave * loss / (1 - loss);
    this.#isLosing = this.#isLosing ? this.#float() >= leave : this.#float() < enter;
    return this.#isLosing;
  }

  // --- Reader ---

  #arrive(flow: Flow, number: number): void {
    const freeAt = this.#freeAt(flow, flow.spec.readerStall);
    if (freeAt <= this.nowUs) return this.#take(flow, number, this.nowUs);
    const charged = chargedBytes(flow.bytes);
    if (flow.kernelBytes + charged > (flow.spec.receiveBufferBytes ?? 212_992)) {
      this.#drop(flow, "readerDrops");
      return;
    }
    flow.kernelBytes += charged;
    flow.kernel.push(number);
    if (flow.readerWakes) return;
    flow.readerWakes = true;
    this.#push(freeAt, Kind.wakeReader, flow);
  }

  #read(flow: Flow): void {
    const { kernel } = flow;
    flow.kernel = [];
    flow.kernelBytes = 0;
    for (const number of kernel) this.#take(flow, number, this.nowUs);
  }

  #take(flow: Flow, number: number, atUs: number): void {
    flow.result.deliveredPackets++;
    flow.received++;
    const bin = Math.floor(atUs / BIN_US);
    flow.result.binBytes[bin] = (flow.result.binBytes[bin] ?? 0) + flow.bytes;
    const hasHole = number > flow.newestReceived + 1;
    flow.newestReceived = Math.max(flow.newestReceived, number);
    if (flow.pending.length === 0) flow.firstPendingAtUs = atUs;
    flow.pending.push(number);
    flow.newestPendingAtUs = atUs;
    const { control, isLazy } = flow.spec;
    const many = control === undefined ? 2 : flow.received < 32 ? 2 : isLazy ? 32 : 10;
    if (flow.pending.length >= many || hasHole && atUs - flow.lastAckSentUs > 1_000) this.#sendAck(flow);
    else if (flow.ackTimerAt === Infinity) {
      this.#armAck(flow, atUs + Math.max(QUANTUM_US, isLazy ? 25_000 : 5_000));
    }
  }

  #armAck(flow: Flow, at: number): void {
    flow.ackTimerAt = at;
    this.#push(at, Kind.ackTimer, flow);
  }

  #sendAck(flow: Flow): void {
    const ack: Ack = { numbers: flow.pending, delayUs: this.nowUs - flow.newestPendingAtUs };
    flow.lastAckSentUs = this.nowUs;
    if ((this.link.loss ?? 0) > 0 && this.#float() < (this.link.loss ?? 0)) return; // told again with the next
    flow.pending = [];
    flow.ackTimerAt = Infinity;
    const at = Math.max(flow.lastReturnUs, this.nowUs + this.#delay(flow));
    flow.lastReturnUs = at;
    this.#push(at, Kind.ackArrives, flow, 0, ack);
  }

  // --- Time ---

  /** When a driver that stalls or polls can act again. */
  #freeAt(flow: Flow, stall: { everyUs: number; forUs: number } | undefined): number {
    const { frameUs } = flow.spec;
    let at = this.nowUs;
    // Ends of different flows stall at different times.
    const phase = flow.index * 7_919 + (stall === flow.spec.readerStall ? 3_001 : 0);
    if (frameUs !== undefined) at = Math.ceil((at + phase) / frameUs) * frameUs - phase;
    if (stall !== undefined) {
      const into = (at + phase) % stall.everyUs;
      if (into < stall.forUs) at += stall.forUs - into;
    }
    return at;
  }

  #float(): number {
    this.#random = (this.#random + 0x6d2b79f5) >>> 0;
    let mixed = this.#random;
    mixed = Math.imul(mixed ^ (mixed >>> 15), mixed | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  }

  #push(at: number, kind: Kind, flow: Flow | null, number = 0, ack: Ack | null = null): void {
    this.#events.push({ at, order: this.#order++, kind, flow, number, ack });
  }
}

function count(bins: Float64Array, atUs: number): void {
  const bin = Math.floor(atUs / BIN_US);
  bins[bin] = (bins[bin] ?? 0) + 1;
}
