// The ends of what is compared, bundled for Node beside its packages.

import { openColyseusEnd } from "./ends/colyseus.ts";
import { runEnd } from "./ends/run_end.ts";
import { openYjsEnd } from "./ends/yjs.ts";

await runEnd((system) => system === "colyseus" ? openColyseusEnd : system === "yjs" ? openYjsEnd : undefined);
