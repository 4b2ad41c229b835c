"""Django's life: makemigrations, migrate, inspectdb, a change, migrate, back to nothing. One app's tables live in another database.
Usage: django_migrates.py postgresql|mysql PORT DATABASE"""

import io
import pathlib
import sys
import tempfile

ENGINE, PORT, DATABASE = sys.argv[1:]
MODELS = """
from django.db import models
class Customer(models.Model):
    name = models.CharField(max_length=80, unique=True)
    since = models.DateTimeField(auto_now_add=True)
    {customer}
class Invoice(models.Model):
    customer = models.ForeignKey(Customer, on_delete=models.CASCADE)
    total = models.DecimalField(max_digits={digits}, decimal_places=2, default=0)
    data = models.JSONField(null=True)
    tags = models.ManyToManyField('Tag')
    class Meta:
        indexes = [models.Index(fields=['total'])]
        constraints = [models.CheckConstraint(condition=models.Q(total__gte=0), name='positive')]
class Tag(models.Model):
    name = models.SlugField()
class Note(models.Model):
    text = models.TextField()
    {note}
    class Meta:
        db_table = 'away_notes'
"""


def out(call, *arguments, **options):
    text = io.StringIO()
    call(*arguments, stdout=text, **options)
    print("--", *arguments[:3])
    print(text.getvalue())


def main():
    if ENGINE == "mysql":
        import pymysql

        # Django asks for the name of another driver.
        pymysql.version_info = (2, 2, 7, "final", 0)
        pymysql.install_as_MySQLdb()
    with tempfile.TemporaryDirectory() as folder:
        app = pathlib.Path(folder, "desk")
        (app / "migrations").mkdir(parents=True)
        (app / "__init__.py").touch()
        (app / "migrations" / "__init__.py").touch()
        (app / "models.py").write_text(MODELS.format(customer="", digits=10, note=""))
        sys.path.insert(0, folder)
        import django
        from django.conf import settings
        from django.core.management import call_command

        settings.configure(
            INSTALLED_APPS=["django.contrib.contenttypes", "django.contrib.auth", "desk"],
            DATABASES={
                "default": {
                    "ENGINE": f"django.db.backends.{ENGINE}", "NAME": DATABASE, "USER": "app", "PASSWORD": "app",
                    "HOST": "127.0.0.1", "PORT": PORT,
                }
            },
            DEFAULT_AUTO_FIELD="django.db.models.BigAutoField",
            USE_TZ=True,
        )
        django.setup()
        out(call_command, "makemigrations", "desk", name="first")
        out(call_command, "migrate", verbosity=1)
        second = MODELS.format(customer="email = models.EmailField(null=True)", digits=14, note="more = models.IntegerField(default=3)")
        (app / "models.py").write_text(second)
        import importlib
        import subprocess

        importlib.invalidate_caches()
        # A process sees its models once.
        rest = f"""
import sys
sys.path.insert(0, {folder!r})
{"import pymysql; pymysql.version_info = (2, 2, 7, 'final', 0); pymysql.install_as_MySQLdb()" if ENGINE == "mysql" else ""}
import django
from django.conf import settings
settings.configure(INSTALLED_APPS=["django.contrib.contenttypes", "django.contrib.auth", "desk"],
    DATABASES={settings.DATABASES!r}, DEFAULT_AUTO_FIELD="django.db.models.BigAutoField", USE_TZ=True)
django.setup()
from django.core.management import call_command
call_command("makemigrations", "desk", name="second")
call_command("sqlmigrate", "desk", "0002")
call_command("migrate", verbosity=1)
call_command("migrate", verbosity=1)
call_command("makemigrations", check=True, dry_run=True)
call_command("showmigrations")
from desk.models import Customer, Invoice, Note, Tag
from django.db import connection, transaction
with transaction.atomic():
    customer = Customer.objects.create(name="Ann")
    invoice = Invoice.objects.create(customer=customer, total=3, data={{"a": [1]}})
    invoice.tags.add(Tag.objects.create(name="red"))
    Note.objects.create(text="hello")
print(list(Invoice.objects.values_list("customer__name", "total", "data", "tags__name")), list(Note.objects.values_list("text", "more")))
call_command("inspectdb", "desk_customer", "desk_invoice", "desk_tag", "desk_invoice_tags")
call_command("migrate", "desk", "0001", verbosity=1)
call_command("migrate", "desk", "zero", verbosity=1)
call_command("migrate", "auth", "zero", verbosity=1)
call_command("migrate", "contenttypes", "zero", verbosity=1)
print(sorted(connection.introspection.table_names()))
with connection.cursor() as cursor:
    cursor.execute("DROP TABLE django_migrations")
print("done")
"""
        sys.stdout.flush()
        return subprocess.run([sys.executable, "-c", rest], check=False).returncode


sys.exit(main())
