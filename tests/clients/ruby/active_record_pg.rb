begin
  require 'pg'
rescue LoadError
  exit 4
end
require_relative 'active_record_story'
tell_by_models 'postgresql', sslmode: 'disable'
