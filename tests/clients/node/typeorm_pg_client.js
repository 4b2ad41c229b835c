require("./typeorm_story")("postgres");
