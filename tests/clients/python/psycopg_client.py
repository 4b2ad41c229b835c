"""psycopg 3: implicit transactions, its own preparing from the fifth use on, pipelines, server-side cursors, COPY, binary results."""

import psycopg

from story import HARD, Driver, saw, tell


class Psycopg(Driver):
    package = "psycopg"
    duplicate = psycopg.errors.UniqueViolation
    lost = psycopg.OperationalError
    wrong = psycopg.Error

    def open(self, host, port, user, password, database, **options):
        return psycopg.connect(host=host, port=port, user=user, password=password, dbname=database, sslmode="disable", **options)

    def connect(self, *where):
        self.conn = self.open(*where)

    def run(self, sql, values=()):
        cursor = self.conn.execute(sql, values)
        return cursor.fetchall() if cursor.description else []

    def commit(self):
        self.conn.commit()

    def rollback(self):
        self.conn.rollback()

    def close(self):
        self.conn.close()

    def code(self, error):
        return error.sqlstate, error.diag.message_primary, error.diag.statement_position, error.diag.constraint_name

    def described(self, sql):
        cursor = self.conn.execute(sql)
        return [(c.name, c.type_code, c.internal_size, c.precision, c.scale) for c in cursor.description]

    def many(self, sql, rows):
        with self.conn.cursor() as cursor:
            cursor.executemany(sql, rows)
            return cursor.rowcount

    def stream(self, sql):
        with self.conn.cursor(name="walk") as cursor:
            cursor.itersize = 7
            yield from cursor.execute(sql)

    def own(self):
        conn = self.conn
        conn.commit()
        with conn.transaction():
            conn.execute("UPDATE counters SET n = 5 WHERE id = 2")
            try:
                with conn.transaction():
                    conn.execute("UPDATE tallies SET n = 5 WHERE id = 2")
                    conn.execute("INSERT INTO tallies (id, n) VALUES (2, 2)")
            except psycopg.errors.UniqueViolation:
                pass
            conn.execute("UPDATE tallies SET n = n + 1 WHERE id = 2")
        saw("nested", self.run("SELECT n FROM counters WHERE id = 2"), self.run("SELECT n FROM tallies WHERE id = 2"))
        with conn.pipeline() as pipeline, conn.cursor() as a, conn.cursor() as b:
            a.execute("UPDATE counters SET n = 9 WHERE id = %s", (2,))
            b.execute("UPDATE tallies SET n = 9 WHERE id = %s RETURNING n", (2,))
            pipeline.sync()
            saw("pipeline", a.rowcount, b.fetchone())
            conn.commit()
            try:
                a.execute("SELECT n FROM counters WHERE id = %s", (2,))
                # Whichever call reads the answer tells of it.
                b.execute("SELECT n FROM nowhere WHERE id = %s", (2,))
                pipeline.sync()
            except psycopg.errors.UndefinedTable as error:
                saw("pipeline error", self.code(error))
            conn.rollback()
        with conn.cursor(binary=True) as cursor:
            cursor.execute("SELECT id, n FROM tallies WHERE id < %s ORDER BY id", (3,))
            saw("binary", cursor.fetchall(), [c.type_code for c in cursor.description])
        conn.commit()
        conn.execute("CREATE TABLE desk (id int, words text)")
        with conn.cursor() as cursor:
            with cursor.copy("COPY desk (id, words) FROM STDIN") as copy:
                for n in range(500):
                    copy.write_row((n, HARD))
            saw("copied in", cursor.statusmessage)
            with cursor.copy("COPY (SELECT * FROM desk ORDER BY id LIMIT 2) TO STDOUT") as copy:
                saw("copied out", *[bytes(block) for block in copy])
            saw("stream", len(list(cursor.stream("SELECT * FROM desk"))))
        conn.execute("DROP TABLE desk")
        conn.commit()
        conn.execute("SET TIME ZONE 'Asia/Tokyo'")
        saw("zone", self.run("SELECT timestamptz '2024-02-29 12:00:00+00'"), conn.info.parameter_status("TimeZone"))
        saw("status", conn.info.transaction_status, conn.info.encoding, conn.info.server_version, conn.info.dbname)

    def afterwards(self, *where):
        for options in ({"autocommit": True}, {"prepare_threshold": 0}, {"prepare_threshold": None}, {"cursor_factory": psycopg.ClientCursor}):
            with self.open(*where, **options) as conn:
                conn.execute("UPDATE counters SET n = %s WHERE id = %s", (1, 3))
                conn.execute("UPDATE tallies SET n = %s WHERE id = %s", (1, 3))
                saw(*options, conn.execute("SELECT n, %s::text FROM tallies WHERE id = %s", (HARD, 3)).fetchall())


tell(Psycopg())
