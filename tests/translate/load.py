"""Makes a database with the corpus's tables.

    load.py URL DATABASE DIALECT ENGINE native|foreign|empty      DIALECT: of the corpus; ENGINE: what URL is
    load.py URL DATABASE drop
"""

import pathlib
import sys
from urllib.parse import urlsplit

HERE = pathlib.Path(__file__).parent
# A foreign table's collation is what people have there; a native one's is how Handfast shows foreign text to its clients.
COLLATIONS = {
    ("mariadb", "native"): "utf8mb4_nopad_bin",
    ("mysql", "native"): "utf8mb4_0900_bin",
    ("mariadb", "foreign"): "utf8mb4_general_ci",
    ("mysql", "foreign"): "utf8mb4_0900_ai_ci",
}


# A CHAR of MySQL is a varchar to a PostgreSQL client: it has no trailing blanks.
SEEN = {("postgres", "postgres"): ("label char(6)", "label varchar(6)")}


def scripts(dialect, engine):
    family = "postgres" if engine == "postgres" else "mysql"
    legacy = HERE / dialect / f"legacy.{engine}.sql"
    if not legacy.exists():
        legacy = HERE / dialect / f"legacy.{family}.sql"
    old, new = SEEN.get((dialect, engine), ("", ""))
    files = (HERE / f"schema/{family}.sql", HERE / "schema/data.sql", legacy)
    return [file.read_text(encoding="utf-8").replace(old, new) for file in files]


def statements(script):
    text = []
    for line in script.split("\n"):
        if line.startswith("--"):
            continue
        text.append(line)
        if line.rstrip().endswith(";"):
            yield "\n".join(text).strip()[:-1]
            text = []


def postgres(url, database, parts):
    import psycopg

    with psycopg.connect(url, autocommit=True) as conn:
        conn.execute(f'DROP DATABASE IF EXISTS "{database}" WITH (FORCE)')
        if parts is None:
            return
        # Like the server's own databases, but with a locale in which case and order are Unicode's code points.
        conn.execute(f"CREATE DATABASE \"{database}\" OWNER app TEMPLATE template0 ENCODING 'UTF8' LOCALE 'C.UTF-8'")
    u = urlsplit(url)
    with psycopg.connect(u._replace(path="/" + database).geturl(), autocommit=True) as conn:
        conn.execute("SET TIME ZONE 'UTC'")
        conn.execute("SET ROLE app")
        for script in parts:
            conn.execute(script)


def mysql(url, database, parts, collation):
    import pymysql

    u = urlsplit(url)
    conn = pymysql.connect(host=u.hostname, port=u.port, user=u.username, password=u.password or "", charset="utf8mb4",
                           init_command="SET sql_mode = CONCAT(@@sql_mode, ',NO_BACKSLASH_ESCAPES'), time_zone = '+00:00'",
                           autocommit=True)
    with conn.cursor() as cursor:
        cursor.execute(f"DROP DATABASE IF EXISTS `{database}`")
        if parts is None:
            return
        cursor.execute(f"CREATE DATABASE `{database}` CHARACTER SET utf8mb4 COLLATE {collation}")
        cursor.execute(f"USE `{database}`")
        for script in parts:
            for statement in statements(script):
                cursor.execute(statement)
    conn.close()


def main():
    url, database, *rest = sys.argv[1:]
    dialect, engine, side = rest if len(rest) == 3 else (None, None, None)
    parts = None if dialect is None else [] if side == "empty" else scripts(dialect, engine)
    if url.startswith("postgres"):
        postgres(url, database, parts)
    else:
        mysql(url, database, parts, COLLATIONS.get((engine, side), "utf8mb4_bin"))


main()
