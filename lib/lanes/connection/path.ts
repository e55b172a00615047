// A way to the peer: a stream, or datagrams to one address; and how it is proved, judged and given up.
// Decides when a path is asked whether it works (CHALLENGE, RESPONSE), when it counts as dead, and how long it is left
// alone afterwards. Never sends; never knows addresses or sockets (lib/transport).

import type { CongestionControl, Pacer } from "../congestion/mod.ts";
import type { MtuSearch } from "../mtu/mod.ts";
import type { RttEstimator } from "../recovery/mod.ts";

/** What carries packets. */
export type PathKind = "udp" | "stream";

/** Names of the paths that a connection can have, as numbers: the driver says by which one a packet came. */
export const PathId = {
  /** The stream on which the peers greeted. */
  stream: 0,
  /** Datagrams to the address that is in use. */
  udp: 1,
  /** Datagrams to an address from which the peer was heard lately, until it is proved. */
  udpMoved: 2,
} as const;

/** Why lanes moved to another path. */
export type PathReason =
  | "first" // the only one there is
  | "proved" // datagrams pass, both ways
  | "silent" // datagrams no longer pass
  | "stream-closed" // the stream ended; datagrams go on
  | "moved"; // the peer has another address

/** Told of paths. */
export interface PathSink {
  /** Lanes go by `id` from now on. */
  onPath(id: number, kind: PathKind, reason: PathReason): void;
  /** The moved address is proved: it is the UDP path from now on. */
  onMoved(): void;
}

/** A first question goes out at once, then they come less often; once a minute on a path that never answers. */
const FIRST_CHALLENGE_GAP_US = 100_000;
const LAST_CHALLENGE_GAP_US = 60_000_000;
/** A path that answered once is worth asking more often. */
const KNOWN_CHALLENGE_GAP_US = 5_000_000;
/** Without a stream to fall back on a path is asked again this often at least. */
const LONE_CHALLENGE_GAP_US = 1_000_000;
/** To an address that was not proved, this many times what came from it. */
const MAX_AMPLIFICATION = 3;
/** Header and tag of a datagram; the least of a question and an answer. */
const DATAGRAM_OVERHEAD_BYTES = 25;
const MIN_QUESTION_BYTES: number = DATAGRAM_OVERHEAD_BYTES + 18;
/** A path that failed once more within this time after it came back is left alone for twice as long. */
const STABLE_US = 30_000_000;
const FIRST_REST_US = 500_000;

/** One path. */
export class Path {
  /** Packets that it carried are told apart from those of its earlier lives. */
  epoch = 0;
  /** Whether the peer answers at it. */
  proved = false;
  /** Whether anything may be sent by it: a stream that ended never comes back. */
  usable = true;
  /** When anything authentic came by it last. */
  heardAtUs: number;
  /** Probe timeouts since a packet of ours arrived. */
  ptoCount = 0;
  /** The open question, and when it is asked (again); Infinity for never. */
  challengeHigh = 0;
  challengeLow = 0;
  challengeAtUs = Infinity;
  #challengeGapUs = FIRST_CHALLENGE_GAP_US;
  /** An answer that we owe. */
  responseDue = false;
  responseHigh = 0;
  responseLow = 0;
  /** The way that carries the lanes is worse: this one is asked without its rest. */
  isHurried = false;
  #restUs = FIRST_REST_US;
  #provedAtUs = 0;
  /** Bytes of datagrams that came by it and went out by it. */
  #heardBytes = 0;
  #saidBytes = 0;

  constructor(
    readonly id: number,
    readonly kind: PathKind,
    nowUs: number,
    public maxPacketBytes: number,
    readonly rtt: RttEstimator,
    readonly control: CongestionControl,
    readonly pacer: Pacer,
    readonly mtu: MtuSearch | null,
  ) {
    this.heardAtUs = nowUs;
  }

  /** Begins to ask whether the peer answers here. */
  startProving(nowUs: number): void {
    this.proved = false;
    this.challengeAtUs = nowUs;
    this.#challengeGapUs = FIRST_CHALLENGE_GAP_US;
  }

  /** Asks at once, and often, since the stream is stuck. */
  hurry(nowUs: number): void {
    this.isHurried = true;
    this.challengeAtUs = nowUs;
    this.#challengeGapUs = FIRST_CHALLENGE_GAP_US;
  }

  /** A question goes out now; the next follows unless it is answered. */
  onChallengeSent(nowUs: number, high: number, low: number, alone: boolean): void {
    this.challengeHigh = high;
    this.challengeLow = low;
    const longest = alone
      ? LONE_CHALLENGE_GAP_US
      : this.#provedAtUs > 0
      ? KNOWN_CHALLENGE_GAP_US
      : LAST_CHALLENGE_GAP_US;
    this.challengeAtUs = nowUs + Math.min(longest, this.#challengeGapUs);
    this.#challengeGapUs = Math.min(LAST_CHALLENGE_GAP_US, this.#challengeGapUs * 2);
  }

  /** An answer came; true when it proves the path. */
  handleResponse(nowUs: number, high: number, low: number): boolean {
    if (this.proved || this.challengeAtUs === Infinity) return false;
    if (high !== this.challengeHigh || low !== this.challengeLow) return false;
    this.proved = true;
    this.challengeAtUs = Infinity;
    this.ptoCount = 0;
    this.heardAtUs = nowUs;
    this.#provedAtUs = nowUs;
    // The network was at fault, and not this way of using it.
    if (this.isHurried) this.#restUs = FIRST_REST_US;
    this.isHurried = false;
    return true;
  }

  /** Something authentic came by it: a packet with `bytes` of frames. */
  onHeard(nowUs: number, bytes: number): void {
    this.heardAtUs = nowUs;
    this.#heardBytes += bytes + DATAGRAM_OVERHEAD_BYTES;
  }

  /** A packet that it carried has arrived. Hearing the peer proves nothing of it: one direction may be blocked. */
  onAnswered(): void {
    this.ptoCount = 0;
  }

  /** A question or an answer goes out by it: `bytes` of frames. */
  onSaid(bytes: number): void {
    this.#saidBytes += bytes + DATAGRAM_OVERHEAD_BYTES;
  }

  /**
   * How large a question may be: whoever copies a datagram of the peer under a false address must not make us send more
   * than three times as much there (RFC 9000 section 8.1). Addresses that the peer told us itself are not bounded.
   */
  get questionBytes(): number {
    if (this.id !== PathId.udpMoved || this.proved) return Infinity;
    return MAX_AMPLIFICATION * this.#heardBytes - this.#saidBytes;
  }

  /** Whether the smallest question may go out. */
  get mayAsk(): boolean {
    return this.questionBytes >= MIN_QUESTION_BYTES;
  }

  /** It no longer answers: it is asked again after a rest that doubles while it keeps failing. */
  onFailed(nowUs: number): void {
    this.proved = false;
    this.#restUs = nowUs - this.#provedAtUs > STABLE_US
      ? FIRST_REST_US
      : Math.min(LAST_CHALLENGE_GAP_US, this.#restUs * 2);
    this.challengeAtUs = nowUs + this.#restUs;
    this.#challengeGapUs = Math.max(FIRST_CHALLENGE_GAP_US, this.#restUs);
    this.ptoCount = 0;
  }
}
