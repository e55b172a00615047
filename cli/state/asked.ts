// Others ask for what a command holds: objects that it owns, the privilege. A command that stays can answer.
// Decides who answers: `--give` for everybody, a person at the terminal with y or n, else nobody, and the host after 5 s.

import type { StateClient } from "../../lib/state/mod.ts";
import type { Cli } from "../frame/mod.ts";

/** Questions that wait at a time; more are the host's to answer. */
const MAX_QUESTIONS = 16;

interface Question {
  readonly what: string;
  readonly yes: () => void;
  readonly no: () => void;
}

/** Answers, or has somebody answer, what others ask `client` for. Returns how to stop it. */
export function answerQuestions(cli: Cli, client: StateClient, gives: boolean): () => void {
  const waiting: Question[] = [];
  const isTerminal = Deno.stdin.isTerminal();
  const ask = (question: Question): void => {
    if (gives) {
      cli.output.message(`${question.what}: given`);
      return question.yes();
    }
    if (!isTerminal) {
      cli.output.message(`${question.what}; --give would give it, the host decides in 5 s`);
      return;
    }
    if (waiting.length < MAX_QUESTIONS) waiting.push(question);
    cli.output.message(`${question.what}; y gives it, n keeps it (5 s)`);
  };
  const nameOf = (by: number, byName: string | null): string => byName ?? `client ${by}`;
  const stops = [
    client.ownership.onOwnRequest(({ by, byName, paths, grant, refuse }) =>
      ask({
        what: `${nameOf(by, byName)} asks for ${paths.join(", ")}`,
        yes: () => grant(),
        no: () => refuse(),
      })
    ),
    client.privilege.onRequest(({ kind, by, byName, accept, decline }) =>
      ask({
        what: kind === "asked"
          ? `${nameOf(by, byName)} asks for the privilege`
          : `${nameOf(by, byName)} offers the privilege`,
        // What comes of it is told by the change that follows.
        yes: () => void accept().catch(() => {}),
        no: () => decline(),
      })
    ),
    client.privilege.onChange(({ isOwn, holder, holderName, text }) => {
      if (!isOwn && holder !== 0) {
        cli.output.message(`${nameOf(holder, holderName)} is privileged now: ${text}`);
      }
    }),
  ];
  if (isTerminal && !gives) void answerByHand(waiting);
  return () => {
    for (const stop of stops) stop();
  };
}

/** Lines of the terminal, until the process ends. */
async function answerByHand(waiting: Question[]): Promise<void> {
  const decoder = new TextDecoder();
  for await (const chunk of Deno.stdin.readable) {
    for (const word of decoder.decode(chunk, { stream: true }).toLowerCase()) {
      const question = word === "y" || word === "n" ? waiting.shift() : undefined;
      if (word === "y") question?.yes();
      else if (word === "n") question?.no();
    }
  }
}
