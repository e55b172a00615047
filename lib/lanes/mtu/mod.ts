// How large a packet may be on a path.

export {
  BASE_DATAGRAM_BYTES,
  JUMBO_STEPS,
  LOOPBACK_STEPS,
  MtuSearch,
  type MtuSearchOptions,
  STANDARD_STEPS,
} from "./mtu_search.ts";
