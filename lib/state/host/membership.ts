// Who is in, over which link, and what becomes of what they claim when they come and go.
// Decides when a client is welcomed (one after the other, where many come), and carries what holding/ tells to claims, sending
// and standbys. Never decides who may come in or who is lost: holding/ does.

import { type AccessLevel, equalBytes } from "../../base/mod.ts";
import { utf8Length } from "../../wire/mod.ts";
import {
  type ClientEvent,
  type Holding,
  type LinkNumber,
  type PeerIdentity,
  SETS_PER_SECOND,
  SILENCE_US,
  type Welcomed,
} from "../holding/mod.ts";
import { HOST } from "../merge/mod.ts";
import {
  type ByeReason,
  type HelloMessage,
  MAX_TAKEN_OVER,
  MAX_TEXT_BYTES,
  STATE_PROTOCOL,
  type StateErrorCode,
} from "../messages/mod.ts";
import { type ClientNumber, compareEpochs, MAX_PRIORITY, RATE_US, type StateEpoch } from "../model/mod.ts";
import type { HostCounters } from "./counters.ts";
import type { StateDocument } from "./document.ts";
import type { HostEvents } from "./events.ts";
import type { InterestGroups } from "./interest.ts";
import type { LeaveDesk } from "./leave_desk.ts";
import { MAX_LINKS } from "./limits.ts";
import type { PresenceBoard } from "./presence.ts";
import type { Sender } from "./sender.ts";
import type { StandbyDesk } from "./standby_desk.ts";
import { Subscriber } from "./subscriber.ts";
import type { GatedWrite, WriteDesk } from "./write_desk.ts";

/** Who is at the other end of a link. */
export interface LinkPeer {
  /** As the transport has proven it. */
  readonly identity: PeerIdentity;
  readonly level: AccessLevel;
}

/** A link and who came in over it. */
export interface Link {
  readonly number: LinkNumber;
  readonly peer: LinkPeer;
  subscriber: Subscriber | null;
  /** That of its welcome; null before. */
  token: Uint8Array | null;
  /** It is in, and waits for its turn to receive the whole. */
  waiting: { readonly hello: HelloMessage; readonly welcomed: Welcomed } | null;
}

/** What it works with. */
export interface MembershipOptions {
  readonly epoch: StateEpoch;
  readonly document: StateDocument;
  readonly holding: Holding<GatedWrite>;
  readonly groups: InterestGroups;
  readonly sender: Sender;
  readonly writes: WriteDesk;
  readonly leaves: LeaveDesk;
  readonly standbys: StandbyDesk;
  readonly subscribers: Map<ClientNumber, Subscriber>;
  readonly counters: HostCounters;
  readonly events: HostEvents;
  /** Where it is told who is there; null for nowhere. */
  readonly presence: PresenceBoard | null;
}

/** Links and clients. */
export class Membership {
  readonly #options: MembershipOptions;
  readonly #links = new Map<LinkNumber, Link>();
  readonly #waiting = new Set<Link>();
  /** The interests that a client that is away had. */
  readonly #interests = new Map<ClientNumber, string>();

  constructor(options: MembershipOptions) {
    this.#options = options;
  }

  /** A link by its number. */
  link(number: LinkNumber): Link | null {
    return this.#links.get(number) ?? null;
  }

  /** A link begins. */
  handleJoined(nowUs: number, number: LinkNumber, peer: LinkPeer): void {
    if (this.#links.has(number)) this.handleLeft(nowUs, number);
    if (this.#links.size >= MAX_LINKS) {
      this.#options.counters.fullLinks++;
      return;
    }
    this.#links.set(number, { number, peer, subscriber: null, token: null, waiting: null });
  }

  /** A link has ended. */
  handleLeft(nowUs: number, number: LinkNumber): void {
    const link = this.#links.get(number);
    if (link === undefined) return;
    this.#unlink(link);
    this.#links.delete(number);
    this.#options.holding.clients.handleClosed(nowUs, number);
  }

  /** Somebody wants to come in. */
  handleHello(nowUs: number, link: Link, hello: HelloMessage): void {
    const { counters, events, holding } = this.#options;
    if (link.subscriber !== null) {
      counters.repeatedHellos++;
      // Without the token of its welcome it asks again since that is still on its way; with it, it starts over.
      if (link.token === null || hello.token === null || !equalBytes(link.token, hello.token)) return;
      this.#unlink(link);
      holding.clients.handleClosed(nowUs, link.number);
    }
    if (hello.protocol !== STATE_PROTOCOL) {
      counters.refusedHellos++;
      const text = `this host speaks version ${STATE_PROTOCOL} of the protocol, not ${hello.protocol}`;
      return this.sayError(link.number, "protocol", text);
    }
    const { name, token } = hello;
    const { identity, level } = link.peer;
    const answer = holding.clients.handleGreeting(nowUs, {
      link: link.number,
      peer: identity,
      name,
      level,
      token,
    });
    // Whoever had this token or node before is gone first.
    this.drain(nowUs);
    if (!answer.isWelcome) {
      counters.refusedHellos++;
      events.note({ kind: "refused", link: link.number, code: answer.code, why: answer.text });
      return this.sayError(link.number, answer.code, answer.text);
    }
    link.subscriber = this.#subscriberOf(nowUs, answer.client, name, level);
    link.waiting = { hello, welcomed: answer };
    this.#waiting.add(link);
    if (!this.#options.sender.hasRoom) counters.waitedTransfers++;
    this.welcomeWaiting(nowUs);
  }

  /** Welcomes those whose turn it is. */
  welcomeWaiting(nowUs: number): void {
    for (const link of this.#waiting) {
      if (!this.#options.sender.hasRoom) return;
      this.#waiting.delete(link);
      const { subscriber, waiting } = link;
      link.waiting = null;
      if (subscriber !== null && waiting !== null) {
        this.#welcome(nowUs, link, subscriber, waiting.hello, waiting.welcomed);
      }
    }
  }

  /** A client says goodbye. */
  handleBye(nowUs: number, link: Link, client: ClientNumber): void {
    this.#unlink(link);
    this.#options.holding.clients.handleLeave(client);
    this.drain(nowUs);
  }

  /** Ends all memberships: another machine hosts from now on. */
  handleDeposed(successor: StateEpoch["hostId"] | null): void {
    for (const link of this.#links.values()) {
      if (link.subscriber === null) continue;
      this.#bye(link, "moved", "another machine hosts the shared state now", successor);
    }
  }

  /** Carries out what holding/ tells. */
  drain(nowUs: number): void {
    const { holding, presence, sender, subscribers, epoch } = this.#options;
    for (let event = holding.pollEvent(nowUs); event !== null; event = holding.pollEvent(nowUs)) {
      this.#follow(nowUs, event);
    }
    for (let news = holding.pollAnnouncement(); news !== null; news = holding.pollAnnouncement()) {
      presence?.noteHolding();
      const message = { ...news.message, term: epoch.term };
      if (news.to === null) {
        for (const link of sender.links.keys()) sender.say(link, message);
        continue;
      }
      const link = subscribers.get(news.to)?.link ?? null;
      if (link !== null) sender.say(link, message);
    }
    presence?.settle(nowUs);
  }

  /** Tells a link that something should not have been said. */
  sayError(to: LinkNumber, code: StateErrorCode, text: string): void {
    this.#options.sender.say(to, {
      kind: "error",
      term: this.#options.epoch.term,
      code,
      text: fitText(text),
    });
  }

  #subscriberOf(nowUs: number, client: ClientNumber, name: string, level: AccessLevel): Subscriber {
    const { document, presence, standbys, subscribers } = this.#options;
    let subscriber = subscribers.get(client);
    if (subscriber === undefined) {
      subscriber = new Subscriber(client);
      subscribers.set(client, subscriber);
    }
    subscriber.name = name;
    subscriber.maxPriority = level === "viewer" ? 0 : MAX_PRIORITY;
    document.claims.handleJoin(client);
    standbys.noteClient(client);
    // Before its welcome: it is to find itself in what it is sent first.
    presence?.note(client);
    presence?.settle(nowUs);
    return subscriber;
  }

  #welcome(nowUs: number, link: Link, subscriber: Subscriber, hello: HelloMessage, welcomed: Welcomed): void {
    const { counters, document, epoch, groups, holding, sender, standbys } = this.#options;
    const { client, resumed, token } = welcomed;
    const takenOver = document.claims.handleReturn(nowUs, client).map(({ path }) => path);
    document.settle();
    const group = groups.join(hello.interests);
    subscriber.begin(link.number, group);
    const isSameEpoch = hello.epoch !== null && compareEpochs(hello.epoch, epoch) === 0;
    const keeps = isSameEpoch && resumed && this.#interests.get(client) === group.key;
    this.#interests.delete(client);
    const plans = sender.begin(nowUs, link.number, subscriber, hello, keeps);
    // What was acknowledged once stays so: the client has forgotten it.
    const confirmed = Math.min(subscriber.sequence, standbys.limitOf(subscriber));
    subscriber.acknowledged = Math.max(subscriber.acknowledged, confirmed);
    link.token = token;
    counters.welcomes++;
    if (resumed) counters.resumed++;
    sender.say(link.number, {
      kind: "welcome",
      epoch,
      client,
      token,
      resumed,
      ack: sender.ackOf(subscriber),
      nowUs,
      limits: {
        setsPerSecond: SETS_PER_SECOND,
        maxPatchHz: Math.round(1_000_000 / RATE_US.fast),
        maxPriority: subscriber.maxPriority,
        silenceUs: SILENCE_US,
      },
      plans,
      takenOver: takenOver.sort((a, b) => a - b).slice(0, MAX_TAKEN_OVER),
    });
    holding.announceAll(nowUs, client);
  }

  #follow(nowUs: number, event: ClientEvent): void {
    const { document, events, holding, leaves, presence, standbys, subscribers, writes } = this.#options;
    const { claims } = document;
    events.note(event);
    if ("client" in event) presence?.note(event.client);
    switch (event.kind) {
      case "unlinked": {
        const link = this.#links.get(event.link);
        if (link === undefined) return;
        return event.why === "silent"
          ? this.#bye(link, "silent", "nothing was heard of this client", null)
          : this.#bye(link, "replaced", "this client has come in over another link", null);
      }
      case "suspect":
        claims.handleLost(nowUs, event.client);
        break;
      case "heard":
        claims.handleReturn(nowUs, event.client);
        break;
      case "suspended":
        writes.handleSuspended(nowUs, event.client);
        leaves.operate(nowUs, event.client, event.operations);
        // It may have come back already, over the same link.
        if (holding.clients.levelOf(event.client) === null) claims.handleLost(nowUs, event.client);
        break;
      case "gone":
        if (event.why === "left") claims.handleLeave(event.client);
        else claims.handleForget(event.client);
        // Behind its claims, which it would meet.
        leaves.operate(nowUs, HOST, event.operations);
        subscribers.delete(event.client);
        this.#interests.delete(event.client);
        standbys.noteClient(event.client);
        break;
      default:
        return;
    }
    document.settle();
  }

  #bye(link: Link, reason: ByeReason, text: string, successor: StateEpoch["hostId"] | null): void {
    const { epoch, sender } = this.#options;
    sender.say(link.number, { kind: "bye", term: epoch.term, reason, successor, text });
    this.#unlink(link);
  }

  /** A client does not listen on a link any more. */
  #unlink(link: Link): void {
    const { groups, sender, writes } = this.#options;
    const { subscriber } = link;
    link.subscriber = link.token = link.waiting = null;
    this.#waiting.delete(link);
    sender.end(link.number);
    if (subscriber === null || subscriber.link !== link.number) return;
    writes.forget(subscriber);
    if (subscriber.group !== null) {
      this.#interests.set(subscriber.client, subscriber.group.key);
      groups.leave(subscriber.group);
    }
    subscriber.end();
  }
}

/** As much of a text as a message holds. */
export function fitText(text: string): string {
  let fitted = text;
  while (utf8Length(fitted) > MAX_TEXT_BYTES) fitted = fitted.slice(0, Math.floor(fitted.length * 0.9));
  return fitted.isWellFormed() ? fitted : fitted.toWellFormed();
}
