"""What the DB-API drivers for MySQL and MariaDB share: autocommit=0 and no BEGIN, errors by number, lastrowid."""

from story import Driver


class MyDriver(Driver):
    dialect = "my"
    plain_bytes = True

    def cursor(self):
        return self.conn.cursor()

    def run(self, sql, values=()):
        cursor = self.cursor()
        cursor.execute(sql, values)
        rows = [tuple(row) for row in cursor.fetchall()] if cursor.description else []
        cursor.close()
        return rows

    def insert(self, sql, values):
        cursor = self.cursor()
        cursor.execute(sql, values)
        key = cursor.lastrowid
        cursor.close()
        return key

    def many(self, sql, rows):
        cursor = self.cursor()
        cursor.executemany(sql, rows)
        changed = cursor.rowcount
        cursor.close()
        return changed, cursor.lastrowid

    def described(self, sql):
        cursor = self.cursor()
        cursor.execute(sql)
        columns = [tuple(column[:7]) for column in cursor.description]
        cursor.fetchall()
        cursor.close()
        return columns

    def commit(self):
        self.conn.commit()

    def rollback(self):
        self.conn.rollback()

    def close(self):
        self.conn.close()

    def code(self, error):
        return error.args[:2]
