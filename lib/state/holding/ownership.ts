// Who edits which object alone: free, owned, asked for, or waiting for a lost owner (research 2.10).
// Decides grants, generations and who may write below an owned object; tells every change at once.
// Never decides who is there (client_table.ts) nor whose value wins (merge/).

import { type AccessLevel, hasAccess } from "../../base/mod.ts";
import { MAX_OBJECTS, type NackCode, type ObjectStanding } from "../messages/mod.ts";
import type { ClientNumber, PathId } from "../model/mod.ts";
import { type Announcement, NO_CLIENT } from "./announcement.ts";
import { ASK_US, IDLE_US, MAX_HOLDS, MAX_HOLDS_PER_CLIENT } from "./bounds.ts";
import type { Fence } from "./fence.ts";
import { type Hold, HoldIndex } from "./hold_index.ts";

/** Who may do what. */
export interface OwnershipPolicy {
  /** The least level that may own. */
  readonly own: AccessLevel;
  /** The least level that may take what somebody owns and keeps; null for nobody. */
  readonly steal: AccessLevel | null;
}

/** What people are used to: crew owns, and crew may take. */
export const DEFAULT_OWNERSHIP_POLICY: OwnershipPolicy = { own: "crew", steal: "crew" };

/** How a table begins. */
export interface OwnershipOptions {
  readonly fence: Fence;
  /** The path of an object; null for an id that stands for nothing. */
  readonly pathOf: (id: PathId) => string | null;
  /** The level of a client that is there; null for one that is not. */
  readonly levelOf: (client: ClientNumber) => AccessLevel | null;
  readonly policy?: OwnershipPolicy;
}

/** What a client says about objects: the first seven words of `OWN_ACTIONS`. */
export interface OwnWish {
  readonly action: "request" | "steal" | "release" | "transfer" | "consent" | "refuse" | "ask";
  readonly request: number;
  /** To whom it is transferred. */
  readonly other: ClientNumber;
  /** With the generation under which the speaker owns them, where it does. */
  readonly objects: readonly { readonly id: PathId; readonly generation: number }[];
}

/** An owned object as a standby keeps it. */
export interface OwnershipRow {
  readonly id: PathId;
  readonly owner: ClientNumber;
  readonly generation: number;
}

/** Counters of one table. */
export interface OwnershipCounters {
  granted: number;
  asked: number;
  stolen: number;
  /** Wishes without effect: not allowed, busy, no such object, an old generation, no room. */
  refused: number;
  refusedFull: number;
  /** Asks that ended without an answer of the owner. */
  unanswered: number;
  graces: number;
  expired: number;
  /** Writes that were refused: somebody else's object, or an old generation. */
  fencedOwner: number;
  fencedGeneration: number;
}

/** What an asker is told of one object. */
interface Answer {
  readonly to: ClientNumber;
  readonly request: number;
  readonly id: PathId;
  /** Why not; "" where it is granted. */
  readonly text: string;
}

/** Paths whose owner is remembered until something changes; more than that is looked up again. */
const MAX_REMEMBERED = 65_536;

/** The owned objects of a host. */
export class OwnershipTable {
  readonly #options: OwnershipOptions;
  readonly #policy: OwnershipPolicy;
  readonly #holds = new HoldIndex();
  /** Which hold a path lies below; null for none. Emptied by every change of holds. */
  readonly #remembered = new Map<PathId, Hold | null>();
  readonly #timed = new Set<Hold>();
  /** None of them is due before. */
  #nextUs = Infinity;
  readonly #changed = new Set<PathId>();
  readonly #toCopy = new Set<PathId>();
  readonly #answers: Answer[] = [];
  readonly #out: Announcement[] = [];

  readonly counters: OwnershipCounters = {
    granted: 0,
    asked: 0,
    stolen: 0,
    refused: 0,
    refusedFull: 0,
    unanswered: 0,
    graces: 0,
    expired: 0,
    fencedOwner: 0,
    fencedGeneration: 0,
  };

  constructor(options: OwnershipOptions) {
    this.#options = options;
    this.#policy = options.policy ?? DEFAULT_OWNERSHIP_POLICY;
  }

  /** How many objects are owned. */
  get size(): number {
    return this.#holds.size;
  }

  /**
   * A client that has joined says something about objects. Objects are granted or not one by one; the answer tells how each of
   * them stands now. What it owns already, or owns from above, is granted again.
   */
  handleWish(nowUs: number, client: ClientNumber, wish: OwnWish): void {
    const asked = new Map<ClientNumber, PathId[]>();
    const { request } = wish;
    for (const { id, generation } of wish.objects) {
      const text = this.#wish(nowUs, client, wish, id, generation, asked);
      if (text !== "" && text !== WAITING) this.counters.refused++;
      this.#answers.push({ to: client, request, id, text });
    }
    this.#flush(nowUs);
    for (const [holder, ids] of asked) {
      const objects = ids.map((id) => this.standing(nowUs, id)).sort((a, b) => a.id - b.id);
      const message = {
        kind: "own",
        action: "requested",
        request,
        other: client,
        objects,
        text: "",
      } as const;
      this.#out.push({ to: holder, message });
    }
  }

  /** A wish is not even looked at: the speaker hears why, and nobody else anything. */
  refuseWish(nowUs: number, client: ClientNumber, { request, objects }: OwnWish, text: string): void {
    this.counters.refused++;
    for (const { id } of objects) this.#answers.push({ to: client, request, id, text });
    this.#flush(nowUs);
  }

  /**
   * Whether a client may write to a path now. A write below an owned object must be its owner's and carry its generation, and
   * one that carries a generation must be below an owned object.
   * @returns null for yes.
   */
  checkWrite(
    nowUs: number,
    client: ClientNumber,
    path: PathId,
    generation: number | null,
  ): (NackCode & ("owner" | "generation")) | null {
    const hold = this.#holds.size === 0 ? null : this.#holdOf(path);
    if (hold === null) {
      if (generation === null) return null;
      this.counters.fencedGeneration++;
      return "generation";
    }
    if (hold.owner !== client) {
      this.counters.fencedOwner++;
      return "owner";
    }
    if (!this.#options.fence.covers(client, generation, hold.generation)) {
      this.counters.fencedGeneration++;
      return "generation";
    }
    hold.usedUs = nowUs;
    return null;
  }

  /** An owner was lost: its objects wait for it, unless somebody asks. Who waits for an answer of it gets the object. */
  handleGrace(nowUs: number, client: ClientNumber, untilUs: number): void {
    for (const hold of [...this.#holds.of(client)]) {
      hold.graceUntilUs = untilUs;
      this.#time(hold, untilUs);
      this.#changed.add(hold.id);
      this.counters.graces++;
      if (hold.ask !== null) this.#grantAsked(nowUs, hold);
    }
    this.#cancelAsksOf(client);
    this.#flush(nowUs);
  }

  /** A lost owner is back, or the host takes the loss back: what waited is its again. */
  handleReturn(nowUs: number, client: ClientNumber): void {
    const mayNot = this.#options.levelOf(client) !== null && !this.#may(client, this.#policy.own);
    for (const hold of [...this.#holds.of(client)]) {
      if (mayNot) this.#letGo(nowUs, hold);
      if (mayNot || hold.graceUntilUs === 0) continue;
      hold.graceUntilUs = 0;
      hold.usedUs = nowUs;
      this.#timed.delete(hold);
      this.#changed.add(hold.id);
    }
    this.#flush(nowUs);
  }

  /** A client is gone for good: what it owned goes to who asked for it, or is free. */
  handleGone(nowUs: number, client: ClientNumber): void {
    this.#cancelAsksOf(client);
    for (const hold of [...this.#holds.of(client)]) this.#letGo(nowUs, hold);
    this.#flush(nowUs);
  }

  /** An object is deleted: nobody owns it any more. */
  handleRemoval(nowUs: number, id: PathId): void {
    for (const hold of this.#holds.all()) {
      if (hold.id !== id) continue;
      if (hold.ask !== null) this.#denyAsk(hold, "it is deleted");
      this.#drop(hold);
      break;
    }
    this.#remembered.delete(id);
    this.#flush(nowUs);
  }

  /** Ends the asks and graces that are due. */
  handleTimeout(nowUs: number): void {
    if (nowUs < this.#nextUs) return;
    for (const hold of [...this.#timed]) {
      if (hold.ask !== null && hold.ask.untilUs <= nowUs) {
        this.counters.unanswered++;
        if (nowUs - hold.usedUs > IDLE_US) this.#grantAsked(nowUs, hold);
        else {
          this.#denyAsk(hold, "its owner is at work on it");
          this.#untime(hold);
        }
      } else if (hold.graceUntilUs !== 0 && hold.graceUntilUs <= nowUs) {
        this.counters.expired++;
        this.#drop(hold);
      }
    }
    this.#nextUs = Infinity;
    for (const { ask, graceUntilUs } of this.#timed) {
      if (ask !== null) this.#nextUs = Math.min(this.#nextUs, ask.untilUs);
      if (graceUntilUs !== 0) this.#nextUs = Math.min(this.#nextUs, graceUntilUs);
    }
    this.#flush(nowUs);
  }

  /** When it wants `handleTimeout`, in microseconds; Infinity for never. What was settled meanwhile leaves it too early. */
  nextUs(): number {
    return this.#timed.size === 0 ? Infinity : this.#nextUs;
  }

  /** The next message to send. */
  pollAnnouncement(): Announcement | null {
    return this.#out.shift() ?? null;
  }

  /** How an object stands; what lies below an owned object stands as that. */
  standing(nowUs: number, id: PathId): ObjectStanding {
    return this.#standingOf(nowUs, id, this.#holdOf(id));
  }

  #standingOf(nowUs: number, id: PathId, hold: Hold | null): ObjectStanding {
    if (hold === null) return { id, state: "free", owner: NO_CLIENT, generation: 0, leftUs: 0 };
    const { owner, generation, ask, graceUntilUs } = hold;
    // Somebody asks for the object itself, not for what lies below it.
    const askedUs = hold.id === id ? ask?.untilUs ?? 0 : 0;
    const untilUs = graceUntilUs !== 0 ? graceUntilUs : askedUs;
    const state = graceUntilUs !== 0 ? "grace" : askedUs !== 0 ? "asked" : "owned";
    return { id, state, owner, generation, leftUs: Math.max(0, untilUs - nowUs) };
  }

  /** How all owned objects stand, for one who joins: messages to it. */
  announceAll(nowUs: number, to: ClientNumber): void {
    this.#say(to, "changed", 0, [...this.#holds.all()].map(({ id }) => this.standing(nowUs, id)), "");
  }

  /** All that a standby has to know, ascending. */
  rows(): OwnershipRow[] {
    return [...this.#holds.all()].map(({ id, owner, generation }) => ({ id, owner, generation }))
      .sort((a, b) => a.id - b.id);
  }

  /** The next object of which a standby has to be told again: its `rowOf`. */
  pollCopy(): PathId | null {
    for (const id of this.#toCopy) {
      this.#toCopy.delete(id);
      return id;
    }
    return null;
  }

  /** What a standby has to know of an object: owner 0 where nobody owns it itself. */
  rowOf(id: PathId): OwnershipRow {
    const hold = this.#holdOf(id);
    if (hold === null || hold.id !== id) return { id, owner: NO_CLIENT, generation: 0 };
    return { id, owner: hold.owner, generation: hold.generation };
  }

  /** A standby becomes the host: owners of the last reign keep their objects if they come back in time. */
  handleReign(nowUs: number, rows: readonly OwnershipRow[], untilUs: number): void {
    for (const { id, owner, generation } of rows) {
      const path = this.#options.pathOf(id);
      if (path === null || this.#holds.covering(path) !== null || this.#holds.below(path).length > 0) {
        continue;
      }
      this.#options.fence.noteGiven(owner, generation);
      const hold = { id, path, owner, generation, usedUs: nowUs, ask: null, graceUntilUs: untilUs };
      this.#holds.add(hold);
      this.#time(hold, untilUs);
    }
    this.#remembered.clear();
  }

  /** @returns why it has no effect; "" where it has, or where nothing was to do. */
  #wish(
    nowUs: number,
    client: ClientNumber,
    wish: OwnWish,
    id: PathId,
    generation: number,
    asked: Map<ClientNumber, PathId[]>,
  ): string {
    const path = this.#options.pathOf(id);
    if (path === null) return "there is no such object";
    const hold = this.#holds.covering(path);
    const isOwn = hold !== null && hold.owner === client;
    switch (wish.action) {
      case "ask":
        return "";
      case "request":
      case "steal": {
        if (!this.#may(client, this.#policy.own)) return "this client may not own objects";
        if (isOwn) return "";
        if (hold === null) return this.#take(nowUs, client, id, path);
        if (hold.path !== path) return `${hold.path} above it is owned`;
        if (hold.graceUntilUs !== 0) return this.#takeFrom(nowUs, client, hold);
        if (wish.action === "steal") {
          if (!this.#may(client, this.#policy.steal)) return "this client may not take owned objects";
          this.counters.stolen++;
          return this.#takeFrom(nowUs, client, hold);
        }
        if (hold.ask !== null) {
          if (hold.ask.by !== client) return "somebody else waits for it";
          // The newer request takes the place of the older, and not its time.
          hold.ask = { ...hold.ask, request: wish.request };
          return WAITING;
        }
        hold.ask = { by: client, request: wish.request, untilUs: nowUs + ASK_US };
        this.#time(hold, hold.ask.untilUs);
        this.#changed.add(hold.id);
        this.counters.asked++;
        const ids = asked.get(hold.owner);
        if (ids === undefined) asked.set(hold.owner, [id]);
        else ids.push(id);
        return WAITING;
      }
      case "release":
      case "transfer":
      case "consent":
      case "refuse":
        if (!isOwn || hold.path !== path) return "this client does not own it";
        if (generation !== hold.generation) return "it is owned under a newer generation";
        return this.#dispose(nowUs, wish, hold);
    }
  }

  /** What an owner does with its object. */
  #dispose(nowUs: number, { action, other }: OwnWish, hold: Hold): string {
    switch (action) {
      case "release":
        this.#letGo(nowUs, hold);
        return "";
      case "transfer":
        if (other === hold.owner) return "";
        if (!this.#may(other, this.#policy.own)) return "nobody is there under that number who may own it";
        return this.#takeFrom(nowUs, other, hold);
      case "consent":
        if (hold.ask === null) return "nobody asks for it";
        this.#grantAsked(nowUs, hold);
        return "";
      default:
        if (hold.ask === null) return "nobody asks for it";
        hold.usedUs = nowUs;
        this.#denyAsk(hold, "its owner keeps it");
        this.#untime(hold);
        return "";
    }
  }

  #may(client: ClientNumber, needed: AccessLevel | null): boolean {
    const level = this.#options.levelOf(client);
    return level !== null && needed !== null && hasAccess(level, needed);
  }

  /** Takes a free object with all below it. What the client owns below it becomes a part of it. */
  #take(nowUs: number, client: ClientNumber, id: PathId, path: string): string {
    const below = this.#holds.below(path);
    const theirs = below.find(({ owner }) => owner !== client);
    if (theirs !== undefined) return `${theirs.path} below it is owned`;
    const isFull = this.#holds.size - below.length >= MAX_HOLDS ||
      this.#holds.of(client).size - below.length >= MAX_HOLDS_PER_CLIENT || !this.#options.fence.hasNext;
    if (isFull) {
      this.counters.refusedFull++;
      return "too many objects are owned";
    }
    for (const hold of below) {
      if (hold.ask !== null) this.#denyAsk(hold, "its owner owns it from above");
      this.#drop(hold);
    }
    const generation = this.#options.fence.next(client);
    this.#holds.add({ id, path, owner: client, generation, usedUs: nowUs, ask: null, graceUntilUs: 0 });
    this.#remembered.clear();
    this.#changed.add(id);
    this.counters.granted++;
    return "";
  }

  /** Takes an object from its owner. Nothing changes where there is no room. */
  #takeFrom(nowUs: number, client: ClientNumber, hold: Hold): string {
    if (this.#holds.of(client).size >= MAX_HOLDS_PER_CLIENT || !this.#options.fence.hasNext) {
      this.counters.refusedFull++;
      return "too many objects are owned";
    }
    const { ask } = hold;
    this.#drop(hold);
    const text = this.#take(nowUs, client, hold.id, hold.path);
    if (ask !== null) {
      const isAsker = ask.by === client;
      const answer = isAsker ? "" : "somebody else has it now";
      this.#answers.push({ to: ask.by, request: ask.request, id: hold.id, text: answer });
    }
    return text;
  }

  #grantAsked(nowUs: number, hold: Hold): void {
    const { ask } = hold;
    if (ask === null) return;
    if (!this.#may(ask.by, this.#policy.own)) this.#denyAsk(hold, "this client may not own objects");
    else if (this.#takeFrom(nowUs, ask.by, hold) !== "") this.#denyAsk(hold, "too many objects are owned");
    else return;
    this.#untime(hold);
  }

  #denyAsk(hold: Hold, text: string): void {
    const { ask } = hold;
    if (ask === null) return;
    hold.ask = null;
    this.#answers.push({ to: ask.by, request: ask.request, id: hold.id, text });
    this.#changed.add(hold.id);
  }

  #cancelAsksOf(client: ClientNumber): void {
    for (const hold of this.#timed) {
      if (hold.ask?.by !== client) continue;
      hold.ask = null;
      this.#changed.add(hold.id);
      this.#untime(hold);
    }
  }

  /** Its owner does not want it any more. */
  #letGo(nowUs: number, hold: Hold): void {
    if (hold.ask !== null) this.#grantAsked(nowUs, hold);
    if (this.#holds.covering(hold.path) === hold) this.#drop(hold);
  }

  #drop(hold: Hold): void {
    this.#holds.remove(hold);
    this.#timed.delete(hold);
    this.#remembered.clear();
    this.#changed.add(hold.id);
  }

  #time(hold: Hold, untilUs: number): void {
    this.#timed.add(hold);
    this.#nextUs = Math.min(this.#nextUs, untilUs);
  }

  #untime(hold: Hold): void {
    if (hold.ask === null && hold.graceUntilUs === 0) this.#timed.delete(hold);
  }

  #holdOf(id: PathId): Hold | null {
    const known = this.#remembered.get(id);
    if (known !== undefined) return known;
    const path = this.#options.pathOf(id);
    if (path === null) return null;
    const hold = this.#holds.covering(path);
    if (this.#remembered.size >= MAX_REMEMBERED) this.#remembered.clear();
    this.#remembered.set(id, hold);
    return hold;
  }

  /** Says what happened: to those who asked for it, and to everybody. */
  #flush(nowUs: number): void {
    if (this.#changed.size > 0) {
      // News are about the owned objects themselves: that all below them is owned too is for everybody to see.
      const standings = [...this.#changed].map((id) => {
        this.#toCopy.add(id);
        const hold = this.#holdOf(id);
        return this.#standingOf(nowUs, id, hold?.id === id ? hold : null);
      });
      this.#changed.clear();
      this.#say(null, "changed", 0, standings, "");
    }
    // One message for each reason of each request; in one that waits, `other` is who waits.
    const messages = new Map<string, { readonly first: Answer; readonly ids: Set<PathId> }>();
    for (const answer of this.#answers.splice(0)) {
      const key = `${answer.to} ${answer.request} ${answer.text}`;
      const message = messages.get(key);
      if (message === undefined) messages.set(key, { first: answer, ids: new Set([answer.id]) });
      else message.ids.add(answer.id);
    }
    for (const { first: { to, request, text }, ids } of messages.values()) {
      this.#say(to, "answer", request, [...ids].map((id) => this.standing(nowUs, id)), text);
    }
  }

  #say(
    to: ClientNumber | null,
    action: "answer" | "changed",
    request: number,
    standings: ObjectStanding[],
    text: string,
  ): void {
    standings.sort((a, b) => a.id - b.id);
    for (let at = 0; at < standings.length; at += MAX_OBJECTS) {
      const objects = standings.slice(at, at + MAX_OBJECTS);
      const other = text === WAITING && to !== null ? to : NO_CLIENT;
      this.#out.push({ to, message: { kind: "own", action, request, other, objects, text } });
    }
  }
}

const WAITING = "its owner is asked";
