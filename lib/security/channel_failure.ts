// The ways in which an encrypted channel ends that is not meant to, how each is counted, and what a person reads.
// One list, so that a counter, a code and a sentence exist for every one of them. Never answers the peer: a stranger
// gets no byte, and a member learns from its own side.

import { type ErrorCode, HanaError } from "../base/mod.ts";

/** Why a channel failed. */
export type ChannelFailure =
  | "not-hana" // the first bytes are no hana preamble
  | "bad-version" // a preamble of another version of the channel
  | "bad-suite" // a cipher suite that we do not speak
  | "bad-preamble" // a preamble that says impossible things
  | "stranger" // none of the keys offered is in our ring
  | "access-alone" // we hold an access key alone, which answers nobody
  | "forged-handshake" // a handshake message that does not fit the key it names
  | "replayed-handshake" // a first message that came before
  | "weak-key" // an ephemeral key of low order
  | "closed-in-handshake" // the peer went away before both sides had proved themselves
  | "access-unanswered" // the same, when we dialled with an access key
  | "handshake-timeout" // the owner's deadline passed before that
  | "bad-record" // a record of impossible length
  | "forged-record" // a record altered, replayed, reordered or sealed by another key
  | "truncated"; // the stream ended inside a record

interface Description {
  readonly code: ErrorCode;
  readonly why: string;
  readonly hint?: string;
}

const SAME_KEY_HINT = "hana mesh show (on both machines: the fingerprints must be the same)";

const DESCRIPTIONS: Readonly<Record<ChannelFailure, Description>> = {
  "not-hana": { code: "protocol", why: "the other end does not speak hana's encrypted protocol" },
  "bad-version": {
    code: "version",
    why: "the other end speaks another version of the encrypted protocol",
    hint: "hana version (on both machines)",
  },
  "bad-suite": {
    code: "version",
    why: "the other end uses a cipher suite that this hana does not know",
    hint: "hana version (on both machines)",
  },
  "bad-preamble": { code: "protocol", why: "the other end sent a preamble that cannot be" },
  "stranger": {
    code: "authentication",
    why: "the other end holds another mesh key, or one that was rotated away",
    hint: SAME_KEY_HINT,
  },
  "access-alone": {
    code: "authentication",
    why: "this machine holds an access key, with which it can ask nodes and answer nobody",
    hint: "hana mesh show",
  },
  "forged-handshake": {
    code: "authentication",
    why: "the handshake was altered on the way, or the other end does not hold the key that it names",
    hint: SAME_KEY_HINT,
  },
  "replayed-handshake": {
    code: "authentication",
    why: "the handshake was seen before: somebody repeats recorded traffic",
  },
  "weak-key": { code: "authentication", why: "the other end sent a key that gives no secrecy" },
  "closed-in-handshake": {
    code: "authentication",
    why:
      "the other end closed the connection during the handshake, probably because it holds another mesh key",
    hint: SAME_KEY_HINT,
  },
  "access-unanswered": {
    code: "authentication",
    why:
      "the other end closed the connection during the handshake: it is of another mesh, or its mesh key was rotated " +
      "since the access code was made, or it holds an access key itself, or its hana knows none",
    hint: "hana mesh show (on both machines: the keys must be the same)",
  },
  "handshake-timeout": {
    code: "timeout",
    why: "the other end did not finish the handshake in time",
  },
  "bad-record": { code: "protocol", why: "the other end sent a record of impossible length" },
  "forged-record": {
    code: "authentication",
    why: "a record was altered, repeated or reordered on the way",
  },
  "truncated": { code: "closed", why: "the connection ended in the middle of a record" },
};

/** Every failure. */
export const CHANNEL_FAILURES: readonly ChannelFailure[] = Object.keys(DESCRIPTIONS) as ChannelFailure[];

/** The error for a failure on the connection to `peer` (an address or a name). */
export function channelError(failure: ChannelFailure, peer: string): HanaError {
  const { code, why, hint } = DESCRIPTIONS[failure];
  return new HanaError(code, hint === undefined ? { what: peer, why } : { what: peer, why, hint });
}

/** What happened on all channels that share it. All counters only grow. */
export class ChannelCounters {
  /** Handshakes that were finished by both sides. */
  established = 0;
  /** Keys renewed inside channels, either direction. */
  rekeys = 0;
  readonly #failures: Record<ChannelFailure, number>;

  constructor() {
    this.#failures = Object.fromEntries(CHANNEL_FAILURES.map((failure) => [failure, 0])) as Record<
      ChannelFailure,
      number
    >;
  }

  /** How many channels failed, by reason. */
  get failures(): Readonly<Record<ChannelFailure, number>> {
    return this.#failures;
  }

  /** Counts one failure. */
  onFailure(failure: ChannelFailure): void {
    this.#failures[failure]++;
  }
}
