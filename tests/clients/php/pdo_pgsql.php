<?php
// PDO for PostgreSQL: its own names of prepared statements and DEALLOCATE, LASTVAL(), COPY, notifications.
if (!extension_loaded('pdo_pgsql')) {
    exit(4);
}
require __DIR__ . '/pdo.php';

tell(new class extends PdoDriver {
    public string $dialect = 'pg';

    protected function open(array $where, array $options = []): PDO
    {
        [$host, $port, $user, $password, $database] = $where;
        return new PDO("pgsql:host=$host;port=$port;dbname=$database;sslmode=disable", $user, $password, $options);
    }

    public function isDuplicate(Throwable $error): bool
    {
        return $error->getCode() === '23505';
    }

    public function isLost(Throwable $error): bool
    {
        return $error instanceof PDOException && in_array($error->getCode(), ['HY000', '08006', '08003', '57P01'], true);
    }

    public function insert(string $sql, array $values): mixed
    {
        // LASTVAL() is PostgreSQL's own word, which no other server can answer.
        return str_contains($sql, ' visits ') ? $this->run("$sql RETURNING id", $values)[0][0] : parent::insert($sql, $values);
    }

    public function stream(string $sql): iterable
    {
        $this->pdo->beginTransaction();
        $statement = $this->pdo->prepare($sql, [PDO::ATTR_CURSOR => PDO::CURSOR_SCROLL]);
        $statement->execute();
        while ($row = $statement->fetch(PDO::FETCH_NUM, PDO::FETCH_ORI_NEXT)) {
            yield $row;
        }
        unset($statement);
        $this->pdo->commit();
    }

    public function own(): void
    {
        parent::own();
        $this->run('CREATE TABLE desk (id int, words text)');
        saw('copied in', $this->pdo->pgsqlCopyFromArray('desk', ["1\tone", "2\ttwo"]));
        saw('copied out', $this->pdo->pgsqlCopyToArray('desk'));
        $this->run('DROP TABLE desk');
        $this->run('LISTEN news');
        $this->run("SELECT pg_notify('news', 'hello')");
        $told = $this->pdo->pgsqlGetNotify(PDO::FETCH_ASSOC, 10000);
        saw('told', $told['message'], $told['payload']);
        saw('several', $this->pdo->exec('UPDATE counters SET n = 3 WHERE id = 3; UPDATE tallies SET n = 3 WHERE id < 3'));
    }

    public function afterwards(array $where): void
    {
        foreach (['emulated' => [PDO::ATTR_EMULATE_PREPARES => true], 'unprepared' => [PDO::PGSQL_ATTR_DISABLE_PREPARES => true], 'persistent' => [PDO::ATTR_PERSISTENT => true]] as $name => $options) {
            $this->again($name, $this->open($where, $options));
        }
    }
});
