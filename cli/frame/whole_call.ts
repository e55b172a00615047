// Makes the hint of a usage error into something to run: a hint that speaks of one flag becomes the whole call with
// that flag put right. Decides the words; never runs them. Loads nothing, so that `hana version` can use it.

import { HanaError } from "../../lib/base/mod.ts";
import { shellWord } from "../output/text.ts";

/** `--timeout 5s`: this flag with this value. */
const WITH_VALUE = /^(--[a-z-]+) (\S+)$/;
/** `--ndjson instead of --json`. */
const INSTEAD = /^(--[a-z-]+) instead of (--[a-z-]+)$/;
/** `without --plain`. */
const WITHOUT = /^without (--[a-z-]+)$/;

/**
 * `error` with the whole call as its hint, where the hint is one of these forms and the call `args` has the flag.
 * Any other error is returned as it is.
 */
export function withWholeCall(error: HanaError, args: readonly string[]): HanaError {
  if (error.code !== "usage" || error.hint === undefined) return error;
  const call = corrected(error.hint, args);
  if (call === null) return error;
  const { what, why, cause } = error;
  return new HanaError("usage", {
    what,
    ...(why === undefined ? {} : { why }),
    hint: ["hana", ...call.map(shellWord)].join(" "),
    cause,
  });
}

function corrected(hint: string, args: readonly string[]): string[] | null {
  const [, flag = "", value = ""] = WITH_VALUE.exec(hint) ?? [];
  if (flag !== "") {
    const at = args.findLastIndex((arg) => isFlag(arg, flag));
    if (at >= 0) return args.map((arg, i) => i === at + 1 ? value : arg);
    const joined = args.findLastIndex((arg) => arg.startsWith(`${flag}=`) || isShortWithValue(arg, flag));
    return joined < 0 ? null : args.map((arg, i) => i === joined ? `${flag}=${value}` : arg);
  }
  const [, right = "", wrong = ""] = INSTEAD.exec(hint) ?? [];
  if (args.some((arg) => isFlag(arg, wrong))) return args.map((arg) => isFlag(arg, wrong) ? right : arg);
  const [, superfluous = ""] = WITHOUT.exec(hint) ?? [];
  return args.some((arg) => isFlag(arg, superfluous))
    ? args.filter((arg) => !isFlag(arg, superfluous))
    : null;
}

/** Whether `arg` is the flag or its short form, which is its first letter throughout. */
function isFlag(arg: string, flag: string): boolean {
  return flag !== "" && (arg === flag || arg === flag.slice(1, 3));
}

/** `-c5` for `--count`. */
function isShortWithValue(arg: string, flag: string): boolean {
  return /^-[a-z]./.test(arg) && arg.startsWith(flag.slice(1, 3));
}
