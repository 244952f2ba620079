"""What each POS is asked for, how its consent page is addressed, and what a new consent does to stored credentials."""

from __future__ import annotations

from urllib.parse import parse_qs, urlsplit

import pytest

from aura_migration.core.errors import Refused
from aura_migration.pos.oauth import challenge_of, new_verifier
from aura_migration.pos.port import Consent
from aura_migration.pos.registry import BUILT_IN, connector

HTTPS = "https://migration.example.com/pos/oauth/callback"


def consent(pos: str, base_url: str, **more: str) -> Consent:
    """A visit to a consent page."""
    return Consent(base_url=base_url, client_id="app", redirect_uri=f"{HTTPS}/{pos}", state="s t&ate", **more)


def test_a_challenge_is_that_of_the_example_in_rfc_7636() -> None:
    # RFC 7636, appendix B.
    assert challenge_of("dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk") == "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"
    made = {new_verifier() for _ in range(20)}
    assert len(made) == 20 and all(
        43 <= len(one) <= 128 and one.replace("-", "").replace("_", "").isalnum() for one in made
    )


@pytest.mark.parametrize("pos", BUILT_IN)
def test_exactly_the_rights_that_are_read_by_are_asked_for_and_each_says_why(pos: str) -> None:
    found = connector(pos)
    assert {right.scope for right in found.sign_in.rights} == {entity.permission for entity in found.source_entities}
    assert len({right.scope for right in found.sign_in.rights}) == len(found.sign_in.rights)
    for right in found.sign_in.rights:
        assert "WRITE" not in right.scope and not right.scope.endswith(("_W", ":write"))
        for sentence in (right.why, right.without):
            assert sentence[0].isupper() and sentence.endswith(".") and sentence.count(".") == 1, sentence
    assert found.default_base_url in found.sign_in.hosts


def test_clover_s_page_is_on_the_host_for_people_that_belongs_to_the_host_for_programs() -> None:
    page = connector("clover").sign_in
    for api, browser in (
        ("https://api.clover.com", "www.clover.com"),
        ("https://api.eu.clover.com", "eu.clover.com"),
        ("https://api.la.clover.com", "la.clover.com"),
        ("https://apisandbox.dev.clover.com", "sandbox.dev.clover.com"),
        ("http://127.0.0.1:9000", "127.0.0.1:9000"),
    ):
        assert urlsplit(page.authorize_url(consent("clover", api))).netloc == browser
    asked = parse_qs(urlsplit(page.authorize_url(consent("clover", "https://api.clover.com", verifier="v" * 43))).query)
    assert asked["code_challenge_method"] == ["S256"] and asked["code_challenge"] == [challenge_of("v" * 43)]
    assert asked["state"] == ["s t&ate"] and "scope" not in asked and "v" * 43 not in str(asked)


def test_square_in_production_is_not_asked_to_send_people_back_unencrypted() -> None:
    page = connector("square").sign_in
    plain = Consent("https://connect.squareup.com", "app", "http://127.0.0.1:8400/pos/oauth/callback/square", "s")
    with pytest.raises(Refused, match="HTTPS"):
        page.authorize_url(plain)
    address = page.authorize_url(consent("square", "https://connect.squareup.com", client_secret="hush"))
    assert address.startswith("https://connect.squareup.com/oauth2/authorize?") and "hush" not in address
    assert "hush" not in repr(consent("square", "https://connect.squareup.com", client_secret="hush"))


def test_a_new_consent_replaces_one_merchant_of_clover_and_the_whole_of_square() -> None:
    old = {"merchants": [{"merchant_id": "A", "access_token": "a"}, {"merchant_id": "B", "access_token": "b"}]}
    fresh = {"merchants": [{"merchant_id": "B", "access_token": "new", "refresh_token": "r", "client_id": "app"}]}
    assert connector("clover").sign_in.merged(old, fresh)["merchants"] == [old["merchants"][0], fresh["merchants"][0]]
    assert connector("square").sign_in.merged({"access_token": "old"}, {"access_token": "new"}) == {
        "access_token": "new"
    }
