"""The style sheet of a report: that of the status page, and what charts, weeks and paper need besides."""

from __future__ import annotations

from agent.site.style import STYLE as _PAGES

LIGHT = _PAGES[_PAGES.index(":root{") : _PAGES.index("}") + 1]
"""The colours of the light scheme: paper is white, whatever the screen was."""

STYLE = (
    _PAGES
    + """
header{padding-top:26px}
header h1{font-size:20px}
header p{margin:0;color:var(--soft)}
.made{margin-left:auto}
.sums .facts{gap:14px 40px}
.sums b{font-size:21px;font-weight:650;letter-spacing:-.01em}
.plot{display:grid;grid-template-columns:minmax(2.6em,max-content) minmax(0,1fr);column-gap:8px}
.levels{display:flex;flex-direction:column;justify-content:space-between;text-align:right;color:var(--soft);
font-size:12px;line-height:1;margin:-6px 0}
.plot .scale{grid-column:2;margin-top:4px}
.each span{flex:1 1 0;min-width:0;text-align:center;overflow-wrap:normal}
.verdict.idle{background:var(--idle-back);color:var(--idle)}
.chart{height:190px;overflow:visible}
.charts .chart{height:96px}
.chart .level{fill:none;stroke:var(--edge);stroke-width:1;vector-effect:non-scaling-stroke}
.chart .hit{fill:transparent}.chart .hit:hover{fill:var(--text);fill-opacity:.08}
.columns .idle{fill:var(--mark);opacity:.55}
.chart .mark{fill:none;stroke:var(--soft);stroke-width:1;stroke-dasharray:3 4;vector-effect:non-scaling-stroke}
.chart.curve{overflow:hidden}.chart .shade{fill:var(--bad);opacity:.18}
.chart .limit{fill:none;stroke:var(--bad);stroke-width:1;vector-effect:non-scaling-stroke}
.chart .course{fill:none;stroke:var(--ink);stroke-width:1.5;vector-effect:non-scaling-stroke}
.dot{fill:none;stroke-width:5;stroke-linecap:round;vector-effect:non-scaling-stroke}
.dot.good{stroke:var(--ink);stroke-opacity:.75}.dot.bad{stroke:var(--bad);stroke-width:7}
.charts{display:grid;grid-template-columns:repeat(auto-fill,minmax(min(100%,300px),1fr));gap:22px 30px}
figure{margin:0;min-width:0}
figcaption{display:flex;flex-wrap:wrap;justify-content:space-between;gap:0 12px;margin-bottom:10px}
figcaption b{font-weight:600}figcaption span{color:var(--soft);font-size:13px}
.legend{display:flex;flex-wrap:wrap;gap:2px 20px;list-style:none;margin:0 0 14px;padding:0;color:var(--soft);
font-size:13px}
.legend li{display:flex;align-items:center;gap:7px}
.legend svg{width:10px;height:10px;flex:none}
.legend .idle{fill:var(--mark);opacity:.55}
details>summary{color:var(--soft);font-size:13px}
.scroll{overflow-x:auto}
.wrong{color:var(--bad)}
.wrongs{list-style:none;margin:0;padding:0}
.wrongs>li{border-top:1px solid var(--edge);padding:12px 0}
.wrongs>li:first-child{border-top:0;padding-top:0}
.what{margin:0}.again{color:var(--good)}
pre{background:var(--idle-back);border-radius:6px;padding:8px 10px;max-height:22em;overflow:auto}
.headline{font-weight:600;overflow-wrap:anywhere}
.plain{list-style:none;margin:0 0 8px;padding:0}.plain li{margin:.3em 0}
.soft{color:var(--soft);font-size:13px;margin-top:12px}
.week th,.week td{padding-right:14px;white-space:nowrap}
.week th[scope=row]{white-space:normal;min-width:9em}
.week b{font-weight:550}.week s{color:var(--soft)}.free{color:var(--edge)}
.grid{margin-top:16px}
.ticks .none{fill:none}
.head+.plot{margin-top:16px}
th[scope=row]{min-width:7em}
.plot+table,.plot+details{margin-top:14px}
th,.unit,time,td{hyphens:manual}
.card thead th{white-space:nowrap}
td{overflow-wrap:break-word}
time{white-space:nowrap}
.unit{display:none;color:var(--soft);font-size:13px;margin-left:.35em}
.levels span{white-space:nowrap}
header nav{margin-left:0;flex-basis:100%}
header nav a{padding:2px 8px 2px 0}
@media(max-width:560px){.unit{display:inline}.made{margin-left:0}header nav{margin-left:0}}
@media print{"""
    + LIGHT
    + """
:root{--page:#fff;--text:#111;--soft:#444;--edge:#ccc}
body{font-size:11px}
small,dt,pre,code,.chip,.soft,.more,.levels,.scale,.legend,thead th,summary,figcaption span{font-size:10px}
.sums b{font-size:16px}.facts{gap:8px 24px}.verdict,.card{padding:12px 14px}
.card{break-inside:auto;border-color:#ccc}figure,.wrongs>li,tr{break-inside:avoid}
h2{break-after:avoid}pre{max-height:none}.scroll{overflow:visible}.card .head p{display:none}
*{print-color-adjust:exact;-webkit-print-color-adjust:exact}}
"""
)
