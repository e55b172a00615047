// `hana state …`: the shared state from a shell. Decides which words there are and their order; each stands in cli/state.

import type { Command } from "@commander-js/extra-typings";
import { type Cli, setExamples } from "../frame/mod.ts";
import { defineClaim, defineRelease } from "../state/claim.ts";
import { defineDefine, defineForget } from "../state/define.ts";
import { defineGet, defineWatch } from "../state/get.ts";
import { defineGroups } from "../state/groups.ts";
import { defineDisown, defineOwn, defineTransfer } from "../state/own.ts";
import { definePrivilege } from "../state/privilege.ts";
import { defineHost, defineSessions } from "../state/sessions.ts";
import { defineSet } from "../state/set.ts";
import { defineSnapshot } from "../state/snapshot.ts";
import { defineRedo, defineUndo } from "../state/undo.ts";
import { defineWhy } from "../state/why.ts";

/** Declares `hana state`. */
export function define(command: Command, cli: Cli): void {
  command.description(
    "values that all apps and visualizations share: claim and release say who moves a value, own and disown who edits an object alone",
  );
  setExamples(
    command,
    { call: "hana state get", why: "what there is, and whose it is" },
    { call: "hana state set stage-left/hue=120°", why: "move something" },
    { call: "hana state why stage-left/hue", why: "why it does not move, or who moves it" },
  );
  const child = (name: string): Command => command.command(name) as unknown as Command;
  defineGet(child("get"), cli);
  defineSet(child("set"), cli);
  defineWatch(child("watch"), cli);
  defineWhy(child("why"), cli);
  defineClaim(child("claim"), cli);
  defineRelease(child("release"), cli);
  defineOwn(child("own"), cli);
  defineDisown(child("disown"), cli);
  defineTransfer(child("transfer"), cli);
  definePrivilege(child("privilege"), cli);
  defineSessions(child("sessions"), cli);
  defineHost(child("host"), cli);
  defineSnapshot(child("snapshot"), cli);
  defineUndo(child("undo"), cli);
  defineRedo(child("redo"), cli);
  defineGroups(child("groups"), cli);
  defineDefine(child("define"), cli);
  defineForget(child("forget"), cli);
}
