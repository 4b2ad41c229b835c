"""The story as a Django application tells it: models, atomic blocks with savepoints, generated keys, bulk work, introspection."""

import datetime
import decimal
import sys
import zoneinfo

import django
from django.conf import settings

from story import HARD, NOON, itself, saw


def main(engine, **options):
    host, port, user, password, database, mode, order = sys.argv[1:8]
    order = int(order)
    settings.configure(
        INSTALLED_APPS=["django.contrib.contenttypes", "django.contrib.auth"], USE_TZ=True, TIME_ZONE="Asia/Tokyo", DEFAULT_AUTO_FIELD="django.db.models.BigAutoField",
        DATABASES={"default": {
            "ENGINE": f"django.db.backends.{engine}", "HOST": host, "PORT": port, "USER": user, "PASSWORD": password, "NAME": database, **options,
        }},
    )
    django.setup()
    from django.db import IntegrityError, OperationalError, connection, models, transaction

    class Stock(models.Model):
        item = models.CharField(max_length=40, primary_key=True)
        reserved = models.BigIntegerField()

        class Meta:
            app_label, db_table, managed = "shop", "stock", False

    class Order(models.Model):
        id = models.BigIntegerField(primary_key=True)
        item = models.CharField(max_length=40)
        agent = models.CharField(max_length=40)
        at = models.DateTimeField()

        class Meta:
            app_label, db_table, managed = "shop", "orders", False

    class Agent(models.Model):
        name = models.CharField(max_length=40, primary_key=True)
        order_id = models.BigIntegerField(null=True)

        class Meta:
            app_label, db_table, managed = "shop", "agents", False

    class Assignment(models.Model):
        order_id = models.BigIntegerField(primary_key=True)
        agent = models.CharField(max_length=40)

        class Meta:
            app_label, db_table, managed = "shop", "assignments", False

    class Counter(models.Model):
        id = models.BigIntegerField(primary_key=True)
        n = models.BigIntegerField()

        class Meta:
            app_label, db_table, managed = "shop", "counters", False

    def noted(table):
        meta = type("Meta", (), {"app_label": "shop", "db_table": table})
        fields = dict(
            agent=models.CharField(max_length=40, db_index=True), note=models.TextField(null=True), done=models.BooleanField(default=False), at=models.DateTimeField(null=True),
            day=models.DateField(null=True), fee=models.DecimalField(max_digits=8, decimal_places=2, null=True), raw=models.BinaryField(null=True), ratio=models.FloatField(null=True),
            Meta=meta, __module__=__name__,
        )
        return type(table.title(), (models.Model,), fields)

    def place(number):
        Stock.objects.filter(item="lamp").update(reserved=models.F("reserved") + 1)
        Order.objects.create(id=number, item="lamp", agent="Ann", at=NOON.replace(tzinfo=datetime.UTC))
        agent = Agent.objects.select_for_update().get(name="Ann")
        agent.order_id = number
        agent.save()
        Assignment.objects.create(order_id=number, agent="Ann")

    def expect(number, sides):
        found = Order.objects.filter(id=number).count(), Assignment.objects.filter(order_id=number).count()
        assert found == (sides, sides), f"order {number}: {found}"

    if mode == "kill":
        try:
            with transaction.atomic():
                place(order)
            sys.exit("COMMIT was answered")
        except OperationalError:
            print("ok killed")
            return
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")
        assert cursor.fetchone() == (1,)
    itself("Django")
    print("ok connect")
    with transaction.atomic():
        Counter.objects.filter(id=0).update(n=models.F("n") + 1)
    print("ok one-backend")
    with transaction.atomic():
        place(order)
        with transaction.atomic():
            Counter.objects.filter(id=1).update(n=5)
        try:
            with transaction.atomic():
                Assignment.objects.create(order_id=order, agent="Ben")
            sys.exit("a second assignment of the same number was taken")
        except IntegrityError:
            pass
    expect(order, 1)
    print("ok two-backends")
    try:
        with transaction.atomic():
            place(order + 1)
            raise KeyError
    except KeyError:
        expect(order + 1, 0)
    print("ok rollback")
    try:
        with transaction.atomic():
            place(order)
        sys.exit("a second order of the same number was taken")
    except IntegrityError:
        expect(order, 1)
    print("ok error-class")
    for table in ("desk", "visits"):
        look(connection, transaction, models, noted(table), table)


def look(connection, transaction, models, Note, table):
    zone = zoneinfo.ZoneInfo("Asia/Tokyo")
    with connection.schema_editor() as editor:
        editor.create_model(Note)
    with transaction.atomic():
        one = Note.objects.create(
            agent="Ann", note=HARD, at=NOON.replace(tzinfo=zone), day=NOON.date(), fee=decimal.Decimal("12.50"), raw=bytes(range(256)), ratio=0.1
        )
    saw(f"{table} key", one.pk)
    rows = Note.objects.bulk_create([Note(agent=f"a{n}", done=n % 2 == 0, fee=n) for n in range(50)], batch_size=20)
    saw(f"{table} bulk", [row.pk for row in rows])
    one.refresh_from_db()
    saw(f"{table} back", one.note, one.at, one.day, one.fee, bytes(one.raw), one.ratio, one.done)
    saw(f"{table} sums", Note.objects.filter(done=True).aggregate(models.Sum("fee"), models.Avg("ratio"), models.Count("id")))
    saw(f"{table} page", list(Note.objects.order_by("-id").values_list("agent", "fee")[10:13]), Note.objects.filter(note__contains="quoted").exists())
    # Hours in a named time zone are its server's own matter.
    parts = ("at__year", "at__hour", "day__month") if table == "desk" else ("day__year", "day__month")
    saw(f"{table} by day", list(Note.objects.exclude(at=None).values_list(*parts)))
    saw(f"{table} walked", sum(1 for _ in Note.objects.order_by("id").iterator(chunk_size=7)))
    saw(f"{table} or made", Note.objects.get_or_create(agent="Zoe", defaults={"fee": 1})[1], Note.objects.update_or_create(agent="Zoe", defaults={"fee": 2})[1])
    saw(f"{table} changed", Note.objects.filter(fee__gt=40).update(note="much"), Note.objects.filter(fee__lt=5).delete())
    if table == "desk":
        with connection.cursor() as cursor:
            saw(f"{table} columns", connection.introspection.get_table_description(cursor, table))
            saw(f"{table} constraints", sorted(map(str, connection.introspection.get_constraints(cursor, table).values())))
            saw(f"{table} is there", table in connection.introspection.table_names(cursor))
        with connection.schema_editor() as editor:
            field = models.IntegerField(default=3)
            field.set_attributes_from_name("more")
            editor.add_field(Note, field)
    with connection.schema_editor() as editor:
        editor.delete_model(Note)
