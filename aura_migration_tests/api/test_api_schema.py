"""The API keeps the word of its own OpenAPI document: inputs made from it never break the server, and what comes back fits.

Schemathesis makes the inputs (fitting and unfitting ones, seeded); they go over real HTTP to an API with a migrated café.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterator
from typing import Any

import hypothesis
import jsonschema
import pytest
import requests
import schemathesis
from hypothesis import HealthCheck, Phase
from schemathesis.checks import CheckFunction
from schemathesis.specs.openapi import checks as openapi_checks

from aura_migration.api import examples, problems
from aura_migration.api.access.roles import Permission
from aura_migration.api.app import routes_of
from aura_migration.core.errors import AuraError
from aura_migration.migration.window.opening import open_window
from aura_migration_tests.support.api import RunningApi
from aura_migration_tests.support.worlds import Stages

EXAMPLES = 2
"""Of each mode and operation: the run is a part of the suite; a longer one needs no more than a larger number."""
NEEDS_A_QUESTION = "/pos/migration/lookup"
"""Answers nothing without a question that makes sense."""
ASKS_A_POS = re.compile(r"/pos/integrations(/sign-in|/{integration_id}/(preflight|audit|test))?|.*/test")
"""POSTs that wait for a POS, which this café does not have any more, or for somebody else's server."""
CHECKS: list[CheckFunction] = [
    schemathesis.checks.not_a_server_error,
    openapi_checks.status_code_conformance,
    openapi_checks.content_type_conformance,
    openapi_checks.response_schema_conformance,
]


@pytest.fixture(scope="module")
def cafe(cafe_stages: Stages) -> Iterator[RunningApi]:
    """An API on a café that is loaded and verified, and whose window is open."""
    with cafe_stages.without_pos("verified") as world, RunningApi(world.workshop) as running:
        open_window(world.workshop, cafe_stages.plan["migration_id"], "test")
        yield running


def test_every_answer_fits_the_openapi_document_whatever_is_asked(cafe: RunningApi, cafe_stages: Stages) -> None:
    schema = schemathesis.openapi.from_dict(cafe.get("/openapi.json").json())
    schema.config.base_url = cafe.base_url
    known = {
        "migration_id": cafe_stages.plan["migration_id"],
        "integration_id": cafe_stages.integration,
    }
    session = requests.Session()
    asked, failures, silent = Counter[int](), [], []
    for found in schema.get_all_operations():
        assert isinstance(found, schemathesis.core.result.Ok), found
        operation = found.ok()
        method = operation.method.upper()
        if method not in ("GET", "POST") or (method == "POST" and ASKS_A_POS.fullmatch(operation.path)):
            continue
        answers = Counter[int]()
        for mode in schemathesis.GenerationMode:
            try:
                answers += _asked(cafe, session, operation, mode, known)
            except hypothesis.errors.Unsatisfiable:
                continue  # nothing can be wrong with an operation without parameters
            except Exception as failure:  # every operation is looked at before the test says what is wrong
                failures.append(f"{operation.label} ({mode.value}): {failure}")
        asked += answers
        named = set(re.findall(r"{(\w+)}", operation.path))
        if method == "GET" and operation.path != NEEDS_A_QUESTION and named <= set(known) and not answers[200]:
            silent.append(f"{operation.label}: {dict(answers)}")
    session.close()
    assert not failures, "\n\n".join(failures)
    assert not silent, f"nothing is answered of the café: {silent}"
    assert asked.total() > 150 and {200, 202, 404, 409, 422} <= set(asked), asked


def test_every_route_says_who_may_and_shows_what_is_sent_and_answered(cafe: RunningApi, cafe_stages: Stages) -> None:
    document = cafe.get("/openapi.json").json()
    routes = list(routes_of(cafe.app))
    assert len(routes) == sum(len(operations) for operations in document["paths"].values()) > 50
    assert set(examples.ANSWERS) <= {route.name for route in routes}, "an example of a route that does not exist"
    missing = []
    for route in routes:
        (method,) = route.methods or ("GET",)
        operation = document["paths"][route.path_format][method.lower()]
        assert operation["x-permission"] in {"none", *Permission}
        assert (operation["x-permission"] == "none") == (operation["security"] == []), route.path
        answers = [part for code, part in operation["responses"].items() if code.startswith("2")]
        for part in (*answers, operation.get("requestBody", {})):
            content = part.get("content", {}).get("application/json")
            if content is not None and not _has_example(content, document):
                missing.append(f"{method} {route.path}")
            elif content is not None and "example" in content and part in answers:
                schema = {**content["schema"], "components": document["components"]}
                jsonschema.Draft202012Validator(schema).validate(content["example"])
    assert missing == []
    known = {
        "migration_id": cafe_stages.plan["migration_id"],
        "integration_id": cafe_stages.integration,
        "channel": "online",
    }
    for route in routes:
        named = set(re.findall(r"{(\w+)}", route.path_format))
        if route.methods == {"GET"} and route.name in examples.ANSWERS and named <= set(known):
            answer = cafe.get(route.path_format.format(**known)).json()
            _require_same_shape(route.name, examples.ANSWERS[route.name], answer)


FREE = {
    "entities", "people", "evidence", "before", "after", "options", "metrics", "figures", "detail", "report", "values", "totals",
    "restaurants",
}  # fmt: skip
"""Members whose own members depend on what was found."""


def _require_same_shape(where: str, example: Any, answer: Any) -> None:
    """What the example names is what is answered."""
    if isinstance(example, dict) and isinstance(answer, dict):
        assert set(example) <= set(answer), f"{where} does not answer {sorted(set(example) - set(answer))}"
        for name in set(example) - FREE:
            _require_same_shape(f"{where}.{name}", example[name], answer[name])
    elif isinstance(example, list) and isinstance(answer, list) and example and answer:
        _require_same_shape(f"{where}[]", example[0], answer[0])


def _has_example(part: Any, document: Any, seen: tuple[str, ...] = ()) -> bool:
    if isinstance(part, list):
        return any(_has_example(each, document, seen) for each in part)
    if not isinstance(part, dict):
        return False
    if "example" in part or "examples" in part:
        return True
    name = part.get("$ref", "").rpartition("/")[2]
    if name and name not in seen:
        return _has_example(document["components"]["schemas"][name], document, (*seen, name))
    return any(_has_example(each, document, seen) for each in part.values())


def test_what_a_pos_says_of_a_fault_takes_no_member_of_our_own_problem_document() -> None:
    fault = AuraError("The POS refused it.", "Ask again later.", status=418, title="Teapot", request_id="r-1")
    answer = problems.of(fault)
    said = json.loads(bytes(answer.body))
    assert answer.status_code == said["status"] == 502 and said["title"] == "AuraError"
    assert said["request_id"] == "r-1" and said["remedy"] == "Ask again later."


def _asked(
    cafe: RunningApi, session: requests.Session, operation: Any, mode: Any, known: dict[str, int]
) -> Counter[int]:
    """Ask one operation; every other time about the café. Returns how often which status came back."""
    headers = {"authorization": f"Bearer {cafe.token()}"}
    asked = Counter[int]()

    @hypothesis.seed(1)
    @hypothesis.settings(
        max_examples=EXAMPLES,
        derandomize=False,
        database=None,
        deadline=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @hypothesis.given(case=operation.as_strategy(generation_mode=mode))
    def ask(case: Any) -> None:
        if asked.total() % 2 == 0:
            for given in (case.path_parameters, case.body):
                if isinstance(given, dict):
                    given.update({name: number for name, number in known.items() if name in given})
        asked[case.call_and_validate(session=session, headers=headers, checks=CHECKS).status_code] += 1

    ask()
    return asked
