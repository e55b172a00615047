// The process that stands by one program. Imported by itself, since each program has such a process and its memory counts.

export { readAssignment } from "./assignment.ts";
export { Shim } from "./shim.ts";
