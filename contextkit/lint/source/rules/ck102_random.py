"""CK102: a random value, choice or order in the cached part."""

from __future__ import annotations

from contextkit.lint.rule import Severity
from contextkit.lint.source.reach import TaintRule
from contextkit.lint.source.values import Kind

__all__ = ["Random"]


class Random(TaintRule):
    r"""A random value, choice or order in the cached part.

    What it does:
        Reports values of a random generator that reach the cached part, and values that one chose: by
        `random.choice`, a shuffle, a sample, or a branch on `random.random()`. A generator with a seed is not
        reported.

    Why is this bad:
        Shuffled examples and rotating personas make a different prefix for each call: nothing is ever read from the
        cache.

    Example:
        examples = random.sample(EXAMPLES, 3)
        system = INSTRUCTIONS + "\n".join(examples)

    Use instead:
        examples = random.Random(conversation_id).sample(EXAMPLES, 3)  # the same for the whole conversation
        system = INSTRUCTIONS + "\n".join(examples)
    """

    code = "CK102"
    name = "random-in-prefix"
    severity = Severity.ERROR
    advice = (
        "Choose once for the conversation, seed the generator, or put the varying part into the newest user message."
    )
    kind = Kind.RANDOM
    because = "it is another one at the next call"
