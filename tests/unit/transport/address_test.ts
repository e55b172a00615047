import { assertEquals, assertMatch, assertThrows } from "@std/assert";
import fc from "fast-check";
import { HanaError } from "../../../lib/base/mod.ts";
import {
  type Address,
  formatAddress,
  formatHostPort,
  parseAddress,
  splitHostPort,
} from "../../../lib/transport/mod.ts";

const port = fc.nat(65_535);
const name = fc.string({
  minLength: 1,
  maxLength: 128,
  unit: fc.constantFrom(..."abcXYZ019._-"),
});
const scope = fc.constantFrom("", "%3", "%eth0", "%br-lan", "%en0.100");
const host = fc.oneof(
  fc.ipV4(),
  fc.tuple(fc.ipV6(), scope).map(([address, zone]) => address + zone),
  fc.constantFrom("localhost", "stage-left.local"),
);
const address: fc.Arbitrary<Address> = fc.oneof(
  fc.string({ unit: "binary" }).map((rest) => ({ kind: "unix" as const, path: `/${rest}` })),
  fc.record({ kind: fc.constantFrom("pipe" as const, "mem" as const), name }),
  fc.record({ kind: fc.constantFrom("tcp" as const, "udp" as const), host, port }),
);

Deno.test("every address comes back from its text", () => {
  fc.assert(fc.property(address, (wanted) => {
    assertEquals(parseAddress(formatAddress(wanted)), wanted);
  }));
});

Deno.test("an absolute path is a Unix socket", () => {
  assertEquals(parseAddress("/run/hana/x.sock"), { kind: "unix", path: "/run/hana/x.sock" });
});

Deno.test("what is no address is refused with an example that is one", () => {
  const wrong = [
    ..."| |stage-left|10.0.0.2:47677|tcp://|tcp://host|tcp://host:|tcp://:80|tcp://host:65536".split("|"),
    ..."tcp://host:123456|tcp://ho st:1|tcp://[::1]|tcp://::1|tcp://[::1:80|tcp://host:80/|udp://a:-1".split(
      "|",
    ),
    ..."unix://run/x.sock|unix://|pipe://|pipe://a/b|mem://é|http://a:80|TCP://a:80|tcp:/a:80|://".split("|"),
    `mem://${"x".repeat(129)}`,
    "tcp://host:80\n",
  ];
  for (const text of wrong) {
    const error = assertThrows(() => parseAddress(text), HanaError);
    assertEquals(error.code, "usage", text);
    assertMatch(error.hint ?? "", /^write it like \w+:\/\//);
  }
});

Deno.test("anything at all is an address or refused as one", () => {
  const text = fc.oneof(
    fc.string(),
    fc.tuple(fc.constantFrom("tcp://", "unix://", "mem://"), fc.string()).map((p) => p.join("")),
  );
  fc.assert(fc.property(text, (given) => {
    try {
      formatAddress(parseAddress(given));
    } catch (thrown) {
      assertEquals((thrown as HanaError).code, "usage");
    }
  }));
});

Deno.test("host and port come apart as they were put together, also without a port", () => {
  fc.assert(fc.property(host, port, (wanted, number) => {
    assertEquals(splitHostPort(formatHostPort(wanted, number)), { host: wanted, port: number });
    assertEquals(splitHostPort(wanted), { host: wanted, port: null });
  }));
  for (const text of ["", "g:h:i", "10.0.0.2:123456", "[xyz]:80", "a b", "[::1]x", ":80"]) {
    assertEquals(splitHostPort(text), null, text);
  }
});
