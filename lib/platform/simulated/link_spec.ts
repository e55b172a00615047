// How frames of one direction of a link fare, as plain data: what a scenario says and a link model plays.
// Decides the vocabulary of network faults; the numbers of real networks stand in lib/simulate's presets.

/** How frames of one direction fare. Everything left out is perfect. */
export interface LinkSpec {
  readonly delay?: DelaySpec;
  /** Each frame alone. */
  readonly loss?: number;
  /** Two states driven by time, not by frames, so that an outage lasts as long for 1 Hz as for 500 Hz (research 1.3). */
  readonly bursts?: {
    readonly goodUs: number;
    readonly badUs: number;
    readonly lossGood: number;
    readonly lossBad: number;
  };
  /** The radio holds frames, then lets them out in order. */
  readonly stall?: {
    readonly everyUs: number;
    readonly minUs: number;
    readonly meanExtraUs: number;
    readonly losesFirst: boolean;
  };
  readonly duplicate?: number;
  /** Share of frames that are held for `extraUs` and so overtaken. */
  readonly reorder?: { readonly share: number; readonly extraUs: number };
  /** Share of frames in which one bit flips. */
  readonly corrupt?: number;
  readonly bitsPerSecond?: number;
  /** Frames that wait for the rate; what does not fit is dropped at the tail. */
  readonly queueBytes?: number;
  readonly mtuBytes?: number;
  /** What is different for multicast and broadcast. */
  readonly group?: FlowSpec;
  /** What is different for datagrams to one host, as with a firewall or a shaper that lets streams pass. */
  readonly datagrams?: FlowSpec;
}

/** How one kind of traffic fares. */
export type FlowSpec = Omit<LinkSpec, "group" | "datagrams">;

/** A one-way delay. */
export type DelaySpec =
  | { readonly kind: "constant"; readonly us: number }
  | { readonly kind: "uniform"; readonly minUs: number; readonly maxUs: number }
  | { readonly kind: "exponential"; readonly minUs: number; readonly meanUs: number }
  | { readonly kind: "lognormal"; readonly minUs: number; readonly medianUs: number; readonly sigma: number };
