// Counters of a lane: what was sent, what came, what was dropped and why.
// Decides the names; every drop has one. Counters only grow, gauges are named `queued…` and `…Waiting`.

/** Counters of one lane of a carrier. Drops are split by reason. */
export interface LaneStats {
  /** Messages handed to the network for the first time, and their payload bytes. */
  sentMessages: number;
  sentBytes: number;
  /** Messages handed to the application. */
  receivedMessages: number;
  receivedBytes: number;
  /** Messages and bytes that wait to be sent for the first time. */
  queuedMessages: number;
  queuedBytes: number;
  /** Messages that the peer has acknowledged whole. */
  deliveredMessages: number;
  /** Unreliable messages whose packet was lost. */
  lostMessages: number;
  /** Unsent messages replaced by a newer one of their key. */
  conflated: number;
  /** Messages dropped because they waited longer than their time to live. */
  expired: number;
  /** Unsent messages dropped for newer ones, and new ones dropped because the queue was full. */
  droppedOldest: number;
  droppedNewest: number;
  /** Messages that were not taken: queue full, peer withholds credit, too large. */
  refusedFull: number;
  refusedNoCredit: number;
  refusedTooLarge: number;
  /** Pieces that were sent again. */
  repairedPieces: number;
  repairedBytes: number;
  /** Messages of the peer that were not handed on: seen before, older than the newest, never completed, not read in time. */
  receivedDuplicates: number;
  receivedStale: number;
  partialsDropped: number;
  receiveDropped: number;
  /** Reliable messages that the peer gave up. */
  skipped: number;
}

/** Counters at zero. */
export function newLaneStats(): LaneStats {
  return {
    sentMessages: 0,
    sentBytes: 0,
    receivedMessages: 0,
    receivedBytes: 0,
    queuedMessages: 0,
    queuedBytes: 0,
    deliveredMessages: 0,
    lostMessages: 0,
    conflated: 0,
    expired: 0,
    droppedOldest: 0,
    droppedNewest: 0,
    refusedFull: 0,
    refusedNoCredit: 0,
    refusedTooLarge: 0,
    repairedPieces: 0,
    repairedBytes: 0,
    receivedDuplicates: 0,
    receivedStale: 0,
    partialsDropped: 0,
    receiveDropped: 0,
    skipped: 0,
  };
}

/** Figures of one connection of packets; counters only grow. */
export interface ConnectionStats {
  /** Round trips of the path in use, in microseconds. */
  readonly rttUs: {
    readonly smoothed: number;
    readonly latest: number;
    readonly min: number;
    readonly variance: number;
  };
  /** How late a packet may come before it counts as lost, in microseconds. */
  readonly reorderUs: number;
  /** Bytes a second that the path is given, and bytes that may be unacknowledged. */
  readonly rateBytesPerSecond: number;
  readonly windowBytes: number;
  readonly inFlightBytes: number;
  readonly congestion: string;
  /** Bytes of datagrams; 0 on a stream. */
  readonly mtuBytes: number;
  readonly packetsSent: number;
  readonly packetsReceived: number;
  readonly bytesSent: number;
  readonly bytesReceived: number;
  readonly packetsAcked: number;
  readonly packetsLost: number;
  /** Of those, packets that turned out to be late and not lost. */
  readonly packetsSpuriouslyLost: number;
  readonly duplicates: number;
  readonly acksSent: number;
  readonly acksReceived: number;
  /** Packets that carried nothing but an acknowledgement. */
  readonly ackOnlyPackets: number;
  /** Probe timeouts. */
  readonly probeTimeouts: number;
  readonly pathChanges: number;
  /** Packets of the newest report of the peer: what it received and missed. */
  readonly peerLost: number;
  readonly peerReceived: number;
  /** Deadlines by reason: a busy loop shows here. */
  readonly wakeups: Readonly<Record<string, number>>;
}
