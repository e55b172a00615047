// Sources, a board and views without a network: lanes that keep what was sent, and may be blocked.

import { MeterBoard, type MeterIndex, MeterSource, MeterView } from "../../../../lib/state/meters/mod.ts";
import type { Outlet } from "../../../../lib/state/stream/mod.ts";
import { type PlainSection, readPacket } from "../../../support/meter_vectors.ts";

/** A lane that keeps copies of what was sent. */
export class KeptLane implements Outlet {
  isWritable = true;
  /** How many messages it takes until {@linkcode take}; then it refuses. */
  room = Infinity;
  #sent: Uint8Array[] = [];

  send(bytes: Uint8Array): boolean {
    if (this.#sent.length >= this.room) return false;
    this.#sent.push(bytes.slice());
    return true;
  }

  /** What was sent since the last call. */
  take(): Uint8Array[] {
    const sent = this.#sent;
    this.#sent = [];
    return sent;
  }
}

/** A source with meters of these names. */
export function sourceOf(lane: Outlet, names: readonly string[]): { source: MeterSource; at: MeterIndex[] } {
  const source = new MeterSource(lane);
  return { source, at: names.map((name) => source.register({ name, unit: null, min: 0, max: 1 })) };
}

/** `count` names below `prefix`. */
export function namesOf(count: number, prefix = "m"): string[] {
  return Array.from({ length: count }, (_, i) => `${prefix}/${i}`);
}

/** The sections of packets. */
export function sectionsOf(packets: readonly Uint8Array[]): PlainSection[] {
  return packets.flatMap((bytes) => {
    const read = readPacket(bytes);
    if (typeof read === "string") throw new Error(read);
    return read;
  });
}

/** A board with one source and its table, and a client that sees all of it. */
export class Stage {
  nowUs = 1_000_000;
  readonly sourceLane = new KeptLane();
  readonly clientLane = new KeptLane();
  readonly board = new MeterBoard();
  readonly view = new MeterView();
  readonly source: MeterSource;
  readonly at: MeterIndex[];
  readonly number: number;

  constructor(readonly name = "stage-left", names: readonly string[] = ["audio/left", "audio/right"]) {
    const { source, at } = sourceOf(this.sourceLane, names);
    this.source = source;
    this.at = at;
    this.number = this.board.addSource(this.nowUs, name);
    this.board.addClient(1, this.clientLane);
    this.board.subscribe(1, [""]);
  }

  /** Goes on for some time, with all that is due, and hands over what was sent. */
  run(us: number): void {
    const untilUs = this.nowUs + us;
    for (;;) {
      this.settle();
      const dues = [this.source, this.board, this.view].map((part) => part.pollTimeout()?.atUs ?? Infinity);
      const next = Math.min(...dues);
      if (next > untilUs) break;
      this.nowUs = Math.max(this.nowUs + 1, next);
    }
    this.nowUs = untilUs;
    this.settle();
  }

  /** What is due now. */
  settle(): void {
    const { nowUs, board, view, source } = this;
    source.handleTimeout(nowUs);
    for (const bytes of this.sourceLane.take()) board.handlePacket(nowUs, this.number, bytes);
    if (board.pollAsk(nowUs) !== 0) {
      for (const { meters } of source.tell(this.name).sources) board.handleTable(this.number, meters);
    }
    board.handleTimeout(nowUs);
    for (const bytes of this.clientLane.take()) view.handlePacket(nowUs, bytes);
    const wanted = view.pollAsk(nowUs);
    if (wanted.length > 0) view.handleTables(nowUs, board.tell(nowUs, wanted).sources);
    view.handleTimeout(nowUs);
  }

  /** The value of a meter as the client sees it. */
  seen(name: string): number {
    const slot = this.view.slotOf(`${this.name}/${name}`);
    return slot === -1 ? NaN : this.view.valueOf(slot);
  }
}
