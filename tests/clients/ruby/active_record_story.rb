# The story as an application with ActiveRecord tells it: models, nested transactions, bulk work, migrations, schema questions.
begin
  require 'active_record'
rescue LoadError
  exit 4
end
require_relative 'story'

class Base < ActiveRecord::Base
  self.abstract_class = true
end

{ 'Stock' => ['stock', 'item'], 'Order' => ['orders', 'id'], 'Agent' => ['agents', 'name'], 'Assignment' => ['assignments', 'order_id'], 'Counter' => ['counters', 'id'], 'Tally' => ['tallies', 'id'], 'Desk' => ['desk', 'id'], 'Visit' => ['visits', 'id'] }.each do |name, (table, key)|
  Object.const_set(name, Class.new(Base) { self.table_name = table; self.primary_key = key })
end

def place_by_models(number)
  Stock.where(item: 'lamp').update_all('reserved = reserved + 1')
  Order.create!(id: number, item: 'lamp', agent: 'Ann', at: Time.utc(2024, 2, 29, 12, 30, 15))
  Agent.lock.find('Ann').update!(order_id: number)
  Assignment.create!(order_id: number, agent: 'Ann')
end

def expect_by_models(number, sides)
  found = [Order.where(id: number).count, Assignment.where(order_id: number).count]
  raise "order #{number}: #{found}" if found != [sides, sides]
end

def look_by_models(table, model)
  connection = Base.connection
  connection.create_table(table) do |t|
    t.string :agent, limit: 40
    t.text :note
    t.boolean :done, default: false
    t.datetime :at, precision: 6
    t.date :day
    t.decimal :fee, precision: 8, scale: 2
    t.float :ratio
  end
  connection.add_index(table, :agent) if table == :desk
  model.reset_column_information
  one = model.create!(agent: 'Ann', note: HARD, at: Time.utc(2024, 2, 29, 12, 30, 15, 250_000), day: Date.new(2024, 2, 29), fee: '12.50', ratio: 0.1)
  saw "#{table} key", one.id
  model.insert_all!(50.times.map { |n| { agent: "a#{n}", done: n.even?, fee: n } })
  saw "#{table} back", *one.reload.attributes.values
  saw "#{table} sums", model.where(done: true).sum(:fee), model.count, model.group(:done).count.to_a, model.average(:fee)
  saw "#{table} page", model.order(id: :desc).offset(10).limit(3).pluck(:agent, :fee), model.where('note LIKE ?', '%quoted%').exists?
  saw "#{table} walked", model.find_each(batch_size: 7).count
  saw "#{table} upsert", model.find_or_create_by!(agent: 'Zoe').id > 0, model.where('fee > 40').update_all(note: 'much'), model.where('fee < 5').delete_all
  if table == :desk
    saw "#{table} schema", *connection.columns(table).map { |c| [c.name, c.sql_type, c.null, c.default] }, connection.indexes(table).map(&:columns), connection.primary_key(table), connection.table_exists?(table)
    connection.add_column(table, :more, :integer, default: 3)
    model.reset_column_information
    saw "#{table} more", model.first.more
  end
  connection.drop_table(table)
end

def tell_by_models(adapter, **options)
  host, port, user, password, database, mode, order = ARGV
  order = order.to_i
  ActiveRecord::Base.establish_connection(adapter: adapter, host: host, port: port.to_i, username: user, password: password, database: database, pool: 2, **options)
  if mode == 'kill'
    begin
      Base.transaction { place_by_models(order) }
    rescue ActiveRecord::RecordNotUnique => e
      abort "an answer came: #{e}"
    rescue ActiveRecord::StatementInvalid, ActiveRecord::ConnectionNotEstablished
      puts 'ok killed'
      exit!(0)
    end
    abort 'COMMIT was answered'
  end
  raise 'SELECT 1' unless Base.connection.select_value('SELECT 1') == 1
  puts "saw itself ActiveRecord #{ActiveRecord::VERSION::STRING}"
  puts 'ok connect'
  Base.transaction { Counter.find(0).increment!(:n) }
  puts 'ok one-backend'
  Base.transaction do
    place_by_models(order)
    begin
      Base.transaction(requires_new: true) { Assignment.create!(order_id: order, agent: 'Ben') }
      abort 'a second assignment of the same number was taken'
    rescue ActiveRecord::RecordNotUnique
      Tally.find(3).update!(n: 3)
    end
  end
  expect_by_models(order, 1)
  puts 'ok two-backends'
  Base.transaction { place_by_models(order + 1); raise ActiveRecord::Rollback }
  expect_by_models(order + 1, 0)
  puts 'ok rollback'
  begin
    Base.transaction { place_by_models(order) }
    abort 'a second order of the same number was taken'
  rescue ActiveRecord::RecordNotUnique
    expect_by_models(order, 1)
  end
  puts 'ok error-class'
  look_by_models(:desk, Desk)
  look_by_models(:visits, Visit)
  Base.transaction(isolation: :repeatable_read) { saw 'isolation', Counter.find(3).n, Tally.find(3).n }
  saw 'locked', Base.connection.get_advisory_lock(7), Base.connection.release_advisory_lock(7)
  Base.connection.reset!
  saw 'reset', Tally.find(3).n
  ActiveRecord::Base.connection_pool.disconnect!
end
