// One end of the soak: sends on every standard lane and an assets lane of its own, checks what comes by number and byte.
// Decides what may be missing (nothing of reliable lanes, anything of the others) and what may never be seen twice.
// Its own books are bounded: what grows here would be taken for a leak of the lanes.

import { type Lane, LANES } from "../../lib/lanes/mod.ts";
import type { LaneCarrier } from "../../lib/transport/mod.ts";
import { LaneGround, type LaneHandlers, onDatagrams, tell } from "./lane_ground.ts";

/** What an end is started with. */
export interface SoakTask {
  readonly key: string;
  readonly host: string;
  /** Null for the end that listens. */
  readonly port: number | null;
}

/** What an end says of its memory and of what went by, every ten seconds. */
export interface SoakSample {
  readonly type: "sample";
  readonly seconds: number;
  /** As it is before a collection. */
  readonly rssBytes: number;
  /** After one, and only pages that belong to nobody else: the rest is the runtime's own code, which comes and goes. */
  readonly ownBytes: number;
  /** What V8 holds for its heap, used or not. */
  readonly heapTotalBytes: number;
  /** Live objects after a collection, and what they hold outside of V8's heap. */
  readonly heapBytes: number;
  readonly externalBytes: number;
  readonly path: string;
  readonly pathChanges: number;
  readonly packetsLost: number;
  readonly received: Readonly<Record<string, number>>;
  readonly ageP50Ms: number;
  readonly ageP99Ms: number;
  readonly requestsOpen: number;
  readonly assets: number;
}

/** Its last word. */
export interface SoakEnd {
  readonly type: "end";
  readonly sent: Readonly<Record<string, number>>;
  readonly received: Readonly<Record<string, number>>;
  readonly requests: number;
  readonly answers: number;
  readonly assets: number;
  readonly problems: number;
  readonly first: readonly string[];
  readonly closed: string | null;
}

const TICK_MS = 2;
const SAMPLE_MS = 10_000;
const DRAIN_MS = 15_000;
/** Stalls beyond this are not made up for: a producer that was stopped goes on with what is new. */
const MAX_BEHIND_S = 0.5;
const KEYS = 8;
const HEADER_BYTES = 16;
const ASSET_BYTES = 4_000_000;
const ASSET_PIECE_BYTES = 62_500;
const ASSET_PAUSE_S = 1;
const WINDOW = 65_536;
const AGES = 10_000;
const LAST_RESORT = { type: "major", execution: "sync", flavor: "last-resort" } as const;
const KEPT_PROBLEMS = 10;
const NOISE_BYTES = 1 << 20;
const STARTS = 65_521;
/** Words of the control lane. */
const Word = { none: 0, request: 1, answer: 2, assetDone: 3 } as const;

/** What all messages are cut from, the same at both ends. */
const NOISE: Uint8Array = (() => {
  const bytes = new Uint8Array(NOISE_BYTES);
  let state = 0x2545_f491;
  for (let i = 0; i < bytes.length; i++) {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    bytes[i] = state;
  }
  return bytes;
})();

function nowMs(): number {
  return performance.timeOrigin + performance.now();
}

/** Numbers of a lane whose messages may come in any order: none twice, and which are missing. */
class Seen {
  /** All below came, or can no longer be told. */
  #next = 0;
  readonly #bits = new Uint8Array(WINDOW);
  /** Numbers that left the window without having come. */
  missed = 0;

  /** False when it came before. */
  add(number: number): boolean {
    if (number < this.#next) return false;
    while (number >= this.#next + WINDOW) this.#pass();
    const at = number % WINDOW;
    if (this.#bits[at] === 1) return false;
    this.#bits[at] = 1;
    return true;
  }

  /** How many below `end` never came. */
  missing(end: number): number {
    while (this.#next < end) this.#pass();
    return this.missed;
  }

  #pass(): void {
    const at = this.#next++ % WINDOW;
    if (this.#bits[at] === 0) this.missed++;
    this.#bits[at] = 0;
  }
}

/** Messages at a fixed rate. */
interface Source {
  readonly name: string;
  readonly lane: () => Lane;
  readonly perSecond: number;
  readonly bytes: (number: number) => number;
  readonly key?: (number: number) => number;
  /** What was refused is sent again later. */
  readonly isPatient: boolean;
}

/** One end. */
export class SoakPeer {
  readonly handlers: LaneHandlers = {
    onPayload: (lane, payload) => this.#onPayload(lane, payload),
    onWritable: () => {},
    onClose: (error) => {
      this.#closed = error === null ? "in order" : error.message;
    },
  };
  readonly #sent: Record<string, number> = {};
  readonly #received: Record<string, number> = {};
  readonly #lastOfLane: Record<string, number> = {};
  readonly #lastOfKey = new Array<number>(KEYS).fill(-1);
  readonly #events = new Seen();
  readonly #telemetry = new Seen();
  readonly #open = new Map<number, number>();
  readonly #ages = new Float64Array(AGES);
  #ageCount = 0;
  #problems = 0;
  readonly #first: string[] = [];
  #requests = 0;
  #answers = 0;
  #assets = 0;
  #closed: string | null = null;
  readonly #buffer = new Uint8Array(ASSET_PIECE_BYTES);
  readonly #view = new DataView(this.#buffer.buffer);
  readonly #assetLane: Lane;
  /** Pieces of the asset that are still to be sent; −1 while its end is awaited. */
  #assetPieces = 0;
  #nextAssetAtS = 1;
  #startedMs = 0;
  #isSending = false;
  readonly #sources: readonly Source[] = [
    {
      name: "modulation",
      lane: () => LANES.modulation,
      perSecond: 1_000,
      bytes: (n) => 24 + n % 40,
      key: (n) => n % KEYS,
      isPatient: false,
    },
    {
      name: "state",
      lane: () => LANES.state,
      perSecond: 60,
      bytes: (n) => 2_000 + (n * 7_919) % 18_000,
      isPatient: true,
    },
    { name: "events", lane: () => LANES.events, perSecond: 200, bytes: (n) => 20 + n % 60, isPatient: true },
    {
      name: "telemetry",
      lane: () => LANES.telemetry,
      perSecond: 20,
      bytes: (n) => 200 + (n * 97) % 4_000,
      isPatient: false,
    },
  ];
  readonly #due: number[] = this.#sources.map(() => 0);
  #dueRequests = 0;

  constructor(private readonly carrier: LaneCarrier) {
    this.#assetLane = carrier.openLane({ name: "soak.assets", kind: "reliable-ordered", tier: 3 });
  }

  /** Sends until {@linkcode drain}. */
  start(): void {
    this.#startedMs = performance.now();
    this.#isSending = true;
    const tick = setInterval(() => {
      if (this.#isSending && this.#closed === null) this.#send();
      else clearInterval(tick);
    }, TICK_MS);
  }

  /** Sends nothing new; resolves when what was sent arrived, or had time enough. */
  async drain(): Promise<void> {
    this.#isSending = false;
    const endMs = performance.now() + DRAIN_MS;
    const lanes = [LANES.control, LANES.state, LANES.events, this.#assetLane];
    const isDone = () =>
      lanes.every((lane) => this.carrier.isWritable(lane)) && this.#open.size === 0 &&
      this.carrier.connectionStats()?.inFlightBytes === 0;
    while (performance.now() < endMs && !isDone()) await pause(50);
    await pause(1_000);
  }

  sample(): SoakSample {
    const { rss: rssBytes } = Deno.memoryUsage();
    // V8 keeps room for garbage as it likes; when it must give it back, what is left is ours.
    (globalThis as unknown as { gc?: (options: unknown) => void }).gc?.(LAST_RESORT);
    const { rss, heapUsed, heapTotal, external } = Deno.memoryUsage();
    const stats = this.carrier.connectionStats();
    const ages = this.#ages.slice(0, Math.min(this.#ageCount, AGES)).sort();
    this.#ageCount = 0;
    return {
      type: "sample",
      seconds: Math.round((performance.now() - this.#startedMs) / 1000),
      rssBytes,
      ownBytes: ownBytes() ?? rss,
      heapTotalBytes: heapTotal,
      heapBytes: heapUsed,
      externalBytes: external,
      path: this.carrier.path.kind,
      pathChanges: stats?.pathChanges ?? 0,
      packetsLost: stats?.packetsLost ?? 0,
      received: { ...this.#received },
      ageP50Ms: ages[Math.floor(ages.length * 0.5)] ?? NaN,
      ageP99Ms: ages[Math.floor(ages.length * 0.99)] ?? NaN,
      requestsOpen: this.#open.size,
      assets: this.#assets,
    };
  }

  /** @param sentToUs what the other end has sent, by lane */
  end(): SoakEnd {
    return {
      type: "end",
      sent: { ...this.#sent },
      received: { ...this.#received },
      requests: this.#requests,
      answers: this.#answers,
      assets: this.#assets,
      problems: this.#problems,
      first: this.#first,
      closed: this.#closed,
    };
  }

  // ── sending ──────────────────────────────────────────────────────────────────────────────────────────────────

  #send(): void {
    const atS = (performance.now() - this.#startedMs) / 1000;
    for (let i = 0; i < this.#sources.length; i++) {
      const source = this.#sources[i];
      if (source === undefined) continue;
      let due = this.#due[i] ?? 0;
      if (due < (atS - MAX_BEHIND_S) * source.perSecond) due = (atS - MAX_BEHIND_S) * source.perSecond;
      while (due < atS * source.perSecond) {
        const number = this.#sent[source.name] ?? 0;
        const options = source.key === undefined ? undefined : { key: source.key(number) };
        const isTaken = this.#sendOne(
          source.name,
          source.lane(),
          source.bytes(number),
          Word.none,
          0,
          options,
        );
        if (!isTaken && source.isPatient) break;
        due++;
      }
      this.#due[i] = due;
    }
    while (this.#dueRequests < atS * 10) {
      const number = this.#sent.control ?? 0;
      if (!this.#sendOne("control", LANES.control, 300, Word.request, 0)) break;
      this.#open.set(number, nowMs());
      this.#requests++;
      this.#dueRequests++;
    }
    if (this.#assetPieces === 0 && atS >= this.#nextAssetAtS) {
      this.#assetPieces = ASSET_BYTES / ASSET_PIECE_BYTES;
    }
    while (this.#assetPieces > 0) {
      if (!this.#sendOne("assets", this.#assetLane, ASSET_PIECE_BYTES, this.#assetPieces, 0)) break;
      if (--this.#assetPieces === 0) this.#assetPieces = -1;
    }
  }

  /** Number, word, value, time, and noise that the number chooses. */
  #sendOne(
    name: string,
    lane: Lane,
    bytes: number,
    word: number,
    value: number,
    options?: { key: number },
  ): boolean {
    const number = this.#sent[name] ?? 0;
    const view = this.#view;
    view.setUint32(0, number);
    view.setUint16(4, word);
    view.setUint32(6, value);
    view.setUint32(10, Math.floor(nowMs() * 10) % 0x1_0000_0000);
    view.setUint16(14, options?.key ?? 0);
    const length = Math.max(HEADER_BYTES, bytes);
    const start = (number * 7_919) % STARTS;
    this.#buffer.set(NOISE.subarray(start, start + length - HEADER_BYTES), HEADER_BYTES);
    const status = this.carrier.send(lane, this.#buffer.subarray(0, length), options);
    if (status === "closed" || status === "too-large") this.#note(`${name}: a message was ${status}`);
    if (status !== "sent" && status !== "queued") return false;
    this.#sent[name] = number + 1;
    return true;
  }

  // ── what comes ───────────────────────────────────────────────────────────────────────────────────────────────

  #onPayload(lane: number, payload: Uint8Array): void {
    const name = LANE_NAMES[lane] ?? "assets";
    this.#received[name] = (this.#received[name] ?? 0) + 1;
    const view = new DataView(payload.buffer, payload.byteOffset, payload.byteLength);
    const number = view.getUint32(0);
    const word = view.getUint16(4);
    const start = (number * 7_919) % STARTS - HEADER_BYTES;
    for (let i = HEADER_BYTES; i < payload.length; i++) {
      if (payload[i] === NOISE[start + i]) continue;
      this.#note(`${name}: #${number} has another byte at ${i} of ${payload.length}`);
      break;
    }
    if (name === "modulation") return this.#onModulation(number, view);
    if (name === "events" || name === "telemetry") {
      const seen = name === "events" ? this.#events : this.#telemetry;
      if (!seen.add(number)) this.#note(`${name}: #${number} came twice`);
      return;
    }
    const expected = this.#lastOfLane[name] ?? 0;
    if (number !== expected) this.#note(`${name}: #${number} came where #${expected} was due`);
    this.#lastOfLane[name] = number + 1;
    if (name === "control") this.#onControl(number, word, view.getUint32(6));
    else if (name === "assets" && word === 1) {
      this.#assets++;
      this.#answer(Word.assetDone, this.#assets);
    }
  }

  #onModulation(number: number, view: DataView): void {
    const key = view.getUint16(14) % KEYS;
    // A value that was taken for lost is sent again while it is the newest of its key: it may come twice, never after a newer.
    if (number < (this.#lastOfKey[key] ?? -1)) {
      this.#note(`modulation: #${number} came after #${this.#lastOfKey[key]} of key ${key}`);
    }
    this.#lastOfKey[key] = number;
    const nowTenths = Math.floor(nowMs() * 10) % 0x1_0000_0000;
    this.#ages[this.#ageCount++ % AGES] = (nowTenths - view.getUint32(10)) / 10;
  }

  #onControl(number: number, word: number, value: number): void {
    if (word === Word.request) this.#answer(Word.answer, number);
    else if (word === Word.answer) {
      if (!this.#open.delete(value)) {
        this.#note(`control: request #${value} was answered twice, or never asked`);
      }
      this.#answers++;
    } else if (word === Word.assetDone) {
      this.#assetPieces = 0;
      this.#nextAssetAtS = (performance.now() - this.#startedMs) / 1000 + ASSET_PAUSE_S;
    }
  }

  #answer(word: number, value: number): void {
    if (!this.#sendOne("control", LANES.control, 60, word, value)) {
      this.#note("control: an answer was not taken");
    }
  }

  /** Of the reliable lane without an order: numbers below `sent` that never came. */
  missingEvents(sent: number): number {
    return this.#events.missing(sent);
  }

  #note(what: string): void {
    this.#problems++;
    if (this.#first.length < KEPT_PROBLEMS) this.#first.push(what);
  }
}

const LANE_NAMES: readonly (string | undefined)[] = ["control", "state", "modulation", "events", "telemetry"];

/** Anonymous resident memory (proc(5), "/proc/pid/status"); null where there is no such file. */
function ownBytes(): number | null {
  try {
    const kib = /^RssAnon:\s+(\d+) kB$/m.exec(Deno.readTextFileSync("/proc/self/status"))?.[1];
    return kib === undefined ? null : Number(kib) * 1024;
  } catch {
    return null;
  }
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

/** Runs an end until a line says `stop`, and then one that says what the other has sent. */
async function main(task: SoakTask): Promise<void> {
  const ground = await LaneGround.create(task.key);
  const udp = ground.endpoint();
  const met = Promise.withResolvers<LaneCarrier>();
  let peer: SoakPeer | null = null;
  const handlersOf = (carrier: LaneCarrier): LaneHandlers => {
    peer = new SoakPeer(carrier);
    met.resolve(carrier);
    return peer.handlers;
  };
  if (task.port === null) tell({ type: "port", port: await ground.listen(task.host, udp, handlersOf) });
  else await ground.dial(task.host, task.port, udp, handlersOf);
  const carrier = await met.promise;
  const soak = peer as SoakPeer | null;
  if (soak === null) throw new Error("there is a carrier and no peer");
  await onDatagrams(carrier);
  tell({ type: "ready", aead: ground.aead });
  soak.start();
  const samples = setInterval(() => tell(soak.sample()), SAMPLE_MS);
  const lines = Deno.stdin.readable.pipeThrough(new TextDecoderStream()).getReader();
  await lines.read();
  clearInterval(samples);
  await soak.drain();
  tell({ type: "drained", sent: soak.end().sent });
  const { value = "0" } = await lines.read();
  const missing = soak.missingEvents(Number(value));
  tell({ ...soak.end(), missingEvents: missing });
  carrier.abort(null);
  ground.close();
  Deno.exit(0);
}

if (import.meta.main) await main(JSON.parse(Deno.args[0] ?? "{}") as SoakTask);
