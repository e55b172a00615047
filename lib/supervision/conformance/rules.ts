// The rules that a program is held against, in the order in which they are tried, each with what to do when it breaks.
// Words alone; script.ts plays them.

/** How deep a program speaks: not at all, by `sd_notify`, or by the child protocol. */
export type ChildDepth = 0 | 1 | 2;

/** A rule by name. */
export type ConformanceRule =
  | "start"
  | "hello"
  | "ready"
  | "heartbeat"
  | "frames"
  | "unknown"
  | "ping"
  | "lines"
  | "stop"
  | "exit"
  | "sigterm"
  | "leftovers";

/** What a rule says and what to do when it breaks. */
export interface RuleText {
  readonly rule: ConformanceRule;
  readonly says: string;
  readonly hint: string;
  /** The depths at which it is tried. */
  readonly depths: readonly ChildDepth[];
}

/** Every rule, in order. */
export const CONFORMANCE_RULES: readonly RuleText[] = [
  {
    rule: "start",
    says: "starts, and is still there a second later",
    hint: "run the command by hand and read what it writes",
    depths: [0, 1, 2],
  },
  {
    rule: "hello",
    says: "says hello in time, with the token",
    hint:
      'connect to $HANA_SOCK and send {"t":"hello","v":1,"token":"$HANA_TOKEN"} first; a program without the protocol: --depth 0',
    depths: [2],
  },
  {
    rule: "ready",
    says: "says ready in time",
    hint: 'send {"t":"ready"} (or READY=1 to $NOTIFY_SOCKET) once the first picture stands',
    depths: [1, 2],
  },
  {
    rule: "heartbeat",
    says: "beats on time",
    hint:
      "send a heartbeat every $HANA_HEARTBEAT_MS (WATCHDOG=1 at half of $WATCHDOG_USEC) from the loop that draws",
    depths: [1, 2],
  },
  {
    rule: "frames",
    says: "its frame counter moves",
    hint: 'count pictures where they are drawn: {"t":"hb","frame":N}',
    depths: [2],
  },
  {
    rule: "unknown",
    says: "ignores a message that it does not know",
    hint: "pass over every t that you do not know: a later version of hana may send more",
    depths: [2],
  },
  {
    rule: "ping",
    says: "answers a ping",
    hint: 'answer {"t":"ping","n":N} with {"t":"pong","n":N}',
    depths: [2],
  },
  {
    rule: "lines",
    says: "every line and datagram is well-formed",
    hint: "one JSON object a line in UTF-8, 64 KiB at most, with an LF at its end",
    depths: [1, 2],
  },
  {
    rule: "stop",
    says: "ends within the grace when asked to",
    hint: 'leave the loop on {"t":"stop"}, and say {"t":"bye"} if you like',
    depths: [2],
  },
  {
    rule: "exit",
    says: "ends with code 0 when asked to",
    hint: "exit with 0 after a stop: every other code means that something went wrong",
    depths: [2],
  },
  {
    rule: "sigterm",
    says: "ends within the grace on SIGTERM",
    hint: "leave the loop on SIGTERM, or do not catch it at all",
    depths: [0, 1, 2],
  },
  {
    rule: "leftovers",
    says: "leaves no process behind",
    hint: "end what you started before you end; hana would end it for you, and call it a leftover",
    depths: [0, 1, 2],
  },
];
