// Shared state on the network: the host behind its lanes, and the copies that programs work with.
// Decides how messages travel and when timers run; what they mean is decided in host/ and replica/.

export { type StatePort } from "./port.ts";
export { STATE_HOST, STATE_PARAMETERS, STATE_SESSIONS, STATE_WHY } from "./requests.ts";
