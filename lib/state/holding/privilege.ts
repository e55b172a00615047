// The one privileged client of a host: it may change structure, modes and terms of others (research 2.10).
// Decides who that is, by request, offer, seizure or the host's own word; there is never more than one.
// Never decides who is there, nor what only the privileged may do.

import { type AccessLevel, hasAccess } from "../../base/mod.ts";
import type { NackCode, PrivilegeAction, PrivilegeState } from "../messages/mod.ts";
import type { ClientNumber } from "../model/mod.ts";
import { type Announcement, NO_CLIENT } from "./announcement.ts";
import { ASK_US } from "./bounds.ts";
import type { Fence } from "./fence.ts";

/** Who may do what. */
export interface PrivilegePolicy {
  /** The least level that may hold it. */
  readonly hold: AccessLevel;
  /** The least level that may take it from a holder that is there; null for nobody. */
  readonly seizeHeld: AccessLevel | null;
}

/** An operator holds it, and nobody takes it from one who is there. */
export const DEFAULT_PRIVILEGE_POLICY: PrivilegePolicy = { hold: "operator", seizeHeld: null };

/** How it begins. */
export interface PrivilegeOptions {
  readonly fence: Fence;
  /** The level of a client that is there; null for one that is not. */
  readonly levelOf: (client: ClientNumber) => AccessLevel | null;
  readonly policy?: PrivilegePolicy;
}

/** What a client says about the privilege: the first seven words of `PRIVILEGE_ACTIONS`. */
export interface PrivilegeWish {
  readonly action: "request" | "release" | "offer" | "accept" | "decline" | "seize" | "consent";
  readonly request: number;
  /** To whom it is offered. */
  readonly other: ClientNumber;
  /** That under which the speaker holds it, where it does. */
  readonly generation: number;
}

/** The privilege as everybody may know it. */
export interface PrivilegeStanding {
  readonly state: PrivilegeState;
  /** 0 for nobody. */
  readonly holder: ClientNumber;
  readonly generation: number;
  /** Who asks, or to whom it is offered; 0 for nobody. */
  readonly other: ClientNumber;
  /** Until a question or the grace ends, in microseconds; 0 where nothing runs. */
  readonly leftUs: number;
}

/** Counters of the privilege. */
export interface PrivilegeCounters {
  granted: number;
  denied: number;
  seized: number;
  /** Requests and offers without an answer in time. */
  unanswered: number;
  revoked: number;
  graces: number;
  expired: number;
  /** What was refused to clients that do not hold it, or under an old generation. */
  fenced: number;
}

/** Who holds the privilege of a host. */
export class Privilege {
  readonly #options: PrivilegeOptions;
  readonly #policy: PrivilegePolicy;
  readonly #out: Announcement[] = [];
  #state: PrivilegeState = "none";
  #holder = NO_CLIENT;
  #generation = 0;
  #other = NO_CLIENT;
  /** The asker's number of its request, or the holder's of its offer. */
  #request = 0;
  #untilUs = Infinity;

  readonly counters: PrivilegeCounters = {
    granted: 0,
    denied: 0,
    seized: 0,
    unanswered: 0,
    revoked: 0,
    graces: 0,
    expired: 0,
    fenced: 0,
  };

  constructor(options: PrivilegeOptions) {
    this.#options = options;
    this.#policy = options.policy ?? DEFAULT_PRIVILEGE_POLICY;
  }

  /** Who holds it, be it lost; 0 for nobody. */
  get holder(): ClientNumber {
    return this.#holder;
  }

  /** That of the last grant; 0 where nobody holds it. */
  get generation(): number {
    return this.#generation;
  }

  /** How it stands. */
  standing(nowUs: number): PrivilegeStanding {
    return {
      state: this.#state,
      holder: this.#holder,
      generation: this.#generation,
      other: this.#other,
      leftUs: this.#untilUs === Infinity ? 0 : Math.max(0, this.#untilUs - nowUs),
    };
  }

  /**
   * Whether a client may do what only the privileged may, under a generation that it knows.
   * @returns null for yes.
   */
  check(client: ClientNumber, generation: number | null): (NackCode & ("privilege" | "generation")) | null {
    if (this.#holder !== client || client === NO_CLIENT || this.#state === "grace") {
      this.counters.fenced++;
      return "privilege";
    }
    if (this.#options.fence.covers(client, generation, this.#generation)) return null;
    this.counters.fenced++;
    return "generation";
  }

  /** A client that has joined says something about the privilege. */
  handleWish(nowUs: number, client: ClientNumber, wish: PrivilegeWish): void {
    const { action, request } = wish;
    switch (action) {
      case "request":
        return this.#handleRequest(nowUs, client, request);
      case "seize":
        return this.#handleSeize(nowUs, client, request);
      case "accept":
        if (this.#state !== "offered" || this.#other !== client) {
          return this.#deny(nowUs, client, request, "nobody offers it");
        }
        return this.#grant(nowUs, client, request, "it was handed over");
      case "decline":
        if (this.#other === client && this.#state === "offered") {
          return this.#endQuestion(nowUs, this.#holder, "the offer was declined");
        }
    }
    if (client !== this.#holder || this.#state === "grace" || wish.generation !== this.#generation) {
      return this.#deny(nowUs, client, request, "this client does not hold it");
    }
    switch (action) {
      case "release":
        return this.#letGo(nowUs, "it was released");
      case "offer":
        return this.#handleOffer(nowUs, client, wish);
      case "consent":
        if (this.#state !== "asked") return this.#deny(nowUs, client, request, "nobody asks for it");
        return this.#grant(nowUs, this.#other, this.#request, "the holder agreed");
      case "decline":
        if (this.#state !== "asked") return this.#deny(nowUs, client, request, "nobody asks for it");
        return this.#endQuestion(nowUs, this.#other, "the holder keeps it");
    }
  }

  /** A wish is not even looked at: the speaker hears why, and nobody else anything. */
  refuseWish(nowUs: number, client: ClientNumber, request: number, why: string): void {
    this.#deny(nowUs, client, request, why);
  }

  /**
   * The host itself gives it to a client: what a person says at the host counts without anybody's consent.
   * @returns whether that client may hold it.
   */
  handleAssignment(nowUs: number, client: ClientNumber): boolean {
    if (!this.#mayHold(client) || !this.#options.fence.hasNext) return false;
    if (this.#holder !== client || this.#state === "grace") this.#grant(nowUs, client, 0, "the host gave it");
    return true;
  }

  /** The host itself takes it away. */
  handleRevocation(nowUs: number, why: string): void {
    if (this.#state !== "none") this.#clear(nowUs, why);
  }

  /** A client was lost. If it held the privilege, that waits for it; any who may hold it may seize it meanwhile. */
  handleGrace(nowUs: number, client: ClientNumber, untilUs: number): void {
    if (client === this.#other) this.#endQuestion(nowUs, this.#holder, "the other client was lost");
    if (client !== this.#holder || this.#state === "none" || this.#state === "grace") return;
    this.#dropQuestion(nowUs, "the holder was lost: it can be seized");
    this.#state = "grace";
    this.#untilUs = untilUs;
    this.counters.graces++;
    this.#tell(nowUs, null, "changed", 0, "the holder was lost");
  }

  /** A lost holder is back, or the host takes the loss back. */
  handleReturn(nowUs: number, client: ClientNumber): void {
    if (client !== this.#holder || this.#state === "none") return;
    const level = this.#options.levelOf(client);
    if (level !== null && !this.#mayHold(client)) return this.#letGo(nowUs, "the holder came back with less");
    if (this.#state !== "grace") return;
    this.#state = "held";
    this.#untilUs = Infinity;
    this.#tell(nowUs, null, "changed", 0, "the holder is back");
  }

  /** A client is gone for good. */
  handleGone(nowUs: number, client: ClientNumber): void {
    if (client === this.#other) this.#endQuestion(nowUs, this.#holder, "the other client is gone");
    if (client === this.#holder && this.#state !== "none") this.#letGo(nowUs, "the holder left");
  }

  /** Ends what is due. */
  handleTimeout(nowUs: number): void {
    if (nowUs < this.#untilUs) return;
    if (this.#state === "grace") {
      this.counters.expired++;
      this.#clear(nowUs, "the holder did not come back");
      return;
    }
    this.counters.unanswered++;
    const isAsked = this.#state === "asked";
    this.#endQuestion(nowUs, isAsked ? this.#other : this.#holder, "there was no answer");
  }

  /** When it wants `handleTimeout`, in microseconds; Infinity for never. */
  nextUs(): number {
    return this.#untilUs;
  }

  /** The next message to send. */
  pollAnnouncement(): Announcement | null {
    return this.#out.shift() ?? null;
  }

  /** How it stands, for one who joins: a message to it. */
  announce(nowUs: number, to: ClientNumber): void {
    this.#tell(nowUs, to, "changed", 0, "");
  }

  /** A standby becomes the host: the holder of the last reign keeps it if it comes back in time. */
  handleReign(holder: ClientNumber, generation: number, untilUs: number): void {
    if (holder === NO_CLIENT) return;
    this.#options.fence.noteGiven(holder, generation);
    this.#state = "grace";
    this.#holder = holder;
    this.#generation = generation;
    this.#other = NO_CLIENT;
    this.#untilUs = untilUs;
  }

  #mayHold(client: ClientNumber): boolean {
    const level = this.#options.levelOf(client);
    return level !== null && hasAccess(level, this.#policy.hold);
  }

  #handleRequest(nowUs: number, client: ClientNumber, request: number): void {
    if (!this.#mayHold(client)) return this.#deny(nowUs, client, request, "this client may not hold it");
    switch (this.#state) {
      case "none":
        return this.#grant(nowUs, client, request, "nobody held it");
      case "grace":
        return this.#deny(nowUs, client, request, "it waits for its lost holder; it can be seized");
      case "offered":
        if (this.#other === client) return this.#grant(nowUs, client, request, "it was handed over");
        break;
      case "asked":
        if (this.#other === client) return;
    }
    if (client === this.#holder) return this.#tell(nowUs, client, "granted", request, "");
    if (this.#state !== "held") return this.#deny(nowUs, client, request, "somebody else waits for it");
    this.#ask(nowUs, "asked", client, request);
    this.#tell(nowUs, this.#holder, "requested", request, "");
    this.#tell(nowUs, null, "changed", 0, "");
  }

  #handleSeize(nowUs: number, client: ClientNumber, request: number): void {
    if (!this.#mayHold(client)) return this.#deny(nowUs, client, request, "this client may not hold it");
    if (client === this.#holder) return this.#tell(nowUs, client, "granted", request, "");
    const isHeld = this.#state !== "none" && this.#state !== "grace";
    const { seizeHeld } = this.#policy;
    const level = this.#options.levelOf(client);
    if (isHeld && (seizeHeld === null || level === null || !hasAccess(level, seizeHeld))) {
      return this.#deny(nowUs, client, request, "its holder is there; ask for it");
    }
    this.counters.seized++;
    this.#grant(nowUs, client, request, "it was seized");
  }

  #handleOffer(nowUs: number, client: ClientNumber, { other, request }: PrivilegeWish): void {
    if (other === client || !this.#mayHold(other)) {
      return this.#deny(nowUs, client, request, "nobody is there under that number who may hold it");
    }
    if (this.#state === "asked" && this.#other === other) {
      return this.#grant(nowUs, other, this.#request, "the holder agreed");
    }
    this.#dropQuestion(nowUs, "the holder offers it to somebody else");
    this.#ask(nowUs, "offered", other, request);
    this.#tell(nowUs, other, "requested", request, "");
    this.#tell(nowUs, null, "changed", 0, "");
  }

  #ask(nowUs: number, state: "asked" | "offered", other: ClientNumber, request: number): void {
    this.#state = state;
    this.#other = other;
    this.#request = request;
    this.#untilUs = nowUs + ASK_US;
  }

  #grant(nowUs: number, to: ClientNumber, request: number, why: string): void {
    if (!this.#mayHold(to) || !this.#options.fence.hasNext) {
      // It may have lost the right while it waited; the holder keeps what it has.
      if (this.#other === to) this.#endQuestion(nowUs, to, "this client may not hold it");
      else this.#deny(nowUs, to, request, "this client may not hold it");
      return;
    }
    const from = this.#holder;
    if (this.#other !== to) this.#dropQuestion(nowUs, "somebody else has it now");
    this.#state = "held";
    this.#holder = to;
    this.#generation = this.#options.fence.next(to);
    this.#other = NO_CLIENT;
    this.#untilUs = Infinity;
    this.counters.granted++;
    if (from !== NO_CLIENT && from !== to) this.#tell(nowUs, from, "revoked", 0, why);
    this.#tell(nowUs, to, "granted", request, why);
    this.#tell(nowUs, null, "changed", 0, why);
  }

  /** The holder does not want it any more, or may not have it: who asks for it gets it. */
  #letGo(nowUs: number, why: string): void {
    const holder = this.#holder;
    if (this.#state === "asked") this.#grant(nowUs, this.#other, this.#request, why);
    if (this.#holder === holder) this.#clear(nowUs, why);
  }

  #clear(nowUs: number, why: string): void {
    const from = this.#holder;
    this.#dropQuestion(nowUs, why);
    this.#state = "none";
    this.#holder = NO_CLIENT;
    this.#generation = 0;
    this.#untilUs = Infinity;
    this.counters.revoked++;
    this.#tell(nowUs, from, "revoked", 0, why);
    this.#tell(nowUs, null, "changed", 0, why);
  }

  /** A question ends and the holder keeps it: `to`, who waited, hears why, and everybody how it stands. */
  #endQuestion(nowUs: number, to: ClientNumber, why: string): void {
    const request = this.#request;
    this.#state = "held";
    this.#other = NO_CLIENT;
    this.#untilUs = Infinity;
    this.#deny(nowUs, to, request, why);
    this.#tell(nowUs, null, "changed", 0, why);
  }

  /** A question ends because something else happens; who asked hears why, to whom it was offered sees it. */
  #dropQuestion(nowUs: number, why: string): void {
    const [state, asker] = [this.#state, this.#other];
    this.#other = NO_CLIENT;
    if (state !== "asked" && state !== "offered") return;
    this.#state = "held";
    this.#untilUs = Infinity;
    if (state === "asked") this.#deny(nowUs, asker, this.#request, why);
  }

  #deny(nowUs: number, to: ClientNumber, request: number, why: string): void {
    this.counters.denied++;
    this.#tell(nowUs, to, "denied", request, why);
  }

  #tell(
    nowUs: number,
    to: ClientNumber | null,
    action: PrivilegeAction,
    request: number,
    text: string,
  ): void {
    if (to === NO_CLIENT) return;
    this.#out.push({ to, message: { kind: "priv", action, request, ...this.standing(nowUs), text } });
  }
}
