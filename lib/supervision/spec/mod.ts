// Specifications of programs: read strictly, completed, compared.

export * from "./bounds.ts";
export { diffSpecs } from "./difference.ts";
export { expandEnvironment, RESERVED_VARIABLE } from "./environment.ts";
export { checkProgramName, isProgramName, programNameOf } from "./name.ts";
export { defaultSpec, readSpec } from "./reader.ts";
