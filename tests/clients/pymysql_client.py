import sys

import pymysql

host, port, user, password, database, mode, order = sys.argv[1:8]
order = int(order)


def run(conn, sql, values=()):
    with conn.cursor() as cursor:
        cursor.execute(sql, values)
        return cursor.fetchall()


def place(conn, number):
    run(conn, "UPDATE stock SET reserved = reserved + 1 WHERE item = %s", ("lamp",))
    run(conn, "INSERT INTO orders (id, item, agent, at) VALUES (%s, %s, %s, CURRENT_TIMESTAMP)", (number, "lamp", "Ann"))
    run(conn, "UPDATE agents SET order_id = %s WHERE name = %s", (number, "Ann"))
    run(conn, "INSERT INTO assignments (order_id, agent) VALUES (%s, %s)", (number, "Ann"))


def count(conn, number):
    orders = run(conn, "SELECT COUNT(*) FROM orders WHERE id = %s", (number,))[0][0]
    assignments = run(conn, "SELECT COUNT(*) FROM assignments WHERE order_id = %s", (number,))[0][0]
    conn.commit()
    return orders, assignments


# autocommit=0, as PyMySQL does by default: no BEGIN is ever sent.
conn = pymysql.connect(host=host, port=int(port), user=user, password=password, database=database, read_timeout=60)
if mode == "kill":
    try:
        place(conn, order)
        conn.commit()
        sys.exit("COMMIT was answered")
    except (pymysql.err.OperationalError, pymysql.err.InterfaceError):
        print("ok killed")
        sys.exit(0)

assert run(conn, "SELECT 1") == ((1,),)
print("ok connect")
run(conn, "UPDATE counters SET n = n + 1 WHERE id = %s", (0,))
conn.commit()
print("ok one-backend")
place(conn, order)
conn.commit()
assert count(conn, order) == (1, 1), count(conn, order)
print("ok two-backends")
place(conn, order + 1)
conn.rollback()
assert count(conn, order + 1) == (0, 0), count(conn, order + 1)
print("ok rollback")
try:
    place(conn, order)
    sys.exit("a second order of the same number was taken")
except pymysql.err.IntegrityError as error:
    assert error.args[0] == 1062, error
conn.rollback()
assert count(conn, order) == (1, 1)
conn.autocommit(True)
conn.begin()
place(conn, order + 2)
conn.commit()
assert count(conn, order + 2) == (1, 1)
conn.close()
print("ok error-class")
