// Machines to read: EDID blocks and trees of `/proc` and `/sys` files in a directory of the test's own.

interface Timing {
  readonly clockMhz: number;
  readonly width: number;
  readonly blankX: number;
  readonly lines: number;
  readonly blankY: number;
  readonly widthMm?: number;
  readonly heightMm?: number;
  readonly interlaced?: boolean;
}

/** An EDID base block as E-EDID 1.4 section 3 lays it out. */
export function edidBlock(
  display: { vendor: string; name?: string; timing?: Timing },
): Uint8Array<ArrayBuffer> {
  const block = new Uint8Array(128);
  block.set([0, 255, 255, 255, 255, 255, 255, 0]);
  const letters = [...display.vendor].map((letter) => letter.charCodeAt(0) - 64);
  const packed = ((letters[0] ?? 0) << 10) | ((letters[1] ?? 0) << 5) | (letters[2] ?? 0);
  block.set([packed >> 8, packed & 255], 8);
  block.set([1, 4], 18);
  const { timing, name } = display;
  if (timing !== undefined) {
    const { width, blankX, lines, blankY, widthMm = 0, heightMm = 0 } = timing;
    const clock = Math.round(timing.clockMhz * 100);
    block.set([
      clock & 255,
      clock >> 8,
      width & 255,
      blankX & 255,
      (width >> 8 << 4) | (blankX >> 8),
      lines & 255,
      blankY & 255,
      (lines >> 8 << 4) | (blankY >> 8),
      48,
      32,
      0x35,
      0,
      widthMm & 255,
      heightMm & 255,
      (widthMm >> 8 << 4) | (heightMm >> 8),
      0,
      0,
      timing.interlaced === true ? 0x9a : 0x1a,
    ], 54);
  }
  if (name !== undefined) {
    block.set([0, 0, 0, 0xfc, 0], 72);
    block.set(new TextEncoder().encode(`${name}\n`.padEnd(13, " ").slice(0, 13)), 77);
  }
  block[127] = -block.reduce((sum, byte) => sum + byte, 0) & 255;
  return block;
}

export const DELL = edidBlock({
  vendor: "DEL",
  name: "DELL U2715H",
  timing: {
    clockMhz: 241.5,
    width: 2560,
    blankX: 160,
    lines: 1440,
    blankY: 41,
    widthMm: 597,
    heightMm: 336,
  },
});

/** Files by path under a root of their own, which is removed afterwards. */
export async function withTree(
  files: Readonly<Record<string, string | Uint8Array>>,
  run: (root: string) => Promise<void> | void,
): Promise<void> {
  const root = await Deno.makeTempDir({ prefix: "hana-tree-" });
  try {
    putFiles(root, files);
    await run(root);
  } finally {
    await Deno.remove(root, { recursive: true });
  }
}

/** Puts files under a root. */
export function putFiles(root: string, files: Readonly<Record<string, string | Uint8Array>>): void {
  for (const [path, content] of Object.entries(files)) {
    Deno.mkdirSync(`${root}/${path}`.replace(/\/[^/]*$/, ""), { recursive: true });
    Deno.writeFileSync(
      `${root}/${path}`,
      typeof content === "string" ? new TextEncoder().encode(content) : content,
    );
  }
}

/** A workstation: eight processors, an AMD card with a display on one of three connectors, one that draws in software. */
export const WORKSTATION: Readonly<Record<string, string | Uint8Array>> = {
  "proc/cpuinfo": Array.from(
    { length: 8 },
    (_, at) =>
      `processor\t: ${at}\nvendor_id\t: AuthenticAMD\nmodel name\t: AMD Ryzen 7 5800X 8-Core Processor\nflags\t\t: fpu vme\n`,
  )
    .join("\n"),
  "proc/meminfo":
    "MemTotal:       32795120 kB\nMemFree:         1520000 kB\nMemAvailable:   24596340 kB\nBuffers:          100 kB\n",
  "proc/stat": "cpu  1000 0 500 8000 500 0 0 0 0 0\ncpu0 1 2 3 4\nintr 12345\n",
  "sys/class/drm/version": "drm 1.1.0 20060810\n",
  "sys/class/drm/card0/device/vendor": "0x1002\n",
  "sys/class/drm/card0/device/mem_info_vram_total": "8573157376\n",
  "sys/class/drm/card0/device/mem_info_vram_used": "1063256064\n",
  "sys/class/drm/card0/device/gpu_busy_percent": "37\n",
  "sys/class/drm/card0/device/power/runtime_status": "active\n",
  "sys/class/drm/card0-DP-1/status": "connected\n",
  "sys/class/drm/card0-DP-1/modes": "2560x1440\n1920x1080\n",
  "sys/class/drm/card0-DP-1/edid": DELL,
  "sys/class/drm/card0-DP-2/status": "disconnected\n",
  "sys/class/drm/card0-DP-2/modes": "",
  "sys/class/drm/card0-HDMI-A-1/status": "connected\n",
  "sys/class/drm/card0-HDMI-A-1/modes": "1920x1080\n1280x720\n",
  "sys/class/drm/card0-HDMI-A-1/edid": "",
  "sys/class/drm/card1/dev": "226:1\n",
  "sys/class/drm/renderD128/dev": "226:128\n",
};
