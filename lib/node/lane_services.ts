// Who takes the lanes that peers open: the program's own handlers by name, and two services of every node, so that
// any running node can be measured: `hana.echo` sends back what came, `hana.sink` counts it.
// Decides who may use them: trusted peers alone, and the services only on sessions that the peer opened, so that two
// nodes never echo each other's echoes. Never sends more than it got, and keeps a bounded number of both a session.

import { HanaError, hasAccess } from "../base/mod.ts";
import { isReliable, type LaneKind, type ReceivedLane } from "../lanes/mod.ts";
import type { HandlerTable, LaneAcceptor, LaneReceiver, OutgoingLane, Session } from "../session/mod.ts";
import { SINK_FIGURES } from "./messages.ts";

/** The lane whose messages come back on a lane of the same name and kind. */
export const ECHO_LANE = "hana.echo";
/** The lane whose messages are counted; `hana.sink.figures` asks for the figures. */
export const SINK_LANE = "hana.sink";
/** Lanes of each service that one session may have. */
export const MAX_SERVICE_LANES = 16;

/** What an echo lane may keep while the peer does not read. */
const MAX_ECHO_QUEUED_MESSAGES = 4_096;
const MAX_ECHO_QUEUED_BYTES = 4 * 1024 * 1024;
/** The clock is read once in so many messages: reading it costs as much as a tenth of receiving one. */
const CLOCK_EVERY = 32;

/** What a sink has counted since it was opened or read last. */
export interface SinkFigures {
  /** The lane's number at its sender. */
  readonly lane: number;
  readonly kind: LaneKind;
  readonly messages: number;
  readonly bytes: number;
  /** When the first message came, in microseconds of the receiver's clock; 0 before. */
  readonly firstUs: number;
  /** When the newest message came whose time was taken, and how many had come by then. */
  readonly lastUs: number;
  readonly lastMessages: number;
}

/** Counters of the lanes that peers opened. */
export interface LaneServiceCounters {
  echoLanes: number;
  echoed: number;
  /** Messages that were not sent back: the lane was full, because the peer does not read. */
  echoDropped: number;
  sinkLanes: number;
  /** Lanes that nobody took: unknown, of an untrusted peer, over the bound. */
  unknown: number;
  untrusted: number;
  overloaded: number;
}

/** How to take lanes of a name. */
export interface LaneHandlerOptions {
  /** Also those of peers that may not send commands; no unless told otherwise. */
  readonly untrusted?: boolean;
}

/** The lanes that peers open, on all sessions of a node. */
export class LaneServices {
  readonly counters: LaneServiceCounters = {
    echoLanes: 0,
    echoed: 0,
    echoDropped: 0,
    sinkLanes: 0,
    unknown: 0,
    untrusted: 0,
    overloaded: 0,
  };
  readonly #handlers = new Map<string, { accept: LaneAcceptor<Session>; untrusted: boolean }>();
  readonly #echoes = new WeakMap<Session, { count: number }>();
  readonly #sinks = new WeakMap<Session, Sink[]>();

  constructor(handlers: HandlerTable, private readonly nowUs: () => number) {
    handlers.onRequest(SINK_FIGURES, (_body, { session }) => ({
      sinks: (this.#sinks.get(session) ?? []).map((sink) => sink.take()),
      nowUs: nowUs(),
    }));
  }

  /**
   * Gives lanes of this name to `accept`. Returns how to stop it.
   * Throws `conflict` when somebody takes them already.
   */
  on(name: string, accept: LaneAcceptor<Session>, options: LaneHandlerOptions = {}): () => void {
    if (this.#handlers.has(name)) {
      throw new HanaError("conflict", { what: `lanes named ${name} have a handler already` });
    }
    const handler = { accept, untrusted: options.untrusted === true };
    this.#handlers.set(name, handler);
    return () => {
      if (this.#handlers.get(name) === handler) this.#handlers.delete(name);
    };
  }

  /**
   * Who takes this lane; null when nobody does.
   * @param accepted whether the peer opened the session
   */
  accept(lane: ReceivedLane, session: Session, accepted: boolean): LaneReceiver | null {
    const handler = this.#handlers.get(lane.name);
    const isService = handler === undefined && accepted &&
      (lane.name === ECHO_LANE || lane.name === SINK_LANE);
    if (handler === undefined && !isService) {
      this.counters.unknown++;
      return null;
    }
    if (!hasAccess(session.access, "crew") && handler?.untrusted !== true) {
      this.counters.untrusted++;
      return null;
    }
    if (handler !== undefined) return handler.accept(lane, session);
    return lane.name === ECHO_LANE ? this.#echo(lane, session) : this.#sink(lane, session);
  }

  #echo(lane: ReceivedLane, session: Session): LaneReceiver | null {
    const open = this.#echoes.get(session) ?? { count: 0 };
    if (open.count >= MAX_SERVICE_LANES) return this.#refuse();
    let back: OutgoingLane;
    try {
      back = session.openLane({
        name: ECHO_LANE,
        kind: lane.kind,
        tier: lane.tier,
        keyed: lane.keyed,
        maxMessageBytes: lane.maxMessageBytes,
        maxQueuedMessages: MAX_ECHO_QUEUED_MESSAGES,
        maxQueuedBytes: Math.max(MAX_ECHO_QUEUED_BYTES, lane.maxMessageBytes),
        overflow: isReliable(lane.kind) ? "refuse" : "drop-oldest",
      });
    } catch (thrown) {
      // The connection has no lane left.
      if (!(thrown instanceof HanaError)) throw thrown;
      return this.#refuse();
    }
    open.count++;
    this.#echoes.set(session, open);
    const { counters } = this;
    counters.echoLanes++;
    return {
      onMessage: (bytes) => {
        if (back.send(bytes) >= 0) counters.echoed++;
        else counters.echoDropped++;
      },
    };
  }

  #sink(lane: ReceivedLane, session: Session): LaneReceiver | null {
    const sinks = this.#sinks.get(session) ?? [];
    if (sinks.length >= MAX_SERVICE_LANES) return this.#refuse();
    const sink = new Sink(lane, this.nowUs);
    sinks.push(sink);
    this.#sinks.set(session, sinks);
    this.counters.sinkLanes++;
    return sink;
  }

  #refuse(): null {
    this.counters.overloaded++;
    return null;
  }
}

/** Counts what comes by one lane. */
class Sink implements LaneReceiver {
  #messages = 0;
  #bytes = 0;
  #firstUs = 0;
  #lastUs = 0;
  #lastMessages = 0;

  constructor(private readonly lane: ReceivedLane, private readonly nowUs: () => number) {}

  onMessage(bytes: Uint8Array): void {
    this.#messages++;
    this.#bytes += bytes.length;
    if (this.#messages % CLOCK_EVERY !== 1) return;
    this.#lastUs = this.nowUs();
    this.#lastMessages = this.#messages;
    if (this.#messages === 1) this.#firstUs = this.#lastUs;
  }

  /** The figures; counting begins anew. */
  take(): SinkFigures {
    const figures: SinkFigures = {
      lane: this.lane.id,
      kind: this.lane.kind,
      messages: this.#messages,
      bytes: this.#bytes,
      firstUs: this.#firstUs,
      lastUs: this.#lastUs,
      lastMessages: this.#lastMessages,
    };
    this.#messages =
      this.#bytes =
      this.#firstUs =
      this.#lastUs =
      this.#lastMessages =
        0;
    return figures;
  }
}
