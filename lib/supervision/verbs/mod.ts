// The verbs about programs as sessions ask for them: bodies in, the supervisor's answers out, followings until they end.

export { addProgramMessages, type ProgramMessages } from "./handlers.ts";
export { MAX_FOLLOWS_PER_SESSION, MAX_WATCHERS } from "./limits.ts";
