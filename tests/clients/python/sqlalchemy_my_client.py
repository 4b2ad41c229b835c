import sys

from sqlalchemy.dialects.mysql import insert

import sqlalchemy_story

host, port, user, password, database = sys.argv[1:6]


def upsert(table, rows):
    statement = insert(table).values(rows)
    return statement.on_duplicate_key_update(n=statement.inserted.n)


sqlalchemy_story.main(f"mysql+pymysql://{user}:{password}@{host}:{port}/{database}?charset=utf8mb4", upsert)
