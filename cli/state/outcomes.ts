// What became of writes, as rows and as errors.
// Decides the columns; the words of refusals stand in errors.ts.

import type { Cli } from "../frame/mod.ts";
import type { JsonObject, Rendering } from "../output/mod.ts";
import type { Outcome } from "./desk.ts";
import { exitOfOutcomes, outcomeError } from "./errors.ts";
import { valueJson, valueText } from "./rendering.ts";

/** Shows what became of writes, and why some do not stand. */
export async function showOutcomes(cli: Cli, outcomes: readonly Outcome[]): Promise<void> {
  if (outcomes.length === 0) return;
  await cli.output.rows(outcomesRendering(), outcomes);
  for (const outcome of outcomes) {
    const error = outcomeError(outcome);
    if (error !== null) cli.output.error(error);
  }
  cli.exitWith(exitOfOutcomes(outcomes));
}

function outcomesRendering(): Rendering<Outcome> {
  return {
    what: "state.set",
    row: "outcome",
    id: ({ path }) => path,
    columns: [
      { header: "PATH", cell: ({ path }) => path },
      {
        header: "VALUE",
        cell: ({ row }) => row === null ? null : valueText(row.definition, row.value),
        shrinks: true,
      },
      {
        header: "RESULT",
        cell: ({ kind }) => ({
          text: kind,
          tone: kind === "shadowed" || kind === "refused" ? "warn" : "good",
        }),
        plain: ({ kind }) => kind,
      },
      { header: "HOLDER", cell: ({ row }) => row?.holder?.name ?? null },
      {
        header: "PRIORITY",
        cell: ({ row }) => row === null || row.holder === null ? null : row.priority,
        align: "right",
      },
    ],
    json: outcomeJson,
    document: (rows) => ({
      outcomes: rows.map(outcomeJson),
      summary: { total: rows.length, standing: rows.filter(({ kind }) => kind === "stands").length },
    }),
  };
}

function outcomeJson({ path, kind, reason, text, row }: Outcome): JsonObject {
  return {
    path,
    outcome: kind,
    reason,
    why: text === "" ? null : text,
    value: row === null ? null : valueJson(row.definition, row.value),
    text: row === null ? null : valueText(row.definition, row.value),
    holder: row === null || row.holder === null ? null : { ...row.holder },
    priority: row === null || row.holder === null ? null : row.priority,
  };
}
