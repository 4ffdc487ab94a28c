"""Rules of the house that a linter cannot say. Each fails as well when one of its exceptions is out of date."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
MODULE = ROOT / "apps" / "team_notifications"
SURFACES = {"web", "templatetags", "management"}
AT_THE_EDGE = {  # may know of requests or of the broker
    "admin.py",
    "admin_tables.py",
    "broker.py",
    "event_admin.py",
    "tasks.py",
    "template_admin.py",
}

LONGEST = 400
WRITERS = {
    "Notification": {"threads.py"},
    "Occurrence": {"threads.py"},
    "UserNotification": {"fanout.py", "inbox.py"},
    "UnfinishedFanout": {"fanout.py"},
    "Preference": {"preferences.py"},
    "KindPreference": {"kind_preferences.py"},
    "Floor": {"floors.py"},
    "Delivery": {"fanout.py", "outbox.py", "mailings.py"},
    "Mailing": {"mailings.py", "tracking.py"},
    "Suppression": {"suppression.py"},
    "NotificationTemplate": {"failures.py"},
    "EventLog": {"publish.py", "dispatch.py"},
    "HandlerRun": {"dispatch.py", "runs.py"},
}
WRITES = {"create", "bulk_create", "update", "delete", "save", "get_or_create", "update_or_create", "raw"}


def sources(folder: Path) -> Iterator[tuple[Path, ast.Module]]:
    for path in sorted(folder.rglob("*.py")):
        if "migrations" not in path.parts:
            yield path, ast.parse(path.read_text())


def imports(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (name.name for name in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module
            yield from (f"{node.module}.{name.name}" for name in node.names)


def domain() -> Iterator[tuple[str, ast.Module]]:
    for path, tree in sources(MODULE):
        parts = path.relative_to(MODULE).parts
        if parts[0] not in SURFACES and parts[0] not in AT_THE_EDGE:
            yield "/".join(parts), tree


@pytest.mark.parametrize(
    "forbidden", ["django.http", "django.views", "django.shortcuts", "celery", "kombu", "channels"]
)
def test_the_domain_knows_no_request_and_no_broker(forbidden: str) -> None:
    found = {path for path, tree in domain() for name in imports(tree) if f"{name}.".startswith(f"{forbidden}.")}
    assert found == set()


@pytest.mark.parametrize("name", sorted(AT_THE_EDGE))
def test_what_may_know_of_requests_or_of_the_broker_does(name: str) -> None:
    known = set(imports(ast.parse((MODULE / name).read_text())))
    assert any(entry.split(".")[0] in {"celery", "kombu"} or entry == "django.http" for entry in known)


def test_no_module_is_longer_than_a_room() -> None:
    lengths = {str(path.relative_to(ROOT)): len(path.read_text().splitlines()) for path, _ in sources(ROOT / "apps")}
    assert {path: length for path, length in lengths.items() if length > LONGEST} == {}


def test_imports_stand_at_the_top() -> None:
    """But for `AppConfig.ready`, before which Django has no models."""
    found = [
        f"{path.relative_to(ROOT)}:{node.lineno}"
        for path, tree in sources(ROOT / "apps")
        if path.name != "apps.py"
        for function in ast.walk(tree)
        if isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef)
        for node in ast.walk(function)
        if isinstance(node, ast.Import | ast.ImportFrom)
    ]
    assert found == []


def test_only_its_owners_write_a_table() -> None:
    """Looks for `Model.objects….write()` in the module, wherever the name of the model stands in the expression."""
    found: dict[str, set[str]] = {name: set() for name in WRITERS}
    for path, tree in sources(MODULE):
        for node in ast.walk(tree):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in WRITES:
                for name in {part.id for part in ast.walk(node.func) if isinstance(part, ast.Name)} & set(WRITERS):
                    found[name].add(path.name)
        text = path.read_text()
        for name in WRITERS:
            if "INSERT INTO" in text and re.search(rf"\b{name}\._meta\.db_table", text):
                found[name].add(path.name)
    assert {name: files - WRITERS[name] for name, files in found.items()} == {name: set() for name in WRITERS}


def test_only_the_cleanup_deletes_past_signals_and_cascades() -> None:
    """It deletes of every table, by querysets in which no name of a model stands."""
    importers = {path.name for path, tree in sources(MODULE) if "team_notifications.sql.delete_idle" in imports(tree)}
    assert importers == {"cleanup.py"}
    assert {path.name for path, _ in sources(MODULE) if "DELETE FROM" in path.read_text()} == {"sql.py"}


def test_guardian_has_one_importer() -> None:
    importers = {
        path.relative_to(ROOT).as_posix()
        for path, tree in sources(ROOT / "apps")
        for name in imports(tree)
        if name.split(".")[0] == "guardian"
    }
    assert importers == {"apps/teams/permissions.py"}


def test_features_call_the_module_from_their_notifications_file_alone() -> None:
    callers = {
        path.relative_to(ROOT).as_posix()
        for path, tree in sources(ROOT / "apps")
        for name in imports(tree)
        if name.startswith("team_notifications.notify") and MODULE not in path.parents
    }
    features = ("content", "custom_actions", "demo", "products")
    assert callers == {f"apps/{feature}/notifications.py" for feature in features}
