// Transport: from an address to framed, sealed, bounded links.
// Decides how streams are dialled, listened on and guarded. Never knows nodes, roles or messages.

export { type Address, formatAddress, formatHostPort, parseAddress, splitHostPort } from "./address.ts";
export { Backoff, type BackoffOptions, DEFAULT_BACKOFF } from "./backoff.ts";
export { dial, type DialOptions, isSealed, type TransportContext } from "./dial.ts";
export { Link, type LinkHandlers, type LinkOptions, type LinkStats } from "./link.ts";
export { LaneCarrier, type LaneCarrierOptions } from "./lane_carrier.ts";
export { type LinkListener, type LinkListenerHandlers, listen, type ListenCounters } from "./listen.ts";
export { MemoryNetwork, memoryPair } from "./memory.ts";
export { MAX_SOCKET_PATH_BYTES, prepareRunDirectory, socketPath } from "./run_directory.ts";
export { StreamCarrier } from "./stream_carrier.ts";
export { UdpCarrier, type UdpCarrierOptions } from "./udp_carrier.ts";
export { type UdpDial, UdpEndpoint, UdpPath } from "./udp/mod.ts";
export {
  DatagramBuffer,
  encodeHello,
  handshakeContext,
  PacketSealer,
  UdpInitiator,
  UdpResponder,
} from "./udp/mod.ts";
