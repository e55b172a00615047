// Macs and Windows machines, from what their tools write, in the form that their manuals give.

import { assertEquals } from "@std/assert";
import { parseSysctl, parseSystemProfiler } from "../../../../lib/platform/deno/hardware/macos.ts";
import { parseCim } from "../../../../lib/platform/deno/hardware/windows.ts";

Deno.test("a Mac tells processor and memory by sysctl", () => {
  assertEquals(
    parseSysctl("machdep.cpu.brand_string: Apple M2 Pro\nhw.logicalcpu: 12\nhw.memsize: 34359738368\n"),
    { cpu: { model: "Apple M2 Pro", cores: 12 }, memory: { totalMb: 32768 } },
  );
  assertEquals(parseSysctl("sysctl: unknown oid 'hw.memsize'\n"), {});
});

Deno.test("a Mac tells its cards and what hangs on them by system_profiler", () => {
  const report = {
    SPDisplaysDataType: [
      {
        _name: "kHW_AppleM2ProItem",
        sppci_model: "Apple M2 Pro",
        spdisplays_vendor: "sppci_vendor_Apple",
        spdisplays_ndrvs: [
          {
            _name: "Color LCD",
            _spdisplays_pixels: "3024 x 1964",
            _spdisplays_resolution: "1512 x 982 @ 120.00Hz",
          },
          {
            _name: "LG HDR 4K",
            _spdisplays_pixels: "3840 x 2160",
            _spdisplays_resolution: "3840 x 2160 @ 60.00Hz",
          },
          { _name: "asleep" },
        ],
      },
      { sppci_model: "AMD Radeon Pro 5500M", spdisplays_vendor: "sppci_vendor_amd", spdisplays_vram: "8 GB" },
    ],
  };
  assertEquals(parseSystemProfiler(JSON.stringify(report)), {
    gpus: [
      { vendor: "apple", name: "Apple M2 Pro" },
      { vendor: "amd", name: "AMD Radeon Pro 5500M", vramMb: 8192 },
    ],
    displays: [
      { name: "Color LCD", width: 3024, height: 1964, refreshHz: 120 },
      { name: "LG HDR 4K", width: 3840, height: 2160, refreshHz: 60 },
    ],
  });
});

Deno.test("a Windows machine tells all of it by one script; four gigabytes of the old field are not believed", () => {
  const answer = {
    cpu: { Name: "12th Gen Intel(R) Core(TM) i9-12900K", NumberOfLogicalProcessors: 24 },
    system: { TotalPhysicalMemory: 68_439_240_704 },
    gpu: [
      {
        Name: "NVIDIA GeForce RTX 3090",
        AdapterCompatibility: "NVIDIA",
        AdapterRAM: 4_293_918_720,
        CurrentHorizontalResolution: 3840,
        CurrentVerticalResolution: 2160,
        CurrentRefreshRate: 59,
      },
      {
        Name: "Intel(R) UHD Graphics 770",
        AdapterCompatibility: "Intel Corporation",
        AdapterRAM: 1_073_741_824,
      },
      { Name: "Microsoft Basic Display Adapter", AdapterCompatibility: "(Standard display types)" },
    ],
    memory: [{ DriverDesc: "NVIDIA GeForce RTX 3090", "HardwareInformation.qwMemorySize": 25_769_803_776 }],
  };
  assertEquals(parseCim(JSON.stringify(answer)), {
    cpu: { model: "12th Gen Intel Core i9-12900K", cores: 24 },
    memory: { totalMb: 65269 },
    gpus: [
      { vendor: "nvidia", name: "GeForce RTX 3090", vramMb: 24576 },
      { vendor: "intel", name: "Intel(R) UHD Graphics 770", vramMb: 1024 },
    ],
    displays: [{ width: 3840, height: 2160, refreshHz: 59 }],
  });
});

Deno.test("an answer that is no JSON, or another JSON, tells nothing", () => {
  for (
    const text of [
      "",
      "Get-CimInstance : Access denied",
      "[]",
      "null",
      '{"gpu":3,"cpu":"x","SPDisplaysDataType":7}',
    ]
  ) {
    assertEquals(parseSystemProfiler(text), {}, text);
    assertEquals(parseCim(text), {}, text);
  }
});
