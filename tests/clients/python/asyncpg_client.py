"""asyncpg: always prepared and binary, its own transactions and pool, cursors, COPY, with and without its statement cache."""

import asyncio
import re

import asyncpg

from story import HARD, Driver, saw, tell

loop = asyncio.new_event_loop()
asyncio.set_event_loop(loop)


def wait(what):
    return loop.run_until_complete(asyncio.wait_for(what, 60))


def numbered(sql):
    """Asyncpg marks values $1, $2."""
    marks = iter(range(1, 100))
    return re.sub("%s", lambda _: f"${next(marks)}", sql)


class Asyncpg(Driver):
    package = "asyncpg"
    duplicate = asyncpg.UniqueViolationError
    lost = (asyncpg.ConnectionDoesNotExistError, asyncpg.InterfaceError, OSError)
    wrong = asyncpg.PostgresError
    transaction = None

    def pool_of(self, host, port, user, password, database, **options):
        return asyncpg.create_pool(host=host, port=int(port), user=user, password=password, database=database, ssl=False, min_size=1, max_size=2, **options)

    def connect(self, *where):
        self.pool = wait(self.pool_of(*where))
        self.conn = wait(self.pool.acquire())

    def run(self, sql, values=()):
        return [tuple(row) for row in wait(self.conn.fetch(numbered(sql), *values))]

    def begin(self):
        self.transaction = self.conn.transaction()
        wait(self.transaction.start())

    def end(self, how):
        if self.transaction:
            transaction, self.transaction = self.transaction, None
            wait(getattr(transaction, how)())

    def commit(self):
        self.end("commit")

    def rollback(self):
        self.end("rollback")

    def code(self, error):
        return error.sqlstate, str(error), error.position, error.constraint_name

    def described(self, sql):
        statement = wait(self.conn.prepare(sql))
        return [(a.name, a.type.oid, a.type.name) for a in statement.get_attributes()]

    def many(self, sql, rows):
        return wait(self.conn.executemany(numbered(sql), rows))

    def stream(self, sql):
        async def walk():
            return [row async for row in self.conn.cursor(sql, prefetch=7)]

        return iter(wait(walk()))

    def own(self):
        conn = self.conn
        saw("tag", wait(conn.execute("UPDATE counters SET n = 1; UPDATE tallies SET n = 1")))
        saw("array", wait(conn.fetchval("SELECT count(*) FROM counters WHERE id = ANY($1::bigint[])", [1, 2, 3])))
        saw("record", wait(conn.fetchrow("SELECT 1::int2 AS a, now() - now() AS b, $1::jsonb AS c, $2::uuid AS d, $3::text[] AS e", '{"a": 1}', "00000000-0000-0000-0000-000000000001", [HARD, None])))
        wait(conn.execute("CREATE TABLE desk (id int, words text)"))
        saw("copied in", wait(conn.copy_records_to_table("desk", records=[(n, HARD) for n in range(500)])))
        statement = wait(conn.prepare("SELECT * FROM desk WHERE id = $1"))
        saw("prepared", wait(statement.fetch(3)), statement.get_parameters())
        wait(conn.execute("ALTER TABLE desk ADD COLUMN more int"))
        # The cached plan no longer fits; asyncpg prepares again by itself.
        saw("after DDL", wait(conn.fetch("SELECT * FROM desk WHERE id = $1", 3)))
        wait(conn.execute("DROP TABLE desk"))
        wait(conn.set_type_codec("json", encoder=str, decoder=lambda text: ("decoded", text), schema="pg_catalog"))
        saw("codec", wait(conn.fetchval("SELECT '[1]'::json")))
        saw("settings", conn.get_server_version(), conn.get_settings().client_encoding)
        # Giving it back runs asyncpg's reset statements.
        wait(self.pool.release(conn))
        conn = wait(self.pool.acquire())
        saw("again", wait(conn.fetchval("SELECT n FROM tallies WHERE id = 0")))
        wait(self.pool.release(conn))

    def close(self):
        wait(self.pool.close())

    def afterwards(self, *where):
        for options in ({"statement_cache_size": 0}, {"max_cached_statement_lifetime": 1}, {"command_timeout": 30}):
            self.pool = wait(self.pool_of(*where, **options))
            self.conn = wait(self.pool.acquire())
            self.begin()
            for table in ("counters", "tallies"):
                self.run(f"UPDATE {table} SET n = %s WHERE id = %s", (2, 3))
            self.commit()
            saw(*options, self.run("SELECT n FROM tallies WHERE id = %s", (3,)))
            wait(self.pool.release(self.conn))
            self.close()


tell(Asyncpg())
