// The entry of hana's own driver: it needs the sources beside it, where the other peers need packages.

import process from "node:process";
import { drive, type Task } from "./drive.ts";
import { openHana } from "./hana.ts";

await drive(openHana, JSON.parse(process.argv[3] ?? "{}") as Task);
