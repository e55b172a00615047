// Paths over datagrams: keys, packets, addresses, and the handshake for `udp:` addresses where there is no stream.
// Decides who is heard and what is authentic; never what a packet means (lib/lanes) and never reconnects.

export { UDP_DROPS, UdpCounters, type UdpDrop } from "./counters.ts";
export { DatagramBuffer } from "./datagram_buffer.ts";
export {
  KEEP_OLD_KEY_US,
  OpenRefusal,
  type PacketNumbers,
  PacketSealer,
  type PacketSealerOptions,
  REKEY_PACKETS,
  REKEY_US,
  type SealerStats,
} from "./packet_sealer.ts";
export {
  ALLOWANCE_PERIOD_US,
  AMPLIFICATION,
  CandidateAddress,
  isSameAddress,
  MAX_CANDIDATES,
  PathAddresses,
  TOLD_ALLOWANCE_BYTES,
} from "./path_addresses.ts";
export { UdpPath, type UdpPathHandlers } from "./path.ts";
export { decodeHello, encodeHello, type HelloExtension, MAX_HELLO_BYTES, type UdpHello } from "./hello.ts";
export {
  type CreatePathOptions,
  MAX_FORGED_PER_SECOND,
  MAX_PATHS,
  MAX_UDP_BYTES,
  UdpEndpoint,
  type UdpEndpointOptions,
  type UdpHandshakeOptions,
} from "./endpoint.ts";
export { type DialHandlers, type UdpDial } from "./handshakes.ts";
export { type HandshakeContext, handshakeContext } from "./handshake_keys.ts";
export {
  COOKIE_DATAGRAM_BYTES,
  HANDSHAKE_BYTES,
  HandshakeType,
  UDP_HANDSHAKE_VERSION,
} from "./handshake_wire.ts";
export { COOKIE_SECRET_US } from "./cookies.ts";
export {
  GIVE_UP_US,
  RETRY_JITTER,
  RETRY_US,
  type UdpHandshakeResult,
  UdpInitiator,
  type UdpInitiatorOptions,
  type UdpInitiatorState,
} from "./initiator.ts";
export {
  COOKIE_HALF_OPEN,
  COOKIE_INITS_PER_NODE,
  COOKIE_INITS_PER_SOURCE,
  HALF_OPEN_US,
  type HalfOpen,
  type InitVerdict,
  MAX_ANSWERED,
  MAX_HALF_OPEN,
  MAX_PROVEN_INITS_PER_SECOND,
  UdpResponder,
  type UdpResponderOptions,
} from "./responder.ts";
