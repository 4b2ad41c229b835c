from django_story import main

main("mysql", OPTIONS={"charset": "utf8mb4"})
