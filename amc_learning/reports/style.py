"""The stylesheet of the report.

Belongs here: colours, type, layout for desktop, phone, dark rooms and paper. Colours are the house's (ink, muted, good,
bad); lines use those of Okabe and Ito, which people with any colour vision tell apart, darkened until they can be read
on white and lightened for black. No colour says anything that a sign, a word or a position does not say too.
"""

STYLE = """
:root{color-scheme:light dark;--paper:#fff;--panel:#f5f7f9;--text:#1b2530;--soft:#56626f;--rule:#dde3e8;--ink:#1f3a5f;
--muted:#9aa5b1;--good:#2a7f62;--bad:#b3423a;--accent:#8a5a00;
--c0:#1f3a5f;--c1:#b0610a;--c2:#00785a;--c3:#a34a86;--c4:#2478b5;--c5:#8c6d00;--c6:#b3423a;--c7:#5b6672}
@media (prefers-color-scheme:dark){:root{--paper:#11161c;--panel:#1a212a;--text:#e4e9ee;--soft:#a3afbb;--rule:#2d3742;
--ink:#93b8e8;--muted:#6f7b88;--good:#5cc29b;--bad:#f0897f;--accent:#e3b25a;
--c0:#93b8e8;--c1:#f0a35a;--c2:#45c79d;--c3:#e096c6;--c4:#62c0f5;--c5:#e6d04e;--c6:#f0897f;--c7:#b4bec9}}
*{box-sizing:border-box}
html{-webkit-text-size-adjust:100%;text-size-adjust:100%}
body{margin:0 auto;max-width:1100px;padding:1.25rem 1rem 3rem;background:var(--paper);color:var(--text);
font:15px/1.45 system-ui,-apple-system,"Segoe UI",Roboto,"Helvetica Neue",Arial,sans-serif;overflow-wrap:anywhere}
h1{font-size:1.5rem;line-height:1.25;margin:.1rem 0 .9rem;font-weight:650;text-wrap:balance}
h2{font-size:1.15rem;margin:0 0 .6rem;font-weight:650;color:var(--ink)}
h3{font-size:.95rem;margin:.9rem 0 .35rem;font-weight:650}
small,.note,.legend,figcaption{font-size:.8rem;color:var(--soft);font-weight:400}
p{margin:.3rem 0}
.date{color:var(--soft);margin:0}
.big{font-size:1.2rem;font-weight:650}
.note{display:block}
.nothing{color:var(--soft);font-style:italic}
section{border-top:1px solid var(--rule);padding:1.1rem 0 .4rem;margin-top:1rem}
nav{display:flex;flex-wrap:wrap;gap:.2rem 1rem;margin-top:.9rem;font-size:.85rem}
a{color:var(--ink)}
.pair,.cards{display:grid;grid-template-columns:repeat(2,minmax(0,1fr));gap:.6rem 1.75rem;align-items:start}
.cards{grid-template-columns:repeat(auto-fit,minmax(min(100%,290px),1fr))}
.pair>*>h3:first-child,.card>h3:first-child{margin-top:.2rem}
.card{background:var(--panel);border-radius:6px;padding:.7rem .9rem}
.tiles{display:grid;grid-template-columns:repeat(auto-fill,minmax(150px,1fr));gap:.5rem;margin:.4rem 0}
.tiles.small{grid-template-columns:repeat(auto-fill,minmax(112px,1fr))}
.tiles>div{background:var(--panel);border-radius:6px;padding:.45rem .7rem}
.tiles dt{font-size:.8rem;color:var(--soft)}
.tiles dd{margin:0;font-size:1.15rem;font-weight:600;font-variant-numeric:tabular-nums;overflow-wrap:normal}
.tiles dd.note{font-size:.78rem;font-weight:400}
.facts{display:grid;grid-template-columns:max-content minmax(0,1fr);gap:.15rem .8rem;margin:.4rem 0;font-size:.88rem}
.facts dt{color:var(--soft)}
.facts dd{margin:0}
.sentences{margin:.2rem 0;padding-left:1.1rem}
.sentences li{margin:.25rem 0}
.warnings li::marker{content:"! ";color:var(--bad);font-weight:700}
.scroll{overflow-x:auto;max-width:100%;background:
linear-gradient(to right,var(--paper) 45%,transparent) 0 0/1.5rem 100% no-repeat local,
linear-gradient(to left,var(--paper) 45%,transparent) 100% 0/1.5rem 100% no-repeat local,
linear-gradient(to right,var(--rule),transparent) 0 0/.6rem 100% no-repeat scroll,
linear-gradient(to left,var(--rule),transparent) 100% 0/.6rem 100% no-repeat scroll}
.narrow{max-width:740px}
.changes{list-style:none;margin:0;padding:0}
.changes li{margin:0 0 .5rem}
.move{display:inline-block;margin-right:1.2rem}
.move:last-of-type{margin-right:0}
.scroll:focus-visible{outline:2px solid var(--ink)}
table{border-collapse:collapse;width:100%;font-size:.84rem;font-variant-numeric:tabular-nums;overflow-wrap:normal}
caption{position:absolute;width:1px;height:1px;overflow:hidden;clip-path:inset(50%)}
th,td{padding:.22rem .4rem .22rem 0;text-align:left;vertical-align:top;border-bottom:1px solid var(--rule)}
th:last-child,td:last-child{padding-right:0}
tbody th{font-weight:400;overflow-wrap:break-word;min-width:5.5rem}
thead th{font-size:.78rem;font-weight:600;color:var(--soft);vertical-align:bottom}
th.group{font-weight:600;font-size:.8rem;color:var(--soft);padding-top:.6rem}
.number{text-align:right;white-space:nowrap}
code{font:.86em ui-monospace,SFMono-Regular,Menlo,Consolas,monospace;overflow-wrap:anywhere}
.chip{display:inline-block;border:1px solid currentColor;border-radius:4px;padding:0 .4rem;font-size:.76rem;
font-weight:600;color:var(--soft);white-space:nowrap}
.chip.good{color:var(--good)}.chip.bad{color:var(--bad)}.chip.accent{color:var(--accent)}
figure{margin:.2rem 0}
svg{display:block}
svg text{font-family:inherit;fill:var(--soft);font-size:11px}
.strip text{font-size:10px;font-weight:400}
.picture{width:100%;max-width:520px;height:auto}
.cards .picture{max-width:330px}
.strip{overflow:visible}
.grid{stroke:var(--rule)}
.zero,.diagonal{stroke:var(--muted)}
.diagonal{stroke-dasharray:4 3}
.mark{stroke:var(--accent);stroke-width:2.5}
.whisker{stroke:var(--muted);stroke-width:1.6}
.whisker.strong{stroke:var(--ink)}
.dot{fill:var(--paper);stroke:var(--muted);stroke-width:1.6}
.dot.strong{fill:var(--ink);stroke:var(--ink)}
.gain{fill:var(--good)}.loss{fill:var(--bad)}
.curve{fill:none;stroke:var(--ink);stroke-width:1.4}
.blob{fill:var(--ink);fill-opacity:.75;stroke:var(--paper)}
.history{fill:none;stroke:currentColor;stroke-width:2;stroke-linejoin:round}
.history.again{stroke-dasharray:5 3}
.end{fill:currentColor}
.leader{fill:none;stroke:currentColor;stroke-opacity:.5}
svg text.direct{fill:currentColor;font-size:11.5px;font-weight:500}
.line-0{color:var(--c0)}.line-1{color:var(--c1)}.line-2{color:var(--c2)}.line-3{color:var(--c3)}
.line-4{color:var(--c4)}.line-5{color:var(--c5)}.line-6{color:var(--c6)}.line-7{color:var(--c7)}
details summary{cursor:pointer;font-size:.85rem;color:var(--soft)}
footer{border-top:1px solid var(--rule);margin-top:1.5rem;padding-top:.8rem;font-size:.82rem;color:var(--soft)}
@media (max-width:760px){.pair{grid-template-columns:minmax(0,1fr)}body{padding:.9rem .9rem 2rem}h1{font-size:1.25rem}
.prose{min-width:13rem}
table{font-size:.8rem}th,td{padding-right:.3rem}thead th{font-size:.72rem}tbody th{min-width:4.9rem}}
@media print{:root{color-scheme:light}body{max-width:none;font-size:11px;padding:0}nav{display:none}
section{break-inside:auto;margin-top:.6rem}h2,h3{break-after:avoid}tr,figure,.card,.tiles>div{break-inside:avoid}
.scroll{overflow:visible;background:none}*{print-color-adjust:exact;-webkit-print-color-adjust:exact}}
"""
