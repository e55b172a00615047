// hana: three nodes as they ship, one that hosts and two that open sessions to it; lanes on datagrams, encrypted.
// Decides that they find each other by address: discovery is no part of what is measured here.

import { readFileSync, writeFileSync } from "node:fs";
import { fromHex, toHex } from "../../../../lib/base/mod.ts";
import { Node } from "../../../../lib/node/mod.ts";
import { denoPlatform } from "../../../../lib/platform/deno/mod.ts";
import { MeshKey, MeshKeyRing } from "../../../../lib/security/mod.ts";
import { isRefusal, type PathId, readDefinition } from "../../../../lib/state/mod.ts";
import { type End, type EndOptions, FADERS } from "./end.ts";

const JOIN_MS = 10_000;
/** Until lanes have moved from the session's stream to datagrams. */
const SETTLE_MS = 1_500;

const pathOf = (fader: number): string => `desk/fader-${fader}`;

/** Opens one end. */
export async function openHanaEnd({ role, address, directory, onValue }: EndOptions): Promise<End> {
  const keyPath = `${directory}/key`;
  if (role === "host") writeFileSync(keyPath, toHex(crypto.getRandomValues(new Uint8Array(32))));
  const key = fromHex(readFileSync(keyPath, "utf8"));
  const node = await Node.start(denoPlatform(), {
    role: role === "host" ? "daemon" : "observer",
    ...(role === "host" ? { name: "host", state: { host: true } } : { tcpPort: null }),
    software: "bench",
    stateDirectory: role === "host" ? `${directory}/s` : "",
    runDirectory: role === "host" ? `${directory}/r` : null,
    keys: new MeshKeyRing(new MeshKey(key), null),
    discovery: null,
    readsHardware: false,
    udpLanes: true,
  });
  if (role === "host") {
    node.state.onHosted((service) => {
      for (let fader = 0; fader < FADERS; fader++) {
        const type = { path: pathOf(fader), type: "f32", min: 0, max: 1 };
        const defined = service.host.define(service.nowUs(), readDefinition(type));
        if (isRefusal(defined)) throw new Error(defined.why);
      }
    });
    // All are on one machine.
    const address = node.addresses.find((each) => each.startsWith("tcp://")) ?? "";
    return {
      address: `tcp://127.0.0.1:${address.slice(address.lastIndexOf(":") + 1)}`,
      write: () => {},
      close: () => node.stop(),
    };
  }
  const client = node.state.client({ name: role, findHost: () => Promise.resolve(address) });
  const { replica } = client;
  await new Promise<void>((resolve, reject) => {
    const timer = setTimeout(() => reject(client.lastFailure ?? new Error("no host answers")), JOIN_MS);
    const look = (): void => {
      if (!replica.isSynced || replica.book?.idOf(pathOf(0)) === 0) return;
      clearTimeout(timer);
      resolve();
    };
    client.onBatch(look);
    look();
  });
  const ids = Array.from({ length: FADERS }, (_, fader) => replica.book?.idOf(pathOf(fader)) as PathId);
  const [first = 0 as PathId] = ids;
  let last = replica.values?.numberOf(first);
  if (role === "reader") {
    client.onBatch(() => {
      const value = replica.values?.numberOf(first);
      if (value === undefined || value === last) return;
      last = value;
      onValue(value);
    });
  }
  await new Promise((resolve) => setTimeout(resolve, SETTLE_MS));
  return {
    address: "",
    write(values) {
      for (const [fader, value] of values.entries()) {
        const answer = replica.set(client.nowUs(), ids[fader] as PathId, value);
        if (answer !== "taken") throw new Error(`a write is ${String(answer)}`);
      }
      client.pump();
    },
    close: () => node.stop(),
  };
}
