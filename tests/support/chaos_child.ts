// The C programs of the tests: chaos_child.c, what its stamps say, and a clock that jumps.
// Decides that each is compiled once a version of its source, whichever test needs it first.

const compiling = new Map<string, Promise<string>>();

/** The path of the compiled chaos-child. Rejects with what the compiler said. */
export function chaosChild(): Promise<string> {
  return compiled("chaos_child", ["-pthread"]);
}

/** The path of a library for LD_PRELOAD: the wall clock jumps by a year every second. */
export function jumpingClock(): Promise<string> {
  return compiled("jumping_clock", ["-shared", "-fPIC", "-ldl"]);
}

function compiled(name: string, flags: readonly string[]): Promise<string> {
  const running = compiling.get(name) ?? compile(name, flags);
  compiling.set(name, running);
  return running;
}

async function compile(name: string, flags: readonly string[]): Promise<string> {
  const sourcePath = new URL(`./${name}.c`, import.meta.url).pathname;
  const source = await Deno.readFile(sourcePath);
  const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", source)).toHex().slice(0, 16);
  const folder = `/tmp/hana-chaos-${Deno.uid()}-${digest}`;
  const path = `${folder}/${name.replace("_", "-")}`;
  if (await isFile(path)) return path;
  await Deno.mkdir(folder, { recursive: true, mode: 0o700 });
  // Two test files may compile at once: whoever is last replaces an equal file by an equal one.
  const own = `${path}.${Deno.pid}`;
  const cc = new Deno.Command("cc", {
    args: ["-O1", "-Wall", "-Wextra", "-Werror", "-o", own, sourcePath, ...flags],
    stderr: "piped",
  });
  const { success, stderr } = await cc.output();
  if (!success) throw new Error(`cc failed: ${new TextDecoder().decode(stderr)}`);
  await Deno.rename(own, path);
  return path;
}

async function isFile(path: string): Promise<boolean> {
  try {
    return (await Deno.stat(path)).isFile;
  } catch {
    return false;
  }
}

/** A line that the program appended to its stamp file. */
export interface Stamp {
  readonly what: "start" | "end" | "poured";
  readonly processId: number;
  readonly parentId: number;
  readonly run: number;
  /** By the wall clock, in microseconds since 1970. */
  readonly atUs: number;
}

/** What the program appended to its stamp file so far. */
export function readStamps(path: string): Stamp[] {
  let text = "";
  try {
    text = Deno.readTextFileSync(path);
  } catch (thrown) {
    if (!(thrown instanceof Deno.errors.NotFound)) throw thrown;
  }
  return text.split("\n").filter((line) => line !== "").map((line) => {
    const [what, processId, parentId, run, atUs] = line.split(" ");
    return {
      what: what as Stamp["what"],
      processId: Number(processId),
      parentId: Number(parentId),
      run: Number(run),
      atUs: Number(atUs),
    };
  });
}
