// Shared state in a run: the apps that work with it, and taps on the cores that host and copy it.
// Decides what is done and told; the cores are those that ship.

export { AppHands, type Look, randomValue } from "./hands.ts";
export { spoilerOf, type Spoiling } from "./spoiler.ts";
export { StateStage } from "./stage.ts";
export { type Spoiler, tapCopy, tapHost, tapReplica, type Tell } from "./taps.ts";
