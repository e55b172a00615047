// Which value each setting has, and why: flag > HANA_* > --config FILE > config.yaml > built in.
// Decides precedence and refuses what does not fit, naming file, line and the nearest name.
// Never acts on a setting.

import { HanaError } from "../../lib/base/mod.ts";
import { defaultConfigFile, type Environment } from "./environment.ts";
import { type ConfigFile, readConfigFile } from "./file.ts";
import { type Kind, Misfit, type SettingJson } from "./kinds.ts";
import { nearest } from "./nearest.ts";
import {
  setHome,
  type Setting,
  SETTING_NAMES,
  settingFlag,
  settingKey,
  type SettingName,
  SETTINGS,
  type Settings,
  settingVariable,
} from "./settings.ts";

/** Where a value came from. */
export type OriginKind = "flag" | "environment" | "file" | "default";

/** Where a value came from, in a word and in detail. */
export interface Origin {
  readonly kind: OriginKind;
  /** `--port`, `HANA_PORT`, `/etc/hana.yaml:3`, `built in`. */
  readonly where: string;
}

/** One setting with its value and origin, ready to show. */
export interface ResolvedSetting {
  readonly name: SettingName;
  readonly key: string;
  /** For people; null when unset. */
  readonly text: string | null;
  readonly json: SettingJson;
  readonly origin: Origin;
}

/** All settings, resolved. */
export interface Resolved {
  readonly settings: Settings;
  readonly rows: readonly ResolvedSetting[];
  /** The files that were read, the stronger first. */
  readonly files: readonly string[];
}

/** What the command line said: raw texts by setting. */
export type FlagTexts = Partial<Readonly<Record<SettingName, string | boolean | readonly string[]>>>;

/** The files that would be read, the stronger first. */
export interface ConfigPaths {
  /** `--config`; it must exist. */
  readonly demanded: string | null;
  /** The file of the user; it may be missing. */
  readonly user: string;
}

/** Which files settings come from. `--config` may also stand in HANA_CONFIG. */
export function configPaths(env: Environment, configFlag: string | undefined): ConfigPaths {
  const fromEnv = env.get("HANA_CONFIG");
  return {
    demanded: configFlag ?? (fromEnv === undefined || fromEnv === "" ? null : fromEnv),
    user: defaultConfigFile(env).value,
  };
}

/** Resolves every setting. Throws `usage` for a bad flag, `config` for anything else that does not fit. */
export async function resolveSettings(
  env: Environment,
  flags: FlagTexts,
  configFlag: string | undefined,
): Promise<Resolved> {
  setHome(env);
  const paths = configPaths(env, configFlag);
  const files: ConfigFile[] = [];
  if (paths.demanded !== null) {
    const file = await readConfigFile(env, paths.demanded, true);
    if (file !== null) files.push(file);
  }
  const user = await readConfigFile(env, paths.user, false);
  if (user !== null) files.push(user);
  for (const file of files) refuseUnknownKeys(file);

  const values: Partial<Record<SettingName, unknown>> = {};
  const origins: Partial<Record<SettingName, Origin>> = {};
  for (const name of SETTING_NAMES) {
    const found = fromFlag(name, flags) ?? fromVariable(name, env) ?? fromFiles(name, files);
    if (found !== null) {
      values[name] = found.value;
      origins[name] = found.origin;
      continue;
    }
    const fallback = settingOf(name).fallback(env, (key) => String(values[key]));
    values[name] = fallback.value;
    origins[name] = { kind: "default", where: fallback.from ?? "built in" };
  }
  return {
    settings: values as Settings,
    rows: SETTING_NAMES.map((name) => row(name, values[name], origins[name])),
    files: files.map((file) => file.path),
  };
}

/** Checks the text of one flag at once, before anything is read. Throws `usage`. */
export function checkFlag(name: SettingName, given: string | boolean | readonly string[]): void {
  fromFlag(name, { [name]: given });
}

/** What a program that hana runs finds in its environment (docs/child-protocol.md): no settings, and no slips. */
const TOLD_TO_PROGRAMS: readonly string[] = [
  ...["HANA_SOCK", "HANA_TOKEN", "HANA_INSTANCE", "HANA_NODE", "HANA_RUN"],
  ...["HANA_HEARTBEAT_MS", "HANA_DISPLAY", "HANA_GPU"],
];

/** HANA_* variables that are no setting but nearly one: a slip that nothing else would tell. */
export function suspiciousVariables(env: Environment): { variable: string; meant: string }[] {
  const known = ["HANA_CONFIG", ...SETTING_NAMES.map(settingVariable)];
  const passedOver = new Set([...known, ...TOLD_TO_PROGRAMS]);
  const found: { variable: string; meant: string }[] = [];
  for (
    const variable of env.names().filter((name) => name.startsWith("HANA_") && !passedOver.has(name)).sort()
  ) {
    const meant = nearest(variable.slice("HANA_".length), known.map((name) => name.slice("HANA_".length)));
    if (meant !== null) found.push({ variable, meant: `HANA_${meant}` });
  }
  return found;
}

interface Found {
  readonly value: unknown;
  readonly origin: Origin;
}

// The table holds settings of many types; each value only ever meets its own kind.
function settingOf(name: SettingName): Setting<unknown> {
  return SETTINGS[name] as unknown as Setting<unknown>;
}

function kindOf(name: SettingName): Kind<unknown> {
  return settingOf(name).kind as Kind<unknown>;
}

function fromFlag(name: SettingName, flags: FlagTexts): Found | null {
  const given = flags[name];
  if (given === undefined) return null;
  const flag = settingFlag(name);
  const kind = kindOf(name);
  try {
    const origin: Origin = { kind: "flag", where: flag };
    if (typeof given === "boolean") return { value: given, origin };
    if (typeof given === "string") return { value: kind.parseText(given), origin };
    return { value: kind.parseTexts?.(given), origin };
  } catch (thrown) {
    throw misfit(
      thrown,
      "usage",
      flag,
      (instead) => instead === undefined ? "hana help settings" : `${flag} ${instead}`,
    );
  }
}

function fromVariable(name: SettingName, env: Environment): Found | null {
  const variable = settingVariable(name);
  const given = env.get(variable);
  // An empty variable counts as unset: that is how a wrapper script switches one off.
  if (given === undefined || given === "") return null;
  try {
    return { value: kindOf(name).parseText(given), origin: { kind: "environment", where: variable } };
  } catch (thrown) {
    throw misfit(
      thrown,
      "config",
      variable,
      (instead) => instead === undefined ? `unset ${variable}` : `export ${variable}=${instead}`,
    );
  }
}

function fromFiles(name: SettingName, files: readonly ConfigFile[]): Found | null {
  const key = settingKey(name);
  for (const file of files) {
    if (!Object.hasOwn(file.values, key)) continue;
    const given = file.values[key];
    const line = file.lineOf(key);
    const where = line === null ? file.path : `${file.path}:${line}`;
    // `key:` with nothing behind it says "as if it were not there".
    if (given === null) continue;
    try {
      return { value: kindOf(name).parseValue(given), origin: { kind: "file", where } };
    } catch (thrown) {
      throw misfit(
        thrown,
        "config",
        `${where}: ${key}`,
        (instead) => instead === undefined ? "hana help settings" : `${key}: ${instead} (in that file)`,
      );
    }
  }
  return null;
}

function refuseUnknownKeys(file: ConfigFile): void {
  const known = SETTING_NAMES.map(settingKey);
  for (const key of Object.keys(file.values)) {
    if (known.includes(key)) continue;
    const line = file.lineOf(key);
    const meant = nearest(key, known);
    throw new HanaError("config", {
      what: `${file.path}${line === null ? "" : `:${line}`}: ${JSON.stringify(key)} is no setting`,
      ...(meant === null ? {} : { why: `did you mean ${JSON.stringify(meant)}?` }),
      hint: "hana help settings",
    });
  }
}

function misfit(
  thrown: unknown,
  code: "usage" | "config",
  subject: string,
  hint: (instead: string | undefined) => string,
): HanaError {
  if (!(thrown instanceof Misfit)) throw thrown;
  return new HanaError(code, { what: `${subject} ${thrown.message}`, hint: hint(thrown.instead) });
}

function row(name: SettingName, value: unknown, origin: Origin | undefined): ResolvedSetting {
  const kind = kindOf(name);
  return {
    name,
    key: settingKey(name),
    text: value === null ? null : kind.format(value),
    json: value === null ? null : kind.json(value),
    origin: origin ?? { kind: "default", where: "built in" },
  };
}
