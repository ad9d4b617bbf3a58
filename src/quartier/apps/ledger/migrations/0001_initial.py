import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):

    initial = True

    dependencies = [
        ('sites', '0001_initial'),
    ]

    operations = [
        migrations.CreateModel(
            name='Entry',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('date', models.DateField()),
                ('source', models.CharField(max_length=80)),
                ('text', models.CharField(max_length=200)),
                ('currency', models.CharField(max_length=3)),
                ('is_closed', models.BooleanField(default=False)),
                ('created_at', models.DateTimeField()),
                ('reverses', models.OneToOneField(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='reversed_by', to='ledger.entry')),
                ('site', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='entries', to='sites.site')),
            ],
            options={
                'verbose_name_plural': 'entries',
                'ordering': ('date', 'id'),
                'constraints': [models.UniqueConstraint(fields=('site', 'source'), name='an_entry_is_made_once')],
            },
        ),
        migrations.CreateModel(
            name='Posting',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('account', models.CharField(max_length=60)),
                ('party_id', models.BigIntegerField(db_index=True, null=True)),
                ('amount', models.DecimalField(decimal_places=2, max_digits=14)),
                ('entry', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='postings', to='ledger.entry')),
            ],
            options={
                'ordering': ('entry', 'id'),
                'constraints': [models.CheckConstraint(condition=models.Q(('amount', 0), _negated=True), name='posting_is_not_zero')],
            },
        ),
    ]
