// hana: the host of shared state as it is, two clients as they are, and every message as bytes between them.
// Decides when each speaks: lanes are taken to carry at once and in order. Nothing is left out of the real path.

import type { NodeId } from "../../../../lib/base/mod.ts";
import type { LinkNumber } from "../../../../lib/state/holding/mod.ts";
import { StateHost } from "../../../../lib/state/host/mod.ts";
import { MessageDecoder, MessageEncoder, type StateMessage } from "../../../../lib/state/messages/mod.ts";
import type { PathId } from "../../../../lib/state/model/mod.ts";
import { StateReplica } from "../../../../lib/state/replica/mod.ts";
import { isRefusal, readDefinition } from "../../../../lib/state/schema/mod.ts";
import { type Edit, FIELDS, firstValue, FLOATS, FRAME_US, OBJECTS } from "../edits.ts";
import type { Joined, Messages, SharedSystem } from "./system.ts";

const HOST_ID = "000102030405060708090a0b0c0d0e0f" as NodeId;
/** A copy acknowledges within so long. */
const ACK_US = 10_000;
const MAX_STEPS = 100_000;

/** A client and its lane, both ways. */
export interface Client {
  readonly link: LinkNumber;
  readonly replica: StateReplica;
  /** What the host said that it did not take yet. */
  inbox: Uint8Array[];
}

/** A host with clients, all in one process and one time. */
export class HanaBench {
  nowUs = 1_000_000;
  readonly host: StateHost;
  readonly clients: Client[] = [];
  readonly #byLink: (Client | undefined)[] = [];
  readonly encoder = new MessageEncoder();
  readonly decoder = new MessageDecoder();

  constructor() {
    let state = 1;
    const u32 = (): number => (state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0);
    this.host = new StateHost(this.nowUs, {
      epoch: { term: 3, hostId: HOST_ID },
      random: {
        u32,
        float: () => u32() / 2 ** 32,
        fill: (target) => target.map((_, at) => ((u32() >>> 24) + at) & 255),
      },
    });
  }

  /** Declares a path. */
  define(definition: Readonly<Record<string, unknown>>): PathId {
    const defined = this.host.define(this.nowUs, readDefinition(definition));
    if (isRefusal(defined)) throw new Error(defined.why);
    return defined.id;
  }

  /** A client whose link is there; it has said nothing yet. */
  connect(): Client {
    const number = this.#byLink.length + 1;
    const client: Client = {
      link: number as LinkNumber,
      replica: new StateReplica({ name: `client-${number}` }),
      inbox: [],
    };
    const nodeId = number.toString(16).padStart(32, "0") as NodeId;
    this.#byLink[number] = client;
    this.clients.push(client);
    this.host.handleJoined(this.nowUs, client.link, { identity: { nodeId, key: null }, level: "operator" });
    client.replica.handleConnected(this.nowUs);
    return client;
  }

  /** A client that has everything. */
  join(): Client {
    const client = this.connect();
    this.exchange();
    if (!client.replica.isSynced) throw new Error("a client did not get everything");
    return client;
  }

  /** A client goes. */
  leave(client: Client): void {
    this.clients.splice(this.clients.indexOf(client), 1);
    this.#byLink[client.link] = undefined;
    this.host.handleLeft(this.nowUs, client.link);
  }

  /** What a client has to say now. */
  said(client: Client): Uint8Array[] {
    const said: Uint8Array[] = [];
    for (let next = client.replica.poll(); next !== null; next = client.replica.poll()) {
      said.push(this.encode(next));
    }
    return said;
  }

  /** The host takes what a client said. */
  hear(client: Client, said: Messages): void {
    for (let at = 0; at < said.length; at++) {
      const message = this.decoder.decode(said[at] ?? NOTHING);
      if (typeof message === "string") throw new Error(`a client said something ${message}`);
      this.host.handleMessage(this.nowUs, client.link, message);
    }
  }

  /** What the host has to say now goes into the inboxes. */
  speak(): void {
    for (let next = this.host.poll(); next !== null; next = this.host.poll()) {
      // What is polled is good until the next one: a lane copies it too.
      this.#byLink[next.to]?.inbox.push(next.bytes.slice());
    }
    while (this.host.pollEvent() !== null);
  }

  /** A client takes messages of the host. */
  take({ replica }: Client, messages: Messages): void {
    for (let at = 0; at < messages.length; at++) {
      const message = this.decoder.decode(messages[at] ?? NOTHING);
      if (typeof message === "string") throw new Error(`the host said something ${message}`);
      replica.handleMessage(this.nowUs, message);
    }
    while (replica.pollEvent() !== null);
  }

  /** A client takes what is in its inbox. */
  empty(client: Client): void {
    const { inbox } = client;
    client.inbox = [];
    this.take(client, inbox);
  }

  /** Everybody speaks and listens until there is nothing more to say at this time. */
  exchange(): void {
    for (let step = 0; step < MAX_STEPS; step++) {
      let isQuiet = true;
      for (const client of this.clients) {
        const said = this.said(client);
        if (said.length > 0) isQuiet = false;
        this.hear(client, said);
      }
      this.speak();
      for (const client of this.clients) {
        if (client.inbox.length > 0) isQuiet = false;
        this.empty(client);
      }
      if (isQuiet) return;
    }
    throw new Error("they go on talking");
  }

  /** Lets time go on, with everything that is due on the way. */
  run(us: number): void {
    const untilUs = this.nowUs + us;
    this.exchange();
    for (;;) {
      let atUs = this.host.deadline()?.atUs ?? Infinity;
      for (const { replica } of this.clients) atUs = Math.min(atUs, replica.deadline()?.atUs ?? Infinity);
      if (atUs > untilUs) break;
      this.nowUs = Math.max(this.nowUs, atUs);
      this.host.handleDeadline(this.nowUs);
      for (const { replica } of this.clients) replica.handleDeadline(this.nowUs);
      this.exchange();
    }
    this.nowUs = untilUs;
  }

  /** The bytes of a message, for whoever keeps them. */
  encode(message: StateMessage): Uint8Array {
    const bytes = this.encoder.encode(message);
    if (bytes === null) throw new Error(`${message.kind} has no form`);
    return bytes.slice();
  }
}

const NOTHING = new Uint8Array(0);

/** hana with the document of the comparison. */
export class HanaSystem implements SharedSystem {
  readonly bench = new HanaBench();
  readonly #ids: PathId[][] = [];
  readonly #writer: Client;
  readonly #reader: Client;

  constructor() {
    const { bench } = this;
    for (let object = 0; object < OBJECTS; object++) {
      const ids = FIELDS.map((name, field) => {
        const type = field < FLOATS ? "f32" : field === FLOATS ? "bool" : "text";
        return bench.define({ path: `things/${object}/${name}`, type, default: firstValue(object, field) });
      });
      this.#ids.push(ids);
    }
    this.#writer = bench.join();
    this.#reader = bench.join();
    // The first write of a client tells whose the values are; every later one does not.
    bench.run(1_000_000);
  }

  write(edits: readonly Edit[]): Messages {
    const { bench } = this;
    const { replica } = this.#writer;
    bench.nowUs += FRAME_US;
    for (let at = 0; at < edits.length; at++) {
      const edit = edits[at] as Edit;
      const answer = replica.set(bench.nowUs, this.idOf(edit), edit.value);
      if (answer !== "taken") throw new Error(`a write is ${String(answer)}`);
    }
    return bench.said(this.#writer);
  }

  relay(sent: Messages): Messages {
    const { bench } = this;
    bench.hear(this.#writer, sent);
    bench.speak();
    const { inbox } = this.#reader;
    this.#reader.inbox = [];
    return inbox;
  }

  read(sent: Messages): void {
    this.bench.take(this.#reader, sent);
  }

  settle(): void {
    const { bench } = this;
    bench.empty(this.#writer);
    bench.nowUs += ACK_US;
    for (let at = 0; at < bench.clients.length; at++) {
      const client = bench.clients[at] as Client;
      client.replica.handleDeadline(bench.nowUs);
      bench.hear(client, bench.said(client));
    }
    bench.host.handleDeadline(bench.nowUs);
    bench.speak();
    bench.nowUs -= ACK_US;
  }

  change(edits: readonly Edit[]): Messages {
    const { bench } = this;
    bench.nowUs += FRAME_US;
    for (let at = 0; at < edits.length; at++) {
      const edit = edits[at] as Edit;
      bench.host.write(bench.nowUs, this.idOf(edit), edit.value, 101);
    }
    bench.speak();
    const { inbox } = this.#reader;
    this.#reader.inbox = [];
    return inbox;
  }

  valueOf(edit: Edit): number {
    return this.#reader.replica.values?.numberOf(this.idOf(edit)) ?? NaN;
  }

  join(): Joined {
    const { bench } = this;
    const newcomer = bench.connect();
    const messages: Uint8Array[] = [];
    let schemaBytes = 0;
    while (!newcomer.replica.isSynced) {
      bench.hear(newcomer, bench.said(newcomer));
      bench.speak();
      if (newcomer.inbox.length === 0) throw new Error("a newcomer waits for ever");
      for (const bytes of newcomer.inbox) {
        const message = bench.decoder.decode(bytes);
        const isBook = typeof message !== "string" && message.kind === "chunk" && message.subsystem === 0;
        if (isBook) schemaBytes += bytes.length;
        messages.push(bytes);
      }
      bench.empty(newcomer);
    }
    const valueOf = (edit: Edit): number => newcomer.replica.values?.numberOf(this.idOf(edit)) ?? NaN;
    bench.leave(newcomer);
    return { messages, schemaBytes, valueOf };
  }

  /** The number of a path. */
  idOf({ object, field }: Edit): PathId {
    return this.#ids[object]?.[field] as PathId;
  }
}

/** Opens hana. */
export function openHana(): SharedSystem {
  return new HanaSystem();
}
