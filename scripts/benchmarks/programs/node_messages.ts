// The messages of the benchmarks, as a program would define its own.

import { ANY_ROLE, defineEvent, defineRequest } from "../../../lib/session/mod.ts";
import { s } from "../../../lib/wire/mod.ts";
import { MESSAGE_BYTES } from "./commands.ts";

/** A one-way message. */
export const NOTE = defineEvent({
  name: "bench.note",
  lane: "events",
  effect: "read",
  from: ANY_ROLE,
  to: ANY_ROLE,
  body: s.bytes({ maxLength: MESSAGE_BYTES }),
});

/** How many notes were handled; comes behind them on the same lane. */
export const COUNT_NOTES = defineRequest({
  name: "bench.count",
  lane: "events",
  effect: "read",
  from: ANY_ROLE,
  to: ANY_ROLE,
  body: s.object({}),
  reply: s.object({ count: s.integer() }),
});
