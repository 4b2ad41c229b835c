require("./knex_story")("mysql2");
