// What the tables of this room want said: a message without its term, and to whom.
// Decides nothing; the host adds the term and sends it at once.

import type { ClientNumber } from "../model/mod.ts";
import type { OwnMessage, PrivilegeMessage } from "../messages/mod.ts";

/** An own message before the host gives it the term. */
export type OwnNews = Omit<OwnMessage, "term">;
/** A priv message before the host gives it the term. */
export type PrivilegeNews = Omit<PrivilegeMessage, "term">;

/** A message and to whom it goes. */
export interface Announcement {
  /** One client; null for all that have joined. */
  readonly to: ClientNumber | null;
  readonly message: OwnNews | PrivilegeNews;
}

/** Nobody, as messages say it. */
export const NO_CLIENT = 0 as ClientNumber;
