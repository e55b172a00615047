// What this client wrote: on its way, shown before the host has it, sent again after a break (research 2.7, L1 to L3).
// Decides numbers of messages, what is shown over the host's values and how long, and what goes out again. Values that
// have not gone out yet give way to newer ones: memory is bounded by paths, not by time.
// Never decides whose value wins: the host does.

import type { ClientSequence, PathId, StateValue } from "../model/mod.ts";
import { DEFAULT_PRIORITY } from "../model/mod.ts";
import { equalValues } from "../digest/mod.ts";
import { isRefusal } from "../schema/mod.ts";
import type { NackMessage, SetMessage, TransactionMessage, WireEntry, WriteAck } from "../messages/mod.ts";
import { CHUNK_BYTES, MAX_ENTRIES, MAX_SEQUENCE, splitEntries } from "../messages/mod.ts";
import * as bounds from "./bounds.ts";
import type { DropReason, EventQueue, ReplicaCounters } from "./events.ts";
import { isLikelyShadowed, isOneKind } from "./writes.ts";
import type {
  Sent,
  Transaction,
  TransactionRequest,
  Write,
  WriteAnswer,
  WriteOptions,
  WriteTarget,
} from "./writes.ts";

/** The writes of one client. */
export class OwnWrites {
  readonly #counters: ReplicaCounters;
  readonly #events: EventQueue;
  #target: WriteTarget | null = null;
  #client = 0;
  #maxPriority = 0;
  /** The newest write of each path, until it is over. */
  readonly #newest = new Map<PathId, Write>();
  readonly #unsent = new Map<PathId, Write>();
  readonly #inFlight: Sent[] = [];
  readonly #waiting: Transaction[] = [];
  readonly #settling = new Set<Write>();
  /** Claims to be refreshed, and when that last happened. */
  readonly #momentary = new Map<PathId, { write: Write; refreshedUs: number }>();
  #nextSequence = 1;
  /** Of the host, in this connection. */
  #acked = 0;
  /** The first of those in flight that has not gone out in this connection. */
  #cursor = 0;
  /** The entries of the values that were taken last. */
  #taken: readonly WireEntry[] = [];
  #burstUs = 0;
  /** What the last burst counts as: when it went, or when it would have gone without the slack. */
  #slotUs = -bounds.WRITE_PAUSE_US;
  #resendUs = Infinity;
  #resendPauseUs = bounds.RESEND_US;
  #resends = 0;
  #orderUs = -bounds.ORDER_PAUSE_US;
  #amberUs = Infinity;
  #settlesUs = Infinity;
  #refreshUs = Infinity;
  #handles = 0;
  #isSingle = false;

  constructor(counters: ReplicaCounters, events: EventQueue) {
    this.#counters = counters;
    this.#events = events;
  }

  /** Writes that the host has not acknowledged. */
  get pending(): number {
    let count = this.#unsent.size + this.#waiting.length;
    for (const { writes, transaction } of this.#inFlight) count += transaction === null ? writes.length : 1;
    return count;
  }

  /** Number of the last write that went out; 0 for none. */
  get lastSequence(): number {
    return this.#nextSequence - 1;
  }

  /** Whether the host alone has what it last acknowledged. */
  get isSingle(): boolean {
    return this.#isSingle;
  }

  overlayOf(id: PathId): StateValue | undefined {
    const write = this.#newest.get(id);
    return write?.shows === true ? write.value : undefined;
  }

  /** Whether an own write of the path waits for so long that its control is amber. */
  isAmber(id: PathId): boolean {
    return this.#newest.get(id)?.isAmber === true;
  }

  /** Whether an own write of the path, or its release, is not acknowledged yet. Allocates nothing. */
  isPending(id: PathId): boolean {
    return this.#newest.get(id)?.settlesUs === 0;
  }

  /** Writes a value. */
  set(nowUs: number, id: PathId, value: unknown, options: WriteOptions): WriteAnswer {
    const target = this.#target;
    if (target === null) return "not-joined";
    const priority = options.priority ?? Math.min(DEFAULT_PRIORITY, this.#maxPriority);
    if (!Number.isInteger(priority) || priority < 1 || priority > this.#maxPriority) return "priority";
    const checked = target.book.check(id, value);
    if (isRefusal(checked)) return checked;
    const answer = this.#put(nowUs, id, checked, priority, options);
    if (answer !== "taken" || options.momentary !== true) this.#momentary.delete(id);
    const write = this.#newest.get(id);
    if (answer === "taken" && options.momentary === true && write !== undefined) {
      this.#momentary.set(id, { write, refreshedUs: nowUs });
      this.#refreshUs = Math.min(this.#refreshUs, nowUs + bounds.REFRESH_US);
    }
    return answer;
  }

  /** Gives the claim up. */
  release(nowUs: number, id: PathId, generation: number | null): WriteAnswer {
    const target = this.#target;
    if (target === null) return "not-joined";
    const { book } = target;
    if (book.definitionOf(id) === null) {
      const refusal = book.check(id, null);
      return isRefusal(refusal) ? refusal : "not-joined";
    }
    this.#momentary.delete(id);
    return this.#put(nowUs, id, null, 0, generation === null ? {} : { generation });
  }

  /** Queues a transaction; its handle in events, or null when there is no room. */
  transaction(request: TransactionRequest): number | null {
    if (this.#waiting.length === bounds.MAX_TRANSACTIONS) return null;
    this.#waiting.push({ handle: ++this.#handles, request });
    return this.#handles;
  }

  /** The next message that may go out at `nowUs`; null for none. `isLast`: what waits for its pause goes now or never. */
  pollMessage(nowUs: number, term: number, isLast: boolean): SetMessage | TransactionMessage | null {
    const again = this.#inFlight[this.#cursor];
    if (again !== undefined) {
      this.#cursor++;
      this.#counters.writesResent++;
      this.#armResend(nowUs);
      return messageOf(again, term);
    }
    if (this.#inFlight.length >= bounds.MAX_IN_FLIGHT || this.#nextSequence > MAX_SEQUENCE) return null;
    let sent: Sent | null = null;
    // Values that were written before a transaction go out before it.
    if (this.#unsent.size > 0 && (isLast || nowUs >= this.#burstUs || this.#waiting.length > 0)) {
      sent = this.#takeUnsent(nowUs);
      if (this.#unsent.size === 0) {
        this.#slotUs = Math.max(nowUs, this.#slotUs + bounds.WRITE_PAUSE_US);
        this.#burstUs = this.#slotUs + bounds.WRITE_PAUSE_US - bounds.WRITE_SLACK_US;
      }
    } else if (this.#unsent.size === 0) {
      const transaction = this.#waiting.shift();
      if (transaction !== undefined) sent = this.#sentOf(nowUs, [], transaction);
    }
    if (sent === null) return null;
    this.#inFlight.push(sent);
    this.#cursor = this.#inFlight.length;
    this.#armResend(nowUs);
    return messageOf(sent, term, sent.transaction === null ? this.#taken : undefined);
  }

  /** When a message may go out, in microseconds; Infinity for never. */
  sendUs(): number {
    if (this.#cursor < this.#inFlight.length) return 0;
    if (this.#inFlight.length >= bounds.MAX_IN_FLIGHT) return Infinity;
    if (this.#waiting.length > 0) return 0;
    return this.#unsent.size > 0 ? this.#burstUs : Infinity;
  }

  /** When {@linkcode handleDeadline} has something to do, in microseconds. */
  deadlineUs(isJoined: boolean): number {
    const always = Math.min(this.#amberUs, this.#settlesUs);
    return isJoined ? Math.min(always, this.#resendUs, this.#refreshUs) : always;
  }

  handleDeadline(nowUs: number, isJoined: boolean): void {
    if (nowUs >= this.#amberUs) this.#lookForAmber(nowUs);
    if (nowUs >= this.#settlesUs) this.#settle(nowUs, () => false);
    if (!isJoined) return;
    if (nowUs >= this.#resendUs) {
      this.#resendPauseUs = Math.min(this.#resendPauseUs * 2, bounds.MAX_RESEND_US);
      this.#resendUs = Infinity;
      this.#resends++;
      this.#cursor = 0;
    }
    if (nowUs >= this.#refreshUs) this.#refresh(nowUs);
  }

  /** Whether the host goes on ignoring what it gets: only a new connection may help. */
  get isStuck(): boolean {
    return this.#resends >= bounds.MAX_RESENDS;
  }

  /** Of what the host has acknowledged, in this connection. */
  get acknowledged(): number {
    return this.#acked;
  }

  /** The host has everything up to an acknowledgement. */
  handleAck(nowUs: number, ack: WriteAck): void {
    if (ack.sequence >= this.#nextSequence) return this.#countFrom(ack.sequence);
    this.#isSingle = ack.single;
    if (ack.sequence > this.#acked) this.#acked = ack.sequence;
    let taken = 0;
    for (const sent of this.#inFlight) {
      if (sent.sequence > ack.sequence) break;
      taken++;
      const { transaction } = sent;
      if (transaction !== null && !sent.isRefused) {
        const { handle } = transaction;
        this.#events.push({ kind: "transaction", handle, outcome: "done", code: null, text: "" });
      }
      for (const write of sent.writes) this.#acknowledge(nowUs, write);
    }
    if (taken === 0) return;
    this.#inFlight.splice(0, taken);
    this.#cursor = Math.max(0, this.#cursor - taken);
    this.#resendPauseUs = bounds.RESEND_US;
    this.#resends = 0;
    this.#resendUs = Infinity;
    if (this.#inFlight.length > 0) this.#armResend(nowUs);
  }

  /** Everything that the host has of a subsystem is here: what it acknowledged before has had its effect. */
  noteCaughtUp(nowUs: number, subsystem: number): void {
    if (this.#settling.size === 0) return;
    this.#settle(nowUs, (write) => this.#target?.book.subsystemOf(write.id) !== subsystem);
  }

  /** The host's entry of a path was told anew: a higher priority ends an own value. */
  handleEntry(nowUs: number, id: PathId): void {
    const [write, target] = [this.#newest.get(id), this.#target];
    if (write === undefined || target === null || !write.shows) return;
    const { slots } = target;
    const holder = slots.holderOf(id);
    if (slots.isGone(id)) return this.#drop(nowUs, write, "path-changed", "the path is there no more");
    if (holder === 0 || holder === this.#client || slots.priorityOf(id) <= write.priority) return;
    this.#drop(nowUs, write, "takeover", "somebody with a higher priority writes here");
  }

  /** The host's answer to one write that is no plain yes. */
  handleNack(nowUs: number, nack: NackMessage): void {
    const { sequence, code, id, text } = nack;
    if (code === "merged") return;
    if (code === "order") {
      if (nowUs - this.#orderUs < bounds.ORDER_PAUSE_US) return;
      this.#orderUs = nowUs;
      this.#cursor = 0;
      return;
    }
    if (code !== "shadowed") this.#counters.writesRefused++;
    const sent = this.#inFlight.find((message) => message.sequence === sequence);
    if (sent?.transaction !== undefined && sent.transaction !== null) {
      if (sent.isRefused) return;
      sent.isRefused = true;
      const { handle } = sent.transaction;
      this.#events.push({ kind: "transaction", handle, outcome: "refused", code, text });
      return;
    }
    for (const write of id === null ? sent?.writes ?? [] : [this.#newest.get(id)]) {
      if (write === undefined || write.sequence !== sequence) continue;
      if (code !== "shadowed") this.#momentary.delete(write.id);
      this.#drop(nowUs, write, code, text, nack);
    }
  }

  /** The host let this client in, as the one that it was or as a new one. */
  handleWelcome(
    nowUs: number,
    { resumed, ack, client, maxPriority }: {
      readonly resumed: boolean;
      readonly ack: WriteAck;
      readonly client: number;
      readonly maxPriority: number;
    },
  ): void {
    this.#client = client;
    this.#maxPriority = maxPriority;
    if (resumed) this.handleAck(nowUs, ack);
    else this.#beginAsNew(nowUs);
    // A host that lost what it had acknowledged goes on before it; its numbers count.
    this.#countFrom(ack.sequence);
    this.#resendUs = Infinity;
    this.#resendPauseUs = bounds.RESEND_US;
    this.#resends = 0;
  }

  /** From now on writes go to another world, in which paths have other numbers. */
  handleWorld(nowUs: number, target: WriteTarget): void {
    const isSame = target === this.#target;
    this.#target = target;
    if (isSame) return;
    const writes = new Set([...this.#newest.values(), ...this.#settling]);
    for (const { writes: sent } of this.#inFlight) for (const write of sent) writes.add(write);
    for (const { write } of this.#momentary.values()) writes.add(write);
    const newest = [...this.#newest.values()];
    const [unsent, momentary] = [[...this.#unsent.values()], [...this.#momentary.values()]];
    this.#newest.clear();
    this.#unsent.clear();
    this.#momentary.clear();
    this.#settling.clear();
    this.#settlesUs = Infinity;
    const lost = new Set<Write>();
    for (const write of writes) {
      const id = target.book.idOf(write.path);
      const value = write.isRelease ? null : target.book.check(id, write.value);
      const type = target.book.definitionOf(id)?.type;
      if (type === undefined || isRefusal(value)) lost.add(write);
      else {
        write.id = id;
        write.type = type;
        write.value = value;
      }
    }
    for (const write of newest) {
      // What the old host had acknowledged, the new one's snapshot has or has not.
      if (write.settlesUs > 0) continue;
      if (lost.has(write)) this.#tellDropped(write, "path-changed", "the path is not there any more");
      else this.#newest.set(write.id, write);
    }
    for (const write of unsent) if (!lost.has(write)) this.#unsent.set(write.id, write);
    for (const held of momentary) if (!lost.has(held.write)) this.#momentary.set(held.write.id, held);
    for (let i = this.#inFlight.length - 1; i >= 0; i--) {
      const sent = this.#inFlight[i];
      if (sent === undefined) continue;
      sent.writes = sent.writes.filter((write) => !lost.has(write));
      if (sent.transaction === null ? sent.writes.length > 0 : !namesNumbers(sent.transaction)) continue;
      this.#inFlight.splice(i, 1);
      if (sent.transaction !== null && !sent.isRefused) this.#refuseOld(sent.transaction);
    }
    for (let i = this.#waiting.length - 1; i >= 0; i--) {
      const transaction = this.#waiting[i];
      if (transaction === undefined || !namesNumbers(transaction)) continue;
      this.#waiting.splice(i, 1);
      this.#refuseOld(transaction);
    }
    this.#number();
    this.#cursor = 0;
    for (const { id } of this.#newest.values()) target.noteOverlay(nowUs, id);
  }

  #put(
    nowUs: number,
    id: PathId,
    value: StateValue,
    priority: number,
    { take = false, momentary = false, generation }: WriteOptions,
  ): WriteAnswer {
    const [target, former] = [this.#target, this.#newest.get(id)];
    const definition = target?.book.definitionOf(id) ?? null;
    if (target === null || definition === null) return "not-joined";
    if (former === undefined && this.#newest.size >= bounds.MAX_WRITES) return "full";
    this.#counters.writes++;
    const unsent = this.#unsent.get(id);
    if (unsent !== undefined) this.#counters.writesMerged++;
    if (
      unsent !== undefined && unsent === former && priority > 0 && unsent.priority === priority &&
      unsent.take === take && unsent.momentary === momentary && unsent.generation === (generation ?? null)
    ) {
      // A fader that moves between two bursts: nothing is made anew.
      unsent.value = value;
      unsent.shows = !isLikelyShadowed(target, unsent, this.#client);
      target.noteOverlay(nowUs, id);
      return "taken";
    }
    const isWaiting = former !== undefined && former.settlesUs === 0;
    const write: Write = {
      id,
      path: definition.path,
      type: definition.type,
      value,
      isRelease: priority === 0,
      priority,
      take,
      momentary,
      generation: generation ?? null,
      sequence: 0,
      sinceUs: isWaiting ? former.sinceUs : nowUs,
      shows: priority > 0,
      isAmber: isWaiting && former.isAmber,
      settlesUs: 0,
    };
    if (write.shows && isLikelyShadowed(target, write, this.#client)) write.shows = false;
    if (former !== undefined) this.#settling.delete(former);
    this.#unsent.set(id, write);
    this.#newest.set(id, write);
    this.#amberUs = Math.min(this.#amberUs, write.sinceUs + bounds.AMBER_US);
    target.noteOverlay(nowUs, id);
    return "taken";
  }

  #takeUnsent(nowUs: number): Sent | null {
    const writes: Write[] = [];
    let first: Write | null = null;
    for (const write of this.#unsent.values()) {
      first ??= write;
      if (!isOneKind(first, write)) continue;
      writes.push(write);
      if (writes.length === MAX_ENTRIES) break;
    }
    const [fitting = []] = splitEntries(entriesOf(writes), CHUNK_BYTES);
    this.#taken = fitting;
    const taken = fitting.length === writes.length ? writes : writes.slice(0, fitting.length);
    if (taken.length === this.#unsent.size) this.#unsent.clear();
    else for (const { id } of taken) this.#unsent.delete(id);
    return taken.length === 0 ? null : this.#sentOf(nowUs, taken, null);
  }

  #sentOf(nowUs: number, writes: readonly Write[], transaction: Transaction | null): Sent {
    const sequence = this.#nextSequence++;
    for (const write of writes) write.sequence = sequence;
    return { sequence, sinceUs: nowUs, writes, transaction, isRefused: false };
  }

  #armResend(nowUs: number): void {
    if (this.#resendUs === Infinity) this.#resendUs = nowUs + this.#resendPauseUs;
  }

  /**
   * Goes on with the number after `sequence`. A host that has more than was written counts otherwise, and takes what is in
   * flight for something that it has: under new numbers it is new, and still happens once.
   */
  #countFrom(sequence: number): void {
    if (this.#inFlight.length > 0 && sequence >= this.#nextSequence) this.#counters.writesRenumbered++;
    this.#acked = sequence;
    this.#number();
    this.#cursor = 0;
  }

  /** Gives those in flight the numbers after the host's acknowledgement. */
  #number(): void {
    this.#nextSequence = this.#acked + 1;
    for (const sent of this.#inFlight) {
      sent.sequence = this.#nextSequence++;
      for (const write of sent.writes) write.sequence = sent.sequence;
    }
  }

  #acknowledge(nowUs: number, write: Write): void {
    const newest = this.#newest.get(write.id);
    if (newest === undefined) return;
    this.#endAmber(newest);
    if (newest !== write) {
      newest.sinceUs = nowUs;
      this.#amberUs = Math.min(this.#amberUs, nowUs + bounds.AMBER_US);
      return;
    }
    const target = this.#target;
    if (target === null || !write.shows) return this.#end(nowUs, write);
    if (equalValues(write.type, target.slots.valueOf(write.id), write.value)) return this.#end(nowUs, write);
    // Its effect comes with the next patch; to show the old value until then would flicker.
    write.settlesUs = nowUs + bounds.SETTLE_US;
    this.#settling.add(write);
    this.#settlesUs = Math.min(this.#settlesUs, write.settlesUs);
  }

  /** Ends the wait of those that `mustWait` does not hold, and of those whose time is over. */
  #settle(nowUs: number, mustWait: (write: Write) => boolean): void {
    const isTimeout = nowUs >= this.#settlesUs;
    this.#settlesUs = Infinity;
    for (const write of this.#settling) {
      const isOver = isTimeout ? nowUs >= write.settlesUs : !mustWait(write);
      if (isOver) this.#end(nowUs, write);
      else this.#settlesUs = Math.min(this.#settlesUs, write.settlesUs);
    }
  }

  #end(nowUs: number, write: Write): void {
    this.#settling.delete(write);
    if (this.#newest.get(write.id) !== write) return;
    this.#endAmber(write);
    this.#newest.delete(write.id);
    this.#target?.noteOverlay(nowUs, write.id);
  }

  #drop(nowUs: number, write: Write, reason: DropReason, text: string, nack?: NackMessage): void {
    // What has not gone out still goes: the claim is stored under the other one. It is not shown alone.
    if (write.sequence === 0 && reason === "takeover") {
      write.shows = false;
      this.#target?.noteOverlay(nowUs, write.id);
    } else this.#end(nowUs, write);
    this.#tellDropped(write, reason, text, nack);
  }

  #tellDropped(write: Write, reason: DropReason, text: string, nack?: NackMessage): void {
    const winner = nack?.current?.winner ?? null;
    const { path, id } = write;
    const holder = winner?.holder ?? this.#target?.slots.holderOf(id) ?? 0;
    const priority = winner?.priority ?? this.#target?.slots.priorityOf(id) ?? 0;
    this.#events.push({ kind: "dropped", path, reason, holder, priority, text });
  }

  #beginAsNew(nowUs: number): void {
    for (const { transaction, writes, isRefused } of this.#inFlight) {
      if (transaction !== null && !isRefused) {
        const { handle } = transaction;
        const text = "the host does not know this client any more";
        this.#events.push({ kind: "transaction", handle, outcome: "unknown", code: null, text });
      }
      for (const write of writes) {
        if (this.#newest.get(write.id) === write) this.#unsent.set(write.id, write);
      }
    }
    this.#inFlight.length = 0;
    for (const write of [...this.#unsent.values()]) {
      write.sequence = 0;
      if (nowUs - write.sinceUs < bounds.STALE_US) continue;
      this.#unsent.delete(write.id);
      this.#drop(nowUs, write, "stale", "written too long ago to jump onto the wall now");
    }
  }

  #refuseOld({ handle }: Transaction): void {
    const text = "another host: its numbers and versions are others";
    this.#events.push({ kind: "transaction", handle, outcome: "refused", code: "epoch", text });
  }

  #lookForAmber(nowUs: number): void {
    this.#amberUs = Infinity;
    for (const write of this.#newest.values()) {
      if (write.isAmber || write.settlesUs > 0) continue;
      const atUs = write.sinceUs + bounds.AMBER_US;
      if (nowUs < atUs) this.#amberUs = Math.min(this.#amberUs, atUs);
      else {
        write.isAmber = true;
        this.#events.push({ kind: "amber", path: write.path, isWaiting: true });
      }
    }
  }

  #endAmber(write: Write): void {
    if (!write.isAmber) return;
    write.isAmber = false;
    this.#events.push({ kind: "amber", path: write.path, isWaiting: false });
  }

  #refresh(nowUs: number): void {
    this.#refreshUs = Infinity;
    for (const held of this.#momentary.values()) {
      if (nowUs >= held.refreshedUs + bounds.REFRESH_US) {
        held.refreshedUs = nowUs;
        const { id, value, priority, take, generation } = held.write;
        // One that still waits to go out is refreshment enough.
        if (!this.#unsent.has(id)) {
          this.#put(nowUs, id, value, priority, {
            take,
            momentary: true,
            ...(generation === null ? {} : { generation }),
          });
        }
      }
      this.#refreshUs = Math.min(this.#refreshUs, held.refreshedUs + bounds.REFRESH_US);
    }
  }
}

function entriesOf(writes: readonly Write[]): WireEntry[] {
  return writes.map(({ id, type, value, isRelease }) =>
    isRelease ? { id, type: "gone", value: null, winner: null } : { id, type, value, winner: null }
  );
}

/** @param entries those of the writes, where they are made already */
function messageOf(
  { sequence, writes, transaction }: Sent,
  term: number,
  entries?: readonly WireEntry[],
): SetMessage | TransactionMessage {
  if (transaction !== null) {
    const { generation = null, guards = [], definitions = [], entries = [] } = transaction.request;
    return {
      kind: "tx",
      term,
      sequence: sequence as ClientSequence,
      generation,
      guards,
      definitions,
      entries,
    };
  }
  const [first] = writes;
  return {
    kind: "set",
    term,
    sequence: sequence as ClientSequence,
    priority: first?.priority ?? 0,
    take: first?.take ?? false,
    momentary: first?.momentary ?? false,
    generation: first?.generation ?? null,
    entries: entries ?? entriesOf(writes),
  };
}

/** Whether a transaction names paths or versions by numbers, which mean nothing to another host. */
function namesNumbers({ request: { guards = [], entries = [] } }: Transaction): boolean {
  return guards.length > 0 || entries.length > 0;
}
