// Waiting for a new shim: until the one before has let go of its lock, and until the new one answers.
// Decides pauses and when it is given up. Gives up at once when the shim has ended, or nobody wants it any more.

import { HanaError } from "../../base/mod.ts";
import type { Platform, StreamAddress } from "../../platform/mod.ts";
import { ShimLink } from "./shim_link.ts";

/** Pauses between tries to reach a new shim: short while one that waited ready would begin to listen, then longer ones. */
const CONNECT_PAUSE_US = 1_000;
const EAGER_TRIES = 50;
const MAX_CONNECT_PAUSE_US = 20_000;
/** After something answered that cannot be understood. */
const BABBLE_PAUSE_US = 500_000;
/** How long the lock of a shim that said goodbye may still be held. */
const LOCK_TRIES = 400;
const LOCK_PAUSE_US = 5_000;

/** The shim that is to be reached. */
export interface Awaited {
  readonly name: string;
  readonly address: StreamAddress;
  readonly sinceSeq: number;
  readonly timeoutUs: number;
  /** Whether its process has ended. */
  hasEnded(): boolean;
  /** Whether nobody wants it any more. */
  isGivenUp(): boolean;
}

/** Connects to a shim that is being started. Rejects with `closed` when it ended, `timeout` when it never answered. */
export async function reachShim(platform: Platform, shim: Awaited): Promise<ShimLink> {
  const { name, address, sinceSeq } = shim;
  const untilUs = platform.clock.nowUs() + shim.timeoutUs;
  let pauseUs = CONNECT_PAUSE_US;
  for (let tries = 0; !shim.isGivenUp(); tries++) {
    const timeoutUs = untilUs - platform.clock.nowUs();
    if (timeoutUs <= 0) break;
    // Looked at before the try: whoever ended while it was tried may have been reached.
    const hasEnded = shim.hasEnded();
    let isThere = false;
    try {
      return await ShimLink.connect({ platform, address, sinceSeq, timeoutUs, name });
    } catch (thrown) {
      if (!(thrown instanceof HanaError)) throw thrown;
      isThere = thrown.code !== "not-found" && thrown.code !== "unreachable";
    }
    if (hasEnded) throw new HanaError("closed", { what: `the shim of ${name}`, why: "it ended at once" });
    await pause(platform, isThere ? BABBLE_PAUSE_US : pauseUs);
    if (tries >= EAGER_TRIES) pauseUs = Math.min(pauseUs * 2, MAX_CONNECT_PAUSE_US);
  }
  throw new HanaError("timeout", { what: `the shim of ${name}`, why: "it does not answer" });
}

/** Waits until nobody holds a program's lock. Rejects with `conflict` when somebody keeps it. */
export async function awaitLock(
  platform: Platform,
  { name, path, isGivenUp }: { readonly name: string; readonly path: string; isGivenUp(): boolean },
): Promise<void> {
  for (let tries = 0; tries < LOCK_TRIES && !isGivenUp(); tries++) {
    const lock = platform.files.lock(path);
    if (lock !== null) return lock.release();
    await pause(platform, LOCK_PAUSE_US);
  }
  throw new HanaError("conflict", { what: `the shim of ${name}`, why: "an earlier one has not ended" });
}

function pause({ clock, timers }: Platform, us: number): Promise<void> {
  return new Promise((resolve) => timers.schedule(clock.nowUs() + us, resolve));
}
