// Opens libc before any test runs. The platform keeps it open for the life of the process, and a test that happened to be
// the first to use it would be blamed for a leak. Import it in tests that look at processes of the real machine.

import { denoPlatform } from "../../lib/platform/deno/mod.ts";

/** This process, looked up once. */
export const THIS_PROCESS = denoPlatform().processTable.self;
