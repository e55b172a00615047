// What the tests of clients, ownership and privilege share: a host with its clients, a source of tokens, shorthands.

import { toHex } from "../../../../lib/base/mod.ts";
import type { AccessLevel, NodeId } from "../../../../lib/base/mod.ts";
import type { RandomStream } from "../../../../lib/platform/mod.ts";
import type { ClientNumber, PathId } from "../../../../lib/state/model/mod.ts";
import type {
  NackCode,
  ObjectStanding,
  OwnMessage,
  PrivilegeMessage,
} from "../../../../lib/state/messages/mod.ts";
import { MessageEncoder } from "../../../../lib/state/messages/mod.ts";
import type * as holding from "../../../../lib/state/holding/mod.ts";

export type Room = typeof holding;

/** One sentence of what must be so, and how to see it. */
export interface Rule {
  readonly name: string;
  readonly check: (room: Room) => void;
}

export const client = (number: number): ClientNumber => number as ClientNumber;
export const path = (number: number): PathId => number as PathId;
export const link = (number: number): holding.LinkNumber => number as holding.LinkNumber;
/** Seconds in microseconds. */
export const seconds = (value: number): number => Math.round(value * 1_000_000);

/** Objects by their ids, from 1 on. */
export const PATHS = ["a", "a/b", "a/b/c", "a/d", "e", "f/g", "ab"] as const;
export const idOf = (text: typeof PATHS[number]): PathId => path(PATHS.indexOf(text) + 1);

/** Draws that repeat; every fill is different. */
export function drawing(): RandomStream {
  let state = 1;
  const u32 = () => (state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0);
  return {
    u32,
    float: () => u32() / 2 ** 32,
    fill: (target) => target.map((_, at) => ((u32() >>> 24) + at) & 255),
  };
}

export function peerOf(node: number): holding.PeerIdentity {
  return { nodeId: toHex(new Uint8Array(16).fill(node)) as NodeId, key: null };
}

/** A message about objects. */
export function own(
  action: OwnMessage["action"],
  ids: readonly PathId[],
  parts: { generation?: number; other?: number; request?: number } = {},
): OwnMessage {
  const { generation = 0, other = 0, request = 1 } = parts;
  return {
    kind: "own",
    term: 1,
    action,
    request,
    other: client(other),
    objects: ids.map((id) => ({ id, state: "free", owner: client(0), generation, leftUs: 0 })),
    text: "",
  };
}

/** A message about the privilege. */
export function priv(
  action: PrivilegeMessage["action"],
  parts: { generation?: number; other?: number; request?: number } = {},
): PrivilegeMessage {
  const { generation = 0, other = 0, request = 1 } = parts;
  return {
    kind: "priv",
    term: 1,
    action,
    request,
    state: "none",
    holder: client(0),
    generation,
    other: client(other),
    leftUs: 0,
    text: "",
  };
}

/** A client that has joined. */
export interface Joined {
  readonly link: number;
  readonly number: ClientNumber;
  readonly token: Uint8Array;
  readonly resumed: boolean;
  readonly sequence: number;
}

const encoder = new MessageEncoder();

/** A host at some time, with what it said. */
export class Stage {
  readonly host: holding.Holding<number>;
  readonly events: holding.ClientEvent[] = [];
  readonly said: holding.Announcement[] = [];
  nowUs = seconds(100);
  #links = 0;

  constructor(room: Room, options: Partial<holding.HoldingOptions> = {}) {
    const pathOf = (id: PathId) => PATHS[id - 1] ?? null;
    this.host = new room.Holding({ random: drawing(), pathOf, ...options });
  }

  /** Takes what the host says. */
  drain(): void {
    for (let event = this.host.pollEvent(this.nowUs); event; event = this.host.pollEvent(this.nowUs)) {
      this.events.push(event);
    }
    for (let word = this.host.pollAnnouncement(); word; word = this.host.pollAnnouncement()) {
      const bytes = encoder.encode({ ...word.message, term: 1 });
      if (bytes === null) throw new Error(`no bytes hold ${JSON.stringify(word.message).slice(0, 300)}`);
      this.said.push(word);
    }
  }

  /** Lets time pass, and does on the way what is due. `chatty` links are heard every second. */
  pass(us: number, chatty: readonly number[] = []): void {
    const endUs = this.nowUs + us;
    let chatUs = this.nowUs + seconds(1);
    let looks = 0;
    for (;;) {
      const dueUs = this.host.pollTimeout()?.atUs ?? Infinity;
      const nextUs = chatty.length === 0 ? dueUs : Math.min(dueUs, chatUs);
      if (nextUs > endUs) break;
      if (nextUs > this.nowUs) looks = 0;
      if (++looks > 100) throw new Error("the host wants to be looked at for nothing");
      this.nowUs = Math.max(this.nowUs, nextUs);
      if (nextUs === chatUs) {
        for (const each of chatty) this.host.clients.handleMessage(this.nowUs, link(each));
        chatUs += seconds(1);
      }
      this.host.handleTimeout(this.nowUs);
      this.drain();
    }
    this.nowUs = endUs;
  }

  greet(
    node: number,
    level: AccessLevel = "operator",
    token: Uint8Array | null = null,
  ): { readonly link: number; readonly answer: holding.Welcomed | holding.Unwelcome } {
    const number = ++this.#links;
    const answer = this.host.clients.handleGreeting(this.nowUs, {
      link: link(number),
      peer: peerOf(node),
      name: `desk-${node}`,
      level,
      token,
    });
    this.drain();
    return { link: number, answer };
  }

  /** Joins, which must succeed. */
  join(node: number, level: AccessLevel = "operator", token: Uint8Array | null = null): Joined {
    const { link, answer } = this.greet(node, level, token);
    if (!answer.isWelcome) throw new Error(answer.text);
    return {
      link,
      number: answer.client,
      token: answer.token,
      resumed: answer.resumed,
      sequence: answer.sequence,
    };
  }

  own(from: ClientNumber, message: OwnMessage): void {
    this.host.handleOwn(this.nowUs, from, message);
    this.drain();
  }

  priv(from: ClientNumber, message: PrivilegeMessage): void {
    this.host.handlePrivilege(this.nowUs, from, message);
    this.drain();
  }

  close(number: number): void {
    this.host.clients.handleClosed(this.nowUs, link(number));
    this.drain();
  }

  leave(number: ClientNumber): void {
    this.host.clients.handleLeave(number);
    this.drain();
  }

  standing(id: PathId): ObjectStanding {
    return this.host.ownership.standing(this.nowUs, id);
  }

  get privilege(): holding.PrivilegeStanding {
    return this.host.privilege.standing(this.nowUs);
  }

  write(from: ClientNumber, id: PathId, generation: number | null): NackCode | null {
    return this.host.checkWrite(this.nowUs, from, id, generation);
  }

  kinds(): string[] {
    return this.events.splice(0).map(({ kind }) => kind);
  }

  /** The words said since the last call, as `to action`. */
  words(): string[] {
    return this.said.splice(0).map(({ to, message }) => `${to ?? "all"} ${message.action}`);
  }
}
