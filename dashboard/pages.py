"""The dashboard's pages: what each address shows. Every call reads ML Metadata anew; what is costly is kept."""

from __future__ import annotations

import hashlib
import threading
from collections import OrderedDict
from collections.abc import Sequence

from markupsafe import Markup
from ml_metadata.metadata_store import metadata_store
from ml_metadata.proto import metadata_store_pb2

from dashboard.addresses import run_address
from dashboard.blocks import ENVIRONMENT, Section, notice
from dashboard.files import read_json
from dashboard.lineage import list_pushed, read_lineage
from dashboard.page import Link, render_page
from dashboard.runs import Overview, Run, list_runs, open_store, outputs_by_run, read_run
from dashboard.sections import compare, models
from dashboard.sections import runs as run_list
from dashboard.sections.run import counts_in_words
from dashboard.sections.runs import Headline

_KEPT_RUNS = 12
_FOOTER = "Emotion AI, from ML Metadata and artifacts."
_PAGES = {"Runs": "/", "Compare": "/compare", "Models": "/models"}


class NothingThereError(Exception):
    """What a page was asked for does not exist; the text says so."""


class Pages:
    """All pages over one ML Metadata; any thread may call."""

    def __init__(self, connection: metadata_store_pb2.ConnectionConfig) -> None:
        self._connection = connection
        self._of_thread = threading.local()
        # Charts take seconds of Python; two at once would only both take longer.
        self._rendering = threading.Lock()
        self._kept: OrderedDict[tuple[str, str], list[Section]] = OrderedDict()
        self._headlines: dict[str, Headline] = {}

    def runs(self) -> str:
        """The list of runs."""
        store = self._store()
        found = list_runs(store)
        headlines = self._read_headlines(store, found)
        sections = run_list.sections([(run, headlines.get(run.id, Headline())) for run in found])
        running = any(run.state == "running" for run in found)
        lead = _live("/state", _version_of_list(found)) if running else None
        return _page("Runs", sections, lead, here="Runs")

    def runs_state(self) -> dict[str, str | bool]:
        """What tells a page whether the list has changed."""
        found = list_runs(self._store())
        running = [run for run in found if run.state == "running"]
        text = f"{len(running)} of {len(found)} runs are going on." if running else "No run is going on."
        return {"version": _version_of_list(found), "running": bool(running), "text": text}

    def run(self, run_id: str) -> str:
        """One run."""
        # Imports TensorFlow: seconds that the list of runs need not wait for.
        from dashboard import report

        run = read_run(self._store(), run_id)
        download = Markup('<p><a href="{}/report.html">Download as one file</a></p>').format(run_address(run_id))
        live = _live(f"{run_address(run_id)}/state", _version(run)) if run.overview.state == "running" else Markup()
        return _page(report.title(run), self._sections(run), download + live, footer=report.footer(run))

    def run_state(self, run_id: str) -> dict[str, str | bool]:
        """What tells a page whether the run has changed."""
        run = read_run(self._store(), run_id)
        at_work = [node.id for node in run.nodes if node.state == "running"]
        doing = f"{', '.join(at_work)} running; " if at_work else ""
        text = f"Run {run.overview.state}: {doing}{counts_in_words(run.overview.counts)}."
        return {"version": _version(run), "running": run.overview.state == "running", "text": text}

    def report(self, run_id: str) -> str:
        """One run as a file of its own."""
        from dashboard import report

        run = read_run(self._store(), run_id)
        return render_page(
            report.title(run), self._sections(run), lead=Markup(), footer=report.footer(run), inline=True
        )

    def compare(self, first: str, second: str) -> str:
        """Two runs side by side, or the question which ones."""
        store = self._store()
        run_ids = [run.id for run in list_runs(store)]
        choice = run_list.choice(run_ids, first, second)
        if not run_ids:
            choice = notice("info", "No run yet. Start one with `emotion-ai run`.")
        sections = compare.sections(read_run(store, first), read_run(store, second)) if first and second else []
        return _page("Compare two runs", sections, choice, here="Compare")

    def models(self) -> str:
        """The list of pushed versions."""
        return _page("Models", [models.list_section(list_pushed(self._store()))], here="Models")

    def version(self, artifact_id: int) -> str:
        """A pushed version, and where it comes from."""
        store = self._store()
        versions = list_pushed(store)
        version = next((version for version in versions if version.artifact_id == artifact_id), None)
        if version is None:
            raise NothingThereError("No run has pushed this version.")
        lineage = models.lineage_section(read_lineage(store, version))
        return _page(f"{version.model} {version.version}", [lineage], here="Models")

    def problem(self, title: str, text: str) -> str:
        """A page that says what went wrong."""
        return _page(title, [], notice("warning", text))

    def _store(self) -> metadata_store.MetadataStore:
        """This thread's connection: one connection is not for several at once."""
        if not hasattr(self._of_thread, "store"):
            self._of_thread.store = open_store(self._connection)
        store: metadata_store.MetadataStore = self._of_thread.store
        return store

    def _sections(self, run: Run) -> list[Section]:
        from dashboard import report

        key = run.overview.id, _version(run)
        with self._rendering:
            if key in self._kept:
                self._kept.move_to_end(key)
                return self._kept[key]
            sections = report.run_sections(run)
            # Of a run that is going on, files may still grow.
            if run.overview.state != "running":
                self._kept[key] = sections
                if len(self._kept) > _KEPT_RUNS:
                    self._kept.popitem(last=False)
        return sections

    def _read_headlines(self, store: metadata_store.MetadataStore, runs: Sequence[Overview]) -> dict[str, Headline]:
        """Metrics and pushes by run; those of ended runs are read once."""
        if all(run.id in self._headlines for run in runs):
            return self._headlines
        reports, pushed = (outputs_by_run(store, name) for name in ("emotion_ai.BlessingReport", "PushedModel"))
        found = dict(self._headlines)
        for run in runs:
            if run.id not in found:
                contents = [read_json(artifact, "blessing.json") for artifact in reports.get(run.id, [])]
                metrics = [run_list.headline_metrics(content) for content in contents if content]
                found[run.id] = Headline(tuple(filter(None, metrics)), tuple(pushed.get(run.id, [])))
        self._headlines = {run.id: found[run.id] for run in runs if run.state != "running"}
        return found


def _page(
    title: str, sections: Sequence[Section], lead: Markup | None = None, *, here: str = "", footer: str = _FOOTER
) -> str:
    links: list[Link] = [(name, address, name == here) for name, address in _PAGES.items()]
    return render_page(title, sections, lead=lead or Markup(), footer=footer, pages=links, inline=False)


def _live(address: str, version: str) -> Markup:
    return Markup(ENVIRONMENT.get_template("forms.html.j2").module.live(address, version))  # type: ignore[attr-defined]


def _version_of_list(runs: Sequence[Overview]) -> str:
    return _digest([(run.id, run.state, sorted(run.counts.items())) for run in runs])


def _version(run: Run) -> str:
    return _digest([run.overview.state, [(node.id, node.state, node.seconds) for node in run.nodes]])


def _digest(value: object) -> str:
    return hashlib.sha256(repr(value).encode()).hexdigest()[:16]
