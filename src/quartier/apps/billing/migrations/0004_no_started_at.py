"""Nothing reads when a worker began a site: its run says what came of it, its batch who holds it."""

from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("billing", "0003_batches")]
    operations = [migrations.RemoveField("batchsite", "started_at")]
