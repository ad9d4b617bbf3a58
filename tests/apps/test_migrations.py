"""The migrations make the tables that the models describe: no field is there twice or forgotten."""

from django.apps import apps
from django.db.migrations.autodetector import MigrationAutodetector
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.state import ProjectState
from django.utils.translation import override

OURS = {one.label for one in apps.get_app_configs() if one.name.startswith("quartier.")}


def test_no_model_differs_from_its_migrations():
    loader = MigrationLoader(None)
    with override(None):  # Django's own texts are in the migrations, untranslated
        wanted = ProjectState.from_apps(apps)
        changes = MigrationAutodetector(loader.project_state(), wanted).changes(loader.graph)
    assert OURS
    assert {label: changes[label] for label in OURS & changes.keys()} == {}


def test_a_batch_keeps_nothing_that_nobody_reads():
    """When a worker began a site: its run says when it ended, its batch who holds it."""
    state = MigrationLoader(None).project_state()
    assert "started_at" not in state.models["billing", "batchsite"].fields
