// Endpoints on real sockets, of both families, on loopback.

import { assert, assertEquals } from "@std/assert";
import type { HanaError } from "../../../../lib/base/mod.ts";
import { denoPlatform } from "../../../../lib/platform/deno/mod.ts";
import type { IpEndpoint } from "../../../../lib/platform/mod.ts";
import { ReplayGuard } from "../../../../lib/security/mod.ts";
import { UdpEndpoint } from "../../../../lib/transport/udp/mod.ts";
import { testRing } from "../../security/support.ts";
import { HELLO, Owner, suite } from "./support.ts";

for (const host of ["127.0.0.1", "::1"]) {
  Deno.test(`a dial over real sockets on ${host} makes a path that carries both ways`, async () => {
    const platform = denoPlatform();
    const { datagrams, clock, timers, random } = platform;
    const errors: HanaError[] = [];
    const arrived = Promise.withResolvers<string>();
    const make = () =>
      new UdpEndpoint({
        datagrams,
        clock,
        timers,
        random: random.stream("udp"),
        suite,
        sockets: [{ host, port: 0 }],
        onError: (error) => errors.push(error),
        handshakes: {
          ring: testRing(1),
          hello: HELLO,
          replayGuard: new ReplayGuard(),
          onAccept: (path) => {
            const owner = new Owner();
            owner.path = path;
            owner.answer = ({ text }) => owner.say(clock.nowUs(), `${text} and back`);
            path.setHandlers(owner);
          },
        },
      });
    const [a, b] = [make(), make()];
    try {
      const [to] = b.local as [IpEndpoint];
      const owner = new Owner();
      owner.answer = ({ text }) => arrived.resolve(text);
      a.dial({ host, port: to.port }, {
        onOpen: (path) => {
          owner.path = path;
          path.setHandlers(owner);
          assert(owner.say(clock.nowUs(), "there"));
        },
        onFailed: (error) => arrived.reject(error),
      });
      assertEquals(await arrived.promise, "there and back");
      assertEquals([a.pathCount, b.pathCount, errors], [1, 1, []]);
    } finally {
      a.close();
      b.close();
    }
  });
}
