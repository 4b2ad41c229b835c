"""aiomysql: a pool, its own begin and commit, unbuffered cursors."""

import asyncio

import aiomysql
import pymysql.err

from story import Driver, saw, tell

loop = asyncio.new_event_loop()
asyncio.set_event_loop(loop)


def wait(what):
    return loop.run_until_complete(asyncio.wait_for(what, 60))


class AioMysql(Driver):
    package = "aiomysql"
    dialect = "my"
    duplicate = pymysql.err.IntegrityError
    lost = (pymysql.err.OperationalError, pymysql.err.InterfaceError)
    wrong = pymysql.err.Error

    def connect(self, host, port, user, password, database, **options):
        pool = aiomysql.create_pool(host=host, port=int(port), user=user, password=password, db=database, minsize=1, maxsize=2, **options)
        self.pool = wait(pool)
        self.conn = wait(self.pool.acquire())

    async def ask(self, sql, values):
        async with self.conn.cursor() as cursor:
            await cursor.execute(sql, values)
            return cursor, [tuple(row) for row in await cursor.fetchall()] if cursor.description else []

    def run(self, sql, values=()):
        return wait(self.ask(sql, values or None))[1]

    def insert(self, sql, values):
        return wait(self.ask(sql, values))[0].lastrowid

    def described(self, sql):
        return [column[:2] for column in wait(self.ask(sql, None))[0].description]

    def many(self, sql, rows):
        async def batch():
            async with self.conn.cursor() as cursor:
                return await cursor.executemany(sql, rows)

        return wait(batch())

    def stream(self, sql):
        async def walk():
            async with self.conn.cursor(aiomysql.SSCursor) as cursor:
                await cursor.execute(sql)
                return [row async for row in cursor]

        return iter(wait(walk()))

    def begin(self):
        wait(self.conn.begin())

    def commit(self):
        wait(self.conn.commit())

    def rollback(self):
        wait(self.conn.rollback())

    def code(self, error):
        return error.args[:2]

    def own(self):
        self.pool.release(self.conn)
        self.conn = wait(self.pool.acquire())
        wait(self.conn.ping())
        saw("again", self.run("SELECT n FROM tallies WHERE id = 0"), self.conn.get_autocommit())

    def close(self):
        self.pool.release(self.conn)
        self.pool.close()
        wait(self.pool.wait_closed())

    def afterwards(self, *where):
        self.connect(*where, autocommit=True, charset="utf8mb4", pool_recycle=0)
        for table in ("counters", "tallies"):
            self.run(f"UPDATE {table} SET n = %s WHERE id = %s", (2, 3))
        saw("autocommit", self.run("SELECT n FROM tallies WHERE id = %s", (3,)))
        self.close()


tell(AioMysql())
