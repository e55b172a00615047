// Copies of the shared state: as bytes between a host and its standbys, and at rest.
// Decides the form of updates, parts, confirmations and files; never who keeps a copy, and never what follows from one.

export { COPY_KINDS, type CopyMessageKind, MAX_COPY_BYTES, MAX_PART_BYTES } from "./limits.ts";
export {
  type CopyAnswer,
  type CopyConfirmation,
  type CopyMessage,
  type CopyPart,
  type CopyQuestion,
} from "./types.ts";
export { CopyEncoder } from "./encoder.ts";
export { CopyDecoder } from "./decoder.ts";
export {
  type AssemblyCounters,
  type AssemblyProblem,
  type AssemblyResult,
  CopyAssembler,
  CopyParts,
} from "./parts.ts";
export { decodeCopyFile, encodeCopyFile, type RefusedCopy } from "./copy_file.ts";
