"""How findings are told: one module a format, each a function from an outcome to text.

Law: what comes out of files is untrusted. Each format escapes for its reader: no control character reaches a
terminal, no pipe or tag a table, no newline a workflow command.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from contextkit.errors import ConfigError

if TYPE_CHECKING:
    from contextkit.lint.outcome import Outcome

__all__ = ["FORMATS", "render"]

FORMATS: Final = ("text", "json", "sarif", "github", "markdown")


def render(outcome: Outcome, form: str, *, colour: bool = False, statistics: bool = False) -> str:
    """The outcome in a format, with a newline at its end unless there is nothing to tell.

    Args:
        outcome: of a run.
        form: one of `FORMATS`.
        colour: of the text format.
        statistics: counts by rule instead of the findings; text, json and markdown.
    """
    if statistics:
        from contextkit.lint.output import statistics as counts  # noqa: PLC0415  (one format a run)

        return counts.render(outcome, form)
    if form == "json":
        from contextkit.lint.output import data  # noqa: PLC0415

        return data.render(outcome)
    if form == "sarif":
        from contextkit.lint.output import sarif  # noqa: PLC0415

        return sarif.render(outcome)
    if form == "github":
        from contextkit.lint.output import github  # noqa: PLC0415

        return github.render(outcome)
    if form == "markdown":
        from contextkit.lint.output import markdown  # noqa: PLC0415

        return markdown.render(outcome)
    if form != "text":
        raise ConfigError(f"there is no format {form!r}", where="--format", fix=f"Known are: {', '.join(FORMATS)}.")
    from contextkit.lint.output import text  # noqa: PLC0415

    return text.render(outcome, colour=colour)
