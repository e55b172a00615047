// The face between a connection and the law that says how fast it may send and how much may be on its way.
// Decides what such a law is told and what it answers; never when a packet is built or what it carries.
// Hot path: told once a packet. Implementations allocate nothing and hold fixed fields.

/** What a law reads of a path's round trip, in microseconds. `RttEstimator` of lanes/recovery is one. */
export interface RoundTrip {
  readonly smoothedUs: number;
  /** The smallest of the last ten seconds. */
  readonly minUs: number;
  /** The latest sample, without the delay that the peer says it added before it acknowledged. */
  readonly latestUs: number;
  readonly hasSample: boolean;
}

/** Says how fast a path may be used. Times in microseconds, as everywhere. */
export interface CongestionControl {
  readonly name: string;
  /** What the pacer is set to; Infinity where only the window bounds. */
  rateBytesPerSecond: number;
  /** A packet may be sent while fewer bytes than this are unacknowledged. */
  windowBytes: number;
  /** A packet was sent; `inFlightBytes` counts it. */
  onSent(nowUs: number, bytes: number, inFlightBytes: number): void;
  /**
   * A packet was acknowledged; called once for each, after `rtt` has taken the acknowledgement's sample.
   * `inFlightBytes` no longer counts it. `appLimited`: nothing more waited when it was sent.
   */
  onAcked(
    nowUs: number,
    bytes: number,
    sentAtUs: number,
    rtt: RoundTrip,
    inFlightBytes: number,
    appLimited: boolean,
  ): void;
  /** A packet is lost, and counts no longer as being on its way. Probes of the path's limit are not told. */
  onLost(nowUs: number, bytes: number, sentAtUs: number): void;
  /** Nothing was acknowledged for a probe timeout. */
  onPto(nowUs: number): void;
  /** The packets take another path: nothing learned holds. */
  onPathChanged(nowUs: number): void;
  /** When `handleTick` wants to be called; Infinity for never. */
  nextTickUs: number;
  handleTick(nowUs: number): void;
}
