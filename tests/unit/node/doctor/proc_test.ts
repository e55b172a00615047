// What is read from tables of Linux, as a 6.x kernel writes them.

import { assertEquals } from "@std/assert";
import { parseIgmpTable, parseUdpTable } from "../../../../lib/node/doctor/mod.ts";

Deno.test("sockets are read with port, inode and drops", () => {
  const text =
    "   sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode ref pointer drops            \n" +
    "  613: 00000000:BA3C 00000000:0000 07 00000000:00000000 00:00000000 00000000     0        0 94221 2 0000000000000000 17         \n" +
    "  614: 0101A8C0:0035 00000000:0000 07 00000000:00000000 00:00000000 00000000   101        0 1234 2 0000000000000000 0         \n";
  assertEquals(parseUdpTable(text), [
    { localAddress: "0.0.0.0", port: 47_676, inode: "94221", drops: 17 },
    { localAddress: "192.168.1.1", port: 53, inode: "1234", drops: 0 },
  ]);
  assertEquals(parseUdpTable(""), []);
  assertEquals(parseUdpTable("heading\ngarbage\n\n"), []);
});

Deno.test("memberships are read with the version of IGMP", () => {
  const text = "Idx\tDevice    : Count Querier\tGroup    Users Timer\tReporter\n" +
    "1\tlo        :     1      V3\n\t\t\t\t010000E0     1 0:00000000\t\t0\n" +
    "4\teth0      :     2      V2\n\t\t\t\t564CFFEF     2 1:00000031\t\t1\n\t\t\t\t010000E0     1 0:00000000\t\t0\n";
  assertEquals([...parseIgmpTable(text)], [
    ["lo", { version: "V3", groups: ["224.0.0.1"] }],
    ["eth0", { version: "V2", groups: ["239.255.76.86", "224.0.0.1"] }],
  ]);
  assertEquals(parseIgmpTable("").size, 0);
});
