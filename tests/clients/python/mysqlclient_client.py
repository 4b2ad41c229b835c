"""mysqlclient (the C client library): stored and streamed results, several statements, options, COM_RESET_CONNECTION's kin."""

import MySQLdb
import MySQLdb.constants.CLIENT as CLIENT
import MySQLdb.cursors

from my_driver import MyDriver
from story import saw, tell


class MysqlClient(MyDriver):
    package = "mysqlclient"
    duplicate = MySQLdb.IntegrityError
    lost = (MySQLdb.OperationalError, MySQLdb.InterfaceError)
    wrong = MySQLdb.Error

    def open(self, host, port, user, password, database, **options):
        return MySQLdb.connect(host=host, port=int(port), user=user, passwd=password, db=database, charset="utf8mb4", **options)

    def connect(self, *where):
        self.conn = self.open(*where)

    def run(self, sql, values=()):
        return super().run(sql, values or None)

    def stream(self, sql):
        with self.conn.cursor(MySQLdb.cursors.SSCursor) as cursor:
            cursor.execute(sql)
            yield from cursor

    def own(self):
        conn = self.conn
        saw("info", self.run("UPDATE counters SET n = n + 1 WHERE id < 4"), conn.affected_rows(), conn.warning_count())
        self.run("SELECT 1/0")
        saw("warnings", conn.warning_count(), conn.show_warnings())
        saw("character set", conn.character_set_name(), conn.get_character_set_info())
        conn.ping()
        assert conn.stat()
        conn.autocommit(True)
        saw("autocommit", conn.get_autocommit(), self.run("SELECT @@autocommit"))
        conn.change_user("app", "app", conn.db if hasattr(conn, "db") and isinstance(conn.db, str) else self.run("SELECT DATABASE()")[0][0])
        saw("changed user", self.run("SELECT @@autocommit"), self.run("SELECT n FROM tallies WHERE id = 1"))

    def afterwards(self, *where):
        for options in ({"client_flag": CLIENT.FOUND_ROWS}, {"client_flag": CLIENT.MULTI_STATEMENTS}, {"compress": True}, {"init_command": "SET time_zone = '+09:00'"}):
            conn = self.open(*where, **options)
            cursor = conn.cursor()
            changed = [cursor.execute("UPDATE counters SET n = %s WHERE id = %s", (1, 3)) for _ in range(2)]
            cursor.execute("UPDATE tallies SET n = %s WHERE id = %s", (1, 3))
            conn.commit()
            cursor.execute("SELECT FROM_UNIXTIME(0), REPEAT('long ', 20000)")
            row = cursor.fetchone()
            saw(*options, changed, row[0], len(row[1]))
            if options.get("client_flag") == CLIENT.MULTI_STATEMENTS:
                cursor.execute("SELECT 1; UPDATE counters SET n = 7 WHERE id = 3; UPDATE tallies SET n = 7 WHERE id = 3; SELECT n FROM tallies WHERE id = 3")
                found = [cursor.fetchall()]
                while cursor.nextset():
                    found.append((cursor.fetchall(), cursor.rowcount))
                saw("several", found)
                conn.commit()
            conn.close()


tell(MysqlClient())
