// Examining a mesh from one of its machines: what is looked at, and what it means.
// Decides nothing beyond the examination; changes nothing on the machine or in the mesh.

export {
  type Check,
  check,
  type CheckTexts,
  conclusionOf,
  countVerdicts,
  type Examined,
  firstFinding,
  type Verdict,
} from "./checks.ts";
export { Collector, type HeardNode, type HeardOnLink, type Question } from "./collector.ts";
export { machineChecks } from "./machine_checks.ts";
export type {
  ClockObservation,
  IgnoredInterface,
  LinkObservation,
  Observations,
  PeerLinkObservation,
  PeerObservation,
  PortHolder,
  SessionObservation,
  StorageObservation,
  StrangerObservation,
  SystemObservation,
  Tries,
} from "./observations.ts";
export { peerChecks, WAYS, type WayState, type WayStates, wayStatesOf } from "./peer_checks.ts";
export { parseIgmpTable, parseUdpTable, type UdpRow } from "./proc.ts";
export { examine, type ExamineOptions } from "./examination.ts";
