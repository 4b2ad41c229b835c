"""Alembic's life: autogenerate a revision, upgrade, change the models, again, downgrade to nothing. Prints what it generated and
what it finds in the database. Usage: alembic_migrates.py URL"""

import io
import logging
import pathlib
import sys
import tempfile

import alembic.command
import alembic.config
import sqlalchemy as sa

URL = sys.argv[1]
ENV = """
import sqlalchemy as sa
from alembic import context
config = context.config
engine = sa.create_engine(config.attributes["url"])
with engine.connect() as connection:
    context.configure(connection=connection, target_metadata=config.attributes["metadata"], compare_server_default=True,
        include_name=lambda name, kind, parents: kind != "table" or name.startswith(("m_", "away_")))
    with context.begin_transaction():
        context.run_migrations()
"""


def models(second):
    metadata = sa.MetaData(
        naming_convention={"fk": "fk_%(table_name)s_%(column_0_name)s", "uq": "uq_%(table_name)s_%(column_0_name)s"}
    )
    customers = [
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("name", sa.String(80), nullable=False),
        sa.Column("since", sa.DateTime, server_default=sa.func.now()),
    ]
    if second:
        customers += [sa.Column("email", sa.String(200), unique=True), sa.Column("rank", sa.SmallInteger, comment="place")]
    sa.Table("m_customers", metadata, *customers, comment="people" if second else None)
    sa.Table(
        "m_invoices",
        metadata,
        sa.Column("id", sa.BigInteger, primary_key=True),
        sa.Column("customer", sa.ForeignKey("m_customers.id", ondelete="CASCADE")),
        sa.Column("total", sa.Numeric(14 if second else 10, 2), nullable=second, server_default="0"),
        sa.Column("number", sa.String(20)),
        sa.Index("m_by_number", "number", unique=second),
        sa.CheckConstraint("total >= 0", name="m_positive"),
    )
    return metadata


def look(engine):
    inspector = sa.inspect(engine)
    for table in sorted(name for name in inspector.get_table_names() if name.startswith("m_")):
        print("table", table, inspector.get_table_comment(table))
        for column in inspector.get_columns(table):
            print("  ", {key: str(value) for key, value in sorted(column.items())})
        for what in (inspector.get_pk_constraint, inspector.get_foreign_keys, inspector.get_indexes, inspector.get_unique_constraints):
            print("  ", what.__name__, what(table))


def main():
    logging.disable(logging.WARNING)
    engine = sa.create_engine(URL)
    with tempfile.TemporaryDirectory() as folder:
        config = alembic.config.Config(stdout=sys.stdout)
        config.set_main_option("script_location", folder + "/migrations")
        config.set_main_option("path_separator", "os")
        config.attributes["url"] = URL
        scripts = pathlib.Path(folder, "migrations")
        (scripts / "versions").mkdir(parents=True)
        (scripts / "env.py").write_text(ENV)
        (scripts / "script.py.mako").write_text(
            "import sqlalchemy as sa\nfrom alembic import op\n${imports if imports else ''}\n"
            "revision = ${repr(up_revision)}\ndown_revision = ${repr(down_revision)}\nbranch_labels = None\ndepends_on = None\n\n"
            "def upgrade():\n    ${upgrades}\n\ndef downgrade():\n    ${downgrades}\n"
        )
        for number, second in (("0001", False), ("0002", True)):
            config.attributes["metadata"] = models(second)
            script = alembic.command.revision(config, message="step", autogenerate=True, rev_id=number)
            print(pathlib.Path(script.path).read_text())
            alembic.command.upgrade(config, "head")
            look(engine)
            with engine.begin() as connection:
                connection.execute(sa.text("INSERT INTO m_customers (name) VALUES ('Ann')"))
        # Tables of two databases in one revision.
        (scripts / "versions" / "0003_both.py").write_text(
            "import sqlalchemy as sa\nfrom alembic import op\nrevision = '0003'\ndown_revision = '0002'\n"
            "def upgrade():\n"
            "    for name in ('m_notes', 'away_notes'):\n"
            "        op.create_table(name, sa.Column('id', sa.Integer, primary_key=True), sa.Column('note', sa.String(40)))\n"
            "        op.bulk_insert(sa.table(name, sa.column('id'), sa.column('note')), [{'id': 1, 'note': 'x'}, {'id': 2, 'note': 'y'}])\n"
            "        op.create_index(name + '_note', name, ['note'])\n"
            "        op.add_column(name, sa.Column('more', sa.Integer, server_default='3'))\n"
            "def downgrade():\n    op.drop_table('away_notes')\n    op.drop_table('m_notes')\n"
        )
        alembic.command.upgrade(config, "head")
        with engine.connect() as connection:
            for name in ("m_notes", "away_notes"):
                print(name, connection.execute(sa.text(f"SELECT id, note, more FROM {name} ORDER BY id")).all())
        sql = io.StringIO()
        config.output_buffer = sql
        alembic.command.current(config)
        alembic.command.downgrade(config, "-1")
        alembic.command.downgrade(config, "base")
        look(engine)
    with engine.begin() as connection:
        connection.execute(sa.text("DROP TABLE alembic_version"))
    print("done")


main()
