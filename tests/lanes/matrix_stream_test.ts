// The matrix over streams: the same promises where the carrier loses nothing, waits instead, and takes only so much
// (research 4.14).

import { matrixTests } from "../support/lanes/matrix.ts";

matrixTests(["C1", "C2", "C4", "C6", "C7", "C10", "C16", "C17", "C18", "C19"], "stream");
