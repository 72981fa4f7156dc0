"""The file of incoming hooks, and what its rules hold for."""

from __future__ import annotations

import pytest

from config.hook_templates import rendered
from config.hooks import HooksFile, StartRule, load_hooks
from config.settings import Settings
from engine.hooks import holds
from epics.errors import InvalidInput, InvalidSettings
from tools.toml_text import parse_toml

FILE = """
[source.github]
verify = "github"
secret_env = "HOOK_SECRET"

[[source.github.rule]]
event = "issues"
when = { action = ["opened", "labeled"], "label.name" = "genie" }
do = "start"
goal = "{{ issue.title }}"
repo = "https://example.org/{{ repository.full_name }}"
repos = ["https://example.org/team/*"]

[[source.github.rule]]
do = "decide"
approval = "{{ approval }}"
decision = "approve"
"""


@pytest.fixture
def read(tmp_path, monkeypatch):
    monkeypatch.setenv("HOOK_SECRET", "a secret")
    monkeypatch.setenv("GENIE_HOOKS_FILE", str(tmp_path / "hooks.toml"))

    def load(text: str):
        (tmp_path / "hooks.toml").write_text(text)
        return load_hooks(Settings.from_env())

    return load


def test_a_file_gives_sources_with_their_secrets_and_rules(read):
    source = read(FILE)["github"]

    assert source.secret.get_secret_value() == "a secret"
    assert "a secret" not in repr(source)
    assert [rule.do for rule in source.settings.rule] == ["start", "decide"]


def test_without_a_file_there_is_no_source(monkeypatch):
    monkeypatch.delenv("GENIE_HOOKS_FILE", raising=False)

    assert load_hooks(Settings.from_env()) == {}


@pytest.mark.parametrize(
    "before, after, said",
    [
        ('verify = "github"', 'verify = "none"', "verify"),
        ("HOOK_SECRET", "HOOK_SECRET_2", "HOOK_SECRET_2"),
        ('verify = "github"', 'verify = "github"\nsignature_header = "X-Mine"', "signature_header"),
        ('verify = "github"', 'verify = "standard"', "whsec_"),
        ('repos = ["https://example.org/team/*"]', "", "repos"),
        ("{{ issue.title }}", "{{ issue.title", "template"),
        ('decision = "approve"', 'decision = "{{ choice }}"', "decision"),
        ('decision = "approve"', 'decision = "raise"', "must be one of"),
        ('do = "decide"', 'do = "dance"', "do"),
        ('do = "decide"', 'do = "decide"\nfoo = 1', "foo"),
        ("[source.github]", "[source.Git Hub]", "TOML"),
    ],
)
def test_a_file_that_does_not_fit_says_where(read, before, after, said):
    with pytest.raises(InvalidSettings, match=said):
        read(FILE.replace(before, after, 1))


def test_a_file_that_is_not_there_is_named(monkeypatch, tmp_path):
    monkeypatch.setenv("GENIE_HOOKS_FILE", str(tmp_path / "gone.toml"))

    with pytest.raises(InvalidSettings, match=r"gone\.toml"):
        load_hooks(Settings.from_env())


RULE = parse_toml(FILE, HooksFile, file="hooks.toml", error=InvalidSettings).source["github"].rule[0]
PAYLOAD = {"action": "opened", "label": {"name": "genie"}, "n": 1, "yes": True, "list": [{"id": 7}]}


@pytest.mark.parametrize(
    "event, payload, expected",
    [
        ("issues", PAYLOAD, True),
        ("push", PAYLOAD, False),
        (None, PAYLOAD, False),
        ("issues", {**PAYLOAD, "action": "closed"}, False),
        ("issues", {**PAYLOAD, "label": {"name": "other"}}, False),
        ("issues", {**PAYLOAD, "label": "genie"}, False),
        ("issues", {**PAYLOAD, "label": None}, False),
        ("issues", {}, False),
    ],
)
def test_a_rule_holds_for_its_event_and_values_only(event, payload, expected):
    assert holds(RULE, event, payload) is expected


@pytest.mark.parametrize(
    "path, value, expected",
    [
        ("list.0.id", 7, True),
        ("list.1.id", 7, False),
        ("list.-1.id", 7, False),
        ("n", 1, True),
        ("n", True, False),
        ("yes", 1, False),
        ("", 1, False),
    ],
)
def test_values_are_compared_by_type_too(path, value, expected):
    assert holds(RULE.model_copy(update={"event": None, "when": {path: value}}), None, PAYLOAD) is expected


@pytest.mark.parametrize(
    "repo, allowed",
    [
        ("https://example.org/team/app", True),
        ("https://example.org/team/app.git", True),
        ("https://example.org/team/a/b", False),
        ("https://example.org/team/../other/app", False),
        ("https://example.org/team/..", False),
        ("https://example.org/other/app", False),
        ("https://exampleXorg/team/app", False),
        ("https://example.org/team/app --upload-pack=x", False),
        ("ext::sh -c x https://example.org/team/app", False),
        ("", False),
    ],
)
def test_a_payload_can_name_only_a_repository_that_fits(repo, allowed):
    assert isinstance(RULE, StartRule)
    assert RULE.allows(repo) is allowed


def test_what_stands_in_a_payload_is_never_a_template_and_is_cut():
    assert rendered("{{ t }}", {"t": "{{ 7 * 7 }}{% raw %}"}, most=100) == "{{ 7 * 7 }}{% raw %}"
    assert rendered("{{ t }}", {"t": "x" * 50_000}, most=20_000) == "x" * 20_000
    assert rendered("{{ t }}|{{ n }}", {"t": "a\x00b\x1b[31m\ud800\nc", "n": None}, most=100) == "ab[31m\nc|"


@pytest.mark.parametrize("template", ["{{ missing }}", "{{ t.__class__.__mro__ }}", "{{ t.x.y }}", "{{ 1 / 0 }}", "{{ t|xmlattr }}"])
def test_a_template_that_does_not_fit_the_payload_is_an_error_in_words(template):
    with pytest.raises(InvalidInput, match="does not fit"):
        rendered(template, {"t": "text"}, most=100)
