// The matrix over links without much trouble: nothing, wires, limits of size, flipped bits, moved addresses, hostile
// replays, slow drivers, odd clocks, resting readers (research 5.1 and 5.4).

import { matrixTests } from "../support/lanes/matrix.ts";

matrixTests(["C1", "C2", "C3", "C12", "C13", "C14", "C15", "C16", "C17", "C18"], "udp");
