// Groups of displays: walls that change together, whatever machines their displays hang on.
// Decides what a group is, how a version of it comes to be shown everywhere at one moment, and who lags behind.
// Never draws, never opens a connection; desk and member are synchronous machines, the time is the host's.

export {
  ANSWER_US,
  LATE_US,
  MAX_DISPLAYS,
  MAX_GROUPS,
  MAX_LEAD_US,
  MAX_MEMBERS,
  MAX_NESTING,
  MAX_RETRY_US,
  MAX_SHOWN,
  MAX_WINDOWS,
  MIN_LEAD_US,
  REPORT_US,
  RETRY_US,
  SILENCE_US,
} from "./bounds.ts";
export {
  displayDefinition,
  displayPath,
  groupDefinition,
  groupPath,
  idInPath,
  statusDefinition,
  statusPath,
} from "./definitions.ts";
export { type DeskCounters, type DeskDeadline, GroupDesk, type StatusChange } from "./desk.ts";
export { type DeskMessage, type GroupEvent, type Quality } from "./desk_events.ts";
export { differenceOf, type GroupDifference, tellDifference } from "./difference.ts";
export { type Edition, editionOf, isSameEdition } from "./edition.ts";
export {
  type Bounds,
  type Display,
  DISPLAY_STATUSES,
  type DisplayGroup,
  DISPLAYS,
  type DisplayStatus,
  type DisplayWindow,
  GROUPS,
  GROUPS_STATUS,
  type Layout,
  LAYOUTS,
  type MemberDisplay,
  type Mode,
  MODES,
  type Quaternion,
  type Sync,
  SYNCS,
  type Vector3,
} from "./group.ts";
export {
  GroupMember,
  type MemberCounters,
  type MemberDeadline,
  type MemberOutput,
  type Picture,
} from "./member.ts";
export {
  type AbortBody,
  CLOCK_ASK,
  type ClockReply,
  type CommitBody,
  GROUP_ABORT,
  GROUP_COMMIT,
  GROUP_PREPARE,
  GROUP_SHOWN,
  type PrepareBody,
  type PrepareReply,
  type ShownBody,
} from "./messages.ts";
export {
  checkNesting,
  emptyGroup,
  type GroupLookup,
  memberOf,
  missingDisplays,
  poseInRoom,
} from "./nesting.ts";
export { isGroupId, readDisplay, readGroup } from "./reading.ts";
export { type ClockCounters, type ClockQuestion, type ExchangeVerdict, SharedClock } from "./shared_clock.ts";
export {
  DISPLAY_STATES,
  type DisplayStanding,
  type DisplayState,
  type GroupStatus,
  type Phase,
  PHASES,
  readStatus,
} from "./status.ts";
