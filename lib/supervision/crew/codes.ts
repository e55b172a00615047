// Numbers by which a crew finds its case in the manual, and how loud each is.
// Decides the number, its title and its weight; docs/programs.md has a line for each of them. Numbers are never reused.

/** `ok`: nothing is wrong. `info`: worth a line. `warning`: somebody should look. `alarm`: the picture suffers. */
export type Severity = "ok" | "info" | "warning" | "alarm";

/** What a number stands for. */
export interface CrewCase {
  readonly title: string;
  readonly severity: Severity;
}

/** All of them. */
export const CREW_CASES = {
  P100: { title: "all is well", severity: "ok" },
  P101: { title: "ended unexpectedly, and was started again", severity: "warning" },
  P102: { title: "keeps ending unexpectedly", severity: "alarm" },
  P103: { title: "its picture does not move", severity: "warning" },
  P104: { title: "does not answer", severity: "warning" },
  P105: { title: "cannot start: file, permission or place", severity: "alarm" },
  P106: { title: "uses too much memory", severity: "warning" },
  P107: { title: "a machine cannot be reached", severity: "alarm" },
  P108: { title: "the supervisor was restarted", severity: "info" },
  P109: { title: "a process cannot be ended", severity: "alarm" },
  P110: { title: "the disk is full", severity: "warning" },
  P111: { title: "waits for something else", severity: "warning" },
  P112: { title: "was left without its watcher", severity: "warning" },
  P113: { title: "ended, and another try is of no use", severity: "alarm" },
  P114: { title: "failed too often, and is not tried any more", severity: "alarm" },
  P115: { title: "does not get ready in time", severity: "warning" },
  P116: { title: "was stopped", severity: "info" },
  P117: { title: "has ended by itself", severity: "info" },
  P118: { title: "somebody was refused", severity: "warning" },
  P119: { title: "is starting", severity: "info" },
  P120: { title: "takes long to end", severity: "warning" },
  P121: { title: "cannot start: the machine has no room", severity: "warning" },
  P122: { title: "asked to stay down", severity: "info" },
  P123: { title: "says that it is not well", severity: "warning" },
  P124: { title: "writes more than is kept", severity: "info" },
  P125: { title: "speaks to its watcher wrongly", severity: "info" },
  P126: { title: "the machine stood still", severity: "info" },
  P127: { title: "the safe look stands in", severity: "warning" },
  P128: { title: "ended badly, and is not to be started again", severity: "alarm" },
  P129: { title: "was changed by somebody", severity: "info" },
} as const satisfies Readonly<Record<string, CrewCase>>;

/** One of the numbers. */
export type CrewCode = keyof typeof CREW_CASES;
