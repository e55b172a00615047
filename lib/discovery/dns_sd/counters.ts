// What DNS-SD counts: what came, what was refused and why, what was held back, what did not fit.
// Decides the list; never reacts to it.

import { DNS_REFUSALS, type DnsRefusal } from "./message.ts";

/** Why a sound message was not looked at. */
export const IGNORED = [
  "own", // our own multicast coming back
  "off-link", // from outside every subnet of ours (RFC 6762 §11)
  "flood", // its source is over its rate
  "wrong-port", // a response that does not come from port 5353 (RFC 6762 §6)
] as const;

/** Why a sound message was not looked at. */
export type Ignored = typeof IGNORED[number];

/** Counters since the start; they only grow. */
export class DnsSdCounters {
  sent = 0;
  sentBytes = 0;
  received = 0;
  receivedBytes = 0;
  /** Messages that could not be read. */
  readonly refused = zeros<DnsRefusal>(DNS_REFUSALS);
  readonly ignored = zeros<Ignored>(IGNORED);
  /** Answers that we did not give because the asker knew them, or because another gave them. */
  suppressedByKnownAnswer = 0;
  suppressedByOther = 0;
  /** Questions that we did not ask because another did. */
  suppressedQuestions = 0;
  /** Answers to askers that are no mDNS hosts, and those left out because there were too many. */
  legacyAnswers = 0;
  legacyLimited = 0;
  /** Others that use a name of ours. */
  conflicts = 0;
  /** Records that did not fit into the cache. */
  cacheFull = 0;
  /** Records that were dropped because nobody answered for them. */
  silentRecords = 0;
  /** Messages and events that the owner did not fetch, and questions and service types past their bounds. */
  outboxFull = 0;
  eventsFull = 0;
  questionsFull = 0;
  typesFull = 0;
}

function zeros<K extends string>(keys: readonly K[]): Record<K, number> {
  return Object.fromEntries(keys.map((key) => [key, 0])) as Record<K, number>;
}
