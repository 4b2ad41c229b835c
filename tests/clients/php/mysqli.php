<?php
// mysqli (mysqlnd): text and prepared statements, several statements at once, unbuffered results, change_user.
if (!extension_loaded('mysqli')) {
    exit(4);
}
require __DIR__ . '/story.php';
mysqli_report(MYSQLI_REPORT_ERROR | MYSQLI_REPORT_STRICT);

tell(new class extends Driver {
    private mysqli $db;

    private function open(array $where, int $flags = 0): mysqli
    {
        [$host, $port, $user, $password, $database] = $where;
        $db = mysqli_init();
        $db->real_connect($host, $user, $password, $database, (int) $port, null, $flags);
        $db->set_charset('utf8mb4');
        return $db;
    }

    public function connect(string ...$where): void
    {
        $this->db = $this->open($where);
    }

    public function run(string $sql, array $values = []): array
    {
        $result = $values === [] ? $this->db->query($sql) : $this->db->execute_query($sql, $values);
        return $result instanceof mysqli_result ? $result->fetch_all() : [];
    }

    public function begin(): void
    {
        $this->db->begin_transaction(MYSQLI_TRANS_START_READ_WRITE);
    }

    public function commit(): void
    {
        $this->db->commit();
    }

    public function rollback(): void
    {
        $this->db->rollback();
    }

    public function isDuplicate(Throwable $error): bool
    {
        return $error->getCode() === 1062;
    }

    public function isLost(Throwable $error): bool
    {
        return in_array($error->getCode(), [2006, 2013], true);
    }

    public function told(Throwable $error): array
    {
        return [$error->getCode(), $error->getSqlState(), $error->getMessage()];
    }

    public function insert(string $sql, array $values): mixed
    {
        $this->run($sql, $values);
        return [$this->db->insert_id, $this->db->affected_rows, $this->db->warning_count];
    }

    public function described(string $sql): array
    {
        $shown = fn ($f) => [$f->name, $f->orgname, $f->table, $f->orgtable, $f->length, $f->charsetnr, $f->flags, $f->type, $f->decimals];
        return array_map($shown, $this->db->query($sql)->fetch_fields());
    }

    public function stream(string $sql): iterable
    {
        $result = $this->db->query($sql, MYSQLI_USE_RESULT);
        while ($row = $result->fetch_row()) {
            yield $row;
        }
        $result->free();
    }

    public function own(): void
    {
        $db = $this->db;
        $db->query('UPDATE tallies SET n = n + 1 WHERE id < 4');
        saw('info', $db->info, $db->affected_rows, $db->sqlstate);
        $db->query("SELECT 1/0");
        saw('warnings', $db->warning_count, $db->get_warnings()->message);
        $statement = $db->prepare('SELECT n, ? FROM tallies WHERE id = ?');
        foreach ([1, 2] as $id) {
            $words = HARD;
            $statement->bind_param('si', $words, $id);
            $statement->execute();
            $statement->bind_result($n, $back);
            $statement->fetch();
            saw('bound', $n, $back, $statement->param_count, $statement->field_count);
            $statement->free_result();
            $statement->reset();
        }
        $statement->close();
        $long = $db->prepare('SELECT LENGTH(?)');
        $null = null;
        $long->bind_param('b', $null);
        foreach (range(1, 10) as $ignored) {
            $long->send_long_data(0, str_repeat('x', 5000));
        }
        $long->execute();
        saw('long data', $long->get_result()->fetch_all());
        $long->close();
        $cursor = $db->prepare('SELECT id FROM tallies WHERE id < 8 ORDER BY id');
        $cursor->attr_set(MYSQLI_STMT_ATTR_CURSOR_TYPE, MYSQLI_CURSOR_TYPE_READ_ONLY);
        $cursor->execute();
        $cursor->bind_result($id);
        $ids = [];
        while ($cursor->fetch()) {
            $ids[] = $id;
        }
        $cursor->close();
        saw('cursor', $ids);
        $db->multi_query('SELECT 1; UPDATE counters SET n = 9 WHERE id = 5; UPDATE tallies SET n = 9 WHERE id = 5; SELECT n FROM tallies WHERE id = 5');
        do {
            $result = $db->store_result();
            saw('several', $result ? $result->fetch_all() : $db->affected_rows);
        } while ($db->more_results() && $db->next_result());
        $db->savepoint('a');
        $db->release_savepoint('a') ;
        saw('stat', (bool) $db->stat(), $db->get_charset()->collation, $db->autocommit(false), $this->run('SELECT @@autocommit'));
        $db->rollback();
        $db->change_user('app', 'app', $this->run('SELECT DATABASE()')[0][0]);
        saw('changed user', $this->run('SELECT @@autocommit'), $this->run('SELECT n FROM tallies WHERE id = 5'));
    }

    public function afterwards(array $where): void
    {
        foreach (['found rows' => MYSQLI_CLIENT_FOUND_ROWS, 'spaces' => MYSQLI_CLIENT_IGNORE_SPACE] as $name => $flags) {
            $this->db = $this->open($where, $flags);
            $this->begin();
            foreach (['counters', 'tallies'] as $table) {
                $this->run("UPDATE $table SET n = ? WHERE id = ?", [7, 5]);
                saw($name, $this->db->affected_rows);
            }
            $this->commit();
            $space = $name === 'spaces' ? ' ' : '';
            saw($name, $this->run("SELECT n, LENGTH(REPEAT('long ', 20000)), COUNT$space(*) FROM tallies WHERE id = 5 GROUP BY n"));
        }
    }
});
