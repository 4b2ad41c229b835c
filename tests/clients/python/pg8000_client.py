"""pg8000 (DB-API): unnamed statements, every step with its own Flush and Sync, COMMIT by Parse, Bind and Execute."""

import io

import pg8000.dbapi
import pg8000.native

from story import HARD, Driver, saw, tell


class Pg8000(Driver):
    package = "pg8000"
    duplicate = pg8000.dbapi.DatabaseError
    lost = (pg8000.dbapi.InterfaceError, pg8000.dbapi.OperationalError, OSError)
    wrong = pg8000.dbapi.DatabaseError

    def connect(self, host, port, user, password, database):
        self.conn = pg8000.dbapi.connect(host=host, port=int(port), user=user, password=password, database=database)

    def run(self, sql, values=()):
        cursor = self.conn.cursor()
        cursor.execute(sql, values)
        return [tuple(row) for row in cursor.fetchall()] if cursor.description else []

    def commit(self):
        self.conn.commit()

    def rollback(self):
        self.conn.rollback()

    def close(self):
        self.conn.close()

    def code(self, error):
        fields = error.args[0]
        return fields["C"], fields["M"], fields.get("P"), fields.get("n"), fields["S"]

    def described(self, sql):
        cursor = self.conn.cursor()
        cursor.execute(sql)
        return [column[:2] for column in cursor.description]

    def many(self, sql, rows):
        cursor = self.conn.cursor()
        cursor.executemany(sql, rows)
        return cursor.rowcount

    def own(self):
        cursor = self.conn.cursor()
        cursor.execute("CREATE TABLE desk (id int, words text)")
        cursor.execute("COPY desk FROM STDIN WITH (FORMAT csv)", stream=io.BytesIO(b"1,one\n2,two\n"))
        out = io.BytesIO()
        cursor.execute("COPY desk TO STDOUT", stream=out)
        saw("copied", cursor.rowcount, out.getvalue())
        cursor.execute("DROP TABLE desk")
        self.conn.commit()
        self.conn.autocommit = True
        cursor.execute("UPDATE tallies SET n = %s WHERE id = %s", (3, 3))
        saw("autocommit", cursor.rowcount, self.run("SELECT n FROM tallies WHERE id = 3"))
        saw("types", self.run("SELECT %s::text, ARRAY[1,2], interval '1 day', '{\"a\": 1}'::jsonb, 1.50::numeric", (HARD,)))

    def afterwards(self, host, port, user, password, database):
        with pg8000.native.Connection(user, host=host, port=int(port), password=password, database=database) as conn:
            conn.run("START TRANSACTION")
            conn.run("UPDATE counters SET n = :n WHERE id = 3", n=4)
            conn.run("UPDATE tallies SET n = :n WHERE id = 3", n=4)
            conn.run("COMMIT")
            prepared = conn.prepare("SELECT n, :words AS words FROM tallies WHERE id = 3")
            saw("native", prepared.run(words=HARD), conn.columns, conn.row_count)
            prepared.close()


tell(Pg8000())
