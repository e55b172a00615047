// What answers the messages about programs.
// Decides who asks in which words, and that new command lines come from this machine alone unless the node was started to
// take them (research, section 1.11); roles and access the session has checked by then. Does nothing itself.

import { HanaError } from "../../base/mod.ts";
import type { Platform } from "../../platform/mod.ts";
import type { HandlerTable } from "../../session/mod.ts";
import type { Supervisor } from "../daemon/mod.ts";
import {
  FOLLOW_EVENTS,
  FOLLOW_LOGS,
  LIST_PROGRAMS,
  PROGRAM_EVENT,
  PROGRAM_EVENTS,
  PROGRAM_LOG,
  PROGRAM_LOGS,
  PROGRAMS_DELTA,
  REMOVE_PROGRAM,
  RESTART_PROGRAM,
  SIGNAL_PROGRAM,
  SPAWN_PROGRAM,
  START_PROGRAM,
  STOP_PROGRAM,
  UNFOLLOW_PROGRAM,
  WATCH_PROGRAMS,
  WHY_PROGRAM,
} from "../messages.ts";
import { readSpec } from "../spec/mod.ts";
import { askerOf, isLocal } from "./asker.ts";
import { Followings } from "./following.ts";
import { RefusalLog } from "./refusals.ts";
import { addShowMessages, SHOW_VERBS } from "./shows.ts";
import { Watchers } from "./watching.ts";

/** What changes something, and may be refused. */
const VERBS = [
  SPAWN_PROGRAM,
  START_PROGRAM,
  STOP_PROGRAM,
  RESTART_PROGRAM,
  SIGNAL_PROGRAM,
  REMOVE_PROGRAM,
] as const;

/** What the messages need. */
export interface ProgramMessages {
  readonly handlers: HandlerTable;
  readonly supervisor: Supervisor;
  readonly platform: Platform;
  /** The node's name as it is now. */
  nodeName(): string;
  /** Whether other machines may bring command lines of their own. */
  readonly allowExec: boolean;
  /** Whether they may bring manifests. */
  readonly allowApply: boolean;
}

/** Defines and answers the messages. Returns counters of what they hold, for statistics. */
export function addProgramMessages(messages: ProgramMessages): () => Record<string, number> {
  const { handlers, supervisor, platform, nodeName } = messages;
  const watchers = new Watchers(supervisor, platform);
  const followings = new Followings(supervisor);
  const refusals = new RefusalLog(supervisor, platform.clock);
  for (const event of [PROGRAMS_DELTA, PROGRAM_LOG, PROGRAM_EVENT]) handlers.messages.define(event);
  const list = () => ({
    node: nodeName(),
    programs: supervisor.programs(),
    eventId: supervisor.eventId,
  });
  handlers.onRequest(LIST_PROGRAMS, list);
  handlers.onRequest(WATCH_PROGRAMS, (_body, { session }) => {
    watchers.add(session);
    return list();
  });
  handlers.onRequest(SPAWN_PROGRAM, async ({ by, spec, want = "up", ...call }, { session }) => {
    const asker = askerOf(session, by);
    if (!messages.allowExec && !isLocal(session)) {
      const why = "it takes no command lines from other machines";
      refusals.note({ program: call.name, verb: "spawn", by: asker, why });
      throw new HanaError("refused", {
        what: `${nodeName()} refused to spawn ${call.name}`,
        why,
        hint: "there: hana serve --allow-exec",
      });
    }
    return await supervisor.spawn({ ...call, by: asker, want, spec: readSpec(spec) });
  });
  handlers.onRequest(START_PROGRAM, async ({ by, ...call }, { session }) => {
    return await supervisor.start({ ...call, by: askerOf(session, by) });
  });
  handlers.onRequest(STOP_PROGRAM, async ({ by, ...call }, { session }) => {
    return await supervisor.stop({ ...call, by: askerOf(session, by) });
  });
  handlers.onRequest(RESTART_PROGRAM, async ({ by, ...call }, { session }) => {
    return await supervisor.restart({ ...call, by: askerOf(session, by) });
  });
  handlers.onRequest(SIGNAL_PROGRAM, async ({ by, ...call }, { session }) => {
    return await supervisor.signal({ ...call, by: askerOf(session, by) });
  });
  handlers.onRequest(REMOVE_PROGRAM, async ({ by, ...call }, { session }) => {
    return await supervisor.remove({ ...call, by: askerOf(session, by) });
  });
  handlers.onRequest(PROGRAM_LOGS, async ({ name, query }) => ({
    records: [...await supervisor.logs(name, query)],
  }));
  handlers.onRequest(WHY_PROGRAM, async ({ name, run }) => ({ bundle: await supervisor.why(name, run) }));
  handlers.onRequest(PROGRAM_EVENTS, (query) => {
    const { events, last, oldest } = supervisor.events(query);
    return { events: [...events], last, oldest };
  });
  handlers.onRequest(FOLLOW_LOGS, async ({ name, query, follow }, { session }) => {
    const followed = await followings.followLogs(session, name, query, follow);
    return { ...followed, records: [...followed.records] };
  });
  handlers.onRequest(FOLLOW_EVENTS, ({ follow, ...query }, { session }) => {
    const followed = followings.followEvents(session, query, follow);
    return { ...followed, events: [...followed.events] };
  });
  handlers.onRequest(UNFOLLOW_PROGRAM, ({ follow }, { session }) => {
    followings.stop(session, follow);
    return {};
  });
  addShowMessages(messages, refusals);
  for (const { name } of [...VERBS, ...SHOW_VERBS]) {
    const message = handlers.messages.find(name);
    if (message === undefined) continue;
    const verb = name.slice(name.lastIndexOf(".") + 1);
    message.onRefused = (by, { why, what }) => refusals.note({ program: "", verb, by, why: why ?? what });
  }
  return () => ({
    refusalsUntold: refusals.untold,
    followings: followings.size,
    followingsMissed: followings.missed,
    watchersCoalesced: watchers.coalesced,
  });
}
