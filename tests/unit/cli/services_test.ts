// `hana discover --all-services`: how services are shown, and what it is not combined with.

import { assertEquals, assertStringIncludes } from "@std/assert";
import { servicesRendering } from "../../../cli/nodes/services.ts";
import { cellText } from "../../../cli/output/rendering.ts";
import type { ServiceView } from "../../../lib/discovery/mod.ts";
import { runHana } from "../../support/cli.ts";

const DESK: ServiceView = {
  name: "Desk\\.1._osc._udp.local",
  instance: "Desk.1",
  type: "_osc._udp",
  host: "desk.local",
  port: 9000,
  addresses: ["10.0.0.5", "fe80::1"],
  text: { path: "/x", flag: "" },
};
const SILENT: ServiceView = {
  name: "Quiet._ndi._tcp.local",
  instance: "Quiet\u001b[2J",
  type: "_ndi._tcp",
  host: null,
  port: 0,
  addresses: [],
  text: {},
};

Deno.test("a service is a row of name, type, host, addresses, port and text; what nobody said is a dash", () => {
  const { columns } = servicesRendering(() => 7);
  assertEquals(columns.map(({ header }) => header), ["NAME", "TYPE", "HOST", "ADDRESS", "PORT", "TXT"]);
  const row = (service: ServiceView) => columns.map(({ cell }) => cellText(cell(service)));
  assertEquals(row(DESK), ["Desk.1", "_osc._udp", "desk.local", "10.0.0.5 fe80::1", "9000", "path=/x flag"]);
  assertEquals(row(SILENT), ["Quiet\\u{1b}[2J", "_ndi._tcp", "-", "-", "-", "-"]);
});

Deno.test("the document holds all that is known of a service", () => {
  const { document, what, row, id } = servicesRendering(() => 7);
  assertEquals([what, row, id(DESK)], ["services", "service", "Desk.1"]);
  assertEquals(document([DESK]), {
    services: [{
      name: "Desk.1",
      type: "_osc._udp",
      host: "desk.local",
      addresses: ["10.0.0.5", "fe80::1"],
      port: 9000,
      txt: { path: "/x", flag: "" },
    }],
    summary: { total: 1, elapsedMs: 7 },
  });
});

Deno.test("services are not nodes: a filter of nodes beside them is a mistake, and so is loopback alone", async () => {
  const filtered = await runHana(["discover", "--all-services", "--role", "app"]);
  assertEquals(filtered.code, 2);
  assertStringIncludes(filtered.stderr, "--all-services and --role together");
  const alone = await runHana(["discover", "--all-services", "--interface", "lo"]);
  assertEquals(alone.code, 69, alone.stderr);
  assertStringIncludes(alone.stderr, "no network interface to listen on");
});

Deno.test("--no-dns-sd is the setting dns-sd, true unless told otherwise", async () => {
  const settingOf = async (args: readonly string[], env: Record<string, string> = {}) =>
    (await runHana(["config", "show", "--plain", ...args], { env })).stdout.split("\n")
      .find((line) => line.startsWith("dns-sd\t"))?.split("\t")[1];
  assertEquals(await settingOf([]), "true");
  assertEquals(await settingOf([], { HANA_DNS_SD: "no" }), "false");
  assertStringIncludes((await runHana(["serve", "--help"])).stdout, "--no-dns-sd");
});
