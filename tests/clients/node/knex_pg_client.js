require("./knex_story")("pg");
