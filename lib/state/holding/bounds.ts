// How long and how much in matters of clients, ownership and privilege.
// Numbers alone (supervision-and-state research 2.9, 2.10); who reaches a bound is refused and counted where it happens.

/** A client silent for so long is suspected; its claims turn stale. In microseconds. */
export const SUSPECT_US = 7_500_000;
/** A client silent for so long is suspended. In microseconds. */
export const SILENCE_US = 15_000_000;
/** A suspended client can come back for so long: its token, its claims and its objects wait. In microseconds. */
export const RESUME_US = 60_000_000;
/** A token that was used works again for so long: the welcome with the new one may be lost. In microseconds. */
export const USED_TOKEN_US = 5_000_000;
/** Half of all clients lost within this: the host suspects itself. In microseconds. */
export const MASS_LOSS_US = 1_000_000;
/** A host that suspects itself starts no grace for so long, in microseconds. */
export const SELF_SUSPICION_US = 2_500_000;
/** A holder has so long to answer a request, in microseconds. */
export const ASK_US = 5_000_000;
/** An owner that did not write for so long loses an object that it is asked for without answering, in microseconds. */
export const IDLE_US = 30_000_000;
/** How long the privilege waits for its lost holder, in microseconds. */
export const PRIVILEGE_GRACE_US = 15_000_000;

/** Clients of a host, suspended ones among them. */
export const MAX_CLIENTS = 1_024;
/** What a client may leave to be done when it goes. */
export const MAX_LEAVE_OPERATIONS = 64;
/** Objects that are owned. */
export const MAX_HOLDS = 16_384;
/** Objects that one client owns. */
export const MAX_HOLDS_PER_CLIENT = 4_096;
/** Paths of one client whose rate is watched at a time. */
export const MAX_GATED_PATHS = 16_384;

/** Messages with values that a client may send in a second. */
export const SETS_PER_SECOND = 200;
/** Messages about objects and the privilege that a client may send in a second: everybody hears what follows from them. */
export const WISHES_PER_SECOND = 20;
/** So many of them may come at once. */
export const WISHES_AT_ONCE = 40;
/** Values that a client may write to one path in a second. */
export const WRITES_PER_PATH_SECOND = 30;
