// The session as a synchronous state machine: greeting, heartbeat, requests, one-way messages, goodbye.
// Decides what a payload means and whether the peer may send it. Never touches a carrier, a clock or a timer:
// input `handle…(nowUs, …)`, output `pollTransmit`, `pollEvent`, `pollTimeout`. Times are monotonic microseconds.
// A peer's bytes can end its own session and move a counter, nothing else.

import { type AccessLevel, HanaError, Histogram, isRole, type Role, toHanaError } from "../base/mod.ts";
import { ByteReader, type CodecName, createCodec } from "../wire/mod.ts";
import type { LaneOffer } from "../lanes/mod.ts";
import {
  type Deadline,
  newSessionCounters,
  type SessionCounters,
  type SessionEvent,
  type Transmit,
} from "./events.ts";
import type { SessionLimits } from "./limits.ts";
import { type AccessSource, NO_ACCESS, type PeerAccess, readAccess } from "./access.ts";
import { type AdmissionContext, admit, type Admitted, checkOutgoing } from "./admission.ts";
import {
  type CommandOptions,
  type CommandRight,
  Envelope,
  type Fence,
  NO_RIGHT,
  rightOf,
} from "./fencing.ts";
import { Heartbeat } from "./heartbeat.ts";
import type {
  CompiledMessage,
  EventDefinition,
  MessageDefinition,
  MessageTable,
  RequestDefinition,
} from "./message.ts";
import { MessageNames } from "./names.ts";
import { SessionOutbox } from "./outbox.ts";
import { PendingRequests } from "./pending.ts";
import { RunningRequests } from "./running.ts";
import { canBecome, chooseVersion, decodeGreeting, encodeGreeting, refusalOf } from "./greeting.ts";
import {
  codecOfNumber,
  decodeFailure,
  encodeFailure,
  type Identity,
  LEADERSHIP_VERSION,
  PayloadKind,
  PROTOCOL_VERSIONS,
  shortText,
} from "./protocol.ts";

/** What a request says of its patience at most; "forever" is about 49 days. */
const MAX_TIMEOUT_MS = 2 ** 32 - 1;

/** What a core is made from. */
export interface SessionCoreOptions {
  readonly side: "dialler" | "listener";
  readonly local: Identity;
  /** The messages that this node knows. */
  readonly messages: MessageTable;
  /** What the dialler speaks; the listener follows. */
  readonly codec: CodecName;
  /** What the peer may do, asked when it greets. */
  readonly access: AccessSource;
  /** What we may do at the peer; everything unless given. */
  readonly ownAccess?: AccessLevel;
  readonly limits: SessionLimits;
  /** By what right commands go out and come in; without it none has a token and all are let in. */
  readonly fence?: Fence;
  /** How the carrier takes packets of lanes, asked when we greet; null when it does not. */
  readonly lanes?: () => LaneOffer | null;
}

/** One session. */
export class SessionCore {
  readonly counters: SessionCounters = newSessionCounters();
  /** Round trips of heartbeats and of requests, in microseconds. */
  readonly rtt = new Histogram();
  #local: Identity;
  #peer: Identity | null = null;
  #version = 0;
  /** The role that the peer knows us by. */
  #saidRole: Role;
  readonly #envelope = new Envelope();
  readonly #outbox: SessionOutbox;
  #state: "new" | "greeting" | "open" | "closed" = "new";
  readonly #events: SessionEvent[] = [];
  readonly #reader = new ByteReader();
  /** The numbers of messages; the driver says when lanes may overtake each other and which names arrived. */
  readonly names: MessageNames;
  readonly #pending = new PendingRequests();
  readonly #running = new RunningRequests();
  #nextRequest = 1;
  #offer: LaneOffer | null = null;
  #helloDeadlineUs = Infinity;
  #heartbeat: Heartbeat;
  #admission: AdmissionContext | null = null;
  readonly #deadline: { atUs: number; reason: Deadline["reason"] } = { atUs: 0, reason: "hello" };

  constructor(private readonly options: SessionCoreOptions) {
    this.#local = options.local;
    this.#saidRole = options.local.role;
    this.names = new MessageNames(options.limits.maxPeerNames);
    this.#outbox = new SessionOutbox(createCodec(options.codec), options.limits.maxPayloadBytes);
    this.#heartbeat = new Heartbeat(0, options.limits.heartbeatUs, options.limits.silenceUs);
  }

  /** Who we are, in the role that we have now. */
  get local(): Identity {
    return this.#local;
  }
  /** Who the other side is; null until it has said so. */
  get peer(): Identity | null {
    return this.#peer;
  }
  /** What the peer may do. */
  get access(): PeerAccess {
    return this.#admission?.access ?? NO_ACCESS;
  }
  get isOpen(): boolean {
    return this.#state === "open";
  }
  get codecName(): CodecName {
    return this.#outbox.codec.name;
  }
  /** The newest heartbeat round trip in microseconds. */
  get latestRttUs(): number | null {
    return this.#heartbeat.latestRttUs;
  }
  get pendingRequests(): number {
    return this.#pending.size;
  }

  // ── input ────────────────────────────────────────────────────────────────────────────────────────────────────

  /** The carrier is up. The dialler greets. */
  handleOpen(nowUs: number): void {
    this.#state = "greeting";
    this.#helloDeadlineUs = nowUs + this.options.limits.helloTimeoutUs;
    if (this.options.side === "dialler") this.#greet(PayloadKind.hello, PROTOCOL_VERSIONS);
  }

  /** A payload came on `lane`. It may be reused afterwards. */
  handlePayload(nowUs: number, payload: Uint8Array): void {
    if (this.#state === "closed") return;
    this.#heartbeat.onHeard(nowUs);
    const reader = this.#reader;
    reader.reset(payload);
    const kind = reader.u8();
    if (this.#state !== "open") this.#handleGreeting(nowUs, kind, reader);
    else this.#handleOpenPayload(nowUs, kind, reader);
  }

  /** Time passed: call it at or after {@linkcode pollTimeout}. */
  handleTimeout(nowUs: number): void {
    const dueUs = this.pollTimeout()?.atUs ?? nowUs;
    if (this.#state === "greeting" && nowUs >= this.#helloDeadlineUs) {
      this.#break(new HanaError("timeout", { what: "the peer did not greet in time" }));
    }
    if (this.#state !== "open") return;
    const heartbeat = this.#heartbeat;
    heartbeat.onWoken(nowUs, dueUs);
    if (nowUs >= heartbeat.silentAtUs) {
      const why = `nothing came for ${Math.round(heartbeat.silentForUs(nowUs) / 1000)} ms`;
      this.#break(new HanaError("timeout", { what: `${this.#peer?.name ?? "the peer"} fell silent`, why }));
      return;
    }
    if (nowUs >= heartbeat.nextBeatUs) this.#outbox.sendPulse(PayloadKind.ping, heartbeat.beat(nowUs));
    if (nowUs >= this.#pending.nextDeadlineUs) this.#expireRequests(nowUs);
  }

  /** The carrier is gone: everything that waits fails with `error`. */
  handleClose(error: HanaError): void {
    this.#state = "closed";
    for (const id of this.#pending.takeAll()) this.#events.push({ type: "failure", id, error });
    for (const id of this.#running.takeAll()) this.#events.push({ type: "cancel", id });
  }

  // ── calls of the application ─────────────────────────────────────────────────────────────────────────────────

  /**
   * Starts a request. The driver sends {@linkcode pollTransmit} first, then the payload, which is valid until the
   * next call. Throws `refused` or `schema` when the caller is wrong, `overloaded` at the bound, `closed` before open.
   * @param options by what right a command goes; with the token of the fence when not given
   */
  startRequest(
    nowUs: number,
    message: CompiledMessage,
    body: unknown,
    timeoutUs: number,
    options: CommandOptions = {},
  ): { id: number; payload: Uint8Array } {
    checkOutgoing(this.#local, this.isOpen ? this.#peer : null, message, body);
    const right = rightOf(this.options.fence, message.definition, options);
    if (this.#pending.size >= this.options.limits.maxPendingRequests) {
      this.counters.overloaded++;
      throw new HanaError("overloaded", {
        what: `${message.definition.name} was not sent to ${this.#peer?.name}`,
        why: `${this.#pending.size} requests wait for their answers already`,
      });
    }
    const id = this.#nextRequest++;
    const number = this.#beginMessage(message.definition, right);
    const writer = this.#outbox.writer;
    writer.u8(PayloadKind.request);
    writer.varint(id);
    writer.varint(number);
    writer.varint(Math.max(1, Math.min(MAX_TIMEOUT_MS, Math.round(timeoutUs / 1000))));
    this.#outbox.writeBody(message.definition.name, body);
    this.#pending.add(id, { message, deadlineUs: nowUs + timeoutUs, sentAtUs: nowUs });
    this.counters.requestsSent++;
    return { id, payload: writer.view() };
  }

  /** Takes a request back: its answer is ignored, the peer is told, which is harmless if it never heard of it. */
  cancelRequest(id: number): void {
    const pending = this.#pending.take(id);
    if (pending === undefined) return;
    this.#outbox.sendCancel(id, pending.message.definition.lane);
  }

  /**
   * Encodes a one-way message; valid until the next call. The driver sends {@linkcode pollTransmit} first.
   * Throws `refused` or `schema` when the caller is wrong, `closed` before open.
   * @param options by what right a command goes; with the token of the fence when not given
   */
  encodeEvent(message: CompiledMessage, body: unknown, options: CommandOptions = {}): Uint8Array {
    checkOutgoing(this.#local, this.isOpen ? this.#peer : null, message, body, this.options.ownAccess);
    const right = rightOf(this.options.fence, message.definition, options);
    const number = this.#beginMessage(message.definition, right);
    const writer = this.#outbox.writer;
    writer.u8(PayloadKind.event);
    writer.varint(number);
    this.#outbox.writeBody(message.definition.name, body);
    this.counters.eventsSent++;
    return writer.view();
  }

  /**
   * Answers a request of the peer, also one that it took back: until then it counts as running. A reply that its
   * own schema forbids goes out as a failure.
   */
  respond(id: number, reply: unknown): void {
    const message = this.#running.awaited(id);
    if (message === undefined) return;
    const problem = message.reply?.validate(reply) ?? null;
    if (problem !== null) {
      this.respondFailure(
        id,
        new HanaError("internal", {
          what: `the reply to ${message.definition.name} is wrong`,
          why: `${problem.path}: ${problem.expected}`,
        }),
      );
      return;
    }
    const writer = this.#outbox.begin();
    writer.u8(PayloadKind.response);
    writer.varint(id);
    try {
      this.#outbox.writeBody(message.definition.name, reply);
    } catch (thrown) {
      this.respondFailure(
        id,
        toHanaError(thrown, "internal", `the reply to ${message.definition.name} cannot be encoded`),
      );
      return;
    }
    this.#running.finish(id);
    this.#outbox.send(message.definition.lane);
  }

  /** Answers a request of the peer with an error. */
  respondFailure(id: number, error: HanaError): void {
    const message = this.#running.awaited(id);
    if (message === undefined) return;
    this.#running.finish(id);
    this.#outbox.sendFailure(id, error, message.definition.lane);
  }

  /** Takes another role and tells the peer. False when that has no word for it: then the session must be begun anew. */
  changeRole(role: Role): boolean {
    this.#local = { ...this.#local, role };
    if (this.#state !== "open" || this.#admission === null) return true;
    this.#admission.local = this.#local;
    return this.#tellRole();
  }

  /** Says goodbye; the driver ends the carrier once the payload is out. */
  sayGoodbye(reason: string): void {
    if (this.#state === "closed") return;
    if (this.#state === "open") this.#outbox.sendGoodbye(reason);
  }

  // ── output ───────────────────────────────────────────────────────────────────────────────────────────────────

  /** The next payload that must go out, null when there is none. */
  pollTransmit(): Transmit | null {
    return this.#outbox.poll();
  }

  /** The next thing to act on, null when there is none. */
  pollEvent(): SessionEvent | null {
    return this.#events.shift() ?? null;
  }

  /** When to call {@linkcode handleTimeout}. The object is reused. */
  pollTimeout(): Deadline | null {
    const deadline = this.#deadline;
    if (this.#state === "greeting") {
      deadline.atUs = this.#helloDeadlineUs;
      deadline.reason = "hello";
      return deadline;
    }
    if (this.#state !== "open") return null;
    deadline.atUs = this.#heartbeat.nextBeatUs;
    deadline.reason = "heartbeat";
    if (this.#heartbeat.silentAtUs < deadline.atUs) {
      deadline.atUs = this.#heartbeat.silentAtUs;
      deadline.reason = "silence";
    }
    if (this.#pending.nextDeadlineUs < deadline.atUs) {
      deadline.atUs = this.#pending.nextDeadlineUs;
      deadline.reason = "request";
    }
    return deadline;
  }

  // ── greeting ─────────────────────────────────────────────────────────────────────────────────────────────────

  #greet(kind: number, versions: readonly number[]): void {
    const lanes = this.#offer = this.options.lanes?.() ?? null;
    this.#outbox.sendGreeting(kind, encodeGreeting({ ...this.#local, versions, lanes }));
    this.#saidRole = this.#local.role;
  }

  #handleGreeting(nowUs: number, kind: number, reader: ByteReader): void {
    const expected = this.options.side === "listener" ? PayloadKind.hello : PayloadKind.welcome;
    if (kind === PayloadKind.reject && this.options.side === "dialler") {
      reader.u8();
      this.#state = "closed";
      this.#events.push({ type: "broken", error: decodeFailure(this.#decode(reader), "the peer") });
      return;
    }
    if (kind !== expected) return this.#violate("it spoke before it greeted");
    const named = codecOfNumber(reader.u8());
    if (named === null) return this.#violate("its greeting names no codec that exists");
    const isOther = this.options.side === "listener" && named !== this.#outbox.codec.name;
    if (isOther) this.#outbox.codec = createCodec(named);
    const greeting = decodeGreeting(this.#decode(reader));
    if (greeting === null) return this.#violate("its greeting cannot be read");
    const access = readAccess(this.options.access);
    const refusal = access.refusal ?? refusalOf(greeting, this.#local);
    if (refusal !== null) return this.#reject(refusal);
    const { versions, lanes, ...peer } = greeting;
    this.#version = chooseVersion(versions) ?? 0;
    if (this.options.side === "listener") this.#greet(PayloadKind.welcome, [this.#version]);
    this.#peer = peer;
    this.#state = "open";
    const { heartbeatUs, silenceUs } = this.options.limits;
    const { codec } = this.#outbox;
    this.#admission = { local: this.#local, peer, access, codec, counters: this.counters };
    this.#heartbeat = new Heartbeat(nowUs, heartbeatUs, silenceUs);
    if (lanes !== null && this.#offer !== null) this.#events.push({ type: "lanes", offer: lanes });
    this.#events.push({ type: "open", peer });
    if (!this.#tellRole()) this.#break(new HanaError("closed", { what: "our role changed as we greeted" }));
  }

  #tellRole(): boolean {
    const { role } = this.#local;
    if (role === this.#saidRole) return true;
    if (this.#version < LEADERSHIP_VERSION) return false;
    this.#saidRole = role;
    this.#outbox.sendRole(role);
    return true;
  }

  #reject(error: HanaError): void {
    if (this.options.side === "listener") {
      this.#outbox.sendGreeting(PayloadKind.reject, encodeFailure(error));
    }
    this.#state = "closed";
    this.#events.push({ type: "broken", error });
  }

  // ── an open session ──────────────────────────────────────────────────────────────────────────────────────────

  #handleOpenPayload(nowUs: number, kind: number, reader: ByteReader): void {
    switch (kind) {
      case PayloadKind.event:
        return this.#handleEvent(reader, NO_RIGHT);
      case PayloadKind.request:
        return this.#handleRequest(reader, NO_RIGHT);
      case PayloadKind.fenced:
        return this.#handleFenced(reader);
      case PayloadKind.response:
        return this.#handleAnswer(nowUs, reader, true);
      case PayloadKind.failure:
        return this.#handleAnswer(nowUs, reader, false);
      case PayloadKind.cancel:
        return this.#handleCancel(reader);
      case PayloadKind.name:
        return void this.#handleName(reader);
      case PayloadKind.named:
        return this.#handleNamed(nowUs, reader);
      case PayloadKind.role:
        return this.#handleRole(reader);
      case PayloadKind.ping:
        return this.#outbox.sendPulse(PayloadKind.pong, reader.u32());
      case PayloadKind.pong:
        return this.#handlePong(nowUs, reader.u32());
      case PayloadKind.goodbye:
        return this.#handleGoodbye(reader);
      default:
        // A kind of a later version: harmless to pass over, worth a counter.
        this.counters.unknownKind++;
    }
  }

  #handleName(reader: ByteReader): boolean {
    const isGood = this.names.read(reader);
    if (!isGood) this.#violate("it sent a wrong or one too many message names");
    return isGood;
  }

  #handleNamed(nowUs: number, reader: ByteReader): void {
    const kind = this.#handleName(reader) ? reader.u8() : PayloadKind.named;
    if (kind === PayloadKind.named) this.#violate("it named what is no message");
    else this.#handleOpenPayload(nowUs, kind, reader);
  }

  #handleRole(reader: ByteReader): void {
    const role = reader.shortText();
    const peer = this.#peer;
    if (reader.failed || peer === null || !isRole(role) || !canBecome(peer.role, role)) {
      return this.#violate("it took a role that it may not have");
    }
    this.#peer = { ...peer, role };
    if (this.#admission !== null) this.#admission.peer = this.#peer;
  }

  #handleFenced(reader: ByteReader): void {
    const said = this.#envelope.read(reader);
    // An operator's word is that of an operator alone; from anybody else it is a command without a token.
    const right = said?.isForced === true && this.access.access !== "operator" ? NO_RIGHT : said;
    const kind = reader.u8();
    if (right !== null && kind === PayloadKind.event) return this.#handleEvent(reader, right);
    if (right !== null && kind === PayloadKind.request) return this.#handleRequest(reader, right);
    this.#violate("it sent a token that cannot be read, or one before what is no command");
  }

  /** The last question before a command runs: whether it is too late for it. */
  #refusedByFence({ definition }: CompiledMessage, right: CommandRight): HanaError | null {
    const { fence } = this.options;
    if (fence === undefined || definition.effect !== "command" || this.#peer === null) return null;
    const refusal = fence.admit(definition, right, this.#peer);
    if (refusal !== null) this.counters.fencedOff++;
    return refusal;
  }

  #handleEvent(reader: ByteReader, right: CommandRight): void {
    const name = this.names.ofPeer(reader.varint());
    if (reader.failed || name === undefined) {
      return this.#violate("it used a message number that it never named");
    }
    const admitted = this.#admit("event", name, reader);
    if (admitted instanceof HanaError || this.#refusedByFence(admitted.message, right) !== null) return;
    this.counters.eventsReceived++;
    const definition = admitted.message.definition as EventDefinition;
    this.#events.push({ type: "event", definition, body: admitted.body });
  }

  #handleRequest(reader: ByteReader, right: CommandRight): void {
    const id = reader.varint();
    const name = this.names.ofPeer(reader.varint());
    const timeoutMs = reader.varint();
    if (reader.failed || name === undefined) return this.#violate("it sent a request that cannot be read");
    if (this.#running.has(id)) return this.#violate("it used a request number twice");
    const admitted = this.#admit("request", name, reader);
    if (admitted instanceof HanaError) {
      return this.#outbox.sendFailure(
        id,
        admitted,
        this.options.messages.find(name)?.definition.lane ?? "control",
      );
    }
    const definition = admitted.message.definition as RequestDefinition;
    if (this.#running.size >= this.options.limits.maxRunningRequests) {
      this.counters.overloaded++;
      const why = `${this.#running.size} requests of ${this.#peer?.name} run here already`;
      const error = new HanaError("overloaded", { what: `${this.#local.name} refused ${name}`, why });
      return this.#outbox.sendFailure(id, error, definition.lane);
    }
    const refusal = this.#refusedByFence(admitted.message, right);
    if (refusal !== null) return this.#outbox.sendFailure(id, refusal, definition.lane);
    this.counters.requestsReceived++;
    this.#running.start(id, admitted.message);
    this.#events.push({ type: "request", id, definition, body: admitted.body, timeoutUs: timeoutMs * 1000 });
  }

  #admit(kind: MessageDefinition["kind"], name: string, reader: ByteReader): Admitted | HanaError {
    const context = this.#admission as AdmissionContext;
    return admit(context, kind, name, this.options.messages.find(name), reader.bytes(reader.remaining));
  }

  #handleAnswer(nowUs: number, reader: ByteReader, succeeded: boolean): void {
    const id = reader.varint();
    if (reader.failed) return this.#violate("it sent an answer that cannot be read");
    const pending = this.#pending.take(id);
    if (pending === undefined) {
      this.counters.lateAnswers++;
      return;
    }
    const body = this.#decode(reader);
    if (!succeeded) {
      this.#events.push({ type: "failure", id, error: decodeFailure(body, this.#peer?.name ?? "the peer") });
      return;
    }
    this.rtt.record(nowUs - pending.sentAtUs);
    const problem = pending.message.reply?.validate(body) ?? null;
    if (problem === null) {
      this.#events.push({ type: "response", id, body });
      return;
    }
    this.counters.schemaRefused++;
    const what = `${this.#peer?.name} answered ${pending.message.definition.name} wrongly`;
    this.#events.push({
      type: "failure",
      id,
      error: new HanaError("schema", { what, why: `${problem.path}: ${problem.expected}` }),
    });
  }

  #handleCancel(reader: ByteReader): void {
    const id = reader.varint();
    if (this.#running.cancel(id)) this.#events.push({ type: "cancel", id });
  }

  #handleGoodbye(reader: ByteReader): void {
    const body = this.#decode(reader);
    const reason = typeof body === "object" && body !== null
      ? (body as Record<string, unknown>).reason
      : undefined;
    this.#events.push({ type: "goodbye", reason: typeof reason === "string" ? shortText(reason, 256) : "" });
  }

  #handlePong(nowUs: number, nonce: number): void {
    const rttUs = this.#heartbeat.handlePong(nowUs, nonce);
    if (rttUs !== null) this.rtt.record(rttUs);
  }

  // ── helpers ──────────────────────────────────────────────────────────────────────────────────────────────────

  /** Begins a request or an event: its name where it must be told, and by what right it goes; returns its number. */
  #beginMessage({ name }: MessageDefinition, right: CommandRight): number {
    const known = this.names.find(name);
    const number = known ?? this.names.give(name);
    if (known === undefined && !this.names.travelWithin) this.#outbox.sendName(number, name);
    const writer = this.#outbox.begin();
    this.names.writeWithin(writer, number, name);
    if (right === NO_RIGHT || this.#version < LEADERSHIP_VERSION) return number;
    writer.u8(PayloadKind.fenced);
    this.#envelope.write(writer, right);
    return number;
  }

  #expireRequests(nowUs: number): void {
    for (const [id, { message, sentAtUs }] of this.#pending.takeExpired(nowUs)) {
      this.#outbox.sendCancel(id, message.definition.lane);
      this.counters.timedOut++;
      const what = `${this.#peer?.name} did not answer ${message.definition.name}`;
      const why = `${Math.round((nowUs - sentAtUs) / 1000)} ms passed`;
      this.#events.push({ type: "failure", id, error: new HanaError("timeout", { what, why }) });
    }
  }

  /** The decoded rest, undefined when it cannot be decoded (which callers treat as a wrong value). */
  #decode(reader: ByteReader): unknown {
    try {
      return this.#outbox.codec.decode(reader.bytes(reader.remaining));
    } catch (thrown) {
      if (!(thrown instanceof HanaError)) throw thrown;
      this.counters.undecodable++;
      return undefined;
    }
  }

  #violate(why: string): void {
    this.counters.violations++;
    this.#break(
      new HanaError("protocol", { what: `${this.#peer?.name ?? "the peer"} broke the protocol`, why }),
    );
  }

  #break(error: HanaError): void {
    if (this.#state === "closed") return;
    this.#state = "closed";
    this.#events.push({ type: "broken", error });
  }
}
