<?php
// The story and the looks, as PHP's drivers tell them. A driver says how it does each thing.
// Exit 4: the driver is not installed.

const HARD = "it's \\ \"quoted\" %s \$1 ? 😀\n\ttab";

abstract class Driver
{
    public string $dialect = 'my';
    public string $name = 'mysqli';

    abstract public function connect(string $host, string $port, string $user, string $password, string $database): void;

    /** Rows as arrays; values are marked `?`. */
    abstract public function run(string $sql, array $values = []): array;

    abstract public function begin(): void;

    abstract public function commit(): void;

    abstract public function rollback(): void;

    abstract public function isDuplicate(Throwable $error): bool;

    /** The connection was lost; nobody answered. */
    abstract public function isLost(Throwable $error): bool;

    abstract public function told(Throwable $error): array;

    /** The generated key of one inserted row. */
    abstract public function insert(string $sql, array $values): mixed;

    abstract public function described(string $sql): array;

    /** Rows one after the other, unbuffered. */
    abstract public function stream(string $sql): iterable;

    public function own(): void
    {
    }

    public function afterwards(array $where): void
    {
    }
}

function saw(string $what, mixed ...$values): void
{
    $shown = array_map(fn ($v) => json_encode(plain($v), JSON_THROW_ON_ERROR | JSON_UNESCAPED_SLASHES), $values);
    echo 'saw ', $what, ' ', implode(' ', $shown), "\n";
}

/** Bytes that are no text are shown in hexadecimal. */
function plain(mixed $value): mixed
{
    if (is_resource($value)) {
        $value = stream_get_contents($value);
    }
    if (is_array($value)) {
        return array_map('plain', $value);
    }
    return is_string($value) && preg_match('//u', $value) !== 1 ? 'bytes ' . bin2hex($value) : $value;
}

function place(Driver $d, int $number): void
{
    $d->run('UPDATE stock SET reserved = reserved + 1 WHERE item = ?', ['lamp']);
    $d->run('INSERT INTO orders (id, item, agent, at) VALUES (?, ?, ?, CURRENT_TIMESTAMP)', [$number, 'lamp', 'Ann']);
    $d->run('UPDATE agents SET order_id = ? WHERE name = ?', [$number, 'Ann']);
    $d->run('INSERT INTO assignments (order_id, agent) VALUES (?, ?)', [$number, 'Ann']);
}

function expect(Driver $d, int $number, int $sides): void
{
    $orders = (int) $d->run('SELECT COUNT(*) FROM orders WHERE id = ?', [$number])[0][0];
    $assignments = (int) $d->run('SELECT COUNT(*) FROM assignments WHERE order_id = ?', [$number])[0][0];
    if ([$orders, $assignments] !== [$sides, $sides]) {
        throw new Exception("order $number: $orders in the store, $assignments in delivery, want $sides");
    }
}

function tell(Driver $d): void
{
    [, $host, $port, $user, $password, $database, $mode, $order] = $_SERVER['argv'];
    $where = [$host, $port, $user, $password, $database];
    $order = (int) $order;
    $d->connect(...$where);
    if ($mode === 'kill') {
        try {
            $d->begin();
            place($d, $order);
            @$d->commit();
        } catch (Throwable $error) {
            if (!$d->isLost($error)) {
                throw $error;
            }
            echo "ok killed\n";
            exit(0);
        }
        throw new Exception('COMMIT was answered');
    }
    assert((int) $d->run('SELECT 1')[0][0] === 1);
    echo 'saw itself ', $d->name, ' of PHP ', PHP_VERSION, "\n";
    echo "ok connect\n";
    $d->begin();
    $d->run('UPDATE counters SET n = n + 1 WHERE id = ?', [0]);
    $d->commit();
    echo "ok one-backend\n";
    $d->begin();
    place($d, $order);
    $d->commit();
    expect($d, $order, 1);
    echo "ok two-backends\n";
    $d->begin();
    place($d, $order + 1);
    $d->rollback();
    expect($d, $order + 1, 0);
    echo "ok rollback\n";
    $d->begin();
    try {
        place($d, $order);
        throw new LogicException('a second order of the same number was taken');
    } catch (Exception $error) {
        if (!$d->isDuplicate($error)) {
            throw $error;
        }
    }
    $d->rollback();
    expect($d, $order, 1);
    echo "ok error-class\n";
    foreach (['desk', 'visits'] as $table) {
        look($d, $table);
    }
    $d->own();
    $d->afterwards($where);
}

const KINDS = [
    'pg' => 'id bigserial PRIMARY KEY, whole integer, big bigint, exact numeric(12,3), ratio double precision, words text, label varchar(40), at timestamp, day date',
    'my' => 'id bigint PRIMARY KEY AUTO_INCREMENT, whole int, big bigint, exact decimal(12,3), ratio double, words text CHARACTER SET utf8mb4, label varchar(40) CHARACTER SET utf8mb4, at datetime(6), day date',
];

/** Every kind of value and of answer, in a table that the script makes. */
function look(Driver $d, string $table): void
{
    $d->run("CREATE TABLE $table (" . KINDS[$d->dialect] . ')');
    $insert = "INSERT INTO $table (whole, big, exact, ratio, words, label, at, day) VALUES (?, ?, ?, ?, ?, ?, ?, ?)";
    foreach ([
        [1, 1 << 62, '12345.678', 0.1, HARD, 'lamp', '2024-02-29 12:30:15.25', '2024-02-29'],
        [-2147483648, PHP_INT_MIN, '-0.001', -1.5, '', '', '1999-12-31 23:59:59', '1000-01-01'],
        array_fill(0, 8, null),
    ] as $row) {
        saw("$table key", $d->insert($insert, $row));
    }
    saw("$table text", $d->run("SELECT * FROM $table ORDER BY id"));
    saw("$table bound", $d->run("SELECT * FROM $table WHERE id > ? ORDER BY id", [0]));
    saw("$table columns", $d->described("SELECT * FROM $table ORDER BY id"));
    $d->begin();
    for ($n = 0; $n < 100; $n++) {
        $d->run("INSERT INTO $table (whole, words) VALUES (?, ?)", [$n, "row $n 😀"]);
    }
    $d->commit();
    saw("$table found", $d->run("SELECT COUNT(*), SUM(whole), MIN(words), MAX(big) FROM $table WHERE whole >= ?", [0]));
    saw("$table found", $d->run("SELECT words, whole FROM $table WHERE words = ? AND label = ?", [HARD, 'lamp']));
    saw("$table found", $d->run("SELECT id FROM $table WHERE at = ? AND exact = ?", ['2024-02-29 12:30:15.25', '12345.678']));
    saw("$table found", $d->run("SELECT id FROM $table WHERE whole = ?", [12345]));
    $streamed = 0;
    foreach ($d->stream("SELECT id, words FROM $table ORDER BY id") as $row) {
        $streamed++;
    }
    saw("$table streamed", $streamed);
    foreach (["SELECT nothing FROM $table", "SELEC * FROM $table", "INSERT INTO $table (id) VALUES (1)", "SELECT * FROM $table WHERE"] as $wrong) {
        try {
            $d->run($wrong);
            throw new LogicException("$wrong was taken");
        } catch (LogicException $error) {
            throw $error;
        } catch (Exception $error) {
            saw("$table error", $d->told($error));
        }
    }
    $d->run("DROP TABLE $table");
}
