"""The file of the federations (design, section 8): every fault at once, and never a secret."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.support.nested import TOO_DEEP
from trcpoints.config import environment, load_settings
from trcpoints.errors import ConfigurationInvalid, DataRefused
from trcpoints.federation.config import Connector, Federations, Organization, load_federations
from trcpoints.federation.sources import Csv, Cursor, HttpJson, NextLink, PageNumber

COMPLETE = """
[connectors.gaa]
kind = "http-json"
url = "https://members.example.org/clubs/{organization}/members"
member_url = "https://members.example.org/clubs/{organization}/members/{member}"
token_env = "GAA_TOKEN"
records = "data[*]"
next = "links.next"
strategy = "merge"
phone_region = "IE"
webhook_secret_env = "GAA_WEBHOOK_SECRET"
enabled = true
[connectors.gaa.organizations.st-judes]
notify_env = "GAA_ST_JUDES_NOTIFY"
notify_on = "first"
[connectors.gaa.organizations.na-fianna]
[connectors.gaa.values.subscription_status]
paid = "ACTIVE"
lapsed = "cancelled"
[connectors.gaa.fields]
external_id = "memberId"
first_name = "firstName"
email = "contact.email"
discord_id = "discord"
subscription_status = "status"
"""
SMALLEST = """
[connectors.club]
kind = "http-json"
url = "https://club.example.org/members"
records = "@"
[connectors.club.organizations.main]
[connectors.club.fields]
external_id = "id"
email = "email"
"""
SECRETS = {
    "GAA_TOKEN": "t0ps3cret",
    "GAA_WEBHOOK_SECRET": "whsec_c2VjcmV0LXNlY3JldC1zZWNyZXQ=",
    "GAA_ST_JUDES_NOTIFY": "mailto://ann:pa55word@example.org",
}


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "federations.toml"


def load(file: Path, text: str, environ: dict[str, str] | None = None) -> Federations:
    file.write_text(text, encoding="utf-8")
    return load_federations(file, SECRETS if environ is None else environ)


def faults(file: Path, text: str, environ: dict[str, str] | None = None) -> list[str]:
    with pytest.raises(ConfigurationInvalid) as caught:
        load(file, text, environ)
    assert caught.value.exit_code == 78
    assert str(file) in caught.value.hint
    return caught.value.faults


def club(file: Path, **keys: str) -> Connector:
    return load(file, changed(**keys)).connectors["club"]


def changed(**keys: str) -> str:
    """The smallest file with other keys; each value as TOML has it, nothing for none."""
    text = SMALLEST
    for key, value in keys.items():
        line = f"{key} = {value}\n" if value else ""
        text = re.sub(rf"(?m)^{key} = .*\n", "", text)
        text = text.replace("[connectors.club]\n", f"[connectors.club]\n{line}")
    return text


def test_a_complete_file(file: Path) -> None:
    federations = load(file, COMPLETE)
    gaa = federations.connectors["gaa"]
    assert (gaa.name, gaa.kind, gaa.enabled, gaa.strategy) == ("gaa", "http-json", True, "merge")
    assert gaa.phone_region == "IE"
    assert (gaa.token_env, gaa.token) == ("GAA_TOKEN", "t0ps3cret")
    assert gaa.webhook_secret == "whsec_c2VjcmV0LXNlY3JldC1zZWNyZXQ="
    assert gaa.source == HttpJson(
        url="https://members.example.org/clubs/{organization}/members",
        member_url="https://members.example.org/clubs/{organization}/members/{member}",
        records="data[*]",
        paging=NextLink("links.next"),
    )
    assert gaa.organizations == {
        "st-judes": Organization("st-judes", ("mailto://ann:pa55word@example.org",), "first"),
        "na-fianna": Organization("na-fianna"),
    }
    assert gaa.mapping.fields == ("first_name", "email", "discord_id", "subscription_status")
    sighting = gaa.mapping.see({"memberId": 1, "status": "lapsed"})
    assert gaa.mapping.read(sighting)["subscription_status"] == "CANCELLED"
    assert gaa.scope("st-judes") == "gaa/st-judes"


def test_what_may_be_left_out(file: Path) -> None:
    one = club(file)
    assert one.enabled
    assert one.strategy == "federation_wins"
    assert (one.phone_region, one.token, one.webhook_secret) == (None, None, None)
    assert one.source == HttpJson("https://club.example.org/members", None, "@", None)


def test_secrets_are_known_and_not_shown(file: Path) -> None:
    federations = load(file, COMPLETE)
    assert {"t0ps3cret", "whsec_c2VjcmV0LXNlY3JldC1zZWNyZXQ=", "pa55word"} <= federations.secrets
    shown = repr(federations)
    assert not [secret for secret in ("t0ps3cret", "whsec_", "pa55word") if secret in shown]


def test_the_secrets_of_a_connector_that_is_off_are_not_asked_for(file: Path) -> None:
    federations = load(file, COMPLETE.replace("enabled = true", "enabled = false"), {})
    assert federations.connectors["gaa"].token is None
    assert not federations.connectors["gaa"].enabled


def test_secrets_that_are_missing_are_all_named(file: Path) -> None:
    assert faults(file, COMPLETE, {"GAA_TOKEN": " "}) == [
        "connectors.gaa.token_env: the environment variable GAA_TOKEN is not set",
        "connectors.gaa.webhook_secret_env: the environment variable GAA_WEBHOOK_SECRET is not set",
        "connectors.gaa.organizations.st-judes.notify_env: "
        "the environment variable GAA_ST_JUDES_NOTIFY is not set",
    ]


@pytest.mark.parametrize(
    ("secret", "what"),
    [
        ("x", "16 bytes,"),
        ("fifteen-letters", "16 bytes,"),
        ("a-good-secret-here short", "16 bytes,"),
        ("short a-good-secret-here", "16 bytes,"),
        ("whsec_" + "c2VjcmV0c2VjcmV0c2Vj", "16 bytes of base64 after whsec_,"),
        ("whsec_", "16 bytes of base64 after whsec_,"),
        ("whsec_this-is-no-base64-at-all!", "16 bytes of base64 after whsec_,"),
    ],
)
def test_a_secret_of_webhooks_that_could_be_guessed(file: Path, secret: str, what: str) -> None:
    text = changed(webhook_secret_env='"HOOK_SECRET"', kind='"x"')
    unknown, short = faults(file, text, {"HOOK_SECRET": secret})
    assert "kind" in unknown
    assert short.startswith(
        "connectors.club.webhook_secret_env: the environment variable HOOK_SECRET should have at "
        f"least {what} like that of: "
    )
    assert not [word for word in secret.split() if len(word) > 1 and f" {word} " in f" {short} "]


@pytest.mark.parametrize(
    "secret",
    ["sixteen-letters!", "whsec_MTIzNDU2Nzg5MDEyMzQ1Ng==", "whsec_MTIzNDU2Nzg5MDEyMzQ1Ng", "é" * 8],
)
def test_the_shortest_secrets_of_webhooks(file: Path, secret: str) -> None:
    text = changed(webhook_secret_env='"HOOK_SECRET"')
    for given in (secret, f"{secret} {secret}"):
        assert load(file, text, {"HOOK_SECRET": given}).connectors["club"].webhook_secret == given


HTTPS = "should begin with https: the token of token_env is sent there"


@pytest.mark.parametrize(
    ("key", "address", "is_fine"),
    [
        ("url", "http://members.example.org/x", False),
        ("url", "HTTP://10.0.0.7/x", False),
        ("url", "http://127.0.0.1.example.org/x", False),
        ("url", "http://{organization}.example.org/x", False),
        ("url", "http://localhost.example.org/x", False),
        ("member_url", "http://members.example.org/{member}", False),
        ("url", "https://members.example.org/x", True),
        ("url", "HTTPS://{organization}.example.org/x", True),
        ("url", "http://127.0.0.1:8080/x", True),
        ("url", "http://127.8.0.1/x", True),
        ("url", "http://[::1]:8080/x", True),
        ("url", "http://LOCALHOST/x", True),
        ("member_url", "http://localhost:1/{member}", True),
    ],
)
def test_a_token_is_sent_to_nobody_without_tls(
    file: Path, key: str, address: str, is_fine: bool
) -> None:
    text = changed(**{key: f'"{address}"', "token_env": '"TOKEN"'})
    if is_fine:
        assert load(file, text, {"TOKEN": "x"}).connectors["club"].token == "x"
    else:
        assert faults(file, text, {"TOKEN": "x"}) == [f"connectors.club.{key}: {HTTPS}"]
        # Nor will it be when it is switched on.
        assert faults(file, text.replace("records", "enabled = false\nrecords"), {}) == [
            f"connectors.club.{key}: {HTTPS}"
        ]
        without = changed(**{key: f'"{address}"'})
        assert load(file, without, {}).connectors["club"].token is None


def test_a_token_for_csv_is_sent_to_nobody_without_tls(file: Path) -> None:
    keys = {"kind": '"csv"', "records": "", "token_env": '"TOKEN"'}
    text = changed(**keys, url='"http://example.org/x.csv"')
    assert faults(file, text, {"TOKEN": "x"}) == [f"connectors.club.url: {HTTPS}"]
    assert load(file, changed(**keys, url="", path='"x.csv"'), {"TOKEN": "x"}).connectors


def test_secrets_that_cannot_be_used_are_not_repeated(file: Path) -> None:
    wrong = {**SECRETS, "GAA_TOKEN": "sécret\nx", "GAA_ST_JUDES_NOTIFY": "s3cret"}
    told = faults(file, COMPLETE, wrong)
    assert len(told) == 2
    assert "cret" not in "".join(told).replace("SECRET", "")


@pytest.mark.parametrize(
    "secret",
    [
        "ghp_16C7e42F292c6912E7710c838347Ae178B4a",
        "t0ps3cret",
        "AKIAIOSFODNN7EXAMPLE",
        "0123456789ABCDEF",
        "ABCDEFGHIJKLMNOPQRSTUVWXYZ",
        "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
        "Bearer X",
        "",
    ],
)
@pytest.mark.parametrize("key", ["token_env", "webhook_secret_env"])
def test_a_secret_in_place_of_its_variables_name_is_not_repeated(
    file: Path, key: str, secret: str
) -> None:
    (fault,) = faults(file, changed(**{key: f'"{secret}"'}))
    assert fault == (
        f"connectors.club.{key}: should be the name of an environment variable, in capitals, "
        "like GAA_TOKEN; a secret itself does not belong in this file"
    )


@pytest.mark.parametrize("name", ["TOKEN", "S2S_TOKEN", "GAA_2024_KEY", "CLUB12345_TOKEN"])
def test_names_of_variables(file: Path, name: str) -> None:
    text = changed(token_env=f'"{name}"')
    assert load(file, text, {name: "x"}).connectors["club"].token == "x"


@pytest.mark.parametrize("wrong", ["0", "101", "'50'", "true", "50.5"])
def test_the_share_of_the_guard(file: Path, wrong: str) -> None:
    assert club(file).guard_percent == 50
    assert club(file, guard_percent="80").guard_percent == 80
    assert faults(file, changed(guard_percent=wrong)) == [
        "connectors.club.guard_percent: should be a whole number from 1 to 100, without quotes"
    ]


def test_all_faults_are_reported_at_once(file: Path) -> None:
    text = """
    conectors = 1
    [connectors.gaa]
    kind = "http-jsn"
    url = "ftp://x"
    recrds = "data[*"
    member_url = "https://x.org/{organisation}"
    next = "a..b"
    strategy = "federation_win"
    phone_region = "UK"
    date_order = "DD/MM"
    enabled = "yes"
    token_env = 5
    [connectors.gaa.organizations.a]
    notify_on = "never"
    nofity_env = "X"
    [connectors.gaa.organizations."b c"]
    [connectors.gaa.values.subscription_status]
    paid = "ACTIV"
    [connectors.gaa.values.emial]
    [connectors.gaa.fields]
    frist_name = "x"
    email = "lower(mail)"
    subscription_status = "status"
    [connectors."x:y"]
    kind = "csv"
    """
    assert faults(file, text) == [
        "conectors: is not known; did you mean connectors?",
        "connectors.gaa.kind: should be http-json or csv; did you mean http-json?",
        "connectors.gaa.url: should look like https://host/path",
        "connectors.gaa.records: is missing; should be JMESPath to the list of records, like "
        '"data[*]"',
        "connectors.gaa.member_url: has {organisation}, which means nothing; "
        "known: {organization} and {member}",
        "connectors.gaa.member_url: should have {member} in its path or query",
        "connectors.gaa.next: is no JMESPath expression, at character 3",
        "connectors.gaa.enabled: should be true or false, without quotes",
        "connectors.gaa.strategy: should be federation_wins or local_wins or merge; "
        "did you mean federation_wins?",
        "connectors.gaa.phone_region: should be a region of two capitals, like IE or GB",
        "connectors.gaa.date_order: should be dmy or mdy",
        "connectors.gaa.token_env: should be text in quotes",
        "connectors.gaa.organizations.a.notify_on: should be last or first",
        "connectors.gaa.organizations.a.nofity_env: is not known; did you mean notify_env?",
        "connectors.gaa.organizations.'b c': should have a name of printable characters, "
        "without spaces",
        "connectors.gaa.fields.external_id: is missing; should be JMESPath to the federation's id "
        "of a member",
        "connectors.gaa.fields.email: calls lower(), a function that JMESPath does not have",
        "connectors.gaa.fields.frist_name: is not known; did you mean first_name?",
        "connectors.gaa.values.subscription_status.paid: subscription_status 'ACTIV' should be one "
        "of NONE, TRIALING, ACTIVE, PAST_DUE, CANCELLED",
        "connectors.gaa.values.emial: is no field; did you mean email?",
        "connectors.gaa.recrds: is not known; did you mean records?",
        "connectors.'x:y': should have a name of printable characters, without spaces, colons, "
        "slashes and braces",
        "connectors.'x:y'.path: give either path, a file, or url, an address",
        "connectors.'x:y'.organizations: should have at least one, like [….organizations.st-judes]",
        "connectors.'x:y'.fields.external_id: is missing; should be JMESPath to the federation's "
        "id of a member",
        "connectors.'x:y'.fields: should map at least one of first_name, last_name, date_of_birth, "
        "email, phone, address, discord_id, subscription_status",
    ]


@pytest.mark.parametrize(
    ("key", "value", "fault"),
    [
        ("kind", "", "is missing; should be http-json or csv"),
        ("kind", '"scim"', "should be http-json or csv"),
        ("url", "", "is missing; should be https://host/path"),
        ("url", '"https://h/{x}"', "has {x}, which means nothing; known: {organization}"),
        ("url", '"https://h/{organization"', "has a brace without its other half"),
        (
            "url",
            '"https://u:p@h/"',
            "should look like https://host/path, without a secret in it: "
            "name its variable in token_env",
        ),
        (
            "url",
            '"https://h/?api_key=5ecret"',
            "should look like https://host/path, without a secret in it: "
            "name its variable in token_env",
        ),
        (
            "url",
            '"https://h/a b"',
            "should look like https://host/path, without spaces and without #",
        ),
        ("url", '"https://h:99999/"', "should look like https://host/path"),
        ("member_url", '"https://{member}.org/"', "should have {member} in its path or query"),
        ("pagination", '"pages"', "should be page or cursor; did you mean page?"),
        ("page_size", "5", "is not known; known here: kind,"),
        ("delimiter", '";"', "is not known; known here: kind,"),
        ("records", "5", "should be text in quotes"),
        ("organizations", "5", "should be a table: [connectors.club.organizations]"),
    ],
)
def test_what_a_key_should_look_like(file: Path, key: str, value: str, fault: str) -> None:
    text = changed(**{key: value})
    if key == "organizations":
        text = text.replace("[connectors.club.organizations.main]\n", "")
    told = faults(file, text)
    assert told[0].startswith(f"connectors.club.{key}: {fault}")
    assert "5ecret" not in told[0]


def test_more_than_one_organization_needs_a_place_in_the_address(file: Path) -> None:
    text = SMALLEST + "[connectors.club.organizations.other]\n"
    assert faults(file, text) == [
        "connectors.club.url: should have {organization} in it, since there is more than one"
    ]


def test_a_field_may_have_words_before_it_is_mapped(file: Path) -> None:
    text = SMALLEST + '[connectors.club.values.subscription_status]\npaid = "ACTIVE"\n'
    assert load(file, text).connectors["club"].mapping.fields == ("email",)
    wrong = SMALLEST + '[connectors.club.values.subscription_status]\npaid = "ACTVE"\n'
    assert len(faults(file, wrong)) == 1
    unknown = SMALLEST + '[connectors.club.values.subscription]\npaid = "ACTIVE"\n'
    assert faults(file, unknown) == [
        "connectors.club.values.subscription: is no field; did you mean subscription_status?"
    ]


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("(" * 2000, id="parentheses"),
        pytest.param("!" * 2000 + "a", id="negations"),
        pytest.param(f"`{'[' * TOO_DEEP}`", id="literal", marks=pytest.mark.slow),
    ],
)
def test_expressions_that_are_nested_too_deeply(file: Path, text: str) -> None:
    reason = "is no JMESPath expression: it is nested too deeply"
    toml = changed(records=f"'{text}'", next=f"'{text}'").replace('"id"', f"'{text}'")
    keys = ("records", "next", "fields.external_id")
    assert faults(file, toml) == [f"connectors.club.{key}: {reason}" for key in keys]


@pytest.mark.parametrize(
    "value",
    ["[" * TOO_DEEP, "{a=" * TOO_DEEP, "[" * TOO_DEEP + "]" * TOO_DEEP],
    ids=["list", "table", "whole"],
)
def test_toml_that_is_nested_too_deeply(file: Path, value: str) -> None:
    assert faults(file, changed(next=value)) == [f"{file} is nested too deeply"]


def test_paging(file: Path) -> None:
    def paging(**keys: str) -> object:
        source = club(file, **keys).source
        assert isinstance(source, HttpJson)
        return source.paging

    assert paging(next='"next"') == NextLink("next")
    assert paging(pagination='"page"') == PageNumber("page", 1, "page_size", None)
    assert paging(
        pagination='"page"',
        page_param='"p"',
        first_page="0",
        page_size="100",
        page_size_param='"n"',
    ) == PageNumber("p", 0, "n", 100)
    assert paging(pagination='"cursor"', cursor='"meta.c"') == Cursor("meta.c", "cursor")
    assert paging(pagination='"cursor"', cursor='"c"', cursor_param='"after"') == Cursor(
        "c", "after"
    )


@pytest.mark.parametrize(
    ("keys", "fault"),
    [
        ({"next": '"n"', "pagination": '"page"'}, "pagination: give either next or pagination"),
        ({"pagination": '"cursor"'}, "cursor: is missing; should be JMESPath to the next cursor"),
        ({"pagination": '"page"', "first_page": "2"}, "first_page: should be a whole number"),
        ({"pagination": '"page"', "page_size": "true"}, "page_size: should be a whole number"),
        ({"pagination": '"page"', "page_param": '"a&b"'}, "page_param: should be the name of a"),
    ],
)
def test_paging_that_is_wrong(file: Path, keys: dict[str, str], fault: str) -> None:
    (told,) = faults(file, changed(**keys))
    assert told.startswith(f"connectors.club.{fault}")


def test_addresses_are_filled_without_leading_elsewhere(file: Path) -> None:
    source = load(file, COMPLETE).connectors["gaa"].source
    assert isinstance(source, HttpJson)
    assert source.address("na fianna/é") == (
        "https://members.example.org/clubs/na%20fianna%2F%C3%A9/members"
    )
    assert source.member_address("{member}", "../7?x=1") == (
        "https://members.example.org/clubs/%7Bmember%7D/members/..%2F7%3Fx%3D1"
    )
    for member in ("", ".", ".."):
        with pytest.raises(DataRefused):
            source.member_address("st-judes", member)


def test_csv(file: Path, tmp_path: Path) -> None:
    keys = {"kind": '"csv"', "records": "", "url": ""}
    source = club(
        file, **keys, path='"data/{organization}.csv"', delimiter='";"', encoding='"Latin-1"'
    ).source
    assert source == Csv(str(tmp_path / "data/{organization}.csv"), None, ";", "iso8859-1")
    assert source.file("st-judes") == tmp_path / "data/st-judes.csv"
    assert source.address("st-judes") is None
    web = club(file, kind='"csv"', records="", url='"https://h/{organization}.csv"').source
    assert web == Csv(None, "https://h/{organization}.csv", None, None)
    assert web.file("a") is None
    assert web.address("a") == "https://h/a.csv"


@pytest.mark.parametrize(
    ("keys", "fault"),
    [
        ({"url": ""}, "path: give either path, a file, or url, an address"),
        ({"path": '"x.csv"'}, "path: give either path, a file, or url, an address"),
        ({"delimiter": '"ab"'}, "delimiter: should be one character"),
        ({"encoding": '"rot13"'}, "encoding: should be an encoding"),
        ({"encoding": '"utf-99"'}, "encoding: should be an encoding"),
        ({"next": '"a"'}, "next: is not known"),
    ],
)
def test_csv_that_is_wrong(file: Path, keys: dict[str, str], fault: str) -> None:
    (told,) = faults(file, changed(**{"kind": '"csv"', "records": "", **keys}))
    assert told.startswith(f"connectors.club.{fault}")


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("a = 1\na = 2\n", "line 2"),
        ("[connectors.a]\n[connectors.a]\n", "line 2"),
        ("\n\nx = s3cret\n", "line 3"),
    ],
)
def test_what_is_no_toml_is_told_with_its_line(file: Path, text: str, reason: str) -> None:
    (fault,) = faults(file, text)
    assert f"{file} is no TOML" in fault
    assert reason in fault
    assert "s3cret" not in fault


def test_a_file_that_cannot_be_read(file: Path, tmp_path: Path) -> None:
    for path, reason in ((tmp_path / "none", "No such file"), (tmp_path, "Is a directory")):
        with pytest.raises(ConfigurationInvalid, match=reason):
            load_federations(path, {})
    file.write_bytes(b'x = "\xff"')
    with pytest.raises(ConfigurationInvalid, match="is not UTF-8"):
        load_federations(file, {})
    assert faults(file, "") == ["connectors: should have at least one, like [connectors.gaa]"]
    assert faults(file, "connectors = 1") == ["connectors: should be a table: [connectors]"]


def test_the_setting_names_the_file(tmp_path: Path) -> None:
    assert load_settings({}).federation_config is None
    settings = load_settings({"FEDERATION_CONFIG": "x/federations.toml"})
    assert settings.federation_config == Path("x/federations.toml")
    with pytest.raises(ConfigurationInvalid, match="FEDERATION_CONFIG: should be"):
        load_settings({"FEDERATION_CONFIG": "a\0b"})


def test_variables_may_be_in_the_env_file(tmp_path: Path) -> None:
    env = tmp_path / "env"
    env.write_text("GAA_TOKEN=file\nOTHER=file\n", encoding="utf-8")
    assert environment({"GAA_TOKEN": "set"}, env) == {"GAA_TOKEN": "set", "OTHER": "file"}
