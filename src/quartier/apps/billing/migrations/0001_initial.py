import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):

    initial = True

    dependencies = [
        ('parties', '0001_initial'),
        ('sites', '0001_initial'),
    ]

    operations = [
        migrations.CreateModel(
            name='BillingRun',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('from_date', models.DateField()),
                ('to_date', models.DateField()),
                ('state', models.CharField(choices=[('issued', 'Issued'), ('refused', 'Refused')], max_length=7)),
                ('known_at', models.DateTimeField()),
                ('finished_at', models.DateTimeField()),
                ('actor', models.CharField(max_length=254)),
                ('findings', models.JSONField(default=list)),
                ('inputs', models.JSONField(default=list)),
                ('inputs_sha256', models.CharField(blank=True, max_length=64)),
                ('site', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='billing_runs', to='sites.site')),
            ],
            options={
                'ordering': ('-finished_at', '-id'),
                'indexes': [models.Index(fields=['site', 'from_date'], name='run_site_from')],
                'constraints': [models.CheckConstraint(condition=models.Q(('to_date__gt', models.F('from_date'))), name='run_covers_a_period')],
            },
        ),
        migrations.CreateModel(
            name='Invoice',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('kind', models.CharField(choices=[('invoice', 'Invoice'), ('credit_note', 'Credit Note')], default='invoice', max_length=11)),
                ('number', models.CharField(max_length=40)),
                ('from_date', models.DateField()),
                ('to_date', models.DateField()),
                ('issued_date', models.DateField()),
                ('due_date', models.DateField()),
                ('language', models.CharField(max_length=2)),
                ('currency', models.CharField(max_length=3)),
                ('total', models.DecimalField(decimal_places=2, max_digits=14)),
                ('document', models.BinaryField()),
                ('sha256', models.CharField(max_length=64)),
                ('billing_point', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='invoices', to='sites.billingpoint')),
                ('organisation', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='invoices', to='parties.organisation')),
                ('party', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='invoices', to='parties.party')),
                ('run', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='invoices', to='billing.billingrun')),
                ('site', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='invoices', to='sites.site')),
                ('supersedes', models.OneToOneField(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='superseded_by', to='billing.invoice')),
            ],
            options={
                'ordering': ('-from_date', 'number'),
                'indexes': [models.Index(fields=['billing_point', 'from_date'], name='invoice_point_from'), models.Index(fields=['party', 'from_date'], name='invoice_party_from')],
                'constraints': [models.UniqueConstraint(fields=('organisation', 'number'), name='document_number_is_unique'), models.CheckConstraint(condition=models.Q(('to_date__gt', models.F('from_date'))), name='invoice_covers_a_period'), models.CheckConstraint(condition=models.Q(models.Q(('kind', 'invoice'), ('supersedes', None)), models.Q(('kind', 'credit_note'), ('supersedes__isnull', False)), _connector='OR'), name='credit_note_names_its_invoice')],
            },
        ),
        migrations.CreateModel(
            name='NumberSequence',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('series', models.CharField(max_length=40)),
                ('next_number', models.PositiveBigIntegerField(default=1)),
                ('organisation', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='parties.organisation')),
            ],
            options={
                'constraints': [models.UniqueConstraint(fields=('organisation', 'series'), name='number_series_is_unique')],
            },
        ),
    ]
