// A process whose output is kept and can be waited for.
// Decides when a wait ends: when what is awaited came, when it can no longer come, or at a deadline.
// Never sleeps blindly: output and the end of the process are events. Never ends a process that it did not start.

/** How a process ended and what it wrote. */
export interface Ran {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** How to start a process. */
export interface StartOptions {
  readonly env?: Readonly<Record<string, string>>;
  readonly cwd?: string;
  /** Text for its standard input, which is closed afterwards; nothing by default. */
  readonly stdin?: string;
  /** What errors call it; the command line by default. */
  readonly label?: string;
}

/** A limit for whatever has none of its own: a hang, not a measurement. */
export const HANG_MS = 20_000;

/** Bytes of output that are kept a stream: a process that floods its output must not exhaust the tests. */
const MAX_OUTPUT_CHARACTERS = 4 << 20;

/** A running or ended process. */
export class CapturedProcess implements AsyncDisposable {
  readonly label: string;
  readonly #child: Deno.ChildProcess;
  readonly #readers: Promise<unknown>;
  readonly #listeners = new Set<() => void>();
  #stdout = "";
  #stderr = "";
  #code: number | null = null;

  /** Starts `command` with an environment that holds nothing but `env`, PATH and what Deno needs. */
  static start(command: string, args: readonly string[], options: StartOptions = {}): CapturedProcess {
    const child = new Deno.Command(command, {
      args: [...args],
      env: { ...inheritedEnvironment(), ...options.env },
      clearEnv: true,
      ...(options.cwd === undefined ? {} : { cwd: options.cwd }),
      stdin: options.stdin === undefined ? "null" : "piped",
      stdout: "piped",
      stderr: "piped",
    }).spawn();
    return new CapturedProcess(child, options.label ?? [command, ...args].join(" "), options.stdin);
  }

  private constructor(child: Deno.ChildProcess, label: string, stdin: string | undefined) {
    this.label = label;
    this.#child = child;
    const readers = [
      this.#collect(child.stdout, (text) => this.#stdout = keep(this.#stdout + text)),
      this.#collect(child.stderr, (text) => this.#stderr = keep(this.#stderr + text)),
      // 128 + signal number, as a shell reports it.
      child.status.then((status) => this.#code = status.code),
    ];
    if (stdin !== undefined) readers.push(feed(child.stdin, stdin));
    this.#readers = Promise.all(readers).finally(() => this.#tell());
  }

  get processId(): number {
    return this.#child.pid;
  }
  /** Everything that it wrote so far. */
  get stdout(): string {
    return this.#stdout;
  }
  get stderr(): string {
    return this.#stderr;
  }
  get isRunning(): boolean {
    return this.#code === null;
  }

  /** Sends a signal; harmless when it has ended. */
  kill(signal: Deno.Signal): void {
    if (!this.isRunning) return;
    try {
      this.#child.kill(signal);
    } catch (thrown) {
      if (!(thrown instanceof Deno.errors.NotFound) && !(thrown instanceof TypeError)) throw thrown;
    }
  }

  /** How it ended, once it has and all of its output is read. Rejects after `timeoutMs`; the process goes on then. */
  async ended(timeoutMs = HANG_MS): Promise<Ran> {
    await withDeadline(this.#readers, timeoutMs, () => `${this.label} to end${this.#transcript()}`);
    return { code: this.#code ?? -1, stdout: this.#stdout, stderr: this.#stderr };
  }

  /**
   * Waits until `probe`, asked at every piece of output, gives something other than null or undefined.
   * Rejects after `timeoutMs`, and at once when the process ends without it.
   */
  async until<T>(
    what: string,
    probe: (running: CapturedProcess) => T,
    timeoutMs = HANG_MS,
  ): Promise<NonNullable<T>> {
    const { promise, resolve, reject } = Promise.withResolvers<NonNullable<T>>();
    const look = (): void => {
      try {
        const found = probe(this);
        if (found !== null && found !== undefined) return resolve(found);
      } catch (thrown) {
        return reject(thrown);
      }
      if (!this.isRunning) {
        reject(new Error(`${this.label} ended with code ${this.#code} before ${what}${this.#transcript()}`));
      }
    };
    this.#listeners.add(look);
    look();
    try {
      return await withDeadline(promise, timeoutMs, () => `${this.label}: ${what}${this.#transcript()}`);
    } finally {
      this.#listeners.delete(look);
    }
  }

  /** Kills it if it still runs, and waits for its end. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.kill("SIGKILL");
    await this.ended();
  }

  #transcript(): string {
    const tail = (name: string, text: string): string =>
      text === "" ? "" : `\n--- ${name}\n${text.slice(-4000)}`;
    return tail("stdout", this.#stdout) + tail("stderr", this.#stderr);
  }

  async #collect(from: ReadableStream<Uint8Array>, add: (text: string) => void): Promise<void> {
    const decoder = new TextDecoder();
    for await (const bytes of from) {
      add(decoder.decode(bytes, { stream: true }));
      this.#tell();
    }
  }

  #tell(): void {
    for (const listener of [...this.#listeners]) listener();
  }
}

/** Runs a command to its end. One that does not end is killed after `timeoutMs`, which rejects. */
export async function runToEnd(
  command: string,
  args: readonly string[],
  options: StartOptions & { readonly timeoutMs?: number } = {},
): Promise<Ran> {
  await using process = CapturedProcess.start(command, args, options);
  return await process.ended(options.timeoutMs);
}

/** `promise`, or a rejection that says what was awaited in vain for `timeoutMs`. */
export async function withDeadline<T>(
  promise: Promise<T>,
  timeoutMs: number,
  what: () => string,
): Promise<T> {
  let timer = 0;
  const deadline = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => reject(new Error(`waited ${timeoutMs} ms in vain for ${what()}`)), timeoutMs);
  });
  try {
    return await Promise.race([promise, deadline]);
  } finally {
    clearTimeout(timer);
  }
}

/** How long lies between two looks at something that tells nobody when it changes. */
const LOOK_MS = 25;

/** Asks `probe` again and again until it gives something other than null, undefined or false. Rejects after `timeoutMs`. */
export async function eventually<T>(
  what: string,
  probe: () => T | Promise<T>,
  timeoutMs = HANG_MS,
): Promise<NonNullable<T>> {
  const endMs = performance.now() + timeoutMs;
  for (;;) {
    const found = await probe();
    if (found !== null && found !== undefined && found !== false) return found;
    if (performance.now() > endMs) throw new Error(`waited ${timeoutMs} ms in vain for ${what}`);
    await new Promise((resolve) => setTimeout(resolve, LOOK_MS));
  }
}

function keep(text: string): string {
  return text.length > MAX_OUTPUT_CHARACTERS ? text.slice(-MAX_OUTPUT_CHARACTERS / 2) : text;
}

async function feed(to: WritableStream<Uint8Array>, text: string): Promise<void> {
  try {
    const writer = to.getWriter();
    await writer.write(new TextEncoder().encode(text));
    await writer.close();
  } catch {
    // A process that ends without reading its input is no error of ours.
  }
}

/** What every program needs, whoever its user is: where programs stand and where Deno keeps its packages. */
function inheritedEnvironment(): Record<string, string> {
  const home = Deno.env.get("HOME") ?? Deno.cwd();
  const cache = Deno.env.get("XDG_CACHE_HOME") ?? `${home}/.cache`;
  return {
    PATH: Deno.env.get("PATH") ?? "/usr/sbin:/usr/bin:/sbin:/bin",
    DENO_DIR: Deno.env.get("DENO_DIR") ?? `${cache}/deno`,
    DENO_NO_UPDATE_CHECK: "1",
    NO_COLOR: "1",
  };
}
