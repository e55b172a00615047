// What meters and modulation share: values that flow past the state on unreliable lanes, of which only the newest counts.
// Decides when a sender of such values speaks and how numbers lie in its packets; never what they mean.

export { AskPause } from "./ask_pause.ts";
export { copyF32, f32At, isFiniteF32At } from "./float.ts";
export { type Outlet } from "./outlet.ts";
export { type Pace, Pacer } from "./pacer.ts";
export { TableHash } from "./table_hash.ts";

/** The largest packet of a stream, in bytes: one UDP datagram of a lane, whatever path it takes. */
export const MAX_STREAM_BYTES = 1_200;
/** A sender that is silent for that long no longer counts (E1.31 section 6.7.1), in microseconds. */
export const STREAM_LEASE_US = 2_500_000;
