// hana's ends of the comparison: three nodes as they ship, one that hosts and two that open sessions to it; lanes on
// datagrams, encrypted. Decides nothing more: hana_node.ts starts them.

import type { PathId } from "../../../../lib/state/mod.ts";
import { type End, type EndOptions, FADERS } from "./end.ts";
import { define, joinHost, startGuest, startHost } from "./hana_node.ts";

/** Until lanes have moved from the session's stream to datagrams. */
const SETTLE_MS = 1_500;

const pathOf = (fader: number): string => `desk/fader-${fader}`;

/** Opens one end. */
export async function openHanaEnd({ role, address, directory, onValue }: EndOptions): Promise<End> {
  if (role === "host") {
    const { node, address: own } = await startHost(directory, (host, nowUs) => {
      for (let fader = 0; fader < FADERS; fader++) {
        define(host, nowUs, { path: pathOf(fader), type: "f32", min: 0, max: 1 });
      }
    });
    return { address: own, write: () => {}, close: () => node.stop() };
  }
  const node = await startGuest(directory);
  const client = await joinHost(node, address, { name: role });
  const { replica } = client;
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
