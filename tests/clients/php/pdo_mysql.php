<?php
// PDO for MySQL (mysqlnd): values in the text, and prepared by the server; unbuffered, found rows, several statements, compressed.
if (!extension_loaded('pdo_mysql')) {
    exit(4);
}
require __DIR__ . '/pdo.php';

tell(new class extends PdoDriver {
    protected function open(array $where, array $options = []): PDO
    {
        [$host, $port, $user, $password, $database] = $where;
        return new PDO("mysql:host=$host;port=$port;dbname=$database;charset=utf8mb4", $user, $password, $options);
    }

    public function isDuplicate(Throwable $error): bool
    {
        return $error instanceof PDOException && $error->errorInfo[1] === 1062;
    }

    public function isLost(Throwable $error): bool
    {
        return $error instanceof PDOException && in_array($error->errorInfo[1], [2006, 2013], true);
    }

    public function stream(string $sql): iterable
    {
        $this->pdo->setAttribute(PDO::MYSQL_ATTR_USE_BUFFERED_QUERY, false);
        $statement = $this->pdo->query($sql);
        while ($row = $statement->fetch(PDO::FETCH_NUM)) {
            yield $row;
        }
        unset($statement);
        $this->pdo->setAttribute(PDO::MYSQL_ATTR_USE_BUFFERED_QUERY, true);
    }

    public function afterwards(array $where): void
    {
        foreach ([
            'prepared' => [PDO::ATTR_EMULATE_PREPARES => false],
            'found rows' => [PDO::MYSQL_ATTR_FOUND_ROWS => true],
            'first' => [PDO::MYSQL_ATTR_INIT_COMMAND => "SET time_zone = '+09:00', sql_mode = 'ANSI_QUOTES'"],
            'no autocommit' => [PDO::ATTR_AUTOCOMMIT => false],
            'persistent' => [PDO::ATTR_PERSISTENT => true],
        ] as $name => $options) {
            $pdo = $this->open($where, $options);
            $this->again($name, $pdo);
            saw($name, $pdo->query("SELECT FROM_UNIXTIME(0), @@sql_mode, @@autocommit, LENGTH(REPEAT('long ', 20000))")->fetchAll(PDO::FETCH_NUM));
            if ($name === 'prepared') {
                continue;
            }
            $several = $pdo->query('SELECT 1; UPDATE counters SET n = 9 WHERE id = 5; UPDATE tallies SET n = 9 WHERE id = 5; SELECT n FROM tallies WHERE id = 5');
            do {
                saw("$name several", $several->columnCount() > 0 ? $several->fetchAll(PDO::FETCH_NUM) : $several->rowCount());
            } while ($several->nextRowset());
            unset($several);
            $pdo->query('COMMIT');
        }
    }
});
