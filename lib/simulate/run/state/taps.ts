// Taps on the running cores of shared state: what goes in and comes out of them is told as news.
// Decides what is told; the cores run as they are, and every call goes through to them unchanged.

import type { NodeId } from "../../../base/mod.ts";
import type {
  ClientNumber,
  Entry,
  LinkNumber,
  NackCode,
  PathId,
  PathRecord,
  SetMessage,
  StandbyCopy,
  StateHost,
  StateMessage,
  StateReplica,
  StateValue,
  SubsystemLog,
  TransactionMessage,
  WireEntry,
} from "../../../state/mod.ts";
import type { HostCause, StateNews } from "../../state_facts.ts";

/** Answers after which a write stands, or comes again. */
const STANDING: ReadonlySet<NackCode> = new Set(["shadowed", "merged", "order", "epoch", "suspended"]);

/** Who is told. */
export type Tell = (news: StateNews) => void;

/** Claims above this are the host's own. */
const MAX_CLIENT_PRIORITY = 200;
/** Writes of different terms are in the order of these. */
const WRITES_PER_TERM = 2 ** 32;

/** Tells what a host does, from now on; also how it begins. */
export function tapHost(host: StateHost, tell: Tell): void {
  const { document, holding, epoch } = host;
  const { term } = epoch;
  const { book, claims } = document;
  let cause: HostCause = "node";
  /** Looks of paths, to see what changed: value and newest write. */
  const looks = new Map<PathId, { value: StateValue; write: number; overlaid: boolean }>();
  const gone = new Set<PathId>();
  /** Who is at the other end of each link. */
  const peers = new Map<LinkNumber, NodeId>();
  /** Since which generation each object is its owner's. */
  const grants = new Map<PathId, { readonly owner: number; readonly generation: number }>();
  /** Paths of which the message that is being handled was refused; null for all. */
  const refusals: (string | null)[] = [];
  const pathOf = (id: PathId): string => book.pathOf(id) ?? `#${id}`;

  const note = (_log: SubsystemLog, entry: Entry): void => {
    const { id, value, deleted } = entry;
    const before = looks.get(id);
    const record = deleted ? null : claims.recordOf(id);
    const write = newestWriteOf(record);
    const overlaid = isOverlaid(record);
    looks.set(id, { value, write, overlaid });
    const isByItself = cause === "left" || cause === "deadline" || cause === "begin";
    const revived = gone.has(id) && !deleted;
    if (deleted) gone.add(id);
    if (!deleted && !revived && !(isByItself && before !== undefined)) return;
    tell({
      what: "changed",
      term,
      cause,
      id,
      path: pathOf(id),
      from: before?.value ?? null,
      to: value,
      deleted,
      writeBefore: before?.write ?? 0,
      writeNow: write,
      holds: book.definitionOf(id)?.onLoss === "hold",
      overlaid: overlaid || before?.overlaid === true,
      revived,
    });
  };
  for (const log of document.logs()) {
    for (let id = 1 as PathId; id <= book.lastId; id++) {
      const entry = log.entryOf(id);
      if (entry === null || entry.deleted) continue;
      const record = claims.recordOf(id);
      looks.set(id, { value: entry.value, write: newestWriteOf(record), overlaid: isOverlaid(record) });
    }
  }
  document.observe({ noteAfter: note, noteLog: () => {}, noteBook: () => {} });

  const during = <T>(what: HostCause, run: () => T): T => {
    const outer = cause;
    cause = what;
    try {
      return run();
    } finally {
      cause = outer;
    }
  };

  const handleMessage = host.handleMessage.bind(host);
  host.handleMessage = (nowUs, from, message) => {
    if (message.kind === "set" || message.kind === "tx") {
      return takeWrite(nowUs, from, message);
    }
    const isNew = message.kind === "hello" && clientOf(from) === null;
    const known = holding.clients.lastNumber;
    const why = message.kind === "hello" ? "hello" : message.kind === "bye" ? "bye" : "message";
    during(why, () => handleMessage(nowUs, from, message));
    if (!isNew || message.kind !== "hello" || message.token === null) return;
    const client = clientOf(from);
    if (client === null) return;
    tell({
      what: "greeted",
      term,
      token: hexOf(message.token),
      peer: peers.get(from) ?? client.peer.nodeId,
      client: client.number,
      resumed: client.number <= known,
    });
  };
  const handleJoined = host.handleJoined.bind(host);
  host.handleJoined = (nowUs, from, peer) => {
    peers.set(from, peer.identity.nodeId);
    handleJoined(nowUs, from, peer);
  };
  const pollAnnouncement = holding.pollAnnouncement.bind(holding);
  holding.pollAnnouncement = () => {
    const news = pollAnnouncement();
    if (news?.message.kind === "own") {
      for (const { id, owner, generation } of news.message.objects) {
        if (grants.get(id)?.owner !== owner) grants.set(id, { owner, generation });
      }
    }
    return news;
  };
  const nack = host.nack.bind(host);
  host.nack = (subscriber, message) => {
    const { code, sequence, id } = message;
    if (!STANDING.has(code)) {
      const path = id === null ? null : pathOf(id);
      refusals.push(path);
      tell({ what: "refused", term, client: subscriber.client, sequence, path, code });
    }
    nack(subscriber, message);
  };
  const handleLeft = host.handleLeft.bind(host);
  host.handleLeft = (nowUs, from) => {
    peers.delete(from);
    during("left", () => handleLeft(nowUs, from));
  };
  const handleDeadline = host.handleDeadline.bind(host);
  host.handleDeadline = (nowUs) => during("deadline", () => handleDeadline(nowUs));
  const handleDeposed = host.handleDeposed.bind(host);
  host.handleDeposed = (nowUs, successor) => {
    tell({ what: "deposed", term });
    handleDeposed(nowUs, successor);
  };

  const copy = host.snapshot();
  tell({
    what: "hosting",
    epoch,
    clients: copy.clients.map(({ client, sequence }) => [client, sequence] as const),
    privileged: holding.privilege.holder,
    claimOf(client, path) {
      const id = book.idOf(path);
      // Of a write that a lock refuses its author is not always told.
      const definition = book.definitionOf(id);
      if (definition === null || definition.merge === "lock") return undefined;
      return claims.claim(id, client as ClientNumber)?.value ?? null;
    },
  });

  function clientOf(from: LinkNumber) {
    for (const client of holding.clients.all()) if (client.link === from) return client;
    return null;
  }

  function takeWrite(nowUs: number, from: LinkNumber, message: SetMessage | TransactionMessage): void {
    const client = clientOf(from);
    const number = client?.number ?? (0 as ClientNumber);
    const standing = client?.state ?? null;
    const before = client?.sequence ?? 0;
    const marks = message.entries.map(({ id }) => markOf(id, number));
    const owners = holding.ownership.size === 0
      ? null
      : message.entries.map(({ id }) => holding.ownership.standing(nowUs, id));
    const { revision } = book;
    const privileged = holding.privilege.holder;
    refusals.length = 0;
    during("message", () => handleMessage(nowUs, from, message));
    let foreign: string | null = null;
    let outdated: string | null = null;
    const effects: string[] = [];
    message.entries.forEach(({ id }, at) => {
      if (markOf(id, number) === marks[at]) return;
      const path = pathOf(id);
      if (refusals.includes(path) || refusals.includes(null)) return;
      effects.push(path);
      const owner = owners?.[at];
      if (owner === undefined || owner.owner === 0) return;
      if (owner.owner !== number) foreign ??= path;
      else if ((message.generation ?? -1) < (grants.get(id)?.generation ?? 0)) outdated ??= path;
    });
    const isStructure = message.kind === "tx" && book.revision !== revision;
    tell({
      what: "took",
      term,
      message: message.kind,
      client: number,
      standing,
      sequence: message.sequence,
      before,
      after: holding.clients.get(number)?.sequence ?? before,
      effects,
      foreign,
      outdated,
      unprivileged: isStructure && privileged !== number,
    });
  }

  function markOf(id: PathId, client: ClientNumber): string {
    const claim = claims.claim(id, client);
    return claim === null ? "" : `${claim.term} ${claim.seq} ${claim.priority}`;
  }
}

/** Whether a claim ends by itself, or stands over those of clients. */
function isOverlaid(record: PathRecord | null): boolean {
  return record?.claims.some(({ momentary, priority }) => momentary || priority > MAX_CLIENT_PRIORITY) ??
    false;
}

function newestWriteOf(record: PathRecord | null): number {
  let newest = 0;
  for (const { term, seq } of record?.claims ?? []) newest = Math.max(newest, term * WRITES_PER_TERM + seq);
  return newest;
}

/** Lets messages to an app be lost, repeated or late: what the tap asks before each. */
export type Spoiler = (message: StateMessage) => readonly StateMessage[];

/** Tells what a replica says, hears and shows, from now on. */
export function tapReplica(replica: StateReplica, app: string, tell: Tell, spoil?: Spoiler): void {
  const haveOf = (subsystem: number): number => {
    for (const [number, sync] of replica.world?.syncs ?? []) if (number === subsystem) return sync.have;
    return 0;
  };
  const handleMessage = replica.handleMessage.bind(replica);
  const take = (nowUs: number, message: StateMessage): void => {
    const isPart = message.kind === "patch" || message.kind === "chunk";
    const term = replica.epoch?.term ?? 0;
    // What comes in before a new term is shown is nobody's business yet.
    const isShown = isPart && term === message.term;
    const had = isShown ? haveOf(message.subsystem) : 0;
    handleMessage(nowUs, message);
    switch (message.kind) {
      case "hello":
      case "set":
      case "tx":
      case "ack":
      case "resync":
      case "leave":
        return;
    }
    const shows = replica.epoch?.term ?? 0;
    const hasNow = isPart && shows === message.term ? haveOf(message.subsystem) : 0;
    tell({
      what: "heard",
      app,
      message: message.kind,
      client: replica.client,
      term: "term" in message ? message.term : message.epoch.term,
      shows,
      acknowledged: "ack" in message ? message.ack : null,
      resumed: message.kind === "welcome" && message.resumed,
      code: message.kind === "nack" ? message.code : null,
      refused: message.kind === "nack" ? message.sequence : 0,
      path: message.kind === "nack" && message.id !== null ? replica.book?.pathOf(message.id) ?? null : null,
      token: message.kind === "welcome" ? hexOf(message.token) : null,
      subsystem: isPart ? message.subsystem : 0,
      base: message.kind === "patch" ? message.base : 0,
      version: isPart ? message.version : 0,
      hadBefore: isShown ? had : hasNow,
      hasNow,
    });
  };
  replica.handleMessage = (nowUs, message) => {
    if (spoil === undefined) return take(nowUs, message);
    for (const each of spoil(message)) take(nowUs, each);
  };
  const poll = replica.poll.bind(replica);
  replica.poll = () => {
    const message = poll();
    switch (message?.kind) {
      case "hello":
      case "set":
      case "tx":
      case "resync":
      case "bye":
        tell({
          what: "said",
          app,
          term: "term" in message ? message.term : 0,
          message: message.kind,
          client: replica.client,
          sequence: "sequence" in message ? message.sequence : 0,
          subsystem: message.kind === "resync" ? message.subsystem : 0,
          momentary: message.kind === "set" && message.momentary,
          values: message.kind === "set" || message.kind === "tx" ? valuesOf(replica, message.entries) : [],
        });
    }
    return message;
  };
  const pollEvent = replica.pollEvent.bind(replica);
  replica.pollEvent = () => {
    const event = pollEvent();
    if (event !== null) tell({ what: "told", app, event });
    return event;
  };
}

function valuesOf(replica: StateReplica, entries: readonly WireEntry[]): [path: string, value: StateValue][] {
  const values: [string, StateValue][] = [];
  for (const { id, type, value } of entries) {
    if (type !== "definition") values.push([replica.book?.pathOf(id) ?? `#${id}`, value]);
  }
  return values;
}

/** Tells what a copy takes in, from now on. */
export function tapCopy(copy: StandbyCopy, tell: Tell): void {
  const handleUpdate = copy.handleUpdate.bind(copy);
  copy.handleUpdate = (update) => {
    const number = handleUpdate(update);
    if (number !== null) {
      tell({
        what: "copied",
        term: update.epoch.term,
        number,
        clients: update.clients.map(({ client, sequence }) => [client, sequence] as const),
        privileged: update.holding?.privileged ?? null,
      });
    }
    return number;
  };
}

function hexOf(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}
