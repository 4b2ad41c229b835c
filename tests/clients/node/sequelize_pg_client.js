require("./sequelize_story")("postgres");
