const env = (name: string) => Deno.env.get(name) ?? "";
const shim = await Deno.connect({ transport: "unix", path: env("HANA_SOCK") });
const tell = (message: object) => shim.write(new TextEncoder().encode(JSON.stringify(message) + "\n"));
await tell({ t: "hello", v: 1, token: env("HANA_TOKEN"), name: "viz", caps: ["hb", "stop", "frame"] });
await tell({ t: "ready" });
let frame = 0, inbox = "";
setInterval(() => frame++, 1000 / 60); // draw here
setInterval(() => tell({ t: "hb", frame }), 1000); // a timer may beat since it tells the frame counter
for await (const part of shim.readable.pipeThrough(new TextDecoderStream())) {
  const lines = (inbox + part).split("\n");
  inbox = lines.pop() ?? "";
  for (const asked of lines.map((line) => JSON.parse(line))) {
    if (asked.t === "ping") await tell({ t: "pong", n: asked.n });
    if (asked.t === "stop") Deno.exit(0);
  }
}
Deno.exit(0); // the shim is gone
