using System.Data.Common;
using Akka.Configuration;
using Akka.Persistence.Sql;
using FedActors.Actors.Configuration;
using FedActors.Core;
using Microsoft.Data.Sqlite;

namespace FedActors.Actors.Storage;

/// <summary>
/// Where a node's journal and its blobs are: a SQLite file, a database on a server, or this process's memory, which
/// forgets.
/// </summary>
public sealed class StateDatabase
{
    private const string Memory = ":memory:";

    // unique_violation, duplicate_table, duplicate_object: PostgreSQL, appendix A of its manual
    private static readonly string[] MadeMeanwhile = ["23505", "42P07", "42710"];

    private readonly Func<DbConnection> _connect;
    private readonly string _provider;
    private readonly string _blobTable;

    /// <param name="provider">As the library below calls it. An unknown name is not refused there, it guesses: hence
    /// ours only.</param>
    /// <param name="connect">Makes a connection that is not open yet.</param>
    /// <param name="blobTable">Its columns in this database's words.</param>
    internal StateDatabase(string provider, string connectionString, Func<DbConnection> connect, string blobTable) =>
        (_provider, ConnectionString, _connect, _blobTable) = (provider, connectionString, connect, blobTable);

    /// <summary>For benchmarks and tests that have nothing to resume.</summary>
    public static StateDatabase InMemory { get; } = OfFile(Memory);

    /// <summary>
    /// Another class for the journal: a test build of a node watches and disturbs its own writes with it.
    /// </summary>
    internal static string? JournalClass { get; set; }

    public string ConnectionString { get; }

    /// <summary>
    /// Takes the lead, and gives the database as the leader writes to it, with the epoch that began; a file has one
    /// writer anyway.
    /// </summary>
    internal Func<StateDatabase, (StateDatabase Database, long Epoch)> Claim { get; init; } = database => (database, 0);

    /// <summary>Opens what a node file describes, before any actor needs it.</summary>
    /// <param name="folder">Of the node: where a file would be.</param>
    /// <exception cref="FaultException">It cannot be opened or written, or would not keep what it is given.</exception>
    public static StateDatabase Open(StoragePlan plan, string folder) =>
        plan.Postgresql is { } server ? PostgresDatabase.Open(server) : Open(Path.Combine(folder, "state.db"));

    /// <summary>Opens or makes the file, in WAL mode, before any actor needs it.</summary>
    /// <exception cref="FaultException">It cannot be opened, written, or is no database.</exception>
    public static StateDatabase Open(string path)
    {
        var database = OfFile(path);
        try
        {
            using var connection = database.Connect();
            using var command = connection.CreateCommand();
            // WAL is a property of the file, not of a connection: 1.2 ms a write instead of 4.2 ms.
            command.CommandText = "PRAGMA journal_mode = WAL";
            command.ExecuteNonQuery();
        }
        catch (SqliteException e)
        {
            throw new FaultException(ExitCode.Failed, new Fault(FaultNumber.OutputUnwritable,
                $"The journal cannot be opened: {e.Message.TrimEnd('.')}.", path,
                "Give a folder that can be written, with room on its disk; what was committed there stays readable."));
        }
        return database;
    }

    /// <summary>An open connection to a database that has a table for blobs.</summary>
    /// <exception cref="DbException">It cannot be reached or written.</exception>
    public DbConnection Connect()
    {
        var connection = _connect();
        try
        {
            connection.Open();
            using var command = connection.CreateCommand();
            command.CommandText = $"CREATE TABLE IF NOT EXISTS blobs {_blobTable}";
            try
            {
                command.ExecuteNonQuery();
            }
            // Of two nodes that make it at the same moment PostgreSQL refuses one; then it is there.
            catch (DbException e) when (MadeMeanwhile.Contains(e.SqlState, StringComparer.Ordinal))
            {
                command.ExecuteNonQuery();
            }
            return connection;
        }
        catch
        {
            connection.Dispose();
            throw;
        }
    }

    /// <summary>A journal in this database beside the configured one, under a plugin id of its own.</summary>
    public Config JournalConfig(string pluginId) =>
        PersistenceConfig().GetConfig("akka.persistence.journal.sql").Root.AtKey(pluginId);

    /// <summary>Akka.Persistence settings for this database.</summary>
    public Config PersistenceConfig()
    {
        if (this == InMemory)
            return ConfigurationFactory.ParseString("""
                akka.persistence {
                  journal.plugin = "akka.persistence.journal.inmem"
                  snapshot-store.plugin = "akka.persistence.snapshot-store.inmem"
                }
                """);
        var quoted = System.Text.Json.JsonSerializer.Serialize(ConnectionString);
        return ConfigurationFactory.ParseString($$"""
            akka.persistence {
              journal {
                plugin = "akka.persistence.journal.sql"
                sql {
                  {{(JournalClass is null ? "" : $"class = \"{JournalClass}\"")}}
                  connection-string = {{quoted}}, provider-name = "{{_provider}}"
                  # One writer: SQLite has no more, and a second would only find it busy. Nobody here has two writes at
                  # once.
                  parallelism = 1
                  # A database that is back is used again soon.
                  circuit-breaker { max-failures = 10, call-timeout = 15s, reset-timeout = 5s }
                }
              }
              snapshot-store {
                plugin = "akka.persistence.snapshot-store.sql"
                sql { connection-string = {{quoted}}, provider-name = "{{_provider}}" }
              }
            }
            """).WithFallback(SqlPersistence.DefaultConfiguration);
    }

    private static StateDatabase OfFile(string path)
    {
        var connection = new SqliteConnectionStringBuilder { DataSource = path, DefaultTimeout = 30 }.ToString();
        return new StateDatabase(
            "SQLite.MS", connection, () => new SqliteConnection(connection),
            "(sha256 TEXT PRIMARY KEY, bytes BLOB NOT NULL) WITHOUT ROWID");
    }
}
