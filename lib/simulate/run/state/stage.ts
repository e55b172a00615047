// The shared state of a run: what nodes declare, the apps on them, and what a timeline does to both.
// Decides when apps run and what they do; hosts, copies and clients are those of the nodes that ship.
// Made only for scenarios with shared state: others do not know that there is any.

import type { Node, StateSettings } from "../../../node/mod.ts";
import type { RandomStream } from "../../../platform/mod.ts";
import { type ParameterDefinition, readDefinition, type ReplicaService } from "../../../state/mod.ts";
import { resolveSelector } from "../../language/mod.ts";
import type { Fact } from "../../observe.ts";
import type { Scenario, TimedAction } from "../../scenario.ts";
import type { AppStanding, CopyStanding, StateNews, StateOracle } from "../../state_facts.ts";
import {
  type AppPlan,
  meansName,
  type ParameterRules,
  type StateAction,
  type StatePlan,
} from "../../state_plan.ts";
import type { Station } from "../station.ts";
import { Flood } from "./flood.ts";
import { AppHands, type Look } from "./hands.ts";
import { spoilerOf } from "./spoiler.ts";
import { tapCopy, tapHost, tapReplica } from "./taps.ts";
import { Trouble } from "./trouble.ts";

/** What a stage needs of its run. */
export interface StateSurroundings {
  readonly scenario: Scenario;
  readonly stations: ReadonlyMap<string, Station>;
  nowUs(): number;
  at(atUs: number, run: () => void): void;
  random(name: string): RandomStream;
  tell(fact: Fact): void;
  /** Whether nothing runs on the machine of a node now. */
  isFrozen(node: string): boolean;
}

/** How an action is being played. */
export interface StateOccasion {
  /** Of the action. */
  readonly id: string;
  readonly chosen: readonly string[];
  /** 0 without an end. */
  readonly forUs: number;
  /** Plays another action now. */
  begin(timed: TimedAction): void;
}

/** An app on one node, through all its lives. */
interface App {
  readonly plan: AppPlan;
  readonly node: string;
  /** `desk@app-0`. */
  readonly name: string;
  readonly random: RandomStream;
  life: AppLife | null;
  /** Whether it runs as soon as its node does. */
  isWanted: boolean;
  /** To go on as the client that it was; null for somebody new. */
  token: Uint8Array | null;
  undisturbedSinceUs: number;
  troubles: number;
  isHostile: boolean;
  spoil: { loss: number; duplicate: number; reorder: number } | null;
}

interface AppLife {
  readonly service: ReplicaService;
  readonly hands: AppHands;
  readonly sinceUs: number;
}

/** Shared state in a run. */
export class StateStage implements StateOracle {
  readonly #around: StateSurroundings;
  readonly #apps: App[] = [];
  readonly #hosting = new Set<string>();
  readonly #parameters = new Map<string, Map<string, ParameterRules>>();
  readonly #looks = new Map<string, Look>();
  /** What the host itself declares. */
  readonly #common: ParameterDefinition[] = [];
  #lastWriteUs = 0;
  #isQuiet = false;

  constructor(around: StateSurroundings, plan: StatePlan) {
    this.#around = around;
    const { nodes } = around.scenario;
    for (const { name, on, rules } of plan.parameters) {
      if (on === null) {
        this.#common.push(readDefinition({ ...rules, path: name }));
        continue;
      }
      for (const node of resolveSelector(on, { nodes })) {
        const declared = this.#parameters.get(node) ?? new Map<string, ParameterRules>();
        declared.set(name, rules);
        this.#parameters.set(node, declared);
      }
    }
    if (plan.hosts !== null) {
      for (const node of resolveSelector(plan.hosts, { nodes })) this.#hosting.add(node);
    }
    for (const each of plan.apps) {
      for (const node of resolveSelector(each.on, { nodes })) {
        const name = `${each.name}@${node}`;
        this.#apps.push({
          plan: each,
          node,
          name,
          random: around.random(`state/app/${name}`),
          life: null,
          isWanted: false,
          token: null,
          undisturbedSinceUs: 0,
          troubles: 0,
          isHostile: false,
          spoil: null,
        });
      }
    }
  }

  /** How a node takes part; undefined for one that is as usual. */
  settingsOf(node: string): StateSettings | undefined {
    const declared = this.#parameters.get(node);
    const isHost = this.#hosting.has(node);
    if (declared === undefined && !isHost) return undefined;
    return {
      ...(isHost ? { host: true } : {}),
      ...(declared === undefined ? {} : {
        parameters: Array.from(declared, ([path, rules]) => readDefinition({ ...rules, path })),
      }),
    };
  }

  /** Plans what happens by itself. */
  schedule(): void {
    for (const app of this.#apps) {
      const { startUs, writes, playsEveryUs } = app.plan;
      if (startUs !== null) this.#around.at(startUs, () => this.#want(app));
      for (const { path, everyUs, priority, momentary } of writes) {
        const options = {
          ...(priority === undefined ? {} : { priority }),
          ...(momentary === undefined ? {} : { momentary }),
        };
        this.#repeat(app, everyUs, (nowUs, hands) => hands.writeSome(nowUs, path, options));
      }
      if (playsEveryUs === undefined) continue;
      this.#repeat(app, playsEveryUs, (nowUs, hands) => {
        hands.play(nowUs, this.#clientsBeside(app));
        return true;
      });
    }
  }

  /** A node can be reached. */
  onReady(station: Station, node: Node): void {
    const { name } = station;
    const tell = (news: StateNews): void => this.#tell(name, news);
    tapCopy(node.state.keeper.copy, tell);
    const watch = (service: NonNullable<typeof node.state.hosted>): void => {
      tapHost(service.host, tell);
      for (const definition of this.#common) service.host.define(service.nowUs(), definition);
    };
    node.state.onHosted(watch);
    if (node.state.hosted !== null) watch(node.state.hosted);
    for (const app of this.#apps) if (app.node === name && app.isWanted) this.#start(app);
  }

  /** A node leaves or is gone, and its apps with it. */
  onDown(station: Station): void {
    for (const app of this.#apps) {
      if (app.node !== station.name || app.life === null) continue;
      this.#tell(app.node, { what: "app", app: app.name, does: "is-killed" });
      app.token = null;
      app.life = null;
      this.#noteTrouble(app);
    }
  }

  /** From now on nobody does anything by itself. */
  beginQuiet(): void {
    this.#isQuiet = true;
    for (const app of this.#apps) this.#act(app, (nowUs, hands) => hands.rest(nowUs));
  }

  hosts(): ReturnType<StateOracle["hosts"]> {
    return [...this.#around.stations.values()].flatMap(({ name, node }) => {
      const host = node?.state.hosted?.host;
      return host === undefined ? [] : [{ node: name, host }];
    });
  }

  /** The node that hosts under the newest term; nobody while none does. */
  hostNames(): readonly string[] {
    const [newest] = [...this.hosts()].sort((a, b) => b.host.epoch.term - a.host.epoch.term);
    return newest === undefined ? [] : [newest.node];
  }

  apps(): readonly AppStanding[] {
    return this.#apps.flatMap((app): AppStanding[] => {
      const { life, name, node, plan, isHostile, undisturbedSinceUs } = app;
      if (life === null) return [];
      return [{
        app: name,
        node,
        replica: life.service.replica,
        interests: plan.interests ?? [],
        sinceUs: life.sinceUs,
        undisturbedSinceUs: app.troubles > 0 ? this.#around.nowUs() : undisturbedSinceUs,
        isHostile,
      }];
    });
  }

  copies(): readonly CopyStanding[] {
    return [...this.#around.stations.values()].flatMap(({ name, node }): CopyStanding[] => {
      const keeper = node?.state.keeper;
      const epoch = keeper?.epoch ?? null;
      if (keeper === undefined || epoch === null) return [];
      return [{
        node: name,
        term: epoch.term,
        number: keeper.number,
        sequenceOf: (client) =>
          keeper.snapshot()?.clients.find((each) => each.client === client)?.sequence ?? -1,
      }];
    });
  }

  get lastWriteUs(): number {
    return this.#lastWriteUs;
  }

  /** Plays a verb; returns how to take it back, null where that cannot be. */
  play(action: StateAction, occasion: StateOccasion): (() => void) | null {
    if (action.verb === "redefine") {
      this.#redefine(occasion.chosen, action.parameter, action.rules);
      return null;
    }
    if (action.verb === "trouble") return this.#trouble(action, occasion);
    const apps = this.#apps.filter(({ plan, node }) =>
      meansName(action.app, plan.name) && occasion.chosen.includes(node)
    );
    const undos = apps.flatMap((app) => this.#playOn(app, action, occasion) ?? []);
    return undos.length === 0 ? null : () => undos.forEach((undo) => undo());
  }

  #playOn(
    app: App,
    action: Exclude<StateAction, { verb: "redefine" | "trouble" }>,
    occasion: StateOccasion,
  ): (() => void) | null {
    switch (action.verb) {
      case "write": {
        const { verb: _verb, nodes: _nodes, app: _app, path, value, ...options } = action;
        this.#act(app, (nowUs, hands) => hands.write(nowUs, path, value, options));
        return null;
      }
      case "claim":
        this.#act(app, (nowUs, hands) => hands.claim(nowUs, action.path, action.priority));
        return null;
      case "release":
        this.#act(app, (nowUs, hands) => hands.release(nowUs, action.path));
        return null;
      case "drag": {
        const options = action.priority === undefined ? {} : { priority: action.priority };
        let isOver = false;
        this.#repeat(
          app,
          action.everyUs,
          (nowUs, hands) => hands.writeSome(nowUs, action.path, options),
          () => isOver,
        );
        return () => isOver = true;
      }
      case "own":
        this.#act(
          app,
          (nowUs, hands) => hands.own(nowUs, action.path, action.does, this.#clientOf(action.to)),
        );
        return null;
      case "privilege":
        this.#act(app, (nowUs, hands) => hands.privilege(nowUs, action.does, this.#clientOf(action.to)));
        return null;
      case "transaction":
        this.#act(app, (nowUs, hands) => hands.transaction(nowUs, action));
        return null;
      case "save-state": {
        const look = app.life?.hands.look();
        if (look !== undefined) this.#looks.set(action.as, look);
        return null;
      }
      case "load-state": {
        const look = this.#looks.get(action.from);
        if (look !== undefined) this.#act(app, (nowUs, hands) => hands.load(nowUs, look, action.priority));
        return null;
      }
      case "start-app":
        this.#want(app);
        return null;
      case "leave-app":
      case "kill-app": {
        const token = action.verb === "kill-app" && action.token === "kept"
          ? app.life?.service.replica.token ?? null
          : null;
        const station = this.#around.stations.get(app.node);
        if (action.verb === "leave-app") station?.leave();
        else station?.crash();
        app.token = token;
        app.isWanted = occasion.forUs > 0;
        this.#noteTrouble(app);
        return occasion.forUs === 0 ? null : () => station?.start();
      }
      case "cut-app":
        this.#cut(app);
        return null;
      case "flood": {
        const flood = new Flood({
          node: () => this.#around.stations.get(app.node)?.node ?? null,
          nowUs: () => this.#around.nowUs(),
          at: (atUs, run) => this.#around.at(atUs, run),
          random: app.random,
          everyUs: action.everyUs,
          kind: action.with,
        });
        app.isHostile = true;
        app.life?.service.abandon();
        this.#tell(app.node, { what: "app", app: app.name, does: "turns-hostile" });
        flood.begin();
        return () => flood.end();
      }
      case "damage":
        app.life?.hands.damage(action.entries);
        this.#noteTrouble(app);
        return null;
      case "spoil": {
        this.#tell(app.node, { what: "app", app: app.name, does: "is-spoiled" });
        app.spoil = action;
        app.troubles++;
        return () => {
          app.spoil = null;
          app.troubles--;
          this.#noteTrouble(app);
        };
      }
    }
  }

  #want(app: App): void {
    app.isWanted = true;
    this.#start(app);
  }

  #start(app: App): void {
    const node = this.#around.stations.get(app.node)?.node ?? null;
    if (node === null || app.life !== null) return;
    const { plan, token, name } = app;
    app.token = null;
    const interests = plan.interests?.map((prefix) => ({ prefix, rate: "fast" as const, maxHz: 0 }));
    this.#tell(app.node, { what: "app", app: name, does: "starts" });
    const service = node.state.client({
      name,
      ...(interests === undefined ? {} : { interests }),
      ...(token === null ? {} : { token }),
    });
    const { replica } = service;
    tapReplica(
      replica,
      name,
      (news) => this.#tell(app.node, news),
      spoilerOf(app.random, () => app.spoil),
    );
    const hands = new AppHands(replica, app.random, plan.name);
    service.onEvent((event) => hands.handleEvent(event));
    app.life = { service, hands, sinceUs: this.#around.nowUs() };
    this.#noteTrouble(app);
  }

  #noteTrouble(app: App): void {
    app.undisturbedSinceUs = this.#around.nowUs();
  }

  /** Lets an app do something now, if it is there. */
  #act(app: App, deed: (nowUs: number, hands: AppHands) => unknown): void {
    const { life } = app;
    const { isFrozen, stations } = this.#around;
    if (life === null || app.isHostile || stations.get(app.node)?.isUp !== true) return;
    if (isFrozen(app.node)) return;
    const { service, hands } = life;
    if (deed(service.nowUs(), hands) !== false) this.#lastWriteUs = this.#around.nowUs();
    service.pump();
  }

  /** Lets an app do something again and again, at paces that are its own. */
  #repeat(
    app: App,
    everyUs: number,
    deed: (nowUs: number, hands: AppHands) => unknown,
    isOver: () => boolean = () => this.#isQuiet,
  ): void {
    const next = (): void => {
      if (isOver()) return;
      this.#act(app, deed);
      later(everyUs);
    };
    const later = (us: number): void =>
      this.#around.at(this.#around.nowUs() + Math.max(1, Math.floor(us)), next);
    later(everyUs * app.random.float());
  }

  /** Closes every session of an app's node with the host. */
  #cut(app: App): void {
    const node = this.#around.stations.get(app.node)?.node ?? null;
    const hostId = app.life?.service.hostId ?? null;
    if (node === null || hostId === null) return;
    for (const session of node.sessions.all()) {
      if (session.peer.id === hostId) void session.close("cut");
    }
    this.#noteTrouble(app);
  }

  /** Visualizations start anew with another declaration. */
  #redefine(chosen: readonly string[], parameter: string, rules: ParameterRules): void {
    for (const node of chosen) {
      const declared = this.#parameters.get(node);
      if (declared === undefined) continue;
      for (const name of declared.keys()) if (meansName(parameter, name)) declared.set(name, rules);
      this.#around.stations.get(node)?.restart();
    }
  }

  #trouble(action: Extract<StateAction, { verb: "trouble" }>, occasion: StateOccasion): () => void {
    const trouble = new Trouble({
      id: occasion.id,
      action,
      chosen: occasion.chosen,
      apps: this.#apps.map(({ node, plan }) => ({ node, app: plan.name })),
      endUs: this.#around.nowUs() + occasion.forUs,
      random: this.#around.random(`state/trouble/${occasion.id}`),
      hosts: () => this.hosts().map(({ node }) => node),
      nowUs: () => this.#around.nowUs(),
      at: (atUs, run) => this.#around.at(atUs, run),
      begin: (timed) => occasion.begin(timed),
    });
    trouble.begin();
    return () => trouble.end();
  }

  /** The number of an app's client; 0 while it has none. */
  #clientOf(name: string | undefined): number {
    const app = this.#apps.find((each) => each.name === name);
    return app?.life?.service.replica.client ?? 0;
  }

  #clientsBeside(app: App): number[] {
    return this.#apps.flatMap((each) => {
      const client = each === app ? 0 : each.life?.service.replica.client ?? 0;
      return client === 0 ? [] : [client as number];
    });
  }

  #tell(node: string, news: StateNews): void {
    // Deeds of those who are frozen are told when they are done; who is down says nothing.
    this.#around.tell({ ...news, kind: "state", atUs: this.#around.nowUs(), node });
  }
}
