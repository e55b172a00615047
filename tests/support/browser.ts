// A browser without a window that loads one page from a file and says what became of it.
// Decides flags and a profile of its own that is removed again. Never lets the browser reach a network.

/** What a page came to. */
export interface LoadedPage {
  /** The document after its scripts have run. */
  readonly dom: string;
  /** What the page wrote to its console, errors among it; and what the browser refused to fetch. */
  readonly console: readonly string[];
}

const LIMIT_MS = 30_000;

/** Loads a file in Chromium; `hash` stands behind its address. Throws when the browser does not end in time. */
export async function loadInChromium(path: string, hash = ""): Promise<LoadedPage> {
  const profile = await Deno.makeTempDir({ prefix: "hana-browser-" });
  try {
    const child = new Deno.Command("chromium", {
      args: [
        ...["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"],
        ...["--disable-background-networking", "--disable-component-update", "--disable-sync"],
        ...["--disable-dev-shm-usage", "--hide-scrollbars", "--window-size=1400,1000"],
        ...["--host-resolver-rules=MAP * ~NOTFOUND", "--enable-logging=stderr", "--log-level=0"],
        ...[`--user-data-dir=${profile}`, "--virtual-time-budget=2000", "--dump-dom"],
        `file://${path}${hash}`,
      ],
      env: { HOME: profile },
      stdin: "null",
      stdout: "piped",
      stderr: "piped",
    }).spawn();
    const guard = setTimeout(() => child.kill("SIGKILL"), LIMIT_MS);
    const { success, stdout, stderr } = await child.output().finally(() => clearTimeout(guard));
    const decoder = new TextDecoder();
    const log = decoder.decode(stderr);
    if (!success) throw new Error(`chromium failed:\n${log.slice(-2000)}`);
    return {
      dom: decoder.decode(stdout),
      console: log.split("\n").filter((line) => /CONSOLE|Refused|Uncaught/.test(line)),
    };
  } finally {
    await Deno.remove(profile, { recursive: true });
  }
}
