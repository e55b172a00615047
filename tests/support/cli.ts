// Runs hana as a process, in a home of its own: nothing of the machine's settings, keys or sockets is seen.
// Decides the surroundings of a call; never judges its outcome.

const ROOT = new URL("../../", import.meta.url).pathname;

/** How to call hana. */
export interface CallOptions {
  /** Variables on top of the few that a process needs. */
  readonly env?: Readonly<Record<string, string>>;
  /** What stands on stdin; nothing by default. */
  readonly stdin?: string;
  /** Gives it a terminal of this many columns; stdout and stderr then arrive together in `stdout`. */
  readonly tty?: number;
  /** A home to share between calls; by default each call has a fresh one. */
  readonly home?: Home;
  /** Program and leading arguments instead of hana from source, such as the compiled executable. */
  readonly program?: readonly string[];
  /** Ends the call, as a safety net. Milliseconds; 30 s by default. */
  readonly limitMs?: number;
}

/** What a call did. */
export interface CallResult {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Directories that stand in for a user's. */
export interface Home {
  readonly path: string;
  readonly config: string;
  readonly state: string;
  readonly run: string;
}

/** The call of hana from source. */
export function hanaFromSource(): string[] {
  return denoRun(`${ROOT}cli/main.ts`);
}

/** The call of any program of this project from source, with more flags for the runtime where wanted. */
export function denoRun(file: string, ...flags: string[]): string[] {
  return [
    ...[Deno.execPath(), "run", "-A", "--quiet", "--no-check", "--config", `${ROOT}deno.json`],
    ...flags,
    file,
  ];
}

/** Makes a home; `await using` removes it. */
export function makeHome(): Home & AsyncDisposable {
  const path = Deno.makeTempDirSync({ prefix: "hana-home-" });
  const home = { path, config: `${path}/config`, state: `${path}/state`, run: `${path}/run` };
  for (const directory of [home.config, home.state, home.run]) Deno.mkdirSync(directory, { mode: 0o700 });
  return { ...home, [Symbol.asyncDispose]: () => Deno.remove(path, { recursive: true }) };
}

/** The whole environment of a call in `home`. */
export function environmentOf(
  home: Home,
  env: Readonly<Record<string, string>> = {},
): Record<string, string> {
  const cache = Deno.env.get("XDG_CACHE_HOME") ?? `${Deno.env.get("HOME") ?? ""}/.cache`;
  return {
    PATH: Deno.env.get("PATH") ?? "/usr/bin:/bin",
    HOME: home.path,
    XDG_CONFIG_HOME: home.config,
    XDG_STATE_HOME: home.state,
    XDG_RUNTIME_DIR: home.run,
    DENO_DIR: Deno.env.get("DENO_DIR") ?? `${cache}/deno`,
    TERM: "xterm-256color",
    ...env,
  };
}

/** Runs `hana ARGS…` to its end. */
export async function runHana(args: readonly string[], options: CallOptions = {}): Promise<CallResult> {
  if (options.home !== undefined) return await run(args, options, options.home);
  await using home = makeHome();
  return await run(args, options, home);
}

async function run(args: readonly string[], options: CallOptions, home: Home): Promise<CallResult> {
  let call = [...(options.program ?? hanaFromSource()), ...args];
  if (options.tty !== undefined) call = underTerminal(call, options.tty);
  const [program = "", ...rest] = call;
  const child = new Deno.Command(program, {
    args: rest,
    env: environmentOf(home, options.env),
    clearEnv: true,
    stdin: options.stdin === undefined ? "null" : "piped",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  const guard = setTimeout(() => child.kill("SIGKILL"), options.limitMs ?? 30_000);
  try {
    if (options.stdin !== undefined) await feed(child.stdin, options.stdin);
    const { code, stdout, stderr } = await child.output();
    const decoder = new TextDecoder();
    return { code, stdout: decoder.decode(stdout).replaceAll("\r\n", "\n"), stderr: decoder.decode(stderr) };
  } finally {
    clearTimeout(guard);
  }
}

async function feed(stdin: WritableStream<Uint8Array>, text: string): Promise<void> {
  const writer = stdin.getWriter();
  try {
    await writer.write(new TextEncoder().encode(text));
    await writer.close();
  } catch {
    // It ended without reading: whether that was right is for the test to say.
  }
}

/** Wraps a call so that it runs on a pseudo-terminal (`script` of util-linux). */
function underTerminal(call: readonly string[], columns: number): string[] {
  const words = call.map((word) => `'${word.replaceAll("'", "'\\''")}'`).join(" ");
  return ["script", "-qec", `stty cols ${columns} rows 40; exec ${words}`, "/dev/null"];
}
