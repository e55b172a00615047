// Who asks, and from where.
// Decides the words for people, and what counts as this machine; never what may be done.

import { type Session, whoIs } from "../../session/mod.ts";

/** Who asks: what the session has proved, and in front of it what the console says of who sits there. */
export function askerOf(session: Session, said: string | undefined): string {
  const proved = whoIs(session);
  const shown = said?.replace(/\p{C}/gu, "?").trim() ?? "";
  return shown === "" ? proved : `${shown}, ${proved}`;
}

/** Whether a session comes from this machine. */
export function isLocal(session: Session): boolean {
  const { local, remote } = session.statistics().path;
  return /^(unix|pipe|mem):/.test(local) || /^(unix|pipe|mem):/.test(remote);
}
