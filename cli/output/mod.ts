// How hana speaks: the face of the output room. Light on purpose: `hana version` loads all of it.

export { type ColourChoice, Palette, type ReadEnvironment, shouldColour, type Tone } from "./colour.ts";
export { document, type Json, type JsonObject, jsonText } from "./document.ts";
export { briefDuration, formatDuration, parseDuration, tryDuration } from "./duration.ts";
export { asHanaError, errorLines } from "./errors.ts";
export { EXIT, EXIT_CODE_ROWS, type ExitCode, exitCodeOf, type ExitCodeRow } from "./exit_codes.ts";
export { chooseMode, type ModeFlags, type OutputMode } from "./mode.ts";
export { Output, type OutputOptions } from "./output.ts";
export { Progress, type ProgressOptions, type ProgressTime } from "./progress.ts";
export type { Cell, CellValue, Column, Field, RecordRendering, Rendering } from "./rendering.ts";
export { counted, printable, shellWord } from "./text.ts";
export { Watch, type WatchOp } from "./watch.ts";
export { isReaderGone, type Streams, systemStreams, type TextSink, whileRead } from "./writer.ts";
