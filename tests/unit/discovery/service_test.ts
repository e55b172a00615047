// The service on real sockets: loopback only, so that nothing leaves the machine.

import { assertEquals } from "@std/assert";
import type { Incarnation, NodeId } from "../../../lib/base/mod.ts";
import { toHex } from "../../../lib/base/mod.ts";
import { DiscoveryService, type ServiceOptions } from "../../../lib/discovery/mod.ts";
import { denoPlatform } from "../../../lib/platform/deno/mod.ts";
import { createMeshKey, DatagramAuthenticator, MeshKeyRing } from "../../../lib/security/mod.ts";

const platform = denoPlatform();
const random = platform.random.stream("discovery service test");
const ring = new MeshKeyRing(createMeshKey(random, "test", 0), null);

/** A port that is most likely free; another one for every test. */
function somePort(): number {
  return 20_000 + random.u32() % 10_000;
}

function makeService(name: string, port: number, options: Partial<ServiceOptions> = {}): DiscoveryService {
  return new DiscoveryService(platform, {
    id: toHex(random.fill(new Uint8Array(16))) as NodeId,
    incarnation: platform.clock.wallMs() as Incarnation,
    role: "daemon",
    record: { name, version: "0.1.0", endpoints: [{ kind: "tcp", address: "tcp://0.0.0.0:4000" }] },
    seal: new DatagramAuthenticator(ring),
    port,
    interfaces: [],
    ...options,
  });
}

/** Resolves once `condition` holds after a change of the registry. */
function whenRegistry(service: DiscoveryService, condition: () => boolean): Promise<void> {
  return new Promise((resolve) => {
    const stop = service.registry.subscribe(() => check());
    function check(): void {
      if (!condition()) return;
      stop();
      resolve();
    }
    check();
  });
}

Deno.test("two services on one machine see each other, ping, and say goodbye", async () => {
  const port = somePort();
  const a = makeService("a", port);
  const b = makeService("b", port);
  await a.start();
  const startUs = platform.clock.nowUs();
  await b.start();
  await Promise.all([
    whenRegistry(a, () => a.registry.lookup("b").length === 1),
    whenRegistry(b, () => b.registry.lookup("a").length === 1),
  ]);
  console.log("seen after µs", platform.clock.nowUs() - startUs, a.problems, a.counters);
  const entry = a.registry.lookup("b")[0];
  assertEquals(entry?.record.endpoints.filter((e) => e.kind === "tcp").map((e) => e.address), [
    "tcp://127.0.0.1:4000",
  ]);
  const rtt = await a.ping(b.registry.lookup("a")[0]!.record.id).catch((e) => e.message);
  console.log(rtt, await a.ping(entry!.record.id));
  const t = platform.clock.nowUs();
  const gone = whenRegistry(a, () => a.registry.lookup("b")[0]?.state === "left").then(() =>
    console.log("left after", platform.clock.nowUs() - t)
  );
  await b.stop();
  await gone;
  await a.stop();
});
