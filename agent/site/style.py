"""The style sheet of the status page: two colour schemes, one column on a phone, two where there is room."""

from __future__ import annotations

STYLE = """
:root{--page:#f4f5f2;--card:#fff;--text:#1b2320;--soft:#56625c;--edge:#dce2dd;--link:#0a5f4d;--focus:#0a5f4d;
--good:#146237;--good-back:#e0f2e6;--bad:#9d1a1a;--bad-back:#fce7e4;--warn:#6f4600;--warn-back:#fcefcf;
--idle:#4d5953;--idle-back:#eaeeeb;--ink:#2b7d69;--tint:#d7ebe4;--mark:#c2571a}
@media(prefers-color-scheme:dark){:root{--page:#101413;--card:#181e1c;--text:#e3e9e5;--soft:#9daaa3;--edge:#2b3431;
--link:#6fd3b4;--focus:#6fd3b4;--good:#84dba2;--good-back:#16301f;--bad:#ff9f96;--bad-back:#3b1917;--warn:#f0c267;
--warn-back:#35280d;--idle:#a9b5af;--idle-back:#252d2a;--ink:#58b89c;--tint:#1f3b33;--mark:#f09a5b}}
*{box-sizing:border-box}
html{-webkit-text-size-adjust:100%}
body{margin:0;background:var(--page);color:var(--text);font:15px/1.5 system-ui,-apple-system,"Segoe UI",Roboto,
"Noto Sans","Liberation Sans",sans-serif;font-variant-numeric:tabular-nums;overflow-wrap:anywhere}
a{color:var(--link);text-underline-offset:.2em;text-decoration-thickness:1px}
a:hover{text-decoration-thickness:2px}
:focus-visible{outline:3px solid var(--focus);outline-offset:2px;border-radius:3px}
.skip{position:absolute;left:-99em;background:var(--card);padding:.6em 1em;z-index:1}
.skip:focus{left:.5em;top:.5em}
header,main,footer{max-width:1180px;margin:0 auto;padding:0 20px}
header{display:flex;flex-wrap:wrap;gap:4px 22px;align-items:baseline;padding-top:18px;padding-bottom:12px}
.brand{font-weight:700;font-size:17px;color:var(--text);text-decoration:none;letter-spacing:-.01em}
.host{color:var(--soft)}
nav ul{display:flex;flex-wrap:wrap;gap:2px 4px;list-style:none;margin:0;padding:0}
header nav{margin-left:auto}
nav a{display:block;padding:5px 10px;border-radius:6px;text-decoration:none;color:var(--soft)}
nav a:hover{color:var(--text);text-decoration:underline}
nav a[aria-current]{background:var(--idle-back);color:var(--text);font-weight:600}
h1,h2,h3{line-height:1.25;margin:0;letter-spacing:-.01em}
h1{font-size:26px;margin:8px 0}.verdict h1{margin:0}main>.card{margin:14px 0}h2{font-size:16px}h3{font-size:14px}
p{margin:.4em 0}
small{color:var(--soft);font-size:13px}
.verdict{border-radius:12px;padding:20px 22px;margin-bottom:16px;background:var(--good-back);color:var(--good)}
.verdict.bad{background:var(--bad-back);color:var(--bad)}
.verdict.warn{background:var(--warn-back);color:var(--warn)}
.verdict h1{display:flex;gap:.45em;align-items:baseline}
.verdict i{font-style:normal}
.verdict a{color:inherit}
.verdict ul{margin:.6em 0 0;padding-left:1.2em}
.facts{display:flex;flex-wrap:wrap;gap:10px 34px;margin:0}
.facts div{min-width:0}
.band{margin:0 0 16px;padding:0 2px}
dt{color:var(--soft);font-size:13px}
dd{margin:0;font-weight:500}
.grid,.column{display:grid;grid-template-columns:minmax(0,1fr);gap:16px;align-content:start}
.card{background:var(--card);border:1px solid var(--edge);border-radius:12px;padding:16px 18px;min-width:0}
.head{display:flex;flex-wrap:wrap;gap:0 14px;justify-content:space-between;align-items:baseline;margin-bottom:8px}
.head p,.more,.none{margin:0;color:var(--soft);font-size:13px}
.more{margin-top:10px}
table{border-collapse:collapse;width:100%}
caption{position:absolute;width:1px;height:1px;overflow:hidden;clip-path:inset(50%)}
th,td{text-align:left;vertical-align:baseline;padding:6px 12px 6px 0;border-top:1px solid var(--edge);font-weight:400}
th:last-child,td:last-child{padding-right:0}
thead th{border-top:0;color:var(--soft);font-size:13px;padding-top:0}
td small,th small{display:block}
td:has(.ticks){width:24%}
.chip{display:inline-block;white-space:nowrap;border-radius:99px;padding:0 9px;font-size:13px;line-height:21px;
color:var(--idle);background:var(--idle-back)}
.chip i{font-style:normal;display:inline-block;min-width:.9em;text-align:center}
.chip.good{color:var(--good);background:var(--good-back)}
.chip.bad{color:var(--bad);background:var(--bad-back)}
.chip.warn{color:var(--warn);background:var(--warn-back)}
svg{display:block;width:100%}
.spark{height:40px}td .spark{height:26px}
.spark .line{fill:none;stroke:var(--ink);stroke-width:1.6;vector-effect:non-scaling-stroke;stroke-linejoin:round;
stroke-linecap:round}
.spark .area{fill:var(--tint)}
.spark .mark{fill:none;stroke:var(--mark);stroke-width:1.4;stroke-dasharray:4 3;vector-effect:non-scaling-stroke}
.bars{height:84px;border-bottom:1px solid var(--edge)}
.ticks{height:18px;max-width:240px}
.good{fill:var(--ink)}.bad{fill:var(--bad)}.warn{fill:var(--mark)}.idle{fill:var(--soft)}
.bars .idle,.ticks .idle{fill:var(--edge)}
.strip{height:20px;background:var(--idle-back);border-radius:4px}
.strip .span{fill:var(--tint)}.strip .at{fill:var(--ink)}.strip .now{fill:var(--mark)}
.scale{display:flex;justify-content:space-between;color:var(--soft);font-size:12px;margin:2px 0 0}
.scale+.more{margin:2px 0 12px}
.signals{display:grid;grid-template-columns:repeat(auto-fill,minmax(min(100%,210px),1fr));gap:16px 22px;margin:0;
padding:0;list-style:none}
.signals li{min-width:0}
.signals p{display:flex;justify-content:space-between;gap:0 10px;align-items:baseline;margin:0 0 2px;color:var(--soft);
font-size:13px}
.signals b{font-weight:600;font-size:15px;color:var(--text);white-space:nowrap}
.signals .firing b{color:var(--warn)}
summary{cursor:pointer;padding:8px 0;border-top:1px solid var(--edge)}
summary b{font-weight:600}
details:first-of-type>summary{border-top:0}
details table{margin:4px 0 10px}
summary .strip{margin-top:6px}
code,pre{font:13px/1.5 ui-monospace,"Liberation Mono",monospace}
pre{white-space:pre-wrap;margin:.3em 0}
ol.steps{margin:0;padding-left:1.6em}ol.steps li{margin:.3em 0}
.pages{display:flex;gap:16px;margin-top:12px}
footer{color:var(--soft);font-size:13px;padding-top:22px;padding-bottom:32px;display:flex;flex-wrap:wrap;gap:2px 20px}
@media(min-width:900px){.grid{grid-template-columns:repeat(2,minmax(0,1fr))}.wide{grid-column:1/-1}}
@media(max-width:560px){body{font-size:14.5px}header,main,footer{padding-left:14px;padding-right:14px}
header nav{margin-left:-7px}nav ul{gap:0}nav a{padding:5px 7px;font-size:13.5px}.card{padding:14px}h1{font-size:22px}
.facts{display:grid;grid-template-columns:repeat(2,minmax(0,1fr));gap:10px 16px}
.signals{grid-template-columns:repeat(2,minmax(0,1fr));gap:14px 16px}.signals p{display:block}.signals b{display:block}
thead{position:absolute;width:1px;height:1px;overflow:hidden;clip-path:inset(50%)}
tbody tr{display:grid;grid-template-columns:minmax(0,1fr) auto;gap:2px 12px;padding:8px 0;
border-top:1px solid var(--edge)}
tbody tr:first-child{border-top:0}
tbody th,tbody td{border:0;padding:0}tbody :nth-child(even of td,th){text-align:right;max-width:62vw}
td:empty{display:none}td:has(.ticks){width:42vw}.ticks{max-width:none;height:10px}}
@media(prefers-reduced-motion:no-preference){a,summary{transition:color .1s}}
@media print{body{background:#fff}nav,.skip{display:none}.card{break-inside:avoid}}
"""
