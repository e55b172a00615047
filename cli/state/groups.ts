// `hana state groups`: groups of displays, as they should be and as each display shows them.
// Decides that a change names the version that it was made from: who comes second sees both and decides. Never what a group
// may hold (lib/state/groups).

import type { Command } from "@commander-js/extra-typings";
import { HanaError, nearest, toHanaError } from "../../lib/base/mod.ts";
import {
  checkNesting,
  differenceOf,
  type DisplayGroup,
  groupDefinition,
  groupPath,
  GROUPS,
  idInPath,
  isGroupId,
  readGroup,
  readStatus,
  StateError,
  statusPath,
  tellDifference,
} from "../../lib/state/mod.ts";
import { offerNames } from "../completions/model.ts";
import { type Cli, setExamples } from "../frame/mod.ts";
import { counted, EXIT, type JsonObject, shellWord } from "../output/mod.ts";
import { privileged } from "./define.ts";
import type { Desk } from "./desk.ts";
import { readYaml } from "./files.ts";
import { addStateSettings, AS_FLAG, AS_TEXT } from "./flags.ts";
import { type DisplayRow, displaysRendering, type GroupRow, groupsRendering } from "./groups_rendering.ts";
import { openDesk } from "./opening.ts";

/** Declares `hana state groups`. */
export function defineGroups(command: Command, cli: Cli): void {
  command.summary("groups of displays").description(
    "lists the groups of displays: how many displays, which version is seen, how far a change is; exit code 1 when there are none",
  );
  setExamples(
    command,
    { call: "hana state groups", why: "all of them" },
    { call: "hana state groups show wall > wall.yaml", why: "one, to be changed" },
    { call: "hana state groups set wall wall.yaml", why: "all its displays change together" },
  );
  command.action(async () => await list(cli));
  addStateSettings(command);
  defineShow(command.command("show") as unknown as Command, cli);
  defineSet(command.command("set") as unknown as Command, cli);
  defineStatus(command.command("status") as unknown as Command, cli);
  defineRemove(command.command("rm") as unknown as Command, cli);
}

/** The groups that can be read. */
export function groupsOf(desk: Desk): GroupRow[] {
  return desk.rows(GROUPS).flatMap((row): GroupRow[] => {
    const id = idInPath(GROUPS, row.path);
    if (id === null) return [];
    try {
      const status = readStatus(desk.row(statusPath(id))?.value ?? null);
      return [{ id, group: readGroup(id, row.value), status }];
    } catch (thrown) {
      if (!(thrown instanceof HanaError)) throw thrown;
      // Somebody wrote something else there; the host says so in the group's status.
      return [];
    }
  });
}

async function list(cli: Cli): Promise<void> {
  const open = await openDesk(cli);
  try {
    const rows = groupsOf(open.desk);
    await cli.output.rows(groupsRendering(), rows);
    if (rows.length > 0) return;
    cli.output.message("there are no groups; try: hana state groups set wall wall.yaml");
    cli.exitWith(EXIT.negative);
  } finally {
    await open.close();
  }
}

function defineShow(command: Command, cli: Cli): void {
  command.summary("one group, as YAML").description(
    "writes one group as YAML, to be changed and given to hana state groups set",
  );
  setExamples(
    command,
    { call: "hana state groups show wall > wall.yaml", why: "to be changed" },
    { call: "hana state groups show wall --json", why: "for scripts" },
  );
  const called = command.argument("<GROUP>", "its id");
  offerGroup(called);
  called.action(async (id) => {
    const open = await openDesk(cli);
    try {
      const { group } = find(open.desk, id, "show");
      if (cli.output.mode === "json" || cli.output.mode === "ndjson") {
        cli.output.record({
          what: "state.group",
          fields: [],
          quiet: [],
          json: { id, ...group } as unknown as JsonObject,
        });
        return;
      }
      const { stringify } = await import("../deps/yaml.ts");
      cli.output.raw(stringify(group));
    } finally {
      await open.close();
    }
  });
  addStateSettings(command);
}

function defineSet(command: Command, cli: Cli): void {
  command.summary("make or change a group").description(
    "makes a group, or changes it: the version in the file is the one that was changed, and where somebody else was faster nothing happens (exit code 7, and what differs). Needs the privilege, which it takes for this moment where nobody has it",
  );
  setExamples(
    command,
    { call: "hana state groups set wall w.yaml", why: "from a file" },
    {
      call: "hana state groups show wall | sed s/span/mirror/ | hana state groups set wall -",
      why: "in one line",
    },
  );
  const called = command.argument("<GROUP>", "its id").argument("<FILE>", "a YAML or JSON file, - for stdin");
  offerGroup(called);
  called
    .option("--force", "change it whatever version it has")
    .option(AS_FLAG, AS_TEXT)
    .action(async (id, file, options) => await set(cli, id, file, options as { force?: true; as?: string }));
  addStateSettings(command);
}

async function set(
  cli: Cli,
  id: string,
  file: string,
  options: { readonly force?: true; readonly as?: string },
): Promise<void> {
  const hint = `hana state groups show ${shellWord(id)} > ${shellWord(`${id}.yaml`)}`;
  const wanted = readGiven(id, await readYaml(file, hint), hint);
  const open = await openDesk(cli, { as: options.as });
  try {
    const { desk } = open;
    const groups = groupsOf(desk);
    const present = groups.find((each) => each.id === id)?.group ?? null;
    if (present !== null && options.force !== true && wanted.version !== present.version) {
      throw tooLate(id, wanted, present);
    }
    const group = { ...wanted, version: (present?.version ?? 0) + 1 };
    try {
      checkNesting(
        id,
        group,
        (other) => groups.find((each) => each.id === other)?.group ?? null,
        groups.map((each) => each.id),
      );
    } catch (thrown) {
      throw asUsage(thrown, hint);
    }
    try {
      await privileged(desk, async () => {
        await desk.client.transaction((transaction) => {
          if (present === null) transaction.define(groupDefinition(id, group));
          else transaction.unchanged(groupPath(id)).put(groupPath(id), group);
        });
      });
    } catch (thrown) {
      if (!(thrown instanceof StateError) || thrown.reason !== "version") throw thrown;
      throw tooLate(id, wanted, groupsOf(desk).find((each) => each.id === id)?.group ?? wanted);
    }
    const displays = counted(group.members.length, "display");
    cli.output.record({
      what: "state.groups.set",
      fields: [{ label: "group", value: id }, { label: "version", value: group.version }, {
        label: "displays",
        value: group.members.length,
      }],
      sentences: [
        `${id} is version ${group.version} with ${displays}; watch it change: hana state groups status ${id}`,
      ],
      quiet: [id],
      json: { id, version: group.version, made: present === null },
    });
  } finally {
    await open.close();
  }
}

function readGiven(id: string, value: unknown, hint: string): DisplayGroup {
  try {
    return readGroup(id, value);
  } catch (thrown) {
    throw asUsage(thrown, hint);
  }
}

function asUsage(thrown: unknown, hint: string): HanaError {
  const { what, why } = toHanaError(thrown, "schema", "the group cannot be read");
  return new HanaError("usage", { what, ...(why === undefined ? {} : { why }), hint, cause: thrown });
}

function tooLate(id: string, yours: DisplayGroup, theirs: DisplayGroup): HanaError {
  const differences = tellDifference(differenceOf(yours, theirs));
  return new HanaError("conflict", {
    what: `${id} is version ${theirs.version} by now, and your change was made from version ${yours.version}`,
    why: differences.length === 0 ? "they say the same otherwise" : differences.join("; "),
    hint: `hana state groups show ${id}    (take the change over, or --force)`,
  });
}

function defineStatus(command: Command, cli: Cli): void {
  command.summary("what each display shows").description(
    "shows how far a group is, and what each of its displays shows; exit code 3 while one does not show what it should",
  );
  setExamples(
    command,
    { call: "hana state groups status wall", why: "which display lags, and why" },
    { call: "hana state groups status", why: "of all groups" },
  );
  const called = command.argument("[GROUP]", "its id; all unless given");
  offerGroup(called);
  called.action(async (id) => {
    const open = await openDesk(cli);
    try {
      const rows = id === undefined ? groupsOf(open.desk) : [find(open.desk, id, "status")];
      await showStatus(cli, rows);
    } finally {
      await open.close();
    }
  });
  addStateSettings(command);
}

async function showStatus(cli: Cli, groups: readonly GroupRow[]): Promise<void> {
  const displays = groups.flatMap(({ id, group, status }) =>
    group.members.map(({ display }): DisplayRow => ({
      group: id,
      display,
      wanted: group.version,
      standing: status?.displays[display] ?? null,
    }))
  );
  await cli.output.rows(displaysRendering(groups), displays);
  for (const { id, group, status } of groups) {
    if (status === null) {
      cli.output.message(`${id}: nobody watches over it; try: hana state host`);
    } else if (status.why !== null) {
      cli.output.warn(`${id}: version ${group.version} ${status.phase}: ${status.why}`);
    }
  }
  if (displays.some(({ standing, wanted }) => standing?.state !== "shown" || standing.version !== wanted)) {
    cli.exitWith(EXIT.partial);
  }
}

function defineRemove(command: Command, cli: Cli): void {
  command.summary("take a group apart").description(
    "takes a group apart: its displays show nothing of it any more. Needs the privilege, which it takes for this moment where nobody has it",
  );
  setExamples(
    command,
    { call: "hana state groups rm wall", why: "its displays are free again" },
    {
      call: "hana state groups show wall > wall.yaml && hana state groups rm wall",
      why: "and kept, to be made again",
    },
  );
  const called = command.argument("<GROUP>", "its id");
  offerGroup(called);
  called.option(AS_FLAG, AS_TEXT).action(async (id, options) => {
    const open = await openDesk(cli, options as { as?: string });
    try {
      const { desk } = open;
      const row = find(desk, id, "rm");
      const inside = groupsOf(desk).filter(({ group }) => group.parent === id);
      if (inside.length > 0) {
        throw new HanaError("refused", {
          what: `${id} is not taken apart`,
          why: `${inside.map((each) => each.id).join(", ")} ${
            inside.length === 1 ? "stands" : "stand"
          } in it`,
          hint: `hana state groups show ${inside[0]?.id ?? ""}    (parent: null lets it stand in the room)`,
        });
      }
      await privileged(desk, async () => {
        await desk.client.transaction((transaction) =>
          transaction.unchanged(groupPath(id)).forget(groupPath(id))
        );
      });
      cli.output.record({
        what: "state.groups.rm",
        fields: [{ label: "group", value: id }],
        sentences: [`${id} is taken apart; it had ${counted(row.group.members.length, "display")}`],
        quiet: [id],
        json: { id, version: row.group.version },
      });
    } finally {
      await open.close();
    }
  });
  addStateSettings(command);
}

function find(desk: Desk, id: string, verb: string): GroupRow {
  const groups = groupsOf(desk);
  const found = groups.find((each) => each.id === id);
  if (found !== undefined) return found;
  const ids = groups.map((each) => each.id);
  const meant = nearest(id, ids);
  throw new HanaError(isGroupId(id) ? "not-found" : "usage", {
    what: `there is no group ${id}`,
    why: meant !== null
      ? `did you mean ${meant}?`
      : ids.length === 0
      ? "there are none at all"
      : `there ${ids.length === 1 ? "is" : "are"} ${ids.slice(0, 6).join(", ")}`,
    hint: meant !== null ? `hana state groups ${verb} ${meant}` : "hana state groups",
  });
}

function offerGroup(command: { readonly registeredArguments: readonly object[] }): void {
  const [first] = command.registeredArguments;
  if (first !== undefined) offerNames(first, "group");
}
