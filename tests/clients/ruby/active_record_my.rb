begin
  require 'mysql2'
rescue LoadError
  exit 4
end
require_relative 'active_record_story'
tell_by_models 'mysql2', encoding: 'utf8mb4'
