// What settings see of the process: variables, user, host name. One small seam, so that precedence is tested
// without a process. Decides where directories stand by default (XDG base directories); never makes one.

import { userInfo } from "node:os";

/** The surroundings of a command. */
export interface Environment {
  /** One environment variable. */
  get(name: string): string | undefined;
  /** The names of all variables. */
  names(): string[];
  /** The numeric user id, null on Windows. */
  userId(): number | null;
  /** The home directory as the system's accounts have it; undefined where they do not know this user. */
  accountHome(): string | undefined;
  hostname(): string;
  readonly isWindows: boolean;
  /** The text of a file; null when it is not there. Throws what the system says otherwise. */
  readFile(path: string): string | null;
}

/** A configuration file above this size is none. */
const MAX_CONFIG_BYTES = 1 << 20;

/** The surroundings of this process. */
export function processEnvironment(): Environment {
  return {
    get: (name) => Deno.env.get(name),
    names: () => Object.keys(Deno.env.toObject()),
    userId: () => Deno.uid(),
    accountHome() {
      try {
        return userInfo().homedir;
      } catch {
        return undefined;
      }
    },
    hostname: () => Deno.hostname(),
    isWindows: Deno.build.os === "windows",
    readFile(path) {
      try {
        const size = Deno.statSync(path).size;
        if (size > MAX_CONFIG_BYTES) throw new Error(`has ${size} bytes, at most ${MAX_CONFIG_BYTES}`);
        return Deno.readTextFileSync(path);
      } catch (thrown) {
        if (thrown instanceof Deno.errors.NotFound) return null;
        throw thrown;
      }
    },
  };
}

/** A default and the words that say where it comes from. */
export interface Derived {
  readonly value: string;
  readonly from: string;
}

/**
 * The home directory; undefined where nothing says it. Services are often started without HOME, and must find the
 * same keys as their user's shell.
 */
export function homeOf(env: Environment): string | undefined {
  return env.get("HOME") || env.get("USERPROFILE") || env.accountHome();
}

// The XDG specification: a relative path in these variables is invalid and is ignored.
function xdg(env: Environment, name: string): string | null {
  const value = env.get(name);
  return value !== undefined && value.startsWith("/") ? value : null;
}

function windowsData(env: Environment): string {
  return env.get("LOCALAPPDATA") ?? `${homeOf(env) ?? "C:"}\\AppData\\Local`;
}

/** Where keys and identities are kept. */
export function defaultStateDir(env: Environment): Derived {
  if (env.isWindows) return { value: `${windowsData(env)}\\hana`, from: "%LOCALAPPDATA%" };
  const at = xdg(env, "XDG_STATE_HOME");
  if (at !== null) return { value: `${at}/hana`, from: "$XDG_STATE_HOME" };
  return { value: `${homeOf(env) ?? ""}/.local/state/hana`, from: "~/.local/state" };
}

/** Where the local socket stands. Per user, so that two users of one machine never share a path. */
export function defaultRunDir(env: Environment): Derived {
  if (env.isWindows) return { value: `${windowsData(env)}\\hana\\run`, from: "%LOCALAPPDATA%" };
  const at = xdg(env, "XDG_RUNTIME_DIR");
  if (at !== null) return { value: `${at}/hana`, from: "$XDG_RUNTIME_DIR" };
  return { value: `/tmp/hana-${env.userId() ?? 0}`, from: "/tmp and the user id" };
}

/** The configuration file that is read when there is one. */
export function defaultConfigFile(env: Environment): Derived {
  if (env.isWindows) return { value: `${windowsData(env)}\\hana\\config.yaml`, from: "%LOCALAPPDATA%" };
  const at = xdg(env, "XDG_CONFIG_HOME");
  if (at !== null) return { value: `${at}/hana/config.yaml`, from: "$XDG_CONFIG_HOME" };
  return { value: `${homeOf(env) ?? ""}/.config/hana/config.yaml`, from: "~/.config" };
}
