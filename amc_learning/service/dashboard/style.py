"""What the dashboard adds to the stylesheet of the report.

Belongs here: layout of what only the dashboard has. Not here: colours and type, which are the report's.
"""

STYLE = """
.skip{position:absolute;left:-99rem}
.skip:focus{left:1rem;top:.5rem;padding:.3rem .7rem;background:var(--paper);outline:2px solid var(--ink);z-index:1}
a:focus-visible,summary:focus-visible{outline:2px solid var(--ink);outline-offset:2px;border-radius:2px}
main:focus{outline:none}
h1{margin:.15rem 0 .3rem}
h1 .well{color:var(--good)}h1 .look{color:var(--accent)}h1 .wrong{color:var(--bad)}h1 .quiet{color:var(--soft)}
.findings{list-style:none;margin:.8rem 0 0;padding:0;border-top:1px solid var(--rule)}
.findings li{display:grid;grid-template-columns:4.6rem minmax(0,1fr);gap:.6rem;padding:.4rem 0;
border-bottom:1px solid var(--rule)}
.findings .chip{justify-self:start;align-self:start}
.findings code{display:inline-block;background:var(--panel);border-radius:4px;padding:0 .35rem}
.main-and-side{display:grid;grid-template-columns:minmax(0,2.4fr) minmax(0,1fr);gap:.6rem 1.75rem;align-items:start}
.main-and-side>div>h3:first-child{margin-top:.2rem}
.main-and-side .legend{margin:.6rem 0}
.number+:not(.number){padding-left:.9rem}
td time{white-space:nowrap}
.nights tbody th{min-width:15rem}
.nights td:nth-child(2){min-width:6.5rem}
.pages{list-style:none;margin:.2rem 0;padding:0}
.pages li{margin:.35rem 0}
.account .number{min-width:4.4rem}
.account tbody th{color:var(--text)}
.account th.group{padding-top:.8rem}
.account tbody:nth-of-type(2) tr:last-child>*{border-top:2px solid var(--muted);font-weight:650}
.account tr>:last-child{color:var(--soft)}
.weights .gain{fill:var(--ink)}
.single .pair{grid-template-columns:minmax(0,1fr)}
@media (max-width:760px){.main-and-side{grid-template-columns:minmax(0,1fr)}.account .number{min-width:0}
.account table{font-size:.76rem}.account tbody th{min-width:0}.account .chip{padding:0 .2rem;font-size:.7rem}
.account th,.account td{padding-right:.2rem}.account time{white-space:normal}
.nights .prose{min-width:10rem}.nights td:nth-child(2),.nights tbody th{min-width:0}}
"""
