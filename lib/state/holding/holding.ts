// Everything that a host knows of its clients and of what they alone may do, as one machine.
// Decides nothing itself: it carries what happens to clients to the owned objects, the privilege and the rates, in one order,
// so that nobody who is gone holds anything. Never sends, and never touches claims.

import type { RandomStream } from "../../platform/mod.ts";
import type { NackCode, OwnMessage, PrivilegeMessage } from "../messages/mod.ts";
import type { ClientNumber, PathId } from "../model/mod.ts";
import type { Announcement } from "./announcement.ts";
import { PRIVILEGE_GRACE_US, RESUME_US, WISHES_AT_ONCE, WISHES_PER_SECOND } from "./bounds.ts";
import type { ClientEvent, LeaveOperation } from "./client.ts";
import { type ClientRow, ClientTable } from "./client_table.ts";
import { Fence } from "./fence.ts";
import { type OwnershipPolicy, type OwnershipRow, OwnershipTable } from "./ownership.ts";
import { Privilege, type PrivilegePolicy } from "./privilege.ts";
import { WriteGate } from "./write_gate.ts";

/** How it begins. */
export interface HoldingOptions {
  /** Where tokens come from. */
  readonly random: RandomStream;
  /** The path of an object; null for an id that stands for nothing. */
  readonly pathOf: (id: PathId) => string | null;
  readonly maxClients?: number;
  readonly ownership?: OwnershipPolicy;
  readonly privilege?: PrivilegePolicy;
}

/** When it wants `handleTimeout`, and for what. */
export interface HoldingDeadline {
  readonly atUs: number;
  readonly reason: "suspect" | "silence" | "expiry" | "self-suspicion" | "ownership" | "privilege" | "rate";
}

/** All of it, or what has changed of it, for a standby. Lists ascend. */
export interface HoldingCopy {
  readonly lastClient: number;
  readonly lastGeneration: number;
  readonly clients: readonly ClientRow[];
  readonly objects: readonly OwnershipRow[];
  /** 0 for nobody. */
  readonly privileged: ClientNumber;
  readonly privilegeGeneration: number;
}

const OWN_WISHES = ["request", "steal", "release", "transfer", "consent", "refuse", "ask"] as const;
const PRIVILEGE_WISHES = ["request", "release", "offer", "accept", "decline", "seize", "consent"] as const;

const WISH_US = 1_000_000 / WISHES_PER_SECOND;
const TOO_MANY = `more than ${WISHES_PER_SECOND} requests a second`;

/**
 * Clients, owned objects, privilege and rates of one host. Greetings, messages, closed connections and leaves go to `clients`
 * and writes to `gate` directly; then, and after every call of this, poll events and announcements until there are none.
 */
export class Holding<W> {
  readonly #fence: Fence;
  readonly clients: ClientTable;
  readonly ownership: OwnershipTable;
  readonly privilege: Privilege;
  readonly gate = new WriteGate<W>();
  /** When the next wish of a client is expected, as in write_gate.ts. */
  readonly #wishes = new Map<ClientNumber, number>();
  #misdirected = 0;
  #tooMany = 0;

  /** `lastGeneration` is that of the host before, where there was one. */
  constructor(options: HoldingOptions, lastGeneration = 0) {
    const { random, maxClients, pathOf } = options;
    this.#fence = new Fence(lastGeneration);
    const fence = this.#fence;
    this.clients = new ClientTable(maxClients === undefined ? { random } : { random, maxClients });
    const levelOf = (client: ClientNumber) => this.clients.levelOf(client);
    this.ownership = new OwnershipTable(
      options.ownership === undefined
        ? { fence, pathOf, levelOf }
        : { fence, pathOf, levelOf, policy: options.ownership },
    );
    this.privilege = new Privilege(
      options.privilege === undefined ? { fence, levelOf } : { fence, levelOf, policy: options.privilege },
    );
  }

  /** Messages with words that only a host says. */
  get misdirected(): number {
    return this.#misdirected;
  }

  /** Messages about objects and the privilege that were refused since the same client sent too many. */
  get tooManyWishes(): number {
    return this.#tooMany;
  }

  /** A client that has joined says something about objects. @returns whether a client can say that. */
  handleOwn(nowUs: number, client: ClientNumber, message: OwnMessage): boolean {
    const action = OWN_WISHES.find((word) => word === message.action);
    if (action === undefined || this.clients.levelOf(client) === null) {
      this.#misdirected++;
      return false;
    }
    const { request, other, objects } = message;
    const wish = { action, request, other, objects };
    if (this.#mayWish(nowUs, client)) this.ownership.handleWish(nowUs, client, wish);
    else this.ownership.refuseWish(nowUs, client, wish, TOO_MANY);
    return true;
  }

  /** A client that has joined says something about the privilege. @returns whether a client can say that. */
  handlePrivilege(nowUs: number, client: ClientNumber, message: PrivilegeMessage): boolean {
    const action = PRIVILEGE_WISHES.find((word) => word === message.action);
    if (action === undefined || this.clients.levelOf(client) === null) {
      this.#misdirected++;
      return false;
    }
    const { request, other, generation } = message;
    if (this.#mayWish(nowUs, client)) {
      this.privilege.handleWish(nowUs, client, { action, request, other, generation });
    } else this.privilege.refuseWish(nowUs, client, request, TOO_MANY);
    return true;
  }

  /**
   * A client that has joined leaves something to be written when it goes, in place of what it left before.
   * @returns null where it is kept.
   */
  handleLeaveOperations(
    nowUs: number,
    client: ClientNumber,
    operations: readonly LeaveOperation[],
  ): NackCode | null {
    if (this.clients.levelOf(client) === null) return "suspended";
    if (!this.#mayWish(nowUs, client)) return "rate";
    return this.clients.handleLeaveOperations(client, operations) ? null : "full";
  }

  /**
   * Whether a client may write to a path now, as far as joining and ownership go.
   * @returns null for yes.
   */
  checkWrite(nowUs: number, client: ClientNumber, path: PathId, generation: number | null): NackCode | null {
    if (this.clients.levelOf(client) === null) return "suspended";
    return this.ownership.checkWrite(nowUs, client, path, generation);
  }

  /**
   * Whether a client may change structure now.
   * @returns null for yes.
   */
  checkStructure(client: ClientNumber, generation: number | null): NackCode | null {
    if (this.clients.levelOf(client) === null) return "suspended";
    return this.privilege.check(client, generation);
  }

  /** Does what is due. */
  handleTimeout(nowUs: number): void {
    this.clients.handleTimeout(nowUs);
    this.ownership.handleTimeout(nowUs);
    this.privilege.handleTimeout(nowUs);
    this.gate.handleTimeout(nowUs);
  }

  /** When it wants `handleTimeout`; null for never. */
  pollTimeout(): HoldingDeadline | null {
    let next: HoldingDeadline | null = this.clients.pollTimeout();
    const others = [
      { atUs: this.ownership.nextUs(), reason: "ownership" },
      { atUs: this.privilege.nextUs(), reason: "privilege" },
      { atUs: this.gate.nextUs(), reason: "rate" },
    ] as const;
    for (const other of others) {
      if (other.atUs !== Infinity && (next === null || other.atUs < next.atUs)) next = other;
    }
    return next;
  }

  /** What happened next to a client; objects and privilege know of it already, claims do not. */
  pollEvent(nowUs: number): ClientEvent | null {
    const event = this.clients.pollEvent();
    switch (event?.kind) {
      case "resumed":
      case "spared":
        this.ownership.handleReturn(nowUs, event.client);
        this.privilege.handleReturn(nowUs, event.client);
        break;
      case "suspended":
        this.gate.handleSuspended(event.client);
        break;
      case "grace":
        this.ownership.handleGrace(nowUs, event.client, event.untilUs);
        this.privilege.handleGrace(nowUs, event.client, nowUs + PRIVILEGE_GRACE_US);
        break;
      case "gone":
        this.gate.forget(event.client);
        this.ownership.handleGone(nowUs, event.client);
        this.privilege.handleGone(nowUs, event.client);
        this.#fence.forget(event.client);
        this.#wishes.delete(event.client);
    }
    return event;
  }

  /** The next message to send. Poll events first. */
  pollAnnouncement(): Announcement | null {
    return this.ownership.pollAnnouncement() ?? this.privilege.pollAnnouncement();
  }

  /** How objects and privilege stand, for one who joins: announcements to it. */
  announceAll(nowUs: number, to: ClientNumber): void {
    this.ownership.announceAll(nowUs, to);
    this.privilege.announce(nowUs, to);
  }

  /** The next client of which a standby has to be told again; null for none. */
  pollClientCopy(): ClientNumber | null {
    return this.clients.pollCopy();
  }

  /** The next object of which a standby has to be told again; null for none. */
  pollObjectCopy(): PathId | null {
    return this.ownership.pollCopy();
  }

  /** Another number with every change of the privilege; 0 where nobody holds it. */
  get privilegeGeneration(): number {
    return this.privilege.generation;
  }

  /** What a standby has to know to go on. */
  copyAll(): HoldingCopy {
    return { ...this.copyOf([], []), clients: this.clients.rows(), objects: this.ownership.rows() };
  }

  /** The same of some clients and objects. A client that is gone is left out, an object that nobody owns has owner 0. */
  copyOf(clients: readonly ClientNumber[], objects: readonly PathId[]): HoldingCopy {
    return {
      lastClient: this.clients.lastNumber,
      lastGeneration: this.#fence.last,
      clients: clients.map((number) => this.clients.rowOf(number)).filter((row) => row !== null),
      objects: objects.map((id) => this.ownership.rowOf(id)),
      privileged: this.privilege.holder,
      privilegeGeneration: this.privilege.generation,
    };
  }

  /** A standby becomes the host, before anybody greets: all clients are away, and all that they hold waits for them. */
  handleReign(nowUs: number, copy: HoldingCopy): void {
    this.#fence.noteLast(copy.lastGeneration);
    this.clients.handleReign(nowUs, copy.clients, copy.lastClient);
    this.ownership.handleReign(nowUs, copy.objects, nowUs + RESUME_US);
    this.privilege.handleReign(copy.privileged, copy.privilegeGeneration, nowUs + PRIVILEGE_GRACE_US);
  }

  #mayWish(nowUs: number, client: ClientNumber): boolean {
    const expectedUs = Math.max(nowUs, this.#wishes.get(client) ?? 0);
    const isIn = expectedUs - nowUs <= (WISHES_AT_ONCE - 1) * WISH_US;
    if (isIn) this.#wishes.set(client, expectedUs + WISH_US);
    else this.#tooMany++;
    return isIn;
  }
}
