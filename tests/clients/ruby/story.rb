# The story and the looks, as Ruby's drivers tell them. A driver says how it does each thing (see pg.rb).
# Exit 4: the driver is not installed.
$stdout.sync = true

HARD = "it's \\ \"quoted\" %s $1 ? 😀\n\ttab".freeze
BYTES = (0..255).to_a.pack('C*').freeze

def saw(what, *values)
  puts "saw #{what} #{values.map { |v| v.is_a?(String) ? v.dump : v.inspect.dump[1..-2] }.join(' | ')}"
end

# Values are marked `?`; a driver for PostgreSQL gives them numbers.
def numbered(sql)
  n = 0
  sql.gsub('?') { "$#{n += 1}" }
end

def place(d, number)
  d.run('UPDATE stock SET reserved = reserved + 1 WHERE item = ?', ['lamp'])
  d.run('INSERT INTO orders (id, item, agent, at) VALUES (?, ?, ?, CURRENT_TIMESTAMP)', [number, 'lamp', 'Ann'])
  d.run('UPDATE agents SET order_id = ? WHERE name = ?', [number, 'Ann'])
  d.run('INSERT INTO assignments (order_id, agent) VALUES (?, ?)', [number, 'Ann'])
end

def expect(d, number, sides)
  orders = d.run('SELECT COUNT(*) FROM orders WHERE id = ?', [number]).first.first.to_i
  assignments = d.run('SELECT COUNT(*) FROM assignments WHERE order_id = ?', [number]).first.first.to_i
  raise "order #{number}: #{orders} in the store, #{assignments} in delivery, want #{sides}" if [orders, assignments] != [sides, sides]
end

KINDS = {
  'pg' => 'id bigserial PRIMARY KEY, whole integer, big bigint, exact numeric(12,3), ratio double precision, words text, label varchar(40), bytes bytea, at timestamp, day date',
  'my' => 'id bigint PRIMARY KEY AUTO_INCREMENT, whole int, big bigint, exact decimal(12,3), ratio double, words text CHARACTER SET utf8mb4, label varchar(40) CHARACTER SET utf8mb4, bytes varbinary(600), at datetime(6), day date'
}.freeze

# Every kind of value and of answer, in a table that the script makes.
def look(d, table)
  d.run("CREATE TABLE #{table} (#{KINDS[d.dialect]})")
  insert = "INSERT INTO #{table} (whole, big, exact, ratio, words, label, bytes, at, day) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)"
  [
    [1, 1 << 62, '12345.678', 0.1, HARD, 'lamp', d.bytes(BYTES), '2024-02-29 12:30:15.25', '2024-02-29'],
    [-2_147_483_648, -(1 << 63), '-0.001', -1e300, '', '', d.bytes(''), '1999-12-31 23:59:59', '1000-01-01'],
    [nil] * 9
  ].each { |row| saw "#{table} key", d.insert(insert, row) }
  d.run("SELECT * FROM #{table} ORDER BY id").each { |row| saw "#{table} text", *row }
  d.run("SELECT * FROM #{table} WHERE id > ? ORDER BY id", [0]).each { |row| saw "#{table} bound", *row }
  saw "#{table} columns", *d.described("SELECT * FROM #{table} ORDER BY id")
  d.transaction { 100.times { |n| d.run("INSERT INTO #{table} (whole, words) VALUES (?, ?)", [n, "row #{n} 😀"]) } }
  saw "#{table} found", d.run("SELECT COUNT(*), SUM(whole), MIN(words), MAX(big) FROM #{table} WHERE whole >= ?", [0])
  saw "#{table} found", d.run("SELECT words, whole FROM #{table} WHERE words = ? AND label = ?", [HARD, 'lamp'])
  saw "#{table} found", d.run("SELECT id FROM #{table} WHERE at = ? AND bytes = ?", ['2024-02-29 12:30:15.25', d.bytes(BYTES)])
  saw "#{table} found", d.run("SELECT id FROM #{table} WHERE whole = ?", [12_345])
  saw "#{table} streamed", d.stream("SELECT id, words FROM #{table} ORDER BY id")
  ["SELECT nothing FROM #{table}", "SELEC * FROM #{table}", "INSERT INTO #{table} (id) VALUES (1)", "SELECT * FROM #{table} WHERE"].each do |wrong|
    begin
      d.run(wrong)
    rescue d.wrong => e
      saw "#{table} error", e.class, *d.told(e)
      next
    end
    raise "#{wrong} was taken"
  end
  d.run("DROP TABLE #{table}")
end

def tell(d)
  *where, mode, order = ARGV
  order = order.to_i
  d.connect(*where)
  if mode == 'kill'
    begin
      d.transaction { place(d, order) }
    rescue d.lost => e
      abort "an answer came: #{e}" unless d.lost?(e)
      puts 'ok killed'
      exit!(0)
    end
    abort 'COMMIT was answered'
  end
  raise 'SELECT 1' unless d.run('SELECT 1').first.first.to_i == 1
  puts "saw itself #{d.itself}"
  puts 'ok connect'
  d.transaction { d.run('UPDATE counters SET n = n + 1 WHERE id = ?', [0]) }
  puts 'ok one-backend'
  d.transaction { place(d, order) }
  expect(d, order, 1)
  puts 'ok two-backends'
  begin
    d.transaction { place(d, order + 1); throw :mind }
  rescue UncaughtThrowError
    expect(d, order + 1, 0)
  end
  puts 'ok rollback'
  begin
    d.transaction { place(d, order) }
    abort 'a second order of the same number was taken'
  rescue d.wrong => e
    raise unless d.duplicate?(e)
  end
  expect(d, order, 1)
  puts 'ok error-class'
  %w[desk visits].each { |table| look(d, table) }
  d.own
  d.close
  d.afterwards(where)
end
