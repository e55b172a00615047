// What answers the messages about shows.
// Decides that manifests come from this machine alone unless the node was started to take them (research, section 1.11), and
// that every specification is read strictly before anything else is looked at. The desk of shows does the rest.

import { HanaError } from "../../base/mod.ts";
import type { HandlerTable, Session } from "../../session/mod.ts";
import type { ShowProgram, Supervisor } from "../daemon/mod.ts";
import { APPLY_SHOW, PREPARE_SHOW, ROLL_OUT_SHOW, SHOW_STATUS, SHOW_TEXT } from "../messages.ts";
import { checkProgramName, readSpec } from "../spec/mod.ts";
import { askerOf, isLocal } from "./asker.ts";
import type { RefusalLog } from "./refusals.ts";

/** What changes something, and may be refused. */
export const SHOW_VERBS = [PREPARE_SHOW, APPLY_SHOW, ROLL_OUT_SHOW, SHOW_TEXT] as const;

/** What the messages need. */
export interface ShowMessages {
  readonly handlers: HandlerTable;
  readonly supervisor: Supervisor;
  nodeName(): string;
  readonly allowApply: boolean;
}

/** Answers the messages. */
export function addShowMessages(messages: ShowMessages, refusals: RefusalLog): void {
  const { handlers, supervisor: { desk }, nodeName } = messages;

  /** Who asks, where they may. Throws `refused`. */
  const admit = (session: Session, by: string | undefined, verb: string): string => {
    const asker = askerOf(session, by);
    if (messages.allowApply || isLocal(session)) return asker;
    const why = "it takes no shows from other machines";
    refusals.note({ program: "", verb, by: asker, why });
    throw new HanaError("refused", {
      what: `${nodeName()} refused the show`,
      why,
      hint: "there: hana serve --allow-apply",
    });
  };

  handlers.onRequest(SHOW_STATUS, () => {
    const { generations, programs, staged, halted } = desk.standing();
    return { node: nodeName(), generations: [...generations], programs, staged: [...staged], halted };
  });

  handlers.onRequest(SHOW_TEXT, ({ generation }) => {
    const record = desk.all().find((each) => each.generation === generation);
    if (record !== undefined) return { name: record.name, sha256: record.sha256, text: record.text };
    const kept = desk.all().map((each) => each.generation);
    throw new HanaError("not-found", {
      what: `${nodeName()} has no generation ${generation} of the show`,
      why: kept.length === 0 ? "no show was applied there" : `it keeps ${kept.join(", ")}`,
      hint: "hana apply --status",
    });
  });

  handlers.onRequest(PREPARE_SHOW, async ({ by, programs, ...call }, { session }) => {
    const asker = admit(session, by, "prepare-show");
    const prepared = await desk.prepare({ ...call, by: asker, programs: readPrograms(programs) });
    return {
      ...prepared,
      added: [...prepared.added],
      changed: prepared.changed.map((change) => ({ ...change, lines: [...change.lines] })),
      removed: [...prepared.removed],
      unchanged: [...prepared.unchanged],
      staged: [...prepared.staged],
      problems: [...prepared.problems],
    };
  });

  handlers.onRequest(APPLY_SHOW, async ({ by, show, programs, ...call }, { session }) => {
    const asker = admit(session, by, "apply-show");
    const { of = null, ...rest } = show;
    const result = await desk.apply({
      ...call,
      by: asker,
      show: { ...rest, of },
      programs: readPrograms(programs),
      staged: true,
    });
    return {
      ...result,
      added: [...result.added],
      changed: [...result.changed],
      removed: [...result.removed],
      unchanged: [...result.unchanged],
      staged: [...result.staged],
    };
  });

  handlers.onRequest(ROLL_OUT_SHOW, async ({ by, ...call }, { session }) => {
    const asker = admit(session, by, "roll-out-show");
    const { released, staged, problems } = await desk.rollOut({ ...call, by: asker });
    return { released: [...released], staged: [...staged], problems: [...problems] };
  });
}

function readPrograms(
  programs: readonly { readonly name: string; readonly spec: unknown; readonly want: ShowProgram["want"] }[],
): readonly ShowProgram[] {
  const names = new Set<string>();
  return programs.map(({ name, spec, want }) => {
    checkProgramName(name);
    if (names.has(name)) throw new HanaError("schema", { what: `the show has ${name} twice` });
    names.add(name);
    return { name, spec: readSpec(spec), want };
  });
}
