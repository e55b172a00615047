// Programs of a run: what is installed, who asks for them, what befalls them, what truly lives.

export { ProgramStage, type StageSurroundings } from "./stage.ts";
