/** How the page looks: light and dark by the reader's choice, one column, on paper dark on white. */
import { html } from './markup.js';

const LIGHT = `
color-scheme:light;--page:#f6f6f3;--surface:#fcfcfb;--ink:#0b0b0b;--ink-2:#52514e;--ink-3:#8b8a83;--grid:#e1e0d9;
--line:#d3d2ca;--good:#0a7a0a;--good-fill:#2ea043;--warn:#8a5a00;--warn-fill:#e0a100;--bad:#b42323;--bad-fill:#d03b3b;
--quiet-fill:#7d8794;--tip:#222220;--tip-ink:#fff;--focus:#2a78d6;--accent:#e9eff7;
--series-0:#2a78d6;--series-1:#eb6834;--series-2:#1a9a6c;--series-3:#b07c00;--series-4:#4a3aa7;--series-5:#d5508a;
--series-6:#008300;--series-7:#c93c3b;--series-rest:#8b8a83`;

const DARK = `
color-scheme:dark;--page:#111110;--surface:#1a1a19;--ink:#fff;--ink-2:#c3c2b7;--ink-3:#8b8a83;--grid:#2c2c2a;
--line:#3b3b38;--good:#4cc14c;--good-fill:#2f9e44;--warn:#f0b429;--warn-fill:#d99a08;--bad:#ff7b72;--bad-fill:#e05252;
--quiet-fill:#7d8794;--tip:#f6f6f3;--tip-ink:#0b0b0b;--focus:#6aa9f0;--accent:#1f2a38;
--series-0:#3987e5;--series-1:#e8723f;--series-2:#25a878;--series-3:#c98500;--series-4:#9085e9;--series-5:#d55181;
--series-6:#3aa53a;--series-7:#e66767;--series-rest:#8b8a83`;

/** What states are hatched with, so that they can be told apart without their colours. */
export const HATCHES = html`<svg class="hatches" width="0" height="0" aria-hidden="true" focusable="false">
  <pattern id="hatch-down" width="6" height="6" patternUnits="userSpaceOnUse" patternTransform="rotate(45)">
    <rect class="s-down" width="6" height="6" />
    <rect class="gap" width="1.5" height="6" />
  </pattern>
  <pattern id="hatch-degraded" width="6" height="6" patternUnits="userSpaceOnUse">
    <rect class="s-degraded" width="6" height="6" />
    <rect class="gap" width="1.5" height="6" />
  </pattern>
</svg>`;

export const STYLE = `
:root{${LIGHT}}
@media (prefers-color-scheme:dark){:root{${DARK}}}
:root.print{${LIGHT}}
*{box-sizing:border-box}
body{margin:0;background:var(--page);color:var(--ink);font:15px/1.5 system-ui,-apple-system,"Segoe UI",sans-serif}
header,main,footer{max-width:1120px;margin:0 auto;padding:0 20px}
header{padding-top:28px}
header .meta{margin:0}
h1{font-size:26px;line-height:1.25;margin:0 0 4px;overflow-wrap:anywhere}
h2,h3{font-size:16px;margin:32px 0 8px}
h1,h2,h3,h4,caption,.keys{break-after:avoid}
h3+*,h2+*{margin-top:0}
h2:first-child{font-size:21px;line-height:1.3;margin:0 0 4px;overflow-wrap:anywhere}
figure h3,figure h4{font-size:14px;margin:0}
p{margin:0 0 10px;max-width:75ch}
a{color:inherit}
:focus-visible{outline:2px solid var(--focus);outline-offset:2px}
.meta,.note,caption{color:var(--ink-2);font-size:13px}
nav ol,.legend{list-style:none;padding:0;margin:12px 0;display:flex;flex-wrap:wrap;gap:6px}
nav li a{display:block;padding:3px 10px;border:1px solid var(--line);border-radius:6px;text-decoration:none;
background:var(--surface)}
nav li a:hover{border-color:var(--ink-3)}
section.scenario{background:var(--surface);border:1px solid var(--line);border-radius:10px;padding:22px 24px 28px;
margin:20px 0}
.verdict{font-weight:600;white-space:nowrap}
.ok{color:var(--good)}.failed{color:var(--bad)}.warn{color:var(--warn)}
.wide{overflow-x:auto}
table{border-collapse:collapse;width:100%;font-size:14px;font-variant-numeric:tabular-nums}
caption{text-align:left;padding:0 0 4px}
th,td{text-align:left;vertical-align:top;padding:5px 14px 5px 0;border-bottom:1px solid var(--grid);overflow-wrap:break-word}
th{font-weight:600;color:var(--ink-2);border-color:var(--line);overflow-wrap:normal}
th.n,td.n{text-align:right;white-space:nowrap}
td.t{white-space:nowrap}
th:last-child,td:last-child{padding-right:0}
tbody th{color:inherit;border-color:var(--grid);min-width:9em}th .note,td .note{font-weight:400}
tr.bad td,tr.bad th{background:color-mix(in srgb,var(--bad-fill) 9%,transparent)}
code,.lines{font:13px/1.45 ui-monospace,"SF Mono",Menlo,Consolas,monospace}
.lines{margin:4px 0 0;padding:0;list-style:none;white-space:pre-wrap}
.charts{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(100%,480px),1fr));gap:22px 26px}
figure{margin:0;min-width:0}
.canvas{position:relative;height:230px}
.legend{margin:4px 0 0;gap:2px 4px}
.legend button{font:inherit;font-size:13px;color:inherit;background:none;border:0;border-radius:5px;padding:2px 6px;
cursor:pointer;display:flex;align-items:center;gap:6px;max-width:100%;overflow-wrap:anywhere;text-align:left}
.legend button:hover{background:var(--accent)}
.legend button[aria-pressed=false]{opacity:.45;text-decoration:line-through}
.sample{flex:none;width:14px;height:14px;border-radius:2px}
.sample.line{width:30px;height:3px;border-radius:0}
.scripted .words{position:absolute;width:1px;height:1px;overflow:hidden;clip-path:inset(50%);white-space:nowrap}
:root:not(.scripted) :is(.canvas,.legend,.numbers){display:none}
.numbers{margin:2px 0 0;font-size:13px}.numbers .wide{max-height:300px;overflow:auto}
.numbers table{width:auto;min-width:0;font-size:13px}.numbers th,.numbers td{padding:2px 14px 2px 0}
svg{display:block;max-width:100%;height:auto}
svg text{font:13px system-ui,-apple-system,"Segoe UI",sans-serif;fill:var(--ink)}
svg .small{font-size:11.5px;fill:var(--ink-2)}
svg .strong{font-weight:600}
.strips svg{min-width:640px}
.node{fill:var(--surface);stroke:var(--ink-3)}
.area{fill:var(--accent);stroke:var(--line)}
.region{fill:var(--surface);fill-opacity:.55;stroke:var(--line)}
.net{fill:var(--grid);stroke:none}
.wire{fill:none;stroke:var(--line);stroke-width:2}
.circuit{fill:none;stroke-width:7;stroke-opacity:.4;stroke-linecap:round}
.tunnel{fill:none;stroke-width:2.5}
.s-healthy,.s-active{stroke:var(--good-fill);fill:var(--good-fill)}
.s-degraded,.s-pending{stroke:var(--warn-fill);fill:var(--warn-fill)}
.s-down,.s-unhealthy{stroke:var(--bad-fill);fill:var(--bad-fill)}
.s-none{stroke:var(--quiet-fill);fill:var(--quiet-fill)}
path.tunnel,path.circuit{fill:none}
:is(path.tunnel,path.circuit):is(.s-degraded,.s-pending){stroke-dasharray:8 5}
:is(path.tunnel,path.circuit):is(.s-down,.s-unhealthy){stroke-dasharray:2.5 5}
.strip rect,.strip path,.hatches rect{stroke:none}
.strip path.s-down{fill:url(#hatch-down)}.strip path.s-degraded{fill:url(#hatch-degraded)}
.hatches{position:absolute}.gap{fill:var(--surface);fill-opacity:.55}
.label{fill:var(--surface);stroke:none}
.tick{stroke:var(--grid)}
.mark{stroke:var(--ink-3);stroke-dasharray:3 3}
.keys{margin-bottom:8px}.key{display:inline-flex;align-items:center;gap:6px;margin-right:16px}
.key i{width:12px;height:12px;border-radius:3px;display:inline-block}
i.s-healthy{background:var(--good-fill)}
i.s-degraded{background:repeating-linear-gradient(90deg,var(--warn-fill) 0 4px,var(--surface) 4px 5px)}
i.s-down{background:repeating-linear-gradient(135deg,var(--bad-fill) 0 4px,var(--surface) 4px 5px)}
details{margin:8px 0}
summary{cursor:pointer;color:var(--ink-2)}
footer{color:var(--ink-2);font-size:13px;padding-bottom:40px}
.skip{position:absolute;left:-9999px}.skip:focus{left:12px;top:8px}
@media (max-width:640px){header,main,footer{padding-left:12px;padding-right:12px}
section.scenario{padding:16px 14px 20px;border-radius:0;margin-left:-12px;margin-right:-12px;border-width:1px 0}
table{font-size:13px;min-width:540px}th,td{padding-right:10px}
.stack{min-width:0}.stack :is(tbody,tr,th,td){display:block;border:0;padding:1px 0}.stack thead{display:none}
.stack tr{border-bottom:1px solid var(--grid);padding:6px 0}.stack td[data-head]::before{content:attr(data-head) ": ";color:var(--ink-2)}}
@media print{:root{${LIGHT};--page:#fff;--surface:#fff}body{font-size:11pt}nav,.skip,.numbers{display:none}
section.scenario{border:0;padding:0;break-before:page}section.scenario:first-of-type{break-before:auto}
figure,.drawing,.strips,tr{break-inside:avoid}.sample,.key i,tr.bad>*{print-color-adjust:exact}
table{font-size:9pt}.wide{overflow:visible}.charts{grid-template-columns:1fr 1fr}
.drawing svg,.strips svg{min-width:0!important;width:100%}}
`.trim();
