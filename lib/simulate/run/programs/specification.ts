// From the plan of a program to the specification that a console asks for.

import { type ProgramSpec, SPEC_DEFAULTS } from "../../../supervision/mod.ts";
import type { ProgramPlan } from "../../program_plan.ts";
import { pathsOf } from "./truth.ts";

/** What a program is to be at a node. */
export function specificationOf({ name, rules }: ProgramPlan, node: string): ProgramSpec {
  const paths = pathsOf(node, name);
  const { hang } = SPEC_DEFAULTS;
  return {
    ...SPEC_DEFAULTS,
    argv: [paths.run],
    restart: rules.restart ?? SPEC_DEFAULTS.restart,
    backoffCapUs: rules.backoffCapUs ?? SPEC_DEFAULTS.backoffCapUs,
    giveUp: rules.giveUp ?? SPEC_DEFAULTS.giveUp,
    graceUs: rules.graceUs ?? SPEC_DEFAULTS.graceUs,
    startUs: rules.startUs ?? SPEC_DEFAULTS.startUs,
    heartbeatUs: rules.heartbeatUs ?? SPEC_DEFAULTS.heartbeatUs,
    hang: {
      warnUs: rules.hangWarnUs ?? hang.warnUs,
      killUs: rules.hangKillUs ?? hang.killUs,
      stallUs: rules.stallUs ?? hang.stallUs,
      stall: rules.stall ?? hang.stall,
    },
    fallback: rules.fallbackAfter === undefined ? null : { after: rules.fallbackAfter, argv: [paths.slate] },
    memoryMaxBytes: rules.memoryMaxBytes ?? null,
    needs: rules.needs ?? {},
    bind: rules.bind ?? false,
    boot: rules.boot ?? SPEC_DEFAULTS.boot,
  };
}
