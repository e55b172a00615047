// The lanes of one connection, both ways: which there are, who opened them, what each waits for.
// Decides numbers of program lanes, and that a lane is told (OPEN) before its first message until the peer knows it.
// Never schedules, never builds a packet.

import { assert, HanaError } from "../../base/mod.ts";
import { CloseCode } from "../close_code.ts";
import {
  FIRST_PROGRAM_LANE,
  isReliable,
  type Lane,
  LANE_KINDS,
  laneDefaults,
  type LaneId,
  LAST_PROGRAM_LANE,
  MAX_LANE_NAME_BYTES,
  MAX_RELIABLE_MESSAGE_BYTES,
  type ProgramLane,
} from "../lane.ts";
import { type EndpointBudget, ReassemblyBudget, ReceiveLane, receiveLaneOptions } from "../receiving/mod.ts";
import type { Scheduler } from "../schedule/mod.ts";
import { SendLane } from "../sending/mod.ts";
import type { LaneSink } from "../sink.ts";
import { type LaneStats, newLaneStats } from "../stats.ts";
import { CREDIT_UNIT_BYTES, expand32, type FrameReader, OPEN_KEYED, type PacketWriter } from "../wire/mod.ts";
import { MAX_OPENED_LANES } from "./options.ts";

const LANE_NUMBERS = 256;
const TEXT_ENCODER = new TextEncoder();

/** What the peer knows of a lane that we opened. */
const Told = { standard: 0, no: 1, yes: 2 } as const;

/** The lanes of one connection. */
export class LaneTable {
  /** Lanes on which we send, and on which the peer does, without gaps. */
  readonly senders: SendLane[] = [];
  readonly receivers: ReceiveLane[] = [];
  readonly #sender: (SendLane | undefined)[] = new Array(LANE_NUMBERS).fill(undefined);
  readonly #receiver: (ReceiveLane | undefined)[] = new Array(LANE_NUMBERS).fill(undefined);
  readonly #stats: (LaneStats | undefined)[] = new Array(LANE_NUMBERS).fill(undefined);
  readonly #lanes: (Lane | undefined)[] = new Array(LANE_NUMBERS).fill(undefined);
  readonly #names: (Uint8Array | undefined)[] = new Array(LANE_NUMBERS).fill(undefined);
  readonly #told = new Uint8Array(LANE_NUMBERS);
  readonly #reliable = new Uint8Array(LANE_NUMBERS);
  /** The newest credit of each lane of ours in full: what came is expanded against it. */
  readonly #creditMessages = new Float64Array(LANE_NUMBERS);
  readonly #creditUnits = new Float64Array(LANE_NUMBERS);
  readonly #budget: ReassemblyBudget;
  #opened = 0;
  #nextProgramLane = FIRST_PROGRAM_LANE;

  constructor(
    lanes: readonly Lane[],
    private readonly sink: LaneSink,
    private readonly scheduler: Scheduler,
    private readonly firstMessageNumber: number,
    endpoint?: EndpointBudget,
  ) {
    this.#budget = new ReassemblyBudget(endpoint);
    for (const lane of lanes) {
      this.#addSender(lane);
      this.#addReceiver(lane.id, LANE_KINDS.indexOf(lane.kind), lane.keyed, lane.maxMessageBytes);
    }
  }

  /** The lane on which we send under this number. */
  sender(id: number): SendLane | undefined {
    return this.#sender[id];
  }
  /** The lane on which the peer sends under this number. */
  receiver(id: number): ReceiveLane | undefined {
    return this.#receiver[id];
  }
  /** Whether the lane keeps every message of ours. */
  isReliable(id: number): boolean {
    return this.#reliable[id] === 1;
  }

  /** Opens a lane of the program's own. Throws `config` for what is no lane, `overloaded` when all numbers are taken. */
  open(options: ProgramLane): Lane {
    const { name, kind } = options;
    const bytes = TEXT_ENCODER.encode(name);
    if (bytes.length === 0 || bytes.length > MAX_LANE_NAME_BYTES) {
      const why = `a name has 1 to ${MAX_LANE_NAME_BYTES} bytes`;
      throw new HanaError("config", { what: `lane "${name}" was not opened`, why });
    }
    if (
      this.#nextProgramLane > LAST_PROGRAM_LANE ||
      this.#nextProgramLane - FIRST_PROGRAM_LANE >= MAX_OPENED_LANES
    ) {
      throw new HanaError("overloaded", {
        what: `lane ${name} was not opened`,
        why: `${MAX_OPENED_LANES} lanes are open on this connection already`,
      });
    }
    const id = this.#nextProgramLane as LaneId;
    const lane: Lane = { ...laneDefaults(kind), ...options, id, name, kind };
    checkLane(lane);
    this.#nextProgramLane++;
    this.#names[id] = bytes;
    this.#told[id] = Told.no;
    this.#addSender(lane);
    return lane;
  }

  /** Whether OPEN must stand before data of this lane. */
  mustTell(id: number): boolean {
    return this.#told[id] === Told.no;
  }

  /** Writes OPEN; false when it does not fit. */
  writeOpen(writer: PacketWriter, id: number): boolean {
    const lane = this.#lanes[id];
    const name = this.#names[id];
    assert(lane !== undefined && name !== undefined, "only a lane of the program's own is told");
    const flags = lane.keyed ? OPEN_KEYED : 0;
    return writer.open(id, LANE_KINDS.indexOf(lane.kind), lane.tier, flags, lane.maxMessageBytes, name);
  }

  /** The peer knows the lane. */
  onTold(id: number): void {
    if (this.#told[id] === Told.no) this.#told[id] = Told.yes;
  }

  /** OPEN came. Returns 0, or the code with which the connection must be closed. */
  handleOpen(reader: FrameReader): number {
    const { lane: id, kind, tier, isKeyed, maxMessageBytes, text } = reader;
    const known = this.#receiver[id];
    const kindName = LANE_KINDS[kind];
    if (kindName === undefined) return CloseCode.malformed;
    if (known !== undefined) {
      const { options } = known;
      const isSame = options.kind === kindName && options.keyed === isKeyed &&
        options.maxMessageBytes === maxMessageBytes;
      return isSame ? 0 : CloseCode.protocol;
    }
    if (maxMessageBytes > MAX_RELIABLE_MESSAGE_BYTES || this.#opened >= MAX_OPENED_LANES) {
      return CloseCode.limit;
    }
    this.#opened++;
    this.#addReceiver(id, kind, isKeyed, maxMessageBytes);
    this.sink.onOpened({
      id: id as LaneId,
      name: text,
      kind: kindName,
      tier,
      keyed: isKeyed,
      maxMessageBytes,
    });
    return 0;
  }

  /** CREDIT came: limits are expanded against those that hold. */
  handleCredit(reader: FrameReader): number {
    const id = reader.lane;
    const lane = this.#sender[id];
    if (lane === undefined || this.#reliable[id] !== 1) return CloseCode.protocol;
    const messages = expand32(reader.messageLimit, this.#creditMessages[id] ?? 0);
    const units = expand32(reader.byteLimit, this.#creditUnits[id] ?? 0);
    this.#creditMessages[id] = messages;
    this.#creditUnits[id] = units;
    lane.handleCredit(messages, units * CREDIT_UNIT_BYTES);
    return 0;
  }

  /** Counters of a lane number, ours and the peer's together. */
  stats(id: number): LaneStats {
    return this.#stats[id] ??= newLaneStats();
  }

  /** When a lane has something to do by itself; Infinity for never. */
  nextExpiryUs(): number {
    let atUs = Infinity;
    for (const lane of this.senders) if (lane.nextExpiryUs < atUs) atUs = lane.nextExpiryUs;
    for (const lane of this.receivers) if (lane.nextExpiryUs < atUs) atUs = lane.nextExpiryUs;
    return atUs;
  }

  /** Drops what is over its time. `roundTripUs`: unfinished messages wait for three of them. */
  handleTimeout(nowUs: number, roundTripUs: number): void {
    for (const lane of this.senders) if (lane.nextExpiryUs <= nowUs) lane.handleTimeout(nowUs);
    for (const lane of this.receivers) {
      lane.setRoundTrip(roundTripUs);
      if (lane.nextExpiryUs <= nowUs) lane.handleTimeout(nowUs);
    }
  }

  /** Whether everything that was accepted is acknowledged, or lost on lanes that do not care. */
  get isIdle(): boolean {
    return this.senders.every((lane) => lane.isIdle);
  }

  /** Whether anything waits to be sent. */
  get hasBacklog(): boolean {
    for (const lane of this.senders) if (lane.queuedMessages > 0) return true;
    return false;
  }

  /** How long a message of this lane would wait behind what goes before it, in microseconds. */
  queuedUs(id: number, bytesPerSecond: number): number {
    const own = this.#sender[id];
    let ahead = 0;
    if (own !== undefined) {
      for (const other of this.senders) if (other.tier <= own.tier) ahead += other.queuedBytes;
    }
    return ahead === 0 ? 0 : Math.ceil(ahead * 1_000_000 / bytesPerSecond);
  }

  /** Lets go of all memory. */
  close(): void {
    for (const lane of this.senders) lane.close();
    for (const lane of this.receivers) lane.close();
  }

  #addSender(lane: Lane): void {
    const sender = new SendLane(lane, this.sink, this.firstMessageNumber, this.stats(lane.id));
    this.#lanes[lane.id] = lane;
    this.#sender[lane.id] = sender;
    this.#reliable[lane.id] = isReliable(lane.kind) ? 1 : 0;
    this.senders.push(sender);
    this.scheduler.add(sender);
    if (!isReliable(lane.kind)) return;
    const { windowMessages, windowBytes } = receiveLaneOptions(
      lane.id,
      lane.kind,
      lane.keyed,
      lane.maxMessageBytes,
    );
    this.#creditMessages[lane.id] = this.firstMessageNumber + windowMessages;
    this.#creditUnits[lane.id] = windowBytes / CREDIT_UNIT_BYTES;
  }

  #addReceiver(id: LaneId | number, kind: number, keyed: boolean, maxMessageBytes: number): void {
    const kindName = LANE_KINDS[kind];
    assert(kindName !== undefined, "a lane has one of four kinds");
    const options = receiveLaneOptions(id as LaneId, kindName, keyed, maxMessageBytes);
    const receiver = new ReceiveLane(
      options,
      this.#budget,
      this.sink,
      this.stats(id),
      this.firstMessageNumber,
    );
    this.#receiver[id] = receiver;
    this.receivers.push(receiver);
  }
}

/** Throws `config` for values that a lane cannot have. */
function checkLane(lane: Lane): void {
  const wrong = !isBetween(lane.tier, 0, 7)
    ? "its tier is 0 to 7"
    : !isBetween(lane.weight, 1, 255)
    ? "its weight is 1 to 255"
    : !isBetween(lane.maxMessageBytes, 1, MAX_RELIABLE_MESSAGE_BYTES)
    ? `its messages have 1 to ${MAX_RELIABLE_MESSAGE_BYTES} bytes`
    : !isBetween(lane.maxQueuedMessages, 1, 2 ** 20) || !isBetween(lane.maxQueuedBytes, 1, 2 ** 28)
    ? "its queue is 1 to 1,048,576 messages and 1 byte to 256 MiB long"
    : lane.keyed && lane.kind !== "unreliable-sequenced"
    ? "only an unreliable-sequenced lane has keys"
    : null;
  if (wrong !== null) throw new HanaError("config", { what: `lane ${lane.name} was not opened`, why: wrong });
}

function isBetween(value: number, least: number, most: number): boolean {
  return Number.isInteger(value) && value >= least && value <= most;
}
