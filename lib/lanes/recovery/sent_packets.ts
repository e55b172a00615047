// What was sent and is not acknowledged: a ring over packet numbers, and a log of what each packet carried.
// Decides what is in flight, what is kept of lost packets, and when there is no room for another; never what is lost.
// Hot path: nothing is allocated but when the ring or the log doubles. Whoever is settled is skipped by jumps that
// shorten as they are used, so that an acknowledgement costs its ranges and what it newly tells (lanes research 5.7).

import { assert } from "../../base/mod.ts";
import { MAX_REFS_A_PACKET, RefLog, type RefVisitor } from "./ref_log.ts";
import { SentPath } from "./sent_path.ts";

/** What is known of a packet when it is begun; bits. */
export const PacketFlag = {
  /** It asks for an acknowledgement soon. */
  prompt: 1,
  /** It asks for one some time. A packet that asks for none is not kept. */
  lazy: 2,
  /** It tries a size: its loss says nothing of the path's load. */
  mtuProbe: 4,
  /** There was nothing more to send: how fast it went says little. */
  appLimited: 8,
} as const;

/** Packets in flight. */
export const MAX_IN_FLIGHT_PACKETS = 8192;
/** Numbers that may be left out between two packets. */
export const MAX_SKIPPED_NUMBERS = 1024;
/** References that are kept for all packets. */
export const MAX_PACKET_REFS = 65_536;

const FIRST_CAPACITY = 64;
/** Lost packets may take as many places again as those in flight. */
const MAX_CAPACITY: number = 2 * MAX_IN_FLIGHT_PACKETS;
const MAX_SPAN: number = MAX_CAPACITY - MAX_SKIPPED_NUMBERS - 1;
const MAX_REFS_BEFORE: number = MAX_PACKET_REFS - MAX_REFS_A_PACKET;
/** Gaps that are remembered after their places are given away. */
const MAX_GAPS = 32;

/** Nothing is to be learned of the number any more: it was acknowledged, left out, forgotten, or asked for nothing. */
const SETTLED = 0;
const OUTSTANDING = 1;
/** Lost because it was late, and lost for another reason: only the former says something of the path's order. */
const LATE = 2;
const GIVEN_UP = 3;

/**
 * Told what became of packets. A packet comes first, then what it carried, oldest first. A packet is told once as
 * acknowledged, or once as lost and then at most once as spuriously so; its references then count as acknowledged.
 * Must not begin a packet.
 */
export interface SentVisitor extends RefVisitor {
  /** A packet was acknowledged, or is lost. */
  onPacket(
    number: number,
    bytes: number,
    sentAtUs: number,
    path: number,
    flags: number,
    acked: boolean,
  ): void;
  /** A packet that was told as lost is acknowledged after all. */
  onPacketSpurious(number: number, bytes: number, sentAtUs: number, path: number, flags: number): void;
}

/** Packets of one direction, over all paths. */
export class SentPackets {
  /** Bytes and packets in flight, over all paths. */
  inFlightBytes = 0;
  inFlightPackets = 0;
  /** The largest number acknowledged, −1 for none. */
  largestAcked = -1;
  /** The largest number that the peer is known to know that we received, −1 for none (`carriesAck`). */
  confirmedAck = -1;
  /** Packets that asked for an acknowledgement; those acknowledged, lost, and acknowledged after they were lost. */
  sent = 0;
  acked = 0;
  lost = 0;
  spurious = 0;
  /** Records of lost packets that were dropped before their time, for want of room. */
  forgottenEarly = 0;
  /** Numbers that were left out. */
  skippedNumbers = 0;
  /** Places looked at while acknowledgements were matched. */
  searchSteps = 0;
  /** When the oldest of the packets was sent that were late-acknowledged since this was Infinity: set by acknowledging. */
  spuriousSentAtUs = Infinity;
  spuriousPath = -1;

  #first = -1;
  /** Every number before this one is settled. */
  #base = 0;
  #end = 0;
  #mask = FIRST_CAPACITY - 1;
  #states = new Uint8Array(FIRST_CAPACITY);
  #flags = new Uint8Array(FIRST_CAPACITY);
  #sizes = new Uint32Array(FIRST_CAPACITY);
  #paths = new Uint32Array(FIRST_CAPACITY);
  #sentAtUs = new Float64Array(FIRST_CAPACITY);
  /** Of a lost packet: when it was declared so. Of a settled one: the next number that may not be. */
  #marks = new Float64Array(FIRST_CAPACITY);
  #ackCarried = new Float64Array(FIRST_CAPACITY);
  #refStarts = new Float64Array(FIRST_CAPACITY);
  #refCounts = new Uint32Array(FIRST_CAPACITY);
  readonly #refs = new RefLog();
  /** Paths that have or had packets: as many as have some at once, at most one for each in flight. */
  readonly #routes: SentPath[] = [];
  /** Numbers left out, as ranges, in a ring. */
  readonly #gapStarts = new Float64Array(MAX_GAPS).fill(-1);
  readonly #gapEnds = new Float64Array(MAX_GAPS).fill(-1);
  #gaps = 0;

  #isOpen = false;
  #openNumber = 0;
  #openAtUs = 0;
  #openPath = 0;
  #openFlags = 0;
  #openAck = -1;
  #openRefs = 0;

  /** The first number ever sent, −1 before it; and the least that the next packet may have. */
  get firstNumber(): number {
    return this.#first;
  }

  get nextNumber(): number {
    return this.#end;
  }

  /** Whether the next packet might find no room. */
  get isFull(): boolean {
    return this.inFlightPackets >= MAX_IN_FLIGHT_PACKETS || this.#end - this.#base >= MAX_SPAN ||
      this.#refs.size > MAX_REFS_BEFORE;
  }

  /** References in use, places in use (lost packets and numbers between included), and places there are. */
  get refCount(): number {
    return this.#refs.size;
  }

  get span(): number {
    return this.#end - this.#base;
  }

  get capacity(): number {
    return this.#mask + 1;
  }

  /**
   * Begins the record of a packet. Numbers between the last one and this one count as left out on purpose.
   *
   * @param number larger than all before, by no more than {@linkcode MAX_SKIPPED_NUMBERS}
   * @param path which way it goes; packets are judged by those of the same path alone
   * @param flags bits of {@linkcode PacketFlag}; may be completed by {@linkcode addFlags}
   * @throws HanaError internal: the number was used or is too far ahead, a packet is open, or there is no room
   */
  begin(number: number, nowUs: number, path: number, flags: number): void {
    assert(!this.#isOpen, "the packet before was committed or abandoned");
    if (this.#first >= 0) {
      assert(
        number >= this.#end && number - this.#end <= MAX_SKIPPED_NUMBERS,
        "packet numbers grow, by little",
      );
      assert(!this.isFull, "there is room for a packet");
    }
    this.#isOpen = true;
    this.#openNumber = number;
    this.#openAtUs = nowUs;
    this.#openPath = path;
    this.#openFlags = flags;
    this.#openAck = -1;
    this.#openRefs = this.#refs.end;
  }

  /** Notes whole message `firstNumber` of `lane`; those that follow each other become one run. */
  addRun(lane: number, firstNumber: number): void {
    this.#refs.addRun(this.#openRefs, lane, firstNumber);
  }

  /** Notes `length` bytes from `offset` on of a message. */
  addPiece(lane: number, number: number, offset: number, length: number): void {
    this.#refs.addPiece(this.#openRefs, lane, number, offset, length);
  }

  /** Notes a control frame: `kind` of 0 to 255, a number of up to 2^53, and a detail of 32 bits. */
  addControl(kind: number, value = 0, detail = 0): void {
    this.#refs.addControl(kind, value, detail);
  }

  /** The packet tells that we received everything we did, up to `largest`. */
  carriesAck(largest: number): void {
    this.#openAck = largest;
  }

  /** Adds flags that are known only once the packet is filled. */
  addFlags(flags: number): void {
    this.#openFlags |= flags;
  }

  /** The packet was sent and has `bytes`. One that asks for no acknowledgement uses up its number and no more. */
  commit(bytes: number): void {
    assert(this.#isOpen, "a packet was begun");
    this.#isOpen = false;
    const number = this.#openNumber;
    const flags = this.#openFlags;
    if (this.#first < 0) {
      this.#first = number;
      this.#base = number;
      this.#end = number;
    }
    this.#reserve(number + 1 - this.#base);
    if (number > this.#end) this.#skipTo(number);
    const slot = number & this.#mask;
    this.#end = number + 1;
    if ((flags & (PacketFlag.prompt | PacketFlag.lazy)) === 0) {
      this.#refs.truncate(this.#openRefs);
      this.#states[slot] = SETTLED;
      this.#marks[slot] = number + 1;
    } else {
      this.#states[slot] = OUTSTANDING;
      this.#flags[slot] = flags;
      this.#sizes[slot] = bytes;
      this.#paths[slot] = this.#openPath;
      this.#sentAtUs[slot] = this.#openAtUs;
      this.#ackCarried[slot] = this.#openAck;
      this.#refStarts[slot] = this.#openRefs;
      this.#refCounts[slot] = this.#refs.end - this.#openRefs;
      this.sent++;
      this.inFlightPackets++;
      this.inFlightBytes += bytes;
      const path = this.#pathFor(this.#openPath);
      if (path.outstanding === 0) path.cursor = number;
      path.outstanding++;
      path.bytes += bytes;
      if ((flags & PacketFlag.prompt) !== 0) {
        path.prompt++;
        path.lastPromptAtUs = this.#openAtUs;
      } else path.lastLazyAtUs = this.#openAtUs;
    }
    this.settle();
  }

  /** The packet was not sent: its number is free again. */
  abandon(): void {
    if (!this.#isOpen) return;
    this.#isOpen = false;
    this.#refs.truncate(this.#openRefs);
  }

  /** Bytes in flight by `path`. */
  inFlightBytesOf(path: number): number {
    return this.path(path)?.bytes ?? 0;
  }

  /** The figures of a path, null when nothing is kept of it. */
  path(id: number): SentPath | null {
    const routes = this.#routes;
    for (let i = 0; i < routes.length; i++) {
      const path = routes[i];
      if (path !== undefined && path.id === id) return path;
    }
    return null;
  }

  /** Paths by index, for going over all of them; some may have nothing outstanding. */
  get pathCount(): number {
    return this.#routes.length;
  }

  pathAt(i: number): SentPath | null {
    return this.#routes[i] ?? null;
  }

  /** Whether `number` was left out, as far as that is remembered: the last 32 gaps. */
  wasSkipped(start: number, end: number): boolean {
    const kept = this.#gaps < MAX_GAPS ? this.#gaps : MAX_GAPS;
    for (let i = 0; i < kept; i++) {
      const at = (this.#gaps - 1 - i) % MAX_GAPS;
      if ((this.#gapEnds[at] as number) < start) return false;
      if ((this.#gapStarts[at] as number) <= end) return true;
    }
    return false;
  }

  /** Whether the fate of `number` is open, or it counts as lost but is still known. */
  isKnown(number: number): boolean {
    return number >= this.#base && number < this.#end && this.#states[number & this.#mask] !== SETTLED;
  }

  /**
   * Shows what the oldest packet in flight by `path` carried, as if it were lost, though it is not: its messages may go
   * out once more beside a question that nobody answered yet. Nothing is told of the packet itself.
   */
  revisitOldest(path: number, visitor: RefVisitor): void {
    const route = this.path(path);
    const number = route === null ? -1 : this.oldest(route);
    if (number < 0) return;
    const slot = number & this.#mask;
    this.#refs.visit(this.#refStarts[slot] as number, this.#refCounts[slot] as number, false, visitor);
  }

  /** Whether `number` is in flight. */
  isOutstanding(number: number): boolean {
    return number >= this.#base && number < this.#end && this.#states[number & this.#mask] === OUTSTANDING;
  }

  /** When a known packet was sent, by which path, and its flags. */
  sentAtUs(number: number): number {
    return this.#sentAtUs[number & this.#mask] as number;
  }

  pathOf(number: number): number {
    return this.#paths[number & this.#mask] as number;
  }

  flagsOf(number: number): number {
    return this.#flags[number & this.#mask] as number;
  }

  /** The oldest packet in flight by `path`, −1 for none. */
  oldest(path: SentPath): number {
    if (path.outstanding === 0) return -1;
    let number = path.cursor > this.#base ? path.cursor : this.#base;
    number = this.#nextKnown(number);
    while (number < this.#end) {
      const slot = number & this.#mask;
      if (this.#states[slot] === OUTSTANDING && this.#paths[slot] === path.id) {
        path.cursor = number;
        return number;
      }
      number = this.#nextKnown(number + 1);
    }
    return -1;
  }

  /**
   * The peer has every packet from `start` to `end`. Returns how many of them are news. Call {@linkcode settle} after
   * the last range.
   */
  acknowledge(nowUs: number, start: number, end: number, visitor: SentVisitor): number {
    let news = 0;
    let number = this.#nextKnown(start > this.#base ? start : this.#base);
    while (number <= end && number < this.#end) {
      this.#acknowledgeOne(nowUs, number, visitor);
      news++;
      number = this.#nextKnown(number + 1);
    }
    return news;
  }

  #acknowledgeOne(nowUs: number, number: number, visitor: SentVisitor): void {
    const slot = number & this.#mask;
    const state = this.#states[slot] as number;
    const bytes = this.#sizes[slot] as number;
    const flags = this.#flags[slot] as number;
    const pathId = this.#paths[slot] as number;
    const sentAtUs = this.#sentAtUs[slot] as number;
    const carried = this.#ackCarried[slot] as number;
    this.#states[slot] = SETTLED;
    this.#marks[slot] = number + 1;
    const path = this.path(pathId);
    if (path !== null) {
      path.newsAtUs = nowUs;
      if (number > path.largestAcked) path.largestAcked = number;
    }
    if (number > this.largestAcked) this.largestAcked = number;
    if (carried > this.confirmedAck) this.confirmedAck = carried;
    if (state === OUTSTANDING) {
      this.#leave(path, bytes, flags);
      this.acked++;
      visitor.onPacket(number, bytes, sentAtUs, pathId, flags, true);
    } else {
      this.spurious++;
      if (state === LATE && sentAtUs < this.spuriousSentAtUs) {
        this.spuriousSentAtUs = sentAtUs;
        this.spuriousPath = pathId;
      }
      visitor.onPacketSpurious(number, bytes, sentAtUs, pathId, flags);
    }
    this.#refs.visit(this.#refStarts[slot] as number, this.#refCounts[slot] as number, true, visitor);
  }

  /** Declares an outstanding packet lost: because it is `late`, or for another reason. */
  lose(nowUs: number, number: number, late: boolean, visitor: SentVisitor): void {
    const slot = number & this.#mask;
    const bytes = this.#sizes[slot] as number;
    const flags = this.#flags[slot] as number;
    const pathId = this.#paths[slot] as number;
    this.#states[slot] = late ? LATE : GIVEN_UP;
    this.#marks[slot] = nowUs;
    this.#leave(this.path(pathId), bytes, flags);
    this.lost++;
    visitor.onPacket(number, bytes, this.#sentAtUs[slot] as number, pathId, flags, false);
    this.#refs.visit(this.#refStarts[slot] as number, this.#refCounts[slot] as number, false, visitor);
  }

  /** Forgets the oldest lost packets that were declared so before `beforeUs`. */
  forgetLost(beforeUs: number): void {
    let number = this.#nextKnown(this.#base);
    while (number < this.#end) {
      const slot = number & this.#mask;
      if (this.#states[slot] === OUTSTANDING || (this.#marks[slot] as number) >= beforeUs) break;
      this.#states[slot] = SETTLED;
      this.#marks[slot] = number + 1;
      number = this.#nextKnown(number + 1);
    }
    this.settle();
  }

  /** Gives free the places and references of everything before the oldest packet that is known. */
  settle(): void {
    let base = this.#nextKnown(this.#base);
    while (
      base < this.#end && this.#states[base & this.#mask] !== OUTSTANDING &&
      (this.#end - base >= MAX_SPAN || this.#refs.end - this.#refsBefore(base) > MAX_REFS_BEFORE)
    ) {
      this.forgottenEarly++;
      this.#states[base & this.#mask] = SETTLED;
      this.#marks[base & this.#mask] = base + 1;
      base = this.#nextKnown(base + 1);
    }
    this.#base = base;
    this.#refs.release(this.#refsBefore(base));
  }

  #refsBefore(base: number): number {
    return base < this.#end
      ? this.#refStarts[base & this.#mask] as number
      : this.#isOpen
      ? this.#openRefs
      : this.#refs.end;
  }

  #leave(path: SentPath | null, bytes: number, flags: number): void {
    this.inFlightPackets--;
    this.inFlightBytes -= bytes;
    if (path === null) return;
    path.outstanding--;
    path.bytes -= bytes;
    if ((flags & PacketFlag.prompt) !== 0) path.prompt--;
  }

  /** The first number from `from` on, not before the base, that is not settled; the end if there is none. */
  #nextKnown(from: number): number {
    let number = from;
    while (number < this.#end) {
      this.searchSteps++;
      const slot = number & this.#mask;
      if (this.#states[slot] !== SETTLED) return number;
      const next = this.#marks[slot] as number;
      if (next >= this.#end) return this.#end;
      const nextSlot = next & this.#mask;
      if (this.#states[nextSlot] !== SETTLED) return next;
      const far = this.#marks[nextSlot] as number;
      this.#marks[slot] = far;
      number = far;
    }
    return this.#end;
  }

  #pathFor(id: number): SentPath {
    let free: SentPath | null = null;
    const routes = this.#routes;
    for (let i = 0; i < routes.length; i++) {
      const path = routes[i];
      if (path === undefined) continue;
      if (path.id === id) return path;
      if (path.outstanding === 0) free = path;
    }
    if (free === null) {
      free = new SentPath();
      routes.push(free);
    }
    free.reset(id);
    return free;
  }

  #skipTo(number: number): void {
    const at = this.#gaps % MAX_GAPS;
    this.#gapStarts[at] = this.#end;
    this.#gapEnds[at] = number - 1;
    this.#gaps++;
    this.skippedNumbers += number - this.#end;
    for (let skipped = this.#end; skipped < number; skipped++) {
      this.#states[skipped & this.#mask] = SETTLED;
      this.#marks[skipped & this.#mask] = skipped + 1;
    }
  }

  #reserve(places: number): void {
    let capacity = this.#mask + 1;
    if (places <= capacity) return;
    while (capacity < places) capacity *= 2;
    const before = this.#mask;
    const mask = capacity - 1;
    const states = new Uint8Array(capacity);
    const flags = new Uint8Array(capacity);
    const sizes = new Uint32Array(capacity);
    const paths = new Uint32Array(capacity);
    const sentAtUs = new Float64Array(capacity);
    const marks = new Float64Array(capacity);
    const ackCarried = new Float64Array(capacity);
    const refStarts = new Float64Array(capacity);
    const refCounts = new Uint32Array(capacity);
    for (let number = this.#base; number < this.#end; number++) {
      const from = number & before;
      const to = number & mask;
      states[to] = this.#states[from] as number;
      flags[to] = this.#flags[from] as number;
      sizes[to] = this.#sizes[from] as number;
      paths[to] = this.#paths[from] as number;
      sentAtUs[to] = this.#sentAtUs[from] as number;
      marks[to] = this.#marks[from] as number;
      ackCarried[to] = this.#ackCarried[from] as number;
      refStarts[to] = this.#refStarts[from] as number;
      refCounts[to] = this.#refCounts[from] as number;
    }
    this.#states = states;
    this.#flags = flags;
    this.#sizes = sizes;
    this.#paths = paths;
    this.#sentAtUs = sentAtUs;
    this.#marks = marks;
    this.#ackCarried = ackCarried;
    this.#refStarts = refStarts;
    this.#refCounts = refCounts;
    this.#mask = mask;
  }
}
