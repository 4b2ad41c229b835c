import sys

from sqlalchemy.dialects.postgresql import insert

import sqlalchemy_story

host, port, user, password, database = sys.argv[1:6]


def upsert(table, rows):
    statement = insert(table).values(rows)
    return statement.on_conflict_do_update(index_elements=["id"], set_={"n": statement.excluded.n})


sqlalchemy_story.main(f"postgresql+psycopg://{user}:{password}@{host}:{port}/{database}?sslmode=disable", upsert)
