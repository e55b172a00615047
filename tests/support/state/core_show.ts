// Shared state on its cores alone: hosts, copies and clients that speak bytes over ways which stall, break and lose, under
// faults drawn from a seed. Rules are those of the simulator (lib/simulate/observers), on the same facts.
// Much is worse than on real nodes: messages are lost and swapped above the lanes, and hosts go on after their term.

import type { LinkNumber } from "../../../lib/state/holding/mod.ts";
import { StandbyCopy, type StandbyUpdate, StateHost } from "../../../lib/state/host/mod.ts";
import { CopyDecoder, CopyEncoder } from "../../../lib/state/copies/mod.ts";
import { MessageDecoder, MessageEncoder, type StateMessage } from "../../../lib/state/messages/mod.ts";
import { StateReplica } from "../../../lib/state/replica/mod.ts";
import { AppHands, spoilerOf, tapCopy, tapHost, tapReplica } from "../../../lib/simulate/run/state/mod.ts";
import type { Fact, Oracle } from "../../../lib/simulate/observe.ts";
import type { StateNews } from "../../../lib/simulate/state_facts.ts";
import { EventHeap } from "../lanes/heap.ts";
import { Draws } from "../lanes/random.ts";
import {
  type Candidate,
  type Desk,
  type HostRun,
  idOf,
  type Link,
  MS,
  PARAMETERS,
  SECOND,
  type Way,
} from "./core_parts.ts";
import { beginThefts, beginTrouble, type Troubled } from "./core_trouble.ts";
import { CoreWatch, type Watched } from "./core_watch.ts";
import { Ways } from "./core_ways.ts";

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

/** One run. */
export class CoreShow implements Watched, Troubled {
  readonly #options: Required<Omit<ShowOptions, "onFact">> & Pick<ShowOptions, "onFact">;
  readonly random: Draws;
  readonly #events = new EventHeap();
  readonly candidates: Candidate[] = [];
  readonly desks: Desk[] = [];
  readonly #encoder = new MessageEncoder();
  readonly #decoder = new MessageDecoder();
  readonly #copyEncoder = new CopyEncoder();
  readonly #copyDecoder = new CopyDecoder();
  readonly #watch: CoreWatch;
  readonly ways: Ways;
  #nowUs = SECOND;
  phase: Oracle["phase"] = "active";
  #term = 0;
  current: Candidate | null = null;
  #hostlessSinceUs = 0;
  lastWriteUs = 0;
  #endUs = 0;

  constructor(options: ShowOptions) {
    this.#options = { troubleUs: 12 * SECOND, quietUs: 10 * SECOND, ...options };
    this.random = new Draws(options.seed, "show");
    this.ways = new Ways(this.random, () => this.#nowUs, (atUs, run) => this.at(atUs, run));
    this.#watch = new CoreWatch(options.seed, this, options.onFact);
    for (let at = 0; at < 3; at++) {
      const candidate: Candidate = {
        name: `host-${at}`,
        copy: new StandbyCopy(),
        host: null,
        isUp: true,
        frozenUntilUs: 0,
        upSinceUs: 0,
      };
      this.candidates.push(candidate);
      this.ways.add(candidate.name);
      tapCopy(candidate.copy, (news) => this.tell(candidate.name, news));
    }
    for (let at = 0; at < 4; at++) {
      const node = `desk-${at}`;
      this.ways.add(node);
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
      this.desks.push(desk);
      this.boot(desk, null);
    }
  }

  /** Plays it. */
  play(): ShowResult {
    const { troubleUs, quietUs } = this.#options;
    const troubleEndUs = this.#nowUs + troubleUs;
    this.#endUs = troubleEndUs + quietUs;
    this.#tick();
    for (const desk of this.desks) this.#play(desk, troubleEndUs);
    beginTrouble(this, this.#nowUs + SECOND, troubleEndUs);
    beginThefts(this, this.#nowUs + 3 * SECOND, troubleEndUs);
    this.at(troubleEndUs, () => {
      this.#heal();
      for (const desk of this.desks) {
        desk.hands.rest(this.#nowUs);
        this.#pumpDesk(desk);
      }
      this.phase = "quiet";
    });
    // Where nobody writes any more, digests alone can tell that memory went wrong.
    this.at(troubleEndUs + SECOND / 2, () => {
      const desk = this.desks[this.random.below(this.desks.length)];
      desk?.hands.damage(2);
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
    this.#watch.tell({ kind: "phase", atUs: this.#nowUs, phase: "end" });
    const { violations, claims, facts } = this.#watch;
    return { violations, claims, facts, terms: this.#term };
  }

  /** Something was seen. */
  tell(node: string, news: StateNews): void {
    this.#watch.tell({ ...news, kind: "state", atUs: this.#nowUs, node });
  }

  /** Has something happen at a time. */
  at(atUs: number, run: () => void): void {
    this.#events.add(atUs, run);
  }

  // --- hosts ------------------------------------------------------------------------------------------------------

  /** Whether anything runs there. */
  isAble(candidate: Candidate): boolean {
    return candidate.isUp && this.#nowUs >= candidate.frozenUntilUs;
  }

  #peersOf(candidate: Candidate): Candidate[] {
    return this.candidates.filter((other) =>
      this.isAble(other) && this.ways.canTalk(candidate.name, other.name)
    );
  }

  #tick(): void {
    for (const candidate of this.candidates) {
      const { host } = candidate;
      if (host === null || host.isOver || !this.isAble(candidate)) continue;
      if (this.#peersOf(candidate).length >= 2) host.aloneSinceUs = Infinity;
      else host.aloneSinceUs = Math.min(host.aloneSinceUs, this.#nowUs);
      const isLate = this.#nowUs - host.aloneSinceUs > LEASE_US;
      const isZombie = host.zombieSinceUs !== null &&
        this.#nowUs - host.zombieSinceUs > ZOMBIE_US * this.random.float();
      if (isLate || isZombie) this.#depose(candidate);
      else this.#joinStandbys(candidate, host);
    }
    this.#elect();
    for (const desk of this.desks) this.#keep(desk);
    this.#watch.tick();
    if (this.#nowUs + TICK_US < this.#endUs) this.at(this.#nowUs + TICK_US, () => this.#tick());
  }

  #elect(): void {
    const current = this.current;
    const isThere = current !== null && current.host !== null && !current.host.isOver &&
      this.isAble(current) &&
      this.#peersOf(current).length >= 2;
    if (isThere) {
      this.#hostlessSinceUs = this.#nowUs;
      return;
    }
    if (this.#nowUs - this.#hostlessSinceUs < ELECTION_US && this.#term > 0) return;
    const able = this.candidates.filter((each) => this.isAble(each) && this.#peersOf(each).length >= 2);
    const next = able[this.random.below(Math.max(1, able.length))];
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
      epoch: { term, hostId: idOf(1 + this.candidates.indexOf(candidate)) },
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
    this.current = candidate;
    this.#hostlessSinceUs = nowUs;
    tapHost(host, (news) => this.tell(candidate.name, news));
    for (const definition of PARAMETERS) host.define(nowUs, definition);
    this.pumpHost(candidate, run);
  }

  /** The time. */
  get nowUs(): number {
    return this.#nowUs;
  }

  #depose(candidate: Candidate): void {
    const { host: run } = candidate;
    if (run === null || run.isOver) return;
    run.host.handleDeposed(this.#nowUs, null);
    this.pumpHost(candidate, run);
    run.isOver = true;
    if (run.zombieSinceUs === null) candidate.copy.handleUpdate(run.host.snapshot());
    for (const link of run.links.values()) this.close(link, true);
    candidate.host = null;
  }

  #joinStandbys(candidate: Candidate, run: HostRun): void {
    if (run.zombieSinceUs !== null) return this.pumpHost(candidate, run);
    for (const other of this.candidates) {
      if (other === candidate) continue;
      const link = run.standbys.get(other.name);
      const isThere = this.isAble(other) && this.ways.canTalk(candidate.name, other.name);
      if (link === undefined && isThere) {
        const number = ++run.lastLink as LinkNumber;
        run.standbys.set(other.name, number);
        run.host.handleStandbyJoined(this.#nowUs, number);
      } else if (link !== undefined && (!other.isUp || (!isThere && this.random.below(8) === 0))) {
        run.standbys.delete(other.name);
        run.host.handleStandbyLeft(this.#nowUs, link);
      }
    }
    this.pumpHost(candidate, run);
  }

  /** Everything that the host has to say, and its next deadline. */
  pumpHost(candidate: Candidate, run: HostRun): void {
    if (run.isOver || !this.isAble(candidate)) return;
    const { host } = run;
    for (let next = host.poll(); next !== null; next = host.poll()) {
      const link = run.links.get(next.to);
      if (link === undefined || !link.isOpen) continue;
      const bytes = next.bytes.slice();
      this.ways.carry(link.down, () => this.#down(link, bytes));
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
    this.at(Math.max(atUs, candidate.frozenUntilUs), () => {
      if ((this.#wakes.get(run) ?? Infinity) > atUs || run.isOver) return;
      this.#wakes.set(run, Infinity);
      if (!this.isAble(candidate)) {
        return candidate.isUp ? this.#wakeHost(candidate, run, candidate.frozenUntilUs) : undefined;
      }
      if ((run.host.deadline()?.atUs ?? Infinity) <= this.#nowUs) run.host.handleDeadline(this.#nowUs);
      this.pumpHost(candidate, run);
    });
  }

  #copy(candidate: Candidate, run: HostRun, to: LinkNumber, update: StandbyUpdate): void {
    const other = this.candidates.find(({ name }) => run.standbys.get(name) === to);
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
    this.ways.carry(way(candidate, other), () => {
      if (!other.isUp) return leave();
      const number = copy.handleUpdate(taken);
      this.ways.carry(way(other, candidate), () => {
        if (!isOpen() || !candidate.isUp) return;
        run.host.handleStandbyConfirmed(this.#nowUs, to, number);
        this.pumpHost(candidate, run);
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
    if (this.isAble(candidate)) run();
    else if (candidate.isUp) this.at(candidate.frozenUntilUs, () => this.#whenAble(candidate, run));
  }

  // --- clients ----------------------------------------------------------------------------------------------------

  /** The process of a client begins. */
  boot(desk: Desk, token: Uint8Array | null): void {
    desk.replica = new StateReplica(token === null ? { name: desk.node } : { name: desk.node, token });
    desk.hands = new AppHands(desk.replica, desk.random, desk.node);
    desk.sinceUs = desk.undisturbedSinceUs = this.#nowUs;
    this.tell(desk.node, { what: "app", app: desk.name, does: "starts" });
    tapReplica(
      desk.replica,
      desk.name,
      (news) => this.tell(desk.node, news),
      spoilerOf(desk.random, () => desk.spoil),
    );
  }

  /** Has a client connected to whoever hosts, as far as it knows. */
  #keep(desk: Desk): void {
    if (desk.link !== null || this.#nowUs < desk.reconnectUs || this.#nowUs < desk.frozenUntilUs) return;
    const hosts = this.candidates.filter(({ name, host }) =>
      host !== null && !host.isOver && this.ways.canTalk(name, desk.node)
    );
    // Now and then one looks at the wrong address.
    const wanted = this.random.below(10) === 0
      ? hosts[this.random.below(hosts.length)]
      : hosts.find((each) => each === this.current);
    const run = wanted?.host ?? null;
    if (wanted === undefined || run === null || !this.isAble(wanted)) return;
    const number = ++run.lastLink as LinkNumber;
    const close = (): void => this.close(link, true);
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

  /** A link breaks; whether its client is told. */
  close(link: Link, isTold: boolean): void {
    if (!link.isOpen) return;
    link.isOpen = false;
    const { desk, run, host, number } = link;
    const atHost = (): void => {
      this.#whenAble(host, () => {
        if (!run.links.delete(number) || run.isOver) return;
        run.host.handleLeft(this.#nowUs, number);
        this.pumpHost(host, run);
      });
    };
    // One end may notice seconds before the other.
    this.at(this.#nowUs + Math.floor(this.random.float() * SECOND), atHost);
    if (desk.link !== link) return;
    desk.link = null;
    desk.reconnectUs = this.#nowUs + Math.floor(this.random.float() * 400 * MS);
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
      if (event.kind === "reconnect" && desk.link !== null) this.close(desk.link, false);
    }
    if (replica.state === "refused" && desk.link !== null) this.close(desk.link, true);
    const atUs = replica.deadline()?.atUs ?? Infinity;
    if (atUs === Infinity || (this.#wakes.get(replica) ?? Infinity) <= atUs) return;
    this.#wakes.set(replica, atUs);
    this.at(Math.max(atUs, desk.frozenUntilUs), () => {
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
    if (spoil !== null && this.random.float() < spoil.loss) return;
    const times = spoil !== null && this.random.float() < spoil.duplicate ? 2 : 1;
    for (let count = 0; count < times; count++) {
      const extraUs = spoil !== null && this.random.float() < spoil.reorder ? 20 * MS : 0;
      this.ways.carry(link.up, () => {
        if (run.isOver || !host.isUp || !run.links.has(link.number)) return;
        run.host.handleMessage(this.#nowUs, link.number, this.#decode(bytes));
        this.pumpHost(host, run);
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
        const others = this.desks.filter((each) => each !== desk).map(({ replica }) =>
          replica.client as number
        );
        desk.hands.play(this.#nowUs, others.filter((client) => client !== 0));
        this.lastWriteUs = this.#nowUs;
        this.#pumpDesk(desk);
      }
      this.at(this.#nowUs + 1 + Math.floor(desk.random.float() * 120 * MS), next);
    };
    this.at(this.#nowUs + Math.floor(desk.random.float() * 100 * MS), next);
  }

  /** Its process is gone for so long. */
  crash(candidate: Candidate, lastsUs: number): void {
    const { host: run } = candidate;
    candidate.isUp = false;
    candidate.upSinceUs = this.#nowUs;
    candidate.copy = new StandbyCopy();
    tapCopy(candidate.copy, (news) => this.tell(candidate.name, news));
    if (run !== null) {
      run.isOver = true;
      candidate.host = null;
      for (const link of [...run.links.values()]) {
        run.links.delete(link.number);
        this.at(this.#nowUs + Math.floor(this.random.float() * 500 * MS), () => this.close(link, true));
      }
    }
    this.at(this.#nowUs + lastsUs, () => {
      candidate.isUp = true;
      candidate.upSinceUs = this.#nowUs;
    });
  }

  /** Nothing runs there for so long. */
  freeze(candidate: Candidate, lastsUs: number): void {
    candidate.frozenUntilUs = this.#nowUs + lastsUs;
    const { host: run } = candidate;
    if (run === null) return;
    this.at(candidate.frozenUntilUs, () => this.pumpHost(candidate, run));
  }

  #heal(): void {
    this.ways.part(() => 0);
    for (const desk of this.desks) desk.undisturbedSinceUs = this.#nowUs;
  }
}
