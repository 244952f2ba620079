"""How the console looks: one style sheet, colours whose contrast is at least 4.5 to 1, sizes that suit a tablet."""

from __future__ import annotations

COLOURS = {"primary": "#1d4e89", "positive": "#1b6e3c", "negative": "#a61b1b", "warning": "#8a5300", "info": "#1d4e89"}

STYLE = """
:root { --ink: #1c2430; --quiet: #4d5866; --line: #d5dae1; --paper: #ffffff; --ground: #f4f6f9; --brand: #1d4e89;
  --good: #1b6e3c; --good-ground: #e4f3ea; --bad: #a61b1b; --bad-ground: #fbe9e9; --wait: #7a4a00; --wait-ground: #fdf1dc;
  --calm: #1d4e89; --calm-ground: #e5eef8; --none: #414b58; --none-ground: #e9ecf0; }
body { background: var(--ground); color: var(--ink); font-size: 15px; line-height: 1.45; }
.nicegui-content { padding: 0; gap: 0; align-items: stretch; width: 100%; }
a, .nicegui-link { color: var(--brand); text-decoration: underline; text-underline-offset: 2px; }
a:hover { text-decoration-thickness: 2px; }
:focus-visible { outline: 3px solid #b35c00 !important; outline-offset: 2px; border-radius: 3px; }
.q-btn:focus-visible { box-shadow: 0 0 0 2px #fff, 0 0 0 5px #b35c00; } /* their outlines are taken away, and not to be given back */
.q-field__focusable-action { opacity: 1; color: var(--quiet); }
.skip { position: absolute; left: -10000px; top: 0; background: var(--paper); padding: .6rem 1rem; z-index: 100; }
.skip:focus { left: .5rem; top: .5rem; }
header.top.nicegui-header { background: var(--brand); color: #fff; display: flex; flex-wrap: wrap; align-items: center; gap: .3rem 1.4rem;
  padding: .55rem 1.2rem; }
header.top a { color: #fff; text-decoration: none; padding: .25rem .15rem; border-bottom: 2px solid transparent; }
header.top a:hover, header.top a[aria-current=page] { border-bottom-color: #fff; }
header.top .brand { font-weight: 600; font-size: 1.05rem; }
header.top nav { display: flex; gap: .2rem 1.1rem; flex-wrap: wrap; flex: 1; }
header.top .who { display: flex; gap: .8rem; align-items: center; font-size: .9rem; }
header.top form { margin: 0; }
header.top button { background: transparent; color: #fff; border: 1px solid #fff; border-radius: 4px; padding: .15rem .6rem;
  font: inherit; cursor: pointer; }
.banner { background: var(--wait-ground); color: var(--wait); padding: .4rem 1.2rem; border-bottom: 1px solid #efd7a8; }
.page { max-width: 1280px; width: 100%; margin: 0 auto; padding: .9rem 1.2rem 3rem; display: flex; flex-direction: column;
  gap: .9rem; box-sizing: border-box; }
.page:focus { outline: none !important; }
header.top .brand, header.top nav a, header.top .who { color: #fff; }
h1 { font-size: 1.5rem; line-height: 1.25; font-weight: 600; margin: 0; letter-spacing: 0; }
h2 { font-size: 1.13rem; line-height: 1.3; font-weight: 600; margin: 0; letter-spacing: 0; }
h3 { font-size: 1rem; line-height: 1.3; font-weight: 600; margin: 0; letter-spacing: 0; }
p { margin: 0; }
.quiet { color: var(--quiet); }
.small { font-size: .87rem; }
.mono { font-family: ui-monospace, SFMono-Regular, Menlo, Consolas, monospace; font-size: .88em; overflow-wrap: anywhere; }
.crumbs { display: flex; gap: .45rem; flex-wrap: wrap; font-size: .9rem; color: var(--quiet); }
.crumbs span + span::before { content: "›"; margin-right: .45rem; color: var(--quiet); }
.title { display: flex; gap: .8rem; flex-wrap: wrap; align-items: center; }
.panel { background: var(--paper); border: 1px solid var(--line); border-radius: 6px; padding: 1rem 1.1rem; display: flex;
  flex-direction: column; gap: .75rem; min-width: 0; width: 100%; box-sizing: border-box; }
.cards { display: grid; grid-template-columns: repeat(auto-fill, minmax(310px, 1fr)); gap: .9rem; }
.acts { display: flex; gap: .6rem; flex-wrap: wrap; align-items: center; }
.chip { display: inline-block; padding: .08rem .55rem; border-radius: 999px; font-size: .85rem; font-weight: 500;
  background: var(--none-ground); color: var(--none); white-space: nowrap; }
.chip.good { background: var(--good-ground); color: var(--good); } .chip.bad { background: var(--bad-ground); color: var(--bad); }
.chip.wait { background: var(--wait-ground); color: var(--wait); } .chip.calm { background: var(--calm-ground); color: var(--calm); }
.said { border-left: 4px solid var(--calm); background: var(--calm-ground); padding: .6rem .9rem; border-radius: 0 4px 4px 0; }
.said.bad { border-color: var(--bad); background: var(--bad-ground); } .said.good { border-color: var(--good); background: var(--good-ground); }
.said.wait { border-color: var(--wait); background: var(--wait-ground); }
.said ul { margin: .3rem 0 0; padding-left: 1.2rem; }
.scroll { overflow-x: auto; width: 100%; }
table.plain { border-collapse: collapse; width: 100%; font-size: .93rem; }
.scroll.fit { max-width: 680px; }
table.plain caption { text-align: left; font-weight: 600; padding-bottom: .35rem; }
table.plain th, table.plain td { text-align: left; padding: .36rem .6rem; border-bottom: 1px solid var(--line); vertical-align: top; }
table.plain th { font-weight: 600; color: var(--quiet); white-space: nowrap; }
table.plain td.n, table.plain th.n { text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap; }
table.plain td.zero { color: #6b7684; }
dl.facts { display: grid; grid-template-columns: max-content 1fr; gap: .25rem 1rem; margin: 0; }
dl.facts dt { color: var(--quiet); } dl.facts dd { margin: 0; overflow-wrap: anywhere; }
ol.steps { list-style: none; margin: 0; padding: 0; display: grid; grid-template-columns: repeat(8, minmax(0, 1fr)); gap: .35rem; }
ol.steps li { min-width: 0; }
ol.steps a { display: block; height: 100%; box-sizing: border-box; background: var(--paper); border: 1px solid var(--line);
  border-top: 4px solid #aab3bf; border-radius: 4px; padding: .4rem .55rem; text-decoration: none; color: var(--ink); }
ol.steps a:hover { background: #f0f4f9; }
ol.steps .done a { border-top-color: var(--good); } ol.steps .now a { border-top-color: var(--brand); }
ol.steps .bad a { border-top-color: var(--bad); }
ol.steps a[aria-current=step] { border-color: var(--brand); border-width: 2px; border-top-width: 4px; background: var(--calm-ground); font-weight: 600; }
ol.steps small { display: block; color: var(--quiet); font-weight: 400; font-size: .8rem; }
@media (max-width: 1000px) { ol.steps { grid-template-columns: repeat(4, minmax(0, 1fr)); } }
.track { background: var(--none-ground); border-radius: 6px; height: 1.1rem; overflow: hidden; }
.track > div { background: var(--brand); height: 100%; transition: width .3s; }
@media (prefers-reduced-motion: reduce) { .track > div { transition: none; } }
.metric { font-size: 1.5rem; font-weight: 600; font-variant-numeric: tabular-nums; }
.metric.told { font-size: 1rem; }
.metrics { display: grid; grid-template-columns: repeat(auto-fill, minmax(190px, 1fr)); gap: .7rem; }
.metrics > div { border: 1px solid var(--line); border-radius: 6px; padding: .6rem .8rem; background: var(--paper); }
.q-field__label, .q-field__messages { color: var(--quiet) !important; }
.q-btn { min-height: 38px; }
.q-stepper, .q-card { box-shadow: none; border: 1px solid var(--line); }
.panel > .q-btn, .stack > .q-btn { align-self: flex-start; }
.stack { display: flex; flex-direction: column; gap: .6rem; min-width: 0; width: 100%; }
.form { display: grid; grid-template-columns: repeat(auto-fill, minmax(280px, 1fr)); gap: .8rem; }
.choice { min-width: 280px; }
.narrow { max-width: 560px; }
fieldset.task { border: 1px solid var(--line); border-radius: 6px; padding: .4rem .8rem .6rem; margin: 0; }
fieldset.task legend { padding: 0 .3rem; font-weight: 600; font-size: 1rem; line-height: 1.3; width: auto; }
ul.sheet { margin: 0; padding-left: 1.2rem; }
.ruled { border-top: 1px solid var(--line); padding-top: .7rem; }
.beside { display: grid; grid-template-columns: minmax(0, 2fr) minmax(0, 3fr); gap: 1rem; }
@media (max-width: 900px) { header.top.nicegui-header { justify-content: space-between; } header.top nav { order: 1; flex-basis: 100%; } }
.q-notification { --q-primary: #fff; } .q-notification__actions .q-btn { text-decoration: underline; }
@media (max-width: 900px) { .beside { grid-template-columns: minmax(0, 1fr); } }
.pinned { position: sticky; top: 0; background: var(--paper); z-index: 2; padding: .2rem 0; }
.panel:focus { outline: none !important; }
.when { white-space: nowrap; }
nav.tabs { display: flex; gap: .2rem 1rem; flex-wrap: wrap; border-bottom: 1px solid var(--line); }
nav.tabs a { padding: .3rem .1rem; text-decoration: none; border-bottom: 3px solid transparent; }
nav.tabs a:hover { border-bottom-color: #aab3bf; } nav.tabs a[aria-current=page] { border-bottom-color: var(--brand); font-weight: 600; }
.chart { height: 340px; width: 100%; min-width: 0; overflow: hidden; }
.filters { align-items: flex-start; } .filter { min-width: 200px; flex: 0 1 240px; }
details > summary { cursor: pointer; color: var(--brand); padding: .1rem 0; } details[open] > summary { margin-bottom: .3rem; }
table.plain.inner { width: auto; margin: .15rem 0; } table.plain.inner th, table.plain.inner td { padding: .15rem .6rem .15rem 0; border: 0; }
table.plain.inner tbody th { font-weight: 400; } del { color: var(--bad); } mark { background: #fff2b8; color: var(--ink); padding: 0 .2rem; }
table.plain td .mono { display: inline-block; min-width: 9rem; }
pre.code { background: var(--ground); border: 1px solid var(--line); padding: .6rem .8rem; overflow-x: auto; margin: 0; }
"""
