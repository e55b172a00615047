// Every rule of clients, owned objects, privilege and rates, one by one.

import * as holding from "../../../../lib/state/holding/mod.ts";
import { CLIENT_RULES } from "./client_rules.ts";
import { GATE_RULES } from "./gate_rules.ts";
import { OWNERSHIP_RULES } from "./ownership_rules.ts";
import { PRIVILEGE_RULES } from "./privilege_rules.ts";

for (const { name, check } of [...CLIENT_RULES, ...OWNERSHIP_RULES, ...PRIVILEGE_RULES, ...GATE_RULES]) {
  Deno.test(name, () => check(holding));
}
