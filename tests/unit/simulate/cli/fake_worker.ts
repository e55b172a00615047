// A worker process that does what the seed says: answers, throws, dies, hangs, babbles, or waits to be told to stop.

import type { FromWorker, Job, ToWorker } from "../../../../cli/simulate/job.ts";
import { linesOf } from "../../../../cli/simulate/lines.ts";
import { playedOf } from "./support.ts";

/** What a seed makes it do. */
export const DOES = { answer: 0, throw: 1, die: 2, hang: 3, babble: 4, wait: 5, exhaust: 6 } as const;

let played = 0;
let onAbort: () => void = () => {};

function say(message: FromWorker): void {
  Deno.stdout.writeSync(new TextEncoder().encode(JSON.stringify(message) + "\n"));
}

function play(id: number, job: Job): void {
  const answer = (): void => {
    // Its place in this process is told as the number of events.
    say({ kind: "played", id, played: playedOf(job, { events: ++played }) });
  };
  switch (job.seed) {
    case DOES.throw:
      return say({ kind: "threw", id, text: "TypeError: x is not a thing", stack: "at y", isOurs: false });
    case DOES.die:
      Deno.stderr.writeSync(new TextEncoder().encode("last words\n"));
      return Deno.exit(9);
    case DOES.hang:
      for (;;);
    case DOES.babble:
      return void Deno.stdout.writeSync(new TextEncoder().encode("hello there\n"));
    case DOES.wait:
      onAbort = answer;
      return;
    case DOES.exhaust:
      return Deno.kill(Deno.pid, "SIGABRT");
    default:
      answer();
  }
}

if (import.meta.main) {
  say({ kind: "ready" });
  for await (const line of linesOf(Deno.stdin.readable)) {
    const message = JSON.parse(line) as ToWorker;
    if (message.kind === "abort") onAbort();
    else play(message.id, message.job);
  }
}
