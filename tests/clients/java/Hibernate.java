import jakarta.persistence.Column;
import jakarta.persistence.Entity;
import jakarta.persistence.GeneratedValue;
import jakarta.persistence.GenerationType;
import jakarta.persistence.Id;
import jakarta.persistence.LockModeType;
import jakarta.persistence.PersistenceException;
import jakarta.persistence.Table;
import java.math.BigDecimal;
import java.time.LocalDate;
import java.time.LocalDateTime;
import java.util.function.Consumer;
import org.hibernate.Session;
import org.hibernate.SessionFactory;
import org.hibernate.cfg.Configuration;
import org.hibernate.exception.ConstraintViolationException;
import org.hibernate.exception.JDBCConnectionException;

/** The story as an application with Hibernate tells it; it makes the tables of its notes itself. */
final class Hibernate {
    @Entity
    @Table(name = "stock")
    static class Stock {
        @Id String item;
        long reserved;
    }

    @Entity(name = "Placed")
    @Table(name = "orders")
    static class Order {
        @Id long id;
        String item;
        String agent;
        LocalDateTime at;
    }

    @Entity
    @Table(name = "agents")
    static class Agent {
        @Id String name;
        @Column(name = "order_id") Long orderId;
    }

    @Entity
    @Table(name = "assignments")
    static class Assignment {
        @Id @Column(name = "order_id") long orderId;
        String agent;
    }

    @Entity
    @Table(name = "counters")
    static class Counter {
        @Id long id;
        long n;
    }

    @Entity
    @Table(name = "desk")
    static class Desk extends Note {
        @Id @GeneratedValue(strategy = GenerationType.IDENTITY) Long id;
    }

    @Entity
    @Table(name = "visits")
    static class Visit extends Note {
        @Id @GeneratedValue(strategy = GenerationType.IDENTITY) Long id;
    }

    @jakarta.persistence.MappedSuperclass
    static class Note {
        @Column(length = 40) String agent;
        @Column(length = 4000) String words;
        boolean done;
        LocalDateTime at;
        LocalDate day;
        @Column(precision = 12, scale = 3) BigDecimal fee;
        @Column(length = 600) byte[] raw;
        Double ratio;
    }

    private final SessionFactory factory;

    static void tell(String url, String[] a) {
        Hibernate all = new Hibernate(url, a, Stock.class, Order.class, Agent.class, Assignment.class, Counter.class, Desk.class, Visit.class);
        all.tell(a);
        if (a[5].equals("kill")) System.exit(0);
        Hibernate notes = new Hibernate(url, a, Desk.class, Visit.class);
        notes.factory.getSchemaManager().exportMappedObjects(false);
        notes.factory.close();
        // The catalogs of the home database say what a table is.
        Hibernate desk = new Hibernate(url, a, Desk.class);
        desk.factory.getSchemaManager().validateMappedObjects();
        desk.factory.close();
        all.look(Desk.class, Desk::new);
        all.look(Visit.class, Visit::new);
        all.in(s -> {
            s.createNativeMutationQuery("DROP TABLE desk").executeUpdate();
            s.createNativeMutationQuery("DROP TABLE visits").executeUpdate();
        });
        all.factory.close();
    }

    private Hibernate(String url, String[] a, Class<?>... entities) {
        Configuration configuration = new Configuration();
        for (Class<?> entity : entities) configuration.addAnnotatedClass(entity);
        configuration.setProperty("hibernate.connection.url", url);
        configuration.setProperty("hibernate.connection.username", a[2]);
        configuration.setProperty("hibernate.connection.password", a[3]);
        configuration.setProperty("hibernate.connection.pool_size", "2");
        configuration.setProperty("hibernate.jdbc.batch_size", "20");
        factory = configuration.buildSessionFactory();
    }

    void in(Consumer<Session> work) {
        factory.inTransaction(work);
    }

    static void place(Session s, long number) {
        s.find(Stock.class, "lamp").reserved++;
        Order order = new Order();
        order.id = number;
        order.item = "lamp";
        order.agent = "Ann";
        order.at = LocalDateTime.of(2024, 2, 29, 12, 30, 15);
        s.persist(order);
        s.find(Agent.class, "Ann", LockModeType.PESSIMISTIC_WRITE).orderId = number;
        Assignment assignment = new Assignment();
        assignment.orderId = number;
        assignment.agent = "Ann";
        s.persist(assignment);
        s.flush();
    }

    void expect(long number, long sides) {
        in(s -> {
            long orders = s.createSelectionQuery("select count(*) from Placed where id = :n", Long.class).setParameter("n", number).getSingleResult();
            long assignments = s.createSelectionQuery("select count(*) from Hibernate$Assignment where orderId = :n", Long.class).setParameter("n", number).getSingleResult();
            if (orders != sides || assignments != sides) throw new IllegalStateException("order " + number + ": " + orders + ", " + assignments);
        });
    }

    private void tell(String[] a) {
        long number = Long.parseLong(a[6]);
        if (a[5].equals("kill")) {
            try {
                in(s -> place(s, number));
            } catch (ConstraintViolationException error) {
                throw error;
            } catch (PersistenceException error) {
                System.out.println("ok killed");
                return;
            }
            throw new IllegalStateException("COMMIT was answered");
        }
        in(s -> s.createNativeQuery("SELECT 1", Integer.class).getSingleResult());
        Story.itself("Hibernate", org.hibernate.Version.getVersionString());
        System.out.println("ok connect");
        in(s -> s.find(Counter.class, 0L).n++);
        System.out.println("ok one-backend");
        in(s -> place(s, number));
        expect(number, 1);
        System.out.println("ok two-backends");
        try {
            in(s -> {
                place(s, number + 1);
                throw new UnsupportedOperationException("a change of mind");
            });
        } catch (UnsupportedOperationException mind) {
            expect(number + 1, 0);
        }
        System.out.println("ok rollback");
        try {
            in(s -> place(s, number));
            throw new IllegalStateException("a second order of the same number was taken");
        } catch (ConstraintViolationException error) {
            expect(number, 1);
        }
        System.out.println("ok error-class");
    }

    static void fill(Note note, int n) {
        note.agent = "a" + n;
        note.words = n == 0 ? Story.HARD : null;
        note.at = LocalDateTime.of(2024, 2, 29, 12, 30, 15, 250_000_000);
        note.day = LocalDate.of(2024, 2, 29);
        note.fee = new BigDecimal("12.5").add(BigDecimal.valueOf(n));
        note.raw = new byte[] {0, 1, (byte) 255, (byte) n};
        note.ratio = n == 0 ? 0.1 : null;
        note.done = n % 2 == 0;
    }

    void look(Class<? extends Note> kind, java.util.function.Supplier<? extends Note> made) {
        String name = kind.getSimpleName();
        String entity = kind.getName();
        in(s -> {
            for (int n = 0; n < 50; n++) {
                Note note = made.get();
                fill(note, n);
                s.persist(note);
                if (n % 25 == 0) Story.saw(name + " key", s.getIdentifier(note));
            }
        });
        in(s -> {
            for (Note note : s.createSelectionQuery("from " + entity + " where fee < :most order by id", kind).setParameter("most", new BigDecimal("14")).getResultList()) {
                Story.saw(name + " back", note.agent, note.words, note.done, note.at, note.day, note.fee, note.raw, note.ratio);
                note.words = "changed";
            }
        });
        in(s -> {
            Story.saw(name + " sums", s.createSelectionQuery("select count(*), sum(fee), max(at) from " + entity + " where done = true or words = 'changed'", Object[].class).getSingleResult());
            Story.saw(name + " page", s.createSelectionQuery("select agent from " + entity + " order by id desc", String.class).setFirstResult(10).setMaxResults(3).getResultList());
            Story.saw(name + " changed", s.createMutationQuery("update " + entity + " set words = 'much' where fee > 40").executeUpdate(), s.createMutationQuery("delete from " + entity + " where fee < 15").executeUpdate());
            try (java.util.stream.Stream<String> walk = s.createSelectionQuery("select agent from " + entity, String.class).setFetchSize(7).getResultStream()) {
                Story.saw(name + " walked", walk.count());
            }
        });
    }
}
