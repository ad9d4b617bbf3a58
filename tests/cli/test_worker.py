"""The worker takes what waits: the PDFs of a run. Real processes, as they run at home."""

import os
import subprocess
import sys

BILL = """
from quartier.config.start import django
django()
from quartier.apps.billing.operations import bill
from quartier.apps.documents.tasks import print_run
from quartier.cli.bench import _world as world
site = world.site_with(2, "linde")
_, invoices = bill(
    site, world.QUARTER, now=world.KNOWN_AT, issued_date=world.KNOWN_AT.date(), actor="test"
)
print_run.enqueue(invoices[0].run_id)
print_run.enqueue(invoices[0].run_id)
"""
LOOK = """
from quartier.config.start import django
django()
from django_tasks_db.models import DBTaskResult
for one in DBTaskResult.objects.filter(task_path__endswith=".print_run").order_by("enqueued_at"):
    print(one.status, one.return_value)
"""


def test_the_documents_of_a_run_are_printed_in_the_background(fresh_home):
    environment = {**os.environ, "QUARTIER_HOME": str(fresh_home)}
    environment.pop("DATABASE_URL", None)

    def python(*words):
        done = subprocess.run(
            [sys.executable, *words], env=environment, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    python("-c", BILL)
    assert not list(fresh_home.glob("documents/**/*.pdf"))
    python("-m", "quartier", "worker", "--once")
    assert len(list(fresh_home.glob("documents/**/*.pdf"))) == 2
    first, second = python("-c", LOOK).splitlines()
    assert first == "SUCCESSFUL {'written': 2, 'kept': 0, 'findings': 0}"
    assert second == "SUCCESSFUL {'written': 0, 'kept': 2, 'findings': 0}"
