import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):

    initial = True

    dependencies = [
        ('sites', '0002_guards'),
    ]

    operations = [
        migrations.CreateModel(
            name='Provenance',
            fields=[
                ('pk', models.CompositePrimaryKey('site_id', 'day', 'register_id', blank=True, editable=False, primary_key=True, serialize=False)),
                ('site_id', models.BigIntegerField()),
                ('day', models.IntegerField()),
                ('register_id', models.BigIntegerField()),
                ('keys', models.BinaryField()),
            ],
        ),
        migrations.CreateModel(
            name='IntakeFile',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('kind', models.CharField(choices=[('sdat', 'Sdat'), ('load-curve', 'Load Curve'), ('readings', 'Readings')], max_length=10)),
                ('options', models.CharField(blank=True, max_length=64)),
                ('sha256', models.CharField(max_length=64)),
                ('name', models.CharField(max_length=255)),
                ('size', models.BigIntegerField()),
                ('state', models.CharField(choices=[('imported', 'Imported'), ('rejected', 'Rejected')], max_length=8)),
                ('received_at', models.DateTimeField()),
                ('message_created_at', models.DateTimeField(null=True)),
                ('site', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='intake_files', to='sites.site')),
            ],
            options={
                'ordering': ('-received_at', '-id'),
                'constraints': [models.UniqueConstraint(fields=('site', 'kind', 'options', 'sha256'), name='intake_file_is_unique')],
            },
        ),
        migrations.CreateModel(
            name='IntakeFinding',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('at', models.DateTimeField()),
                ('code', models.CharField(max_length=60)),
                ('severity', models.CharField(max_length=7)),
                ('message', models.TextField()),
                ('where', models.CharField(blank=True, max_length=300)),
                ('remedy', models.CharField(blank=True, max_length=300)),
                ('file', models.ForeignKey(null=True, on_delete=django.db.models.deletion.CASCADE, related_name='findings', to='intake.intakefile')),
                ('site', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='intake_findings', to='sites.site')),
            ],
            options={
                'ordering': ('-at', 'id'),
            },
        ),
        migrations.CreateModel(
            name='Quarantine',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('point', models.CharField(max_length=120)),
                ('direction', models.CharField(max_length=6)),
                ('part', models.CharField(max_length=9)),
                ('first_slot', models.BigIntegerField()),
                ('end_slot', models.BigIntegerField()),
                ('since', models.DateTimeField()),
                ('released_at', models.DateTimeField(null=True)),
                ('file', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='quarantine', to='intake.intakefile')),
                ('site', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='quarantine', to='sites.site')),
            ],
            options={
                'ordering': ('point', 'first_slot', 'id'),
                'indexes': [models.Index(condition=models.Q(('released_at', None)), fields=['site', 'point'], name='intake_waiting')],
            },
        ),
    ]
