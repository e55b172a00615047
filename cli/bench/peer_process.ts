// A peer in a process of its own: a line of JSON each way over its standard input and output.
// Decides how it is started (hana itself, its hidden command), when it counts as stuck, and that it ends with its owner.

import { HanaError } from "../../lib/base/mod.ts";
import type { Platform } from "../../lib/platform/mod.ts";
import { hanaProgram } from "../simulate/real/node_process.ts";
import { Peer, type PeerAddresses, type PeerOptions, type PeerQuestions } from "./peer.ts";

/** The hidden command that runs a peer. */
export const PEER_COMMAND = "bench-peer";
const START_MS = 60_000;
const ANSWER_MS = 30_000;
const GRACE_MS = 3_000;
const MAX_KEPT_CHARACTERS = 4_096;

/** A peer, wherever it runs. */
export interface PeerHandle {
  readonly addresses: PeerAddresses;
  ask<Q extends keyof PeerQuestions>(
    question: Q,
    asked: PeerQuestions[Q]["asked"],
  ): Promise<PeerQuestions[Q]["answer"]>;
  close(): Promise<void>;
}

/** A peer in this very process. */
export async function peerHere(platform: Platform, options: PeerOptions): Promise<PeerHandle> {
  const peer = await Peer.start(platform, options);
  return {
    addresses: peer.addresses,
    ask: (question, asked) => Promise.resolve(peer.answer(question, asked)),
    close: () => peer.close(),
  };
}

/** A peer in a process of its own. `prefix` stands before the call, such as `ip netns exec NAME`. */
export async function peerProcess(
  options: PeerOptions,
  prefix: readonly string[] = [],
): Promise<PeerHandle> {
  const process = new PeerProcess([...prefix, ...hanaProgram(), PEER_COMMAND]);
  try {
    const addresses = await process.ask<PeerAddresses>(options, START_MS);
    return {
      addresses,
      ask: (question, asked) => process.ask({ question, asked }, ANSWER_MS),
      close: () => process.close(),
    };
  } catch (thrown) {
    await process.close();
    throw thrown;
  }
}

class PeerProcess {
  readonly #child: Deno.ChildProcess;
  readonly #stdin: WritableStreamDefaultWriter<Uint8Array>;
  readonly #waiting: PromiseWithResolvers<string>[] = [];
  #isEnded = false;
  #lastWords = "";

  constructor(command: readonly string[]) {
    const [program = "", ...args] = command;
    this.#child = new Deno.Command(program, { args, stdin: "piped", stdout: "piped", stderr: "piped" })
      .spawn();
    this.#stdin = this.#child.stdin.getWriter();
    this.#stdin.closed.catch(() => {});
    void this.#readErrors();
    void this.#readLines();
  }

  async ask<Answer>(line: unknown, limitMs: number): Promise<Answer> {
    const answer = Promise.withResolvers<string>();
    this.#waiting.push(answer);
    if (this.#isEnded) answer.reject(this.#endedError());
    const timer = setTimeout(
      () => answer.reject(new HanaError("timeout", { what: `the peer did not answer within ${limitMs} ms` })),
      limitMs,
    );
    try {
      await this.#stdin.write(new TextEncoder().encode(JSON.stringify(line) + "\n")).catch(() => {});
      const value = JSON.parse(await answer.promise) as { readonly answer: Answer } | {
        readonly error: string;
      };
      if ("answer" in value) return value.answer;
      throw new HanaError("internal", { what: "the peer failed", why: value.error });
    } finally {
      clearTimeout(timer);
    }
  }

  async close(): Promise<void> {
    await this.#stdin.close().catch(() => {});
    const timer = setTimeout(() => {
      if (!this.#isEnded) this.#child.kill("SIGKILL");
    }, GRACE_MS);
    await this.#child.status;
    clearTimeout(timer);
  }

  async #readLines(): Promise<void> {
    let text = "";
    const decoder = new TextDecoder();
    for await (const bytes of this.#child.stdout) {
      text += decoder.decode(bytes, { stream: true });
      const lines = text.split("\n");
      text = lines.pop() ?? "";
      for (const line of lines) this.#waiting.shift()?.resolve(line);
    }
    await this.#child.status;
    this.#isEnded = true;
    for (const waiting of this.#waiting.splice(0)) waiting.reject(this.#endedError());
  }

  async #readErrors(): Promise<void> {
    const decoder = new TextDecoder();
    for await (const bytes of this.#child.stderr) {
      const text = this.#lastWords + decoder.decode(bytes, { stream: true });
      this.#lastWords = text.slice(-MAX_KEPT_CHARACTERS);
    }
  }

  #endedError(): HanaError {
    return new HanaError("internal", {
      what: "the peer process ended before it answered",
      why: this.#lastWords.trim().split("\n").slice(-3).join(" | "),
    });
  }
}

/** The loop of a peer's process: options first, then questions, until the input ends. */
export async function servePeer(
  platform: Platform,
  input: ReadableStream<Uint8Array>,
  write: (line: string) => void,
): Promise<void> {
  let peer: Peer | null = null;
  let text = "";
  const decoder = new TextDecoder();
  try {
    for await (const bytes of input) {
      text += decoder.decode(bytes, { stream: true });
      const lines = text.split("\n");
      text = lines.pop() ?? "";
      for (const line of lines) {
        let answer: unknown;
        if (peer === null) {
          peer = await Peer.start(platform, JSON.parse(line) as PeerOptions);
          answer = peer.addresses;
        } else {
          const { question, asked } = JSON.parse(line) as { question: keyof PeerQuestions; asked: never };
          answer = peer.answer(question, asked);
        }
        write(JSON.stringify({ answer }) + "\n");
      }
    }
  } finally {
    await peer?.close();
  }
}
