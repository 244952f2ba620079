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
import pytest
import schemathesis
from hypothesis import HealthCheck, Phase
from schemathesis.checks import CheckFunction
from schemathesis.specs.openapi import checks as openapi_checks

from aura_migration.api import problems
from aura_migration.core.errors import AuraError
from aura_migration_tests.support.api import RunningApi
from aura_migration_tests.support.worlds import Stages

EXAMPLES = 4
"""Of each mode and operation: the run is a part of the suite; a longer one needs no more than a larger number."""
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
    """An API on a café that is loaded and verified."""
    with cafe_stages.without_pos("verified") as world, RunningApi(world.workshop) as running:
        yield running


def test_every_answer_fits_the_openapi_document_whatever_is_asked(cafe: RunningApi, cafe_stages: Stages) -> None:
    schema = schemathesis.openapi.from_dict(cafe.get("/openapi.json").json())
    schema.config.base_url = cafe.base_url
    known = {
        "migration_id": cafe_stages.plan["migration_id"],
        "integration_id": cafe_stages.integration,
    }
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
                answers += _asked(cafe, operation, mode, known)
            except hypothesis.errors.Unsatisfiable:
                continue  # nothing can be wrong with an operation without parameters
            except Exception as failure:  # every operation is looked at before the test says what is wrong
                failures.append(f"{operation.label} ({mode.value}): {failure}")
        asked += answers
        if method == "GET" and set(re.findall(r"{(\w+)}", operation.path)) <= set(known) and not answers[200]:
            silent.append(f"{operation.label}: {dict(answers)}")
    assert not failures, "\n\n".join(failures)
    assert not silent, f"nothing is answered of the café: {silent}"
    assert asked.total() > 300 and {200, 202, 404, 409, 422} <= set(asked), asked


def test_what_a_pos_says_of_a_fault_takes_no_member_of_our_own_problem_document() -> None:
    fault = AuraError("The POS refused it.", "Ask again later.", status=418, title="Teapot", request_id="r-1")
    answer = problems.of(fault)
    said = json.loads(bytes(answer.body))
    assert answer.status_code == said["status"] == 502 and said["title"] == "AuraError"
    assert said["request_id"] == "r-1" and said["remedy"] == "Ask again later."


def _asked(cafe: RunningApi, operation: Any, mode: Any, known: dict[str, int]) -> Counter[int]:
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
        asked[case.call_and_validate(headers=headers, checks=CHECKS).status_code] += 1

    ask()
    return asked
