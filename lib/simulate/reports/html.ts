// One page that tells a run: verdict, timeline, what was believed when, figures. A single file that needs no network.
// Decides the frame of the page and that nothing from a run can leave its data: every "<" in there is written as an
// escape, and a policy in the page forbids all that is fetched.

import { timelineModel, type TimelineRun } from "./html_model.ts";
import { SCRIPT_PANELS } from "./html_panels.ts";
import { SCRIPT_BASE, SCRIPT_CHART } from "./html_script.ts";
import { STYLE } from "./html_style.ts";

/** The page of a run. */
export function html(run: TimelineRun): string {
  return `<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'">
<title>hana simulate</title>
<style>${STYLE}</style>
</head>
<body>
<main>
<header><span id="verdict" class="verdict"></span><h1 id="name"></h1></header>
<p id="summary" class="summary"></p>
<div id="stories"></div>
<div id="figures" class="figures"></div>
<div class="repro"><span class="soft">play it again:</span><code id="repro"></code><button id="copy">copy</button></div>
<section class="card">
<div class="bar">
<div id="legend" class="legend"></div>
</div>
<svg id="chart" role="img" aria-label="timeline of the run"></svg>
<div class="scrub">
<button id="previous" title="the event before (p)">‹ event</button><button id="next" title="the next event (n)">event ›</button>
<input id="scrub" type="range" min="0" step="1" aria-label="moment"><output id="now"></output>
</div>
<div class="bar" style="margin:6px 0 0">
<button id="in" title="zoom in (+)">zoom in</button><button id="out" title="zoom out (-)">zoom out</button><button id="fit" title="the whole run (0)">all</button>
<span id="range" class="soft"></span><span id="frames" class="soft"></span>
<button id="direction" title="what the rows of an opened node show">opened rows: how others see it</button>
<span id="types" class="chips"></span><span class="grow"></span><span id="leftout" class="soft"></span>
</div>
</section>
<div class="columns">
<section class="card"><h2 id="moment-title"></h2><div id="moment" class="scroll"></div></section>
<section class="card"><div class="bar"><h2 style="margin:0">What happened</h2><span class="grow"></span><label class="soft"><input id="details" type="checkbox"> every detail</label><label class="soft"><input id="only" type="checkbox"> opened nodes only</label></div><div class="scroll"><div id="log" class="log"></div></div></section>
</div>
<section class="card"><h2>Figures</h2><div id="metrics" class="scroll"></div></section>
<section class="card" id="claims-card"><h2>What had to happen, or the run proved nothing</h2><table id="claims"></table></section>
<footer>Click a name to see what each of the others believes of it. Click the timeline to look at a moment, drag to move, double-click or Ctrl and wheel to zoom. <span id="identity" class="mono"></span></footer>
</main>
<script type="application/json" id="data">${embeddable(timelineModel(run))}</script>
<script>${SCRIPT_BASE}${SCRIPT_CHART}${SCRIPT_PANELS}</script>
</body>
</html>
`;
}

/** JSON that cannot end its script element, begin another one, or open a comment in it (HTML, section 4.12.1.3). */
function embeddable(value: unknown): string {
  return JSON.stringify(value).replaceAll("<", "\\u003c").replaceAll("\u2028", "\\u2028")
    .replaceAll("\u2029", "\\u2029");
}
