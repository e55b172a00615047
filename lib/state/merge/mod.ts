// The merge of several writers into one value: claims, the rule, the table of a host, fades, reasons.

export {
  type ChangeCause,
  LEASED,
  type MergeCounters,
  type MergeDeadline,
  MOMENTARY,
  type PathChange,
  PICK_UP,
  type SetOutcome,
  type SetRefusal,
  type TakenOver,
} from "./change.ts";
export { type Claim, HOST, MAX_HOST_PRIORITY, NOBODY, type Standing } from "./claim.ts";
export {
  ClaimTable,
  type ClaimTableOptions,
  MAX_CLAIMS,
  MAX_CLAIMS_PER_PATH,
  SETTLE_US,
} from "./claim_table.ts";
export { type ClaimFate, type ExplainedClaim, explainPath, type Explanation } from "./explanation.ts";
export { Fade } from "./fade.ts";
export { mergeRecords, type PathRecord } from "./merging.ts";
export { hasMet } from "./pick_up.ts";
export { type NameOf, tellFate, tellReason } from "./sentences.ts";
export { equalValues } from "./values.ts";
export { type Look, lookOf, type Winner, winnerOf, type WinReason } from "./winner.ts";
