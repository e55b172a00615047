// What a host counts: every refusal, every bound that was met, every repair.
// Numbers alone.

/** Counters of one host, since it began. */
export interface HostCounters {
  welcomes: number;
  resumed: number;
  refusedHellos: number;
  repeatedHellos: number;
  /** Links beyond the bound. */
  fullLinks: number;
  /** Messages of links that are no clients, and such as clients do not send. */
  notJoined: number;
  misplaced: number;
  /** Messages of an older term; of a newer one, or of another host of this term. */
  staleTerm: number;
  newerTerm: number;
  twoHosts: number;
  writes: number;
  transactions: number;
  /** Writes that had come before; that came too early; that could not wait for their predecessors. */
  duplicates: number;
  early: number;
  outOfOrder: number;
  refusedWrites: number;
  /** What clients left to be written when they go and cannot be. */
  refusedLeaves: number;
  shadowed: number;
  /** Answers that were left out, because one write had too many. */
  nacksLeftOut: number;
  /** Patches that were encoded, that were sent, those of them that carried nothing but an acknowledgement. */
  encodedPatches: number;
  patches: number;
  bareAcks: number;
  /** Times a client's patch waited because it does not follow. */
  skipped: number;
  chunks: number;
  /** Clients that had to wait for others to receive the whole. */
  waitedTransfers: number;
  resyncs: number;
  /** Resyncs that came too soon after the one before, and those that were answered whole. */
  resyncsTooSoon: number;
  resyncsWhole: number;
  /** Digests that differed at a client. */
  differences: number;
  /** Times a client's acknowledgement showed that something was lost. */
  rewinds: number;
  beats: number;
  /** Beats with which a sign of life was asked for. */
  probes: number;
  /** Messages that found no room to wait, and events. */
  outboxFull: number;
  eventsFull: number;
  /** Messages that could not be encoded. */
  unencodable: number;
  standbyUpdates: number;
  /** Times acknowledgements stopped waiting for standbys. */
  standbyLate: number;
  /** Copies that a standby has to have whole. */
  standbyWhole: number;
}

/** Counters that are all 0. */
export function newCounters(): HostCounters {
  return {
    welcomes: 0,
    resumed: 0,
    refusedHellos: 0,
    repeatedHellos: 0,
    fullLinks: 0,
    notJoined: 0,
    misplaced: 0,
    staleTerm: 0,
    newerTerm: 0,
    twoHosts: 0,
    writes: 0,
    transactions: 0,
    duplicates: 0,
    early: 0,
    outOfOrder: 0,
    refusedWrites: 0,
    refusedLeaves: 0,
    shadowed: 0,
    nacksLeftOut: 0,
    encodedPatches: 0,
    patches: 0,
    bareAcks: 0,
    skipped: 0,
    chunks: 0,
    waitedTransfers: 0,
    resyncs: 0,
    resyncsTooSoon: 0,
    resyncsWhole: 0,
    differences: 0,
    rewinds: 0,
    beats: 0,
    probes: 0,
    outboxFull: 0,
    eventsFull: 0,
    unencodable: 0,
    standbyUpdates: 0,
    standbyLate: 0,
    standbyWhole: 0,
  };
}
