// The token of a leadership, under the name that the lease gives it.
// Decides nothing: its order, bounds and text are the ground floor's, since sessions carry it too.

export { compareTokens, type FencingToken as LeaseToken, formatToken, parseToken } from "../../base/mod.ts";
