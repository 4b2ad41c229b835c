"""mysql-connector-python (pure Python): prepared cursors, multi-results, its pool (which resets sessions), compression."""

import mysql.connector
import mysql.connector.pooling

from my_driver import MyDriver
from story import HARD, saw, tell


class MysqlConnector(MyDriver):
    package = "mysql-connector-python"
    duplicate = mysql.connector.IntegrityError
    lost = (mysql.connector.OperationalError, mysql.connector.InterfaceError)
    wrong = mysql.connector.Error

    def open(self, host, port, user, password, database, **options):
        return mysql.connector.connect(host=host, port=int(port), user=user, password=password, database=database, use_pure=True, **options)

    def connect(self, *where):
        self.conn = self.open(*where)

    def begin(self):
        if not self.conn.in_transaction:
            self.conn.start_transaction()

    def stream(self, sql):
        cursor = self.conn.cursor(buffered=False)
        cursor.execute(sql)
        while rows := cursor.fetchmany(7):
            yield from rows
        cursor.close()

    def code(self, error):
        return error.errno, error.msg, error.sqlstate

    def own(self):
        conn = self.conn
        with conn.cursor(prepared=True) as cursor:
            for n in range(3):
                cursor.execute("UPDATE tallies SET n = %s WHERE id = %s", (n, 4))
                cursor.execute("SELECT n, %s FROM tallies WHERE id = %s", (HARD, 4))
                saw("prepared", cursor.fetchall(), cursor.column_names)
        conn.commit()
        with conn.cursor(dictionary=True) as cursor:
            cursor.execute("SELECT 1/0 AS nothing")
            saw("warned", cursor.fetchall())
            conn.get_warnings = True
            cursor.execute("SELECT 1/0 AS nothing")
            saw("warnings", cursor.fetchall(), cursor.warnings)
            conn.get_warnings = False
        conn.ping(reconnect=False)
        conn.commit()
        conn.cmd_reset_connection()
        saw("reset", self.run("SELECT @@time_zone"), conn.charset, conn.collation)
        conn.reset_session(user_variables={"a": 5}, session_variables={"time_zone": "+09:00"})
        saw("session", self.run("SELECT @a, @@time_zone, FROM_UNIXTIME(0)"))

    def afterwards(self, host, port, user, password, database):
        pool = mysql.connector.pooling.MySQLConnectionPool(
            pool_size=1, pool_reset_session=True, host=host, port=int(port), user=user, password=password, database=database, use_pure=True
        )
        for n in range(3):
            self.conn = pool.get_connection()
            self.conn.start_transaction(isolation_level="READ COMMITTED")
            for table in ("counters", "tallies"):
                self.run(f"UPDATE {table} SET n = %s WHERE id = 5", (n,))
            self.conn.commit()
            saw("pooled", self.run("SELECT n, @mine FROM tallies WHERE id = 5"))
            self.run("SET @mine = 1, autocommit = 1")
            self.conn.close()
        for options in ({"autocommit": True}, {"time_zone": "+09:00"}, {"sql_mode": ["ANSI_QUOTES", "STRICT_ALL_TABLES"]}, {"charset": "latin1"}):
            self.conn = self.open(host, port, user, password, database, **options)
            for table in ("counters", "tallies"):
                self.run(f"UPDATE {table} SET n = %s WHERE id = 5", (7,))
            self.conn.commit()
            row = self.run("SELECT n, FROM_UNIXTIME(0), @@sql_mode, REPEAT('long ', 20000) FROM tallies WHERE id = 5")[0]
            saw(*options, row[:3], len(row[3]))
            self.conn.close()


tell(MysqlConnector())
