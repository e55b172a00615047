// The clients of a host: who has joined, who is silent, who may come back, who is gone (research 2.10).
// Decides numbers, tokens, suspicion, suspension and expiry, and whether anything may be taken from a connection.
// Never decides what becomes of claims, objects and the privilege; it tells what happened.

import type { AccessLevel } from "../../base/mod.ts";
import type { RandomStream } from "../../platform/mod.ts";
import { MAX_CLIENT } from "../messages/mod.ts";
import type { ClientNumber } from "../model/mod.ts";
import { MAX_CLIENTS, MAX_LEAVE_OPERATIONS, RESUME_US, SILENCE_US, SUSPECT_US } from "./bounds.ts";
import type {
  Client,
  ClientEvent,
  Greeting,
  LeaveOperation,
  LinkNumber,
  PeerIdentity,
  Unwelcome,
  Welcomed,
} from "./client.ts";
import { MassLoss } from "./mass_loss.ts";
import { ReconnectTokens } from "./reconnect_tokens.ts";

/** How a table begins. */
export interface ClientTableOptions {
  /** Where tokens come from. */
  readonly random: RandomStream;
  readonly maxClients?: number;
}

/** When the table wants `handleTimeout`, and for what. */
export interface ClientDeadline {
  readonly atUs: number;
  readonly reason: "suspect" | "silence" | "expiry" | "self-suspicion";
}

/** A client as a standby keeps it. */
export interface ClientRow {
  readonly number: ClientNumber;
  readonly peer: PeerIdentity;
  readonly name: string;
  readonly level: AccessLevel;
  readonly sequence: number;
  /** SHA-256 of its token, in hex. */
  readonly tokenHash: string;
  readonly operations: readonly LeaveOperation[];
}

/** Counters of one table. */
export interface ClientCounters {
  joined: number;
  resumed: number;
  /** Joined as new since the token stood for nobody any more. */
  unknownTokens: number;
  /** Tokens of other peers. */
  stolenTokens: number;
  refusedFull: number;
  /** Second greetings on one connection. */
  refusedAgain: number;
  /** Messages on connections that have no client that has joined. */
  unjoined: number;
  suspected: number;
  suspended: number;
  left: number;
  expired: number;
  replaced: number;
  selfSuspicions: number;
  refusedOperations: number;
}

type ClientRecord = { -readonly [K in keyof Client]: Client[K] } & {
  operations: LeaveOperation[];
};

/** The clients of a host. */
export class ClientTable {
  readonly #clients = new Map<ClientNumber, ClientRecord>();
  /** Who was asked for last: the values of a message are all of one client. */
  #last: ClientRecord | null = null;
  readonly #byLink = new Map<LinkNumber, ClientRecord>();
  readonly #byPeer = new Map<string, ClientRecord>();
  readonly #tokens: ReconnectTokens;
  readonly #losses = new MassLoss();
  readonly #events: ClientEvent[] = [];
  readonly #toCopy = new Set<ClientNumber>();
  readonly #maxClients: number;
  #lastNumber = 0;
  /** How many are not suspended. */
  #present = 0;
  /** Nothing is due before. */
  #nextUs = Infinity;
  #nextReason: ClientDeadline["reason"] = "suspect";

  readonly counters: ClientCounters = {
    joined: 0,
    resumed: 0,
    unknownTokens: 0,
    stolenTokens: 0,
    refusedFull: 0,
    refusedAgain: 0,
    unjoined: 0,
    suspected: 0,
    suspended: 0,
    left: 0,
    expired: 0,
    replaced: 0,
    selfSuspicions: 0,
    refusedOperations: 0,
  };

  constructor(options: ClientTableOptions) {
    this.#tokens = new ReconnectTokens(options.random);
    this.#maxClients = options.maxClients ?? MAX_CLIENTS;
  }

  /** How many there are, suspended ones among them. */
  get size(): number {
    return this.#clients.size;
  }

  /** How many are there, suspected ones among them. */
  get present(): number {
    return this.#present;
  }

  /** The last number given to a client. */
  get lastNumber(): number {
    return this.#lastNumber;
  }

  /** Whether the host suspects itself. */
  get suspectsItself(): boolean {
    return this.#losses.untilUs !== 0;
  }

  /** All clients, in the order of their numbers. */
  all(): Iterable<Client> {
    return this.#clients.values();
  }

  /** A client by its number. */
  get(number: ClientNumber): Client | null {
    return this.#clients.get(number) ?? null;
  }

  /** The level of a client that is there; null for one that is not. */
  levelOf(number: ClientNumber): AccessLevel | null {
    const client = this.#last?.number === number ? this.#last : this.#clients.get(number);
    if (client === undefined) return null;
    this.#last = client;
    return client.state === "suspended" ? null : client.level;
  }

  /**
   * A client greets. With its token it goes on as who it was; with none, or one that stands for nobody any more, it is new. A
   * node is one client: what it was before is over when it comes as new.
   */
  handleGreeting(nowUs: number, greeting: Greeting): Welcomed | Unwelcome {
    const { link, peer, token } = greeting;
    if (this.#byLink.has(link)) {
      this.counters.refusedAgain++;
      return { isWelcome: false, code: "protocol", text: "this connection has joined already" };
    }
    const owner = token === null ? null : this.#tokens.find(nowUs, token);
    const known = owner === null ? undefined : this.#clients.get(owner);
    if (known !== undefined && known.expiresUs <= nowUs) this.#end(known, "expired");
    else if (token !== null && known !== undefined) {
      if (keyOf(known.peer) === keyOf(peer)) return this.#resume(nowUs, greeting, token, known);
      this.counters.stolenTokens++;
      return { isWelcome: false, code: "token", text: "this token belongs to another node" };
    }
    if (token !== null) this.counters.unknownTokens++;
    const before = this.#byPeer.get(keyOf(peer));
    const size = this.#clients.size - (before === undefined ? 0 : 1);
    if (size >= this.#maxClients || this.#lastNumber >= MAX_CLIENT) {
      this.counters.refusedFull++;
      return { isWelcome: false, code: "full", text: `the host has ${size} clients` };
    }
    if (before !== undefined) this.#end(before, "replaced");
    return this.#join(nowUs, greeting);
  }

  /**
   * Anything else came over a connection: a sign of life.
   * @returns whose it is; null where nothing may be taken from it.
   */
  handleMessage(nowUs: number, link: LinkNumber): ClientNumber | null {
    const client = this.#byLink.get(link);
    if (client === undefined) {
      this.counters.unjoined++;
      return null;
    }
    client.lastHeardUs = nowUs;
    if (client.state === "suspect") {
      client.state = "joined";
      this.#wake(nowUs + SUSPECT_US, "suspect");
      this.#events.push({ kind: "heard", client: client.number });
    }
    return client.number;
  }

  /** The host has taken a write of a client. */
  noteSequence(number: ClientNumber, sequence: number): void {
    const client = this.#clients.get(number);
    if (client !== undefined) client.sequence = sequence;
  }

  /**
   * What is to be written when a client goes, in place of what it said before.
   * @returns whether there was room for all of it.
   */
  handleLeaveOperations(number: ClientNumber, operations: readonly LeaveOperation[]): boolean {
    const client = this.#clients.get(number);
    if (client === undefined || operations.length > MAX_LEAVE_OPERATIONS) {
      this.counters.refusedOperations++;
      return false;
    }
    client.operations = [...operations];
    this.#toCopy.add(number);
    return true;
  }

  /** A connection has ended by itself. */
  handleClosed(nowUs: number, link: LinkNumber): void {
    const client = this.#byLink.get(link);
    if (client !== undefined) this.#suspend(nowUs, client, "closed");
  }

  /** A client says goodbye, or the host has enough of it: all is released at once. */
  handleLeave(number: ClientNumber): void {
    const client = this.#clients.get(number);
    if (client !== undefined) this.#end(client, "left");
  }

  /** Does what is due. */
  handleTimeout(nowUs: number): void {
    if (nowUs < this.#nextUs) return;
    const { untilUs } = this.#losses;
    if (untilUs !== 0 && untilUs <= nowUs) {
      this.#losses.end();
      for (const client of this.#clients.values()) {
        if (client.state === "suspended" && client.expiresUs === Infinity) this.#startGrace(nowUs, client);
      }
    }
    for (const client of [...this.#clients.values()]) {
      const silentUs = nowUs - client.lastHeardUs;
      if (client.state === "suspended") {
        if (client.expiresUs <= nowUs) this.#end(client, "expired");
      } else if (silentUs >= SILENCE_US) this.#suspend(nowUs, client, "silent");
      else if (silentUs >= SUSPECT_US && client.state === "joined") {
        client.state = "suspect";
        this.counters.suspected++;
        this.#events.push({ kind: "suspect", client: client.number });
      }
    }
    this.#schedule();
  }

  /** When it wants `handleTimeout`; null for never. A client that was heard leaves this too early. */
  pollTimeout(): ClientDeadline | null {
    return this.#nextUs === Infinity ? null : { atUs: this.#nextUs, reason: this.#nextReason };
  }

  /** What happened next. */
  pollEvent(): ClientEvent | null {
    return this.#events.shift() ?? null;
  }

  /** The next client of which a standby has to be told again: its `rowOf`. Writes are told of elsewhere. */
  pollCopy(): ClientNumber | null {
    for (const number of this.#toCopy) {
      this.#toCopy.delete(number);
      return number;
    }
    return null;
  }

  /** What a standby has to know of all clients, ascending. */
  rows(): ClientRow[] {
    const rows: ClientRow[] = [];
    for (const number of [...this.#clients.keys()].sort((a, b) => a - b)) {
      const row = this.rowOf(number);
      if (row !== null) rows.push(row);
    }
    return rows;
  }

  /** What a standby has to know of a client; null for one that is gone. */
  rowOf(number: ClientNumber): ClientRow | null {
    const client = this.#clients.get(number);
    if (client === undefined) return null;
    const { peer, name, level, sequence, operations } = client;
    const tokenHash = this.#tokens.hashOf(number) ?? "";
    return { number, peer, name, level, sequence, tokenHash, operations: [...operations] };
  }

  /** A standby becomes the host: clients of the last reign may come back with their tokens. Numbers go on above `lastNumber`. */
  handleReign(nowUs: number, rows: readonly ClientRow[], lastNumber: number): void {
    this.#lastNumber = Math.max(this.#lastNumber, lastNumber);
    for (const { number, peer, name, level, sequence, tokenHash, operations } of rows) {
      if (this.#clients.size >= this.#maxClients) break;
      this.#lastNumber = Math.max(this.#lastNumber, number);
      const client = newClient(nowUs, number, { link: null, peer, name, level });
      client.state = "suspended";
      client.sequence = sequence;
      client.operations = [...operations];
      this.#clients.set(number, client);
      this.#last = null;
      this.#last = null;
      this.#byPeer.set(keyOf(peer), client);
      this.#tokens.restore(number, tokenHash);
      this.#startGrace(nowUs, client);
    }
  }

  #join(nowUs: number, { link, peer, name, level }: Greeting): Welcomed {
    const number = ++this.#lastNumber as ClientNumber;
    const client = newClient(nowUs, number, { link, peer, name, level });
    this.#clients.set(number, client);
    this.#byLink.set(link, client);
    this.#byPeer.set(keyOf(peer), client);
    this.#present++;
    this.#toCopy.add(number);
    this.counters.joined++;
    this.#wake(nowUs + SUSPECT_US, "suspect");
    this.#events.push({ kind: "joined", client: number });
    return {
      isWelcome: true,
      client: number,
      token: this.#tokens.issue(number),
      resumed: false,
      sequence: 0,
    };
  }

  #resume(nowUs: number, { link, name, level }: Greeting, used: Uint8Array, client: ClientRecord): Welcomed {
    if (client.link !== null) {
      this.#byLink.delete(client.link);
      this.#events.push({ kind: "unlinked", link: client.link, why: "replaced" });
    } else this.#present++;
    client.link = link;
    client.name = name;
    client.level = level;
    client.state = "joined";
    client.lastHeardUs = nowUs;
    client.expiresUs = Infinity;
    this.#byLink.set(link, client);
    this.#toCopy.add(client.number);
    this.counters.resumed++;
    this.#wake(nowUs + SUSPECT_US, "suspect");
    this.#events.push({ kind: "resumed", client: client.number });
    const token = this.#tokens.rotate(nowUs, client.number, used);
    return { isWelcome: true, client: client.number, token, resumed: true, sequence: client.sequence };
  }

  #suspend(nowUs: number, client: ClientRecord, why: "silent" | "closed"): void {
    const { link, number } = client;
    if (link !== null) {
      this.#byLink.delete(link);
      if (why === "silent") this.#events.push({ kind: "unlinked", link, why });
    }
    client.link = null;
    client.state = "suspended";
    this.#present--;
    this.counters.suspended++;
    const operations = client.operations.filter(({ at }) => at === "loss");
    client.operations = client.operations.filter(({ at }) => at !== "loss");
    if (operations.length > 0) this.#toCopy.add(number);
    this.#events.push({ kind: "suspended", client: number, why, operations });
    const crowd = this.#losses.handleLoss(nowUs, number, this.#present);
    if (crowd !== null) {
      const { untilUs } = this.#losses;
      this.counters.selfSuspicions++;
      this.#events.push({ kind: "self-suspicion", untilUs });
      this.#wake(untilUs, "self-suspicion");
      for (const lost of crowd) this.#spare(lost);
    } else if (!this.suspectsItself) this.#startGrace(nowUs, client);
  }

  #startGrace(nowUs: number, client: ClientRecord): void {
    client.expiresUs = nowUs + RESUME_US;
    this.#wake(client.expiresUs, "expiry");
    this.#events.push({ kind: "grace", client: client.number, untilUs: client.expiresUs });
  }

  /** The grace of a client that was lost within the last second is taken back. */
  #spare(number: ClientNumber): void {
    const client = this.#clients.get(number);
    if (client === undefined || client.state !== "suspended" || client.expiresUs === Infinity) return;
    client.expiresUs = Infinity;
    this.#events.push({ kind: "spared", client: number });
  }

  #end(client: ClientRecord, why: "left" | "expired" | "replaced"): void {
    const { number, link, operations } = client;
    this.#clients.delete(number);
    this.#last = null;
    if (this.#byPeer.get(keyOf(client.peer)) === client) this.#byPeer.delete(keyOf(client.peer));
    this.#tokens.forget(number);
    this.#toCopy.add(number);
    if (client.state !== "suspended") this.#present--;
    if (link !== null) {
      this.#byLink.delete(link);
      if (why === "replaced") this.#events.push({ kind: "unlinked", link, why });
    }
    this.counters[why]++;
    this.#events.push({ kind: "gone", client: number, why, operations });
  }

  #wake(atUs: number, reason: ClientDeadline["reason"]): void {
    if (atUs >= this.#nextUs) return;
    this.#nextUs = atUs;
    this.#nextReason = reason;
  }

  #schedule(): void {
    this.#nextUs = Infinity;
    if (this.suspectsItself) this.#wake(this.#losses.untilUs, "self-suspicion");
    for (const { state, lastHeardUs, expiresUs } of this.#clients.values()) {
      if (state === "joined") this.#wake(lastHeardUs + SUSPECT_US, "suspect");
      else if (state === "suspect") this.#wake(lastHeardUs + SILENCE_US, "silence");
      else this.#wake(expiresUs, "expiry");
    }
  }
}

function newClient(
  nowUs: number,
  number: ClientNumber,
  { link, peer, name, level }: Omit<Greeting, "token" | "link"> & { readonly link: LinkNumber | null },
): ClientRecord {
  return {
    number,
    peer,
    name,
    level,
    state: "joined",
    link,
    sequence: 0,
    lastHeardUs: nowUs,
    expiresUs: Infinity,
    operations: [],
  };
}

function keyOf({ nodeId, key }: PeerIdentity): string {
  return `${nodeId} ${key ?? ""}`;
}
