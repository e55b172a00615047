// Shared state on its cores alone: hosts, copies and clients that speak bytes over ways which stall, break and lose, under
// faults drawn from a seed. Rules are those of the simulator (lib/simulate/observers), on the same facts.
// Much is worse than on real nodes: messages are lost and swapped above the lanes, and hosts go on after their term.

import type { NodeId } from "../../../lib/base/mod.ts";
import type { LinkNumber } from "../../../lib/state/holding/mod.ts";
import { StandbyCopy, type StandbyUpdate, StateHost } from "../../../lib/state/host/mod.ts";
import { CopyDecoder, CopyEncoder } from "../../../lib/state/copies/mod.ts";
import {
  MessageDecoder,
  MessageEncoder,
  STATE_PROTOCOL,
  type StateMessage,
} from "../../../lib/state/messages/mod.ts";
import { StateReplica } from "../../../lib/state/replica/mod.ts";
import type { ParameterDefinition } from "../../../lib/state/model/mod.ts";
import { readDefinition } from "../../../lib/state/schema/mod.ts";
import { AppHands, spoilerOf, tapCopy, tapHost, tapReplica } from "../../../lib/simulate/run/state/mod.ts";
import { OBSERVERS } from "../../../lib/simulate/mod.ts";
import type { Fact, Oracle, RunObserver, Violation } from "../../../lib/simulate/observe.ts";
import type { AppStanding, CopyStanding, StateNews } from "../../../lib/simulate/state_facts.ts";
import { EventHeap } from "../lanes/heap.ts";
import { Draws } from "../lanes/random.ts";

const MS = 1_000;
const SECOND = 1_000_000;
/** A way that is closed for so long breaks what goes over it. */
const BREAK_US = 1_500 * MS;
/** A host that reaches no majority gives up before another one begins. */
const LEASE_US = 1_000 * MS;
const ELECTION_US = 1_300 * MS;
/** A zombie notices that it is one after this at most. */
const ZOMBIE_US = 1_500 * MS;
const TICK_US = 100 * MS;

/** How a run goes. */
export interface ShowOptions {
  readonly seed: number;
  /** How long things go wrong, and how long they are well afterwards. */
  readonly troubleUs?: number;
  readonly quietUs?: number;
  /** Told of every fact as it happens. */
  readonly onFact?: (fact: Fact) => void;
}

/** What came of it. */
export interface ShowResult {
  readonly violations: readonly string[];
  readonly claims: ReadonlyMap<string, number>;
  readonly facts: number;
  readonly terms: number;
}

/** One direction between two nodes. */
interface Way {
  readonly from: string;
  readonly to: string;
  lastUs: number;
  readonly queue: { readonly atUs: number; readonly sentUs: number; readonly take: () => void }[];
  isOpen(): boolean;
  /** When whoever is at its end runs again. */
  awakeUs(): number;
  breakIt(): void;
}

interface Candidate {
  readonly name: string;
  copy: StandbyCopy;
  host: HostRun | null;
  isUp: boolean;
  frozenUntilUs: number;
  upSinceUs: number;
}

interface HostRun {
  readonly host: StateHost;
  readonly links: Map<LinkNumber, Link>;
  readonly standbys: Map<string, LinkNumber>;
  lastLink: number;
  aloneSinceUs: number;
  zombieSinceUs: number | null;
  isOver: boolean;
}

interface Link {
  readonly number: LinkNumber;
  readonly host: Candidate;
  readonly run: HostRun;
  readonly desk: Desk;
  isOpen: boolean;
  readonly up: Way;
  readonly down: Way;
}

interface Desk {
  readonly name: string;
  readonly node: string;
  readonly id: NodeId;
  readonly random: Draws;
  replica: StateReplica;
  hands: AppHands;
  link: Link | null;
  /** Tokens that it ever had, the newest last. */
  readonly tokens: Uint8Array[];
  frozenUntilUs: number;
  sinceUs: number;
  undisturbedSinceUs: number;
  spoil: { loss: number; duplicate: number; reorder: number } | null;
  reconnectUs: number;
}

const idOf = (number: number): NodeId => number.toString(16).padStart(32, "0") as NodeId;

const PARAMETERS: readonly ParameterDefinition[] = [
  { path: "wall/hue", type: "f32", min: 0, max: 1 },
  { path: "wall/size", type: "f32", min: 0, max: 9 },
  { path: "wall/level", type: "unit", merge: "highest" },
  { path: "wall/look", type: "enum", words: ["a", "b", "c"], default: "a", subsystem: "cues" },
  { path: "wall/text", type: "text", default: "", subsystem: "cues" },
  { path: "layer-0", type: "i32", min: 0, max: 1000 },
  { path: "layer-1", type: "i32", min: 0, max: 1000, onLoss: "fallback" },
  { path: "layer-2", type: "bool", default: false, onLoss: "default" },
  { path: "sum", type: "i32", min: 0, max: 100_000, merge: "sum" },
  { path: "camera", type: "vec3", min: -1, max: 1, merge: "lock" },
].map((each) => readDefinition(each));

/** One run. */
export class CoreShow {
  readonly #options: Required<Omit<ShowOptions, "onFact">> & Pick<ShowOptions, "onFact">;
  readonly #random: Draws;
  readonly #events = new EventHeap();
  readonly #candidates: Candidate[] = [];
  readonly #desks: Desk[] = [];
  readonly #encoder = new MessageEncoder();
  readonly #decoder = new MessageDecoder();
  readonly #copyEncoder = new CopyEncoder();
  readonly #copyDecoder = new CopyDecoder();
  readonly #observers: RunObserver[] = [];
  readonly #violations: string[] = [];
  readonly #claims = new Map<string, number>();
  /** The group of each node; equal groups reach each other. */
  readonly #groups = new Map<string, number>();
  #groupsSinceUs = 0;
  #nowUs = SECOND;
  #phase: Oracle["phase"] = "active";
  #term = 0;
  #current: Candidate | null = null;
  #hostlessSinceUs = 0;
  #lastWriteUs = 0;
  #facts = 0;
  #endUs = 0;

  constructor(options: ShowOptions) {
    this.#options = { troubleUs: 12 * SECOND, quietUs: 10 * SECOND, ...options };
    this.#random = new Draws(options.seed, "show");
    this.#watch();
    for (let at = 0; at < 3; at++) {
      const candidate: Candidate = {
        name: `host-${at}`,
        copy: new StandbyCopy(),
        host: null,
        isUp: true,
        frozenUntilUs: 0,
        upSinceUs: 0,
      };
      this.#candidates.push(candidate);
      this.#groups.set(candidate.name, 0);
      tapCopy(candidate.copy, (news) => this.#tell(candidate.name, news));
    }
    for (let at = 0; at < 4; at++) {
      const node = `desk-${at}`;
      this.#groups.set(node, 0);
      const random = new Draws(options.seed, node);
      const desk = {
        name: `desk@${node}`,
        node,
        id: idOf(100 + at),
        random,
        link: null,
        tokens: [],
        frozenUntilUs: 0,
        sinceUs: 0,
        undisturbedSinceUs: 0,
        spoil: null,
        reconnectUs: 0,
      } as unknown as Desk;
      this.#desks.push(desk);
      this.#boot(desk, null);
    }
  }

  /** Plays it. */
  play(): ShowResult {
    const { troubleUs, quietUs } = this.#options;
    const troubleEndUs = this.#nowUs + troubleUs;
    this.#endUs = troubleEndUs + quietUs;
    this.#tick();
    for (const desk of this.#desks) this.#play(desk, troubleEndUs);
    this.#trouble(this.#nowUs + SECOND, troubleEndUs);
    this.#steal(troubleEndUs);
    this.#at(troubleEndUs, () => {
      this.#heal();
      for (const desk of this.#desks) {
        desk.hands.rest(this.#nowUs);
        this.#pumpDesk(desk);
      }
      this.#phase = "quiet";
    });
    for (
      let next = this.#events.take();
      next !== null && next.atUs < this.#endUs;
      next = this.#events.take()
    ) {
      this.#nowUs = Math.max(this.#nowUs, next.atUs);
      next.run();
    }
    this.#nowUs = this.#endUs;
    this.#tellFact({ kind: "phase", atUs: this.#nowUs, phase: "end" });
    return { violations: this.#violations, claims: this.#claims, facts: this.#facts, terms: this.#term };
  }

  // --- who watches ------------------------------------------------------------------------------------------------

  #watch(): void {
    const oracle = this.#oracle();
    for (const definition of OBSERVERS) {
      if (!definition.id.startsWith("state_")) continue;
      this.#observers.push(definition.create({
        // A scenario with shared state is all that they ask of it.
        scenario: { state: { hosts: null, parameters: [], apps: [] } } as never,
        seed: this.#options.seed,
        oracle,
        violate: (violation: Omit<Violation, "atUs">) => {
          if (this.#violations.length < 10) {
            this.#violations.push(`${(this.#nowUs / SECOND).toFixed(3)} ${violation.id}: ${violation.text}`);
          }
        },
        claim: (name) => this.#claims.set(name, (this.#claims.get(name) ?? 0) + 1),
      }));
    }
  }

  #oracle(): Oracle {
    // deno-lint-ignore no-this-alias
    const show = this;
    const nameAt = (name: string) => this.#candidates.find((each) => each.name === name);
    const oracle: Partial<Oracle> = {
      get nowUs() {
        return show.#nowUs;
      },
      get phase() {
        return show.#phase;
      },
      isUp: (name) => nameAt(name)?.isUp ?? true,
      sinceUs: (name) => nameAt(name)?.upSinceUs ?? 0,
      wasStalled: (name, withinUs) => this.#nowUs - (nameAt(name)?.frozenUntilUs ?? -Infinity) < withinUs,
      canTalk: (a, b) => this.#canTalk(a, b),
      canTalkSinceUs: () => this.#groupsSinceUs,
      quality: (a, b) => this.#canTalk(a, b) ? "clean" : "none",
      currentId: (node) => this.#desks.find((each) => each.node === node)?.id ?? null,
      state: {
        hosts: () =>
          this.#candidates.flatMap(({ name, host, isUp }) =>
            host === null || host.isOver || !isUp ? [] : [{ node: name, host: host.host }]
          ),
        apps: () => this.#desks.map((desk) => this.#standingOf(desk)),
        copies: () => this.#candidates.flatMap((candidate) => candidate.isUp ? this.#copyOf(candidate) : []),
        get lastWriteUs() {
          return show.#lastWriteUs;
        },
      },
    };
    return oracle as Oracle;
  }

  #standingOf({ name, node, replica, sinceUs, undisturbedSinceUs, spoil }: Desk): AppStanding {
    return {
      app: name,
      node,
      replica,
      interests: [],
      sinceUs,
      undisturbedSinceUs: spoil === null ? undisturbedSinceUs : this.#nowUs,
      isHostile: false,
    };
  }

  #copyOf({ name, copy }: Candidate): CopyStanding[] {
    if (copy.epoch === null) return [];
    return [{
      node: name,
      term: copy.epoch.term,
      number: copy.number,
      sequenceOf: (client) => copy.snapshot()?.clients.find((each) => each.client === client)?.sequence ?? -1,
    }];
  }

  #tell(node: string, news: StateNews): void {
    this.#tellFact({ ...news, kind: "state", atUs: this.#nowUs, node });
  }

  #tellFact(fact: Fact): void {
    this.#facts++;
    this.#options.onFact?.(fact);
    for (const observer of this.#observers) {
      if (observer.wants?.includes(fact.kind) === true) observer.onFact?.(fact);
    }
  }

  // --- ways -------------------------------------------------------------------------------------------------------

  #at(atUs: number, run: () => void): void {
    this.#events.add(atUs, run);
  }

  #canTalk(a: string, b: string): boolean {
    return a === b || this.#groups.get(a) === this.#groups.get(b);
  }

  #part(groups: (name: string) => number): void {
    for (const name of this.#groups.keys()) this.#groups.set(name, groups(name));
    this.#groupsSinceUs = this.#nowUs;
  }

  /** Runs `take` when what is sent now arrives; what meets a closed way waits, nothing overtakes it, and it breaks in the end. */
  #carry(way: Way, take: () => void, extraUs = 0): void {
    way.lastUs = Math.max(way.lastUs, this.#nowUs + this.#delayUs());
    const atUs = way.lastUs + extraUs;
    way.queue.push({ atUs, sentUs: this.#nowUs, take });
    this.#at(atUs, () => this.#drain(way));
  }

  #drain(way: Way): void {
    const { queue, from, to } = way;
    for (let at = queue.findIndex(({ atUs }) => atUs <= this.#nowUs); at >= 0;) {
      const next = queue[at];
      if (next === undefined || !way.isOpen()) return void (queue.length = 0);
      if (!this.#canTalk(from, to)) {
        if (this.#nowUs - next.sentUs > BREAK_US) return way.breakIt();
        return this.#at(this.#nowUs + 50 * MS, () => this.#drain(way));
      }
      const awakeUs = way.awakeUs();
      if (awakeUs > this.#nowUs) return this.#at(awakeUs, () => this.#drain(way));
      queue.splice(at, 1);
      next.take();
      at = queue.findIndex(({ atUs }) => atUs <= this.#nowUs);
    }
  }

  #delayUs(): number {
    const { float } = { float: () => this.#random.float() };
    // A few hundred microseconds, and now and then as long as a radio takes.
    return Math.floor(150 - 150 * Math.log(1 - float()) + (float() < 0.02 ? float() * 60 * MS : 0));
  }

  // --- hosts ------------------------------------------------------------------------------------------------------

  #isAble(candidate: Candidate): boolean {
    return candidate.isUp && this.#nowUs >= candidate.frozenUntilUs;
  }

  #peersOf(candidate: Candidate): Candidate[] {
    return this.#candidates.filter((other) =>
      this.#isAble(other) && this.#canTalk(candidate.name, other.name)
    );
  }

  #tick(): void {
    for (const candidate of this.#candidates) {
      const { host } = candidate;
      if (host === null || host.isOver || !this.#isAble(candidate)) continue;
      if (this.#peersOf(candidate).length >= 2) host.aloneSinceUs = Infinity;
      else host.aloneSinceUs = Math.min(host.aloneSinceUs, this.#nowUs);
      const isLate = this.#nowUs - host.aloneSinceUs > LEASE_US;
      const isZombie = host.zombieSinceUs !== null &&
        this.#nowUs - host.zombieSinceUs > ZOMBIE_US * this.#random.float();
      if (isLate || isZombie) this.#depose(candidate);
      else this.#joinStandbys(candidate, host);
    }
    this.#elect();
    for (const desk of this.#desks) this.#keep(desk);
    for (const observer of this.#observers) observer.onTick?.(this.#nowUs);
    if (this.#nowUs + TICK_US < this.#endUs) this.#at(this.#nowUs + TICK_US, () => this.#tick());
  }

  #elect(): void {
    const current = this.#current;
    const isThere = current !== null && current.host !== null && !current.host.isOver &&
      this.#isAble(current) &&
      this.#peersOf(current).length >= 2;
    if (isThere) {
      this.#hostlessSinceUs = this.#nowUs;
      return;
    }
    if (this.#nowUs - this.#hostlessSinceUs < ELECTION_US && this.#term > 0) return;
    const able = this.#candidates.filter((each) => this.#isAble(each) && this.#peersOf(each).length >= 2);
    const next = able[this.#random.below(Math.max(1, able.length))];
    if (next === undefined) return;
    if (current?.host !== null && current?.host !== undefined && !current.host.isOver) {
      const { host: run } = current;
      run.zombieSinceUs = Math.max(this.#nowUs, current.frozenUntilUs);
      // Its lease is over by now: it may go on talking, and nobody keeps copies for it.
      for (const [name, number] of run.standbys) {
        run.standbys.delete(name);
        run.host.handleStandbyLeft(this.#nowUs, number);
      }
    }
    this.#begin(next);
  }

  #begin(candidate: Candidate): void {
    if (candidate.host !== null && !candidate.host.isOver) this.#depose(candidate);
    let from: StandbyUpdate | null = null;
    for (const { copy } of this.#peersOf(candidate)) {
      const found = copy.snapshot();
      if (found === null) continue;
      const isNewer = from === null || found.epoch.term > from.epoch.term ||
        (found.epoch.term === from.epoch.term && found.number > from.number);
      if (isNewer) from = found;
    }
    const term = ++this.#term;
    const { nowUs } = this;
    const host = new StateHost(nowUs, {
      epoch: { term, hostId: idOf(1 + this.#candidates.indexOf(candidate)) },
      random: new Draws(this.#options.seed, `tokens/${term}`),
      ...(from === null ? {} : { from: this.#recode(from) }),
    });
    const run: HostRun = {
      host,
      links: new Map(),
      standbys: new Map(),
      lastLink: 0,
      aloneSinceUs: Infinity,
      zombieSinceUs: null,
      isOver: false,
    };
    candidate.host = run;
    this.#current = candidate;
    this.#hostlessSinceUs = nowUs;
    tapHost(host, (news) => this.#tell(candidate.name, news));
    for (const definition of PARAMETERS) host.define(nowUs, definition);
    this.#pumpHost(candidate, run);
  }

  get nowUs(): number {
    return this.#nowUs;
  }

  #depose(candidate: Candidate): void {
    const { host: run } = candidate;
    if (run === null || run.isOver) return;
    run.host.handleDeposed(this.#nowUs, null);
    this.#pumpHost(candidate, run);
    run.isOver = true;
    if (run.zombieSinceUs === null) candidate.copy.handleUpdate(run.host.snapshot());
    for (const link of run.links.values()) this.#close(link, true);
    candidate.host = null;
  }

  #joinStandbys(candidate: Candidate, run: HostRun): void {
    if (run.zombieSinceUs !== null) return this.#pumpHost(candidate, run);
    for (const other of this.#candidates) {
      if (other === candidate) continue;
      const link = run.standbys.get(other.name);
      const isThere = this.#isAble(other) && this.#canTalk(candidate.name, other.name);
      if (link === undefined && isThere) {
        const number = ++run.lastLink as LinkNumber;
        run.standbys.set(other.name, number);
        run.host.handleStandbyJoined(this.#nowUs, number);
      } else if (link !== undefined && (!other.isUp || (!isThere && this.#random.below(8) === 0))) {
        run.standbys.delete(other.name);
        run.host.handleStandbyLeft(this.#nowUs, link);
      }
    }
    this.#pumpHost(candidate, run);
  }

  /** Everything that the host has to say, and its next deadline. */
  #pumpHost(candidate: Candidate, run: HostRun): void {
    if (run.isOver || !this.#isAble(candidate)) return;
    const { host } = run;
    for (let next = host.poll(); next !== null; next = host.poll()) {
      const link = run.links.get(next.to);
      if (link === undefined || !link.isOpen) continue;
      const bytes = next.bytes.slice();
      this.#carry(link.down, () => this.#down(link, bytes));
    }
    for (let next = host.pollStandby(); next !== null; next = host.pollStandby()) {
      this.#copy(candidate, run, next.to, next.update);
    }
    while (host.pollEvent() !== null) { /* nobody acts on them here */ }
    const atUs = host.deadline()?.atUs;
    if (atUs !== undefined) this.#wakeHost(candidate, run, atUs);
  }

  readonly #wakes = new WeakMap<object, number>();

  #wakeHost(candidate: Candidate, run: HostRun, atUs: number): void {
    if ((this.#wakes.get(run) ?? Infinity) <= atUs) return;
    this.#wakes.set(run, atUs);
    this.#at(Math.max(atUs, candidate.frozenUntilUs), () => {
      if ((this.#wakes.get(run) ?? Infinity) > atUs || run.isOver) return;
      this.#wakes.set(run, Infinity);
      if (!this.#isAble(candidate)) {
        return candidate.isUp ? this.#wakeHost(candidate, run, candidate.frozenUntilUs) : undefined;
      }
      if ((run.host.deadline()?.atUs ?? Infinity) <= this.#nowUs) run.host.handleDeadline(this.#nowUs);
      this.#pumpHost(candidate, run);
    });
  }

  #copy(candidate: Candidate, run: HostRun, to: LinkNumber, update: StandbyUpdate): void {
    const other = this.#candidates.find(({ name }) => run.standbys.get(name) === to);
    if (other === undefined) return;
    const { copy } = other;
    const isOpen = (): boolean => !run.isOver && run.standbys.get(other.name) === to && other.copy === copy;
    const leave = (): void => {
      if (run.standbys.delete(other.name)) run.host.handleStandbyLeft(this.#nowUs, to);
    };
    const taken = this.#recode(update);
    const way = (from: Candidate, to: Candidate): Way => ({
      from: from.name,
      to: to.name,
      lastUs: 0,
      queue: [],
      isOpen,
      awakeUs: () => to.isUp ? to.frozenUntilUs : 0,
      breakIt: leave,
    });
    this.#carry(way(candidate, other), () => {
      if (!other.isUp) return leave();
      const number = copy.handleUpdate(taken);
      this.#carry(way(other, candidate), () => {
        if (!isOpen() || !candidate.isUp) return;
        run.host.handleStandbyConfirmed(this.#nowUs, to, number);
        this.#pumpHost(candidate, run);
      });
    });
  }

  #recode(update: StandbyUpdate): StandbyUpdate {
    const bytes = this.#copyEncoder.encodeUpdate(update);
    if (bytes === null) throw new Error("an update has no form");
    const decoded = this.#copyDecoder.decodeUpdate(bytes);
    if (typeof decoded === "string") throw new Error(`an update is ${decoded}`);
    return decoded;
  }

  #whenAble(candidate: Candidate, run: () => void): void {
    if (this.#isAble(candidate)) run();
    else if (candidate.isUp) this.#at(candidate.frozenUntilUs, () => this.#whenAble(candidate, run));
  }

  // --- clients ----------------------------------------------------------------------------------------------------

  #boot(desk: Desk, token: Uint8Array | null): void {
    desk.replica = new StateReplica(token === null ? { name: desk.node } : { name: desk.node, token });
    desk.hands = new AppHands(desk.replica, desk.random, desk.node);
    desk.sinceUs = desk.undisturbedSinceUs = this.#nowUs;
    this.#tell(desk.node, { what: "app", app: desk.name, does: "starts" });
    tapReplica(
      desk.replica,
      desk.name,
      (news) => this.#tell(desk.node, news),
      spoilerOf(desk.random, () => desk.spoil),
    );
  }

  /** Has a client connected to whoever hosts, as far as it knows. */
  #keep(desk: Desk): void {
    if (desk.link !== null || this.#nowUs < desk.reconnectUs || this.#nowUs < desk.frozenUntilUs) return;
    const hosts = this.#candidates.filter(({ name, host }) =>
      host !== null && !host.isOver && this.#canTalk(name, desk.node)
    );
    // Now and then one looks at the wrong address.
    const wanted = this.#random.below(10) === 0
      ? hosts[this.#random.below(hosts.length)]
      : hosts.find((each) => each === this.#current);
    const run = wanted?.host ?? null;
    if (wanted === undefined || run === null || !this.#isAble(wanted)) return;
    const number = ++run.lastLink as LinkNumber;
    const close = (): void => this.#close(link, true);
    const link: Link = {
      number,
      host: wanted,
      run,
      desk,
      isOpen: true,
      up: {
        from: desk.node,
        to: wanted.name,
        lastUs: 0,
        queue: [],
        isOpen: () => run.links.has(number),
        awakeUs: () => wanted.isUp ? wanted.frozenUntilUs : 0,
        breakIt: close,
      },
      down: {
        from: wanted.name,
        to: desk.node,
        lastUs: 0,
        queue: [],
        isOpen: () => link.isOpen,
        awakeUs: () => desk.frozenUntilUs,
        breakIt: close,
      },
    };
    run.links.set(number, link);
    desk.link = link;
    run.host.handleJoined(this.#nowUs, number, {
      identity: { nodeId: desk.id, key: null },
      level: "operator",
    });
    desk.replica.handleConnected(this.#nowUs);
    this.#pumpDesk(desk);
  }

  #close(link: Link, isTold: boolean): void {
    if (!link.isOpen) return;
    link.isOpen = false;
    const { desk, run, host, number } = link;
    const atHost = (): void => {
      this.#whenAble(host, () => {
        if (!run.links.delete(number) || run.isOver) return;
        run.host.handleLeft(this.#nowUs, number);
        this.#pumpHost(host, run);
      });
    };
    // One end may notice seconds before the other.
    this.#at(this.#nowUs + Math.floor(this.#random.float() * SECOND), atHost);
    if (desk.link !== link) return;
    desk.link = null;
    desk.reconnectUs = this.#nowUs + Math.floor(this.#random.float() * 400 * MS);
    if (isTold) desk.replica.handleLost(this.#nowUs);
    this.#pumpDesk(desk);
  }

  #down(link: Link, bytes: Uint8Array): void {
    const { desk } = link;
    const message = this.#decode(bytes);
    if (message.kind === "welcome") desk.tokens.push(message.token.slice());
    desk.replica.handleMessage(this.#nowUs, message);
    this.#pumpDesk(desk);
  }

  #pumpDesk(desk: Desk): void {
    const { replica } = desk;
    for (let next = replica.poll(); next !== null; next = replica.poll()) {
      const { link } = desk;
      const bytes = this.#encoder.encode(next)?.slice();
      if (bytes === undefined) throw new Error(`${next.kind} has no form`);
      if (link !== null) this.#up(link, bytes, next.kind === "hello");
    }
    for (let event = replica.pollEvent(); event !== null; event = replica.pollEvent()) {
      desk.hands.handleEvent(event);
      if (event.kind === "reconnect" && desk.link !== null) this.#close(desk.link, false);
    }
    if (replica.state === "refused" && desk.link !== null) this.#close(desk.link, true);
    const atUs = replica.deadline()?.atUs ?? Infinity;
    if (atUs === Infinity || (this.#wakes.get(replica) ?? Infinity) <= atUs) return;
    this.#wakes.set(replica, atUs);
    this.#at(Math.max(atUs, desk.frozenUntilUs), () => {
      if ((this.#wakes.get(replica) ?? Infinity) > atUs || desk.replica !== replica) return;
      this.#wakes.set(replica, Infinity);
      replica.handleDeadline(this.#nowUs);
      this.#pumpDesk(desk);
    });
  }

  #up(link: Link, bytes: Uint8Array, isGreeting: boolean): void {
    const { desk, host, run } = link;
    const spoil = isGreeting ? null : desk.spoil;
    // What is lost on the way up is lost above the lane, too.
    if (spoil !== null && this.#random.float() < spoil.loss) return;
    const times = spoil !== null && this.#random.float() < spoil.duplicate ? 2 : 1;
    for (let count = 0; count < times; count++) {
      const extraUs = spoil !== null && this.#random.float() < spoil.reorder ? 20 * MS : 0;
      this.#carry(link.up, () => {
        if (run.isOver || !host.isUp || !run.links.has(link.number)) return;
        run.host.handleMessage(this.#nowUs, link.number, this.#decode(bytes));
        this.#pumpHost(host, run);
      }, extraUs);
    }
  }

  #decode(bytes: Uint8Array): StateMessage {
    const message = this.#decoder.decode(bytes);
    if (typeof message === "string") throw new Error(`a message is ${message}`);
    return message;
  }

  #play(desk: Desk, untilUs: number): void {
    const next = (): void => {
      if (this.#nowUs >= untilUs) return;
      if (this.#nowUs >= desk.frozenUntilUs) {
        const others = this.#desks.filter((each) => each !== desk).map(({ replica }) =>
          replica.client as number
        );
        desk.hands.play(this.#nowUs, others.filter((client) => client !== 0));
        this.#lastWriteUs = this.#nowUs;
        this.#pumpDesk(desk);
      }
      this.#at(this.#nowUs + 1 + Math.floor(desk.random.float() * 120 * MS), next);
    };
    this.#at(this.#nowUs + Math.floor(desk.random.float() * 100 * MS), next);
  }

  // --- trouble ----------------------------------------------------------------------------------------------------

  #trouble(fromUs: number, untilUs: number): void {
    const next = (): void => {
      if (this.#nowUs >= untilUs) return;
      this.#strike(untilUs);
      this.#at(this.#nowUs + 1 + Math.floor(this.#random.float() * 1_600 * MS), next);
    };
    this.#at(fromUs, next);
  }

  #strike(untilUs: number): void {
    const random = this.#random;
    const lastsUs = Math.min(Math.floor(200 * MS + random.float() * 3 * SECOND), untilUs - this.#nowUs);
    const desk = this.#desks[random.below(this.#desks.length)];
    const able = this.#candidates.filter((each) => this.#isAble(each));
    const host = random.below(2) === 0 && this.#current !== null
      ? this.#current
      : able[random.below(able.length)];
    if (desk === undefined || host === undefined) return;
    switch (random.below(9)) {
      case 0:
        // Of three one may die at a time, so that a copy survives.
        if (able.length === 3) this.#crash(host, lastsUs);
        return;
      case 1:
      case 2:
        if (able.length === 3) this.#freeze(host, lastsUs);
        return;
      case 3:
        this.#part((name) => name === host.name ? 1 : 0);
        return this.#at(this.#nowUs + lastsUs, () => this.#part(() => 0));
      case 4:
        this.#part(() => random.below(2));
        return this.#at(this.#nowUs + lastsUs, () => this.#part(() => 0));
      case 5:
        if (desk.link !== null) this.#close(desk.link, true);
        return;
      case 6: {
        desk.spoil = {
          loss: random.float() * 0.25,
          duplicate: random.float() * 0.1,
          reorder: random.float() * 0.2,
        };
        this.#tell(desk.node, { what: "app", app: desk.name, does: "is-spoiled" });
        return this.#at(this.#nowUs + lastsUs, () => {
          desk.spoil = null;
          desk.undisturbedSinceUs = this.#nowUs;
        });
      }
      case 7:
        desk.hands.damage(1 + random.below(3));
        desk.undisturbedSinceUs = this.#nowUs;
        return;
      case 8: {
        if (random.below(3) === 0) {
          desk.frozenUntilUs = this.#nowUs + lastsUs;
          return;
        }
        const { token } = desk.replica;
        if (desk.link !== null) this.#close(desk.link, false);
        desk.reconnectUs = this.#nowUs + lastsUs;
        return this.#boot(desk, random.below(3) === 0 ? null : token);
      }
    }
  }

  #crash(candidate: Candidate, lastsUs: number): void {
    const { host: run } = candidate;
    candidate.isUp = false;
    candidate.upSinceUs = this.#nowUs;
    candidate.copy = new StandbyCopy();
    tapCopy(candidate.copy, (news) => this.#tell(candidate.name, news));
    if (run !== null) {
      run.isOver = true;
      candidate.host = null;
      for (const link of [...run.links.values()]) {
        run.links.delete(link.number);
        this.#at(this.#nowUs + Math.floor(this.#random.float() * 500 * MS), () => this.#close(link, true));
      }
    }
    this.#at(this.#nowUs + lastsUs, () => {
      candidate.isUp = true;
      candidate.upSinceUs = this.#nowUs;
    });
  }

  #freeze(candidate: Candidate, lastsUs: number): void {
    candidate.frozenUntilUs = this.#nowUs + lastsUs;
    const { host: run } = candidate;
    if (run === null) return;
    this.#at(candidate.frozenUntilUs, () => this.#pumpHost(candidate, run));
  }

  #heal(): void {
    this.#part(() => 0);
    for (const desk of this.#desks) desk.undisturbedSinceUs = this.#nowUs;
  }

  /** Somebody at another machine comes with tokens of clients. */
  #steal(untilUs: number): void {
    const next = (): void => {
      if (this.#nowUs >= untilUs) return;
      const desk = this.#desks[this.#random.below(this.#desks.length)];
      const candidate = this.#current;
      const run = candidate?.host ?? null;
      const token = desk?.tokens[this.#random.below(desk.tokens.length)];
      if (
        desk !== undefined && candidate !== null && run !== null && token !== undefined &&
        this.#isAble(candidate)
      ) {
        // At its own machine it may be a program that kept an old token.
        const nodeId = this.#random.below(2) === 0 ? idOf(999) : desk.id;
        this.#present(candidate, run, nodeId, token, desk);
      }
      this.#at(this.#nowUs + SECOND + Math.floor(this.#random.float() * 3 * SECOND), next);
    };
    this.#at(this.#nowUs + 3 * SECOND, next);
  }

  #present(candidate: Candidate, run: HostRun, nodeId: NodeId, token: Uint8Array, desk: Desk): void {
    // With its own newest token it would be the client itself.
    const newest = desk.tokens.at(-1);
    const isOwn = nodeId === desk.id;
    if (isOwn && (newest === token || desk.tokens.length < 2)) return;
    const number = ++run.lastLink as LinkNumber;
    run.host.handleJoined(this.#nowUs, number, { identity: { nodeId, key: null }, level: "crew" });
    run.host.handleMessage(this.#nowUs, number, {
      kind: "hello",
      protocol: STATE_PROTOCOL,
      name: "thief",
      token,
      epoch: null,
      have: [],
      interests: [],
      capabilities: [],
    });
    run.host.handleLeft(this.#nowUs, number);
    this.#pumpHost(candidate, run);
  }
}
