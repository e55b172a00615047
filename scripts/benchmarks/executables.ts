// The executables that are measured: hana as it ships, and programs of a line or two compiled in the same way, which
// show what the bare runtime takes.

import { ensureBinary } from "../../tests/support/binary.ts";
import { findRuntime } from "../build/runtime.ts";
import { isTarget } from "../build/targets.ts";
import { CannotMeasure, type Context } from "./result.ts";

const root = new URL("../..", import.meta.url).pathname.replace(/\/$/, "");

/** The compiled hana of this checkout; compiled first when a source is newer. */
export async function compiledHana(): Promise<string> {
  try {
    return await ensureBinary();
  } catch (thrown) {
    throw new CannotMeasure(thrown instanceof Error ? thrown.message : String(thrown));
  }
}

/** `scripts/hana`: hana from source. */
export const SOURCE_HANA = `${root}/scripts/hana`;

/** Compiles a program of one line with the same runtime and the same options as hana. Returns its path. */
export async function compileLine(context: Context, name: string, line: string): Promise<string> {
  const target = Deno.build.target;
  if (!isTarget(target)) throw new CannotMeasure(`hana is not compiled for ${target}`);
  const runtime = await findRuntime(target, `${Deno.env.get("HANA_CACHE") ?? `${root}/dist/cache`}/denort`);
  const path = `${context.directory}/${name}`;
  await Deno.writeTextFile(`${path}.js`, `${line}\n`);
  const compiler = new Deno.Command(Deno.execPath(), {
    args: [
      ...["compile", "--quiet", "--allow-all", "--no-check", "--no-config", "--no-lock", "--no-code-cache"],
      ...["--output", path, `${path}.js`],
    ],
    cwd: context.directory,
    stdin: "null",
    env: runtime.path === null ? {} : { DENORT_BIN: runtime.path },
  });
  const { success, stderr } = await compiler.output();
  if (!success) throw new CannotMeasure(`deno compile failed: ${new TextDecoder().decode(stderr).trim()}`);
  return path;
}
