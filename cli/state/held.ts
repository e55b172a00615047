// What a command holds while it stays, and what a name holds between commands.
// Decides the words about it; how long the host keeps a place is lib/state/holding's.

import { HanaError } from "../../lib/base/mod.ts";
import type { Cli } from "../frame/mod.ts";
import { briefDuration, shellWord } from "../output/mod.ts";
import { answerQuestions } from "./asked.ts";
import { tellConnection } from "./connection.ts";
import type { ValueRow } from "./desk.ts";
import type { OpenDesk } from "./opening.ts";
import { select } from "./selecting.ts";
import type { Stay } from "./staying.ts";

/** Stays and holds; tells what is taken meanwhile, and has questions answered. */
export async function holdOn(
  cli: Cli,
  { desk }: OpenDesk,
  stay: Stay,
  holdUs: number | null,
  gives = false,
): Promise<void> {
  const how = holdUs === null ? "until Ctrl-C" : `for ${briefDuration(holdUs)}; Ctrl-C ends it before`;
  cli.output.message(`holding ${how}`);
  const { client } = desk;
  const stops = [
    answerQuestions(cli, client, gives),
    tellConnection(cli, client),
    client.onEvent((event) => {
      if (event.kind !== "dropped") return;
      const holder = desk.row(event.path)?.holder ?? null;
      const who = holder === null ? event.text : `${holder.name} (${desk.row(event.path)?.priority ?? 0})`;
      cli.output.message(`${event.path}: ${who} took over; try: hana state why ${event.path}`);
    }),
    client.ownership.onChange(({ path, isOwn, owner, ownerName }) => {
      if (!isOwn && owner !== 0) cli.output.message(`${path}: ${ownerName ?? `client ${owner}`} owns it now`);
    }),
  ];
  await stay.until(holdUs);
  for (const stop of stops) stop();
}

/** How long a name keeps what it holds. */
export function tellKept(cli: Cli, { place }: OpenDesk, command: string): void {
  cli.output.message(
    `${place?.place.name} holds it for 60 s, and for as long as commands come --as ${place?.place.name}; ` +
      `to give it up: ${command} … --as ${place?.place.name}`,
  );
}

/** A command alone holds nothing when it begins. */
export function nothingToRelease(command: string, words: readonly string[]): HanaError {
  return new HanaError("usage", {
    what: `${command} without --as`,
    why:
      "a command that has just begun holds nothing; what other commands hold ends with them, or is held under a name",
    hint: `${command} ${words.map(shellWord).join(" ")}${words.length > 0 ? " " : ""}--as NAME`,
  });
}

/** The rows that words mean; throws for the first that means nothing. */
export function rowsOf({ desk }: OpenDesk, words: readonly string[], command: string): readonly ValueRow[] {
  const { rows, unknown: [first] } = select(desk, words, command);
  if (first !== undefined) throw first;
  return rows;
}
