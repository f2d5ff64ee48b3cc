"""From a report's parts to one HTML file that needs nothing else."""

import base64
import hashlib
import json
from functools import cache
from importlib.resources import files
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined

from asd_cli.reporting.comparison import ComparisonPage
from asd_cli.reporting.inspection_page import InspectionPage
from asd_cli.reporting.monitoring_page import MonitoringPage
from asd_cli.reporting.own_page import OwnPage, PartCard
from asd_cli.reporting.page import ReportPage
from asd_cli.reporting.unlabelled_page import UnlabelledPage

_TEMPLATES = "templates"


def render_report(page: ReportPage) -> str:
    """Write the page of one system."""
    return _environment().get_template("report.html.jinja").render(page=page)


def render_unlabelled(page: UnlabelledPage) -> str:
    """Write the page of a set without labels."""
    return _environment().get_template("unlabelled.html.jinja").render(page=page)


def render_own(page: OwnPage) -> str:
    """Write the page of a machine of one's own."""
    return _environment().get_template("own.html.jinja").render(page=page)


def render_view(card: PartCard) -> str:
    """Write one clip for a notebook."""
    return _environment().get_template("view.html.jinja").render(card=card)


def render_inspection(page: InspectionPage) -> str:
    """Write the page of inspected recordings."""
    return _environment().get_template("inspection.html.jinja").render(page=page)


def render_monitoring(page: MonitoringPage) -> str:
    """Write the page of a machine that is monitored."""
    script = _asset("monitoring.js")
    policy = content_policy(_asset("report.js"), script)
    template = _environment().get_template("monitoring.html.jinja")
    return template.render(page=page, monitoring_script=script, policy=policy)


def render_comparison(page: ComparisonPage) -> str:
    """Write the page that sets several systems side by side."""
    return _environment().get_template("comparison.html.jinja").render(page=page)


@cache
def _environment() -> Environment:
    """Make the template engine: everything that is put into a page is escaped."""
    environment = Environment(
        loader=PackageLoader("asd_cli.reporting", _TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    script = _asset("report.js")
    environment.globals.update(
        script=script,
        style=_asset("report.css"),
        policy=content_policy(script),
    )
    environment.filters.update(
        figure=figure, heat=heat, percent=percent, json_text=json_text, p_value=p_value
    )
    return environment


def _asset(name: str) -> str:
    return (files("asd_cli.reporting") / _TEMPLATES / name).read_text(encoding="utf-8")


def content_policy(*scripts: str) -> str:
    """Content security policy of a page: these scripts and data in the file, no network.

    Should a hostile name ever get past the escaping, a browser still would not run it.
    """
    digests = " ".join(
        f"'sha256-{base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()}'"
        for script in scripts
    )
    return (
        f"default-src 'none'; script-src {digests}; style-src 'unsafe-inline'; "
        "img-src data:; media-src data:; base-uri 'none'; form-action 'none'"
    )


def figure(value: float | None, digits: int = 4) -> str:
    """Write a figure, or a dash where it is undefined."""
    return "–" if value is None else f"{value:.{digits}f}"


def p_value(value: float | None) -> str:
    """Write a p-value with two digits; what is too small to matter is a bound."""
    if value is None:
        return "–"
    return "< 0.0001" if value < 1e-4 else f"{value:.2g}"


def percent(value: float) -> str:
    """Write a share in percent."""
    return f"{value:.0%}"


def heat(value: float | None) -> str:
    """Class of a heat-map cell: ``h0`` (0 or below) over ``h5`` (0.5, chance) to ``h10`` (1)."""
    if value is None:
        return "hn"
    return f"h{min(max(round(value * 10), 0), 10)}"


def json_text(value: Any) -> str:
    """Write a JSON value to be read by people."""
    return json.dumps(value, indent=2, sort_keys=True, ensure_ascii=False)
