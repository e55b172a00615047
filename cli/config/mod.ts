// Settings: what can be set, where a value comes from, and what does not fit.

export { type Environment, processEnvironment } from "./environment.ts";
export type { Kind } from "./kinds.ts";
export type { SettingTree, SettingTreeValue } from "./tree.ts";
export { nearest } from "./nearest.ts";
export {
  checkFlag,
  type ConfigPaths,
  configPaths,
  type FlagTexts,
  type Origin,
  type OriginKind,
  type Resolved,
  type ResolvedSetting,
  resolveSettings,
  suspiciousVariables,
} from "./resolve.ts";
export {
  type Setting,
  SETTING_NAMES,
  settingFlag,
  settingKey,
  type SettingName,
  SETTINGS,
  type Settings,
  settingVariable,
} from "./settings.ts";
