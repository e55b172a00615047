// Plays runs again that were played before: one by its identity, or those of a result file.
// Decides what of a result file is played again (what did not pass; everything where all passed), and what a run that
// comes out differently means.

import { HanaError } from "../../lib/base/mod.ts";
import { isAsWanted, type ScenarioReport } from "../../lib/simulate/mod.ts";
import { parseIdentity, type RunIdentity, targetOf } from "./identity.ts";
import type { Target } from "./targets.ts";

/** A run that is to be played again. */
export interface Recorded {
  readonly identity: RunIdentity;
  readonly target: Target;
  /** What it came to then; null where only its name is known. */
  readonly digest: string | null;
}

const MAX_REPORT_BYTES = 256 << 20;

/** The runs that `word`, an identity or a result file, means. Throws `usage`, `config` or `storage`. */
export async function findRecorded(
  word: string,
  file: string | null,
  params: readonly string[],
): Promise<Recorded[]> {
  const identity = parseIdentity(word);
  if (identity !== null) return [{ identity, target: await targetOf(identity, file, params), digest: null }];
  const rows = readReport(word);
  const bad = rows.filter(({ isWanted }) => !isWanted);
  const chosen = bad.length > 0 ? bad : rows;
  return await Promise.all(
    chosen.map(async (row) => ({
      identity: row.identity,
      target: await targetOf(row.identity, file ?? row.file, params.length > 0 ? params : row.params),
      digest: row.digest,
    })),
  );
}

interface Row {
  readonly identity: RunIdentity;
  readonly digest: string | null;
  readonly isWanted: boolean;
  readonly file: string | null;
  readonly params: readonly string[];
}

function readReport(path: string): Row[] {
  let text: string;
  try {
    const { size } = Deno.statSync(path);
    if (size > MAX_REPORT_BYTES) throw new Error(`has ${size} bytes, at most ${MAX_REPORT_BYTES}`);
    text = Deno.readTextFileSync(path);
  } catch (thrown) {
    const isMissing = thrown instanceof Deno.errors.NotFound;
    throw new HanaError(isMissing ? "usage" : "storage", {
      what: isMissing ? `${word(path)} is neither a run nor a file` : `${path} cannot be read`,
      why: isMissing
        ? "a run is NAME@HASH:SEED:VERSION, as every result prints it"
        : thrown instanceof Error
        ? thrown.message
        : String(thrown),
      hint: "hana simulate run smoke --json > result.json && hana simulate replay result.json",
      cause: thrown,
    });
  }
  const rows = rowsOf(text);
  if (rows.length > 0) return rows;
  throw new HanaError("config", {
    what: path,
    why: "this holds no runs of hana simulate",
    hint: "hana simulate run smoke --json > result.json",
  });
}

/** Rows of a `--json` document, or of `--ndjson` lines. */
function rowsOf(text: string): Row[] {
  const objects: unknown[] = [];
  try {
    const whole = JSON.parse(text) as { runs?: unknown };
    objects.push(...(Array.isArray(whole.runs) ? whole.runs : [whole]));
  } catch {
    for (const line of text.split("\n")) {
      try {
        objects.push(JSON.parse(line));
      } catch {
        // Something else between the lines.
      }
    }
  }
  return objects.flatMap((object) => {
    const run = (object ?? {}) as Record<string, unknown>;
    const identity = typeof run.identity === "string" ? parseIdentity(run.identity) : null;
    if (identity === null) return [];
    const wanted = run.mustFail === true ? "fail" : "pass";
    return [{
      identity,
      digest: typeof run.digest === "string" ? run.digest : null,
      isWanted: run.verdict === wanted,
      file: typeof run.file === "string" ? run.file : null,
      params: Array.isArray(run.params) ? run.params.filter((one) => typeof one === "string") : [],
    }];
  });
}

function word(text: string): string {
  return JSON.stringify(text.length > 80 ? `${text.slice(0, 77)}…` : text);
}

/** What is to be said about runs that came out otherwise than recorded; none when all are the same. */
export function replayDifferences(
  recorded: readonly Recorded[],
  reports: readonly ScenarioReport[],
): { readonly lines: readonly string[]; readonly isNondeterministic: boolean } {
  const lines: string[] = [];
  let isNondeterministic = false;
  for (const { identity, target, digest } of recorded) {
    const report = reports.find(({ hash }) => hash === target.hash);
    const run = report?.runs.find(({ result }) => result.seed === identity.seed);
    if (report === undefined || run === undefined) continue;
    const { result } = run;
    const isSame = result.software === identity.software;
    if (!isSame) {
      const passes = isAsWanted(report, result) ? "passes" : "does not pass";
      lines.push(
        `${identity.name}, seed ${identity.seed}: recorded by hana ${identity.software}, this is ${result.software}; ` +
          `here it ${passes}`,
      );
    } else if (digest !== null && digest !== result.digest) {
      isNondeterministic = true;
      lines.push(`${identity.name}, seed ${identity.seed}: digest ${result.digest}, recorded was ${digest}`);
    }
  }
  return { lines, isNondeterministic };
}
