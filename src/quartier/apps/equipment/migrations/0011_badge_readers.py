"""The readers of badges that a gateway listens to."""

import django.core.validators
import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('equipment', '0010_remote'),
    ]

    operations = [
        migrations.CreateModel(
            name='BadgeReader',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('name', models.CharField(max_length=63, validators=[django.core.validators.RegexValidator('\\A[A-Za-z0-9][A-Za-z0-9._-]{0,62}\\Z', 'Letters, digits, dot, dash and underscore only; begins with a letter or digit.')])),
                ('kind', models.CharField(max_length=8)),
                ('parameters', models.JSONField(default=dict)),
                ('gateway', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='badge_readers', to='equipment.gateway')),
            ],
            options={
                'ordering': ('name',),
                'constraints': [models.UniqueConstraint(fields=('gateway', 'name'), name='badge_reader_name_is_unique')],
            },
        ),
    ]
