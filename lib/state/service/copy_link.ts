// The host's end of a link to a node that keeps a copy: first it may ask how far that goes, then it keeps it up to date.
// Decides when an update is sent; which one is the host's word (host/standby_desk.ts).
// Never decides which nodes keep copies.

import { CopyAssembler, CopyDecoder, CopyEncoder, type CopyMessage, type CopyParts } from "../copies/mod.ts";
import type { LinkNumber } from "../holding/mod.ts";
import type { StandbyUpdate, StateHost } from "../host/mod.ts";
import { compareEpochs, type StateEpoch } from "../model/mod.ts";
import { isNewer } from "./copy_keeper.ts";
import type { StateLink, StateLinkHandlers } from "./link.ts";

/** Bytes of updates that may wait on a link; the rest follows when they have gone. */
const WINDOW_BYTES = 256 * 1_024;
/** A keeper that refuses so many updates in a row cannot be helped by one more: its link ends. */
const MAX_REFUSALS = 4;

/** How far somebody's copy goes, and the copy itself where it was newer than what was asked with. */
export interface GivenCopy {
  readonly epoch: StateEpoch | null;
  readonly number: number;
  readonly update: StandbyUpdate | null;
}

/** As much of a running host as keepers concern. */
export interface CopiedHost {
  readonly host: StateHost;
  readonly isOver: boolean;
  nowUs(): number;
  /** A number that no link has had. */
  nextLink(): LinkNumber;
  pumpSoon(): void;
}

/** A link to one keeper. */
export class CopyLink {
  readonly #encoder = new CopyEncoder();
  readonly #decoder = new CopyDecoder();
  readonly #assembler = new CopyAssembler();
  readonly #link: StateLink;
  #sending: CopyParts | null = null;
  #asked: { have: GivenCopy; answer: GivenCopy | null; resolve: (given: GivenCopy | null) => void } | null =
    null;
  #service: CopiedHost | null = null;
  #number: LinkNumber | null = null;
  #refusals = 0;
  #isClosed = false;
  /** The keeper has a copy of a later reign, or of another host of this term that goes before: the host's is over. */
  onNewerTerm: ((epoch: StateEpoch) => void) | null = null;
  /** The link is over. */
  onClosed: (() => void) | null = null;

  /** @param link the way to the keeper; what comes back goes to {@linkcode handlers}. */
  constructor(link: StateLink) {
    this.#link = link;
    link.onRoom = () => this.#continue();
  }

  /** What is to be called with what the keeper says. */
  get handlers(): StateLinkHandlers {
    return { onMessage: (bytes) => this.#receive(bytes), onClosed: () => this.#closed() };
  }

  /** Whether the keeper has confirmed everything once. */
  isConfirmed = false;

  /** Asks how far the keeper's copy goes, and for the copy where it is newer. Null where the link ends before. */
  ask(epoch: StateEpoch | null, number: number): Promise<GivenCopy | null> {
    return new Promise((resolve) => {
      if (this.#isClosed) return resolve(null);
      this.#asked = { have: { epoch, number, update: null }, answer: null, resolve };
      this.#say({ kind: "question", epoch, number, wants: true });
    });
  }

  /** From now on the keeper is a standby of this host. @returns whether there is room for it. */
  begin(service: CopiedHost): boolean {
    if (this.#isClosed) return false;
    const number = service.nextLink();
    if (!service.host.handleStandbyJoined(service.nowUs(), number)) return false;
    this.#service = service;
    this.#number = number;
    service.pumpSoon();
    return true;
  }

  /** The number under which the host knows it; null before {@linkcode begin}. */
  get number(): LinkNumber | null {
    return this.#number;
  }

  /** Sends an update. */
  send(update: StandbyUpdate): void {
    this.#sending = this.#encoder.split(update);
    if (this.#sending === null) return this.close();
    this.#continue();
  }

  /** Ends it. */
  close(): void {
    if (!this.#isClosed) this.#link.close();
  }

  #continue(): void {
    while (this.#sending !== null && this.#link.queuedBytes < WINDOW_BYTES) {
      const bytes = this.#sending.next();
      if (bytes === null) this.#sending = null;
      else if (!this.#link.send(bytes)) return this.close();
    }
  }

  #receive(bytes: Uint8Array): void {
    const message = this.#decoder.decode(bytes);
    if (typeof message === "string") return;
    switch (message.kind) {
      case "confirmation":
        return this.#confirmed(message);
      case "answer":
        return this.#answered(message);
      case "part": {
        const whole = this.#assembler.handlePart(message);
        if (whole === "more" || whole === "skipped") return;
        const update = typeof whole === "string" ? whole : this.#decoder.decodeUpdate(whole);
        return this.#settle(typeof update === "string" ? null : update);
      }
    }
  }

  #confirmed({ epoch, number }: CopyMessage & { readonly kind: "confirmation" }): void {
    const service = this.#service;
    if (service === null || this.#number === null || service.isOver) return;
    const own = service.host.epoch;
    if (compareEpochs(epoch, own) > 0) return this.onNewerTerm?.(epoch);
    if (number !== null) {
      this.isConfirmed = true;
      this.#refusals = 0;
    } else if (++this.#refusals > MAX_REFUSALS) return this.close();
    service.host.handleStandbyConfirmed(service.nowUs(), this.#number, number);
    service.pumpSoon();
  }

  #answered({ epoch, number }: CopyMessage & { readonly kind: "answer" }): void {
    const asked = this.#asked;
    if (asked === null) return;
    asked.answer = { epoch, number, update: null };
    // Without a newer one there is nothing else to come.
    if (!isNewer({ epoch, number }, asked.have.epoch, asked.have.number)) this.#settle(null);
  }

  #settle(update: StandbyUpdate | null): void {
    const asked = this.#asked;
    if (asked === null) return;
    this.#asked = null;
    asked.resolve(asked.answer === null ? null : { ...asked.answer, update });
  }

  #closed(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#asked?.resolve(null);
    this.#asked = null;
    const service = this.#service;
    if (service !== null && this.#number !== null && !service.isOver) {
      service.host.handleStandbyLeft(service.nowUs(), this.#number);
      service.pumpSoon();
    }
    this.onClosed?.();
  }

  #say(message: CopyMessage): void {
    const bytes = this.#encoder.encode(message);
    if (bytes === null || !this.#link.send(bytes)) this.close();
  }
}

/** The links of one host to its standbys: what is due goes out with everything else. */
export class CopyDesk {
  readonly #links = new Map<LinkNumber, CopyLink>();

  /** A keeper is a standby from now on. @returns whether there is room for it. */
  join(service: CopiedHost, link: CopyLink): boolean {
    if (!link.begin(service) || link.number === null) return false;
    this.#links.set(link.number, link);
    return true;
  }

  /** It is one no more. */
  leave(link: CopyLink): void {
    if (link.number !== null) this.#links.delete(link.number);
  }

  /** Sends what is due. */
  pump(service: CopiedHost): void {
    const { host } = service;
    for (let next = host.pollStandby(); next !== null; next = host.pollStandby()) {
      this.#links.get(next.to)?.send(next.update);
    }
  }
}
