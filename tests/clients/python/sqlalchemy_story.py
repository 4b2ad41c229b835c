"""The story as an application with SQLAlchemy's ORM tells it: mapped classes, relationships, generated keys, upserts."""

import datetime
import decimal
import sys

from sqlalchemy import BigInteger, DateTime, Numeric, String, Text, create_engine, delete, func, select, update
from sqlalchemy.exc import DBAPIError, IntegrityError
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, joinedload, mapped_column, relationship, selectinload

from story import itself


class Base(DeclarativeBase):
    pass


class Stock(Base):
    __tablename__ = "stock"
    item: Mapped[str] = mapped_column(String(40), primary_key=True)
    reserved: Mapped[int] = mapped_column(BigInteger)


class Order(Base):
    __tablename__ = "orders"
    id: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    item: Mapped[str] = mapped_column(String(40))
    agent: Mapped[str] = mapped_column(String(40))
    at: Mapped[datetime.datetime] = mapped_column(DateTime)
    stock: Mapped[Stock] = relationship(primaryjoin="foreign(Order.item) == Stock.item", viewonly=True)


class Counter(Base):
    __tablename__ = "counters"
    id: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    n: Mapped[int] = mapped_column(BigInteger)


class Agent(Base):
    __tablename__ = "agents"
    name: Mapped[str] = mapped_column(String(40), primary_key=True)
    order_id: Mapped[int | None] = mapped_column(BigInteger)
    assignments: Mapped[list["Assignment"]] = relationship(
        primaryjoin="Agent.name == foreign(Assignment.agent)", order_by="Assignment.order_id", back_populates="booked")


class Assignment(Base):
    __tablename__ = "assignments"
    order_id: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    agent: Mapped[str] = mapped_column(String(40))
    booked: Mapped[Agent] = relationship(primaryjoin="Agent.name == foreign(Assignment.agent)", back_populates="assignments")


class Tally(Base):
    __tablename__ = "tallies"
    id: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    n: Mapped[int] = mapped_column(BigInteger)


class Visit(Base):
    """Made by the application itself, with a key that the server generates."""

    __tablename__ = "visits"
    __table_args__ = {"mysql_charset": "utf8mb4"}
    id: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    agent: Mapped[str] = mapped_column(String(40))
    note: Mapped[str | None] = mapped_column(Text)
    done: Mapped[bool] = mapped_column(default=False)
    at: Mapped[datetime.datetime | None] = mapped_column(DateTime)
    fee: Mapped[decimal.Decimal | None] = mapped_column(Numeric(8, 2))


def place(session, number):
    session.get_one(Stock, "lamp").reserved += 1
    session.add(Order(id=number, item="lamp", agent="Ann", at=datetime.datetime(2024, 2, 29, 12, 30, 15)))
    session.get_one(Agent, "Ann").order_id = number
    session.add(Assignment(order_id=number, agent="Ann"))
    session.flush()


def count(engine, number):
    with Session(engine) as session:
        orders = session.scalar(select(func.count()).select_from(Order).where(Order.id == number))
        return orders, session.scalar(select(func.count(Assignment.order_id)).where(Assignment.order_id == number))


def visits(engine):
    """One service's own work: insert, read, change and delete with generated keys."""
    Visit.__table__.create(engine, checkfirst=False)
    noon = datetime.datetime(2024, 2, 29, 12)
    with Session(engine) as session:
        one = Visit(agent="Ann", note="it's \\ \"quoted\" 😀", at=noon, fee=decimal.Decimal("12.50"))
        session.add(one)
        session.flush()
        assert one.id == 1, one.id
        session.add_all([Visit(agent="Ben"), Visit(agent="Ann", done=True, fee=decimal.Decimal("0.05")), Visit(agent="Dee")])
        session.commit()
    with Session(engine) as session:
        found = session.scalars(select(Visit).where(Visit.agent == "Ann").order_by(Visit.id.desc())).all()
        assert [v.agent for v in found] == ["Ann", "Ann"] and found[0].done is True and found[1].done is False
        assert found[1].note == "it's \\ \"quoted\" 😀" and found[1].at == noon and found[1].fee == decimal.Decimal("12.50"), vars(found[1])
        found[1].note = None
        found[1].done = True
        session.flush()
        session.refresh(found[1])
        assert found[1].note is None and found[1].done is True
        assert session.scalar(select(func.sum(Visit.fee))) == decimal.Decimal("12.55")
        groups = session.execute(select(Visit.agent, func.count(Visit.id)).group_by(Visit.agent).order_by(Visit.agent)).all()
        assert [tuple(g) for g in groups] == [("Ann", 2), ("Ben", 1), ("Dee", 1)], groups
        assert session.execute(update(Visit).where(Visit.done.is_(False)).values(fee=1)).rowcount == 2
        assert session.execute(delete(Visit).where(Visit.agent.in_(["Ben", "Nobody"]))).rowcount == 1
        session.delete(found[0])
        session.commit()
    with Session(engine) as session:
        assert session.scalar(select(func.count()).select_from(Visit)) == 2
        page = session.scalars(select(Visit).order_by(Visit.id).limit(1).offset(1)).one()
        assert page.agent == "Dee" and page.fee == 1


def main(url, upsert):
    mode, order = sys.argv[6], int(sys.argv[7])
    engine = create_engine(url)
    if mode == "kill":
        try:
            with Session(engine) as session:
                place(session, order)
                session.commit()
            sys.exit("COMMIT was answered")
        except DBAPIError as error:
            assert error.connection_invalidated, error
            print("ok killed")
            return
    with engine.connect() as connection:
        assert connection.scalar(select(1)) == 1
    itself("SQLAlchemy")
    print("ok connect")
    with Session(engine) as session:
        session.get_one(Counter, 0).n += 1
        session.commit()
    visits(engine)
    print("ok one-backend")
    with Session(engine) as session:
        place(session, order)
        session.commit()
    assert count(engine, order) == (1, 1)
    with Session(engine) as session:
        agent = session.scalars(select(Agent).options(selectinload(Agent.assignments)).where(Agent.name == "Ann")).one()
        assert order in [a.order_id for a in agent.assignments]
        placed = session.scalars(select(Order).options(joinedload(Order.stock)).where(Order.id == order)).one()
        assert placed.stock.item == "lamp" and placed.at == datetime.datetime(2024, 2, 29, 12, 30, 15)
        booked = session.scalars(select(Assignment).join(Assignment.booked).where(Agent.name == "Ann", Assignment.order_id == order)).one()
        assert booked.booked is agent
        for table in (Tally, Counter):
            session.execute(upsert(table, [{"id": 7, "n": 70}, {"id": 8, "n": 80}]))
        session.commit()
    with Session(engine) as session:
        for table in (Tally, Counter):
            rows = session.execute(select(table.id, table.n).where(table.id >= 7).order_by(table.id)).all()
            assert [tuple(r) for r in rows] == [(7, 70), (8, 80)], rows
    print("ok two-backends")
    with Session(engine) as session:
        place(session, order + 1)
        session.rollback()
    assert count(engine, order + 1) == (0, 0)
    with Session(engine) as session, session.begin():
        place(session, order + 2)
        nested = session.begin_nested()
        session.add(Assignment(order_id=order, agent="Ann"))
        try:
            session.flush()
            sys.exit("a second assignment of the same number was taken")
        except IntegrityError:
            nested.rollback()
    assert count(engine, order + 2) == (1, 1)
    print("ok rollback")
    with Session(engine) as session:
        try:
            place(session, order)
            sys.exit("a second order of the same number was taken")
        except IntegrityError:
            session.rollback()
    assert count(engine, order) == (1, 1)
    print("ok error-class")
