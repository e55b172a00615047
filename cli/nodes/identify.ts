// "Which machine is that?": a message that makes a node show itself on its own terminal.
// The one custom message that the executable brings along; also the example of how a program defines its own.

import { defineRequest } from "../../lib/session/mod.ts";
import { s } from "../../lib/wire/mod.ts";

/** Shows a text on the terminal of the node, with its name. */
export const IDENTIFY = defineRequest({
  name: "hana.identify",
  description: "Shows the node's name and a text on its terminal.",
  lane: "control",
  effect: "command",
  from: ["app", "daemon", "observer"],
  to: ["visualization", "app", "daemon"],
  body: s.object({
    text: s.optional(s.string({ maxLength: 200, description: "what to show beside the name" })),
  }),
  reply: s.object({ shown: s.string() }),
});
