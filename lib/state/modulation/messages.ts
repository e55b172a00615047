// What is asked about modulation: why a parameter of a visualization has the value that is drawn.
// Decides the message; values travel beside it on a lane of their own (frame.ts).

import { ANY_ROLE, defineRequest } from "../../session/mod.ts";
import { s } from "../../wire/mod.ts";
import { MAX_EFFECTS_PER_SLOT, MODULATION_MODES } from "./limits.ts";

/** Why a parameter has its effective value, as the visualization that draws it knows. */
export const STATE_MODULATION = defineRequest({
  name: "hana.state.modulation",
  description:
    "Why a parameter of a visualization has the value that is drawn: shared state, and every source of modulation.",
  lane: "control",
  effect: "read",
  from: ANY_ROLE,
  to: ["visualization", "app", "daemon"],
  body: s.object({
    /** Below the visualization's name, as it declares it. */
    path: s.string({ maxLength: 128 }),
    part: s.integer({ minimum: 0, maximum: 2 }),
  }),
  reply: s.object({
    path: s.string(),
    part: s.integer(),
    name: s.string(),
    type: s.string(),
    unit: s.nullable(s.string()),
    base: s.object({ value: s.number(), floor: s.integer() }),
    sources: s.array(
      s.object({
        name: s.string(),
        node: s.string(),
        mode: s.enum(MODULATION_MODES),
        value: s.number(),
        priority: s.integer(),
        ageMs: s.integer(),
        strength: s.number(),
        fate: s.enum(["applies", "fading", "rising", "outranked", "below-floor"]),
        refused: s.integer(),
      }),
      { maxItems: MAX_EFFECTS_PER_SLOT },
    ),
    effective: s.number(),
    isLimited: s.boolean(),
    range: s.object({ min: s.nullable(s.number()), max: s.nullable(s.number()) }),
    text: s.string({ description: "the reason in one line" }),
  }),
});
