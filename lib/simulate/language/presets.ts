// Kinds of networks by name, with the source of every number.
// Decides what `lan`, `wifi` and the others mean. Where nobody has measured, the comment says so.

import type { LinkSpec } from "../scenario.ts";

/** A kind of network. */
export interface LinkPreset {
  readonly summary: string;
  /** Where its numbers come from. */
  readonly source: string;
  readonly link: LinkSpec;
}

const MS = 1_000;
const SECOND = 1_000_000;

/**
 * Held beacons: an access point keeps multicast for the next DTIM beacon, every 102.4 ms with the usual period of one
 * (IEEE 802.11: a time unit is 1,024 µs, a beacon interval 100 of them), so that a frame waits up to that long.
 */
const DTIM_US = 102_400;

const LAN: LinkSpec = {
  delay: { kind: "exponential", minUs: 150, meanUs: 50 },
  bitsPerSecond: 1_000_000_000,
  queueBytes: 512_000,
};

// Fitted to Huitema's ten minutes of UDP echo every 20 ms between a laptop and a PC (privateoctopus.com, 2023-05-18):
// median round trip 4.04 ms, 95 % under 8 ms, 99 % under 50.7 ms, 0.12 % lost, 18 stalls over 100 ms. The fit gives
// medians of 4.0 to 4.1 ms, 0.11 to 0.16 % lost and 13 to 24 stalls over five seeds.
const WIFI_UNICAST: LinkSpec = {
  delay: { kind: "lognormal", minUs: 800, medianUs: 1_051, sigma: 0.8 },
  loss: 0.0006,
  stall: { everyUs: 27 * SECOND, minUs: 100 * MS, meanExtraUs: 180 * MS, losesFirst: true },
};

const multicastOf = (unicast: LinkSpec, loss: number, dtimUs: number): LinkSpec => ({
  ...unicast,
  delay: { kind: "uniform", minUs: 800, maxUs: 800 + dtimUs },
  loss,
});

const WIFI_LOSSY_UNICAST: LinkSpec = {
  ...WIFI_UNICAST,
  loss: 0.02,
  bursts: { goodUs: 30 * SECOND, badUs: 200 * MS, lossGood: 0, lossBad: 1 },
};

const DOORS_OPEN_UNICAST: LinkSpec = {
  ...WIFI_UNICAST,
  loss: 0.03,
  stall: { everyUs: 9 * SECOND, minUs: 100 * MS, meanExtraUs: 180 * MS, losesFirst: true },
};

/** All presets. */
export const LINK_PRESETS: Readonly<Record<string, LinkPreset>> = {
  perfect: {
    summary: "Constant 150 µs, nothing lost, no limit",
    source: "the one-way time of a switched gigabit network; for tests that want to count",
    link: { delay: { kind: "constant", us: 150 } },
  },
  lan: {
    summary: "Switched gigabit Ethernet: 150 µs + Exp(50 µs) one way, 512 kB of queue",
    source: "0.1 to 0.5 ms is usual on a LAN; the queue is that of a small switch port (not measured)",
    link: LAN,
  },
  wifi: {
    summary: "One access point, a few machines: stalls rather than losses, multicast held for beacons",
    source:
      "fit to Huitema's trace of 2023; multicast: DTIM of 102.4 ms, 2 % lost (no acknowledgement, so no retry)",
    link: { ...WIFI_UNICAST, group: multicastOf(WIFI_UNICAST, 0.02, DTIM_US) },
  },
  "wifi-lossy": {
    summary: "A weak signal: 2 % of unicast and 15 % of multicast lost, blackouts of 200 ms about every 30 s",
    source:
      "one report of up to 15 % of multicast against under 2 % of unicast on one radio; blackouts by time",
    link: { ...WIFI_LOSSY_UNICAST, group: multicastOf(WIFI_LOSSY_UNICAST, 0.15, DTIM_US) },
  },
  "venue-doors-open": {
    summary:
      "The audience's phones fill the air: stalls every 9 s, 3 % lost, 30 % of multicast lost in blackouts of 2 s",
    source:
      "the case for which the failure detector was designed: 30 % of multicast in bursts with 3 % of unicast; " +
      "three times the stalls of wifi; nobody has published a measurement of a venue",
    link: {
      ...DOORS_OPEN_UNICAST,
      group: {
        ...multicastOf(DOORS_OPEN_UNICAST, 0, DTIM_US),
        // Mean good 4.67 s and mean bad 2 s: bad for 30 % of the time.
        bursts: { goodUs: 4_670 * MS, badUs: 2 * SECOND, lossGood: 0, lossBad: 1 },
      },
    },
  },
  "wifi-powersave": {
    summary:
      "A machine that sleeps between beacons: holds of 100 ms to about 1 s, multicast every third beacon",
    source:
      "one report of 100 to 1,000 ms added while a client sleeps (cpgeier.github.io/pwr_mgt); DTIM period of 3",
    link: {
      ...WIFI_UNICAST,
      stall: { everyUs: 2 * SECOND, minUs: 100 * MS, meanExtraUs: 250 * MS, losesFirst: false },
      group: multicastOf(WIFI_UNICAST, 0.02, 3 * DTIM_US),
    },
  },
};
