// The receiving half of lanes: order, fragments, keys, credit, skips, and the memory that all of it may take.
// Decides which received messages are handed on and when. Never sends, never acknowledges packets, never asks again.

export {
  EndpointBudget,
  type EndpointBudgetOptions,
  type PartialOwner,
  ReassemblyBudget,
  type ReassemblyBudgetOptions,
} from "./budget.ts";
export { MIN_WINDOW_BYTES, WINDOW_MESSAGES, windowBytesFor } from "./credit_window.ts";
export { MAX_KEYS } from "./newest.ts";
export { ReceiveLane } from "./receive_lane.ts";
export { type ReceiveLaneOptions, receiveLaneOptions } from "./receiver.ts";
export { MAX_PARTIALS, MIN_EXPIRY_US } from "./unreliable_partials.ts";
export { MAX_WAITING_BYTES, MAX_WAITING_MESSAGES } from "./unreliable_receiver.ts";
