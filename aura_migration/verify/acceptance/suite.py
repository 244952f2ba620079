"""The run of the acceptance suite: expectations handed to Great Expectations, its results, its Data Docs as static pages."""

from __future__ import annotations

import os
import re
import shutil
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from html import escape
from importlib import import_module
from pathlib import Path
from typing import Any

from aura_migration.core.errors import EnvironmentFault
from aura_migration.verify.acceptance.expected import Expected, Table

SITE = "acceptance"
OUTSIDE = re.compile(
    r"<script[^>]*\bsrc=[\"'](?:https?:)?//[^>]*>\s*</script>|<link[^>]*\bhref=[\"'](?:https?:)?//[^>]*>"
    r"|<img[^>]*\bsrc=[\"'](?:https?:)?//[^>]*>",
    re.IGNORECASE,
)
"""What a page of the Data Docs would fetch from elsewhere: it asks nobody for anything."""
STYLE = """<style>
body { font: 15px/1.5 system-ui, sans-serif; margin: 1rem 1.5rem; } table { border-collapse: collapse; }
td, th { border: 1px solid #d9dee5; padding: .25rem .6rem; text-align: left; vertical-align: top; }
.navbar, .modal, .d-none { display: none; } .badge { font-weight: 600; } .row { display: block; } a { color: #1a56b0; }
ul.list-group, ol.breadcrumb { padding-left: 1.2rem; } ol.breadcrumb li { display: inline; margin-right: .8rem; }
footer { display: none; } .fa-check-circle::before { content: "\\2714"; color: #1a7f37; } .fa-times::before { content: "\\2718"; color: #b3261e; }
h1 { font-size: 1.4rem; } .no { color: #b3261e; font-weight: 600; } td.number { text-align: right; }
</style>"""


@dataclass(frozen=True)
class Accepted:
    """What the suite found: a row per expectation, and where its pages are."""

    passed: bool | None
    """None: there was not a single row to expect anything of."""
    results: tuple[Mapping[str, Any], ...] = ()
    """``{"table", "expectation", "passed", "rows", "unexpected"}`` each; ``unexpected`` None where rows cannot be counted."""
    page: str = ""

    @property
    def failed(self) -> tuple[Mapping[str, Any], ...]:
        """The expectations that were not met."""
        return tuple(one for one in self.results if not one["passed"])


@dataclass
class _Run:
    """One context of Great Expectations on the database, and the checkpoint's parts."""

    context: Any
    source: Any
    validations: list[Any] = field(default_factory=list)


def accept(url: str, tables: Sequence[Table], numbers: Mapping[str, int | None], folder: Path) -> Accepted:
    """Hold the tables against what is expected of them and write the Data Docs into ``folder``, in place of earlier ones.

    ``numbers`` are what the queries name. Nothing is sent anywhere and nothing is kept but the pages. Values of rows are
    neither in the results nor on the pages: only how many there are.
    """
    os.environ["GX_ANALYTICS_ENABLED"] = "False"
    try:
        import great_expectations as gx
        from great_expectations.data_context.types.base import ProgressBarsConfig
        from great_expectations.datasource.fluent.interfaces import GxDatasourceWarning
    except ImportError as error:
        raise EnvironmentFault(
            f"The acceptance suite needs great_expectations, which cannot be imported: {error}.",
            "Install the project's own dependencies: make install",
        ) from error
    context = gx.get_context(mode="ephemeral")
    context.variables.progress_bars = ProgressBarsConfig(globally=False)
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True, mode=0o700)
    context.add_data_docs_site(
        SITE,
        {
            "class_name": "SiteBuilder",
            "site_index_builder": {"class_name": "DefaultSiteIndexBuilder"},
            "store_backend": {"class_name": "TupleFilesystemStoreBackend", "base_directory": str(folder)},
        },
    )
    driver = url.replace("postgresql://", "postgresql+psycopg://", 1)
    with warnings.catch_warnings():
        # The kind of source made for PostgreSQL takes no address without a host, such as a socket's.
        warnings.simplefilter("ignore", GxDatasourceWarning)
        run = _Run(context, context.data_sources.add_sql("auraconnect", connection_string=driver.replace("$", r"\$")))
    try:
        for table in tables:
            _prepare(run, table, numbers)
        checkpoint = context.checkpoints.add(
            gx.Checkpoint(
                name="acceptance",
                validation_definitions=run.validations,
                result_format={"result_format": "BASIC", "partial_unexpected_count": 0},
            )
        )
        found = checkpoint.run()
        # All pages at once: as an action of the checkpoint they, and their index, would be made anew for every table.
        context.build_data_docs(site_names=[SITE])
    finally:
        run.source.get_execution_engine().close()
        run.source.get_engine().dispose()
    results = [one for result in found.run_results.values() for one in _results(result)]
    order = {table.name: number for number, table in enumerate(tables)}
    results.sort(key=lambda one: order[one["table"]])
    _keep_inside(folder)
    _front_page(folder, tables, results)
    measured = any(one["rows"] for one in results)
    return Accepted(bool(found.success) if measured else None, tuple(results), str(folder / "index.html"))


def _prepare(run: _Run, table: Table, numbers: Mapping[str, int | None]) -> None:
    import great_expectations as gx

    plain = {name: "NULL" if number is None else str(int(number)) for name, number in numbers.items()}
    asset = run.source.add_query_asset(table.name, query=table.query % plain)
    suite = run.context.suites.add(
        gx.ExpectationSuite(table.name, expectations=[_expectation(one, table) for one in table.expected])
    )
    definition = gx.ValidationDefinition(
        name=table.name, data=asset.add_batch_definition_whole_table("rows"), suite=suite
    )
    run.validations.append(run.context.validation_definitions.add(definition))


def _expectation(one: Expected, table: Table) -> Any:
    gxe: Any = import_module("great_expectations.expectations")  # its types do not fit its own use
    said: dict[str, Any] = {
        "notes": f"{one.says[0].upper()}{one.says[1:]}.",
        "meta": {"says": one.says, "table": table.name},
    }
    match one.kind:
        case "not_null":
            return gxe.ExpectColumnValuesToNotBeNull(column=one.column, **said)
        case "between":
            return gxe.ExpectColumnValuesToBeBetween(column=one.column, min_value=one.least, max_value=one.most, **said)
        case "in_set":
            return gxe.ExpectColumnValuesToBeInSet(column=one.column, value_set=list(one.values), **said)
        case "unique":
            return gxe.ExpectCompoundColumnsToBeUnique(column_list=list(one.columns), **said)
        case "row_count":
            return gxe.ExpectTableRowCountToBeBetween(min_value=one.least, max_value=one.most, **said)
        case "not_less":
            return gxe.ExpectColumnPairValuesAToBeGreaterThanB(
                column_A=one.column, column_B=one.other, or_equal=True, **said
            )


def _results(result: Any) -> list[dict[str, Any]]:
    rows = []
    for one in result.results:
        meta, found = one.expectation_config.meta or {}, one.result or {}
        if one.exception_info and one.exception_info.get("raised_exception"):
            raise EnvironmentFault(
                f"The acceptance suite could not ask about {meta.get('table')}: {one.exception_info.get('exception_message')}",
                "See that the database has the schema of this release: aura-migration db upgrade",
            )
        observed = found.get("observed_value")
        rows.append(
            {
                "table": meta["table"],
                "expectation": meta["says"],
                "passed": bool(one.success),
                "rows": found.get("element_count", observed if isinstance(observed, int) else 0),
                "unexpected": found.get("unexpected_count"),
            }
        )
    return rows


def _keep_inside(folder: Path) -> None:
    """Take out of the pages whatever they would fetch from elsewhere, and give them a plain style instead."""
    for page in folder.rglob("*.html"):
        text = page.read_text(encoding="utf-8")
        page.write_text(OUTSIDE.sub("", text).replace("</head>", f"{STYLE}</head>", 1), encoding="utf-8")


def _front_page(folder: Path, tables: Sequence[Table], results: Sequence[Mapping[str, Any]]) -> None:
    """The first page, in the words of what is expected; the one Great Expectations makes needs scripts from elsewhere."""
    pages = {page.stem: page for page in sorted(folder.rglob("validations/**/*.html"))}
    at = {
        table.name: page.relative_to(folder) for table in tables for page in pages.values() if table.name in page.parts
    }
    lines = []
    for table in tables:
        own = [one for one in results if one["table"] == table.name]
        title = (
            f'<a href="{escape(str(at[table.name]))}">{escape(table.name)}</a>'
            if table.name in at
            else escape(table.name)
        )
        lines.append(
            f"<h2>{title}</h2><p>{escape(table.doc)}</p><table><tr><th>expected</th><th>met</th><th>rows</th><th>unexpected</th></tr>"
        )
        for one in own:
            met = "yes" if one["passed"] else '<span class="no">NO</span>'
            lines.append(
                f"<tr><td>{escape(one['expectation'])}</td><td>{met}</td><td class='number'>{one['rows']:,}</td>"
                f"<td class='number'>{one['unexpected'] or ''}</td></tr>"
            )
        lines.append("</table>")
    passed = sum(bool(one["passed"]) for one in results)
    (folder / "index.html").write_text(
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Acceptance suite</title>{STYLE}</head><body>'
        f"<h1>Acceptance suite: {passed} of {len(results)} expectations met</h1>{''.join(lines)}</body></html>",
        encoding="utf-8",
    )
