// A host of shared state as plain as can be, to hold replicas against: maps, no increments, everything computed anew.
// It knows only what a client can see: versions, digests, acknowledgements, the highest priority wins.

import type { NodeId } from "../../../../lib/base/mod.ts";
import { StateDigest } from "../../../../lib/state/digest/mod.ts";
import type {
  ClientNumber,
  ClientSequence,
  ParameterDefinition,
  PathId,
  StateEpoch,
  StateValue,
  SubsystemNumber,
  Version,
} from "../../../../lib/state/model/mod.ts";
import type {
  Digest64,
  HelloMessage,
  ResyncMessage,
  SetMessage,
  StateMessage,
  TransactionMessage,
  WireEntry,
} from "../../../../lib/state/messages/mod.ts";
import { isRefusal, SchemaBook } from "../../../../lib/state/schema/mod.ts";

export const BOOK = 0 as SubsystemNumber;
export const PARAMS = 4 as SubsystemNumber;
const NAMES: readonly string[] = ["dict", "meta", "groups", "layers", "params"];

interface ModelEntry {
  value: StateValue;
  holder: number;
  priority: number;
  version: number;
  isGone: boolean;
}

export interface ModelClient {
  readonly number: ClientNumber;
  token: string;
  sequence: number;
  /** What it acknowledged, by subsystem. */
  readonly base: Map<SubsystemNumber, number>;
  isConnected: boolean;
  isReackDue: boolean;
  /** Every write that took effect, in order. */
  readonly taken: number[];
}

/** Says a message to a client's connection. */
export type Say = (client: ModelClient | null, message: StateMessage) => void;

export class ModelHost {
  readonly epoch: StateEpoch;
  readonly book = new SchemaBook();
  readonly entries = new Map<PathId, ModelEntry>();
  readonly clients: ModelClient[] = [];
  readonly versions = new Map<SubsystemNumber, number>([[BOOK, 0], [PARAMS, 0]]);
  /** Entries of a chunk. */
  chunkSize = 4;
  /** What it sends in answer to a question; `null` swallows it. */
  onResync: ((resync: ResyncMessage) => boolean) | null = null;
  resyncs: ResyncMessage[] = [];
  tellsDigests = true;
  acknowledges = true;
  nowUs = 0;
  readonly #say: Say;
  readonly #bookVersions = new Map<PathId, number>();

  constructor(term: number, hostId: string, say: Say) {
    this.epoch = { term, hostId: hostId.repeat(32) as NodeId };
    this.#say = say;
  }

  get term(): number {
    return this.epoch.term;
  }

  /** Declares a parameter; it has its default from then on. */
  declare(definition: ParameterDefinition): PathId {
    const defined = this.book.define(definition);
    if (isRefusal(defined)) throw new Error(defined.why);
    const version = this.#bump(BOOK);
    this.#bookVersions.set(defined.id, version);
    this.put(defined.id, definition.default, 0, 0);
    return defined.id;
  }

  put(id: PathId, value: StateValue, holder: number, priority: number): void {
    this.entries.set(id, { value, holder, priority, version: this.#bump(PARAMS), isGone: false });
  }

  remove(id: PathId): void {
    const path = this.book.pathOf(id);
    if (path !== null) this.book.retire(path);
    this.#bookVersions.set(id, this.#bump(BOOK));
    const version = this.#bump(PARAMS);
    this.entries.set(id, { value: null, holder: 0, priority: 0, version, isGone: true });
  }

  versionOf(subsystem: SubsystemNumber): Version {
    return (this.versions.get(subsystem) ?? 0) as Version;
  }

  digestOf(subsystem: SubsystemNumber): Digest64 {
    if (subsystem === BOOK) return { high: this.book.high, low: this.book.low };
    const digest = new StateDigest();
    for (const [id, entry] of this.entries) {
      const type = this.book.definitionOf(id)?.type;
      if (entry.isGone || type === undefined) continue;
      digest.toggle(id, type, entry.value, entry.holder, entry.priority);
    }
    return digest.halves();
  }

  handle(client: ModelClient | null, message: StateMessage): ModelClient | null {
    if (message.kind === "hello") return this.#hello(client, message);
    if (client === null || !client.isConnected) {
      this.#say(client, { kind: "error", term: this.term, code: "not-joined", text: "say hello first" });
      return client;
    }
    switch (message.kind) {
      case "set":
      case "tx":
        if (message.term === this.term) this.#write(client, message);
        break;
      case "ack":
        if (message.term !== this.term) break;
        for (const { subsystem, version } of message.versions) {
          client.base.set(subsystem, Math.max(version, client.base.get(subsystem) ?? 0));
        }
        break;
      case "resync":
        if (message.term !== this.term) break;
        this.resyncs.push(message);
        if (this.onResync === null || this.onResync(message)) this.answer(client, message);
        break;
      case "bye":
        client.isConnected = false;
        break;
      default:
        break;
    }
    return client;
  }

  /** Patches for all, from what each acknowledged. */
  flush(): void {
    for (const client of this.clients) {
      if (!client.isConnected) continue;
      for (const subsystem of this.versions.keys()) {
        const base = client.base.get(subsystem) ?? 0;
        const version = this.versionOf(subsystem);
        if (base < version || (subsystem === PARAMS && client.isReackDue)) {
          this.patch(client, subsystem, base, null);
        }
      }
      client.isReackDue = false;
    }
  }

  beat(): void {
    for (const client of this.clients) {
      if (!client.isConnected) continue;
      this.#say(client, {
        kind: "beat",
        epoch: this.epoch,
        nowUs: this.nowUs,
        state: "synced",
        ack: { sequence: client.sequence as ClientSequence, single: true },
        versions: [...this.versions.keys()].map((subsystem) => ({
          subsystem,
          version: this.versionOf(subsystem),
          digest: this.tellsDigests ? this.digestOf(subsystem) : null,
        })),
      });
    }
  }

  patch(client: ModelClient, subsystem: SubsystemNumber, base: number, nonce: number | null): void {
    this.#say(client, {
      kind: "patch",
      term: this.term,
      subsystem,
      base: base as Version,
      version: this.versionOf(subsystem),
      ack: this.acknowledges ? { sequence: client.sequence as ClientSequence, single: true } : null,
      nonce,
      digest: this.tellsDigests ? this.digestOf(subsystem) : null,
      entries: this.#rows(subsystem, base, false),
    });
  }

  chunks(subsystem: SubsystemNumber, nonce: number | null): StateMessage[] {
    const rows = this.#rows(subsystem, 0, true);
    const count = Math.max(1, Math.ceil(rows.length / this.chunkSize));
    return Array.from({ length: count }, (_, index) => ({
      kind: "chunk",
      term: this.term,
      subsystem,
      version: this.versionOf(subsystem),
      index,
      count,
      nonce,
      digest: index === count - 1 ? this.digestOf(subsystem) : null,
      entries: rows.slice(index * this.chunkSize, (index + 1) * this.chunkSize),
    }));
  }

  answer(client: ModelClient, { subsystem, have, nonce }: ResyncMessage): void {
    if (have > 0) return this.patch(client, subsystem, have, nonce);
    for (const chunk of this.chunks(subsystem, nonce)) this.#say(client, chunk);
  }

  say(client: ModelClient, message: StateMessage): void {
    this.#say(client, message);
  }

  #hello(linked: ModelClient | null, { token, epoch, have }: HelloMessage): ModelClient {
    // A hello that comes twice on one connection makes no second client.
    const known = linked ?? this.clients.find((client) => client.token === String(token ?? "none"));
    const client = known ?? {
      number: (this.clients.length + 1) as ClientNumber,
      token: "",
      sequence: 0,
      base: new Map(),
      isConnected: true,
      isReackDue: false,
      taken: [],
    };
    if (known === undefined) this.clients.push(client);
    const next = new Uint8Array(16).fill(client.number);
    next[0] = this.term;
    client.token = String(next);
    client.isConnected = true;
    const isSame = epoch !== null && epoch.term === this.term && epoch.hostId === this.epoch.hostId;
    client.base.clear();
    const plans = [...this.versions.keys()].map((subsystem) => {
      const had = isSame ? have.find((row) => row.subsystem === subsystem)?.version ?? 0 : 0;
      const version = this.versionOf(subsystem);
      // What it has is its base; a snapshot makes its own.
      client.base.set(subsystem, had > 0 && had <= version ? had : version);
      const isWhole = had === 0 || had > version;
      const chunks = isWhole ? this.chunks(subsystem, null) : [];
      return { plan: { subsystem, name: NAMES[subsystem] ?? "", version, chunks: chunks.length }, chunks };
    });
    this.#say(client, {
      kind: "welcome",
      epoch: this.epoch,
      client: client.number,
      token: next,
      resumed: known !== undefined,
      ack: { sequence: client.sequence as ClientSequence, single: true },
      nowUs: this.nowUs,
      limits: { setsPerSecond: 200, maxPatchHz: 30, maxPriority: 200, silenceUs: 15_000_000 },
      plans: plans.map(({ plan }) => plan),
      takenOver: [],
    });
    for (const { chunks } of plans) for (const chunk of chunks) this.#say(client, chunk);
    return client;
  }

  #write(client: ModelClient, message: SetMessage | TransactionMessage): void {
    const { sequence } = message;
    client.isReackDue = true;
    if (sequence <= client.sequence) return;
    if (sequence !== client.sequence + 1) {
      return this.#nack(client, sequence, "order", null, "the one before is missing");
    }
    client.sequence = sequence;
    client.taken.push(sequence);
    if (message.kind === "tx") {
      if (message.guards.length > 0) return this.#nack(client, sequence, "version", null, "it has changed");
      for (const definition of message.definitions) this.declare(definition);
      return;
    }
    for (const { id, type, value } of message.entries) {
      const entry = this.entries.get(id);
      if (entry === undefined || entry.isGone) this.#nack(client, sequence, "unknown-path", id, "gone");
      else if (type === "gone") {
        if (entry.holder === client.number) this.put(id, entry.value, 0, 0);
      } else if (entry.holder !== client.number && entry.priority > message.priority) {
        this.#nack(client, sequence, "shadowed", id, "shadowed");
      } else this.put(id, value as StateValue, client.number, message.priority);
    }
  }

  #nack(
    client: ModelClient,
    sequence: ClientSequence,
    code: "order" | "version" | "shadowed" | "unknown-path",
    id: PathId | null,
    text: string,
  ): void {
    const { term } = this;
    this.#say(client, { kind: "nack", term, sequence, code, id, generation: null, current: null, text });
  }

  #bump(subsystem: SubsystemNumber): number {
    const version = (this.versions.get(subsystem) ?? 0) + 1;
    this.versions.set(subsystem, version);
    return version;
  }

  #rows(subsystem: SubsystemNumber, base: number, isSnapshot: boolean): WireEntry[] {
    const rows: WireEntry[] = [];
    if (subsystem === BOOK) {
      for (const [id, version] of this.#bookVersions) {
        const definition = this.book.definitionOf(id);
        if (version <= base) continue;
        if (definition !== null) rows.push({ id, type: "definition", value: definition, winner: null });
        else if (!isSnapshot) rows.push({ id, type: "gone", value: null, winner: null });
      }
    } else {
      for (const [id, { value, holder, priority, version, isGone }] of this.entries) {
        const type = this.book.definitionOf(id)?.type;
        if (version <= base || (isSnapshot && isGone)) continue;
        const winner = { holder: holder as ClientNumber, priority };
        if (isGone || type === undefined) rows.push({ id, type: "gone", value: null, winner: null });
        else rows.push({ id, type, value, winner: isSnapshot && holder === 0 ? null : winner });
      }
    }
    return rows.sort((a, b) => a.id - b.id);
  }
}

/** A parameter with what most tests want. */
export function parameter(path: string, more: Partial<ParameterDefinition> = {}): ParameterDefinition {
  return {
    path,
    subsystem: "params",
    type: "f32",
    default: 0,
    min: null,
    max: null,
    unit: null,
    words: [],
    merge: "latest",
    onLoss: "hold",
    fadeUs: 0,
    rate: "fast",
    description: null,
    ...more,
  };
}
