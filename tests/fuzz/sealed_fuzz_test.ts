// What reads sealed and signed bytes: datagrams of discovery, handshakes, records, keys. See fuzz_test.ts.

import { fuzzDiscovery } from "./discovery_fuzz.ts";
import { fuzzTest } from "./plan.ts";
import { fuzzSecurity } from "./security_fuzz.ts";

fuzzTest("discovery", fuzzDiscovery);
fuzzTest("security", fuzzSecurity);
