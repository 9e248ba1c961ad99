"""The dashboard and the alerts ask for what a real server tells, and the dashboard shows all of it."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml  # type: ignore[import-untyped]
from prometheus_client.parser import text_string_to_metric_families

from reward_server.backends import embedded
from tests.own_server import OwnServer

HERE = Path(embedded.__file__).parent.parent
BOARD = json.loads((HERE / "grafana" / "passrate.json").read_text())
RULES_FILE = HERE / "prometheus_rules.yaml"
RULES = [rule for group in yaml.safe_load(RULES_FILE.read_text())["groups"] for rule in group["rules"]]
PANELS = [panel for panel in BOARD["panels"] if panel["type"] != "row"]
EXPRESSIONS = [target["expr"] for panel in PANELS for target in panel["targets"]]
EVERY_EXPRESSION = [*EXPRESSIONS, *(rule["expr"] for rule in RULES)]

NAME = re.compile(r"\b((?:passrate|process)_\w+|up)\b(?:\{([^}]*)\})?")
MATCHER = re.compile(r'(\w+)\s*(=~|!=|!~|=)\s*"([^"]*)"')
BY = re.compile(r"\bby \(([^)]*)\)")
SCRAPED: set[str] = {"instance", "job", "le"}
"""Labels that Prometheus adds, and that of every histogram."""
PROBLEM: dict[str, Any] = {"entry_point": "f", "tests": {"kind": "call", "cases": [{"args": [1], "expected": 1}]}}


@pytest.fixture(scope="module")
def told() -> dict[str, dict[str, set[str]]]:
    """Of a real server after some work: each sample's name, with its labels and their values."""
    server = OwnServer("--slots", "1")
    try:
        server.wait_ready()
        submissions = [{"problem": "p", "code": f"def f(n): return {code}"} for code in ("n", "n", "0")]
        for _ in range(2):
            answer = httpx.post(
                f"{server.url}/v1/score", json={"problems": {"p": PROBLEM}, "submissions": submissions}, trust_env=False
            )
            assert [result["reward"] for result in answer.json()["results"]] == [1.0, 1.0, 0.0]
        httpx.get(f"{server.url}/metrics", trust_env=False)
        text = httpx.get(f"{server.url}/metrics", trust_env=False).text
    finally:
        server.end()
    found: dict[str, dict[str, set[str]]] = {}
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            labels = found.setdefault(sample.name, {})
            for label, value in sample.labels.items():
                labels.setdefault(label, set()).add(value)
    found["up"] = {"job": {"passrate"}}
    return found


@pytest.mark.sandbox
def test_all_that_is_asked_for_is_there(told: dict[str, dict[str, set[str]]]) -> None:
    """Red when a metric, a label or a value of one is renamed here or there."""
    for expression in EVERY_EXPRESSION:
        names = NAME.findall(expression)
        assert names, expression
        for name, matchers in names:
            assert name in told, expression
            for label, how, value in MATCHER.findall(matchers):
                assert label in told[name] or label in SCRAPED, expression
                if how == "=" and not value.startswith(("429", "$")):
                    assert value in told[name][label], expression
        known = SCRAPED.union(*(told[name] for name, _ in names))
        for grouped in BY.findall(expression):
            assert set(grouped.split(", ")) <= known, expression


@pytest.mark.sandbox
def test_the_dashboard_shows_every_metric_of_ours(told: dict[str, dict[str, set[str]]]) -> None:
    asked = {name for expression in EXPRESSIONS for name, _ in NAME.findall(expression)}
    ours = {re.sub("_(bucket|sum|count)$", "", name) for name in told if name.startswith("passrate_")}
    assert ours - {re.sub("_(bucket|sum|count)$", "", name) for name in asked} == set()


@pytest.mark.parametrize("expression", EVERY_EXPRESSION)
def test_an_expression_is_well_formed(expression: str) -> None:
    """As far as can be seen without a Prometheus."""
    rest = re.sub(r'"[^"]*"', "", expression)
    while (shorter := re.sub(r"\([^(){}\[\]]*\)|\{[^(){}\[\]]*\}|\[[\w$]+\]", " ", rest)) != rest:
        rest = shorter
    assert not set(rest) & set('(){}[]"'), rest
    for name, _ in NAME.findall(expression):
        counts = name.endswith(("_total", "_bucket", "_sum", "_count"))
        assert counts == bool(re.search(rf"\b(rate|increase)\({name}\b", expression)), expression


@pytest.mark.skipif(shutil.which("promtool") is None, reason="NOT TESTED WITH PROMETHEUS: there is no promtool here")
def test_prometheus_takes_the_rules_and_the_expressions(tmp_path: Path) -> None:
    asked = [{"record": f"r{at}", "expr": each} for at, each in enumerate(EXPRESSIONS)]
    board = tmp_path / "board.yaml"
    text = json.dumps({"groups": [{"name": "board", "rules": asked}]}).replace("$__rate_interval", "20s")
    board.write_text(text.replace("$instance", ".*"))
    subprocess.run(["promtool", "check", "rules", str(RULES_FILE), str(board)], check=True, capture_output=True)


def test_panels_do_not_overlap_and_have_ids_of_their_own() -> None:
    cells = [
        (x, y)
        for at in (panel["gridPos"] for panel in BOARD["panels"])
        for x in range(at["x"], at["x"] + at["w"])
        for y in range(at["y"], at["y"] + at["h"])
    ]
    assert len(cells) == len(set(cells))
    assert max(x for x, _ in cells) < 24
    assert len({panel["id"] for panel in BOARD["panels"]}) == len(BOARD["panels"])


def test_each_panel_asks_the_data_source_that_the_reader_chose() -> None:
    variables = {each["name"] for each in BOARD["templating"]["list"]}
    assert set(re.findall(r"\$\{?(\w+)", json.dumps(BOARD["panels"]))) <= variables | {"__rate_interval"}
    for panel in PANELS:
        assert {panel["datasource"]["uid"], *(target["datasource"]["uid"] for target in panel["targets"])} == {
            "${datasource}"
        }


def test_compose_gives_prometheus_and_grafana_these_files() -> None:
    """The paths inside: where the files say, and where they are mounted."""
    services = yaml.safe_load((HERE.parent / "compose.yaml").read_text())["services"]
    mounts = {
        inside: HERE.parent / outside
        for name in ("prometheus", "grafana")
        for outside, inside, *_ in (volume.split(":") for volume in services[name]["volumes"])
        if outside.startswith("./")
    }
    assert all(path.exists() for path in mounts.values())
    config = yaml.safe_load((HERE / "prometheus.yaml").read_text())
    assert all(f"/etc/prometheus/{name}" in mounts for name in config["rule_files"])
    provider = yaml.safe_load((HERE / "grafana/provisioning/dashboards/passrate.yaml").read_text())["providers"][0]
    assert f"{provider['options']['path']}/passrate.json" in mounts
    assert services["grafana"]["environment"]["GF_DASHBOARDS_DEFAULT_HOME_DASHBOARD_PATH"] in mounts
    source = yaml.safe_load((HERE / "grafana/provisioning/datasources/prometheus.yaml").read_text())["datasources"][0]
    assert source["url"] == "http://prometheus:9090"
