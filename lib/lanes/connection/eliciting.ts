// Which frames ask for an acknowledgement, and how soon (docs/lanes.md).
// Decides nothing else.

import { isReliable } from "../lane.ts";
import type { ReceiveLane } from "../receiving/mod.ts";
import { Eliciting } from "../recovery/mod.ts";
import { FrameType } from "../wire/mod.ts";

/** What a frame of `type` asks for; DATA by the lane on which it came. */
export function elicitingOf(type: number, lane: ReceiveLane | undefined): number {
  if (type >= FrameType.data) {
    return lane !== undefined && isReliable(lane.options.kind) ? Eliciting.prompt : Eliciting.lazy;
  }
  const isPrompt = type === FrameType.ping || type === FrameType.credit || type === FrameType.skip ||
    type === FrameType.open;
  return isPrompt ? Eliciting.prompt : Eliciting.none;
}
