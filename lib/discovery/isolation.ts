// Whether it is us: when many fall silent at once, or our own multicast does not come back, or we were not running, then
// we are the ones cut off, and nobody else is dead (discovery research 6.6: this one rule took most false deaths away).
// Decides when that begins and ends; what it means for others is liveness.ts's business.

/** Fewer silent nodes than this at once are no sign; nor is a smaller share of all. */
const MIN_SILENT = 3;
const SILENT_SHARE = 0.2;
/**
 * For how long nobody of several must be heard, in µs: of two, one may be dead while two beats of the other are lost,
 * which answers a question then.
 */
const ALONE_US = 1_000_000;
/** From the end of its cause to the end of isolation, in beats. */
const CLEAR_BEATS = 2.5;
/** After this it is the others after all, if somebody is heard and our own multicast comes back, in µs. */
const CAP_US = 15_000_000;

/** Why we take ourselves for cut off. */
export type IsolationCause = "silence" | "echo" | "stall" | "network";

/** What the decision rests on. */
export interface Surroundings {
  /** Nodes that have fallen silent: suspects, and those that were taken out since. */
  readonly silent: number;
  /** Nodes that are heard. */
  readonly heard: number;
  /** Our own multicast used to come back and does not. */
  readonly isEchoLost: boolean;
  /** We have an interface that leads to other machines. */
  readonly hasNetwork: boolean;
  readonly beatUs: number;
}

/** What has changed. `capped`: the others are gone, and we are not. */
export type IsolationChange = "began" | "ended" | "capped" | null;

/** Watches over ourselves. */
export class Isolation {
  #sinceUs = Infinity;
  #clearUs = Infinity;
  /** Since when we hear nobody of several. */
  #aloneUs = Infinity;
  #cause: IsolationCause = "silence";

  /** Whether we take ourselves for cut off. */
  get isOn(): boolean {
    return this.#sinceUs !== Infinity;
  }

  get cause(): IsolationCause {
    return this.#cause;
  }

  /** Looks at the surroundings. */
  judge(nowUs: number, around: Surroundings): IsolationChange {
    if (around.heard > 0 || around.silent < 2) this.#aloneUs = Infinity;
    else this.#aloneUs = Math.min(this.#aloneUs, nowUs);
    const cause = causeIn(around, nowUs - this.#aloneUs >= ALONE_US);
    if (!this.isOn) {
      if (cause === null) return null;
      this.begin(nowUs, cause);
      return "began";
    }
    if (cause === null) {
      this.#clearUs = Math.min(this.#clearUs, nowUs + CLEAR_BEATS * around.beatUs);
      if (nowUs < this.#clearUs) return null;
      this.#end();
      return "ended";
    }
    this.#cause = cause;
    this.#clearUs = Infinity;
    if (nowUs < this.#sinceUs + CAP_US || isOurs(around)) return null;
    this.#end();
    return "capped";
  }

  /** We are cut off, for a reason that shows otherwise. */
  begin(nowUs: number, cause: IsolationCause): void {
    if (!this.isOn) this.#sinceUs = nowUs;
    this.#cause = cause;
    this.#clearUs = Infinity;
  }

  #end(): void {
    this.#sinceUs = Infinity;
    this.#clearUs = Infinity;
  }
}

/** What is wrong is wrong here, however long it lasts. */
function isOurs({ heard, isEchoLost, hasNetwork }: Surroundings): boolean {
  return heard === 0 || isEchoLost || !hasNetwork;
}

function causeIn(
  { silent, heard, isEchoLost, hasNetwork }: Surroundings,
  isAlone: boolean,
): IsolationCause | null {
  if (silent === 0) return null;
  if (!hasNetwork) return "network";
  if (isEchoLost) return "echo";
  if (isAlone) return "silence";
  return silent > Math.max(MIN_SILENT, SILENT_SHARE * (silent + heard)) ? "silence" : null;
}
