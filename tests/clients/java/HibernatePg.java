/** Hibernate on pgjdbc. */
final class HibernatePg {
    public static void main(String[] a) {
        Hibernate.tell("jdbc:postgresql://" + a[0] + ":" + a[1] + "/" + a[4] + "?sslmode=disable", a);
    }
}
