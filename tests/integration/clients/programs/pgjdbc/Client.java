import java.sql.*;
import java.util.*;

/** What a program does with pgjdbc. Argument: a URL. Prints a line for each thing that it found. */
class Client {
    static final String TYPES = "SELECT p.*, t.j, t.jb, t.by, t.u, a.ints, a.texts, a.nums FROM nasty.people p"
            + " JOIN nasty.things t ON t.id = p.id JOIN nasty.arrays a ON a.id = p.id WHERE p.id > ? ORDER BY p.id";
    static final String SLOW = "SELECT count(*) FROM lineitem a, lineitem b, lineitem c"
            + " WHERE a.l_comment < b.l_comment || c.l_comment";

    public static void main(String[] arguments) throws Exception {
        for (String mode : List.of("simple", "extended")) {
            for (boolean binary : List.of(false, true)) {
                String options = "?user=analyst&options=-c%20TimeZone=UTC&preferQueryMode=" + mode + "&binaryTransfer=" + binary
                        + "&prepareThreshold=" + (binary ? -1 : 2);
                try (Connection connection = DriverManager.getConnection(arguments[0] + options)) {
                    System.out.println("-- " + mode + ", binary " + binary);
                    run(connection);
                }
            }
        }
    }

    static void run(Connection connection) throws Exception {
        try (Statement statement = connection.createStatement()) {
            System.out.println("simple " + rows(statement.executeQuery("SELECT * FROM region ORDER BY 1")));
        }
        try (PreparedStatement prepared = connection.prepareStatement(TYPES)) {
            for (int from = 0; from < 8; from++) {
                prepared.setInt(1, from);
                System.out.println("prepared " + rows(prepared.executeQuery()));
            }
        }
        connection.setAutoCommit(false);
        try (Statement cursor = connection.createStatement()) {
            cursor.setFetchSize(7000);
            ResultSet found = cursor.executeQuery("SELECT l_orderkey FROM lineitem CROSS JOIN (VALUES (1), (2)) v(copy)");
            long count = 0, sum = 0;
            for (; found.next(); count++) sum += found.getLong(1);
            System.out.println("cursor " + count + " " + sum);
        }
        try (Statement failing = connection.createStatement()) {
            fails(failing, "SELECT 1 / (id - 1) FROM nasty.people");
            fails(failing, "SELECT 1");
            connection.rollback();
            fails(failing, "SELECT nope FROM region");
            connection.rollback();
            Thread other = new Thread(() -> {
                try {
                    Thread.sleep(500);
                    failing.cancel();
                } catch (Exception error) {
                    System.out.println(error);
                }
            });
            other.start();
            fails(failing, SLOW);
            other.join();
            connection.rollback();
            System.out.println("after " + rows(failing.executeQuery("SELECT count(*) FROM region")));
        }
        connection.setAutoCommit(true);
        DatabaseMetaData told = connection.getMetaData();
        System.out.println("keys " + rows(told.getPrimaryKeys(null, "public", "lineitem")));
        System.out.println("columns " + names(told.getColumns(null, "nasty", "%", "%")));
    }

    static void fails(Statement statement, String query) {
        try {
            statement.executeQuery(query);
            System.out.println("no error");
        } catch (SQLException error) {
            System.out.println("error " + error.getSQLState());
        }
    }

    static List<String> names(ResultSet found) throws SQLException {
        List<String> all = new ArrayList<>();
        while (found.next()) {
            all.add(found.getString("TABLE_NAME") + "." + found.getString("COLUMN_NAME") + " " + found.getString("TYPE_NAME")
                    + " " + found.getInt("COLUMN_SIZE") + " " + found.getString("IS_NULLABLE"));
        }
        return all;
    }

    static List<List<String>> rows(ResultSet found) throws SQLException {
        List<List<String>> all = new ArrayList<>();
        ResultSetMetaData columns = found.getMetaData();
        while (found.next()) {
            List<String> row = new ArrayList<>();
            for (int i = 1; i <= columns.getColumnCount(); i++) {
                Object value = found.getObject(i);
                row.add(value instanceof byte[] bytes ? Arrays.toString(bytes) : String.valueOf(value));
            }
            all.add(row);
        }
        return all;
    }
}
