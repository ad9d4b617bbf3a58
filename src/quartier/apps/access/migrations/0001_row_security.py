"""Nothing of its own: a database that was there before is migrated, and after every migration
``access.rows.secure`` puts the policies in place."""

from django.db import migrations


class Migration(migrations.Migration):
    dependencies = []
    operations = []
