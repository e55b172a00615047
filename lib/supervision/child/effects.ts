// What the judge of a program wants done after an input, in this order.
// Plain data: the shim sends, closes, tells its machine and writes its journal.

import type { ChildRule } from "./messages.ts";

/** What a program said hello with. */
export interface ChildHello {
  readonly name: string;
  readonly sdk: string | null;
  readonly caps: readonly string[];
}

/**
 * What the state table is told. `ready`: once a run. `silent` and `dead`: the two limits of observed silence. `heard`:
 * a beat ended a silence that was told. `frozen` and `moving`: the picture. `suspended`: nobody watched for over 5 s,
 * all silence is forgiven.
 */
export type ChildMachineEvent = "ready" | "heard" | "silent" | "dead" | "frozen" | "moving" | "suspended";

/** One thing to do. */
export type ChildEffect =
  /** `line` has its end; it goes out as UTF-8. */
  | { readonly do: "send"; readonly connection: number; readonly line: string }
  /** After this the connection is unknown: what still comes on it is nobody's. */
  | { readonly do: "close"; readonly connection: number }
  | { readonly do: "machine"; readonly event: ChildMachineEvent }
  /** From now on the program is known to speak the protocol. */
  | { readonly do: "hello"; readonly hello: ChildHello }
  /** It asks for so much more time, 120 s at most. */
  | { readonly do: "extend"; readonly us: number; readonly why: string | null }
  | { readonly do: "fault"; readonly code: string; readonly fatal: boolean; readonly text: string | null }
  | { readonly do: "status"; readonly text: string; readonly pct: number | null }
  /** It ends of its own accord or since it was asked to. */
  | { readonly do: "bye"; readonly reason: string | null }
  | { readonly do: "broken"; readonly rule: ChildRule; readonly detail: string };
