// Discovery: who is in the mesh and where. Announcements, registry, failure detection, goodbye.
// Decides on nodes, never on sessions: what an endpoint speaks is lib/transport's and lib/session's.
// `DiscoveryCore` is the protocol as a state machine; `DiscoveryService` runs it on a machine.

export {
  isIpLiteral,
  isLinkLocalHost,
  isLoopbackHost,
  isSameSubnet,
  isWildcardHost,
  parseIpv4,
} from "./address.ts";
export { beatPeriodUs } from "./announcer.ts";
export {
  type Availability,
  AvailabilityGate,
  decodeAvailability,
  encodeAvailability,
  isWorthTelling,
} from "./availability.ts";
export { BODY_LIMITS, createBodyCodec } from "./body_codec.ts";
export type { Wake, WakeReason } from "./context.ts";
export { DEFAULT_MAX_PEERS, DiscoveryCore, type DiscoveryOptions } from "./core.ts";
export { DiscoveryCounters, type Drop, type Refusal } from "./counters.ts";
export {
  type BodyCodec,
  type Datagram,
  type DatagramSeal,
  decodeDatagram,
  encodeDatagram,
  type Header,
  MAX_DATAGRAM_BYTES,
  type OpenDatagram,
  type Path,
  PROTOCOL_VERSION,
} from "./datagram.ts";
export {
  type Endpoint,
  type EndpointKind,
  hostOf,
  hostUrl,
  type LinkInterface,
  type LinkIpv6,
  type OwnAddress,
  parseEndpoint,
  sameMachine,
  splitHostPort,
} from "./endpoint.ts";
export {
  type Advertisement,
  canAdvertise,
  type DnsLink,
  type DnsSdEvent,
  type DnsSdOptions,
  DnsSdService,
  encodeText,
  HANA_TCP,
  HANA_UDP,
  hostLabelOf,
  MDNS_GROUP,
  MDNS_PORT,
  type ServiceView,
  SHOW_SERVICES,
} from "./dns_sd/mod.ts";
export type { DiscoveryEvent } from "./events.ts";
export { hash32 } from "./hash.ts";
export { type LeaseSettings, type LeaseState, PRIORITY_CAPABILITY, priorityOf } from "./leadership.ts";
export {
  compareTokens,
  FencingGate,
  FileLeaseStore,
  formatToken,
  type Leader,
  type LeaseEvent,
  type LeaseMode,
  type LeaseStore,
  type LeaseToken,
  parseToken,
  type Passage,
  type VoterSet,
} from "./lease/mod.ts";
export { meshTagOf } from "./hash.ts";
export {
  type Kind,
  KIND_NUMBERS,
  LEAVE_REASONS,
  type LeaveReason,
  MAX_AVAILABILITY,
  type Message,
} from "./messages/mod.ts";
export type { Destination, Transmit } from "./outbox.ts";
export { ENTRY_STATES, type EntryState } from "./peer.ts";
export { cutUtf8, isRecordName, type NodeRecord, RECORD_LIMITS, type RecordPatch } from "./record.ts";
export { type Registry, type RegistryDelta, type RegistryEntry, type Trust } from "./registry.ts";
export {
  chooseInterfaces,
  IGNORED_INTERFACES,
  type InterfaceChoice,
  MAX_LINKS,
  parseSeed,
} from "./interface_choice.ts";
export {
  type NodePredicate,
  parseCondition,
  parseRole,
  parseTag,
  type SelectableNode,
  type Selection,
  selector,
} from "./selection.ts";
export {
  DEFAULT_DISCOVERY_GROUP,
  DEFAULT_DISCOVERY_GROUP6,
  DEFAULT_DISCOVERY_PORT,
  type DiscoveryProblem,
  DiscoveryService,
  type ServiceOptions,
} from "./service.ts";
export { type RingIdentity, SharedOpening } from "./shared_opening.ts";
export {
  readHeader,
  REFUSAL_TEXTS,
  type TracedHeader,
  type TraceEntry,
  type TraceListener,
  Tracer,
} from "./trace.ts";
