"""A progress bar, where somebody is looking: only on a terminal.

Law: nothing is decided here, and what a bar or a callback raises never stops a batch that is paid for.
"""

from __future__ import annotations

import logging
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from contextkit.batch.values import Progress

__all__ = ["telling"]

_log = logging.getLogger("contextkit")


@contextmanager
def telling(on_progress: Callable[[Progress], object] | None, *, bar: bool | None) -> Iterator[Callable[[Any], None]]:
    """What is called with every `Progress`: the user's function, and a bar on standard error.

    Args:
        on_progress: the user's function; None for none.
        bar: show one; None where standard error is a terminal.
    """
    shown = sys.stderr.isatty() if bar is None else bar
    if not shown:
        yield lambda told: _call(on_progress, told)
        return
    from rich.console import Console  # noqa: PLC0415  (only for those who look)
    from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeElapsedColumn  # noqa: PLC0415  (as above)
    from rich.progress import Progress as Bar  # noqa: PLC0415  (as above)

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Bar(*columns, console=Console(stderr=True, force_terminal=bar), transient=True) as drawn:
        task = drawn.add_task("batch", total=None)

        def tell(told: Progress) -> None:
            cost = "" if told.cost is None else f" {told.cost:.2f} USD"
            text = f"{told.doing}{cost} [{told.under_way} in flight]"
            drawn.update(task, total=told.known, completed=told.done, description=text)
            _call(on_progress, told)

        yield tell


def _call(on_progress: Callable[[Progress], object] | None, told: Progress) -> None:
    if on_progress is None:
        return
    try:
        on_progress(told)
    except Exception as error:  # noqa: BLE001  (the batch is paid for)
        _log.warning("on_progress failed: %s: %s", type(error).__name__, error)
