"""The document as something to hold answers to: whatever comes has to be as an operation says.

This module must not know what any operation is for.
"""

from collections.abc import Sequence

from jsonschema import Draft202012Validator

from cds.loc_api.table import ROWS
from cds.openapi.loc_endpoints import LOC_API, operations_of
from cds.openapi.operations import Operation
from tests.cds.contest_api.serving import Answer, Json


class Documented:
    """The operations of a document by their names, and which of their answers were met."""

    def __init__(self, document: Json) -> None:
        """Schemas of answers are closed, so that a property that is not documented is found too."""
        self.components = document["components"]
        for schema in self.components["schemas"].values():
            if schema.get("type") == "object" and not schema.get("properties", {}).keys() & {"error", "code"}:
                schema.setdefault("additionalProperties", False)
        self.operations: dict[str, tuple[str, str, Json]] = {
            operation["operationId"]: (verb, path, operation)
            for path, verbs in document["paths"].items()
            for verb, operation in verbs.items()
        }
        self.met: set[tuple[str, int]] = set()

    def check(self, name: str, answer: Answer) -> None:
        """An answer of an operation, its headers and its body."""
        responses = self.operations[name][2]["responses"]
        assert str(answer.status) in responses, (name, answer.status, answer.body)
        response = responses[str(answer.status)]
        if "$ref" in response:
            response = self.components["responses"][response["$ref"].rpartition("/")[2]]
        for header, described in response.get("headers", {}).items():
            required = self.components["headers"][described["$ref"].rpartition("/")[2]].get("required")
            assert not required or header in answer.headers, (name, header)
        self._check_body(name, response, answer)
        self.met.add((name, answer.status))

    def _check_body(self, name: str, response: Json, answer: Answer) -> None:
        if "content" not in response:
            assert answer.body == b"", name
            return
        media = response["content"][answer.headers["Content-Type"].partition(";")[0]]
        validator = Draft202012Validator({**media["schema"], "components": self.components})
        assert [error.message for error in validator.iter_errors(answer.json)] == [], (name, answer.body)

    @property
    def succeeded(self) -> set[str]:
        """The operations of which a success was met."""
        return {name for name, status in self.met if status < 300}


def operations_of_endpoint(number: int) -> Sequence[Operation]:
    """The operations of an endpoint of the League of Code API, by its number in requirements-003, 2."""
    if number == 1:
        return LOC_API.operations[:1]
    (row,) = [row for row in ROWS if row.number == number]
    return operations_of(row)
