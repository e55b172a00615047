// How long a script waits for one call of hana: from starting the process to its end.
// Decides the rounds: hana, a compiled program of one line, and /bin/true in turn; the last shows what the
// measuring itself takes.

import { compiledHana, compileLine } from "./executables.ts";
import type { Benchmark, Context, Result } from "./result.ts";
import { percentile, rounded } from "./statistics.ts";

const CALLS = 60;
const WARM_UP = 5;
const LIMIT = 1.6;

function callMs(path: string, args: readonly string[]): number {
  const command = new Deno.Command(path, {
    args: [...args],
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
  });
  const started = performance.now();
  const { code } = command.outputSync();
  const tookMs = performance.now() - started;
  if (code !== 0) throw new Error(`${path} ended with exit code ${code}`);
  return tookMs;
}

async function run(context: Context): Promise<Result> {
  const hana = await compiledHana();
  const line = await compileLine(context, "one-line", 'console.log("hana 0.1.0");');
  const calls: readonly (readonly [string, readonly string[]])[] = [[hana, ["version"]], [line, []], [
    "/bin/true",
    [],
  ]];
  const times: number[][] = calls.map(() => []);
  for (let i = 0; i < WARM_UP + CALLS; i++) {
    for (let j = 0; j < calls.length; j++) {
      const at = (i + j) % calls.length;
      const [path = "", args = []] = calls[at] ?? [];
      const tookMs = callMs(path, args);
      if (i >= WARM_UP) times[at]?.push(tookMs);
    }
  }
  const [ofHana = [], ofLine = [], ofTrue = []] = times;
  const figures = (values: readonly number[]) => ({
    p50: percentile(values, 0.5),
    p90: percentile(values, 0.9),
  });
  const ratio = percentile(ofHana, 0.5) / percentile(ofLine, 0.5);
  return {
    name: "startup",
    n: CALLS,
    ms: rounded(figures(ofHana)),
    baseline: { name: "compiled program of one line", ms: rounded(figures(ofLine)) },
    beside: [{ name: "/bin/true, the cost of measuring", ms: rounded(figures(ofTrue)) }],
    ratio: rounded({ p50: ratio }),
    limit: { p50: LIMIT },
    met: ratio <= LIMIT,
    how: "compiled `hana version`, from starting the process to its end, in turn with the baseline",
  };
}

/** Start-up of the executable. */
export const STARTUP: Benchmark = {
  name: "startup",
  summary: "compiled `hana version`: ≤ 1.6× the start of a compiled program of one line",
  run,
};
