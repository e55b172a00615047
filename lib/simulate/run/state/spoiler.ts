// Losses, repetitions and swaps of messages above the lanes, which promise that there are none.
// Decides by draws alone what becomes of a message; never what a message means.

import type { RandomStream } from "../../../platform/mod.ts";
import type { StateMessage } from "../../../state/mod.ts";
import type { Spoiler } from "./taps.ts";

/** Shares of messages that something happens to. */
export interface Spoiling {
  readonly loss: number;
  readonly duplicate: number;
  readonly reorder: number;
}

/** What becomes of messages while `spoiling` says something. */
export function spoilerOf(random: RandomStream, spoiling: () => Spoiling | null): Spoiler {
  let held: StateMessage | null = null;
  return (message) => {
    const now = spoiling();
    const before = held === null ? [] : [held];
    held = null;
    // A greeting without an answer is repeated for long before anybody thinks of another connection.
    if (now === null || message.kind === "welcome") return [...before, message];
    if (random.float() < now.loss) return before;
    if (random.float() < now.duplicate) return [message, ...before, message];
    // It comes behind the next one.
    if (before.length === 0 && random.float() < now.reorder) {
      held = message;
      return [];
    }
    return [message, ...before];
  };
}
