// What we advertise, as records (RFC 6763 §4 to §9).
// Decides names, lifetimes and which records are ours alone; never when they are sent (responder.ts).
// The host name is ours and never the machine's, so that no other responder of this machine can claim it
// (discovery research 1.5: responders that shared one fought over it).

import type { DnsLink } from "./link.ts";
import { CLASS_IN, type RecordData, recordKey, type ResourceRecord, TYPE } from "./message.ts";
import { cutLabel, escapeLabel, nameKey } from "./name.ts";

/** Where all names of multicast DNS end. */
export const DOMAIN = "local";
/** The name whose PTR records list the types of service that there are (RFC 6763 §9). */
export const META_NAME = `_services._dns-sd._udp.${DOMAIN}`;

/** Lifetime in seconds of records that name a host (RFC 6762 §10). */
export const HOST_TTL_S = 120;
/** Lifetime in seconds of all others. */
export const OTHER_TTL_S = 4_500;

/** One service. */
export interface ServiceAdvertisement {
  /** `_hana._udp`. */
  readonly type: string;
  /** `_app`: asked for as `_app._sub._hana._udp.local` (RFC 6763 §7.1). */
  readonly subtypes: readonly string[];
  /** The port; `link` for that of the link's own socket. */
  readonly port: number | "link";
  /** The TXT record. */
  readonly text: Uint8Array;
}

/** All that we advertise. */
export interface Advertisement {
  /** The name that people see; a number follows it while somebody else has it. */
  readonly instance: string;
  /** First label of the host name: letters, digits, hyphens. */
  readonly host: string;
  readonly services: readonly ServiceAdvertisement[];
}

/** The names that we go by at present. Counts above one stand for names that others had first. */
export interface Naming {
  readonly instanceCount: number;
  readonly hostCount: number;
}

/** One record of ours on one link. */
export interface OwnRecord {
  readonly record: ResourceRecord;
  readonly key: string;
  /** Nobody else may have a record of this name and type. */
  readonly isUnique: boolean;
  /** Which of our names it stands under; shared records have none. */
  readonly owner: "instance" | "host" | null;
  /** Whether a goodbye withdraws it; what others say as well stays true without us. */
  readonly isOurs: boolean;
}

/** The instance label: `name`, `name (2)`, … cut to a label's length. */
export function instanceLabel(instance: string, count: number): string {
  return cutLabel(instance, count > 1 ? ` (${count})` : "");
}

/** The host label: `name`, `name-2`, … */
export function hostLabel(host: string, count: number): string {
  return cutLabel(host, count > 1 ? `-${count}` : "");
}

/** A host label from a node's name and id: `stage-left-1f3a`, ASCII, lower case. */
export function hostLabelOf(name: string, id: string): string {
  const plain = name.normalize("NFKD").replace(/\p{M}+/gu, "").toLowerCase().replace(/[^a-z0-9]+/g, "-")
    .replace(/^-+|-+$/g, "");
  const suffix = `-${id.slice(0, 4)}`;
  return `${(plain === "" ? "hana" : plain).slice(0, 40).replace(/-+$/, "")}${suffix}`;
}

/** The records of `advertisement` on `link`. A service whose port is not known there is left out. */
export function recordsOn(advertisement: Advertisement, naming: Naming, link: DnsLink): OwnRecord[] {
  const instance = escapeLabel(instanceLabel(advertisement.instance, naming.instanceCount));
  const host = `${hostLabel(advertisement.host, naming.hostCount)}.${DOMAIN}`;
  const records: OwnRecord[] = [];
  const shared = (name: string, target: string, isOurs: boolean): void => {
    records.push(own(name, { type: TYPE.ptr, target }, OTHER_TTL_S, null, isOurs));
  };
  for (const service of advertisement.services) {
    const port = service.port === "link" ? link.port : service.port;
    if (port === 0) continue;
    const type = `${service.type}.${DOMAIN}`;
    const name = `${instance}.${type}`;
    shared(type, name, true);
    for (const subtype of service.subtypes) shared(`${subtype}._sub.${type}`, name, true);
    shared(META_NAME, type, false);
    const where = { type: TYPE.srv, priority: 0, weight: 0, port, target: host } as const;
    records.push(own(name, where, HOST_TTL_S, "instance", true));
    records.push(own(name, { type: TYPE.txt, bytes: service.text }, OTHER_TTL_S, "instance", true));
  }
  if (records.length > 0) {
    records.push(own(host, { type: TYPE.a, address: link.address }, HOST_TTL_S, "host", true));
  }
  return records;
}

function own(
  name: string,
  data: RecordData,
  ttlS: number,
  owner: OwnRecord["owner"],
  isOurs: boolean,
): OwnRecord {
  const record = { name, class: CLASS_IN, isFlush: owner !== null, ttlS, data };
  return { record, key: recordKey(record), isUnique: owner !== null, owner, isOurs };
}

/** "These are all the types there are" for a name of ours (RFC 6762 §6.1); null when the name is not ours. */
export function absenceOf(name: string, records: readonly OwnRecord[]): ResourceRecord | null {
  const key = nameKey(name);
  const there = records.filter((each) => each.isUnique && nameKey(each.record.name) === key);
  const [first] = there;
  if (first === undefined) return null;
  const types = there.map((each) => each.record.data.type).sort((a, b) => a - b);
  return { ...first.record, ttlS: HOST_TTL_S, data: { type: TYPE.nsec, next: first.record.name, types } };
}
