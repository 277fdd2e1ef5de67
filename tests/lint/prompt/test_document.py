"""What of a prompt file is text, and what is not."""

from __future__ import annotations

import pytest

from contextkit.lint.prompt import check


def codes(text: str) -> list[str]:
    """The codes that are found in a template."""
    return [one.code for one in check("prompts/agent.j2", text)]


@pytest.mark.parametrize(
    "text",
    [
        "Be brief. {% raw %}{{ now() }}{% endraw %}\n",
        "{%- raw -%}\nWrite {{ uuid4() }} and {% set x = now() %}\n{%- endraw -%}\n",
        "{% verbatim %}{{ user_name }}{% endverbatim %}\n",
        "{% raw %}{{ now }}{% endraw %} and {% raw %}{{ today }}{% endraw %}\n",
    ],
)
def test_what_is_raw_is_text(text: str) -> None:
    """Braces that the template engine leaves alone are no placeholders."""
    assert codes(text) == []


@pytest.mark.parametrize(
    "text",
    [
        "{% raw %}a{% endraw %}{{ now }}\n",
        "{{ now }}{% raw %}a{% endraw %}\n",
        "{% raw %}a {{ now }}\n",
        "{% raw %}a{% endverbatim %} {{ now }}\n",
        "{% endraw %}{{ now }}{% raw %}\n",
        "{% raw %}{% set now = 'x' %}{% endraw %}{{ now }}\n",
    ],
)
def test_what_is_not_raw_counts(text: str) -> None:
    """Only what stands between a beginning and its end is raw, and names that are set in there are not set."""
    assert codes(text) == ["CK201"]
