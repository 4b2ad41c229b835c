require("./typeorm_story")("mysql");
