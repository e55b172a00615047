// The one privileged client, as this client knows it, and its requests about it.
// Decides which word of the host answers which request; never who is privileged: the host does (holding/).

import type { Timers } from "../../platform/mod.ts";
import type { PrivilegeAction, PrivilegeMessage } from "../messages/mod.ts";
import type { ClientNumber } from "../model/mod.ts";
import { StateError } from "./errors.ts";
import { Listeners } from "./listeners.ts";
import { nextRequest } from "./request_numbers.ts";
import type { Seat } from "./seat.ts";
import type { PrivilegeRequest, PrivilegeResult, PrivilegeStanding } from "./types.ts";
import { Wait } from "./wait.ts";

/** The host asks a holder for 5 s at most; the answer then takes a moment. In microseconds. */
const ANSWER_US = 8_000_000;
/** Requests whose answers are awaited. */
const MAX_REQUESTS = 16;

interface Pending {
  readonly action: PrivilegeAction;
  readonly wait: Wait<PrivilegeResult>;
  /** To whom it is given, where it is. */
  readonly to: number;
}

/** The privilege: its holder may change structure. */
export class PrivilegeClient {
  readonly #seat: Seat;
  readonly #timers: Timers;
  readonly #pending = new Map<number, Pending>();
  readonly #changes: Listeners<PrivilegeStanding>;
  readonly #requests: Listeners<PrivilegeRequest>;
  #latest: PrivilegeMessage | null = null;

  constructor(seat: Seat, timers: Timers) {
    this.#seat = seat;
    this.#timers = timers;
    this.#changes = new Listeners(seat.noteFailure);
    this.#requests = new Listeners(seat.noteFailure);
  }

  /** How it stands, as far as known. */
  get standing(): PrivilegeStanding {
    const { state = "none", holder = 0, generation = 0, other = 0, text = "" } = this.#latest ?? {};
    const isOwn = holder !== 0 && holder === this.#seat.replica.client && state !== "grace";
    return { state, holder, holderName: this.#seat.nameOf(holder), isOwn, generation, other, text };
  }

  /** That under which this client holds it; null where it does not. */
  get generation(): number | null {
    const { isOwn, generation } = this.standing;
    return isOwn ? generation : null;
  }

  /** Asks for it: nobody's at once, somebody's by that one's consent within 5 s. Rejects with `unreachable`, `timeout`. */
  request(timeoutUs = ANSWER_US): Promise<PrivilegeResult> {
    return this.#ask("request", 0, timeoutUs);
  }

  /** Gives it up. */
  release(timeoutUs = ANSWER_US): Promise<PrivilegeResult> {
    return this.#ask("release", 0, timeoutUs);
  }

  /** Offers it to another client, by number. Resolves when that one has accepted or declined. */
  offer(to: number, timeoutUs = ANSWER_US): Promise<PrivilegeResult> {
    return this.#ask("offer", to, timeoutUs);
  }

  /** Takes what is offered to this client. */
  accept(timeoutUs = ANSWER_US): Promise<PrivilegeResult> {
    return this.#ask("accept", 0, timeoutUs);
  }

  /** Does not take what is offered, or does not give what is asked for. */
  decline(): void {
    this.#say("decline", 0, 0);
    this.#seat.pump();
  }

  /** Takes it without asking, where policy allows. */
  seize(timeoutUs = ANSWER_US): Promise<PrivilegeResult> {
    return this.#ask("seize", 0, timeoutUs);
  }

  /** Gives it to the one who asks. */
  consent(timeoutUs = ANSWER_US): Promise<PrivilegeResult> {
    return this.#ask("consent", 0, timeoutUs);
  }

  /** Has `listener` told when it stands otherwise. Returns how to stop it. */
  onChange(listener: (standing: PrivilegeStanding) => void): () => void {
    return this.#changes.add(listener);
  }

  /** Has `listener` told when somebody asks this client for it, or offers it. Returns how to stop it. */
  onRequest(listener: (request: PrivilegeRequest) => void): () => void {
    return this.#requests.add(listener);
  }

  /** Who holds it, as a sentence; "" where nobody does. */
  whoHolds(): string {
    const { holder, holderName, isOwn } = this.standing;
    if (holder === 0) return "nobody has the privilege";
    return isOwn ? "" : `${holderName ?? `client ${holder}`} has the privilege`;
  }

  /** The host says something about it. */
  handleMessage(message: PrivilegeMessage): void {
    const former = this.#latest;
    if (former !== null && message.term < former.term) return;
    this.#latest = message;
    this.#answer(message);
    if (message.action === "requested") this.#tellRequested(message);
    const isOther = former === null || former.state !== message.state || former.holder !== message.holder ||
      former.generation !== message.generation || former.other !== message.other;
    if (isOther) this.#changes.tell(this.standing);
  }

  /** A host let this client in: how it stands follows. */
  handleJoined(): void {
    this.#lose("another connection was made before the answer came");
  }

  /** A batch is over. */
  handleBatch(): void {
    if (this.#seat.replica.state === "away") this.#lose("the connection was lost before the answer came");
  }

  /** This client was closed. */
  close(): void {
    this.#lose("the client was closed");
    this.#changes.clear();
    this.#requests.clear();
  }

  #ask(action: PrivilegeAction, to: number, timeoutUs: number): Promise<PrivilegeResult> {
    const known = [...this.#pending.values()].find((one) => one.action === action && one.to === to);
    if (known !== undefined) return known.wait.promise;
    if (this.#pending.size >= MAX_REQUESTS) {
      return Promise.reject(
        new StateError("full", {
          what: "the privilege was not asked for",
          why: `${MAX_REQUESTS} requests wait for their answer already`,
        }),
      );
    }
    const request = nextRequest(this.#seat.replica);
    if (!this.#say(action, request, to)) {
      return Promise.reject(
        new StateError("not-joined", {
          what: "the privilege was not asked for",
          why: "there is no connection to the host of the shared state",
        }),
      );
    }
    const wait = new Wait<PrivilegeResult>();
    this.#pending.set(request, { action, wait, to });
    wait.expireAt(this.#timers, this.#seat.nowUs() + timeoutUs, () => {
      this.#pending.delete(request);
      wait.reject(new StateError("timeout", { what: "the host has not answered about the privilege" }));
    });
    this.#seat.pump();
    return wait.promise;
  }

  #say(action: PrivilegeAction, request: number, other: number): boolean {
    return this.#seat.replica.request(this.#seat.nowUs(), {
      kind: "priv",
      term: 0,
      action,
      request,
      state: "none",
      holder: 0 as ClientNumber,
      generation: this.#latest?.generation ?? 0,
      other: other as ClientNumber,
      leftUs: 0,
      text: "",
    });
  }

  #answer(message: PrivilegeMessage): void {
    for (const [request, pending] of this.#pending) {
      const granted = this.#outcomeOf(request, pending, message);
      if (granted === null) continue;
      this.#pending.delete(request);
      const { holder, generation, text } = message;
      const isOwn = holder === this.#seat.replica.client;
      pending.wait.resolve({
        granted,
        holder,
        holderName: this.#seat.nameOf(holder),
        generation: isOwn ? generation : 0,
        text,
      });
    }
  }

  /** Whether a message answers a request, and how; null where it does not. */
  #outcomeOf(request: number, { action }: Pending, message: PrivilegeMessage): boolean | null {
    if (message.action === "denied" && message.request === request) return false;
    switch (action) {
      case "request":
      case "seize":
      case "accept":
        return message.action === "granted" && message.request === request ? true : null;
      default:
        // Who gives it up hears that it is taken away.
        return message.action === "revoked" && message.holder !== this.#seat.replica.client ? true : null;
    }
  }

  #tellRequested({ holder, other, state }: PrivilegeMessage): void {
    const isOffer = state === "offered" && other === this.#seat.replica.client;
    const by = isOffer ? holder : other;
    this.#requests.tell({
      kind: isOffer ? "offered" : "asked",
      by,
      byName: this.#seat.nameOf(by),
      accept: () => isOffer ? this.accept() : this.consent(),
      decline: () => this.decline(),
    });
  }

  #lose(why: string): void {
    for (const { wait } of this.#pending.values()) {
      wait.reject(new StateError("unknown", { what: "the request about the privilege has no answer", why }));
    }
    this.#pending.clear();
  }
}
