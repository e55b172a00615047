// Which way the lanes of a session take, as facts tell it.
// Decides when a change counts as a move to another address; the session itself says why.

import type { Session } from "../../session/mod.ts";

/** A way that lanes took. */
export interface TakenPath {
  readonly path: "stream" | "udp";
  /** From datagrams to datagrams: another address. */
  readonly moved: boolean;
  readonly why: string;
}

/** Tells of every way that the lanes of a session take; of the first one only where that is by datagrams. */
export function followPaths(session: Session, tell: (taken: TakenPath) => void): void {
  let last: "stream" | "udp" = "stream";
  const take = ({ kind, why }: Session["path"]): void => {
    const moved = kind === "udp" && last === "udp";
    last = kind;
    tell({ path: kind, moved, why });
  };
  if (session.path.kind === "udp") take(session.path);
  session.onPath = take;
}
