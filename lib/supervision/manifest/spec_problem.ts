// What the reader of specifications says of a value, in the words of a manifest.
// Decides wording alone: durations and sizes as people write them, fields as the manifest calls them.

import type { HanaError } from "../../base/mod.ts";
import { PROGRAM_FIELDS } from "./fields.ts";
import type { ManifestNode } from "./tree.ts";
import { durationText, shown, sizeText } from "./values.ts";

/** A refusal of `readSpec` about the field at `path`; `node` is its value where that alone is wrong. */
export function explain(
  error: HanaError,
  path: string,
  node: ManifestNode | null,
): { what: string; why: string | undefined; hint: string | undefined } {
  const below = /^the program's [A-Za-z0-9]+([^ ]*)/.exec(error.what)?.[1] ?? "";
  const at = /^(\[\d+\]|\.[A-Za-z0-9_.-]+)/.test(below) ? path + below : path;
  const isSimple = node !== null && node.kind === "scalar";
  const rest = error.what.replace(/^the program's \S+ ?/, "");
  const what = isSimple && / cannot be /.test(error.what)
    ? `${at} cannot be ${shown(node)}`
    : `${at} ${rest}`;
  return {
    what: inWords(what),
    why: error.why === undefined ? undefined : inUnits(error.why),
    hint: error.hint,
  };
}

const FIELD_WORDS: readonly (readonly [RegExp, string])[] = [
  [/hang\.warnUs/g, "hang.warn"],
  [/hang\.killUs/g, "hang.kill"],
  [/hang\.stallUs/g, "hang.frozen"],
  [/successCodes/g, "success_codes"],
  [/fatalCodes/g, "fatal_codes"],
];

function inUnits(why: string): string {
  const text = why
    .replace(
      /a whole number of microseconds from (\d+) to (\d+)/,
      (_all, least, most) =>
        `a duration from ${durationText(Number(least))} to ${durationText(Number(most))}`,
    )
    .replace(
      /a whole number of bytes from (\d+) to (\d+)/,
      (_all, least, most) => `a size from ${sizeText(Number(least))} to ${sizeText(Number(most))}`,
    )
    .replace(
      /it is (\d+), not more than hang\.warnUs, which is (\d+)/,
      (_all, kill, warn) =>
        `it is ${durationText(Number(kill))}, not more than hang.warn, which is ${
          durationText(Number(warn))
        }`,
    )
    .replace(
      /it is (\d+), and a heartbeat comes every (\d+) microseconds only/,
      (_all, warn, beat) =>
        `it is ${durationText(Number(warn))}, and a heartbeat comes every ${durationText(Number(beat))} only`,
    );
  return inWords(text);
}

function inWords(text: string): string {
  return FIELD_WORDS.reduce((words, [pattern, word]) => words.replace(pattern, word), text);
}

/** A line of `diffSpecs` as a manifest says it: `graceUs: 5000000 -> 1000000` is `grace: 5s -> 1s`. */
export function changeWords(line: string): string {
  const [, field = "", below = "", rest = ""] = /^([A-Za-z0-9]+)([^:]*): (.*)$/s.exec(line) ?? [];
  const name = Object.keys(PROGRAM_FIELDS).find((key) => PROGRAM_FIELDS[key]?.spec === field) ??
    (field === "" ? "" : field);
  if (field === "") return line;
  const path = `${field}${below}`;
  const inField = BELOW[path] ?? `${name}${below}`;
  const write = /Us$/.test(path) ? durationText : /Bytes$/.test(path) ? sizeText : null;
  const values = write === null ? rest : rest.replace(/\b\d+\b/g, (digits) => write(Number(digits)));
  return `${inField}: ${values}`;
}

const BELOW: Readonly<Record<string, string>> = {
  "hang.warnUs": "hang.warn",
  "hang.killUs": "hang.kill",
  "hang.stallUs": "hang.frozen",
  "giveUp.withinUs": "give_up.within",
  "giveUp.after": "give_up.after",
  "logs.rotateBytes": "logs.rotate",
};
