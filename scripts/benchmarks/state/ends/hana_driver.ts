// The ends of hana, under Deno from source.

import { openHanaEnd } from "./hana.ts";
import { runEnd } from "./run_end.ts";

await runEnd((system) => system === "hana" ? openHanaEnd : undefined);
