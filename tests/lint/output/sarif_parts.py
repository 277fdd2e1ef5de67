"""A JSON schema of the parts of SARIF 2.1.0 that the linter writes, in our own words.

Names, types, which ones are needed and the values of enumerations are those of the specification (OASIS, Static
Analysis Results Interchange Format 2.1.0, part 3: 3.13 log, 3.14 run, 3.19 toolComponent, 3.20 invocation, 3.27 result,
3.28 location, 3.29 physicalLocation, 3.30 region, 3.36 codeFlow, 3.49 reportingDescriptor, 3.58 notification). It is
reduced: whatever else the specification has is refused here, so that a name which the linter misspells is found.
"""

from __future__ import annotations

from typing import Any, Final

Schema = dict[str, Any]


def an_object(needed: str = "", **properties: Schema) -> Schema:
    """An object with these properties and no others; `needed` are the names of those that must be there."""
    return {"type": "object", "properties": properties, "required": needed.split(), "additionalProperties": False}


def a_list(items: Schema, least: int = 0) -> Schema:
    """A list of these."""
    return {"type": "array", "items": items, "minItems": least}


TEXT: Final[Schema] = {"type": "string"}
COUNT: Final[Schema] = {"type": "integer", "minimum": 0}
FROM_ONE: Final[Schema] = {"type": "integer", "minimum": 1}
BAG: Final[Schema] = {"type": "object"}  # a property bag holds anything (3.8)
LEVEL: Final[Schema] = {"enum": ["none", "note", "warning", "error"]}
MESSAGE: Final = an_object("text", text=TEXT, markdown=TEXT)
REGION: Final = an_object(startLine=FROM_ONE, startColumn=FROM_ONE, endLine=FROM_ONE, endColumn=FROM_ONE)
ARTIFACT: Final = an_object("uri", uri={**TEXT, "format": "uri-reference", "pattern": r"^[!-~]+$"}, uriBaseId=TEXT)
LOCATION: Final = an_object(
    physicalLocation=an_object("artifactLocation", artifactLocation=ARTIFACT, region=REGION),
    logicalLocations=a_list(an_object(fullyQualifiedName=TEXT, kind=TEXT), 1),
    message=MESSAGE,
)
STEP: Final = an_object(location=LOCATION, executionOrder=COUNT)
RULE: Final = an_object(
    "id",
    id=TEXT,
    name=TEXT,
    shortDescription=MESSAGE,
    fullDescription=MESSAGE,
    help=MESSAGE,
    defaultConfiguration=an_object(level=LEVEL),
    properties=BAG,
)
RESULT: Final = an_object(
    "message",
    ruleId=TEXT,
    ruleIndex=COUNT,
    level=LEVEL,
    message=MESSAGE,
    locations=a_list(LOCATION),
    partialFingerprints={"type": "object", "additionalProperties": TEXT},
    codeFlows=a_list(
        an_object("threadFlows", threadFlows=a_list(an_object("locations", locations=a_list(STEP, 1)), 1))
    ),
    properties=BAG,
)
NOTIFICATION: Final = an_object("message", level=LEVEL, message=MESSAGE, locations=a_list(LOCATION))
RUN: Final = an_object(
    "tool",
    tool=an_object(
        "driver", driver=an_object("name", name=TEXT, version=TEXT, semanticVersion=TEXT, rules=a_list(RULE))
    ),
    columnKind={"enum": ["utf16CodeUnits", "unicodeCodePoints"]},
    results=a_list(RESULT),
    invocations=a_list(
        an_object(
            "executionSuccessful",
            executionSuccessful={"type": "boolean"},
            exitCode={"type": "integer"},
            toolExecutionNotifications=a_list(NOTIFICATION),
        )
    ),
)
LOG: Final[Schema] = {
    **an_object("version runs", version={"const": "2.1.0"}, runs=a_list(RUN)),
    "$schema": "https://json-schema.org/draft/2020-12/schema",
}
LOG["properties"]["$schema"] = {**TEXT, "format": "uri"}
