// Paths over datagrams: keys, packets, addresses, and the handshake for `udp:` addresses where there is no stream.
// Decides who is heard and what is authentic; never what a packet means (lib/lanes) and never reconnects.

export { UDP_DROPS, UdpCounters, type UdpDrop } from "./counters.ts";
export { DatagramBuffer, PACKET_HEADER_BYTES, PACKET_OVERHEAD_BYTES } from "./datagram_buffer.ts";
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
} from "./endpoint.ts";
