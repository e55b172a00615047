// Type-checked by roles_test.ts and never run: which messages the compiler lets a session carry.
// A call that is marked as an error and compiles all the same fails the check, as does one that should compile.

import { defineEvent, defineRequest, type Session } from "../../../lib/session/mod.ts";
import { s } from "../../../lib/wire/mod.ts";

const identify = defineRequest({
  name: "wall.identify",
  lane: "control",
  effect: "command",
  from: ["app"],
  to: ["visualization", "daemon"],
  body: s.object({ text: s.string(), seconds: s.optional(s.number()) }),
  reply: s.object({ shown: s.boolean() }),
});
const hue = defineEvent({
  name: "wall.hue",
  lane: "modulation",
  effect: "command",
  from: ["app", "visualization"],
  to: ["visualization"],
  body: s.object({ hue: s.number() }),
});

export async function allowed(
  wall: Session<"app", "visualization">,
  daemon: Session<"app", "daemon">,
  beside: Session<"visualization", "visualization">,
): Promise<boolean> {
  wall.send(hue, { hue: 0.5 });
  beside.send(hue, { hue: 0.5 });
  await daemon.request(identify, { text: "here", seconds: 2 });
  const reply = await wall.request(identify, { text: "here" });
  return reply.shown;
}

export function forbidden(
  wall: Session<"app", "visualization">,
  daemon: Session<"app", "daemon">,
  back: Session<"visualization", "app">,
  observer: Session<"observer", "visualization">,
  unknown: Session,
): void {
  // @ts-expect-error: a daemon takes no hue
  daemon.send(hue, { hue: 0.5 });
  // @ts-expect-error: a visualization may not identify an app
  void back.request(identify, { text: "here" });
  // @ts-expect-error: an observer only looks
  observer.send(hue, { hue: 0.5 });
  // @ts-expect-error: without known roles every role would have to be allowed
  unknown.send(hue, { hue: 0.5 });
  // @ts-expect-error: a request is not sent one way
  wall.send(identify, { text: "here" });
  // @ts-expect-error: an event has no answer
  void wall.request(hue, { hue: 0.5 });
  // @ts-expect-error: the body is not what the schema says
  wall.send(hue, { hue: "red" });
  // @ts-expect-error: a part of the body is missing
  wall.send(hue, {});
  // @ts-expect-error: the reply has no such part
  void wall.request(identify, { text: "here" }).then((reply) => reply.hidden);
  // @ts-expect-error: a role that does not exist
  wall.between("controller", "visualization");
}

export function narrowed(session: Session): void {
  session.between("app", "visualization").send(hue, { hue: 1 });
  // @ts-expect-error: narrowed to roles that may not
  session.between("daemon", "visualization").send(hue, { hue: 1 });
}
