// Random walks of clients, owned objects and the privilege.

import * as holding from "../../../../lib/state/holding/mod.ts";
import { walk } from "./walk.ts";

Deno.test("after every step of a random walk there is one owner, one privileged client, and no old write succeeds", () => {
  walk(holding, { runs: 1_000 });
});
