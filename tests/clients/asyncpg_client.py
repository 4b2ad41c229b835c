import asyncio
import sys

import asyncpg

host, port, user, password, database, mode, order = sys.argv[1:8]
order = int(order)


async def place(conn, number):
    await conn.execute("UPDATE stock SET reserved = reserved + 1 WHERE item = $1", "lamp")
    await conn.execute("INSERT INTO orders (id, item, agent, at) VALUES ($1, $2, $3, CURRENT_TIMESTAMP)", number, "lamp", "Ann")
    await conn.execute("UPDATE agents SET order_id = $1 WHERE name = $2", number, "Ann")
    await conn.execute("INSERT INTO assignments (order_id, agent) VALUES ($1, $2)", number, "Ann")


async def count(conn, number):
    orders = await conn.fetchval("SELECT COUNT(*) FROM orders WHERE id = $1", number)
    assignments = await conn.fetchval("SELECT COUNT(*) FROM assignments WHERE order_id = $1", number)
    return orders, assignments


async def main():
    pool = await asyncpg.create_pool(
        host=host, port=int(port), user=user, password=password, database=database, ssl=False, min_size=1, max_size=2
    )
    conn = await pool.acquire()
    if mode == "kill":
        try:
            async with conn.transaction():
                await place(conn, order)
            sys.exit("COMMIT was answered")
        except (asyncpg.ConnectionDoesNotExistError, asyncpg.InterfaceError, OSError):
            print("ok killed", flush=True)
            return
    assert await conn.fetchval("SELECT 1") == 1
    print("ok connect")
    async with conn.transaction():
        await conn.execute("UPDATE counters SET n = n + 1 WHERE id = $1", 0)
    print("ok one-backend")
    async with conn.transaction():
        await place(conn, order)
    assert await count(conn, order) == (1, 1)
    print("ok two-backends")
    transaction = conn.transaction()
    await transaction.start()
    await place(conn, order + 1)
    await transaction.rollback()
    assert await count(conn, order + 1) == (0, 0)
    print("ok rollback")
    try:
        async with conn.transaction():
            await place(conn, order)
        sys.exit("a second order of the same number was taken")
    except asyncpg.UniqueViolationError as error:
        assert error.sqlstate == "23505"
    # Giving it back runs asyncpg's reset statements.
    await pool.release(conn)
    async with pool.acquire() as again:
        assert await count(again, order) == (1, 1)
    await pool.close()
    print("ok error-class")


asyncio.run(asyncio.wait_for(main(), 60))
