"""What an assessment says, in the words of one language: money, points, works, limits, dates.

Every sentence is made from figures and names of the assessment; no English text is translated.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import pandas as pd

from capacity.connection.option import JudgedOption, SupplyOption, WorkLine
from capacity.costs import Cost
from capacity.language import Messages, read_messages
from capacity.letter.figures import LeadTime
from capacity.letter.plain_rows import record_of

_FOLDER: Final = Path(__file__).with_name("messages")
# Voltages are told in percent of nominal.
_PERCENT_PER_PU: Final = 100.0
_KM_FROM_M: Final = 1_000.0
# Names over this many characters are cut in sentences; the head has them whole.
NAME_MAX: Final = 80
# Parts as `capacity.demand.development.demand_parts` writes them.
_HOMES_OF: Final = re.compile(r"homes of ([0-9.]+) m2")
_CASES: Final = re.compile(r"([0-9]+) of normal operation, ([0-9]+) outages")
_FLOOR_OF: Final = re.compile(r"(\w+), m2")


@dataclass(frozen=True, eq=False)
class Words:
    """Texts of the letter in one language, the currency of its costs, and the site that it is about.

    What is built for a site has ids that begin with its own ("S-17|lv_feeder|B1|NAYY|cable"): it is told by
    what it is.
    """

    messages: Messages
    currency: str
    site_id: str = ""

    def say(self, key: str, **values: str | float | dt.date | tuple[str, ...]) -> str:
        return self.messages.say(key, **values)

    def money(self, amount: float) -> str:
        return self.say("money.amount", amount=amount, currency=self.currency)

    def money_range(self, low: float, high: float) -> str:
        return self.say("money.range", low=low, high=high, currency=self.currency)

    def span(self, low: float, high: float) -> str:
        """A range of money in a column that names the currency."""
        return self.say("money.span", low=low, high=high)

    def power(self, p_kw: float) -> str:
        digits = 0 if p_kw >= 10.0 or float(p_kw).is_integer() else 1
        return self.say("power.kw", kw=self.messages.language.number(p_kw, digits))

    def length(self, length_m: float) -> str:
        if length_m >= _KM_FROM_M:
            return self.say("length.km", km=length_m / _KM_FROM_M)
        return self.say("length.m", m=length_m)

    def point(self, option: SupplyOption) -> str:
        """Where an option is supplied from, as part of a sentence."""
        key = f"point.{option.kind}"
        values = {"bus_id": option.bus_id, "voltage_kv": voltage(self, option.voltage_kv)}
        return self.say(key if key in self.messages else "point.elsewhere", **values)

    def kind(self, name: str) -> str:
        return self.messages.or_else(f"kind.{name}", name)

    def work(self, item: str, text: str, type_id: str = "") -> str:
        """A line of the bill; the text of a user's own item stays as it is."""
        key = f"work.{item}"
        if key not in self.messages:
            return text or item
        work = self.say(key)
        return self.say("work.more", work=work, type_id=type_id) if type_id else work

    def works(self, judged: JudgedOption) -> str:
        """Works that must be done first: on the existing grid, else what is new beside the cable."""
        kinds = [self.work(measure.kind, measure.text) for measure in judged.measures]
        built = [self.line(line) for line in judged.option.lines if "cable" not in line.item]
        return self._counted(kinds + built if kinds else built)

    def measures(self, judged: JudgedOption) -> str:
        return self._counted([self.work(measure.kind, measure.text) for measure in judged.measures])

    def line(self, line: WorkLine) -> str:
        return self.work(line.item, line.text, line.type_id)

    def _counted(self, works: list[str]) -> str:
        times = pd.Series(works, dtype=object).value_counts(sort=False)
        told = [
            work if count == 1 else self.say("work.times", count=float(count), work=str(work))
            for work, count in times.items()
        ]
        return self.messages.language.listed([str(work) for work in told])

    def ready(self, months: float, issued_on: dt.date, lead_time: LeadTime) -> str:
        """The range of months in which supply is expected."""
        first = add_months(issued_on, months * lead_time.low_factor)
        last = add_months(issued_on, months * lead_time.high_factor)
        if (first.year, first.month) == (last.year, last.month):
            return self.say("ready.within", first=first)
        return self.say("ready.between", first=first, last=last)

    def case(self, case_id: str) -> str:
        """When a limit is checked, as part of a sentence: "n_minus_1|lines L1" is the outage of L1."""
        kind, _, element = case_id.partition("|")
        key = f"case.{kind}"
        if key not in self.messages:
            return self.say("case.scenario", case_id=case_id)
        return self.say(key, element=element.partition(" ")[2] or element, case_id=case_id)

    def reason(self, limit: Mapping[str, object]) -> str:
        """One limit that speaks against a connection, as a sentence."""
        check, unit = str(limit["check"]), str(limit.get("unit") or "")
        key = f"reason.{check}"
        factor = _PERCENT_PER_PU if unit == "pu" else 1.0
        said = self.say(
            key if key in self.messages else "reason.any_check",
            check=self.check(check),
            element_id=self.name(str(limit["element_id"])),
            element=self._element("element", limit),
            place=self._element("place", limit),
            value=factor * _number(limit.get("value")),
            limit=factor * _number(limit.get("limit")),
            unit="%" if unit == "pu" else unit,
        )
        if case_id := str(limit.get("case_id") or ""):
            said = self.say("reason.in_case", reason=said, case=self.case(case_id))
        return self.say("reason.already", reason=said) if limit.get("already") is True else said

    def brief(self, limit: Mapping[str, object]) -> str:
        """The same in a cell of a table."""
        unit = str(limit.get("unit") or "")
        return self.say(
            "result.against",
            check=self.check(str(limit["check"])),
            element_id=self.name(str(limit["element_id"])),
            value=self.figure(limit.get("value"), unit),
            limit=self.figure(limit.get("limit"), unit),
        )

    def unit(self, unit: str, quantity: float) -> str:
        key = f"unit.{unit}"
        if f"{key}.other" in self.messages:
            return self.messages.count(key, quantity)
        return self.messages.or_else(key, unit)

    def basis(self, name: str, text: str) -> str:
        """What an assessment says that it rests on; names of scenarios and tables stay as they are."""
        if name == "charging":
            return self.messages.or_else(f"rule.{text}", text)
        if name == "cases" and (counted := _CASES.fullmatch(text)):
            return self.say("rests_on.cases_text", normal=counted[1], outages=counted[2])
        return text

    def name(self, element_id: str) -> str:
        """An element as tables name it: by its id, or by what is new."""
        new = self._new(element_id)
        return self._one_of("new", new) if new else element_id

    def _element(self, group: str, limit: Mapping[str, object]) -> str:
        """An element as a sentence names it, as its subject ("element") or as a place ("place")."""
        element_id = str(limit["element_id"])
        known = "buses" if group == "place" else str(limit["table"])
        return self._one_of(group, self._new(element_id) or known, element_id=element_id)

    def _one_of(self, group: str, name: str, **values: str) -> str:
        key = f"{group}.{name}"
        return self.say(key if key in self.messages else f"{group}.built", **values)

    def _new(self, element_id: str) -> str:
        """What is new by its id, like "cable" or "station"; "" for what is there today."""
        if not self.site_id or not element_id.startswith(f"{self.site_id}|"):
            return ""
        return element_id.rsplit("|", 1)[1].split(" ", 1)[0]

    def part(self, part: str) -> str:
        """A part of the demand: one of the list, homes of a size, or floor area of a use."""
        key = f"part.{part}"
        if key in self.messages:
            return self.say(key)
        if sized := _HOMES_OF.fullmatch(part):
            return self.say("part.homes_of", area=sized[1])
        if used := _FLOOR_OF.fullmatch(part):
            return self.say("part.floor_of", use=self.messages.or_else(f"floor_use.{used[1]}", used[1]))
        return part

    def check(self, check: str) -> str:
        return self.messages.or_else(f"check.{check}", check)

    def against(self, judged: JudgedOption) -> str:
        """What speaks against an option on the grid as it is: the worst limit, or why it cannot be built."""
        if judged.option.problem:
            return self.say("reason.problem", text=judged.option.problem)
        if len(judged.blocked):
            return self.reason(record_of(judged.blocked.iloc[0]))
        return self.say("also.no_reason")

    def figure(self, value: object, unit: str) -> str:
        """A checked figure with its unit; voltages in percent of nominal."""
        number = _number(value)
        if pd.isna(number):
            return "–"
        language = self.messages.language
        if unit == "pu":
            return f"{language.number(_PERCENT_PER_PU * number, 1)} %"
        return f"{language.number(number, 1)} {unit}".rstrip()


def words_of(language: str, currency: str, site_id: str = "") -> Words:
    """Words of the letter in a language.

    Raises
    ------
    InputError
        There is no such language.
    """
    return Words(read_messages(_FOLDER, language), currency, site_id)


def voltage(words: Words, voltage_kv: float) -> str:
    """A nominal voltage without idle decimals: "20", "0.4"."""
    digits = 0 if float(voltage_kv).is_integer() else 1
    return words.messages.language.number(voltage_kv, digits)


def shortened(name: str) -> str:
    """A name as sentences have it: on one line, and not longer than they bear."""
    plain = " ".join(name.split())
    return plain if len(plain) <= NAME_MAX else f"{plain[: NAME_MAX - 1].rstrip()}…"


def cost_of(lines: Iterable[WorkLine]) -> Cost:
    """Sum of the lines of a bill."""
    total = Cost()
    for line in lines:
        total += line.cost
    return total


def customer_cost(lines: Iterable[WorkLine]) -> tuple[float, float, float]:
    """What the charging rule lays on the applicant: low, mid and high."""
    shares = [
        (
            line.customer_share * line.cost.low_eur,
            line.customer_share * line.cost.eur,
            line.customer_share * line.cost.high_eur,
        )
        for line in lines
    ]
    low, mid, high = (sum(column) for column in zip(*shares, strict=True)) if shares else (0.0, 0.0, 0.0)
    return low, mid, high


def add_months(day: dt.date, months: float) -> dt.date:
    """The month so many months on, at its first day; parts of a month count as one begun.

    Examples
    --------
    >>> add_months(dt.date(2026, 11, 30), 3.2)
    datetime.date(2027, 3, 1)
    """
    count = day.year * 12 + day.month - 1 + -int(-months // 1)
    return dt.date(count // 12, count % 12 + 1, 1)


def _number(value: object) -> float:
    return float(value) if isinstance(value, int | float) else float("nan")
