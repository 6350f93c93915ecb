"""The summary of a plan as text: Markdown, a web page that needs nothing from outside, and a PDF of one page.

Names are data in all of them: escaped in HTML and Markdown, and given to the typesetter as values.
"""

from __future__ import annotations

import json
import re
from html import escape
from pathlib import Path

import pandas as pd

from capacity.planning.plan_sketch import LEGEND
from capacity.planning.plan_summary import Pair, PlanSummary

_HERE = Path(__file__)
_STYLE = _HERE.with_name("plan_page.css")
_SHEET = _HERE.with_name("plan_page.typ")
_MARKUP = re.compile(r"([\\`*_{}\[\]()#+\-.!|<>$~&^=])")
# Sizes of the PDF's type that are tried until one page holds it all.
_SCALES = ("1.0", "0.92", "0.84", "0.76", "0.68", "0.6")
_ONE_PAGE = re.compile(rb"/Type\s*/Pages\s*/Count 1\b")
_TITLES = {
    "by_level": "Cost by voltage level and year",
    "steps": "Dearest steps",
    "unresolved": "What stays unresolved",
    "rests_on": "What it rests on",
}


def summary_html(summary: PlanSummary) -> str:
    """One self-contained page, laid out for A4."""
    parts = [
        f"<h1>{escape(summary.title)}</h1>",
        f'<p class="answer">{escape(summary.sentence)}</p>',
        f'<dl class="figures">{_html_pairs(summary.figures)}</dl>',
        _html_sketch(summary),
        _html_section("by_level", _html_table(summary.by_level)),
        _html_section("steps", _html_table(summary.steps)),
        _html_section("unresolved", _html_list(summary.unresolved)),
        _html_section("rests_on", f'<dl class="rests">{_html_pairs(summary.rests_on)}</dl>'),
        f'<p class="note">{escape(summary.note)}</p>',
    ]
    style = _STYLE.read_text(encoding="utf-8")
    return (
        '<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8">'
        f"<title>{escape(summary.title)}</title><style>{style}</style></head>"
        f"<body>{''.join(parts)}</body></html>\n"
    )


def summary_markdown(summary: PlanSummary) -> str:
    """The same as Markdown."""
    lines = [f"# {_md(summary.title)}", "", _md(summary.sentence), ""]
    lines += [f"- **{_md(label)}**: {_md(text)}" for label, text in summary.figures]
    for name, rows in (("by_level", summary.by_level), ("steps", summary.steps)):
        lines += ["", f"## {_TITLES[name]}", "", *_md_table(rows)]
    lines += ["", f"## {_TITLES['unresolved']}", ""]
    lines += [f"- {_md(text)}" for text in summary.unresolved] or ["Nothing."]
    lines += ["", f"## {_TITLES['rests_on']}", ""]
    lines += [f"- **{_md(label)}**: {_md(text)}" for label, text in summary.rests_on]
    return "\n".join([*lines, "", f"*{_md(summary.note)}*", ""])


def summary_pdf(summary: PlanSummary) -> bytes:
    """The same as a PDF of one page; the same summary gives the same bytes."""
    import typst  # 30 MB of typesetter: loaded when a PDF is asked for

    values = {
        "title": summary.title,
        "sentence": summary.sentence,
        "figures": summary.figures,
        "unresolved": summary.unresolved,
        "rests_on": summary.rests_on,
        "note": summary.note,
        "titles": _TITLES,
        "sketch": summary.sketch,
        "legend": LEGEND,
        **{name: _cells(rows) for name, rows in (("by_level", summary.by_level), ("steps", summary.steps))},
    }
    sheet, told = _SHEET.read_bytes(), json.dumps(values)
    for scale in _SCALES:
        made: bytes = typst.compile(
            sheet, sys_inputs={"summary": told, "scale": scale}, ignore_system_fonts=True
        )
        if _ONE_PAGE.search(made):
            break
    return made


def _cells(rows: pd.DataFrame) -> dict[str, list]:
    return {"columns": list(rows.columns), "rows": rows.astype(str).to_numpy().tolist()}


def _html_section(name: str, body: str) -> str:
    return f"<section><h2>{escape(_TITLES[name])}</h2>{body}</section>"


def _html_sketch(summary: PlanSummary) -> str:
    if not summary.sketch:
        return ""
    legend = "".join(
        f'<span><i style="background:{colour}"></i>{escape(label)}</span>' for label, colour in LEGEND
    )
    captions = "<div><span>Before</span><span>After</span></div>"
    return f"<figure>{captions}{summary.sketch}<figcaption>{legend}</figcaption></figure>"


def _html_pairs(pairs: tuple[Pair, ...]) -> str:
    return "".join(f"<div><dt>{escape(label)}</dt><dd>{escape(text)}</dd></div>" for label, text in pairs)


def _html_list(texts: tuple[str, ...]) -> str:
    if not texts:
        return "<p>Nothing: every limit holds in the re-run of every case.</p>"
    return "<ul>" + "".join(f"<li>{escape(text)}</li>" for text in texts) + "</ul>"


def _html_table(rows: pd.DataFrame) -> str:
    head = "".join(f"<th>{escape(str(name))}</th>" for name in rows.columns)
    body = "".join(
        "<tr>" + "".join(f"<td>{escape(str(cell))}</td>" for cell in row) + "</tr>"
        for row in rows.itertuples(index=False, name=None)
    )
    return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"


def _md_table(rows: pd.DataFrame) -> list[str]:
    lines = [f"| {' | '.join(_md(str(name)) for name in rows.columns)} |", "|---" * len(rows.columns) + "|"]
    return lines + [
        f"| {' | '.join(_md(str(cell)) for cell in row)} |" for row in rows.itertuples(index=False, name=None)
    ]


def _md(text: str) -> str:
    """Text that Markdown shows as it is, on one line."""
    return _MARKUP.sub(r"\\\1", " ".join(text.split()))
