// One event in three sentences: a row a kind of event.
// Decides what a crew reads as things happen; what repeats and what is over again, alerts.ts knows.
// Reads what an event carries with care: an older or newer shim may have written it.

import type { ExitClass, ExitRecord, ProgramEvent, ProgramEventKind } from "../model/mod.ts";
import { ENDINGS } from "./endings.ts";
import {
  address,
  advise,
  at,
  compose,
  type CrewContext,
  type CrewText,
  type Draft,
  NOTHING,
} from "./text.ts";
import { bytesWords, byWords, inSentence, spanWords, times } from "./words.ts";

/** What a row sees. */
interface Happening {
  readonly event: ProgramEvent;
  readonly context: CrewContext;
  readonly who: string;
  /** ` at 20:14:07` */
  readonly then: string;
  /** ` by anna`, or nothing. */
  readonly by: string;
  text(field: string): string | null;
  number(field: string): number | null;
}

/** An event in words. */
export function tell(event: ProgramEvent, context: CrewContext): CrewText {
  const by = byWords(event.by);
  const row = KINDS[event.kind] as ((happening: Happening) => Draft) | undefined;
  const happening: Happening = {
    event,
    context,
    who: address(event.program, context.node),
    then: at(event.atWallMs, context),
    by: by === null ? "" : ` by ${by}`,
    text: (field) => {
      const value = event.detail[field];
      return typeof value === "string" ? inSentence(value) : null;
    },
    number: (field) => {
      const value = event.detail[field];
      return typeof value === "number" && Number.isFinite(value) ? value : null;
    },
  };
  const draft = row === undefined ? unheardOf(happening) : row(happening);
  return compose(event.program, event.atWallMs, draft, context);
}

/** The record of an ending that an event carries; null where it carries none that can be read. */
export function exitOf(event: ProgramEvent): ExitRecord | null {
  const exit = event.detail.exit;
  if (typeof exit !== "object" || exit === null) return null;
  const record = exit as Partial<ExitRecord>;
  if (typeof record.class !== "string" || ENDINGS[record.class] === undefined) return null;
  return {
    run: record.run ?? event.run,
    class: record.class,
    code: record.code ?? null,
    signal: record.signal ?? null,
    why: record.why ?? null,
    atWallMs: record.atWallMs ?? event.atWallMs,
    livedUs: record.livedUs ?? 0,
    readyUs: record.readyUs ?? null,
    peakBytes: record.peakBytes ?? null,
    cpuUs: record.cpuUs ?? null,
  };
}

const why = (happening: Happening): string => {
  const text = happening.text("why") ?? happening.text("text") ?? happening.text("reason");
  return text === null ? "" : ` (${text})`;
};
/** The class of ending that parked it, in words; any other reason as it is. */
const causeOf = (happening: Happening): string => {
  const cause = happening.text("why") ?? happening.text("reason");
  if (cause === null || !Object.hasOwn(ENDINGS, cause)) return why(happening);
  return `: it ${ENDINGS[cause as ExitClass].verbMany}`;
};
const lookWhy = (happening: Happening, text = "If it goes on, look at why") =>
  advise(text, `hana why ${happening.who}`);

const KINDS: Readonly<Record<ProgramEventKind, (happening: Happening) => Draft>> = {
  "wanted": (h) => {
    const want = h.text("want");
    const wish = want === "down"
      ? "is to end"
      : want === "once"
      ? "is to run once"
      : want === "up"
      ? "is to run"
      : "was changed";
    return {
      code: "P129",
      happened: `${wish}, as was wanted${h.then}${h.by}`,
      done: h.number("generation") === null
        ? "That is written down."
        : `It is change ${h.number("generation")}.`,
      advice: NOTHING,
    };
  },
  "waiting": (h) => ({
    code: "P111",
    happened: `waits${why(h)}${h.then.replace(" at", " since")}`,
    done: "It starts by itself as soon as that is there.",
    advice: lookWhy(h, "If it takes too long"),
  }),
  "started": (h) => ({
    code: "P119",
    happened: `was started${h.then}${h.by} (run ${h.event.run})`,
    done: h.number("pid") === null ? "It gets ready." : `It gets ready, as process ${h.number("pid")}.`,
    advice: NOTHING,
  }),
  "ready": (h) => {
    const readyUs = h.number("readyUs");
    return {
      code: "P100",
      happened: `is ready${h.then} (run ${h.event.run})`,
      done: readyUs === null ? "It runs." : `It took ${spanWords(readyUs)}.`,
      advice: NOTHING,
    };
  },
  "status": (h) => ({
    code: "P100",
    happened: `says${h.then}: ${h.text("text") ?? "nothing"}`,
    done: "That was noted.",
    advice: NOTHING,
  }),
  "hung": (h) => ({
    code: "P104",
    happened: `does not answer${h.then}`,
    done: "It is watched; if it stays silent, it is ended and started again.",
    advice: advise("To do that at once", `hana restart ${h.who} --now`),
  }),
  "recovered": (h) => ({
    code: "P100",
    happened: `answers again${h.then}`,
    done: h.number("silentUs") === null
      ? "It was left running."
      : `It was silent for ${spanWords(h.number("silentUs") ?? 0)}, and was left running.`,
    advice: NOTHING,
  }),
  "stalled": (h) => ({
    code: "P103",
    happened: `is alive, but its picture does not move${h.then}${
      h.number("frame") === null ? "" : ` (last frame ${h.number("frame")})`
    }`,
    done: "It is watched.",
    advice: advise("If it looks frozen", `hana restart ${h.who}`),
  }),
  "moving": (h) => ({
    code: "P100",
    happened: `moves again${h.then}`,
    done: "It was left running.",
    advice: NOTHING,
  }),
  "fault": (h) => ({
    code: "P123",
    ...(h.event.detail.fatal === true ? { severity: "alarm" as const } : {}),
    happened: `reports a fault${h.then}: ${h.text("text") ?? h.text("code") ?? "it does not say which"}`,
    done: h.event.detail.fatal === true
      ? "It cannot go on by itself, and is ended."
      : "It goes on, and is watched.",
    advice: lookWhy(h),
  }),
  "extended": (h) => ({
    code: "P119",
    happened: `asks for more time${h.then}${why(h)}`,
    done: h.number("us") === null ? "It has it." : `It has ${spanWords(h.number("us") ?? 0)} more.`,
    advice: NOTHING,
  }),
  "exited": (h) => {
    const exit = exitOf(h.event);
    if (exit === null) {
      return {
        code: "P101",
        happened: `ended${h.then}`,
        done: "How is not known.",
        advice: lookWhy(h, "Look at why"),
      };
    }
    const ending = ENDINGS[exit.class];
    return {
      code: ending.code,
      happened: `${ending.verb(exit)}${h.then}`,
      done: exit.class === "config" || exit.class === "resources"
        ? "Nothing ran."
        : `It had run for ${spanWords(exit.livedUs)}.`,
      advice: ending.isFine ? NOTHING : lookWhy(h),
    };
  },
  "backoff": (h) => {
    const delayUs = h.number("delayUs");
    const fails = h.number("fails");
    return {
      code: fails !== null && fails >= 3 ? "P102" : "P101",
      happened: `is to be started again${h.then}${
        fails === null || fails === 0 ? "" : `, after it failed ${times(fails)}`
      }`,
      done: delayUs === null || delayUs === 0
        ? "That is done at once."
        : `The next try is in ${spanWords(delayUs)}.`,
      advice: fails !== null && fails >= 3 ? lookWhy(h, "Look at why") : NOTHING,
    };
  },
  "parked": (h) => ({
    code: "P114",
    happened: `is not tried any more${h.then}${causeOf(h)}`,
    done: "Nothing of it runs.",
    advice: lookWhy(h, "Look at why"),
  }),
  "stopping": (h) => ({
    code: "P120",
    severity: "info",
    happened: `was asked to end${h.then}${h.by}`,
    done: "It has its grace to do so.",
    advice: NOTHING,
  }),
  "killing": (h) => ({
    code: "P120",
    happened: `is being ended${h.then} with all its processes`,
    done: "What does not end by itself is ended by force.",
    advice: NOTHING,
  }),
  "unkillable": (h) => ({
    code: "P109",
    happened: `has a process that cannot be ended${h.then}${
      h.number("pid") === null ? why(h) : ` (process ${h.number("pid")})`
    }`,
    done: "A new copy would fight it for the screen, so none is started.",
    advice: { text: "Restart that machine in the next break.", command: null },
  }),
  "stopped": (h) => ({
    code: "P116",
    happened: `was stopped${h.then}${h.by}`,
    done: "Nothing of it runs.",
    advice: advise("To have it run again", `hana start ${h.who}`),
  }),
  "done": (h) => ({
    code: "P117",
    happened: `has ended${h.then} and is not to be started again`,
    done: "Nothing of it runs.",
    advice: advise("To have it run again", `hana start ${h.who}`),
  }),
  "fallback-started": (h) => ({
    code: "P127",
    happened: `was replaced by its safe look${h.then}`,
    done: "It is tried on beside that.",
    advice: lookWhy(h, "Look at why"),
  }),
  "fallback-ended": (h) => ({
    code: "P100",
    happened: `shows its own picture again${h.then}`,
    done: "The safe look was ended.",
    advice: NOTHING,
  }),
  "memory": (h) => {
    const bytes = h.number("bytes") ?? h.number("residentBytes");
    return {
      code: "P106",
      happened: `uses ${
        bytes === null ? "more memory than it may" : `${bytesWords(bytes)} of memory, more than it may`
      }${h.then}`,
      done: "It is ended, and started again where that is wanted.",
      advice: lookWhy(h, "Raise its --memory-max or reduce what it loads; what it held"),
    };
  },
  "logs-suppressed": (h) => ({
    code: "P124",
    happened: `writes more than is kept${h.then}`,
    done: `${
      h.number("lines") === null ? "Lines were" : `${h.number("lines")} lines were`
    } left out; the program is not slowed down.`,
    advice: NOTHING,
  }),
  "disk-full": (h) => ({
    code: "P110",
    happened: `cannot write its log${h.then}: the disk is full`,
    done: "Its lines go to memory only; the show is not affected.",
    advice: advise("Make room on that machine's disk; see the newest lines", `hana logs ${h.who}`),
  }),
  "disk-freed": (h) => ({
    code: "P100",
    happened: `writes its log again${h.then}`,
    done: "There is room on the disk.",
    advice: NOTHING,
  }),
  "protocol": (h) => ({
    code: "P125",
    happened: `said something that its watcher does not understand${h.then}${why(h)}`,
    done: "That was passed over.",
    advice: advise("Tell who wrote it, and have it checked", "hana test-child --help"),
  }),
  "suspended": (h) => {
    const us = h.number("us") ?? h.number("gapUs");
    return {
      code: "P126",
      happened: `stood still with its whole machine${h.then}${us === null ? "" : `, for ${spanWords(us)}`}`,
      done: "Its silence of that time is forgiven.",
      advice: NOTHING,
    };
  },
  "adopted": (h) => ({
    code: "P108",
    happened: `was found running${h.then} by a supervisor that was restarted`,
    done: "It was not interrupted.",
    advice: NOTHING,
  }),
  "shim-lost": (h) => ({
    code: "P112",
    happened: `lost its watcher${h.then}`,
    done: "What is left of it is ended, and it is started again.",
    advice: lookWhy(h, "If it happens again, send what this shows"),
  }),
  "refused": (h) => ({
    code: "P118",
    happened: `was left as it is${h.then}: ${h.by === "" ? "somebody" : h.by.slice(" by ".length)} may not ${
      h.text("verb") ?? "change it"
    }${why(h)}`,
    done: "That was refused; nothing was changed.",
    advice: advise("If it was not one of you, change the key", "hana mesh rotate"),
  }),
};

/** A kind that this version does not know. */
function unheardOf(h: Happening): Draft {
  return {
    code: "P100",
    severity: "info",
    happened: `tells of "${inSentence(String(h.event.kind), 40) ?? "something"}"${h.then}`,
    done: "This hana is older than what it tells.",
    advice: NOTHING,
  };
}
