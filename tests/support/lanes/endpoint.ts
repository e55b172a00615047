// One end of a pair as its driver sees it: clock, timer quantum, stalls, the strict order of one input and one drain, the
// envelope of a datagram with a cipher that changes nothing. Checks what every packet and every drain must keep.
// Decides when the connection gets its turn; never what is sent or how the network fares.

import type { Draws } from "./random.ts";
import type { ClockSpec, DriverSpec } from "./conditions.ts";
import type { Peer, PeerExtras } from "./face.ts";
import type { Findings } from "./findings.ts";
import { type Frame, framesOf, LayoutError } from "./frames.ts";
import type { Datagram } from "./link.ts";
import type { DirectionModel } from "./model.ts";

/** Header and tag of a datagram (research 4.1). */
export const HEADER_BYTES = 9;
export const OVERHEAD_BYTES: number = HEADER_BYTES + 16;
/** `PathId` of lib/lanes/connection. */
const STREAM_PATH = 0;
const UDP_PATH = 1;
const MOVED_PATH = 2;
/** Bytes of the receiver's index say from and to which address a datagram goes: there is one index here. */
const FROM_NEW = 1;
const TO_NEW = 2;
/** Packets that one drain may bring. A burst is bounded by a rate or by what may be in flight, 8192 packets. */
const MAX_DRAIN = 10_000;
/** A bucket holds two packets at least, and one may go into debt (research 4.8). */
const BURST_PACKETS = 3;
/** Two probes, and what small lanes of the first tiers may send beside the rate: 32 KiB/s (research 4.8). */
const EXEMPT_BYTES: number = 2 * 1_452 + 32 * 1_024;
const LATE_BURST_BYTES = 92 * 1_452;
/** What the kernel keeps for a socket (research 1): every datagram costs more than its bytes. */
const SOCKET_BUFFER_BYTES = 208 * 1024;

/** What leaves an end. */
export interface Outlet {
  /** How many packets may be handed over now; a datagram socket takes any. */
  canTake(): boolean;
  /** Takes a packet; `bytes` are the outlet's own. Says whether it will get lost on the way. */
  send(nowUs: number, bytes: Uint8Array, wireBytes: number): "sent" | "lost";
  /** The largest datagram that the path takes now. */
  mtuAt(nowUs: number): number;
}

/** Sums over the packets of one end. */
export interface EndpointTotals {
  packets: number;
  bytes: number;
  pureAcks: number;
  /** Reliable payload in packets that the link lost, for any reason. */
  lostReliableBytes: number;
  received: number;
  refused: number;
  corrupt: number;
  overflowed: number;
  drains: number;
  wakeups: Map<string, number>;
}

/** One end. */
export class Endpoint {
  readonly totals: EndpointTotals = {
    ...{ packets: 0, bytes: 0, pureAcks: 0, lostReliableBytes: 0, received: 0, refused: 0, corrupt: 0 },
    ...{ overflowed: 0, drains: 0, wakeups: new Map() },
  };
  /** When the driver's timer fires, in true time. */
  wakeAtUs = Infinity;
  /** The event loop does something else until then. */
  stalledUntilUs = 0;
  peer!: Peer & PeerExtras;
  /** From then on datagrams of this end come from another address, and those to the old one are lost. */
  addressChangesAtUs = Infinity;
  /** Told of every packet that leaves, with its frames. */
  onPacket: ((nowUs: number, number: number, frames: readonly Frame[], bytes: number) => void) | null = null;
  /** Changes what is inside of a packet that came, behind the tag: a peer that holds the keys and breaks the rules. */
  tamper: ((bytes: Uint8Array) => Uint8Array) | null = null;
  #lastNumber = -1;
  readonly #accepted = new Set<number>();
  readonly #inbox: Datagram[] = [];
  #inboxBytes = 0;
  readonly #out: Uint8Array;
  #blocked = false;
  #wakeReason = "";
  /** What this end knows of the other's new address. */
  #moved: "no" | "heard" | "proved" = "no";
  #fromNewBytes = 0;
  #toNewBytes = 0;
  #bucketBytes = 0;
  #bucketAtUs = 0;

  constructor(
    readonly name: string,
    private readonly kind: "udp" | "stream",
    private readonly maxPacketBytes: number,
    private readonly quantumUs: number,
    private readonly driver: DriverSpec,
    private readonly clock: ClockSpec,
    private readonly random: Draws,
    private readonly model: DirectionModel,
    private readonly findings: Findings,
    private readonly outlet: Outlet,
    readonly trace: Trace,
    private readonly startUs: number,
    private readonly maxRateBytesPerSecond: number,
  ) {
    this.#out = new Uint8Array(HEADER_BYTES + maxPacketBytes);
  }

  /** What this end's clock shows at a true time. */
  localAt(trueUs: number): number {
    const { startUs, driftPpm } = this.clock;
    return startUs + Math.floor((trueUs - this.startUs) * (1 + driftPpm / 1e6));
  }

  /** The first true time at which this end's clock shows `localUs`. */
  trueAt(localUs: number): number {
    const { startUs, driftPpm } = this.clock;
    let trueUs = this.startUs + Math.ceil((localUs - startUs) / (1 + driftPpm / 1e6));
    while (this.localAt(trueUs) < localUs) trueUs++;
    return trueUs;
  }

  /** A datagram arrived at the socket. */
  receive(nowUs: number, datagram: Datagram): void {
    if (nowUs >= this.stalledUntilUs) {
      this.#take(nowUs, datagram);
      return;
    }
    const cost = datagram.bytes.length <= 256
      ? 768
      : datagram.bytes.length <= 1_500
      ? 2_304
      : datagram.bytes.length + 800;
    if (this.kind === "udp" && this.#inboxBytes + cost > SOCKET_BUFFER_BYTES) {
      this.totals.overflowed++;
      return;
    }
    this.#inboxBytes += cost;
    this.#inbox.push(datagram);
  }

  /** The event loop is free again. */
  resume(nowUs: number): void {
    for (const datagram of this.#inbox.splice(0)) this.#take(nowUs, datagram);
    this.#inboxBytes = 0;
  }

  #take(nowUs: number, { bytes, corrupt, copy }: Datagram): void {
    const localUs = this.localAt(nowUs);
    if (nowUs >= this.addressChangesAtUs && bytes[TO_NEW] === 0) return;
    const number32 = ((bytes[5] ?? 0) * 2 ** 24) + ((bytes[6] ?? 0) << 16) + ((bytes[7] ?? 0) << 8) +
      (bytes[8] ?? 0);
    const number = this.peer.expandNumber(number32);
    const canAccept = this.peer.canAccept(number);
    if (corrupt) {
      // The tag does not fit: read-only questions were asked and nothing else happens.
      this.totals.corrupt++;
      this.findings.look("I15", "connection");
      return;
    }
    const isRepeat = this.#accepted.has(number);
    this.findings.expect(
      "I15",
      "connection",
      nowUs,
      !(canAccept && isRepeat),
      () => `${this.name} would take packet ${number} twice (copy ${copy})`,
    );
    if (!canAccept) {
      this.totals.refused++;
      return;
    }
    this.#accepted.add(number);
    this.totals.received++;
    const inside = this.tamper === null ? bytes : this.tamper(bytes);
    const end = inside.length - (OVERHEAD_BYTES - HEADER_BYTES);
    this.trace.note(nowUs, `${this.name} ← `, number, inside, end);
    const path = this.#pathOf(localUs, bytes[FROM_NEW] === 1);
    if (path === MOVED_PATH) this.#fromNewBytes += bytes.length;
    const immediate = ((bytes[0] ?? 0) & 0x10) !== 0;
    this.guard(
      nowUs,
      "handlePacket",
      () => this.peer.handlePacket(localUs, path, number, inside, HEADER_BYTES, end, immediate),
    );
    this.drain(nowUs);
  }

  /** The path by which a datagram came: another address than before is a path of its own until it is proved. */
  #pathOf(localUs: number, isFromNew: boolean): number {
    if (this.kind === "stream") return STREAM_PATH;
    if (!isFromNew || this.#moved === "proved") return UDP_PATH;
    if (this.#moved === "no") {
      this.#moved = "heard";
      this.peer.onMoved = () => {
        this.#moved = "proved";
      };
      this.peer.addMovedPath?.(localUs, this.maxPacketBytes);
    }
    return MOVED_PATH;
  }

  /** A long run goes on: of what was accepted only the newest numbers matter. */
  forget(): void {
    for (const number of this.#accepted) if (this.#accepted.size > 4_096) this.#accepted.delete(number);
  }

  /** The driver's timer fired. */
  fire(nowUs: number): void {
    const { wakeups } = this.totals;
    wakeups.set(this.#wakeReason, (wakeups.get(this.#wakeReason) ?? 0) + 1);
    this.wakeAtUs = Infinity;
    this.guard(nowUs, "handleTimeout", () => this.peer.handleTimeout(this.localAt(nowUs)));
    this.drain(nowUs);
  }

  /** The outlet has room again. */
  onRoom(nowUs: number): void {
    if (this.#blocked && nowUs >= this.stalledUntilUs) this.drain(nowUs);
  }

  /** Polls until nothing comes, serves the timer if it is due, then arms it. After every input, before the next. */
  drain(nowUs: number): void {
    const localUs = this.localAt(nowUs);
    this.#pollAll(nowUs, localUs);
    let timeout = this.peer.pollTimeout();
    // A timer that is late by its quantum is overtaken by packets: acknowledgements first, then what is due.
    if (timeout !== null && timeout.atUs <= localUs && !this.#blocked) {
      this.guard(nowUs, "handleTimeout", () => this.peer.handleTimeout(localUs));
      this.#pollAll(nowUs, localUs);
      timeout = this.peer.pollTimeout();
    }
    if (timeout === null || timeout.atUs === Infinity) {
      this.wakeAtUs = Infinity;
      return;
    }
    // A full outlet leaves packets that are due: the next deadline may have passed.
    this.findings.expect(
      "I18",
      "connection",
      nowUs,
      timeout.atUs > localUs || this.#blocked,
      () => `${this.name}: after a drain at ${localUs} the deadline is ${timeout.atUs} (${timeout.reason})`,
    );
    const dueUs = this.trueAt(Math.max(timeout.atUs, localUs + 1));
    const lateUs = this.driver.lateUs === undefined ? 0 : this.random.below(this.driver.lateUs + 1);
    this.wakeAtUs = Math.ceil(dueUs / this.quantumUs) * this.quantumUs + lateUs;
    this.#wakeReason = timeout.reason;
  }

  #pollAll(nowUs: number, localUs: number): void {
    this.totals.drains++;
    let count = 0;
    this.#blocked = false;
    while (count <= MAX_DRAIN) {
      this.#blocked = !this.outlet.canTake();
      this.peer.streamReady = !this.#blocked;
      if (this.#blocked) break;
      let length = 0;
      this.guard(nowUs, "pollPacket", () => {
        length = this.peer.pollPacket(localUs, this.#out);
      });
      if (length === 0) break;
      count++;
      this.#leave(nowUs, length);
    }
    this.findings.expect(
      "I18",
      "connection",
      nowUs,
      count <= MAX_DRAIN,
      () => `${this.name}: a drain does not end`,
    );
  }

  #leave(nowUs: number, length: number): void {
    const number = this.peer.packetNumber;
    const out = this.#out;
    this.findings.expect(
      "I23",
      "connection",
      nowUs,
      number > this.#lastNumber,
      () => `${this.name}: packet ${number} after ${this.#lastNumber}`,
    );
    this.#lastNumber = number;
    const bytes = new Uint8Array(OVERHEAD_BYTES + length);
    bytes[0] = 0x40 | (this.peer.packetImmediate ? 0x10 : 0);
    if (nowUs >= this.addressChangesAtUs) bytes[FROM_NEW] = 1;
    if (this.#moved === "proved" || this.peer.packetPath === MOVED_PATH) bytes[TO_NEW] = 1;
    bytes[5] = Math.floor(number / 2 ** 24) & 255;
    bytes[6] = number >>> 16;
    bytes[7] = number >>> 8;
    bytes[8] = number;
    bytes.set(out.subarray(0, length), HEADER_BYTES);
    if (this.peer.packetPath === MOVED_PATH && this.#moved !== "proved") {
      this.#toNewBytes += bytes.length;
      this.findings.expect(
        "I16",
        "connection",
        nowUs,
        this.#toNewBytes <= 3 * this.#fromNewBytes,
        () => `${this.name}: ${this.#toNewBytes} B to a new address, ${this.#fromNewBytes} came from it`,
      );
    }
    const end = HEADER_BYTES + length;
    let frames: Frame[] = [];
    try {
      frames = framesOf(bytes, HEADER_BYTES, end);
      this.findings.look("I20", "connection");
    } catch (error) {
      if (!(error instanceof LayoutError)) throw error;
      this.findings.add("I20", "connection", nowUs, `${this.name}: packet ${number}: ${error.message}`);
    }
    let reliableBytes = 0;
    let pureAck = frames.length > 0;
    for (const frame of frames) {
      if (frame.type !== "ack" && frame.type !== "pad") pureAck = false;
      if (frame.type !== "data") continue;
      this.model.onData(nowUs, frame.data, bytes);
      if (this.model.lanes.get(frame.data.lane)?.reliable === true) reliableBytes += frame.data.length;
    }
    this.totals.packets++;
    this.totals.bytes += bytes.length;
    if (pureAck) this.totals.pureAcks++;
    else this.#checkRate(nowUs, bytes.length);
    this.trace.note(nowUs, `${this.name} → `, number, bytes, end);
    this.onPacket?.(nowUs, number, frames, bytes.length);
    const limit = this.kind === "udp" ? this.maxPacketBytes + OVERHEAD_BYTES : Infinity;
    this.findings.expect(
      "I9",
      "connection",
      nowUs,
      bytes.length <= limit,
      () => `${this.name}: packet ${number} of ${bytes.length} B, the path takes ${limit}`,
    );
    if (this.outlet.send(nowUs, bytes, bytes.length) === "lost") {
      this.totals.lostReliableBytes += reliableBytes;
    }
  }

  /** A bucket that leaks at the rate never holds more than a burst and what is exempt (I10). */
  #checkRate(nowUs: number, bytes: number): void {
    const rate = this.maxRateBytesPerSecond;
    this.#bucketBytes = Math.max(0, this.#bucketBytes - (nowUs - this.#bucketAtUs) * rate / 1e6) + bytes;
    this.#bucketAtUs = nowUs;
    // A timer that comes late owes what it held up, as far as the receiver's kernel holds it (research 4.8).
    const isLate = this.driver.lateUs !== undefined || this.stalledUntilUs > 0;
    // Any timer is late by up to a quantum.
    const owed = isLate ? LATE_BURST_BYTES : rate * 3 * this.quantumUs / 1e6;
    const burst = Math.max(BURST_PACKETS * bytes, owed) + EXEMPT_BYTES;
    this.findings.expect(
      "I10",
      "connection",
      nowUs,
      this.kind !== "udp" || this.#bucketBytes <= burst,
      () => `${this.name}: a burst of ${Math.round(this.#bucketBytes)} B at ${rate} B/s`,
    );
  }

  /** Inputs never throw (I20). */
  guard(nowUs: number, what: string, call: () => void): void {
    try {
      call();
    } catch (error) {
      const stack = error instanceof Error ? error.stack?.split("\n").slice(0, 4).join(" | ") : String(error);
      this.findings.add("I20", "connection", nowUs, `${this.name}: ${what} threw ${stack}`);
      throw new Broken(`${this.name}: ${what} threw`);
    }
  }
}

/** The connection threw: the run is over. */
export class Broken extends Error {}

/** The last packets of a run, for people who look for what went wrong. */
export class Trace {
  readonly #lines: { atUs: number; what: string; number: number; bytes: Uint8Array; end: number }[] = [];
  #hash = 0x811c9dc5;
  steps = 0;

  constructor(private readonly kept: number) {}

  note(atUs: number, what: string, number: number, bytes: Uint8Array, end: number): void {
    this.steps++;
    this.#lines[this.steps % this.kept] = { atUs, what, number, bytes, end };
    let hash = this.#hash ^ atUs ^ number;
    for (let i = HEADER_BYTES; i < end; i += 7) hash = Math.imul(hash ^ (bytes[i] ?? 0), 0x01000193);
    this.#hash = Math.imul(hash ^ end, 0x01000193);
  }

  /** The same inputs must give the same sum. */
  get hash(): number {
    return this.#hash >>> 0;
  }

  /** The packets kept, oldest first. */
  lines(describe: (bytes: Uint8Array, start: number, end: number) => string): string[] {
    const lines: string[] = [];
    for (let i = Math.max(1, this.steps - this.kept + 1); i <= this.steps; i++) {
      const line = this.#lines[i % this.kept];
      if (line === undefined) continue;
      const { atUs, what, number, bytes, end } = line;
      lines.push(`${atUs} ${what}${number} ${describe(bytes, HEADER_BYTES, end).slice(0, 300)}`);
    }
    return lines;
  }
}
