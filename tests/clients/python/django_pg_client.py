from django_story import main

main("postgresql", OPTIONS={"sslmode": "disable"})
