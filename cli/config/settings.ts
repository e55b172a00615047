// The one table of settings: name, kind, flag, default, meaning. Flags, HANA_* variables, configuration files,
// help, completions and `hana config show` all read it. Decides what can be set; never where a value came from.

import { isNodeName, MAX_NODE_NAME_BYTES, nodeNameFromHost } from "../../lib/base/mod.ts";
import { defaultRunDir, defaultStateDir, type Derived, type Environment, homeOf } from "./environment.ts";
import { bytes, choice, duration, flag, integer, type Kind, list, mapping, path, text } from "./kinds.ts";
import { type SettingTree, tree } from "./tree.ts";

/** A default, with where it comes from when it is not built in. */
export interface Default<T> {
  readonly value: T;
  readonly from?: string;
}

/** One setting. `T | null` where leaving it unset means something of its own. */
export interface Setting<T> {
  readonly kind: Kind<NonNullable<T>>;
  /** The command-line flag with its placeholder. */
  readonly flag: string;
  readonly description: string;
  /** Given on every command, not only on those that ask for it. */
  readonly global: boolean;
  /** `settled` reads settings that stand above this one in the table. */
  readonly fallback: (env: Environment, settled: (key: "stateDir") => string) => Default<T>;
}

function setting<T>(
  kind: Kind<NonNullable<T>>,
  flagText: string,
  description: string,
  fallback: T | Setting<T>["fallback"],
  global = false,
): Setting<T> {
  const made = typeof fallback === "function"
    ? fallback as Setting<T>["fallback"]
    : () => ({ value: fallback });
  return { kind, flag: flagText, description, global, fallback: made };
}

// One home for all calls: paths in files may start with ~/.
let home: string | undefined;
/** Tells path settings what `~/` means. Called once by resolve.ts before a file is read. */
export function setHome(env: Environment): void {
  home = homeOf(env);
}
const aPath = path(() => home);

const NODE_NAME = text(
  `a name of letters, digits, '.', '_' or '-' (${MAX_NODE_NAME_BYTES} bytes at most)`,
  isNodeName,
);

function isMulticastGroup(given: string): boolean {
  return /^2(2[4-9]|3\d)(\.(25[0-5]|2[0-4]\d|1?\d?\d)){3}$/.test(given);
}

function derived(at: (env: Environment) => Derived): (env: Environment) => Default<string> {
  return at;
}

function nameFromHost(env: Environment): Default<string> {
  return { value: nodeNameFromHost(env.hostname()), from: "host name" };
}

/** The list of a full mesh (512 nodes of 1.2 kB) must fit into one message. */
const MIN_FRAME_BYTES = 1 << 20;

/** Every setting, in the order in which people read them. The key in files is the name in kebab-case. */
export const SETTINGS = {
  name: setting<string>(NODE_NAME, "--name <NAME>", "name of this node", nameFromHost),
  role: setting<"daemon" | "app" | "visualization">(
    choice("daemon", "app", "visualization"),
    "--role <ROLE>",
    "what this node is to the mesh",
    "daemon",
  ),
  priority: setting<number | null>(
    integer(0, 255, "a priority"),
    "--priority <NUMBER>",
    "of the apps the one of the highest priority leads first, 0 to 255",
    null,
  ),
  tags: setting<Readonly<Record<string, string>>>(
    mapping(),
    "--tag <KEY=VALUE>",
    "mark this node; repeatable",
    {},
  ),
  capabilities: setting<SettingTree>(
    tree({ bare: true, example: "gpu.vramMb=8000" }),
    "--capability <KEY=VALUE>",
    "something that this node can do; repeatable",
    {},
  ),
  resources: setting<SettingTree>(
    tree({ bare: false, example: "gpu.0.vramMb=8000" }),
    "--resource <PATH=VALUE>",
    "what this machine has, where it cannot be read or is not true; repeatable",
    {},
  ),
  hardware: setting<"auto" | "off">(
    choice("auto", "off"),
    "--hardware <WHEN>",
    "auto reads GPUs, displays, CPU and memory, off does not",
    "auto",
  ),
  interface: setting<readonly string[]>(
    list(text("an interface name or address")),
    "--interface <NAME>",
    "use only this network interface; repeatable",
    [],
  ),
  port: setting<number>(
    integer(0, 65535, "a port"),
    "--port <PORT>",
    "TCP port for sessions; 0 takes a free one",
    0,
  ),
  discoveryPort: setting<number>(
    integer(1, 65535, "a port"),
    "--discovery-port <PORT>",
    "UDP port on which nodes find each other",
    47676,
  ),
  discoveryGroup: setting<string>(
    text("an IPv4 multicast group", isMulticastGroup),
    "--discovery-group <ADDRESS>",
    "multicast group on which nodes find each other",
    "239.255.76.86",
  ),
  peers: setting<readonly string[]>(
    list(text("an address such as 10.0.0.2 or tcp://10.0.0.2:47677")),
    "--peer <ADDRESS>",
    "also ask this address, where multicast does not reach; repeatable",
    [],
  ),
  dnsSd: setting<boolean>(
    flag(),
    "--no-dns-sd",
    "do not announce this node by DNS-SD (Bonjour, Avahi), nor look for nodes there",
    true,
  ),
  lanes: setting<"udp" | "stream">(
    choice("udp", "stream"),
    "--lanes <CARRIER>",
    "udp sends messages by UDP wherever it passes, stream never does",
    "udp",
  ),
  wire: setting<"msgpack" | "json">(
    choice("msgpack", "json"),
    "--wire <FORMAT>",
    "how messages are written",
    "msgpack",
  ),
  maxFrame: setting<number>(
    bytes(MIN_FRAME_BYTES, 1 << 30),
    "--max-frame <SIZE>",
    "largest message that is accepted",
    16 << 20,
  ),
  insecure: setting<boolean>(flag(), "--insecure", "let nodes without a key command this one", false),
  hostState: setting<boolean>(
    flag(),
    "--host-state",
    "host the shared state wherever this node is there, instead of the leader",
    false,
  ),
  programs: setting<"auto" | "on" | "off">(
    choice("auto", "on", "off"),
    "--programs <WHEN>",
    "start and supervise programs: auto does so as a daemon",
    "auto",
  ),
  allowExec: setting<boolean>(
    flag(),
    "--allow-exec",
    "let operators on other machines start any command line here",
    false,
  ),
  allowApply: setting<boolean>(
    flag(),
    "--allow-apply",
    "let operators on other machines apply shows here",
    false,
  ),
  logLevel: setting<"error" | "warn" | "info" | "debug">(
    choice("error", "warn", "info", "debug"),
    "--log-level <LEVEL>",
    "how much is logged on stderr",
    "info",
  ),
  timeout: setting<number | null>(
    duration(),
    "--timeout <DURATION>",
    "give up after this long (250ms, 2s, 5m)",
    null,
    true,
  ),
  color: setting<"auto" | "always" | "never">(
    choice("auto", "always", "never"),
    "--color <WHEN>",
    "auto, always or never",
    "auto",
    true,
  ),
  stateDir: setting<string>(
    aPath,
    "--state-dir <DIR>",
    "where keys and identities are kept",
    derived(defaultStateDir),
    true,
  ),
  runDir: setting<string>(
    aPath,
    "--run-dir <DIR>",
    "where the local socket stands",
    derived(defaultRunDir),
    true,
  ),
  keyFile: setting<string>(
    aPath,
    "--key-file <FILE>",
    "the mesh key",
    (_env, settled) => ({ value: `${settled("stateDir")}/mesh.key`, from: "state-dir" }),
  ),
} as const;

/** The name of a setting in code. */
export type SettingName = keyof typeof SETTINGS;

/** The type of a setting's value. */
export type SettingValue<N extends SettingName> = (typeof SETTINGS)[N] extends Setting<infer T> ? T : never;

/** All settings with their values. Durations are microseconds, sizes are bytes. */
export type Settings = { readonly [N in SettingName]: SettingValue<N> };

/** All names, in the order of the table. */
export const SETTING_NAMES = Object.keys(SETTINGS) as readonly SettingName[];

/** `discovery-port`: the name in files and on the screen. */
export function settingKey(name: SettingName): string {
  return name.replace(/[A-Z]/g, (c) => `-${c.toLowerCase()}`);
}

/** `HANA_DISCOVERY_PORT`: the name in the environment. */
export function settingVariable(name: SettingName): string {
  return `HANA_${settingKey(name).toUpperCase().replaceAll("-", "_")}`;
}

/** `--discovery-port`: the flag without its placeholder. */
export function settingFlag(name: SettingName): string {
  return SETTINGS[name].flag.split(" ")[0] ?? "";
}
