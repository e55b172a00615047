// The messages of the reference visualization: parameters by name, set and read from anywhere in the mesh.
// What a value may be stands in parameters.ts; a schema has no "one of these types".

import { defineRequest } from "../../lib/session/mod.ts";
import { s } from "../../lib/wire/mod.ts";
import { MAX_NAME_CHARS, MAX_PARAMETERS } from "./parameters.ts";

/** Shared parameters that one visualization may declare. */
const MAX_SHARED = 1_024;

/** Sets one parameter. */
export const VIZ_SET = defineRequest({
  name: "hana.viz.set",
  description:
    "Sets a parameter on this machine alone; a new name makes a new one. One that is shared is set by hana state set.",
  lane: "control",
  effect: "command",
  from: ["app", "daemon", "observer"],
  to: ["visualization"],
  body: s.object({
    name: s.string({ minLength: 1, maxLength: MAX_NAME_CHARS, description: "which one, like gain" }),
    value: s.unknown({ description: 'a number, true or false, a text, or a colour like "#ff8800"' }),
  }),
  reply: s.object({
    name: s.string(),
    kind: s.string(),
    value: s.unknown(),
    local: s.optional(s.boolean({ description: "set on that machine alone, not shared" })),
  }),
});

/** Reads one parameter or all. */
export const VIZ_GET = defineRequest({
  name: "hana.viz.get",
  description: "The parameters of the visualization, and how fast it draws.",
  lane: "control",
  effect: "read",
  from: ["app", "daemon", "observer"],
  to: ["visualization"],
  body: s.object({
    name: s.optional(s.string({ maxLength: MAX_NAME_CHARS, description: "only this one" })),
  }),
  reply: s.object({
    parameters: s.array(
      s.object({
        name: s.string(),
        kind: s.string(),
        value: s.unknown(),
        local: s.optional(s.boolean({ description: "set on that machine alone, not shared" })),
      }),
      { maxItems: MAX_PARAMETERS + MAX_SHARED },
    ),
    frame: s.integer(),
    fps: s.nullable(s.number()),
  }),
});
