# The mysql2 gem (the C client library): text and prepared statements, streams, several statements at once, automatic reconnects off.
begin
  require 'mysql2'
rescue LoadError
  exit 4
end
require 'bigdecimal'
require_relative 'story'

class Mysql2Driver
  def dialect = 'my'
  def itself = "mysql2 #{Mysql2::VERSION}"
  def duplicate?(error) = error.error_number == 1062
  def wrong = Mysql2::Error
  def lost = Mysql2::Error
  def lost?(error) = [nil, 2006, 2013, 2055].include?(error.error_number)
  def bytes(text) = text.b
  def told(error) = [error.error_number, error.sql_state, error.message]

  def open(host, port, user, password, database, **options)
    Mysql2::Client.new(host: host, port: port.to_i, username: user, password: password, database: database, encoding: 'utf8mb4', **options)
  end

  def connect(*where) = @conn = open(*where)

  def run(sql, values = [])
    return (@conn.query(sql, as: :array) || []).to_a if values.empty?

    statement = @conn.prepare(sql)
    (statement.execute(*values, as: :array) || []).to_a.tap { statement.close }
  end

  def transaction
    @conn.query('START TRANSACTION')
    yield.tap { @conn.query('COMMIT') }
  rescue Exception
    begin
      @conn.query('ROLLBACK')
    rescue Mysql2::Error
      # The connection is gone; the first error is told.
    end
    raise
  end

  def insert(sql, values)
    run(sql, values)
    @conn.last_id
  end

  def described(sql)
    result = @conn.query(sql)
    result.fields.zip(result.respond_to?(:field_types) ? result.field_types : [])
  end

  def stream(sql)
    count = 0
    @conn.query(sql, stream: true, cache_rows: false).each { count += 1 }
    count
  end

  def own
    @conn.query('UPDATE tallies SET n = n + 1 WHERE id < 4')
    saw 'info', @conn.query_info, @conn.affected_rows
    @conn.query('SELECT 1/0')
    saw 'warnings', @conn.warning_count, @conn.query('SHOW WARNINGS').to_a
    saw 'ping', @conn.ping, @conn.server_info[:version], @conn.query("SELECT TIMESTAMP '2024-02-29 12:00:00.25', DATE '2024-02-29', TIME '-12:30:15', 1.50, TRUE", as: :array).to_a
    saw 'escaped', @conn.escape(HARD)
  end

  def close = @conn.close

  def afterwards(where)
    { flags: Mysql2::Client::MULTI_STATEMENTS, init_command: "SET time_zone = '+09:00'", cast_booleans: true, found_rows: true }.each do |name, value|
      @conn = open(*where, name => value)
      transaction { %w[counters tallies].each { |table| @conn.query("UPDATE #{table} SET n = 7 WHERE id = 5"); saw name, @conn.affected_rows } }
      saw name, run("SELECT n, FROM_UNIXTIME(0), LENGTH(REPEAT('long ', 20000)), @@time_zone FROM tallies WHERE id = 5")
      if name == :flags
        several = [@conn.query('SELECT 1; UPDATE counters SET n = 9 WHERE id = 5; UPDATE tallies SET n = 9 WHERE id = 5; SELECT n FROM tallies WHERE id = 5', as: :array).to_a]
        several << @conn.store_result.to_a while @conn.next_result
        saw 'several', several
      end
      @conn.close
    end
  end
end

tell(Mysql2Driver.new)
