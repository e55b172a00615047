// Questions to everybody: who is there? One nonce a family, asked a few times, answered by more nodes each time.
// Decides when to ask again, which answers are new, and when it has been quiet for long enough.
// Never decides who answers (offers.ts) or whether an answer is believed beyond its nonce.

import { fromHex, type NodeId } from "../base/mod.ts";
import type { Agreement } from "./agreement.ts";
import { type Context, drawNonce, emit, type Wake } from "./context.ts";
import { type Question, SHORT_ID_BYTES } from "./messages/mod.ts";

const MS = 1_000;
const ASK_TIMES_US = [0, 100 * MS, 250 * MS];
/** How long offers of a family count, in µs: its last question and the slowest answer. */
const FAMILY_LIFE_US = 5_000 * MS;
const MAX_FAMILIES = 64;
const MAX_QUERIES = 16;
const MAX_KNOWN = 256;

interface Query {
  readonly token: number;
  readonly nonce: string;
  readonly quietUs: number;
  readonly askUs: number[];
  readonly answers: Set<NodeId>;
  attempt: number;
  lastNewsUs: number;
  /** The largest mesh that an answer spoke of. */
  expected: number;
}

/** Our own questions to everybody. */
export class Questions {
  readonly #families = new Map<string, number>();
  #queries: Query[] = [];

  constructor(readonly context: Context, readonly agreement: Agreement) {}

  /** A nonce whose offers count for the next seconds. */
  newFamily(nowUs: number): string {
    for (const [nonce, untilUs] of this.#families) {
      if (untilUs > nowUs && this.#families.size < MAX_FAMILIES) break;
      this.#families.delete(nonce);
    }
    const nonce = drawNonce(this.context.random);
    this.#families.set(nonce, nowUs + FAMILY_LIFE_US);
    return nonce;
  }

  /** Whether an offer with this nonce answers us. */
  isAsked(nowUs: number, nonce: string): boolean {
    const untilUs = this.#families.get(nonce);
    return untilUs !== undefined && untilUs > nowUs;
  }

  /** First bytes of the ids that need not answer because they are alive in the registry. */
  knownIds(): Uint8Array {
    const ids: string[] = [];
    for (const peer of this.context.registry.peers()) {
      if (peer.state === "alive" && ids.length < MAX_KNOWN) ids.push(peer.id.slice(0, 2 * SHORT_ID_BYTES));
    }
    return fromHex(ids.join(""));
  }

  /** Begins to ask; `query-done` follows once no new answer came for `quietUs`. */
  ask(nowUs: number, token: number, quietUs: number): void {
    if (this.#queries.length >= MAX_QUERIES) this.#finish(this.#queries[0]);
    this.#queries.push({
      token,
      nonce: this.newFamily(nowUs),
      quietUs,
      askUs: ASK_TIMES_US.map((afterUs) => nowUs + afterUs),
      answers: new Set(),
      attempt: 0,
      lastNewsUs: nowUs,
      expected: 0,
    });
  }

  /** Notes an offer, which counts for the query that it answers. */
  noteAnswer(nowUs: number, nonce: string, from: NodeId, peerCount: number): void {
    const query = this.#queries.find((each) => each.nonce === nonce);
    if (query === undefined || query.answers.has(from)) return;
    query.answers.add(from);
    query.lastNewsUs = nowUs;
    query.expected = Math.max(query.expected, peerCount);
  }

  /** Sends and ends what is due. */
  handleTimeout(nowUs: number): void {
    for (const query of [...this.#queries]) {
      if (this.#doneUs(query) <= nowUs) {
        this.#finish(query);
      } else if ((query.askUs[0] ?? Infinity) <= nowUs) {
        query.askUs.shift();
        const { own, links, outbox } = this.context;
        const attempt = query.attempt++;
        for (const link of links.all) {
          const digest = this.agreement.digestOn(nowUs, link);
          const question: Question = { nonce: query.nonce, attempt, known: this.knownIds(), digest };
          const message = { kind: "query", bootNonce: own.bootNonce, question, target: null } as const;
          outbox.toLink(nowUs, link, message, true);
        }
        if (query.askUs.length === 0) query.lastNewsUs = Math.max(query.lastNewsUs, nowUs);
      }
    }
  }

  /** What is due next. */
  next(): Wake | null {
    let atUs = Infinity;
    for (const query of this.#queries) atUs = Math.min(atUs, query.askUs[0] ?? Infinity, this.#doneUs(query));
    return atUs === Infinity ? null : { atUs, reason: "query" };
  }

  /** Quiet counts from the last question on, or earlier when as many have answered as any of them knows of. */
  #doneUs(query: Query): number {
    const isComplete = query.answers.size > 0 && query.answers.size >= query.expected;
    return isComplete || query.askUs.length === 0 ? query.lastNewsUs + query.quietUs : Infinity;
  }

  #finish(query: Query | undefined): void {
    if (query === undefined) return;
    this.#queries = this.#queries.filter((each) => each !== query);
    emit(this.context, { kind: "query-done", token: query.token, answers: query.answers.size });
  }
}
