// The host of the shared state: takes what clients say, and has them told what is.
// Decides who may speak (joined, of this term), and what each message starts; the desks behind it do the work.
// A synchronous machine without clock, timers or network: `handle…` in, `poll…` out, `deadline` between them.
// Never elects, never finds its clients, never stores anything.

import { assert, type NodeId } from "../../base/mod.ts";
import type { RandomStream } from "../../platform/mod.ts";
import { Holding, type LinkNumber, type OwnershipPolicy, type PrivilegePolicy } from "../holding/mod.ts";
import { ClaimTable, HOST, type PathChange, type SetOutcome } from "../merge/mod.ts";
import type { BeatMessage, HelloMessage, NackMessage, ResyncMessage, StateMessage } from "../messages/mod.ts";
import {
  type ClientNumber,
  compareEpochs,
  type ParameterDefinition,
  type PathId,
  type StateEpoch,
  type StateValue,
} from "../model/mod.ts";
import {
  type BookLimits,
  type Defined,
  isRefusal,
  NO_PATH,
  type Refusal,
  SchemaBook,
} from "../schema/mod.ts";
import { type HostCounters, newCounters } from "./counters.ts";
import { StateDocument, type WinnerObserver } from "./document.ts";
import { type HostEvent, HostEvents } from "./events.ts";
import { InterestGroups } from "./interest.ts";
import { LeaveDesk } from "./leave_desk.ts";
import { fitText, type Link, type LinkPeer, Membership } from "./membership.ts";
import { PresenceBoard } from "./presence.ts";
import { type Outgoing, Sender } from "./sender.ts";
import { StandbyDesk, type StandbyOutgoing, type StandbyUpdate } from "./standby_desk.ts";
import { Subscriber } from "./subscriber.ts";
import { type GatedWrite, type NackSink, WriteDesk } from "./write_desk.ts";

/** How a host begins. */
export interface StateHostOptions {
  /** Under which it reigns; above every epoch that was. */
  readonly epoch: StateEpoch;
  /** Where tokens come from. */
  readonly random: RandomStream;
  readonly bookLimits?: BookLimits;
  readonly maxClients?: number;
  readonly ownership?: OwnershipPolicy;
  readonly privilege?: PrivilegePolicy;
  /** What a standby or a store kept of the host before. */
  readonly from?: StandbyUpdate;
  /** Whether who is there is told as state below `clients/`; no unless told otherwise. */
  readonly presence?: boolean;
}

/** When a host wants `handleDeadline`, and for what. */
export interface HostDeadline {
  /** In microseconds of the clock of `nowUs`. */
  readonly atUs: number;
  readonly reason: "send" | "merge" | "holding" | "standby" | "tombstones";
}

/** The host. */
export class StateHost implements NackSink, WinnerObserver {
  readonly epoch: StateEpoch;
  readonly document: StateDocument;
  readonly holding: Holding<GatedWrite>;
  readonly counters: HostCounters = newCounters();
  readonly #events = new HostEvents(this.counters);
  readonly #sender: Sender;
  readonly #writes: WriteDesk;
  readonly #leaves: LeaveDesk;
  readonly #standbys: StandbyDesk;
  readonly #membership: Membership;
  readonly #subscribers = new Map<ClientNumber, Subscriber>();
  #tombstonesUs = Infinity;
  #nowUs: number;

  /** @param nowUs the time, in microseconds. */
  constructor(nowUs: number, options: StateHostOptions) {
    const { epoch, from } = options;
    const { counters } = this;
    const events = this.#events;
    const subscribers = this.#subscribers;
    this.#nowUs = nowUs;
    this.epoch = epoch;
    const book = new SchemaBook(options.bookLimits);
    const claims = new ClaimTable({ term: epoch.term });
    const document = new StateDocument(book, claims, this);
    this.document = document;
    const pathOf = (id: PathId) => book.definitionOf(id) === null ? null : book.pathOf(id);
    const holding = new Holding<GatedWrite>({ ...options, pathOf }, from?.holding?.lastGeneration);
    this.holding = holding;
    if (from !== undefined) this.#restore(nowUs, from);
    const presence = options.presence === true ? new PresenceBoard({ document, holding }) : null;
    presence?.restore();
    presence?.settle(nowUs);
    document.settle();
    const standbys = new StandbyDesk({
      epoch,
      book,
      claims,
      subscribers,
      holding,
      counters,
    });
    for (const client of subscribers.keys()) standbys.noteClient(client);
    this.#standbys = standbys;
    const groups = new InterestGroups(document);
    const sender = new Sender({ epoch, groups, acks: standbys, counters });
    this.#sender = sender;
    const { term } = epoch;
    const writes = new WriteDesk({ term, document, holding, subscribers, sink: this, counters });
    this.#writes = writes;
    const leaves = new LeaveDesk({ term, document, holding, sink: this, counters });
    this.#leaves = leaves;
    this.#membership = new Membership({
      epoch,
      document,
      holding,
      groups,
      sender,
      writes,
      leaves,
      standbys,
      subscribers,
      counters,
      events,
      presence,
    });
  }

  /** Whether what is acknowledged is with this host alone. */
  get isSingle(): boolean {
    return this.#standbys.isSingle;
  }

  /** How many clients listen. */
  get size(): number {
    return this.#sender.links.size;
  }

  /** Whether a client is in over a link. */
  isIn(link: LinkNumber): boolean {
    const found = this.#membership.link(link);
    return found !== null && found.subscriber !== null;
  }

  /** A link to somebody begins. Numbers of links are never used again. */
  handleJoined(nowUs: number, from: LinkNumber, peer: LinkPeer): void {
    this.#nowUs = nowUs;
    this.#membership.handleJoined(nowUs, from, peer);
  }

  /** A link has ended. */
  handleLeft(nowUs: number, from: LinkNumber): void {
    this.#nowUs = nowUs;
    this.#membership.handleLeft(nowUs, from);
    this.#follow(nowUs);
  }

  /** A message has arrived. Handle all that are there before the next `poll`: they are one batch. */
  handleMessage(nowUs: number, from: LinkNumber, message: StateMessage): void {
    this.#nowUs = nowUs;
    const link = this.#membership.link(from);
    if (link === null) {
      this.counters.notJoined++;
      return;
    }
    if (message.kind === "hello") this.#hello(nowUs, link, message);
    else this.#heard(nowUs, link, message);
    this.#follow(nowUs);
  }

  /** So many bytes wait on a link's lane. To be told whenever that crosses 64 KiB, also between two calls of `poll`. */
  handleBacklog(nowUs: number, from: LinkNumber, bytes: number): void {
    this.#nowUs = nowUs;
    const subscriber = this.#membership.link(from)?.subscriber ?? null;
    if (subscriber !== null) this.#sender.noteBacklog(subscriber, bytes);
  }

  /** The time of `deadline` has come. */
  handleDeadline(nowUs: number): void {
    this.#nowUs = nowUs;
    this.document.claims.handleTimeout(nowUs);
    this.holding.handleTimeout(nowUs);
    this.#writes.handleDue(nowUs);
    if (this.#standbys.handleTimeout(nowUs)) this.#noteDurability(nowUs);
    if (nowUs >= this.#tombstonesUs) this.#forgetDeleted(nowUs);
    this.#follow(nowUs);
  }

  /** A standby is there, over a link of its own. @returns whether there is room for it. */
  handleStandbyJoined(nowUs: number, standby: LinkNumber): boolean {
    this.#nowUs = nowUs;
    return this.#standbys.handleJoined(standby);
  }

  /** A standby is gone. */
  handleStandbyLeft(nowUs: number, standby: LinkNumber): void {
    this.#nowUs = nowUs;
    if (this.#standbys.handleLeft(standby)) this.#noteDurability(nowUs);
  }

  /** A standby has everything up to `number`; null: it could not take the update and has to have everything again. */
  handleStandbyConfirmed(nowUs: number, standby: LinkNumber, number: number | null): void {
    this.#nowUs = nowUs;
    const wasSingle = this.#standbys.isSingle;
    if (number === null) this.#standbys.handleRefused(standby);
    else if (this.#standbys.handleConfirmed(standby, number)) this.#sender.noteLimits(nowUs);
    if (wasSingle !== this.#standbys.isSingle) this.#noteDurability(nowUs);
  }

  /** This host reigns no more; its clients are told who does, as far as known. */
  handleDeposed(nowUs: number, successor: NodeId | null): void {
    this.#nowUs = nowUs;
    this.#membership.handleDeposed(successor);
  }

  /** The node declares a path itself. */
  define(nowUs: number, definition: ParameterDefinition): Defined | Refusal {
    this.#nowUs = nowUs;
    const defined = this.document.define(nowUs, definition);
    if (!isRefusal(defined) && defined.former !== NO_PATH) {
      this.holding.ownership.handleRemoval(nowUs, defined.former);
    }
    this.#follow(nowUs);
    return defined;
  }

  /** The node takes a path out itself. @returns whether it was there. */
  retire(nowUs: number, id: PathId): boolean {
    this.#nowUs = nowUs;
    const isGone = this.document.retire(nowUs, id);
    if (isGone) this.holding.ownership.handleRemoval(nowUs, id);
    this.#follow(nowUs);
    return isGone;
  }

  /** The node writes itself, up to priority 255; 0 gives up. @returns what became of it. */
  write(nowUs: number, id: PathId, value: StateValue, priority: number): SetOutcome | Refusal {
    this.#nowUs = nowUs;
    const checked = priority === 0 ? null : this.document.book.check(id, value);
    if (isRefusal(checked)) return checked;
    const outcome = this.document.set(nowUs, id, HOST, checked, priority, 0);
    this.#follow(nowUs);
    return outcome;
  }

  /** When it wants `handleDeadline` and then `poll`; null for never. */
  deadline(): HostDeadline | null {
    let [atUs, reason]: [number, HostDeadline["reason"]] = [this.#sender.deadlineUs(), "send"];
    const merge = this.document.claims.pollTimeout()?.atUs ?? Infinity;
    if (merge < atUs) [atUs, reason] = [merge, "merge"];
    const holding = this.holding.pollTimeout()?.atUs ?? Infinity;
    if (holding < atUs) [atUs, reason] = [holding, "holding"];
    const standby = this.#standbys.deadlineUs();
    if (standby < atUs) [atUs, reason] = [standby, "standby"];
    if (this.#tombstonesUs < atUs) [atUs, reason] = [this.#tombstonesUs, "tombstones"];
    return atUs === Infinity ? null : { atUs: Math.max(atUs, this.#nowUs), reason };
  }

  /** The next message; null when nothing is due at the time of the last `handle…`. The batch before it is over. */
  poll(): Outgoing | null {
    this.#writes.endBatch();
    const next = this.#sender.poll(this.#nowUs);
    if (next !== null) return next;
    this.#membership.welcomeWaiting(this.#nowUs);
    return this.#sender.poll(this.#nowUs);
  }

  /** The next update for a standby; null when none is due. */
  pollStandby(): StandbyOutgoing | null {
    return this.#standbys.poll(this.#nowUs);
  }

  /** The next event; null for none. */
  pollEvent(): HostEvent | null {
    return this.#events.poll();
  }

  /** Another number with every change of what {@linkcode snapshot} gives. */
  get changes(): number {
    return this.#standbys.changes;
  }

  /** Everything that the next host has to have. */
  snapshot(): StandbyUpdate {
    return this.#standbys.snapshot();
  }

  nack({ link }: Subscriber, message: NackMessage): void {
    if (link !== null) this.#sender.say(link, { ...message, text: fitText(message.text) });
  }

  noteWinner({ path, from, to, cause }: PathChange): void {
    if (from !== to) this.#events.note({ kind: "winner", path, from, to, cause });
  }

  #hello(nowUs: number, link: Link, hello: HelloMessage): void {
    if (hello.epoch !== null && !this.#isKnown(link, hello.epoch)) {
      return this.#membership.sayError(link.number, "epoch", "this client has heard of a later host");
    }
    this.#membership.handleHello(nowUs, link, hello);
  }

  /** Something that is no hello. */
  #heard(nowUs: number, link: Link, message: Exclude<StateMessage, HelloMessage>): void {
    const client = this.holding.clients.handleMessage(nowUs, link.number);
    this.#membership.drain(nowUs);
    const { subscriber, waiting } = link;
    if (client === null || subscriber === null || waiting !== null) {
      this.counters.notJoined++;
      if (message.kind === "error" || message.kind === "bye") return;
      return this.#membership.sayError(link.number, "not-joined", "say hello first");
    }
    this.document.claims.noteHeard(client);
    if (message.kind === "beat") return this.#beat(nowUs, link, subscriber, message);
    if (message.kind === "error") return;
    if (message.kind !== "welcome" && message.term !== this.epoch.term) {
      return this.#otherTerm(link, subscriber, message);
    }
    switch (message.kind) {
      case "set":
      case "tx":
        if (this.#writes.handleWrite(nowUs, subscriber, message)) this.#standbys.noteClient(client);
        return this.#sender.noteWrite(nowUs, subscriber);
      case "ack":
        return this.#sender.noteVersions(nowUs, subscriber, message.versions);
      case "resync":
        return this.#resync(nowUs, subscriber, message);
      case "own":
        if (!this.holding.handleOwn(nowUs, client, message)) this.counters.misplaced++;
        return;
      case "priv":
        if (!this.holding.handlePrivilege(nowUs, client, message)) this.counters.misplaced++;
        return;
      case "leave":
        return this.#leaves.handleLeave(nowUs, subscriber, message);
      case "bye":
        return this.#membership.handleBye(nowUs, link, client);
      default:
        this.counters.misplaced++;
        this.#membership.sayError(link.number, "malformed", `clients do not say ${message.kind}`);
    }
  }

  #beat(nowUs: number, link: Link, subscriber: Subscriber, { epoch, versions }: BeatMessage): void {
    if (!this.#isKnown(link, epoch) || epoch.term !== this.epoch.term) return;
    this.#sender.noteVersions(nowUs, subscriber, versions);
  }

  #resync(nowUs: number, subscriber: Subscriber, message: ResyncMessage): void {
    const parts = this.#sender.noteResync(nowUs, subscriber, message);
    if (message.reason !== "digest" || parts === null) return;
    this.counters.differences++;
    const { subsystem } = message;
    this.#events.note({ kind: "difference", client: subscriber.client, subsystem, parts });
  }

  /** Whether an epoch that a client tells is this one or an older one. */
  #isKnown(link: Link, epoch: StateEpoch): boolean {
    if (epoch.term > this.epoch.term) {
      this.#noteNewer(link, epoch.term);
      return false;
    }
    if (epoch.term === this.epoch.term && epoch.hostId !== this.epoch.hostId) {
      this.counters.twoHosts++;
      if (mayEndReigns(link)) this.#events.note({ kind: "two-hosts", other: epoch });
      return false;
    }
    return true;
  }

  #noteNewer(link: Link, term: number): void {
    this.counters.newerTerm++;
    if (mayEndReigns(link)) this.#events.note({ kind: "newer-term", term });
  }

  /** A message that was not meant for this reign has no effect; a write is told so. */
  #otherTerm(
    link: Link,
    subscriber: Subscriber,
    message: StateMessage & { readonly term: number },
  ): void {
    const { term } = this.epoch;
    if (message.term > term) this.#noteNewer(link, message.term);
    else this.counters.staleTerm++;
    if (message.kind !== "set" && message.kind !== "tx") return;
    const text = `this is term ${term}, not ${message.term}`;
    const { sequence } = message;
    const rest = { id: null, generation: null, current: null, text };
    this.nack(subscriber, { kind: "nack", term, sequence, code: "epoch", ...rest });
  }

  /** Does what follows from what was just handled. */
  #follow(nowUs: number): void {
    this.#membership.drain(nowUs);
    this.document.settle();
    const { claims } = this.document;
    for (let client = claims.pollProbe(); client !== null; client = claims.pollProbe()) {
      const subscriber = this.#subscribers.get(client);
      if (subscriber !== undefined) this.#sender.probe(nowUs, subscriber);
    }
    if (this.#tombstonesUs === Infinity) this.#forgetDeleted(nowUs);
  }

  #forgetDeleted(nowUs: number): void {
    this.#tombstonesUs = Infinity;
    for (const log of this.document.logs()) {
      if (log.tombstones === 0) continue;
      let known = Infinity;
      for (const subscriber of this.#sender.links.values()) {
        known = Math.min(known, subscriber.knownOf(log.number));
      }
      this.#tombstonesUs = Math.min(this.#tombstonesUs, log.forgetDeleted(nowUs, known));
    }
  }

  #noteDurability(nowUs: number): void {
    this.#events.note({ kind: "durability", single: this.#standbys.isSingle });
    this.#sender.noteLimits(nowUs);
  }

  /** Goes on from what another host left: its epoch is over, so versions begin anew, but numbers stay. */
  #restore(nowUs: number, { epoch, subsystems, rows, paths, clients, holding }: StandbyUpdate): void {
    assert(compareEpochs(this.epoch, epoch) > 0, "a host that takes over reigns in a later epoch");
    const { book, claims } = this.document;
    for (const [number, name] of subsystems) book.subsystems.adopt(number, name);
    for (const { id, definition } of rows) book.adopt(id, definition);
    for (const { client, name, sequence } of clients) {
      const subscriber = new Subscriber(client);
      subscriber.name = name;
      subscriber.sequence = subscriber.acknowledged = sequence;
      this.#subscribers.set(client, subscriber);
      claims.handleJoin(client);
    }
    const records = new Map(paths.map(({ id, record }) => [id, record]));
    for (const { id } of rows) this.document.adopt(id, records.get(id) ?? null);
    claims.handleReign(nowUs, this.epoch.term);
    if (holding !== null) this.holding.handleReign(nowUs, holding);
    this.document.settle();
  }
}

/**
 * A reign ends by the word of members of the mesh. Whoever came with an access key that does not let him do everything must not
 * stop a show; in an open mesh nobody has a key, and everybody is believed.
 */
function mayEndReigns({ peer }: Link): boolean {
  return peer.level === "operator" || peer.identity.key === null;
}
