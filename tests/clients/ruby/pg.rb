# ruby-pg (libpq): values apart, prepared by name, single-row mode, pipelines, COPY, notifications.
begin
  require 'pg'
rescue LoadError
  exit 4
end
require_relative 'story'

class PgDriver
  def dialect = 'pg'
  def itself = "ruby-pg #{PG::VERSION}"
  def duplicate?(error) = error.is_a?(PG::UniqueViolation)
  def wrong = PG::Error
  def lost = PG::Error
  def lost?(error) = error.is_a?(PG::ConnectionBad) || error.is_a?(PG::UnableToSend) || error.result.nil?
  def bytes(text) = { value: text.b, format: 1 }
  def told(error) = [error.result.error_field(PG::PG_DIAG_SQLSTATE), error.message, error.result.error_field(PG::PG_DIAG_STATEMENT_POSITION)]

  def open(host, port, user, password, database, **options)
    PG.connect(host: host, port: port, user: user, password: password, dbname: database, sslmode: 'disable', **options)
  end

  def connect(*where) = @conn = open(*where)

  def run(sql, values = [])
    (values.empty? ? @conn.exec(sql) : @conn.exec_params(numbered(sql), values)).values
  end

  def transaction(&work) = @conn.transaction { work.call }
  def insert(sql, values) = run("#{sql} RETURNING id", values).first.first

  def described(sql)
    result = @conn.exec(sql)
    result.fields.each_index.map { |n| [result.fname(n), result.ftype(n), result.fmod(n), result.fsize(n), result.fformat(n), result.ftablecol(n)] }
  end

  def stream(sql)
    @conn.send_query(sql)
    @conn.set_single_row_mode
    @conn.get_result.stream_each_row.count.tap { @conn.get_last_result }
  end

  def own
    conn = @conn
    conn.prepare('kept', 'UPDATE tallies SET n = $1 WHERE id = $2')
    described = conn.describe_prepared('kept')
    saw 'kept', 3.times.map { |n| conn.exec_prepared('kept', [n, 3]).cmd_status }, described.nparams, described.paramtype(0)
    conn.type_map_for_results = PG::BasicTypeMapForResults.new(conn)
    saw 'types', conn.exec_params("SELECT 1::int8, 1.5::numeric, true, NULL, $1::text, '{1,2}'::int[], '2024-02-29'::date", [HARD]).values
    saw 'binary', conn.exec_params('SELECT n FROM tallies WHERE id = $1', [3], 1).values
    conn.type_map_for_results = PG::TypeMapAllStrings.new
    conn.exec('CREATE TABLE desk (id int, words text)')
    conn.copy_data('COPY desk FROM STDIN CSV') { 500.times { |n| conn.put_copy_data("#{n},words #{n}\n") } }
    out = []
    conn.copy_data('COPY (SELECT * FROM desk ORDER BY id LIMIT 3) TO STDOUT') { while (line = conn.get_copy_data) do out << line end }
    saw 'copied', out, conn.exec('SELECT COUNT(*) FROM desk').values
    conn.exec('DROP TABLE desk')
    conn.enter_pipeline_mode
    conn.send_query_params('UPDATE counters SET n = $1 WHERE id = 4', [4])
    conn.send_query_params('UPDATE tallies SET n = $1 WHERE id = 4', [4])
    conn.send_query_params('SELECT n FROM nowhere WHERE id = $1', [4])
    conn.pipeline_sync
    results = []
    while results.last != PG::PGRES_PIPELINE_SYNC
      result = conn.get_result
      results << result.result_status if result
    end
    conn.exit_pipeline_mode
    saw 'pipeline', results, conn.exec('SELECT n FROM tallies WHERE id = 4').values
    conn.exec('LISTEN news')
    conn.exec("SELECT pg_notify('news', 'hello')")
    conn.wait_for_notify(10) { |channel, _, payload| saw 'told', channel, payload }
    notices = []
    conn.set_notice_processor { |notice| notices << notice }
    conn.exec("DO $$ BEGIN RAISE NOTICE 'look'; END $$")
    saw 'notices', notices
    saw 'status', conn.transaction_status, conn.server_version, conn.parameter_status('DateStyle'), conn.internal_encoding
    conn.reset
    saw 'reset', conn.exec('SELECT 1').values
  end

  def close = @conn.close

  def afterwards(where)
    conn = open(*where, options: '-c timezone=Asia/Tokyo', client_encoding: 'LATIN1')
    # Where texts are in another character set, a table on the other engine is refused; this one is at home.
    conn.transaction { conn.exec('UPDATE counters SET n = 7 WHERE id = 5') }
    saw 'latin', conn.exec_params("SELECT n, $1::text, current_setting('timezone'), '#{'é'.encode('ISO-8859-1')}' FROM counters WHERE id = 5".encode('ISO-8859-1'), ['é']).values, conn.internal_encoding
    conn.close
  end
end

tell(PgDriver.new)
