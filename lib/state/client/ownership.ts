// Who edits which objects alone, as this client knows it, and its requests about them.
// Decides which answers of the host belong to which request, and under which generation own writes go out.
// Never decides who owns what: the host does (holding/).

import type { Timers } from "../../platform/mod.ts";
import { MAX_OBJECTS, type ObjectStanding, type OwnAction, type OwnMessage } from "../messages/mod.ts";
import type { ClientNumber, PathId } from "../model/mod.ts";
import { isRefusal } from "../schema/mod.ts";
import { refused, StateError } from "./errors.ts";
import { Listeners } from "./listeners.ts";
import { notJoined } from "./transaction.ts";
import type {
  GrantedObject,
  ObjectOwner,
  OwnershipChange,
  OwnRequest,
  OwnResult,
  RefusedObject,
} from "./types.ts";
import { Wait } from "./wait.ts";
import { nextRequest } from "./request_numbers.ts";
import type { Seat } from "./seat.ts";

/** The host asks an owner for 5 s at most; the answer then takes a moment. In microseconds. */
const ANSWER_US = 8_000_000;
/** Requests whose answers are awaited. */
const MAX_REQUESTS = 64;

interface Pending {
  readonly wait: Wait<OwnResult>;
  /** Those without a final answer, by number. */
  readonly open: Map<PathId, string>;
  readonly granted: GrantedObject[];
  readonly refused: RefusedObject[];
  readonly asked: Map<PathId, RefusedObject>;
  /** Whether owners who are asked are waited for. */
  readonly waits: boolean;
}

/** Options of {@linkcode Ownership.own}. */
export interface OwnOptions {
  /** Take objects that somebody owns and keeps, where policy allows. */
  readonly steal?: boolean;
  /** Wait for owners that are asked, up to 5 s; true where nothing is said. */
  readonly wait?: boolean;
  /** How long to wait for the host, in microseconds. */
  readonly timeoutUs?: number;
}

/** Owned objects. */
export class Ownership {
  readonly #seat: Seat;
  readonly #timers: Timers;
  readonly #pending = new Map<number, Pending>();
  readonly #standings = new Map<PathId, ObjectStanding>();
  /** Numbers that changed and of which nobody was told yet: their paths may not be known. */
  readonly #untold = new Set<PathId>();
  /** Requests to this client that wait for the book. */
  readonly #requested: OwnMessage[] = [];
  /** The generation under which this client writes to a path, until something changes. */
  readonly #generations = new Map<PathId, number>();
  readonly #changes: Listeners<OwnershipChange>;
  readonly #requests: Listeners<OwnRequest>;
  #term = 0;
  #owned = 0;

  constructor(seat: Seat, timers: Timers) {
    this.#seat = seat;
    this.#timers = timers;
    this.#changes = new Listeners(seat.noteFailure);
    this.#requests = new Listeners(seat.noteFailure);
  }

  /**
   * Asks for objects, each with all that lies below it. Resolves when each was granted or refused; owners that are there are
   * asked, for 5 s at most. Rejects with `not-found`, `unreachable`, `closed` and `timeout`.
   */
  own(paths: string | readonly string[], options: OwnOptions = {}): Promise<OwnResult> {
    return this.#ask(options.steal === true ? "steal" : "request", paths, 0, options);
  }

  /** Gives objects up. What this client does not own is refused. */
  disown(paths: string | readonly string[], timeoutUs = ANSWER_US): Promise<OwnResult> {
    return this.#ask("release", paths, 0, { timeoutUs });
  }

  /** Gives objects to another client, by its number ({@linkcode PresentClient.client}). */
  transfer(paths: string | readonly string[], to: number, timeoutUs = ANSWER_US): Promise<OwnResult> {
    return this.#ask("transfer", paths, to, { timeoutUs });
  }

  /** Has `listener` told when somebody asks for objects of this client. Returns how to stop it. */
  onOwnRequest(listener: (request: OwnRequest) => void): () => void {
    return this.#requests.add(listener);
  }

  /** Has `listener` told of every object that is owned, asked for or free from now on. Returns how to stop it. */
  onChange(listener: (change: OwnershipChange) => void): () => void {
    return this.#changes.add(listener);
  }

  /** Who owns a path, itself or from above; null for nobody. */
  ownerOf(path: string): ObjectOwner | null {
    const { replica } = this.#seat;
    const { book } = replica;
    if (book === null || this.#standings.size === 0 || replica.epoch?.term !== this.#term) return null;
    for (let above = path; above !== ""; above = above.slice(0, Math.max(0, above.lastIndexOf("/")))) {
      const standing = this.#standings.get(book.idOf(above));
      if (standing === undefined) continue;
      const { owner: client, state, generation } = standing;
      return { path: above, client, name: this.#seat.nameOf(client), state, generation };
    }
    return null;
  }

  /** The objects that this client owns. */
  owned(): GrantedObject[] {
    const { replica } = this.#seat;
    const { book } = replica;
    const own: GrantedObject[] = [];
    if (book === null || replica.epoch?.term !== this.#term) return own;
    for (const { id, owner, generation } of this.#standings.values()) {
      const path = book.pathOf(id);
      if (owner === replica.client && path !== null) own.push({ path, generation });
    }
    return own.sort((a, b) => a.path < b.path ? -1 : 1);
  }

  /** The generation that a write to a path carries; undefined where it carries none. Allocates nothing when known. */
  generationOf(id: PathId, path: string): number | undefined {
    if (this.#owned === 0) return undefined;
    const known = this.#generations.get(id);
    if (known !== undefined) return known === 0 ? undefined : known;
    const owner = this.ownerOf(path);
    const generation = owner?.client === this.#seat.replica.client ? owner.generation : 0;
    this.#generations.set(id, generation);
    return generation === 0 ? undefined : generation;
  }

  /** The newest generation under which this client owns something; 0 for none. */
  get newestGeneration(): number {
    let newest = 0;
    const { client } = this.#seat.replica;
    for (const { owner, generation } of this.#standings.values()) {
      if (owner === client) newest = Math.max(newest, generation);
    }
    return newest;
  }

  /** The host says something about objects. */
  handleMessage(message: OwnMessage): void {
    if (message.term < this.#term) return;
    if (message.term > this.#term) this.#reset(message.term);
    switch (message.action) {
      case "changed":
        for (const standing of message.objects) this.#note(standing);
        return;
      case "answer":
        for (const standing of message.objects) this.#learn(standing);
        return this.#answer(message);
      case "requested":
        for (const standing of message.objects) this.#note(standing);
        if (this.#requested.length < MAX_REQUESTS) this.#requested.push(message);
        return;
      default:
        return;
    }
  }

  /** A host let this client in: how everything stands follows. Answers that were awaited will not come. */
  handleJoined(term: number): void {
    this.#reset(term);
    this.#lose("another connection was made before the answer came");
  }

  /** A batch is over: everybody is told of what has changed. */
  handleBatch(): void {
    const { replica } = this.#seat;
    if (replica.state === "away") this.#lose("the connection was lost before the answer came");
    const { book, epoch } = replica;
    if (book === null || epoch?.term !== this.#term) return;
    for (const id of this.#untold) {
      const path = book.pathOf(id);
      if (path === null) continue;
      this.#untold.delete(id);
      const { state, owner, generation } = this.#standings.get(id) ?? FREE;
      const ownerName = this.#seat.nameOf(owner);
      const isOwn = owner !== 0 && owner === replica.client;
      this.#changes.tell({ path, state, owner, ownerName, isOwn, generation });
    }
    for (const message of this.#requested.splice(0)) this.#tellRequested(message);
  }

  /** This client was closed. */
  close(): void {
    this.#lose("the client was closed");
    this.#changes.clear();
    this.#requests.clear();
  }

  #reset(term: number): void {
    this.#term = term;
    // Those who listen hear of what was owned and is not any more.
    for (const id of this.#standings.keys()) this.#untold.add(id);
    this.#standings.clear();
    this.#generations.clear();
    this.#requested.length = 0;
    this.#owned = 0;
  }

  #note(standing: ObjectStanding): void {
    this.#learn(standing);
    this.#untold.add(standing.id);
  }

  /** How an object stands; what lies below an owned one stands as that, and is none itself. */
  #learn(standing: ObjectStanding): void {
    const { id, owner, state } = standing;
    const self = this.#seat.replica.client;
    const former = this.#standings.get(id);
    if (former?.owner === self) this.#owned--;
    this.#generations.clear();
    if (state === "free") this.#standings.delete(id);
    else {
      this.#standings.set(id, standing);
      if (owner === self) this.#owned++;
    }
  }

  #ask(
    action: OwnAction,
    paths: string | readonly string[],
    to: number,
    { wait: waits = true, timeoutUs = ANSWER_US }: OwnOptions,
  ): Promise<OwnResult> {
    const names = new Set(typeof paths === "string" ? [paths] : paths);
    const open = new Map<PathId, string>();
    try {
      for (const path of names) open.set(this.#idOf(path), path);
    } catch (thrown) {
      return Promise.reject(thrown);
    }
    if (open.size === 0) return Promise.resolve({ granted: [], refused: [], asked: [] });
    if (open.size > MAX_OBJECTS || this.#pending.size >= MAX_REQUESTS) {
      return Promise.reject(
        new StateError("full", {
          what: "the objects were not asked for",
          why: open.size > MAX_OBJECTS
            ? `one request names ${MAX_OBJECTS} objects at most`
            : `${MAX_REQUESTS} requests wait for their answer already`,
        }),
      );
    }
    const request = nextRequest(this.#seat.replica);
    const isSent = this.#say(action, request, to, [...open.keys()]);
    if (!isSent) {
      return Promise.reject(
        new StateError("not-joined", {
          what: "the objects were not asked for",
          why: "there is no connection to the host of the shared state",
        }),
      );
    }
    const wait = new Wait<OwnResult>();
    const pending: Pending = { wait, open, granted: [], refused: [], asked: new Map(), waits };
    this.#pending.set(request, pending);
    wait.expireAt(this.#timers, this.#seat.nowUs() + timeoutUs, () => {
      this.#pending.delete(request);
      wait.reject(new StateError("timeout", { what: "the host has not answered the request for objects" }));
    });
    this.#seat.pump();
    return wait.promise;
  }

  #say(action: OwnAction, request: number, other: number, ids: readonly PathId[]): boolean {
    const objects = [...ids].sort((a, b) => a - b).map((id): ObjectStanding => ({
      id,
      state: "free",
      owner: 0 as ClientNumber,
      generation: this.#standings.get(id)?.generation ?? 0,
      leftUs: 0,
    }));
    const { replica } = this.#seat;
    return replica.request(this.#seat.nowUs(), {
      kind: "own",
      term: 0,
      action,
      request,
      other: other as ClientNumber,
      objects,
      text: "",
    });
  }

  #answer({ request, text, other, objects }: OwnMessage): void {
    const pending = this.#pending.get(request);
    if (pending === undefined) return;
    const isAsked = other !== 0 && text !== "";
    for (const { id, owner, generation } of objects) {
      const path = pending.open.get(id);
      if (path === undefined) continue;
      if (isAsked) {
        pending.asked.set(id, this.#refusalOf(path, text, owner));
        continue;
      }
      pending.open.delete(id);
      pending.asked.delete(id);
      if (text === "") pending.granted.push({ path, generation });
      else pending.refused.push(this.#refusalOf(path, text, owner));
    }
    const isOver = pending.waits ? pending.open.size === 0 : pending.open.size === pending.asked.size;
    if (!isOver) return;
    this.#pending.delete(request);
    pending.wait.resolve({
      granted: pending.granted,
      refused: pending.refused,
      asked: [...pending.asked.values()],
    });
  }

  #refusalOf(path: string, text: string, owner: number): RefusedObject {
    const ownerName = this.#seat.nameOf(owner);
    const who = owner === 0 ? "" : `; ${ownerName ?? `client ${owner}`} owns it`;
    return { path, why: `${text}${who}`, owner, ownerName };
  }

  #tellRequested({ other, objects }: OwnMessage): void {
    const { book } = this.#seat.replica;
    const ids = new Map<string, PathId>();
    for (const { id } of objects) {
      const path = book?.pathOf(id) ?? null;
      if (path !== null) ids.set(path, id);
    }
    const reply = (action: OwnAction, paths: readonly string[] = [...ids.keys()]) => {
      const chosen = paths.flatMap((path) => ids.get(path) ?? []);
      if (chosen.length > 0) this.#say(action, 0, 0, chosen);
      this.#seat.pump();
    };
    this.#requests.tell({
      by: other,
      byName: this.#seat.nameOf(other),
      paths: [...ids.keys()],
      grant: (paths) => reply("consent", paths),
      refuse: (paths) => reply("refuse", paths),
    });
  }

  #lose(why: string): void {
    for (const { wait } of this.#pending.values()) {
      wait.reject(new StateError("unknown", { what: "the request for objects has no answer", why }));
    }
    this.#pending.clear();
  }

  #idOf(path: string): PathId {
    const { book } = this.#seat.replica;
    if (book === null) throw notJoined(path);
    const id = book.lookUp(path);
    if (isRefusal(id)) throw refused(path, `${path} cannot be owned`, id);
    return id;
  }
}

const FREE: Pick<ObjectStanding, "state" | "owner" | "generation"> = {
  state: "free",
  owner: 0 as ClientNumber,
  generation: 0,
};
