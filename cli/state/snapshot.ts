// `hana state snapshot`: how everything stood, by name in the state itself and as YAML.
// Decides which words mean a stored snapshot and which a file, and how differences read. What is kept and what can be put
// back stands in lib/state/presets.

import type { Command } from "@commander-js/extra-typings";
import { HanaError, toHanaError } from "../../lib/base/mod.ts";
import {
  compareSnapshots,
  formatSnapshot,
  type LoadReport,
  loadSnapshot,
  type NamedSnapshot,
  parseSnapshot,
  type PresetInfo,
  PresetLibrary,
  type Snapshot,
  takeSnapshot,
} from "../../lib/state/mod.ts";
import { offerNames } from "../completions/model.ts";
import { type Cli, setExamples } from "../frame/mod.ts";
import { counted, EXIT, parseDuration } from "../output/mod.ts";
import { offerPaths } from "./completing.ts";
import { privileged } from "./define.ts";
import type { Desk } from "./desk.ts";
import { readText, writeText } from "./files.ts";
import { addStateSettings, AS_FLAG, AS_TEXT, priorityOf } from "./flags.ts";
import { type OpenDesk, openDesk } from "./opening.ts";
import type { Action, Standing } from "./place.ts";
import { valueText } from "./rendering.ts";
import { prefixOf, select } from "./selecting.ts";
import {
  diffRendering,
  type DiffRow,
  entryJson,
  loadedRecord,
  presetRecord,
  presetsRendering,
} from "./snapshot_rendering.ts";
import { standingOf } from "./set.ts";

interface LoadFlags {
  readonly as?: string;
  readonly priority?: string;
  readonly priorities?: true;
  readonly fade?: string;
  readonly whole?: true;
}

/** Declares `hana state snapshot`. */
export function defineSnapshot(command: Command, cli: Cli): void {
  command.summary("how everything stood, by name").description(
    "lists the snapshots that are stored in the state; they outlive hosts, and everybody has them. Storing and removing needs the privilege, which is taken for this moment where nobody has it",
  );
  setExamples(
    command,
    { call: "hana state snapshot save act-2", why: "how everything stands now" },
    { call: "hana state snapshot load act-2 --fade 3s", why: "and go back to it" },
    { call: "hana state snapshot export > show.yaml", why: "as a file" },
  );
  command.action(async () => await list(cli));
  addStateSettings(command);
  const child = (name: string): Command => command.command(name) as unknown as Command;
  defineList(child("list"), cli);
  defineSave(child("save"), cli);
  defineLoad(child("load"), cli);
  defineShow(child("show"), cli);
  defineDiff(child("diff"), cli);
  defineRemove(child("rm"), cli);
  defineExport(child("export"), cli);
  defineImport(child("import"), cli);
}

function defineList(command: Command, cli: Cli): void {
  command.summary("the stored ones").description("lists the snapshots that are stored in the state");
  setExamples(
    command,
    { call: "hana state snapshot list", why: "who stored what" },
    { call: "hana state snapshot list -q", why: "their names alone" },
  );
  command.action(async () => await list(cli));
  addStateSettings(command);
}

async function list(cli: Cli): Promise<void> {
  const open = await openDesk(cli);
  try {
    const presets = new PresetLibrary(open.desk.client).list();
    await cli.output.rows(presetsRendering(), presets);
    if (presets.length > 0) return;
    cli.output.message("no snapshots are stored; try: hana state snapshot save NAME");
    cli.exitWith(EXIT.negative);
  } finally {
    await open.close();
  }
}

function defineSave(command: Command, cli: Cli): void {
  command.summary("store how everything stands").description(
    "stores how everything stands, or what is below a path, under a name; what has that name is replaced",
  );
  setExamples(
    command,
    { call: "hana state snapshot save act-2", why: "everything" },
    { call: 'hana state snapshot save wild stage-left --note "before the solo"', why: "one visualization" },
  );
  const called = command.argument("<NAME>", "such as act-2").argument("[PATH]", "only what is below it");
  offerSnapshot(called.registeredArguments[0]);
  offerPaths(called);
  called
    .option("--note <TEXT>", "for people")
    .option("--priorities", "keep who held what how high")
    .option(AS_FLAG, AS_TEXT)
    .action(async (name, path, options) => {
      const { note, priorities, as } = options as { note?: string; priorities?: true; as?: string };
      const open = await openDesk(cli, { as });
      try {
        const { desk } = open;
        const prefix = path === undefined ? "" : checkedPrefix(desk, path);
        const library = new PresetLibrary(desk.client);
        let saved: PresetInfo | null = null;
        await privileged(desk, async () => {
          saved = await library.save(name, prefix, {
            priorities: priorities === true,
            ...(note === undefined ? {} : { note }),
          });
        });
        if (saved !== null) cli.output.record(presetRecord("state.snapshot.save", saved, "stored"));
      } finally {
        await open.close();
      }
    });
  addStateSettings(command);
}

function defineLoad(command: Command, cli: Cli): void {
  command.summary("go back to a stored one").description(
    "puts the values of a stored snapshot back; what cannot be put back is told, and the rest is (exit code 3)",
  );
  setExamples(
    command,
    { call: "hana state snapshot load act-2", why: "at once" },
    { call: "hana state snapshot load act-2 --fade 3s", why: "numbers go there within three seconds" },
    { call: "hana state snapshot load act-2 --whole", why: "all or nothing; needs the privilege" },
  );
  const called = command.argument("<NAME>", "a stored snapshot");
  offerSnapshot(called.registeredArguments[0]);
  addLoadFlags(called as unknown as Command<[string]>).action(async (name, options) => {
    const flags = options as LoadFlags;
    const open = await openDesk(cli, { as: flags.as });
    try {
      await load(cli, open, libraryGet(open.desk, name), name, flags);
    } finally {
      await open.close();
    }
  });
  addStateSettings(command);
}

function addLoadFlags(command: Command<[string]>): Command<[string]> {
  return command
    .option("--priority <N>", "1 to 200; 100 unless given")
    .option("--priorities", "with the priorities that the snapshot has kept")
    .option("--fade <DURATION>", "numbers go there within this time")
    .option("--whole", "all or nothing, and nobody holds the values then; needs the privilege")
    .option(AS_FLAG, AS_TEXT) as unknown as Command<[string]>;
}

async function load(
  cli: Cli,
  open: OpenDesk,
  snapshot: Snapshot,
  name: string,
  flags: LoadFlags,
): Promise<void> {
  const { desk } = open;
  const priority = priorityOf(flags.priority);
  const fadeUs = flags.fade === undefined ? 0 : parseDuration(flags.fade, "--fade");
  if (flags.whole === true && (fadeUs > 0 || priority !== null || flags.priorities === true)) {
    throw new HanaError("usage", {
      what: "--whole with --fade or a priority",
      why: "what is put back whole is at once, and nobody's",
      hint: "without --whole",
    });
  }
  const before = snapshot.entries.flatMap(({ path }) => {
    const row = desk.row(path);
    return row === null ? [] : [standingOf(row, desk.client.number)];
  });
  let report: LoadReport = { loaded: [], skipped: [] };
  const act = async (): Promise<void> => {
    report = await loadSnapshot(desk.client, snapshot, {
      as: flags.whole === true ? "structure" : "values",
      priorities: flags.priorities === true,
      fadeUs,
      ...(priority === null ? {} : { priority }),
    });
  };
  if (flags.whole === true) await privileged(desk, act);
  else await act();
  open.place?.note(loadedAction(desk, name, report, before));
  cli.output.record(loadedRecord(name, report));
  for (const { path, text } of report.skipped) cli.output.warn(`${path}: ${text}`);
  if (report.skipped.length > 0) cli.exitWith(report.loaded.length === 0 ? EXIT.negative : EXIT.partial);
}

function loadedAction(desk: Desk, name: string, { loaded }: LoadReport, before: readonly Standing[]): Action {
  const done = new Set(loaded);
  const changes = before.filter(({ path }) => done.has(path)).flatMap((standing) => {
    const row = desk.row(standing.path);
    if (row === null) return [];
    const text = valueText(row.definition, row.value);
    // What it held already with the same value is as it was.
    const isSame = standing.held && text === standing.text;
    return isSame ? [] : [{ before: standing, after: { ...standing, text, held: true } }];
  });
  return { what: `snapshot load ${name} (${counted(changes.length, "value")})`, changes };
}

function defineShow(command: Command, cli: Cli): void {
  command.summary("one of them, as YAML").description("writes a stored snapshot as YAML");
  setExamples(
    command,
    { call: "hana state snapshot show act-2", why: "what is in it" },
    { call: "hana state snapshot show act-2 > act-2.yaml", why: "as a file" },
  );
  const called = command.argument("<NAME>", "a stored snapshot");
  offerSnapshot(called.registeredArguments[0]);
  called.action(async (name) => {
    const open = await openDesk(cli);
    try {
      writeSnapshot(cli, open.desk, name, libraryGet(open.desk, name));
    } finally {
      await open.close();
    }
  });
  addStateSettings(command);
}

function defineDiff(command: Command, cli: Cli): void {
  command.summary("what differs").description(
    "shows what differs between a snapshot and how everything stands now, or between two; names are of stored snapshots or of files; exit code 1 when something differs",
  );
  setExamples(
    command,
    { call: "hana state snapshot diff act-2", why: "what has been moved since" },
    { call: "hana state snapshot diff act-2 show.yaml", why: "a stored one and a file" },
  );
  const called = command.argument("<A>", "a stored snapshot or a file")
    .argument("[B]", "another; how everything stands now unless given");
  for (const argument of called.registeredArguments) offerSnapshot(argument);
  called.action(async (a, b) => await diff(cli, a, b));
  addStateSettings(command);
}

async function diff(cli: Cli, a: string, b: string | undefined): Promise<void> {
  const open = await openDesk(cli);
  try {
    const { desk } = open;
    const from = await resolve(desk, a);
    const to = b === undefined ? takeSnapshot(desk.client, from.prefix) : await resolve(desk, b);
    const { changed, gone, added, same } = compareSnapshots(from, to);
    const rows: DiffRow[] = [
      ...changed.map((change): DiffRow => ({ path: change.path, from: change.from, to: change.to })),
      ...gone.map((entry): DiffRow => ({ path: entry.path, from: entry, to: null })),
      ...added.map((entry): DiffRow => ({ path: entry.path, from: null, to: entry })),
    ].sort((x, y) => x.path < y.path ? -1 : 1);
    await cli.output.rows(diffRendering(desk, a, b ?? "now", same), rows);
    if (rows.length === 0) cli.output.message(`nothing differs: ${counted(same, "value")} the same`);
    else cli.exitWith(EXIT.negative);
  } finally {
    await open.close();
  }
}

function defineRemove(command: Command, cli: Cli): void {
  command.summary("remove a stored one").description("removes a stored snapshot; values stay as they are");
  setExamples(
    command,
    { call: "hana state snapshot rm act-2", why: "it is not needed any more" },
    {
      call: "hana state snapshot show act-2 > act-2.yaml && hana state snapshot rm act-2",
      why: "and kept as a file",
    },
  );
  const called = command.argument("<NAME>", "a stored snapshot");
  offerSnapshot(called.registeredArguments[0]);
  called.option(AS_FLAG, AS_TEXT).action(async (name, options) => {
    const open = await openDesk(cli, options as { as?: string });
    try {
      const { desk } = open;
      libraryGetInfo(desk, name);
      await privileged(desk, async () => await new PresetLibrary(desk.client).delete(name));
      cli.output.record({
        what: "state.snapshot.rm",
        fields: [{ label: "removed", value: name }],
        sentences: [`${name} is removed`],
        quiet: [name],
        json: { name },
      });
    } finally {
      await open.close();
    }
  });
  addStateSettings(command);
}

function defineExport(command: Command, cli: Cli): void {
  command.summary("how everything stands, as YAML").description(
    "writes how everything stands as YAML, to stdout or a file, one value a line with what it takes behind it",
  );
  setExamples(
    command,
    { call: "hana state snapshot export > show.yaml", why: "everything" },
    { call: "hana state snapshot export left.yaml --below stage-left", why: "one visualization" },
  );
  command.argument("[FILE]", "- or none for stdout")
    .option("--below <PATH>", "only what is below it")
    .option("--priorities", "with who held what how high")
    .option("--note <TEXT>", "for people")
    .action(async (file, options) => {
      const { below, priorities, note } = options;
      const open = await openDesk(cli);
      try {
        const { desk } = open;
        const prefix = below === undefined ? "" : checkedPrefix(desk, below);
        const snapshot = takeSnapshot(desk.client, prefix, { priorities: priorities === true });
        if (file === undefined || file === "-") return writeSnapshot(cli, desk, null, snapshot, note);
        await writeText(file, textOf(desk, null, snapshot, note));
        cli.output.message(`${file}: ${counted(snapshot.entries.length, "value")}`);
      } finally {
        await open.close();
      }
    });
  addStateSettings(command);
}

function defineImport(command: Command, cli: Cli): void {
  command.summary("put the values of a file back").description(
    "puts the values of a YAML file back, or with --name stores the file as a snapshot and changes no value",
  );
  setExamples(
    command,
    { call: "hana state snapshot import show.yaml --fade 2s", why: "go to what the file says" },
    { call: "hana state snapshot import act-2.yaml --name act-2", why: "store it for later" },
  );
  const called = command.argument("<FILE>", "- for stdin");
  const flagged = addLoadFlags(called as unknown as Command<[string]>);
  flagged.option("--name <NAME>", "store it instead").action(async (file, options) => {
    const flags = options as LoadFlags & { readonly name?: string };
    const read = await readSnapshotFile(file);
    const open = await openDesk(cli, { as: flags.as });
    try {
      const { desk } = open;
      if (flags.name === undefined) return await load(cli, open, read.snapshot, file, flags);
      const { name } = flags;
      let saved: PresetInfo | null = null;
      await privileged(desk, async () => {
        saved = await new PresetLibrary(desk.client).save(
          name,
          read.snapshot,
          read.note === null ? {} : { note: read.note },
        );
      });
      if (saved !== null) cli.output.record(presetRecord("state.snapshot.import", saved, "stored"));
    } finally {
      await open.close();
    }
  });
  addStateSettings(command);
}

async function resolve(desk: Desk, word: string): Promise<Snapshot> {
  const isFile = word === "-" || word.includes("/") || /\.(ya?ml|json)$/.test(word);
  return isFile ? (await readSnapshotFile(word)).snapshot : libraryGet(desk, word);
}

async function readSnapshotFile(file: string): Promise<NamedSnapshot> {
  const hint = "hana state snapshot export > show.yaml    (makes one)";
  const text = await readText(file, hint);
  try {
    return await parseSnapshot(text, file === "-" ? "stdin" : file);
  } catch (thrown) {
    const { what, why, hint: meant } = toHanaError(thrown, "schema", file);
    const whole = [why, meant].filter((part) => part !== undefined).join("; ");
    throw new HanaError("usage", { what, ...(whole === "" ? {} : { why: whole }), hint, cause: thrown });
  }
}

function libraryGet(desk: Desk, name: string): Snapshot {
  libraryGetInfo(desk, name);
  return new PresetLibrary(desk.client).get(name);
}

/** Throws `not-found` with the stored ones. */
function libraryGetInfo(desk: Desk, name: string): void {
  const names = new PresetLibrary(desk.client).list().map((preset) => preset.name);
  if (names.includes(name)) return;
  try {
    new PresetLibrary(desk.client).get(name);
  } catch (thrown) {
    if (!(thrown instanceof HanaError) || thrown.code !== "not-found") throw thrown;
    const meant = /did you mean (\S+)\?/.exec(thrown.hint ?? "")?.[1];
    throw new HanaError("not-found", {
      what: `no snapshot ${name} is stored`,
      why: meant !== undefined
        ? `did you mean ${meant}?`
        : names.length === 0
        ? "none are"
        : `there ${names.length === 1 ? "is" : "are"} ${names.slice(0, 6).join(", ")}${
          names.length > 6 ? `, …` : ""
        }`,
      hint: meant !== undefined ? `hana state snapshot show ${meant}` : "hana state snapshot list",
    });
  }
}

function checkedPrefix(desk: Desk, word: string): string {
  const { unknown: [error] } = select(desk, [word], "hana state snapshot export --below");
  if (error !== undefined) throw error;
  return prefixOf(word);
}

function writeSnapshot(cli: Cli, desk: Desk, name: string | null, snapshot: Snapshot, note?: string): void {
  if (cli.output.mode === "json" || cli.output.mode === "ndjson") {
    cli.output.record({
      what: "state.snapshot",
      fields: [],
      quiet: [],
      json: {
        name,
        prefix: snapshot.prefix,
        values: snapshot.entries.map((entry) => entryJson(entry)),
      },
    });
  } else cli.output.raw(textOf(desk, name, snapshot, note));
}

function textOf(desk: Desk, name: string | null, snapshot: Snapshot, note: string | undefined): string {
  return formatSnapshot(snapshot, {
    name,
    note: note ?? null,
    definitionOf: (path) => desk.row(path)?.definition ?? null,
  });
}

function offerSnapshot(argument: object | undefined): void {
  if (argument !== undefined) offerNames(argument, "snapshot");
}
