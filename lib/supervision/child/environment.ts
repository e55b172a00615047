// The environment by which a program finds its shim.
// Decides the names and the values; every depth of the protocol reads some of them, and a program may read none.

/** What a program is told. */
export interface ChildEnvironment {
  /** Path of its Unix socket, or a pipe's name as `\\.\pipe\…`. */
  readonly socket: string;
  /** Path of the socket for `sd_notify` datagrams; null where the system has none. */
  readonly notifySocket: string | null;
  /** Proves to the shim that a connection is its program's, and marks all of its processes. */
  readonly token: string;
  readonly name: string;
  readonly node: string;
  readonly run: number;
  readonly heartbeatUs: number;
  readonly display: string | null;
  readonly gpu: string | null;
}

/**
 * The variables. WATCHDOG_USEC is twice the interval of heartbeats, since programs for systemd ping at half of it.
 * WATCHDOG_PID is left out: nobody knows the process before it is started, and without it every process may ping.
 */
export function environmentOf(told: ChildEnvironment): Record<string, string> {
  return {
    HANA_SOCK: told.socket,
    HANA_TOKEN: told.token,
    HANA_INSTANCE: told.token,
    HANA_NAME: told.name,
    HANA_NODE: told.node,
    HANA_RUN: String(told.run),
    HANA_HEARTBEAT_MS: String(Math.max(1, Math.round(told.heartbeatUs / 1_000))),
    ...(told.display === null ? {} : { HANA_DISPLAY: told.display }),
    ...(told.gpu === null ? {} : { HANA_GPU: told.gpu }),
    ...(told.notifySocket === null ? {} : {
      NOTIFY_SOCKET: told.notifySocket,
      WATCHDOG_USEC: String(2 * told.heartbeatUs),
    }),
  };
}

/** What a program reads of its environment. */
export interface ReadEnvironment {
  readonly socket: string;
  readonly token: string;
  readonly name: string;
  /** Null where it is not told. */
  readonly run: number | null;
  readonly heartbeatUs: number;
}

/** Reads HANA_SOCK and what belongs to it; null where there is no shim. Values that cannot be count as not told. */
export function readEnvironment(
  environment: Readonly<Record<string, string | undefined>>,
): ReadEnvironment | null {
  const socket = environment["HANA_SOCK"];
  if (socket === undefined || socket === "") return null;
  const run = Number(environment["HANA_RUN"]);
  const heartbeatMs = Number(environment["HANA_HEARTBEAT_MS"]);
  return {
    socket,
    token: environment["HANA_TOKEN"] ?? "",
    name: environment["HANA_NAME"] ?? "program",
    run: Number.isSafeInteger(run) && run > 0 ? run : null,
    heartbeatUs: heartbeatMs > 0 && heartbeatMs <= 3_600_000 ? Math.round(heartbeatMs * 1_000) : 1_000_000,
  };
}
