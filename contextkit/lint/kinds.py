"""What a file is to the linter: Python source, a prompt, a log of requests, or none of these.

Law: a file that somebody names is taken for what its suffix says. A file that is merely met in a folder is a prompt
only when its name or its first lines say so, for most texts in a repository are documents, and a sample in a README
is no prompt; it is a log of requests only when its first bytes look like one.
"""

from __future__ import annotations

import re
from pathlib import PurePath
from typing import Final, Literal

from contextkit.lint.text import words

__all__ = ["HEAD", "Kind", "kind_of", "known"]

Kind = Literal["source", "prompt", "requests"]

HEAD: Final = 65_536
"""Bytes at the start of a file that `kind_of` may look at."""

_SOURCE: Final = frozenset({".py", ".pyw"})
_REQUESTS: Final = frozenset({".json", ".jsonl", ".ndjson"})
_ALWAYS: Final = frozenset({".prompt", ".prompty"})
_TEMPLATES: Final = frozenset({".j2", ".jinja", ".jinja2"})
_TEXTS: Final = frozenset({".md", ".txt", ".yaml", ".yml", ".markdown"})

_WORD: Final = re.compile(r"[A-Za-z][a-z]*|[A-Z]+(?![a-z])")
_PROMPT_WORDS: Final = frozenset({"prompt", "prompts", "sysprompt"})
_ABOUT: Final = words("cache caching engineering guide injection lint linter test tests testing optimizer toolkit")
_PAGES: Final = words("doc docs documentation blog site adr rfc rfcs wiki")
_DOCUMENTS: Final = words(
    "readme changelog changes history license licence copying notice authors contributors contributing security "
    "code_of_conduct support requirements robots constraints manifest todo news"
)
_SETTINGS: Final = words("package tsconfig mkdocs docker-compose pnpm-lock package-lock")

_OPENING: Final = re.compile(
    rb"\A(?:\xef\xbb\xbf)?(?:---\r?\n.{0,4000}?\n---\r?\n)?\s*(?:#{1,3} [^\n]{0,80}\n\s*|<[a-z_]{1,40}>\s*)?"
    rb"(?:You are (?:a|an|the|now|my|our|[A-Z]|\{)|You're (?:a|an)\b|Act as\b|Your (?:task|job|role|goal) is\b"
    rb"|<\|?(?:im_start\|>)?system|system:\s*\n)",
    re.DOTALL,
)
_DECLARED: Final = re.compile(rb"\A(?:\xef\xbb\xbf)?---\r?\n(?:[^\n]*\n){0,60}?contextkit:")
_YAML: Final = re.compile(
    rb"^[ \t-]*(?:system|system_?prompt|systemPrompt|system_?message|prompt|prompts|instructions)[ \t]*:", re.MULTILINE
)
_LOG: Final = re.compile(
    rb'"(?:messages|system|request|request_body|proxy_server_request|kwargs|params|sessionId|parentUuid|role)"\s*:'
    rb'|"type"\s*:\s*"(?:session|user|assistant|message)"'
)


def known(name: str) -> bool:
    """Whether a file of this name can be anything to the linter."""
    return PurePath(name).suffix.lower() in _SOURCE | _REQUESTS | _ALWAYS | _TEMPLATES | _TEXTS


def kind_of(path: str, head: bytes, *, named: bool) -> Kind | None:
    """What a file is.

    Args:
        path: as it was given, or relative to the folder that is walked; its folders count.
        head: the first `HEAD` bytes.
        named: the user named this very file.
    """
    pure = PurePath(path)
    suffix = pure.suffix.lower()
    if suffix in _SOURCE or (not suffix and named and re.match(rb"#![^\n]*python", head)):
        return "source"
    if suffix == ".ipynb":  # JSON by its form, and neither a request nor source that can be read as it stands
        return None
    if suffix in _REQUESTS or (named and not known(pure.name) and head.lstrip()[:1] in {b"{", b"["}):
        return "requests" if named or (pure.stem.lower() not in _SETTINGS and _LOG.search(head)) else None
    if suffix in _ALWAYS:
        return "prompt"
    if suffix in _TEMPLATES | _TEXTS:
        return "prompt" if _is_prompt(pure, suffix, head, named=named) else None
    return None


def _is_prompt(pure: PurePath, suffix: str, head: bytes, *, named: bool) -> bool:
    if pure.stem.lower().removesuffix(".md") in _DOCUMENTS:
        return bool(_DECLARED.match(head))
    if suffix in {".yaml", ".yml"}:
        return bool(_YAML.search(head)) and (named or _named_so(pure))
    if named or _named_so(pure) or _DECLARED.match(head):
        return True
    return b"\0" not in head and bool(_OPENING.match(head))


def _named_so(pure: PurePath) -> bool:
    """Whether the file's name, or that of a folder it is in, has the word prompt, and it is no page about prompts."""
    folders = [[word.lower() for word in _WORD.findall(part)] for part in pure.parts[:-1]]
    if any(_PROMPT_WORDS & set(found) and not _ABOUT & set(found) for found in folders):
        return True
    name = {word.lower() for word in _WORD.findall(pure.name)}
    return bool(_PROMPT_WORDS & name) and not name & _ABOUT and not any(_PAGES & set(found) for found in folders)
