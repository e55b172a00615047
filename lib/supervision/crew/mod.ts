// What a crew reads: snapshots, events and alarms in three plain sentences with a number for the manual.
// Pure functions and one synchronous folder of alarms; never asks anybody anything, never prints.

export { ALARMS, type AlarmTopic, type Alert, Alerts, MAX_OPEN_ALARMS } from "./alerts.ts";
export { CREW_CASES, type CrewCase, type CrewCode, type Severity } from "./codes.ts";
export { ENDINGS } from "./endings.ts";
export { explain, type ExplainContext, explainExit } from "./explain.ts";
export { exitOf, tell } from "./happenings.ts";
export { tellAdopted, tellReachable, tellUnreachable } from "./machines.ts";
export { address, type CrewContext, type CrewText, sentencesOf } from "./text.ts";
export {
  briefExit,
  bytesWords,
  byWords,
  codeWords,
  inSentence,
  signalWords,
  spanWords,
  startWords,
  times,
  utcClock,
} from "./words.ts";
