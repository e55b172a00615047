// The host of the shared state as somebody who stays sees it come and go.
// Decides the words; when a host counts as silent is lib/state/replica's.

import type { StateClient } from "../../lib/state/mod.ts";
import type { Cli } from "../frame/mod.ts";

/** Tells a person who watches that the host is gone, and back: values stay as they are meanwhile. */
export function tellConnection(cli: Cli, client: StateClient): () => void {
  let isGone = false;
  return client.onEvent((event) => {
    const wasGone = isGone;
    if (event.kind === "reconnect" || (event.kind === "silent" && event.isSilent)) isGone = true;
    else if (event.kind === "ready" || event.kind === "silent") isGone = false;
    if (isGone === wasGone) return;
    cli.output.message(
      isGone ? "the host does not answer; values stay as they are" : "the host answers again",
    );
  });
}
