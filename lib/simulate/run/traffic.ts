// Messages that flow by themselves between nodes: streams and requests on the lanes of kept sessions.
// Decides when the next one goes and how it is numbered, so that age, gaps, losses and order can be judged.
// The sessions are those of the node that ships, kept by its `SessionKeeper`; never a shortcut.

import { type FencingToken, formatToken, HanaError, type NodeId, parseToken } from "../../base/mod.ts";
import type { Node } from "../../node/mod.ts";
import type { Platform, RandomStream, TimerHandle } from "../../platform/mod.ts";
import { ANY_ROLE, defineEvent, defineRequest, type Session, SessionKeeper } from "../../session/mod.ts";
import { type Infer, s } from "../../wire/mod.ts";
import { resolveSelector } from "../language/mod.ts";
import type { Fact } from "../observe.ts";
import type { NodePlan, Scenario, TrafficPlan } from "../scenario.ts";
import { sessionNumber } from "./station.ts";

type LaneName = TrafficPlan["lane"];

const BODY = s.object({
  traffic: s.string(),
  from: s.string(),
  number: s.integer(),
  sentAtUs: s.integer(),
  filler: s.bytes(),
});

type MessageBody = Infer<typeof BODY>;

const makeEvent = (lane: LaneName) =>
  defineEvent({
    name: `simulate.stream.${lane}`,
    lane,
    effect: "read",
    from: ANY_ROLE,
    to: ANY_ROLE,
    body: BODY,
  });

const makeRequest = (lane: LaneName) =>
  defineRequest({
    name: `simulate.request.${lane}`,
    lane,
    effect: "read",
    from: ANY_ROLE,
    to: ANY_ROLE,
    body: BODY,
    reply: s.object({ number: s.integer() }),
  });

/** What a leader commands: it goes through the session's fence as any command does, and changes one thing at each executor. */
const COMMAND = defineRequest({
  name: "simulate.command",
  lane: "control",
  effect: "command",
  fenced: "required",
  resource: "show",
  from: ["app"],
  to: ["app", "visualization", "daemon"],
  body: s.object({ token: s.string(), message: BODY }),
  reply: s.object({ number: s.integer() }),
});

const LANE_NAMES = ["control", "state", "modulation", "events", "telemetry"] as const;
const EVENTS = new Map(LANE_NAMES.map((lane) => [lane, makeEvent(lane)]));
const REQUESTS = new Map(LANE_NAMES.map((lane) => [lane, makeRequest(lane)]));

/** What a message without filler takes: names, numbers and their keys. */
const BARE_BYTES = 72;

/** A node that sends or is sent to. */
export interface TrafficStation {
  readonly name: string;
  readonly plan: NodePlan;
  readonly lastId: NodeId | null;
  readonly node: { readonly addresses: readonly string[] } | null;
  /** Told of every session that it opens. */
  noteSession(session: Session): void;
}

/** What traffic needs of its run. */
export interface TrafficSurroundings {
  readonly scenario: Scenario;
  readonly stations: ReadonlyMap<string, TrafficStation>;
  /** The last number of a flow, where its sender has lived before and nobody here was there. */
  lastNumber?(traffic: string, from: string, to: string): number;
  nowUs(): number;
  at(atUs: number, run: () => void): void;
  random(name: string): RandomStream;
  tell(fact: Fact): void;
  isWanted(kind: Fact["kind"]): boolean;
  sharesMesh(a: string, b: string): boolean;
}

/** Traffic that has begun: who sends to whom. */
interface Flow {
  readonly plan: TrafficPlan;
  readonly from: ReadonlySet<string>;
  readonly to: readonly string[];
  readonly filler: Uint8Array;
}

/** What one life of a node sends and keeps. */
interface Sender {
  readonly station: TrafficStation;
  readonly node: Node;
  readonly platform: Platform;
  readonly keepers: Map<string, SessionKeeper>;
  readonly timers: Set<TimerHandle>;
}

/** The traffic of a run. */
export class Traffic {
  readonly #around: TrafficSurroundings;
  readonly #flows: Flow[] = [];
  readonly #senders = new Map<string, Sender>();
  readonly #numbers = new Map<string, number>();
  #sessions = 0;

  constructor(around: TrafficSurroundings) {
    this.#around = around;
  }

  /** Plans the beginnings. */
  schedule(): void {
    for (const plan of this.#around.scenario.traffic) this.#around.at(plan.startUs, () => this.#begin(plan));
  }

  /** A node can be reached: it answers, and sends what it has to. */
  onReady(station: TrafficStation, node: Node, platform: Platform): void {
    for (const definition of EVENTS.values()) {
      node.onEvent(definition, (body, { session }) => this.#onMessage(station, body, session));
    }
    for (const definition of REQUESTS.values()) {
      node.onRequest(definition, (body, { session }) => {
        this.#onMessage(station, body, session);
        return { number: body.number };
      });
    }
    node.onRequest(COMMAND, ({ token, message }, { session }) => {
      this.#tellCommanded(station.name, message.from, token);
      this.#onMessage(station, message, session);
      return { number: message.number };
    });
    const sender: Sender = { station, node, platform, keepers: new Map(), timers: new Set() };
    this.#senders.set(station.name, sender);
    for (const flow of this.#flows) this.#join(sender, flow);
  }

  /** A node leaves or is gone. */
  onDown(station: TrafficStation): void {
    const sender = this.#senders.get(station.name);
    this.#senders.delete(station.name);
    if (sender === undefined) return;
    for (const timer of sender.timers) timer.cancel();
    for (const keeper of sender.keepers.values()) void keeper.stop("quit");
  }

  /** Messages that wait at a node for a session, the most for any one peer; null while it sends nothing. */
  waiting(name: string): number | null {
    const keepers = this.#senders.get(name)?.keepers;
    if (keepers === undefined || keepers.size === 0) return null;
    return Math.max(...[...keepers.values()].map((keeper) => keeper.bufferedMessages));
  }

  #begin(plan: TrafficPlan): void {
    const { nodes } = this.#around.scenario;
    const random = this.#around.random(`selector/traffic/${plan.id}`);
    const flow: Flow = {
      plan,
      from: new Set(resolveSelector(plan.from, { nodes, random })),
      to: resolveSelector(plan.to, { nodes, random }),
      filler: new Uint8Array(Math.max(0, plan.bytes - BARE_BYTES)),
    };
    this.#flows.push(flow);
    for (const sender of this.#senders.values()) this.#join(sender, flow);
  }

  #join(sender: Sender, flow: Flow): void {
    const { plan } = flow;
    const from = sender.station.name;
    if (!flow.from.has(from) || this.#around.nowUs() >= plan.endUs) return;
    for (const to of flow.to) {
      if (to === from) continue;
      // Streams of many nodes do not beat in step.
      const phase = this.#around.random(`traffic/${plan.id}/${from}/${to}`).float();
      this.#keeper(sender, to);
      this.#later(sender, Math.floor(phase * plan.everyUs), () => this.#send(sender, flow, to));
    }
  }

  #later(sender: Sender, inUs: number, run: () => void): void {
    const { clock, timers } = sender.platform;
    const timer = timers.schedule(clock.nowUs() + inUs, () => {
      sender.timers.delete(timer);
      run();
    });
    sender.timers.add(timer);
  }

  #send(sender: Sender, flow: Flow, to: string): void {
    const { plan, filler } = flow;
    const atUs = this.#around.nowUs();
    if (atUs >= plan.endUs || this.#senders.get(sender.station.name) !== sender) return;
    this.#later(sender, plan.everyUs, () => this.#send(sender, flow, to));
    const token = plan.kind === "command" ? sender.node.discovery?.leaseToken ?? null : null;
    if (plan.kind === "command" && token === null) return;
    const from = sender.station.name;
    const key = `${plan.id}/${from}/${to}`;
    const before = this.#numbers.get(key) ?? this.#around.lastNumber?.(plan.id, from, to) ?? 0;
    const number = before + 1;
    this.#numbers.set(key, number);
    const body = { traffic: plan.id, from, number, sentAtUs: atUs, filler };
    const keeper = this.#keeper(sender, to);
    const status = plan.kind === "stream"
      ? this.#post(keeper, plan.lane, body)
      : this.#request(keeper, flow, to, body, token);
    if (!this.#around.isWanted("sent")) return;
    this.#around.tell({ kind: "sent", atUs, traffic: plan.id, from, to, number, status });
  }

  #post(keeper: SessionKeeper, lane: LaneName, body: MessageBody): string {
    const definition = EVENTS.get(lane);
    if (definition === undefined) return "refused";
    try {
      return keeper.send(definition, body);
    } catch (thrown) {
      if (thrown instanceof HanaError) return thrown.code;
      throw thrown;
    }
  }

  /** The executor's fence has let a command pass. */
  #tellCommanded(node: string, from: string, text: string): void {
    const token = parseToken(text);
    if (token === null || !this.#around.isWanted("commanded")) return;
    this.#around.tell({ kind: "commanded", atUs: this.#around.nowUs(), node, from, token });
  }

  #request(
    keeper: SessionKeeper,
    { plan }: Flow,
    to: string,
    body: MessageBody,
    token: FencingToken | null,
  ): string {
    const definition = REQUESTS.get(plan.lane);
    if (definition === undefined) return "refused";
    const { from, number, sentAtUs } = body;
    const settle = (status: string): void => {
      if (!this.#around.isWanted("answered")) return;
      const atUs = this.#around.nowUs();
      this.#around.tell({ kind: "answered", atUs, traffic: plan.id, from, to, number, status, sentAtUs });
    };
    const answer = plan.kind === "command" && token !== null
      ? keeper.request(COMMAND, { token: formatToken(token), message: body }, { token })
      : keeper.request(definition, body);
    answer.then(
      () => settle("ok"),
      (thrown) => settle(thrown instanceof HanaError ? thrown.code : "internal"),
    );
    return "sent";
  }

  #onMessage(station: TrafficStation, body: MessageBody, session: Session): void {
    if (!this.#around.isWanted("received")) return;
    this.#around.tell({
      kind: "received",
      atUs: this.#around.nowUs(),
      traffic: body.traffic,
      from: body.from,
      to: station.name,
      number: body.number,
      sentAtUs: body.sentAtUs,
      session: sessionNumber(session, () => ++this.#sessions),
    });
  }

  #keeper(sender: Sender, to: string): SessionKeeper {
    let keeper = sender.keepers.get(to);
    if (keeper === undefined) {
      keeper = new SessionKeeper({
        platform: sender.platform,
        connect: (signal) => this.#connect(sender, to, signal),
      });
      sender.keepers.set(to, keeper);
    }
    return keeper;
  }

  async #connect(sender: Sender, to: string, signal: AbortSignal): Promise<Session> {
    const { station, node } = sender;
    const target = this.#around.stations.get(to);
    const id = target?.lastId ?? null;
    if (target === undefined || id === null) {
      throw new HanaError("not-found", { what: `no node ${to} is known`, why: "it has not started" });
    }
    const session = await node.open(this.#addressOf(station, target, id), { signal });
    station.noteSession(session);
    return session;
  }

  /** A stranger knows nobody by name: it tries the door itself. */
  #addressOf(station: TrafficStation, target: TrafficStation, id: NodeId): string {
    if (this.#around.sharesMesh(station.name, target.name)) return id;
    const door = target.node?.addresses.find((address) => address.startsWith("tcp://"));
    if (door === undefined) throw new HanaError("unreachable", { what: `${target.name} listens nowhere` });
    return door;
  }
}
