"""One day of an assistant as practitioners describe it: the texts, the tools and what the model says. Made up, fixed.

The law: the same questions, tools and answers before and after; only how they are sent differs. The model's part is a
function of the request alone, so that no technique gets another model. Sizes are those of the published workload:
a 2,000-token system prompt in 500 calls, 5,000-token search results, chats of 15 turns, research of 10 steps, a
weather tool that is called 50 times, documents at night.
"""

from __future__ import annotations

import json
import random
import re
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from contextkit import Shape
from contextkit.emulator import reply, text, tool_use

if TYPE_CHECKING:
    from collections.abc import Mapping

MAIN = "claude-sonnet-5-5"
CHEAP = "claude-haiku-5-5"

QUESTIONS = 500
CITIES = ("Oslo", "Lyon", "Porto", "Graz", "Turin", "Ghent", "Cork", "Malmo", "Brno", "Split", "Vigo", "Bath", "Nice")
LOOKUPS = 50
RESEARCHES = 4
STEPS = 10
SURE_AFTER = 7
CHATS = 10
TURNS = 15
DOCUMENTS = 100

_WORDS = re.findall(
    r"\w+",
    "the a of to and in that when where order invoice refund customer parcel carrier warranty account policy region"
    " delivery return receipt contract ticket payment address week day month must may never always check note confirm"
    " open close send wait before after under over each every first last new old item number date office partner rule",
)


@lru_cache(maxsize=4096)
def prose(seed: str, words: int) -> str:
    """So many words in sentences, the same for a seed."""
    rng = random.Random(seed)
    made: list[str] = []
    while len(made) < words:
        sentence = [rng.choice(_WORDS) for _ in range(rng.randint(8, 16))]
        made += [sentence[0].capitalize(), *sentence[1:-1], sentence[-1] + "."]
    return " ".join(made[:words])


SUPPORT = "You answer customers of a shop by its handbook.\n\n" + prose("handbook", 1_340)
CLASSIFY = (
    'Name the intent of a customer\'s message. Answer with JSON: {"intent": one of "faq", "order", "complaint",'
    ' "other"}.\n\n' + prose("intents", 100)
)
RESEARCH = (
    "You research a question with the search tool. After each result say what you know now, and how sure you are, as"
    ' "confidence: 0.7". Stop when you have an answer.\n\n' + prose("research", 660)
)
NIGHT = "You read a contract and note parties, dates, sums and what is unusual, one line each.\n\n" + prose(
    "night", 1_330
)
WEATHER = {
    "name": "weather",
    "description": "Weather of a city now: temperature, wind, rain.",
    "input_schema": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
}
SEARCH = {
    "name": "search",
    "description": "Search the web; ten results with their text.",
    "input_schema": {"type": "object", "properties": {"query": {"type": "string"}}, "required": ["query"]},
}
SEARCH_SHAPE = Shape(
    select=["$.results[*].title", "$.results[*].url", "$.results[*].snippet", "$.results[*].date"], as_table=True
)
"""What a careful person keeps of a search: what an answer cites. A page's text can be had by its url."""


@dataclass(frozen=True, slots=True)
class Question:
    """A customer's message, what it is, and what answers it."""

    at: int
    text: str
    intent: str
    answer: str

    @property
    def simple(self) -> bool:
        """Whether the cheap model can answer it: an answer of the handbook, word for word."""
        return self.intent == "faq"


@lru_cache(maxsize=1)
def questions() -> list[Question]:
    """The day's questions: six of ten are of the handbook."""
    rng = random.Random("questions")
    made = []
    for at in range(QUESTIONS):
        intent = rng.choices(("faq", "order", "complaint", "other"), (60, 20, 10, 10))[0]
        said = f"[{at}] " + prose(f"question {at}", rng.randint(20, 60))
        made.append(Question(at, said, intent, prose(f"answer {at}", rng.randint(40, 120))))
    return made


@lru_cache(maxsize=1)
def cities() -> list[str]:
    """The city of each weather call: some are asked for much more often than others."""
    rng = random.Random("cities")
    return rng.choices(CITIES, [1 / (at + 1) for at in range(len(CITIES))], k=LOOKUPS)


def weather(city: str) -> dict[str, Any]:
    """The weather tool."""
    rng = random.Random(city)
    return {
        "city": city,
        "temperature_c": rng.randint(-5, 25),
        "wind_kmh": rng.randint(0, 60),
        "rain_mm": rng.randint(0, 9),
    }


def search(query: str) -> str:
    """The search tool: about 5,000 tokens of JSON, as search services give it."""
    rng = random.Random(query)
    results = [
        {
            "position": at + 1,
            "title": prose(f"title {query} {at}", 8),
            "url": f"https://example.org/{rng.randint(10**6, 10**7)}/{at}",
            "date": f"2026-{rng.randint(1, 11):02d}-{rng.randint(1, 28):02d}",
            "snippet": prose(f"snippet {query} {at}", 40),
            "text": prose(f"text {query} {at}", 190),
            "score": rng.random(),
            "thumbnail": f"https://cdn.example.org/{rng.getrandbits(128):032x}.jpg",
        }
        for at in range(10)
    ]
    return json.dumps({"query": query, "took_ms": rng.randint(80, 400), "results": results})


def topic(at: int) -> str:
    """A question for research."""
    return f"Topic {at}: " + prose(f"topic {at}", 30)


def said(chat: int, turn: int) -> str:
    """What the user says in a chat: a question, and the paragraph that it is about."""
    return f"({chat}.{turn}) " + prose(f"chat {chat} {turn}", 330)


def document(at: int) -> str:
    """A document of the night: some 3,000 tokens."""
    return f"Contract {at}\n\n" + prose(f"document {at}", 2_010)


def model(body: Mapping[str, Any]) -> Any:
    """What the model says to a request, whoever sends it and however: it goes by the system prompt."""
    system = body.get("system") or ""
    start = (system if isinstance(system, str) else system[0]["text"])[:30]
    newest = _newest(body)
    if start == CLASSIFY[:30]:
        return reply(json.dumps({"intent": _question(newest).intent}))
    if start == SUPPORT[:30]:
        return _support(body, newest)
    if start == RESEARCH[:30]:
        return _research(body)
    if start == NIGHT[:30]:
        return reply(prose(f"notes {newest[:14]}", 150))
    return reply(prose("summary", 250))


def _support(body: Mapping[str, Any], newest: str) -> Any:
    if any(tool["name"] == "weather" for tool in body.get("tools") or ()):
        answered = isinstance(body["messages"][-1]["content"], list) and any(
            block["type"] == "tool_result" for block in body["messages"][-1]["content"]
        )
        city = newest.rsplit(" ", 1)[-1].rstrip("?")
        return reply(prose(f"weather {newest}", 40)) if answered else reply(tool_use("weather", {"city": city}))
    if newest.startswith("["):
        return reply(_question(newest).answer)
    return reply(prose(f"chat answer {newest[:10]}", 150))


def _research(body: Mapping[str, Any]) -> Any:
    """Search, say what is known; sure after seven results, and three more all the same."""
    done = sum(message["role"] == "assistant" for message in body["messages"])
    sure = min(0.35 + 0.5 * done / SURE_AFTER, 0.95)
    known = text(f"{prose(f'known {done}', 60)} confidence: {sure:.2f}")
    asked = _newest(body)
    if done >= STEPS or "Stop here" in asked:
        return reply(prose("report", 300))
    return reply(known, tool_use("search", {"query": prose(f"query {_topic(body)} {done}", 6)}))


def _topic(body: Mapping[str, Any]) -> str:
    return _texts(body["messages"][0])[:9]


def _question(message: str) -> Question:
    return questions()[int(message[1 : message.index("]")])]


def _newest(body: Mapping[str, Any]) -> str:
    return next((found for message in reversed(body["messages"]) if (found := _texts(message))), "")


def _texts(message: Mapping[str, Any]) -> str:
    """The last text of a user's message."""
    if message["role"] != "user":
        return ""
    content = message["content"]
    if isinstance(content, str):
        return content
    return next((str(block["text"]) for block in reversed(content) if block["type"] == "text"), "")
