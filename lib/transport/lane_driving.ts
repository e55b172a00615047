// What drivers of a connection of lanes have in common: how late their timers are, how long an end may take, and what a
// refusal is called. Decides nothing else; the drivers are lane_carrier.ts (streams) and udp_carrier.ts.

import { SendRefusal, type SendStatus } from "../lanes/mod.ts";

/** How late a timer may be: the shortest takes 2.1 ms in Deno (deno-platform research). */
export const QUANTUM_US = 2_100;
/** How long an end in order waits for what was sent to be acknowledged. */
export const DRAIN_US = 900_000;

/** By the refusal's number without its sign. */
const STATUS_OF_REFUSAL: readonly (SendStatus | undefined)[] = (() => {
  const table: (SendStatus | undefined)[] = [];
  table[-SendRefusal.full] = "full";
  table[-SendRefusal.tooLarge] = "too-large";
  table[-SendRefusal.noCredit] = "no-credit";
  table[-SendRefusal.closed] = "closed";
  return table;
})();

/** What a refusal of `LaneConnection.send` is to a session. */
export function statusOfRefusal(refusal: number): SendStatus {
  return STATUS_OF_REFUSAL[-refusal] ?? "closed";
}
