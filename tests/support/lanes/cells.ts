// Which cell must hold what (research 5.4), as a table: for each condition the invariants by kind of lane, and what the
// connection as a whole owes. Every run looks at every invariant that it can; the table says which looks must have happened.
// Decides nothing else.

import type { ConditionId } from "./conditions.ts";
import type { KindName } from "./face.ts";
import type { InvariantId } from "./findings.ts";

/** What one condition asks of each kind. */
export type Row = Readonly<Record<KindName, readonly InvariantId[]>>;

const MESSAGES = {
  UU: ["I1", "I2", "I7", "I8"],
  US: ["I1", "I2", "I3", "I7", "I8", "I13"],
  RU: ["I1", "I2", "I5", "I6", "I7", "I8"],
  RO: ["I1", "I2", "I3", "I4", "I5", "I6", "I7", "I8"],
} as const;
const ALWAYS = ["I5", "I9", "I10", "I15", "I17", "I18", "I20", "I22", "I23", "I24"] as const;

/** With reports of a reader that rests I6 says less; the tables name what a run over datagrams looks at. */
const PLAIN: Row = { ...MESSAGES, US: [...MESSAGES.US, "I14"], connection: ALWAYS };
const PLAIN_LATE: Row = { ...PLAIN, connection: ALWAYS.filter((id) => id !== "I17") };
const REPAIRED: Row = { ...PLAIN, connection: [...ALWAYS, "I21"] };
const FRESH: Row = { ...REPAIRED, US: [...PLAIN.US, "I25"] };

const MOVED: Row = { ...PLAIN, connection: [...ALWAYS, "I16"] };

/** The table. */
export const CELLS: Readonly<Record<ConditionId, Row>> = {
  ...{ C1: { ...PLAIN, connection: [...ALWAYS, "I19"] }, C2: FRESH, C3: REPAIRED, C4: FRESH, C5: REPAIRED },
  ...{
    C6: PLAIN,
    C7: PLAIN,
    C8: PLAIN,
    C9: PLAIN,
    C10: PLAIN,
    C11: PLAIN,
    C12: PLAIN,
    C13: PLAIN,
    C14: MOVED,
  },
  ...{ C15: PLAIN, C16: PLAIN_LATE, C17: PLAIN, C18: PLAIN, C19: PLAIN, C20: PLAIN },
};
