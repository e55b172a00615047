// DNS-SD over multicast DNS (RFC 6763, RFC 6762): how Bonjour, Avahi and others see hana nodes, and hana sees what
// announces itself that way. Decides names, records and when they are said and asked; what is learned here is a hint:
// whether a node is a node, lib/discovery's own datagrams tell.

export {
  type Advertisement,
  HOST_TTL_S,
  hostLabelOf,
  instanceLabel,
  OTHER_TTL_S,
  type ServiceAdvertisement,
} from "./advertisement.ts";
export { Browser, type ServiceEvent, type ServiceView } from "./browser.ts";
export { MAX_CACHED } from "./cache.ts";
export { canAdvertise, HANA_TCP, HANA_UDP, MAX_ADVERTISED_NODES, SHOW_SERVICES } from "./catalogue.ts";
export { DnsSdCounters } from "./counters.ts";
export { decodeMessage } from "./decode.ts";
export { compareBytes, MessageWriter, plainData } from "./encode.ts";
export {
  dataKey,
  DNS_REFUSALS,
  type DnsMessage,
  type DnsRefusal,
  isAskedFor,
  MAX_MESSAGE_IN_BYTES,
  MAX_MESSAGE_OUT_BYTES,
  type Question,
  type RecordData,
  recordKey,
  type ResourceRecord,
  TYPE,
} from "./message.ts";
export type { DnsLink } from "./link.ts";
export { escapeLabel, firstLabel, nameKey, parentOf } from "./name.ts";
export { DnsOutbox, type DnsTransmit } from "./outbox.ts";
export { Responder, type ResponderEvent } from "./responder.ts";
export { type DnsSdEvent, type DnsSdOptions, DnsSdService } from "./service.ts";
export { Echoes, MDNS_GROUP, MDNS_PORT } from "./sockets.ts";
export { decodeText, encodeText } from "./text.ts";
