// A process of a run: started, asked, ended by its id. Decides when it counts as stuck.

import { signalChild, startChild } from "../children.ts";
import { baseEnvironment } from "../discovery_stage.ts";
import { TextLineReader } from "../lines.ts";

const GRACE_MS = 2_000;
const KEPT_WORDS = 600;

/** A driver or a broker. */
export class DriverProcess {
  readonly #child: Deno.ChildProcess;
  readonly #lines: TextLineReader;
  readonly #input: WritableStreamDefaultWriter<Uint8Array>;
  #words = "";
  readonly #listeners: ((words: string) => void)[] = [];

  constructor(readonly name: string, command: readonly string[], cwd: string) {
    this.#child = startChild(command, {
      cwd,
      clearEnv: true,
      env: baseEnvironment(),
      stdin: "piped",
      stdout: "piped",
      stderr: "piped",
    });
    this.#lines = new TextLineReader(this.#child.stdout);
    this.#input = this.#child.stdin.getWriter();
    // Writing to a process that has ended is told by its missing answer.
    void this.#input.closed.catch(() => {});
    void this.#listen();
  }

  /** The next line of JSON. */
  async next(limitMs: number): Promise<Record<string, unknown>> {
    const line = await this.#lines.next(limitMs).catch((thrown: Error) => {
      throw new Error(`${this.name}: ${thrown.message}${this.#said()}`);
    });
    if (line === null) throw new Error(`${this.name} ended early${this.#said()}`);
    return JSON.parse(line) as Record<string, unknown>;
  }

  /** Writes a line. */
  async tell(line: string): Promise<void> {
    await this.#input.write(new TextEncoder().encode(`${line}\n`)).catch(() => {});
  }

  /** Resolves when it has said `text` on its standard error. */
  async says(text: string, limitMs: number): Promise<void> {
    let timer: number | undefined;
    await new Promise<void>((resolve, reject) => {
      timer = setTimeout(() => reject(new Error(`${this.name} did not start${this.#said()}`)), limitMs);
      const look = (words: string): void => {
        if (words.includes(text)) resolve();
      };
      this.#listeners.push(look);
      look(this.#words);
    }).finally(() => clearTimeout(timer));
  }

  /** Lets it end, then ends it. */
  async end(signal: Deno.Signal | null = null): Promise<void> {
    void this.#input.close().catch(() => {});
    if (signal !== null) signalChild(this.#child, signal);
    const timer = setTimeout(() => signalChild(this.#child, "SIGKILL"), GRACE_MS);
    await this.#child.status;
    clearTimeout(timer);
    await this.#lines.cancel();
  }

  async #listen(): Promise<void> {
    const decoder = new TextDecoder();
    for await (const bytes of this.#child.stderr) {
      this.#words = (this.#words + decoder.decode(bytes, { stream: true })).slice(-KEPT_WORDS);
      for (const listener of this.#listeners) listener(this.#words);
    }
  }

  #said(): string {
    const words = this.#words.trim().replaceAll(/\s*\n\s*/g, " | ");
    return words === "" ? "" : `: ${words}`;
  }
}
