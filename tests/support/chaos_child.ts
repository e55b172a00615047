// chaos_child.c as a program, and what its stamps say.
// Decides that it is compiled once a version of its source, whichever test needs it first.

const SOURCE = new URL("./chaos_child.c", import.meta.url).pathname;

let compiling: Promise<string> | null = null;

/** The path of the compiled program. Rejects with what the compiler said. */
export function chaosChild(): Promise<string> {
  return compiling ??= compile();
}

async function compile(): Promise<string> {
  const source = await Deno.readFile(SOURCE);
  const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", source)).toHex().slice(0, 16);
  const folder = `/tmp/hana-chaos-${Deno.uid()}-${digest}`;
  const path = `${folder}/chaos-child`;
  if (await isFile(path)) return path;
  await Deno.mkdir(folder, { recursive: true, mode: 0o700 });
  // Two test files may compile at once: whoever is last replaces an equal file by an equal one.
  const own = `${path}.${Deno.pid}`;
  const cc = new Deno.Command("cc", {
    args: ["-O1", "-Wall", "-Wextra", "-Werror", "-pthread", "-o", own, SOURCE],
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
