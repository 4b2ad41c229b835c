require("./sequelize_story")("mysql");
