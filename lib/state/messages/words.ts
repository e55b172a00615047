// The words that messages of shared state carry as numbers: why refused, what asked, how things stand.
// Decides the order of each list, which is the number on the wire: words are appended, never moved.
// Never decides what follows from a word; host and replica do.

/** Why the host refused a write, or what became of it. The first two are no refusals. */
export const NACK_CODES = [
  /** Stored, without effect for now: another client's claim has a higher priority. */
  "shadowed",
  /** Stored, though not each one: there were more writes than the rate allows, the newest counts. */
  "merged",
  /** The sequence number does not follow the last one. */
  "order",
  /** Meant for the reign of another host. */
  "epoch",
  /** This client may not write here, or not at this priority. */
  "role",
  /** Only the privileged client may. */
  "privilege",
  /** Somebody else owns it. */
  "owner",
  /** Owned under a newer generation. */
  "generation",
  /** Somebody holds the lock. */
  "locked",
  /** No such path. */
  "unknown-path",
  /** A value of another type. */
  "type",
  /** Outside of its range, no word of its list, too long. */
  "range",
  /** A guard of the transaction does not hold any more. */
  "version",
  /** Too many writes. */
  "rate",
  /** No room. */
  "full",
  /** This client has not joined, or is suspended. */
  "suspended",
  /** Wrong in itself. */
  "malformed",
] as const;
/** A word of {@linkcode NACK_CODES}. */
export type NackCode = typeof NACK_CODES[number];

/** Why a client asks for entries again. */
export const RESYNC_REASONS = ["gap", "digest", "behind", "interest", "check"] as const;
/** A word of {@linkcode RESYNC_REASONS}. */
export type ResyncReason = typeof RESYNC_REASONS[number];

/** How the sender of a beat stands. `local`: it goes on without its host. */
export const BEAT_STATES = ["joining", "synced", "behind", "local", "leaving"] as const;
/** A word of {@linkcode BEAT_STATES}. */
export type BeatState = typeof BEAT_STATES[number];

/** What is said about owning objects: the first seven by clients, the others by the host. */
export const OWN_ACTIONS = [
  "request",
  "steal",
  "release",
  "transfer",
  /** The holder agrees to a request … */
  "consent",
  /** … or does not. */
  "refuse",
  /** Please tell how these objects stand. */
  "ask",
  /** To the holder: another client requests these objects. */
  "requested",
  /** The answer to a request: some objects may be granted and others not, as `state` and `owner` say. */
  "answer",
  /** To everybody: this is how these objects stand now. */
  "changed",
] as const;
/** A word of {@linkcode OWN_ACTIONS}. */
export type OwnAction = typeof OWN_ACTIONS[number];

/** How an object stands. */
export const OWN_STATES = ["free", "owned", "asked", "grace"] as const;
/** A word of {@linkcode OWN_STATES}. */
export type OwnState = typeof OWN_STATES[number];

/** What is said about the one privileged client: the first seven by clients, the others by the host. */
export const PRIVILEGE_ACTIONS = [
  "request",
  "release",
  /** The holder offers it to `other`. */
  "offer",
  "accept",
  "decline",
  /** Taken without consent, where policy allows. */
  "seize",
  /** The holder agrees to a request. */
  "consent",
  /** To the holder: `other` requests it; or to whom it is offered. */
  "requested",
  "granted",
  "denied",
  "revoked",
  /** To everybody: this is how it stands now. */
  "changed",
] as const;
/** A word of {@linkcode PRIVILEGE_ACTIONS}. */
export type PrivilegeAction = typeof PRIVILEGE_ACTIONS[number];

/** How the privilege stands. */
export const PRIVILEGE_STATES = ["none", "held", "asked", "offered", "grace"] as const;
/** A word of {@linkcode PRIVILEGE_STATES}. */
export type PrivilegeState = typeof PRIVILEGE_STATES[number];

/** Why somebody goes. */
export const BYE_REASONS = ["leaving", "stopping", "moved", "replaced", "silent", "refused"] as const;
/** A word of {@linkcode BYE_REASONS}. */
export type ByeReason = typeof BYE_REASONS[number];

/** What is wrong between the two ends. */
export const ERROR_CODES = [
  "protocol",
  "malformed",
  "not-joined",
  "not-host",
  "epoch",
  "token",
  "role",
  "full",
  "rate",
  "internal",
] as const;
/** A word of {@linkcode ERROR_CODES}. */
export type StateErrorCode = typeof ERROR_CODES[number];

/** When something that a client left is to be written: at its loss, or when its time to come back is over. */
export const LEAVE_TIMES = ["loss", "expiry"] as const;
/** A word of {@linkcode LEAVE_TIMES}. */
export type LeaveTime = typeof LEAVE_TIMES[number];
