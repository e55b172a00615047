// The host of the shared state as somebody who stays sees it come and go.
// Decides the words; when a host counts as silent is lib/state/replica's.

import type { StateClient } from "../../lib/state/mod.ts";
import type { Cli } from "../frame/mod.ts";

/** Tells a person who watches that the host is gone, and back: values stay as they are meanwhile. */
export function tellConnection(cli: Cli, client: StateClient): () => void {
  let isGone = false;
  let isSilent = false;
  const look = (): void => {
    const wasGone = isGone;
    isGone = isSilent || !client.isConnected;
    if (isGone === wasGone) return;
    cli.output.message(
      isGone ? "the host does not answer; values stay as they are" : "a host answers again",
    );
  };
  const stops = [
    client.onEvent((event) => {
      if (event.kind === "silent") isSilent = event.isSilent;
      else if (event.kind === "joined") isSilent = false;
      look();
    }),
    client.port.onBatch(look),
  ];
  return () => {
    for (const stop of stops) stop();
  };
}
