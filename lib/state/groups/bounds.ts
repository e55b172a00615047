// How large groups of displays may be, and how long their parts may take.
// Decides the numbers; the files beside it hold everything to them.

/** Groups that one host keeps in step. */
export const MAX_GROUPS = 256;
/** Displays of a group. With {@linkcode MAX_WINDOWS} it keeps a group below the values that JSON may have in the state. */
export const MAX_MEMBERS = 100;
/** Windows of all displays of a group together. */
export const MAX_WINDOWS = 75;
/** Groups inside one another. */
export const MAX_NESTING = 8;
/** Displays of one node. */
export const MAX_DISPLAYS = 64;
/** Rows of one report: what each display shows of each group. */
export const MAX_SHOWN = 256;
/** Nodes whose reports are kept. */
export const MAX_NODES = 1_024;
/** Characters of a name for people. */
export const MAX_NAME_LENGTH = 63;
/** Characters of a reason for people. */
export const MAX_WHY_LENGTH = 255;
/** The largest coordinate, in metres or pixels. */
export const MAX_COORDINATE = 1_000_000;
/** How far the length of a rotation may be from 1: what f32 and a few multiplications leave over. */
export const ROTATION_TOLERANCE = 0.001;

/** How long a member may take to say that it is ready (research 2.11), in microseconds. */
export const ANSWER_US = 500_000;
/** A display that shows another version for longer is flagged (research 2.11). */
export const LATE_US = 1_000_000;
/** Between the decision and the change at least: the message has to travel and a frame to be drawn. */
export const MIN_LEAD_US = 50_000;
/** Whatever the round trips: nobody waits longer for a change. */
export const MAX_LEAD_US = 400_000;
/** Between two attempts at a member, and at a strict group that could not change; doubles up to {@linkcode MAX_RETRY_US}. */
export const RETRY_US = 1_000_000;
/** The longest pause between two attempts. */
export const MAX_RETRY_US = 30_000_000;
/** Between two reports of a member of which nothing changed. */
export const REPORT_US = 1_000_000;
/** A member of which nothing was heard for so long shows nobody knows what. */
export const SILENCE_US = 3_500_000;
/** Events that wait to be polled. */
export const MAX_EVENTS = 1_024;
