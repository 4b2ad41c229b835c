"""PyMySQL: values written into the text; unbuffered cursors, several statements at once, found rows, time zones."""

import pymysql
import pymysql.cursors
from pymysql.constants import CLIENT

from my_driver import MyDriver
from story import HARD, saw, tell


class PyMysql(MyDriver):
    package = "PyMySQL"
    duplicate = pymysql.err.IntegrityError
    lost = (pymysql.err.OperationalError, pymysql.err.InterfaceError)
    wrong = pymysql.err.Error

    def open(self, host, port, user, password, database, **options):
        return pymysql.connect(host=host, port=int(port), user=user, password=password, database=database, read_timeout=60, **options)

    def connect(self, *where):
        self.conn = self.open(*where)

    def stream(self, sql):
        with self.conn.cursor(pymysql.cursors.SSCursor) as cursor:
            cursor.execute(sql)
            yield from cursor.fetchall_unbuffered()

    def own(self):
        conn = self.conn
        conn.autocommit(True)
        conn.begin()
        self.run("UPDATE counters SET n = 5 WHERE id = 2")
        self.run("SAVEPOINT a")
        self.run("UPDATE tallies SET n = 5 WHERE id = 2")
        self.run("ROLLBACK TO SAVEPOINT a")
        conn.commit()
        saw("savepoint", self.run("SELECT n FROM counters WHERE id = 2"), self.run("SELECT n FROM tallies WHERE id = 2"))
        conn.ping()
        saw("escaped", conn.escape(HARD))
        with conn.cursor(pymysql.cursors.DictCursor) as cursor:
            cursor.execute("SELECT 1/0 AS nothing, 'a' AS letter")
            saw("warned", cursor.fetchall(), cursor.warning_count)
            cursor.execute("SHOW WARNINGS")
            saw("warnings", cursor.fetchall())
        conn.select_db("shop" if conn.db == b"shop" else conn.db.decode())
        saw("charset", conn.charset, self.run("SELECT @@character_set_client, @@collation_connection, @@autocommit"))

    def afterwards(self, *where):
        for options in (
            {"client_flag": CLIENT.MULTI_STATEMENTS},
            {"client_flag": CLIENT.FOUND_ROWS},
            {"charset": "utf8mb4", "init_command": "SET time_zone = '+09:00', sql_mode = 'ANSI_QUOTES'"},
            {"charset": "latin1"},
        ):
            with self.open(*where, **options) as conn, conn.cursor() as cursor:
                saw(*options, cursor.execute("UPDATE counters SET n = %s WHERE id = %s", (1, 3)), cursor.execute("UPDATE counters SET n = %s WHERE id = %s", (1, 3)))
                cursor.execute("UPDATE tallies SET n = %s WHERE id = %s", (1, 3))
                conn.commit()
                cursor.execute("SELECT FROM_UNIXTIME(0), @@sql_mode, @@time_zone, HEX(%s)", ("é",))
                saw("there", cursor.fetchall())
                if options.get("client_flag") == CLIENT.MULTI_STATEMENTS:
                    cursor.execute("SELECT 1; UPDATE counters SET n = 7 WHERE id = 3; UPDATE tallies SET n = 7 WHERE id = 3; SELECT n FROM tallies WHERE id = 3")
                    found = [cursor.fetchall()]
                    while cursor.nextset():
                        found.append((cursor.fetchall(), cursor.rowcount))
                    saw("several", found)
                    conn.commit()


tell(PyMysql())
