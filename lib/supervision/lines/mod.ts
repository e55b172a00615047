// JSON objects, one a line, over a local socket. Decides framing and bounds; never what is said.

export { JsonLines, type LineHandlers, type LineLimits } from "./json_lines.ts";
