<?php
// PDO, whichever the server.
require __DIR__ . '/story.php';

abstract class PdoDriver extends Driver
{
    public string $name = 'PDO';
    protected PDO $pdo;

    abstract protected function open(array $where, array $options = []): PDO;

    public function connect(string ...$where): void
    {
        $this->pdo = $this->open($where);
    }

    public function run(string $sql, array $values = []): array
    {
        if ($values === []) {
            $statement = $this->pdo->query($sql);
        } else {
            $statement = $this->pdo->prepare($sql);
            $statement->execute($values);
        }
        return $statement->columnCount() > 0 ? $statement->fetchAll(PDO::FETCH_NUM) : [];
    }

    public function begin(): void
    {
        $this->pdo->beginTransaction();
    }

    public function commit(): void
    {
        $this->pdo->commit();
    }

    public function rollback(): void
    {
        $this->pdo->rollBack();
    }

    public function told(Throwable $error): array
    {
        return [$error->getCode(), $error->errorInfo];
    }

    public function insert(string $sql, array $values): mixed
    {
        $this->run($sql, $values);
        return $this->pdo->lastInsertId();
    }

    public function described(string $sql): array
    {
        $statement = $this->pdo->query($sql);
        $columns = array_map(fn ($n) => $statement->getColumnMeta($n), range(0, $statement->columnCount() - 1));
        $statement->closeCursor();
        // An OID differs from one server to the next; a table's name is looked up by it in the home database's catalogs.
        $hidden = $this->dialect === 'pg' ? ['pgsql:table_oid' => 0, 'table' => 0] : [];
        return array_map(fn ($c) => array_diff_key($c, $hidden), $columns);
    }

    public function own(): void
    {
        $statement = $this->pdo->prepare('UPDATE tallies SET n = :n WHERE id = :id');
        foreach ([1, 2, 3] as $n) {
            $statement->bindValue(':n', $n, PDO::PARAM_INT);
            $statement->bindValue(':id', $n, PDO::PARAM_INT);
            $statement->execute();
            saw('bound', $statement->rowCount());
        }
        saw('objects', $this->pdo->query('SELECT id, n FROM tallies WHERE id < 4 ORDER BY id')->fetchAll(PDO::FETCH_ASSOC));
        $words = $this->pdo->quote(HARD);
        saw('quoted', $words, $this->run("SELECT $words"));
        foreach ([PDO::ATTR_DRIVER_NAME, PDO::ATTR_SERVER_VERSION] as $attribute) {
            saw('attribute', $this->pdo->getAttribute($attribute));
        }
    }

    /** Once more with other options. */
    protected function again(string $name, PDO $pdo): void
    {
        $pdo->beginTransaction();
        foreach (['counters', 'tallies'] as $table) {
            $statement = $pdo->prepare("UPDATE $table SET n = ? WHERE id = ?");
            $statement->execute([7, 5]);
            saw($name, $statement->rowCount());
        }
        $pdo->commit();
        $statement = $pdo->prepare('SELECT n, 1.5 AS exact FROM tallies WHERE id = ?');
        $statement->execute([5]);
        saw($name, $statement->fetchAll(PDO::FETCH_NUM));
    }
}
