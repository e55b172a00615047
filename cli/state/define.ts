// `hana state define|forget`: paths that people make, beside those of visualizations.
// Decides that a command which needs the privilege takes it for its moment where nobody has it, and gives it back.

import type { Command } from "@commander-js/extra-typings";
import { HanaError, toHanaError } from "../../lib/base/mod.ts";
import {
  isPath,
  type ParameterDefinition,
  parseDefinitionText,
  readDefinitions,
  StateError,
} from "../../lib/state/mod.ts";
import { type Cli, setExamples } from "../frame/mod.ts";
import { counted, type RecordRendering, shellWord } from "../output/mod.ts";
import { offerPaths } from "./completing.ts";
import type { Desk } from "./desk.ts";
import { readYaml } from "./files.ts";
import { addStateSettings, AS_FLAG, AS_TEXT } from "./flags.ts";
import { openDesk } from "./opening.ts";
import { rangeText } from "./rendering.ts";
import { rowsOf } from "./held.ts";

/** Declares `hana state define`. */
export function defineDefine(command: Command, cli: Cli): void {
  command.summary("make paths, or change what they take").description(
    "makes paths of your own, of a file or in words: PATH TYPE, then in any order a range, a unit, words, merge=, onLoss=, fade=, subsystem=, and at last = DEFAULT. Needs the privilege, which it takes for this moment where nobody has it",
  );
  setExamples(
    command,
    { call: "hana state define show/on bool", why: "one, in words" },
    { call: "hana state define show/mood enum 'calm|wild' = calm", why: "with its words and default" },
    {
      call: "hana state define show/level f32 0..100 % merge=highest",
      why: "of equals the highest value counts",
    },
    { call: "hana state define paths.yaml --as foh", why: "several; foh is privileged already" },
  );
  // A range may begin with a minus.
  command
    .allowUnknownOption()
    .argument("<FILE|PATH>", "a YAML or JSON file, - for stdin, or a path")
    .argument("[WORDS...]", "type, range, unit and so on of the path")
    .option(AS_FLAG, AS_TEXT)
    .action(async (first, words, options) => await define(cli, first, words, options as { as?: string }));
  addStateSettings(command);
}

async function define(
  cli: Cli,
  first: string,
  words: readonly string[],
  { as }: { readonly as?: string },
): Promise<void> {
  const flag = [first, ...words].find((word) => /^-[^\d.]/.test(word));
  if (flag !== undefined) {
    throw new HanaError("usage", {
      what: `hana state define has no flag ${flag}`,
      hint: "hana state define --help",
    });
  }
  const definitions = words.length > 0 ? [inWords(first, words)] : await fromFile(first);
  // A call without any is a mistake that would pass unseen.
  if (definitions.length === 0) {
    throw new HanaError("usage", {
      what: `${first} defines nothing`,
      why: "a list of definitions is wanted, or one under parameters:",
      hint: "hana state define show/mood enum 'calm|wild' = calm",
    });
  }
  const open = await openDesk(cli, { as });
  try {
    const { desk } = open;
    const before = new Set(desk.rows().map(({ path }) => path));
    await privileged(desk, async () => {
      await desk.client.transaction((transaction) => {
        for (const definition of definitions) transaction.define(definition);
      });
    });
    const made = definitions.filter(({ path }) => !before.has(path)).length;
    cli.output.record(definedRecord(definitions, made));
  } finally {
    await open.close();
  }
}

function inWords(path: string, words: readonly string[]): ParameterDefinition {
  try {
    return parseDefinitionText([path, ...words].join(" "));
  } catch (thrown) {
    throw asUsage(thrown, "hana state define show/level f32 0..100 % = 50");
  }
}

async function fromFile(file: string): Promise<ParameterDefinition[]> {
  // A path without a type looks like a file.
  const hint = file.includes("/") && isPath(file) && !/\.(ya?ml|json)$/.test(file)
    ? `hana state define ${file} f32 0..100 %    (a path needs a type)`
    : "hana state define show/mood enum 'calm|wild' = calm";
  const value = await readYaml(file, hint);
  const list = Array.isArray(value)
    ? value
    : typeof value === "object" && value !== null && "parameters" in value
    ? value.parameters
    : value === null
    ? []
    : [value];
  try {
    return readDefinitions(
      (list as unknown[]).map((each) => typeof each === "string" ? parseDefinitionText(each) : each),
    );
  } catch (thrown) {
    throw asUsage(thrown, "hana help state define");
  }
}

function asUsage(thrown: unknown, hint: string): HanaError {
  const { what, why } = toHanaError(thrown, "schema", "the definition cannot be read");
  return new HanaError("usage", { what, ...(why === undefined ? {} : { why }), hint, cause: thrown });
}

/** Declares `hana state forget`. */
export function defineForget(command: Command, cli: Cli): void {
  command.summary("take paths out").description(
    "takes paths out, with their values and claims; those of a visualization that is there come back when it declares them again. Needs the privilege, which it takes for this moment where nobody has it",
  );
  setExamples(
    command,
    { call: "hana state forget show/mood", why: "one path" },
    { call: "hana state forget old-wall --yes", why: "everything of a visualization that is gone for good" },
  );
  offerPaths(command.argument("<PATH...>", "a path, or the beginning of several"));
  command
    .option("--yes", "also where it is more than one path")
    .option(AS_FLAG, AS_TEXT)
    .action(async (words, options) =>
      await forget(cli, words as string[], options as { yes?: true; as?: string })
    );
  addStateSettings(command);
}

async function forget(
  cli: Cli,
  words: readonly string[],
  { yes, as }: { readonly yes?: true; readonly as?: string },
): Promise<void> {
  const open = await openDesk(cli, { as });
  try {
    const { desk } = open;
    const rows = rowsOf(open, words, "hana state forget");
    if (rows.length > 1 && yes !== true) {
      throw new HanaError("usage", {
        what: `${words.join(" ")} means ${rows.length} paths`,
        why: `with their values: ${rows.slice(0, 4).map(({ path }) => path).join(", ")}${
          rows.length > 4 ? ", …" : ""
        }`,
        hint: `hana state forget ${words.map(shellWord).join(" ")} --yes`,
      });
    }
    await privileged(desk, async () => {
      await desk.client.transaction((transaction) => {
        for (const { path } of rows) transaction.forget(path);
      });
    });
    cli.output.record({
      what: "state.forget",
      fields: [{ label: "forgotten", value: counted(rows.length, "path"), plain: rows.length }],
      sentences: [`${counted(rows.length, "path")} forgotten`],
      quiet: rows.map(({ path }) => path),
      json: { paths: rows.map(({ path }) => path) },
    });
  } finally {
    await open.close();
  }
}

/** Does what only the privileged client may. The privilege is taken for this moment where nobody has it. */
export async function privileged(desk: Desk, act: () => Promise<void>): Promise<void> {
  const { privilege } = desk.client;
  const { standing } = privilege;
  let isBorrowed = false;
  if (!standing.isOwn) {
    if (standing.state !== "none") {
      throw notPrivileged(`${desk.nameOf(standing.holder)} is the privileged client`);
    }
    const { granted, text } = await privilege.request();
    if (!granted) throw notPrivileged(text);
    isBorrowed = true;
  }
  try {
    await act();
  } catch (thrown) {
    if (thrown instanceof StateError && thrown.reason === "privilege") {
      throw notPrivileged(thrown.why ?? thrown.what);
    }
    throw thrown;
  } finally {
    if (isBorrowed) await privilege.release().catch(() => {});
  }
}

function notPrivileged(why: string): HanaError {
  const mayNot = why.includes("may not hold it");
  return new HanaError("refused", {
    what: "only the privileged client may change structure",
    why: mayNot ? "this client may not be privileged: operators alone may" : why,
    hint: mayNot
      ? "hana mesh show"
      : "hana state privilege request --as NAME, then the same command --as NAME",
  });
}

function definedRecord(definitions: readonly ParameterDefinition[], made: number): RecordRendering {
  const old = definitions.length - made;
  const parts = [
    ...(made > 0 ? [`${counted(made, "path")} made`] : []),
    ...(old > 0 ? [`${counted(old, "path")} changed or the same`] : []),
  ];
  return {
    what: "state.define",
    fields: definitions.map((definition) => ({
      label: definition.path,
      value: definition.type === rangeText(definition)
        ? definition.type
        : `${definition.type}, ${rangeText(definition)}`,
    })),
    sentences: [
      `${parts.join(", ")}: ${definitions.slice(0, 4).map(({ path }) => path).join(", ")}${
        definitions.length > 4 ? ", …" : ""
      }`,
    ],
    quiet: definitions.map(({ path }) => path),
    json: { paths: definitions.map(({ path }) => path), made },
  };
}
