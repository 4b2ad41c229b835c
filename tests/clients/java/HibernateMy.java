/** Hibernate on MariaDB Connector/J. */
final class HibernateMy {
    public static void main(String[] a) {
        Hibernate.tell("jdbc:mariadb://" + a[0] + ":" + a[1] + "/" + a[4], a);
    }
}
