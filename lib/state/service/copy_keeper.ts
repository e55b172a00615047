// The end of a node that keeps a copy of the shared state for its host, and tells whoever is about to host how far it goes.
// Decides which updates it confirms; StandbyCopy (host/) decides which it can apply. Never takes over.

import type { NodeId } from "../../base/mod.ts";
import { compareEpochs, type StateEpoch } from "../model/mod.ts";
import { CopyAssembler, CopyDecoder, CopyEncoder, type CopyMessage, type CopyParts } from "../copies/mod.ts";
import { StandbyCopy, type StandbyUpdate } from "../host/mod.ts";
import type { StateLink, StateLinkHandlers } from "./link.ts";

/** Bytes of a whole copy that may wait on a link; the rest follows when they have gone. */
const WINDOW_BYTES = 256 * 1_024;
/** So many things that are no messages end a link. */
const MAX_MALFORMED = 16;

/** What a keeper counts. */
export interface KeeperCounters {
  links: number;
  confirmed: number;
  /** Updates that it did not take: older than what it has, behind a gap. */
  refused: number;
  malformed: number;
  questions: number;
  /** Whole copies that it sent to the next host. */
  given: number;
}

/** Keeps one copy, whoever hosts. */
export class CopyKeeper {
  readonly counters: KeeperCounters = {
    links: 0,
    confirmed: 0,
    refused: 0,
    malformed: 0,
    questions: 0,
    given: 0,
  };
  readonly #copy = new StandbyCopy();
  readonly #decoder = new CopyDecoder();
  readonly #encoder = new CopyEncoder();
  /** Told before somebody who is about to host is answered. */
  onQuestion: ((from: NodeId) => void) | null = null;
  /** Told when the copy has changed. */
  onChange: (() => void) | null = null;

  /** Whose copy it is; null where there is none. */
  get epoch(): StateEpoch | null {
    return this.#copy.epoch;
  }

  /** Up to which change of its host it goes. */
  get number(): number {
    return this.#copy.number;
  }

  /** The copy itself, for a look inside. */
  get copy(): StandbyCopy {
    return this.#copy;
  }

  /** The whole copy; null where there is none. */
  snapshot(): StandbyUpdate | null {
    return this.#copy.snapshot();
  }

  /** Takes over a whole copy that came another way (a file, the host of this node) unless it has a newer one. */
  adopt(update: StandbyUpdate): void {
    if (!isNewer(update, this.epoch, this.number)) return;
    this.#copy.handleUpdate(update);
    this.onChange?.();
  }

  /** Somebody opens a link; `link` is the way back. @returns what is to be called with what comes over it. */
  accept(link: StateLink, from: NodeId | null = null): StateLinkHandlers {
    this.counters.links++;
    const assembler = new CopyAssembler();
    let giving: CopyParts | null = null;
    let malformed = 0;
    const give = (): void => {
      while (giving !== null && link.queuedBytes < WINDOW_BYTES) {
        const bytes = giving.next();
        if (bytes === null || !link.send(bytes)) giving = null;
      }
    };
    link.onRoom = give;
    return {
      onMessage: (bytes) => {
        const message = this.#decoder.decode(bytes);
        if (typeof message === "string") {
          this.counters.malformed++;
          if (++malformed > MAX_MALFORMED) link.close();
        } else if (message.kind === "part") {
          const whole = assembler.handlePart(message);
          if (typeof whole !== "string") this.#update(link, whole);
          else if (whole !== "more" && whole !== "skipped") this.#refuse(link);
        } else if (message.kind === "question") {
          this.counters.questions++;
          // Who asks is about to host: a host that runs here is over, and gives what it has.
          if (from !== null) this.onQuestion?.(from);
          giving = this.#answer(link, message);
          give();
        } else this.counters.malformed++;
      },
      onClosed: () => {
        link.onRoom = null;
        giving = null;
      },
    };
  }

  #update(link: StateLink, bytes: Uint8Array): void {
    const update = this.#decoder.decodeUpdate(bytes);
    if (typeof update === "string") {
      this.counters.malformed++;
      return this.#refuse(link);
    }
    const number = this.#copy.handleUpdate(update);
    if (number === null) return this.#refuse(link);
    this.counters.confirmed++;
    this.#say(link, { kind: "confirmation", epoch: update.epoch, number });
    this.onChange?.();
  }

  #refuse(link: StateLink): void {
    this.counters.refused++;
    const { epoch } = this;
    if (epoch !== null) return this.#say(link, { kind: "confirmation", epoch, number: null });
    // Without an epoch of its own there is nothing to refuse by: over another link the host begins anew.
    link.close();
  }

  #answer(link: StateLink, question: CopyMessage & { readonly kind: "question" }): CopyParts | null {
    const { epoch, number } = this;
    this.#say(link, { kind: "answer", epoch, number: epoch === null ? 0 : number });
    const snapshot = question.wants ? this.snapshot() : null;
    if (snapshot === null || !isNewer(snapshot, question.epoch, question.number)) return null;
    this.counters.given++;
    return this.#encoder.split(snapshot);
  }

  #say(link: StateLink, message: CopyMessage): void {
    const bytes = this.#encoder.encode(message);
    if (bytes !== null) link.send(bytes);
  }
}

/** Whether a copy goes further than `epoch` and `number`. */
export function isNewer(
  copy: { readonly epoch: StateEpoch | null; readonly number: number },
  epoch: StateEpoch | null,
  number: number,
): boolean {
  if (copy.epoch === null) return false;
  if (epoch === null) return true;
  const order = compareEpochs(copy.epoch, epoch);
  return order > 0 || (order === 0 && copy.number > number);
}
