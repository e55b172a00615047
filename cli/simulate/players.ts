// A few worker processes that play runs: as many as there are jobs at once, each run in one of them.
// Decides which worker plays what, and what a worker that dies or hangs means: its run is lost and said so with its
// seed, a new worker takes its place, all other runs go on. Never judges a result.

import type { FromWorker, Job, Played, ToWorker } from "./job.ts";
import { WorkerTrouble } from "./job.ts";
import { linesOf } from "./lines.ts";

/** How to start workers. */
export interface PlayersOptions {
  /** Program and arguments of a worker. */
  readonly program: readonly string[];
  /** Workers at the same time. */
  readonly size: number;
  /** A run that takes longer is ended together with its worker. Milliseconds; a safety net, no measure. */
  readonly runLimitMs: number;
  /** How long a worker has to hand over what it has when it is told to end its run. Milliseconds; 3 s by default. */
  readonly abortGraceMs?: number;
}

/** What a worker may write to stderr and have told again. */
const MAX_LAST_WORDS = 600;
const ABORT_GRACE_MS = 3_000;

/** The worker processes of one command. */
export class Players implements AsyncDisposable {
  readonly size: number;
  readonly #options: PlayersOptions;
  readonly #idle: Worker[] = [];
  readonly #all = new Set<Worker>();

  constructor(options: PlayersOptions) {
    this.size = options.size;
    this.#options = options;
  }

  /** Plays one run. Rejects with {@linkcode WorkerTrouble} when hana itself failed. */
  async play(job: Job, signal: AbortSignal, fresh = false): Promise<Played> {
    const worker = this.#take(fresh);
    try {
      return await worker.play(job, signal);
    } finally {
      if (worker.isUsable && !fresh) this.#idle.push(worker);
      else await this.#end(worker);
    }
  }

  /** Ends all workers. */
  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all([...this.#all].map((worker) => this.#end(worker)));
  }

  #take(fresh: boolean): Worker {
    const idle = fresh ? undefined : this.#idle.pop();
    if (idle !== undefined) return idle;
    let worker: Worker;
    try {
      worker = new Worker(this.#options);
    } catch (thrown) {
      const why = thrown instanceof Error ? thrown.message : String(thrown);
      throw new WorkerTrouble(`no worker could be started: ${why}`, { cause: thrown });
    }
    this.#all.add(worker);
    return worker;
  }

  async #end(worker: Worker): Promise<void> {
    await worker.end();
    this.#all.delete(worker);
  }
}

/** One worker process. */
class Worker {
  readonly #options: PlayersOptions;
  readonly #child: Deno.ChildProcess;
  readonly #stdin: WritableStreamDefaultWriter<Uint8Array>;
  readonly #over: Promise<void>;
  #pending: PromiseWithResolvers<Played> | null = null;
  #nextId = 0;
  #isUsable = true;
  #lastWords = "";

  constructor(options: PlayersOptions) {
    this.#options = options;
    const [command = "", ...args] = options.program;
    this.#child = new Deno.Command(command, {
      args,
      stdin: "piped",
      stdout: "piped",
      stderr: "piped",
    }).spawn();
    this.#stdin = this.#child.stdin.getWriter();
    this.#over = Promise.all([this.#listen(), this.#hearLastWords()]).then(async () => {
      const status = await this.#child.status;
      this.#isUsable = false;
      const how = status.signal === null ? `exit code ${status.code}` : status.signal;
      const words = this.#lastWords.trim();
      this.#fail(`its worker died (${how})${words === "" ? "" : `: ${words}`}`);
    });
  }

  get isUsable(): boolean {
    return this.#isUsable;
  }

  async play(job: Job, signal: AbortSignal): Promise<Played> {
    const { runLimitMs, abortGraceMs = ABORT_GRACE_MS } = this.#options;
    const pending = Promise.withResolvers<Played>();
    this.#pending = pending;
    let grace: number | undefined;
    const onAbort = (): void => {
      if (grace !== undefined) return;
      void this.#tell({ kind: "abort" });
      grace = setTimeout(() => this.#kill("ended by request"), abortGraceMs);
    };
    const limit = setTimeout(
      () => this.#kill(`took longer than ${runLimitMs / 1000} s of real time`),
      runLimitMs,
    );
    signal.addEventListener("abort", onAbort, { once: true });
    try {
      await this.#tell({ kind: "play", id: ++this.#nextId, job });
      if (signal.aborted) onAbort();
      return await pending.promise;
    } finally {
      this.#pending = null;
      clearTimeout(limit);
      clearTimeout(grace);
      signal.removeEventListener("abort", onAbort);
    }
  }

  /** Closes its stdin, upon which it ends by itself, and ends it otherwise. */
  async end(): Promise<void> {
    this.#isUsable = false;
    this.#signal("SIGKILL");
    await this.#stdin.abort().catch(() => {});
    await this.#over;
  }

  #kill(why: string): void {
    this.#isUsable = false;
    this.#fail(why);
    this.#signal("SIGKILL");
  }

  #signal(signal: Deno.Signal): void {
    try {
      this.#child.kill(signal);
    } catch {
      // It has ended already.
    }
  }

  #fail(why: string): void {
    this.#pending?.reject(new WorkerTrouble(why));
  }

  async #tell(message: ToWorker): Promise<void> {
    try {
      await this.#stdin.write(new TextEncoder().encode(JSON.stringify(message) + "\n"));
    } catch {
      // It died: that is told with its exit code, which says more.
    }
  }

  async #listen(): Promise<void> {
    for await (const line of linesOf(this.#child.stdout)) this.#onLine(line);
  }

  #onLine(line: string): void {
    let message: FromWorker;
    try {
      message = JSON.parse(line) as FromWorker;
    } catch {
      return this.#kill(`its worker wrote something else than answers: ${line.slice(0, 120)}`);
    }
    if (message.kind === "ready" || message.id !== this.#nextId) return;
    if (message.kind === "played") return this.#pending?.resolve(message.played);
    // What threw may have left something behind in the process.
    this.#isUsable = false;
    this.#pending?.reject(new WorkerTrouble(message.text, { cause: message.stack }));
  }

  async #hearLastWords(): Promise<void> {
    const decoder = new TextDecoder();
    for await (const bytes of this.#child.stderr) {
      this.#lastWords = (this.#lastWords + decoder.decode(bytes, { stream: true })).slice(-MAX_LAST_WORDS);
    }
  }
}

/** The call of a worker of this very hana. */
export function workerProgram(): string[] {
  if (Deno.build.standalone) return [Deno.execPath(), "simulate-worker"];
  const root = new URL("../..", import.meta.url).pathname;
  return [
    Deno.execPath(),
    ...["run", "-A", "--quiet", "--no-check", "--no-prompt", "--config", `${root}deno.json`],
    ...[`${root}cli/main.ts`, "simulate-worker"],
  ];
}
