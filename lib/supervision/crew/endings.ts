// How a run ended, in words: one row a class of ending.
// Decides what is said of the ending itself and what is recommended; what came after it, the callers know.

import type { ExitClass, ExitRecord } from "../model/mod.ts";
import type { CrewCode } from "./codes.ts";
import { type Advice, advise, NOTHING } from "./text.ts";
import { bytesWords, codeWords, inSentence, signalWords, spanWords, startWords } from "./words.ts";

/** What is said of a class of ending. */
export interface Ending {
  /** The number where the program was started again, or is about to be. */
  readonly code: CrewCode;
  /** Behind `NAME on NODE`, before the time: `crashed (memory access error)`. */
  readonly verb: (exit: ExitRecord) => string;
  /** In the plural: `crashed 3 times`. */
  readonly verbMany: string;
  /** What to do if it goes on; `who` is `NAME@NODE`. */
  readonly advice: (who: string, exit: ExitRecord) => Advice;
  /** Whether nothing went wrong. */
  readonly isFine: boolean;
}

const readLines = (who: string, exit: ExitRecord): Advice =>
  advise("If it goes on, read its last lines", `hana logs ${who} --run ${exit.run}`);

/** `: words`, or nothing. */
function because(why: string | null): string {
  const words = inSentence(why);
  return words === null ? "" : `: ${words}`;
}

/** Every class. */
export const ENDINGS: Readonly<Record<ExitClass, Ending>> = {
  "success": {
    code: "P117",
    verb: () => "ended by itself, as it should,",
    verbMany: "ended by itself",
    advice: () => NOTHING,
    isFine: true,
  },
  "failure": {
    code: "P101",
    verb: (exit) => `ended by itself (${codeWords(exit.code)})`,
    verbMany: "ended with an error",
    advice: readLines,
    isFine: false,
  },
  "crash": {
    code: "P101",
    verb: (exit) => `crashed (${signalWords(exit.signal)})`,
    verbMany: "crashed",
    advice: readLines,
    isFine: false,
  },
  "fatal": {
    code: "P113",
    verb: (exit) => `ended for good (${inSentence(exit.why) ?? codeWords(exit.code)})`,
    verbMany: "ended for good",
    advice: (who, exit) => advise("Read what it said", `hana logs ${who} --run ${exit.run}`),
    isFine: false,
  },
  "temporary": {
    code: "P101",
    verb: () => "ended and asked for another try",
    verbMany: "asked for another try",
    advice: () => NOTHING,
    isFine: false,
  },
  "stay-down": {
    code: "P122",
    verb: () => "ended and asked to stay down",
    verbMany: "asked to stay down",
    advice: (who) => advise("To have it run again", `hana start ${who}`),
    isFine: true,
  },
  "config": {
    code: "P105",
    verb: (exit) =>
      `could not start${because(startWords(exit.why)) || ": its file is missing or may not be run"},`,
    verbMany: "could not start",
    advice: (who) => advise("Put the file right, or look at its command line", `hana why ${who}`),
    isFine: false,
  },
  "resources": {
    code: "P121",
    verb: (exit) => `could not start, the machine has no room for it${parenthesis(exit.why)},`,
    verbMany: "found no room on the machine",
    advice: () => advise("End what is not needed there", "hana ps --on all"),
    isFine: false,
  },
  "start-timeout": {
    code: "P115",
    verb: (exit) => `was not ready after ${spanWords(exit.livedUs)}`,
    verbMany: "did not get ready",
    advice: (who, exit) =>
      advise(
        "If it needs longer, spawn it with --start-timeout; what it did",
        `hana logs ${who} --run ${exit.run}`,
      ),
    isFine: false,
  },
  "hang": {
    code: "P104",
    verb: () => "stopped answering",
    verbMany: "stopped answering",
    advice: readLines,
    isFine: false,
  },
  "stall": {
    code: "P103",
    verb: () => "stood still with a frozen picture",
    verbMany: "froze",
    advice: readLines,
    isFine: false,
  },
  "oom": {
    code: "P106",
    verb: (exit) =>
      exit.peakBytes === null
        ? "used more memory than it may"
        : `used ${bytesWords(exit.peakBytes)} of memory, more than it may,`,
    verbMany: "used too much memory",
    advice: (who) =>
      advise("Raise its --memory-max or reduce what it loads; what it held", `hana why ${who}`),
    isFine: false,
  },
  "stopped": {
    code: "P116",
    verb: () => "was ended on request",
    verbMany: "was ended on request",
    advice: (who) => advise("To have it run again", `hana start ${who}`),
    isFine: true,
  },
  "shim-lost": {
    code: "P112",
    verb: () => "was left without its watcher",
    verbMany: "was left without its watcher",
    advice: (who) => advise("If it happens again, send what this shows", `hana why ${who} --json`),
    isFine: false,
  },
};

function parenthesis(why: string | null): string {
  const words = inSentence(why);
  return words === null ? "" : ` (${words})`;
}
