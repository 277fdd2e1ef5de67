"""Fit the estimator's coefficients on billed usage and write `contextkit/tokens/coefficients.py`.

    python benchmarks/fit_tokens.py            print the fit and its error on held-out files
    python benchmarks/fit_tokens.py --write    and write the table

Two stages, repeated: the text coefficients on the growth of tool-only turns of Claude Code sessions, structure held
fixed; then the structure costs on the counted bodies, text held fixed. All at once fails: structure swallows text.
The law: files that `billed.held_out` names are never fitted on; nothing but billed usage is fitted to.
"""

from __future__ import annotations

import argparse
import sys
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Final

ROOT: Final = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from benchmarks.billed import Counted, Growth, counted, data, growths, held_out  # noqa: E402  (a script finds its package)
from benchmarks.least_squares import robust  # noqa: E402
from contextkit.tokens import coefficients  # noqa: E402
from contextkit.tokens.estimate import message_with, request_tokens  # noqa: E402
from contextkit.tokens.features import NAMES, counts  # noqa: E402
from contextkit.tokens.rates import Rates, family_of  # noqa: E402

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

START: Final[dict[str, float]] = {
    "request": 4.0, "message": 3.0, "system": 0.0, "tool": 6.0, "tool_use": 34.0, "first_tool_use": 0.0,
    "parameter": 14.0, "tool_result": 29.0, "first_tool_result": -18.0, "tool_prompt": 311.0,
    "tool_prompt_haiku": 263.0, "tool_prompt_haiku_forced": 348.0, "tool_prompt_2026": 305.0, "thinking_on": 29.0,
    "thinking": 0.0, "format": 100.0, "image": 6.0, "document": 40.0, "pdf_page": 2000.0, "redacted_character": 0.2,
}  # fmt: skip
"""Where the fit begins, from shared/docs/measured.md; what no fitted row contains stays as it is."""

SIGNED: Final = frozenset({"first_tool_use", "first_tool_result"})
"""A first call or result may cost less than a further one."""

UNBILLED: Final[dict[str, float]] = {
    "two_byte": 0.6, "cyrillic": 0.45, "indic": 0.9, "kana": 0.75, "han": 1.1,
    "hangul": 1.1, "forms": 1.0, "astral": 2.4, "coded": 0.31,
}  # fmt: skip
"""Doubt: what no billed recording contains in quantity. Not fitted; see docs.

Scripts: tokens a character. "coded": random base64 is 0.71 tokens a character for cl100k, and on billed code and
shell output Claude's older tokenizer takes 1.15 times cl100k's tokens, so 0.82; the fitted features give 0.69 of it,
and 0.42 humps and mixed characters share the rest."""

LEAST: Final[dict[str, float]] = {"letters_16": 0.125, "digits": 0.125, "rules": 0.016, "spaces": 0.016, "lines": 0.016}
"""Floors: 22,000 times "a" was billed 2,744 tokens (counted bodies that are fitted on), digits alike; rulers and blanks
one token in 64 characters, about the longest a vocabulary holds (doubt), so that a megabyte of them is never free."""

NOT_FITTED: Final = frozenset({
    "server_or_builtin_tool", "server_tool_block", "context_management", "mcp", "compaction",
})  # fmt: skip
"""Flags of bodies with something in the prompt that the body does not show."""


@dataclass(frozen=True)
class _Reader(Rates):
    """Rates that collect the features of every text instead of weighing them."""

    total: list[int] = field(default_factory=lambda: [0] * len(NAMES))

    def text(self, text: str) -> float:
        for place, value in enumerate(counts(text)):
            self.total[place] += value
        return 0.0


@dataclass(frozen=True)
class _Mute(Rates):
    """Rates for which text is free: what is left is structure."""

    def text(self, text: str) -> float:  # noqa: ARG002  (the signature of the one it stands in for)
        return 0.0


@dataclass(frozen=True, slots=True)
class Row:
    """One billed figure: the features of its text, how often each structure cost occurs, what is constant."""

    text: list[int]
    structure: dict[str, float]
    constant: float
    billed: int


def row(probe: Callable[[Rates], float], billed: int) -> Row:
    """Read a linear function by its values at unit rates, so that fit and estimator cannot drift apart."""
    zero = dict.fromkeys(START, 0.0)
    reader = _Reader((), zero, cells=False)
    constant = probe(reader)
    structure = {name: probe(_Mute((), zero | {name: 1.0}, cells=False)) - constant for name in START}
    return Row(reader.total, {name: value for name, value in structure.items() if value}, constant, billed)


def growth_row(growth: Growth) -> Row:
    """A growth as a row."""
    return row(lambda rates: sum(message_with(message, rates) for message in growth.messages), growth.billed)


def body_row(body: Counted) -> Row:
    """A counted body as a row."""
    return row(lambda rates: request_tokens(body.body, body.model, rates), body.billed)


def _dot(names: Sequence[str], values: Sequence[float], weights: dict[str, float]) -> float:
    return sum(weights[name] * value for name, value in zip(names, values, strict=True) if value)


def predicted(row: Row, text: dict[str, float], cost: dict[str, float]) -> float:
    """Tokens of a row."""
    return row.constant + _dot(NAMES, row.text, text) + sum(cost[name] * value for name, value in row.structure.items())


def fit_text(rows: Sequence[Row], cost: dict[str, float]) -> dict[str, float]:
    """Stage one: text coefficients, not negative."""
    names = [name for name in NAMES if name not in UNBILLED]
    places = [NAMES.index(name) for name in names]
    fixed = [
        row.constant
        + sum(cost[name] * value for name, value in row.structure.items())
        + sum(value * row.text[NAMES.index(name)] for name, value in (UNBILLED | LEAST).items())
        for row in rows
    ]
    left = [row.billed - base for row, base in zip(rows, fixed, strict=True)]
    found = robust(
        [[float(row.text[p]) for p in places] for row in rows], left, [float(r.billed) for r in rows], 30, 0.05
    )
    return {name: value + LEAST.get(name, 0.0) for name, value in zip(names, found, strict=True)} | UNBILLED


def fit_structure(rows: Sequence[Row], text: dict[str, float], start: dict[str, float]) -> dict[str, float]:
    """Stage two: structure costs; those of `SIGNED` may be negative, those that do not occur keep their start."""
    names = [name for name in START if sum(name in row.structure for row in rows) >= 3]
    held = {name: value for name, value in start.items() if name not in names}
    left = [
        row.billed
        - row.constant
        - _dot(NAMES, row.text, text)
        - sum(held[name] * value for name, value in row.structure.items() if name in held)
        for row in rows
    ]
    table = [[row.structure.get(name, 0.0) for name in names] for row in rows]
    signed = [name in SIGNED for name in names]
    found = robust(table, left, [float(row.billed) for row in rows], 5, 0.01, signed)
    return held | dict(zip(names, found, strict=True))


def thinking_cost(grown: Sequence[tuple[Growth, Row]], text: dict[str, float], cost: dict[str, float]) -> float:
    """Stage three: the median of what a turn with one thinking block was billed beyond its text."""
    left = sorted(
        row.billed - predicted(row, text, cost | {"thinking": 0.0})
        for growth, row in grown
        if row.structure.get("thinking") == 1 and row.structure.get("tool_result") and growth.tool_only
    )
    return max(0.0, left[len(left) // 2]) if left else cost["thinking"]


def summary(rows: Sequence[Row], text: dict[str, float], cost: dict[str, float]) -> str:
    """Errors of a set of rows in one line."""
    if not rows:
        return "no rows"
    errors = sorted(abs(predicted(row, text, cost) / row.billed - 1) for row in rows)
    bias = sum(predicted(row, text, cost) for row in rows) / sum(row.billed for row in rows) - 1
    at = [100 * errors[min(len(errors) - 1, int(len(errors) * share))] for share in (0.5, 0.95)]
    mean = 100 * sum(errors) / len(errors)
    return f"n {len(rows):5d}  mean {mean:6.2f} %  median {at[0]:6.2f} %  p95 {at[1]:6.2f} %  bias {100 * bias:+.2f} %"


def band(rows: Sequence[Row], text: dict[str, float], cost: dict[str, float]) -> tuple[float, float]:
    """Factors between which nine of ten fitted requests lie, a little wider."""
    ratios = sorted(row.billed / predicted(row, text, cost) for row in rows)
    return round(ratios[int(len(ratios) * 0.05)] - 0.005, 3), round(ratios[int(len(ratios) * 0.95)] + 0.005, 3)


def _table(name: str, values: dict[str, float]) -> str:
    lines = "".join(f'    "{key}": {value:.4g},\n' for key, value in values.items())
    return f"{name}: Final[dict[str, float]] = {{\n{lines}}}\n"


def written(text: dict[str, float], cost: dict[str, float], bounds: tuple[float, float], used: str) -> str:
    """The module with the coefficients."""
    today = datetime.now(tz=UTC).date().isoformat()
    wide = round(bounds[0] - 0.12, 3), round(bounds[1] + 0.12, 3)
    return f'''"""Tokens a feature and tokens of structure. Generated, do not edit.

Made by `python benchmarks/fit_tokens.py --write` on {today} from billed usage alone:
{used}.
"""

from __future__ import annotations

from typing import Final

__all__ = ["AS_OF", "BAND", "BUILT_IN", "RATIO_2026", "STRUCTURE", "TEXT", "UNBILLED"]

AS_OF: Final = "{today}"

{_table("TEXT", text)}"""Tokens an occurrence of each feature, older tokenizer; none is negative."""

UNBILLED: Final = frozenset({{{", ".join(f'"{name}"' for name in UNBILLED)}}})
"""Features that no billed recording contains in quantity: their values in `TEXT` are rules of thumb, not fitted."""

{_table("STRUCTURE", cost)}"""Tokens of the frame; `first_*` is what the first in a message costs more, or less."""

RATIO_2026: Final = {coefficients.RATIO_2026}
"""Text of the newer tokenizer against the older (models page: about 30 % more); too few bodies of it to fit."""

BAND: Final[dict[str, tuple[float, float]]] = {{"classic": {bounds}, "2026": {wide}}}
"""Nine of ten fitted requests were billed between these multiples of the estimate; the newer family's is widened."""

{_table("BUILT_IN", coefficients.BUILT_IN)}"""Tools that Anthropic defines, by their type (pricing page, 2026-10)."""
'''


def fit(root: Path) -> tuple[dict[str, float], dict[str, float], tuple[float, float], str]:
    """Both stages, twice over; prints the errors on both sides of the split."""
    every = [(growth, growth_row(growth)) for growth in growths(root)]
    grown = [(growth, made) for growth, made in every if growth.plain]
    bodies = [
        (body, body_row(body))
        for body in counted(root)
        if not body.flags & NOT_FITTED and family_of(body.model) == "classic"
    ]
    train = [made for growth, made in grown if not held_out(growth.session)]
    # Many recordings are the same body sent again: each counts once in the fit.
    once = {
        (tuple(made.text), str(made.structure), made.billed): made for body, made in bodies if not held_out(body.path)
    }
    shapes = list(once.values())
    cost, text = dict(START), dict[str, float]()
    for _ in range(2):
        text = fit_text(train, cost)
        cost = fit_structure(shapes, text, cost)
    cost["thinking"] = thinking_cost([pair for pair in every if not held_out(pair[0].session)], text, cost)
    for name, rows in (
        ("growth, fitted", train),
        (
            "growth, held out",
            [made for growth, made in grown if held_out(growth.session) and "pi_" not in growth.session],
        ),
        ("growth, pi (held out)", [made for growth, made in grown if "pi_" in growth.session]),
        ("bodies, fitted", shapes),
        ("bodies, held out", [made for body, made in bodies if held_out(body.path)]),
    ):
        print(f"{name:24s} {summary(rows, text, cost)}")
    used = f"{len(train)} growths of Claude Code sessions and {len(shapes)} request bodies, held-out files excluded"
    return text, cost, band([row for row in shapes if row.billed >= 100], text, cost), used


def main(argv: Sequence[str] | None = None) -> int:
    """Fit, print, and write on request."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--write", action="store_true", help="write contextkit/tokens/coefficients.py")
    args = parser.parse_args(argv)
    root = data()
    if root is None:
        print("no recordings: neither $CONTEXTKIT_DATA nor ../shared/data is a folder", file=sys.stderr)
        return 1
    text, cost, bounds, used = fit(root)
    if args.write:
        (ROOT / "contextkit" / "tokens" / "coefficients.py").write_text(
            written(text, cost, bounds, used), encoding="utf-8"
        )
    for values in (text, cost):
        print("  ".join(f"{name} {value:.3g}" for name, value in values.items()))
    print(f"band {bounds}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
