// The matrix over links that lose, delay, double and overtake: WiFi of all kinds, outages, a satellite, anything by turns
// (research 5.1 and 5.4).

import { matrixTests } from "../support/lanes/matrix.ts";

matrixTests(["C4", "C5", "C6", "C7", "C8", "C9", "C10", "C11", "C19", "C20"], "udp");
