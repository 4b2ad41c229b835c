"""The console through PyMySQL: every table, errors, commands. Arguments: port."""

import sys
from datetime import datetime, timedelta

import pymysql

TABLES = "status transactions branches timeline backends pools clients tables strangers statements config metrics journal".split()
port = int(sys.argv[1])

c = pymysql.connect(host="127.0.0.1", port=port, user="app", password="app", database="handfast")
cursor = c.cursor()


def ask(sql, *values):
    cursor.execute(sql, values or None)
    return cursor.fetchall()


for table in TABLES:
    rows = ask(f"SELECT * FROM {table}")
    assert len(cursor.description) > 2, table
    print(table, len(rows))
tables = {name for (name,) in ask("SHOW TABLES")}
assert tables >= set(TABLES), tables
assert ("name",) in {row[:1] for row in ask("DESCRIBE transactions")}
assert ask("SHOW TABLES LIKE 'trans%%'") == (("transactions",),), ask("SHOW TABLES LIKE 'trans%%'")
assert ask("SHOW VARIABLES LIKE 'character_set_client'") == (("character_set_client", "utf8mb4"),)
backends = ask("SELECT name, up, since FROM backends WHERE name = %s", "store")
assert backends[0][:2] == ("store", 1) and isinstance(backends[0][2], datetime), backends
((uptime,),) = ask("SELECT uptime FROM status")
assert isinstance(uptime, timedelta), uptime
assert isinstance(ask("SELECT COUNT(*) FROM transactions WHERE age > INTERVAL 5 SECOND")[0][0], int)
ask("PAUSE delivery")
assert ask("SELECT paused FROM backends WHERE name = 'delivery'") == ((1,),)
ask("RESUME delivery")
assert ask("SELECT paused FROM backends WHERE name = 'delivery'") == ((0,),)
c.begin()
c.commit()
c.ping()
c.select_db("handfast")
for wrong, errno in (("SELECT * FROM transaction", 1146), ("SELECT @@nonsense", 1193), ("SHOWW STATUS", 1064), ("PAUSE nowhere", 1049)):
    try:
        ask(wrong)
        raise AssertionError(wrong)
    except pymysql.Error as error:
        assert error.args[0] == errno and "HF" in error.args[1] or errno == 1193, error
print("done")
