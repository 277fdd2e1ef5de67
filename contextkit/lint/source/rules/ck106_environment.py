"""CK106: something of this machine or process in the cached part."""

from __future__ import annotations

from contextkit.lint.rule import Severity
from contextkit.lint.source.reach import TaintRule
from contextkit.lint.source.values import Kind

__all__ = ["Environment"]


class Environment(TaintRule):
    r"""Something of this machine or process in the cached part.

    What it does:
        Reports environment variables, host and user names, process ids, the working directory, the platform, the
        state of a git repository and the output of commands, where they are read per call and reach the cached
        part. What an object reads once counts, too, except variables that are settings of the program: `USER` and
        `HOME` are a person's, `COMPANY_NAME` is not.

    Why is this bad:
        Workers on several hosts, and one worker in several folders, each write a prefix of their own; what a
        command prints may change at any call.

    Example:
        def system() -> str:
            branch = subprocess.check_output(["git", "branch", "--show-current"], text=True)
            return f"{INSTRUCTIONS}\nBranch: {branch}"

    Use instead:
        messages = [{"role": "user", "content": f"{task}\n\nBranch: {branch}"}]
        client.messages.create(system=INSTRUCTIONS, messages=messages, **rest)
    """

    code = "CK106"
    name = "environment-in-prefix"
    severity = Severity.WARNING
    advice = "Read it once when the module is imported, or send it in the first user message."
    kind = Kind.ENVIRONMENT
    because = "it differs from machine to machine or from run to run"
