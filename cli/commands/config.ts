// `hana config show|path`: every setting with its value and origin, and the files that are read.

import type { Command } from "@commander-js/extra-typings";
import {
  configPaths,
  type ResolvedSetting,
  SETTING_NAMES,
  SETTINGS,
  suspiciousVariables,
} from "../config/mod.ts";
import { addSettingFlags, type Cli, setExamples } from "../frame/mod.ts";
import type { Column, Rendering } from "../output/mod.ts";

/** Declares `hana config`. */
export function define(command: Command, cli: Cli): void {
  command.description("settings: flag > HANA_* > --config FILE > config.yaml > built in");
  setExamples(
    command,
    { call: "hana config show --origin", why: "every setting and where its value comes from" },
    { call: "hana config path", why: "the files that are read" },
  );
  defineShow(command.command("show"), cli);
  definePath(command.command("path"), cli);
}

function defineShow(command: Command, cli: Cli): void {
  command.summary("every setting").description(
    "every setting with its value, as the same flags would make it",
  );
  setExamples(
    command,
    { call: "hana config show --origin", why: "and where each value comes from" },
    { call: "hana config show --json", why: "for a script" },
  );
  const show = command.option("--origin", "show where each value comes from");
  addSettingFlags(command, SETTING_NAMES.filter((name) => !SETTINGS[name].global));
  show.action(async (options) => {
    const { rows } = cli.resolved;
    for (const { variable, meant } of suspiciousVariables(cli.environment)) {
      cli.output.warn(`${variable} is no setting; did you mean ${meant}?`);
    }
    await cli.output.rows(settingsRendering(options.origin === true), rows);
  });
}

function settingsRendering(withOrigin: boolean): Rendering<ResolvedSetting> {
  const columns: Column<ResolvedSetting>[] = [
    { header: "SETTING", cell: (row) => row.key },
    { header: "VALUE", cell: (row) => row.text, shrinks: true },
  ];
  if (withOrigin) {
    columns.push({
      header: "ORIGIN",
      cell: (row) => row.origin.kind === "default" ? { text: originText(row), tone: "dim" } : originText(row),
      shrinks: true,
    });
  }
  return {
    what: "config",
    row: "setting",
    columns,
    id: (row) => row.key,
    json: (row) => ({ key: row.key, value: row.json, origin: row.origin.kind, from: row.origin.where }),
    document: (rows) => ({
      settings: Object.fromEntries(rows.map((row) => [row.key, {
        value: row.json,
        origin: row.origin.kind,
        from: row.origin.where,
      }])),
    }),
  };
}

function originText(row: ResolvedSetting): string {
  const { kind, where } = row.origin;
  if (kind === "default") return where === "built in" ? where : `default (${where})`;
  return kind === "environment" ? `environment ${where}` : `${kind} ${where}`;
}

interface PathRow {
  readonly path: string;
  readonly use: "--config" | "user";
  readonly exists: boolean;
}

const PATHS: Rendering<PathRow> = {
  what: "config-path",
  row: "file",
  columns: [
    { header: "FILE", cell: (row) => row.path },
    { header: "USE", cell: (row) => row.use },
    {
      header: "STATE",
      cell: (row) => row.exists ? { text: "there", tone: "good" } : { text: "missing", tone: "dim" },
    },
  ],
  id: (row) => row.path,
  json: (row) => ({ ...row }),
  document: (rows) => ({ files: rows.map((row) => ({ ...row })) }),
};

function definePath(command: Command, cli: Cli): void {
  command.summary("the files that are read").description("the configuration files, the stronger one first");
  setExamples(
    command,
    { call: "hana config path", why: "the files, and whether they are there" },
    { call: 'editor "$(hana config path -q)"', why: "edit your settings" },
  );
  command.action(async () => {
    const { demanded, user } = configPaths(cli.environment, cli.configFlag);
    const rows: PathRow[] = [{ path: user, use: "user", exists: exists(user) }];
    if (demanded !== null) rows.unshift({ path: demanded, use: "--config", exists: exists(demanded) });
    await cli.output.rows(PATHS, rows);
  });
}

function exists(path: string): boolean {
  try {
    return Deno.statSync(path).isFile;
  } catch {
    return false;
  }
}
