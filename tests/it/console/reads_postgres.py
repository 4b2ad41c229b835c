"""The console through psycopg: every table by text and in binary, parameters, errors, commands. Arguments: port."""

import sys
from datetime import datetime, timedelta

import psycopg

TABLES = "status transactions branches timeline backends pools clients tables strangers statements config metrics journal".split()
port = int(sys.argv[1])

with psycopg.connect(host="127.0.0.1", port=port, user="app", password="app", dbname="handfast") as c:
    for table in TABLES:
        for binary in (False, True):
            with c.cursor(binary=binary) as cursor:
                text = cursor.execute(f"SELECT * FROM {table}").fetchall()
                assert cursor.description and len(cursor.description) > 2, table
                print(table, len(text))
    backends = c.execute("SELECT name, up, since, paused FROM backends WHERE name = %s ORDER BY 1", ("store",)).fetchall()
    assert len(backends) == 1 and backends[0][0] == "store" and backends[0][1] is True, backends
    assert isinstance(backends[0][2], datetime), backends
    (uptime,) = c.execute("SELECT uptime FROM status", binary=True).fetchone()
    assert isinstance(uptime, timedelta), uptime
    count = c.execute("SELECT count(*) FROM transactions WHERE age > interval '5 seconds'").fetchone()
    assert isinstance(count[0], int), count
    assert c.execute("SELECT count(*) FROM transactions WHERE age > %s", (timedelta(days=100),)).fetchone() == (0,)
    assert c.execute("SELECT count(*) FROM clients LIMIT %s", (1,)).fetchone()
    # A transaction of the console is told, and an error fails it, as on a server.
    try:
        c.execute("SELECT * FROM transaction")
        raise AssertionError("no such table")
    except psycopg.errors.UndefinedTable as error:
        assert "transactions" in error.diag.message_hint and error.diag.message_detail.startswith("HF0216"), error
    try:
        c.execute("SELECT 1")
        raise AssertionError("the transaction has failed")
    except psycopg.errors.InFailedSqlTransaction:
        c.rollback()
    assert c.execute("SELECT 1").fetchone() == (1,)
    c.rollback()
    c.autocommit = True
    with c.cursor() as cursor:
        rows = cursor.execute("SELECT key FROM config ORDER BY key LIMIT 3").fetchall()
        assert isinstance(rows, list)
    for _ in range(8):  # becomes a prepared statement on the way
        assert c.execute("SELECT name FROM backends WHERE name = %s", ("delivery",)).fetchone() == ("delivery",)
    assert c.execute("PAUSE delivery").statusmessage == "PAUSE"
    assert c.execute("SELECT paused FROM backends WHERE name = 'delivery'").fetchone() == (True,)
    assert c.execute("RESUME delivery").statusmessage == "RESUME"
    assert c.execute("SELECT paused FROM backends WHERE name = 'delivery'").fetchone() == (False,)
    plan = "\n".join(row[0] for row in c.execute("EXPLAIN ROUTE UPDATE agents SET order_id = 7").fetchall())
    assert "agents -> delivery" in plan, plan
    for wrong in ("SHOWW STATUS", "PAUSE nowhere", "KILL 999999", "SELECT nonsense()", "RESOLVE 'x'"):
        try:
            c.execute(wrong)
            raise AssertionError(wrong)
        except psycopg.Error as error:
            assert error.sqlstate and error.diag.message_hint, (wrong, error)
print("done")
