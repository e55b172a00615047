// Names of the shared state for a shell that completes a word: paths, display groups, snapshots, clients.
// Decides what is offered; how long a shell may wait stands in cli/commands/complete.ts.

import { PresetLibrary } from "../../lib/state/mod.ts";
import type { Cli } from "../frame/mod.ts";
import { groupsOf } from "./groups.ts";
import { openDesk } from "./opening.ts";
import { isTold } from "./desk.ts";

/** What can be completed. */
export type StateNames = "paths" | "groups" | "snapshots" | "clients";

/** Paths with the beginnings that several share are more than a prompt can show: so many at most. */
const MAX_NAMES = 4_096;

/** All names of a kind, as the node of this machine knows who hosts; none where no node runs here. */
export async function stateNames(cli: Cli, kind: StateNames): Promise<string[]> {
  const open = await openDesk(cli, { isLocalOnly: true });
  try {
    const { desk } = open;
    switch (kind) {
      case "paths":
        return desk.rows().filter(isTold).slice(0, MAX_NAMES).map(({ path }) => path);
      case "groups":
        return groupsOf(desk).map(({ id }) => id);
      case "clients":
        return desk.client.presence().filter(({ isSelf, client }) => !isSelf && client !== 0)
          .map(({ name }) => name);
      case "snapshots":
        return new PresetLibrary(desk.client).list().map(({ name }) => name);
    }
  } finally {
    await open.close();
  }
}
