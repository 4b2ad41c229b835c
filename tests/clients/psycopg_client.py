import sys

import psycopg

host, port, user, password, database, mode, order = sys.argv[1:8]
order = int(order)


def place(conn, number):
    conn.execute("UPDATE stock SET reserved = reserved + 1 WHERE item = %s", ("lamp",))
    conn.execute("INSERT INTO orders (id, item, agent, at) VALUES (%s, %s, %s, CURRENT_TIMESTAMP)", (number, "lamp", "Ann"))
    conn.execute("UPDATE agents SET order_id = %s WHERE name = %s", (number, "Ann"))
    conn.execute("INSERT INTO assignments (order_id, agent) VALUES (%s, %s)", (number, "Ann"))


def count(conn, number):
    orders = conn.execute("SELECT COUNT(*) FROM orders WHERE id = %s", (number,)).fetchone()[0]
    assignments = conn.execute("SELECT COUNT(*) FROM assignments WHERE order_id = %s", (number,)).fetchone()[0]
    conn.commit()
    return orders, assignments


def connect():
    return psycopg.connect(host=host, port=port, user=user, password=password, dbname=database, sslmode="disable")


conn = connect()
if mode == "kill":
    try:
        place(conn, order)
        conn.commit()
        sys.exit("COMMIT was answered")
    except psycopg.OperationalError:
        print("ok killed")
        sys.exit(0)

assert conn.execute("SELECT 1").fetchone() == (1,)
conn.commit()
print("ok connect")
with conn.transaction():
    conn.execute("UPDATE counters SET n = n + 1 WHERE id = %s", (0,))
print("ok one-backend")
with conn.transaction():
    place(conn, order)
assert count(conn, order) == (1, 1), count(conn, order)
print("ok two-backends")
place(conn, order + 1)
conn.rollback()
assert count(conn, order + 1) == (0, 0), count(conn, order + 1)
print("ok rollback")
try:
    place(conn, order)
    sys.exit("a second order of the same number was taken")
except psycopg.errors.UniqueViolation as error:
    assert error.sqlstate == "23505", error.sqlstate
conn.rollback()
assert count(conn, order) == (1, 1)
# From the fifth use on psycopg prepares by itself.
for _ in range(8):
    assert count(conn, order) == (1, 1)
conn.close()
print("ok error-class")
