from django.db import migrations, models
from django.db.models import Count, OuterRef, Subquery
from django.db.models.functions import Coalesce


def count(apps, schema_editor):
    attempts = apps.get_model("ocpi", "DeliveryAttempt").objects.filter(message=OuterRef("pk")).order_by()
    made = attempts.values("message").annotate(made=Count("pk")).values("made")
    apps.get_model("ocpi", "OutboxMessage").objects.update(attempt_count=Coalesce(Subquery(made), 0))


class Migration(migrations.Migration):
    dependencies = [("ocpi", "0001_initial")]

    operations = [
        migrations.AddField("outboxmessage", "attempt_count", models.PositiveIntegerField(default=0)),
        migrations.RunPython(count, migrations.RunPython.noop),
    ]
