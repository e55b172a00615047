// Metering: what programs measure of themselves, 30 times a second, on a lane of its own beside the state.
// Decides what of it is the newest and who is sent what; never stores it, never waits for anybody, never touches the
// state. docs/meters-and-modulation.md has the bytes.

export { type BoardCounters, type BoardDeadline, MeterBoard } from "./board.ts";
export {
  MAX_METER_CLIENTS,
  MAX_METER_PACKET_BYTES,
  MAX_METER_PREFIXES,
  MAX_METER_SLOTS,
  MAX_METER_SOURCES,
  MAX_METER_UNIT,
  MAX_METERS,
  MAX_TABLES_PER_ANSWER,
  METER_DROP_US,
  METER_LANE,
  METER_PACE,
  METER_PERIOD_US,
  METER_STALE_US,
} from "./limits.ts";
export { type SourceMeters, STATE_METERS, STATE_METERS_SUBSCRIBE, type ToldMeters } from "./messages.ts";
export {
  beginPacket,
  MAX_AGE_MS,
  MAX_SOURCE_NUMBER,
  METER_PACKET,
  METER_PROBLEMS,
  MeterPacketReader,
  type MeterProblem,
  writeSection,
} from "./packet.ts";
export { type MeterIndex, MeterSource, type MeterSourceCounters } from "./source.ts";
export { markOf, type MeterDefinition, type MeterTable, readMeterTable } from "./table.ts";
export { type MeterSlot, type MeterState, MeterView, type ViewCounters } from "./view.ts";
