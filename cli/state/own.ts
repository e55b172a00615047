// `hana state own|disown|transfer`: who edits objects alone.
// Decides how long a command waits for an owner's answer and how long it keeps what it owns; the host decides who owns.

import type { Command } from "@commander-js/extra-typings";
import { HanaError } from "../../lib/base/mod.ts";
import type { OwnResult } from "../../lib/state/mod.ts";
import { type Cli, setExamples } from "../frame/mod.ts";
import { EXIT, type JsonObject, type Rendering, shellWord } from "../output/mod.ts";
import { offerNames } from "../completions/model.ts";
import { findClient } from "./clients.ts";
import { offerPaths } from "./completing.ts";
import { addStateSettings, AS_FLAG, AS_TEXT, GIVE_TEXT, holdOf } from "./flags.ts";
import { type OpenDesk, openDesk } from "./opening.ts";
import { holdOn, nothingToRelease, rowsOf, tellKept } from "./held.ts";
import { Stay } from "./staying.ts";
import type { Desk, Holder, ValueRow } from "./desk.ts";

interface OwnOptions {
  readonly take?: true;
  readonly hold?: string;
  readonly give?: true;
  readonly as?: string;
}

/** Declares `hana state own`. */
export function defineOwn(command: Command, cli: Cli): void {
  command.summary("edit objects alone").description(
    "asks to own objects: from then on nobody else may write there, whatever the priority. An owner who is there is asked and has 5 s; one who does not answer and was idle for 30 s loses it. Until Ctrl-C or --hold, or under a name until it is disowned",
  );
  setExamples(
    command,
    { call: "hana state own left/hue --as foh", why: "asks; exit code 7 when the owner keeps it" },
    { call: "hana state own stage-left/aurora --take --hold 10m", why: "without asking; the owner is told" },
  );
  offerPaths(command.argument("<PATH...>", "objects, or the beginning of several paths"));
  command
    .option("--take", "take what others own without asking; needs the level crew")
    .option("--hold <DURATION>", "for so long; until Ctrl-C unless given")
    .option("--give", GIVE_TEXT)
    .option(AS_FLAG, AS_TEXT)
    .action(async (words, options) => await own(cli, words as string[], options as OwnOptions));
  addStateSettings(command);
}

async function own(cli: Cli, words: readonly string[], options: OwnOptions): Promise<void> {
  const holdUs = holdOf(options.hold);
  const open = await openDesk(cli, { as: options.as });
  try {
    const rows = rowsOf(open, words, "hana state own");
    const stay = new Stay(cli);
    const hasAny = await ownObjects(cli, open, rows, { isTaken: options.take === true, signal: stay.signal });
    if (!hasAny) return;
    if (open.place !== null && holdUs === null) return tellKept(cli, open, "hana state disown");
    await holdOn(cli, open, stay, holdUs, options.give === true);
    if (open.place !== null) await open.desk.client.ownership.disown(rows.map(({ path }) => path));
  } finally {
    await open.close();
  }
}

/** Asks for objects and shows the answers. Whether at least one is owned now. */
export async function ownObjects(
  cli: Cli,
  { desk }: OpenDesk,
  rows: readonly ValueRow[],
  how: { readonly isTaken: boolean; readonly signal: AbortSignal },
): Promise<boolean> {
  const { client } = desk;
  const theirs = rows.find(({ owner }) => owner !== null && owner.client !== client.number);
  if (theirs !== undefined && !how.isTaken) {
    cli.output.message(`asking ${theirs.owner?.name} for ${theirs.path}; it has 5 s to answer`);
  }
  const paths = rows.map(({ path }) => path);
  const result = await orAborted(client.ownership.own(paths, { steal: how.isTaken }), how.signal);
  if (result === null) return false;
  await showAnswers(cli, desk, result);
  return result.granted.length > 0;
}

/** The answer, or null where somebody does not want to wait for it any more. */
export async function orAborted<T>(answer: Promise<T>, signal: AbortSignal): Promise<T | null> {
  const aborted = Promise.withResolvers<null>();
  signal.addEventListener("abort", () => aborted.resolve(null), { once: true });
  return await Promise.race([answer, aborted.promise]);
}

/** Declares `hana state disown`. */
export function defineDisown(command: Command, cli: Cli): void {
  command.summary("let others edit objects again").description(
    "gives up objects that are owned under a name; who waits for one gets it",
  );
  setExamples(
    command,
    { call: "hana state disown stage-left/aurora --as foh", why: "everybody may write there again" },
    { call: "hana state release --all --as foh", why: "give up everything that foh holds and owns" },
  );
  offerPaths(command.argument("<PATH...>", "objects, or the beginning of several paths"));
  command
    .option(AS_FLAG, "the name under which they are owned")
    .action(async (words, options) => {
      const { as } = options as OwnOptions;
      if (as === undefined) throw nothingToRelease("hana state disown", words as string[]);
      const open = await openDesk(cli, { as });
      try {
        await disownObjects(cli, open, rowsOf(open, words as string[], "hana state disown"));
      } finally {
        await open.close();
      }
    });
  addStateSettings(command);
}

/** Gives up what of `rows` this client owns. */
export async function disownObjects(cli: Cli, open: OpenDesk, rows: readonly ValueRow[]): Promise<void> {
  const mine = ownedAmong(open, rows);
  if (mine.length === 0) {
    throw new HanaError("not-found", {
      what: `${open.place?.place.name ?? "this client"} owns none of them`,
      why: whatIsOwned(open),
      hint: "hana state sessions",
    });
  }
  const result = await open.desk.client.ownership.disown(mine.map(({ path }) => path));
  await showAnswers(cli, open.desk, result);
}

/** Declares `hana state transfer`. */
export function defineTransfer(command: Command, cli: Cli): void {
  command.summary("give objects to another client").description(
    "hands objects that are owned under a name to another client, who owns them from then on",
  );
  setExamples(
    command,
    { call: "hana state transfer hue lx --as me", why: "to the client called lx" },
    { call: "hana state transfer stage-left/aurora 7 --as foh", why: "by its number (hana state sessions)" },
  );
  const called = command.argument("<PATH>", "an object, or the beginning of several paths");
  offerPaths(called);
  const typed = called.argument("<CLIENT>", "a client, by its name or number");
  const to = typed.registeredArguments.at(-1);
  if (to !== undefined) offerNames(to, "client");
  typed
    .option(AS_FLAG, "the name under which they are owned")
    .action(async (path, client, options) => {
      const { as } = options as OwnOptions;
      if (as === undefined) throw nothingToRelease("hana state transfer", [path, client]);
      const open = await openDesk(cli, { as });
      try {
        const other = findClient(open.desk, client);
        checkThere(open.desk, other, path, as);
        const mine = ownedAmong(open, rowsOf(open, [path], "hana state transfer"));
        if (mine.length === 0) {
          throw new HanaError("refused", {
            what: `${as} does not own ${path}`,
            why: whatIsOwned(open),
            hint: `hana state own ${shellWord(path)} --as ${shellWord(as)}`,
          });
        }
        const result = await open.desk.client.ownership.transfer(mine.map(({ path }) => path), other.client);
        await showAnswers(cli, open.desk, result);
      } finally {
        await open.close();
      }
    });
  addStateSettings(command);
}

/** Throws `refused` for a client that is known and not there: the host gives objects to those alone who are. */
function checkThere(desk: Desk, { client, name }: Holder, path: string, as: string): void {
  const present = desk.client.presence().find((each) => each.client === client);
  if (present?.state !== "suspended") return;
  throw new HanaError("refused", {
    what: `${name} is not there to take ${path}`,
    why: "it was lost, or its last command is over",
    hint: `hana state disown ${shellWord(path)} --as ${shellWord(as)}    (then ${name} can own it)`,
  });
}

function ownedAmong({ desk }: OpenDesk, rows: readonly ValueRow[]): readonly ValueRow[] {
  const own = new Set(desk.client.ownership.owned().map(({ path }) => path));
  return rows.filter(({ path }) => own.has(path));
}

function whatIsOwned({ desk }: OpenDesk): string {
  const paths = desk.client.ownership.owned().map(({ path }) => path);
  return paths.length === 0
    ? "it owns nothing; what it owned was given up if no command came for 60 s"
    : `it owns ${paths.slice(0, 6).join(", ")}${paths.length > 6 ? ` and ${paths.length - 6} more` : ""}`;
}

/** What the host answered about one object. */
interface Answer {
  readonly path: string;
  readonly isGranted: boolean;
  readonly owner: Holder | null;
  readonly why: string;
}

async function showAnswers(cli: Cli, desk: Desk, { granted, refused, asked }: OwnResult): Promise<void> {
  const holderOf = (client: number): Holder | null =>
    client === 0 ? null : { client, name: desk.nameOf(client) };
  const answers: Answer[] = [
    ...granted.map(({ path }) => ({
      path,
      isGranted: true,
      owner: holderOf(desk.client.ownership.ownerOf(path)?.client ?? 0),
      why: "",
    })),
    ...[...refused, ...asked].map(({ path, why, owner }) => ({
      path,
      isGranted: false,
      owner: holderOf(owner),
      why,
    })),
  ].sort((a, b) => a.path < b.path ? -1 : 1);
  await cli.output.rows(answersRendering(), answers);
  const failed = answers.filter(({ isGranted }) => !isGranted);
  for (const { path, owner, why } of failed) {
    const isOther = / (above|below) it is owned/.test(why);
    cli.output.error(
      new HanaError("refused", {
        what: `${path} was not granted`,
        why,
        hint: why.includes("may not")
          ? "hana mesh show    (crew may own; hana mesh create makes a key, where there is none)"
          : isOther || owner === null || owner.client === desk.client.number
          ? "hana state sessions"
          : `hana state own ${path} --take    (takes it; ${owner.name} is told)`,
      }),
    );
  }
  cli.exitWith(
    failed.length === 0 ? EXIT.done : failed.length === answers.length ? EXIT.refused : EXIT.partial,
  );
}

function answersRendering(): Rendering<Answer> {
  const json = ({ path, isGranted, owner, why }: Answer): JsonObject => ({
    path,
    done: isGranted,
    owner: owner === null ? null : { ...owner },
    why: why === "" ? null : why,
  });
  return {
    what: "state.own",
    row: "object",
    id: ({ path }) => path,
    columns: [
      { header: "PATH", cell: ({ path }) => path },
      {
        header: "RESULT",
        cell: ({ isGranted }) => ({
          text: isGranted ? "done" : "refused",
          tone: isGranted ? "good" : "warn",
        }),
        plain: ({ isGranted }) => isGranted ? "done" : "refused",
      },
      { header: "OWNER", cell: ({ owner }) => owner?.name ?? null },
      { header: "WHY", cell: ({ why }) => why === "" ? null : why, shrinks: true },
    ],
    json,
    document: (rows) => ({
      objects: rows.map(json),
      summary: { total: rows.length, done: rows.filter(({ isGranted }) => isGranted).length },
    }),
  };
}
