import django.db.models.deletion
from django.db import migrations, models

from quartier.apps.audit.guards import append_only


class Migration(migrations.Migration):

    dependencies = [
        ('documents', '0001_initial'),
        ('sites', '0002_guards'),
    ]

    operations = [
        migrations.CreateModel(
            name='InspectionReport',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('number', models.PositiveIntegerField()),
                ('issued_at', models.DateTimeField()),
                ('installer', models.CharField(max_length=120)),
                ('by', models.CharField(max_length=254)),
                ('left_open', models.PositiveIntegerField()),
                ('content', models.BinaryField()),
                ('content_sha256', models.CharField(max_length=64)),
                ('pdf', models.BinaryField()),
                ('sha256', models.CharField(max_length=64)),
                ('seal', models.CharField(max_length=64)),
                ('site', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='inspection_reports', to='sites.site')),
            ],
            options={
                'ordering': ('-number',),
                'constraints': [models.UniqueConstraint(fields=('site', 'number'), name='inspection_report_number_is_unique')],
            },
        ),
        *append_only("documents_inspectionreport", "a report"),
    ]
