"""The story and the looks, as every Python driver tells them. A driver says how it does each thing (`Driver`)."""

import datetime
import decimal
import importlib.metadata
import sys

NOON = datetime.datetime(2024, 2, 29, 12, 30, 15, 250000)
HARD = "it's \\ \"quoted\" %s $1 ? 😀\n\ttab"
BYTES = bytes(range(256))


def itself(package):
    print("saw itself", package, importlib.metadata.version(package))


class Driver:
    """What a script gives. Values are marked `%s` in SQL."""

    dialect = "pg"
    package = ""  # its name on PyPI
    duplicate = ()  # its classes for a duplicate key
    lost = ()  # its classes for a lost connection
    wrong = ()  # its class for any error of a statement
    plain_bytes = False  # it writes bytes into the text as if they were text in the connection's character set

    def connect(self, host, port, user, password, database):
        raise NotImplementedError

    def run(self, sql, values=()):
        """Rows as tuples; none: an empty list."""
        raise NotImplementedError

    def begin(self):
        """Nothing where the driver begins by itself."""

    def commit(self):
        raise NotImplementedError

    def rollback(self):
        raise NotImplementedError

    def close(self):
        raise NotImplementedError

    def code(self, error):
        """SQLSTATE or errno, and the message."""
        raise NotImplementedError

    def described(self, sql):
        """Columns' names and types, as the driver gives them."""
        return None

    def many(self, sql, rows):
        """A batch; how many rows it says were changed."""
        for row in rows:
            self.run(sql, row)

    def stream(self, sql):
        """Rows, one after the other, by the driver's own cursor."""
        return iter(self.run(sql))

    def insert(self, sql, values):
        """The generated key of one inserted row."""
        return self.run(sql + " RETURNING id", values)[0][0]

    def own(self):
        """What only this driver has; prints by `saw`."""

    def afterwards(self, host, port, user, password, database):
        """Its pool and its other ways to connect, when its connection is closed."""


def saw(what, *values):
    print("saw", what, *(ascii(value) for value in values))


def place(d, number):
    d.run("UPDATE stock SET reserved = reserved + 1 WHERE item = %s", ("lamp",))
    d.run("INSERT INTO orders (id, item, agent, at) VALUES (%s, %s, %s, CURRENT_TIMESTAMP)", (number, "lamp", "Ann"))
    d.run("UPDATE agents SET order_id = %s WHERE name = %s", (number, "Ann"))
    d.run("INSERT INTO assignments (order_id, agent) VALUES (%s, %s)", (number, "Ann"))


def count(d, number):
    orders = d.run("SELECT COUNT(*) FROM orders WHERE id = %s", (number,))[0][0]
    assignments = d.run("SELECT COUNT(*) FROM assignments WHERE order_id = %s", (number,))[0][0]
    d.commit()
    return orders, assignments


def expect(d, number, sides):
    found = count(d, number)
    assert found == (sides, sides), f"order {number}: {found}, want {sides} on each side"


def tell(d):
    *where, mode, order = sys.argv[1:8]
    order = int(order)
    d.connect(*where)
    if mode == "kill":
        try:
            d.begin()
            place(d, order)
            d.commit()
        except d.lost:
            print("ok killed", flush=True)
            return
        sys.exit("COMMIT was answered")
    assert [tuple(row) for row in d.run("SELECT 1")] == [(1,)]
    d.commit()
    itself(d.package)
    print("ok connect")
    d.begin()
    d.run("UPDATE counters SET n = n + 1 WHERE id = %s", (0,))
    d.commit()
    print("ok one-backend")
    d.begin()
    place(d, order)
    d.commit()
    expect(d, order, 1)
    print("ok two-backends")
    d.begin()
    place(d, order + 1)
    d.rollback()
    expect(d, order + 1, 0)
    print("ok rollback")
    d.begin()
    try:
        place(d, order)
        sys.exit("a second order of the same number was taken")
    except d.duplicate as error:
        assert d.code(error)[0] in ("23505", 1062), error
    d.rollback()
    expect(d, order, 1)
    print("ok error-class")
    for table in ("desk", "visits"):
        look(d, table)
    d.own()
    d.commit()
    d.close()
    d.afterwards(*where)


PG = """CREATE TABLE {} (id bigserial PRIMARY KEY, whole integer, big bigint, exact numeric(12,3), ratio double precision,
 words text, label varchar(40), bytes bytea, at timestamp, day date, yes boolean)"""
MY = """CREATE TABLE {} (id bigint PRIMARY KEY AUTO_INCREMENT, whole int, big bigint, exact decimal(12,3), ratio double,
 words text CHARACTER SET utf8mb4, label varchar(40) CHARACTER SET utf8mb4, bytes varbinary(600), at datetime(6), day date, yes tinyint(1))"""
COLUMNS = "whole, big, exact, ratio, words, label, bytes, at, day, yes"
MARKS = ", ".join(["%s"] * 10)
ROWS = [
    (1, 2**62, decimal.Decimal("12345.678"), 0.1, HARD, "lamp", BYTES, NOON, NOON.date(), True),
    (-2147483648, -(2**63), decimal.Decimal("-0.001"), -1e300, "", "", b"", datetime.datetime(1999, 12, 31, 23, 59, 59), datetime.date(1000, 1, 1), False),
    (None,) * 10,
]


def look(d, table):
    """Every kind of value and of answer, in a table that the script makes."""
    d.run((PG if d.dialect == "pg" else MY).format(table))
    d.commit()
    insert = f"INSERT INTO {table} ({COLUMNS}) VALUES ({MARKS})"
    d.begin()
    every_byte = BYTES[1:128] if d.plain_bytes and table == "visits" else BYTES
    for row in ROWS:
        saw(f"{table} key", d.insert(insert, [every_byte if value == BYTES else value for value in row]))
    d.commit()
    for row in d.run(f"SELECT * FROM {table} ORDER BY id"):
        saw(f"{table} row", *(bytes(v) if isinstance(v, memoryview) else v for v in row))
    saw(f"{table} columns", d.described(f"SELECT * FROM {table} ORDER BY id"))
    d.commit()
    d.begin()
    saw(f"{table} many", d.many(f"INSERT INTO {table} (whole, words) VALUES (%s, %s)", [(n, f"row {n} 😀") for n in range(100)]))
    d.commit()
    for sql, values in [
        (f"SELECT COUNT(*), SUM(whole), MIN(words), MAX(big) FROM {table} WHERE whole >= %s", (0,)),
        (f"SELECT words, whole FROM {table} WHERE words = %s AND label = %s", (HARD, "lamp")),
        (f"SELECT id FROM {table} WHERE at = %s AND day = %s AND exact = %s", (NOON, NOON.date(), decimal.Decimal("12345.678"))),
        (f"SELECT id FROM {table} WHERE whole = %s", (12345,)),
        (f"SELECT yes, ratio FROM {table} WHERE bytes = %s", (every_byte,)),
    ]:
        saw(f"{table} found", [tuple(row) for row in d.run(sql, values)])
    d.commit()
    d.begin()
    streamed = [tuple(row) for row in d.stream(f"SELECT id, words FROM {table} ORDER BY id")]
    saw(f"{table} streamed", len(streamed), streamed[-1])
    d.commit()
    # The ninth time, drivers have prepared by themselves.
    for n in range(9):
        d.begin()
        d.run(f"UPDATE {table} SET whole = %s WHERE label = %s", (n, "lamp"))
        d.run("UPDATE counters SET n = %s WHERE id = %s", (n, 1))
        d.run("UPDATE tallies SET n = %s WHERE id = %s", (n, 1))
        d.commit()
    saw(f"{table} nine times", d.run(f"SELECT whole FROM {table} WHERE label = %s", ("lamp",))[0][0])
    d.commit()
    for wrong in (f"SELECT nothing FROM {table}", f"SELEC * FROM {table}", f"INSERT INTO {table} (id) VALUES (1)", f"SELECT * FROM {table} WHERE"):
        d.begin()
        try:
            d.run(wrong)
            sys.exit(f"{wrong} was taken")
        except d.wrong as error:
            saw(f"{table} error", type(error).__name__, *d.code(error))
        d.rollback()
    d.begin()
    saw(f"{table} gone", d.run(f"DELETE FROM {table} WHERE whole > %s", (50,)))
    d.commit()
    d.run(f"DROP TABLE {table}")
    d.commit()
