// The nearest name to a mistyped command, flag, setting or topic, as the configuration's readers use it.
// Decides nothing: lib/base says what is near.

export { editDistance, nearest } from "../../lib/base/mod.ts";
