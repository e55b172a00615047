// What reads sealed and signed bytes: datagrams of discovery and of paths, handshakes, records, keys. See fuzz_test.ts.

import { fuzzDiscovery } from "./discovery_fuzz.ts";
import { fuzzTest } from "./plan.ts";
import { fuzzSecurity } from "./security_fuzz.ts";
import { fuzzUdp } from "./udp_fuzz.ts";

fuzzTest("discovery", fuzzDiscovery);
fuzzTest("security", fuzzSecurity);
fuzzTest("udp", fuzzUdp);
